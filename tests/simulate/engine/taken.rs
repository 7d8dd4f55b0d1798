//! An event of the chain that the module has answered is taken in: what must follow from it is so. Held against worlds
//! in which one thread calls.

use super::chain::Wire;
use super::held::Held;
use super::truth::Truth;
use sales::host::OpKind;
use sales::market::{slot_id, Id};
use sales::sales::sale::{Return, Sale, State};
use sales::sales::Happened;
use std::collections::BTreeMap;

/// What was known of the slots of an event before it was told.
#[derive(Default)]
pub struct Before {
    known: bool,
    sales: BTreeMap<Id, Sale>,
    asked: usize,
}

fn is_over(sale: &Sale) -> bool {
    sale.state >= State::Finished && sale.back == Return::Done
}

impl Truth {
    fn sales_of(&self, wire: &Wire, held: &Held) -> BTreeMap<Id, Sale> {
        let one = wire.index.map(|index| slot_id(&wire.request, index));
        let of_event = |sale: &&Sale| sale.request == wire.request && one.is_none_or(|slot| slot == sale.slot);
        held.sales.values().filter(of_event).map(|sale| (sale.slot, sale.clone())).collect()
    }

    pub fn before_it_is_told(&self, wire: &Wire) -> Option<Before> {
        // A large world takes long to look at.
        if self.has.threads > 0 || self.has.big && self.steps % 8 != 0 {
            return None;
        }
        let held = Held::of(&self.store)?;
        let (known, sales) = (held.requests.contains_key(&wire.request), self.sales_of(wire, &held));
        Some(Before { known, sales, asked: self.asked_of.len() })
    }

    /// The module has answered that it took an event in.
    pub fn is_taken_in(&mut self, wire: &Wire, removed: bool, before: &Before) {
        let Some(held) = Held::of(&self.store) else { return };
        let now = self.sales_of(wire, &held);
        let asked: Vec<(Id, OpKind)> = self.asked_of[before.asked.min(self.asked_of.len())..].to_vec();
        let known = before.known && held.requests.contains_key(&wire.request);
        if !removed && known && wire.what == Happened::RequestFulfilled {
            self.fulfilled.insert(wire.request);
            self.room_before_its_wake();
        }
        let looked_up = |slot: &Id| asked.contains(&(*slot, OpKind::ReadSlot)) || self.is_out(slot, OpKind::ReadSlot);
        let mut wrong = None;
        for (slot, was) in &before.sales {
            let Some(is) = now.get(slot).filter(|is| is.act == was.act) else { continue };
            // An attempt goes on only while something is out for it, and then to its end.
            let leaves = is.state >= State::Finished || is.wanted.is_some();
            let may_be_ours = was.submitted || is.submitted || is.state >= State::Filled;
            let filled = was.state == State::Filled && is.state == State::Filled;
            let good = match (removed, wire.what) {
                _ if is_over(was) => {
                    removed || wire.what != Happened::SlotFreed || !known || !self.may_be_anew(&held, wire)
                }
                (true, _) => !filled || !self.has.read_slot || is.check || is.in_doubt || looked_up(slot),
                (_, Happened::SlotFilled) => may_be_ours || leaves,
                // One that could not ask for its space yet may come back to the queue, and then finds it out by itself.
                (_, Happened::ReservationsFull) => is.state != State::Queued || was.state == State::ReservingSpace,
                (_, Happened::RequestCancelled | Happened::RequestFailed | Happened::RequestEnded) => {
                    leaves || (may_be_ours && !filled) || self.has.read_slot && looked_up(slot)
                }
                (_, Happened::RequestFulfilled) => is.started || is.state >= State::Finished,
                (_, Happened::SlotFreed) => !filled || is.check || is.in_doubt || looked_up(slot),
            };
            if !good {
                wrong = Some(format!(
                    "chain: {:?} (taken back: {removed}) is not taken in: {is:?}, it was {was:?}",
                    wire.what
                ));
            }
        }
        let gone = wire.what == Happened::SlotFreed && !removed && known && before.sales.is_empty();
        if gone && now.is_empty() && self.may_be_anew(&held, wire) {
            wrong =
                Some(format!("chain: slot {:?} of {} was freed, and nobody decides on it", wire.index, wire.request));
        }
        match wrong {
            Some(wrong) => self.broken(wrong),
            None => self.count("an event of the chain taken in"),
        }
    }

    /// A request has room for another sale, and has not ended before it could be made.
    fn may_be_anew(&self, held: &Held, wire: &Wire) -> bool {
        let has_room = held.sales.values().filter(|sale| sale.request == wire.request).count() < 256;
        has_room && !self.was_passed(wire.request, wire.index)
    }

    fn is_out(&self, slot: &Id, kind: OpKind) -> bool {
        self.out.iter().any(|out| out.job.slot == *slot && out.job.kind == kind)
    }

    /// What the module knows of requests is what it was told.
    pub fn requests_are_right(&mut self) -> Result<(), String> {
        let Some(held) = Held::of(&self.store) else { return Ok(()) };
        for (id, known) in &held.requests {
            let Some(on) = self.chain.requests.get(id) else { continue };
            let ends = !on.end_told || known.ends_at == on.ask.ends_at;
            let whole = known.ask.request.is_none() || known.ask.request == self.chain.request(id);
            let told =
                sales::market::Ask { ends_at: known.ask.ends_at, request: known.ask.request.clone(), ..on.ask.clone() };
            if !ends || !whole || told != known.ask {
                return Err(format!("a request is not kept as it was told: {known:?}, {:?}", on.ask));
            }
            if known.started && !self.chain.has_started(id) {
                return Err(format!("request {id} has not started, and the module says so"));
            }
            if self.fulfilled.contains(id) && !known.started {
                return Err(format!(
                    "request {id} was told to be fulfilled, and the module does not know it: {known:?}"
                ));
            }
        }
        for sale in held.sales.values().filter(|sale| sale.state < State::Finished) {
            if self.fulfilled.contains(&sale.request) && !sale.started {
                return Err(format!("its request was told to be fulfilled, and a sale does not know it: {sale:?}"));
            }
        }
        for offer in held.offers.iter().filter(|offer| offer.terms.until > 0) {
            let of_it =
                |sale: &&Sale| sale.offer == offer.id && (State::ReservingSlot..State::Finished).contains(&sale.state);
            let told = |sale: &&Sale| self.chain.requests.get(&sale.request).is_some_and(|on| on.end_told);
            if let Some(sale) =
                held.sales.values().filter(of_it).filter(told).find(|sale| sale.ends_at > offer.terms.until)
            {
                return Err(format!("decision: it ends after its offer, at {}: {sale:?}", offer.terms.until));
            }
        }
        Ok(())
    }
}
