//! What the ledger and selling say of the same slots: a sale that holds space has a live reservation and the other way round, and what
//! offers and requests count of that is so.

use crate::damage::Found;
use crate::datastore::{Look, Table};
use crate::error::Result;
use crate::ledger::record::{OfSale, Record};
use crate::market::{Id, U256};
use crate::sales::known::Known;
use crate::sales::offer::Offer;
use crate::sales::sale::{Sale, State};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Offers summed up in one walk over the slots: so many that a store has seldom more, and few enough to be kept in memory.
const OFFERS: usize = 65_536;

/// Checks what they say of each other. What cannot be read was told before, and is passed over.
pub fn check(look: &dyn Look, found: &mut Found<'_>) {
    each(look, Table::Slots, |slot, value| {
        if let Some((record, of)) = Record::decode(value, &slot).ok().and_then(taken) {
            check_slot(look, &slot, &record, &of, found);
        }
    });
    each(look, Table::Sales, |slot, value| {
        if let Ok(sale) = Sale::decode(slot, value) {
            check_sale(look, &sale, found);
        }
    });
    offers(look, found);
    requests(look, found);
}

/// Walks the records of a table that are under an id.
fn each(look: &dyn Look, table: Table, mut body: impl FnMut(Id, &[u8])) {
    // A table that cannot be walked was told before.
    let _ = look.walk(table, &mut |key, value| {
        if let Ok(id) = key.try_into().map(Id) {
            body(id, value);
        }
        ControlFlow::Continue(())
    });
}

/// A reservation that counts in an offer and a request.
fn taken(record: Record) -> Option<(Record, OfSale)> {
    let of = record.of.filter(|_| record.is_live())?;
    Some((record, of))
}

fn sale_of(look: &dyn Look, slot: &Id) -> Result<Option<Sale>> {
    look.get(Table::Sales, &slot.0)?.map(|sale| Sale::decode(*slot, &sale)).transpose()
}

fn record_of(look: &dyn Look, slot: &Id) -> Result<Option<Record>> {
    look.get(Table::Slots, &slot.0)?.map(|record| Record::decode(&record, slot)).transpose()
}

fn check_slot(look: &dyn Look, slot: &Id, record: &Record, of: &OfSale, found: &mut Found<'_>) {
    match sale_of(look, slot) {
        Ok(None) => found.record(*slot, format!("slot {slot} is reserved for a sale, and has none")),
        Ok(Some(sale)) if sale.is_ended() || sale.state <= State::ReservingSpace => {
            found.record(*slot, format!("slot {slot} is reserved for a sale that is {}", sale.state.name()));
        }
        Ok(Some(sale)) if (sale.offer, sale.collateral, sale.size) != (of.offer, of.collateral, record.asked) => {
            let text = format!(
                "slot {slot}: {} bytes and {} tokens of offer {} are reserved; its sale is of {} bytes and {} tokens of offer {}",
                record.asked, of.collateral, of.offer, sale.size, sale.collateral, sale.offer
            );
            found.record(*slot, text);
        }
        // One that cannot be read was told before.
        Ok(Some(_)) | Err(_) => {}
    }
    if let Ok(None) = look.get(Table::Offers, &of.offer.0) {
        found.record(*slot, format!("slot {slot} is sold from offer {}, which is not there", of.offer));
    }
}

fn check_sale(look: &dyn Look, sale: &Sale, found: &mut Found<'_>) {
    let (slot, state) = (sale.slot, sale.state);
    if state >= State::ReservingSlot && !state.is_outcome() {
        if let Ok(None) = record_of(look, &slot).map(|record| record.and_then(taken)) {
            found.record(slot, format!("slot {slot} is {}, and nothing is reserved for it", state.name()));
        }
    }
    if sale.is_ended() {
        if let Ok(None) = look.get(Table::Ended, &slot.0) {
            found.index(slot, format!("ended: slot {slot} is missing"));
        }
    }
}

#[derive(Default, PartialEq, Eq)]
struct Sold {
    bytes: u128,
    collateral: U256,
    slots: u64,
}

/// What offers have sold, counted anew: as many offers at a time as fit into memory.
fn offers(look: &dyn Look, found: &mut Found<'_>) {
    let mut passed = 0;
    loop {
        let (mut at, mut sold) = (0, HashMap::new());
        each(look, Table::Offers, |id, _| {
            if (passed..passed + OFFERS).contains(&at) {
                sold.insert(id, Sold::default());
            }
            at += 1;
        });
        if sold.is_empty() {
            return;
        }
        each(look, Table::Slots, |slot, value| {
            let Some((record, of)) = Record::decode(value, &slot).ok().and_then(taken) else { return };
            if let Some(sum) = sold.get_mut(&of.offer) {
                sum.bytes = sum.bytes.saturating_add(record.asked.into());
                sum.collateral = sum.collateral.saturating_add(of.collateral);
                sum.slots = sum.slots.saturating_add(1);
            }
        });
        each(look, Table::Offers, |id, value| {
            let (Some(sum), Ok(offer)) = (sold.get(&id), Offer::decode(id, value)) else { return };
            let Offer { used_size, used_collateral, sold_slots, .. } = offer;
            if (Sold { bytes: used_size.into(), collateral: used_collateral, slots: sold_slots }) != *sum {
                let text = format!(
                    "offer {id} says {sold_slots} slots sold, {used_size} bytes and {used_collateral} tokens; \
                     the records add up to {}, {} and {}",
                    sum.slots, sum.bytes, sum.collateral
                );
                found.total(id, text);
            }
        });
        passed += OFFERS;
    }
}

/// The slots of one request, as they follow each other in the table of all.
#[derive(Default)]
struct Group {
    request: Id,
    sales: u64,
    taken: u64,
}

/// What requests say of their slots, counted anew.
fn requests(look: &dyn Look, found: &mut Found<'_>) {
    let mut group = Group::default();
    let mut good = 0u64;
    let mut end = |group: &Group, found: &mut Found<'_>| {
        if group.sales > 0 && check_request(look, group, found) {
            good = good.saturating_add(1);
        }
    };
    let _ = look.walk(Table::ByRequest, &mut |key, _| {
        let Some((request, slot)) = key.split_first_chunk::<32>() else { return ControlFlow::Continue(()) };
        let Ok(slot) = slot.try_into().map(Id) else { return ControlFlow::Continue(()) };
        if group.request.0 != *request {
            end(&group, found);
            group = Group { request: Id(*request), ..Group::default() };
        }
        let is_taken = record_of(look, &slot).is_ok_and(|record| record.and_then(taken).is_some());
        group.sales = group.sales.saturating_add(1);
        group.taken = group.taken.saturating_add(u64::from(is_taken));
        ControlFlow::Continue(())
    });
    end(&group, found);
    let mut requests = 0u64;
    each(look, Table::Requests, |_, _| requests = requests.saturating_add(1));
    if requests != good {
        let text = format!("{requests} requests are kept, {good} have sales");
        found.total(Id::ZERO, text);
    }
}

/// Answers whether there is such a request.
fn check_request(look: &dyn Look, group: &Group, found: &mut Found<'_>) -> bool {
    let Group { request, sales, taken } = group;
    match look.get(Table::Requests, &request.0).map(|known| known.map(|known| Known::decode(request, &known))) {
        Ok(Some(Ok(known))) if (u64::from(known.sales), u64::from(known.taken)) != (*sales, *taken) => {
            let text = format!(
                "request {request} says {} slots and {} taken; the records add up to {sales} and {taken}",
                known.sales, known.taken
            );
            found.total(*request, text);
            true
        }
        Ok(found) => found.is_some(),
        Err(_) => true,
    }
}
