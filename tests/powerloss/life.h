/* life.h - one process of the host, from its start to the moment the power fails. */
#ifndef LIFE_H
#define LIFE_H

#include <stdint.h>

/* After a start: all that was answered is there (S3), the books balance (S1), and nobody has what nobody asked for.
 * What is found is noted. */
void check_all(void);
/* Ends all that is open, and expects every byte back. */
void check_end(void);

/* Posts requests until the map of the store has grown. */
void life_grow(void);
/* Sells, reserves and releases, on several threads, reopens now and then. */
void life_live(const char *root, uint64_t seed);

#endif
