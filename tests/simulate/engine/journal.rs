//! What a commit says: for each move of a sale the events that tell it, in the history and to the watch, with the right slot, request, amount and
//! reason, once, under numbers without a gap.

use super::held::Held;
use super::truth::Truth;
use sales::datastore::{Backend, Read, Table};
use sales::event::{Event, EventKind};
use sales::market::{Id, U256};
use sales::sales::counts::Counts;
use sales::sales::offer::Offer;
use sales::sales::sale::{Return, Sale, State};
use sales::status::SALES_ERR_FULL;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

/// What one transaction wrote, in its order.
#[derive(Default)]
pub struct Written {
    /// Each as it was, and as it is.
    pub sales: Vec<(Option<Sale>, Sale)>,
    /// Requests that were not known before.
    pub new_requests: Vec<Id>,
    pub events: Vec<Event>,
    /// Slots whose end is remembered, and by which event.
    pub ends: BTreeMap<Id, u64>,
    /// Offers, before and now.
    pub offers: Vec<(Option<Offer>, Offer)>,
    pub requests_gone: Vec<Id>,
    /// Sales counted as sold.
    pub sold: (u64, u64),
    /// The last event before.
    pub last_event: u64,
    /// The greatest block seen, before and now.
    pub block: (u64, u64),
}

impl Written {
    /// As the store is before the transaction.
    pub fn begin(read: &dyn Read) -> Written {
        let number = |key: Vec<u8>| key.try_into().map(u64::from_be_bytes).unwrap_or(0);
        let sold = Counts::load(read).map_or(0, |counts| counts.sold);
        let block = block(read);
        let last_event = read.last(Table::History).ok().flatten().map_or(0, number);
        Written { sold: (sold, sold), block: (block, block), last_event, ..Written::default() }
    }

    pub fn end(&mut self, read: &dyn Read) {
        self.sold.1 = Counts::load(read).map_or(0, |counts| counts.sold);
        self.block.1 = block(read);
    }

    pub fn put(&mut self, key: &[u8], table: Table, before: Option<&[u8]>, now: &[u8]) {
        let id = || key.try_into().map(Id).unwrap_or(Id::ZERO);
        match table {
            Table::History => {
                let number = key.try_into().map(u64::from_be_bytes).unwrap_or(0);
                self.events.extend(Event::decode(number, now));
            }
            Table::Requests if before.is_none() => self.new_requests.push(id()),
            Table::Ended => {
                let number = now.try_into().map(u64::from_le_bytes).unwrap_or(0);
                self.ends.insert(id(), number);
            }
            Table::Offers => {
                let offer = |bytes: &[u8]| Offer::decode(id(), bytes).ok();
                if let Some(now) = offer(now) {
                    self.offers.push((before.and_then(offer), now));
                }
            }
            _ => {}
        }
    }
}

fn block(read: &dyn Read) -> u64 {
    sales::sales::counts::last_block(read).unwrap_or(0)
}

fn is_over(sale: &Sale) -> bool {
    sale.state >= State::Finished && sale.back == Return::Done
}

/// What the events must say of one move.
fn owed(before: Option<&Sale>, after: &Sale) -> Vec<(EventKind, State)> {
    let mut owed = Vec::new();
    let Some(before) = before.filter(|before| before.act == after.act) else { return owed };
    let evicted = before.state == State::Queued && after.state == State::Ignored && after.last_status == SALES_ERR_FULL;
    if before.state != after.state && !evicted {
        owed.push((EventKind::State, after.state));
    }
    if (before.state, after.state) == (State::Filling, State::Filled) {
        owed.push((EventKind::Sold, after.state));
    }
    if is_over(after) && !is_over(before) {
        owed.push((EventKind::Ended, after.state));
    }
    owed
}

/// Moves that a human must be told of.
fn is_alarming(before: Option<&Sale>, after: &Sale) -> bool {
    let Some(before) = before.filter(|before| before.act == after.act) else { return false };
    // Whoever resolves a doubt knows what he says; what is out for the sale is waited for before it goes.
    let taken_from_us =
        before.state == State::Filled && after.state == State::Lost && !before.in_doubt && before.wanted.is_none();
    let nobody_knows = after.in_doubt && !before.in_doubt;
    taken_from_us || nobody_knows
}

impl Truth {
    /// A transaction has become durable.
    pub fn wrote(&mut self, written: &Written) {
        let wrong = self.events_are_right(written).err();
        if let Some(wrong) = wrong {
            self.broken(format!("events: {wrong}"));
        }
        self.to_tell.extend(written.events.iter().cloned());
        for request in &written.requests_gone {
            self.fulfilled.remove(request);
        }
        for (before, now) in &written.offers {
            match before {
                Some(before) if before.terms == now.terms => {
                    if now.sold_slots < before.sold_slots {
                        self.room_before_its_wake();
                    }
                }
                _ => self.wake(),
            }
        }
        let mut evicted = Vec::new();
        let mut anew: Vec<Sale> = Vec::new();
        for (before, after) in &written.sales {
            let same = before.as_ref().filter(|before| before.act == after.act);
            let was = same.map(|before| before.state);
            self.queue_moved(was, after);
            match (was, after.state) {
                (Some(State::Queued), State::ReservingSpace) => {
                    self.order_of(after, same.is_some_and(|before| before.attempt > 0));
                }
                (Some(State::ReservingSpace), State::ReservingSlot | State::Downloading) => {
                    self.sold_from(after);
                    self.sold_within_its_limit(written, after);
                }
                (Some(State::ReservingSpace), State::Queued) if !after.in_queue || after.attempt == 0 => {
                    self.broken(format!(
                        "queue: what found no room is not behind those that were not tried: {after:?}"
                    ));
                }
                (Some(State::Payout), State::Filled) if after.wanted.is_some() => {
                    self.broken(format!("the chain says that it did not end, and it ends again: {after:?}"));
                }
                (Some(State::Payout), State::Lost) if self.chain.is_paid(&after.slot) => {
                    self.broken(format!("a slot that is paid is taken for one of another host: {after:?}"));
                }
                (Some(State::Queued), State::Ignored) if after.last_status == SALES_ERR_FULL => {
                    evicted.push((after.clone(), same.is_some_and(|before| before.attempt > 0)));
                }
                (None, _) => {
                    self.new_sale(written, after);
                    anew.push(after.clone());
                }
                _ => {}
            }
        }
        if !anew.is_empty() {
            self.queued_anew(&anew);
        }
        if !evicted.is_empty() {
            self.evicted(&evicted);
        }
        self.block_is_durable(written.block);
    }

    fn events_are_right(&self, written: &Written) -> Result<(), String> {
        let mut next = written.last_event;
        for event in &written.events {
            if event.number != next + 1 {
                return Err(format!("event {} follows event {next}", event.number));
            }
            next = event.number;
        }
        let mut left: Vec<&Event> = written.events.iter().collect();
        for (before, after) in &written.sales {
            for (kind, state) in owed(before.as_ref(), after) {
                let is_it =
                    |event: &&Event| event.kind == kind && event.slot == after.slot && event.state == state as u32;
                let Some(at) = left.iter().position(is_it) else {
                    return Err(format!("no event {kind:?} tells that {before:?} has become {after:?}"));
                };
                let event = left.remove(at);
                let said = (event.request, event.index, event.bytes);
                let why = (event.status, &event.text) == (after.last_status, &after.last_text);
                // What happened while the repo was asked for its space is told with its next move.
                let reserved = before.as_ref().is_some_and(|before| before.state == State::ReservingSpace)
                    && after.state < State::Finished;
                if said != (after.request, after.index, after.size) || !why && !reserved {
                    return Err(format!("{event:?} does not tell what happened to {after:?}"));
                }
                if kind == EventKind::Ended && written.ends.get(&after.slot) != Some(&event.number) {
                    return Err(format!("the end of slot {} is not remembered", after.slot));
                }
            }
            let alert = |event: &&Event| event.kind == EventKind::Alert && event.slot == after.slot;
            if is_alarming(before.as_ref(), after) && !left.iter().any(alert) {
                return Err(format!("nobody is alerted that {before:?} has become {after:?}"));
            }
        }
        let of_sales = |event: &&&Event| matches!(event.kind, EventKind::State | EventKind::Sold | EventKind::Ended);
        if let Some(event) = left.iter().find(of_sales) {
            return Err(format!("{event:?} tells what did not happen"));
        }
        let sold = |(before, after): &&(Option<Sale>, Sale)| {
            before.as_ref().is_some_and(|before| before.state == State::Filling) && after.state == State::Filled
        };
        let sold = written.sales.iter().filter(sold).count() as u64;
        if written.sold.1 != written.sold.0 + sold {
            return Err(format!("{sold} are sold, the count goes from {} to {}", written.sold.0, written.sold.1));
        }
        Ok(())
    }

    /// An offer sells so many slots of a request at most, also where several are attempted at a time.
    fn sold_within_its_limit(&mut self, written: &Written, sale: &Sale) {
        let Some(held) = Held::of(&self.store).filter(|_| written.offers.len() == 1) else { return };
        let offer = held.offers.iter().find(|offer| offer.id == sale.offer);
        let most = offer.map_or(0, |offer| offer.terms.max_slots_per_request);
        let taken = held.taken(&sale.request);
        if most > 0 && taken > most {
            self.broken(format!("S7: {taken} slots of a request are sold, its offer sells {most}: {sale:?}"));
        }
    }

    /// A sale is made as its request asks, and of a slot that was freed to be rebuilt.
    fn new_sale(&mut self, written: &Written, sale: &Sale) {
        let Some(on) = self.chain.requests.get(&sale.request) else { return };
        let ask = &on.ask;
        let collateral = ask.collateral_per_byte * U256::from(ask.slot_size);
        let asked = (ask.slot_size, collateral, ask.expires_at);
        let told = !on.end_told || sale.ends_at == ask.ends_at;
        let freed = !written.new_requests.contains(&sale.request);
        if asked != (sale.size, sale.collateral, sale.expires_at) || !told || sale.index >= ask.slots {
            let text = format!("a sale is not what its request asks: {sale:?}, {ask:?}");
            self.broken(text);
        } else if sale.repairing != freed {
            self.broken(format!("a slot that was freed ({freed}) is not to be rebuilt, or another is: {sale:?}"));
        } else if freed {
            self.count("a freed slot is queued anew");
        }
    }

    /// An event of the history is told to the watch: it is the next that became durable, word for word.
    pub fn told(&mut self, event: &Event) {
        match self.to_tell.pop_front() {
            Some(owed) if owed == *event => {}
            owed => self.broken(format!("events: {event:?} is told, the history says {owed:?}")),
        }
    }

    /// Nobody is inside a call: all is told, and the history holds as many as it may.
    pub fn all_is_told(&self) -> Result<(), String> {
        // In a large world a call may leave over more than it can do; the next goes on.
        if let Some(event) = self.to_tell.front().filter(|_| !self.has.big) {
            return Err(format!("events: the watch was never told {event:?}"));
        }
        let (mut kept, mut last) = (0u64, 0);
        let read = self.store.read(&mut |view| {
            (kept, last) = (0, 0);
            view.walk(Table::History, &[], &mut |key, _| {
                kept += 1;
                last = key.try_into().map(u64::from_be_bytes).unwrap_or(0);
                ControlFlow::Continue(())
            })
        });
        let limit = u64::from(self.options.history_limit);
        match read.is_ok() && kept < limit.min(last) {
            true => Err(format!("events: {kept} are remembered of {last}, the limit is {limit}")),
            false => Ok(()),
        }
    }
}

/// Events that are durable and not told yet.
pub type ToTell = VecDeque<Event>;
