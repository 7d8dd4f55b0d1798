/* test_requests.c - sales_on_request and sales_evaluate: what is refused, and that every reason is told. */
#include "world.h"

#define REASONS 64

/* Evaluates and says how often `rule` was given. */
static unsigned reasons(world_t *w, const posted_t *posted, uint32_t rule, sales_status_t expected,
                        sales_reason_t *out) {
    sales_reason_t list[REASONS];
    size_t len = REASONS;
    unsigned n = 0;
    for (size_t i = 0; i < REASONS; i++)
        list[i] = (sales_reason_t)SALES_INIT(sales_reason_t);
    CHECK_IS(expected, w->error,
             sales_evaluate(w->sales, w->now, &posted->ask, list, sizeof list[0], &len, &w->error));
    for (size_t i = 0; i < len && i < REASONS; i++) {
        CHECK(list[i].rule != 0);
        CHECK(list[i].text[0] != 0);
        CHECK(memchr(list[i].text, 0, sizeof list[i].text) != NULL);
        if (list[i].rule == rule) {
            n++;
            if (out)
                *out = list[i];
        }
    }
    return n;
}

/* The request is refused because of `rule`, dry and for real, and nothing of it stays. */
static void refused_by(world_t *w, posted_t *posted, uint32_t rule) {
    CHECK_U64(1, reasons(w, posted, rule, SALES_REFUSED, NULL));
    sales_stats_t before = world_stats(w);
    CHECK_IS(SALES_REFUSED, w->error, world_post(w, posted));
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_U64(before.requests_refused + 1, after.requests_refused);
    CHECK_U64(0, w->fake.total);
}

TEST(requests_no_offer) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    refused_by(w, &posted, SALES_RULE_NO_OFFER);
    world_end(w);
}

TEST(requests_each_rule) {
    static const uint64_t size = 4 * SLOT_SIZE;
    for (unsigned i = 0; i < 9; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%u", i);
        world_t *w = world_new_in(test_path(name), WORLD_SELLING);
        posted_t posted;
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        sales_offer_t offer = offer_of(size);
        uint32_t rule = 0;
        switch (i) {
        case 0: offer.flags = 0, rule = SALES_RULE_DISABLED; break;
        case 1: offer.total_size = SLOT_SIZE - 1, rule = SALES_RULE_OFFER_SIZE; break;
        case 2: offer.min_duration = DURATION + 1, rule = SALES_RULE_MIN_DURATION; break;
        case 3: offer.max_duration = DURATION - 1, rule = SALES_RULE_MAX_DURATION; break;
        case 4: offer.min_price_per_byte_per_second = u256_of(3), rule = SALES_RULE_PRICE; break;
        case 5: offer.total_collateral = u256_of(SLOT_SIZE - 1), rule = SALES_RULE_COLLATERAL; break;
        case 6: offer.until = T0 + DURATION - 1, rule = SALES_RULE_UNTIL; break;
        case 7: offer.min_slot_size = SLOT_SIZE + 1, rule = SALES_RULE_MIN_SLOT_SIZE; break;
        default: offer.max_slot_size = SLOT_SIZE - 1, rule = SALES_RULE_MAX_SLOT_SIZE; break;
        }
        REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
        sales_reason_t reason = SALES_INIT(sales_reason_t);
        CHECK_U64(1, reasons(w, &posted, rule, SALES_REFUSED, &reason));
        CHECK(memcmp(&reason.offer_id, &offer.id, sizeof offer.id) == 0);
        refused_by(w, &posted, rule);
        /* The limit itself is inclusive. */
        switch (i) {
        case 0: offer.flags = SALES_OFFER_ENABLED; break;
        case 1: offer.total_size++; break;
        case 2: offer.min_duration--; break;
        case 3: offer.max_duration++; break;
        case 4: offer.min_price_per_byte_per_second = u256_of(2); break;
        case 5: offer.total_collateral = u256_of(SLOT_SIZE); break;
        case 6: offer.until++; break;
        case 7: offer.min_slot_size--; break;
        default: offer.max_slot_size++; break;
        }
        CHECK_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
        CHECK_U64(0, reasons(w, &posted, rule, SALES_OK, NULL));
        CHECK_OK(w->error, world_post(w, &posted));
        CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
        world_end(w);
    }
}

TEST(requests_repo_has_no_room) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    w->fake.quota = SLOT_SIZE - 1;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    refused_by(w, &posted, SALES_RULE_REPO_SPACE);
    w->fake.quota = SLOT_SIZE;
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    world_end(w);
}

/* Every rule that fails, for every offer, with the value asked and the value required. */
TEST(requests_all_reasons_of_all_offers) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t a = offer_of(SLOT_SIZE - 1), b = offer_of(4 * SLOT_SIZE);
    a.min_duration = DURATION + 7;
    a.min_price_per_byte_per_second = u256_of(5);
    b.flags = 0;
    b.max_slot_size = 10;
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &a, &w->error));
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &b, &w->error));
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    static const uint32_t expected[] = {SALES_RULE_OFFER_SIZE, SALES_RULE_MIN_DURATION, SALES_RULE_PRICE,
                                        SALES_RULE_DISABLED, SALES_RULE_MAX_SLOT_SIZE};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        CHECK_U64(1, reasons(w, &posted, expected[i], SALES_REFUSED, NULL));
    sales_reason_t reason = SALES_INIT(sales_reason_t);
    sales_u256_t asked = u256_of(DURATION), required = u256_of(DURATION + 7);
    CHECK_U64(1, reasons(w, &posted, SALES_RULE_MIN_DURATION, SALES_REFUSED, &reason));
    CHECK(memcmp(&reason.asked, &asked, sizeof asked) == 0);
    CHECK(memcmp(&reason.required, &required, sizeof required) == 0);
    CHECK(memcmp(&reason.offer_id, &a.id, sizeof a.id) == 0);

    /* Fewer places than reasons: the number is told all the same. */
    sales_reason_t two[3] = {SALES_INIT(sales_reason_t), SALES_INIT(sales_reason_t),
                             SALES_INIT(sales_reason_t)};
    size_t len = 2;
    two[2].rule = 99;
    CHECK_IS(SALES_REFUSED, w->error,
             sales_evaluate(w->sales, w->now, &posted.ask, two, sizeof two[0], &len, &w->error));
    CHECK_U64(5, len);
    CHECK(two[0].rule != 0 && two[1].rule != 0);
    CHECK_U64(99, two[2].rule);
    len = 0;
    CHECK_IS(SALES_REFUSED, w->error,
             sales_evaluate(w->sales, w->now, &posted.ask, NULL, sizeof two[0], &len, &w->error));
    CHECK_U64(5, len);

    /* One that matches: OK, and the list holds what the others refuse. */
    world_offer(w, SLOT_SIZE);
    CHECK_U64(1, reasons(w, &posted, SALES_RULE_DISABLED, SALES_OK, NULL));
    world_end(w);
}

TEST(requests_expired_or_too_near) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    uint64_t end = w->now + EXPIRY;
    static const uint64_t before[] = {0, 1, SALES_DEFAULT_FILL_MARGIN_S - 1};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        w->now = end - before[i];
        refused_by(w, &posted, SALES_RULE_EXPIRED);
    }
    w->now = end + 1;
    refused_by(w, &posted, SALES_RULE_EXPIRED);
    w->now = UINT64_MAX;
    refused_by(w, &posted, SALES_RULE_EXPIRED);
    world_end(w);
}

TEST(requests_in_time) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    w->now += EXPIRY - SALES_DEFAULT_FILL_MARGIN_S - 1;
    w->fake.now = w->now;
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_end(w);
}

/* What cannot have come from the chain, and what does not fit in its numbers. */
TEST(requests_values_of_the_contract_and_beyond) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(UINT64_MAX);
    offer.total_collateral = u256_max();
    w->fake.quota = UINT64_MAX;
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    for (unsigned i = 0; i < 12; i++) {
        posted_t posted;
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        sales_request_t *r = &posted.request;
        uint32_t rule = SALES_RULE_INVALID;
        switch (i) {
        case 0: r->slots = 0; break;
        case 1: r->slot_size = 0; break;
        case 2: r->duration = 0; break;
        case 3: r->price_per_byte_per_second = u256_of(0); break;
        case 4: r->collateral_per_byte = u256_of(0); break;
        case 5: r->proof_probability = u256_of(0); break;
        case 6: r->max_slot_loss = r->slots + 1; break;
        case 7: r->expiry = 0; break;
        case 8: r->expiry = r->duration; break;
        case 9: r->collateral_per_byte = u256_max(), rule = SALES_RULE_OVERFLOW; break;
        case 10: r->price_per_byte_per_second = u256_max(), rule = SALES_RULE_OVERFLOW; break;
        default: r->slots = UINT64_MAX, rule = SALES_RULE_OVERFLOW; break;
        }
        posted_renew(&posted, w->now);
        uint64_t refused = world_stats(w).requests_refused;
        CHECK_IS(SALES_REFUSED, w->error, world_post(w, &posted));
        CHECK_U64(refused + 1, world_stats(w).requests_refused);
        if (reasons(w, &posted, rule, SALES_REFUSED, NULL) == 0 && i != 7)
            check_u64(__FILE__, __LINE__, "the rule of this strange request is told", i, UINT64_MAX);
        CHECK_U64(0, w->fake.total);
    }
    CHECK_U64(0, world_stats(w).sales);
    world_end(w);
}

/* 2^64-1 bytes, and times at the end of time: refused or sold, but by name, and nothing wraps. */
TEST(requests_absurd_but_valid) {
    world_t *w = world_new(WORLD_SELLING);
    sales_offer_t offer = offer_of(UINT64_MAX);
    offer.total_collateral = u256_max();
    w->fake.quota = UINT64_MAX;
    REQUIRE_OK(w->error, sales_offer_put(w->sales, w->now, &offer, &w->error));
    posted_t posted;
    posted_make(&posted, w->now, 1, UINT64_MAX, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(UINT64_MAX, w->fake.total);
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, w->fake.total);

    posted_make(&posted, w->now, 1, SLOT_SIZE, 2);
    posted.request.duration = UINT64_MAX;
    posted.request.expiry = UINT64_MAX - 1;
    posted_renew(&posted, 0);
    posted.ask.ends_at = 0;
    error_clear(&w->error);
    sales_status_t status = world_post(w, &posted);
    CHECK(status == SALES_REFUSED || status == SALES_OK || status == SALES_ERR_OVERFLOW);
    posted.ask.ends_at = UINT64_MAX;
    posted.ask.expires_at = UINT64_MAX;
    status = world_post(w, &posted);
    CHECK(status == SALES_REFUSED || status == SALES_OK || status == SALES_ALREADY);
    CHECK_BOOKS(w);
    world_end(w);
}

TEST(requests_that_contradict_themselves) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    posted.ask.request_id.bytes[31] ^= 1;
    CHECK_REFUSED(SALES_ERR_REQUEST, "id", w, world_post(w, &posted));
    posted_renew(&posted, w->now);
#define DISAGREE(field, value)                                               \
    do {                                                                     \
        posted_renew(&posted, w->now);                                       \
        posted.ask.field = value;                                            \
        CHECK_REFUSED(SALES_ERR_REQUEST, #field, w, world_post(w, &posted)); \
    } while (0)
    DISAGREE(slots, 2);
    DISAGREE(slot_size, SLOT_SIZE + 1);
    DISAGREE(duration, DURATION + 1);
    DISAGREE(max_slot_loss, 1);
    DISAGREE(proof_probability, u256_of(4));
    DISAGREE(price_per_byte_per_second, u256_of(3));
    DISAGREE(collateral_per_byte, u256_of(2));
#undef DISAGREE
    CHECK_U64(0, w->fake.total);
    posted_renew(&posted, w->now);
    CHECK_OK(w->error, world_post(w, &posted));
    world_end(w);
}

TEST(requests_cid_lengths) {
    static uint8_t cid[SALES_CID_MAX + 1];
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    memset(cid, 0x41, sizeof cid);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    posted.request.cid = (sales_bytes_t){.data = cid, .len = sizeof cid};
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "cid", w, world_post(w, &posted));
    posted.request.cid.len = SIZE_MAX;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "cid", w, world_post(w, &posted));
    posted.request.cid.len = SIZE_MAX / 2 + 1;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "cid", w, world_post(w, &posted));
    posted.request.cid.len = 0;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "cid", w, world_post(w, &posted));
    posted.request.cid.len = SALES_CID_MAX;
    posted_renew(&posted, w->now);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    posted.request.cid.len = 1;
    posted_renew(&posted, w->now);
    CHECK_OK(w->error, world_post(w, &posted));
    world_end(w);
}

TEST(requests_known_already) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    sales_stats_t before = world_stats(w);
    CHECK_IS(SALES_ALREADY, w->error, world_post(w, &posted));
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_U64(1, w->fake.calls[FAKE_RESERVE]);
    world_close(w);
    world_open(w, NULL);
    CHECK_IS(SALES_ALREADY, w->error, world_post(w, &posted));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    world_end(w);
}

TEST(requests_read_from_the_chain) {
    world_t *w = world_new(WORLD_SELLING | WORLD_READ_REQUEST);
    posted_t posted, other;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    w->fake.request = &posted.request;
    posted.ask.request = NULL;
    /* Nobody is asked where no offer matches. */
    CHECK_IS(SALES_REFUSED, w->error, world_post(w, &posted));
    CHECK_U64(0, w->fake.calls[FAKE_READ_REQUEST]);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(1, w->fake.calls[FAKE_READ_REQUEST]);
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));

    /* The chain gives another request than asked for. */
    posted_make(&other, w->now, 1, SLOT_SIZE, 2);
    other.ask.request = NULL;
    sales_status_t status = world_post(w, &other);
    CHECK(status == SALES_ERR_REQUEST || status >= 0);
    CHECK_U64(0, world_in_state(w, &other, SALES_SALE_FILLED));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    world_end(w);
}

TEST(requests_read_from_the_chain_later) {
    world_t *w = world_new(WORLD_SELLING | WORLD_READ_REQUEST);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    w->fake.request = &posted.request;
    posted.ask.request = NULL;
    fake_set(&w->fake, FAKE_READ_REQUEST, FAKE_PEND, SALES_OK, 1);
    CHECK(world_post(w, &posted) >= 0);
    CHECK_U64(1, fake_pending(&w->fake, FAKE_READ_REQUEST));
    CHECK_U64(0, w->fake.total);
    /* A completion that owes a request and brings none is refused, and the operation is still open. */
    sales_result_t empty = SALES_INIT(sales_result_t);
    CHECK_REFUSED(
        SALES_ERR_ARGUMENT, "request", w,
        sales_complete(w->sales, w->now, fake_pending_token(&w->fake, FAKE_READ_REQUEST), &empty, &w->error));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_READ_REQUEST, SALES_OK));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_end(w);
}

TEST(requests_market_duration_limit) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    sales_market_t market = SALES_INIT(sales_market_t);
    posted_t posted;
    market.duration_limit = DURATION - 1;
    CHECK_OK(w->error, sales_set_market(w->sales, &market, &w->error));
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    refused_by(w, &posted, SALES_RULE_DURATION_LIMIT);
    world_end(w);
}

TEST(requests_where_they_were_seen) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    sales_at_t at = SALES_INIT(sales_at_t);
    world_offer(w, 1 << 20);
    at.block = 1000;
    at.time = w->now;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, sales_on_request(w->sales, w->now, &at, &posted.ask, &w->error));
    CHECK_U64(1000, world_stats(w).last_block);
    at.block = 5;
    CHECK(sales_on_request_fulfilled(w->sales, w->now, &at, &posted.ask.request_id, &w->error) >= 0);
    CHECK_U64(1000, world_stats(w).last_block);
    at.flags = SALES_AT_REMOVED;
    at.block = 1001;
    CHECK(sales_on_request_ended(w->sales, w->now, &at, &posted.ask.request_id, &w->error) >= 0);
    CHECK_U64(SLOT_SIZE, w->fake.total);
    world_end(w);
}
