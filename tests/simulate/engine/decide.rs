//! The decision once more, in plain words: which rules a request breaks, by which offer, and which offer takes it.

use super::held::Held;
use super::truth::Truth;
use super::world::World;
use sales::engine::Phase;
use sales::error::Result;
use sales::market::{Ask, Id, U256};
use sales::sales::decision::{Rule, Verdict};
use sales::sales::offer::Offer;
use sales::status::*;

/// Seconds before the last moment of a fill from which on none is begun.
pub const MARGIN: u64 = 15;

/// A rule that is broken: by which offer (zero: by all), what is asked, and what would be required.
pub type Broken = (u32, Id, U256, U256);

/// What counts besides the request and the offers.
pub struct Facts {
    pub ends_at: u64,
    pub started: bool,
    pub latest: u64,
    /// What the repo said it has free; `None`: it did not say.
    pub free: Option<u64>,
    pub taken: u32,
    pub short: bool,
    pub longest: u64,
}

fn n(value: u64) -> U256 {
    U256::from(value)
}

/// What no offer can mend.
fn of_the_request(ask: &Ask, facts: &Facts) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut unless = |good: bool, rule: Rule, asked: U256, required: U256| {
        if !good {
            broken.push((rule as u32, Id::ZERO, asked, required));
        }
    };
    let one = n(1);
    for at_least_one in [
        n(ask.slots),
        n(ask.slot_size),
        n(ask.duration),
        ask.price_per_byte_per_second,
        ask.collateral_per_byte,
        ask.proof_probability,
    ] {
        unless(at_least_one != U256::ZERO, Rule::Invalid, at_least_one, one);
    }
    unless(ask.max_slot_loss <= ask.slots, Rule::Invalid, n(ask.max_slot_loss), n(ask.slots));
    if let Some(request) = &ask.request {
        unless(request.expiry != 0, Rule::Invalid, n(request.expiry), one);
        let before_its_end = request.duration.saturating_sub(1);
        unless(request.expiry <= before_its_end, Rule::Invalid, n(request.expiry), n(before_its_end));
    }
    let mut price = Some(ask.price_per_byte_per_second);
    for factor in [ask.slot_size, ask.duration, ask.slots] {
        price = price.and_then(|price| price.checked_mul(n(factor)));
    }
    unless(price.is_some(), Rule::Overflow, ask.price_per_byte_per_second, U256::MAX);
    let slot_seconds = u128::from(ask.slots) * u128::from(ask.duration);
    unless(slot_seconds <= u128::from(u64::MAX), Rule::Overflow, n(ask.duration), n(u64::MAX));
    if facts.longest != 0 {
        unless(ask.duration <= facts.longest, Rule::DurationLimit, n(ask.duration), n(facts.longest));
    }
    let last = if facts.started { facts.ends_at } else { ask.expires_at };
    let soonest = facts.latest + MARGIN + 1;
    unless(last >= soonest, Rule::Expired, n(last), n(soonest));
    unless(!facts.short, Rule::Short, n(ask.slot_size), U256::ZERO);
    if let Some(free) = facts.free {
        unless(ask.slot_size <= free, Rule::RepoSpace, n(ask.slot_size), n(free));
    }
    broken
}

fn of_the_offer(ask: &Ask, facts: &Facts, offer: &Offer) -> Vec<Broken> {
    let terms = &offer.terms;
    let mut broken = Vec::new();
    let mut unless = |good: bool, rule: Rule, asked: U256, required: U256| {
        if !good {
            broken.push((rule as u32, offer.id, asked, required));
        }
    };
    unless(terms.enabled, Rule::Disabled, n(1), U256::ZERO);
    let (size, duration) = (ask.slot_size, ask.duration);
    let left = terms.total_size.saturating_sub(offer.used_size);
    unless(size <= left, Rule::OfferSize, n(size), n(left));
    unless(size >= terms.min_slot_size, Rule::MinSlotSize, n(size), n(terms.min_slot_size));
    unless(terms.max_slot_size == 0 || size <= terms.max_slot_size, Rule::MaxSlotSize, n(size), n(terms.max_slot_size));
    unless(duration >= terms.min_duration, Rule::MinDuration, n(duration), n(terms.min_duration));
    let not_too_long = terms.max_duration == 0 || duration <= terms.max_duration;
    unless(not_too_long, Rule::MaxDuration, n(duration), n(terms.max_duration));
    let (price, floor) = (ask.price_per_byte_per_second, terms.min_price_per_byte_per_second);
    unless(price >= floor, Rule::Price, price, floor);
    match ask.collateral_per_byte.checked_mul(n(size)) {
        Some(tokens) => {
            let left = terms.total_collateral.saturating_sub(offer.used_collateral);
            unless(tokens <= left, Rule::Collateral, tokens, left);
        }
        None => unless(false, Rule::Overflow, ask.collateral_per_byte, U256::MAX),
    }
    unless(terms.until == 0 || facts.ends_at <= terms.until, Rule::Until, n(facts.ends_at), n(terms.until));
    let (one_more, most) = (u64::from(facts.taken) + 1, u64::from(terms.max_slots_per_request));
    unless(most == 0 || one_more <= most, Rule::SlotsPerRequest, n(one_more), n(most));
    broken
}

/// The offer that takes it, and all rules that are broken.
pub fn decide(ask: &Ask, facts: &Facts, offers: &[Offer]) -> (Option<Id>, Vec<Broken>) {
    let mut broken = of_the_request(ask, facts);
    let servable = broken.is_empty();
    let mut fitting = Vec::new();
    for offer in offers {
        let by_this = of_the_offer(ask, facts, offer);
        if by_this.is_empty() {
            fitting.push((offer.terms.total_size.saturating_sub(offer.used_size), offer.id));
        }
        broken.extend(by_this);
    }
    if offers.is_empty() {
        broken.push((Rule::NoOffer as u32, Id::ZERO, n(1), U256::ZERO));
    }
    broken.sort_unstable();
    (fitting.into_iter().min().map(|(_, id)| id).filter(|_| servable), broken)
}

impl Truth {
    /// What counts now for a request.
    pub fn facts(&self, held: &Held, ask: &Ask, free: Option<u64>) -> Facts {
        let known = held.requests.get(&ask.request_id);
        let told = if ask.ends_at > 0 { ask.ends_at } else { self.latest + ask.duration };
        Facts {
            ends_at: known.map_or(told, |known| known.ends_at),
            started: known.is_some_and(|known| known.started),
            latest: self.latest,
            free,
            taken: held.taken(&ask.request_id),
            short: false,
            longest: self.longest,
        }
    }

    pub fn free_space(&self) -> i128 {
        (self.books.capacity - self.books.other - self.books.total).max(0)
    }

    /// The offer that a slot of a request which was accepted would be sold from now.
    pub fn best_offer(&self, held: &Held, request: &Id, free: Option<u64>) -> Option<Id> {
        let ask = &self.chain.requests.get(request)?.ask;
        let ask = Ask { request: self.chain.request(request), ..ask.clone() };
        decide(&ask, &self.facts(held, &ask, free), &held.offers).0
    }
}

impl World {
    /// Whether the module sells nothing because the repo is short; `None` while the books are being settled: nobody can tell then.
    fn is_short(&self) -> Option<bool> {
        let stats = self.engine()?.stats().ok()?;
        (stats.phase != Phase::Recovering as u32).then_some(stats.phase == Phase::Short as u32)
    }

    /// Asks the module what it would do, and holds its answer against the rules.
    pub fn evaluate(&self, ask: &Ask) {
        let (now, alone) = (self.now(), self.t().has.threads == 0);
        self.t().told_free.clear();
        let Some(held) = Held::of(&self.t().store.clone()) else { return };
        let Some(short) = self.is_short() else { return };
        let Some(Ok(verdict)) = self.call("evaluate", |engine| engine.evaluate(now, ask)) else { return };
        if !alone {
            return;
        }
        let mut t = self.t();
        let free = t.told_free.first().copied().flatten();
        let facts = Facts { short, ..t.facts(&held, ask, free) };
        let (offer, broken) = decide(ask, &facts, &held.offers);
        let Verdict { offer: answered, reasons } = verdict;
        let mut reasons: Vec<Broken> =
            reasons.iter().map(|why| (why.rule as u32, why.offer, why.asked, why.required)).collect();
        reasons.sort_unstable();
        t.count("evaluated");
        if (answered, &reasons) != (offer, &broken) {
            t.broken(format!(
                "decision: evaluate says {answered:?} because of {reasons:?}, the rules say {offer:?} because of {broken:?}: {ask:?}"
            ));
        }
    }
}

impl Truth {
    /// A request that is on chain, or one that is at an edge of an offer.
    pub fn ask_to_evaluate(&mut self) -> Option<Ask> {
        let asks: Vec<Ask> = self.chain.requests.values().map(|on| on.ask.clone()).collect();
        let offers = Held::of(&self.store)?.offers;
        if asks.is_empty() {
            return None;
        }
        let mut ask = asks[self.rng.below(asks.len())].clone();
        if self.rng.chance(400) || offers.is_empty() {
            return Some(ask);
        }
        if self.rng.chance(700) {
            ask.request_id = Id([0xab; 32]);
        }
        let at = self.rng.below(offers.len());
        let (offer, terms) = (&offers[at], &offers[at].terms);
        let beside = |rng: &mut crate::rng::Rng, edge: u64| (edge + rng.below(3) as u64).saturating_sub(1);
        let rng = &mut self.rng;
        for _ in 0..rng.range(1, 3) {
            match rng.below(12) {
                0 => ask.slot_size = beside(rng, terms.total_size.saturating_sub(offer.used_size)),
                1 => ask.slot_size = beside(rng, terms.max_slot_size),
                2 => ask.slot_size = beside(rng, terms.min_slot_size),
                3 => ask.duration = beside(rng, terms.max_duration),
                4 => ask.duration = beside(rng, terms.min_duration),
                5 => ask.ends_at = beside(rng, terms.until),
                6 => ask.expires_at = beside(rng, self.latest + MARGIN + 1),
                7 => ask.duration = beside(rng, self.longest),
                8 => {
                    let floor = terms.min_price_per_byte_per_second;
                    ask.price_per_byte_per_second =
                        rng.pick(&[floor, floor + n(1), floor.saturating_sub(n(1)), U256::MAX]);
                }
                9 => {
                    let left = terms.total_collateral.saturating_sub(offer.used_collateral);
                    ask.slot_size = 1;
                    ask.collateral_per_byte = rng.pick(&[left, left + n(1), left.saturating_sub(n(1))]);
                }
                10 => ask.slots = rng.pick(&[0, u64::MAX, 1 << 62]),
                _ => ask.max_slot_loss = ask.slots.saturating_add(rng.below(2) as u64),
            }
        }
        Some(ask)
    }
}

/// What a request that is told must be answered.
pub struct Expected {
    held: Held,
    short: bool,
}

impl World {
    /// A request is about to be told.
    pub fn before_a_request(&self, ask: &Ask, block: u64) -> Option<Expected> {
        let short = self.is_short();
        let mut t = self.t();
        t.tells((block, ask.request_id, None, None));
        t.told_free.clear();
        if t.has.threads > 0 || t.has.big && t.steps % 8 != 0 {
            return None;
        }
        let (held, short) = (Held::of(&t.store)?, short?);
        (!held.requests.contains_key(&ask.request_id)).then_some(Expected { held, short })
    }

    /// The module has answered: as the rules say.
    pub fn after_a_request(&self, ask: &Ask, block: u64, expected: Option<Expected>, answer: Option<&Result<i32>>) {
        let mut t = self.t();
        t.has_told((block, ask.request_id, None, None), answer);
        if matches!(answer, Some(Ok(SALES_REFUSED))) {
            t.was_refused();
        }
        let Some(Expected { held, short }) = expected else { return };
        let free = t.told_free.first().copied().flatten();
        let facts = Facts { short, ..t.facts(&held, ask, free) };
        let (offer, broken) = decide(ask, &facts, &held.offers);
        let wrong = match answer {
            Some(Ok(SALES_OK)) => offer.is_none(),
            Some(Ok(SALES_REFUSED)) => offer.is_some(),
            Some(Ok(_)) => true,
            _ => false,
        };
        if wrong {
            t.broken(format!(
                "decision: a request is answered {answer:?}, the rules say {offer:?}, because of {broken:?}: {ask:?}"
            ));
        }
    }
}
