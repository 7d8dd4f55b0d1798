/* test_torture.c - sixteen threads that make every call of the ABI on the same slots, complete for each other, call
 * in from callbacks, and close and open the instance under each other. SALES_TORTURE: calls a thread and round.
 * SALES_SEED: the seed; what the threads choose follows from it, their order does not. */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "everycall.h"
#include "torture.h"

#define THREADS 16
#define ROUNDS 4

typedef struct worker_t {
    torture_t *torture;
    uint64_t seed;
    unsigned calls;
    int lives; /* moves the instance through its life */
    int round;
} worker_t;

/* What no call may answer, whatever the others do. */
static void judge(torture_t *torture, const char *what, sales_status_t status, const sales_error_t *error, int inside) {
    switch (status) {
    case SALES_OK:
    case SALES_PENDING:
    case SALES_ALREADY:
    case SALES_REFUSED:
    case SALES_QUEUED:
    case SALES_ERR_STATE:
    case SALES_ERR_NOT_FOUND:
    case SALES_ERR_IN_DOUBT:
    case SALES_ERR_IN_USE:
    case SALES_ERR_OWNED_BY_SALE:
    case SALES_ERR_AMOUNT:
    case SALES_ERR_TOKEN:
    case SALES_ERR_REQUEST:
    case SALES_ERR_REGISTERED:
    case SALES_ERR_TABLE:
    case SALES_ERR_TOO_SHORT:
    case SALES_HOST_TRANSIENT:
    case SALES_HOST_STATE_MISMATCH: return;
    case SALES_ERR_BUSY: atomic_fetch_add(&torture->counts[BUSY], 1); return;
    case SALES_ERR_IN_CALLBACK:
        if (inside)
            return;
        break;
    case SALES_ERR_HANDLE:
        if (atomic_load(&torture->closing)) {
            atomic_fetch_add(&torture->counts[REFUSED_HANDLE], 1);
            return;
        }
        break;
    default: break;
    }
    torture_broken(torture, "%s is answered %s: %s", what, sales_status_name(status), error->text);
}

static void close_under_all(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = atomic_load(&torture->sales);
    atomic_store(&torture->closing, 1);
    torture_closes(torture, sales);
    sales_status_t status = sales_close(sales, &error);
    if (status == SALES_OK)
        atomic_fetch_add(&torture->counts[CLOSED], 1);
    judge(torture, "sales_close", status, &error, 1);
    if (sales_tick(sales, T0, NULL) != SALES_ERR_HANDLE)
        torture_broken(torture, "a closed instance is entered");
}

/* One of the calls that any host makes, with arguments of its own; the rest are those of everycall. */
void torture_call(torture_t *torture, int depth) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t s = atomic_load(&torture->sales);
    uint64_t now = atomic_load(&torture->now), token = 0;
    const sales_id_t *slot = &torture->slots[torture_random(TORTURE_SLOTS)].id;
    const posted_t *posted = &torture->posted[torture_random(TORTURE_REQUESTS)];
    const sales_id_t *request = &posted->ask.request_id;
#define JUDGE(call) judge(torture, #call, (call), &error, depth > 0)
    switch (torture_random(24)) {
    case 0:
    case 1:
    case 2:
    case 3: JUDGE(sales_reserve(s, now, slot, SLOT_SIZE, &token, &error)); break;
    case 4:
    case 5: JUDGE(sales_release(s, now, slot, &token, &error)); break;
    case 6: JUDGE(sales_consumed(s, now, slot, 1 + torture_random(SLOT_SIZE), &error)); break;
    case 7: JUDGE(sales_consumed(s, now, &posted->slots[0], 1 + torture_random(SLOT_SIZE), &error)); break;
    case 8:
    case 9:
    case 10: JUDGE(sales_on_request(s, now, NULL, &posted->ask, &error)); break;
    case 11: JUDGE(sales_on_slot_reservations_full(s, now, NULL, request, 0, &error)); break;
    case 12: JUDGE(sales_on_slot_freed(s, now, NULL, request, 0, &error)); break;
    case 13: JUDGE(sales_on_request_fulfilled(s, now, NULL, request, &error)); break;
    case 14: JUDGE(sales_abandon(s, now, &posted->slots[0], 0, &error)); break;
    case 15: JUDGE(sales_tick(s, atomic_fetch_add(&torture->now, torture_random(2)), &error)); break;
    case 16: {
        uint32_t how = torture_random(2) ? SALES_RECONCILE_REPAIR : SALES_RECONCILE_COMPARE;
        JUDGE(sales_reconcile(s, now, how, &error));
        break;
    }
    case 17:
        if (sales_tick(atomic_load(&torture->stale), now, &error) != SALES_ERR_HANDLE)
            torture_broken(torture, "a stale handle is not refused");
        break;
    case 18: (void)sales_set_log(torture_log, torture, SALES_LOG_DEBUG); break;
    case 19:
        if (depth == 0) {
            (void)torture_complete(torture);
            break;
        }
        if (atomic_load(&torture->may_close) && torture_random(8) == 0) {
            close_under_all(torture);
            break;
        }
        JUDGE(sales_stop(s, now, &error));
        break;
    default: {
        const every_call_t *call = every_call_at(torture_random(every_call_len()));
        /* These would put another host in place of this one, or stop it: the round's own thread does so. */
        if (strncmp(call->name, "sales_register", 14) == 0 || strcmp(call->name, "sales_stop") == 0 ||
            strcmp(call->name, "sales_start") == 0)
            break;
        judge(torture, call->name, call->run(s, &error), &error, depth > 0);
        break;
    }
    }
#undef JUDGE
}

/* Opens anew. One that was closed inside a callback is there until the last call has left. */
static void open_it(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_repo_t repo = torture_repo(torture);
    sales_chain_t chain = torture_chain(torture);
    sales_content_t content = torture_content(torture);
    sales_watch_t watch = torture_watch(torture);
    sales_t sales = 0;
    sales_status_t status = SALES_ERR_STORE_LOCKED;
    for (int i = 0; i < 1000000 && status == SALES_ERR_STORE_LOCKED; i++) {
        status = sales_open(SALES_ABI_VERSION, torture->path, NULL, &sales, &error);
        if (status == SALES_ERR_STORE_LOCKED)
            sched_yield();
    }
    if (status != SALES_OK || sales_register_repo(sales, &repo, &error) != SALES_OK ||
        sales_register_chain(sales, &chain, &error) != SALES_OK ||
        sales_register_content(sales, &content, &error) != SALES_OK ||
        sales_register_watch(sales, &watch, &error) != SALES_OK)
        torture_broken(torture, "opening is answered %s: %s", sales_status_name(status), error.text);
    atomic_store(&torture->stale, atomic_load(&torture->sales));
    atomic_store(&torture->sales, sales);
}

static void start(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t status = SALES_PENDING;
    for (int i = 0; i < 10000 && status != SALES_OK; i++) {
        status = sales_start(atomic_load(&torture->sales), atomic_load(&torture->now), &error);
        if (status == SALES_PENDING)
            (void)torture_complete(torture);
    }
    if (status != SALES_OK && !(status == SALES_ERR_HANDLE && atomic_load(&torture->closing)))
        torture_broken(torture, "sales_start is answered %s: %s", sales_status_name(status), error.text);
}

static void stop(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t status = SALES_PENDING;
    for (int i = 0; i < 100000 && status == SALES_PENDING; i++) {
        status = sales_stop(atomic_load(&torture->sales), atomic_load(&torture->now), &error);
        if (status == SALES_PENDING && !torture_complete(torture))
            sched_yield();
    }
    if (status != SALES_OK)
        torture_broken(torture, "sales_stop is answered %s: %s", sales_status_name(status), error.text);
}

static void *work(void *data) {
    worker_t *worker = data;
    torture_seed(worker->seed);
    for (unsigned i = 0; i < worker->calls; i++) {
        if (worker->lives && i == worker->calls / 2) {
            if (worker->round % 2 == 0) {
                stop(worker->torture);
                start(worker->torture);
            } else {
                close_under_all(worker->torture);
                open_it(worker->torture);
                start(worker->torture);
            }
        }
        torture_call(worker->torture, 0);
        if (i % 2 == 0)
            (void)torture_complete(worker->torture);
    }
    return NULL;
}

/* Everything answers at once: what is open ends. Then the books are held against the repo, whole and by slot. */
static void settle(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    sales_t s = atomic_load(&torture->sales);
    atomic_store(&torture->calm, 1);
    for (int i = 0; i < 8; i++) {
        while (torture_complete(torture))
            ;
        uint64_t now = atomic_fetch_add(&torture->now, SALES_DEFAULT_BACKOFF_LONGEST_S + 1);
        CHECK_OK(error, sales_tick(s, now, &error));
        (void)sales_reconcile(s, now, SALES_RECONCILE_REPAIR, &error);
    }
    CHECK_OK(error, sales_stats(s, &stats, &error));
    CHECK_U64(0, stats.pending_ops);
    CHECK_U64(0, stats.in_doubt);
    CHECK_U64(stats.held + stats.reserving + stats.releasing + stats.owed + stats.surplus - stats.shortfall,
              torture->total);
    pthread_mutex_lock(&torture->lock);
    for (size_t i = 0; i < TORTURE_SLOTS + TORTURE_REQUESTS; i++)
        torture->slots[i].refused = 0;
    pthread_mutex_unlock(&torture->lock);
    for (size_t i = 0; i < TORTURE_SLOTS + TORTURE_REQUESTS; i++) {
        sales_reservation_t r = SALES_INIT(sales_reservation_t);
        sales_status_t status = sales_reservation(s, &torture->slots[i].id, &r, &error);
        uint64_t held = status == SALES_OK ? r.held : 0;
        if (!torture->loose)
            CHECK_U64(held, torture->slots[i].reserved);
        torture->slots[i].reserved = held;
        torture->slots[i].used = status == SALES_OK ? r.consumed : 0;
    }
    torture->loose = 0;
    atomic_store(&torture->calm, 0);
}

static void run_round(torture_t *torture, uint64_t seed, unsigned calls, int round) {
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        uint64_t own = seed + (uint64_t)round * THREADS + i;
        workers[i] =
            (worker_t){.torture = torture, .seed = own, .calls = calls, .lives = i == 0, .round = round};
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        REQUIRE(pthread_join(threads[i], NULL) == 0);
}

/* What is out at instances that are gone did not take effect, and nobody completes it. */
static void forget_out(torture_t *torture) {
    sales_t sales = atomic_load(&torture->sales);
    size_t kept = 0;
    for (size_t i = 0; i < torture->out_len; i++)
        if (torture->out[i].sales == sales)
            torture->out[kept++] = torture->out[i];
    torture->loose |= kept < torture->out_len;
    torture->out_len = kept;
}

static void end_all(torture_t *torture) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t s = atomic_load(&torture->sales);
    atomic_fetch_add(&torture->now, 2 * DURATION);
    atomic_store(&torture->calm, 1);
    for (size_t i = 0; i < TORTURE_SLOTS; i++)
        (void)sales_release(s, atomic_load(&torture->now), &torture->slots[i].id, NULL, NULL);
    (void)sales_release(s, atomic_load(&torture->now), id_at(400), NULL, NULL);
    for (size_t i = 0; i < TORTURE_REQUESTS; i++) {
        const sales_id_t *request = &torture->posted[i].ask.request_id;
        (void)sales_on_request_ended(s, atomic_load(&torture->now), NULL, request, NULL);
    }
    settle(torture);
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    CHECK_OK(error, sales_stats(s, &stats, &error));
    CHECK_U64(0, stats.held);
    CHECK_U64(0, stats.sales);
    CHECK_U64(0, torture->total);
}

TEST(torture_of_threads) {
    const char *told = getenv("SALES_TORTURE"), *seeded = getenv("SALES_SEED");
    unsigned calls = told ? (unsigned)strtoul(told, NULL, 10) : 20;
    uint64_t seed = seeded ? strtoull(seeded, NULL, 10) : (uint64_t)getpid() * 1000003;
    uint64_t at;
    sales_error_t error = SALES_INIT(sales_error_t);
    torture_t *torture = calloc(1, sizeof *torture);
    REQUIRE(torture != NULL);
    printf("torture: SALES_SEED=%" PRIu64 ", %d threads, %u calls each, %d rounds\n", seed, THREADS, calls, ROUNDS);
    torture->path = test_path("store");
    torture_seed(seed);
    pthread_mutex_init(&torture->lock, NULL);
    atomic_store(&torture->now, T0);
    for (unsigned i = 0; i < TORTURE_REQUESTS; i++) {
        posted_make(&torture->posted[i], T0, 1, SLOT_SIZE, i + 1);
        torture->slots[TORTURE_SLOTS + i].id = torture->posted[i].slots[0];
    }
    for (unsigned i = 0; i < TORTURE_SLOTS; i++)
        torture->slots[i].id = id_of(100 + i);
    for (int round = 0; round < ROUNDS; round++) {
        open_it(torture);
        start(torture);
        atomic_store(&torture->may_close, round % 2);
        atomic_store(&torture->closing, 0);
        if (round == 0) {
            sales_offer_t offer = offer_of(UINT64_C(1) << 30);
            REQUIRE_OK(error, sales_offer_put(atomic_load(&torture->sales), T0, &offer, &error));
        }
        run_round(torture, seed, calls, round);
        atomic_store(&torture->may_close, 0);
        if (sales_next_deadline(atomic_load(&torture->sales), &at, NULL) == SALES_ERR_HANDLE) {
            open_it(torture);
            start(torture);
        }
        forget_out(torture);
        settle(torture);
        if (round == ROUNDS - 1)
            end_all(torture);
        close_under_all(torture);
    }
    CHECK_U64(0, atomic_load(&torture->broken));
    CHECK_OK(error, sales_verify(test_path("store"), NULL, NULL, NULL, &error));
    (void)sales_set_log(NULL, NULL, SALES_LOG_OFF);
    printf("torture: told %u, completed %u, inside %u, early %u, handle refused %u, busy %u, closed %u, sold %u, log %u\n",
           torture->counts[TOLD], torture->counts[COMPLETED], torture->counts[INSIDE], torture->counts[EARLY],
           torture->counts[REFUSED_HANDLE], torture->counts[BUSY], torture->counts[CLOSED], torture->counts[SOLD],
           torture->lines);
    /* A meeting that never takes place tests nothing. Whether two meet at one slot is the schedule's. */
    for (int i = TOLD; i <= SOLD && told; i++)
        CHECK(torture->counts[i] > 0 || i == BUSY);
    pthread_mutex_destroy(&torture->lock);
    free(torture);
}
