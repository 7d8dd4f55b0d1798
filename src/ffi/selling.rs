//! Selling: requests and what the chain says of them, completions, time, sales.

use super::convert;
use super::guard::call;
use super::types::*;
use crate::status::*;

/// A request was posted (StorageRequested). It is decided on; when an offer matches, its slots are queued, durably, and attempted: what can
/// be done at once is done in this call. [thread-safe] [may wait for the disk]
///
/// SALES_OK: accepted. SALES_ALREADY: known. SALES_REFUSED: by the decision; sales_evaluate lists why. SALES_QUEUED: inside a callback, done after it returned.
/// `at`: where it was seen, or NULL. SALES_ERR_ARGUMENT (cid empty or too long, no whole request and no chain.read_request),
/// SALES_ERR_REQUEST (the id is not the request's hash; ask and request disagree), SALES_ERR_TABLE (no chain or content registered), SALES_ERR_STATE, SALES_ERR_STRUCT,
/// SALES_ERR_DISK_FULL, SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_on_request(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    ask: *const sales_ask_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let (at, ask) = unsafe { (convert::at(at)?, convert::ask(ask)?) };
        instance.on_request(now, at, ask)
    })
}

/// Dry run: would this ask be accepted now, and if not, why. Every rule that fails is listed, for every offer, with the value asked and the value required. Changes
/// nothing. `*len`: places in `out` on entry, the number of reasons on return (what does not fit is left out). `out` may be NULL when `*len` is 0. [thread-safe]
/// SALES_OK: some offer matches (the list then holds what the others refuse). SALES_REFUSED: none does. SALES_ERR_ARGUMENT, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_evaluate(
    sales: sales_t,
    now: u64,
    ask: *const sales_ask_t,
    out: *mut sales_reason_t,
    item_size: usize,
    len: *mut usize,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let ask = unsafe { convert::ask(ask)? };
        // SAFETY: as above.
        let mut page = unsafe { convert::page(out, item_size, len)? };
        let verdict = instance.evaluate(now, &ask)?;
        for reason in &verdict.reasons {
            page.push(convert::reason(reason));
        }
        page.finish_with_total(verdict.reasons.len());
        Ok(if verdict.offer.is_some() { SALES_OK } else { SALES_REFUSED })
    })
}

/// A slot was filled (SlotFilled), by anyone. Before a fill of ours was submitted it was another: the attempt is dropped and its space given back. After,
/// the chain is read where it can be, else our own fill's answer decides. [thread-safe] [may wait for the disk]
/// SALES_OK: durable. SALES_ALREADY: nothing of it concerns us. SALES_QUEUED: inside a callback, or another thread is at this sale, or at this request, and takes it in.
/// SALES_ERR_STATE, SALES_ERR_DISK_FULL, SALES_ERR_STORE (not durable: kept in memory, before what is told of the request later but its end, and tried again at ticks;
/// told again, it counts once; after a restart tell it again), SALES_ERR_FULL (not kept, because 4096 wait already: tell it again).
#[no_mangle]
pub unsafe extern "C" fn sales_on_slot_filled(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    index: u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    slot_event(sales, now, at, request_id, index, error, crate::sales::Happened::SlotFilled)
}

/// A slot was freed (SlotFreed): it is decided on anew, unless an attempt of ours on it is still ending. One that we had filled is lost only if chain.read_slot says so. As sales_on_slot_filled. [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_slot_freed(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    index: u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    slot_event(sales, now, at, request_id, index, error, crate::sales::Happened::SlotFreed)
}

/// A slot has all its reservations on chain (SlotReservationsFull): it leaves the queue. As sales_on_slot_filled. [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_slot_reservations_full(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    index: u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    slot_event(sales, now, at, request_id, index, error, crate::sales::Happened::ReservationsFull)
}

/// All slots of a request are filled (RequestFulfilled): its expiry no longer counts. As sales_on_slot_filled. [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_request_fulfilled(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    request_event(sales, now, at, request_id, error, crate::sales::Happened::RequestFulfilled)
}

/// A request was cancelled: it expired unfilled (the contract sends RequestCancelled only when the client withdraws). Its slots are paid out where that can be done, and
/// all space is given back. As sales_on_slot_filled. [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_request_cancelled(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    request_event(sales, now, at, request_id, error, crate::sales::Happened::RequestCancelled)
}

/// A request failed (RequestFailed): too many of its slots were lost. All space is given back. As sales_on_slot_filled. [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_request_failed(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    request_event(sales, now, at, request_id, error, crate::sales::Happened::RequestFailed)
}

/// A request ended well: the host says so (the contract sends no event; `now` > its end). Its slots are paid out where that can be done, and all space is given back. As sales_on_slot_filled.
/// [thread-safe] [may wait for the disk]
#[no_mangle]
pub unsafe extern "C" fn sales_on_request_ended(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    request_event(sales, now, at, request_id, error, crate::sales::Happened::RequestEnded)
}

/// Completes an operation. From any thread, also inside the callback that was given the token; `result` is copied. What follows runs in this call, or, inside a
/// callback, after it returned. Each token completes once. The answer tells whether the completion was accepted, nothing else. [thread-safe] [may wait for the disk]
/// SALES_ERR_TOKEN (unknown, late, or completed before: harmless), SALES_ERR_ARGUMENT (the result lacks what the operation owes: it is then
/// still open), SALES_ERR_STRUCT, SALES_ERR_HANDLE.
#[no_mangle]
pub unsafe extern "C" fn sales_complete(
    sales: sales_t,
    now: u64,
    token: u64,
    result: *const sales_result_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let result = unsafe { convert::result(result, instance.kind_of(token)?)? };
        instance.complete(now, token, result)
    })
}

/// Lets time pass: what is due by `now` is done. Once a second is always enough; with nothing due it touches no disk and calls nobody. [thread-safe] [may wait for the disk]
/// SALES_QUEUED: inside a callback; nothing is done, tick again. SALES_ERR_STATE, SALES_ERR_STORE, SALES_ERR_DISK_FULL.
#[no_mangle]
pub unsafe extern "C" fn sales_tick(sales: sales_t, now: u64, error: *mut sales_error_t) -> sales_status_t {
    call(sales, error, |instance| instance.tick(now))
}

/// When sales_tick will next have something to do: seconds since 1970; UINT64_MAX: nothing waits for time. [thread-safe]
#[no_mangle]
pub unsafe extern "C" fn sales_next_deadline(
    sales: sales_t,
    at: *mut u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let out = unsafe { convert::out(at, "at")? };
        *out = instance.next_deadline()?;
        Ok(SALES_OK)
    })
}

/// Ends a sale by hand; its space is given back. `flags`: 0 or SALES_ABANDON_FILLED. [thread-safe] [may wait for the disk]
/// SALES_OK, SALES_ALREADY (ended), SALES_QUEUED (inside a callback, and not done to a sale that begins after this call; or what is out at the host is waited for, and cancelled where it can be; or another thread is at the sale,
/// which is kept all the same if it is filled by then and flags is 0),
/// SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (filled, or a fill is out, and not SALES_ABANDON_FILLED), SALES_ERR_ARGUMENT, SALES_ERR_STATE.
#[no_mangle]
pub unsafe extern "C" fn sales_abandon(
    sales: sales_t,
    now: u64,
    slot_id: *const sales_id_t,
    flags: u32,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        instance.abandon(now, slot, convert::flag(flags, "flags")?)
    })
}

/// A sale, also an ended one as long as the history remembers it. [thread-safe]
/// SALES_ERR_NOT_FOUND, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_sale(
    sales: sales_t,
    slot_id: *const sales_id_t,
    out: *mut sales_sale_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        let found = instance.sale(slot)?;
        // SAFETY: as above.
        unsafe { convert::write_struct(out, convert::sale(&found), "out")? };
        Ok(SALES_OK)
    })
}

/// A page of the sales, in the order of slot ids; as sales_reservations. [thread-safe]
/// SALES_ERR_ARGUMENT, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_sales(
    sales: sales_t,
    after: *const sales_id_t,
    out: *mut sales_sale_t,
    item_size: usize,
    len: *mut usize,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let after = unsafe { convert::optional_id(after) };
        // SAFETY: as above.
        let mut page = unsafe { convert::page(out, item_size, len)? };
        for found in instance.sales(after, page.places())? {
            page.push(convert::sale(&found));
        }
        Ok(page.finish())
    })
}

/// The books and what goes on. [thread-safe]
/// SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_stats(
    sales: sales_t,
    out: *mut sales_stats_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        let stats = instance.stats()?;
        // SAFETY: the header asks for valid pointers or NULL.
        unsafe { convert::write_struct(out, convert::stats(&stats), "out")? };
        Ok(SALES_OK)
    })
}

fn slot_event(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    index: u64,
    error: *mut sales_error_t,
    happened: crate::sales::Happened,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let (at, request) = unsafe { (convert::at(at)?, convert::id(request_id, "request_id")?) };
        instance.on_slot(now, at, request, index, happened)
    })
}

fn request_event(
    sales: sales_t,
    now: u64,
    at: *const sales_at_t,
    request_id: *const sales_id_t,
    error: *mut sales_error_t,
    happened: crate::sales::Happened,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let (at, request) = unsafe { (convert::at(at)?, convert::id(request_id, "request_id")?) };
        instance.on_request_event(now, at, request, happened)
    })
}
