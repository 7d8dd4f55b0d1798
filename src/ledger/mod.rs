//! The ledger: which byte is reserved for which slot. It keeps the promises S1 to S8 (ARCHITECTURE.md has them) and nothing else.
//!
//! * [`record`]: what one slot holds and owes. [`books`]: the totals. [`acts`]: what a commit writes.
//! * [`protocol`]: reserve, release, consume, as straight code. [`recovery`]: start and reconcile, by total.
//! * [`task`]: how that code waits without holding anything. [`verify`]: the same records, held against each other.
//!
//! It owns the store. It never calls the host: it says what it needs, and is told.
#![deny(clippy::arithmetic_side_effects)]

pub mod acts;
pub mod books;
pub mod protocol;
pub mod record;
pub mod recovery;
pub mod task;
pub mod verify;

use crate::datastore::group::Group;
use crate::datastore::{Backend, Read};
use crate::error::{Error, Result};
use crate::history;
use crate::market::Id;
use crate::status::*;
use crate::sync::{Mutex, MutexGuard};
use acts::{Birth, Rider};
use books::Books;
use record::Record;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

/// Seconds before what the repo refused is asked again: the first pause, and the longest.
pub const BACKOFF_S: (u64, u64) = (1, 60);

/// The pause before attempt `attempts + 1`, seconds.
pub fn backoff_s(attempts: u32) -> u64 {
    let (first, longest) = BACKOFF_S;
    first.checked_shl(attempts.saturating_sub(1).min(16)).unwrap_or(longest).min(longest)
}

/// What the repo can do, as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepoCan {
    /// It tells its total: recovery by total, one commit per reserve.
    pub total: bool,
    /// It turns reserved into used bytes in one step.
    pub consume: bool,
}

/// What the last recovery or comparison found: bytes, and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Released as surplus.
    pub surplus_released: u64,
    /// Reserved anew.
    pub shortfall_reserved: u64,
    /// Records whose release or consumption was settled.
    pub records_settled: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Retry {
    at: u64,
    attempts: u32,
}

/// What lies in memory: operations in flight, and what waits for a tick. A crash forgets it, and recovery does not need it.
#[derive(Default)]
struct Memory {
    can: RepoCan,
    open: bool,
    /// The store was held against the repo once, and found to be the newest.
    trusted: bool,
    claims: HashSet<Id>,
    doubts: BTreeSet<Id>,
    /// O: bytes to give back after a reserve that could not be recorded.
    owed: BTreeMap<Id, u64>,
    /// Releases and consumptions that the repo refused, by slot.
    retry: BTreeMap<Id, Retry>,
    /// The slot whose owed bytes were tried last: the next in turn is another.
    owed_tried: Id,
    /// When what is owed, or the shortfall, is tried again.
    retry_owed: Retry,
    retry_short: Retry,
    /// Consumptions being recorded while another operation works on their slot.
    loose: u32,
    /// The repo has lost bytes: a tick tries to reserve them anew.
    short: bool,
    /// Bytes of reserves granted or asked for and not yet recorded.
    reserving: u64,
    report: Report,
}

impl Memory {
    /// Not while what was granted before for the shortfall is still to go back: it would be more each time.
    fn may_refill(&self) -> bool {
        self.short && !self.owed.contains_key(&protocol::SHORTFALL)
    }
}

/// The ledger over one store.
pub struct Ledger {
    group: Group<Rider>,
    birth: Birth,
    memory: Mutex<Memory>,
}

/// The books as a reader sees them, with what lies in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// The totals of the store, the overlay taken into account.
    pub books: Books,
    /// O.
    pub owed: u64,
    /// Reserves asked for and not recorded.
    pub reserving: u64,
    /// Slots in doubt.
    pub in_doubt: u64,
    /// The last recovery.
    pub report: Report,
}

impl Ledger {
    /// A ledger over a store. It refuses operations until it is started.
    pub fn new(backend: Box<dyn Backend>) -> Arc<Ledger> {
        let birth = backend.birth();
        let opened_at = backend.seq();
        let group = Group::new(backend);
        group.ride(Rider::Unproven(opened_at));
        Arc::new(Ledger { group, birth, memory: Mutex::default() })
    }

    /// Group commit, for what others keep in the same store.
    pub fn group(&self) -> &Group<Rider> {
        &self.group
    }

    /// The store's birth id.
    pub fn birth(&self) -> Birth {
        self.birth
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot's record as it stands, the overlay taken into account.
    pub fn record(&self, slot: &Id) -> Result<Option<Record>> {
        self.group.read(|view, riders| overlaid(view, riders, slot))
    }

    /// The totals of the store.
    pub fn books(&self) -> Result<Books> {
        self.group.read(|view, riders| {
            let mut books = Books::load(view, self.birth)?;
            for rider in riders {
                books.releasing = record::sub(books.releasing, rider.released()?, "releasing")?;
            }
            Ok(books)
        })
    }

    /// All figures of the books.
    pub fn overview(&self) -> Result<Overview> {
        let books = self.books()?;
        let memory = self.memory();
        let owed = memory.owed.values().try_fold(0, |sum, bytes| record::add(sum, *bytes, "owed bytes"))?;
        Ok(Overview {
            books,
            owed,
            reserving: memory.reserving,
            in_doubt: memory.doubts.len() as u64,
            report: memory.report,
        })
    }

    /// Whether a slot is in doubt.
    pub fn is_in_doubt(&self, slot: &Id) -> bool {
        self.memory().doubts.contains(slot)
    }

    /// The driver says: nobody knows whether the repo did what it was asked for this slot.
    pub fn doubt(&self, slot: &Id) {
        self.memory().doubts.insert(*slot);
    }

    /// The driver says: now it is known.
    pub fn undoubt(&self, slot: &Id) {
        self.memory().doubts.remove(slot);
    }

    /// Whether any operation is in flight that is not in doubt.
    pub fn is_busy(&self) -> bool {
        let memory = self.memory();
        memory.loose > 0 || memory.claims.iter().any(|slot| !memory.doubts.contains(slot))
    }

    /// Whether operations are let in.
    pub fn is_open(&self) -> bool {
        self.memory().open
    }

    /// Refuses new operations; those in flight go on.
    pub fn shut(&self) {
        self.memory().open = false;
    }

    /// Lets operations in again.
    pub fn reopen(&self) {
        self.memory().open = true;
    }

    /// The earliest time at which a tick has something to do for the ledger; `u64::MAX`: none. What is worked on already is nothing for a tick, nor is
    /// anything while the gate is shut: a host that ticks when it is asked to would do nothing else until that pends no more.
    pub fn next_retry(&self) -> u64 {
        let memory = self.memory();
        if !memory.open {
            return u64::MAX;
        }
        let free = |slot: &&Id| !memory.claims.contains(*slot);
        let owed = memory.owed.keys().any(|slot| free(&slot)).then_some(memory.retry_owed.at);
        let short = (memory.may_refill() && free(&&protocol::SHORTFALL)).then_some(memory.retry_short.at);
        let steps = memory.retry.iter().filter(|(slot, _)| free(slot)).map(|(_, retry)| retry.at);
        steps.chain(owed).chain(short).min().unwrap_or(u64::MAX)
    }

    /// The status of a release of a slot that has no live reservation.
    fn not_live(&self, slot: &Id) -> Result<i32> {
        match self.group.read(|view, _| history::ended_by(view, slot))? {
            Some(_) => Ok(SALES_ALREADY),
            None => {
                Err(Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} was never reserved, or its end is forgotten")))
            }
        }
    }

    fn claim(self: &Arc<Self>, slot: &Id) -> Result<Claim> {
        let mut memory = self.memory();
        if !memory.open {
            return Err(shut());
        }
        if memory.doubts.contains(slot) {
            let text = format!("slot {slot} is in doubt: sales_reconcile or sales_resolve settles it");
            return Err(Error::new(SALES_ERR_IN_DOUBT, text));
        }
        if !memory.claims.insert(*slot) {
            return Err(Error::new(
                SALES_ERR_BUSY,
                format!("slot {slot} is being worked on; ask again when that is done"),
            ));
        }
        Ok(Claim { ledger: self.clone(), slot: *slot })
    }
}

fn shut() -> Error {
    Error::new(SALES_ERR_BUSY, "the books are being settled with the repo; ask again when that is done")
}

/// A slot's record in a view, with what rides laid over it.
pub fn overlaid(view: &dyn Read, riders: &[Rider], slot: &Id) -> Result<Option<Record>> {
    let Some(mut record) = Record::load(view, slot)? else {
        return Ok(None);
    };
    for rider in riders {
        rider.overlay(slot, &mut record)?;
    }
    Ok((!record.is_over()).then_some(record))
}

/// A slot that one operation works on. Whoever else asks for it is answered *busy*, at once; nobody waits. Given back
/// when the operation ends, however it ends.
struct Claim {
    ledger: Arc<Ledger>,
    slot: Id,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut memory = self.ledger.memory();
        memory.claims.remove(&self.slot);
        memory.doubts.remove(&self.slot);
    }
}
