/* life.c - what a host does as long as it has power. */
#include "life.h"

#include <string.h>

#include "host.h"
#include "recorder.h"
#include "turns.h"

#define OFFER_BYTES (UINT64_C(256) * 1024)
#define BURSTS_MAX 3
#define STEPS_MAX 40
#define LARGE_REQUESTS 80 /* the map of a new store is full after about 60 */

static dice_t dice[TURNS_MAX];
static unsigned threads;
static unsigned steps;

/* No answer that says that something is broken. */
static sales_status_t sane(const char *call, sales_status_t status, const sales_error_t *error) {
    switch (status) {
    case SALES_ERR_INTERNAL:
    case SALES_ERR_POISONED:
    case SALES_ERR_STORE_DAMAGED:
    case SALES_ERR_STORE_REOPEN:
    case SALES_ERR_STORE_GONE:
    case SALES_ERR_RECORD:
    case SALES_ERR_IN_DOUBT:
    case SALES_ERR_ARGUMENT:
    case SALES_ERR_STRUCT:
    case SALES_ERR_SHORT: lost("%s: %s: %s", call, sales_status_name(status), error->text);
    default: return status;
    }
}

/* One act on a slot of this thread's own, so that no two are in flight on one. */
static void book_act(unsigned thread) {
    unsigned slot = (unsigned)dice_below(&dice[thread], BOOK_SLOTS / threads) * threads + thread;
    const slot_facts_t *facts = &host.facts.slots[slot];
    sales_id_t id = host_book_slot(slot);
    sales_error_t error = SALES_INIT(sales_error_t);
    uint64_t amount = 1 + dice_below(&dice[thread], 5000), token = 0;
    act_t act = facts->is.kind != SLOT_LIVE ? ACT_RESERVE : (act_t)(1 + dice_below(&dice[thread], 3));
    sales_status_t status;
    if (facts->act != ACT_NONE) return; /* it pends */
    if (act == ACT_CONSUMED) amount = 1 + dice_below(&dice[thread], facts->is.asked);
    host_note((note_t){.kind = NOTE_BEGIN, .subject = slot, .part = act, .value = amount});
    switch (act) {
    case ACT_RESERVE:
        status = sane("sales_reserve", sales_reserve(host.sales, host.facts.now, &id, amount, &token, &error), &error);
        break;
    case ACT_RELEASE:
        status = sane("sales_release", sales_release(host.sales, host.facts.now, &id, &token, &error), &error);
        break;
    default:
        status = sane("sales_consumed", sales_consumed(host.sales, host.facts.now, &id, amount, &error), &error);
    }
    host_note((note_t){.kind = NOTE_END, .subject = slot, .status = status, .value = token});
}

static void post(unsigned thread) {
    unsigned request = (unsigned)dice_below(&dice[thread], REQUESTS / threads) * threads + thread;
    sales_error_t error = SALES_INIT(sales_error_t);
    const request_facts_t *facts = &host.facts.requests[request];
    sales_status_t status;
    if (facts->over != NO) return;
    if (facts->posted == NO) {
        host_note((note_t){.kind = NOTE_POST, .subject = request});
        status = sales_on_request(host.sales, host.facts.now, NULL, &host.asks[request], &error);
        sane("sales_on_request", status, &error);
        host_note((note_t){.kind = NOTE_POSTED, .subject = request, .status = status});
    } else if (dice_below(&dice[thread], 3) == 0) {
        host_note((note_t){.kind = NOTE_OVER, .subject = request});
        status = sales_on_request_ended(host.sales, host.facts.now, NULL, &host.asks[request].request_id, &error);
        sane("sales_on_request_ended", status, &error);
        host_note((note_t){.kind = NOTE_TOLD_OVER, .subject = request, .status = status});
    }
}

static void put_offer(unsigned thread) {
    unsigned number = (unsigned)dice_below(&dice[thread], OFFERS);
    const offer_facts_t *facts = &host.facts.offers[number];
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_offer_t offer = SALES_INIT(sales_offer_t);
    if (number % threads != thread || facts->there == MAYBE) return;
    offer.flags = SALES_OFFER_ENABLED;
    offer.total_size = facts->there == YES ? facts->total + 1 + dice_below(&dice[thread], 1000) : OFFER_BYTES;
    memset(offer.min_price_per_byte_per_second.be + 31, 1, 1);
    memset(offer.total_collateral.be + 24, 1, 8);
    if (facts->there == YES) offer.id = facts->id;
    host_note((note_t){.kind = NOTE_OFFER, .subject = number, .value = offer.total_size});
    sales_status_t status = sales_offer_put(host.sales, host.facts.now, &offer, &error);
    sane("sales_offer_put", status, &error);
    note_t offered = {.kind = NOTE_OFFERED, .subject = number, .status = status};
    memcpy(offered.id, offer.id.bytes, sizeof offered.id);
    host_note(offered);
}

static void repair(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    host_note((note_t){.kind = NOTE_REPAIR});
    sales_status_t status = sales_reconcile(host.sales, host.facts.now, SALES_RECONCILE_REPAIR, &error);
    sane("sales_reconcile", status, &error);
    host_note((note_t){.kind = NOTE_REPAIRED, .status = status});
}

static void tick(unsigned thread) {
    sales_error_t error = SALES_INIT(sales_error_t);
    host_note((note_t){.kind = NOTE_TIME, .value = host.facts.now + dice_below(&dice[thread], 4)});
    sane("sales_tick", sales_tick(host.sales, host.facts.now, &error), &error);
}

static void step(unsigned thread) {
    switch (dice_below(&dice[thread], 20)) {
    case 0:
    case 1:
    case 2: post(thread); break;
    case 3:
    case 4: put_offer(thread); break;
    case 5:
    case 6: tick(thread); break;
    case 7:
    case 8:
    case 9: host_complete(dice_roll(&dice[thread])); break;
    case 10:
        recorder_fail_meta(1 + (meta_fault_t)dice_below(&dice[thread], 2));
        break;
    case 11:
        if (thread == 0 && dice_below(&dice[thread], 3) == 0) repair();
        break;
    default: book_act(thread); break;
    }
}

static void burst(unsigned thread) {
    for (unsigned i = 0; i < steps; i++) step(thread);
}

/* Stops and starts again, or closes and opens again, with all that was out forgotten. */
static void pause_business(const char *root, dice_t *choice) {
    sales_error_t error = SALES_INIT(sales_error_t);
    recorder_fail_meta(META_WRITTEN);
    if (dice_below(choice, 2) == 0) {
        sane("sales_stop", sales_stop(host.sales, host.facts.now, &error), &error);
    }
    host_close();
    host_open(root, dice_roll(choice), dice_below(choice, 4) == 0 ? SALES_OPEN_RESET : 0);
    check_all();
}

void life_grow(void) {
    dice[0] = dice_of(0, 0);
    threads = 1;
    while (host.facts.offers[0].there != YES) put_offer(0);
    for (unsigned n = 0; n < LARGE_REQUESTS; n++) {
        sales_request_t request;
        sales_error_t error = SALES_INIT(sales_error_t);
        sales_ask_t ask = host_large(host.facts.large, &request);
        host_note((note_t){.kind = NOTE_LARGE});
        sales_status_t status = sales_on_request(host.sales, host.facts.now, NULL, &ask, &error);
        if (status != SALES_OK) lost("a large request: %s: %s", sales_status_name(status), error.text);
        host_note((note_t){.kind = NOTE_TAKEN, .status = status});
    }
}

void life_live(const char *root, uint64_t seed) {
    dice_t choice = dice_of(seed, 100);
    unsigned bursts = 1 + (unsigned)dice_below(&choice, BURSTS_MAX);
    for (unsigned i = 0; i < bursts; i++) {
        if (i > 0) pause_business(root, &choice);
        threads = dice_below(&choice, 2) == 0 ? 1 : 2 + (unsigned)dice_below(&choice, TURNS_MAX - 1);
        steps = (5 + (unsigned)dice_below(&choice, STEPS_MAX)) / threads + 1;
        for (unsigned t = 0; t < threads; t++) dice[t] = dice_of(seed, i * TURNS_MAX + t);
        host.dice = dice_of(seed, 200 + i);
        host.calm = 0;
        if (threads == 1) burst(0);
        else turns_run(threads, dice_roll(&choice), burst);
    }
    if (dice_below(&choice, 4) == 0) host_close();
}
