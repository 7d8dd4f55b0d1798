/* Which step of the protocol the node is in, kept in a small file. */
#define _POSIX_C_SOURCE 200809L
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

static const char *const NAMES[STEP_COUNT] = {
#define X(id, name) name,
    STEPS(X)
#undef X
};

static int file = -1;
static step_t current = STEP_OPENING;

const char *step_name(step_t step) {
    return step < STEP_COUNT ? NAMES[step] : "unknown";
}

step_t step_in(const char *text) {
    const char *mark = strstr(text, STEP_MARK);
    if (mark == NULL) return STEP_COUNT;
    mark += strlen(STEP_MARK);
    for (step_t step = 0; step < STEP_COUNT; step++) {
        size_t len = strlen(NAMES[step]);
        if (strncmp(mark, NAMES[step], len) == 0 && mark[len] == ' ') return step;
    }
    return STEP_COUNT;
}

static void tell(void) {
    char text[STEP_LENGTH + 1];
    if (file < 0) return;
    snprintf(text, sizeof text, STEP_MARK "%-*s\n", STEP_LENGTH - (int)sizeof STEP_MARK, NAMES[current]);
    if (disk_write_at(file, text, STEP_LENGTH, 0) != 0)
        fprintf(stderr, "cannot write the step: %s\n", strerror(errno));
}

int step_begin(const char *directory) {
    char path[DISK_PATH_MAX];
    disk_path(path, directory, STEP_FILE);
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) fprintf(stderr, "cannot make %s: %s\n", path, strerror(errno));
    tell();
    return file < 0 ? -1 : 0;
}

void step_end(void) {
    if (file >= 0 && close(file) != 0) fprintf(stderr, "cannot close the step: %s\n", strerror(errno));
    file = -1;
}

step_t step_enter(step_t step) {
    step_t before = current;
    current = step;
    if (step != before) tell();
    return before;
}

step_t step_now(void) {
    return current;
}
