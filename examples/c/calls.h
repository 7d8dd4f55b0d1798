/* The system calls of one whole run, in order: the points at which it can be killed by name and count. */
#ifndef EXAMPLE_CALLS_H
#define EXAMPLE_CALLS_H

#include <stddef.h>

#include "step.h"

#define CALL_NAME_MAX 32

typedef struct call_t {
    char name[CALL_NAME_MAX];
    unsigned count; /* the how-manieth call of this name */
    step_t step;    /* that the node was in */
} call_t;

typedef struct calls_t {
    call_t *calls;
    size_t len;
} calls_t;

/* Reads what strace wrote. -1 where it cannot. */
int calls_read(calls_t *calls, const char *list);
void calls_free(calls_t *calls);

#endif
