/* test_enums.c - numbers that are in no list: flags, modes, levels, rules, states. */
#include "world.h"

TEST(enums_abi_version) {
    static const uint32_t others[] = {0, 0x10000, 0x10001, 0x20001, UINT32_MAX};
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 9;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] == 0)
            continue;
        CHECK_ERROR(SALES_ERR_VERSION, "version", error,
                    sales_open(others[i], test_path("store"), NULL, &sales, &error));
    }
    CHECK_U64(9, sales);
}

TEST(enums_open_flags) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_options_t options = SALES_INIT(sales_options_t);
    sales_t sales = 0;
    for (int bit = 2; bit < 32; bit++) {
        options.flags = UINT32_C(1) << bit;
        CHECK_ERROR(SALES_ERR_ARGUMENT, "flags", error,
                    sales_open(SALES_ABI_VERSION, test_path("store"), &options, &sales, &error));
        if (bit % 8 == 7)
            options.flags |= SALES_OPEN_RESET;
    }
    CHECK_U64(0, sales);
}

TEST(enums_offer_flags) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(1 << 20);
    for (int bit = 2; bit < 32; bit++) {
        offer.flags = SALES_OFFER_ENABLED | UINT32_C(1) << bit;
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    }
    offer.flags = SALES_OFFER_ENABLED | SALES_OFFER_HOLDS;
    CHECK_REFUSED(SALES_ERR_UNSUPPORTED, "hold", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    static const sales_id_t none;
    CHECK(memcmp(&offer.id, &none, sizeof none) == 0);
    size_t len = 0;
    CHECK_OK(w->error, sales_offer_list(w->sales, NULL, NULL, sizeof offer, &len, &w->error));
    world_end(w);
}

TEST(enums_at_flags) {
    world_t *w = world_new(WORLD_SELLING);
    sales_at_t at = SALES_INIT(sales_at_t);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    at.flags = 2;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w,
                  sales_on_request(w->sales, w->now, &at, &posted.ask, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w,
                  sales_on_slot_filled(w->sales, w->now, &at, &posted.ask.request_id, 0, &w->error));
    at.flags = UINT32_MAX;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w,
                  sales_on_request_ended(w->sales, w->now, &at, &posted.ask.request_id, &w->error));
    CHECK_U64(0, world_stats(w).last_block);
    world_end(w);
}

TEST(enums_abandon_flags_and_modes) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w,
                  sales_abandon(w->sales, w->now, &posted.slots[0], 2, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "flags", w,
                  sales_abandon(w->sales, w->now, &posted.slots[0], UINT32_MAX, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "mode", w, sales_reconcile(w->sales, w->now, 2, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "mode", w, sales_reconcile(w->sales, w->now, UINT32_MAX, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "applied", w,
                  sales_resolve(w->sales, w->now, &posted.slots[0], 8, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "applied", w,
                  sales_resolve(w->sales, w->now, &posted.slots[0],
                                SALES_RESOLVE_RESERVATION | SALES_RESOLVE_SALE, &w->error));
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "applied", w,
                  sales_resolve(w->sales, w->now, &posted.slots[0], UINT32_MAX, &w->error));
    CHECK_U64(SLOT_SIZE, world_stats(w).held);
    world_end(w);
}

TEST(enums_market) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    sales_market_t market = SALES_INIT(sales_market_t);
    market.repair_reward_percentage = 101;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "percent", w, sales_set_market(w->sales, &market, &w->error));
    market.repair_reward_percentage = 255;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "percent", w, sales_set_market(w->sales, &market, &w->error));
    market.repair_reward_percentage = 100;
    CHECK_OK(w->error, sales_set_market(w->sales, &market, &w->error));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    world_end(w);
}

/* A result's status that is in no list reads as unknown, a view's numbers that are in no list as cannot tell.
 */
TEST(enums_in_completions) {
    static const sales_status_t nonsense[] = {6,
                                              100,
                                              -1,
                                              -400,
                                              -408,
                                              -999,
                                              INT32_MAX,
                                              INT32_MIN,
                                              SALES_ERR_BUSY,
                                              SALES_PENDING,
                                              SALES_QUEUED,
                                              SALES_ALREADY};
    for (unsigned i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%u", i);
        world_t *w = world_new_in(test_path(name), WORLD_BOOKS);
        fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
        CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 1, 100));
        CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_RESERVE, nonsense[i]));
        CHECK_U64(1, world_stats(w).in_doubt);
        CHECK_OK(w->error, sales_resolve(w->sales, w->now, id_at(1), 0, &w->error));
        CHECK_U64(0, world_stats(w).in_doubt);
        world_end(w);
    }
}

TEST(enums_in_views) {
    static const uint8_t strange[] = {5, 7, 77, 254, SALES_STATE_UNKNOWN};
    world_t *w = world_new(WORLD_SELLING | WORLD_READS);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    w->fake.view.request_state = 200;
    w->fake.view.slot_state = 200;
    CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id, &w->error) >=
          0);
    w->now += DURATION + 1;
    for (unsigned i = 0; i < sizeof strange; i++) {
        w->fake.view.request_state = strange[i];
        w->fake.view.slot_state = 200;
        CHECK(world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S + 1) >= 0);
        /* Nobody said that the slot is finished: freeing it would burn the collateral. */
        CHECK_U64(0, w->fake.calls[FAKE_FREE_SLOT]);
        CHECK_U64(SLOT_SIZE, w->fake.total);
    }
    w->fake.view.request_state = SALES_REQUEST_FINISHED;
    w->fake.view.slot_state = SALES_SLOT_FINISHED;
    w->fake.view.is_mine = 1;
    CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S + 1));
    CHECK_U64(1, w->fake.calls[FAKE_FREE_SLOT]);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}
