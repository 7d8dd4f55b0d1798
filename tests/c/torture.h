/* torture.h - the host of the torture: a repo, a chain and content that many threads use at once, with the truth
 * of what they did. */
#ifndef TORTURE_H
#define TORTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

#define TORTURE_REQUESTS 12
#define TORTURE_SLOTS 8
#define TORTURE_OUT_MAX 4096

/* Reserved, used and filled, of one slot. */
typedef struct torture_slot_t {
    sales_id_t id;
    uint64_t reserved;
    uint64_t used;
    int refused; /* a release or consumption was: what it had is owed beside what is live */
    int filled;
    int paid;
    char story[2048]; /* what happened to it */
} torture_slot_t;

/* An operation that is out. */
typedef struct torture_out_t {
    sales_t sales;
    uint64_t bytes;
    sales_op_t op;
} torture_out_t;

typedef struct torture_t {
    const char *path;
    _Atomic sales_t sales;
    _Atomic sales_t stale;
    _Atomic uint64_t now;
    _Atomic int closing; /* sales_close was called */
    _Atomic int may_close; /* callbacks close, too */
    _Atomic int calm;    /* callbacks answer at once, and OK */
    _Atomic unsigned broken;
    _Atomic unsigned lines; /* of the log */
    _Atomic unsigned counts[8];
    /* The rest under the lock, which is never held when the library is called. */
    pthread_mutex_t lock;
    uint64_t total;
    sales_t closed; /* the last that sales_close was called for */
    int loose; /* a surplus was released, or an instance closed with operations out: what is whose is not known */
    torture_slot_t slots[TORTURE_SLOTS + TORTURE_REQUESTS];
    torture_out_t out[TORTURE_OUT_MAX];
    size_t out_len;
    int telling;
    uint64_t last_event;
    posted_t posted[TORTURE_REQUESTS];
} torture_t;

enum { TOLD, COMPLETED, INSIDE, EARLY, REFUSED_HANDLE, BUSY, CLOSED, SOLD };

/* A random number of this thread. */
uint64_t torture_random(uint64_t limit);
void torture_seed(uint64_t seed);

void torture_broken(torture_t *torture, const char *format, ...) __attribute__((format(printf, 2, 3)));

sales_repo_t torture_repo(torture_t *torture);
sales_chain_t torture_chain(torture_t *torture);
sales_content_t torture_content(torture_t *torture);
sales_watch_t torture_watch(torture_t *torture);
void torture_log(void *user_data, uint32_t level, const char *target, const char *text);

/* Completes one operation that is out, any; 0: nothing is. */
int torture_complete(torture_t *torture);

void torture_closes(torture_t *torture, sales_t sales);

/* A call of any kind, from a thread (depth 0) or from inside a callback. */
void torture_call(torture_t *torture, int depth);

#endif
