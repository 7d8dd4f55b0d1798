/* test_reserve.c - sales_reserve: amounts, repeats, what the repo answers, and that nothing is kept of a
 * refusal. */
#include "world.h"

TEST(reserve_and_read_back) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 4096));
    sales_reservation_t r = world_reservation(w, 1);
    CHECK_U64(4096, r.bytes);
    CHECK_U64(4096, r.held);
    CHECK_U64(0, r.consumed);
    CHECK_U64(0, r.releasing);
    CHECK_U64(0, r.consuming);
    CHECK_U64(0, r.flags);
    CHECK(memcmp(&r.slot_id, id_at(1), sizeof r.slot_id) == 0);
    CHECK_U64(4096, w->fake.total);
    CHECK_U64(1, w->fake.calls[FAKE_RESERVE]);
    sales_stats_t stats = world_stats(w);
    CHECK_U64(4096, stats.held);
    CHECK_U64(1, stats.reservations);
    CHECK(memcmp(stats.store_id, w->fake.last_op[FAKE_RESERVE].store_id, 16) == 0);
    CHECK(stats.store_seq > w->fake.last_op[FAKE_RESERVE].store_seq);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(reserve_nothing) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "bytes", w, world_reserve(w, 1, 0));
    CHECK_U64(0, w->fake.calls[FAKE_RESERVE]);
    world_end(w);
}

TEST(reserve_more_than_there_is) {
    world_t *w = world_new(WORLD_BOOKS);
    static const uint64_t amounts[] = {QUOTA + 1, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        CHECK_REFUSED(SALES_ERR_NO_SPACE, "space", w, world_reserve(w, 1, amounts[i]));
    CHECK_OK(w->error, world_reserve(w, 1, QUOTA));
    CHECK_REFUSED(SALES_ERR_NO_SPACE, "space", w, world_reserve(w, 2, 1));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* A repo that grants anything: sums that do not fit are refused by name, whatever it grants (S7). */
TEST(reserve_sums_that_overflow) {
    world_t *w = world_new(WORLD_BOOKS);
    w->fake.quota = UINT64_MAX;
    CHECK_OK(w->error, world_reserve(w, 1, UINT64_C(1) << 63));
    CHECK_U64(UINT64_C(1) << 63, world_stats(w).held);
    CHECK_OK(w->error, world_reserve(w, 2, (UINT64_C(1) << 63) - 1));
    CHECK_U64(UINT64_MAX, world_stats(w).held);
    /* The fake's own sum would wrap: it lies and grants without keeping books. */
    fake_set(&w->fake, FAKE_RESERVE, FAKE_DONE_BUT, SALES_OK, 0);
    w->fake.total = 0;
    error_clear(&w->error);
    sales_stats_t before = world_stats(w);
    sales_status_t status = world_reserve(w, 3, 1);
    check_error(__FILE__, __LINE__, "a reserve whose sum wraps", SALES_ERR_OVERFLOW, status, &w->error,
                "bytes");
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_U64(0, w->fake.total);
    w->fake.total = UINT64_MAX;
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    world_end(w);
}

TEST(reserve_the_whole_range_at_once) {
    world_t *w = world_new(WORLD_BOOKS);
    w->fake.quota = UINT64_MAX;
    CHECK_OK(w->error, world_reserve(w, 1, UINT64_MAX));
    CHECK_U64(UINT64_MAX, w->fake.total);
    CHECK_U64(UINT64_MAX, world_reservation(w, 1).held);
    CHECK_IS(SALES_ALREADY, w->error, world_reserve(w, 1, UINT64_MAX));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, w->fake.total);
    CHECK_OK(w->error, world_reserve(w, 1, 1));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* S4: one live reservation a slot. */
TEST(reserve_twice) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    sales_stats_t before = world_stats(w);
    CHECK_IS(SALES_ALREADY, w->error, world_reserve(w, 1, 1000));
    CHECK_U64(1, w->fake.calls[FAKE_RESERVE]);
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_reserve(w, 1, 999));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_reserve(w, 1, 1001));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_reserve(w, 1, UINT64_MAX));
    CHECK_U64(1, w->fake.calls[FAKE_RESERVE]);
    world_close(w);
    world_open(w, NULL);
    CHECK_IS(SALES_ALREADY, w->error, world_reserve(w, 1, 1000));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_reserve(w, 1, 999));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(reserve_again_after_release) {
    world_t *w = world_new(WORLD_BOOKS);
    for (unsigned i = 1; i <= 5; i++) {
        CHECK_OK(w->error, world_reserve(w, 1, 100 * i));
        CHECK_U64(100 * i, w->fake.total);
        CHECK_U64(100 * i, world_reservation(w, 1).bytes);
        CHECK_OK(w->error, world_release(w, 1));
        CHECK_U64(0, w->fake.total);
    }
    world_end(w);
}

TEST(reserve_refused_by_the_repo) {
    static const sales_status_t refusals[] = {SALES_HOST_TRANSIENT, SALES_HOST_NOT_ALLOWED,
                                              SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT,
                                              SALES_HOST_CANCELLED};
    world_t *w = world_new(WORLD_BOOKS);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        fake_set(&w->fake, FAKE_RESERVE, FAKE_FAIL, refusals[i], 1);
        CHECK_REFUSED(refusals[i], "repo", w, world_reserve(w, 1, 100));
        fake_set(&w->fake, FAKE_RESERVE, FAKE_INSIDE, refusals[i], 1);
        CHECK_REFUSED(refusals[i], NULL, w, world_reserve(w, 1, 100));
    }
    fake_set(&w->fake, FAKE_RESERVE, FAKE_FAIL, SALES_HOST_NO_SPACE, 1);
    CHECK_REFUSED(SALES_ERR_NO_SPACE, "space", w, world_reserve(w, 1, 100));
    sales_reservation_t out = SALES_INIT(sales_reservation_t);
    CHECK_ERROR(SALES_ERR_NOT_FOUND, "slot", w->error,
                sales_reservation(w->sales, id_at(1), &out, &w->error));
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* What nobody knows is in doubt: kept out of use, never repeated by guess, settled by reconcile or by the
 * host. */
TEST(reserve_in_doubt_settled_by_reconcile) {
    for (int took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_BOOKS);
        fake_set(&w->fake, FAKE_RESERVE, took_effect ? FAKE_DONE_BUT : FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, 1, 100));
        CHECK_U64(1, world_stats(w).in_doubt);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, 1, 100));
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_release(w, 1));
        CHECK_U64(1, w->fake.calls[FAKE_RESERVE]);
        CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_BOOKS(w);
        CHECK_U64(world_stats(w).held, w->fake.total);
        sales_status_t status = world_reserve(w, 1, 100);
        CHECK(status == SALES_OK || status == SALES_ALREADY);
        CHECK_U64(100, w->fake.total);
        CHECK_OK(w->error, world_release(w, 1));
        world_end(w);
    }
}

TEST(reserve_in_doubt_settled_by_the_host) {
    for (uint32_t took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_NO_RESERVED);
        fake_set(&w->fake, FAKE_RESERVE, took_effect ? FAKE_DONE_BUT : FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, 1, 100));
        CHECK_OK(w->error, world_reserve(w, 2, 50));
        CHECK_ERROR(SALES_ERR_NOT_FOUND, "doubt", w->error,
                    sales_resolve(w->sales, w->now, id_at(2), 1, &w->error));
        CHECK_OK(w->error, sales_resolve(w->sales, w->now, id_at(1), took_effect, &w->error));
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_ERROR(SALES_ERR_NOT_FOUND, "doubt", w->error,
                    sales_resolve(w->sales, w->now, id_at(1), took_effect, &w->error));
        CHECK_BOOKS(w);
        sales_status_t status = world_reserve(w, 1, 100);
        CHECK(status == SALES_OK || status == SALES_ALREADY);
        CHECK_U64(150, w->fake.total);
        CHECK_OK(w->error, world_release(w, 1));
        CHECK_OK(w->error, world_release(w, 2));
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

TEST(reserve_pending) {
    world_t *w = world_new(WORLD_BOOKS);
    uint64_t token = 0;
    sales_status_t done = 1;
    fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 0);
    CHECK_IS(SALES_PENDING, w->error, sales_reserve(w->sales, w->now, id_at(1), 100, &token, &w->error));
    CHECK(token != 0);
    CHECK_U64(1, world_stats(w).pending_ops);
    /* Nobody waits: the slot is busy at once, others are not. */
    CHECK_REFUSED(SALES_ERR_BUSY, "slot", w, world_reserve(w, 1, 100));
    CHECK_REFUSED(SALES_ERR_BUSY, "slot", w, world_release(w, 1));
    CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 2, 100));
    CHECK_U64(0, (uint64_t)fake_done(&w->fake, token, NULL));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, SALES_OK));
    CHECK_U64(1, (uint64_t)fake_done(&w->fake, token, &done));
    CHECK_STATUS(SALES_OK, done);
    CHECK_U64(100, world_reservation(w, 1).held);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, SALES_HOST_NO_SPACE));
    CHECK_U64(100, world_stats(w).held);
    CHECK_U64(0, world_stats(w).pending_ops);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(reserve_pending_refused_is_told) {
    world_t *w = world_new(WORLD_BOOKS);
    static const struct {
        sales_status_t answer, expected;
    } cases[] = {{SALES_HOST_NO_SPACE, SALES_ERR_NO_SPACE},
                 {SALES_HOST_TRANSIENT, SALES_HOST_TRANSIENT},
                 {SALES_HOST_PERMANENT, SALES_HOST_PERMANENT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t token = 0;
        sales_status_t done = 1;
        fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, sales_reserve(w->sales, w->now, id_at(1), 100, &token, &w->error));
        CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, cases[i].answer));
        CHECK_U64(1, (uint64_t)fake_done(&w->fake, token, &done));
        CHECK_STATUS(cases[i].expected, done);
        CHECK_U64(0, world_stats(w).held);
    }
    world_end(w);
}

TEST(reserve_many_and_page_through_them) {
    enum { N = 60, PAGE = 7 };
    world_t *w = world_new(WORLD_BOOKS);
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(w->error, world_reserve(w, (i * 37) % N, 10 + (i * 37) % N));
    sales_reservation_t page[PAGE];
    sales_id_t last;
    const sales_id_t *after = NULL;
    unsigned seen = 0;
    size_t len;
    do {
        len = PAGE;
        for (size_t i = 0; i < PAGE; i++)
            page[i] = (sales_reservation_t)SALES_INIT(sales_reservation_t);
        REQUIRE_OK(w->error,
                   sales_reservations(w->sales, NULL, after, page, sizeof page[0], &len, &w->error));
        for (size_t i = 0; i < len; i++, seen++) {
            CHECK(memcmp(&page[i].slot_id, id_at(seen), sizeof last) == 0);
            CHECK_U64(10 + seen, page[i].held);
        }
        if (len > 0) {
            last = page[len - 1].slot_id;
            after = &last;
        }
    } while (len == PAGE);
    CHECK_U64(N, seen);
    CHECK_U64(N, world_stats(w).reservations);
    /* By offer: none of these belongs to one. */
    len = PAGE;
    CHECK_OK(w->error, sales_reservations(w->sales, id_at(3), NULL, page, sizeof page[0], &len, &w->error));
    CHECK_U64(0, len);
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(w->error, world_release(w, i));
    CHECK_U64(0, world_stats(w).reservations);
    world_end(w);
}

/* Ids are hashes: the ones that mean "no slot" inside are refused by name, and nothing leaks. */
TEST(reserve_slot_ids_that_are_none) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_id_t id;
    for (int fill = 0; fill < 256; fill += 255) {
        memset(&id, fill, sizeof id);
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "slot_id", w,
                      sales_reserve(w->sales, w->now, &id, 5, NULL, &w->error));
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "slot_id", w,
                      sales_release(w->sales, w->now, &id, NULL, &w->error));
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "slot_id", w, sales_consumed(w->sales, w->now, &id, 5, &w->error));
        id.bytes[31] ^= 1;
        CHECK_OK(w->error, sales_reserve(w->sales, w->now, &id, 5, NULL, &w->error));
        CHECK_OK(w->error, sales_release(w->sales, w->now, &id, NULL, &w->error));
    }
    world_end(w);
}

/* Every time is accepted, and a clock that goes back is counted. */
TEST(reserve_at_any_time) {
    world_t *w = world_new(WORLD_BOOKS);
    static const uint64_t times[] = {0, 1, UINT64_MAX, T0, UINT64_MAX - 1, 0};
    uint64_t steps = world_stats(w).clock_steps_back;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        w->now = times[i];
        CHECK_OK(w->error, world_reserve(w, 1, 10));
        CHECK_OK(w->error, world_release(w, 1));
        CHECK_OK(w->error, world_tick(w, 0));
    }
    CHECK(world_stats(w).clock_steps_back > steps);
    world_end(w);
}
