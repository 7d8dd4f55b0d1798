/* host.h - a host that can lose its power: the repo of examples/c on the disk, and a chain that never forgets (its
 * truth is in the facts). Callbacks pend and refuse now and then. */
#ifndef HOST_H
#define HOST_H

#include "dice.h"
#include "facts.h"
#include "repo.h"

#define PENDING_MAX 64
#define QUOTA (UINT64_C(1) << 20)
#define SLOT_BYTES UINT64_C(10000)
#define LARGE_SLOTS 256u

typedef struct pending_t {
    uint64_t token;
    sales_op_t op;
    uint64_t bytes;
} pending_t;

typedef struct host_t {
    sales_t sales;
    facts_t facts;
    repo_t repo;
    sales_repo_t table; /* of the repo, without pending and refusing */
    int calm;           /* nothing pends, nothing is refused */
    dice_t dice;
    pending_t pending[PENDING_MAX];
    unsigned pending_len;
    int locked;
    sales_request_t requests[REQUESTS];
    sales_ask_t asks[REQUESTS];
    sales_id_t ids[REQUESTS][REQUEST_SLOTS];
} host_t;

extern host_t host;

/* Ends this process: what was answered is not there, or something else is wrong. */
_Noreturn void lost(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens repo and store below `root` with SALES_OPEN_*, registers all and starts. Whatever is refused is a loss. */
void host_open(const char *root, uint64_t seed, uint32_t flags);
void host_close(void);
/* Takes a note down: in the log and in the facts. */
void host_note(note_t note);
/* Completes one operation that pends, if one does; `which` chooses. */
void host_complete(uint64_t which);
sales_id_t host_book_slot(unsigned number);
/* A request of so many slots that the store grows by it. What it wants of the repo pends for ever. */
sales_ask_t host_large(unsigned number, sales_request_t *request);
/* Whose slot this is: of a request (1, with its place), a book slot (2, in `a`), nobody's (0). */
int host_whose(const sales_id_t *id, unsigned *a, unsigned *b);

#endif
