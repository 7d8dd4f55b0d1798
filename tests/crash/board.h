/* board.h - what outlives a kill and is seen from outside: a file mapped by the host and by its killer. It tells where
 * the host is, and it is the chain: what was filled stays filled, whatever becomes of the node. crash.py knows the
 * layout. */
#ifndef CRASH_BOARD_H
#define CRASH_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#include <sales.h>

#define BOARD_THREADS 8
#define BOARD_REQUESTS 8192
#define BOARD_SLOTS 2 /* of each request */

typedef enum phase_t {
    PHASE_NONE,
    PHASE_CREATE,
    PHASE_OPEN,
    PHASE_START,
    PHASE_LOAD,
    PHASE_RESTART,
    PHASE_CLOSE,
    PHASE_END
} phase_t;

/* What a thread is doing: the call, and whether that call is out at the repo. */
typedef enum call_t {
    CALL_NONE,
    CALL_RESERVE,
    CALL_RELEASE,
    CALL_CONSUMED,
    CALL_REQUEST,
    CALL_ENDED,
    CALL_OFFER_NEW,
    CALL_OFFER_CHANGE,
    CALL_OFFER_REMOVE,
    CALL_TICK,
    CALL_RESTART
} call_t;

typedef struct board_thread_t {
    _Atomic uint32_t call, in_repo;
} board_thread_t;

/* A request as the chain has it. */
typedef struct board_request_t {
    _Atomic uint32_t told; /* 1: posted; 2: its ids are written below; 3: its end was answered OK */
    _Atomic uint32_t ended;
    _Atomic uint32_t filled[BOARD_SLOTS]; /* how often: more than once is a loss of collateral */
    _Atomic uint32_t paid[BOARD_SLOTS];
    uint32_t reserved[2];
    sales_id_t id, slots[BOARD_SLOTS];
} board_request_t;

typedef struct board_t {
    _Atomic uint64_t clock, amount;
    _Atomic uint32_t phase, next_request, next_to_end, life;
    uint32_t reserved0[8];
    board_thread_t threads[BOARD_THREADS];
    uint32_t reserved1[32];
    board_request_t requests[BOARD_REQUESTS];
} board_t;

_Static_assert(sizeof(board_request_t) == 128 && offsetof(board_t, requests) == 256, "crash.py knows the layout");

extern board_t *board;

/* Maps the file, which is there. Says on stderr what failed, and answers 0 when it can be used. */
int board_map(const char *directory);

/* The next moment: an order over everything that is noted, also over several lives. */
uint64_t board_moment(void);

/* Goes from one phase to another, unless it is in a third. */
void board_phase(phase_t from, phase_t to);

#endif
