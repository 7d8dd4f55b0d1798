//! Up to which block of the chain everything that was told is durable: from there a restart has it told again. Plain data.

use super::told::News;
use std::collections::{BTreeMap, BTreeSet};

/// News that were lost that are remembered one by one at most.
const LOST: usize = super::kept::KEPT_LIMIT;

/// Which blocks were told of, and how that went.
pub struct Blocks {
    /// The greatest of which something is durable.
    done: u64,
    /// Being taken in, or waiting for it: how often.
    under_way: BTreeMap<u64, usize>,
    /// Told, and not taken by the store: to be told again.
    lost: BTreeSet<News>,
    /// The block of the earliest that was too much to remember: it counts as lost for the life of the instance.
    too_many: Option<u64>,
}

impl Blocks {
    pub fn new(done: u64) -> Self {
        Blocks { done, under_way: BTreeMap::new(), lost: BTreeSet::new(), too_many: None }
    }

    /// Something of a block is told.
    pub fn told(&mut self, block: u64) {
        let times = self.under_way.entry(block).or_default();
        *times = times.saturating_add(1);
    }

    /// It is durable, or was lost. `None`: it is kept in memory, and was told once more for that.
    pub fn ended(&mut self, news: News, durable: Option<bool>) {
        if let Some(times) = self.under_way.get_mut(&news.block) {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.under_way.remove(&news.block);
            }
        }
        match durable {
            Some(true) => {
                self.done = self.done.max(news.block);
                self.lost.remove(&news);
            }
            Some(false) => {
                self.lost.insert(news);
                if self.lost.len() > LOST {
                    let latest = self.lost.pop_last().map(|news| news.block);
                    self.too_many = self.too_many.into_iter().chain(latest).min();
                }
            }
            None => {}
        }
    }

    /// Something was taken back: there is nothing to be told again.
    pub fn taken_back(&mut self, removal: &News) {
        self.lost.retain(|news| !removal.takes_back(news));
    }

    /// The greatest block before which nothing is missing, if what `mine` tells becomes durable now.
    pub fn seen(&self, mine: Option<News>) -> u64 {
        let best = self.done.max(mine.map_or(0, |news| news.block));
        let only_mine =
            |(block, times): &(&u64, &usize)| mine.is_some_and(|news| news.block == **block) && **times == 1;
        let waiting = self.under_way.iter().find(|entry| !only_mine(entry)).map(|(block, _)| *block);
        let lost = self.lost.iter().find(|news| mine != Some(**news)).map(|news| news.block);
        let missing = waiting.into_iter().chain(lost).chain(self.too_many).min();
        missing.map_or(best, |block| best.min(block.saturating_sub(1)))
    }
}
