/* Reads a list of system calls, as `strace -f -qq -o` writes it. */
#include "calls.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 4096

/* The name of the call in a line; 0 where the line is something else (a signal, the rest of a call). */
static int read_name(const char *line, char name[CALL_NAME_MAX]) {
    size_t len = 0;
    while (isdigit((unsigned char)*line) || *line == ' ') line++;
    while (line[len] == '_' || isalnum((unsigned char)line[len])) len++;
    if (len == 0 || len >= CALL_NAME_MAX || line[len] != '(') return 0;
    memcpy(name, line, len);
    name[len] = 0;
    return 1;
}

static int add(calls_t *calls, const char *name, step_t step) {
    unsigned count = 1;
    for (size_t i = calls->len; i > 0; i--) {
        if (strcmp(calls->calls[i - 1].name, name) != 0) continue;
        count = calls->calls[i - 1].count + 1;
        break;
    }
    if ((calls->len & (calls->len - 1)) == 0) { /* grows at every power of two */
        call_t *more = realloc(calls->calls, (calls->len == 0 ? 1 : 2 * calls->len) * sizeof *more);
        if (more == NULL) return -1;
        calls->calls = more;
    }
    call_t *call = &calls->calls[calls->len++];
    *call = (call_t){.count = count, .step = step};
    memcpy(call->name, name, strlen(name) + 1);
    return 0;
}

int calls_read(calls_t *calls, const char *list) {
    char line[LINE_SIZE], name[CALL_NAME_MAX];
    step_t step = STEP_OPENING;
    int failed = 0;
    FILE *file = fopen(list, "r");
    *calls = (calls_t){0};
    if (file == NULL) {
        fprintf(stderr, "cannot read %s: %s\n", list, strerror(errno));
        return -1;
    }
    while (!failed && fgets(line, sizeof line, file) != NULL) {
        if (!read_name(line, name)) continue;
        failed = add(calls, name, step) != 0; /* a call that writes a step still belongs to the one before */
        if (strcmp(name, "pwrite64") == 0 && step_in(line) != STEP_COUNT) step = step_in(line);
    }
    if (fclose(file) != 0 || failed) return -1;
    return 0;
}

void calls_free(calls_t *calls) {
    free(calls->calls);
    *calls = (calls_t){0};
}
