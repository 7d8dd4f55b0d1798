/* line.h - a line of lives: a host lives, loses its power at many points, and one of the images that are left lives on.
 * Each image is opened by a process of its own. */
#ifndef LINE_H
#define LINE_H

#include "facts.h"
#include "place.h"
#include "recorder.h"

#define GENERATIONS 4
#define PER_GENERATION 25
#define PER_RUN (GENERATIONS * PER_GENERATION)

/* What the workers share. */
typedef struct tally_t {
    uint64_t runs, begun, images, lost, told;
    uint64_t new_store, recovering, resetting, broken, grown; /* images by what the power failed in */
} tally_t;

typedef struct plan_t {
    uint64_t images, seed;
    uint64_t only;  /* this image alone; UINT64_MAX: all */
    uint64_t shown; /* losses that are told */
    int first;      /* the first loss ends it */
    deaf_t deaf;
    unsigned workers;
    tally_t *tally;
} plan_t;

typedef struct line_t {
    const plan_t *plan;
    place_t place;
    record_log_t *logs[2];
    uint64_t run;
    uint64_t seed;
} line_t;

line_t line_new(const plan_t *plan);
/* The lives of one run, and their images. */
void line_live(line_t *line, uint64_t run);
/* Whether the first life of a run is the same twice, to the byte. */
int line_is_the_same_twice(line_t *line, uint64_t run);

#endif
