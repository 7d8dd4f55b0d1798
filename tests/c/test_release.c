/* test_release.c - sales_release: exactly once (S2), whatever the repo answers. */
#include "world.h"

TEST(release_unknown_slot) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "slot", w, world_release(w, 1));
    CHECK_U64(0, w->fake.calls[FAKE_RELEASE]);
    world_end(w);
}

TEST(release_twice) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, w->fake.total);
    CHECK_IS(SALES_ALREADY, w->error, world_release(w, 1));
    CHECK_IS(SALES_ALREADY, w->error, world_release(w, 1));
    CHECK_U64(1, w->fake.calls[FAKE_RELEASE]);
    world_close(w);
    world_open(w, NULL);
    CHECK_IS(SALES_ALREADY, w->error, world_release(w, 1));
    CHECK_U64(1, w->fake.calls[FAKE_RELEASE]);
    world_end(w);
}

TEST(release_told_to_the_watch) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_event_t event;
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(1, fake_events(&w->fake, SALES_EVENT_RELEASED, &event));
    CHECK(memcmp(&event.slot_id, id_at(1), sizeof event.slot_id) == 0);
    CHECK_U64(100, event.bytes);
    CHECK_U64(T0, event.time);
    CHECK_U64(event.number, world_stats(w).last_event);
    world_end(w);
}

/* A refused release stands as an intent and is tried again at ticks, until it is done. */
TEST(release_refused_is_tried_again) {
    static const sales_status_t refusals[] = {SALES_HOST_TRANSIENT,      SALES_HOST_NOT_ALLOWED,
                                              SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT,
                                              SALES_HOST_NO_SPACE,       SALES_HOST_CANCELLED};
    world_t *w = world_new(WORLD_BOOKS);
    for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        CHECK_OK(w->error, world_reserve(w, i, 100));
        fake_set(&w->fake, FAKE_RELEASE, FAKE_FAIL, refusals[i], 2);
        CHECK_IS(SALES_QUEUED, w->error, world_release(w, i));
        sales_stats_t stats = world_stats(w);
        CHECK_U64(0, stats.held);
        CHECK_U64(100, stats.releasing);
        CHECK_U64(100, w->fake.total);
        CHECK(stats.next_deadline != UINT64_MAX);
        sales_status_t again = world_release(w, i);
        CHECK(again == SALES_ALREADY || again == SALES_QUEUED);
        for (int k = 0; k < 4 && w->fake.total > 0; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(0, w->fake.total);
        CHECK_U64(0, world_stats(w).releasing);
    }
    world_end(w);
}

TEST(release_refused_survives_a_restart) {
    for (unsigned flags = 0; flags <= WORLD_NO_RESERVED; flags += WORLD_NO_RESERVED) {
        world_t *w = world_new_in(test_path(flags ? "without" : "with"), WORLD_BOOKS | flags);
        CHECK_OK(w->error, world_reserve(w, 1, 100));
        CHECK_OK(w->error, world_reserve(w, 2, 30));
        fake_set(&w->fake, FAKE_RELEASE, FAKE_FAIL, SALES_HOST_TRANSIENT, 0);
        CHECK_IS(SALES_QUEUED, w->error, world_release(w, 1));
        world_close(w);
        CHECK_U64(130, w->fake.total);
        fake_set(&w->fake, FAKE_RELEASE, FAKE_WORK, SALES_OK, 0);
        world_open(w, NULL);
        /* A repo that cannot tell its total has to be asked whether the last attempt was refused. */
        if (world_stats(w).in_doubt > 0) {
            CHECK(flags != 0);
            CHECK(sales_resolve(w->sales, w->now, id_at(1), 0, &w->error) >= 0);
        }
        for (int k = 0; k < 4 && w->fake.total > 30; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(30, w->fake.total);
        CHECK_U64(30, world_stats(w).held);
        CHECK_U64(0, world_stats(w).releasing);
        CHECK_OK(w->error, world_release(w, 2));
        world_end(w);
    }
}

TEST(release_queued_and_reserved_anew) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    fake_set(&w->fake, FAKE_RELEASE, FAKE_FAIL, SALES_HOST_TRANSIENT, 1);
    CHECK_IS(SALES_QUEUED, w->error, world_release(w, 1));
    CHECK_OK(w->error, world_reserve(w, 1, 7));
    CHECK_U64(107, w->fake.total);
    CHECK_U64(7, world_stats(w).held);
    CHECK_U64(100, world_stats(w).releasing);
    CHECK_BOOKS(w);
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(7, w->fake.total);
    CHECK_U64(7, world_reservation(w, 1).held);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* With a repo that cannot tell its total, a slot whose release is queued is not reserved anew. */
TEST(release_queued_without_reserved_blocks_the_slot) {
    world_t *w = world_new(WORLD_NO_RESERVED);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    fake_set(&w->fake, FAKE_RELEASE, FAKE_FAIL, SALES_HOST_TRANSIENT, 1);
    CHECK_IS(SALES_QUEUED, w->error, world_release(w, 1));
    CHECK_REFUSED(SALES_ERR_BUSY, "slot", w, world_reserve(w, 1, 7));
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(0, w->fake.total);
    CHECK_OK(w->error, world_reserve(w, 1, 7));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(release_in_doubt) {
    for (uint32_t took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_NO_RESERVED);
        CHECK_OK(w->error, world_reserve(w, 1, 100));
        fake_set(&w->fake, FAKE_RELEASE, took_effect ? FAKE_DONE_BUT : FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        error_clear(&w->error);
        sales_status_t status = world_release(w, 1);
        check_error(__FILE__, __LINE__, "a release nobody knows", SALES_ERR_IN_DOUBT, status, &w->error,
                    "doubt");
        CHECK_U64(1, world_stats(w).in_doubt);
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(1, w->fake.calls[FAKE_RELEASE]);
        CHECK(sales_resolve(w->sales, w->now, id_at(1), took_effect, &w->error) >= 0);
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_U64(0, w->fake.total);
        CHECK_U64(took_effect ? 1 : 2, w->fake.calls[FAKE_RELEASE]);
        world_end(w);
    }
}

TEST(release_in_doubt_settled_by_reconcile) {
    for (int took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_BOOKS);
        CHECK_OK(w->error, world_reserve(w, 1, 100));
        CHECK_OK(w->error, world_reserve(w, 2, 30));
        fake_set(&w->fake, FAKE_RELEASE, took_effect ? FAKE_DONE_BUT : FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_release(w, 1));
        CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        for (int k = 0; k < 3 && w->fake.total > 30; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(30, w->fake.total);
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_U64(30, world_stats(w).held);
        CHECK_OK(w->error, world_release(w, 2));
        world_end(w);
    }
}

TEST(release_pending) {
    world_t *w = world_new(WORLD_BOOKS);
    uint64_t token = 0;
    sales_status_t done = 1;
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    fake_set(&w->fake, FAKE_RELEASE, FAKE_PEND, SALES_OK, 1);
    CHECK_IS(SALES_PENDING, w->error, sales_release(w->sales, w->now, id_at(1), &token, &w->error));
    CHECK(token != 0);
    CHECK_U64(100, world_stats(w).releasing);
    CHECK_REFUSED(SALES_ERR_BUSY, "slot", w, world_release(w, 1));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RELEASE, SALES_OK));
    CHECK_U64(1, (uint64_t)fake_done(&w->fake, token, &done));
    CHECK_STATUS(SALES_OK, done);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).releasing);
    world_end(w);
}

TEST(release_of_the_same_slot_id_by_many_kinds_of_ids) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    for (int bit = 0; bit < 256; bit += 5) {
        sales_id_t other = id_of(1);
        other.bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        CHECK_ERROR(SALES_ERR_NOT_FOUND, "slot", w->error,
                    sales_release(w->sales, w->now, &other, NULL, &w->error));
    }
    CHECK_U64(100, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}
