/* The rules of the marketplace contract, for one request. */
#include "contract.h"

static outcome_t reverted(const char *why) {
    return (outcome_t){.reverted = why};
}

static void announce(outcome_t *outcome, news_kind_t news) {
    outcome->news[outcome->news_len++] = news;
}

uint64_t u256_small(const sales_u256_t *number) {
    uint64_t small = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i < 24 && number->be[i] != 0) return UINT64_MAX;
        if (i >= 24) small = small << 8 | number->be[i];
    }
    return small;
}

static uint64_t times(uint64_t a, uint64_t b) {
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static uint64_t slot_collateral(const sales_request_t *terms) {
    return times(u256_small(&terms->collateral_per_byte), terms->slot_size);
}

uint32_t contract_request_state(const contract_t *contract, uint64_t now) {
    if (contract->state == SALES_REQUEST_NEW && now > contract->expires_at) return SALES_REQUEST_CANCELLED;
    if (contract->state <= SALES_REQUEST_STARTED && now > contract->ends_at) return SALES_REQUEST_FINISHED;
    return (uint32_t)contract->state;
}

uint32_t contract_slot_state(const contract_t *contract, uint64_t index, uint64_t now) {
    const contract_slot_t *slot = &contract->slots[index];
    /* A slot that was never filled stays free, a paid one paid, whatever becomes of the request. */
    if (slot->state == SALES_SLOT_FREE || slot->state == SALES_SLOT_PAID) return (uint32_t)slot->state;
    switch (contract_request_state(contract, now)) {
    case SALES_REQUEST_CANCELLED: return SALES_SLOT_CANCELLED;
    case SALES_REQUEST_FINISHED: return SALES_SLOT_FINISHED;
    case SALES_REQUEST_FAILED: return SALES_SLOT_FAILED;
    default: return (uint32_t)slot->state;
    }
}

uint64_t contract_next(const contract_t *contract, uint64_t now) {
    if (!contract->posted) return UINT64_MAX;
    if (contract->state == SALES_REQUEST_NEW && now <= contract->expires_at) return contract->expires_at + 1;
    if (contract->state == SALES_REQUEST_STARTED && now <= contract->ends_at) return contract->ends_at + 1;
    return UINT64_MAX;
}

static outcome_t post(contract_t *contract, const sales_request_t *terms, const move_t *move) {
    outcome_t outcome = {0};
    if (contract->posted) return reverted("posted before");
    *contract = (contract_t){.posted = 1,
                             .state = SALES_REQUEST_NEW,
                             .expires_at = move->time + terms->expiry,
                             .ends_at = move->time + terms->duration};
    announce(&outcome, NEWS_REQUESTED);
    return outcome;
}

static outcome_t reserve(contract_t *contract, const move_t *move) {
    outcome_t outcome = {0};
    contract_slot_t *slot = &contract->slots[move->slot];
    uint32_t state = contract_slot_state(contract, move->slot, move->time);
    uint64_t bit = UINT64_C(1) << move->actor;
    if (state != SALES_SLOT_FREE && state != SALES_SLOT_REPAIR) return reverted("the slot is not free");
    if (slot->reservations & bit) return reverted("reserved before");
    if (__builtin_popcountll(slot->reservations) == CONTRACT_RESERVATIONS_MAX)
        return reverted("reservations are full");
    slot->reservations |= bit;
    if (__builtin_popcountll(slot->reservations) == CONTRACT_RESERVATIONS_MAX)
        announce(&outcome, NEWS_RESERVATIONS_FULL);
    return outcome;
}

static outcome_t fill(contract_t *contract, const sales_request_t *terms, const move_t *move) {
    outcome_t outcome = {0};
    contract_slot_t *slot = &contract->slots[move->slot];
    uint32_t state = contract_slot_state(contract, move->slot, move->time);
    uint32_t request = contract_request_state(contract, move->time);
    uint64_t period = move->time / CONTRACT_PERIOD;
    if (!(slot->reservations & UINT64_C(1) << move->actor)) return reverted("a reservation is required");
    if (request > SALES_REQUEST_STARTED || (state != SALES_SLOT_FREE && state != SALES_SLOT_REPAIR))
        return reverted("the slot is not free");
    if (slot->proved == period) return reverted("the slot has a proof of this period");
    outcome.locked = slot_collateral(terms);
    if (state == SALES_SLOT_REPAIR) outcome.locked -= outcome.locked * CONTRACT_REPAIR_PERCENT / 100;
    slot->state = SALES_SLOT_FILLED;
    slot->host = move->actor;
    slot->filled_at = move->time;
    slot->collateral = slot_collateral(terms); /* the discount of a repair is its reward */
    slot->proved = period;                     /* the fill is the proof of its period */
    slot->misses = 0;
    contract->filled++;
    announce(&outcome, NEWS_FILLED);
    if (contract->filled == terms->slots && contract->state == SALES_REQUEST_NEW) {
        contract->state = SALES_REQUEST_STARTED;
        announce(&outcome, NEWS_FULFILLED);
    }
    return outcome;
}

static outcome_t prove(contract_t *contract, const move_t *move) {
    contract_slot_t *slot = &contract->slots[move->slot];
    if (slot->host != move->actor) return reverted("not the slot's host");
    if (slot->proved == move->time / CONTRACT_PERIOD) return reverted("proved in this period before");
    slot->proved = move->time / CONTRACT_PERIOD;
    return (outcome_t){0};
}

static void lose(contract_t *contract, const sales_request_t *terms, contract_slot_t *slot,
                 outcome_t *outcome) {
    uint64_t proved = slot->proved;
    *slot = (contract_slot_t){.state = SALES_SLOT_REPAIR, .proved = proved};
    contract->filled--;
    announce(outcome, NEWS_FREED);
    if (contract->state == SALES_REQUEST_STARTED && terms->slots - contract->filled > terms->max_slot_loss) {
        contract->state = SALES_REQUEST_FAILED;
        announce(outcome, NEWS_FAILED);
    }
}

static outcome_t miss(contract_t *contract, const sales_request_t *terms, const move_t *move) {
    outcome_t outcome = {0};
    contract_slot_t *slot = &contract->slots[move->slot];
    uint64_t end = (move->period + 1) * CONTRACT_PERIOD;
    if (contract_slot_state(contract, move->slot, move->time) != SALES_SLOT_FILLED)
        return reverted("the slot is not filled");
    if (move->time <= end) return reverted("the period has not ended");
    if (move->time >= end + CONTRACT_PROOF_TIMEOUT) return reverted("too late to mark the period");
    if (slot->proved == move->period || move->period <= slot->filled_at / CONTRACT_PERIOD)
        return reverted("proof not missing");
    if (slot->missed == move->period) return reverted("marked before");
    slot->missed = move->period;
    slot->collateral -= slot_collateral(terms) * CONTRACT_SLASH_PERCENT / 100;
    slot->misses++;
    if (slot->misses == CONTRACT_MISSES_MAX) lose(contract, terms, slot, &outcome);
    return outcome;
}

static outcome_t free_slot(contract_t *contract, const sales_request_t *terms, const move_t *move) {
    outcome_t outcome = {0};
    contract_slot_t *slot = &contract->slots[move->slot];
    uint32_t state = contract_slot_state(contract, move->slot, move->time);
    uint64_t until = state == SALES_SLOT_CANCELLED ? contract->expires_at : contract->ends_at;
    if (slot->host != move->actor) return reverted("not the slot's host");
    switch (state) {
    case SALES_SLOT_PAID: return reverted("paid before");
    case SALES_SLOT_FILLED: lose(contract, terms, slot, &outcome); break; /* burns the collateral */
    case SALES_SLOT_FAILED: break;                                        /* burnt already */
    default:
        outcome.paid = times(times(u256_small(&terms->price_per_byte_per_second), terms->slot_size),
                             until > slot->filled_at ? until - slot->filled_at : 0) +
                       slot->collateral;
        slot->state = SALES_SLOT_PAID;
        slot->collateral = 0;
    }
    return outcome;
}

static outcome_t withdraw(contract_t *contract, const move_t *move) {
    outcome_t outcome = {0};
    uint32_t state = contract_request_state(contract, move->time);
    if (state <= SALES_REQUEST_STARTED) return reverted("the request has not ended");
    if (contract->withdrawn) return reverted("nothing to withdraw");
    contract->withdrawn = 1;
    if (state == SALES_REQUEST_CANCELLED) announce(&outcome, NEWS_CANCELLED);
    return outcome;
}

outcome_t contract_move(contract_t *contract, const sales_request_t *terms, const move_t *move) {
    if (move->kind != MOVE_REQUEST && !contract->posted) return reverted("unknown request");
    if (move->slot >= terms->slots) return reverted("no such slot");
    switch (move->kind) {
    case MOVE_REQUEST: return post(contract, terms, move);
    case MOVE_RESERVE: return reserve(contract, move);
    case MOVE_FILL: return fill(contract, terms, move);
    case MOVE_PROVE: return prove(contract, move);
    case MOVE_MISS: return miss(contract, terms, move);
    case MOVE_FREE: return free_slot(contract, terms, move);
    case MOVE_WITHDRAW: return withdraw(contract, move);
    }
    return reverted("unknown move");
}
