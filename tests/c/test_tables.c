/* test_tables.c - callback tables: missing entries, registered twice, absent where they are needed. */
#include "world.h"

TEST(tables_required_entries) {
    world_t *w = world_new(WORLD_NOT_STARTED);
    sales_t other = 0;
    REQUIRE_OK(w->error, sales_open(SALES_ABI_VERSION, test_path("other"), NULL, &other, &w->error));
#define WITHOUT(type, make, register_call, entry)                                                \
    do {                                                                                         \
        type table = make(&w->fake);                                                             \
        table.entry = NULL;                                                                      \
        CHECK_ERROR(SALES_ERR_TABLE, #entry, w->error, register_call(other, &table, &w->error)); \
    } while (0)
    WITHOUT(sales_repo_t, fake_repo, sales_register_repo, available);
    WITHOUT(sales_repo_t, fake_repo, sales_register_repo, reserve);
    WITHOUT(sales_repo_t, fake_repo, sales_register_repo, release);
    WITHOUT(sales_chain_t, fake_chain, sales_register_chain, fill_slot);
    WITHOUT(sales_content_t, fake_content, sales_register_content, store);
    WITHOUT(sales_content_t, fake_content, sales_register_content, prove);
    WITHOUT(sales_watch_t, fake_watch, sales_register_watch, on_event);
    /* A refused table is not registered: the right one still can be. */
    sales_repo_t repo = fake_repo(&w->fake);
    CHECK_OK(w->error, sales_register_repo(other, &repo, &w->error));
    CHECK_OK(w->error, sales_close(other, &w->error));
    world_end(w);
}

TEST(tables_only_required_entries) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NO_RESERVED | WORLD_NO_WATCH);
    posted_t posted;
    posted_make(&posted, w->now, 2, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(2, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(2 * SLOT_SIZE, w->fake.total);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(tables_registered_twice) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    sales_repo_t repo = fake_repo(&w->fake);
    sales_chain_t chain = fake_chain(&w->fake);
    sales_content_t content = fake_content(&w->fake);
    sales_watch_t watch = fake_watch(&w->fake);
    CHECK_REFUSED(SALES_ERR_REGISTERED, "repo", w, sales_register_repo(w->sales, &repo, &w->error));
    CHECK_REFUSED(SALES_ERR_REGISTERED, "chain", w, sales_register_chain(w->sales, &chain, &w->error));
    CHECK_REFUSED(SALES_ERR_REGISTERED, "content", w, sales_register_content(w->sales, &content, &w->error));
    CHECK_REFUSED(SALES_ERR_REGISTERED, "watch", w, sales_register_watch(w->sales, &watch, &w->error));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    world_end(w);
}

TEST(tables_missing_where_needed) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 0;
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, test_path("none"), NULL, &sales, &error));
    CHECK_ERROR(SALES_ERR_TABLE, "repo", error, sales_start(sales, T0, &error));
    CHECK_OK(error, sales_close(sales, &error));

    world_t *w = world_new(WORLD_BOOKS);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_REFUSED(SALES_ERR_TABLE, "chain", w, world_post(w, &posted));
    world_end(w);
}

TEST(tables_reconcile_needs_reserved) {
    world_t *w = world_new(WORLD_NO_RESERVED);
    CHECK_REFUSED(SALES_ERR_TABLE, "reserved", w,
                  sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    world_end(w);
}

/* The table is copied: what happens to the host's struct afterwards does not matter. */
TEST(tables_are_copied) {
    world_t *w = world_new(WORLD_NOT_STARTED);
    sales_t other = 0;
    REQUIRE_OK(w->error, sales_open(SALES_ABI_VERSION, test_path("other"), NULL, &other, &w->error));
    sales_repo_t repo = fake_repo(&w->fake);
    CHECK_OK(w->error, sales_register_repo(other, &repo, &w->error));
    memset(&repo, 0xff, sizeof repo);
    CHECK_OK(w->error, sales_start(other, w->now, &w->error));
    CHECK_OK(w->error, sales_reserve(other, w->now, id_at(1), 10, NULL, &w->error));
    CHECK_OK(w->error, sales_release(other, w->now, id_at(1), NULL, &w->error));
    CHECK_OK(w->error, sales_close(other, &w->error));
    world_end(w);
}
