//! The record of a request, and which slots of it have a sale.

use super::sale::Sale;
use crate::codec::{Decoder, Encoder, Named};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::ledger::record::Record;
use crate::market::{Ask, Id};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What was asked.
    pub ask: Ask,
    /// When it ends.
    pub ends_at: u64,
    /// All its slots were filled once.
    pub started: bool,
    /// Slots of it that are sold or being attempted with space reserved.
    pub taken: u32,
    /// Sales of it that are kept, ended ones included.
    pub sales: u32,
}

impl Known {
    /// Reads a request.
    pub fn load(read: &dyn Read, request: &Id) -> Result<Option<Known>> {
        read.get(Table::Requests, &request.0)?.map(|bytes| Known::decode(request, bytes)).transpose()
    }

    /// Reads the record of the store.
    pub fn decode(request: &Id, bytes: &[u8]) -> Result<Known> {
        let what = Named("the record of request", request);
        let mut d = Decoder::open(&request.0, bytes, &what)?;
        let known = Known {
            ends_at: d.u64()?,
            started: d.flag()?,
            taken: d.u32()?,
            sales: d.u32()?,
            ask: Ask::read(d.inner(&"an ask")?.ok_or_else(|| d.unknown("it has no ask"))?)?,
        };
        d.end()?;
        Ok(known)
    }

    pub(super) fn save(&self, write: &mut dyn Write) -> Result<()> {
        write.put(Table::Requests, &self.ask.request_id.0, &self.encode())
    }

    /// The record of the store.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::begin()
            .u64(self.ends_at)
            .u8(u8::from(self.started))
            .u32(self.taken)
            .u32(self.sales)
            .blob(&self.ask.encode())
            .seal(&self.ask.request_id.0)
    }
}

/// What cannot be read is passed over: what is given back or forgotten beside it must not wait for it for ever.
pub(super) fn readable<T>(loaded: Result<Option<T>>) -> Result<Option<T>> {
    match loaded {
        Err(error) if error.is_of_record() => Ok(None),
        loaded => loaded,
    }
}

/// The same of a request that may be damaged, or missing.
pub(super) fn change_readable(
    write: &mut dyn Write,
    request: &Id,
    body: impl FnOnce(&mut Known) -> Result<()>,
) -> Result<()> {
    match Known::load(write, request) {
        Ok(None) => Ok(()),
        Err(error) if error.is_of_record() => Ok(()),
        _ => change_request(write, request, body),
    }
}

pub(super) fn change_request(
    write: &mut dyn Write,
    request: &Id,
    body: impl FnOnce(&mut Known) -> Result<()>,
) -> Result<()> {
    let Some(mut known) = Known::load(write, request)? else {
        return Err(Error::internal(format!("request {request} of a sale is not known")));
    };
    body(&mut known)?;
    if known.sales == 0 {
        return write.del(Table::Requests, &request.0);
    }
    known.save(write)
}

/// The slots of a request that have a sale.
pub fn slots_of(read: &dyn Read, request: &Id) -> Result<Vec<Id>> {
    let mut slots = Vec::new();
    read.walk(Table::ByRequest, &request.0, &mut |key, _| {
        if key.get(..32) != Some(&request.0[..]) {
            return ControlFlow::Break(());
        }
        slots.extend(key.get(32..).and_then(|slot| slot.try_into().ok()).map(Id));
        ControlFlow::Continue(())
    })?;
    Ok(slots)
}

/// The sales of a request that is not known.
#[derive(Default)]
pub(super) struct Left {
    pub sales: u32,
    pub taken: u32,
    /// Those that live, or cannot be read.
    pub stay: BTreeSet<Id>,
}

pub(super) fn left_of(read: &dyn Read, request: &Id) -> Result<Left> {
    let mut left = Left::default();
    for slot in slots_of(read, request)? {
        left.sales = left.sales.saturating_add(1);
        let is_taken = |record: Record| record.is_live() && record.of.is_some();
        left.taken = left.taken.saturating_add(u32::from(readable(Record::load(read, &slot))?.is_some_and(is_taken)));
        let is_over = match Sale::load(read, &slot) {
            Ok(sale) => sale.is_none_or(|sale| sale.is_ended()),
            Err(error) if error.is_of_record() => false,
            Err(error) => return Err(error),
        };
        if !is_over {
            left.stay.insert(slot);
        }
    }
    Ok(left)
}

/// The key of a sale in the table of the sales of a request.
pub fn by_request(sale: &Sale) -> Vec<u8> {
    [&sale.request.0[..], &sale.slot.0[..]].concat()
}
