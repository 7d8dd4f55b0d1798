/* test_null.c - every export with every pointer NULL, one at a time and all at once. */
#include <stdlib.h>

#include "world.h"

/* A NULL that the call needs is refused by name, with and without an error struct. */
#define NEEDS(word, w, call_with_error, call_without)                \
    do {                                                             \
        CHECK_REFUSED(SALES_ERR_ARGUMENT, word, w, call_with_error); \
        CHECK_STATUS(SALES_ERR_ARGUMENT, call_without);              \
    } while (0)

TEST(null_open) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 7;
    CHECK_ERROR(SALES_ERR_ARGUMENT, "path", error, sales_open(SALES_ABI_VERSION, NULL, NULL, &sales, &error));
    CHECK_U64(7, sales);
    CHECK_ERROR(SALES_ERR_ARGUMENT, "sales", error,
                sales_open(SALES_ABI_VERSION, test_path("store"), NULL, NULL, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_open(SALES_ABI_VERSION, NULL, NULL, NULL, NULL));
    /* What was refused holds no lock: */
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, test_path("store"), NULL, &sales, NULL));
    CHECK_STATUS(SALES_OK, sales_close(sales, NULL));
}

TEST(null_tables) {
    world_t *w = world_new(WORLD_NOT_STARTED | WORLD_NO_WATCH);
    sales_t s = w->sales;
    NEEDS("repo", w, sales_register_repo(s, NULL, &w->error), sales_register_repo(s, NULL, NULL));
    NEEDS("chain", w, sales_register_chain(s, NULL, &w->error), sales_register_chain(s, NULL, NULL));
    NEEDS("content", w, sales_register_content(s, NULL, &w->error), sales_register_content(s, NULL, NULL));
    NEEDS("watch", w, sales_register_watch(s, NULL, &w->error), sales_register_watch(s, NULL, NULL));
    NEEDS("market", w, sales_set_market(s, NULL, &w->error), sales_set_market(s, NULL, NULL));
    /* user_data may be NULL: it is the host's. */
    sales_watch_t watch = fake_watch(&w->fake);
    watch.user_data = NULL;
    CHECK_STATUS(SALES_OK, sales_register_watch(s, &watch, NULL));
    world_end(w);
}

TEST(null_ledger) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_t s = w->sales;
    uint64_t now = w->now;
    sales_reservation_t one = SALES_INIT(sales_reservation_t);
    size_t len = 1;
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    NEEDS("slot_id", w, sales_reserve(s, now, NULL, 5, NULL, &w->error),
          sales_reserve(s, now, NULL, 5, NULL, NULL));
    NEEDS("slot_id", w, sales_release(s, now, NULL, NULL, &w->error),
          sales_release(s, now, NULL, NULL, NULL));
    NEEDS("slot_id", w, sales_consumed(s, now, NULL, 5, &w->error), sales_consumed(s, now, NULL, 5, NULL));
    NEEDS("slot_id", w, sales_reservation(s, NULL, &one, &w->error), sales_reservation(s, NULL, &one, NULL));
    NEEDS("out", w, sales_reservation(s, id_at(1), NULL, &w->error),
          sales_reservation(s, id_at(1), NULL, NULL));
    NEEDS("slot_id", w, sales_reservation(s, NULL, NULL, &w->error), sales_reservation(s, NULL, NULL, NULL));
    NEEDS("slot_id", w, sales_resolve(s, now, NULL, 1, &w->error), sales_resolve(s, now, NULL, 1, NULL));
    NEEDS("out", w, sales_reservations(s, NULL, NULL, NULL, sizeof one, &len, &w->error),
          sales_reservations(s, NULL, NULL, NULL, sizeof one, &len, NULL));
    NEEDS("len", w, sales_reservations(s, NULL, NULL, &one, sizeof one, NULL, &w->error),
          sales_reservations(s, NULL, NULL, NULL, sizeof one, NULL, NULL));
    CHECK_OK(w->error, sales_reserve(s, now, id_at(2), 5, NULL, NULL));
    CHECK_OK(w->error, sales_release(s, now, id_at(2), NULL, NULL));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(null_offers) {
    world_t *w = world_new(WORLD_SELLING);
    sales_t s = w->sales;
    uint64_t now = w->now;
    sales_offer_t offer = offer_of(1 << 20);
    sales_id_t id = world_offer(w, 1 << 20);
    size_t len = 1;
    NEEDS("offer", w, sales_offer_put(s, now, NULL, &w->error), sales_offer_put(s, now, NULL, NULL));
    NEEDS("id", w, sales_offer_get(s, NULL, &offer, &w->error), sales_offer_get(s, NULL, &offer, NULL));
    NEEDS("out", w, sales_offer_get(s, &id, NULL, &w->error), sales_offer_get(s, &id, NULL, NULL));
    NEEDS("id", w, sales_offer_remove(s, now, NULL, &w->error), sales_offer_remove(s, now, NULL, NULL));
    NEEDS("out", w, sales_offer_list(s, NULL, NULL, sizeof offer, &len, &w->error),
          sales_offer_list(s, NULL, NULL, sizeof offer, &len, NULL));
    NEEDS("len", w, sales_offer_list(s, NULL, &offer, sizeof offer, NULL, &w->error),
          sales_offer_list(s, NULL, NULL, 0, NULL, NULL));
    world_end(w);
}

TEST(null_selling) {
    world_t *w = world_new(WORLD_SELLING);
    sales_t s = w->sales;
    uint64_t now = w->now, index = 0;
    sales_reason_t reason = SALES_INIT(sales_reason_t);
    sales_sale_t sale = SALES_INIT(sales_sale_t);
    size_t len = 1;
    posted_t posted;
    posted_make(&posted, now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    NEEDS("ask", w, sales_on_request(s, now, NULL, NULL, &w->error),
          sales_on_request(s, now, NULL, NULL, NULL));
    NEEDS("ask", w, sales_evaluate(s, now, NULL, &reason, sizeof reason, &len, &w->error),
          sales_evaluate(s, now, NULL, NULL, 0, NULL, NULL));
    NEEDS("out", w, sales_evaluate(s, now, &posted.ask, NULL, sizeof reason, &len, &w->error),
          sales_evaluate(s, now, &posted.ask, NULL, sizeof reason, &len, NULL));
    NEEDS("len", w, sales_evaluate(s, now, &posted.ask, &reason, sizeof reason, NULL, &w->error),
          sales_evaluate(s, now, &posted.ask, &reason, sizeof reason, NULL, NULL));
    NEEDS("request_id", w, sales_on_slot_filled(s, now, NULL, NULL, index, &w->error),
          sales_on_slot_filled(s, now, NULL, NULL, index, NULL));
    NEEDS("request_id", w, sales_on_slot_freed(s, now, NULL, NULL, index, &w->error),
          sales_on_slot_freed(s, now, NULL, NULL, index, NULL));
    NEEDS("request_id", w, sales_on_slot_reservations_full(s, now, NULL, NULL, index, &w->error),
          sales_on_slot_reservations_full(s, now, NULL, NULL, index, NULL));
    NEEDS("request_id", w, sales_on_request_fulfilled(s, now, NULL, NULL, &w->error),
          sales_on_request_fulfilled(s, now, NULL, NULL, NULL));
    NEEDS("request_id", w, sales_on_request_cancelled(s, now, NULL, NULL, &w->error),
          sales_on_request_cancelled(s, now, NULL, NULL, NULL));
    NEEDS("request_id", w, sales_on_request_failed(s, now, NULL, NULL, &w->error),
          sales_on_request_failed(s, now, NULL, NULL, NULL));
    NEEDS("request_id", w, sales_on_request_ended(s, now, NULL, NULL, &w->error),
          sales_on_request_ended(s, now, NULL, NULL, NULL));
    NEEDS("slot_id", w, sales_abandon(s, now, NULL, 0, &w->error), sales_abandon(s, now, NULL, 0, NULL));
    NEEDS("slot_id", w, sales_sale(s, NULL, &sale, &w->error), sales_sale(s, NULL, &sale, NULL));
    NEEDS("out", w, sales_sale(s, &posted.slots[0], NULL, &w->error),
          sales_sale(s, &posted.slots[0], NULL, NULL));
    NEEDS("out", w, sales_sales(s, NULL, NULL, sizeof sale, &len, &w->error),
          sales_sales(s, NULL, NULL, sizeof sale, &len, NULL));
    NEEDS("len", w, sales_sales(s, NULL, &sale, sizeof sale, NULL, &w->error),
          sales_sales(s, NULL, NULL, 0, NULL, NULL));
    NEEDS("at", w, sales_next_deadline(s, NULL, &w->error), sales_next_deadline(s, NULL, NULL));
    NEEDS("out", w, sales_stats(s, NULL, &w->error), sales_stats(s, NULL, NULL));
    world_end(w);
}

TEST(null_complete) {
    world_t *w = world_new(WORLD_BOOKS);
    fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
    CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 1, 100));
    uint64_t token = fake_pending_token(&w->fake, FAKE_RESERVE);
    NEEDS("result", w, sales_complete(w->sales, w->now, token, NULL, &w->error),
          sales_complete(w->sales, w->now, token, NULL, NULL));
    /* It is still open. */
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, SALES_OK));
    CHECK_U64(100, world_stats(w).held);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(null_pages_of_no_places) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    size_t len = 0;
    world_offer(w, 1 << 20);
    CHECK_OK(w->error,
             sales_reservations(w->sales, NULL, NULL, NULL, sizeof(sales_reservation_t), &len, &w->error));
    CHECK_U64(0, len);
    CHECK_OK(w->error, sales_offer_list(w->sales, NULL, NULL, sizeof(sales_offer_t), &len, &w->error));
    CHECK_U64(0, len);
    CHECK_OK(w->error, sales_sales(w->sales, NULL, NULL, sizeof(sales_sale_t), &len, &w->error));
    CHECK_U64(0, len);
    CHECK_OK(w->error,
             sales_evaluate(w->sales, w->now, &posted.ask, NULL, sizeof(sales_reason_t), &len, &w->error));
    CHECK_U64(0, len);
    world_end(w);
}

TEST(null_helpers) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_id_t id = id_of(1);
    sales_u256_t number = u256_of(1);
    char text[SALES_U256_TEXT_MAX];
    posted_t posted;
    posted_make(&posted, T0, 1, SLOT_SIZE, 1);
    CHECK_ERROR(SALES_ERR_ARGUMENT, "request", error, sales_request_id(NULL, &id, &error));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "out", error, sales_request_id(&posted.request, NULL, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_request_id(NULL, NULL, NULL));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "request_id", error, sales_slot_id(NULL, 0, &id, &error));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "out", error, sales_slot_id(&id, 0, NULL, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_slot_id(NULL, 0, NULL, NULL));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "decimal", error, sales_u256_parse(NULL, &number, &error));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "out", error, sales_u256_parse("1", NULL, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_u256_parse(NULL, NULL, NULL));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "value", error, sales_u256_format(NULL, text, &error));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "out", error, sales_u256_format(&number, NULL, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_u256_format(NULL, NULL, NULL));
    CHECK_STATUS(SALES_OK, sales_set_log(NULL, NULL, SALES_LOG_OFF));
}

TEST(null_pointers_inside_structs) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    sales_id_t id;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    posted.request.cid.data = NULL;
    CHECK_ERROR(SALES_ERR_ARGUMENT, "cid", w->error, sales_request_id(&posted.request, &id, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "cid", w, world_post(w, &posted));
    posted.request.cid.len = SIZE_MAX;
    CHECK_ERROR(SALES_ERR_ARGUMENT, "cid", w->error, sales_request_id(&posted.request, &id, &w->error));
    posted.request.cid.len = 0;
    CHECK_ERROR(SALES_ERR_ARGUMENT, "cid", w->error, sales_request_id(&posted.request, &id, &w->error));
    /* The whole request is missing, and chain.read_request is not given. */
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    posted.ask.request = NULL;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "request", w, world_post(w, &posted));
    world_end(w);
}
