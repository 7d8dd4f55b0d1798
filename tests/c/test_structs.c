/* test_structs.c - sized structs: short, long with a zero and a non-zero tail, absurd sizes, reserved fields.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "world.h"

#define ABSURD_LEN ((size_t)1 << 20)

/* Memory whose end is the end of what may be touched: one byte further is a fault. */
typedef struct guarded_t {
    uint8_t *base;
    size_t mapped;
    uint8_t *at;
} guarded_t;

static guarded_t guarded_new(size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (len + page - 1) / page * page;
    guarded_t out = {.mapped = pages + page};
    out.base = mmap(NULL, out.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out.base == MAP_FAILED || mprotect(out.base + pages, page, PROT_NONE) != 0)
        abort();
    out.at = out.base + pages - len;
    return out;
}

static void guarded_free(guarded_t *guarded) {
    munmap(guarded->base, guarded->mapped);
}

/* One call that reads a struct; on success it undoes what it did. */
typedef sales_status_t (*input_fn)(world_t *world, const void *input, sales_error_t *error);

static sales_status_t call_with(world_t *world, input_fn call, const void *good, size_t good_len,
                                size_t memory, uint32_t size, int last, sales_error_t *error) {
    guarded_t guarded = guarded_new((memory + 7) / 8 * 8);
    memset(guarded.at, 0, memory);
    memcpy(guarded.at, good, good_len < memory ? good_len : memory);
    memcpy(guarded.at, &size, memory < sizeof size ? memory : sizeof size);
    if (last)
        guarded.at[memory - 1] = (uint8_t)last;
    error_clear(error);
    sales_status_t status = call(world, guarded.at, error);
    guarded_free(&guarded);
    return status;
}

static void input_sizes(const char *name, world_t *world, input_fn call, const void *good, size_t len) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t status = call_with(world, call, good, len, len, (uint32_t)len, 0, &error);
    check_status(__FILE__, __LINE__, name, SALES_OK, status, &error);
    for (uint32_t size = 0; size < 4; size++) {
        status = call_with(world, call, good, len, 8, size, 0, &error);
        check_error(__FILE__, __LINE__, name, SALES_ERR_STRUCT, status, &error, "size");
    }
    /* Half a pointer is not followed. */
    for (uint32_t cut = 1; cut < 8; cut++) {
        status = call_with(world, call, good, len, len, (uint32_t)len - cut, 0, &error);
        check_error(__FILE__, __LINE__, name, SALES_ERR_STRUCT, status, &error, "size");
    }
    status = call_with(world, call, good, len, len + 24, (uint32_t)len + 24, 0, &error);
    check_status(__FILE__, __LINE__, name, SALES_OK, status, &error);
    status = call_with(world, call, good, len, len + 24, (uint32_t)len + 24, 1, &error);
    check_error(__FILE__, __LINE__, name, SALES_ERR_STRUCT, status, &error, "bytes");
    status = call_with(world, call, good, len, ABSURD_LEN, UINT32_MAX, 0, &error);
    check_error(__FILE__, __LINE__, name, SALES_ERR_STRUCT, status, &error, "size");
}

/* A shorter struct reads as one whose tail is zero, and nothing behind it is touched. */
static void input_short(const char *name, world_t *world, input_fn call, const void *good, size_t len) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t status = call_with(world, call, good, len, len, (uint32_t)len, 0, &error);
    check_status(__FILE__, __LINE__, name, SALES_OK, status, &error);
}

static sales_status_t with_options(world_t *world, const void *input, sales_error_t *error) {
    sales_t sales = 0;
    char dir[4352];
    (void)world;
    snprintf(dir, sizeof dir, "%s/second", test_dir());
    sales_status_t status = sales_open(SALES_ABI_VERSION, dir, input, &sales, error);
    if (status == SALES_OK)
        CHECK_STATUS(SALES_OK, sales_close(sales, NULL));
    return status;
}

/* Tables are registered on an instance of their own, which is closed again. */
#define WITH_TABLE(name, register_call)                                                   \
    static sales_status_t name(world_t *world, const void *input, sales_error_t *error) { \
        sales_t sales = 0;                                                                \
        char dir[4352];                                                                   \
        (void)world;                                                                      \
        snprintf(dir, sizeof dir, "%s/second", test_dir());                               \
        sales_status_t status = sales_open(SALES_ABI_VERSION, dir, NULL, &sales, error);  \
        if (status != SALES_OK)                                                           \
            return status;                                                                \
        status = register_call(sales, input, error);                                      \
        CHECK_STATUS(SALES_OK, sales_close(sales, NULL));                                 \
        return status;                                                                    \
    }
WITH_TABLE(with_repo, sales_register_repo)
WITH_TABLE(with_chain, sales_register_chain)
WITH_TABLE(with_content, sales_register_content)
WITH_TABLE(with_watch, sales_register_watch)
WITH_TABLE(with_market, sales_set_market)

static sales_status_t with_offer(world_t *world, const void *input, sales_error_t *error) {
    sales_offer_t *offer = (sales_offer_t *)(uintptr_t)input;
    sales_status_t status = sales_offer_put(world->sales, world->now, offer, error);
    if (status == SALES_OK)
        CHECK_STATUS(SALES_OK, sales_offer_remove(world->sales, world->now, &offer->id, NULL));
    return status;
}

static sales_status_t with_ask(world_t *world, const void *input, sales_error_t *error) {
    size_t len = 0;
    sales_status_t status =
        sales_evaluate(world->sales, world->now, input, NULL, sizeof(sales_reason_t), &len, error);
    return status == SALES_REFUSED ? SALES_OK : status;
}

static sales_status_t with_at(world_t *world, const void *input, sales_error_t *error) {
    sales_status_t status = sales_on_request_ended(world->sales, world->now, input, id_at(9), error);
    return status == SALES_ALREADY ? SALES_OK : status;
}

static sales_status_t with_request(world_t *world, const void *input, sales_error_t *error) {
    sales_id_t id;
    (void)world;
    return sales_request_id(input, &id, error);
}

/* A completion of a pending reserve, which is released again. */
static sales_status_t with_result(world_t *world, const void *input, sales_error_t *error) {
    fake_set(&world->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
    CHECK_STATUS(SALES_PENDING, sales_reserve(world->sales, world->now, id_at(1), 100, NULL, NULL));
    uint64_t token = fake_pending_token(&world->fake, FAKE_RESERVE);
    sales_status_t status = sales_complete(world->sales, world->now, token, input, error);
    if (status == SALES_OK)
        fake_forget_pending(&world->fake, 1);
    else
        CHECK_STATUS(SALES_OK, fake_complete(&world->fake, FAKE_RESERVE, SALES_OK));
    CHECK_STATUS(SALES_OK, sales_release(world->sales, world->now, id_at(1), NULL, NULL));
    return status;
}

#define INPUT(world, call, good) input_sizes(#call, (world), (call), &(good), sizeof(good))
#define SHORT(world, call, good, first_missing)                             \
    input_short(#call " without " #first_missing, (world), (call), &(good), \
                (size_t)((const char *)&(good).first_missing - (const char *)&(good)))

TEST(structs_input_of_any_size) {
    world_t *w = world_new(WORLD_SELLING);
    sales_options_t options = SALES_INIT(sales_options_t);
    sales_repo_t repo = fake_repo(&w->fake);
    sales_chain_t chain = fake_chain(&w->fake);
    sales_content_t content = fake_content(&w->fake);
    sales_watch_t watch = fake_watch(&w->fake);
    sales_market_t market = SALES_INIT(sales_market_t);
    sales_offer_t offer = offer_of(1 << 20);
    sales_at_t at = SALES_INIT(sales_at_t);
    sales_result_t result = SALES_INIT(sales_result_t);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    INPUT(w, with_options, options);
    INPUT(w, with_repo, repo);
    INPUT(w, with_chain, chain);
    INPUT(w, with_content, content);
    INPUT(w, with_watch, watch);
    INPUT(w, with_market, market);
    INPUT(w, with_offer, offer);
    INPUT(w, with_ask, posted.ask);
    INPUT(w, with_at, at);
    INPUT(w, with_request, posted.request);
    INPUT(w, with_result, result);
    CHECK_U64(0, world_stats(w).held);
    world_end(w);
}

TEST(structs_shorter_input_has_a_zero_tail) {
    world_t *w = world_new(WORLD_SELLING);
    sales_options_t options = SALES_INIT(sales_options_t);
    sales_repo_t repo = fake_repo(&w->fake);
    sales_chain_t chain = fake_chain(&w->fake);
    sales_content_t content = fake_content(&w->fake);
    sales_watch_t watch = fake_watch(&w->fake);
    sales_market_t market = SALES_INIT(sales_market_t);
    sales_at_t at = SALES_INIT(sales_at_t);
    sales_result_t result = SALES_INIT(sales_result_t);
    SHORT(w, with_options, options, history_limit);
    SHORT(w, with_options, options, seed);
    SHORT(w, with_repo, repo, reserved);
    SHORT(w, with_chain, chain, reserve_slot);
    SHORT(w, with_content, content, keep);
    SHORT(w, with_watch, watch, on_deadline);
    SHORT(w, with_market, market, duration_limit);
    SHORT(w, with_at, at, log_index);
    SHORT(w, with_result, result, proof);
    world_end(w);
}

TEST(structs_a_table_cut_before_a_required_entry) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 0;
    fake_t *fake = calloc(1, sizeof *fake);
    REQUIRE(fake != NULL);
    sales_repo_t repo = fake_repo(fake);
    repo.size = (uint32_t)offsetof(sales_repo_t, release);
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, test_path("store"), NULL, &sales, &error));
    CHECK_ERROR(SALES_ERR_TABLE, "release", error, sales_register_repo(sales, &repo, &error));
    CHECK_OK(error, sales_close(sales, &error));
    free(fake);
}

#define RESERVED(word, world, call) CHECK_REFUSED(SALES_ERR_STRUCT, word, world, call)

TEST(structs_reserved_fields_must_be_zero) {
    world_t *w = world_new(WORLD_SELLING | WORLD_NO_WATCH | WORLD_NOT_STARTED);
    sales_t s = w->sales;
    sales_options_t options = SALES_INIT(sales_options_t);
    options.reserved = 1;
    sales_t other = 0;
    RESERVED("reserved", w, sales_open(SALES_ABI_VERSION, test_path("other"), &options, &other, &w->error));
    CHECK_U64(0, other);
    sales_repo_t repo = fake_repo(&w->fake);
    repo.reserved0 = 1;
    RESERVED("reserved", w, sales_register_repo(s, &repo, &w->error));
    sales_chain_t chain = fake_chain(&w->fake);
    chain.reserved0 = UINT32_MAX;
    RESERVED("reserved", w, sales_register_chain(s, &chain, &w->error));
    sales_content_t content = fake_content(&w->fake);
    content.reserved0 = 1;
    RESERVED("reserved", w, sales_register_content(s, &content, &w->error));
    sales_watch_t watch = fake_watch(&w->fake);
    watch.reserved0 = 1;
    RESERVED("reserved", w, sales_register_watch(s, &watch, &w->error));
    sales_market_t market = SALES_INIT(sales_market_t);
    market.reserved = 1;
    RESERVED("reserved", w, sales_set_market(s, &market, &w->error));
    CHECK_OK(w->error, sales_start(s, w->now, &w->error));

    sales_offer_t offer = offer_of(1 << 20);
    offer.reserved = 1;
    RESERVED("reserved", w, sales_offer_put(s, w->now, &offer, &w->error));
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    posted.ask.reserved = 1;
    RESERVED("reserved", w, world_post(w, &posted));
    size_t len = 0;
    RESERVED("reserved", w,
             sales_evaluate(s, w->now, &posted.ask, NULL, sizeof(sales_reason_t), &len, &w->error));
    world_end(w);
}

TEST(structs_inside_a_result) {
    world_t *w = world_new(WORLD_SELLING | WORLD_READS);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    fake_set(&w->fake, FAKE_READ_SLOT, FAKE_PEND, SALES_OK, 1);
    sales_status_t status =
        sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id, &w->error);
    CHECK(status >= 0);
    uint64_t token = fake_pending_token(&w->fake, FAKE_READ_SLOT);
    REQUIRE(token != 0);
    sales_result_t result = SALES_INIT(sales_result_t);
    sales_slot_view_t view = SALES_INIT(sales_slot_view_t);
    view.request_state = SALES_REQUEST_FINISHED;
    view.slot_state = SALES_SLOT_FINISHED;
    view.is_mine = 1;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "view", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    result.view = &view;
    view.size = 0;
    CHECK_REFUSED(SALES_ERR_STRUCT, "size", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    view.size = (uint32_t)sizeof view;
    view.reserved = 1;
    CHECK_REFUSED(SALES_ERR_STRUCT, "reserved", w,
                  sales_complete(w->sales, w->now, token, &result, &w->error));
    view.reserved = 0;
    view.is_mine = 2;
    CHECK_REFUSED(SALES_ERR_ARGUMENT, "is_mine", w,
                  sales_complete(w->sales, w->now, token, &result, &w->error));
    view.is_mine = 1;
    fake_forget_pending(&w->fake, 1);
    CHECK_OK(w->error, sales_complete(w->sales, w->now, token, &result, &w->error));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* One call that fills a struct. */
typedef sales_status_t (*output_fn)(world_t *world, void *out, sales_error_t *error);

static sales_id_t output_offer;
static sales_id_t output_sale;

static sales_status_t out_reservation(world_t *world, void *out, sales_error_t *error) {
    return sales_reservation(world->sales, id_at(1), out, error);
}
static sales_status_t out_offer(world_t *world, void *out, sales_error_t *error) {
    return sales_offer_get(world->sales, &output_offer, out, error);
}
static sales_status_t out_sale(world_t *world, void *out, sales_error_t *error) {
    return sales_sale(world->sales, &output_sale, out, error);
}
static sales_status_t out_stats(world_t *world, void *out, sales_error_t *error) {
    return sales_stats(world->sales, out, error);
}

static void output_sizes(const char *name, world_t *world, output_fn call, size_t len) {
    uint8_t memory[2048], whole[2048];
    sales_error_t error = SALES_INIT(sales_error_t);
    memset(whole, 0, sizeof whole);
    uint32_t size = (uint32_t)len;
    memcpy(whole, &size, sizeof size);
    check_status(__FILE__, __LINE__, name, SALES_OK, call(world, whole, &error), &error);
    for (size = 0; size < 4; size++) {
        memset(memory, 0xee, sizeof memory);
        memcpy(memory, &size, sizeof size);
        error_clear(&error);
        check_error(__FILE__, __LINE__, name, SALES_ERR_STRUCT, call(world, memory, &error), &error, "size");
        CHECK_U64(0xee, memory[4]);
    }
    for (size = 8; size <= len + 64; size += 8) {
        memset(memory, 0xee, sizeof memory);
        memcpy(memory, &size, sizeof size);
        check_status(__FILE__, __LINE__, name, SALES_OK, call(world, memory, &error), &error);
        size_t written = size < len ? size : len;
        CHECK(memcmp(memory + 4, whole + 4, written - 4) == 0);
        CHECK_U64(0xee, memory[written]);
        CHECK_U64(0xee, memory[written + 63]);
    }
}

TEST(structs_output_of_any_size) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    output_offer = world_offer(w, 1 << 20);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_OK(w->error, world_reserve(w, 1, 1000));
    output_sale = posted.slots[0];
    output_sizes("sales_reservation", w, out_reservation, sizeof(sales_reservation_t));
    output_sizes("sales_offer_get", w, out_offer, sizeof(sales_offer_t));
    output_sizes("sales_sale", w, out_sale, sizeof(sales_sale_t));
    output_sizes("sales_stats", w, out_stats, sizeof(sales_stats_t));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(structs_pages_of_other_item_sizes) {
    enum { N = 5 };
    world_t *w = world_new(WORLD_BOOKS);
    uint8_t memory[8 * 1024];
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(w->error, world_reserve(w, i, 100 + i));
    static const size_t item_sizes[] = {40, sizeof(sales_reservation_t), sizeof(sales_reservation_t) + 64};
    for (size_t k = 0; k < sizeof item_sizes / sizeof item_sizes[0]; k++) {
        size_t item = item_sizes[k], len = N + 1;
        memset(memory, 0xee, sizeof memory);
        for (size_t i = 0; i < len; i++) {
            uint32_t size = (uint32_t)item;
            memcpy(memory + i * item, &size, sizeof size);
        }
        CHECK_OK(w->error, sales_reservations(w->sales, NULL, NULL, (void *)memory, item, &len, &w->error));
        CHECK_U64(N, len);
        for (unsigned i = 0; i < N; i++)
            CHECK(memcmp(memory + i * item + offsetof(sales_reservation_t, slot_id), id_at(i), 32) == 0);
        CHECK_U64(0xee, memory[(N + 1) * item]);
        CHECK_U64(0xee, memory[N * item + 8]);
    }
    static const size_t bad[] = {0, 1, 3};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        size_t len = 2;
        memset(memory, 0, sizeof memory);
        CHECK_REFUSED(SALES_ERR_STRUCT, "size", w,
                      sales_reservations(w->sales, NULL, NULL, (void *)memory, bad[k], &len, &w->error));
        CHECK_REFUSED(SALES_ERR_STRUCT, "size", w,
                      sales_offer_list(w->sales, NULL, (void *)memory, bad[k], &len, &w->error));
        CHECK_REFUSED(SALES_ERR_STRUCT, "size", w,
                      sales_sales(w->sales, NULL, (void *)memory, bad[k], &len, &w->error));
    }
    /* More places than memory has, told so by a length that wraps: only what exists is written. */
    size_t len = SIZE_MAX;
    size_t item = sizeof(sales_reservation_t);
    for (size_t i = 0; i < 8; i++) {
        uint32_t size = (uint32_t)item;
        memcpy(memory + i * item, &size, sizeof size);
    }
    sales_status_t status = sales_reservations(w->sales, NULL, NULL, (void *)memory, item, &len, &w->error);
    CHECK(status == SALES_ERR_ARGUMENT || (status == SALES_OK && len == N));
    for (unsigned i = 0; i < N; i++)
        CHECK_OK(w->error, world_release(w, i));
    world_end(w);
}

/* The error struct itself: whatever its size says, nothing is written past it, and the call is the same. */
TEST(structs_error_of_any_size) {
    struct {
        sales_error_t error;
        uint8_t canary[64];
    } memory;
    world_t *w = world_new(WORLD_BOOKS);
    for (uint32_t size = 0; size <= sizeof memory.error + 32; size++) {
        memset(&memory, 0xee, sizeof memory);
        memory.error.size = size;
        sales_status_t status = sales_release(w->sales, w->now, id_at(1), NULL, &memory.error);
        CHECK(status == SALES_ERR_NOT_FOUND || (status == SALES_ERR_STRUCT && size < 8));
        size_t end = size < sizeof memory.error ? (size < 4 ? 4 : size) : sizeof memory.error;
        for (size_t i = end; i < sizeof memory; i++) {
            if (((uint8_t *)&memory)[i] != 0xee) {
                check_u64(__FILE__, __LINE__, "a byte behind an error struct of this size", size,
                          (uint64_t)-1);
                break;
            }
        }
        if (size > 8)
            CHECK(memchr(memory.error.text, 0,
                         size - 8 < sizeof memory.error.text ? size - 8 : sizeof memory.error.text) != NULL);
    }
    memset(&memory, 0xee, sizeof memory);
    memory.error.size = UINT32_MAX;
    sales_status_t status = sales_release(w->sales, w->now, id_at(1), NULL, &memory.error);
    CHECK(status == SALES_ERR_NOT_FOUND || status == SALES_ERR_STRUCT);
    CHECK_U64(0xee, memory.canary[0]);
    world_end(w);
}
