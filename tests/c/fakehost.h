/* fakehost.h - a host in memory whose every callback can be told how to behave, and which keeps exact books
 * itself. */
#ifndef FAKEHOST_H
#define FAKEHOST_H

#include <pthread.h>
#include <stdint.h>

#include "sales.h"

/* Every callback of the four tables. */
typedef enum fake_call_t {
    FAKE_AVAILABLE,
    FAKE_RESERVE,
    FAKE_RELEASE,
    FAKE_RESERVED,
    FAKE_CONSUME,
    FAKE_STORE,
    FAKE_PROVE,
    FAKE_KEEP,
    FAKE_CLEAR,
    FAKE_VERIFY,
    FAKE_CANCEL,
    FAKE_FILL_SLOT,
    FAKE_RESERVE_SLOT,
    FAKE_FREE_SLOT,
    FAKE_SUBMIT_PROOF,
    FAKE_READ_SLOT,
    FAKE_READ_CHALLENGE,
    FAKE_READ_REQUEST,
    FAKE_READ_MY_SLOTS,
    FAKE_EVENT,
    FAKE_DEADLINE,
    FAKE_CALLS
} fake_call_t;

/* How a callback behaves. */
typedef enum fake_how_t {
    FAKE_WORK,      /* takes effect and answers OK; data it owes is completed inside, then PENDING */
    FAKE_FAIL,      /* no effect; answers `status` */
    FAKE_DONE_BUT,  /* takes effect, but answers `status` */
    FAKE_PEND,      /* answers PENDING; the test completes it */
    FAKE_INSIDE,    /* completes with `status` inside, then answers PENDING */
    FAKE_INSIDE_OK, /* completes with `status` inside, then answers OK */
    FAKE_TWICE,     /* completes with `status` inside twice, then answers PENDING */
    FAKE_THREAD,    /* another thread completes with `status`, after or while the callback returns PENDING */
    FAKE_THREAD_FIRST, /* another thread completes with `status` before the callback returns PENDING */
    FAKE_NEVER         /* takes no effect and answers PENDING; nothing is remembered */
} fake_how_t;

typedef struct fake_rule_t {
    fake_how_t how;
    sales_status_t status;
    uint32_t times; /* 0: always; else so often, then FAKE_WORK */
} fake_rule_t;

#define FAKE_PENDING_MAX 128
#define FAKE_EVENTS_MAX 2048
#define FAKE_ORDER_MAX 4096
#define FAKE_THREADS_MAX 64

typedef struct fake_pending_t {
    uint64_t token;
    fake_call_t call;
    uint64_t bytes;
    sales_op_t op;
} fake_pending_t;

#define FAKE_TRUTHS_MAX 2048

/* What really happened to a slot, whatever the library was told. */
typedef struct fake_truth_t {
    sales_id_t slot_id;
    int repo_took_effect; /* the last operation of the repo for it */
    uint64_t reserved;    /* what the repo holds for it */
    int filled;           /* it is ours on chain */
    int paid;             /* chain.free_slot was done */
} fake_truth_t;

struct fake_t;
/* Runs at the entry of a callback, before its rule, with no lock of the fake held. `op` may be NULL. */
typedef void (*fake_hook_fn)(struct fake_t *fake, const sales_op_t *op, void *context);

typedef struct fake_t {
    sales_t sales;
    uint64_t now;
    uint64_t quota;
    uint64_t total; /* reserved for the module: T of the ledger */
    uint64_t used;  /* turned into used bytes by repo.consume */
    int keeps_ids;  /* repo.reserved gives store_id and store_seq back */
    uint8_t store_id[16];
    uint64_t store_seq;
    uint64_t available_lie; /* added to what repo.available tells */
    size_t proof_len;       /* what prove gives; the bytes count up */
    size_t proof_len_told;  /* the length written into the result; 0: proof_len */
    sales_slot_view_t view; /* what read_slot gives, unless ... */
    int true_views;         /* ... it tells what really happened */
    int requests_ended;     /* for true views: every request has ended */
    fake_truth_t truths[FAKE_TRUTHS_MAX];
    size_t truths_len;
    const sales_request_t *request; /* what read_request gives */
    fake_rule_t rules[FAKE_CALLS];
    fake_hook_fn hooks[FAKE_CALLS];
    void *hook_contexts[FAKE_CALLS];
    uint32_t calls[FAKE_CALLS]; /* how often called */
    fake_call_t order[FAKE_ORDER_MAX];
    size_t order_len;
    sales_op_t last_op[FAKE_CALLS];
    uint64_t last_bytes[FAKE_CALLS];
    uint64_t last_until;
    sales_u256_t last_collateral;
    size_t last_proof_len;
    fake_pending_t pending[FAKE_PENDING_MAX];
    size_t pending_len;
    sales_event_t events[FAKE_EVENTS_MAX];
    size_t events_len;
    uint64_t last_number; /* of the events; 0: none yet */
    uint64_t last_deadline;
    uint32_t violations;              /* broken promises seen by the fake; each was printed */
    sales_status_t second_completion; /* what the second of FAKE_TWICE answered */
    pthread_t threads[FAKE_THREADS_MAX];
    size_t threads_len;
    pthread_mutex_t lock;
} fake_t;

void fake_init(fake_t *fake, uint64_t quota);
void fake_free(fake_t *fake);

/* From now on `call` behaves so. */
void fake_set(fake_t *fake, fake_call_t call, fake_how_t how, sales_status_t status, uint32_t times);
void fake_hook(fake_t *fake, fake_call_t call, fake_hook_fn hook, void *context);

/* Tables with the entries every test needs; a test adds or removes others. */
sales_repo_t fake_repo(fake_t *fake);
sales_chain_t fake_chain(fake_t *fake);
sales_content_t fake_content(fake_t *fake);
sales_watch_t fake_watch(fake_t *fake);

/* How many operations of `call` are pending by FAKE_PEND. */
size_t fake_pending(fake_t *fake, fake_call_t call);
/* The token of the oldest of them; 0: none. */
uint64_t fake_pending_token(fake_t *fake, fake_call_t call);
/* Takes its effect where `status` is OK, forgets it, and completes the oldest; what sales_complete answered.
 */
sales_status_t fake_complete(fake_t *fake, fake_call_t call, sales_status_t status);
/* Completes all that is pending, of every call, until nothing is. */
void fake_complete_all(fake_t *fake, sales_status_t status);
/* Forgets the oldest that is pending, as a crash of the host does; `effect`: its effect is taken first. */
void fake_forget_one(fake_t *fake, int effect);
/* Forgets what is pending, as a crash of the host does; `effect`: its effect is taken first. */
void fake_forget_pending(fake_t *fake, int effect);
/* Completes `token` for `call` with what it owes; what sales_complete answered. */
sales_status_t fake_complete_token(fake_t *fake, fake_call_t call, uint64_t token, const sales_id_t *slot_id,
                                   sales_status_t status);

/* Waits for the threads of FAKE_THREAD. */
void fake_join(fake_t *fake);

/* How many events of this kind; the last of them in `out` (may be NULL). */
size_t fake_events(fake_t *fake, uint32_t kind, sales_event_t *out);
/* The SALES_EVENT_DONE of a token; 0 when there was none. */
int fake_done(fake_t *fake, uint64_t token, sales_status_t *status);

/* What really happened to a slot; all zero where nothing did. */
fake_truth_t fake_truth(fake_t *fake, const sales_id_t *slot_id);

/* Prints and counts a broken promise. */
void fake_violation(fake_t *fake, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
