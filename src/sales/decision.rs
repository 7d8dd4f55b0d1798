//! The decision: does an offer match a request. Pure: facts in, a verdict with every reason out. The same function decides on every path.

use super::offer::Offer;
use crate::market::{Ask, Id, Market, U256};

/// What a request was held against. The numbers are those of SALES_RULE_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Rule {
    /// There is no offer.
    NoOffer = 1,
    /// The offer takes no requests.
    Disabled = 2,
    /// The slot does not fit in what the offer has left.
    OfferSize = 3,
    /// The slot does not fit in what the repo has free.
    RepoSpace = 4,
    /// Too short.
    MinDuration = 5,
    /// Too long.
    MaxDuration = 6,
    /// Too cheap.
    Price = 7,
    /// More collateral than the offer has left.
    Collateral = 8,
    /// It ends after the offer.
    Until = 9,
    /// The slot is too small.
    MinSlotSize = 10,
    /// The slot is too large.
    MaxSlotSize = 11,
    /// The offer has enough of this request.
    SlotsPerRequest = 12,
    /// Expired, ended, or too near to it.
    Expired = 13,
    /// A product does not fit.
    Overflow = 14,
    /// It cannot have come from the chain.
    Invalid = 15,
    /// The repo lost bytes.
    Short = 16,
    /// Longer than the market allows.
    DurationLimit = 17,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which rule.
    pub rule: Rule,
    /// By which offer; zero: by every one.
    pub offer: Id,
    /// The value asked.
    pub asked: U256,
    /// The value required.
    pub required: U256,
    /// The same in words.
    pub text: String,
}

/// What the decision knows.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What is asked.
    pub ask: &'a Ask,
    /// When the request ends.
    pub ends_at: u64,
    /// It has started: its expiry no longer counts.
    pub started: bool,
    /// The later of now and the last block.
    pub now: u64,
    /// Seconds before the expiry from which on nothing is begun.
    pub fill_margin_s: u64,
    /// What the repo has free, where it was asked.
    pub repo_available: Option<u64>,
    /// Slots of this request that are sold or being attempted.
    pub taken: u32,
    /// The repo lost bytes.
    pub short: bool,
    /// The market's constants.
    pub market: Market,
}

/// The answer: the offer that matches best, and every reason of those that do not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Of the matching offers the smallest that fits, ties by id.
    pub offer: Option<Id>,
    /// Every rule that failed, for every offer.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// The reasons in one line.
    pub fn describe(&self) -> String {
        self.reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
    }
}

struct Reasons {
    offer: Id,
    list: Vec<Reason>,
}

impl Reasons {
    fn hold(&mut self, ok: bool, rule: Rule, asked: U256, required: U256, what: &str) {
        if !ok {
            let text = format!("{what}: asked {asked}, required {required}");
            self.list.push(Reason { rule, offer: self.offer, asked, required, text });
        }
    }

    fn at_most(&mut self, rule: Rule, asked: impl Into<U256>, limit: impl Into<U256>, what: &str) {
        let (asked, limit) = (asked.into(), limit.into());
        self.hold(asked <= limit, rule, asked, limit, what);
    }

    fn at_least(&mut self, rule: Rule, asked: impl Into<U256>, floor: impl Into<U256>, what: &str) {
        let (asked, floor) = (asked.into(), floor.into());
        self.hold(asked >= floor, rule, asked, floor, what);
    }
}

fn n(value: u64) -> U256 {
    U256::from(value)
}

/// Decides. Every comparison is inclusive.
pub fn decide(facts: &Facts<'_>, offers: &[Offer]) -> Verdict {
    let general = of_the_request(facts);
    let acceptable = general.is_empty();
    let mut verdict = Verdict { offer: None, reasons: general };
    let mut best: Option<&Offer> = None;
    for offer in offers {
        let reasons = of_the_offer(facts, offer);
        if reasons.is_empty() && best.is_none_or(|b| (offer.free_size(), offer.id) < (b.free_size(), b.id)) {
            best = Some(offer);
        }
        verdict.reasons.extend(reasons);
    }
    if offers.is_empty() {
        let text = "there is no offer: make one with sales_offer_put".to_string();
        verdict.reasons.push(Reason { rule: Rule::NoOffer, offer: Id::ZERO, asked: n(1), required: n(0), text });
    }
    verdict.offer = best.filter(|_| acceptable).map(|offer| offer.id);
    verdict
}

/// What no offer can mend.
fn of_the_request(facts: &Facts<'_>) -> Vec<Reason> {
    let ask = facts.ask;
    let mut r = Reasons { offer: Id::ZERO, list: Vec::new() };
    for (value, what) in [
        (n(ask.slots), "slots"),
        (n(ask.slot_size), "slot_size"),
        (n(ask.duration), "duration"),
        (ask.price_per_byte_per_second, "price_per_byte_per_second"),
        (ask.collateral_per_byte, "collateral_per_byte"),
        (ask.proof_probability, "proof_probability"),
    ] {
        r.at_least(Rule::Invalid, value, n(1), what);
    }
    r.at_most(Rule::Invalid, n(ask.max_slot_loss), n(ask.slots), "max_slot_loss");
    if let Some(request) = &ask.request {
        r.at_least(Rule::Invalid, n(request.expiry), n(1), "expiry");
        r.at_most(Rule::Invalid, n(request.expiry), n(request.duration.saturating_sub(1)), "expiry, before the end");
    }
    let total = ask.price_per_slot().and_then(|price| price.checked_mul(n(ask.slots)));
    r.hold(total.is_some(), Rule::Overflow, ask.price_per_byte_per_second, U256::MAX, "the request's price");
    let fits = ask.slots.checked_mul(ask.duration).is_some();
    r.hold(fits, Rule::Overflow, n(ask.duration), n(u64::MAX), "slots x duration");
    if facts.market.duration_limit > 0 {
        r.at_most(Rule::DurationLimit, n(ask.duration), n(facts.market.duration_limit), "the market's duration limit");
    }
    let deadline = if facts.started { facts.ends_at } else { ask.expires_at };
    let earliest = facts.now.saturating_add(facts.fill_margin_s).saturating_add(1);
    r.at_least(Rule::Expired, n(deadline), n(earliest), "time left to fill the slot");
    r.hold(!facts.short, Rule::Short, n(ask.slot_size), n(0), "the repo lost bytes, nothing new is reserved");
    if let Some(available) = facts.repo_available {
        r.at_most(Rule::RepoSpace, n(ask.slot_size), n(available), "free space of the repo");
    }
    r.list
}

fn of_the_offer(facts: &Facts<'_>, offer: &Offer) -> Vec<Reason> {
    let (ask, terms) = (facts.ask, &offer.terms);
    let mut r = Reasons { offer: offer.id, list: Vec::new() };
    r.hold(terms.enabled, Rule::Disabled, n(1), n(0), "the offer is disabled");
    r.at_most(Rule::OfferSize, n(ask.slot_size), n(offer.free_size()), "bytes the offer has left");
    r.at_least(Rule::MinSlotSize, n(ask.slot_size), n(terms.min_slot_size), "smallest slot of the offer");
    if terms.max_slot_size > 0 {
        r.at_most(Rule::MaxSlotSize, n(ask.slot_size), n(terms.max_slot_size), "largest slot of the offer");
    }
    r.at_least(Rule::MinDuration, n(ask.duration), n(terms.min_duration), "shortest duration of the offer");
    if terms.max_duration > 0 {
        r.at_most(Rule::MaxDuration, n(ask.duration), n(terms.max_duration), "longest duration of the offer");
    }
    let floor = terms.min_price_per_byte_per_second;
    r.at_least(Rule::Price, ask.price_per_byte_per_second, floor, "least price per byte and second of the offer");
    match ask.collateral_per_slot() {
        Some(collateral) => {
            r.at_most(Rule::Collateral, collateral, offer.free_collateral(), "collateral the offer has left")
        }
        None => r.hold(false, Rule::Overflow, ask.collateral_per_byte, U256::MAX, "the collateral of a slot"),
    }
    if terms.until > 0 {
        r.at_most(Rule::Until, n(facts.ends_at), n(terms.until), "the offer's end");
    }
    if terms.max_slots_per_request > 0 {
        let taken = u64::from(facts.taken).saturating_add(1);
        r.at_most(Rule::SlotsPerRequest, n(taken), n(terms.max_slots_per_request.into()), "slots of one request");
    }
    r.list
}
