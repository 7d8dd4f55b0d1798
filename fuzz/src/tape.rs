//! An input as the simulator's tape. Four bytes are a move: its first two choices, and a seed for the others, since moves differ in how many they
//! make and a tape of zeros is one without faults.

use super::outcome::Outcome;
use super::rng::{Rng, Tape};

/// Choices of a move; of the world's making, and of its end, there are as many as there are.
const CHOICES: usize = 48;

fn choices(given: &[u8], seed: u64) -> Vec<u64> {
    let mut random = Rng::new(seed);
    // As many values as a chance has.
    let given = given.iter().map(|byte| u64::from(*byte) * 999 / 255);
    given.chain(std::iter::repeat_with(|| random.next())).take(CHOICES).collect()
}

fn tape(data: &[u8]) -> Tape {
    let (making, moves) = data.split_at(data.len().min(24));
    // The last values of the first choice make a world too large to be run often.
    let making: Vec<u8> = making.iter().map(|byte| byte.min(&252)).copied().collect();
    let mut tape = vec![choices(&making, 1)];
    tape.extend(moves.chunks(4).map(|four| {
        let (given, seed) = four.split_at(four.len().min(2));
        choices(given, seed.iter().fold(7, |seed, byte| seed << 8 | u64::from(*byte)))
    }));
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
