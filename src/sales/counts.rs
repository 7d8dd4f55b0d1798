//! How many of what selling has, and up to which block the chain was seen.

use crate::codec::{self, Decoder, Encoder};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};

/// The key of [`Counts`] in the Meta table.
pub const COUNTS: &[u8] = b"sales.counts";
/// The key of [`last_block`] in the Meta table.
pub const LAST_BLOCK: &[u8] = b"chain.last_block";

/// How many of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sales not ended.
    pub live: u64,
    /// Slots in the queue's table.
    pub queued: u64,
    /// Slots ever sold.
    pub sold: u64,
}

impl Counts {
    /// Reads them.
    pub fn load(read: &dyn Read) -> Result<Counts> {
        let Some(bytes) = read.get(Table::Meta, COUNTS)? else {
            return Ok(Counts::default());
        };
        Counts::decode(bytes)
    }

    /// Reads the record of the store.
    pub fn decode(bytes: &[u8]) -> Result<Counts> {
        let mut d = Decoder::open(COUNTS, bytes, &"the counts of sales")?;
        let counts = Counts { live: d.u64()?, queued: d.u64()?, sold: d.u64()? };
        if d.u64()? != 0 {
            return Err(d.unknown("its last number is not in use and not zero"));
        }
        d.end()?;
        Ok(counts)
    }

    pub(super) fn save(&self, write: &mut dyn Write) -> Result<()> {
        write.put(Table::Meta, COUNTS, &self.encode())
    }

    /// The record of the store.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::begin().u64(self.live).u64(self.queued).u64(self.sold).u64(0).seal(COUNTS)
    }
}

/// The greatest block that was seen: a restart replays from there. A damaged one says nothing, and to replay all is harmless; a verification
/// tells of it.
pub fn last_block(read: &dyn Read) -> Result<u64> {
    match read.get(Table::Meta, LAST_BLOCK)? {
        Some(bytes) => Ok(codec::open_number(LAST_BLOCK, bytes, &"chain.last_block").unwrap_or(0)),
        None => Ok(0),
    }
}

pub(super) fn count(value: u64, before: bool, after: bool) -> Result<u64> {
    match (before, after) {
        (false, true) => value.checked_add(1).ok_or_else(|| Error::overflow("a count of sales")),
        (true, false) => value.checked_sub(1).ok_or_else(|| Error::internal("a count of sales fell below zero")),
        _ => Ok(value),
    }
}
