/* market.c - a chain on the board, and content that is there at once. */
#define _POSIX_C_SOURCE 200809L
#include "market.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board.h"

#define DURATION UINT64_C(1000000000)
#define EXPIRY UINT64_C(500000000)

static sales_t instance;

uint64_t market_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 100 + (uint64_t)now.tv_nsec / 10000000;
}

static sales_u256_t small(uint8_t number) {
    sales_u256_t out = {{0}};
    out.be[31] = number;
    return out;
}

static board_request_t *request_of(const sales_slot_t *slot) {
    uint32_t number;
    memcpy(&number, slot->request->nonce.bytes, sizeof number);
    if (number >= BOARD_REQUESTS || slot->index >= BOARD_SLOTS) abort();
    return &board->requests[number];
}

static sales_status_t store(void *user_data, const sales_op_t *op, const sales_slot_t *slot, uint64_t until,
                            uint32_t repairing) {
    (void)user_data, (void)until, (void)repairing;
    if (op->token % 2 == 0) sales_consumed(instance, market_now(), &slot->slot_id, MARKET_SLOT_SIZE / 2, NULL);
    return SALES_OK;
}

static sales_status_t prove(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                            const sales_challenge_t *challenge) {
    (void)user_data, (void)challenge;
    sales_result_t result = {.size = sizeof result, .proof = {slot->slot_id.bytes, sizeof slot->slot_id.bytes}};
    sales_complete(instance, market_now(), op->token, &result, NULL);
    return SALES_PENDING;
}

static sales_status_t clear(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    (void)user_data, (void)op, (void)slot;
    return SALES_OK;
}

static sales_status_t fill_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                                const sales_bytes_t *proof, const sales_u256_t *collateral) {
    board_request_t *request = request_of(slot);
    (void)user_data, (void)op, (void)proof, (void)collateral;
    if (atomic_load(&request->ended)) return SALES_HOST_NOT_ALLOWED;
    atomic_fetch_add(&request->filled[slot->index], 1);
    return SALES_OK;
}

static sales_status_t free_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    board_request_t *request = request_of(slot);
    (void)user_data, (void)op;
    if (!atomic_load(&request->ended)) abort(); /* the contract would burn the collateral */
    atomic_store(&request->paid[slot->index], 1);
    return SALES_OK;
}

static sales_status_t read_slot(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    const board_request_t *request = request_of(slot);
    int ended = atomic_load(&request->ended) != 0, filled = atomic_load(&request->filled[slot->index]) != 0;
    int paid = atomic_load(&request->paid[slot->index]) != 0;
    (void)user_data;
    sales_slot_view_t view = {.size = sizeof view,
                              .request_state = ended ? SALES_REQUEST_FINISHED : SALES_REQUEST_STARTED,
                              .slot_state = SALES_SLOT_FREE,
                              .is_mine = (uint8_t)filled,
                              .collateral = small(1)};
    if (filled) view.slot_state = paid ? SALES_SLOT_PAID : ended ? SALES_SLOT_FINISHED : SALES_SLOT_FILLED;
    view.expires_at = view.ends_at = market_now() + DURATION;
    sales_result_t result = {.size = sizeof result, .view = &view};
    sales_complete(instance, market_now(), op->token, &result, NULL);
    return SALES_PENDING;
}

sales_chain_t market_chain(sales_t sales) {
    instance = sales;
    return (sales_chain_t){
        .size = sizeof(sales_chain_t), .fill_slot = fill_slot, .free_slot = free_slot, .read_slot = read_slot};
}

sales_content_t market_content(sales_t sales) {
    instance = sales;
    return (sales_content_t){.size = sizeof(sales_content_t), .store = store, .prove = prove, .clear = clear};
}

sales_status_t market_post(sales_t sales, uint32_t number, sales_error_t *error) {
    static const uint8_t cid[] = {1, 0x81, 0x9a, 3};
    uint64_t now = market_now();
    board_request_t *place = &board->requests[number];
    sales_request_t request = {.size = sizeof request,
                               .proof_probability = small(3),
                               .price_per_byte_per_second = small(2),
                               .collateral_per_byte = small(1),
                               .slots = BOARD_SLOTS,
                               .slot_size = MARKET_SLOT_SIZE,
                               .duration = DURATION,
                               .max_slot_loss = 1,
                               .expiry = EXPIRY,
                               .cid = {cid, sizeof cid}};
    memcpy(request.nonce.bytes, &number, sizeof number);
    sales_ask_t ask = {.size = sizeof ask,
                       .proof_probability = request.proof_probability,
                       .price_per_byte_per_second = request.price_per_byte_per_second,
                       .collateral_per_byte = request.collateral_per_byte,
                       .slots = request.slots,
                       .slot_size = request.slot_size,
                       .duration = request.duration,
                       .max_slot_loss = request.max_slot_loss,
                       .expires_at = now + EXPIRY,
                       .ends_at = now + DURATION,
                       .request = &request};
    if (sales_request_id(&request, &ask.request_id, NULL) != SALES_OK) abort();
    atomic_store(&place->told, 1);
    place->id = ask.request_id;
    for (uint64_t i = 0; i < BOARD_SLOTS; i++)
        if (sales_slot_id(&ask.request_id, i, &place->slots[i], NULL) != SALES_OK) abort();
    atomic_store(&place->told, 2);
    return sales_on_request(sales, now, NULL, &ask, error);
}

sales_status_t market_end(sales_t sales, uint32_t number, sales_error_t *error) {
    board_request_t *place = &board->requests[number];
    atomic_store(&place->ended, 1);
    return sales_on_request_ended(sales, market_now(), NULL, &place->id, error);
}
