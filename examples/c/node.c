/* The node: forwards the chain's events to the library, lets time pass, and shows what the library does. */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "show.h"
#include "step.h"

#define REASONS_MAX 8
#define STOPS_MAX 100

/* What this node sells. */
#define OFFER_SIZE (UINT64_C(512) * 1024)
#define OFFER_SLOTS_PER_REQUEST 1
#define OFFER_MIN_PRICE "2"
#define OFFER_COLLATERAL "1000000"

static uint64_t now_of(const node_t *node) {
    return node->chain.world.now;
}

/* Says what was refused. Answers whether it was. */
static int refused(node_t *node, const char *call, sales_status_t status, const sales_error_t *error) {
    if (status >= 0) return 0;
    fprintf(stderr, "%s: %s: %s\n", call, lib.sales_status_name(status), error->text);
    node->failed = 1;
    return 1;
}

/* Calls in, in the given step; -1 where the library refused. `status` receives what it answered. */
#define CALL(node, step, status, function, ...)                           \
    do {                                                                  \
        sales_error_t call_error = SALES_INIT(sales_error_t);             \
        step_t call_before = step_enter(step);                            \
        (status) = lib.function((node)->sales, __VA_ARGS__, &call_error); \
        step_enter(call_before);                                          \
        if (refused((node), #function, (status), &call_error)) return -1; \
    } while (0)

/* Calls in for an answer: nothing is recorded. */
#define ASK(node, status, function, ...) CALL(node, step_now(), status, function, __VA_ARGS__)

/* The name of a state, how many bytes it is about, and what the repo has of them. */
static void show_state(const node_t *node, const sales_event_t *event, const char *before) {
    char name[32];
    snprintf(name, sizeof name, "%s%s", before, lib.sales_state_name(event->state));
    show(event->time, &event->request_id, event->index, "node", "%-18s %8s   reserved %-8s used %s%s%s", name,
         show_bytes(event->bytes), show_bytes(node->repo.reserved), show_bytes(node->repo.used),
         event->text[0] == 0 ? "" : " - ", event->text);
}

static void on_event(void *user_data, const sales_event_t *event) {
    const node_t *node = user_data;
    switch (event->kind) {
    case SALES_EVENT_STATE: show_state(node, event, ""); break;
    case SALES_EVENT_SOLD: show(event->time, &event->request_id, event->index, "node", "SOLD"); break;
    case SALES_EVENT_ENDED:
        if (event->state == SALES_SALE_IGNORED) break; /* the line before said it all */
        show_state(node, event, "ended: ");
        break;
    case SALES_EVENT_ALERT:
        show(event->time, &event->request_id, event->index, "node", "ALERT: %s", event->text);
        break;
    default: break; /* ends of calls, and refusals, which are shown with all their reasons */
    }
}

/* The offer, as the scenario needs it: where the recorded host 1 did not take part, it is switched off. */
static int put_offer(node_t *node) {
    sales_status_t status;
    sales_offer_t offer = SALES_INIT(sales_offer_t);
    size_t len = 1;
    const scenario_t *scenario = chain_scenario(&node->chain);
    uint32_t flags = scenario != NULL && scenario->we_sell ? SALES_OFFER_ENABLED : 0;
    ASK(node, status, sales_offer_list, NULL, &offer, sizeof offer, &len);
    if (len == 1 && offer.flags == flags) return 0;
    offer.flags = flags;
    offer.total_size = OFFER_SIZE;
    offer.max_duration = CONTRACT_DURATION_LIMIT;
    offer.max_slots_per_request = OFFER_SLOTS_PER_REQUEST;
    if (lib.sales_u256_parse(OFFER_MIN_PRICE, &offer.min_price_per_byte_per_second, NULL) != SALES_OK)
        return -1;
    if (lib.sales_u256_parse(OFFER_COLLATERAL, &offer.total_collateral, NULL) != SALES_OK) return -1;
    CALL(node, STEP_RECORDING, status, sales_offer_put, now_of(node), &offer);
    return 0;
}

static int register_all(node_t *node) {
    sales_status_t status;
    sales_repo_t repo = repo_table(&node->repo);
    sales_chain_t chain = chain_table(&node->chain);
    sales_content_t content = content_table(&node->content);
    sales_watch_t watch = {.size = sizeof watch, .user_data = node, .on_event = on_event};
    sales_market_t market = {.size = sizeof market,
                             .proof_downtime = CONTRACT_DOWNTIME,
                             .repair_reward_percentage = CONTRACT_REPAIR_PERCENT,
                             .max_reservations = CONTRACT_RESERVATIONS_MAX,
                             .period = CONTRACT_PERIOD,
                             .proof_timeout = CONTRACT_PROOF_TIMEOUT,
                             .duration_limit = CONTRACT_DURATION_LIMIT};
    CALL(node, STEP_OPENING, status, sales_register_repo, &repo);
    CALL(node, STEP_OPENING, status, sales_register_chain, &chain);
    CALL(node, STEP_OPENING, status, sales_register_content, &content);
    CALL(node, STEP_OPENING, status, sales_register_watch, &watch);
    CALL(node, STEP_OPENING, status, sales_set_market, &market);
    return 0;
}

/* The news that a killed node may have missed: all from the last block that the library remembers. */
static int find_place(node_t *node) {
    sales_status_t status;
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    const world_t *world = &node->chain.world;
    ASK(node, status, sales_stats, &stats);
    while (node->news_told < world->news_len && world->news[node->news_told].block < stats.last_block)
        node->news_told++;
    return 0;
}

int node_start(node_t *node, const char *directory, uint64_t seed) {
    sales_status_t status;
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_options_t options = {.size = sizeof options, .seed = seed};
    status = lib.sales_open(SALES_ABI_VERSION, directory, &options, &node->sales, &error);
    if (refused(node, "sales_open", status, &error)) return -1;
    node->chain.sales = node->sales;
    node->content.sales = node->sales;
    if (register_all(node) != 0 || put_offer(node) != 0) return -1;
    CALL(node, STEP_RECOVERING, status, sales_start, now_of(node));
    return find_place(node);
}

/* A request that nobody here wants: says why, every reason. */
static int show_reasons(node_t *node, const sales_ask_t *ask) {
    sales_status_t status;
    sales_reason_t reasons[REASONS_MAX] = {{0}};
    size_t len = REASONS_MAX;
    for (size_t i = 0; i < REASONS_MAX; i++) reasons[i].size = sizeof reasons[i];
    ASK(node, status, sales_evaluate, now_of(node), ask, reasons, sizeof reasons[0], &len);
    for (size_t i = 0; i < len && i < REASONS_MAX; i++)
        show(now_of(node), &ask->request_id, SHOW_NO_SLOT, "node", "refuses: %s", reasons[i].text);
    return 0;
}

/* StorageRequested, as the event has it: the whole request is asked of chain.read_request. */
static int tell_request(node_t *node, const sales_at_t *at) {
    sales_status_t status;
    const scenario_t *scenario = chain_scenario(&node->chain);
    const sales_request_t *request = &scenario->request;
    sales_ask_t ask = {.size = sizeof ask,
                       .request_id = scenario->id,
                       .proof_probability = request->proof_probability,
                       .price_per_byte_per_second = request->price_per_byte_per_second,
                       .collateral_per_byte = request->collateral_per_byte,
                       .slots = request->slots,
                       .slot_size = request->slot_size,
                       .duration = request->duration,
                       .max_slot_loss = request->max_slot_loss,
                       .expires_at = node->chain.world.contract.expires_at,
                       .ends_at = node->chain.world.contract.ends_at};
    CALL(node, STEP_RECORDING, status, sales_on_request, now_of(node), at, &ask);
    return status == SALES_REFUSED ? show_reasons(node, &ask) : 0;
}

static void show_news(const news_t *news, const sales_id_t *id) {
    static const char *const TEXTS[NEWS_COUNT] = {
        [NEWS_FREED] = "the slot is free again",
        [NEWS_RESERVATIONS_FULL] = "the slot has all its reservations",
        [NEWS_FULFILLED] = "all slots are filled: the request has started",
        [NEWS_FAILED] = "too many slots were lost: the request has failed"};
    int whole = news->kind == NEWS_FULFILLED || news->kind == NEWS_FAILED;
    if (TEXTS[news->kind] != NULL)
        show(news->time, id, whole ? SHOW_NO_SLOT : news->slot, "contract", "%s", TEXTS[news->kind]);
}

static int tell(node_t *node, const news_t *news) {
    sales_status_t status;
    const sales_id_t *id = &chain_scenario(&node->chain)->id;
    uint64_t now = now_of(node);
    sales_at_t at = {
        .size = sizeof at, .block = news->block, .time = news->time, .log_index = news->log_index};
    show_news(news, id);
    switch ((news_kind_t)news->kind) {
    case NEWS_REQUESTED: return tell_request(node, &at);
    case NEWS_FILLED:
        CALL(node, STEP_RECORDING, status, sales_on_slot_filled, now, &at, id, news->slot);
        break;
    case NEWS_FREED: CALL(node, STEP_RECORDING, status, sales_on_slot_freed, now, &at, id, news->slot); break;
    case NEWS_RESERVATIONS_FULL:
        CALL(node, STEP_RECORDING, status, sales_on_slot_reservations_full, now, &at, id, news->slot);
        break;
    case NEWS_FULFILLED: CALL(node, STEP_RECORDING, status, sales_on_request_fulfilled, now, &at, id); break;
    case NEWS_CANCELLED: CALL(node, STEP_ENDED, status, sales_on_request_cancelled, now, &at, id); break;
    case NEWS_FAILED: CALL(node, STEP_ENDED, status, sales_on_request_failed, now, &at, id); break;
    case NEWS_COUNT: break;
    }
    return 0;
}

/* All that is new on the chain, in its order; a move made meanwhile adds to it. */
static int tell_news(node_t *node) {
    const world_t *world = &node->chain.world;
    while (node->news_told < world->news_len) {
        if (tell(node, &world->news[node->news_told++]) != 0) return -1;
    }
    return 0;
}

/* The contract sends no event when the clock ends a request: the node looks at the clock. */
static int tell_end(node_t *node) {
    sales_status_t status;
    const sales_id_t *id = &chain_scenario(&node->chain)->id;
    uint32_t state = chain_request_state(&node->chain);
    if (node->end_told || state == SALES_STATE_UNKNOWN || state < SALES_REQUEST_CANCELLED) return 0;
    node->end_told = 1;
    if (state == SALES_REQUEST_FINISHED) {
        show(now_of(node), id, SHOW_NO_SLOT, "clock", "the request has ended");
        CALL(node, STEP_ENDED, status, sales_on_request_ended, now_of(node), NULL, id);
    } else if (state == SALES_REQUEST_CANCELLED) {
        show(now_of(node), id, SHOW_NO_SLOT, "clock", "the request has expired");
        CALL(node, STEP_ENDED, status, sales_on_request_cancelled, now_of(node), NULL, id);
    }
    return 0; /* a failed request was told by its event */
}

/* The recorded host 1 submits a proof now, so this node does. Its salt is the period's number. */
static int submit_proof(node_t *node) {
    uint8_t proof[SHA256_SIZE], salt[SHA256_SIZE] = {0};
    sales_id_t slot_id;
    const scenario_t *scenario = chain_scenario(&node->chain);
    uint64_t period = now_of(node) / CONTRACT_PERIOD;
    if (!node->chain.world.proof_due) return 0;
    memcpy(salt, &period, sizeof period);
    if (lib.sales_slot_id(&scenario->id, node->chain.world.our_slot, &slot_id, NULL) != SALES_OK) return -1;
    step_t before = step_enter(STEP_PROVING);
    int failed = content_prove(&node->content, &slot_id, scenario->request.slot_size, salt, proof);
    step_enter(before);
    return failed ? -1 : chain_submit_proof(&node->chain, proof, sizeof proof);
}

/* Does what is due by the library's own clock. `next`: when it will have something to do again. */
static int tick(node_t *node, uint64_t *next) {
    sales_status_t status;
    ASK(node, status, sales_next_deadline, next);
    if (*next > now_of(node)) return 0;
    CALL(node, STEP_RECORDING, status, sales_tick, now_of(node));
    ASK(node, status, sales_next_deadline, next);
    if (*next <= now_of(node)) *next = now_of(node) + 1;
    return 0;
}

/* Whether nothing of this scenario is left to do: it was played to its end, and no sale is open. */
static int is_over(node_t *node, int *over) {
    sales_status_t status;
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    ASK(node, status, sales_stats, &stats);
    *over = chain_next(&node->chain) == UINT64_MAX && node->news_told == node->chain.world.news_len &&
            stats.sales == 0 && stats.reservations == 0 && stats.queued == 0 && stats.releasing == 0;
    return 0;
}

static int next_scenario(node_t *node) {
    node->news_told = 0;
    node->end_told = 0;
    return chain_next_scenario(&node->chain) == 0 && put_offer(node) == 0 ? 0 : -1;
}

/* Time goes on to the next second in which anybody has something to do. */
static int pass_time(node_t *node, uint64_t deadline) {
    uint64_t next = chain_next(&node->chain), download = content_next(&node->content);
    if (deadline < next) next = deadline;
    if (download < next) next = download;
    if (next == UINT64_MAX) {
        fprintf(stderr, "nothing will ever happen again, but not everything that was sold has ended\n");
        return -1;
    }
    if (chain_advance(&node->chain, next) != 0) return -1;
    return download <= next ? content_step(&node->content) : 0;
}

static int live_scenario(node_t *node) {
    uint64_t deadline;
    int over = 0;
    while (!over) {
        if (tell_news(node) != 0 || tell_end(node) != 0 || submit_proof(node) != 0 ||
            tick(node, &deadline) != 0)
            return -1;
        if (is_over(node, &over) != 0) return -1;
        if (!over && pass_time(node, deadline) != 0) return -1;
    }
    return 0;
}

int node_live(node_t *node) {
    const scenario_t *scenario;
    step_enter(STEP_PLAYING);
    show_heading("libsales %s", lib.sales_version());
    show_heading("time (UTC)      request   slot, who, what");
    while ((scenario = chain_scenario(&node->chain)) != NULL) {
        const sales_request_t *request = &scenario->request;
        show_heading("%s: %" PRIu64 " slots of %s for %" PRIu64 " s%s", scenario->name, request->slots,
                     show_bytes(request->slot_size), request->duration,
                     scenario->we_sell ? "" : "; this node does not sell");
        if (live_scenario(node) != 0 || next_scenario(node) != 0) return -1;
    }
    const world_t *world = &node->chain.world;
    if (world->sold != chain_to_sell(&node->chain)) {
        fprintf(stderr, "sold in %" PRIu64 " scenarios, expected %" PRIu64 "\n", world->sold,
                chain_to_sell(&node->chain));
        return -1;
    }
    show_heading("all is sold and ended: %" PRIu64 " tokens earned, %" PRIu64
                 " locked as collateral on the way",
                 world->earned, world->locked);
    return 0;
}

int node_stop(node_t *node) {
    sales_status_t status = SALES_PENDING;
    sales_error_t error = SALES_INIT(sales_error_t);
    if (node->sales == 0) return 0;
    step_t before = step_enter(STEP_CLOSING);
    for (int i = 0; i < STOPS_MAX && status == SALES_PENDING; i++) /* downloads are cancelled first */
        status = lib.sales_stop(node->sales, now_of(node), &error);
    if (status != SALES_ERR_STATE)
        refused(node, "sales_stop", status, &error); /* it may not have been started */
    refused(node, "sales_close", lib.sales_close(node->sales, &error), &error);
    step_enter(before);
    return node->failed ? -1 : 0;
}
