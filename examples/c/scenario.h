/* A recorded scenario: what a client asked for, and every move that followed. From scenarios/NAME.txt. */
#ifndef EXAMPLE_SCENARIO_H
#define EXAMPLE_SCENARIO_H

#include <sales.h>

#define SCENARIO_MOVES_MAX 64
#define SCENARIO_CID_MAX 128
#define SCENARIO_SLOTS_MAX 8

/* Who moves. Hosts are numbered as recorded; this node plays host 1. */
typedef enum actor_t {
    ACTOR_NONE = 0,
    ACTOR_US = 1,
    ACTOR_HOST_LAST = 9,
    ACTOR_CLIENT,
    ACTOR_VALIDATOR
} actor_t;

typedef enum move_kind_t {
    MOVE_REQUEST,
    MOVE_RESERVE,
    MOVE_FILL,
    MOVE_PROVE,
    MOVE_MISS,
    MOVE_FREE,
    MOVE_WITHDRAW,
} move_kind_t;

typedef struct move_t {
    uint64_t time; /* seconds since 1970 */
    actor_t actor;
    move_kind_t kind;
    uint64_t slot;
    uint64_t period;
} move_t;

typedef struct scenario_t {
    char name[48];
    sales_id_t id;
    sales_request_t request; /* its cid points to `cid` */
    uint8_t cid[SCENARIO_CID_MAX];
    move_t moves[SCENARIO_MOVES_MAX];
    uint32_t moves_len;
    int we_sell;       /* the recorded host 1 takes part */
    uint64_t our_slot; /* the slot that the recorded host 1 took */
} scenario_t;

/* Reads a scenario; says on stderr what is wrong with it, and answers 0 when it is whole. */
int scenario_read(const char *path, scenario_t *scenario);

/* The name of an actor, as "host2". */
const char *actor_name(actor_t actor);

#endif
