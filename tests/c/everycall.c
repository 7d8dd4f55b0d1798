/* everycall.c - the calls, each with arguments that are valid in themselves. sales_close is left to the
 * tests. */
#include "everycall.h"

#include "fakehost.h"
#include "world.h"

#define CALL(name) static sales_status_t run_##name(sales_t sales, sales_error_t *error)

/* Tables must live on where they are accepted: the one of the first registration stays. */
static fake_t spare_host = {.quota = QUOTA, .lock = PTHREAD_MUTEX_INITIALIZER};

CALL(sales_register_repo) {
    sales_repo_t table = fake_repo(&spare_host);
    return sales_register_repo(sales, &table, error);
}
CALL(sales_register_chain) {
    sales_chain_t table = fake_chain(&spare_host);
    return sales_register_chain(sales, &table, error);
}
CALL(sales_register_content) {
    sales_content_t table = fake_content(&spare_host);
    return sales_register_content(sales, &table, error);
}
CALL(sales_register_watch) {
    sales_watch_t table = fake_watch(&spare_host);
    return sales_register_watch(sales, &table, error);
}
CALL(sales_set_market) {
    sales_market_t market = SALES_INIT(sales_market_t);
    return sales_set_market(sales, &market, error);
}
CALL(sales_start) {
    return sales_start(sales, T0, error);
}
CALL(sales_stop) {
    return sales_stop(sales, T0, error);
}
CALL(sales_reserve) {
    uint64_t token;
    return sales_reserve(sales, T0, id_at(400), 10, &token, error);
}
CALL(sales_release) {
    uint64_t token;
    return sales_release(sales, T0, id_at(400), &token, error);
}
CALL(sales_consumed) {
    return sales_consumed(sales, T0, id_at(400), 5, error);
}
CALL(sales_reservation) {
    sales_reservation_t out = SALES_INIT(sales_reservation_t);
    return sales_reservation(sales, id_at(400), &out, error);
}
CALL(sales_reservations) {
    sales_reservation_t out[2] = {SALES_INIT(sales_reservation_t), SALES_INIT(sales_reservation_t)};
    size_t len = 2;
    return sales_reservations(sales, NULL, NULL, out, sizeof out[0], &len, error);
}
CALL(sales_resolve) {
    return sales_resolve(sales, T0, id_at(400), 1, error);
}
CALL(sales_reconcile) {
    return sales_reconcile(sales, T0, SALES_RECONCILE_COMPARE, error);
}
CALL(sales_offer_put) {
    sales_offer_t offer = offer_of(1 << 20);
    return sales_offer_put(sales, T0, &offer, error);
}
CALL(sales_offer_get) {
    sales_offer_t out = SALES_INIT(sales_offer_t);
    return sales_offer_get(sales, id_at(401), &out, error);
}
CALL(sales_offer_remove) {
    return sales_offer_remove(sales, T0, id_at(401), error);
}
CALL(sales_offer_list) {
    sales_offer_t out[2] = {SALES_INIT(sales_offer_t), SALES_INIT(sales_offer_t)};
    size_t len = 2;
    return sales_offer_list(sales, NULL, out, sizeof out[0], &len, error);
}
CALL(sales_on_request) {
    posted_t posted;
    posted_make(&posted, T0, 1, SLOT_SIZE, 400);
    return sales_on_request(sales, T0, NULL, &posted.ask, error);
}
CALL(sales_evaluate) {
    posted_t posted;
    posted_make(&posted, T0, 1, SLOT_SIZE, 400);
    size_t len = 0;
    return sales_evaluate(sales, T0, &posted.ask, NULL, sizeof(sales_reason_t), &len, error);
}
CALL(sales_on_slot_filled) {
    return sales_on_slot_filled(sales, T0, NULL, id_at(402), 0, error);
}
CALL(sales_on_slot_freed) {
    return sales_on_slot_freed(sales, T0, NULL, id_at(402), 0, error);
}
CALL(sales_on_slot_reservations_full) {
    return sales_on_slot_reservations_full(sales, T0, NULL, id_at(402), 0, error);
}
CALL(sales_on_request_fulfilled) {
    return sales_on_request_fulfilled(sales, T0, NULL, id_at(402), error);
}
CALL(sales_on_request_cancelled) {
    return sales_on_request_cancelled(sales, T0, NULL, id_at(402), error);
}
CALL(sales_on_request_failed) {
    return sales_on_request_failed(sales, T0, NULL, id_at(402), error);
}
CALL(sales_on_request_ended) {
    return sales_on_request_ended(sales, T0, NULL, id_at(402), error);
}
CALL(sales_complete) {
    sales_result_t result = SALES_INIT(sales_result_t);
    return sales_complete(sales, T0, UINT64_MAX, &result, error);
}
CALL(sales_tick) {
    return sales_tick(sales, T0, error);
}
CALL(sales_next_deadline) {
    uint64_t at;
    return sales_next_deadline(sales, &at, error);
}
CALL(sales_abandon) {
    return sales_abandon(sales, T0, id_at(400), 0, error);
}
CALL(sales_sale) {
    sales_sale_t out = SALES_INIT(sales_sale_t);
    return sales_sale(sales, id_at(400), &out, error);
}
CALL(sales_sales) {
    sales_sale_t out[2] = {SALES_INIT(sales_sale_t), SALES_INIT(sales_sale_t)};
    size_t len = 2;
    return sales_sales(sales, NULL, out, sizeof out[0], &len, error);
}
CALL(sales_stats) {
    sales_stats_t out = SALES_INIT(sales_stats_t);
    return sales_stats(sales, &out, error);
}

#define ENTRY(name, reads) {#name, run_##name, reads}
static const every_call_t calls[] = {
    ENTRY(sales_register_repo, 0),
    ENTRY(sales_register_chain, 0),
    ENTRY(sales_register_content, 0),
    ENTRY(sales_register_watch, 0),
    ENTRY(sales_set_market, 0),
    ENTRY(sales_start, 0),
    ENTRY(sales_reserve, 0),
    ENTRY(sales_consumed, 0),
    ENTRY(sales_release, 0),
    ENTRY(sales_reservation, 1),
    ENTRY(sales_reservations, 1),
    ENTRY(sales_resolve, 0),
    ENTRY(sales_reconcile, 0),
    ENTRY(sales_offer_put, 0),
    ENTRY(sales_offer_get, 1),
    ENTRY(sales_offer_remove, 0),
    ENTRY(sales_offer_list, 1),
    ENTRY(sales_on_request, 0),
    ENTRY(sales_evaluate, 1),
    ENTRY(sales_on_slot_filled, 0),
    ENTRY(sales_on_slot_freed, 0),
    ENTRY(sales_on_slot_reservations_full, 0),
    ENTRY(sales_on_request_fulfilled, 0),
    ENTRY(sales_on_request_cancelled, 0),
    ENTRY(sales_on_request_failed, 0),
    ENTRY(sales_on_request_ended, 0),
    ENTRY(sales_complete, 0),
    ENTRY(sales_tick, 0),
    ENTRY(sales_next_deadline, 1),
    ENTRY(sales_abandon, 0),
    ENTRY(sales_sale, 1),
    ENTRY(sales_sales, 1),
    ENTRY(sales_stats, 1),
    ENTRY(sales_stop, 0),
};

size_t every_call_len(void) {
    return sizeof calls / sizeof calls[0];
}

const every_call_t *every_call_at(size_t index) {
    return &calls[index];
}
