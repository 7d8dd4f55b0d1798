//! The ledger: reserve, release, consume, look, settle.

use super::convert;
use super::guard::call;
use super::types::*;
use crate::status::*;

/// Reserves `bytes` (1 to 2^64-1) in the repo for a slot, whose id is a hash: neither all 0 nor all 0xff. At most one live reservation a slot. [thread-safe] [may wait for the disk]
///
/// SALES_OK: reserved, durable. SALES_ALREADY: it was, with this amount; nothing more was reserved. SALES_PENDING: the repo pends; `token` (may be
/// NULL) is the one that SALES_EVENT_DONE will name. SALES_QUEUED: inside a callback, done after it returned; `token` likewise, and nothing
/// is durable yet.
/// SALES_ERR_ARGUMENT (0 bytes), SALES_ERR_AMOUNT (live with another amount), SALES_ERR_BUSY, SALES_ERR_OWNED_BY_SALE, SALES_ERR_NO_SPACE,
/// SALES_ERR_SHORT, SALES_ERR_OVERFLOW (the sum of all that is held does not fit), SALES_ERR_IN_DOUBT (the repo's outcome is unknown: sales_reconcile or sales_resolve), SALES_ERR_STATE,
/// SALES_HOST_* (the repo refused), SALES_ERR_DISK_FULL, SALES_ERR_STORE. But for IN_DOUBT an error had no lasting effect.
#[no_mangle]
pub unsafe extern "C" fn sales_reserve(
    sales: sales_t,
    now: u64,
    slot_id: *const sales_id_t,
    bytes: u64,
    token: *mut u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        let answer = instance.reserve(now, slot, bytes)?;
        // SAFETY: as above.
        unsafe { convert::write_token(token, answer) }
    })
}

/// Ends the reservation of a slot and gives what it still holds back to the repo, exactly once. [thread-safe] [may wait for the disk]
///
/// SALES_OK: ended, given back. SALES_ALREADY: it ended before, as far as the history remembers. SALES_QUEUED: ended, durable; the repo refused for now, and is
/// asked again at ticks. SALES_PENDING, `token`: as sales_reserve.
/// SALES_ERR_NOT_FOUND, SALES_ERR_BUSY, SALES_ERR_OWNED_BY_SALE, SALES_ERR_IN_DOUBT, SALES_ERR_STATE, SALES_ERR_DISK_FULL, SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_release(
    sales: sales_t,
    now: u64,
    slot_id: *const sales_id_t,
    token: *mut u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        let answer = instance.release(now, slot)?;
        // SAFETY: as above.
        unsafe { convert::write_token(token, answer) }
    })
}

/// Tells how many bytes of the slot's content have landed IN TOTAL: they turn from reserved into used. Repeats and lower totals
/// change nothing. Never busy: what arrives while the slot is worked on goes with the next step. [thread-safe] [may wait for the disk]
///
/// SALES_OK: recorded, durable. SALES_ALREADY: not above what was told before. SALES_QUEUED: inside a callback, done after it returned, but not to a sale of the
/// slot that begins after this call; of several only the greatest.
/// SALES_ERR_NOT_FOUND (no live reservation), SALES_ERR_AMOUNT (more than was reserved), SALES_ERR_BUSY (only while a reconcile works), SALES_ERR_STATE, SALES_ERR_DISK_FULL,
/// SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_consumed(
    sales: sales_t,
    now: u64,
    slot_id: *const sales_id_t,
    total: u64,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        instance.consumed(now, slot, total)
    })
}

/// What the ledger knows of a slot; of a reserve in doubt that nothing is recorded of, the flag alone. [thread-safe]
/// SALES_ERR_NOT_FOUND, SALES_ERR_RECORD (its checksum does not fit), SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_reservation(
    sales: sales_t,
    slot_id: *const sales_id_t,
    out: *mut sales_reservation_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        let found = instance.reservation(slot)?;
        // SAFETY: as above.
        unsafe { convert::write_struct(out, convert::reservation(&found), "out")? };
        Ok(SALES_OK)
    })
}

/// A page of the ledger, in the order of slot ids, after `after` (NULL: from the first), of one offer or (NULL) of all. `item_size`: sizeof of your
/// sales_reservation_t; `*len`: places in `out` on entry, entries written on return; fewer than places: the end. [thread-safe]
/// SALES_ERR_ARGUMENT, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_reservations(
    sales: sales_t,
    offer_id: *const sales_id_t,
    after: *const sales_id_t,
    out: *mut sales_reservation_t,
    item_size: usize,
    len: *mut usize,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let (offer, after) = unsafe { (convert::optional_id(offer_id), convert::optional_id(after)) };
        // SAFETY: as above.
        let mut page = unsafe { convert::page(out, item_size, len)? };
        for found in instance.reservations(offer, after, page.places())? {
            page.push(convert::reservation(&found));
        }
        Ok(page.finish())
    })
}

/// Tells what nobody knew. The SALES_EVENT_ALERT of the slot asked it: whether the repo's call took effect (`applied` 1) or not (0); after a restart,
/// of a reserve, whether its bytes are reserved now; of a sale, whether the slot is ours on chain, and for one that was filled, whether its request
/// runs, too (0: it ends as lost, and nothing is collected); a chain that can be read by now is asked instead. What depends on it goes on.
/// Both may be in doubt, or another by the time the word comes: `applied | SALES_RESOLVE_RESERVATION` answers an alert without a state, and
/// `applied | SALES_RESOLVE_SALE` one with a state, and nothing else. [thread-safe] [may wait for the disk]
/// SALES_OK, SALES_QUEUED (inside a callback; not done to a sale that begins after this call), SALES_ERR_NOT_FOUND (nothing of this slot is in doubt, or not that), SALES_ERR_BUSY (the books are being settled by the total),
/// SALES_ERR_ARGUMENT (also: both are in doubt, and it does not say of which it is said), SALES_ERR_STATE.
#[no_mangle]
pub unsafe extern "C" fn sales_resolve(
    sales: sales_t,
    now: u64,
    slot_id: *const sales_id_t,
    applied: u32,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let slot = unsafe { convert::id(slot_id, "slot_id")? };
        instance.resolve(now, slot, convert::word(applied)?)
    })
}

/// Compares the books with repo.reserved on a running instance: SALES_RECONCILE_COMPARE, or _REPAIR, which settles what is in doubt, releases
/// surplus (also what a reset had kept) and reserves shortfall anew. sales_stats has the figures. Refuses new
/// operations while it works (SALES_ERR_BUSY), and compares nothing while one is out at the host: SALES_PENDING, call again.
/// [any thread, not from a callback] [may wait for the disk]
/// SALES_HOST_STATE_MISMATCH: compared only, and the totals differ; the text has both.
/// SALES_ERR_TABLE (no repo.reserved), SALES_ERR_STATE, SALES_ERR_IN_CALLBACK, SALES_ERR_ARGUMENT, SALES_HOST_* (the repo failed; a repair is tried again at ticks), SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_reconcile(
    sales: sales_t,
    now: u64,
    mode: u32,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| instance.reconcile(now, convert::flag(mode, "mode")?))
}
