/* fakehost.c - the scriptable host: one dispatcher for all callbacks, exact totals, a log of what was called.
 */
#include "fakehost.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_MEMORY (SALES_PROOF_MAX + 4096u)

static const char *const call_names[FAKE_CALLS] = {
    "repo.available",       "repo.reserve",       "repo.release",        "repo.reserved",
    "repo.consume",         "content.store",      "content.prove",       "content.keep",
    "content.clear",        "content.verify",     "content.cancel",      "chain.fill_slot",
    "chain.reserve_slot",   "chain.free_slot",    "chain.submit_proof",  "chain.read_slot",
    "chain.read_challenge", "chain.read_request", "chain.read_my_slots", "watch.on_event",
    "watch.on_deadline",
};

static const uint32_t op_kinds[FAKE_CALLS] = {
    0,
    SALES_OP_REPO_RESERVE,
    SALES_OP_REPO_RELEASE,
    0,
    SALES_OP_REPO_CONSUME,
    SALES_OP_CONTENT_STORE,
    SALES_OP_CONTENT_PROVE,
    SALES_OP_CONTENT_KEEP,
    SALES_OP_CONTENT_CLEAR,
    SALES_OP_CONTENT_VERIFY,
    0,
    SALES_OP_CHAIN_FILL_SLOT,
    SALES_OP_CHAIN_RESERVE_SLOT,
    SALES_OP_CHAIN_FREE_SLOT,
    SALES_OP_CHAIN_SUBMIT_PROOF,
    SALES_OP_CHAIN_READ_SLOT,
    SALES_OP_CHAIN_READ_CHALLENGE,
    SALES_OP_CHAIN_READ_REQUEST,
    SALES_OP_CHAIN_READ_MY_SLOTS,
    0,
    0,
};

typedef struct job_t {
    fake_t *fake;
    fake_call_t call;
    uint64_t token;
    sales_id_t slot_id;
    sales_status_t status;
} job_t;

void fake_init(fake_t *fake, uint64_t quota) {
    memset(fake, 0, sizeof *fake);
    fake->quota = quota;
    fake->proof_len = 256;
    fake->view.size = (uint32_t)sizeof fake->view;
    fake->view.request_state = SALES_REQUEST_STARTED;
    fake->view.slot_state = SALES_SLOT_FILLED;
    fake->view.is_mine = 1;
    pthread_mutex_init(&fake->lock, NULL);
}

void fake_free(fake_t *fake) {
    fake_join(fake);
    pthread_mutex_destroy(&fake->lock);
}

void fake_violation(fake_t *fake, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("fake host: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    __atomic_add_fetch(&fake->violations, 1, __ATOMIC_SEQ_CST);
}

void fake_set(fake_t *fake, fake_call_t call, fake_how_t how, sales_status_t status, uint32_t times) {
    pthread_mutex_lock(&fake->lock);
    fake->rules[call] = (fake_rule_t){.how = how, .status = status, .times = times};
    pthread_mutex_unlock(&fake->lock);
}

void fake_hook(fake_t *fake, fake_call_t call, fake_hook_fn hook, void *context) {
    pthread_mutex_lock(&fake->lock);
    fake->hooks[call] = hook;
    fake->hook_contexts[call] = context;
    pthread_mutex_unlock(&fake->lock);
}

/* The place of a slot among the truths; made where it is not there. Called with the lock held. */
static fake_truth_t *truth_of(fake_t *fake, const sales_id_t *slot_id) {
    for (size_t i = 0; i < fake->truths_len; i++)
        if (memcmp(&fake->truths[i].slot_id, slot_id, sizeof *slot_id) == 0)
            return &fake->truths[i];
    if (fake->truths_len == FAKE_TRUTHS_MAX)
        abort();
    fake_truth_t *truth = &fake->truths[fake->truths_len++];
    *truth = (fake_truth_t){.slot_id = *slot_id};
    return truth;
}

fake_truth_t fake_truth(fake_t *fake, const sales_id_t *slot_id) {
    pthread_mutex_lock(&fake->lock);
    fake_truth_t truth = *truth_of(fake, slot_id);
    pthread_mutex_unlock(&fake->lock);
    return truth;
}

/* The view that a contract would give. */
static sales_slot_view_t true_view(fake_t *fake, const sales_id_t *slot_id) {
    sales_slot_view_t view = SALES_INIT(sales_slot_view_t);
    fake_truth_t truth = fake_truth(fake, slot_id);
    view.request_state = fake->requests_ended ? SALES_REQUEST_FINISHED : SALES_REQUEST_STARTED;
    view.slot_state = fake->requests_ended ? SALES_SLOT_FINISHED : SALES_SLOT_FREE;
    if (truth.filled && !fake->requests_ended)
        view.slot_state = SALES_SLOT_FILLED;
    if (truth.paid)
        view.slot_state = SALES_SLOT_PAID;
    view.is_mine = truth.filled != 0;
    return view;
}

/* The effect of an operation on the repo's books; SALES_OK or why it cannot be. Called with the lock held. */
static sales_status_t take_effect(fake_t *fake, fake_call_t call, uint64_t bytes, const sales_op_t *op) {
    if (call == FAKE_RESERVE) {
        if (bytes > fake->quota - fake->total - fake->used)
            return SALES_HOST_NO_SPACE;
        fake->total += bytes;
    } else if (call == FAKE_RELEASE || call == FAKE_CONSUME) {
        if (bytes > fake->total) {
            fake_violation(fake, "S2: %s of %" PRIu64 " bytes, but only %" PRIu64 " are reserved",
                           call_names[call], bytes, fake->total);
            return SALES_HOST_PERMANENT;
        }
        fake->total -= bytes;
        fake->used += call == FAKE_CONSUME ? bytes : 0;
    } else {
        fake_truth_t *truth = truth_of(fake, &op->slot_id);
        truth->filled |= call == FAKE_FILL_SLOT;
        truth->paid |= call == FAKE_FREE_SLOT;
        if (call == FAKE_FREE_SLOT && !fake->requests_ended && fake->true_views)
            fake_violation(fake, "chain.free_slot while the request lasts: the collateral is burned");
        return SALES_OK;
    }
    fake_truth_t *truth = truth_of(fake, &op->slot_id);
    truth->repo_took_effect = 1;
    truth->reserved = call == FAKE_RESERVE ? truth->reserved + bytes : truth->reserved - bytes;
    if (memcmp(fake->store_id, op->store_id, sizeof fake->store_id) != 0) {
        memcpy(fake->store_id, op->store_id, sizeof fake->store_id);
        fake->store_seq = 0;
    }
    if (op->store_seq > fake->store_seq)
        fake->store_seq = op->store_seq;
    return SALES_OK;
}

static int owes_data(fake_call_t call) {
    return call == FAKE_PROVE || call == FAKE_READ_SLOT || call == FAKE_READ_CHALLENGE ||
           call == FAKE_READ_REQUEST || call == FAKE_READ_MY_SLOTS || call == FAKE_VERIFY;
}

sales_status_t fake_complete_token(fake_t *fake, fake_call_t call, uint64_t token, const sales_id_t *slot_id,
                                   sales_status_t status) {
    sales_result_t result = SALES_INIT(sales_result_t);
    sales_challenge_t challenge = SALES_INIT(sales_challenge_t);
    sales_slot_view_t view = true_view(fake, slot_id);
    uint8_t *proof = NULL;
    result.status = status;
    result.text = "told by the fake host";
    if (call == FAKE_PROVE && status == SALES_OK) {
        size_t len = fake->proof_len < PROOF_MEMORY ? fake->proof_len : PROOF_MEMORY;
        proof = malloc(len ? len : 1);
        if (!proof)
            abort();
        for (size_t i = 0; i < len; i++)
            proof[i] = (uint8_t)i;
        result.proof.data = proof;
        result.proof.len = fake->proof_len_told ? fake->proof_len_told : len;
    }
    if (call == FAKE_READ_SLOT)
        result.view = fake->true_views ? &view : &fake->view;
    if (call == FAKE_READ_CHALLENGE)
        result.challenge = &challenge;
    if (call == FAKE_READ_REQUEST)
        result.request = fake->request;
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_status_t answer = sales_complete(fake->sales, fake->now, token, &result, &error);
    free(proof);
    return answer;
}

static void *complete_on_thread(void *data) {
    job_t *job = data;
    sales_status_t answer = fake_complete_token(job->fake, job->call, job->token, &job->slot_id, job->status);
    if (answer != SALES_OK)
        fake_violation(job->fake, "a completion of %s on another thread: %s", call_names[job->call],
                       sales_status_name(answer));
    free(job);
    return NULL;
}

/* Starts a thread that completes. Whether it was joined already is the caller's business. */
static pthread_t spawn(fake_t *fake, fake_call_t call, const sales_op_t *op, sales_status_t status) {
    pthread_t thread;
    job_t *job = malloc(sizeof *job);
    if (!job)
        abort();
    *job = (job_t){.fake = fake, .call = call, .token = op->token, .slot_id = op->slot_id, .status = status};
    if (pthread_create(&thread, NULL, complete_on_thread, job) != 0)
        abort();
    return thread;
}

static void check_op(fake_t *fake, fake_call_t call, const sales_op_t *op) {
    static const uint8_t none[16];
    if (op->size != sizeof *op)
        fake_violation(fake, "%s: op.size is %" PRIu32 ", not %zu", call_names[call], op->size, sizeof *op);
    if (op->kind != op_kinds[call])
        fake_violation(fake, "%s: op.kind is %" PRIu32 ", not %" PRIu32, call_names[call], op->kind,
                       op_kinds[call]);
    if (op->token == 0)
        fake_violation(fake, "%s: op.token is 0", call_names[call]);
    if (op->attempt == 0)
        fake_violation(fake, "%s: op.attempt is 0", call_names[call]);
    if (op->reserved != 0)
        fake_violation(fake, "%s: op.reserved is not 0", call_names[call]);
    if (memcmp(op->store_id, none, sizeof none) == 0)
        fake_violation(fake, "%s: op.store_id is zero", call_names[call]);
    if (memcmp(op->id, none, sizeof none) == 0)
        fake_violation(fake, "%s: op.id is zero", call_names[call]);
}

/* Notes the call, runs the hook, and says how to behave. */
static fake_rule_t enter(fake_t *fake, fake_call_t call, const sales_op_t *op, uint64_t bytes) {
    pthread_mutex_lock(&fake->lock);
    fake->calls[call]++;
    if (fake->order_len < FAKE_ORDER_MAX)
        fake->order[fake->order_len++] = call;
    if (op) {
        if (call <= FAKE_CONSUME)
            truth_of(fake, &op->slot_id)->repo_took_effect = 0;
        fake->last_op[call] = *op;
        fake->last_bytes[call] = bytes;
    }
    fake_rule_t *rule = &fake->rules[call];
    fake_rule_t now = *rule;
    if (rule->times > 0 && --rule->times == 0)
        *rule = (fake_rule_t){.how = FAKE_WORK};
    fake_hook_fn hook = fake->hooks[call];
    void *context = fake->hook_contexts[call];
    pthread_mutex_unlock(&fake->lock);
    if (op)
        check_op(fake, call, op);
    if (hook)
        hook(fake, op, context);
    return now;
}

static sales_status_t effect(fake_t *fake, fake_call_t call, uint64_t bytes, const sales_op_t *op) {
    pthread_mutex_lock(&fake->lock);
    sales_status_t status = take_effect(fake, call, bytes, op);
    pthread_mutex_unlock(&fake->lock);
    return status;
}

/* What every callback with an operation does. */
static sales_status_t act(fake_t *fake, fake_call_t call, const sales_op_t *op, uint64_t bytes) {
    fake_rule_t rule = enter(fake, call, op, bytes);
    sales_status_t status = rule.status;
    if (rule.how == FAKE_FAIL)
        return status;
    if (rule.how == FAKE_NEVER)
        return SALES_PENDING;
    if (rule.how == FAKE_PEND) {
        pthread_mutex_lock(&fake->lock);
        if (fake->pending_len == FAKE_PENDING_MAX)
            abort();
        fake->pending[fake->pending_len++] =
            (fake_pending_t){.token = op->token, .call = call, .bytes = bytes, .op = *op};
        pthread_mutex_unlock(&fake->lock);
        return SALES_PENDING;
    }
    int takes = rule.how == FAKE_WORK || rule.how == FAKE_DONE_BUT || status == SALES_OK;
    if (takes) {
        sales_status_t refused = effect(fake, call, bytes, op);
        if (refused != SALES_OK)
            status = refused;
        if (rule.how == FAKE_WORK && refused != SALES_OK)
            return refused;
    }
    if (rule.how == FAKE_DONE_BUT)
        return status;
    if (rule.how == FAKE_WORK && !owes_data(call))
        return SALES_OK;
    if (rule.how == FAKE_THREAD || rule.how == FAKE_THREAD_FIRST) {
        pthread_t thread = spawn(fake, call, op, status);
        if (rule.how == FAKE_THREAD_FIRST) {
            pthread_join(thread, NULL);
            return SALES_PENDING;
        }
        pthread_mutex_lock(&fake->lock);
        if (fake->threads_len == FAKE_THREADS_MAX)
            abort();
        fake->threads[fake->threads_len++] = thread;
        pthread_mutex_unlock(&fake->lock);
        return SALES_PENDING;
    }
    sales_status_t answer =
        fake_complete_token(fake, call, op->token, &op->slot_id, rule.how == FAKE_WORK ? SALES_OK : status);
    if (answer != SALES_OK && rule.how != FAKE_WORK)
        fake_violation(fake, "a completion inside %s: %s", call_names[call], sales_status_name(answer));
    if (rule.how == FAKE_TWICE)
        fake->second_completion = fake_complete_token(fake, call, op->token, &op->slot_id, status);
    return rule.how == FAKE_INSIDE_OK ? SALES_OK : SALES_PENDING;
}

static void check_slot(fake_t *fake, fake_call_t call, const sales_slot_t *slot) {
    if (slot->size != sizeof *slot)
        fake_violation(fake, "%s: slot.size is %" PRIu32, call_names[call], slot->size);
    if (!slot->request || slot->request->size != sizeof *slot->request)
        fake_violation(fake, "%s: slot.request is missing or of another size", call_names[call]);
    else if (slot->request->cid.len == 0 || !slot->request->cid.data)
        fake_violation(fake, "%s: the request has no cid", call_names[call]);
    else if (slot->index >= slot->request->slots)
        fake_violation(fake, "%s: slot %" PRIu64 " of %" PRIu64, call_names[call], slot->index,
                       slot->request->slots);
}

static sales_status_t on_slot(fake_t *fake, fake_call_t call, const sales_op_t *op,
                              const sales_slot_t *slot) {
    check_slot(fake, call, slot);
    if (memcmp(&op->slot_id, &slot->slot_id, sizeof op->slot_id) != 0)
        fake_violation(fake, "%s: op and slot name different slots", call_names[call]);
    return act(fake, call, op, 0);
}

static sales_status_t repo_available(void *user_data, uint64_t *bytes) {
    fake_t *fake = user_data;
    fake_rule_t rule = enter(fake, FAKE_AVAILABLE, NULL, 0);
    if (rule.how == FAKE_FAIL)
        return rule.status;
    pthread_mutex_lock(&fake->lock);
    *bytes = fake->quota - fake->total - fake->used + fake->available_lie;
    pthread_mutex_unlock(&fake->lock);
    return rule.how == FAKE_WORK ? SALES_OK : rule.status;
}

static sales_status_t repo_amount(fake_t *fake, fake_call_t call, const sales_op_t *op, uint64_t bytes) {
    if (bytes == 0)
        fake_violation(fake, "%s of 0 bytes", call_names[call]);
    return act(fake, call, op, bytes);
}

static sales_status_t repo_reserve(void *user_data, const sales_op_t *op, uint64_t bytes) {
    return repo_amount(user_data, FAKE_RESERVE, op, bytes);
}

static sales_status_t repo_release(void *user_data, const sales_op_t *op, uint64_t bytes) {
    return repo_amount(user_data, FAKE_RELEASE, op, bytes);
}

static sales_status_t repo_consume(void *user_data, const sales_op_t *op, uint64_t bytes) {
    return repo_amount(user_data, FAKE_CONSUME, op, bytes);
}

static sales_status_t repo_reserved(void *user_data, sales_repo_total_t *total) {
    fake_t *fake = user_data;
    fake_rule_t rule = enter(fake, FAKE_RESERVED, NULL, 0);
    if (total->size != sizeof *total)
        fake_violation(fake, "repo.reserved: total.size is %" PRIu32, total->size);
    if (rule.how == FAKE_FAIL)
        return rule.status;
    pthread_mutex_lock(&fake->lock);
    total->bytes = fake->total;
    if (fake->keeps_ids) {
        memcpy(total->store_id, fake->store_id, sizeof total->store_id);
        total->store_seq = fake->store_seq;
    }
    pthread_mutex_unlock(&fake->lock);
    return rule.how == FAKE_WORK ? SALES_OK : rule.status;
}

static sales_status_t chain_fill_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                      const sales_bytes_t *proof, const sales_u256_t *collateral) {
    fake_t *fake = user_data;
    for (size_t i = 0; i < proof->len; i++) {
        if (proof->data[i] != (uint8_t)i) {
            fake_violation(fake, "chain.fill_slot: the proof is another at byte %zu", i);
            break;
        }
    }
    pthread_mutex_lock(&fake->lock);
    fake->last_proof_len = proof->len;
    fake->last_collateral = *collateral;
    pthread_mutex_unlock(&fake->lock);
    return on_slot(fake, FAKE_FILL_SLOT, op, slot);
}

static sales_status_t chain_reserve_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    return on_slot(user_data, FAKE_RESERVE_SLOT, op, slot);
}

static sales_status_t chain_free_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    return on_slot(user_data, FAKE_FREE_SLOT, op, slot);
}

static sales_status_t chain_read_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    return on_slot(user_data, FAKE_READ_SLOT, op, slot);
}

static sales_status_t chain_read_request(void *user_data, const sales_op_t *op,
                                         const sales_id_t *request_id) {
    (void)request_id;
    return act(user_data, FAKE_READ_REQUEST, op, 0);
}

static sales_status_t content_store(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                    uint64_t until, uint32_t repairing) {
    fake_t *fake = user_data;
    (void)repairing;
    pthread_mutex_lock(&fake->lock);
    fake->last_until = until;
    pthread_mutex_unlock(&fake->lock);
    return on_slot(fake, FAKE_STORE, op, slot);
}

static sales_status_t content_prove(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                    const sales_challenge_t *challenge) {
    if (challenge)
        fake_violation(user_data, "content.prove: a challenge although chain.read_challenge is not given");
    return on_slot(user_data, FAKE_PROVE, op, slot);
}

static sales_status_t content_clear(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    return on_slot(user_data, FAKE_CLEAR, op, slot);
}

static void content_cancel(void *user_data, uint64_t token) {
    fake_t *fake = user_data;
    sales_op_t op = {.token = token};
    pthread_mutex_lock(&fake->lock);
    fake->calls[FAKE_CANCEL]++;
    fake->last_op[FAKE_CANCEL] = op;
    fake_hook_fn hook = fake->hooks[FAKE_CANCEL];
    void *context = fake->hook_contexts[FAKE_CANCEL];
    pthread_mutex_unlock(&fake->lock);
    if (hook)
        hook(fake, &op, context);
}

static void watch_on_event(void *user_data, const sales_event_t *event) {
    fake_t *fake = user_data;
    pthread_mutex_lock(&fake->lock);
    if (event->size != sizeof *event)
        fake_violation(fake, "watch.on_event: event.size is %" PRIu32, event->size);
    if (event->number != 0 && fake->last_number != 0 && event->number != fake->last_number + 1)
        fake_violation(fake, "watch.on_event: number %" PRIu64 " after %" PRIu64, event->number,
                       fake->last_number);
    if (event->number != 0)
        fake->last_number = event->number;
    if (fake->events_len < FAKE_EVENTS_MAX)
        fake->events[fake->events_len++] = *event;
    fake_hook_fn hook = fake->hooks[FAKE_EVENT];
    void *context = fake->hook_contexts[FAKE_EVENT];
    fake->calls[FAKE_EVENT]++;
    pthread_mutex_unlock(&fake->lock);
    if (hook)
        hook(fake, NULL, context);
}

static void watch_on_deadline(void *user_data, uint64_t at) {
    fake_t *fake = user_data;
    pthread_mutex_lock(&fake->lock);
    fake->last_deadline = at;
    fake->calls[FAKE_DEADLINE]++;
    fake_hook_fn hook = fake->hooks[FAKE_DEADLINE];
    void *context = fake->hook_contexts[FAKE_DEADLINE];
    pthread_mutex_unlock(&fake->lock);
    if (hook)
        hook(fake, NULL, context);
}

sales_repo_t fake_repo(fake_t *fake) {
    sales_repo_t repo = SALES_INIT(sales_repo_t);
    repo.user_data = fake;
    repo.available = repo_available;
    repo.reserve = repo_reserve;
    repo.release = repo_release;
    repo.reserved = repo_reserved;
    repo.consume = repo_consume;
    return repo;
}

sales_chain_t fake_chain(fake_t *fake) {
    sales_chain_t chain = SALES_INIT(sales_chain_t);
    chain.user_data = fake;
    chain.fill_slot = chain_fill_slot;
    chain.reserve_slot = chain_reserve_slot;
    chain.free_slot = chain_free_slot;
    chain.read_slot = chain_read_slot;
    chain.read_request = chain_read_request;
    return chain;
}

sales_content_t fake_content(fake_t *fake) {
    sales_content_t content = SALES_INIT(sales_content_t);
    content.user_data = fake;
    content.store = content_store;
    content.prove = content_prove;
    content.clear = content_clear;
    content.cancel = content_cancel;
    return content;
}

sales_watch_t fake_watch(fake_t *fake) {
    sales_watch_t watch = SALES_INIT(sales_watch_t);
    watch.user_data = fake;
    watch.on_event = watch_on_event;
    watch.on_deadline = watch_on_deadline;
    return watch;
}

size_t fake_pending(fake_t *fake, fake_call_t call) {
    size_t n = 0;
    pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->pending_len; i++)
        n += fake->pending[i].call == call;
    pthread_mutex_unlock(&fake->lock);
    return n;
}

uint64_t fake_pending_token(fake_t *fake, fake_call_t call) {
    uint64_t token = 0;
    pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->pending_len && token == 0; i++)
        if (fake->pending[i].call == call)
            token = fake->pending[i].token;
    pthread_mutex_unlock(&fake->lock);
    return token;
}

/* Takes the oldest pending operation of `call` (FAKE_CALLS: of any) out of the list; whether there was one.
 */
static int take_pending(fake_t *fake, fake_call_t call, fake_pending_t *out) {
    int found = 0;
    pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->pending_len && !found; i++) {
        if (call != FAKE_CALLS && fake->pending[i].call != call)
            continue;
        *out = fake->pending[i];
        memmove(&fake->pending[i], &fake->pending[i + 1],
                (fake->pending_len - i - 1) * sizeof fake->pending[0]);
        fake->pending_len--;
        found = 1;
    }
    pthread_mutex_unlock(&fake->lock);
    return found;
}

static sales_status_t complete_pending(fake_t *fake, const fake_pending_t *pending, sales_status_t status) {
    if (status == SALES_OK)
        status = effect(fake, pending->call, pending->bytes, &pending->op);
    return fake_complete_token(fake, pending->call, pending->token, &pending->op.slot_id, status);
}

sales_status_t fake_complete(fake_t *fake, fake_call_t call, sales_status_t status) {
    fake_pending_t pending;
    if (!take_pending(fake, call, &pending)) {
        fake_violation(fake, "nothing of %s is pending", call_names[call]);
        return SALES_ERR_TOKEN;
    }
    return complete_pending(fake, &pending, status);
}

void fake_complete_all(fake_t *fake, sales_status_t status) {
    fake_pending_t pending;
    while (take_pending(fake, FAKE_CALLS, &pending)) {
        sales_status_t answer = complete_pending(fake, &pending, status);
        if (answer != SALES_OK)
            fake_violation(fake, "completing %s: %s", call_names[pending.call], sales_status_name(answer));
    }
}

void fake_forget_one(fake_t *fake, int takes_effect) {
    fake_pending_t pending;
    if (take_pending(fake, FAKE_CALLS, &pending) && takes_effect)
        (void)effect(fake, pending.call, pending.bytes, &pending.op);
}

void fake_forget_pending(fake_t *fake, int takes_effect) {
    while (fake->pending_len > 0)
        fake_forget_one(fake, takes_effect);
}

void fake_join(fake_t *fake) {
    for (;;) {
        pthread_t thread;
        int found = 0;
        pthread_mutex_lock(&fake->lock);
        if (fake->threads_len > 0) {
            thread = fake->threads[--fake->threads_len];
            found = 1;
        }
        pthread_mutex_unlock(&fake->lock);
        if (!found)
            return;
        pthread_join(thread, NULL);
    }
}

size_t fake_events(fake_t *fake, uint32_t kind, sales_event_t *out) {
    size_t n = 0;
    pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->events_len; i++) {
        if (fake->events[i].kind != kind)
            continue;
        n++;
        if (out)
            *out = fake->events[i];
    }
    pthread_mutex_unlock(&fake->lock);
    return n;
}

int fake_done(fake_t *fake, uint64_t token, sales_status_t *status) {
    int n = 0;
    pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->events_len; i++) {
        if (fake->events[i].kind == SALES_EVENT_DONE && fake->events[i].token == token) {
            n++;
            if (status)
                *status = fake->events[i].status;
        }
    }
    pthread_mutex_unlock(&fake->lock);
    return n;
}
