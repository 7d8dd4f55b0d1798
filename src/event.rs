//! An event: what happened, to which slot, and why. Plain data; [`crate::history`] keeps and numbers them.

use crate::codec::{Decoder, Encoder};
use crate::error::Result;
use crate::market::Id;

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

    /// The record of the store; the number is its key.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::begin()
            .u32(self.kind as u32)
            .u64(self.time)
            .raw(&self.slot.0)
            .raw(&self.request.0)
            .u64(self.index)
            .u32(self.status as u32)
            .u32(self.state)
            .u64(self.bytes)
            .blob(self.text.as_bytes())
            .seal(&self.number.to_be_bytes())
    }

    /// Reads the record of the store.
    pub fn decode(number: u64, record: &[u8]) -> Result<Self> {
        let mut d = Decoder::open(&number.to_be_bytes(), record, &"an event of the history")?;
        let kind = d.u32()?;
        let event = Event {
            kind: EventKind::from_number(kind).ok_or_else(|| d.unknown(&format!("kind {kind} is not known")))?,
            number,
            time: d.u64()?,
            token: 0,
            slot: Id(d.raw()?),
            request: Id(d.raw()?),
            index: d.u64()?,
            status: d.u32()? as i32,
            state: d.u32()?,
            bytes: d.u64()?,
            text: d.text()?,
        };
        d.end()?;
        Ok(event)
    }
}
