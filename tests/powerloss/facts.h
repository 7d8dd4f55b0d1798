/* facts.h - what the host knows for sure at a point of a life: what it was answered, what it has asked and not been
 * answered, and what is true on the chain. Made of notes alone, so that it can be told for every point of a log. */
#ifndef FACTS_H
#define FACTS_H

#include <sales.h>
#include <stdint.h>

#define BOOK_SLOTS 24u /* slots that the host reserves itself */
#define REQUESTS 8u
#define REQUEST_SLOTS 3u
#define OFFERS 2u

typedef enum act_t { ACT_NONE, ACT_RESERVE, ACT_RELEASE, ACT_CONSUMED } act_t;
typedef enum slot_kind_t { SLOT_FREE, SLOT_LIVE, SLOT_ENDED } slot_kind_t;

typedef struct slot_state_t {
    slot_kind_t kind;
    uint64_t asked, consumed;
} slot_state_t;

typedef struct slot_facts_t {
    slot_state_t is;  /* as it was last answered */
    slot_state_t may; /* as it is if the act in flight has taken effect */
    act_t act;        /* in flight */
    uint64_t token;   /* of an act that pends */
} slot_facts_t;

/* NO: never, or refused. MAYBE: asked and not answered. */
typedef enum sure_t { NO, MAYBE, YES } sure_t;

typedef struct request_facts_t {
    sure_t posted, over; /* over: the library was told that it ended */
    int ended;           /* it has, on the chain */
    int filled[REQUEST_SLOTS], paid[REQUEST_SLOTS];
} request_facts_t;

typedef struct offer_facts_t {
    sure_t there;
    sales_id_t id;
    uint64_t total, may; /* its size, and the one it is being given */
} offer_facts_t;

#define EARLY_MAX 16

typedef struct facts_t {
    uint64_t now;
    uint64_t epoch; /* how many stores were lost: each has requests of its own */
    sure_t store;   /* YES: it was started, and has this id */
    uint8_t store_id[16];
    int reset;                    /* the operator lost the store, and opens with SALES_OPEN_RESET */
    uint64_t surplus, surplus_may; /* A, and what a repair that is not answered makes of it */
    slot_facts_t slots[BOOK_SLOTS];
    request_facts_t requests[REQUESTS];
    offer_facts_t offers[OFFERS];
    struct {
        uint64_t token;
        sales_status_t status;
    } early[EARLY_MAX]; /* ends that were told before the call had answered its token */
    unsigned early_len;
    unsigned large, large_may; /* large requests taken, and perhaps taken */
} facts_t;

typedef enum note_kind_t {
    NOTE_TIME,      /* value */
    NOTE_STARTING,  /* the store is being opened */
    NOTE_STORE,     /* id: started with this store */
    NOTE_RECOVERED, /* the host has looked at everything after a start */
    NOTE_BEGIN,     /* subject: slot, part: act_t, value */
    NOTE_END,       /* subject: slot, status, value: token */
    NOTE_DONE,      /* value: token, status */
    NOTE_SLOT,      /* subject: slot, part: slot_kind_t, value: asked, other: consumed. As the library shows it. */
    NOTE_POST,      /* subject: request */
    NOTE_POSTED,    /* subject, status */
    NOTE_OVER,      /* subject */
    NOTE_TOLD_OVER, /* subject, status */
    NOTE_FILL,      /* subject, part: slot. True on the chain. */
    NOTE_PAID,      /* subject, part: slot. True on the chain. */
    NOTE_OFFER,     /* subject, value: total */
    NOTE_OFFERED,   /* subject, status, id */
    NOTE_REPAIR,    /* the surplus is being given back */
    NOTE_REPAIRED,  /* status */
    NOTE_SURPLUS,   /* value: as the library shows it */
    NOTE_RESET,     /* the reset is done */
    NOTE_LARGE,     /* a large request is posted */
    NOTE_TAKEN,     /* status: of the large request */
} note_kind_t;

typedef struct note_t {
    uint32_t kind, subject, part;
    sales_status_t status;
    uint64_t value, other;
    uint8_t id[32];
} note_t;

/* A host that has done nothing yet. */
facts_t facts_new(void);
/* What a note adds. */
void facts_take(facts_t *facts, const note_t *note);
/* The store is gone. The repo holds `reserved` bytes of which nobody knows any more. */
void facts_lose_store(facts_t *facts, uint64_t reserved);
/* The note in words. */
void note_print(const note_t *note);

#endif
