/* check.c - what must be there after a start. */
#include <inttypes.h>
#include <string.h>

#include "host.h"
#include "life.h"

#define PAGE 16
#define TICKS 6
#define TICK_S 61 /* longer than any back-off */

static void must(const char *call, sales_status_t status, const sales_error_t *error) {
    if (status < 0) lost("%s: %s: %s", call, sales_status_name(status), error->text);
}

static sales_stats_t stats_now(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    must("sales_stats", sales_stats(host.sales, &stats, &error), &error);
    return stats;
}

static void zero(const char *what, uint64_t found) {
    if (found != 0) lost("%s: %" PRIu64 ", expected 0", what, found);
}

static void tick(uint64_t seconds) {
    sales_error_t error = SALES_INIT(sales_error_t);
    host_note((note_t){.kind = NOTE_TIME, .value = host.facts.now + seconds});
    must("sales_tick", sales_tick(host.sales, host.facts.now, &error), &error);
}

/* S1: T = H + A - D, and nothing else, with nothing in flight and a repo that lost nothing. */
static void books_balance(void) {
    sales_stats_t stats = stats_now();
    if (stats.phase != SALES_PHASE_RUNNING) lost("phase %u, expected running", stats.phase);
    zero("in flight", stats.releasing + stats.owed + stats.in_doubt);
    if (host.facts.large_may == 0) zero("out at the host", stats.reserving + stats.pending_ops);
    zero("shortfall", stats.shortfall);
    zero("bytes that had to be reserved anew", stats.shortfall_reserved);
    if (host.repo.reserved != stats.held + stats.surplus)
        lost("the repo has %" PRIu64 " reserved, the records hold %" PRIu64 ", the surplus is %" PRIu64,
             host.repo.reserved, stats.held, stats.surplus);
    if (stats.surplus != host.facts.surplus && stats.surplus != host.facts.surplus_may)
        lost("the surplus is %" PRIu64 ", expected %" PRIu64 " or %" PRIu64, stats.surplus, host.facts.surplus,
             host.facts.surplus_may);
    if (host.facts.store == YES && memcmp(stats.store_id, host.facts.store_id, sizeof stats.store_id) != 0)
        lost("it is another store");
    host_note((note_t){.kind = NOTE_SURPLUS, .value = stats.surplus});
    note_t store = {.kind = NOTE_STORE};
    memcpy(store.id, stats.store_id, sizeof stats.store_id);
    host_note(store);
}

static int is(slot_state_t a, slot_state_t b) {
    return a.kind == b.kind && a.asked == b.asked && a.consumed == b.consumed;
}

/* The state as far as the records tell it: an ended slot has none, as one that never was. */
static slot_state_t shown(unsigned slot) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_id_t id = host_book_slot(slot);
    sales_reservation_t found = SALES_INIT(sales_reservation_t);
    sales_status_t status = sales_reservation(host.sales, &id, &found, &error);
    if (status == SALES_OK && !(found.flags & SALES_RESERVATION_ENDED)) {
        if (found.held + found.consumed != found.bytes)
            lost("book slot %u: held %" PRIu64 ", consumed %" PRIu64 " of %" PRIu64, slot, found.held, found.consumed,
                 found.bytes);
        return (slot_state_t){.kind = SLOT_LIVE, .asked = found.bytes, .consumed = found.consumed};
    }
    if (status != SALES_OK && status != SALES_ERR_NOT_FOUND) must("sales_reservation", status, &error);
    status = sales_release(host.sales, host.facts.now, &id, NULL, &error);
    if (status == SALES_ALREADY) return (slot_state_t){.kind = SLOT_ENDED};
    if (status != SALES_ERR_NOT_FOUND)
        lost("book slot %u: its release answers %s", slot, sales_status_name(status));
    return (slot_state_t){.kind = SLOT_FREE};
}

/* S3 of what the host reserves itself. */
static void check_slot(unsigned slot) {
    static const char *const names[] = {"free", "live", "ended"};
    const slot_facts_t *facts = &host.facts.slots[slot];
    slot_state_t seen = shown(slot);
    if (!is(seen, facts->is) && !is(seen, facts->may))
        lost("book slot %u is %s %" PRIu64 "/%" PRIu64 ", was answered %s %" PRIu64 "/%" PRIu64
             ", perhaps %s %" PRIu64 "/%" PRIu64,
             slot, names[seen.kind], seen.asked, seen.consumed, names[facts->is.kind], facts->is.asked,
             facts->is.consumed, names[facts->may.kind], facts->may.asked, facts->may.consumed);
    host_note((note_t){
        .kind = NOTE_SLOT, .subject = slot, .part = seen.kind, .value = seen.asked, .other = seen.consumed});
    if (seen.kind != SLOT_LIVE) return;
    sales_id_t id = host_book_slot(slot);
    sales_status_t status = sales_reserve(host.sales, host.facts.now, &id, seen.asked, NULL, NULL);
    if (status != SALES_ALREADY) lost("book slot %u: its reserve again answers %s", slot, sales_status_name(status));
}

/* Tells again what the library may not have heard, as a host does that replays the chain. */
static void tell_again(unsigned request) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const request_facts_t *facts = &host.facts.requests[request];
    if (facts->posted == MAYBE) {
        sales_status_t status = sales_on_request(host.sales, host.facts.now, NULL, &host.asks[request], &error);
        must("sales_on_request", status, &error);
        host_note((note_t){.kind = NOTE_POSTED, .subject = request, .status = status});
    }
    if (facts->over == MAYBE) {
        sales_status_t status =
            sales_on_request_ended(host.sales, host.facts.now, NULL, &host.asks[request].request_id, &error);
        must("sales_on_request_ended", status, &error);
        host_note((note_t){.kind = NOTE_TOLD_OVER, .subject = request, .status = status});
    }
}

/* S3 and S5 of a slot that is sold, or may be. */
static void check_sale(unsigned request, unsigned slot) {
    const request_facts_t *facts = &host.facts.requests[request];
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_sale_t sale = SALES_INIT(sales_sale_t);
    sales_reservation_t reservation = SALES_INIT(sales_reservation_t);
    const sales_id_t *id = &host.ids[request][slot];
    sales_status_t status = sales_sale(host.sales, id, &sale, &error);
    sales_status_t reserved = sales_reservation(host.sales, id, &reservation, &error);
    int live = reserved == SALES_OK && !(reservation.flags & SALES_RESERVATION_ENDED);
    if (facts->posted == NO) {
        if (live) lost("slot %u.%u has a reservation, its request was never taken", request, slot);
        return;
    }
    if (status != SALES_OK && facts->posted == YES)
        lost("slot %u.%u: its request was taken, its sale answers %s", request, slot, sales_status_name(status));
    if (facts->over == YES) {
        if (live || !(sale.flags & SALES_SALE_FLAG_ENDED))
            lost("slot %u.%u is %s, its request's end was told", request, slot, sales_state_name(sale.state));
    } else if (facts->filled[slot] && !facts->ended) {
        if (!live || (sale.flags & SALES_SALE_FLAG_ENDED) || reservation.held + reservation.consumed != SLOT_BYTES)
            lost("slot %u.%u is ours on chain; it is %s, holds %" PRIu64 " and consumed %" PRIu64, request, slot,
                 sales_state_name(sale.state), reservation.held, reservation.consumed);
    }
}

/* A large request was taken whole. */
static void check_large(unsigned number) {
    sales_request_t request;
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_ask_t ask = host_large(number, &request);
    for (unsigned i = 0; i < LARGE_SLOTS; i += LARGE_SLOTS / 4) {
        sales_id_t id;
        sales_sale_t sale = SALES_INIT(sales_sale_t);
        must("sales_slot_id", sales_slot_id(&ask.request_id, i, &id, &error), &error);
        must("sales_sale of a large request", sales_sale(host.sales, &id, &sale, &error), &error);
    }
}

static void check_offer(unsigned number) {
    const offer_facts_t *facts = &host.facts.offers[number];
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_offer_t found = SALES_INIT(sales_offer_t);
    if (facts->there != YES) return; /* its id is not known */
    must("sales_offer_get", sales_offer_get(host.sales, &facts->id, &found, &error), &error);
    if (found.total_size != facts->total && found.total_size != facts->may)
        lost("offer %u has %" PRIu64 " bytes, expected %" PRIu64 " or %" PRIu64, number, found.total_size,
             facts->total, facts->may);
    host_note((note_t){.kind = NOTE_OFFER, .subject = number, .value = found.total_size});
    note_t offered = {.kind = NOTE_OFFERED, .subject = number, .status = SALES_OK};
    memcpy(offered.id, facts->id.bytes, sizeof offered.id);
    host_note(offered);
}

/* Nobody has a reservation but those who asked for one. */
static void check_reservations(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_reservation_t page[PAGE];
    sales_id_t after = {{0}};
    uint64_t held = 0;
    size_t len = PAGE;
    for (int first = 1; len == PAGE; first = 0) {
        for (unsigned i = 0; i < PAGE; i++) page[i] = (sales_reservation_t)SALES_INIT(sales_reservation_t);
        must("sales_reservations",
             sales_reservations(host.sales, NULL, first ? NULL : &after, page, sizeof page[0], &len, &error), &error);
        for (size_t i = 0; i < len; i++) {
            unsigned a, b;
            if (host_whose(&page[i].slot_id, &a, &b) == 0) lost("a reservation that nobody asked for");
            held += page[i].held;
            after = page[i].slot_id;
        }
    }
    if (held != stats_now().held) lost("the records hold %" PRIu64 ", their total says otherwise", held);
}

void check_all(void) {
    host.calm = 1;
    tick(1);
    books_balance();
    for (unsigned r = 0; r < REQUESTS; r++) tell_again(r);
    for (unsigned i = 0; i < 2; i++) tick(TICK_S);
    for (unsigned slot = 0; slot < BOOK_SLOTS; slot++) check_slot(slot);
    for (unsigned r = 0; r < REQUESTS; r++) {
        for (unsigned i = 0; i < REQUEST_SLOTS; i++) check_sale(r, i);
    }
    for (unsigned n = 0; n < host.facts.large; n++) check_large(n);
    for (unsigned o = 0; o < OFFERS; o++) check_offer(o);
    check_reservations();
    tick(1);
    books_balance();
    host_note((note_t){.kind = NOTE_RECOVERED});
}

static void end_slot(unsigned slot) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_id_t id = host_book_slot(slot);
    if (host.facts.slots[slot].is.kind == SLOT_LIVE)
        must("sales_release", sales_release(host.sales, host.facts.now, &id, NULL, &error), &error);
}

static void end_request(unsigned request) {
    sales_error_t error = SALES_INIT(sales_error_t);
    if (host.facts.requests[request].posted == NO || host.facts.requests[request].over == YES) return;
    host_note((note_t){.kind = NOTE_OVER, .subject = request});
    must("sales_on_request_ended",
         sales_on_request_ended(host.sales, host.facts.now, NULL, &host.asks[request].request_id, &error), &error);
}

void check_end(void) {
    sales_error_t error = SALES_INIT(sales_error_t);
    for (unsigned slot = 0; slot < BOOK_SLOTS; slot++) end_slot(slot);
    for (unsigned r = 0; r < REQUESTS; r++) end_request(r);
    for (unsigned i = 0; i < TICKS; i++) tick(TICK_S);
    must("sales_reconcile", sales_reconcile(host.sales, host.facts.now, SALES_RECONCILE_REPAIR, &error), &error);
    sales_stats_t stats = stats_now();
    zero("at the end, held", stats.held);
    zero("at the end, live reservations", stats.reservations);
    zero("at the end, sales", stats.sales + stats.queued + stats.attempts);
    zero("at the end, surplus", stats.surplus);
    zero("at the end, reserved in the repo", host.repo.reserved);
    for (unsigned o = 0; o < OFFERS; o++) {
        sales_offer_t offer = SALES_INIT(sales_offer_t);
        if (host.facts.offers[o].there != YES) continue;
        must("sales_offer_get", sales_offer_get(host.sales, &host.facts.offers[o].id, &offer, &error), &error);
        if (offer.free_size != offer.total_size || offer.sold_slots != 0)
            lost("at the end, offer %u has %" PRIu64 " of %" PRIu64 " bytes free", o, offer.free_size,
                 offer.total_size);
    }
}
