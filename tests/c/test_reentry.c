/* test_reentry.c - hosts that call in from inside a callback: any call, without end, close, and beside another
 * thread. What is asked there is done or answered by name, no lock is held, and the stack does not grow. */
#include <pthread.h>
#include <stdlib.h>

#include "everycall.h"
#include "world.h"

typedef struct nested_t {
    sales_t sales;
    unsigned depth;
    unsigned deepest;
    unsigned calls;
    unsigned limit;
    unsigned bad;
    const every_call_t *call;
    sales_status_t last;
    uint64_t token;
} nested_t;

/* Calls in with one call; counts how deep the stack is. */
static void call_in(fake_t *fake, const sales_op_t *op, void *context) {
    nested_t *nested = context;
    sales_error_t error = SALES_INIT(sales_error_t);
    (void)op;
    (void)fake;
    if (nested->calls >= nested->limit)
        return;
    nested->calls++;
    if (++nested->depth > nested->deepest)
        nested->deepest = nested->depth;
    nested->last = nested->call->run(nested->sales, &error);
    if (nested->last == SALES_ERR_INTERNAL || nested->last == SALES_ERR_POISONED)
        nested->bad++;
    nested->depth--;
}

/* Every call from inside every callback: it answers, nothing is lost, and the stack does not grow. */
TEST(reentry_with_any_call) {
    static const fake_call_t places[] = {FAKE_AVAILABLE, FAKE_RESERVE, FAKE_STORE,   FAKE_PROVE,
                                         FAKE_FILL_SLOT, FAKE_CLEAR,   FAKE_RELEASE, FAKE_EVENT};
    world_t *w = world_new(WORLD_SELLING | WORLD_CLEAR);
    unsigned number = 1000;
    world_offer(w, 1 << 22);
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
        for (size_t i = 0; i < every_call_len(); i++, number++) {
            nested_t nested = {.sales = w->sales, .call = every_call_at(i), .limit = 1};
            posted_t posted;
            posted_make(&posted, w->now, 1, SLOT_SIZE, number);
            fake_hook(&w->fake, places[p], call_in, &nested);
            CHECK(world_post(w, &posted) >= 0);
            CHECK(sales_on_request_ended(w->sales, w->now, NULL, &posted.ask.request_id, &w->error) >= 0);
            fake_hook(&w->fake, places[p], NULL, NULL);
            CHECK_U64(1, nested.calls);
            CHECK_U64(0, nested.bad);
            if (strcmp(nested.call->name, "sales_start") == 0 ||
                strcmp(nested.call->name, "sales_stop") == 0 ||
                strcmp(nested.call->name, "sales_reconcile") == 0)
                CHECK_STATUS(SALES_ERR_IN_CALLBACK, nested.last);
            if (strcmp(nested.call->name, "sales_reserve") == 0)
                CHECK_STATUS(SALES_QUEUED, nested.last);
            /* What the nested call reserved or sold by itself. */
            sales_status_t status = sales_release(w->sales, w->now, id_at(400), NULL, &w->error);
            CHECK(status == SALES_OK || status == SALES_ALREADY || status == SALES_ERR_NOT_FOUND);
            posted_make(&posted, T0, 1, SLOT_SIZE, 400);
            (void)sales_on_request_ended(w->sales, w->now, NULL, &posted.ask.request_id, &w->error);
            CHECK_U64(0, w->fake.total);
            if (world_stats(w).phase != SALES_PHASE_RUNNING)
                CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
        }
    }
    world_end(w);
}

static const char *frames_top;
static const char *frames_low;

typedef struct endless_t {
    sales_t sales;
    unsigned depth;
    unsigned deepest;
    unsigned calls;
    unsigned limit;
} endless_t;

/* Reserves or releases another slot from inside repo.reserve and repo.release, again and again. */
static void reserve_another(fake_t *fake, const sales_op_t *op, void *context) {
    endless_t *endless = context;
    char here;
    (void)op;
    (void)fake;
    if (!frames_low || &here < frames_low)
        frames_low = &here;
    if (!frames_top || &here > frames_top)
        frames_top = &here;
    if (endless->calls >= endless->limit)
        return;
    unsigned number = ++endless->calls;
    if (++endless->depth > endless->deepest)
        endless->deepest = endless->depth;
    sales_status_t status = sales_reserve(endless->sales, T0, id_at(100 + number % 300), 1, NULL, NULL);
    if (status != SALES_QUEUED && status != SALES_ALREADY && status != SALES_ERR_BUSY)
        fake_violation(fake, "a nested reserve: %s", sales_status_name(status));
    endless->depth--;
}

TEST(reentry_without_end) {
    world_t *w = world_new(WORLD_NO_WATCH);
    endless_t endless = {.sales = w->sales, .limit = 290};
    frames_top = frames_low = NULL;
    fake_hook(&w->fake, FAKE_RESERVE, reserve_another, &endless);
    CHECK_OK(w->error, world_reserve(w, 1, 1));
    CHECK_U64(290, endless.calls);
    CHECK_U64(1, endless.deepest);
    CHECK((uintptr_t)frames_top - (uintptr_t)frames_low < 4096);
    CHECK_U64(291, w->fake.total);
    CHECK_U64(291, world_stats(w).held);
    fake_hook(&w->fake, FAKE_RESERVE, NULL, NULL);
    CHECK_OK(w->error, world_release(w, 1));
    for (unsigned i = 1; i <= 290; i++)
        CHECK_OK(w->error, world_release(w, 100 + i % 300));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* A watch that answers each event with another act that makes an event. */
static void act_on_event(fake_t *fake, const sales_op_t *op, void *context) {
    endless_t *endless = context;
    (void)fake;
    (void)op;
    if (endless->calls >= endless->limit)
        return;
    unsigned number = ++endless->calls;
    if (++endless->depth > endless->deepest)
        endless->deepest = endless->depth;
    if (number % 2)
        (void)sales_reserve(endless->sales, T0, id_at(5), 1, NULL, NULL);
    else
        (void)sales_release(endless->sales, T0, id_at(5), NULL, NULL);
    endless->depth--;
}

TEST(reentry_of_a_watch) {
    world_t *w = world_new(WORLD_BOOKS);
    endless_t endless = {.sales = w->sales, .limit = 101};
    fake_hook(&w->fake, FAKE_EVENT, act_on_event, &endless);
    CHECK_OK(w->error, world_reserve(w, 1, 1));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK(endless.calls > 1);
    CHECK_U64(1, endless.deepest);
    fake_hook(&w->fake, FAKE_EVENT, NULL, NULL);
    sales_status_t status = world_release(w, 5);
    CHECK(status == SALES_OK || status == SALES_ALREADY);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* What a watch asks for is done before the call returns that told it, and not by whoever calls next. */
static void reserve_once(fake_t *fake, const sales_op_t *op, void *context) {
    endless_t *endless = context;
    (void)op;
    if (endless->calls++ > 0)
        return;
    sales_status_t status = sales_reserve(endless->sales, T0, id_at(9), 9, NULL, NULL);
    if (status != SALES_QUEUED)
        fake_violation(fake, "a reserve inside watch.on_event: %s", sales_status_name(status));
}

TEST(reentry_of_a_watch_is_obeyed_at_once) {
    world_t *w = world_new(WORLD_BOOKS);
    endless_t endless = {.sales = w->sales};
    CHECK_OK(w->error, world_reserve(w, 1, 1));
    fake_hook(&w->fake, FAKE_EVENT, reserve_once, &endless);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK(endless.calls > 0);
    CHECK_U64(9, w->fake.total);
    CHECK_U64(9, world_stats(w).held);
    fake_hook(&w->fake, FAKE_EVENT, NULL, NULL);
    CHECK_OK(w->error, world_release(w, 9));
    world_end(w);
}

/* A watch that asks for more with every event, without end: each call returns all the same. */
static void ask_again(fake_t *fake, const sales_op_t *op, void *context) {
    endless_t *endless = context;
    (void)fake;
    (void)op;
    endless->calls++;
    (void)sales_release(endless->sales, T0, id_at(500), NULL, NULL);
}

TEST(reentry_of_a_watch_without_end) {
    world_t *w = world_new(WORLD_BOOKS);
    endless_t endless = {.sales = w->sales};
    CHECK_OK(w->error, world_reserve(w, 1, 1));
    fake_hook(&w->fake, FAKE_EVENT, ask_again, &endless);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_reserve(w, 2, 2));
    CHECK(endless.calls > 1);
    fake_hook(&w->fake, FAKE_EVENT, NULL, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_OK(w->error, world_tick(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* Calls of a ledger inside a callback: QUEUED with a token, whose end the watch tells. */
typedef struct queued_t {
    sales_t sales;
    uint64_t reserve_token, release_token;
    sales_status_t reserve, release, consumed;
    int done;
} queued_t;

static void queue_calls(fake_t *fake, const sales_op_t *op, void *context) {
    queued_t *queued = context;
    (void)fake;
    (void)op;
    if (queued->done++)
        return;
    queued->reserve = sales_reserve(queued->sales, T0, id_at(2), 20, &queued->reserve_token, NULL);
    queued->consumed = sales_consumed(queued->sales, T0, id_at(3), 7, NULL);
    queued->release = sales_release(queued->sales, T0, id_at(4), &queued->release_token, NULL);
}

TEST(reentry_of_the_ledger_is_queued) {
    world_t *w = world_new(WORLD_BOOKS);
    queued_t queued = {.sales = w->sales};
    sales_status_t done = 1;
    CHECK_OK(w->error, world_reserve(w, 3, 30));
    fake_hook(&w->fake, FAKE_RESERVE, queue_calls, &queued);
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_STATUS(SALES_QUEUED, queued.reserve);
    CHECK_STATUS(SALES_QUEUED, queued.consumed);
    CHECK_STATUS(SALES_QUEUED, queued.release);
    CHECK(queued.reserve_token != 0 && queued.release_token != 0 &&
          queued.reserve_token != queued.release_token);
    CHECK_U64(1, (uint64_t)fake_done(&w->fake, queued.reserve_token, &done));
    CHECK_STATUS(SALES_OK, done);
    CHECK_U64(1, (uint64_t)fake_done(&w->fake, queued.release_token, &done));
    CHECK_STATUS(SALES_ERR_NOT_FOUND, done);
    CHECK_U64(10 + 20 + 23, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    CHECK_OK(w->error, world_release(w, 3));
    world_end(w);
}

static void close_inside(fake_t *fake, const sales_op_t *op, void *context) {
    sales_t *sales = context;
    (void)op;
    if (*sales == 0)
        return;
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t status = sales_close(*sales, &error);
    if (status < 0)
        fake_violation(fake, "sales_close inside a callback: %s", sales_status_name(status));
    *sales = 0;
}

/* Close inside a callback takes effect when the last call leaves; the store is free then. */
TEST(reentry_by_close) {
    static const fake_call_t places[] = {FAKE_RESERVE, FAKE_STORE, FAKE_FILL_SLOT, FAKE_EVENT, FAKE_RELEASE};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%zu", i);
        world_t *w = world_new_in(test_path(name), WORLD_SELLING);
        sales_t to_close = w->sales;
        posted_t posted;
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        world_offer(w, 1 << 20);
        CHECK_OK(w->error, world_reserve(w, 1, 10));
        posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
        fake_hook(&w->fake, places[i], close_inside, &to_close);
        (void)world_post(w, &posted);
        if (to_close != 0)
            (void)world_release(w, 1);
        CHECK_U64(0, to_close);
        fake_hook(&w->fake, places[i], NULL, NULL);
        CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_stats(w->sales, &stats, &w->error));
        world_open(w, NULL);
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, 1));
        CHECK_U64(world_stats(w).held, w->fake.total);
        CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                     &w->error) >= 0);
        sales_status_t status = world_release(w, 1);
        CHECK(status == SALES_OK || status == SALES_ALREADY);
        CHECK_U64(0, w->fake.total);
        world_end(w);
    }
}

/* A second thread calls while the first is inside a callback: no lock is held there, so it is not kept
 * waiting. */
typedef struct beside_t {
    world_t *world;
    sales_status_t same_slot, other_slot, stats;
    int done;
} beside_t;

static void *call_beside(void *data) {
    beside_t *beside = data;
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    sales_t s = beside->world->sales;
    beside->same_slot = sales_reserve(s, T0, id_at(1), 10, NULL, NULL);
    beside->other_slot = sales_reserve(s, T0, id_at(2), 20, NULL, NULL);
    beside->stats = sales_stats(s, &stats, NULL);
    return NULL;
}

static void wait_for_thread(fake_t *fake, const sales_op_t *op, void *context) {
    beside_t *beside = context;
    pthread_t thread;
    (void)fake;
    (void)op;
    if (beside->done++)
        return;
    if (pthread_create(&thread, NULL, call_beside, beside) != 0)
        abort();
    pthread_join(thread, NULL);
}

TEST(reentry_holds_no_lock) {
    world_t *w = world_new(WORLD_BOOKS);
    beside_t beside = {.world = w};
    fake_hook(&w->fake, FAKE_RESERVE, wait_for_thread, &beside);
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_STATUS(SALES_ERR_BUSY, beside.same_slot);
    CHECK_STATUS(SALES_OK, beside.other_slot);
    CHECK_STATUS(SALES_OK, beside.stats);
    CHECK_U64(30, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    world_end(w);
}
