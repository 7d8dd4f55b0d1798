//! Requests as a host tells them: ids, numbers and terms, each held against a second computation that shares nothing with the library's.

use super::input::Input;
use super::plain::{product, Number};
use sales::market::{parse_u256, slot_id, Ask, Id, Market, Request, RequestState, SlotState, U256};
use sales::sales::decision::{decide, Facts};
use sales::sales::offer::{Offer, Terms};
use sales::status::{SALES_ERR_ARGUMENT, SALES_ERR_OVERFLOW};

/// One input: which of the tests, and its bytes.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.u8() % 4 {
        0 => decimal(input.rest()),
        1 => encoding(&request(&mut input), input.u64()),
        2 => decision(&mut input),
        _ => money(&mut input),
    }
}

fn big(input: &mut Input<'_>) -> U256 {
    match input.u8() % 4 {
        0 => U256::from_be_bytes(input.array::<32>()),
        1 => U256::MAX - U256::from(input.u8()),
        _ => U256::from(input.number()),
    }
}

fn request(input: &mut Input<'_>) -> Request {
    let most = usize::from(input.u16() % 600);
    Request {
        client: input.array(),
        proof_probability: big(input),
        price_per_byte_per_second: big(input),
        collateral_per_byte: big(input),
        slots: input.number(),
        slot_size: input.number(),
        duration: input.number(),
        max_slot_loss: input.number(),
        expiry: input.number(),
        merkle_root: input.array(),
        nonce: input.array(),
        cid: input.bytes(most).to_vec(),
    }
}

fn ask(request: &Request, input: &mut Input<'_>) -> Ask {
    Ask {
        request_id: request.id(),
        proof_probability: request.proof_probability,
        price_per_byte_per_second: request.price_per_byte_per_second,
        collateral_per_byte: request.collateral_per_byte,
        slots: request.slots,
        slot_size: request.slot_size,
        duration: request.duration,
        max_slot_loss: request.max_slot_loss,
        expires_at: input.number(),
        ends_at: input.number(),
        request: (input.u8() & 1 == 0).then(|| request.clone()),
    }
}

/// A decimal text, as REST interfaces write it.
fn decimal(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.wrapping_sub(b'0') < 10);
    let plain = digits.then(|| text.chars().fold(Number::default(), |sum, c| sum.append(c as u8 - b'0')));
    match parse_u256(text) {
        Ok(value) => {
            assert_eq!(Some(Number::from(value)), plain, "{text}");
            let printed = value.to_string();
            assert_eq!(parse_u256(&printed), Ok(value));
            assert_eq!(printed, text.trim_start_matches('0').get(..).filter(|t| !t.is_empty()).unwrap_or("0"));
        }
        Err(error) if error.status == SALES_ERR_OVERFLOW => {
            assert!(plain.is_some_and(|n| !n.fits(32)), "{text} fits 256 bits");
        }
        Err(error) => assert!(error.status == SALES_ERR_ARGUMENT && !digits, "{text}: {error:?}"),
    }
}

/// Reads abi.encode of a request as the contract's decoder does, by following its offsets.
fn encoding(request: &Request, index: u64) {
    let bytes = request.abi_encode();
    assert_eq!(bytes.len() % 32, 0);
    let word = |at: usize| -> &[u8; 32] { bytes[at..at + 32].try_into().expect("a word") };
    let small = |at: usize| -> usize {
        assert_eq!(word(at)[..24], [0; 24], "an offset or length beyond 64 bits");
        u64::from_be_bytes(word(at)[24..].try_into().expect("8 bytes")) as usize
    };
    let whole = small(0);
    let content = whole + small(whole + 8 * 32);
    let cid = content + small(content);
    let read = Request {
        client: word(whole)[12..].try_into().expect("20 bytes"),
        proof_probability: U256::from_be_bytes(*word(whole + 32)),
        price_per_byte_per_second: U256::from_be_bytes(*word(whole + 2 * 32)),
        collateral_per_byte: U256::from_be_bytes(*word(whole + 3 * 32)),
        slots: small(whole + 4 * 32) as u64,
        slot_size: small(whole + 5 * 32) as u64,
        duration: small(whole + 6 * 32) as u64,
        max_slot_loss: small(whole + 7 * 32) as u64,
        expiry: small(whole + 9 * 32) as u64,
        nonce: *word(whole + 10 * 32),
        merkle_root: *word(content + 32),
        cid: bytes[cid + 32..cid + 32 + small(cid)].to_vec(),
    };
    assert_eq!(&read, request);
    let end = cid + 32 + request.cid.len();
    assert!(bytes[end..].iter().all(|byte| *byte == 0) && bytes.len() - end < 32, "a tail that is not padding");
    // Another nonce, another request; another index, another slot.
    let mut other = request.clone();
    other.nonce[0] ^= 1;
    assert_ne!(other.id(), request.id());
    assert_ne!(slot_id(&request.id(), index), slot_id(&request.id(), index.wrapping_add(1)));
    assert_ne!(slot_id(&request.id(), index), slot_id(&other.id(), index));
}

fn terms(input: &mut Input<'_>) -> Terms {
    Terms {
        enabled: !input.one_in(5),
        total_size: input.number(),
        min_duration: input.number(),
        max_duration: input.number(),
        min_slot_size: input.number(),
        max_slot_size: input.number(),
        until: input.number(),
        min_price_per_byte_per_second: big(input),
        total_collateral: big(input),
        max_slots_per_request: input.u8().into(),
    }
}

/// The decision, against the rules said once more.
fn decision(input: &mut Input<'_>) {
    let request = request(input);
    let ask = ask(&request, input);
    let facts = Facts {
        ask: &ask,
        ends_at: input.number(),
        started: input.one_in(3),
        now: input.number(),
        fill_margin_s: input.number(),
        repo_available: (input.u8() & 1 == 0).then(|| input.number()),
        taken: input.u8().into(),
        short: input.one_in(8),
        market: Market { repair_reward_percentage: input.u8() % 101, duration_limit: input.number() },
    };
    let mut offers = Vec::new();
    for at in 0..input.below(4) {
        let mut offer = Offer::new(Id([at as u8 + 1; 32]), terms(input));
        let (size, collateral) = (input.number(), big(input));
        let before = offer.clone();
        match offer.take(size, collateral, input.number()) {
            Ok(()) => assert!(offer.used_size == size && offer.used_collateral == collateral && offer.sold_slots == 1),
            Err(_) => assert_eq!(offer, before, "a refusal has changed the offer"),
        }
        offers.push(offer);
    }
    let verdict = decide(&facts, &offers);
    let possible = is_possible(&facts);
    let fitting = offers.iter().filter(|offer| possible && takes(offer, &facts));
    let best = fitting.min_by_key(|offer| (offer.terms.total_size - offer.used_size, offer.id)).map(|offer| offer.id);
    assert_eq!(verdict.offer, best, "{:?}", verdict.reasons);
    for offer in &offers {
        let refused = verdict.reasons.iter().any(|reason| reason.offer == offer.id);
        assert_eq!(refused, !takes(offer, &facts), "a refusal without a reason, or a reason without a refusal");
    }
    assert!(!verdict.reasons.is_empty() || verdict.offer.is_some());
    let _ = verdict.describe();
}

/// What no offer can mend, said plainly.
fn is_possible(f: &Facts<'_>) -> bool {
    let ask = f.ask;
    let n = |value: u64| Number::from(U256::from(value));
    let price =
        product(&[Number::from(ask.price_per_byte_per_second), n(ask.slot_size), n(ask.duration), n(ask.slots)]);
    // The product of the first three has to fit too; as none is zero, it is not above the whole.
    let real = ask.slots > 0
        && ask.slot_size > 0
        && ask.duration > 0
        && ask.price_per_byte_per_second != U256::ZERO
        && ask.collateral_per_byte != U256::ZERO
        && ask.proof_probability != U256::ZERO
        && ask.max_slot_loss <= ask.slots
        && ask.request.as_ref().is_none_or(|r| r.expiry > 0 && r.expiry < r.duration);
    let latest = if f.started { f.ends_at } else { ask.expires_at };
    let in_time = u128::from(latest) > u128::from(f.now) + u128::from(f.fill_margin_s) || saturated(f, latest);
    real && price.fits(32)
        && u128::from(ask.slots) * u128::from(ask.duration) <= u128::from(u64::MAX)
        && (f.market.duration_limit == 0 || ask.duration <= f.market.duration_limit)
        && in_time
        && !f.short
        && f.repo_available.is_none_or(|free| ask.slot_size <= free)
}

/// The end of time: where now and margin pass it, the last second of all is still taken for one to come.
fn saturated(f: &Facts<'_>, latest: u64) -> bool {
    latest == u64::MAX && u128::from(f.now) + u128::from(f.fill_margin_s) >= u128::from(u64::MAX)
}

/// Whether an offer takes it, said plainly.
fn takes(offer: &Offer, f: &Facts<'_>) -> bool {
    let (ask, t) = (f.ask, &offer.terms);
    let collateral = product(&[Number::from(ask.collateral_per_byte), Number::from(U256::from(ask.slot_size))]);
    let within = |value: u64, least: u64, most: u64| value >= least && (most == 0 || value <= most);
    t.enabled
        && u128::from(offer.used_size) + u128::from(ask.slot_size) <= u128::from(t.total_size)
        && within(ask.slot_size, t.min_slot_size, t.max_slot_size)
        && within(ask.duration, t.min_duration, t.max_duration)
        && ask.price_per_byte_per_second >= t.min_price_per_byte_per_second
        && collateral.fits(32)
        && collateral <= Number::from(t.total_collateral - offer.used_collateral)
        && within(f.ends_at, 0, t.until)
        && (t.max_slots_per_request == 0 || f.taken < t.max_slots_per_request)
}

/// Sums and products of money never wrap.
fn money(input: &mut Input<'_>) {
    let (request, percentage) = (request(input), input.u8() % 101);
    let ask = ask(&request, input);
    let n = |value: u64| Number::from(U256::from(value));
    let price = product(&[Number::from(ask.price_per_byte_per_second), n(ask.slot_size), n(ask.duration)]);
    // Where a product of two does not fit, the whole is refused, even when the third is zero.
    match ask.price_per_slot() {
        Some(value) => assert_eq!(Number::from(value), price),
        None => assert!(!price.fits(32) || ask.duration == 0),
    }
    let collateral = product(&[Number::from(ask.collateral_per_byte), n(ask.slot_size)]);
    assert_eq!(ask.collateral_per_slot().map(Number::from), Some(collateral).filter(|c| c.fits(32)));
    let market = Market { repair_reward_percentage: percentage, duration_limit: 0 };
    if let Some(repair) = market.repair_collateral(ask.collateral_per_byte) {
        assert!(repair <= ask.collateral_per_byte);
    }
    assert_eq!(ask.agrees_with(&request), Ok(()));
    let (state, slot) = (RequestState::from(input.u8()), SlotState::from(input.u8()));
    assert!(!format!("{state:?}{slot:?}").is_empty());
}
