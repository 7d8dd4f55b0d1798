/* Child processes, started without a shell. */
#ifndef EXAMPLE_CHILD_H
#define EXAMPLE_CHILD_H

#include <sys/types.h>

/* Starts a program found by PATH; what it writes goes to `output` and `errors` (-1: ours). -1 where it
 * cannot. */
pid_t child_start(char *const arguments[], int output, int errors);

/* Waits for its end: its exit status; 128 and more: the number of the signal that killed it, and 128. */
int child_wait(pid_t child);

/* What child_wait answers where the program does not exist. */
#define CHILD_NOT_FOUND 127

#endif
