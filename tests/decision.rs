//! The decision: every rule at its edge, every reason listed, the best fit, and the numbers that the contract lets through.

use sales::market::{Ask, Id, Market, Request, U256};
use sales::sales::decision::{decide, Facts, Rule, Verdict};
use sales::sales::offer::{Offer, Terms};

const NOW: u64 = 1_700_000_000;
const MARGIN: u64 = 15;

fn id(number: u8) -> Id {
    Id([number; 32])
}

fn u(value: u64) -> U256 {
    U256::from(value)
}

/// An ask that the offer below accepts with everything exactly at its limit.
fn ask() -> Ask {
    Ask {
        request_id: id(0xaa),
        proof_probability: u(1),
        price_per_byte_per_second: u(7),
        collateral_per_byte: u(3),
        slots: 4,
        slot_size: 1000,
        duration: 3600,
        max_slot_loss: 4,
        expires_at: NOW + MARGIN + 1,
        ends_at: NOW + 3600,
        request: None,
    }
}

/// Every limit is exactly what the ask asks.
fn tight() -> Terms {
    Terms {
        enabled: true,
        total_size: 1000,
        min_duration: 3600,
        max_duration: 3600,
        min_slot_size: 1000,
        max_slot_size: 1000,
        until: NOW + 3600,
        min_price_per_byte_per_second: u(7),
        total_collateral: u(3000),
        max_slots_per_request: 1,
    }
}

fn facts(ask: &Ask) -> Facts<'_> {
    Facts {
        ask,
        ends_at: ask.ends_at,
        started: false,
        now: NOW,
        fill_margin_s: MARGIN,
        repo_available: Some(1000),
        taken: 0,
        short: false,
        market: Market { repair_reward_percentage: 10, duration_limit: 3600 },
    }
}

fn rules(verdict: &Verdict) -> Vec<Rule> {
    verdict.reasons.iter().map(|reason| reason.rule).collect()
}

/// The rules that refuse an ask held against one offer.
fn refused_by(change: impl FnOnce(&mut Ask, &mut Offer, &mut Scene)) -> Vec<Rule> {
    let (mut ask, mut offer) = (ask(), Offer::new(id(1), tight()));
    let mut scene = Scene { started: false, now: NOW, available: Some(1000), taken: 0, short: false, limit: 3600 };
    change(&mut ask, &mut offer, &mut scene);
    let facts = Facts {
        started: scene.started,
        now: scene.now,
        repo_available: scene.available,
        taken: scene.taken,
        short: scene.short,
        market: Market { repair_reward_percentage: 10, duration_limit: scene.limit },
        ..facts(&ask)
    };
    let verdict = decide(&facts, &[offer]);
    assert_eq!(verdict.offer.is_some(), verdict.reasons.is_empty(), "one offer: it matches, or something refuses");
    rules(&verdict)
}

struct Scene {
    started: bool,
    now: u64,
    available: Option<u64>,
    taken: u32,
    short: bool,
    limit: u64,
}

#[test]
fn every_comparison_is_inclusive() {
    let ask = ask();
    let verdict = decide(&facts(&ask), &[Offer::new(id(1), tight())]);
    assert_eq!(verdict, Verdict { offer: Some(id(1)), reasons: Vec::new() });
}

#[test]
fn one_beyond_each_edge_is_refused_by_that_rule_alone() {
    assert_eq!(refused_by(|_, o, _| o.terms.enabled = false), [Rule::Disabled]);
    assert_eq!(refused_by(|_, o, _| o.terms.total_size = 999), [Rule::OfferSize]);
    assert_eq!(refused_by(|_, o, _| o.used_size = 1), [Rule::OfferSize]);
    assert_eq!(refused_by(|_, _, s| s.available = Some(999)), [Rule::RepoSpace]);
    assert_eq!(refused_by(|_, o, _| (o.terms.min_duration, o.terms.max_duration) = (3601, 0)), [Rule::MinDuration]);
    assert_eq!(refused_by(|_, o, _| (o.terms.min_duration, o.terms.max_duration) = (0, 3599)), [Rule::MaxDuration]);
    assert_eq!(refused_by(|_, o, _| o.terms.min_price_per_byte_per_second = u(8)), [Rule::Price]);
    assert_eq!(refused_by(|_, o, _| o.terms.total_collateral = u(2999)), [Rule::Collateral]);
    assert_eq!(refused_by(|_, o, _| o.used_collateral = u(1)), [Rule::Collateral]);
    assert_eq!(refused_by(|_, o, _| o.terms.until = NOW + 3599), [Rule::Until]);
    assert_eq!(refused_by(|_, o, _| (o.terms.min_slot_size, o.terms.max_slot_size) = (1001, 0)), [Rule::MinSlotSize]);
    assert_eq!(refused_by(|_, o, _| (o.terms.min_slot_size, o.terms.max_slot_size) = (0, 999)), [Rule::MaxSlotSize]);
    assert_eq!(refused_by(|_, _, s| s.taken = 1), [Rule::SlotsPerRequest]);
    assert_eq!(refused_by(|a, _, _| a.expires_at -= 1), [Rule::Expired]);
    assert_eq!(refused_by(|_, _, s| s.now += 1), [Rule::Expired]);
    assert_eq!(refused_by(|_, _, s| s.short = true), [Rule::Short]);
    assert_eq!(refused_by(|_, _, s| s.limit = 3599), [Rule::DurationLimit]);
    assert_eq!(refused_by(|a, _, _| a.max_slot_loss = 5), [Rule::Invalid]);
}

#[test]
fn zero_as_an_upper_limit_is_none() {
    let none = |_: &mut Ask, o: &mut Offer, s: &mut Scene| {
        (o.terms.min_duration, o.terms.max_duration, o.terms.min_slot_size, o.terms.max_slot_size) = (0, 0, 0, 0);
        (o.terms.until, o.terms.max_slots_per_request, s.taken, s.limit) = (0, 0, u32::MAX, 0);
    };
    assert_eq!(refused_by(none), []);
    // What the repo has free, where it could not tell: then reserve itself is the judge.
    assert_eq!(refused_by(|_, _, s| s.available = None), []);
}

#[test]
fn a_started_request_is_held_against_its_end() {
    // The expiry no longer counts: a slot in repair may be filled until the end.
    let repair = |a: &mut Ask, _: &mut Offer, s: &mut Scene| {
        (a.expires_at, s.started) = (NOW - 1, true);
        s.now = NOW + 3600 - MARGIN - 1;
    };
    assert_eq!(refused_by(repair), []);
    let late = |a: &mut Ask, _: &mut Offer, s: &mut Scene| {
        (a.expires_at, s.started) = (NOW - 1, true);
        s.now = NOW + 3600 - MARGIN;
    };
    assert_eq!(refused_by(late), [Rule::Expired]);
    // At the end of all time nothing wraps.
    assert_eq!(refused_by(|_, _, s| s.now = u64::MAX), [Rule::Expired]);
    assert_eq!(refused_by(|a, _, _| a.expires_at = 0), [Rule::Expired]);
}

#[test]
fn all_rules_that_fail_are_listed_for_every_offer() {
    let ask = Ask { slots: 0, max_slot_loss: 1, expires_at: NOW, ..ask() };
    let small = Terms { enabled: false, total_size: 1, max_slot_size: 2, min_slot_size: 0, ..tight() };
    let dear = Terms {
        min_duration: 4000,
        max_duration: 5000,
        min_slot_size: 2000,
        max_slot_size: 0,
        until: NOW,
        min_price_per_byte_per_second: u(8),
        total_collateral: u(1),
        ..tight()
    };
    let facts = Facts { repo_available: Some(1), taken: 1, short: true, ..facts(&ask) };
    let market = Market { duration_limit: 1, ..facts.market };
    let verdict = decide(&Facts { market, ..facts }, &[Offer::new(id(1), small), Offer::new(id(2), dear)]);
    assert_eq!(verdict.offer, None);
    let of = |offer: Id| -> Vec<Rule> {
        verdict.reasons.iter().filter(|reason| reason.offer == offer).map(|reason| reason.rule).collect()
    };
    let general = [Rule::Invalid, Rule::Invalid, Rule::DurationLimit, Rule::Expired, Rule::Short, Rule::RepoSpace];
    assert_eq!(of(Id::ZERO), general, "slots and max_slot_loss are both named");
    assert_eq!(of(id(1)), [Rule::Disabled, Rule::OfferSize, Rule::MaxSlotSize, Rule::SlotsPerRequest]);
    let second = [
        Rule::OfferSize,
        Rule::MinSlotSize,
        Rule::MinDuration,
        Rule::Price,
        Rule::Collateral,
        Rule::Until,
        Rule::SlotsPerRequest,
    ];
    assert_eq!(of(id(2)).into_iter().filter(|rule| *rule != Rule::OfferSize).collect::<Vec<_>>(), second[1..]);
    for reason in &verdict.reasons {
        assert!(!reason.text.is_empty(), "{:?} is told in words", reason.rule);
        assert!(verdict.describe().contains(&reason.text));
    }
    let space = verdict.reasons.iter().find(|reason| reason.rule == Rule::OfferSize).expect("it is there");
    assert_eq!((space.asked, space.required), (u(1000), u(1)), "the value asked and the value required");
}

#[test]
fn without_an_offer_that_is_the_reason() {
    let ask = ask();
    let verdict = decide(&facts(&ask), &[]);
    assert_eq!((verdict.offer, rules(&verdict)), (None, vec![Rule::NoOffer]));
}

#[test]
fn the_smallest_offer_that_fits_is_taken_and_ties_go_by_id() {
    let ask = ask();
    let offer = |number: u8, total: u64, used: u64| {
        let terms = Terms { total_size: total, total_collateral: u(1 << 40), ..tight() };
        Offer { used_size: used, ..Offer::new(id(number), terms) }
    };
    let best = |offers: &[Offer]| decide(&facts(&ask), offers).offer;
    assert_eq!(best(&[offer(1, 5000, 0), offer(2, 2000, 0), offer(3, 3000, 0)]), Some(id(2)));
    // What is left counts, not what it was.
    assert_eq!(best(&[offer(1, 5000, 3900), offer(2, 2000, 0)]), Some(id(1)));
    assert_eq!(best(&[offer(1, 5000, 4001), offer(2, 2000, 0)]), Some(id(2)), "999 bytes are too few");
    assert_eq!(best(&[offer(9, 2000, 0), offer(3, 2000, 0), offer(5, 3000, 1000)]), Some(id(3)));
    // Of those that match: one that is smaller but does not match is passed over, and still says why.
    let mut dear = offer(1, 1000, 0);
    dear.terms.min_price_per_byte_per_second = u(8);
    let verdict = decide(&facts(&ask), &[dear, offer(2, 2000, 0)]);
    assert_eq!((verdict.offer, rules(&verdict)), (Some(id(2)), vec![Rule::Price]));
    // An offer that sold more than it now allows has nothing left; nothing wraps.
    assert_eq!(best(&[offer(1, 1000, 2000), offer(2, 9000, 0)]), Some(id(2)));
}

#[test]
fn products_that_do_not_fit_are_refused_by_name() {
    let huge = |change: &dyn Fn(&mut Ask)| {
        let mut ask = ask();
        change(&mut ask);
        let terms = Terms { total_collateral: U256::MAX, total_size: u64::MAX, ..Terms::default() };
        let terms = Terms { enabled: true, ..terms };
        let market = Market { repair_reward_percentage: 10, duration_limit: 0 };
        let verdict = decide(&Facts { market, repo_available: None, ..facts(&ask) }, &[Offer::new(id(1), terms)]);
        assert_eq!(verdict.offer.is_some(), verdict.reasons.is_empty());
        rules(&verdict)
    };
    let whole = |slots: u64, duration: u64, size: u64, price: U256| {
        huge(&|a: &mut Ask| {
            (a.slots, a.duration, a.slot_size, a.max_slot_loss) = (slots, duration, size, 0);
            (a.price_per_byte_per_second, a.ends_at) = (price, NOW.saturating_add(duration));
            a.expires_at = NOW + 16;
        })
    };
    // maxPrice of exactly 2^256-1 = 3 x 5 x 17 x (2^256-1)/255 is served, one more is not.
    let price = U256::MAX / u(255);
    assert_eq!(price.checked_mul(u(255)), Some(U256::MAX));
    // (Its duration must leave time to fill it: 17 seconds are slots x duration x size in another order.)
    assert_eq!(whole(3, 17, 5, price), []);
    assert_eq!(whole(3, 17, 5, price + u(1)), [Rule::Overflow]);
    assert_eq!(whole(1, 17, u64::MAX, U256::MAX), [Rule::Overflow]);
    // slots x duration is a 64-bit product of the contract.
    assert_eq!(whole(1 << 32, (1 << 32) - 1, 1, u(1)), []);
    assert_eq!(whole(1 << 32, 1 << 32, 1, u(1)), [Rule::Overflow]);
    // The collateral of a slot: to the last token, and one byte more.
    let collateral =
        |per_byte: U256, size: u64| huge(&|a: &mut Ask| (a.collateral_per_byte, a.slot_size) = (per_byte, size));
    assert_eq!(collateral(U256::MAX / u(255), 255), []);
    assert_eq!(collateral(U256::MAX / u(255), 256), [Rule::Overflow]);
    assert_eq!(collateral(U256::MAX, 2), [Rule::Overflow]);
}

#[test]
fn the_product_of_the_collateral_is_compared_and_not_an_average() {
    // 3 per byte x 1000 bytes; an offer with 2,999 left has "2.999 per byte" of its 1,000 bytes.
    assert_eq!(
        refused_by(|_, o, _| (o.terms.total_collateral, o.used_collateral) = (u(5999), u(3000))),
        [Rule::Collateral]
    );
    assert_eq!(refused_by(|_, o, _| (o.terms.total_collateral, o.used_collateral) = (u(6000), u(3000))), []);
    // More set aside than the offer now allows: nothing is left, nothing wraps.
    assert_eq!(refused_by(|_, o, _| o.used_collateral = U256::MAX), [Rule::Collateral]);
}

/// What the contract lets through, and what cannot have come from it.
#[test]
fn what_no_host_can_serve_is_refused_by_name() {
    type Change = fn(&mut Ask);
    let invalid: [(&str, Change); 7] = [
        ("slots", |a| (a.slots, a.max_slot_loss) = (0, 0)),
        ("slot_size", |a| a.slot_size = 0),
        ("duration", |a| a.duration = 0),
        ("price_per_byte_per_second", |a| a.price_per_byte_per_second = U256::ZERO),
        ("collateral_per_byte", |a| a.collateral_per_byte = U256::ZERO),
        ("proof_probability", |a| a.proof_probability = U256::ZERO),
        ("max_slot_loss", |a| a.max_slot_loss = 5),
    ];
    for (name, change) in invalid {
        let mut ask = ask();
        change(&mut ask);
        let terms = Terms { min_slot_size: 0, min_duration: 0, min_price_per_byte_per_second: U256::ZERO, ..tight() };
        let verdict = decide(&facts(&ask), &[Offer::new(id(1), terms)]);
        assert_eq!((verdict.offer, rules(&verdict)), (None, vec![Rule::Invalid]), "{name}");
        assert!(verdict.describe().contains(name), "the reason names {name}: {}", verdict.describe());
    }
    let open = Terms { enabled: true, total_size: u64::MAX, total_collateral: U256::MAX, ..Terms::default() };
    let decide_open = |ask: &Ask| {
        let market = Market { repair_reward_percentage: 10, duration_limit: 0 };
        decide(&Facts { market, repo_available: Some(1 << 40), ..facts(ask) }, &[Offer::new(id(1), open)])
    };
    // 2^63 slots of a long request: slots x duration does not fit.
    assert_eq!(rules(&decide_open(&Ask { slots: 1 << 63, ..ask() })), [Rule::Overflow]);
    // 2^63 slots for one second would be a request of the contract's; it is over before it can be filled.
    let short = Ask { slots: 1 << 63, duration: 1, ends_at: NOW + 1, expires_at: NOW, ..ask() };
    assert_eq!(rules(&decide_open(&short)), [Rule::Expired]);
    // A slot of 2^64-1 bytes is larger than the disk.
    assert_eq!(rules(&decide_open(&Ask { slot_size: u64::MAX, ..ask() })), [Rule::RepoSpace]);
    // So large a collateral that filling it would panic.
    assert_eq!(rules(&decide_open(&Ask { collateral_per_byte: U256::MAX, ..ask() })), [Rule::Overflow]);
    // Any probability of proofs is the contract's own affair.
    assert_eq!(rules(&decide_open(&Ask { proof_probability: U256::MAX, ..ask() })), []);
    // The largest request that fits in every way, on a disk that has room.
    let most = Ask { slots: u64::MAX / 3600, max_slot_loss: u64::MAX / 3600, ..ask() };
    assert_eq!(rules(&decide_open(&most)), []);
}

/// By the contract the expiry lies before the end, and is not zero. Only the whole request tells it.
#[test]
fn an_expiry_that_cannot_have_come_from_the_contract() {
    let with = |expiry: u64| {
        let of = ask();
        let request = Request {
            client: [1; 20],
            proof_probability: of.proof_probability,
            price_per_byte_per_second: of.price_per_byte_per_second,
            collateral_per_byte: of.collateral_per_byte,
            slots: of.slots,
            slot_size: of.slot_size,
            duration: of.duration,
            max_slot_loss: of.max_slot_loss,
            expiry,
            cid: vec![1],
            merkle_root: [0; 32],
            nonce: [0; 32],
        };
        let ask = Ask { request: Some(request), ..of };
        rules(&decide(&facts(&ask), &[Offer::new(id(1), tight())]))
    };
    assert_eq!(with(1), []);
    assert_eq!(with(3599), []);
    for expiry in [0, 3600, 3601, u64::MAX] {
        assert_eq!(with(expiry), [Rule::Invalid], "expiry {expiry} of a duration of 3600");
    }
}

#[test]
fn no_numbers_make_it_panic() {
    let edges = [0, 1, 2, 15, 16, 17, 1000, NOW, u64::MAX / 2, u64::MAX - 16, u64::MAX - 1, u64::MAX];
    let big = [U256::ZERO, u(1), u(u64::MAX), U256::MAX / u(255), U256::MAX - u(1), U256::MAX];
    let mut state = 1u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut accepted = 0;
    for _ in 0..200_000 {
        let mut e = || edges[next(edges.len())];
        let (slots, slot_size, duration, max_slot_loss, expires_at, ends_at) = (e(), e(), e(), e(), e(), e());
        let (now, available, limit, taken) = (e(), e(), e(), e() as u32);
        let (total_size, used_size, until, max_slots) = (e(), e(), e(), e() as u32);
        let (min_duration, max_duration, min_slot_size, max_slot_size) = (e(), e(), e(), e());
        let mut b = || big[next(big.len())];
        let ask = Ask {
            request_id: id(1),
            proof_probability: b(),
            price_per_byte_per_second: b(),
            collateral_per_byte: b(),
            slots,
            slot_size,
            duration,
            max_slot_loss,
            expires_at,
            ends_at,
            request: None,
        };
        let terms = Terms {
            enabled: true,
            total_size,
            min_duration: min_duration % 20,
            max_duration,
            min_slot_size: min_slot_size % 20,
            max_slot_size,
            until,
            min_price_per_byte_per_second: b(),
            total_collateral: b(),
            max_slots_per_request: max_slots,
        };
        let offer = Offer { used_size, used_collateral: b(), ..Offer::new(id(1), terms) };
        let facts = Facts {
            ends_at,
            started: next(2) == 0,
            now,
            repo_available: Some(available),
            taken,
            market: Market { repair_reward_percentage: 255, duration_limit: limit },
            ..facts(&ask)
        };
        let verdict = decide(&facts, &[offer]);
        assert_eq!(verdict.offer.is_some(), verdict.reasons.is_empty());
        if let Some(reason) = verdict.reasons.first() {
            assert!(!reason.text.is_empty());
        } else {
            accepted += 1;
            assert!(slot_size > 0 && slot_size <= available && used_size.checked_add(slot_size) <= Some(total_size));
        }
    }
    println!("decision: cases=200000 accepted={accepted}");
}

/// An offer that was made to end earlier while the repo was asked for a slot's space sold the slot beyond its end.
#[test]
fn a_slot_is_not_taken_from_an_offer_that_ends_before_it() {
    let mut offer = Offer::new(id(1), tight());
    assert!(offer.take(1000, u(3000), NOW + 3601).is_err());
    assert_eq!(offer.sold_slots, 0);
    offer.take(1000, u(3000), NOW + 3600).unwrap();
}
