/* busy.c - a host that is killed: eight threads call in at once, over the same few slots, and note what they are answered.
 *
 *   busy -d DIRECTORY [-n SEED] [-t MS] [-s | -f]
 *
 * Lives for MS milliseconds, then closes under its threads. -s: only settles the books: open, start, stop, close.
 * -f: gives everything back, so that nothing may be left. An answer that the header does not promise ends it. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "disk.h"
#include "market.h"
#include "notes.h"
#include "shared.h"

#define SLOTS 24
#define LEAST_BYTES 1000
#define OPEN_REQUESTS 10
#define STOPS_MAX 2000
#define LAST_TICKS 200

typedef struct worker_t {
    unsigned number;
    uint64_t dice;
    uint64_t last_amount[SLOTS];
    sales_id_t offer;
    int has_offer, over;
} worker_t;

static sales_t sales;
static char directory[DISK_PATH_MAX];

static void pause_ms(uint64_t ms) {
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static _Noreturn void broken(const char *what, sales_status_t status, const sales_error_t *error) {
    fprintf(stderr, "broken: %s answered %s: %s\n", what, sales_status_name(status), error->text);
    exit(3);
}

/* `allowed` ends with 0, which always is; a closed handle is allowed where the host may be closing. */
static int expect(const char *what, sales_status_t status, const sales_error_t *error, const sales_status_t *allowed) {
    if (status == SALES_OK || status == SALES_ERR_HANDLE) return status == SALES_OK;
    while (*allowed != 0 && *allowed != status) allowed++;
    if (*allowed == 0) broken(what, status, error);
    if (status == SALES_ERR_STATE) pause_ms(1); /* it is stopped for a moment */
    return 0;
}
#define ALLOWED(...) ((const sales_status_t[]){__VA_ARGS__, SALES_ERR_STATE, 0})

static uint64_t roll(worker_t *worker, uint64_t below) {
    worker->dice ^= worker->dice << 13;
    worker->dice ^= worker->dice >> 7;
    worker->dice ^= worker->dice << 17;
    return worker->dice % below;
}

static sales_id_t slot_id(uint64_t number) {
    sales_id_t id;
    memset(&id, 0x5a, sizeof id);
    id.bytes[0] = (uint8_t)number;
    return id;
}

static void reserve(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    uint64_t slot = roll(worker, SLOTS);
    int again = worker->last_amount[slot] > 0 && roll(worker, 5) == 0;
    uint64_t bytes = again ? worker->last_amount[slot] : LEAST_BYTES + atomic_fetch_add(&board->amount, 1);
    sales_id_t id = slot_id(slot);
    note_t note = notes_ask(worker->number, CALL_RESERVE, slot, bytes);
    sales_status_t status = sales_reserve(sales, market_now(), &id, bytes, NULL, &error);
    notes_answer(&note, status);
    worker->last_amount[slot] = bytes;
    expect("sales_reserve", status, &error,
           ALLOWED(SALES_ALREADY, SALES_PENDING, SALES_ERR_BUSY, SALES_ERR_AMOUNT, SALES_HOST_TRANSIENT));
}

static void release(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    uint64_t slot = roll(worker, SLOTS);
    sales_id_t id = slot_id(slot);
    note_t note = notes_ask(worker->number, CALL_RELEASE, slot, 0);
    sales_status_t status = sales_release(sales, market_now(), &id, NULL, &error);
    notes_answer(&note, status);
    expect("sales_release", status, &error,
           ALLOWED(SALES_ALREADY, SALES_PENDING, SALES_QUEUED, SALES_ERR_BUSY, SALES_ERR_NOT_FOUND));
}

static void consumed(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    uint64_t slot = roll(worker, SLOTS), total = 1 + roll(worker, LEAST_BYTES + 200);
    sales_id_t id = slot_id(slot);
    note_t note = notes_ask(worker->number, CALL_CONSUMED, slot, total);
    sales_status_t status = sales_consumed(sales, market_now(), &id, total, &error);
    notes_answer(&note, status);
    expect("sales_consumed", status, &error,
           ALLOWED(SALES_ALREADY, SALES_ERR_BUSY, SALES_ERR_AMOUNT, SALES_ERR_NOT_FOUND));
}

static void end_request(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    uint32_t next = atomic_load(&board->next_to_end);
    if (next >= atomic_load(&board->next_request) || atomic_load(&board->requests[next].told) != 2) return;
    if (!atomic_compare_exchange_strong(&board->next_to_end, &next, next + 1)) return;
    note_t note = notes_ask(worker->number, CALL_ENDED, next, 0);
    sales_status_t status = market_end(sales, next, &error);
    notes_answer(&note, status);
    if (status == SALES_OK) atomic_store(&board->requests[next].told, 3);
    expect("sales_on_request_ended", status, &error, ALLOWED(SALES_ALREADY, SALES_QUEUED));
}

static void post_request(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    uint32_t posted = atomic_load(&board->next_request);
    if (posted >= atomic_load(&board->next_to_end) + OPEN_REQUESTS || posted + BOARD_THREADS > BOARD_REQUESTS) {
        end_request(worker);
        return;
    }
    uint32_t number = atomic_fetch_add(&board->next_request, 1);
    note_t note = notes_ask(worker->number, CALL_REQUEST, number, 0);
    sales_status_t status = market_post(sales, number, &error);
    notes_answer(&note, status);
    expect("sales_on_request", status, &error, ALLOWED(SALES_ERR_BUSY));
}

/* An offer of this thread's own: made, changed, removed. It is disabled, and sells nothing. */
static void offer(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_offer_t terms = SALES_INIT(sales_offer_t);
    int remove = worker->has_offer && roll(worker, 3) == 0;
    call_t call = remove ? CALL_OFFER_REMOVE : worker->has_offer ? CALL_OFFER_CHANGE : CALL_OFFER_NEW;
    terms.total_size = LEAST_BYTES + atomic_fetch_add(&board->amount, 1);
    if (worker->has_offer) terms.id = worker->offer;
    note_t note = notes_ask(worker->number, call, 0, terms.total_size);
    sales_status_t status = remove ? sales_offer_remove(sales, market_now(), &terms.id, &error)
                                   : sales_offer_put(sales, market_now(), &terms, &error);
    memcpy(note.offer, terms.id.bytes, sizeof note.offer);
    notes_answer(&note, status);
    if (!expect("sales_offer_put or _remove", status, &error, ALLOWED(SALES_ERR_STATE))) return;
    worker->offer = terms.id;
    worker->has_offer = !remove;
}

static void tick(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    atomic_store(&board->threads[worker->number].call, CALL_TICK);
    expect("sales_tick", sales_tick(sales, market_now(), &error), &error, ALLOWED(SALES_ERR_STATE));
    atomic_store(&board->threads[worker->number].call, CALL_NONE);
}

static sales_status_t stop(sales_error_t *error) {
    sales_status_t status = SALES_PENDING;
    for (int i = 0; i < STOPS_MAX && status == SALES_PENDING; i++) {
        status = sales_stop(sales, market_now(), error);
        if (status == SALES_PENDING && !shared_complete(sales, market_now())) pause_ms(1);
    }
    return status;
}

/* Starts, also where the repo refuses a step of the recovery or answers it later. */
static sales_status_t start_until_done(sales_error_t *error) {
    sales_status_t status = SALES_PENDING;
    for (int i = 0; i < STOPS_MAX && (status == SALES_PENDING || status == SALES_HOST_TRANSIENT); i++) {
        status = sales_start(sales, market_now(), error);
        if (status == SALES_PENDING && !shared_complete(sales, market_now())) pause_ms(1);
    }
    return status;
}

/* Stops and starts under the other threads; two of them may be at it at once. */
static void restart(worker_t *worker) {
    sales_error_t error = SALES_INIT(sales_error_t);
    atomic_store(&board->threads[worker->number].call, CALL_RESTART);
    board_phase(PHASE_LOAD, PHASE_RESTART);
    expect("sales_stop", stop(&error), &error, ALLOWED(SALES_ALREADY, SALES_PENDING));
    expect("sales_start", start_until_done(&error), &error, ALLOWED(SALES_PENDING));
    board_phase(PHASE_RESTART, PHASE_LOAD);
    atomic_store(&board->threads[worker->number].call, CALL_NONE);
}

static void *work(void *data) {
    worker_t *worker = data;
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    shared_thread = worker->number;
    while (sales_stats(sales, &stats, NULL) == SALES_OK) {
        uint64_t what = roll(worker, 1000);
        if (what % 2 == 0) shared_complete(sales, market_now());
        if (what < 330) reserve(worker);
        else if (what < 600) release(worker);
        else if (what < 790) consumed(worker);
        else if (what < 840) post_request(worker);
        else if (what < 870) end_request(worker);
        else if (what < 950) offer(worker);
        else if (what < 995) tick(worker);
        else restart(worker);
    }
    return NULL;
}

static void require(const char *what, sales_status_t status, const sales_error_t *error) {
    if (status < 0) broken(what, status, error);
}

/* The offer that sells: made once. */
static void open_offer(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_offer_t list[64];
    size_t len = 0;
    sales_id_t after = {{0}};
    do {
        for (size_t i = 0; i < 64; i++) list[i] = (sales_offer_t)SALES_INIT(sales_offer_t);
        len = 64;
        require("sales_offer_list", sales_offer_list(sales, &after, list, sizeof list[0], &len, &error), &error);
        for (size_t i = 0; i < len; i++)
            if (list[i].flags & SALES_OFFER_ENABLED) return;
        if (len > 0) after = list[len - 1].id;
    } while (len == 64);
    sales_offer_t terms = SALES_INIT(sales_offer_t);
    terms.flags = SALES_OFFER_ENABLED;
    terms.total_size = UINT64_C(1) << 30;
    terms.min_price_per_byte_per_second.be[31] = 1;
    memset(terms.total_collateral.be + 8, 0xff, 24);
    require("sales_offer_put", sales_offer_put(sales, market_now(), &terms, &error), &error);
}

static void start(uint64_t seed) {
    sales_error_t error = SALES_INIT(sales_error_t);
    char store[DISK_PATH_MAX], identity[DISK_PATH_MAX];
    sales_options_t options = {.size = sizeof options, .seed = seed, .max_attempts = 8};
    disk_path(store, directory, "store");
    disk_path(identity, store, "identity");
    atomic_store(&board->phase, access(identity, F_OK) == 0 ? PHASE_OPEN : PHASE_CREATE);
    require("sales_open", sales_open(SALES_ABI_VERSION, store, &options, &sales, &error), &error);
    sales_repo_t repo = shared_table();
    sales_chain_t chain = market_chain(sales);
    sales_content_t content = market_content(sales);
    require("sales_register_repo", sales_register_repo(sales, &repo, &error), &error);
    require("sales_register_chain", sales_register_chain(sales, &chain, &error), &error);
    require("sales_register_content", sales_register_content(sales, &content, &error), &error);
    open_offer();
    atomic_store(&board->phase, PHASE_START);
    require("sales_start", start_until_done(&error), &error);
}

/* Every sale is ended and every slot released: the repo must have nothing left for us. */
static void finish(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    for (uint32_t i = 0; i < atomic_load(&board->next_request); i++)
        if (atomic_load(&board->requests[i].told) == 2)
            require("sales_on_request_ended", market_end(sales, i, &error), &error);
    for (uint64_t i = 0; i < SLOTS; i++) {
        sales_id_t id = slot_id(i);
        sales_status_t status = sales_release(sales, market_now(), &id, NULL, &error);
        if (status != SALES_ERR_NOT_FOUND) require("sales_release", status, &error);
    }
    for (uint64_t i = 0; i < LAST_TICKS; i++) {
        require("sales_tick", sales_tick(sales, market_now() + 100 * i, &error), &error);
        require("sales_stats", sales_stats(sales, &stats, &error), &error);
        if (stats.sales == 0 && stats.reservations == 0 && stats.releasing == 0 && stats.owed == 0) return;
    }
    fprintf(stderr, "broken: %" PRIu64 " sales and %" PRIu64 " reservations never end\n", stats.sales,
            stats.reservations);
    exit(3);
}

static void load(uint64_t seed, uint64_t ms) {
    static worker_t workers[BOARD_THREADS];
    pthread_t threads[BOARD_THREADS];
    sales_error_t error = SALES_INIT(sales_error_t);
    for (unsigned i = 0; i < BOARD_THREADS; i++) {
        workers[i] = (worker_t){.number = i, .dice = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + i * 977 + 1};
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) abort();
    }
    atomic_store(&board->phase, PHASE_LOAD);
    pause_ms(ms);
    atomic_store(&board->phase, PHASE_CLOSE);
    if (seed % 2 == 0) stop(&error); /* else it closes as a host that hurries */
    require("sales_close", sales_close(sales, &error), &error);
    for (unsigned i = 0; i < BOARD_THREADS; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
    int option, only_settle = 0, last = 0;
    uint64_t seed = 1, ms = 100;
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *place = NULL;
    while ((option = getopt(argc, argv, "d:n:t:sf")) != -1) {
        switch (option) {
        case 'd': place = optarg; break;
        case 'n': seed = strtoull(optarg, NULL, 10); break;
        case 't': ms = strtoull(optarg, NULL, 10); break;
        case 's': only_settle = 1; break;
        case 'f': last = 1; break;
        default: place = NULL;
        }
    }
    if (place == NULL) {
        fprintf(stderr, "usage: busy -d DIRECTORY [-n SEED] [-t MS] [-s | -f]\n");
        return 2;
    }
    snprintf(directory, sizeof directory, "%s", place);
    if (board_map(directory) != 0 || notes_open(directory) != 0) return 1;
    if (shared_open(directory, !only_settle && !last) != 0) return 1;
    start(seed);
    if (last) finish();
    if (only_settle || last) {
        atomic_store(&board->phase, PHASE_CLOSE);
        require("sales_stop", stop(&error), &error);
        require("sales_close", sales_close(sales, &error), &error);
    } else {
        load(seed, ms);
    }
    atomic_store(&board->phase, PHASE_END);
    return 0;
}
