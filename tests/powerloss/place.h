/* place.h - directories for lives and images, in memory where there is room: nothing here waits for a real disk. */
#ifndef PLACE_H
#define PLACE_H

#include <stdint.h>

#define PLACE_PATH_MAX 256
#define PLACE_IMAGE 99u /* an image that does not live on */

typedef struct place_t {
    char directory[PLACE_PATH_MAX / 2];
} place_t;

/* A new one, removed when the process exits. */
void place_begin(place_t *place);
/* The directory of a life, by its generation; an empty one. */
void place_of_life(const place_t *place, unsigned generation, char path[PLACE_PATH_MAX]);
void place_fresh(const place_t *place, unsigned generation, char path[PLACE_PATH_MAX]);

/* Removes a store's data, or all of its files. */
void place_lose_store(const char *root, int all);
/* What the repo below `root` has reserved, as its file says. */
uint64_t place_reserved(const char *root);

#endif
