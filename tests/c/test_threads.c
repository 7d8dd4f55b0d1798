/* test_threads.c - many threads at once, and one that closes under them: every answer is one of the list, no
 * byte is lost. */
#include <pthread.h>
#include <stdlib.h>

#include "world.h"

#define THREADS 8
#define ROUNDS 24

typedef struct worker_t {
    world_t *world;
    unsigned number;
    unsigned bad;
    int closing;
    pthread_barrier_t *barrier;
} worker_t;

static void expect(worker_t *worker, const char *what, sales_status_t status, const sales_status_t *allowed,
                   size_t len) {
    for (size_t i = 0; i < len; i++)
        if (allowed[i] == status)
            return;
    if (worker->closing && status == SALES_ERR_HANDLE)
        return;
    worker->bad++;
    fprintf(stderr, "thread %u: %s answered %s\n", worker->number, what, sales_status_name(status));
}

#define EXPECT(worker, call, ...)                                                     \
    do {                                                                              \
        static const sales_status_t allowed[] = {__VA_ARGS__};                        \
        expect((worker), #call, (call), allowed, sizeof allowed / sizeof allowed[0]); \
    } while (0)

static void *own_slots(void *data) {
    worker_t *worker = data;
    sales_t s = worker->world->sales;
    pthread_barrier_wait(worker->barrier);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const sales_id_t *slot = id_at(worker->number * ROUNDS + i);
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        EXPECT(worker, sales_reserve(s, T0, slot, 100 + i, NULL, NULL), SALES_OK);
        EXPECT(worker, sales_consumed(s, T0, slot, i, NULL), SALES_OK, SALES_ALREADY);
        EXPECT(worker, sales_stats(s, &stats, NULL), SALES_OK);
        EXPECT(worker, sales_tick(s, T0, NULL), SALES_OK);
        EXPECT(worker, sales_release(s, T0, slot, NULL, NULL), SALES_OK, SALES_QUEUED, SALES_ERR_BUSY);
        EXPECT(worker, sales_release(s, T0, slot, NULL, NULL), SALES_ALREADY, SALES_OK, SALES_QUEUED,
               SALES_ERR_BUSY);
    }
    return NULL;
}

/* All threads on the same few slots. */
static void *same_slots(void *data) {
    worker_t *worker = data;
    sales_t s = worker->world->sales;
    pthread_barrier_wait(worker->barrier);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const sales_id_t *slot = id_at(i % 3);
        EXPECT(worker, sales_reserve(s, T0, slot, 100, NULL, NULL), SALES_OK, SALES_ALREADY, SALES_ERR_BUSY);
        EXPECT(worker, sales_consumed(s, T0, slot, worker->number, NULL), SALES_OK, SALES_ALREADY,
               SALES_ERR_NOT_FOUND);
        EXPECT(worker, sales_release(s, T0, slot, NULL, NULL), SALES_OK, SALES_ALREADY, SALES_QUEUED,
               SALES_ERR_BUSY, SALES_ERR_NOT_FOUND);
    }
    return NULL;
}

static void *sell_and_end(void *data) {
    worker_t *worker = data;
    sales_t s = worker->world->sales;
    pthread_barrier_wait(worker->barrier);
    for (unsigned i = 0; i < 6; i++) {
        posted_t posted;
        posted_make(&posted, T0, 2, SLOT_SIZE, worker->number * 100 + i);
        EXPECT(worker, sales_on_request(s, T0, NULL, &posted.ask, NULL), SALES_OK);
        EXPECT(worker, sales_on_request_ended(s, T0, NULL, &posted.ask.request_id, NULL), SALES_OK,
               SALES_QUEUED);
    }
    return NULL;
}

static void run_threads(world_t *w, void *(*work)(void *), int closing) {
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    pthread_barrier_t barrier;
    unsigned bad = 0;
    REQUIRE(pthread_barrier_init(&barrier, NULL, THREADS + (closing ? 1 : 0)) == 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.world = w, .number = i, .barrier = &barrier, .closing = closing};
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    if (closing) {
        pthread_barrier_wait(&barrier);
        CHECK_OK(w->error, sales_close(w->sales, &w->error));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        bad += workers[i].bad;
    }
    CHECK_U64(0, bad);
    pthread_barrier_destroy(&barrier);
}

static void settle(world_t *w) {
    for (int i = 0; i < 4; i++)
        CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
}

TEST(threads_on_slots_of_their_own) {
    world_t *w = world_new(WORLD_CONSUME);
    run_threads(w, own_slots, 0);
    settle(w);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).reservations);
    CHECK_U64(THREADS * (ROUNDS * (ROUNDS - 1) / 2), w->fake.used);
    world_end(w);
}

TEST(threads_on_the_same_slots) {
    world_t *w = world_new(WORLD_CONSUME);
    run_threads(w, same_slots, 0);
    settle(w);
    for (unsigned i = 0; i < 3; i++)
        (void)world_release(w, i);
    settle(w);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).held);
    world_end(w);
}

TEST(threads_that_sell) {
    world_t *w = world_new(WORLD_SELLING | WORLD_CLEAR);
    world_offer(w, UINT64_C(1) << 30);
    run_threads(w, sell_and_end, 0);
    settle(w);
    CHECK_U64(0, w->fake.total);
    CHECK_U64(0, world_stats(w).sales);
    CHECK(world_stats(w).slots_sold > 0 && world_stats(w).slots_sold <= THREADS * 6 * 2);
    world_end(w);
}

/* Completions come from other threads, each of which goes on with the sale. */
TEST(threads_that_complete) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, UINT64_C(1) << 30);
    fake_set(&w->fake, FAKE_STORE, FAKE_THREAD, SALES_OK, 0);
    fake_set(&w->fake, FAKE_PROVE, FAKE_THREAD, SALES_OK, 0);
    fake_set(&w->fake, FAKE_FILL_SLOT, FAKE_THREAD, SALES_OK, 0);
    fake_set(&w->fake, FAKE_RESERVE, FAKE_THREAD, SALES_OK, 0);
    fake_set(&w->fake, FAKE_RELEASE, FAKE_THREAD, SALES_OK, 0);
    for (unsigned n = 1; n <= 3; n++) {
        posted_make(&posted, w->now, 3, SLOT_SIZE, n);
        CHECK_OK(w->error, world_post(w, &posted));
        for (int i = 0; i < 20; i++)
            fake_join(&w->fake);
        CHECK_U64(3, world_in_state(w, &posted, SALES_SALE_FILLED));
        CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now, NULL, &posted.ask.request_id, &w->error));
        for (int i = 0; i < 20; i++)
            fake_join(&w->fake);
        CHECK_U64(0, w->fake.total);
    }
    world_end(w);
}

/* Close waits for the threads inside a call; the others are told that the handle is gone; the books are
 * exact. */
static void close_under(void *(*work)(void *), unsigned flags) {
    world_t *w = world_new(flags);
    world_offer(w, UINT64_C(1) << 30);
    run_threads(w, work, 1);
    uint64_t total = w->fake.total;
    CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_close(w->sales, &w->error));
    CHECK_U64(total, w->fake.total);
    world_open(w, NULL);
    settle(w);
    CHECK_BOOKS(w);
    CHECK_U64(world_stats(w).held, w->fake.total);
    world_end(w);
}

TEST(threads_closed_under_the_ledger) {
    close_under(own_slots, WORLD_CONSUME | WORLD_KEEPS_IDS);
}

TEST(threads_closed_under_sales) {
    close_under(sell_and_end, WORLD_SELLING | WORLD_KEEPS_IDS);
}

/* Instances beside each other, each used by two threads. */
static void *open_use_close(void *data) {
    worker_t *worker = data;
    char dir[4352];
    snprintf(dir, sizeof dir, "%s/own-%u", test_dir(), worker->number);
    pthread_barrier_wait(worker->barrier);
    for (unsigned i = 0; i < 3; i++) {
        sales_t sales = 0;
        sales_repo_t repo = fake_repo(&worker->world->fake);
        repo.reserved = NULL;
        EXPECT(worker, sales_open(SALES_ABI_VERSION, dir, NULL, &sales, NULL), SALES_OK);
        EXPECT(worker, sales_register_repo(sales, &repo, NULL), SALES_OK);
        EXPECT(worker, sales_start(sales, T0, NULL), SALES_OK);
        EXPECT(worker, sales_reserve(sales, T0, id_at(i), 10, NULL, NULL), SALES_OK);
        EXPECT(worker, sales_release(sales, T0, id_at(i), NULL, NULL), SALES_OK);
        EXPECT(worker, sales_close(sales, NULL), SALES_OK);
        EXPECT(worker, sales_close(sales, NULL), SALES_ERR_HANDLE);
    }
    return NULL;
}

TEST(threads_with_instances_of_their_own) {
    world_t *w = world_new(WORLD_BOOKS);
    run_threads(w, open_use_close, 0);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* One of many wins the same directory. */
typedef struct racer_t {
    pthread_barrier_t *barrier;
    const char *dir;
    sales_t sales;
    sales_status_t status;
} racer_t;

static void *race_to_open(void *data) {
    racer_t *racer = data;
    pthread_barrier_wait(racer->barrier);
    racer->status = sales_open(SALES_ABI_VERSION, racer->dir, NULL, &racer->sales, NULL);
    return NULL;
}

TEST(threads_race_to_open_one_store) {
    const char *dir = test_path("store");
    pthread_barrier_t barrier;
    for (int round = 0; round < 5; round++) {
        racer_t racers[THREADS];
        pthread_t threads[THREADS];
        unsigned won = 0;
        REQUIRE(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
        for (unsigned i = 0; i < THREADS; i++) {
            racers[i] = (racer_t){.barrier = &barrier, .dir = dir};
            REQUIRE(pthread_create(&threads[i], NULL, race_to_open, &racers[i]) == 0);
        }
        /* All have tried before the first closes: a slow one would find the store free. */
        for (unsigned i = 0; i < THREADS; i++)
            REQUIRE(pthread_join(threads[i], NULL) == 0);
        for (unsigned i = 0; i < THREADS; i++) {
            CHECK(racers[i].status == SALES_OK || racers[i].status == SALES_ERR_STORE_LOCKED);
            if (racers[i].status == SALES_OK) {
                won++;
                CHECK_STATUS(SALES_OK, sales_close(racers[i].sales, NULL));
            }
        }
        CHECK_U64(1, won);
        pthread_barrier_destroy(&barrier);
    }
}

/* More threads than LMDB has places for readers, one after the other: a thread that ended keeps none. */
static void *read_once(void *data) {
    worker_t *worker = data;
    sales_reservation_t out = SALES_INIT(sales_reservation_t);
    EXPECT(worker, sales_reservation(worker->world->sales, id_at(1), &out, NULL), SALES_OK);
    return NULL;
}

TEST(threads_more_than_readers) {
    world_t *w = world_new(WORLD_BOOKS);
    worker_t worker = {.world = w};
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    for (unsigned i = 0; i < 150; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, read_once, &worker) == 0);
        REQUIRE(pthread_join(thread, NULL) == 0);
    }
    CHECK_U64(0, worker.bad);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

typedef struct stopper_t {
    world_t *world;
    unsigned times;
    sales_status_t status;
} stopper_t;

static void *stop_once(void *data) {
    stopper_t *stopper = data;
    stopper->status = sales_stop(stopper->world->sales, T0, NULL);
    return NULL;
}

/* Another thread asks to stop while the repo is asked for its total. */
static void stop_meanwhile(fake_t *fake, const sales_op_t *op, void *context) {
    stopper_t *stopper = context;
    pthread_t thread;
    (void)fake;
    (void)op;
    if (stopper->times++ > 0)
        return;
    REQUIRE(pthread_create(&thread, NULL, stop_once, stopper) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

/* Found by tests/crash: the start undid the stop, and operations went on while the next start settled the books. */
TEST(threads_stop_while_another_starts) {
    world_t *w = world_new(WORLD_NOT_STARTED);
    stopper_t stopper = {.world = w};
    fake_hook(&w->fake, FAKE_RESERVED, stop_meanwhile, &stopper);
    CHECK_ERROR(SALES_ERR_STATE, "stopped", w->error, sales_start(w->sales, T0, &w->error));
    CHECK_STATUS(SALES_PENDING, stopper.status);
    CHECK_U64(SALES_PHASE_STOPPING, world_stats(w).phase);
    CHECK_REFUSED(SALES_ERR_STATE, "stopped", w, world_reserve(w, 1, 10));
    CHECK_OK(w->error, sales_stop(w->sales, T0, &w->error));
    CHECK_U64(SALES_PHASE_STOPPED, world_stats(w).phase);
    CHECK_OK(w->error, sales_start(w->sales, T0, &w->error));
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}
