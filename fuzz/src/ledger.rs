//! The ledger against the plain model of the simulator: operations that interleave, every fault of the store and the repo, crashes, starts. The
//! input makes the choices that a seed makes there.

use super::tape;

/// One input: the choices of one life.
pub fn run(data: &[u8]) {
    tape::play(data, super::simulated_ledger::run);
}
