/* test_helpers.c - u256 in decimal, and the ids of requests and slots as the contract computed them. */
#include "recorded_ids.h"
#include "world.h"

#define MAX_DECIMAL "115792089237316195423570985008687907853269984665640564039457584007913129639935"

static void round_trip(const char *decimal) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_u256_t number;
    char text[SALES_U256_TEXT_MAX];
    CHECK_OK(error, sales_u256_parse(decimal, &number, &error));
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    CHECK_OK(error, sales_u256_format(&number, text, &error));
    CHECK_TEXT(decimal, text);
}

TEST(helpers_u256_round_trips) {
    static const char *const numbers[] = {
        "0",
        "1",
        "9",
        "10",
        "255",
        "256",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "57896044618658097711785492504343953926634992332820282019728792003956564819967",
        MAX_DECIMAL};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        round_trip(numbers[i]);
    CHECK_U64(SALES_U256_TEXT_MAX, sizeof MAX_DECIMAL);
}

TEST(helpers_u256_bytes) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_u256_t number, expected = u256_of(258);
    CHECK_OK(error, sales_u256_parse("258", &number, &error));
    CHECK(memcmp(&number, &expected, sizeof expected) == 0);
    expected = u256_max();
    CHECK_OK(error, sales_u256_parse(MAX_DECIMAL, &number, &error));
    CHECK(memcmp(&number, &expected, sizeof expected) == 0);
    CHECK_OK(error,
             sales_u256_parse("00000000000000000000000000000000000000000000000000000000000000000000000000000"
                              "0000000000000000000000000007",
                              &number, &error));
    expected = u256_of(7);
    CHECK(memcmp(&number, &expected, sizeof expected) == 0);
}

TEST(helpers_u256_malformed) {
    static const char *const malformed[] = {"",    " ",   "-1",    "+1", "1 ", " 1",       "0x10",
                                            "1e3", "1.0", "1_000", "a",  "1a", "\xd9\xa1", "\n"};
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_u256_t number = u256_of(42), before = number;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        CHECK_ERROR(SALES_ERR_ARGUMENT, "digit", error, sales_u256_parse(malformed[i], &number, &error));
    static const char *const too_large[] = {
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "1157920892373161954235709850086879078532699846656405640394575840079131296399350",
    };
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++)
        CHECK_ERROR(SALES_ERR_OVERFLOW, "256", error, sales_u256_parse(too_large[i], &number, &error));
    CHECK(memcmp(&number, &before, sizeof before) == 0);
}

static void hex(const char *text, uint8_t *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        REQUIRE(sscanf(text + 2 * i, "%2x", &byte) == 1);
        out[i] = (uint8_t)byte;
    }
}

TEST(helpers_ids_as_recorded) {
    static uint8_t cid[SALES_CID_MAX];
    sales_error_t error = SALES_INIT(sales_error_t);
    for (size_t i = 0; i < RECORDED_LEN; i++) {
        const recorded_t *r = &recorded[i];
        sales_request_t request = SALES_INIT(sales_request_t);
        sales_id_t expected, seen;
        hex(r->client, request.client.bytes, 20);
        REQUIRE_OK(error, sales_u256_parse(r->proof_probability, &request.proof_probability, &error));
        REQUIRE_OK(error, sales_u256_parse(r->price, &request.price_per_byte_per_second, &error));
        REQUIRE_OK(error, sales_u256_parse(r->collateral, &request.collateral_per_byte, &error));
        request.slots = r->slots;
        request.slot_size = r->slot_size;
        request.duration = r->duration;
        request.max_slot_loss = r->max_slot_loss;
        request.expiry = r->expiry;
        hex(r->cid, cid, strlen(r->cid) / 2);
        request.cid = (sales_bytes_t){.data = cid, .len = strlen(r->cid) / 2};
        hex(r->merkle_root, request.merkle_root.bytes, 32);
        hex(r->nonce, request.nonce.bytes, 32);
        hex(r->request_id, expected.bytes, 32);
        CHECK_OK(error, sales_request_id(&request, &seen, &error));
        CHECK(memcmp(&expected, &seen, sizeof seen) == 0);
        for (size_t k = 0; k < RECORDED_SLOTS && r->slot_ids[k].id; k++) {
            sales_id_t slot;
            hex(r->slot_ids[k].id, expected.bytes, 32);
            CHECK_OK(error, sales_slot_id(&seen, r->slot_ids[k].index, &slot, &error));
            CHECK(memcmp(&expected, &slot, sizeof slot) == 0);
        }
    }
}

TEST(helpers_request_id_changes_with_every_field) {
    sales_error_t error = SALES_INIT(sales_error_t);
    posted_t posted;
    sales_id_t ids[13];
    size_t n = 0;
    posted_make(&posted, T0, 4, SLOT_SIZE, 1);
    sales_request_t r = posted.request;
#define NEXT() CHECK_OK(error, sales_request_id(&r, &ids[n++], &error))
    NEXT();
    r.client.bytes[19] ^= 1;
    NEXT();
    r.proof_probability = u256_of(99);
    NEXT();
    r.price_per_byte_per_second = u256_of(99);
    NEXT();
    r.collateral_per_byte = u256_of(99);
    NEXT();
    r.slots++;
    NEXT();
    r.slot_size++;
    NEXT();
    r.duration++;
    NEXT();
    r.max_slot_loss++;
    NEXT();
    r.expiry++;
    NEXT();
    r.cid.len--;
    NEXT();
    r.merkle_root.bytes[0] ^= 1;
    NEXT();
    r.nonce.bytes[0] ^= 1;
    NEXT();
#undef NEXT
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(memcmp(&ids[i], &ids[k], sizeof ids[0]) != 0);
}
