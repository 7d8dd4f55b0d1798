/* shared.h - the example's repo on disk, behind a lock: eight threads share it. Now and then it
 * refuses, without effect, or answers later. */
#ifndef CRASH_SHARED_H
#define CRASH_SHARED_H

#include <sales.h>

/* The thread of the host that runs here; its place on the board. */
extern _Thread_local unsigned shared_thread;

/* Opens the repo below the node's directory. `faults`: it refuses some calls. */
int shared_open(const char *directory, int faults);

sales_repo_t shared_table(void);

/* Answers one of the calls that pend, on whatever thread; whether there was one. */
int shared_complete(sales_t sales, uint64_t now);

#endif
