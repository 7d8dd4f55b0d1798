/* The chain: the world outside the node, played from a recording by the contract's rules. */
#include "chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "show.h"
#include "step.h"

#define WORLD_FILE "world"

static const char MAGIC[8] = "world 1";

static disk_status_t save(chain_t *chain, const world_t *world) {
    disk_status_t status = disk_replace(chain->directory, WORLD_FILE, world, sizeof *world);
    if (status != DISK_FAILED) chain->world = *world;
    return status;
}

static void begin(chain_t *chain, world_t *world, uint64_t scenario) {
    world->scenario = scenario;
    world->next_move = 0;
    world->our_slot = CHAIN_NO_SLOT;
    world->sold_here = 0;
    world->proof_due = 0;
    world->news_len = 0;
    memset(&world->contract, 0, sizeof world->contract);
    if (scenario < chain->scenarios_len && world->now < chain->scenarios[scenario].moves[0].time - 1)
        world->now = chain->scenarios[scenario].moves[0].time - 1;
}

int chain_open(chain_t *chain, const char *directory, scenario_t *scenarios, uint64_t scenarios_len) {
    union {
        world_t world;
        char text[sizeof(world_t) + 1]; /* disk_read puts a 0 behind what it read */
    } file;
    memset(chain, 0, sizeof *chain);
    chain->scenarios = scenarios;
    chain->scenarios_len = scenarios_len;
    snprintf(chain->directory, sizeof chain->directory, "%s", directory);
    if (disk_make_directory(directory) != DISK_OK) return -1;
    memset(&file, 0, sizeof file);
    disk_status_t status = disk_read(directory, WORLD_FILE, file.text, sizeof file.text);
    if (status == DISK_MISSING) {
        memcpy(file.world.magic, MAGIC, sizeof MAGIC);
        begin(chain, &file.world, 0);
        return save(chain, &file.world) == DISK_OK ? 0 : -1;
    }
    if (status != DISK_OK || memcmp(file.world.magic, MAGIC, sizeof MAGIC) != 0) {
        fprintf(stderr, "%s/%s is not a world of this program\n", directory, WORLD_FILE);
        return -1;
    }
    chain->world = file.world;
    return 0;
}

const scenario_t *chain_scenario(const chain_t *chain) {
    return chain->world.scenario < chain->scenarios_len ? &chain->scenarios[chain->world.scenario] : NULL;
}

uint32_t chain_request_state(const chain_t *chain) {
    if (!chain->world.contract.posted) return SALES_STATE_UNKNOWN;
    return contract_request_state(&chain->world.contract, chain->world.now);
}

uint64_t chain_next(const chain_t *chain) {
    const scenario_t *scenario = chain_scenario(chain);
    if (scenario == NULL) return UINT64_MAX;
    uint64_t next = contract_next(&chain->world.contract, chain->world.now);
    if (chain->world.next_move < scenario->moves_len && scenario->moves[chain->world.next_move].time < next)
        next = scenario->moves[chain->world.next_move].time;
    return next;
}

int chain_next_scenario(chain_t *chain) {
    world_t world = chain->world;
    begin(chain, &world, world.scenario + 1);
    step_t before = step_enter(STEP_PLAYING);
    disk_status_t status = save(chain, &world);
    step_enter(before);
    return status == DISK_OK ? 0 : -1;
}

/* Slots are alike: the library chooses one at random, the recorded host 1 took another, so the recording is
 * played with these two numbers exchanged. */
static uint64_t renumbered(const scenario_t *scenario, const world_t *world, uint64_t slot) {
    if (world->our_slot == CHAIN_NO_SLOT) return slot;
    if (slot == scenario->our_slot) return world->our_slot;
    return slot == world->our_slot ? scenario->our_slot : slot;
}

/* A move takes effect in `world`, or reverts; its events go to the end of the news. */
static outcome_t mine(world_t *world, const scenario_t *scenario, const move_t *move) {
    outcome_t outcome = contract_move(&world->contract, &scenario->request, move);
    if (outcome.reverted != NULL) return outcome;
    world->block++;
    for (uint32_t i = 0; i < outcome.news_len && world->news_len < CHAIN_NEWS_MAX; i++) {
        world->news[world->news_len++] = (news_t){.block = world->block,
                                                  .time = world->now,
                                                  .kind = outcome.news[i],
                                                  .slot = move->slot,
                                                  .log_index = i};
    }
    if (move->actor == ACTOR_US) {
        world->earned += outcome.paid;
        world->locked += outcome.locked;
        if (move->kind == MOVE_FILL && !world->sold_here) {
            world->sold_here = 1;
            world->sold++;
        }
    }
    return outcome;
}

static void show_move(const scenario_t *scenario, const move_t *move, const outcome_t *outcome) {
    static const char *const TEXTS[] = {"posts the request",     "reserves the slot",    "fills the slot",
                                        "submits a proof",       "marks a missed proof", "frees the slot",
                                        "withdraws what is left"};
    int whole = move->kind == MOVE_REQUEST || move->kind == MOVE_WITHDRAW;
    show(move->time, &scenario->id, whole ? SHOW_NO_SLOT : move->slot, actor_name(move->actor), "%s%s%s",
         TEXTS[move->kind], outcome->reverted == NULL ? "" : ": reverted, ",
         outcome->reverted == NULL ? "" : outcome->reverted);
}

/* The recorded host 1 is this node: it acts by itself. Only the proofs, which version 0.1 of the library does
 * not submit, are asked of it as they were recorded. */
static void ask_us(world_t *world, const move_t *move) {
    const contract_slot_t *slot = &world->contract.slots[move->slot];
    if (move->kind == MOVE_PROVE && slot->host == ACTOR_US && slot->state == SALES_SLOT_FILLED)
        world->proof_due = 1;
}

int chain_advance(chain_t *chain, uint64_t time) {
    const scenario_t *scenario = chain_scenario(chain);
    world_t world = chain->world;
    move_t moves[SCENARIO_MOVES_MAX];
    outcome_t outcomes[SCENARIO_MOVES_MAX];
    size_t played = 0;
    if (time > world.now) world.now = time;
    for (; world.next_move < scenario->moves_len; world.next_move++) {
        move_t move = scenario->moves[world.next_move];
        if (move.time > world.now) break;
        move.time = world.now;
        move.slot = renumbered(scenario, &world, move.slot);
        if (move.actor == ACTOR_US) {
            ask_us(&world, &move);
            continue;
        }
        moves[played] = move;
        outcomes[played++] = mine(&world, scenario, &move);
    }
    step_t before = step_enter(STEP_PLAYING);
    disk_status_t status = save(chain, &world);
    step_enter(before);
    if (status != DISK_OK) return -1;
    for (size_t i = 0; i < played; i++) show_move(scenario, &moves[i], &outcomes[i]);
    return 0;
}

/* A move of this node: mined at once, on the disk before anybody hears of it. */
static disk_status_t send(chain_t *chain, move_kind_t kind, uint64_t slot, outcome_t *outcome) {
    const scenario_t *scenario = chain_scenario(chain);
    world_t world = chain->world;
    move_t move = {.time = world.now, .actor = ACTOR_US, .kind = kind, .slot = slot};
    if (world.our_slot == CHAIN_NO_SLOT) world.our_slot = slot;
    if (kind == MOVE_PROVE) world.proof_due = 0;
    *outcome = mine(&world, scenario, &move);
    disk_status_t status = save(chain, &world);
    if (status != DISK_FAILED) show_move(scenario, &move, outcome);
    return status;
}

/* Whether a callback is about the request being played; the chain has no other. */
static int known(const chain_t *chain, const sales_id_t *request_id, uint64_t slot) {
    const scenario_t *scenario = chain_scenario(chain);
    return scenario != NULL && chain->world.contract.posted && slot < scenario->request.slots &&
           memcmp(&scenario->id, request_id, sizeof *request_id) == 0;
}

/* Completes an operation with what it owes, or with a reason in words. */
static sales_status_t answer(chain_t *chain, const sales_op_t *op, sales_result_t result) {
    result.size = sizeof result;
    sales_status_t status = lib.sales_complete(chain->sales, chain->world.now, op->token, &result, NULL);
    return status < 0 ? SALES_HOST_PERMANENT : SALES_PENDING;
}

static sales_status_t unknown_request(chain_t *chain, const sales_op_t *op) {
    return answer(chain, op,
                  (sales_result_t){.status = SALES_HOST_NOT_ALLOWED, .text = "no such request on the chain"});
}

/* Answers `refusal` with the contract's reason where the move reverts. */
static sales_status_t act(chain_t *chain, step_t step, move_kind_t kind, const sales_op_t *op,
                          const sales_slot_t *slot, sales_status_t refusal, outcome_t *outcome) {
    if (!known(chain, &slot->request_id, slot->index)) return unknown_request(chain, op);
    step_t before = step_enter(step);
    disk_status_t status = send(chain, kind, slot->index, outcome);
    step_enter(before);
    if (status == DISK_FAILED) return SALES_HOST_TRANSIENT;
    if (status == DISK_UNKNOWN) return SALES_HOST_UNKNOWN;
    if (outcome->reverted == NULL) return SALES_OK;
    return answer(chain, op, (sales_result_t){.status = refusal, .text = outcome->reverted});
}

static sales_status_t reserve_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    chain_t *chain = user_data;
    outcome_t outcome = {0};
    uint64_t bit = UINT64_C(1) << ACTOR_US;
    if (known(chain, &slot->request_id, slot->index) &&
        chain->world.contract.slots[slot->index].reservations & bit)
        return SALES_OK; /* our own, from before */
    return act(chain, STEP_RESERVING, MOVE_RESERVE, op, slot, SALES_HOST_NOT_ALLOWED, &outcome);
}

static sales_status_t fill_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                const sales_bytes_t *proof, const sales_u256_t *collateral) {
    chain_t *chain = user_data;
    outcome_t outcome = {0};
    (void)proof; /* its content is the verifier's business, which the recording does not have */
    sales_status_t status =
        act(chain, STEP_FILLING, MOVE_FILL, op, slot, SALES_HOST_STATE_MISMATCH, &outcome);
    if (status == SALES_OK && outcome.locked > u256_small(collateral))
        fprintf(stderr, "the chain took %" PRIu64 " tokens of collateral, the library meant less\n",
                outcome.locked);
    return status;
}

static sales_status_t free_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    chain_t *chain = user_data;
    outcome_t outcome = {0};
    sales_status_t status = act(chain, STEP_ENDED, MOVE_FREE, op, slot, SALES_HOST_STATE_MISMATCH, &outcome);
    if (status == SALES_OK)
        show(chain->world.now, &slot->request_id, slot->index, "node", "is paid %" PRIu64 " tokens",
             outcome.paid);
    return status;
}

static sales_status_t read_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    chain_t *chain = user_data;
    if (!known(chain, &slot->request_id, slot->index)) return unknown_request(chain, op);
    const contract_t *contract = &chain->world.contract;
    const contract_slot_t *found = &contract->slots[slot->index];
    sales_slot_view_t view = {.size = sizeof view,
                              .request_state = (uint8_t)contract_request_state(contract, chain->world.now),
                              .slot_state =
                                  (uint8_t)contract_slot_state(contract, slot->index, chain->world.now),
                              .is_mine = found->host == ACTOR_US,
                              .expires_at = contract->expires_at,
                              .ends_at = contract->ends_at,
                              .block = chain->world.block};
    for (size_t i = 0; i < 8; i++) view.collateral.be[31 - i] = (uint8_t)(found->collateral >> (8 * i));
    return answer(chain, op, (sales_result_t){.view = &view});
}

static sales_status_t read_request(void *user_data, const sales_op_t *op, const sales_id_t *request_id) {
    chain_t *chain = user_data;
    if (!known(chain, request_id, 0)) return unknown_request(chain, op);
    return answer(chain, op, (sales_result_t){.request = &chain_scenario(chain)->request});
}

sales_chain_t chain_table(chain_t *chain) {
    return (sales_chain_t){.size = sizeof(sales_chain_t),
                           .user_data = chain,
                           .fill_slot = fill_slot,
                           .reserve_slot = reserve_slot,
                           .free_slot = free_slot,
                           .read_slot = read_slot,
                           .read_request = read_request};
}

uint64_t chain_to_sell(const chain_t *chain) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < chain->scenarios_len; i++) count += chain->scenarios[i].we_sell ? 1 : 0;
    return count;
}

int chain_submit_proof(chain_t *chain, const uint8_t *proof, size_t len) {
    outcome_t outcome;
    (void)proof, (void)len; /* as in fill_slot */
    step_t before = step_enter(STEP_PLAYING);
    disk_status_t status = send(chain, MOVE_PROVE, chain->world.our_slot, &outcome);
    step_enter(before);
    return status == DISK_OK ? 0 : -1;
}
