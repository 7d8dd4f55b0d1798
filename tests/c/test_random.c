/* test_random.c - random hosts: whatever they answer, whenever they hurry away, the promises hold. SALES_SEED
 * runs one seed, SALES_SEEDS so many. */
#include <stdlib.h>

#include "world.h"

#define SLOTS 12
#define STEPS 60

typedef struct random_t {
    uint64_t state;
} random_t;

static uint64_t next(random_t *random) {
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

static uint64_t below(random_t *random, uint64_t limit) {
    return next(random) % limit;
}

/* What a host may answer, and what none may. */
static sales_status_t any_status(random_t *random) {
    static const sales_status_t statuses[] = {SALES_HOST_TRANSIENT,
                                              SALES_HOST_NOT_ALLOWED,
                                              SALES_HOST_STATE_MISMATCH,
                                              SALES_HOST_PERMANENT,
                                              SALES_HOST_NO_SPACE,
                                              SALES_HOST_CANCELLED,
                                              SALES_HOST_UNKNOWN,
                                              4711,
                                              INT32_MIN};
    return statuses[below(random, sizeof statuses / sizeof statuses[0])];
}

/* Lets one callback behave in a random way, mostly once. */
static void any_rule(fake_t *fake, random_t *random, const fake_call_t *calls, size_t calls_len) {
    fake_call_t call = calls[below(random, calls_len)];
    uint32_t times = 1 + (uint32_t)below(random, 3);
    switch (below(random, 8)) {
    case 0: fake_set(fake, call, FAKE_FAIL, any_status(random), times); break;
    case 1: fake_set(fake, call, FAKE_DONE_BUT, below(random, 2) ? SALES_HOST_UNKNOWN : 4711, times); break;
    case 2: fake_set(fake, call, FAKE_FAIL, SALES_HOST_UNKNOWN, times); break;
    case 3: fake_set(fake, call, FAKE_PEND, SALES_OK, times); break;
    case 4: fake_set(fake, call, FAKE_INSIDE, SALES_OK, times); break;
    case 5: fake_set(fake, call, FAKE_INSIDE_OK, any_status(random), times); break;
    case 6:
        fake_set(fake, call, FAKE_THREAD_FIRST, below(random, 2) ? SALES_OK : any_status(random), times);
        break;
    default: fake_set(fake, call, FAKE_WORK, SALES_OK, 0); break;
    }
}

/* Completes one pending operation, with or without its effect. */
static void complete_any(fake_t *fake, random_t *random) {
    if (fake->pending_len == 0)
        return;
    fake_call_t call = fake->pending[below(random, fake->pending_len)].call;
    (void)fake_complete(fake, call, below(random, 2) ? SALES_OK : any_status(random));
}

/* Goes away without a word and comes back; what was out took its effect or did not. */
static void restart(world_t *w, random_t *random) {
    fake_join(&w->fake);
    for (fake_call_t call = 0; call < FAKE_CALLS; call++)
        fake_set(&w->fake, call, FAKE_WORK, SALES_OK, 0);
    if (below(random, 3) == 0)
        (void)sales_stop(w->sales, w->now, NULL);
    world_close(w);
    while (w->fake.pending_len > 0)
        fake_forget_one(&w->fake, (int)below(random, 2));
    world_open(w, NULL);
}

/* The host, which knows the truth, tells it of a slot in doubt: of a release or consumption begun whether it
 * took effect, of a reserve whether the bytes are reserved, of a fill whether the slot is ours. */
static void resolve_slot(world_t *w, const sales_id_t *slot, int of_a_fill) {
    fake_truth_t truth = fake_truth(&w->fake, slot);
    sales_reservation_t r = SALES_INIT(sales_reservation_t);
    int recorded = sales_reservation(w->sales, slot, &r, NULL) == SALES_OK;
    int of_a_step = recorded && (r.releasing > 0 || r.consuming > 0);
    int applied = of_a_fill ? truth.filled : of_a_step ? truth.repo_took_effect : truth.reserved > 0;
    uint32_t of = of_a_fill ? SALES_RESOLVE_SALE : SALES_RESOLVE_RESERVATION;
    sales_status_t status = sales_resolve(w->sales, w->now, slot, (applied ? 1 : 0) | of, &w->error);
    /* BUSY: the books are being settled by the total; the reconcile that follows ends that. */
    CHECK(status >= 0 || status == SALES_ERR_NOT_FOUND || status == SALES_ERR_BUSY);
}

static void resolve_all(world_t *w) {
    sales_sale_t sales[64];
    size_t len = 64;
    for (size_t i = 0; i < 64; i++)
        sales[i] = (sales_sale_t)SALES_INIT(sales_sale_t);
    CHECK_OK(w->error, sales_sales(w->sales, NULL, sales, sizeof sales[0], &len, &w->error));
    for (size_t i = 0; i < len; i++) {
        sales_reservation_t r = SALES_INIT(sales_reservation_t);
        sales_status_t status = sales_reservation(w->sales, &sales[i].slot_id, &r, NULL);
        int recorded = status == SALES_OK;
        int of_the_repo = !recorded || (r.flags & SALES_RESERVATION_IN_DOUBT) != 0;
        if (!(sales[i].flags & SALES_SALE_FLAG_ENDED) || (recorded && of_the_repo))
            resolve_slot(w, &sales[i].slot_id, !of_the_repo);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        resolve_slot(w, id_at(slot), 0);
}

/* Everything works from now on: all that is open ends. */
static void settle(world_t *w) {
    for (fake_call_t call = 0; call < FAKE_CALLS; call++)
        fake_set(&w->fake, call, FAKE_WORK, SALES_OK, 0);
    for (int i = 0; i < 6; i++) {
        fake_join(&w->fake);
        fake_complete_all(&w->fake, SALES_OK);
        resolve_all(w);
        /* A reconcile that was left open by a pending repo tells first how it ended. */
        if (!(w->flags & WORLD_NO_RESERVED) &&
            sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error) != SALES_OK)
            CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S + 1));
    }
    CHECK_U64(0, world_stats(w).in_doubt);
    CHECK_U64(0, world_stats(w).pending_ops);
}

/* What a host that only keeps books knows of a slot. */
typedef struct slot_model_t {
    uint64_t reserved; /* 0: not, as far as it was told */
    int sure;          /* no later call for it was left open or in doubt */
} slot_model_t;

static void books_step(world_t *w, random_t *random, slot_model_t *model) {
    static const fake_call_t calls[] = {FAKE_RESERVE, FAKE_RELEASE, FAKE_CONSUME};
    unsigned slot = (unsigned)below(random, SLOTS);
    uint64_t bytes = 1 + below(random, 1000);
    slot_model_t *m = &model[slot];
    sales_status_t status;
    switch (below(random, 12)) {
    case 0:
    case 1:
    case 2:
        status = world_reserve(w, slot, bytes);
        if (status == SALES_OK || status == SALES_ALREADY) {
            CHECK(!m->sure || m->reserved == 0 || (status == SALES_ALREADY && m->reserved == bytes));
            *m = (slot_model_t){.reserved = bytes, .sure = 1};
        } else if (status == SALES_PENDING || status == SALES_ERR_IN_DOUBT) {
            m->sure = 0;
        } else {
            CHECK(status < 0);
        }
        break;
    case 3:
    case 4:
        status = world_release(w, slot);
        if (status >= 0)
            *m = (slot_model_t){.reserved = 0, .sure = 1};
        else if (status == SALES_ERR_NOT_FOUND)
            CHECK(!m->sure || m->reserved == 0);
        else
            CHECK(status == SALES_ERR_BUSY || status == SALES_ERR_IN_DOUBT);
        if (status == SALES_ERR_IN_DOUBT)
            m->sure = 0;
        break;
    case 5:
    case 6: (void)world_consumed(w, slot, bytes); break;
    case 7:
    case 8: any_rule(&w->fake, random, calls, 3); break;
    case 9: complete_any(&w->fake, random); break;
    case 10: (void)world_tick(w, below(random, 100)); break;
    default:
        if (below(random, 3) == 0)
            restart(w, random);
        else if (!(w->flags & WORLD_NO_RESERVED))
            (void)sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, NULL);
        break;
    }
}

static void random_books(uint64_t seed, unsigned flags) {
    random_t random = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    slot_model_t model[SLOTS] = {{0, 1}};
    for (unsigned i = 0; i < SLOTS; i++)
        model[i].sure = 1;
    char dir[64];
    snprintf(dir, sizeof dir, "books-%u", (unsigned)(seed % 24));
    world_t *w = world_new_in(test_path(dir), flags);
    for (int i = 0; i < STEPS; i++)
        books_step(w, &random, model);
    settle(w);
    if (below(&random, 2))
        restart(w, &random);
    settle(w);
    sales_stats_t stats = world_stats(w);
    CHECK_U64(stats.held, w->fake.total);
    CHECK_U64(0, stats.owed + stats.releasing + stats.reserving + stats.surplus + stats.shortfall);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        sales_reservation_t r = SALES_INIT(sales_reservation_t);
        sales_status_t status = sales_reservation(w->sales, id_at(slot), &r, NULL);
        int live = status == SALES_OK && !(r.flags & SALES_RESERVATION_ENDED);
        if (model[slot].sure) {
            CHECK(live == (model[slot].reserved > 0));
            if (live)
                CHECK_U64(model[slot].reserved, r.bytes);
        }
        if (live) {
            CHECK_U64(r.bytes, r.held + r.consumed);
            CHECK_OK(w->error, world_release(w, slot));
        }
    }
    CHECK_U64(0, w->fake.total);
    if (!CHECK_U64(0, w->fake.violations) || !CHECK_U64(0, world_stats(w).held))
        fprintf(stderr, "SALES_SEED=%" PRIu64 "\n", seed);
    world_end(w);
}

#define POSTED 6

static void selling_step(world_t *w, random_t *random, posted_t *posted, int *over) {
    static const fake_call_t calls[] = {FAKE_RESERVE,   FAKE_RELEASE,   FAKE_RESERVE_SLOT,
                                        FAKE_STORE,     FAKE_PROVE,     FAKE_CLEAR,
                                        FAKE_FILL_SLOT, FAKE_READ_SLOT, FAKE_FREE_SLOT};
    unsigned n = (unsigned)below(random, POSTED);
    const sales_id_t *request = &posted[n].ask.request_id;
    uint64_t index = below(random, posted[n].request.slots + 1);
    sales_status_t status = SALES_OK;
    switch (below(random, 16)) {
    case 0:
    case 1:
    case 2:
        if (!over[n])
            status = world_post(w, &posted[n]);
        break;
    case 3:
    case 4:
    case 5:
    case 6: any_rule(&w->fake, random, calls, sizeof calls / sizeof calls[0]); break;
    case 7:
    case 8: complete_any(&w->fake, random); break;
    case 9:
    case 10: (void)world_tick(w, below(random, 5)); break;
    case 11:
        if (!fake_truth(&w->fake, &posted[n].slots[index]).filled)
            status = sales_on_slot_filled(w->sales, w->now, NULL, request, index, &w->error);
        break;
    case 12:
        status = sales_on_slot_reservations_full(w->sales, w->now, NULL, request, index, &w->error);
        break;
    case 13: status = sales_on_request_fulfilled(w->sales, w->now, NULL, request, &w->error); break;
    case 14: (void)sales_abandon(w->sales, w->now, &posted[n].slots[index], 0, NULL); break;
    default:
        if (below(random, 3) == 0)
            restart(w, random);
        else if (!(w->flags & WORLD_NO_RESERVED))
            (void)sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, NULL);
        break;
    }
    CHECK(status >= 0 || status == SALES_ERR_BUSY);
}

/* S5: what is ours on chain has its space, as long as nobody said that the request ended. */
static void filled_slots_are_kept(world_t *w) {
    for (size_t i = 0; i < w->fake.truths_len; i++) {
        sales_reservation_t r = SALES_INIT(sales_reservation_t);
        if (!w->fake.truths[i].filled)
            continue;
        sales_status_t status = sales_reservation(w->sales, &w->fake.truths[i].slot_id, &r, NULL);
        CHECK_STATUS(SALES_OK, status);
        CHECK_U64(SLOT_SIZE, r.held);
    }
}

static void random_selling(uint64_t seed, unsigned flags) {
    random_t random = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 7};
    posted_t *posted = calloc(POSTED, sizeof *posted);
    int over[POSTED] = {0};
    char dir[64];
    REQUIRE(posted != NULL);
    snprintf(dir, sizeof dir, "selling-%u", (unsigned)(seed % 24));
    world_t *w = world_new_in(test_path(dir), WORLD_SELLING | WORLD_CANCEL | flags);
    w->fake.true_views = 1;
    sales_id_t offer = world_offer(w, 12 * SLOT_SIZE);
    for (unsigned n = 0; n < POSTED; n++)
        posted_make(&posted[n], w->now, 1 + below(&random, 4), SLOT_SIZE, n);
    for (int i = 0; i < STEPS; i++) {
        selling_step(w, &random, posted, over);
        filled_slots_are_kept(w);
    }
    settle(w);
    filled_slots_are_kept(w);
    w->fake.requests_ended = 1;
    for (unsigned n = 0; n < POSTED; n++)
        CHECK(sales_on_request_ended(w->sales, w->now, NULL, &posted[n].ask.request_id, &w->error) >= 0);
    settle(w);
    sales_offer_t seen = SALES_INIT(sales_offer_t);
    CHECK_OK(w->error, sales_offer_get(w->sales, &offer, &seen, &w->error));
    int good = CHECK_U64(0, w->fake.total) & CHECK_U64(0, world_stats(w).sales) &
               CHECK_U64(0, world_stats(w).reservations) & CHECK_U64(12 * SLOT_SIZE, seen.free_size) &
               CHECK_U64(0, seen.sold_slots) & CHECK_U64(0, w->fake.violations);
    if (!good)
        fprintf(stderr, "SALES_SEED=%" PRIu64 "\n", seed);
    world_end(w);
    free(posted);
}

static void run_seeds(void (*run)(uint64_t seed, unsigned flags), unsigned flags, unsigned seeds) {
    const char *one = getenv("SALES_SEED"), *many = getenv("SALES_SEEDS");
    if (one) {
        run(strtoull(one, NULL, 10), flags);
        return;
    }
    uint64_t end = many ? strtoull(many, NULL, 10) : seeds;
    for (uint64_t seed = 1; seed <= end; seed++) {
        run(seed, flags);
        char command[4400], out[64];
        snprintf(command, sizeof command, "rm -rf '%s'/books-* '%s'/selling-*", test_dir(), test_dir());
        CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
    }
}

TEST(random_books_with_a_total) {
    run_seeds(random_books, WORLD_CONSUME | WORLD_KEEPS_IDS, 12);
}

TEST(random_books_without_a_total) {
    run_seeds(random_books, WORLD_CONSUME | WORLD_NO_RESERVED, 12);
}

TEST(random_selling_on_a_chain_that_can_be_read) {
    run_seeds(random_selling, WORLD_READS | WORLD_CLEAR | WORLD_RESERVE_SLOT | WORLD_KEEPS_IDS, 12);
}

TEST(random_selling_with_the_least_of_tables) {
    run_seeds(random_selling, WORLD_NO_WATCH, 12);
}

TEST(random_selling_without_a_total) {
    run_seeds(random_selling, WORLD_READS | WORLD_NO_RESERVED, 12);
}
