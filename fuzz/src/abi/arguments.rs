//! Arguments as hosts pass them: mostly good, of few kinds, so that calls meet; now and then anything.

use super::super::input::Input;
use super::exports::*;
use super::host::Host;
use super::memory::Block;
use sales::ffi::types::*;
use std::mem::size_of;
use std::ptr::null_mut;

/// A time near those that the requests live in, or any.
pub fn time(input: &mut Input<'_>) -> u64 {
    match input.u8() {
        0 => input.number(),
        other => 1_000 + u64::from(other) * 50,
    }
}

pub fn big(value: u64) -> sales_u256_t {
    let mut be = [0; 32];
    be[24..].copy_from_slice(&value.to_be_bytes());
    sales_u256_t { be }
}

pub fn odd_big(input: &mut Input<'_>, usual: u64) -> sales_u256_t {
    match input.u8() {
        0..=239 => big(usual),
        240..=247 => big(input.number()),
        248..=251 => sales_u256_t { be: [0xff; 32] },
        _ => sales_u256_t { be: input.array() },
    }
}

pub fn odd(input: &mut Input<'_>, usual: u64) -> u64 {
    match input.u8() {
        0..=239 => usual,
        _ => input.number(),
    }
}

/// A request, and the cid that it borrows. Requests of one number are alike, but for what the input bends.
pub fn request(input: &mut Input<'_>, number: u64, straight: bool) -> (sales_request_t, Block) {
    let (kind, mut none) = (number % 4, Input::new(&[]));
    let input = if straight { &mut none } else { input };
    let cid = Block::of(&vec![0x20 + kind as u8; 1 + kind as usize * 20]);
    let mut nonce = [0; 32];
    nonce[0] = kind as u8;
    let request = sales_request_t {
        size: size_of::<sales_request_t>() as u32,
        client: sales_address_t { bytes: [kind as u8; 20] },
        proof_probability: odd_big(input, 10),
        price_per_byte_per_second: odd_big(input, 5 + kind),
        collateral_per_byte: odd_big(input, 2),
        slots: odd(input, 1 + kind),
        slot_size: odd(input, 100 * (1 + kind)),
        duration: odd(input, 6_000),
        max_slot_loss: odd(input, kind.min(1)),
        expiry: odd(input, 2_000),
        cid: sales_bytes_t { data: cid.ptr(), len: cid.bytes().len() },
        merkle_root: sales_id_t { bytes: [3; 32] },
        nonce: sales_id_t { bytes: nonce },
    };
    (request, cid)
}

pub fn id_of(request: &sales_request_t) -> sales_id_t {
    let mut id = sales_id_t { bytes: [0; 32] };
    // SAFETY: both are valid structs.
    unsafe { sales_request_id(request, &mut id, null_mut()) };
    id
}

pub fn any_request_id(host: &Host<'_>) -> sales_id_t {
    host.with(|input| match input.u8() {
        0 => sales_id_t { bytes: input.array() },
        number => id_of(&request(input, number.into(), true).0),
    })
}

pub fn any_slot(host: &Host<'_>) -> sales_id_t {
    let (which, index) = host.with(|input| (input.u8(), u64::from(input.u8()) % 5));
    match which {
        0..=99 => sales_id_t { bytes: [which % 5 + 1; 32] },
        100..=104 => sales_id_t { bytes: [0; 32] },
        105..=109 => sales_id_t { bytes: [0xff; 32] },
        110..=119 => sales_id_t { bytes: host.with(Input::array) },
        _ => {
            let (request, mut id) = (any_request_id(host), sales_id_t { bytes: [0; 32] });
            // SAFETY: both are valid.
            unsafe { sales_slot_id(&request, index, &mut id, null_mut()) };
            id
        }
    }
}

pub fn any_offer(host: &Host<'_>) -> sales_id_t {
    let mut state = host.state();
    let which = state.input.below(8);
    state.offers.get(which).copied().unwrap_or(sales_id_t { bytes: [which as u8 % 2; 32] })
}

/// A pointer to an id, or NULL.
pub fn pointer(host: &Host<'_>, id: sales_id_t) -> Block {
    if host.with(|input| input.one_in(40)) {
        return Block::null();
    }
    Block::of(&id.bytes)
}

/// A handle: the open instance, mostly.
pub fn handle(host: &Host<'_>) -> u64 {
    let mut state = host.state();
    let sales = state.sales;
    match state.input.u8() {
        0..=247 => sales,
        248 => 0,
        249 => u64::MAX,
        250 => sales ^ 1 << (state.input.u8() % 64),
        251..=253 => {
            let most = state.stale.len().clamp(1, 256);
            let at = state.input.below(most);
            state.stale.get(at).copied().unwrap_or(1)
        }
        _ => state.input.number(),
    }
}

pub fn now(host: &Host<'_>) -> u64 {
    let mut state = host.state();
    let step = match state.input.u8() {
        0..=199 => 0,
        200..=239 => 1,
        240..=247 => 100,
        248..=251 => 2_000,
        252..=253 => return time(&mut state.input),
        _ => return state.input.number(),
    };
    state.now = state.now.saturating_add(step);
    state.now
}

pub fn at(host: &Host<'_>) -> Block {
    host.with(|input| {
        if input.u8() & 3 != 3 {
            return Block::null();
        }
        let flags = if input.one_in(12) { input.u8().into() } else { 0 };
        let at = sales_at_t { size: 0, flags, block: input.number(), time: time(input), log_index: input.number() };
        Block::shaped(input, at)
    })
}

pub fn with_ask(host: &Host<'_>, call: impl FnOnce(*const sales_ask_t)) {
    let (whole, shaped, ask) = host.with(|input| {
        let (number, mut none) = (input.u8().into(), Input::new(&[]));
        // Most are good, whole and as they should be: or hardly any would be sold.
        let input = if input.u8() & 3 == 3 { input } else { &mut none };
        let whole = request(input, number, false);
        let r = &whole.0;
        let shaped = if input.one_in(8) { Block::null() } else { Block::shaped(input, *r) };
        let expires = 1_000 + r.expiry.min(1 << 40);
        let ask = sales_ask_t {
            size: 0,
            reserved: u32::from(input.one_in(60)),
            request_id: if input.one_in(16) { sales_id_t { bytes: input.array() } } else { id_of(r) },
            proof_probability: r.proof_probability,
            price_per_byte_per_second: r.price_per_byte_per_second,
            collateral_per_byte: r.collateral_per_byte,
            slots: odd(input, r.slots),
            slot_size: odd(input, r.slot_size),
            duration: r.duration,
            max_slot_loss: r.max_slot_loss,
            expires_at: odd(input, expires),
            ends_at: odd(input, 1_000 + r.duration.min(1 << 40)),
            request: shaped.ptr(),
        };
        (whole, shaped, Block::shaped(input, ask))
    });
    call(ask.ptr());
    drop((whole, shaped, ask));
}

pub fn options(input: &mut Input<'_>) -> Block {
    if input.one_in(20) {
        return Block::null();
    }
    let options = sales_options_t {
        size: 0,
        flags: if input.one_in(10) { input.u8().into() } else { 0 },
        seed: 1,
        max_attempts: input.below(5) as u32,
        queue_limit: input.u8().into(),
        history_limit: input.below(30) as u32,
        reserved: u32::from(input.one_in(40)),
    };
    Block::shaped(input, options)
}
