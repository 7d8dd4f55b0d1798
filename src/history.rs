//! The history: numbered events, appended in the transaction that makes them true, and pruned at a limit. The watch
//! hears the same events under the same numbers.

use crate::codec;
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::market::Id;
use std::ops::ControlFlow;

/// The key of the last number in the Meta table.
pub const COUNTER: &[u8] = b"history.last";

/// The number of the last event. A damaged one is found again by the last that is remembered; a verification tells of it.
pub fn last(read: &dyn Read) -> Result<u64> {
    let Some(bytes) = read.get(Table::Meta, COUNTER)? else { return Ok(0) };
    if let Ok(number) = codec::open_number(COUNTER, bytes, &"history.last") {
        return Ok(number);
    }
    let mut last = 0;
    read.walk(Table::History, &[], &mut |key, _| {
        last = key.try_into().map_or(last, u64::from_be_bytes);
        ControlFlow::Continue(())
    })?;
    Ok(last)
}

/// Appends an event and gives it its number.
pub fn append(write: &mut dyn Write, event: &mut Event) -> Result<()> {
    let number = last(write)?.checked_add(1).ok_or_else(|| Error::overflow("the number of events"))?;
    write.put(Table::Meta, COUNTER, &codec::seal_number(COUNTER, number))?;
    event.number = number;
    write.put(Table::History, &number.to_be_bytes(), &event.encode())?;
    Ok(())
}

/// Remembers by which event a slot's reservation or sale ended.
pub fn remember_end(write: &mut dyn Write, slot: &Id, number: u64) -> Result<()> {
    write.put(Table::Ended, &slot.0, &number.to_le_bytes())
}

/// The event that ended a slot's last reservation or sale, as far as remembered.
pub fn ended_by(read: &dyn Read, slot: &Id) -> Result<Option<u64>> {
    Ok(read.get(Table::Ended, &slot.0)?.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes))
}

/// Takes the oldest events away until at most `limit` are left, a few at a time, but more than the transaction has `added`. Answers the slots
/// whose end is forgotten.
pub fn prune(write: &mut dyn Write, limit: u64, added: usize) -> Result<Vec<Id>> {
    const AT_A_TIME: usize = 4;
    let most = added.saturating_add(AT_A_TIME);
    let Some(oldest_kept) = last(write)?.checked_sub(limit) else {
        return Ok(Vec::new());
    };
    let mut old = Vec::new();
    write.walk(Table::History, &[], &mut |key, value| {
        let number = u64::from_be_bytes(key.try_into().unwrap_or([0xff; 8]));
        if number > oldest_kept || old.len() == most {
            return ControlFlow::Break(());
        }
        // A damaged event goes like any other: what it said is lost already.
        old.push((number, Event::decode(number, value).map_or(Id::ZERO, |event| event.slot)));
        ControlFlow::Continue(())
    })?;
    let mut forgotten = Vec::new();
    for (number, slot) in old {
        write.del(Table::History, &number.to_be_bytes())?;
        if ended_by(write, &slot)? == Some(number) {
            write.del(Table::Ended, &slot.0)?;
            forgotten.push(slot);
        }
    }
    Ok(forgotten)
}
