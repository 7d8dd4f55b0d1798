//! What a host gives: options, requests, asks, offers, results.

use super::*;
use crate::engine::{At, Options};
use crate::host::{known, Answer, OpKind};
use crate::market::{Ask, Market, Request, RequestState, SlotState, SlotView};
use crate::sales::offer::Terms;

/// # Safety
/// As [`read_struct`].
pub(in crate::ffi) unsafe fn options(options: *const sales_options_t) -> Result<Options> {
    let default = |given: u32, default: u32| if given == 0 { default } else { given };
    // SAFETY: zero is a valid value of it.
    let mut o: sales_options_t = unsafe { std::mem::zeroed() };
    if !options.is_null() {
        // SAFETY: as asked.
        o = unsafe { read_struct(options, "options")? };
    }
    flags(o.flags, SALES_OPEN_RESET | SALES_OPEN_VERIFY, "options.flags")?;
    zero(o.reserved, "options.reserved")?;
    Ok(Options {
        reset: o.flags & SALES_OPEN_RESET != 0,
        verify: o.flags & SALES_OPEN_VERIFY != 0,
        seed: o.seed,
        max_attempts: default(o.max_attempts, SALES_DEFAULT_MAX_ATTEMPTS),
        queue_limit: default(o.queue_limit, SALES_DEFAULT_QUEUE_LIMIT),
        history_limit: default(o.history_limit, SALES_DEFAULT_HISTORY_LIMIT),
    })
}

/// # Safety
/// As [`read_struct`].
pub(in crate::ffi) unsafe fn table<T: Sized32>(table: *const T, name: &str) -> Result<T> {
    // SAFETY: as asked.
    unsafe { read_struct(table, name) }
}

/// # Safety
/// As [`read_struct`].
pub(in crate::ffi) unsafe fn market(market: *const sales_market_t) -> Result<Market> {
    // SAFETY: as asked.
    let m = unsafe { read_struct(market, "market")? };
    zero(m.reserved.into(), "market.reserved")?;
    if m.repair_reward_percentage > 100 {
        let text = format!("market: repair_reward_percentage is {}; 0 to 100 are possible", m.repair_reward_percentage);
        return Err(argument(text));
    }
    Ok(Market { repair_reward_percentage: m.repair_reward_percentage, duration_limit: m.duration_limit })
}

/// # Safety
/// As [`read_struct`].
pub(in crate::ffi) unsafe fn at(at: *const sales_at_t) -> Result<At> {
    if at.is_null() {
        return Ok(At::default());
    }
    // SAFETY: as asked.
    let a = unsafe { read_struct(at, "at")? };
    flags(a.flags, SALES_AT_REMOVED, "at.flags")?;
    Ok(At { block: a.block, time: a.time, log: a.log_index, removed: a.flags & SALES_AT_REMOVED != 0 })
}

/// # Safety
/// As [`read_struct`], and its cid as [`blob`].
pub(in crate::ffi) unsafe fn request(request: *const sales_request_t, name: &str) -> Result<Request> {
    // SAFETY: as asked.
    let r = unsafe { read_struct(request, name)? };
    // SAFETY: as asked.
    let cid = unsafe { blob(r.cid, SALES_CID_MAX, &format!("{name}.cid"))? };
    Ok(Request {
        client: r.client.bytes,
        proof_probability: number(&r.proof_probability),
        price_per_byte_per_second: number(&r.price_per_byte_per_second),
        collateral_per_byte: number(&r.collateral_per_byte),
        slots: r.slots,
        slot_size: r.slot_size,
        duration: r.duration,
        max_slot_loss: r.max_slot_loss,
        expiry: r.expiry,
        cid,
        merkle_root: r.merkle_root.bytes,
        nonce: r.nonce.bytes,
    })
}

/// # Safety
/// As [`read_struct`], and its request as [`request`].
pub(in crate::ffi) unsafe fn ask(ask: *const sales_ask_t) -> Result<Ask> {
    // SAFETY: as asked.
    let a = unsafe { read_struct(ask, "ask")? };
    zero(a.reserved, "ask.reserved")?;
    let whole = if a.request.is_null() {
        None
    } else {
        // SAFETY: as asked.
        Some(unsafe { request(a.request, "ask.request")? })
    };
    Ok(Ask {
        request_id: Id(a.request_id.bytes),
        proof_probability: number(&a.proof_probability),
        price_per_byte_per_second: number(&a.price_per_byte_per_second),
        collateral_per_byte: number(&a.collateral_per_byte),
        slots: a.slots,
        slot_size: a.slot_size,
        duration: a.duration,
        max_slot_loss: a.max_slot_loss,
        expires_at: a.expires_at,
        ends_at: a.ends_at,
        request: whole,
    })
}

/// # Safety
/// As [`read_struct`], and what it points to likewise.
pub(in crate::ffi) unsafe fn result(result: *const sales_result_t, kind: OpKind) -> Result<Answer> {
    // SAFETY: as asked.
    let r = unsafe { read_struct(result, "result")? };
    let mut answer = Answer { status: known(r.status), ..Answer::default() };
    if !r.text.is_null() {
        // SAFETY: as asked.
        answer.text = unsafe { text(r.text, "result.text")? }.chars().take(400).collect();
    }
    // What the operation did not ask for may be rubbish, and is not looked at.
    if answer.status != SALES_OK {
        return Ok(answer);
    }
    if kind == OpKind::Prove {
        // SAFETY: as asked.
        answer.proof = Some(unsafe { blob(r.proof, SALES_PROOF_MAX, "result.proof")? });
    }
    if kind == OpKind::ReadSlot && !r.view.is_null() {
        // SAFETY: as asked.
        answer.view = Some(Box::new(view(unsafe { &read_struct(r.view, "result.view")? })?));
    }
    if kind == OpKind::ReadRequest && !r.request.is_null() {
        // SAFETY: as asked.
        answer.request = Some(Box::new(unsafe { request(r.request, "result.request")? }));
    }
    Ok(answer)
}

fn view(v: &sales_slot_view_t) -> Result<SlotView> {
    if v.is_mine > 1 {
        return Err(argument(format!("result.view.is_mine: {} is neither 0 nor 1", v.is_mine)));
    }
    zero(v.reserved.into(), "result.view.reserved")?;
    Ok(SlotView {
        request_state: RequestState::from(v.request_state),
        slot_state: SlotState::from(v.slot_state),
        is_mine: v.is_mine == 1,
        expires_at: v.expires_at,
        ends_at: v.ends_at,
        collateral: number(&v.collateral),
    })
}

/// # Safety
/// As [`read_struct`].
pub(in crate::ffi) unsafe fn offer(offer: *const sales_offer_t) -> Result<(Id, Terms)> {
    // SAFETY: as asked.
    let o = unsafe { read_struct(offer, "offer")? };
    flags(o.flags, SALES_OFFER_HOLDS | SALES_OFFER_ENABLED, "offer.flags")?;
    zero(o.reserved, "offer.reserved")?;
    if o.flags & SALES_OFFER_HOLDS != 0 {
        let text = "offer.flags: SALES_OFFER_HOLDS (reserved up front) is not in this version; without it an offer holds nothing up front";
        return Err(Error::new(SALES_ERR_UNSUPPORTED, text));
    }
    let terms = Terms {
        enabled: o.flags & SALES_OFFER_ENABLED != 0,
        total_size: o.total_size,
        min_duration: o.min_duration,
        max_duration: o.max_duration,
        min_slot_size: o.min_slot_size,
        max_slot_size: o.max_slot_size,
        until: o.until,
        min_price_per_byte_per_second: number(&o.min_price_per_byte_per_second),
        total_collateral: number(&o.total_collateral),
        max_slots_per_request: o.max_slots_per_request,
    };
    Ok((Id(o.id.bytes), terms))
}
