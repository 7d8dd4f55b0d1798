//! What waits to be done by the outermost call.

use super::tokens::Owner;
use super::told::{At, Told};
use crate::host::Answer;
use crate::ledger::task::Task;
use crate::market::{Ask, Id};

/// When something was said of a slot inside a callback: what the slot has from later on is not meant.
#[derive(Clone, Copy)]
pub struct Said {
    /// The store's last commit.
    pub at: u64,
    /// A reserve of the slot by hand waits in the same call, and is meant.
    pub reserves: bool,
}

/// What of a slot may be in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// What the repo made of a call.
    Reservation,
    /// Whose the slot is.
    Sale,
}

/// An operator's word on what is in doubt.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// What it is said of; `None`: of what is in doubt, where that is one thing.
    pub of: Option<Doubt>,
    /// It took effect, or the slot is ours.
    pub applied: bool,
}

impl From<bool> for Word {
    fn from(applied: bool) -> Self {
        Word { of: None, applied }
    }
}

/// One thing to do.
pub enum Work {
    /// sales_reserve, from inside a callback.
    Reserve(Id, u64, u64),
    /// sales_release, from inside a callback.
    Release(Id, u64),
    /// sales_consumed, from inside a callback, and when.
    Consume(Id, u64, Said),
    /// sales_on_request, from inside a callback, and the number of its telling.
    Request(At, Box<Ask>, u64),
    /// An event of the chain, from inside a callback, and the number of its telling.
    Event(Told, u64),
    /// sales_abandon, from inside a callback, and when.
    Abandon(Id, bool, Said),
    /// sales_resolve, from inside a callback, and when.
    Resolve(Id, Word, Said),
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
    /// The host said it inside a callback.
    pub fn is_told(&self) -> bool {
        !matches!(self, Work::Task(_) | Work::Wake(_) | Work::Schedule)
    }
}
