/* test_selling.c - a slot's whole life, asked for and ended in every way; whatever happens the space comes
 * back (S6). */
#include "world.h"

/* Sells one slot of SLOT_SIZE and leaves it filled. */
static void sell(world_t *w, posted_t *posted, unsigned number) {
    posted_make(posted, w->now, 1, SLOT_SIZE, number);
    REQUIRE_OK(w->error, world_post(w, posted));
    CHECK_U64(SALES_SALE_FILLED, world_sale(w, &posted->slots[0]).state);
}

static size_t order_of(const world_t *w, fake_call_t call) {
    for (size_t i = 0; i < w->fake.order_len; i++)
        if (w->fake.order[i] == call)
            return i;
    return FAKE_ORDER_MAX;
}

TEST(selling_one_slot) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    sales_event_t event;
    sales_id_t offer = world_offer(w, 1 << 20);
    sell(w, &posted, 1);
    sales_sale_t sale = world_sale(w, &posted.slots[0]);
    CHECK(memcmp(&sale.request_id, &posted.ask.request_id, 32) == 0);
    CHECK(memcmp(&sale.offer_id, &offer, 32) == 0);
    CHECK_U64(0, sale.index);
    CHECK_U64(SLOT_SIZE, sale.bytes);
    CHECK_U64(T0, sale.since);
    CHECK_U64(T0 + DURATION, sale.until);
    CHECK_U64(0, sale.flags & (SALES_SALE_FLAG_ENDED | SALES_SALE_FLAG_IN_DOUBT | SALES_SALE_FLAG_PENDING));
    sales_reservation_t r = SALES_INIT(sales_reservation_t);
    CHECK_OK(w->error, sales_reservation(w->sales, &posted.slots[0], &r, &w->error));
    CHECK_U64(SLOT_SIZE, r.held);
    CHECK_U64(SALES_RESERVATION_OF_SALE, r.flags);
    CHECK(memcmp(&r.offer_id, &offer, 32) == 0);
    CHECK(memcmp(&r.request_id, &posted.ask.request_id, 32) == 0);
    CHECK_U64(T0 + DURATION, r.until);
    sales_u256_t collateral = u256_of(SLOT_SIZE);
    CHECK(memcmp(&r.collateral, &collateral, 32) == 0);
    CHECK(memcmp(&w->fake.last_collateral, &collateral, 32) == 0);
    CHECK_U64(w->fake.proof_len, w->fake.last_proof_len);
    CHECK_U64(T0 + DURATION, w->fake.last_until);
    CHECK(order_of(w, FAKE_RESERVE) < order_of(w, FAKE_STORE));
    CHECK(order_of(w, FAKE_STORE) < order_of(w, FAKE_PROVE));
    CHECK(order_of(w, FAKE_PROVE) < order_of(w, FAKE_FILL_SLOT));
    CHECK_U64(1, fake_events(&w->fake, SALES_EVENT_SOLD, &event));
    CHECK(memcmp(&event.slot_id, &posted.slots[0], 32) == 0);
    CHECK_U64(SLOT_SIZE, event.bytes);
    CHECK_U64(1, world_stats(w).slots_sold);

    CHECK_OK(w->error,
             sales_on_request_ended(w->sales, T0 + DURATION + 1, NULL, &posted.ask.request_id, &w->error));
    CHECK_U64(0, w->fake.total);
    sale = world_sale(w, &posted.slots[0]);
    CHECK_U64(SALES_SALE_FINISHED, sale.state);
    CHECK(sale.flags & SALES_SALE_FLAG_ENDED);
    CHECK_U64(1, fake_events(&w->fake, SALES_EVENT_ENDED, &event));
    CHECK_U64(SALES_SALE_FINISHED, event.state);
    CHECK_U64(0, world_stats(w).sales);
    CHECK_U64(0, world_stats(w).reservations);
    CHECK(0 <= sales_on_request_ended(w->sales, T0 + DURATION + 2, NULL, &posted.ask.request_id, &w->error));
    world_end(w);
}

/* S5: while the request lasts nothing but its end releases a filled slot. */
TEST(selling_keeps_a_filled_slot) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    sell(w, &posted, 1);
    const sales_id_t *slot = &posted.slots[0], *request = &posted.ask.request_id;
    CHECK_REFUSED(SALES_ERR_OWNED_BY_SALE, "sale", w, sales_release(w->sales, w->now, slot, NULL, &w->error));
    CHECK_REFUSED(SALES_ERR_OWNED_BY_SALE, "sale", w,
                  sales_reserve(w->sales, w->now, slot, SLOT_SIZE, NULL, &w->error));
    CHECK_REFUSED(SALES_ERR_IN_USE, "filled", w, sales_abandon(w->sales, w->now, slot, 0, &w->error));
    CHECK(sales_on_slot_filled(w->sales, w->now, NULL, request, 0, &w->error) >= 0);
    CHECK(sales_on_slot_freed(w->sales, w->now, NULL, request, 0, &w->error) >= 0);
    CHECK(sales_on_slot_reservations_full(w->sales, w->now, NULL, request, 0, &w->error) >= 0);
    CHECK(sales_on_request_fulfilled(w->sales, w->now, NULL, request, &w->error) >= 0);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    /* Time alone releases nothing, a clock gone mad neither. */
    CHECK_OK(w->error, world_tick(w, EXPIRY + 1));
    CHECK_OK(w->error, world_tick(w, DURATION + 1));
    w->now = UINT64_MAX;
    CHECK_OK(w->error, world_tick(w, 0));
    w->now = 0;
    CHECK_OK(w->error, world_tick(w, 0));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    w->now = T0;
    world_close(w);
    world_open(w, NULL);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_U64(SALES_SALE_FILLED, world_sale(w, slot).state);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, T0 + DURATION + 1, NULL, request, &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(selling_many_slots_of_a_request) {
    world_t *w = world_new(WORLD_SELLING | WORLD_SEEDED);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(8, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(8 * SLOT_SIZE, w->fake.total);
    CHECK_U64(8, world_stats(w).slots_sold);
    sales_sale_t page[9];
    size_t len = 9;
    for (size_t i = 0; i < len; i++)
        page[i] = (sales_sale_t)SALES_INIT(sales_sale_t);
    CHECK_OK(w->error, sales_sales(w->sales, NULL, page, sizeof page[0], &len, &w->error));
    CHECK_U64(8, len);
    for (size_t i = 1; i < len; i++)
        CHECK(memcmp(&page[i - 1].slot_id, &page[i].slot_id, 32) < 0);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, w->fake.total);
    CHECK_U64(8, fake_events(&w->fake, SALES_EVENT_ENDED, NULL));
    world_end(w);
}

TEST(selling_attempts_are_limited) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(SALES_DEFAULT_MAX_ATTEMPTS, fake_pending(&w->fake, FAKE_STORE));
    CHECK_U64(SALES_DEFAULT_MAX_ATTEMPTS, world_stats(w).attempts);
    CHECK_U64(8 - SALES_DEFAULT_MAX_ATTEMPTS, world_stats(w).queued);
    CHECK_U64(SALES_DEFAULT_MAX_ATTEMPTS * SLOT_SIZE, w->fake.total);
    for (unsigned i = 0; i < 8; i++)
        CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_OK));
    CHECK_U64(8, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(0, world_stats(w).attempts);
    CHECK_U64(0, world_stats(w).queued);
    world_end(w);
}

TEST(selling_more_slots_than_a_request_may_queue) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 4096);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, UINT64_C(1) << 40, 16, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(SALES_REQUEST_SLOTS_MAX, world_stats(w).queued + world_stats(w).attempts);
    CHECK_OK(w->error, sales_on_request_cancelled(w->sales, w->now, NULL, &posted.ask.request_id, &w->error));
    fake_complete_all(&w->fake, SALES_HOST_CANCELLED);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).sales);
    world_end(w);
}

/* Everything that the host can refuse on the way; each time the space comes back. */
TEST(selling_refused_on_the_way) {
    static const fake_call_t steps[] = {FAKE_RESERVE_SLOT, FAKE_STORE, FAKE_PROVE, FAKE_FILL_SLOT};
    static const sales_status_t refusals[] = {SALES_HOST_NOT_ALLOWED, SALES_HOST_PERMANENT};
    world_t *w = world_new(WORLD_SELLING | WORLD_RESERVE_SLOT | WORLD_CLEAR);
    world_offer(w, 1 << 20);
    unsigned number = 1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (size_t k = 0; k < sizeof refusals / sizeof refusals[0]; k++) {
            posted_t posted;
            posted_make(&posted, w->now, 1, SLOT_SIZE, number++);
            fake_set(&w->fake, steps[i], FAKE_FAIL, refusals[k], 0);
            CHECK(world_post(w, &posted) >= 0);
            sales_sale_t sale = world_sale(w, &posted.slots[0]);
            CHECK(sale.state == SALES_SALE_ABANDONED || sale.state == SALES_SALE_IGNORED);
            CHECK(sale.flags & SALES_SALE_FLAG_ENDED);
            CHECK(sale.last_text[0] != 0);
            CHECK_STATUS(refusals[k], sale.last_status);
            CHECK_U64(0, w->fake.total);
            CHECK_U64(0, world_stats(w).sales);
            fake_set(&w->fake, steps[i], FAKE_WORK, SALES_OK, 0);
        }
    }
    /* The offer has all its room and collateral again. */
    posted_t posted;
    sell(w, &posted, number);
    world_end(w);
}

/* What is refused for now is repeated, with back-off, until the expiry makes it pointless. */
TEST(selling_transient_until_the_expiry) {
    static const fake_call_t steps[] = {FAKE_STORE, FAKE_PROVE, FAKE_FILL_SLOT, FAKE_RESERVE_SLOT};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%zu", i);
        world_t *w = world_new_in(test_path(name), WORLD_SELLING | WORLD_RESERVE_SLOT);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, steps[i], FAKE_FAIL, SALES_HOST_TRANSIENT, 3);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        CHECK(world_post(w, &posted) >= 0);
        for (int k = 0; k < 60 && !world_in_state(w, &posted, SALES_SALE_FILLED); k++)
            CHECK_OK(w->error, world_tick(w, 1));
        CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
        CHECK_U64(4, w->fake.calls[steps[i]]);
        CHECK_U64(4, w->fake.last_op[steps[i]].attempt);

        fake_set(&w->fake, steps[i], FAKE_FAIL, SALES_HOST_TRANSIENT, 0);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 2);
        CHECK(world_post(w, &posted) >= 0);
        for (int k = 0; k < 30; k++)
            CHECK_OK(w->error, world_tick(w, EXPIRY / 20));
        sales_sale_t sale = world_sale(w, &posted.slots[0]);
        CHECK(sale.flags & SALES_SALE_FLAG_ENDED);
        CHECK_U64(SLOT_SIZE, w->fake.total);
        world_end(w);
    }
}

TEST(selling_the_repo_refuses_the_space) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_RESERVE, FAKE_FAIL, SALES_HOST_NO_SPACE, 1);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK(world_post(w, &posted) >= 0);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, w->fake.calls[FAKE_STORE]);
    /* Back in the queue; or expired at last: but nothing is held, and it is told. */
    CHECK_OK(w->error, world_tick(w, EXPIRY + 1));
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).sales);
    world_end(w);
}

/* Without chain.read_slot nobody can say whose the slot is: the space is kept until the host tells. */
TEST(selling_fill_in_doubt) {
    for (uint32_t ours = 0; ours < 2; ours++) {
        world_t *w = world_new_in(test_path(ours ? "ours" : "theirs"), WORLD_SELLING);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        CHECK(world_post(w, &posted) >= 0);
        sales_sale_t sale = world_sale(w, &posted.slots[0]);
        CHECK_U64(SALES_SALE_FILLING, sale.state);
        CHECK(sale.flags & SALES_SALE_FLAG_IN_DOUBT);
        CHECK_U64(SLOT_SIZE, w->fake.total);
        for (int k = 0; k < 5; k++)
            CHECK_OK(w->error, world_tick(w, EXPIRY));
        CHECK_U64(SLOT_SIZE, w->fake.total);
        CHECK_U64(1, w->fake.calls[FAKE_FILL_SLOT]);
        CHECK_REFUSED(SALES_ERR_IN_USE, "fill", w,
                      sales_abandon(w->sales, w->now, &posted.slots[0], 0, &w->error));
        world_close(w);
        world_open(w, NULL);
        CHECK_U64(SLOT_SIZE, w->fake.total);
        CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_IN_DOUBT);
        CHECK(sales_resolve(w->sales, w->now, &posted.slots[0], ours, &w->error) >= 0);
        sale = world_sale(w, &posted.slots[0]);
        CHECK_U64(0, sale.flags & SALES_SALE_FLAG_IN_DOUBT);
        if (ours) {
            CHECK_U64(SALES_SALE_FILLED, sale.state);
            CHECK_U64(SLOT_SIZE, w->fake.total);
            CHECK(sales_on_request_ended(w->sales, w->now, NULL, &posted.ask.request_id, &w->error) >= 0);
        }
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

/* Sales in doubt wait for a human: they may not keep the others from being sold. */
TEST(selling_goes_on_beside_fills_in_doubt) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t doubtful, posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_FAIL, SALES_HOST_UNKNOWN, SALES_DEFAULT_MAX_ATTEMPTS);
    posted_make(&doubtful, w->now, SALES_DEFAULT_MAX_ATTEMPTS, SLOT_SIZE, 1);
    CHECK(world_post(w, &doubtful) >= 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 2);
    CHECK(world_post(w, &posted) >= 0);
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_close(w);
    world_open(w, NULL);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 3);
    CHECK(world_post(w, &posted) >= 0);
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_end(w);
}

TEST(selling_fill_in_doubt_read_from_the_chain) {
    for (int ours = 0; ours < 2; ours++) {
        world_t *w = world_new_in(test_path(ours ? "ours" : "theirs"), WORLD_SELLING | WORLD_READS);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_FAIL, SALES_HOST_UNKNOWN, 1);
        w->fake.view.is_mine = (uint8_t)ours;
        w->fake.view.request_state = SALES_REQUEST_NEW;
        w->fake.view.slot_state = SALES_SLOT_FILLED;
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        CHECK(world_post(w, &posted) >= 0);
        for (int k = 0; k < 5; k++)
            CHECK_OK(w->error, world_tick(w, 2));
        CHECK(w->fake.calls[FAKE_READ_SLOT] > 0);
        CHECK_U64(1, w->fake.calls[FAKE_FILL_SLOT]);
        CHECK_U64(ours ? 1 : 0, world_in_state(w, &posted, SALES_SALE_FILLED));
        CHECK_U64(ours ? SLOT_SIZE : 0, w->fake.total);
        world_end(w);
    }
}

TEST(selling_payout_before_the_space_goes) {
    world_t *w = world_new(WORLD_SELLING | WORLD_READS | WORLD_CLEAR);
    posted_t posted;
    world_offer(w, 1 << 20);
    sell(w, &posted, 1);
    /* The chain does not say so yet: freeing it would burn the collateral. */
    w->fake.view.request_state = SALES_REQUEST_STARTED;
    w->fake.view.slot_state = SALES_SLOT_FILLED;
    CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id, &w->error) >=
          0);
    w->now += DURATION + 1;
    CHECK_U64(0, w->fake.calls[FAKE_FREE_SLOT]);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_U64(0, w->fake.calls[FAKE_CLEAR]);
    CHECK(world_sale(w, &posted.slots[0]).state == SALES_SALE_PAYOUT ||
          world_in_state(w, &posted, SALES_SALE_FILLED));
    /* The payout is refused for now: nothing goes before it is done. */
    w->fake.view.request_state = SALES_REQUEST_FINISHED;
    w->fake.view.slot_state = SALES_SLOT_FINISHED;
    fake_set(&w->fake, FAKE_FREE_SLOT, FAKE_FAIL, SALES_HOST_TRANSIENT, 1);
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(1, w->fake.calls[FAKE_FREE_SLOT]);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
    CHECK_U64(2, w->fake.calls[FAKE_FREE_SLOT]);
    CHECK_U64(1, w->fake.calls[FAKE_CLEAR]);
    CHECK_U64(0, w->fake.total);
    CHECK(order_of(w, FAKE_READ_SLOT) < order_of(w, FAKE_FREE_SLOT));
    CHECK(order_of(w, FAKE_FREE_SLOT) < order_of(w, FAKE_CLEAR));
    CHECK(order_of(w, FAKE_CLEAR) < order_of(w, FAKE_RELEASE));
    CHECK_U64(SALES_SALE_FINISHED, world_sale(w, &posted.slots[0]).state);
    world_end(w);
}

TEST(selling_ended_in_every_way) {
    world_t *w = world_new(WORLD_SELLING | WORLD_CLEAR);
    posted_t posted;
    world_offer(w, 1 << 20);
    sell(w, &posted, 1);
    CHECK_OK(w->error, sales_on_request_cancelled(w->sales, w->now, NULL, &posted.ask.request_id, &w->error));
    CHECK_U64(SALES_SALE_CANCELLED, world_sale(w, &posted.slots[0]).state);
    CHECK_U64(0, w->fake.total);
    sell(w, &posted, 2);
    CHECK_OK(w->error, sales_on_request_failed(w->sales, w->now, NULL, &posted.ask.request_id, &w->error));
    CHECK_U64(SALES_SALE_FAILED, world_sale(w, &posted.slots[0]).state);
    CHECK_U64(0, w->fake.total);
    sell(w, &posted, 3);
    CHECK(sales_abandon(w->sales, w->now, &posted.slots[0], SALES_ABANDON_FILLED, &w->error) >= 0);
    CHECK_U64(SALES_SALE_ABANDONED, world_sale(w, &posted.slots[0]).state);
    CHECK_U64(0, w->fake.total);
    CHECK_IS(SALES_ALREADY, w->error,
             sales_abandon(w->sales, w->now, &posted.slots[0], SALES_ABANDON_FILLED, &w->error));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "sale", w, sales_abandon(w->sales, w->now, id_at(3), 0, &w->error));
    CHECK_U64(3, w->fake.calls[FAKE_CLEAR]);
    world_end(w);
}

/* While an attempt is out: another fills the slot, it is taken back, cancelled, abandoned, expires. */
TEST(selling_ended_while_content_is_out) {
    for (int how = 0; how < 6; how++) {
        char name[32];
        snprintf(name, sizeof name, "store-%d", how);
        world_t *w = world_new_in(test_path(name), WORLD_SELLING | WORLD_CANCEL | WORLD_CLEAR);
        posted_t posted;
        world_offer(w, 1 << 20);
        fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        const sales_id_t *request = &posted.ask.request_id;
        CHECK_OK(w->error, world_post(w, &posted));
        CHECK_U64(SALES_SALE_DOWNLOADING, world_sale(w, &posted.slots[0]).state);
        CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_PENDING);
        sales_status_t status = SALES_OK;
        switch (how) {
        case 0: status = sales_on_slot_filled(w->sales, w->now, NULL, request, 0, &w->error); break;
        case 1: status = sales_on_request_cancelled(w->sales, w->now, NULL, request, &w->error); break;
        case 2: status = sales_on_request_failed(w->sales, w->now, NULL, request, &w->error); break;
        case 3: status = sales_abandon(w->sales, w->now, &posted.slots[0], 0, &w->error); break;
        case 4: status = world_tick(w, EXPIRY + 1); break;
        default: status = sales_on_request_ended(w->sales, w->now, NULL, request, &w->error); break;
        }
        CHECK(status >= 0);
        /* Nothing that content holds is given back before it says that it is done. */
        CHECK_U64(1, w->fake.calls[FAKE_CANCEL]);
        CHECK_U64(SLOT_SIZE, w->fake.total);
        CHECK_U64(0, w->fake.calls[FAKE_CLEAR]);
        CHECK_STATUS(SALES_OK,
                     fake_complete(&w->fake, FAKE_STORE, how % 2 ? SALES_HOST_CANCELLED : SALES_OK));
        CHECK_U64(0, w->fake.total);
        CHECK_U64(1, w->fake.calls[FAKE_CLEAR]);
        CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);
        CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_ENDED);
        CHECK_U64(0, world_stats(w).sales);
        world_end(w);
    }
}

/* A fill that is out is never cancelled, and its space never goes before its answer. */
TEST(selling_ended_while_a_fill_is_out) {
    world_t *w = world_new(WORLD_SELLING | WORLD_CANCEL);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, fake_pending(&w->fake, FAKE_FILL_SLOT));
    CHECK_REFUSED(SALES_ERR_IN_USE, "fill", w,
                  sales_abandon(w->sales, w->now, &posted.slots[0], 0, &w->error));
    CHECK(sales_on_slot_filled(w->sales, w->now, NULL, &posted.ask.request_id, 0, &w->error) >= 0);
    CHECK_OK(w->error, world_tick(w, EXPIRY + 1));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_U64(0, w->fake.calls[FAKE_CANCEL]);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_FILL_SLOT, SALES_OK));
    CHECK_U64(SALES_SALE_FILLED, world_sale(w, &posted.slots[0]).state);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK(sales_on_request_ended(w->sales, w->now + DURATION, NULL, &posted.ask.request_id, &w->error) >= 0);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* Time that passes between prove and fill: nothing is filled within the margin before the expiry. */
TEST(selling_never_fills_at_the_expiry) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_PROVE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    w->now = T0 + EXPIRY - SALES_DEFAULT_FILL_MARGIN_S + 1;
    w->fake.now = w->now;
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_PROVE, SALES_OK));
    CHECK_OK(w->error, world_tick(w, 0));
    CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_FILL_MARGIN_S + 1));
    CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(selling_a_slot_that_was_reserved_by_hand) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, sales_reserve(w->sales, w->now, &posted.slots[0], 5, NULL, &w->error));
    CHECK(world_post(w, &posted) >= 0);
    CHECK_U64(5, w->fake.total);
    CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);
    CHECK_OK(w->error, sales_release(w->sales, w->now, &posted.slots[0], NULL, &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* Content that lands turns reserved bytes into used ones; at the end only what is held is released. */
TEST(selling_consumes_as_content_lands) {
    world_t *w = world_new(WORLD_SELLING | WORLD_CONSUME);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    const sales_id_t *slot = &posted.slots[0];
    CHECK_OK(w->error, sales_consumed(w->sales, w->now, slot, SLOT_SIZE / 4, &w->error));
    CHECK_OK(w->error, sales_consumed(w->sales, w->now, slot, SLOT_SIZE / 2, &w->error));
    CHECK_REFUSED(SALES_ERR_AMOUNT, NULL, w,
                  sales_consumed(w->sales, w->now, slot, SLOT_SIZE + 1, &w->error));
    CHECK_U64(SLOT_SIZE / 2, w->fake.total);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_OK));
    CHECK_U64(SALES_SALE_FILLED, world_sale(w, slot).state);
    CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id, &w->error) >=
          0);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(SLOT_SIZE / 2, w->fake.used);
    world_end(w);
}

/* A tick with nothing due calls nobody and commits nothing. */
TEST(selling_tick_with_nothing_due) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    uint64_t at = 0;
    world_offer(w, 1 << 20);
    sell(w, &posted, 1);
    for (int i = 0; i < 3; i++)
        CHECK_OK(w->error, world_tick(w, 1));
    CHECK_OK(w->error, sales_next_deadline(w->sales, &at, &w->error));
    CHECK_U64(world_stats(w).next_deadline, at);
    uint64_t seq = world_stats(w).store_seq;
    size_t calls = w->fake.order_len;
    for (int i = 0; i < 50; i++)
        CHECK_OK(w->error, world_tick(w, 1));
    CHECK_U64(seq, world_stats(w).store_seq);
    CHECK_U64(calls, w->fake.order_len);
    world_end(w);
}

/* Events before their request, of unknown requests and slots, again and again. */
TEST(selling_events_out_of_order) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 2, SLOT_SIZE, 1);
    const sales_id_t *request = &posted.ask.request_id;
    for (int round = 0; round < 2; round++) {
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_slot_filled(w->sales, w->now, NULL, id_at(7), 0, &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_slot_freed(w->sales, w->now, NULL, id_at(7), 0, &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_slot_filled(w->sales, w->now, NULL, id_at(7), UINT64_MAX, &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_slot_reservations_full(w->sales, w->now, NULL, id_at(7), 0, &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_request_fulfilled(w->sales, w->now, NULL, id_at(7), &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_request_cancelled(w->sales, w->now, NULL, id_at(7), &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_request_failed(w->sales, w->now, NULL, id_at(7), &w->error));
        CHECK_IS(SALES_ALREADY, w->error,
                 sales_on_request_ended(w->sales, w->now, NULL, id_at(7), &w->error));
    }
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(2, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK(sales_on_slot_filled(w->sales, w->now, NULL, request, 2, &w->error) >= 0);
    CHECK(sales_on_slot_freed(w->sales, w->now, NULL, request, UINT64_MAX, &w->error) >= 0);
    CHECK_U64(2 * SLOT_SIZE, w->fake.total);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, request, &w->error));
    CHECK(sales_on_slot_freed(w->sales, w->now + DURATION + 2, NULL, request, 0, &w->error) >= 0);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}
