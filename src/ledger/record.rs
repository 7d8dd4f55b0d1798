//! The small hot record: what one slot holds and owes, in bytes. Its rules are plain functions on it, so that the
//! store, the overlay and the tests all use the same ones.

use crate::codec::{Decoder, Encoder, Named};
use crate::datastore::{Read, Table};
use crate::error::{Error, Result};
use crate::market::{Id, U256};

const ENDED: u8 = 1;
const OF_SALE: u8 = 2;

/// What a reservation of the engine carries besides: which offer it came from, and the collateral set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfSale {
    /// The offer.
    pub offer: Id,
    /// Tokens set aside.
    pub collateral: U256,
}

/// One slot in the books.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// What was reserved at first; S4 compares with it.
    pub asked: u64,
    /// Still reserved in the repo.
    pub held: u64,
    /// Landed, counted as used.
    pub consumed: u64,
    /// A release begun and not recorded as done.
    pub releasing: u64,
    /// A consumption begun and not recorded as done. Apart from `releasing`: landed bytes must never go back as free.
    pub consuming: u64,
    /// Only for a repo that cannot tell its total: the reserve intended.
    pub reserving: u64,
    /// Only for a repo that cannot tell its total: the amount of the repo call begun.
    pub step: u64,
    /// The store's commit that began what is asked of the repo next: it names that act, also after a restart.
    pub act: u64,
    /// Set with the release that ends the reservation.
    pub ended: bool,
    /// Set where the engine reserved it.
    pub of: Option<OfSale>,
}

/// The repo's part of a release or consumption: which call, how many bytes, and how they split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepoStep {
    /// By repo.consume; else by repo.release.
    pub consume: bool,
    /// Of the record's `releasing`.
    pub releasing: u64,
    /// Of the record's `consuming`.
    pub consuming: u64,
}

impl RepoStep {
    /// The bytes of the call.
    pub fn bytes(&self) -> Result<u64> {
        add(self.releasing, self.consuming, "a repo step")
    }
}

impl Record {
    /// Reads a slot's record.
    pub fn load(read: &dyn Read, slot: &Id) -> Result<Option<Record>> {
        match read.get(Table::Slots, &slot.0)? {
            Some(bytes) => Ok(Some(Record::decode(bytes, slot)?)),
            None => Ok(None),
        }
    }

    /// The store's layout; docs/STORE.md describes it for those who read it from outside.
    pub fn encode(&self, slot: &Id) -> Vec<u8> {
        let flags = if self.ended { ENDED } else { 0 } | if self.of.is_some() { OF_SALE } else { 0 };
        let record = Encoder::begin()
            .u8(flags)
            .u64(self.asked)
            .u64(self.held)
            .u64(self.consumed)
            .u64(self.releasing)
            .u64(self.consuming)
            .u64(self.reserving)
            .u64(self.step)
            .u64(self.act);
        match &self.of {
            Some(of) => record.raw(&of.offer.0).raw(&of.collateral.to_le_bytes::<32>()),
            None => record,
        }
        .seal(&slot.0)
    }

    /// Reads the store's layout.
    pub fn decode(bytes: &[u8], slot: &Id) -> Result<Record> {
        let what = Named("the record of slot", slot);
        let mut d = Decoder::open(&slot.0, bytes, &what)?;
        let flags = d.u8()?;
        if flags & !(ENDED | OF_SALE) != 0 {
            return Err(d.unknown(&format!("flags {flags:#x} are not known")));
        }
        let mut record = Record {
            asked: d.u64()?,
            held: d.u64()?,
            consumed: d.u64()?,
            releasing: d.u64()?,
            consuming: d.u64()?,
            reserving: d.u64()?,
            step: d.u64()?,
            act: d.u64()?,
            ended: flags & ENDED != 0,
            of: None,
        };
        if flags & OF_SALE != 0 {
            record.of = Some(OfSale { offer: Id(d.raw()?), collateral: U256::from_le_bytes(d.raw::<32>()?) });
        }
        d.end()?;
        Ok(record)
    }

    /// A reservation that counts: also one whose bytes have all landed, or the slot could be sold twice.
    pub fn is_live(&self) -> bool {
        self.asked > 0 && !self.ended
    }

    /// Something of it is begun and not known as done.
    pub fn is_unsettled(&self) -> bool {
        self.releasing > 0 || self.consuming > 0 || self.reserving > 0 || self.step > 0
    }

    /// Ended (or never begun) and owing nothing: it goes.
    pub fn is_over(&self) -> bool {
        !self.is_live() && self.held == 0 && !self.is_unsettled()
    }

    /// What the repo is to be asked next. Consumptions first where the repo can consume; else all is release, in one call.
    pub fn next_step(&self, repo_consumes: bool) -> Option<RepoStep> {
        if repo_consumes && self.consuming > 0 {
            return Some(RepoStep { consume: true, releasing: 0, consuming: self.consuming });
        }
        if self.releasing > 0 || self.consuming > 0 {
            return Some(RepoStep { consume: false, releasing: self.releasing, consuming: self.consuming });
        }
        None
    }

    /// A step is done: takes off its amounts, never all, because more may have come meanwhile.
    pub fn settle(&mut self, step: &RepoStep) -> Result<()> {
        self.releasing = sub(self.releasing, step.releasing, "releasing")?;
        self.consuming = sub(self.consuming, step.consuming, "consuming")?;
        self.step = 0;
        Ok(())
    }
}

/// Checked addition, by name (S7).
pub fn add(a: u64, b: u64, what: &str) -> Result<u64> {
    a.checked_add(b).ok_or_else(|| Error::overflow(&format!("{what}: {a} + {b}")))
}

/// Checked subtraction, by name (S7).
pub fn sub(a: u64, b: u64, what: &str) -> Result<u64> {
    a.checked_sub(b).ok_or_else(|| Error::internal(format!("{what}: {a} - {b} is below zero")))
}
