//! Offers: what the node sells.

use super::convert;
use super::guard::call;
use super::types::*;
use crate::status::*;

/// Makes an offer (id all zero; the new id is written to `offer->id`) or changes one. Durable on SALES_OK. An offer holds
/// nothing up front: each slot takes what the repo has when it is sold. Works from sales_open on. [thread-safe] [may wait for the disk]
/// SALES_ERR_ARGUMENT (a field, by name), SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (smaller or ending earlier than what it has sold),
/// SALES_ERR_UNSUPPORTED (SALES_OFFER_HOLDS), SALES_ERR_STRUCT, SALES_ERR_DISK_FULL, SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_offer_put(
    sales: sales_t,
    now: u64,
    offer: *mut sales_offer_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let (id, terms) = unsafe { convert::offer(offer)? };
        let id = instance.offer_put(now, id, terms)?;
        // SAFETY: convert::offer found it valid.
        unsafe { convert::write_offer_id(offer, id) };
        Ok(SALES_OK)
    })
}

/// An offer, with what it has left. [thread-safe]
/// SALES_ERR_NOT_FOUND, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_offer_get(
    sales: sales_t,
    id: *const sales_id_t,
    out: *mut sales_offer_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let id = unsafe { convert::id(id, "id")? };
        let found = instance.offer_get(id)?;
        // SAFETY: as above.
        unsafe { convert::write_struct(out, convert::offer_out(&found), "out")? };
        Ok(SALES_OK)
    })
}

/// Removes an offer. What it has sold stays sold. [thread-safe] [may wait for the disk]
/// SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (slots of it are sold or being attempted: disable it and remove it later), SALES_ERR_STORE.
#[no_mangle]
pub unsafe extern "C" fn sales_offer_remove(
    sales: sales_t,
    now: u64,
    id: *const sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let id = unsafe { convert::id(id, "id")? };
        instance.offer_remove(now, id)
    })
}

/// A page of the offers, in the order of their ids; as sales_reservations. [thread-safe]
/// SALES_ERR_ARGUMENT, SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_offer_list(
    sales: sales_t,
    after: *const sales_id_t,
    out: *mut sales_offer_t,
    item_size: usize,
    len: *mut usize,
    error: *mut sales_error_t,
) -> sales_status_t {
    call(sales, error, |instance| {
        // SAFETY: the header asks for valid pointers or NULL.
        let after = unsafe { convert::optional_id(after) };
        // SAFETY: as above.
        let mut page = unsafe { convert::page(out, item_size, len)? };
        for found in instance.offers(after, page.places())? {
            page.push(convert::offer_out(&found));
        }
        Ok(page.finish())
    })
}
