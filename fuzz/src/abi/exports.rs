//! The C ABI, as a C host declares it.

use sales::ffi::types::*;
use std::ffi::{c_char, c_void};

type Status = sales_status_t;
type Error = *mut sales_error_t;

extern "C" {
    pub fn sales_abi_version() -> u32;
    pub fn sales_version() -> *const c_char;
    pub fn sales_status_name(status: Status) -> *const c_char;
    pub fn sales_state_name(state: u32) -> *const c_char;
    pub fn sales_set_log(log: sales_log_fn, user_data: *mut c_void, level: u32) -> Status;
    pub fn sales_open(
        abi: u32,
        path: *const c_char,
        options: *const sales_options_t,
        sales: *mut u64,
        e: Error,
    ) -> Status;
    pub fn sales_register_repo(sales: u64, table: *const sales_repo_t, e: Error) -> Status;
    pub fn sales_register_chain(sales: u64, table: *const sales_chain_t, e: Error) -> Status;
    pub fn sales_register_content(sales: u64, table: *const sales_content_t, e: Error) -> Status;
    pub fn sales_register_watch(sales: u64, table: *const sales_watch_t, e: Error) -> Status;
    pub fn sales_set_market(sales: u64, market: *const sales_market_t, e: Error) -> Status;
    pub fn sales_start(sales: u64, now: u64, e: Error) -> Status;
    pub fn sales_stop(sales: u64, now: u64, e: Error) -> Status;
    pub fn sales_close(sales: u64, e: Error) -> Status;
    pub fn sales_reserve(
        sales: u64,
        now: u64,
        slot: *const sales_id_t,
        bytes: u64,
        token: *mut u64,
        e: Error,
    ) -> Status;
    pub fn sales_release(sales: u64, now: u64, slot: *const sales_id_t, token: *mut u64, e: Error) -> Status;
    pub fn sales_consumed(sales: u64, now: u64, slot: *const sales_id_t, total: u64, e: Error) -> Status;
    pub fn sales_reservation(sales: u64, slot: *const sales_id_t, out: *mut sales_reservation_t, e: Error) -> Status;
    pub fn sales_reservations(
        sales: u64,
        offer: *const sales_id_t,
        after: *const sales_id_t,
        out: *mut sales_reservation_t,
        item_size: usize,
        len: *mut usize,
        e: Error,
    ) -> Status;
    pub fn sales_resolve(sales: u64, now: u64, slot: *const sales_id_t, applied: u32, e: Error) -> Status;
    pub fn sales_reconcile(sales: u64, now: u64, mode: u32, e: Error) -> Status;
    pub fn sales_offer_put(sales: u64, now: u64, offer: *mut sales_offer_t, e: Error) -> Status;
    pub fn sales_offer_get(sales: u64, id: *const sales_id_t, out: *mut sales_offer_t, e: Error) -> Status;
    pub fn sales_offer_remove(sales: u64, now: u64, id: *const sales_id_t, e: Error) -> Status;
    pub fn sales_offer_list(
        sales: u64,
        after: *const sales_id_t,
        out: *mut sales_offer_t,
        item_size: usize,
        len: *mut usize,
        e: Error,
    ) -> Status;
    pub fn sales_on_request(sales: u64, now: u64, at: *const sales_at_t, ask: *const sales_ask_t, e: Error) -> Status;
    pub fn sales_evaluate(
        sales: u64,
        now: u64,
        ask: *const sales_ask_t,
        out: *mut sales_reason_t,
        item_size: usize,
        len: *mut usize,
        e: Error,
    ) -> Status;
    pub fn sales_on_slot_filled(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        index: u64,
        e: Error,
    ) -> Status;
    pub fn sales_on_slot_freed(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        index: u64,
        e: Error,
    ) -> Status;
    pub fn sales_on_slot_reservations_full(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        index: u64,
        e: Error,
    ) -> Status;
    pub fn sales_on_request_fulfilled(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        e: Error,
    ) -> Status;
    pub fn sales_on_request_cancelled(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        e: Error,
    ) -> Status;
    pub fn sales_on_request_failed(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        e: Error,
    ) -> Status;
    pub fn sales_on_request_ended(
        sales: u64,
        now: u64,
        at: *const sales_at_t,
        request: *const sales_id_t,
        e: Error,
    ) -> Status;
    pub fn sales_complete(sales: u64, now: u64, token: u64, result: *const sales_result_t, e: Error) -> Status;
    pub fn sales_tick(sales: u64, now: u64, e: Error) -> Status;
    pub fn sales_next_deadline(sales: u64, at: *mut u64, e: Error) -> Status;
    pub fn sales_abandon(sales: u64, now: u64, slot: *const sales_id_t, flags: u32, e: Error) -> Status;
    pub fn sales_sale(sales: u64, slot: *const sales_id_t, out: *mut sales_sale_t, e: Error) -> Status;
    pub fn sales_sales(
        sales: u64,
        after: *const sales_id_t,
        out: *mut sales_sale_t,
        item_size: usize,
        len: *mut usize,
        e: Error,
    ) -> Status;
    pub fn sales_stats(sales: u64, out: *mut sales_stats_t, e: Error) -> Status;
    pub fn sales_verify(
        path: *const c_char,
        on_damage: sales_damage_fn,
        user_data: *mut c_void,
        out: *mut sales_verify_t,
        e: Error,
    ) -> Status;
    pub fn sales_request_id(request: *const sales_request_t, out: *mut sales_id_t, e: Error) -> Status;
    pub fn sales_slot_id(request: *const sales_id_t, index: u64, out: *mut sales_id_t, e: Error) -> Status;
    pub fn sales_u256_parse(decimal: *const c_char, out: *mut sales_u256_t, e: Error) -> Status;
    pub fn sales_u256_format(value: *const sales_u256_t, out: *mut c_char, e: Error) -> Status;
}
