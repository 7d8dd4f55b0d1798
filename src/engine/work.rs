//! What waits to be done by the outermost call.

use super::blocks::News;
use super::tokens::Owner;
use crate::host::Answer;
use crate::ledger::task::Task;
use crate::market::{slot_id, Ask, Id};
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

/// One thing to do.
pub enum Work {
    /// sales_reserve, from inside a callback.
    Reserve(Id, u64, u64),
    /// sales_release, from inside a callback.
    Release(Id, u64),
    /// sales_consumed, from inside a callback.
    Consume(Id, u64),
    /// sales_on_request, from inside a callback.
    Request(At, Box<Ask>),
    /// An event of the chain, from inside a callback.
    Event(Told),
    /// sales_abandon, from inside a callback.
    Abandon(Id, bool),
    /// sales_resolve, from inside a callback.
    Resolve(Id, bool),
    /// A completion: whoever waited for it goes on.
    Continue(Owner, Answer),
    /// An operation of the ledger.
    Task(Task),
    /// A sale has something to take in.
    Wake(Id),
    /// There may be room for an attempt.
    Schedule,
}

impl Work {
    /// What it is of the chain's news.
    pub fn news(&self) -> Option<News> {
        match self {
            Work::Request(at, ask) => Some(News::of_ask(at, &ask.request_id)),
            Work::Event(told) => Some(News::of_event(told)),
            _ => None,
        }
        .filter(|news| !news.removed)
    }
}
