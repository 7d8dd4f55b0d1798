//! The history: numbered events, appended in the transaction that makes them true, and pruned at a limit. The watch
//! hears the same events under the same numbers.

use crate::codec::{Decoder, Encoder};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::market::Id;
use std::ops::ControlFlow;

const LAYOUT: u8 = 1;
const COUNTER: &[u8] = b"history.last";

/// What happened. The numbers are those of SALES_EVENT_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum EventKind {
    /// A sale came into another state.
    State = 1,
    /// A slot was sold.
    Sold = 2,
    /// A sale ended.
    Ended = 3,
    /// Something needs a human.
    Alert = 4,
    /// A call ended that was answered before.
    Done = 5,
    /// A request was refused.
    Refused = 6,
    /// A reservation ended.
    Released = 7,
}

impl EventKind {
    fn from_number(number: u32) -> Option<Self> {
        use EventKind::*;
        [State, Sold, Ended, Alert, Done, Refused, Released].into_iter().find(|kind| *kind as u32 == number)
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its number; 0: not in the history.
    pub number: u64,
    /// The `now` of the call that made it.
    pub time: u64,
    /// The token of a call that ended.
    pub token: u64,
    /// The slot, or zero.
    pub slot: Id,
    /// The request, or zero.
    pub request: Id,
    /// The slot's index.
    pub index: u64,
    /// What led here.
    pub status: i32,
    /// The sale's state, or 0.
    pub state: u32,
    /// Bytes concerned.
    pub bytes: u64,
    /// Why, in words.
    pub text: String,
}

impl Event {
    /// An event of a kind, all else empty.
    pub fn new(kind: EventKind, time: u64) -> Self {
        Event {
            kind,
            number: 0,
            time,
            token: 0,
            slot: Id::ZERO,
            request: Id::ZERO,
            index: 0,
            status: 0,
            state: 0,
            bytes: 0,
            text: String::new(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(LAYOUT)
            .u32(self.kind as u32)
            .u64(self.time)
            .raw(&self.slot.0)
            .raw(&self.request.0)
            .u64(self.index)
            .u32(self.status as u32)
            .u32(self.state)
            .u64(self.bytes)
            .blob(self.text.as_bytes())
            .seal()
    }

    fn decode(number: u64, record: &[u8]) -> Result<Self> {
        let mut d = Decoder::open(record, LAYOUT, "an event of the history")?;
        let kind = d.u32()?;
        let event = Event {
            kind: EventKind::from_number(kind).ok_or_else(|| {
                Error::new(crate::status::SALES_ERR_RECORD, format!("event kind {kind} is not known"))
            })?,
            number,
            time: d.u64()?,
            token: 0,
            slot: Id(d.raw()?),
            request: Id(d.raw()?),
            index: d.u64()?,
            status: d.u32()? as i32,
            state: d.u32()?,
            bytes: d.u64()?,
            text: String::from_utf8_lossy(&d.blob()?).into_owned(),
        };
        d.end()?;
        Ok(event)
    }
}

/// The number of the last event.
pub fn last(read: &dyn Read) -> Result<u64> {
    Ok(match read.get(Table::Meta, COUNTER)? {
        Some(bytes) => {
            u64::from_le_bytes(bytes.try_into().map_err(|_| Error::internal("history.last is not 8 bytes"))?)
        }
        None => 0,
    })
}

/// Appends an event and gives it its number.
pub fn append(write: &mut dyn Write, event: &mut Event) -> Result<()> {
    let number = last(write)?.checked_add(1).ok_or_else(|| Error::overflow("the number of events"))?;
    write.put(Table::Meta, COUNTER, &number.to_le_bytes())?;
    write.put(Table::History, &number.to_be_bytes(), &event.encode())?;
    event.number = number;
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

/// Takes the oldest events away until at most `limit` are left, a few at a time. Answers the slots whose end is forgotten.
pub fn prune(write: &mut dyn Write, limit: u64) -> Result<Vec<Id>> {
    const AT_A_TIME: usize = 4;
    let Some(oldest_kept) = last(write)?.checked_sub(limit) else {
        return Ok(Vec::new());
    };
    let mut old = Vec::new();
    write.walk(Table::History, &[], &mut |key, value| {
        let number = u64::from_be_bytes(key.try_into().unwrap_or([0xff; 8]));
        if number > oldest_kept || old.len() == AT_A_TIME {
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
