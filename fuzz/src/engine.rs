//! The whole engine in the simulator's world: its host, chain, content and disk have truths of their own, and the input makes the choices.

use super::simulated_engine::truth::Crash;
use super::tape;
use std::panic::PanicHookInfo;

/// One input: the choices of one world.
pub fn run(data: &[u8]) {
    tape::play(data, super::simulated_engine::run);
}

/// A process that dies in the simulator unwinds; that is no defect.
pub fn is_crash(info: &PanicHookInfo<'_>) -> bool {
    info.payload().is::<Crash>()
}
