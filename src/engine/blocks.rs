//! Up to which block of the chain everything that was told is durable: from there a restart has it told again. Plain data.

use std::collections::{BTreeMap, BTreeSet};

/// Blocks whose news were lost that are remembered at most; the earliest matter.
const LOST: usize = 1024;

/// Which blocks were told of, and how that went.
pub struct Blocks {
    /// The greatest of which something is durable.
    done: u64,
    /// Being taken in, or waiting for it: how often.
    under_way: BTreeMap<u64, usize>,
    /// Told, and not taken by the store: to be told again.
    lost: BTreeSet<u64>,
}

impl Blocks {
    pub fn new(done: u64) -> Self {
        Blocks { done, under_way: BTreeMap::new(), lost: BTreeSet::new() }
    }

    /// Something of a block is told.
    pub fn told(&mut self, block: u64) {
        let times = self.under_way.entry(block).or_default();
        *times = times.saturating_add(1);
    }

    /// It is durable, or was lost. `None`: another thread is about to take it in.
    pub fn ended(&mut self, block: u64, durable: Option<bool>) {
        if let Some(times) = self.under_way.get_mut(&block) {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.under_way.remove(&block);
            }
        }
        match durable {
            Some(true) => {
                self.done = self.done.max(block);
                self.lost.remove(&block);
            }
            Some(false) => {
                self.lost.insert(block);
                if self.lost.len() > LOST {
                    self.lost.pop_last();
                }
            }
            None => {}
        }
    }

    /// The greatest block before which nothing is missing, if what `mine` tells becomes durable now.
    pub fn seen(&self, mine: Option<u64>) -> u64 {
        let best = self.done.max(mine.unwrap_or(0));
        let only_mine = |(block, times): &(&u64, &usize)| mine == Some(**block) && **times == 1;
        let waiting = self.under_way.iter().find(|entry| !only_mine(entry)).map(|(block, _)| *block);
        let lost = self.lost.iter().copied().find(|block| mine != Some(*block));
        let missing = waiting.into_iter().chain(lost).min();
        missing.map_or(best, |block| best.min(block.saturating_sub(1)))
    }
}
