//! What the protocol writes: each act of a commit, applied inside the one transaction.

use super::books::{change, Books};
use super::record::{add, sub, OfSale, Record, RepoStep};
use crate::codec;
use crate::datastore::group::{Act, Txn};
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::Table;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::history;
use crate::market::Id;
use crate::status::*;

/// The store's birth id: what its books are called before they were ever written.
pub type Birth = [u8; 16];

/// What nobody waits for: it rides with the next commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rider {
    /// The repo has taken a step.
    Settled(Birth, Id, RepoStep),
    /// A reserve was refused or undone: its mark goes.
    Unmarked(Birth, Id),
    /// The repo refused a step: what was marked as asked for was not done.
    Refused(Birth, Id),
    /// Nobody knows yet whether this store is the newest, which ended at this commit when it was opened. Rides with the
    /// first commit of a process, so that commits made before the comparison cannot make an old copy look newer than it is.
    Unproven(u64),
}

/// The key of [`proven`] in the Meta table.
pub const UNPROVEN: &[u8] = b"ledger.unproven";

/// The last commit of this store that was made by one known to be the newest.
pub fn proven(read: &dyn crate::datastore::Read) -> Result<u64> {
    match read.get(Table::Meta, UNPROVEN)? {
        Some(bytes) => codec::open_number(UNPROVEN, bytes, &"ledger.unproven"),
        None => read.seq(),
    }
}

impl Rider {
    /// The same on a record that was read: the overlay.
    pub fn overlay(&self, slot: &Id, record: &mut Record) -> Result<()> {
        match self {
            Rider::Settled(_, of, step) if of == slot => record.settle(step),
            Rider::Unmarked(_, of) if of == slot => {
                record.reserving = 0;
                Ok(())
            }
            Rider::Refused(_, of) if of == slot => {
                record.step = 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Bytes that the totals still count as being released.
    pub fn released(&self) -> Result<u64> {
        match self {
            Rider::Settled(_, _, step) => step.bytes(),
            Rider::Unmarked(..) | Rider::Refused(..) | Rider::Unproven(_) => Ok(0),
        }
    }
}

impl Act for Rider {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let (birth, slot) = match self {
            Rider::Settled(birth, slot, _) | Rider::Unmarked(birth, slot) | Rider::Refused(birth, slot) => {
                (birth, slot)
            }
            Rider::Unproven(_) if txn.tables.get(Table::Meta, UNPROVEN)?.is_some() => return Ok(()),
            Rider::Unproven(seq) => return txn.tables.put(Table::Meta, UNPROVEN, &codec::seal_number(UNPROVEN, *seq)),
        };
        change(txn.tables, *birth, slot, |record, _| self.overlay(slot, record))
    }
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerAct {
    /// Repos that cannot tell their total: a reserve of so many bytes is about to be asked for.
    Mark(u64, Option<OfSale>),
    /// ... and was refused, or given back.
    Unmark,
    /// The repo granted a reserve.
    Reserve(u64, Option<OfSale>),
    /// A release begins. `mark`: how much the repo will be asked for is written too (repos that cannot tell their total).
    Release {
        /// Write the step.
        mark: bool,
        /// The repo has consume.
        repo_consumes: bool,
    },
    /// Content has landed, so much in total. `mark`: as above.
    Consume {
        /// Bytes landed since the content began.
        total: u64,
        /// Write the step.
        mark: bool,
        /// The repo has consume.
        repo_consumes: bool,
    },
    /// The repo will be asked for so much.
    Step(u64),
    /// The repo has taken a step, and its caller waits for that to be durable.
    Settle(RepoStep),
    /// A reserve in flight before a crash, of which the host says that it took effect. A sale begins anew, so its bytes go back.
    Inherit,
}

/// An act on one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSlot {
    /// The store.
    pub birth: Birth,
    /// The slot.
    pub slot: Id,
    /// What is done to it.
    pub act: LedgerAct,
}

impl Act for OnSlot {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let slot = &self.slot;
        let mut out = 0;
        let commit = txn.tables.seq()?.wrapping_add(1);
        change(txn.tables, self.birth, slot, |record, books| {
            match &self.act {
                LedgerAct::Mark(bytes, of) => {
                    record.reserving = *bytes;
                    record.of = *of;
                }
                LedgerAct::Unmark => record.reserving = 0,
                LedgerAct::Reserve(bytes, of) => reserve(record, *bytes, *of, commit, slot)?,
                LedgerAct::Release { mark, repo_consumes } => {
                    out = release(record, books, commit, slot)?;
                    mark_step(record, *mark, *repo_consumes)?;
                }
                LedgerAct::Consume { total, mark, repo_consumes } => {
                    out = consume(record, books, *total, commit, slot)?;
                    mark_step(record, *mark, *repo_consumes)?;
                }
                LedgerAct::Step(bytes) => record.step = *bytes,
                LedgerAct::Settle(step) => record.settle(step)?,
                LedgerAct::Inherit if record.of.is_some() => {
                    record.releasing = add(record.releasing, record.reserving, "releasing")?;
                    record.reserving = 0;
                    record.act = commit;
                }
                LedgerAct::Inherit => reserve(record, record.reserving, None, commit, slot)?,
            }
            Ok(())
        })?;
        txn.out = out;
        Ok(())
    }
}

fn not_live(slot: &Id) -> Error {
    Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} has no live reservation"))
}

fn mark_step(record: &mut Record, mark: bool, repo_consumes: bool) -> Result<()> {
    if mark {
        record.step = match record.next_step(repo_consumes) {
            Some(step) => step.bytes()?,
            None => 0,
        };
    }
    Ok(())
}

/// A reserve over an ended record clears `ended` and `consumed` and leaves what is still being released.
fn reserve(record: &mut Record, bytes: u64, of: Option<OfSale>, commit: u64, slot: &Id) -> Result<()> {
    if record.is_live() {
        return Err(Error::new(SALES_ERR_BUSY, format!("slot {slot} was reserved meanwhile")));
    }
    record.asked = bytes;
    record.held = add(record.held, bytes, "held")?;
    record.consumed = 0;
    record.reserving = 0;
    record.ended = false;
    record.act = commit;
    record.of = of;
    Ok(())
}

/// A release lowers the shortfall first: what the repo has lost, it cannot be asked to give back.
fn release(record: &mut Record, books: &mut Books, commit: u64, slot: &Id) -> Result<u64> {
    if !record.is_live() {
        return Err(not_live(slot));
    }
    let held = record.held;
    record.releasing = add(record.releasing, lower(books, held)?, "releasing")?;
    record.held = 0;
    record.ended = true;
    record.act = commit;
    Ok(held)
}

/// Cumulative: a total that is not above the last one changes nothing.
fn consume(record: &mut Record, books: &mut Books, total: u64, commit: u64, slot: &Id) -> Result<u64> {
    if !record.is_live() {
        return Err(not_live(slot));
    }
    let Some(landed) = total.checked_sub(record.consumed).filter(|landed| *landed > 0) else {
        return Ok(0);
    };
    if landed > record.held {
        let text = format!("slot {slot}: {total} bytes consumed, but only {} were reserved", record.asked);
        return Err(Error::new(SALES_ERR_AMOUNT, text));
    }
    record.held = sub(record.held, landed, "held")?;
    record.consumed = total;
    record.act = commit;
    record.consuming = add(record.consuming, lower(books, landed)?, "consuming")?;
    Ok(landed)
}

fn lower(books: &mut Books, bytes: u64) -> Result<u64> {
    let lost = books.shortfall.min(bytes);
    books.shortfall = sub(books.shortfall, lost, "shortfall")?;
    sub(bytes, lost, "a release")
}

/// An act on the books as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnBooks {
    /// The repo has reserved so much of the shortfall anew. Gives back what it reserved too much, because releases lowered the shortfall meanwhile.
    Refilled(u64),
    /// The first start is complete: the store is no longer new.
    Started,
    /// A reset begins: nothing of this store is believed until it ends, and the repo's store id is no stranger any more.
    Untrusted {
        /// The store id that the repo knows.
        replaces: Birth,
    },
    /// The store is known to be the newest.
    Proven,
    /// A recovery ends: everything in flight is settled by the total.
    Recovered {
        /// A, from now on.
        surplus: u64,
        /// D, from now on.
        shortfall: u64,
        /// A reset ends with it: the books' new id.
        id: Option<Birth>,
    },
}

/// An act on the books of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The store.
    pub birth: Birth,
    /// What is done.
    pub act: OnBooks,
}

impl Act for Whole {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        if let OnBooks::Recovered { .. } = self.act {
            txn.out = settle_all(txn, self.birth)?;
        }
        let mut books = Books::load(txn.tables, self.birth)?;
        match &self.act {
            OnBooks::Refilled(bytes) => {
                let lowered = books.shortfall.min(*bytes);
                books.shortfall = sub(books.shortfall, lowered, "shortfall")?;
                txn.out = sub(*bytes, lowered, "a refill")?;
            }
            OnBooks::Started => books.started = true,
            OnBooks::Proven => txn.tables.del(Table::Meta, UNPROVEN)?,
            OnBooks::Untrusted { replaces } => {
                books.untrusted = true;
                for id in [books.id, *replaces] {
                    if id != [0; 16] && !books.replaced.contains(&id) {
                        books.replaced.push(id);
                    }
                }
            }
            OnBooks::Recovered { surplus, shortfall, id } => {
                books.started = true;
                books.untrusted = false;
                txn.tables.del(Table::Meta, UNPROVEN)?;
                books.surplus = *surplus;
                books.shortfall = *shortfall;
                books.id = id.unwrap_or(books.id);
            }
        }
        books.save(txn.tables)
    }
}

/// Every release and consumption begun counts as done: the total was compared. Answers how many records that settled.
fn settle_all(txn: &mut Txn<'_>, birth: Birth) -> Result<u64> {
    let slots = unsettled::slots(txn.tables, Owner::Ledger)?;
    let mut settled = 0u64;
    for slot in &slots {
        let done = change(txn.tables, birth, slot, |record, _| {
            record.releasing = 0;
            record.consuming = 0;
            record.reserving = 0;
            record.step = 0;
            Ok(())
        });
        match done {
            // A damaged record stays as it is, and its slot is named whenever it is asked for; the others go on.
            Err(error) if error.status == SALES_ERR_RECORD => continue,
            done => done?,
        }
        settled = add(settled, 1, "settled records")?;
        txn.tables.del(Table::Unsettled, &unsettled::key(Owner::Ledger, slot))?;
    }
    Ok(settled)
}

/// Writes an event of the history. `ends`: the slot is remembered as ended by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The event; its number is given when it is written.
    pub event: Event,
    /// Whether the slot's reservation or sale ended with it.
    pub ends: bool,
}

impl Act for Note {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let mut event = self.event.clone();
        history::append(txn.tables, &mut event)?;
        if self.ends {
            history::remember_end(txn.tables, &event.slot, event.number)?;
        }
        txn.events.push(event);
        Ok(())
    }
}
