/* shared.h - the example's repo on disk, behind a lock: eight threads share it. Refuses now and then, without effect. */
#ifndef CRASH_SHARED_H
#define CRASH_SHARED_H

#include <sales.h>

/* The thread of the host that runs here; its place on the board. */
extern _Thread_local unsigned shared_thread;

/* Opens the repo below the node's directory. `faults`: it refuses some calls. */
int shared_open(const char *directory, int faults);

sales_repo_t shared_table(void);

#endif
