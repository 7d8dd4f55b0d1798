//! Events of the chain that the store refused before any sale was told: kept in memory, in their order, until it takes them. Plain data.

use super::told::{News, Told};
use crate::market::Id;
use std::collections::{BTreeSet, VecDeque};

/// Events that are kept at most.
pub const KEPT_LIMIT: usize = 4096;

/// The events, those told first in front.
#[derive(Default)]
pub struct Kept(VecDeque<Told>);

impl Kept {
    /// Keeps an event behind all others; false: too many are.
    pub fn put(&mut self, told: Told) -> bool {
        let has_room = self.0.len() < KEPT_LIMIT;
        if has_room {
            self.0.push_back(told);
        }
        has_room
    }

    /// Keeps one that was taken out and could not be taken in: it stays before those of its request.
    pub fn put_back(&mut self, told: Told) {
        self.0.push_front(told);
    }

    /// Takes out the first of a request, or of any; not of those that were tried.
    pub fn take(&mut self, of: Option<&Id>, tried: &BTreeSet<Id>) -> Option<Told> {
        let wanted = |told: &Told| of.is_none_or(|of| told.request == *of) && !tried.contains(&told.request);
        self.0.iter().position(wanted).and_then(|at| self.0.remove(at))
    }

    /// What is told again, or taken back, need not be kept. Answers what of it counts for a block.
    pub fn forget(&mut self, told: &Told) -> Vec<News> {
        let same = |kept: &Told| {
            let of_block = kept.at.block == told.at.block || told.at.removed && told.at.block == 0;
            let same = (kept.request, kept.index, kept.what) == (told.request, told.index, told.what);
            same && of_block && (kept.at.removed == told.at.removed || told.at.removed)
        };
        let gone: Vec<News> = self.0.iter().filter(|kept| same(kept)).map(News::of_event).collect();
        self.0.retain(|kept| !same(kept));
        gone.into_iter().filter(|news| !news.removed).collect()
    }

    /// Takes out all.
    pub fn take_all(&mut self) -> VecDeque<Told> {
        std::mem::take(&mut self.0)
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
