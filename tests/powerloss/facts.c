/* facts.c - what notes add to what a host knows for sure. */
#include "facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_NOW UINT64_C(1700000000)

facts_t facts_new(void) {
    facts_t facts;
    memset(&facts, 0, sizeof facts);
    facts.now = FIRST_NOW;
    return facts;
}

/* The state of a slot after an act that took effect. */
static slot_state_t after(slot_state_t slot, act_t act, uint64_t amount) {
    switch (act) {
    case ACT_RESERVE:
        if (slot.kind != SLOT_LIVE) return (slot_state_t){.kind = SLOT_LIVE, .asked = amount};
        return slot;
    case ACT_RELEASE:
        if (slot.kind == SLOT_LIVE) return (slot_state_t){.kind = SLOT_ENDED};
        return slot;
    case ACT_CONSUMED:
        if (slot.kind == SLOT_LIVE && amount > slot.consumed && amount <= slot.asked) slot.consumed = amount;
        return slot;
    default: return slot;
    }
}

static void end(slot_facts_t *slot, sales_status_t status) {
    if (status >= 0) slot->is = slot->may;
    slot->may = slot->is;
    slot->act = ACT_NONE;
    slot->token = 0;
}

/* The act of a token ended, perhaps before its caller was answered the token. */
static void done(facts_t *facts, uint64_t token, sales_status_t status) {
    if (token == 0) return;
    for (unsigned i = 0; i < BOOK_SLOTS; i++) {
        if (facts->slots[i].token == token) {
            end(&facts->slots[i], status);
            return;
        }
    }
    unsigned at = facts->early_len++ % EARLY_MAX;
    facts->early[at].token = token;
    facts->early[at].status = status;
}

static void pend(facts_t *facts, slot_facts_t *slot, uint64_t token) {
    slot->token = token;
    for (unsigned i = 0; i < EARLY_MAX; i++) {
        if (facts->early[i].token != token) continue;
        facts->early[i].token = 0;
        end(slot, facts->early[i].status);
    }
}

static sure_t answered(sales_status_t status) {
    return status == SALES_OK || status == SALES_ALREADY ? YES : status == SALES_QUEUED ? MAYBE : NO;
}

static void take_of_slot(facts_t *facts, const note_t *note) {
    slot_facts_t *slot = &facts->slots[note->subject];
    switch (note->kind) {
    case NOTE_BEGIN:
        slot->act = (act_t)note->part;
        slot->may = after(slot->is, slot->act, note->value);
        break;
    case NOTE_END:
        if (note->status == SALES_PENDING) pend(facts, slot, note->value);
        else end(slot, note->status);
        break;
    default: /* NOTE_SLOT */
        slot->may = (slot_state_t){.kind = (slot_kind_t)note->part, .asked = note->value, .consumed = note->other};
        end(slot, SALES_OK);
    }
}

static void take_of_request(request_facts_t *request, const note_t *note) {
    switch (note->kind) {
    case NOTE_POST: request->posted = request->posted == YES ? YES : MAYBE; break;
    case NOTE_POSTED: request->posted = answered(note->status); break;
    case NOTE_OVER:
        request->ended = 1;
        request->over = request->over == YES ? YES : MAYBE;
        break;
    case NOTE_TOLD_OVER: request->over = answered(note->status) == YES ? YES : MAYBE; break; /* tell again */
    case NOTE_FILL: request->filled[note->part] = 1; break;
    default: request->paid[note->part] = 1; break; /* NOTE_PAID */
    }
}

static void take_of_offer(offer_facts_t *offer, const note_t *note) {
    if (note->kind == NOTE_OFFER) {
        offer->may = note->value;
        if (offer->there == NO) offer->there = MAYBE;
        return;
    }
    if (note->status == SALES_OK) {
        offer->total = offer->may;
        memcpy(offer->id.bytes, note->id, sizeof offer->id.bytes);
        offer->there = YES;
    } else if (offer->there != YES) {
        offer->there = NO;
    }
    offer->may = offer->total;
}

void facts_take(facts_t *facts, const note_t *note) {
    switch ((note_kind_t)note->kind) {
    case NOTE_TIME: facts->now = note->value; break;
    case NOTE_STORE:
        facts->store = YES;
        memcpy(facts->store_id, note->id, sizeof facts->store_id);
        break;
    case NOTE_STARTING: /* tokens are of one process */
        for (unsigned i = 0; i < BOOK_SLOTS; i++) facts->slots[i].token = 0;
        memset(facts->early, 0, sizeof facts->early);
        break;
    case NOTE_RECOVERED: break;
    case NOTE_DONE: done(facts, note->value, note->status); break;
    case NOTE_BEGIN:
    case NOTE_END:
    case NOTE_SLOT: take_of_slot(facts, note); break;
    case NOTE_POST:
    case NOTE_POSTED:
    case NOTE_OVER:
    case NOTE_TOLD_OVER:
    case NOTE_FILL:
    case NOTE_PAID: take_of_request(&facts->requests[note->subject], note); break;
    case NOTE_OFFER:
    case NOTE_OFFERED: take_of_offer(&facts->offers[note->subject], note); break;
    case NOTE_REPAIR: facts->surplus_may = 0; break;
    case NOTE_REPAIRED:
        if (note->status == SALES_OK) facts->surplus = 0;
        break;
    case NOTE_SURPLUS: facts->surplus = facts->surplus_may = note->value; break;
    case NOTE_RESET: facts->reset = 0; break;
    case NOTE_LARGE: facts->large_may = facts->large + 1; break;
    case NOTE_TAKEN:
        if (note->status == SALES_OK) facts->large++;
        facts->large_may = facts->large;
        break;
    }
}

void facts_lose_store(facts_t *facts, uint64_t reserved) {
    facts_t lost = facts_new();
    lost.now = facts->now;
    lost.epoch = facts->epoch + 1;
    lost.reset = 1;
    lost.surplus = lost.surplus_may = reserved;
    *facts = lost;
}

void note_print(const note_t *note) {
    static const char *const names[] = {"time",   "starting", "store",     "recovered", "begin",   "end",    "done",
                                        "slot",   "post",      "posted",    "over",    "told",   "filled",
                                        "paid",   "offer",     "offered",   "repair",  "repaired", "surplus",
                                        "reset",  "large",     "taken"};
    printf("%-9s %2u.%u  status %d  value %" PRIu64 " %" PRIu64 "\n", names[note->kind], note->subject, note->part,
           note->status, note->value, note->other);
}
