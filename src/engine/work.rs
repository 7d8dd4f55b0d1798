//! What waits to be done by the outermost call.

use super::tokens::Owner;
use super::told::{At, News, Told};
use crate::host::Answer;
use crate::ledger::task::Task;
use crate::market::{Ask, Id};

/// One thing to do.
pub enum Work {
    /// sales_reserve, from inside a callback.
    Reserve(Id, u64, u64),
    /// sales_release, from inside a callback.
    Release(Id, u64),
    /// sales_consumed, from inside a callback, and the store's last commit then.
    Consume(Id, u64, u64),
    /// sales_on_request, from inside a callback, and the number of its telling.
    Request(At, Box<Ask>, u64),
    /// An event of the chain, from inside a callback, and the number of its telling.
    Event(Told, u64),
    /// sales_abandon, from inside a callback, and the store's last commit then.
    Abandon(Id, bool, u64),
    /// sales_resolve, from inside a callback, and the store's last commit then.
    Resolve(Id, bool, u64),
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
    pub fn news(&self) -> Option<(News, u64)> {
        match self {
            Work::Request(at, ask, number) => Some((News::of_ask(at, &ask.request_id), *number)),
            Work::Event(told, number) => Some((told.news(), *number)),
            _ => None,
        }
        .filter(|(news, _)| !news.removed)
    }
}
