//! An input as the simulator's tape: a byte is a choice, and each move begins with how many it makes. What is missing is harmless.

use super::outcome::Outcome;
use super::rng::{Rng, Tape};

/// Choices of the world's making, at most.
const MAKING: usize = 255;
/// Choices of a move, at most.
const MOVE: usize = 31;

fn tape(data: &[u8]) -> Tape {
    let (mut tape, mut rest, mut most) = (Tape::new(), data, MAKING);
    while let Some((len, behind)) = rest.split_first() {
        let (choices, next) = behind.split_at((usize::from(*len) & most).min(behind.len()));
        // As many as there are values of a chance, of which the last are the faults; the very last makes a world too large to be run often.
        let last = if tape.is_empty() { 989 } else { 999 };
        tape.push(choices.iter().map(|byte| u64::from(*byte) * last / 255).collect());
        (rest, most) = (next, MOVE);
    }
    if tape.is_empty() {
        tape.push(Vec::new());
    }
    tape
}

/// Plays one input, and tells the violation with what led to it.
pub fn play(data: &[u8], run: fn(u64, Rng, bool) -> Outcome) {
    let told = std::env::var_os("SALES_FUZZ_TRACE").is_some();
    let outcome = run(1, Rng::playing(1, tape(data)), told);
    outcome.trace.iter().for_each(|line| println!("    {line}"));
    if let Some(violation) = outcome.violation {
        panic!("{violation}");
    }
}
