/* test_phases.c - calls in the wrong phase, and what works in each. */
#include "everycall.h"
#include "world.h"

#define NEEDS_START(w, call) CHECK_REFUSED(SALES_ERR_STATE, "start", w, call)

static void refused_unless_running(world_t *w) {
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    const sales_id_t *request = &posted.ask.request_id;
    NEEDS_START(w, world_reserve(w, 1, 10));
    NEEDS_START(w, world_release(w, 1));
    NEEDS_START(w, world_consumed(w, 1, 1));
    NEEDS_START(w, sales_resolve(w->sales, w->now, id_at(1), 1, &w->error));
    NEEDS_START(w, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    NEEDS_START(w, world_post(w, &posted));
    NEEDS_START(w, sales_on_slot_filled(w->sales, w->now, NULL, request, 0, &w->error));
    NEEDS_START(w, sales_on_slot_freed(w->sales, w->now, NULL, request, 0, &w->error));
    NEEDS_START(w, sales_on_slot_reservations_full(w->sales, w->now, NULL, request, 0, &w->error));
    NEEDS_START(w, sales_on_request_fulfilled(w->sales, w->now, NULL, request, &w->error));
    NEEDS_START(w, sales_on_request_cancelled(w->sales, w->now, NULL, request, &w->error));
    NEEDS_START(w, sales_on_request_failed(w->sales, w->now, NULL, request, &w->error));
    NEEDS_START(w, sales_on_request_ended(w->sales, w->now, NULL, request, &w->error));
    NEEDS_START(w, sales_abandon(w->sales, w->now, id_at(1), 0, &w->error));
    NEEDS_START(w, sales_tick(w->sales, w->now, &w->error));
}

/* Reads and offers work from open on. */
static void works_always(world_t *w) {
    sales_offer_t offer = offer_of(1 << 20);
    sales_offer_t out = SALES_INIT(sales_offer_t);
    sales_reservation_t reservation = SALES_INIT(sales_reservation_t);
    sales_sale_t sale = SALES_INIT(sales_sale_t);
    uint64_t at;
    CHECK_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_OK(w->error, sales_offer_get(w->sales, &offer.id, &out, &w->error));
    CHECK_U64(1 << 20, out.total_size);
    CHECK_OK(w->error, sales_offer_remove(w->sales, w->now, &offer.id, &w->error));
    CHECK_ERROR(SALES_ERR_NOT_FOUND, "offer", w->error,
                sales_offer_get(w->sales, &offer.id, &out, &w->error));
    CHECK_ERROR(SALES_ERR_NOT_FOUND, "slot", w->error,
                sales_reservation(w->sales, id_at(1), &reservation, &w->error));
    CHECK_ERROR(SALES_ERR_NOT_FOUND, "slot", w->error, sales_sale(w->sales, id_at(1), &sale, &w->error));
    CHECK_OK(w->error, sales_next_deadline(w->sales, &at, &w->error));
}

TEST(phases_before_start) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    CHECK_U64(SALES_PHASE_OPEN, world_stats(w).phase);
    refused_unless_running(w);
    works_always(w);
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_stop(w->sales, w->now, &w->error));
    CHECK_U64(0, w->fake.calls[FAKE_RESERVED]);
    world_end(w);
}

TEST(phases_running) {
    world_t *w = world_new(WORLD_SELLING);
    sales_repo_t repo = fake_repo(&w->fake);
    sales_chain_t chain = fake_chain(&w->fake);
    sales_content_t content = fake_content(&w->fake);
    sales_watch_t watch = fake_watch(&w->fake);
    sales_market_t market = SALES_INIT(sales_market_t);
    CHECK_U64(SALES_PHASE_RUNNING, world_stats(w).phase);
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_start(w->sales, w->now, &w->error));
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_register_repo(w->sales, &repo, &w->error));
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_register_chain(w->sales, &chain, &w->error));
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_register_content(w->sales, &content, &w->error));
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_register_watch(w->sales, &watch, &w->error));
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, sales_set_market(w->sales, &market, &w->error));
    works_always(w);
    world_end(w);
}

TEST(phases_after_stop_and_second_start) {
    world_t *w = world_new(WORLD_SELLING);
    CHECK_OK(w->error, world_reserve(w, 5, 500));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    CHECK_U64(SALES_PHASE_STOPPED, world_stats(w).phase);
    refused_unless_running(w);
    works_always(w);
    CHECK_U64(500, w->fake.total);
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(SALES_PHASE_RUNNING, world_stats(w).phase);
    CHECK_U64(500, world_stats(w).held);
    CHECK_OK(w->error, world_release(w, 5));
    world_end(w);
}

TEST(phases_stop_waits_for_nobody) {
    world_t *w = world_new(WORLD_SELLING | WORLD_CANCEL);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, fake_pending(&w->fake, FAKE_STORE));
    uint64_t token = fake_pending_token(&w->fake, FAKE_STORE);
    CHECK_IS(SALES_PENDING, w->error, sales_stop(w->sales, w->now, &w->error));
    CHECK_U64(SALES_PHASE_STOPPING, world_stats(w).phase);
    CHECK_U64(1, world_stats(w).pending_ops);
    CHECK_U64(1, w->fake.calls[FAKE_CANCEL]);
    CHECK_U64(token, w->fake.last_op[FAKE_CANCEL].token);
    CHECK_REFUSED(SALES_ERR_STATE, "stop", w, world_reserve(w, 9, 10));
    CHECK_IS(SALES_PENDING, w->error, sales_stop(w->sales, w->now, &w->error));
    CHECK_U64(1, w->fake.calls[FAKE_CANCEL]);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_HOST_CANCELLED));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    CHECK_U64(SALES_PHASE_STOPPED, world_stats(w).phase);
    CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);

    /* The next start goes on with the slot and sells it. */
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(phases_tables_may_be_registered_anew_after_stop) {
    world_t *w = world_new(WORLD_BOOKS);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_REFUSED(SALES_ERR_TABLE, "chain", w, world_post(w, &posted));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    sales_chain_t chain = fake_chain(&w->fake);
    sales_content_t content = fake_content(&w->fake);
    CHECK_OK(w->error, sales_register_chain(w->sales, &chain, &w->error));
    CHECK_OK(w->error, sales_register_content(w->sales, &content, &w->error));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_end(w);
}

TEST(phases_start_fails_and_is_called_again) {
    world_t *w = world_new(WORLD_BOOKS | WORLD_NOT_STARTED);
    fake_set(&w->fake, FAKE_RESERVED, FAKE_FAIL, SALES_HOST_TRANSIENT, 2);
    CHECK_ERROR(SALES_HOST_TRANSIENT, "reserved", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_ERROR(SALES_HOST_TRANSIENT, "reserved", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_ERROR(SALES_ERR_STATE, "start", w->error, world_reserve(w, 1, 10));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* Any call, in any order, at any time: each answers, and the process lives (S8). */
TEST(phases_every_call_twice_in_every_phase) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 2 * every_call_len(); i++) {
            sales_error_t error = SALES_INIT(sales_error_t);
            const every_call_t *call = every_call_at(i / 2);
            sales_status_t status = call->run(w->sales, &error);
            CHECK(status != SALES_ERR_INTERNAL && status != SALES_ERR_POISONED && status != SALES_ERR_HANDLE);
            if (status < 0)
                check_error(__FILE__, __LINE__, call->name, status, status, &error, NULL);
        }
    }
    CHECK(sales_start(w->sales, w->now, &w->error) == SALES_OK);
    world_end(w);
}
