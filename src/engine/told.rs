//! What the chain tells: an event, where it was seen, and what of it counts for a block. Plain data.

use crate::market::{slot_id, Id};
use crate::sales::step::Happened;

/// Where in the chain something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// The block.
    pub block: u64,
    /// Its time; 0: unknown.
    pub time: u64,
    /// Which log of the block.
    pub log: u64,
    /// The log was taken back.
    pub removed: bool,
}

/// An event of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Where.
    pub at: At,
    /// Of which request.
    pub request: Id,
    /// Of which slot of it; `None`: of all.
    pub index: Option<u64>,
    /// What happened; `None`: it was asked for.
    pub what: Option<Happened>,
}

impl Told {
    /// Its slot; zero where it is of all.
    pub fn slot(&self) -> Id {
        self.index.map_or(Id::ZERO, |index| slot_id(&self.request, index))
    }

    /// What of it counts for a block.
    pub fn news(&self) -> News {
        News { index: self.index, what: self.what, ..News::of_ask(&self.at, &self.request) }
    }

    /// By it the whole request is over.
    pub fn is_end(&self) -> bool {
        self.news().is_end()
    }
}

/// By this a whole request is over.
pub fn ends_all(what: Happened) -> bool {
    matches!(what, Happened::RequestCancelled | Happened::RequestFailed | Happened::RequestEnded)
}

/// A telling of it: told again, that is another. 0: it was kept, and is tried.
pub type Telling = (News, u64);

/// One thing that the chain told: told again, it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    /// Its block.
    pub block: u64,
    log: u64,
    /// It was taken back: no block counts as seen by that.
    pub removed: bool,
    /// Of which request.
    pub of: Id,
    index: Option<u64>,
    /// `None`: it was asked for.
    pub what: Option<Happened>,
}

impl News {
    pub fn of_ask(at: &At, request: &Id) -> News {
        News { block: at.block, log: at.log, removed: at.removed, of: *request, index: None, what: None }
    }

    /// What takes it back.
    pub fn removal(&self) -> News {
        News { removed: true, ..*self }
    }

    /// By it the whole request is over.
    pub fn is_end(&self) -> bool {
        !self.removed && self.what.is_some_and(ends_all)
    }

    /// By it an end of the whole request is taken back.
    pub fn takes_back_end(&self) -> bool {
        self.removed && self.what.is_some_and(ends_all)
    }

    /// The same happened, in whichever block.
    pub fn is_like(&self, other: &News) -> bool {
        (self.of, self.index, self.what) == (other.of, other.index, other.what)
    }

    /// By this, the other is taken back. A host that knows no block, or no log, means each.
    pub fn takes_back(&self, other: &News) -> bool {
        let same = |mine: u64, its: u64| mine == 0 || mine == its;
        let of_log = self.block == 0 || same(self.log, other.log);
        self.removed && !other.removed && self.is_like(other) && same(self.block, other.block) && of_log
    }
}
