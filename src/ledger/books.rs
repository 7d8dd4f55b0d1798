//! The totals, in one record of the store, changed in the transaction that changes the records; and who the store is.

use super::record::{add, sub, Record};
use crate::codec::{Decoder, Encoder};
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::{Read, Table, Write};
use crate::error::Result;
use crate::market::Id;

/// Their key in the Meta table.
pub const KEY: &[u8] = b"ledger.books";
const STARTED: u8 = 1;
const UNTRUSTED: u8 = 2;

/// The sums over all records, and what belongs to no record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    /// The id under which the repo knows this store. A reset gives a new one.
    pub id: [u8; 16],
    /// A start has been completed once: the store is no longer new.
    pub started: bool,
    /// A reset is under way, or this is a backup: no surplus may be judged by it.
    pub untrusted: bool,
    /// Ids that a reset replaced: never stale again.
    pub replaced: Vec<[u8; 16]>,
    /// H.
    pub held: u64,
    /// Landed, of live reservations.
    pub consumed: u64,
    /// Begun and not known as done: releases and consumptions.
    pub releasing: u64,
    /// D: lost by the repo.
    pub shortfall: u64,
    /// A: held by the repo, explained by no record.
    pub surplus: u64,
    /// Live reservations.
    pub live: u64,
}

impl Books {
    /// Reads them; `birth` is the id of a store whose books were never written.
    pub fn load(read: &dyn Read, birth: [u8; 16]) -> Result<Books> {
        let Some(bytes) = read.get(Table::Meta, KEY)? else {
            return Ok(Books { id: birth, ..Books::default() });
        };
        Books::decode(bytes)
    }

    /// Reads the store's layout.
    pub fn decode(bytes: &[u8]) -> Result<Books> {
        let mut d = Decoder::open(KEY, bytes, &"the books")?;
        let flags = d.u8()?;
        if flags & !(STARTED | UNTRUSTED) != 0 {
            return Err(d.unknown(&format!("flags {flags:#x} are not known")));
        }
        let mut books = Books {
            started: flags & STARTED != 0,
            untrusted: flags & UNTRUSTED != 0,
            id: d.raw()?,
            held: d.u64()?,
            consumed: d.u64()?,
            releasing: d.u64()?,
            shortfall: d.u64()?,
            surplus: d.u64()?,
            live: d.u64()?,
            replaced: Vec::new(),
        };
        for id in d.blob()?.chunks(16) {
            books.replaced.push(id.try_into().map_err(|_| d.unknown("a replaced id ends early"))?);
        }
        d.end()?;
        Ok(books)
    }

    /// Writes them.
    pub fn save(&self, write: &mut dyn Write) -> Result<()> {
        write.put(Table::Meta, KEY, &self.encode())
    }

    /// The store's layout; docs/STORE.md describes it for those who read it from outside.
    pub fn encode(&self) -> Vec<u8> {
        let set = |condition: bool, flag: u8| if condition { flag } else { 0 };
        let flags = set(self.started, STARTED) | set(self.untrusted, UNTRUSTED);
        Encoder::begin()
            .u8(flags)
            .raw(&self.id)
            .u64(self.held)
            .u64(self.consumed)
            .u64(self.releasing)
            .u64(self.shortfall)
            .u64(self.surplus)
            .u64(self.live)
            .blob(&self.replaced.concat())
            .seal(KEY)
    }

    /// Takes a record out of the sums, and puts another in its place. A sum that does not fit refuses (S7).
    pub fn exchange(&mut self, before: Option<&Record>, after: Option<&Record>) -> Result<()> {
        if let Some(r) = before {
            self.held = sub(self.held, r.held, "held")?;
            self.releasing = sub(sub(self.releasing, r.releasing, "releasing")?, r.consuming, "consuming")?;
            if r.is_live() {
                self.consumed = sub(self.consumed, r.consumed, "consumed")?;
                self.live = sub(self.live, 1, "live")?;
            }
        }
        if let Some(r) = after {
            self.held = add(self.held, r.held, "the sum of held bytes")?;
            self.releasing = add(add(self.releasing, r.releasing, "releasing")?, r.consuming, "consuming")?;
            if r.is_live() {
                self.consumed = add(self.consumed, r.consumed, "the sum of consumed bytes")?;
                self.live = add(self.live, 1, "live")?;
            }
        }
        Ok(())
    }
}

/// Changes one record: load, change, keep or drop, and the totals and the index of the unsettled with it. The only way in which a
/// record is ever written.
pub fn change(
    write: &mut dyn Write,
    birth: [u8; 16],
    slot: &Id,
    body: impl FnOnce(&mut Record, &mut Books) -> Result<()>,
) -> Result<()> {
    let mut books = Books::load(write, birth)?;
    let before = Record::load(write, slot)?;
    let mut record = before.clone().unwrap_or_default();
    body(&mut record, &mut books)?;
    let after = (!record.is_over()).then_some(record);
    books.exchange(before.as_ref(), after.as_ref())?;
    books.save(write)?;
    let key = unsettled::key(Owner::Ledger, slot);
    match after.as_ref().is_some_and(Record::is_unsettled) {
        true => write.put(Table::Unsettled, &key, &[])?,
        false => write.del(Table::Unsettled, &key)?,
    }
    match after {
        Some(record) => write.put(Table::Slots, &slot.0, &record.encode(slot)),
        None => write.del(Table::Slots, &slot.0),
    }
}
