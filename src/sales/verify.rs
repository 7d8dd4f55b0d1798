//! Selling's records held against each other: each by itself, and every index and count made anew from the sales.

use super::counts::{Counts, COUNTS, LAST_BLOCK};
use super::indexes::{due_key, queue_key_at};
use super::known::{by_request, Known};
use super::offer::Offer;
use super::sale::{Sale, State};
use crate::codec;
use crate::damage::Found;
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::{Look, Table};
use crate::error::Result;
use crate::market::{slot_id, Id, U256};
use std::ops::ControlFlow;

/// Whether a record makes sense by itself; if not, why.
type Sense = std::result::Result<(), String>;

/// Reads a record, and tells of it what can be told apart from itself. An error: it cannot be read.
type ReadRecord<'a> = dyn FnMut(Id, &[u8], &mut Found<'_>) -> Result<Sense> + 'a;

/// What the sales add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    sales: u64,
    live: u64,
    due: u64,
    queued: u64,
    unsettled: u64,
}

/// Checks selling's part of a store. `seq`: the number of its last commit.
pub fn check(look: &dyn Look, seq: u64, found: &mut Found<'_>) {
    records(look, Table::Offers, found, &mut |id, value, _| Ok(check_offer(&Offer::decode(id, value)?)));
    records(look, Table::Requests, found, &mut |id, value, _| Ok(check_request(&id, &Known::decode(&id, value)?)));
    let mut sums = Sums::default();
    records(look, Table::Sales, found, &mut |slot, value, found| {
        let sale = Sale::decode(slot, value)?;
        count(look, &sale, &mut sums, found);
        Ok(check_sale(&sale, seq))
    });
    for index in [
        Index { table: Table::ByRequest, bytes: 64, expected: sums.sales, key_of: &|sale| Some(by_request(sale)) },
        Index { table: Table::Due, bytes: 40, expected: sums.due, key_of: &due_key },
        Index { table: Table::Queue, bytes: 121, expected: sums.queued, key_of: &|sale| queue_key(look, sale) },
        Index { table: Table::Unsettled, bytes: 33, expected: sums.unsettled, key_of: &unsettled_key },
    ] {
        index.check(look, found);
    }
    counts(look, &sums, found);
    last_block(look, found);
}

/// Walks a table of records by id: reads each, and tells what is wrong with it.
fn records(look: &dyn Look, table: Table, found: &mut Found<'_>, read: &mut ReadRecord<'_>) {
    let name = table.name();
    let walked = look.walk(table, &mut |key, value| {
        let Ok(id) = key.try_into().map(Id) else {
            found.record(Id::ZERO, format!("{name}: a key of {} bytes, expected 32", key.len()));
            return ControlFlow::Continue(());
        };
        match read(id, value, found) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => found.record(id, format!("{name}, {id}: {why}")),
            Err(error) => found.record(id, error.text),
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.record(Id::ZERO, error.text);
    }
}

fn check_offer(offer: &Offer) -> Sense {
    let Offer { terms, used_size, used_collateral, sold_slots, sold_until, .. } = offer;
    if *used_size > terms.total_size || *used_collateral > terms.total_collateral {
        return Err(format!("{used_size} bytes and {used_collateral} tokens are sold, more than it has"));
    }
    if *sold_slots == 0 && (*used_size > 0 || *used_collateral > U256::ZERO || *sold_until > 0) {
        return Err(format!("no slots are sold, but {used_size} bytes until {sold_until}"));
    }
    Ok(())
}

fn check_request(id: &Id, known: &Known) -> Sense {
    if known.ask.request_id != *id {
        return Err(format!("the ask is of request {}", known.ask.request_id));
    }
    if let Some(request) = &known.ask.request {
        known.ask.agrees_with(request).map_err(|error| error.text)?;
    }
    if known.sales == 0 || known.taken > known.sales {
        return Err(format!("{} of its {} slots are taken", known.taken, known.sales));
    }
    Ok(())
}

fn check_sale(sale: &Sale, seq: u64) -> Sense {
    let slot = slot_id(&sale.request, sale.index);
    if slot != sale.slot {
        return Err(format!("slot {} of request {} is {slot}", sale.index, sale.request));
    }
    if sale.act > seq {
        return Err(format!("its act is of commit {}, and the last commit is {seq}", sale.act));
    }
    if sale.wanted.is_some_and(|wanted| !wanted.is_outcome()) {
        return Err(format!("it is to end as {:?}, which is no end", sale.wanted));
    }
    if sale.in_queue && sale.state != State::Queued {
        return Err(format!("it waits in the queue and is {}", sale.state.name()));
    }
    Ok(())
}

fn unsettled_key(sale: &Sale) -> Option<Vec<u8>> {
    sale.is_unsettled().then(|| unsettled::key(Owner::Sales, &sale.slot).to_vec())
}

/// As far as the request can be read.
fn queue_key(look: &dyn Look, sale: &Sale) -> Option<Vec<u8>> {
    if sale.state != State::Queued || !sale.in_queue {
        return None;
    }
    let known = look.get(Table::Requests, &sale.request.0).ok()??;
    let known = Known::decode(&sale.request, &known).ok()?;
    Some(queue_key_at(sale, known.ask.price_per_slot().unwrap_or_default()))
}

fn count(look: &dyn Look, sale: &Sale, sums: &mut Sums, found: &mut Found<'_>) {
    let add = |sum: &mut u64, condition: bool| *sum = sum.saturating_add(u64::from(condition));
    add(&mut sums.sales, true);
    add(&mut sums.live, !sale.is_ended());
    add(&mut sums.due, sale.next_at != u64::MAX);
    add(&mut sums.queued, sale.state == State::Queued && sale.in_queue);
    add(&mut sums.unsettled, sale.is_unsettled());
    match look.get(Table::Requests, &sale.request.0) {
        Ok(Some(_)) => {}
        Ok(None) => found.record(sale.slot, format!("slot {}: its request {} is not known", sale.slot, sale.request)),
        Err(error) => found.record(sale.slot, error.text),
    }
}

/// A table whose keys follow from the sales.
struct Index<'a> {
    table: Table,
    /// Bytes of a key.
    bytes: usize,
    /// How many sales have a key in it.
    expected: u64,
    /// The key of a sale.
    key_of: &'a dyn Fn(&Sale) -> Option<Vec<u8>>,
}

impl Index<'_> {
    /// Each entry is one that its sale has. Where there are as many as sales that have one, none is missing.
    fn check(&self, look: &dyn Look, found: &mut Found<'_>) {
        let mut good = 0u64;
        let walked = look.walk(self.table, &mut |key, value| {
            if self.table != Table::Unsettled || key.first() == Some(&(Owner::Sales as u8)) {
                match self.check_entry(look, key, value) {
                    Ok(()) => good = good.saturating_add(1),
                    Err((slot, why)) => found.index(slot, format!("{}: {why}", self.table.name())),
                }
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = walked {
            found.index(Id::ZERO, error.text);
        }
        if good != self.expected {
            self.name_missing(look, found);
        }
    }

    fn check_entry(&self, look: &dyn Look, key: &[u8], value: &[u8]) -> std::result::Result<(), (Id, String)> {
        let Some(slot) = key.last_chunk::<32>().map(|slot| Id(*slot)).filter(|_| key.len() == self.bytes) else {
            return Err((Id::ZERO, format!("a key of {} bytes, expected {}", key.len(), self.bytes)));
        };
        let wrong = |why: String| (slot, format!("slot {slot} {why}"));
        if !value.is_empty() {
            return Err(wrong(format!("has a value of {} bytes, expected none", value.len())));
        }
        match look.get(Table::Sales, &slot.0).and_then(|sale| sale.map(|sale| Sale::decode(slot, &sale)).transpose()) {
            Ok(Some(sale)) if (self.key_of)(&sale).as_deref() == Some(key) => Ok(()),
            Ok(Some(_)) => Err(wrong("is listed where its sale does not say so".into())),
            Ok(None) => Err(wrong("is listed, and has no sale".into())),
            Err(error) => Err((slot, error.text)),
        }
    }

    fn name_missing(&self, look: &dyn Look, found: &mut Found<'_>) {
        // What cannot be walked or read was told before.
        let _ = look.walk(Table::Sales, &mut |key, value| {
            let sale = key.try_into().map(Id).ok().and_then(|slot| Sale::decode(slot, value).ok());
            let Some((slot, key)) = sale.and_then(|sale| Some((sale.slot, (self.key_of)(&sale)?))) else {
                return ControlFlow::Continue(());
            };
            match look.get(self.table, &key) {
                Ok(Some(_)) => {}
                Ok(None) => found.index(slot, format!("{}: slot {slot} is missing", self.table.name())),
                Err(error) => found.index(slot, error.text),
            }
            ControlFlow::Continue(())
        });
    }
}

fn counts(look: &dyn Look, sums: &Sums, found: &mut Found<'_>) {
    let read = |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => Counts::decode(&bytes),
        None => Ok(Counts::default()),
    };
    match look.get(Table::Meta, COUNTS).and_then(read) {
        Ok(Counts { live, queued, .. }) if (live, queued) == (sums.live, sums.queued) => {}
        Ok(Counts { live, queued, .. }) => {
            let text = format!(
                "the counts say {live} sales live and {queued} queued; the records add up to {} and {}",
                sums.live, sums.queued
            );
            found.total(Id::ZERO, text);
        }
        Err(error) => found.record(Id::ZERO, error.text),
    }
}

fn last_block(look: &dyn Look, found: &mut Found<'_>) {
    let read = |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => codec::open_number(LAST_BLOCK, &bytes, &"chain.last_block").map(drop),
        None => Ok(()),
    };
    if let Err(error) = look.get(Table::Meta, LAST_BLOCK).and_then(read) {
        found.record(Id::ZERO, error.text);
    }
}
