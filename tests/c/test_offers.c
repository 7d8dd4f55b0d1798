/* test_offers.c - sales_offer_*: making, changing, listing, removing, and what an offer has left. */
#include "world.h"

static sales_offer_t offer_get(world_t *w, const sales_id_t *id) {
    sales_offer_t out = SALES_INIT(sales_offer_t);
    CHECK_OK(w->error, sales_offer_get(w->sales, id, &out, &w->error));
    return out;
}

TEST(offers_put_and_get) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(1 << 20);
    offer.min_duration = 60;
    offer.max_duration = 7200;
    offer.min_slot_size = 10;
    offer.max_slot_size = 1 << 19;
    offer.until = T0 + 100000;
    offer.max_slots_per_request = 3;
    offer.min_price_per_byte_per_second = u256_max();
    /* Outputs are ignored on the way in. */
    offer.free_size = 77;
    offer.sold_slots = 77;
    offer.sold_until = 77;
    offer.free_collateral = u256_of(77);
    static const sales_id_t none;
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK(memcmp(&offer.id, &none, sizeof none) != 0);
    for (int reopened = 0; reopened < 2; reopened++) {
        sales_offer_t seen = offer_get(w, &offer.id);
        CHECK(memcmp(&seen.id, &offer.id, sizeof none) == 0);
        CHECK_U64(SALES_OFFER_ENABLED, seen.flags);
        CHECK_U64(1 << 20, seen.total_size);
        CHECK_U64(60, seen.min_duration);
        CHECK_U64(7200, seen.max_duration);
        CHECK_U64(10, seen.min_slot_size);
        CHECK_U64(1 << 19, seen.max_slot_size);
        CHECK_U64(T0 + 100000, seen.until);
        CHECK_U64(3, seen.max_slots_per_request);
        CHECK(memcmp(&seen.min_price_per_byte_per_second, &offer.min_price_per_byte_per_second, 32) == 0);
        CHECK_U64(1 << 20, seen.free_size);
        CHECK_U64(0, seen.sold_slots);
        CHECK_U64(0, seen.sold_until);
        CHECK(memcmp(&seen.free_collateral, &offer.total_collateral, 32) == 0);
        world_close(w);
        world_open(w, NULL);
    }
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(offers_fields_out_of_range) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(0);
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "total_size", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    offer = offer_of(1000);
    offer.min_duration = 10;
    offer.max_duration = 9;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "duration", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    offer = offer_of(1000);
    offer.min_slot_size = 10;
    offer.max_slot_size = 9;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "slot_size", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    size_t len = 1;
    sales_offer_t seen = SALES_INIT(sales_offer_t);
    CHECK_OK(w->error, sales_offer_list(w->sales, NULL, &seen, sizeof seen, &len, &w->error));
    CHECK_U64(0, len);
    /* The greatest values are values. */
    offer = offer_of(UINT64_MAX);
    offer.max_duration = UINT64_MAX;
    offer.max_slot_size = UINT64_MAX;
    offer.until = UINT64_MAX;
    offer.total_collateral = u256_max();
    offer.max_slots_per_request = UINT32_MAX;
    CHECK_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_U64(UINT64_MAX, offer_get(w, &offer.id).free_size);
    world_end(w);
}

TEST(offers_unknown) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(1000), seen = SALES_INIT(sales_offer_t);
    offer.id = id_of(5);
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "offer", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "offer", w, sales_offer_get(w->sales, id_at(5), &seen, &w->error));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "offer", w, sales_offer_remove(w->sales, w->now, id_at(5), &w->error));
    world_end(w);
}

TEST(offers_list_pages) {
    enum { N = 11, PAGE = 4 };
    world_t *w = world_new(WORLD_SELLING);
    for (unsigned i = 0; i < N; i++)
        world_offer(w, 1000 + i);
    sales_offer_t page[PAGE];
    sales_id_t last;
    const sales_id_t *after = NULL;
    unsigned seen = 0;
    size_t len;
    do {
        len = PAGE;
        for (size_t i = 0; i < PAGE; i++)
            page[i] = (sales_offer_t)SALES_INIT(sales_offer_t);
        REQUIRE_OK(w->error, sales_offer_list(w->sales, after, page, sizeof page[0], &len, &w->error));
        for (size_t i = 0; i < len; i++, seen++) {
            CHECK(!after || memcmp(after, &page[i].id, sizeof last) < 0);
            last = page[i].id;
            after = &last;
        }
    } while (len == PAGE);
    CHECK_U64(N, seen);
    world_end(w);
}

TEST(offers_what_is_left) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(3 * SLOT_SIZE);
    offer.total_collateral = u256_of(3 * SLOT_SIZE);
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    posted_t posted;
    posted_make(&posted, w->now, 2, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(2, world_in_state(w, &posted, SALES_SALE_FILLED));
    sales_offer_t seen = offer_get(w, &offer.id);
    CHECK_U64(SLOT_SIZE, seen.free_size);
    CHECK_U64(2, seen.sold_slots);
    CHECK_U64(T0 + DURATION, seen.sold_until);
    sales_u256_t left = u256_of(SLOT_SIZE);
    CHECK(memcmp(&seen.free_collateral, &left, sizeof left) == 0);

    /* Smaller or ending earlier than what it has sold is refused; wider is not; disabled keeps what is sold.
     */
    offer.total_size = 2 * SLOT_SIZE - 1;
    CHECK_REFUSED(SALES_ERR_IN_USE, "size", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    offer.total_size = 3 * SLOT_SIZE;
    offer.until = T0 + DURATION - 1;
    CHECK_REFUSED(SALES_ERR_IN_USE, "until", w, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_REFUSED(SALES_ERR_IN_USE, "offer", w, sales_offer_remove(w->sales, w->now, &offer.id, &w->error));
    offer.until = T0 + DURATION;
    offer.total_size = 2 * SLOT_SIZE;
    CHECK_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_U64(0, offer_get(w, &offer.id).free_size);
    offer.flags = 0;
    CHECK_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    CHECK_U64(2 * SLOT_SIZE, w->fake.total);

    posted_t other;
    posted_make(&other, w->now, 1, SLOT_SIZE, 2);
    CHECK_IS(SALES_REFUSED, w->error, world_post(w, &other));
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    seen = offer_get(w, &offer.id);
    CHECK_U64(2 * SLOT_SIZE, seen.free_size);
    CHECK_U64(0, seen.sold_slots);
    CHECK_U64(0, seen.sold_until);
    CHECK(memcmp(&seen.free_collateral, &offer.total_collateral, 32) == 0);
    CHECK_OK(w->error, sales_offer_remove(w->sales, w->now, &offer.id, &w->error));
    CHECK_REFUSED(SALES_ERR_NOT_FOUND, "offer", w,
                  sales_offer_remove(w->sales, w->now, &offer.id, &w->error));
    world_end(w);
}

/* An offer sells no more than its size, though the repo has more. */
TEST(offers_never_sell_more_than_they_have) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 2 * SLOT_SIZE + SLOT_SIZE / 2);
    posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(2, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(2 * SLOT_SIZE, w->fake.total);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(offers_slots_of_one_request_are_capped) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(100 * SLOT_SIZE);
    offer.max_slots_per_request = 3;
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    posted_t posted;
    posted_make(&posted, w->now, 8, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(3, world_in_state(w, &posted, SALES_SALE_FILLED));
    CHECK_U64(3 * SLOT_SIZE, w->fake.total);
    posted_make(&posted, w->now, 2, SLOT_SIZE, 2);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(5 * SLOT_SIZE, w->fake.total);
    world_end(w);
}

/* The best fit is taken: the smallest offer that fits. */
TEST(offers_best_fit) {
    world_t *w = world_new(WORLD_SELLING);
    sales_id_t large = world_offer(w, 100 * SLOT_SIZE);
    sales_id_t small = world_offer(w, 2 * SLOT_SIZE);
    world_offer(w, SLOT_SIZE / 2);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    sales_sale_t sale = world_sale(w, &posted.slots[0]);
    CHECK(memcmp(&sale.offer_id, &small, sizeof small) == 0);
    CHECK_U64(100 * SLOT_SIZE, offer_get(w, &large).free_size);
    world_end(w);
}
