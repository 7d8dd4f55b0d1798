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
    /// What happened.
    pub what: Happened,
}

impl Told {
    /// Its slot; zero where it is of all.
    pub fn slot(&self) -> Id {
        self.index.map_or(Id::ZERO, |index| slot_id(&self.request, index))
    }
}

/// One thing that the chain told: told again, it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    /// Its block.
    pub block: u64,
    /// It was taken back: no block counts as seen by that.
    pub removed: bool,
    of: Id,
    index: Option<u64>,
    what: Option<Happened>,
}

impl News {
    pub fn of_ask(at: &At, request: &Id) -> News {
        News { block: at.block, removed: at.removed, of: *request, index: None, what: None }
    }

    pub fn of_event(told: &Told) -> News {
        News { index: told.index, what: Some(told.what), ..News::of_ask(&told.at, &told.request) }
    }

    /// What it takes back.
    pub fn original(self) -> News {
        News { removed: false, ..self }
    }
}
