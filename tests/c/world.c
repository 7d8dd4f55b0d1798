/* world.c - the fixture: opens, registers, starts, and checks the books at the end. */
#include "world.h"

#include <stdlib.h>

#define IDS_MAX 512

world_t *world_new(unsigned flags) {
    return world_new_in(test_path("store"), flags);
}

world_t *world_new_in(const char *dir, unsigned flags) {
    world_t *world = calloc(1, sizeof *world);
    if (!world)
        abort();
    world->flags = flags;
    world->now = T0;
    world->dir = dir;
    fake_init(&world->fake, QUOTA);
    world->fake.keeps_ids = (flags & WORLD_KEEPS_IDS) != 0;
    world_open(world, NULL);
    return world;
}

void world_open_and_register(world_t *world, const sales_options_t *options) {
    sales_options_t seeded = SALES_INIT(sales_options_t);
    sales_repo_t repo = fake_repo(&world->fake);
    sales_chain_t chain = fake_chain(&world->fake);
    sales_content_t content = fake_content(&world->fake);
    sales_watch_t watch = fake_watch(&world->fake);

    seeded.seed = 7;
    if (!options && (world->flags & WORLD_SEEDED))
        options = &seeded;
    if (world->flags & WORLD_NO_RESERVED)
        repo.reserved = NULL;
    if (!(world->flags & WORLD_CONSUME))
        repo.consume = NULL;
    if (!(world->flags & WORLD_READS)) {
        chain.read_slot = NULL;
        chain.free_slot = NULL;
    }
    if (!(world->flags & WORLD_RESERVE_SLOT))
        chain.reserve_slot = NULL;
    if (!(world->flags & WORLD_READ_REQUEST))
        chain.read_request = NULL;
    if (!(world->flags & WORLD_CLEAR))
        content.clear = NULL;
    if (!(world->flags & WORLD_CANCEL))
        content.cancel = NULL;

    error_clear(&world->error);
    REQUIRE_OK(world->error,
               sales_open(SALES_ABI_VERSION, world->dir, options, &world->sales, &world->error));
    world->fake.sales = world->sales;
    world->fake.now = world->now;
    world->fake.events_len = 0;
    world->fake.last_number = 0;
    REQUIRE_OK(world->error, sales_register_repo(world->sales, &repo, &world->error));
    if (!(world->flags & WORLD_NO_WATCH))
        REQUIRE_OK(world->error, sales_register_watch(world->sales, &watch, &world->error));
    if (world->flags & WORLD_SELLING) {
        REQUIRE_OK(world->error, sales_register_chain(world->sales, &chain, &world->error));
        REQUIRE_OK(world->error, sales_register_content(world->sales, &content, &world->error));
    }
}

void world_open(world_t *world, const sales_options_t *options) {
    world_open_and_register(world, options);
    if (!(world->flags & WORLD_NOT_STARTED))
        REQUIRE_OK(world->error, sales_start(world->sales, world->now, &world->error));
}

void world_close(world_t *world) {
    CHECK_OK(world->error, sales_close(world->sales, &world->error));
}

void world_drop(world_t *world) {
    fake_join(&world->fake);
    world_close(world);
    CHECK_U64(0, world->fake.violations);
    /* Whatever the test did, the store it leaves is whole. */
    if (!(world->flags & WORLD_FILE_GONE))
        CHECK_OK(world->error, sales_verify(world->dir, NULL, NULL, NULL, &world->error));
    fake_free(&world->fake);
    free(world);
}

void world_end(world_t *world) {
    fake_join(&world->fake);
    fake_complete_all(&world->fake, SALES_OK);
    CHECK_BOOKS(world);
    world_drop(world);
}

sales_stats_t world_stats(world_t *world) {
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    sales_error_t error = SALES_INIT(sales_error_t);
    CHECK_OK(error, sales_stats(world->sales, &stats, &error));
    return stats;
}

void world_books(world_t *world, const char *file, int line) {
    sales_stats_t stats = world_stats(world);
    uint64_t explained =
        stats.held + stats.reserving + stats.releasing + stats.owed + stats.surplus - stats.shortfall;
    check_u64(file, line, "S1: T = H + I + U + O + A - D", explained, world->fake.total);
}

void world_same(const char *file, int line, const sales_stats_t *before, const sales_stats_t *after) {
#define SAME(field) check_u64(file, line, "unchanged " #field, before->field, after->field)
    SAME(phase);
    SAME(held);
    SAME(consumed);
    SAME(releasing);
    SAME(reserving);
    SAME(owed);
    SAME(surplus);
    SAME(shortfall);
    SAME(in_doubt);
    SAME(reservations);
    SAME(sales);
    SAME(queued);
    SAME(attempts);
    SAME(pending_ops);
    SAME(slots_sold);
#undef SAME
}

sales_id_t id_of(unsigned number) {
    sales_id_t id;
    memset(&id, 0x5a, sizeof id);
    id.bytes[0] = (uint8_t)(number >> 8);
    id.bytes[1] = (uint8_t)number;
    return id;
}

static sales_id_t ids[IDS_MAX];

__attribute__((constructor)) static void fill_ids(void) {
    for (unsigned i = 0; i < IDS_MAX; i++)
        ids[i] = id_of(i);
}

const sales_id_t *id_at(unsigned number) {
    if (number >= IDS_MAX)
        abort();
    return &ids[number];
}

sales_u256_t u256_of(uint64_t number) {
    sales_u256_t out;
    memset(&out, 0, sizeof out);
    for (int i = 0; i < 8; i++)
        out.be[31 - i] = (uint8_t)(number >> (8 * i));
    return out;
}

sales_u256_t u256_max(void) {
    sales_u256_t out;
    memset(&out, 0xff, sizeof out);
    return out;
}

sales_status_t world_reserve(world_t *world, unsigned slot, uint64_t bytes) {
    return sales_reserve(world->sales, world->now, id_at(slot), bytes, NULL, &world->error);
}

sales_status_t world_release(world_t *world, unsigned slot) {
    return sales_release(world->sales, world->now, id_at(slot), NULL, &world->error);
}

sales_status_t world_consumed(world_t *world, unsigned slot, uint64_t total) {
    return sales_consumed(world->sales, world->now, id_at(slot), total, &world->error);
}

sales_status_t world_tick(world_t *world, uint64_t seconds) {
    world->now += seconds;
    world->fake.now = world->now;
    return sales_tick(world->sales, world->now, &world->error);
}

sales_reservation_t world_reservation(world_t *world, unsigned slot) {
    sales_reservation_t out = SALES_INIT(sales_reservation_t);
    CHECK_OK(world->error, sales_reservation(world->sales, id_at(slot), &out, &world->error));
    return out;
}

sales_sale_t world_sale(world_t *world, const sales_id_t *slot_id) {
    sales_sale_t out = SALES_INIT(sales_sale_t);
    CHECK_OK(world->error, sales_sale(world->sales, slot_id, &out, &world->error));
    return out;
}

sales_offer_t offer_of(uint64_t total_size) {
    sales_offer_t offer = SALES_INIT(sales_offer_t);
    offer.flags = SALES_OFFER_ENABLED;
    offer.total_size = total_size;
    offer.min_price_per_byte_per_second = u256_of(1);
    offer.total_collateral = u256_of(UINT64_MAX);
    return offer;
}

sales_id_t world_offer(world_t *world, uint64_t total_size) {
    sales_offer_t offer = offer_of(total_size);
    REQUIRE_OK(world->error, sales_offer_put(world->sales, world->now, &offer, &world->error));
    return offer.id;
}

void posted_renew(posted_t *posted, uint64_t now) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const sales_request_t *request = &posted->request;
    posted->ask = (sales_ask_t)SALES_INIT(sales_ask_t);
    REQUIRE_OK(error, sales_request_id(request, &posted->ask.request_id, &error));
    posted->ask.proof_probability = request->proof_probability;
    posted->ask.price_per_byte_per_second = request->price_per_byte_per_second;
    posted->ask.collateral_per_byte = request->collateral_per_byte;
    posted->ask.slots = request->slots;
    posted->ask.slot_size = request->slot_size;
    posted->ask.duration = request->duration;
    posted->ask.max_slot_loss = request->max_slot_loss;
    posted->ask.expires_at = now + request->expiry;
    posted->ask.ends_at = now + request->duration;
    posted->ask.request = request;
    for (size_t i = 0; i < 8; i++)
        REQUIRE_OK(error, sales_slot_id(&posted->ask.request_id, i, &posted->slots[i], &error));
}

void posted_make(posted_t *posted, uint64_t now, uint64_t slots, uint64_t slot_size, unsigned number) {
    static const uint8_t cid[8] = {1, 0x81, 0x9a, 3, 0x12, 0x20, 7, 8};
    memset(posted, 0, sizeof *posted);
    memcpy(posted->cid, cid, sizeof cid);
    sales_request_t *request = &posted->request;
    *request = (sales_request_t)SALES_INIT(sales_request_t);
    memset(request->client.bytes, 0xc1, sizeof request->client.bytes);
    request->proof_probability = u256_of(3);
    request->price_per_byte_per_second = u256_of(2);
    request->collateral_per_byte = u256_of(1);
    request->slots = slots;
    request->slot_size = slot_size;
    request->duration = DURATION;
    request->max_slot_loss = slots > 1 ? 1 : 0;
    request->expiry = EXPIRY;
    request->cid = (sales_bytes_t){.data = posted->cid, .len = sizeof posted->cid};
    request->nonce = id_of(number);
    posted_renew(posted, now);
}

sales_status_t world_post(world_t *world, posted_t *posted) {
    return sales_on_request(world->sales, world->now, NULL, &posted->ask, &world->error);
}

unsigned world_in_state(world_t *world, const posted_t *posted, uint32_t state) {
    unsigned n = 0;
    for (size_t i = 0; i < 8 && i < posted->request.slots; i++) {
        sales_sale_t sale = SALES_INIT(sales_sale_t);
        if (sales_sale(world->sales, &posted->slots[i], &sale, NULL) == SALES_OK && sale.state == state)
            n++;
    }
    return n;
}
