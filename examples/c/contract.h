/* The rules of the marketplace contract, for one request: who may do what when, what it pays, what it
 * announces. No disk, no clock, no library: a move either takes effect or reverts, and says why. */
#ifndef EXAMPLE_CONTRACT_H
#define EXAMPLE_CONTRACT_H

#include "scenario.h"

/* The contract's settings, as it was recorded with. */
#define CONTRACT_PERIOD 90
#define CONTRACT_PROOF_TIMEOUT 30
#define CONTRACT_DOWNTIME 96
#define CONTRACT_RESERVATIONS_MAX 3
#define CONTRACT_MISSES_MAX 2
#define CONTRACT_SLASH_PERCENT 20
#define CONTRACT_REPAIR_PERCENT 10
#define CONTRACT_DURATION_LIMIT 2592000

typedef enum news_kind_t {
    NEWS_REQUESTED,
    NEWS_FILLED,
    NEWS_FREED,
    NEWS_RESERVATIONS_FULL,
    NEWS_FULFILLED,
    NEWS_CANCELLED,
    NEWS_FAILED,
    NEWS_COUNT
} news_kind_t;

typedef struct contract_slot_t {
    uint64_t state; /* SALES_SLOT_*, as last written: contract_slot_state adds what the clock says */
    uint64_t host;
    uint64_t reservations; /* a bit for each host */
    uint64_t misses;
    uint64_t filled_at;
    uint64_t collateral;
    uint64_t proved; /* the last period with a proof */
    uint64_t missed; /* the last period marked as missed */
} contract_slot_t;

/* All that moves change; the terms are the request's. */
typedef struct contract_t {
    uint64_t posted;
    uint64_t state; /* SALES_REQUEST_*, as last written */
    uint64_t filled;
    uint64_t withdrawn;
    uint64_t expires_at;
    uint64_t ends_at;
    contract_slot_t slots[SCENARIO_SLOTS_MAX];
} contract_t;

/* What a move did. */
typedef struct outcome_t {
    const char *reverted; /* why; NULL: it took effect */
    uint64_t paid;        /* tokens given to the mover */
    uint64_t locked;      /* tokens taken from the mover */
    news_kind_t news[3];
    uint32_t news_len;
} outcome_t;

outcome_t contract_move(contract_t *contract, const sales_request_t *terms, const move_t *move);

uint32_t contract_request_state(const contract_t *contract, uint64_t now);
uint32_t contract_slot_state(const contract_t *contract, uint64_t slot, uint64_t now);

/* The next second after `now` in which the clock alone changes a state; UINT64_MAX: none. */
uint64_t contract_next(const contract_t *contract, uint64_t now);

/* A number as the demo needs it; UINT64_MAX where it is larger. */
uint64_t u256_small(const sales_u256_t *number);

#endif
