/* turns.h - threads that take turns: one runs at a time, and a seed says which is next. So a life with threads is the
 * same each time. A turn may end at every file call, at every note, and where a thread waits for a futex. */
#ifndef TURNS_H
#define TURNS_H

#include <stdint.h>

#define TURNS_MAX 4

/* Runs `body(0)` to `body(count - 1)`, each on a thread, until all have returned. */
void turns_run(unsigned count, uint64_t seed, void (*body)(unsigned thread));

/* Another thread may go on here. */
void turns_point(void);

/* Waits until `turns_wake` is called for the same place. Does nothing where no threads take turns. */
void turns_wait(const void *place);
/* Wakes up to `count` of those who wait; how many. */
unsigned turns_wake(const void *place, unsigned count);

/* Whether the calling thread is one of those that take turns. */
int turns_taken(void);

#endif
