//! The Datastore: where the module's own state lives, in tables of bytes, changed by transactions.
//! It knows tables and transactions; it knows nothing of slots, and never calls the host.
//!
//! [`lmdb`] is the real one. [`group`] shares one commit among many callers, over any [`Backend`].

use crate::error::{Error, Result};

pub mod group;
pub mod lmdb;
pub mod unsettled;

use std::ops::ControlFlow;

/// The tables of the store. What changes often is small and alone in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Single records: totals, marks, counters.
    Meta,
    /// Slot id -> the small hot record of the ledger.
    Slots,
    /// Slot id -> the sale's own record.
    Sales,
    /// Request id -> the request as persisted whole, with what the chain said of it.
    Requests,
    /// Request id ++ slot id -> (): the sales of a request.
    ByRequest,
    /// Offer id -> the offer.
    Offers,
    /// Rank ++ slot id -> (): slots that wait for an attempt.
    Queue,
    /// Time (big-endian) ++ slot id -> (): what is to be looked at when.
    Due,
    /// Slot id -> (): records and sales that are not at rest; all that a restart walks.
    Unsettled,
    /// Slot id -> number of the event that ended it: what the history remembers.
    Ended,
    /// Event number (big-endian) -> event.
    History,
}

impl Table {
    /// All tables, in the order in which they are created.
    pub const ALL: [Table; 11] = [
        Table::Meta,
        Table::Slots,
        Table::Sales,
        Table::Requests,
        Table::ByRequest,
        Table::Offers,
        Table::Queue,
        Table::Due,
        Table::Unsettled,
        Table::Ended,
        Table::History,
    ];

    /// The table's name in the store, as `mdb_dump -s` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Slots => "slots",
            Table::Sales => "sales",
            Table::Requests => "requests",
            Table::ByRequest => "by_request",
            Table::Offers => "offers",
            Table::Queue => "queue",
            Table::Due => "due",
            Table::Unsettled => "unsettled",
            Table::Ended => "ended",
            Table::History => "history",
        }
    }
}

/// What a walk calls for each key and value; `Break` ends the walk.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Reading, in one consistent view.
pub trait Read {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>>;
    /// Walks the keys >= `from` in their order.
    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()>;
    /// The greatest key of a table.
    fn last(&self, table: Table) -> Result<Option<Vec<u8>>>;
    /// The number of the commit that this view shows.
    fn seq(&self) -> Result<u64>;
}

/// Reading for a check of what the tables hold: nothing is lent for longer than a call, so that it need not be in memory.
pub trait Look {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Walks all keys in their order.
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<()>;
}

impl<R: Read + ?Sized> Look for &R {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(Read::get(*self, table, key)?.map(<[u8]>::to_vec))
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<()> {
        Read::walk(*self, table, &[], visit)
    }
}

/// Reading and writing, in one transaction.
pub trait Write: Read {
    /// Sets the value of a key.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()>;
    /// Removes a key; one that is not there is no error.
    fn del(&mut self, table: Table, key: &[u8]) -> Result<()>;
}

/// How a commit failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// Nothing of it is on disk, now or later.
    Clean(Error),
    /// It may be on disk or not, and only reopening the store can tell.
    Unknown(Error),
}

impl CommitError {
    /// The error itself.
    pub fn error(&self) -> &Error {
        match self {
            CommitError::Clean(error) | CommitError::Unknown(error) => error,
        }
    }
}

/// A store that transactions run on.
///
/// Every write transaction that commits adds one to the store's sequence number, in the same commit.
pub trait Backend: Send + Sync {
    /// Runs `body` on one consistent view of the last commit.
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()>;

    /// Runs `body` in the one write transaction and commits it durably. `body` may be run again on a
    /// fresh transaction (when the map has to grow), so it must give the same result each time.
    /// An error of `body` aborts: `Clean`, with that error.
    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError>;

    /// The number of the last durable commit.
    fn seq(&self) -> u64;

    /// What went wrong beside commits that succeeded, since the last call: to be logged when nothing is held.
    fn take_warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The id the store was created with. (A reset gives the books a new id; this one stays.)
    fn birth(&self) -> [u8; 16];
}
