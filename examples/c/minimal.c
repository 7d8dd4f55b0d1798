/* A complete host: sells one slot of 64 KiB, keeps it until its request ends, gets every byte back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "sales.h"

#define SLOT UINT64_C(65536)

static struct {
    sales_t sales;
    uint64_t now; /* chain time; a real node asks its chain */
    uint64_t available, reserved;
    uint8_t content[SLOT];
} node = {.now = 1770000000, .available = 16 * SLOT};

/* The repo: every byte of the disk is available or reserved. */
static sales_status_t available(void *user, uint64_t *bytes) {
    (void)user;
    *bytes = node.available;
    return SALES_OK;
}
static sales_status_t reserve(void *user, const sales_op_t *op, uint64_t bytes) {
    (void)user, (void)op;
    if (bytes > node.available) return SALES_HOST_NO_SPACE;
    node.available -= bytes, node.reserved += bytes;
    return SALES_OK;
}
static sales_status_t release(void *user, const sales_op_t *op, uint64_t bytes) {
    (void)user, (void)op;
    node.available += bytes, node.reserved -= bytes;
    return SALES_OK;
}
static sales_status_t reserved(void *user, sales_repo_total_t *total) {
    (void)user;
    total->bytes = node.reserved;
    return SALES_OK;
}

/* The content: a real node downloads it, and proves that it has it. */
static sales_status_t store(void *user, const sales_op_t *op, const sales_slot_t *slot, uint64_t until,
                            uint32_t repairing) {
    (void)user, (void)op, (void)until, (void)repairing;
    memset(node.content, slot->request->cid.data[0], SLOT);
    return SALES_OK;
}
static sales_status_t prove(void *user, const sales_op_t *op, const sales_slot_t *slot,
                            const sales_challenge_t *challenge) {
    (void)user, (void)slot, (void)challenge;
    sales_result_t result = {.size = sizeof result, .proof = {node.content, 32}};
    return sales_complete(node.sales, node.now, op->token, &result, NULL); /* copied before it returns */
}

/* The chain: a real node sends a transaction, answers SALES_PENDING, and completes when it is mined. */
static sales_status_t fill_slot(void *user, const sales_op_t *op, const sales_slot_t *slot,
                                const sales_bytes_t *proof, const sales_u256_t *collateral) {
    (void)user, (void)op, (void)slot, (void)proof, (void)collateral;
    return SALES_OK;
}

static void tell(void *user, const sales_event_t *event) {
    const char *what = event->kind == SALES_EVENT_SOLD ? "SOLD" : sales_state_name(event->state);
    if (event->kind == SALES_EVENT_ENDED) what = "ended";
    (void)user;
    printf("%" PRIu64 "  slot %" PRIu64 "  %-15s  %5" PRIu64 " bytes reserved\n", event->time, event->index,
           what, node.reserved);
}

int main(int argc, char **argv) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_repo_t repo = {sizeof repo, 0, NULL, available, reserve, release, reserved, NULL};
    sales_content_t content = {.size = sizeof content, .store = store, .prove = prove};
    sales_chain_t chain = {.size = sizeof chain, .fill_slot = fill_slot};
    sales_watch_t watch = {.size = sizeof watch, .on_event = tell};
    const sales_u256_t one = {.be[31] = 1}, two = {.be[31] = 2}, million = {.be = {[29] = 0x0f, 0x42, 0x40}};
    sales_offer_t offer = {.size = sizeof offer, .flags = SALES_OFFER_ENABLED, .total_size = 16 * SLOT,
        .min_price_per_byte_per_second = one, .total_collateral = million};
    sales_request_t request = {.size = sizeof request, .slots = 1, .slot_size = SLOT, .duration = 600,
        .expiry = 60, .price_per_byte_per_second = two, .collateral_per_byte = one, .proof_probability = one,
        .cid = {(const uint8_t *)"content id", 10}};
    sales_ask_t ask = {.size = sizeof ask, .request = &request, .slots = 1, .slot_size = SLOT,
        .duration = 600, .expires_at = node.now + 60, .ends_at = node.now + 600, .proof_probability = one,
        .price_per_byte_per_second = two, .collateral_per_byte = one};

    int failed = sales_open(SALES_ABI_VERSION, argc > 1 ? argv[1] : "store", NULL, &node.sales, &error) < 0 ||
                 sales_register_repo(node.sales, &repo, &error) < 0 ||
                 sales_register_content(node.sales, &content, &error) < 0 ||
                 sales_register_chain(node.sales, &chain, &error) < 0 ||
                 sales_register_watch(node.sales, &watch, &error) < 0 ||
                 sales_start(node.sales, node.now, &error) < 0 ||
                 sales_offer_put(node.sales, node.now, &offer, &error) < 0 ||
                 sales_request_id(&request, &ask.request_id, &error) < 0 ||
                 sales_on_request(node.sales, node.now, NULL, &ask, &error) < 0; /* sold when it returns */
    for (; !failed && node.now <= ask.ends_at; node.now++) /* once a second */
        failed = sales_tick(node.sales, node.now, &error) < 0;
    failed = failed || sales_on_request_ended(node.sales, node.now, NULL, &ask.request_id, &error) < 0 ||
             sales_stop(node.sales, node.now, &error) < 0 || sales_close(node.sales, &error) < 0;
    if (failed) fprintf(stderr, "%s: %s\n", sales_status_name(error.status), error.text);
    return failed || node.reserved != 0;
}
