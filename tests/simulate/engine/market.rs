//! What the host forwards from the chain: requests, and events late, twice, out of order, taken back or never. And time, which jumps.

use super::chain::Wire;
use super::truth::{say, Truth};
use super::world::World;
use sales::engine::{At, Engine};
use sales::error::Result;
use sales::market::{Ask, Id, Request, U256};
use sales::status::*;

/// Tells a module what happened on the chain.
pub fn tell(engine: &Engine, now: u64, at: At, wire: &Wire) -> Result<i32> {
    match wire.index {
        Some(index) => engine.on_slot(now, at, wire.request, index, wire.what),
        None => engine.on_request_event(now, at, wire.request, wire.what),
    }
}

/// What makes one request better than another.
#[derive(Clone, Copy)]
struct Drawn {
    size: u64,
    duration: u64,
    expiry: u64,
    price: u64,
    collateral: u64,
}

impl Truth {
    /// Often a request is like another, as far as a place in the queue goes: then what comes later in its order decides.
    fn alike(&mut self, drawn: Drawn) -> Drawn {
        let asks: Vec<(u64, u64, U256, U256, u64)> = (self.chain.requests.values().map(|on| &on.ask))
            .map(|ask| {
                let (price, collateral) = (ask.price_per_byte_per_second, ask.collateral_per_byte);
                (ask.slot_size, ask.duration, price, collateral, ask.expires_at)
            })
            .collect();
        if asks.is_empty() || !self.rng.chance(350) {
            return drawn;
        }
        let (size, duration, price, collateral, expires_at) = self.rng.pick(&asks);
        let (price, collateral) = (price.saturating_to::<u64>(), collateral.saturating_to::<u64>());
        let like = Drawn { size, duration, price, ..drawn };
        let expiry = expires_at.saturating_sub(self.time).clamp(1, duration - 1);
        match self.rng.below(3) {
            0 => like,
            1 => Drawn { collateral, ..like },
            // Of half the price for twice the bytes.
            _ if price % 2 == 0 && collateral % 2 == 0 && size < 2000 => {
                Drawn { size: size * 2, price: price / 2, collateral: collateral / 2, expiry, ..like }
            }
            _ => Drawn { collateral, expiry, ..like },
        }
    }
}

impl World {
    /// Where in the chain something was seen: what is told again is of the same block.
    fn at(&self, block: u64) -> At {
        let mut t = self.t();
        let block = if block == 0 {
            // Much is often told of one block.
            let new = t.block == 0 || t.rng.chance(600);
            t.block += u64::from(new);
            t.block
        } else {
            block
        };
        let time = if t.rng.chance(500) { t.time } else { 0 };
        t.latest = t.latest.max(time);
        At { block, time, log: 0, removed: false }
    }

    pub fn post(&self) {
        let told = {
            let mut t = self.t();
            t.posted += 1;
            let (posted, big) = (t.posted, t.has.big);
            let rng = &mut t.rng;
            let slots = if big { rng.range(150, 400) } else { rng.range(1, 5) } as u64;
            let size = rng.range(1, 40) as u64 * 50;
            let duration = if big { rng.pick(&[3000, 20_000]) } else { rng.pick(&[400, 900, 3000, 20_000]) };
            let expiry = rng.range(30, 350) as u64;
            let (price, collateral) = (rng.range(1, 9) as u64, rng.range(1, 3) as u64);
            let drawn = Drawn { size, duration, expiry, price, collateral };
            let Drawn { size, duration, expiry, price, collateral } = t.alike(drawn);
            let mut nonce = [0; 32];
            nonce[..8].copy_from_slice(&posted.to_be_bytes());
            let request = Request {
                client: [1; 20],
                proof_probability: U256::from(4),
                price_per_byte_per_second: U256::from(price),
                collateral_per_byte: U256::from(collateral),
                slots,
                slot_size: size,
                duration,
                max_slot_loss: if t.rng.chance(500) { t.rng.below(slots as usize + 1) as u64 } else { 0 },
                expiry,
                cid: vec![1, 2, 3],
                merkle_root: [4; 32],
                nonce,
            };
            let whole = !t.has.read_request || t.rng.chance(500);
            let ask = Ask {
                request_id: request.id(),
                proof_probability: request.proof_probability,
                price_per_byte_per_second: request.price_per_byte_per_second,
                collateral_per_byte: request.collateral_per_byte,
                slots,
                slot_size: size,
                duration,
                max_slot_loss: request.max_slot_loss,
                expires_at: t.time + expiry,
                ends_at: t.time + duration,
                request: whole.then(|| request.clone()),
            };
            let told = Ask { ends_at: if t.rng.chance(150) { 0 } else { ask.ends_at }, ..ask.clone() };
            t.chain.post(ask, request);
            if let Some(on) = t.chain.requests.get_mut(&told.request_id) {
                on.end_told = told.ends_at > 0;
            }
            told
        };
        self.on_request(told);
    }

    fn on_request(&self, ask: Ask) {
        let id = ask.request_id;
        let block = self.t().chain.requests.get(&id).map_or(0, |on| on.block);
        let (now, at) = (self.now(), self.at(block));
        if let Some(on) = self.t().chain.requests.get_mut(&id) {
            on.block = at.block;
        }
        let expected = self.before_a_request(&ask, at.block);
        let what = format!(
            "on_request {} of {} x {}, expires {}, ends {}",
            ask.request_id, ask.slots, ask.slot_size, ask.expires_at, ask.ends_at
        );
        let told = ask.clone();
        let answer = self.call(&what, |engine| engine.on_request(now, at, ask));
        self.after_a_request(&told, at.block, expected, answer.as_ref());
        // It may have been forgotten, and then it begins anew.
        if !matches!(answer, Some(Ok(SALES_ALREADY))) {
            let mut t = self.t();
            t.fulfilled.remove(&told.request_id);
            t.chain.tell_end_again(&told.request_id);
        }
        match answer {
            Some(Ok(SALES_OK)) => self.t().count("request accepted"),
            Some(Ok(SALES_REFUSED)) => self.t().count("request refused"),
            _ => {}
        }
    }

    /// A request is told again, perhaps long after.
    pub fn repost(&self) {
        let ask = {
            let mut t = self.t();
            let ids: Vec<Id> = t.chain.requests.keys().copied().collect();
            if ids.is_empty() {
                return;
            }
            let id = t.rng.pick(&ids);
            let request = t.chain.request(&id);
            Ask { request, ..t.chain.requests[&id].ask.clone() }
        };
        self.on_request(ask);
    }

    /// One event of the chain is told: late, twice, out of order, taken back, or never.
    pub fn deliver(&self, in_order: bool) -> bool {
        let (wire, at, how) = {
            let mut t = self.t();
            if t.chain.wire.is_empty() || t.engine.is_none() {
                return false;
            }
            let len = t.chain.wire.len().min(4);
            let at = if in_order { 0 } else { t.rng.below(len) };
            let wire = t.chain.wire[at];
            let how = if in_order { 100 } else { t.rng.below(100) };
            (wire, at, how)
        };
        // The rarest things lie at the end, where a choice that is missing does not lead.
        let (never, removed, twice) =
            (how > 90 && how < 100 && !wire.sure, how > 85 && how <= 90, (75..=85).contains(&how));
        if never {
            let mut t = self.t();
            t.chain.wire.remove(at);
            t.count("event never told");
            return true;
        }
        let now = self.now();
        let mut seen = if removed { At::default() } else { self.at(wire.block) };
        if at > 0 {
            self.t().count("event out of order");
        }
        if removed {
            seen.removed = true;
            self.t().count("event taken back");
        }
        let back = if seen.removed { ", taken back" } else { "" };
        let what = format!("event {:?} of {} {:?}{back}", wire.what, wire.request, wire.index);
        if let Some(on) = self.t().chain.wire.iter_mut().find(|other| **other == wire).filter(|_| !removed) {
            on.block = seen.block;
        }
        let before = self.t().before_it_is_told(&wire);
        let of_it = |t: &Truth| {
            let of_it = |taken_back: &&_| **taken_back == (wire.request, wire.index, wire.what);
            t.chain.taken_back.iter().filter(of_it).count()
        };
        if removed {
            let mut t = self.t();
            t.is_taken_back(wire.request, wire.index, wire.what);
            t.chain.taken_back.push((wire.request, wire.index, wire.what));
        } else {
            self.t().tells((seen.block, wire.request, wire.index, Some(wire.what)));
        }
        self.t().asked.stirred();
        let times = of_it(&self.t());
        let sales_before = self.before(&wire);
        let told = self.call(&what, |engine| tell(engine, now, seen, &wire));
        if self.t().has.threads == 0 && matches!(told, Some(Ok(SALES_OK))) {
            self.taken_in(&wire, removed, &sales_before);
        }
        let mut t = self.t();
        if !removed {
            t.has_told((seen.block, wire.request, wire.index, Some(wire.what)), told.as_ref());
        }
        if let (Some(before), Some(Ok(SALES_OK | SALES_ALREADY))) = (before, &told) {
            t.is_taken_in(&wire, removed, &before);
        }
        let wire = if removed { wire } else { Wire { block: seen.block, ..wire } };
        t.count("event told");
        let durable = matches!(told, Some(Ok(SALES_OK | SALES_ALREADY)));
        if durable && !seen.removed && of_it(&t) == times {
            if twice {
                t.count("event told twice");
            } else if let Some(at) = t.chain.wire.iter().position(|other| *other == wire) {
                t.chain.wire.remove(at);
            }
        }
        durable
    }

    pub fn time(&self) {
        let next = self.engine().and_then(|engine| engine.next_deadline().ok()).unwrap_or(u64::MAX);
        let now = {
            let mut t = self.t();
            let time = t.time;
            let by = match t.rng.below(10) {
                0..=4 => t.rng.range(0, 5) as u64,
                5..=7 if next != u64::MAX && next > time => next - time,
                8 => t.rng.range(1, 100) as u64,
                9 if t.rng.chance(200) => t.rng.range(1, 5000) as u64,
                _ => 1,
            };
            t.advance(by);
            let odds = t.odds;
            if t.hit(odds.clock) {
                t.count("the clock jumps");
                t.skew = t.rng.pick(&[0, 3, -3, -3600, -100, 100, 3600]);
            } else if t.hit(100) {
                t.skew = t.rng.pick(&[0, 0, 1, -1]);
            }
            t.now()
        };
        self.tick(now);
    }

    pub fn tick(&self, now: u64) {
        let (time, faults) = {
            let mut t = self.t();
            t.latest = t.latest.max(now);
            t.asked.clock(now);
            (t.time, t.faults())
        };
        self.t().wake_by_time();
        // Where other threads are at work, what is looked at after a tick may be theirs.
        let alone = self.t().has.threads == 0;
        let before = if alone { self.before_tick() } else { None };
        let done = self.call(&format!("tick {now} (chain {time})"), |engine| engine.tick(now));
        if matches!(done, Some(Ok(SALES_OK))) {
            self.t().nothing_goes_on_late();
            self.after_tick(now, faults);
        }
        if let (Some(before), Some(Ok(SALES_OK))) = (before, done) {
            self.check_tick(now, before);
            if self.chance(200) {
                self.tick_to_the_end(now);
            } else if self.chance(20) {
                self.set_back();
            }
        }
    }

    /// How big the world has got, for those that are to be big.
    pub fn grow(&self) {
        while self.t().chain.slots().len() < 1000 && !self.is_broken() {
            self.post();
        }
        say!(self.t(), "there are {} slots", self.t().chain.slots().len());
    }
}
