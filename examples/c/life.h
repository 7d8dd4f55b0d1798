/* One node under test: its directory, and how it is started, killed, settled and audited. */
#ifndef EXAMPLE_LIFE_H
#define EXAMPLE_LIFE_H

#include "disk.h"
#include "step.h"

#define LIFE_SCENARIOS_MAX 16
#define LIFE_KILLED (128 + 9)

typedef struct life_t {
    char directory[DISK_PATH_MAX]; /* of the node; what its programs write goes to `log` beside it */
    char log[DISK_PATH_MAX];
    char *host, *audit, *library, *seed;
    char *scenarios[LIFE_SCENARIOS_MAX + 1]; /* ended by NULL */
} life_t;

/* Makes the place for a new node: what lay there goes. */
int life_begin(const life_t *life);

/* Starts the node. With `inject` (strace's --inject) under strace; with `list` strace writes all its calls
 * there. */
int life_start(const life_t *life, const char *inject, const char *list);

/* Runs the node to its end: its exit status, as child_wait has it. */
int life_run(const life_t *life);

/* The step that a killed node was in. */
step_t life_step(const life_t *life);

/* After a kill: settles the books by a start, and audits them. 0: exact. */
int life_settle(const life_t *life);

/* After the end: audits that nothing is left. 0: exact. */
int life_audit_end(const life_t *life);

/* Shows what the programs wrote last: why something failed. */
void life_show_log(const life_t *life);

#endif
