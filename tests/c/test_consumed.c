/* test_consumed.c - sales_consumed: cumulative totals turn reserved bytes into used ones, each byte once. */
#include "world.h"

TEST(consumed_in_steps) {
    for (unsigned flags = 0; flags <= WORLD_CONSUME; flags += WORLD_CONSUME) {
        world_t *w = world_new_in(test_path(flags ? "consume" : "release"), flags);
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        CHECK_OK(w->error, world_consumed(w, 1, 300));
        CHECK_U64(700, w->fake.total);
        CHECK_OK(w->error, world_consumed(w, 1, 301));
        CHECK_U64(699, w->fake.total);
        sales_reservation_t r = world_reservation(w, 1);
        CHECK_U64(1000, r.bytes);
        CHECK_U64(699, r.held);
        CHECK_U64(301, r.consumed);
        CHECK_U64(0, r.consuming);
        CHECK_U64(699, world_stats(w).held);
        CHECK_U64(301, world_stats(w).consumed);
        CHECK_U64(flags ? 301 : 0, w->fake.used);
        CHECK_U64(flags ? 2 : 0, w->fake.calls[FAKE_CONSUME]);
        /* Repeats and lower totals. */
        CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 301));
        CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 0));
        CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 5));
        CHECK_U64(699, w->fake.total);
        /* Only what is still held goes back. */
        CHECK_OK(w->error, world_release(w, 1));
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

TEST(consumed_more_than_reserved) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_consumed(w, 1, 1001));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_consumed(w, 1, UINT64_C(1) << 63));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_consumed(w, 1, UINT64_MAX));
    CHECK_OK(w->error, world_consumed(w, 1, 400));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_consumed(w, 1, 1001));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* All landed: the record stays, else the slot could be sold twice. */
TEST(consumed_whole) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_OK(w->error, world_consumed(w, 1, 1000));
    CHECK_U64(0, w->fake.total);
    CHECK_U64(1000, w->fake.used);
    CHECK_IS(SALES_ALREADY, w->error, world_reserve(w, 1, 1000));
    CHECK_REFUSED(SALES_ERR_AMOUNT, "1000", w, world_reserve(w, 1, 10));
    world_close(w);
    world_open(w, NULL);
    CHECK_U64(1000, world_reservation(w, 1).consumed);
    CHECK_U64(1, world_stats(w).reservations);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, w->fake.calls[FAKE_RELEASE]);
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "slot", w, world_consumed(w, 1, 1000));
    world_end(w);
}

TEST(consumed_unknown_or_ended_slot) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "slot", w, world_consumed(w, 1, 0));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "slot", w, world_consumed(w, 1, 10));
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "slot", w, world_consumed(w, 1, 10));
    /* A new life begins at 0. */
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_consumed(w, 1, 10));
    CHECK_U64(90, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(consumed_nothing_yet) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 0));
    CHECK_U64(0, w->fake.calls[FAKE_CONSUME]);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* Never busy: what arrives while a step is out goes with the next one. */
TEST(consumed_while_a_step_is_pending) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    fake_set(&w->fake, FAKE_CONSUME, FAKE_PEND, SALES_OK, 1);
    CHECK(world_consumed(w, 1, 100) >= 0);
    CHECK_U64(1, fake_pending(&w->fake, FAKE_CONSUME));
    CHECK(world_consumed(w, 1, 250) >= 0);
    CHECK(world_consumed(w, 1, 400) >= 0);
    CHECK_U64(1, w->fake.calls[FAKE_CONSUME]);
    CHECK_U64(400, world_reservation(w, 1).consumed);
    CHECK_U64(1000, w->fake.total);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_CONSUME, SALES_OK));
    for (int i = 0; i < 3 && w->fake.total > 600; i++)
        CHECK_OK(w->error, world_tick(w, 1));
    CHECK_U64(600, w->fake.total);
    CHECK_U64(2, w->fake.calls[FAKE_CONSUME]);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(400, w->fake.used);
    world_end(w);
}

TEST(consumed_refused_is_tried_again) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    fake_set(&w->fake, FAKE_CONSUME, FAKE_FAIL, SALES_HOST_TRANSIENT, 1);
    CHECK(world_consumed(w, 1, 400) >= 0);
    CHECK_U64(1000, w->fake.total);
    CHECK_BOOKS(w);
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(600, w->fake.total);
    CHECK_U64(400, w->fake.used);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* An unfinished consume never gives landed bytes back as free. */
TEST(consumed_release_while_consuming_is_refused) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    fake_set(&w->fake, FAKE_CONSUME, FAKE_FAIL, SALES_HOST_TRANSIENT, 0);
    CHECK(world_consumed(w, 1, 400) >= 0);
    CHECK(world_release(w, 1) >= 0);
    CHECK(w->fake.total >= 400);
    CHECK_U64(0, w->fake.used);
    CHECK_BOOKS(w);
    fake_set(&w->fake, FAKE_CONSUME, FAKE_WORK, SALES_OK, 0);
    for (int i = 0; i < 4 && w->fake.total > 0; i++)
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(0, w->fake.total);
    CHECK_U64(400, w->fake.used);
    world_end(w);
}

/* A whole slot of 2^64-1 bytes. */
TEST(consumed_the_whole_range) {
    world_t *w = world_new(WORLD_CONSUME);
    w->fake.quota = UINT64_MAX;
    CHECK_OK(w->error, world_reserve(w, 1, UINT64_MAX));
    CHECK_OK(w->error, world_consumed(w, 1, UINT64_MAX - 1));
    CHECK_U64(1, w->fake.total);
    CHECK_OK(w->error, world_consumed(w, 1, UINT64_MAX));
    CHECK_U64(0, w->fake.total);
    CHECK_U64(UINT64_MAX, world_stats(w).consumed);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, world_stats(w).consumed);
    world_end(w);
}

/* A repeated total after a restart changes nothing. */
TEST(consumed_repeated_after_a_restart) {
    world_t *w = world_new(WORLD_CONSUME);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_OK(w->error, world_consumed(w, 1, 600));
    world_close(w);
    world_open(w, NULL);
    CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 600));
    CHECK_IS(SALES_ALREADY, w->error, world_consumed(w, 1, 100));
    CHECK_U64(400, w->fake.total);
    CHECK_OK(w->error, world_consumed(w, 1, 700));
    CHECK_U64(300, w->fake.total);
    CHECK_U64(700, w->fake.used);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}
