//! How a sale is written: with every index and count that follows from it; and what is read by the indexes.

use super::counts::{count, Counts};
use super::known::{by_request, change_request, readable, Known};
use super::sale::{Sale, State};
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::market::{Id, U256};
use std::ops::ControlFlow;

/// The key of a sale in the table of what is due; `None` where it has none.
pub fn due_key(sale: &Sale) -> Option<Vec<u8>> {
    (sale.next_at != u64::MAX).then(|| [&sale.next_at.to_be_bytes()[..], &sale.slot.0[..]].concat())
}

/// The order of the queue: not yet tried before tried; profit descending; collateral ascending; expiry later first; size ascending; a
/// random rank; slot id. Where the price is not known any more, the key that was made while it was.
fn queue_key(read: &dyn Read, sale: &Sale) -> Result<Option<Vec<u8>>> {
    if sale.state != State::Queued || !sale.in_queue {
        return Ok(None);
    }
    match readable(Known::load(read, &sale.request))? {
        Some(known) => Ok(Some(queue_key_at(sale, known.ask.price_per_slot().unwrap_or_default()))),
        None => queued_as(read, &sale.slot),
    }
}

/// The key under which a sale is in the queue now: another than its own where it came in while its price was not known.
pub(super) fn queued_key(read: &dyn Read, sale: &Sale) -> Result<Option<Vec<u8>>> {
    let Some(key) = queue_key(read, sale)? else { return Ok(None) };
    if read.get(Table::Queue, &key)?.is_some() {
        return Ok(Some(key));
    }
    Ok(Some(queued_as(read, &sale.slot)?.unwrap_or(key)))
}

/// The key under which a slot waits in the queue.
fn queued_as(read: &dyn Read, slot: &Id) -> Result<Option<Vec<u8>>> {
    let mut found = None;
    read.walk(Table::Queue, &[], &mut |key, _| {
        if key.ends_with(&slot.0) {
            found = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The key of a sale that waits in the queue, at a price per slot.
pub fn queue_key_at(sale: &Sale, price: U256) -> Vec<u8> {
    [
        &[u8::from(sale.attempt > 0)][..],
        &(!price).to_be_bytes::<32>()[..],
        &sale.collateral.to_be_bytes::<32>()[..],
        &(!sale.expires_at).to_be_bytes()[..],
        &sale.size.to_be_bytes()[..],
        &sale.rank.to_be_bytes()[..],
        &sale.slot.0[..],
    ]
    .concat()
}

/// Replaces one index entry by another.
fn index(write: &mut dyn Write, table: Table, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Result<()> {
    if before == after {
        return Ok(());
    }
    if let Some(key) = before {
        write.del(table, &key)?;
    }
    match after {
        Some(key) => write.put(table, &key, &[]),
        None => Ok(()),
    }
}

/// Writes a sale, with every index and count that follows from it. The only way in which a sale is ever written.
pub(super) fn put(write: &mut dyn Write, sale: &Sale) -> Result<()> {
    let before = Sale::load(write, &sale.slot)?;
    let b = before.as_ref();
    let queue = match b {
        Some(old) => queued_key(write, old)?,
        None => None,
    };
    // One whose price is not known any more comes into the queue as one that pays nothing.
    let enters = sale.state == State::Queued && sale.in_queue;
    let queue_after = queue_key(write, sale)?.or_else(|| enters.then(|| queue_key_at(sale, U256::ZERO)));
    let mut counts = Counts::load(write)?;
    counts.live = count(counts.live, b.is_some_and(|old| !old.is_ended()), !sale.is_ended())?;
    counts.queued = count(counts.queued, queue.is_some(), queue_after.is_some())?;
    if sale.state == State::Filled && b.is_some_and(|old| old.state == State::Filling) {
        counts.sold = counts.sold.saturating_add(1);
    }
    counts.save(write)?;
    index(write, Table::Queue, queue, queue_after)?;
    index(write, Table::Due, b.and_then(due_key), due_key(sale))?;
    let unsettled = |sale: &Sale| sale.is_unsettled().then(|| unsettled::key(Owner::Sales, &sale.slot).to_vec());
    index(write, Table::Unsettled, b.and_then(unsettled), unsettled(sale))?;
    if b.is_none() {
        write.put(Table::ByRequest, &by_request(sale), &[])?;
        change_request(write, &sale.request, |known| {
            known.sales = known.sales.checked_add(1).ok_or_else(|| Error::overflow("sales of a request"))?;
            Ok(())
        })?;
    }
    write.put(Table::Sales, &sale.slot.0, &sale.encode())
}

/// Up to `most` slots that are due by a time, and the time of the first that is not; passing over those for which `skip` holds.
pub fn due(read: &dyn Read, by: u64, most: usize, skip: &dyn Fn(&Id) -> bool) -> Result<(Vec<Id>, u64)> {
    let (mut slots, mut next) = (Vec::new(), u64::MAX);
    read.walk(Table::Due, &[], &mut |key, _| {
        let Some((at, slot)) = key.split_first_chunk::<8>() else { return ControlFlow::Continue(()) };
        let Some(slot) = slot.try_into().ok().map(Id).filter(|slot| !skip(slot)) else {
            return ControlFlow::Continue(());
        };
        let at = u64::from_be_bytes(*at);
        if at > by || slots.len() == most {
            next = at;
            return ControlFlow::Break(());
        }
        slots.push(slot);
        ControlFlow::Continue(())
    })?;
    Ok((slots, next))
}

/// The best slots of the queue, up to `most`, passing over those for which `skip` holds.
pub fn best_queued(read: &dyn Read, most: usize, skip: &dyn Fn(&Id) -> bool) -> Result<Vec<Id>> {
    let mut slots = Vec::new();
    if most == 0 {
        return Ok(slots);
    }
    read.walk(Table::Queue, &[], &mut |key, _| {
        if let Some(slot) = key.last_chunk::<32>().map(|slot| Id(*slot)).filter(|slot| !skip(slot)) {
            slots.push(slot);
        }
        if slots.len() == most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(slots)
}
