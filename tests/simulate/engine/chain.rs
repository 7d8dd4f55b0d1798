//! The chain as the contract has it: slots, fills, and the end of requests by the clock.

use super::host::Host;
use super::truth::{say, Job, Truth};
use sales::host::{Chain as ChainTable, Op, OpKind, Slot};
use sales::market::{slot_id, Ask, Id, Request, RequestState, SlotState, SlotView, U256};
use sales::sales::Happened;
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Raw {
    Free,
    Filled,
    Repair,
    Paid,
    /// Its host freed it after its request failed.
    Left,
}

#[derive(Debug, Clone)]
struct ChainSlot {
    id: Id,
    raw: Raw,
    mine: bool,
    reservations: u32,
    reserved_by_us: bool,
}

#[derive(Debug, Clone)]
pub struct OnChain {
    pub ask: Ask,
    request: Request,
    slots: Vec<ChainSlot>,
    started: bool,
    failed: bool,
    lost: u64,
    /// The host without a chain to ask has told its end.
    told: bool,
    withdrawn: bool,
    /// In which block it was seen.
    pub block: u64,
    /// The module was told when it ends; else it has to guess by its clock.
    pub end_told: bool,
}

impl OnChain {
    fn state(&self, time: u64) -> RequestState {
        match (self.failed, self.started) {
            (true, _) => RequestState::Failed,
            (_, false) if time > self.ask.expires_at => RequestState::Cancelled,
            (_, false) => RequestState::New,
            (_, true) if time > self.ask.ends_at => RequestState::Finished,
            (_, true) => RequestState::Started,
        }
    }

    fn slot_state(&self, at: usize, time: u64) -> SlotState {
        let raw = self.slots[at].raw;
        match (raw, self.state(time)) {
            (Raw::Paid, _) => SlotState::Paid,
            (_, RequestState::Failed) => SlotState::Failed,
            (Raw::Free, _) => SlotState::Free,
            (_, RequestState::Cancelled) => SlotState::Cancelled,
            (_, RequestState::Finished) => SlotState::Finished,
            (Raw::Filled, _) => SlotState::Filled,
            _ => SlotState::Repair,
        }
    }

    fn is_fillable(&self, at: usize, time: u64) -> bool {
        matches!(self.slots[at].raw, Raw::Free | Raw::Repair)
            && matches!(self.state(time), RequestState::New | RequestState::Started)
    }
}

/// Something that the host will be told of, some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    pub request: Id,
    /// Of one slot, or of the request.
    pub index: Option<u64>,
    pub what: Happened,
    /// It is told to the end, because nobody could ask the chain.
    pub sure: bool,
    /// In which block it was seen; 0: not told yet.
    pub block: u64,
}

#[derive(Default)]
pub struct Chain {
    pub requests: BTreeMap<Id, OnChain>,
    by_slot: BTreeMap<Id, (Id, usize)>,
    /// What happened and was not told yet.
    pub wire: Vec<Wire>,
    /// What was taken back, each time: whoever was telling it has to tell it again.
    pub taken_back: Vec<(Id, Option<u64>, Happened)>,
    /// Fills that were sent, and that nobody knows of: they may land later.
    pub landing: BTreeSet<Id>,
    /// Slots that are ours on chain, or were.
    pub won: BTreeSet<Id>,
}

impl Chain {
    pub fn post(&mut self, ask: Ask, request: Request) {
        let id = ask.request_id;
        let slot = |index: u64| ChainSlot {
            id: slot_id(&id, index),
            raw: Raw::Free,
            mine: false,
            reservations: 0,
            reserved_by_us: false,
        };
        let slots: Vec<ChainSlot> = (0..ask.slots).map(slot).collect();
        for (at, slot) in slots.iter().enumerate() {
            self.by_slot.insert(slot.id, (id, at));
        }
        let on_chain = OnChain {
            ask,
            request,
            slots,
            started: false,
            failed: false,
            lost: 0,
            told: false,
            withdrawn: false,
            block: 0,
            end_told: true,
        };
        self.requests.insert(id, on_chain);
    }

    pub fn slots(&self) -> Vec<Id> {
        self.by_slot.keys().copied().collect()
    }

    pub fn size_of(&self, slot: &Id) -> Option<u64> {
        let (request, _) = self.by_slot.get(slot)?;
        Some(self.requests[request].ask.slot_size)
    }

    pub fn request_of(&self, slot: &Id) -> Option<Id> {
        self.by_slot.get(slot).map(|(request, _)| *request)
    }

    pub fn has_started(&self, request: &Id) -> bool {
        self.requests.get(request).is_some_and(|on| on.started)
    }

    /// The slots of a request, or one of them.
    pub fn slots_of(&self, request: &Id, index: Option<u64>) -> Vec<Id> {
        let Some(on) = self.requests.get(request) else { return Vec::new() };
        let slots = on.slots.iter().enumerate();
        slots.filter(|(at, _)| index.is_none_or(|index| index == *at as u64)).map(|(_, slot)| slot.id).collect()
    }

    pub fn state_of(&self, request: &Id, time: u64) -> Option<RequestState> {
        self.requests.get(request).map(|on| on.state(time))
    }

    pub fn end_of(&self, slot: &Id) -> Option<u64> {
        self.by_slot.get(slot).map(|(request, _)| self.requests[request].ask.ends_at)
    }

    pub fn expiry_of(&self, slot: &Id) -> u64 {
        self.by_slot.get(slot).map_or(0, |(request, _)| self.requests[request].ask.expires_at)
    }

    /// When a slot's request ends, as far as the module was told.
    pub fn told_end(&self, slot: &Id) -> u64 {
        self.by_slot.get(slot).map(|(id, _)| &self.requests[id]).filter(|on| on.end_told).map_or(0, |on| on.ask.ends_at)
    }

    pub fn request(&self, id: &Id) -> Option<Request> {
        self.requests.get(id).map(|on| on.request.clone())
    }

    /// Ours, and its request not over: its space must be kept.
    pub fn is_ours(&self, slot: &Id, time: u64) -> bool {
        let Some((request, at)) = self.by_slot.get(slot) else { return false };
        let on = &self.requests[request];
        on.slots[*at].mine && matches!(on.slot_state(*at, time), SlotState::Filled)
    }

    pub fn is_paid(&self, slot: &Id) -> bool {
        self.by_slot.get(slot).is_some_and(|(request, at)| self.requests[request].slots[*at].raw == Raw::Paid)
    }

    /// A store was lost, and with it what it was told: hosts that cannot ask the chain tell the ends again.
    pub fn tell_ends_again(&mut self) {
        self.requests.values_mut().for_each(|on| on.told = false);
    }

    /// Slots that are still ours although their request has ended.
    pub fn unpaid(&self, time: u64, but: &BTreeSet<Id>) -> Vec<Id> {
        let slots = self.by_slot.iter().filter(|(slot, _)| !but.contains(*slot));
        let ended = |(slot, (request, at)): (&Id, &(Id, usize))| {
            let on = &self.requests[request];
            let over = matches!(on.slot_state(*at, time), SlotState::Finished | SlotState::Cancelled);
            (on.slots[*at].mine && over).then_some(*slot)
        };
        slots.filter_map(ended).collect()
    }

    /// Whose host we are.
    pub fn all_ours(&self) -> impl Iterator<Item = Id> + '_ {
        self.by_slot.keys().copied().filter(|slot| self.host_is_us(slot))
    }

    /// What an operator sees who looks at the chain.
    pub fn host_is_us(&self, slot: &Id) -> bool {
        self.by_slot.get(slot).is_some_and(|(request, at)| self.requests[request].slots[*at].mine)
    }

    pub fn view(&self, slot: &Id, time: u64) -> Option<SlotView> {
        let (request, at) = self.by_slot.get(slot)?;
        let on = &self.requests[request];
        Some(SlotView {
            request_state: on.state(time),
            slot_state: on.slot_state(*at, time),
            is_mine: on.slots[*at].mine,
            expires_at: on.ask.expires_at,
            ends_at: on.ask.ends_at,
            collateral: on.ask.collateral_per_slot().unwrap_or(U256::ZERO),
        })
    }

    fn tell(&mut self, request: Id, index: Option<u64>, what: Happened, sure: bool) {
        self.wire.push(Wire { request, index, what, sure, block: 0 });
    }

    /// A fill arrives. False: it reverts.
    pub fn fill(&mut self, slot: &Id, time: u64, mine: bool) -> bool {
        let Some((request, at)) = self.by_slot.get(slot).copied() else { return false };
        let Some(on) = self.requests.get_mut(&request) else { return false };
        if !on.is_fillable(at, time) {
            return false;
        }
        (on.slots[at].raw, on.slots[at].mine) = (Raw::Filled, mine);
        let full = !on.started && on.slots.iter().all(|slot| slot.raw == Raw::Filled);
        on.started |= full;
        self.landing.remove(slot);
        if mine {
            self.won.insert(*slot);
        }
        self.tell(request, Some(at as u64), Happened::SlotFilled, false);
        if full {
            self.tell(request, None, Happened::RequestFulfilled, false);
        }
        true
    }

    /// A slot loses its host. True: it was ours.
    fn lose(&mut self, slot: &Id, time: u64, sure: bool) -> Option<bool> {
        let (request, at) = self.by_slot.get(slot).copied()?;
        let on = self.requests.get_mut(&request)?;
        if on.slot_state(at, time) != SlotState::Filled {
            return None;
        }
        let was_ours = on.slots[at].mine;
        (on.slots[at].raw, on.slots[at].mine, on.slots[at].reservations) = (Raw::Repair, false, 0);
        on.slots[at].reserved_by_us = false;
        let mut fails = false;
        if on.started {
            on.lost += 1;
            fails = on.lost > on.ask.max_slot_loss;
            on.failed |= fails;
        }
        self.tell(request, Some(at as u64), Happened::SlotFreed, false);
        if fails {
            self.tell(request, None, Happened::RequestFailed, sure);
        }
        Some(was_ours)
    }

    /// A request is told again, which may have been forgotten: so is its end.
    pub fn tell_end_again(&mut self, request: &Id) {
        if let Some(on) = self.requests.get_mut(request) {
            on.told = false;
        }
    }

    /// Hosts watch the clock and tell that a request has ended; those that cannot ask the chain must.
    pub fn tell_ends(&mut self, time: u64, sure: bool) {
        let mut told = Vec::new();
        for (id, on) in &mut self.requests {
            let what = match on.state(time) {
                RequestState::Cancelled => Happened::RequestCancelled,
                RequestState::Finished => Happened::RequestEnded,
                RequestState::Failed => Happened::RequestFailed,
                _ => continue,
            };
            if !std::mem::replace(&mut on.told, true) {
                told.push((*id, what));
            }
        }
        for (id, what) in told {
            self.tell(id, None, what, sure);
        }
    }
}

impl Truth {
    pub fn chain_effect(&mut self, job: &Job) -> i32 {
        let time = self.time;
        let Some((request, at)) = self.chain.by_slot.get(&job.slot).copied() else {
            return match self.chain.requests.contains_key(&job.request) {
                true => SALES_OK,
                false => SALES_HOST_PERMANENT,
            };
        };
        match job.kind {
            OpKind::FillSlot => {
                let done = self.chain.fill(&job.slot, time, true);
                if done && !self.has.read_slot {
                    self.unread.insert(job.slot);
                }
                say!(self, "  chain: fill of {}[{at}]: {done}", request);
                if done {
                    self.count(if self.has.big { "slots won among a thousand" } else { "slots won" });
                    SALES_OK
                } else {
                    self.count("fill refused by the chain");
                    self.rng.pick(&[SALES_HOST_STATE_MISMATCH, SALES_HOST_NOT_ALLOWED])
                }
            }
            OpKind::ReserveSlot => {
                let Some(on) = self.chain.requests.get_mut(&request) else { return SALES_HOST_PERMANENT };
                let slot = &mut on.slots[at];
                if slot.reserved_by_us {
                    return SALES_OK;
                }
                if slot.reservations >= 3 {
                    return SALES_HOST_NOT_ALLOWED;
                }
                slot.reservations += 1;
                slot.reserved_by_us = true;
                if slot.reservations == 3 {
                    self.chain.tell(request, Some(at as u64), Happened::ReservationsFull, false);
                }
                SALES_OK
            }
            OpKind::FreeSlot => {
                let Some(on) = self.chain.requests.get_mut(&request) else { return SALES_HOST_PERMANENT };
                let state = on.slot_state(at, time);
                let slot = &mut on.slots[at];
                if !slot.mine {
                    return SALES_HOST_NOT_ALLOWED;
                }
                slot.mine = false;
                match state {
                    SlotState::Finished | SlotState::Cancelled => slot.raw = Raw::Paid,
                    SlotState::Failed => slot.raw = Raw::Left,
                    state => {
                        slot.raw = Raw::Repair;
                        self.broken(format!("the collateral of slot {} is burned: freed while {state:?}", job.slot));
                    }
                }
                say!(self, "  chain: {}[{at}] is paid out", request);
                SALES_OK
            }
            _ => SALES_OK,
        }
    }

    /// A fill of ours that nobody knows of is mined.
    fn land_late(&mut self) {
        if let Some(slot) = self.chain.landing.pop_first() {
            let landed = self.chain.fill(&slot, self.time, true);
            say!(self, "a fill of ours lands late in {slot}: {landed}");
            if landed {
                self.count("a fill lands late");
            }
        }
    }

    /// What others do on the chain.
    pub fn others_move(&mut self) {
        if self.rng.chance(600) {
            self.land_late();
        }
        let slots = self.chain.slots();
        if slots.is_empty() {
            return;
        }
        let (slot, time) = (self.rng.pick(&slots), self.time);
        let (request, at) = self.chain.by_slot[&slot];
        match self.rng.below(12) {
            0..=3 => {
                if self.chain.fill(&slot, time, false) {
                    self.count("a slot goes to another host");
                    say!(self, "another host fills {request}[{at}]");
                }
            }
            4..=5 => {
                let sure = self.needs_news();
                let lost = self.chain.lose(&slot, time, sure);
                if let Some(ours) = lost {
                    say!(self, "{request}[{at}] loses its host; it was ours: {ours}");
                    self.count(if ours { "a slot of ours is lost" } else { "a slot of another is lost" });
                }
            }
            6..=7 => {
                if let Some(on) = self.chain.requests.get_mut(&request) {
                    if on.state(time) == RequestState::Cancelled && !on.withdrawn {
                        on.withdrawn = true;
                        let sure = self.needs_news();
                        self.chain.tell(request, None, Happened::RequestCancelled, sure);
                    }
                }
            }
            _ => {
                // Others are often in the same hurry, and all of it is gone at once.
                let all = self.rng.chance(500);
                if let Some(on) = self.chain.requests.get_mut(&request) {
                    if on.slots[at].reservations < 3 && on.slots[at].raw == Raw::Free {
                        on.slots[at].reservations = if all { 3 } else { on.slots[at].reservations + 1 };
                        if on.slots[at].reservations == 3 {
                            self.chain.tell(request, Some(at as u64), Happened::ReservationsFull, false);
                        }
                    }
                }
            }
        }
        // A fill that can land no more has reverted.
        let reverted: Vec<Id> = self.chain.landing.iter().copied().filter(|slot| !self.can_land(slot)).collect();
        self.chain.landing.retain(|slot| !reverted.contains(slot));
    }

    /// Its host cannot read the chain, or may not in another life: what the chain tells must come.
    fn needs_news(&self) -> bool {
        !self.has.read_slot || self.has.turns
    }

    /// Whether a fill may land after it was answered: where nobody reads the chain, an operator answers once and for all.
    pub fn lands_late(&mut self) -> bool {
        !self.needs_news() && self.rng.chance(500)
    }

    /// A fill of ours is on its way; where it cannot be done now, it reverts.
    pub fn may_land(&mut self, slot: Id) {
        if self.can_land(&slot) {
            self.chain.landing.insert(slot);
        }
    }

    fn can_land(&self, slot: &Id) -> bool {
        self.chain.by_slot.get(slot).is_some_and(|(id, at)| self.chain.requests[id].is_fillable(*at, self.time))
    }

    /// Time passes on the chain.
    pub fn advance(&mut self, by: u64) {
        self.time += by;
        let (time, sure) = (self.time, self.needs_news());
        self.chain.tell_ends(time, sure);
        let reverted: Vec<Id> = self.chain.landing.iter().copied().filter(|slot| !self.can_land(slot)).collect();
        self.chain.landing.retain(|slot| !reverted.contains(slot));
    }
}

impl Host {
    fn chain(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.asked(op, Some(slot));
        self.serve(Host::job(op, slot.request_id))
    }
}

impl ChainTable for Host {
    fn fill_slot(&self, op: &Op, slot: &Slot<'_>, proof: &[u8], collateral: &U256) -> i32 {
        {
            let mut t = self.enter();
            t.fill_is_right(op, slot, collateral);
            t.judge_fill(op, proof, collateral);
        }
        self.chain(op, slot)
    }

    fn reserve_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.chain(op, slot)
    }

    fn free_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.chain(op, slot)
    }

    fn read_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.chain(op, slot)
    }

    fn read_request(&self, op: &Op, request: &Id) -> i32 {
        self.asked(op, None);
        self.serve(Job { slot: Id::ZERO, ..Host::job(op, *request) })
    }

    fn has(&self, kind: OpKind) -> bool {
        let has = self.shared.lock().has;
        match kind {
            OpKind::ReserveSlot => has.reserve_slot,
            OpKind::ReadSlot => has.read_slot,
            OpKind::FreeSlot => has.free_slot,
            OpKind::ReadRequest => has.read_request,
            _ => false,
        }
    }

    fn has_my_slots(&self) -> bool {
        self.shared.lock().has.my_slots
    }
}
