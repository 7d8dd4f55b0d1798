/* test_recovery.c - restarts after a host that hurried or lost something: recovery by total, or in doubt and
 * resolved. */
#include "world.h"

/* A reserve was out when the host went: whether it took effect is what the total tells. */
TEST(recovery_of_a_reserve_that_was_out) {
    for (int took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_KEEPS_IDS);
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 2, 234));
        world_close(w);
        fake_forget_pending(&w->fake, took_effect);
        CHECK_U64(took_effect ? 1234 : 1000, w->fake.total);
        world_open(w, NULL);
        CHECK_U64(1000, w->fake.total);
        CHECK_U64(1000, world_stats(w).held);
        CHECK_U64(took_effect ? 234 : 0, world_stats(w).surplus_released);
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_OK(w->error, world_reserve(w, 2, 234));
        CHECK_OK(w->error, world_release(w, 2));
        CHECK_OK(w->error, world_release(w, 1));
        world_end(w);
    }
}

TEST(recovery_of_a_release_that_was_out) {
    for (int took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_KEEPS_IDS);
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        CHECK_OK(w->error, world_reserve(w, 2, 234));
        fake_set(&w->fake, FAKE_RELEASE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, world_release(w, 2));
        world_close(w);
        fake_forget_pending(&w->fake, took_effect);
        world_open(w, NULL);
        CHECK_U64(1000, w->fake.total);
        CHECK_U64(1000, world_stats(w).held);
        CHECK_U64(0, world_stats(w).releasing);
        CHECK_IS(SALES_ALREADY, w->error, world_release(w, 2));
        CHECK_OK(w->error, world_release(w, 1));
        world_end(w);
    }
}

TEST(recovery_of_a_consume_that_was_out) {
    for (int took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w =
            world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_KEEPS_IDS | WORLD_CONSUME);
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        fake_set(&w->fake, FAKE_CONSUME, FAKE_PEND, SALES_OK, 1);
        CHECK(world_consumed(w, 1, 400) >= 0);
        world_close(w);
        fake_forget_pending(&w->fake, took_effect);
        world_open(w, NULL);
        CHECK_U64(600, w->fake.total);
        CHECK_U64(600, world_stats(w).held);
        CHECK_U64(400, world_reservation(w, 1).consumed);
        CHECK_OK(w->error, world_release(w, 1));
        world_end(w);
    }
}

/* Many of each at once. */
TEST(recovery_of_many_that_were_out) {
    enum { N = 24 };
    world_t *w = world_new(WORLD_KEEPS_IDS | WORLD_CONSUME);
    uint64_t expected = 0;
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(w->error, world_reserve(w, i, 1000 + i));
    fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 0);
    fake_set(&w->fake, FAKE_RELEASE, FAKE_PEND, SALES_OK, 0);
    fake_set(&w->fake, FAKE_CONSUME, FAKE_PEND, SALES_OK, 0);
    for (unsigned i = 0; i < N; i++) {
        if (i % 3 == 0) {
            CHECK_IS(SALES_PENDING, w->error, world_release(w, i));
        } else if (i % 3 == 1) {
            CHECK(world_consumed(w, i, i) >= 0);
            expected += 1000;
        } else {
            CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 100 + i, 7));
            expected += 1000 + i;
        }
    }
    world_close(w);
    /* Every second one took effect. */
    for (size_t i = 0; i < w->fake.pending_len; i += 2) {
        const fake_pending_t *p = &w->fake.pending[i];
        w->fake.total = p->call == FAKE_RESERVE ? w->fake.total + p->bytes : w->fake.total - p->bytes;
    }
    fake_forget_pending(&w->fake, 0);
    for (fake_call_t call = FAKE_RESERVE; call <= FAKE_CONSUME; call++)
        fake_set(&w->fake, call, FAKE_WORK, SALES_OK, 0);
    world_open(w, NULL);
    CHECK_U64(expected, w->fake.total);
    CHECK_U64(expected, world_stats(w).held);
    CHECK_U64(0, world_stats(w).releasing);
    CHECK_BOOKS(w);
    for (unsigned i = 0; i < N; i++)
        CHECK(world_release(w, i) >= 0);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(recovery_of_surplus) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    w->fake.total += 500;
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(1000, w->fake.total);
    CHECK_U64(500, world_stats(w).surplus_released);
    CHECK_U64(0, world_stats(w).surplus);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(recovery_of_shortfall) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    world_close(w);
    w->fake.total = 300;
    world_open(w, NULL);
    CHECK_U64(1000, w->fake.total);
    CHECK_U64(700, world_stats(w).shortfall_reserved);
    CHECK_U64(0, world_stats(w).shortfall);
    CHECK_U64(SALES_PHASE_RUNNING, world_stats(w).phase);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* What the repo cannot give back: short, nothing new is reserved, releases go, and it is tried again. */
TEST(recovery_of_shortfall_that_the_repo_refuses) {
    world_t *w = world_new(WORLD_SELLING | WORLD_KEEPS_IDS);
    posted_t posted;
    sales_event_t alert;
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_OK(w->error, world_reserve(w, 2, 500));
    world_offer(w, 1 << 20);
    world_close(w);
    w->fake.total = 300;
    w->fake.quota = 300;
    world_open(w, NULL);
    CHECK_U64(SALES_PHASE_SHORT, world_stats(w).phase);
    CHECK_U64(1200, world_stats(w).shortfall);
    CHECK_U64(1500, world_stats(w).held);
    CHECK_BOOKS(w);
    CHECK(fake_events(&w->fake, SALES_EVENT_ALERT, &alert) > 0);
    w->fake.quota = 350;
    CHECK_ERROR(SALES_ERR_SHORT, "lost", w->error, world_reserve(w, 3, 10));
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_IS(SALES_REFUSED, w->error, world_post(w, &posted));
    /* A release pays the shortfall first, and gives back only what is there. */
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_BOOKS(w);
    CHECK_U64(500, world_stats(w).held);
    w->fake.quota = QUOTA;
    for (int i = 0; i < 5 && world_stats(w).phase == SALES_PHASE_SHORT; i++)
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(SALES_PHASE_RUNNING, world_stats(w).phase);
    CHECK_U64(500, w->fake.total);
    CHECK_OK(w->error, world_reserve(w, 3, 10));
    CHECK_OK(w->error, world_release(w, 3));
    CHECK_OK(w->error, world_release(w, 2));
    world_end(w);
}

/* The repo pends in the recovery itself: start answers PENDING, and goes on when called again. */
TEST(recovery_pends) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    world_close(w);
    w->fake.total += 500;
    w->flags |= WORLD_NOT_STARTED;
    world_open(w, NULL);
    fake_set(&w->fake, FAKE_RELEASE, FAKE_PEND, SALES_OK, 1);
    CHECK_IS(SALES_PENDING, w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(SALES_PHASE_RECOVERING, world_stats(w).phase);
    CHECK_REFUSED(SALES_ERR_STATE, "start", w, world_reserve(w, 2, 10));
    CHECK_IS(SALES_PENDING, w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(1, w->fake.calls[FAKE_RELEASE]);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RELEASE, SALES_OK));
    sales_status_t status = sales_start(w->sales, w->now, &w->error);
    CHECK(status == SALES_OK || status == SALES_ERR_STATE);
    CHECK_U64(SALES_PHASE_RUNNING, world_stats(w).phase);
    CHECK_U64(1000, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* The recovery's own release fails, is unknown, or answers nonsense: asked again, never guessed. */
TEST(recovery_whose_release_is_refused) {
    static const sales_status_t answers[] = {SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, 12345,
                                             SALES_HOST_PERMANENT};
    for (unsigned i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%u", i);
        world_t *w = world_new_in(test_path(name), WORLD_KEEPS_IDS);
        sales_status_t answer = answers[i / 2];
        int may_work = answer == SALES_HOST_UNKNOWN || answer == 12345;
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        world_close(w);
        w->fake.total += 500;
        fake_set(&w->fake, FAKE_RELEASE, i % 2 && may_work ? FAKE_DONE_BUT : FAKE_FAIL, answer, 1);
        w->flags |= WORLD_NOT_STARTED;
        world_open(w, NULL);
        sales_status_t status = SALES_ERR_INTERNAL;
        for (int k = 0; k < 4 && status != SALES_OK; k++)
            status = sales_start(w->sales, w->now, &w->error);
        CHECK_STATUS(SALES_OK, status);
        for (int k = 0; k < 4 && w->fake.total > 1000; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(1000, w->fake.total);
        CHECK_BOOKS(w);
        CHECK_OK(w->error, world_release(w, 1));
        world_end(w);
    }
}

TEST(recovery_without_reserved_is_in_doubt) {
    for (uint32_t took_effect = 0; took_effect < 2; took_effect++) {
        world_t *w = world_new_in(test_path(took_effect ? "effect" : "none"), WORLD_NO_RESERVED);
        CHECK_OK(w->error, world_reserve(w, 1, 1000));
        CHECK_OK(w->error, world_reserve(w, 3, 55));
        fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 2, 234));
        fake_set(&w->fake, FAKE_RELEASE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, world_release(w, 3));
        world_close(w);
        fake_forget_pending(&w->fake, took_effect != 0);
        uint64_t total = w->fake.total;
        world_open(w, NULL);
        CHECK_U64(2, world_stats(w).in_doubt);
        CHECK_U64(total, w->fake.total);
        sales_reservation_t r = world_reservation(w, 2);
        CHECK(r.flags & SALES_RESERVATION_IN_DOUBT);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, 2, 234));
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_release(w, 2));
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, 3, 55));
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(total, w->fake.total);
        /* In doubt survives another restart. */
        world_close(w);
        world_open(w, NULL);
        CHECK_U64(2, world_stats(w).in_doubt);
        CHECK(sales_resolve(w->sales, w->now, id_at(2), took_effect, &w->error) >= 0);
        CHECK(sales_resolve(w->sales, w->now, id_at(3), took_effect, &w->error) >= 0);
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(0, world_stats(w).in_doubt);
        CHECK_BOOKS(w);
        sales_status_t status = world_release(w, 2);
        CHECK(status == SALES_OK || status == SALES_ALREADY || status == SALES_ERR_NOT_FOUND);
        CHECK_U64(1000, w->fake.total);
        CHECK_OK(w->error, world_release(w, 1));
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

/* With chain.read_my_slots a surplus may belong to a slot on chain: it stays. */
static sales_status_t read_my_slots(void *user_data, const sales_op_t *op) {
    (void)user_data;
    (void)op;
    return SALES_HOST_NOT_ALLOWED;
}

TEST(recovery_keeps_surplus_where_slots_can_be_listed) {
    world_t *w = world_new(WORLD_BOOKS | WORLD_NOT_STARTED);
    sales_chain_t chain = fake_chain(&w->fake);
    chain.read_my_slots = read_my_slots;
    CHECK_OK(w->error, sales_register_chain(w->sales, &chain, &w->error));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    w->fake.total += 77;
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(177, w->fake.total);
    CHECK_U64(77, world_stats(w).surplus);
    CHECK_BOOKS(w);
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(100, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* Sales go on where they were: at each step the host hurries away, before or after its effect. */
TEST(recovery_of_sales_at_every_step) {
    static const fake_call_t steps[] = {FAKE_RESERVE,   FAKE_RESERVE_SLOT, FAKE_STORE,
                                        FAKE_PROVE,     FAKE_FILL_SLOT,    FAKE_READ_SLOT,
                                        FAKE_FREE_SLOT, FAKE_CLEAR,        FAKE_RELEASE};
    for (unsigned i = 0; i < 2 * sizeof steps / sizeof steps[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%u", i);
        unsigned reads = WORLD_READS | WORLD_RESERVE_SLOT | WORLD_CLEAR | WORLD_KEEPS_IDS;
        world_t *w = world_new_in(test_path(name), WORLD_SELLING | reads);
        fake_call_t step = steps[i / 2];
        posted_t posted;
        uint8_t id[16];
        world_offer(w, 1 << 20);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        w->fake.view.is_mine = 1;
        w->fake.view.request_state = SALES_REQUEST_STARTED;
        w->fake.view.slot_state = SALES_SLOT_FILLED;
        fake_set(&w->fake, step, FAKE_PEND, SALES_OK, 1);
        CHECK(world_post(w, &posted) >= 0);
        if (step >= FAKE_READ_SLOT || step == FAKE_FREE_SLOT || step == FAKE_CLEAR || step == FAKE_RELEASE) {
            w->fake.view.request_state = SALES_REQUEST_FINISHED;
            w->fake.view.slot_state = SALES_SLOT_FINISHED;
            CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                         &w->error) >= 0);
        }
        CHECK_U64(1, fake_pending(&w->fake, step));
        memcpy(id, w->fake.last_op[step].id, sizeof id);
        uint32_t calls = w->fake.calls[step];
        world_close(w);
        if (step == FAKE_FILL_SLOT && i % 2 == 0) {
            w->fake.view.is_mine = 0;
            w->fake.view.request_state = SALES_REQUEST_NEW;
            w->fake.view.slot_state = SALES_SLOT_FREE;
        }
        fake_forget_pending(&w->fake, i % 2);
        world_open(w, NULL);
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, 2));
        /* A repeat is the same act to the host. */
        if (w->fake.calls[step] > calls && step != FAKE_RESERVE && step != FAKE_RELEASE)
            CHECK(memcmp(id, w->fake.last_op[step].id, sizeof id) == 0);
        CHECK_BOOKS(w);
        CHECK_U64(world_stats(w).held, w->fake.total);
        w->fake.view.is_mine = 1;
        w->fake.view.request_state = SALES_REQUEST_FINISHED;
        w->fake.view.slot_state = SALES_SLOT_FINISHED;
        CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                     &w->error) >= 0);
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_ENDED);
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

/* A fill was out and nobody can read the chain: it is not submitted again, and its space is kept until it is
 * told. */
TEST(recovery_of_a_fill_without_a_way_to_read) {
    for (uint32_t ours = 0; ours < 2; ours++) {
        world_t *w = world_new_in(test_path(ours ? "ours" : "theirs"), WORLD_SELLING | WORLD_KEEPS_IDS);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_PEND, SALES_OK, 1);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        CHECK_OK(w->error, world_post(w, &posted));
        CHECK_U64(1, fake_pending(&w->fake, FAKE_FILL_SLOT));
        world_close(w);
        fake_forget_pending(&w->fake, 1);
        world_open(w, NULL);
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, EXPIRY));
        CHECK_U64(1, w->fake.calls[FAKE_FILL_SLOT]);
        CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_IN_DOUBT);
        CHECK_U64(SLOT_SIZE, w->fake.total);
        CHECK_STATUS(SALES_ERR_NOT_FOUND,
                     sales_resolve(w->sales, w->now, &posted.slots[0], ours | SALES_RESOLVE_RESERVATION, &w->error));
        CHECK_OK(w->error,
                 sales_resolve(w->sales, w->now, &posted.slots[0], ours | SALES_RESOLVE_SALE, &w->error));
        CHECK_U64(ours ? SLOT_SIZE : 0, w->fake.total);
        world_end(w);
    }
}

/* What is queued is not lost. */
TEST(recovery_of_the_queue) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(8 - SALES_DEFAULT_MAX_ATTEMPTS, world_stats(w).queued);
    world_close(w);
    fake_forget_pending(&w->fake, 0);
    fake_set(&w->fake, FAKE_STORE, FAKE_WORK, SALES_OK, 0);
    world_open(w, NULL);
    CHECK_U64(8, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(8 * SLOT_SIZE, w->fake.total);
    world_end(w);
}

TEST(recovery_reconcile_compares_and_repairs) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_status_t differ = SALES_HOST_STATE_MISMATCH;
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    w->fake.total += 11;
    CHECK_REFUSED(differ, "1011", w, sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(1000, w->fake.total);
    CHECK_U64(11, world_stats(w).surplus_released);
    w->fake.total -= 400;
    CHECK_REFUSED(differ, "600", w, sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(1000, w->fake.total);
    CHECK_U64(400, world_stats(w).shortfall_reserved);
    CHECK_BOOKS(w);
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* Compares nothing while an operation is out: PENDING, and again. */
TEST(recovery_reconcile_waits_for_nobody) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
    CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 2, 5));
    CHECK_IS(SALES_PENDING, w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, SALES_OK));
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(1005, w->fake.total);
    CHECK_U64(1005, world_stats(w).held);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    world_end(w);
}

/* A seed makes a run repeatable. */
TEST(recovery_seed_repeats_the_order) {
    sales_id_t order[2][8];
    for (int run = 0; run < 2; run++) {
        world_t *w = world_new_in(test_path(run ? "second" : "first"), WORLD_SELLING | WORLD_SEEDED);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
        posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
        CHECK_OK(w->error, world_post(w, &posted));
        for (int i = 0; i < 8; i++) {
            REQUIRE(w->fake.pending_len > 0);
            order[run][i] = w->fake.pending[0].op.slot_id;
            CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_OK));
        }
        world_end(w);
    }
    CHECK(memcmp(order[0], order[1], sizeof order[0]) == 0);
}
