/* platter.h - what may lie on the disk after a power loss.
 *
 * The model (docs/TESTING.md tells it at more length). A sector of 512 bytes is written whole or not at all. What a sync
 * that returned has covered stays; of what came later each sector has any of the contents it was given since. A new
 * size is there or not, with zeros where nothing was written. Names change in their directory: what its fsync covered
 * stays, of what came later any part may be missing, but a change is never there without those it rests on, and a
 * rename is never half there. The fsync of a file says nothing of its name. */
#ifndef PLATTER_H
#define PLATTER_H

#include <stdint.h>

#include "recorder.h"

typedef struct platter_t platter_t;

/* A disk with an empty root, or one on which all that lies below `root` is safe. */
platter_t *platter_new(void);
platter_t *platter_load(const char *root);
void platter_free(platter_t *platter);

/* A process begins: its handles are its own. */
void platter_begin(platter_t *platter);
/* What a record did. `number` names it to the fate; `cut`: the power failed while it was done, so that no sync came of
 * it. */
void platter_do(platter_t *platter, const record_t *record, uint32_t number, int cut);

/* What becomes of changes that were not synced, by their numbers. */
typedef struct fate_t {
    uint64_t seed;
    uint32_t from;   /* those before this one are lost: what is older need not be safer */
    uint32_t cut;    /* those from this one on are lost */
    unsigned kept;   /* of 256 of the others stay */
    unsigned torn;   /* of 256 writes, those of which each sector has a fate of its own */
} fate_t;

/* Makes an image below `root`, an empty directory. */
void platter_image(const platter_t *platter, const fate_t *fate, const char *root);
/* How many changes are not synced. */
unsigned platter_unsynced(const platter_t *platter);
/* The number of a change of names that is not synced, chosen by `which`; 0: there is none. */
uint32_t platter_unsynced_name(const platter_t *platter, uint64_t which);
/* Whether the files below `root` are what the records say. Writes what differs; 0: nothing does. */
int platter_differs(const platter_t *platter, const char *root, char *what, size_t size);

#endif
