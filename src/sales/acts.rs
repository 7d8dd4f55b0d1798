//! What selling writes: sales with their indexes, offers, requests and counts, each as an act of a commit.

use super::offer::{Offer, Terms};
use super::sale::{Return, Sale, State};
use crate::codec::{self, Decoder, Encoder, Named};
use crate::datastore::group::{Act, Txn};
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::history;
use crate::ledger::record::Record;
use crate::market::{Ask, Id, U256};
use crate::status::*;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

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
        let _: u64 = d.u64()?; // reserved in this layout: zero, and nothing is read from it
        d.end()?;
        Ok(counts)
    }

    fn save(&self, write: &mut dyn Write) -> Result<()> {
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

fn count(value: u64, before: bool, after: bool) -> Result<u64> {
    match (before, after) {
        (false, true) => value.checked_add(1).ok_or_else(|| Error::overflow("a count of sales")),
        (true, false) => value.checked_sub(1).ok_or_else(|| Error::internal("a count of sales fell below zero")),
        _ => Ok(value),
    }
}

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

    fn save(&self, write: &mut dyn Write) -> Result<()> {
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
fn readable<T>(loaded: Result<Option<T>>) -> Result<Option<T>> {
    match loaded {
        Err(error) if error.is_of_record() => Ok(None),
        loaded => loaded,
    }
}

/// The same of a request that may be damaged, or missing.
fn change_readable(write: &mut dyn Write, request: &Id, body: impl FnOnce(&mut Known) -> Result<()>) -> Result<()> {
    match Known::load(write, request) {
        Ok(None) => Ok(()),
        Err(error) if error.is_of_record() => Ok(()),
        _ => change_request(write, request, body),
    }
}

fn change_request(write: &mut dyn Write, request: &Id, body: impl FnOnce(&mut Known) -> Result<()>) -> Result<()> {
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
struct Left {
    sales: u32,
    taken: u32,
    /// Those that live, or cannot be read.
    stay: BTreeSet<Id>,
}

fn left_of(read: &dyn Read, request: &Id) -> Result<Left> {
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
fn queued_key(read: &dyn Read, sale: &Sale) -> Result<Option<Vec<u8>>> {
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
fn put(write: &mut dyn Write, sale: &Sale) -> Result<()> {
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

/// An act of selling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesAct {
    /// A request is accepted: it and the sales of its slots.
    Accept {
        /// The request.
        known: Box<Known>,
        /// Its slots.
        sales: Vec<Sale>,
        /// Slots that may wait in the queue.
        queue_limit: u64,
    },
    /// A slot that was freed is queued again; refused as busy when it has a live sale by now, or its request too many.
    Requeue {
        /// The slot's new sale.
        sale: Box<Sale>,
        /// Slots that may wait in the queue.
        queue_limit: u64,
        /// Sales of one request that are kept.
        request_limit: u64,
    },
    /// The whole request was read.
    Learn(Box<Ask>),
    /// A request has started.
    Started(Id),
    /// A sale is where it now is; refused as busy when it is no longer as it was, because another thread moved it meanwhile.
    Put {
        /// As the step found it.
        was: Box<Sale>,
        /// As the step left it.
        now: Box<Sale>,
    },
    /// The space of a sale is reserved: it goes on, from an offer.
    Take {
        /// The slot.
        slot: Id,
        /// The offer.
        offer: Id,
        /// Where it goes on.
        state: State,
        /// When.
        now: u64,
        /// When something is done next by time.
        next_at: u64,
    },
    /// The space of a sale is given up: its offer may sell it again.
    GiveBack(Id),
    /// A new offer.
    NewOffer(Box<Offer>),
    /// An offer has other terms.
    ChangeOffer(Id, Terms),
    /// An offer is removed.
    RemoveOffer(Id),
    /// The chain was seen up to this block.
    Seen(u64),
    /// The history is kept at its limit; what it forgets, the sales forget.
    Prune(u64),
}

impl Act for SalesAct {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let tables = &mut *txn.tables;
        match self {
            SalesAct::Accept { known, sales, queue_limit } => {
                if Known::load(tables, &known.ask.request_id)?.is_some() {
                    return Err(Error::new(
                        SALES_ERR_BUSY,
                        format!("request {} is being accepted", known.ask.request_id),
                    ));
                }
                // Its record may have been lost, and not its sales: those that live go on, and count.
                let left = left_of(tables, &known.ask.request_id)?;
                Known { taken: left.taken, sales: left.sales, ..(**known).clone() }.save(tables)?;
                let act = tables.seq()?.wrapping_add(1);
                let new = sales.iter().filter(|sale| !left.stay.contains(&sale.slot));
                for sale in new.take(sales.len().saturating_sub(left.stay.len())) {
                    put(tables, &Sale { act, ..sale.clone() })?;
                }
                bound_queue(txn, *queue_limit, sales.first().map_or(0, |sale| sale.since))
            }
            SalesAct::Requeue { sale, queue_limit, request_limit } => {
                match Sale::load(tables, &sale.slot)? {
                    Some(old) if !old.is_ended() => {
                        return Err(Error::new(SALES_ERR_BUSY, format!("slot {} has a sale already", sale.slot)));
                    }
                    Some(_) => {}
                    None => {
                        let known = Known::load(tables, &sale.request)?.map_or(0, |known| known.sales);
                        if u64::from(known) >= *request_limit {
                            let text = format!("{request_limit} slots of request {} are known already", sale.request);
                            return Err(Error::new(SALES_ERR_BUSY, text));
                        }
                    }
                }
                let act = tables.seq()?.wrapping_add(1);
                put(tables, &Sale { act, ..(**sale).clone() })?;
                bound_queue(txn, *queue_limit, sale.since)
            }
            SalesAct::Learn(ask) => change_request(tables, &ask.request_id, |known| {
                known.ask = (**ask).clone();
                Ok(())
            }),
            SalesAct::Started(request) => match Known::load(tables, request)? {
                Some(_) => change_request(tables, request, |known| {
                    known.started = true;
                    Ok(())
                }),
                None => Ok(()),
            },
            SalesAct::Put { was, now } => {
                if Sale::load(tables, &now.slot)?.as_ref() != Some(&**was) {
                    return Err(Error::new(
                        SALES_ERR_BUSY,
                        format!("the sale of slot {} was moved meanwhile", now.slot),
                    ));
                }
                put(tables, now)
            }
            SalesAct::Take { slot, offer, state, now, next_at } => take(tables, slot, offer, *state, *now, *next_at),
            SalesAct::GiveBack(slot) => give_back(tables, slot),
            SalesAct::NewOffer(offer) => offer.save(tables),
            SalesAct::ChangeOffer(id, terms) => match Offer::load(tables, id)? {
                Some(offer) => offer.with_terms(*terms)?.save(tables),
                None => {
                    Err(Error::new(SALES_ERR_NOT_FOUND, format!("there is no offer {id}; a zero id makes a new one")))
                }
            },
            SalesAct::RemoveOffer(id) => remove_offer(tables, id),
            SalesAct::Seen(block) if *block > last_block(tables)? => {
                tables.put(Table::Meta, LAST_BLOCK, &codec::seal_number(LAST_BLOCK, *block))
            }
            SalesAct::Seen(_) => Ok(()),
            SalesAct::Prune(limit) => {
                let added = txn.events.len();
                prune(txn.tables, *limit, added)
            }
        }
    }
}

/// The queue is bounded: the worst leave, whichever they are, and say so.
fn bound_queue(txn: &mut Txn<'_>, limit: u64, now: u64) -> Result<()> {
    while Counts::load(txn.tables)?.queued > limit {
        let Some(worst) = txn.tables.last(Table::Queue)? else { return Ok(()) };
        let Some(slot) = worst.last_chunk::<32>().map(|slot| Id(*slot)) else { return Ok(()) };
        let sale = match readable(Sale::load(txn.tables, &slot))? {
            Some(sale) if queued_key(txn.tables, &sale)?.as_ref() == Some(&worst) => sale,
            // Damaged, or not there as far as its sale says: it leaves the queue all the same.
            sale => {
                let mut counts = Counts::load(txn.tables)?;
                counts.queued = counts.queued.saturating_sub(u64::from(sale.is_none()));
                counts.save(txn.tables)?;
                txn.tables.del(Table::Queue, &worst)?;
                continue;
            }
        };
        let text = format!("the queue is full ({limit} slots) and this was the worst");
        let ended = Sale {
            state: State::Ignored,
            back: Return::Done,
            in_queue: false,
            next_at: u64::MAX,
            last_status: SALES_ERR_FULL,
            last_text: text,
            ..sale
        };
        put(txn.tables, &ended)?;
        let mut event = event_of(EventKind::Ended, now, &ended);
        history::append(txn.tables, &mut event)?;
        history::remember_end(txn.tables, &slot, event.number)?;
        txn.events.push(event);
    }
    Ok(())
}

/// An event about a sale.
pub fn event_of(kind: EventKind, now: u64, sale: &Sale) -> Event {
    Event {
        slot: sale.slot,
        request: sale.request,
        index: sale.index,
        status: sale.last_status,
        state: sale.state as u32,
        bytes: sale.size,
        text: sale.last_text.clone(),
        ..Event::new(kind, now)
    }
}

fn take(tables: &mut dyn Write, slot: &Id, offer: &Id, state: State, now: u64, next_at: u64) -> Result<()> {
    let gone = || Error::new(SALES_ERR_BUSY, format!("offer {offer} was removed meanwhile"));
    let Some(sale) = Sale::load(tables, slot)? else {
        return Err(Error::internal(format!("slot {slot} has no sale")));
    };
    let mut from = Offer::load(tables, offer)?.ok_or_else(gone)?;
    from.take(sale.size, sale.collateral, sale.ends_at)?;
    from.save(tables)?;
    change_request(tables, &sale.request, |known| {
        let most = from.terms.max_slots_per_request;
        if most > 0 && known.taken >= most {
            return Err(Error::new(SALES_ERR_BUSY, format!("{most} slots of this request are taken")));
        }
        known.taken = known.taken.checked_add(1).ok_or_else(|| Error::overflow("slots of a request"))?;
        Ok(())
    })?;
    put(tables, &Sale { state, offer: *offer, since: now, attempt: 0, next_at, ..sale })
}

fn give_back(tables: &mut dyn Write, slot: &Id) -> Result<()> {
    let Some(sale) = Sale::load(tables, slot)? else {
        return Err(Error::internal(format!("slot {slot} has no sale")));
    };
    if let Some(mut offer) = readable(Offer::load(tables, &sale.offer))? {
        offer.give_back(sale.size, sale.collateral)?;
        offer.save(tables)?;
    }
    change_readable(tables, &sale.request, |known| {
        // A count that is wrong must not keep the space.
        known.taken = known.taken.saturating_sub(1);
        Ok(())
    })
}

fn remove_offer(tables: &mut dyn Write, id: &Id) -> Result<()> {
    let offer = match Offer::load(tables, id) {
        Ok(Some(offer)) => offer,
        Ok(None) => return Err(Error::new(SALES_ERR_NOT_FOUND, format!("there is no offer {id}"))),
        // Nobody can read what it was; that it is gone is all that can be done for it.
        Err(error) if error.status == SALES_ERR_RECORD => return tables.del(Table::Offers, &id.0),
        Err(error) => return Err(error),
    };
    if offer.sold_slots > 0 {
        let text = format!(
            "{} slots of offer {id} are sold or being attempted: disable it and remove it later",
            offer.sold_slots
        );
        return Err(Error::new(SALES_ERR_IN_USE, text));
    }
    tables.del(Table::Offers, &id.0)
}

fn prune(tables: &mut dyn Write, limit: u64, added: usize) -> Result<()> {
    for slot in history::prune(tables, limit, added)? {
        let Some(sale) = readable(Sale::load(tables, &slot))?.filter(Sale::is_ended) else { continue };
        tables.del(Table::Sales, &slot.0)?;
        tables.del(Table::ByRequest, &by_request(&sale))?;
        change_readable(tables, &sale.request, |known| {
            known.sales = known.sales.saturating_sub(1);
            Ok(())
        })?;
    }
    Ok(())
}
