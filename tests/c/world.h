/* world.h - what most tests stand on: a store in a fresh directory, a fake host, and requests that fit. */
#ifndef WORLD_H
#define WORLD_H

#include "fakehost.h"
#include "harness.h"

/* The time at which every test begins. */
#define T0 UINT64_C(1700000000)
#define QUOTA (UINT64_C(1) << 40)
#define SLOT_SIZE UINT64_C(65536)
#define EXPIRY UINT64_C(600)
#define DURATION UINT64_C(3600)

/* What a world's host offers. */
enum {
    WORLD_BOOKS = 0,         /* a repo and a watch */
    WORLD_SELLING = 1,       /* chain and content too, with required entries only */
    WORLD_NO_RESERVED = 2,   /* a repo that cannot tell its total */
    WORLD_CONSUME = 4,       /* repo.consume */
    WORLD_READS = 8,         /* chain.read_slot and free_slot */
    WORLD_RESERVE_SLOT = 16, /* chain.reserve_slot */
    WORLD_READ_REQUEST = 32, /* chain.read_request */
    WORLD_CLEAR = 64,        /* content.clear */
    WORLD_CANCEL = 128,      /* content.cancel */
    WORLD_NOT_STARTED = 256,
    WORLD_NO_WATCH = 512,
    WORLD_KEEPS_IDS = 1024, /* the repo keeps store_id and store_seq */
    WORLD_SEEDED = 2048,    /* options.seed = 7 */
    WORLD_FILE_GONE = 4096  /* the test takes the store's file away: it is not verified at the end */
};

typedef struct world_t {
    sales_t sales;
    unsigned flags;
    uint64_t now;
    const char *dir;
    sales_error_t error;
    fake_t fake;
} world_t;

/* A request as the chain has it, and what a host tells of it. Its pointers point into itself: do not copy it.
 */
typedef struct posted_t {
    uint8_t cid[8];
    sales_request_t request;
    sales_ask_t ask;
    sales_id_t slots[8]; /* the first slot ids */
} posted_t;

/* Opens a store below the test's directory, registers the tables and starts. Leaves the test where it cannot.
 */
world_t *world_new(unsigned flags);
/* The same in the directory `dir`. */
world_t *world_new_in(const char *dir, unsigned flags);
/* Opens (with `options` or NULL), registers and, unless WORLD_NOT_STARTED, starts. */
void world_open(world_t *world, const sales_options_t *options);
/* Opens and registers only. */
void world_open_and_register(world_t *world, const sales_options_t *options);
/* Closes without stopping first, as a host that hurries. */
void world_close(world_t *world);
/* Completes what is out, checks the books and the fake's findings, closes and frees. */
void world_end(world_t *world);
/* As world_end, but checks no books: for tests that leave them in doubt. */
void world_drop(world_t *world);

/* T = H + I + U + O + A - D, nothing being out at the host. */
void world_books(world_t *world, const char *file, int line);
#define CHECK_BOOKS(world) world_books((world), __FILE__, __LINE__)

sales_stats_t world_stats(world_t *world);
/* The fields of the stats that a refused call may not change. */
void world_same(const char *file, int line, const sales_stats_t *before, const sales_stats_t *after);
#define CHECK_SAME(before, after) world_same(__FILE__, __LINE__, (before), (after))
/* Expects an error of a call on `world`, and that it changed nothing. */
#define CHECK_REFUSED(expected, word, world, call)         \
    do {                                                   \
        sales_stats_t refused_before = world_stats(world); \
        uint64_t refused_total = (world)->fake.total;      \
        CHECK_ERROR(expected, word, (world)->error, call); \
        sales_stats_t refused_after = world_stats(world);  \
        CHECK_SAME(&refused_before, &refused_after);       \
        CHECK_U64(refused_total, (world)->fake.total);     \
    } while (0)

/* Calls as a test has them all the time. */
sales_status_t world_reserve(world_t *world, unsigned slot, uint64_t bytes);
sales_status_t world_release(world_t *world, unsigned slot);
sales_status_t world_consumed(world_t *world, unsigned slot, uint64_t total);
/* Moves time on by `seconds` and ticks once. */
sales_status_t world_tick(world_t *world, uint64_t seconds);
sales_reservation_t world_reservation(world_t *world, unsigned slot);
sales_sale_t world_sale(world_t *world, const sales_id_t *slot_id);

/* A slot id made of a number. */
sales_id_t id_of(unsigned number);
/* The same at a fixed place: for calls that want a pointer. */
const sales_id_t *id_at(unsigned number);

sales_u256_t u256_of(uint64_t number);
sales_u256_t u256_max(void);

/* An enabled offer that takes whatever fits in `total_size`. Leaves the test where it cannot be made. */
sales_id_t world_offer(world_t *world, uint64_t total_size);
sales_offer_t offer_of(uint64_t total_size);

/* A request of `slots` slots, posted now; `number` tells requests apart. */
void posted_make(posted_t *posted, uint64_t now, uint64_t slots, uint64_t slot_size, unsigned number);
/* Writes the ask and the ids anew after a field of `request` was changed. */
void posted_renew(posted_t *posted, uint64_t now);
sales_status_t world_post(world_t *world, posted_t *posted);
/* How many of the request's first 8 slots are in this state. */
unsigned world_in_state(world_t *world, const posted_t *posted, uint32_t state);

#endif
