/* host.c - the host's tables, and its opening and closing. */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "recorder.h"
#include "turns.h"

#define STARTS_MAX 4

host_t host;

void host_note(note_t note) {
    recorder_note(&note, sizeof note);
    facts_take(&host.facts, &note);
}

/* One thread at a time in the repo, which knows nothing of threads. */
static void lock(void) {
    while (host.locked) turns_wait(&host.locked);
    host.locked = 1;
}

static void unlock(void) {
    host.locked = 0;
    turns_wake(&host.locked, 1);
}

static sales_id_t filled_with(uint8_t kind, uint64_t number) {
    sales_id_t id;
    memset(id.bytes, kind, sizeof id.bytes);
    for (unsigned i = 0; i < 8; i++) id.bytes[i] = (uint8_t)(number >> (8 * i));
    return id;
}

sales_id_t host_book_slot(unsigned number) {
    return filled_with(0xb0, number * UINT64_C(0x9e3779b97f4a7c15));
}

int host_whose(const sales_id_t *id, unsigned *a, unsigned *b) {
    for (*a = 0; *a < REQUESTS; ++*a) {
        for (*b = 0; *b < REQUEST_SLOTS; ++*b) {
            if (memcmp(&host.ids[*a][*b], id, sizeof *id) == 0) return 1;
        }
    }
    for (*a = 0; *a < BOOK_SLOTS; ++*a) {
        sales_id_t slot = host_book_slot(*a);
        if (memcmp(&slot, id, sizeof slot) == 0) return 2;
    }
    return 0;
}

static sales_u256_t u256_of(uint64_t number) {
    sales_u256_t value = {{0}};
    for (unsigned i = 0; i < 8; i++) value.be[31 - i] = (uint8_t)(number >> (8 * i));
    return value;
}

/* A request as the chain has it, and the ask that goes with it. */
static sales_ask_t make_request(sales_request_t *request, uint64_t slots, sales_id_t nonce) {
    *request = (sales_request_t){.size = sizeof *request,
                                 .proof_probability = u256_of(3),
                                 .price_per_byte_per_second = u256_of(2),
                                 .collateral_per_byte = u256_of(1),
                                 .slots = slots,
                                 .slot_size = SLOT_BYTES,
                                 .duration = 40000000,
                                 .max_slot_loss = 1,
                                 .expiry = 20000000,
                                 .cid = {(const uint8_t *)"a cid...", 8},
                                 .nonce = nonce};
    sales_ask_t ask = {.size = sizeof ask,
                       .proof_probability = request->proof_probability,
                       .price_per_byte_per_second = request->price_per_byte_per_second,
                       .collateral_per_byte = request->collateral_per_byte,
                       .slots = request->slots,
                       .slot_size = request->slot_size,
                       .duration = request->duration,
                       .max_slot_loss = request->max_slot_loss,
                       .expires_at = UINT64_C(1700000000) + request->expiry,
                       .ends_at = UINT64_C(1700000000) + request->duration,
                       .request = request};
    if (sales_request_id(request, &ask.request_id, NULL) != SALES_OK) lost("sales_request_id");
    return ask;
}

sales_ask_t host_large(unsigned number, sales_request_t *request) {
    return make_request(request, LARGE_SLOTS, filled_with(2, host.facts.epoch * 1000 + number));
}

/* The requests of this epoch. */
static void make_requests(void) {
    for (unsigned r = 0; r < REQUESTS; r++) {
        sales_ask_t *ask = &host.asks[r];
        *ask = make_request(&host.requests[r], REQUEST_SLOTS, filled_with(1, host.facts.epoch * 100 + r));
        for (unsigned i = 0; i < REQUEST_SLOTS; i++) {
            if (sales_slot_id(&ask->request_id, i, &host.ids[r][i], NULL) != SALES_OK) lost("sales_slot_id");
        }
    }
}

typedef enum mood_t { WORKS, REFUSES, PENDS } mood_t;

static mood_t mood(void) {
    if (host.calm) return WORKS;
    switch (dice_below(&host.dice, 10)) {
    case 0: return REFUSES;
    case 1: return host.pending_len < PENDING_MAX ? PENDS : WORKS;
    default: return WORKS;
    }
}

static sales_status_t pend(const sales_op_t *op, uint64_t bytes) {
    host.pending[host.pending_len++] = (pending_t){.token = op->token, .op = *op, .bytes = bytes};
    return SALES_PENDING;
}

static sales_status_t available(void *user_data, uint64_t *bytes) {
    (void)user_data;
    return host.table.available(host.table.user_data, bytes);
}

/* What a repo's operation does, durably. */
static sales_status_t repo_does(const sales_op_t *op, uint64_t bytes) {
    lock();
    void *repo = host.table.user_data;
    sales_status_t status = op->kind == SALES_OP_REPO_RESERVE   ? host.table.reserve(repo, op, bytes)
                            : op->kind == SALES_OP_REPO_RELEASE ? host.table.release(repo, op, bytes)
                                                                : host.table.consume(repo, op, bytes);
    unlock();
    return status;
}

static sales_status_t repo_asked(void *user_data, const sales_op_t *op, uint64_t bytes) {
    static const sales_id_t none;
    unsigned a, b;
    (void)user_data;
    if (memcmp(&op->slot_id, &none, sizeof none) != 0 && host_whose(&op->slot_id, &a, &b) == 0) return SALES_PENDING;
    switch (mood()) {
    case REFUSES: return SALES_HOST_TRANSIENT;
    case PENDS: return pend(op, bytes);
    default: return repo_does(op, bytes);
    }
}

static sales_status_t reserved(void *user_data, sales_repo_total_t *total) {
    (void)user_data;
    lock();
    sales_status_t status = host.table.reserved(host.table.user_data, total);
    unlock();
    return status;
}

static void place_of(const sales_op_t *op, unsigned *request, unsigned *slot) {
    if (host_whose(&op->slot_id, request, slot) != 1) lost("the chain is asked for a slot of no request");
}

static sales_status_t fill(const sales_op_t *op) {
    unsigned request, slot;
    place_of(op, &request, &slot);
    if (host.facts.requests[request].filled[slot]) return SALES_HOST_STATE_MISMATCH;
    host_note((note_t){.kind = NOTE_FILL, .subject = request, .part = slot});
    return SALES_OK;
}

static sales_status_t fill_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                const sales_bytes_t *proof, const sales_u256_t *collateral) {
    (void)user_data, (void)slot, (void)proof, (void)collateral;
    switch (mood()) {
    case REFUSES: return SALES_HOST_TRANSIENT;
    case PENDS: return pend(op, 0);
    default: return fill(op);
    }
}

static sales_status_t read_slot(void *user_data, const sales_op_t *op, const sales_slot_t *asked) {
    unsigned request, slot;
    (void)user_data, (void)asked;
    place_of(op, &request, &slot);
    const request_facts_t *facts = &host.facts.requests[request];
    sales_slot_view_t view = {.size = sizeof view,
                              .request_state = facts->ended ? SALES_REQUEST_FINISHED : SALES_REQUEST_NEW,
                              .slot_state = SALES_SLOT_FREE,
                              .expires_at = host.asks[request].expires_at,
                              .ends_at = host.asks[request].ends_at,
                              .collateral = u256_of(SLOT_BYTES)};
    if (facts->filled[slot]) {
        view.slot_state = facts->paid[slot] ? SALES_SLOT_PAID : facts->ended ? SALES_SLOT_FINISHED : SALES_SLOT_FILLED;
        view.is_mine = 1;
    }
    sales_result_t result = {.size = sizeof result, .view = &view};
    sales_complete(host.sales, host.facts.now, op->token, &result, NULL);
    return SALES_PENDING;
}

static sales_status_t free_slot(void *user_data, const sales_op_t *op, const sales_slot_t *asked) {
    unsigned request, slot;
    (void)user_data, (void)asked;
    place_of(op, &request, &slot);
    if (!host.facts.requests[request].ended) lost("a slot is freed while its request lasts");
    host_note((note_t){.kind = NOTE_PAID, .subject = request, .part = slot});
    return SALES_OK;
}

static sales_status_t store(void *user_data, const sales_op_t *op, const sales_slot_t *slot, uint64_t until,
                            uint32_t repairing) {
    (void)user_data, (void)until, (void)repairing;
    switch (mood()) {
    case REFUSES: return SALES_HOST_TRANSIENT;
    case PENDS: return pend(op, 0);
    default:
        if (op->slot_id.bytes[0] % 2 == 0)
            sales_consumed(host.sales, host.facts.now, &slot->slot_id, SLOT_BYTES / 2, NULL);
        return SALES_OK;
    }
}

static sales_status_t prove(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                            const sales_challenge_t *challenge) {
    (void)user_data, (void)slot, (void)challenge;
    sales_result_t result = {.size = sizeof result, .proof = {(const uint8_t *)"proof", 5}};
    sales_complete(host.sales, host.facts.now, op->token, &result, NULL);
    return SALES_PENDING;
}

static sales_status_t clear(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    (void)user_data, (void)op, (void)slot;
    return mood() == REFUSES ? SALES_HOST_TRANSIENT : SALES_OK;
}

static void complete(const pending_t *pending, sales_status_t status) {
    sales_result_t result = {.size = sizeof result, .status = status};
    sales_complete(host.sales, host.facts.now, pending->token, &result, NULL);
}

static void cancel(void *user_data, uint64_t token) {
    (void)user_data;
    for (unsigned i = 0; i < host.pending_len; i++) {
        if (host.pending[i].token != token) continue;
        pending_t found = host.pending[i];
        host.pending[i] = host.pending[--host.pending_len];
        complete(&found, SALES_HOST_CANCELLED);
        return;
    }
}

void host_complete(uint64_t which) {
    if (host.pending_len == 0) return;
    unsigned at = (unsigned)(which % host.pending_len);
    pending_t found = host.pending[at];
    host.pending[at] = host.pending[--host.pending_len];
    sales_status_t status = SALES_OK;
    if (found.op.kind == SALES_OP_CHAIN_FILL_SLOT) status = fill(&found.op);
    else if (found.op.kind != SALES_OP_CONTENT_STORE) status = repo_does(&found.op, found.bytes);
    complete(&found, status);
}

static void on_event(void *user_data, const sales_event_t *event) {
    (void)user_data;
    if (event->kind == SALES_EVENT_DONE)
        host_note((note_t){.kind = NOTE_DONE, .value = event->token, .status = event->status});
}

static void must(const char *call, sales_status_t status, const sales_error_t *error) {
    if (status != SALES_OK) lost("%s: %s: %s", call, sales_status_name(status), status < 0 ? error->text : "");
}

static void register_all(sales_error_t *error) {
    sales_repo_t repo = {.size = sizeof repo,
                         .available = available,
                         .reserve = repo_asked,
                         .release = repo_asked,
                         .reserved = reserved,
                         .consume = repo_asked};
    sales_chain_t chain = {
        .size = sizeof chain, .fill_slot = fill_slot, .read_slot = read_slot, .free_slot = free_slot};
    sales_content_t content = {
        .size = sizeof content, .store = store, .prove = prove, .clear = clear, .cancel = cancel};
    sales_watch_t watch = {.size = sizeof watch, .on_event = on_event};
    must("sales_register_repo", sales_register_repo(host.sales, &repo, error), error);
    must("sales_register_chain", sales_register_chain(host.sales, &chain, error), error);
    must("sales_register_content", sales_register_content(host.sales, &content, error), error);
    must("sales_register_watch", sales_register_watch(host.sales, &watch, error), error);
}

void host_open(const char *root, uint64_t seed, uint32_t flags) {
    char path[DISK_PATH_MAX];
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_options_t options = {.size = sizeof options, .seed = seed | 1, .flags = flags,
                               .queue_limit = 1u << 20};
    host.calm = 1;
    host.pending_len = 0;
    host_note((note_t){.kind = NOTE_STARTING});
    make_requests();
    disk_path(path, root, "repo");
    if (repo_open(&host.repo, path, QUOTA) != 0) lost("the repo cannot be opened");
    host.table = repo_table(&host.repo);
    disk_path(path, root, "store");
    must("sales_open", sales_open(SALES_ABI_VERSION, path, &options, &host.sales, &error), &error);
    register_all(&error);
    must("sales_start", sales_start(host.sales, host.facts.now, &error), &error);
    if (host.facts.reset) host_note((note_t){.kind = NOTE_RESET});
}

void host_close(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    host.calm = 1;
    must("sales_close", sales_close(host.sales, &error), &error);
    host.pending_len = 0;
}
