//! The index of the unsettled: what a restart walks. Each key is an owner's mark and a slot; nothing else of the store is read at start.

use super::{Read, Table};
use crate::error::Result;
use crate::market::Id;
use std::ops::ControlFlow;

/// Whose business is not at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Owner {
    /// The ledger: something of the record is begun and not known as done.
    Ledger = b'L',
    /// Selling: the sale is between two checkpoints.
    Sales = b'S',
}

/// The key of a slot.
pub fn key(owner: Owner, slot: &Id) -> [u8; 33] {
    let mut key = [owner as u8; 33];
    key[1..].copy_from_slice(&slot.0);
    key
}

/// All slots of an owner.
pub fn slots(read: &dyn Read, owner: Owner) -> Result<Vec<Id>> {
    let mut slots = Vec::new();
    read.walk(Table::Unsettled, &[owner as u8], &mut |key, _| match key.split_first() {
        Some((mark, slot)) if *mark == owner as u8 => {
            slots.extend(slot.try_into().map(Id));
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    })?;
    Ok(slots)
}
