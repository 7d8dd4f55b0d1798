/* torture_host.c - the callbacks: they answer at once, before they return, later from another thread, or not at
 * all, and call in. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "torture.h"

static _Thread_local uint64_t state;
static _Thread_local int depth;

void torture_seed(uint64_t seed) {
    state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

uint64_t torture_random(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % limit;
}

void torture_broken(torture_t *torture, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "torture: %s\n", line);
    atomic_fetch_add(&torture->broken, 1);
}

static torture_slot_t *slot_of(torture_t *torture, const sales_id_t *id) {
    for (size_t i = 0; i < TORTURE_SLOTS + TORTURE_REQUESTS; i++)
        if (memcmp(&torture->slots[i].id, id, sizeof *id) == 0)
            return &torture->slots[i];
    return NULL;
}

/* Keeps what happened to a slot, to be told when it was wrong. Called with the lock held. */
static void note(torture_slot_t *slot, const char *what, const sales_op_t *op, uint64_t bytes) {
    if (!slot)
        return;
    size_t used = strlen(slot->story);
    if (used > sizeof slot->story - 64) {
        memmove(slot->story, slot->story + 256, used - 255);
        used -= 256;
    }
    snprintf(slot->story + used, sizeof slot->story - used, " %s:%" PRIu32 ":%" PRIu64, what, op->kind, bytes);
}

static void broken_slot(torture_t *torture, const torture_slot_t *slot, const char *what, uint64_t bytes) {
    torture_broken(torture, "%s: %" PRIu64 " bytes, reserved %" PRIu64 ", used %" PRIu64 ", of slot %zu:%s", what, bytes,
                   slot->reserved, slot->used, (size_t)(slot - torture->slots), slot->story);
}

/* What the repo does. Called with the lock held. */
static sales_status_t repo_effect(torture_t *torture, const sales_op_t *op, uint64_t bytes) {
    torture_slot_t *slot = slot_of(torture, &op->slot_id);
    int known = slot && !torture->loose;
    note(slot, "done", op, bytes);
    if (op->kind == SALES_OP_REPO_RESERVE) {
        if (known && slot->reserved > 0 && !slot->refused)
            broken_slot(torture, slot, "S4, reserved twice", bytes);
        torture->total += bytes;
        if (slot) {
            slot->reserved += bytes;
            slot->used = 0;
        }
        return SALES_OK;
    }
    if (bytes > torture->total)
        torture_broken(torture, "S2: %" PRIu64 " bytes released of %" PRIu64, bytes, torture->total);
    if (known && bytes > slot->reserved)
        broken_slot(torture, slot, "S2, released twice", bytes);
    torture->total -= bytes;
    /* A surplus: bytes of slots whose reserve could not be recorded, and nobody says of which. */
    if (!slot) {
        torture->loose = 1;
        for (size_t i = 0; i < TORTURE_SLOTS + TORTURE_REQUESTS; i++)
            note(&torture->slots[i], "surplus", op, bytes);
        return SALES_OK;
    }
    slot->reserved -= bytes <= slot->reserved ? bytes : slot->reserved;
    slot->used += op->kind == SALES_OP_REPO_CONSUME ? bytes : 0;
    if (known && slot->filled && !slot->paid && slot->reserved + slot->used < SLOT_SIZE)
        broken_slot(torture, slot, "S5, released while filled", bytes);
    return SALES_OK;
}

/* Called with the lock held. */
static sales_status_t effect(torture_t *torture, const sales_op_t *op, uint64_t bytes) {
    sales_status_t status = SALES_OK;
    torture_slot_t *slot = slot_of(torture, &op->slot_id);
    switch (op->kind) {
    case SALES_OP_REPO_RESERVE:
    case SALES_OP_REPO_RELEASE:
    case SALES_OP_REPO_CONSUME: status = repo_effect(torture, op, bytes); break;
    case SALES_OP_CHAIN_FILL_SLOT:
        if (!slot || slot->filled) {
            status = SALES_HOST_STATE_MISMATCH;
        } else {
            slot->filled = 1;
            atomic_fetch_add(&torture->counts[SOLD], 1);
        }
        break;
    case SALES_OP_CHAIN_FREE_SLOT:
        if (slot)
            slot->paid = 1;
        break;
    case SALES_OP_CONTENT_CLEAR:
        if (slot && slot->filled && !slot->paid)
            broken_slot(torture, slot, "S5, cleared while filled", 0);
        break;
    default: break;
    }
    if (op->kind > SALES_OP_REPO_CONSUME)
        note(slot, status == SALES_OK ? "done" : "no", op, 0);
    return status;
}

/* It has none. Called with the lock held. */
static sales_status_t refuse(torture_t *torture, const sales_op_t *op) {
    torture_slot_t *slot = slot_of(torture, &op->slot_id);
    note(slot, "refused", op, 0);
    if (slot && (op->kind == SALES_OP_REPO_RELEASE || op->kind == SALES_OP_REPO_CONSUME))
        slot->refused = 1;
    return SALES_HOST_TRANSIENT;
}

static sales_status_t complete(torture_t *torture, sales_t sales, const sales_op_t *op, sales_status_t status) {
    sales_result_t result = SALES_INIT(sales_result_t);
    sales_slot_view_t view = SALES_INIT(sales_slot_view_t);
    sales_error_t error = SALES_INIT(sales_error_t);
    uint8_t proof[64] = {1};
    result.status = status;
    result.text = "told by the torture";
    if (op->kind == SALES_OP_CONTENT_PROVE)
        result.proof = (sales_bytes_t){.data = proof, .len = sizeof proof};
    if (op->kind == SALES_OP_CHAIN_READ_SLOT) {
        pthread_mutex_lock(&torture->lock);
        torture_slot_t *slot = slot_of(torture, &op->slot_id);
        int calm = atomic_load(&torture->calm);
        view.request_state = calm ? SALES_REQUEST_FINISHED : SALES_REQUEST_STARTED;
        view.is_mine = slot && slot->filled && !slot->paid;
        view.slot_state = !slot || !slot->filled ? SALES_SLOT_FREE
                          : slot->paid           ? SALES_SLOT_PAID
                          : calm                 ? SALES_SLOT_FINISHED
                                                 : SALES_SLOT_FILLED;
        pthread_mutex_unlock(&torture->lock);
        result.view = &view;
    }
    sales_status_t answer = sales_complete(sales, atomic_load(&torture->now), op->token, &result, &error);
    if (answer == SALES_ERR_HANDLE && (atomic_load(&torture->closing) || sales != atomic_load(&torture->sales))) {
        pthread_mutex_lock(&torture->lock);
        torture->loose = 1;
        note(slot_of(torture, &op->slot_id), "closed", op, 0);
        pthread_mutex_unlock(&torture->lock);
        atomic_fetch_add(&torture->counts[REFUSED_HANDLE], 1);
    } else if (answer != SALES_OK) {
        torture_broken(torture, "a completion of kind %" PRIu32 " is answered %s: %s", op->kind,
                       sales_status_name(answer), error.text);
    }
    return answer;
}

/* From now on what is out at this instance takes no effect any more: the next start counts what is there. */
void torture_closes(torture_t *torture, sales_t sales) {
    pthread_mutex_lock(&torture->lock);
    torture->closed = sales;
    torture->loose = 1;
    pthread_mutex_unlock(&torture->lock);
}

int torture_complete(torture_t *torture) {
    torture_out_t out;
    pthread_mutex_lock(&torture->lock);
    if (torture->out_len == 0) {
        pthread_mutex_unlock(&torture->lock);
        return 0;
    }
    size_t at = torture_random(torture->out_len);
    out = torture->out[at];
    torture->out[at] = torture->out[--torture->out_len];
    int gone = out.sales != atomic_load(&torture->sales) || out.sales == torture->closed;
    int does = !gone && (atomic_load(&torture->calm) || torture_random(4) > 0);
    sales_status_t status = does ? effect(torture, &out.op, out.bytes) : refuse(torture, &out.op);
    pthread_mutex_unlock(&torture->lock);
    (void)complete(torture, out.sales, &out.op, status);
    atomic_fetch_add(&torture->counts[COMPLETED], 1);
    return 1;
}

static sales_status_t now(torture_t *torture, const sales_op_t *op, uint64_t bytes, int does) {
    pthread_mutex_lock(&torture->lock);
    sales_status_t status = does ? effect(torture, op, bytes) : refuse(torture, op);
    pthread_mutex_unlock(&torture->lock);
    return status;
}

static void call_inside(torture_t *torture) {
    if (depth > 0 || atomic_load(&torture->calm))
        return;
    depth++;
    atomic_fetch_add(&torture->counts[INSIDE], 1);
    torture_call(torture, depth);
    depth--;
}

static sales_status_t act(torture_t *torture, const sales_op_t *op, uint64_t bytes) {
    int calm = atomic_load(&torture->calm);
    int owes = op->kind == SALES_OP_CONTENT_PROVE || op->kind == SALES_OP_CHAIN_READ_SLOT;
    uint64_t roll = calm ? 0 : torture_random(100);
    sales_t sales = atomic_load(&torture->sales);
    if (!calm && torture_random(8) == 0)
        call_inside(torture);
    if (roll < 50 && !owes)
        return now(torture, op, bytes, 1);
    if (roll < 60) {
        sales_status_t status = now(torture, op, bytes, 1);
        atomic_fetch_add(&torture->counts[EARLY], 1);
        /* Closed meanwhile: what the callback answers counts. */
        if (complete(torture, sales, op, status) != SALES_OK)
            return owes ? SALES_HOST_TRANSIENT : status;
        return torture_random(2) ? SALES_PENDING : SALES_OK;
    }
    if (roll < 88) {
        pthread_mutex_lock(&torture->lock);
        note(slot_of(torture, &op->slot_id), "out", op, bytes);
        if (torture->out_len == TORTURE_OUT_MAX)
            abort();
        torture->out[torture->out_len++] = (torture_out_t){.sales = sales, .bytes = bytes, .op = *op};
        pthread_mutex_unlock(&torture->lock);
        return SALES_PENDING;
    }
    return now(torture, op, bytes, 0);
}

static sales_status_t repo_available(void *data, uint64_t *bytes) {
    (void)data;
    *bytes = QUOTA;
    return SALES_OK;
}

static sales_status_t repo_act(void *data, const sales_op_t *op, uint64_t bytes) {
    return act(data, op, bytes);
}

static sales_status_t repo_reserved(void *data, sales_repo_total_t *total) {
    torture_t *torture = data;
    pthread_mutex_lock(&torture->lock);
    total->bytes = torture->total;
    pthread_mutex_unlock(&torture->lock);
    return SALES_OK;
}

sales_repo_t torture_repo(torture_t *torture) {
    sales_repo_t repo = SALES_INIT(sales_repo_t);
    repo.user_data = torture;
    repo.available = repo_available;
    repo.reserve = repo_act;
    repo.release = repo_act;
    repo.consume = repo_act;
    repo.reserved = repo_reserved;
    return repo;
}

static sales_status_t slot_act(void *data, const sales_op_t *op, const sales_slot_t *slot) {
    (void)slot;
    return act(data, op, 0);
}

static sales_status_t chain_fill(void *data, const sales_op_t *op, const sales_slot_t *slot,
                                 const sales_bytes_t *proof, const sales_u256_t *collateral) {
    (void)collateral;
    if (proof->len != 64 || proof->data[0] != 1)
        torture_broken(data, "chain.fill_slot: the proof is another");
    return slot_act(data, op, slot);
}

sales_chain_t torture_chain(torture_t *torture) {
    sales_chain_t chain = SALES_INIT(sales_chain_t);
    chain.user_data = torture;
    chain.fill_slot = chain_fill;
    chain.free_slot = slot_act;
    chain.read_slot = slot_act;
    return chain;
}

static sales_status_t content_store(void *data, const sales_op_t *op, const sales_slot_t *slot, uint64_t until,
                                    uint32_t repairing) {
    (void)until;
    (void)repairing;
    return slot_act(data, op, slot);
}

static sales_status_t content_prove(void *data, const sales_op_t *op, const sales_slot_t *slot,
                                    const sales_challenge_t *challenge) {
    (void)challenge;
    return slot_act(data, op, slot);
}

/* Told that an operation is wanted no more: it is completed at once, or like any other. */
static void content_cancel(void *data, uint64_t token) {
    torture_t *torture = data;
    torture_out_t out = {.bytes = 0};
    int found = 0;
    pthread_mutex_lock(&torture->lock);
    for (size_t i = 0; i < torture->out_len && !found; i++) {
        if (torture->out[i].op.token == token) {
            out = torture->out[i];
            torture->out[i] = torture->out[--torture->out_len];
            found = 1;
        }
    }
    pthread_mutex_unlock(&torture->lock);
    if (found)
        (void)complete(torture, out.sales, &out.op, SALES_HOST_CANCELLED);
}

sales_content_t torture_content(torture_t *torture) {
    sales_content_t content = SALES_INIT(sales_content_t);
    content.user_data = torture;
    content.store = content_store;
    content.prove = content_prove;
    content.clear = slot_act;
    content.cancel = content_cancel;
    return content;
}

static void on_event(void *data, const sales_event_t *event) {
    torture_t *torture = data;
    pthread_mutex_lock(&torture->lock);
    if (torture->telling++ > 0)
        torture_broken(torture, "two threads tell events at a time");
    if (event->number > 0 && event->number <= torture->last_event)
        torture_broken(torture, "event %" PRIu64 " is told after %" PRIu64, event->number, torture->last_event);
    if (event->number > 0)
        torture->last_event = event->number;
    pthread_mutex_unlock(&torture->lock);
    atomic_fetch_add(&torture->counts[TOLD], 1);
    if (torture_random(32) == 0)
        call_inside(torture);
    pthread_mutex_lock(&torture->lock);
    torture->telling--;
    pthread_mutex_unlock(&torture->lock);
}

static void on_deadline(void *data, uint64_t at) {
    (void)at;
    if (torture_random(64) == 0)
        call_inside(data);
}

sales_watch_t torture_watch(torture_t *torture) {
    sales_watch_t watch = SALES_INIT(sales_watch_t);
    watch.user_data = torture;
    watch.on_event = on_event;
    watch.on_deadline = on_deadline;
    return watch;
}

void torture_log(void *data, uint32_t level, const char *target, const char *text) {
    torture_t *torture = data;
    (void)level;
    if (strcmp(target, "sales") != 0 || text[0] == 0)
        torture_broken(torture, "a log line of %s: %s", target, text);
    if (sales_tick(atomic_load(&torture->sales), T0, NULL) != SALES_ERR_IN_CALLBACK)
        torture_broken(torture, "a log callback may call in");
    atomic_fetch_add(&torture->lines, 1);
}
