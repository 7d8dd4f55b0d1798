//! What a run came to, and the sum of many.

use crate::rng::Tape;
use sales::sales::sale::State;
use std::collections::BTreeMap;

/// Moves of sales between states, and how many. From `None`: there was no sale.
pub type Moves = BTreeMap<(Option<State>, State), u64>;

#[derive(Default)]
pub struct Outcome {
    pub steps: u64,
    pub counts: BTreeMap<&'static str, u64>,
    pub moves: Moves,
    pub trace: Vec<String>,
    pub violation: Option<String>,
    pub tape: Tape,
}

impl Outcome {
    /// Adds the figures of another.
    pub fn add(&mut self, other: &Outcome) {
        self.steps += other.steps;
        other.counts.iter().for_each(|(what, n)| *self.counts.entry(what).or_default() += n);
        other.moves.iter().for_each(|(step, n)| *self.moves.entry(*step).or_default() += n);
    }
}
