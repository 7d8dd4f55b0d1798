/* The chain: plays a recorded scenario by its own timestamps, and lets this node take part in the place of
 * host 1.
 *
 * It is the world outside the node: its state lies in a file of its own, written before anybody hears of a
 * move, and survives whatever becomes of the node. Time is virtual: it stands still while the node does not
 * ask for more. */
#ifndef EXAMPLE_CHAIN_H
#define EXAMPLE_CHAIN_H

#include <sales.h>

#include "contract.h"
#include "disk.h"
#include "scenario.h"

#define CHAIN_NEWS_MAX 128
#define CHAIN_NO_SLOT UINT64_MAX

/* An event of the contract, as it is read from a block. */
typedef struct news_t {
    uint64_t block;
    uint64_t time;
    uint64_t kind; /* news_kind_t */
    uint64_t slot;
    uint64_t log_index;
} news_t;

/* All that is on the chain. Written to the disk as it lies here. */
typedef struct world_t {
    char magic[8];
    uint64_t now;
    uint64_t block;
    uint64_t scenario;  /* which is being played; as many as there are: all were played */
    uint64_t next_move; /* of the recording */
    uint64_t our_slot;  /* the slot that this node took; CHAIN_NO_SLOT: none yet */
    uint64_t sold_here; /* 1: this node has filled a slot of this scenario */
    uint64_t sold;      /* how many scenarios it has filled a slot of */
    uint64_t proof_due; /* 1: the recorded host 1 submits a proof now */
    uint64_t earned;    /* tokens, of all scenarios */
    uint64_t locked;    /* tokens that this node locked as collateral, of all scenarios */
    uint64_t news_len;
    news_t news[CHAIN_NEWS_MAX]; /* of this scenario */
    contract_t contract;
} world_t;

typedef struct chain_t {
    sales_t sales;
    char directory[DISK_PATH_MAX];
    scenario_t *scenarios;
    uint64_t scenarios_len;
    world_t world;
} chain_t;

/* Opens the world in `directory`, or begins it with the first scenario. */
int chain_open(chain_t *chain, const char *directory, scenario_t *scenarios, uint64_t scenarios_len);

/* The table for sales_register_chain. */
sales_chain_t chain_table(chain_t *chain);

/* The scenario being played; NULL when all were. */
const scenario_t *chain_scenario(const chain_t *chain);

/* When something happens next by itself: a recorded move, or the clock changes a state. UINT64_MAX: never. */
uint64_t chain_next(const chain_t *chain);

/* Lets time pass until `time`, and plays all that was recorded up to then. -1 where the world could not be
 * written. */
int chain_advance(chain_t *chain, uint64_t time);

/* Begins the next scenario. */
int chain_next_scenario(chain_t *chain);

/* SALES_REQUEST_* of the scenario's request; SALES_STATE_UNKNOWN before it was posted. */
uint32_t chain_request_state(const chain_t *chain);

/* In how many scenarios there was something to sell for this node. */
uint64_t chain_to_sell(const chain_t *chain);

/* Sends the proof of the current period for this node's slot; -1 where the world could not be written. */
int chain_submit_proof(chain_t *chain, const uint8_t *proof, size_t len);

#endif
