//! What calls left over, for the next ones to go on with.

use super::work::Work;
use std::collections::VecDeque;

/// What was told comes before what the next call tells; what only follows has time.
#[derive(Default)]
pub struct Backlog {
    told: VecDeque<Work>,
    follows: VecDeque<Work>,
}

impl Backlog {
    /// Nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && self.follows.is_empty()
    }

    /// What a call did not do.
    pub fn extend(&mut self, rest: VecDeque<Work>) {
        for work in rest {
            if work.is_told() { &mut self.told } else { &mut self.follows }.push_back(work);
        }
    }

    /// How many things the host has told.
    pub fn told(&self) -> usize {
        self.told.len()
    }

    /// The first that the host has told.
    pub fn pop_told(&mut self) -> Option<Work> {
        self.told.pop_front()
    }

    /// The first of all.
    pub fn pop(&mut self) -> Option<Work> {
        self.told.pop_front().or_else(|| self.follows.pop_front())
    }
}
