/* Child processes, started without a shell. */
#define _POSIX_C_SOURCE 200809L
#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t child_start(char *const arguments[], int output, int errors) {
    fflush(NULL); /* or the child writes our text once more */
    pid_t child = fork();
    if (child != 0) {
        if (child < 0) fprintf(stderr, "cannot start %s: %s\n", arguments[0], strerror(errno));
        return child;
    }
    if (output >= 0 && dup2(output, STDOUT_FILENO) < 0) _exit(126);
    if (errors >= 0 && dup2(errors, STDERR_FILENO) < 0) _exit(126);
    execvp(arguments[0], arguments);
    _exit(errno == ENOENT ? CHILD_NOT_FOUND : 126);
}

int child_wait(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return 126;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
