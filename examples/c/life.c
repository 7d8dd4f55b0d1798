/* One node under test. */
#define _XOPEN_SOURCE 700
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define ARGUMENTS_MAX 48
#define LOG_SHOWN 4000

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

int life_begin(const life_t *life) {
    if (nftw(life->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        fprintf(stderr, "cannot remove %s: %s\n", life->directory, strerror(errno));
        return -1;
    }
    return disk_make_directory(life->directory) == DISK_OK ? 0 : -1;
}

/* Starts a program whose words go to the log. */
static int start(const life_t *life, char *const arguments[]) {
    int log = open(life->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) {
        fprintf(stderr, "cannot write %s: %s\n", life->log, strerror(errno));
        return -1;
    }
    int child = child_start(arguments, log, log);
    close(log);
    return child;
}

static size_t add_host(const life_t *life, char **arguments, size_t len, char *option) {
    char *host[] = {life->host, "-q", "-l", life->library, "-d", (char *)life->directory, "-n", life->seed};
    for (size_t i = 0; i < sizeof host / sizeof host[0]; i++) arguments[len++] = host[i];
    if (option != NULL) arguments[len++] = option;
    for (size_t i = 0; life->scenarios[i] != NULL; i++) arguments[len++] = life->scenarios[i];
    arguments[len] = NULL;
    return len;
}

int life_start(const life_t *life, const char *inject, const char *list) {
    char *arguments[ARGUMENTS_MAX], step[DISK_PATH_MAX];
    size_t len = 0;
    disk_path(step, life->directory, STEP_FILE);
    if (remove(step) != 0 && errno != ENOENT) return -1; /* the last life's step is not this one's */
    if (inject != NULL || list != NULL) {
        char *strace[] = {"strace", "-f", "-qq", "-s", "64", "-o", list == NULL ? "/dev/null" : (char *)list};
        for (size_t i = 0; i < sizeof strace / sizeof strace[0]; i++) arguments[len++] = strace[i];
        if (inject != NULL) arguments[len++] = (char *)inject;
    }
    add_host(life, arguments, len, NULL);
    return start(life, arguments);
}

int life_run(const life_t *life) {
    int child = life_start(life, NULL, NULL);
    return child < 0 ? -1 : child_wait(child);
}

step_t life_step(const life_t *life) {
    char text[2 * STEP_LENGTH];
    disk_status_t status = disk_read(life->directory, STEP_FILE, text, sizeof text);
    if (status == DISK_MISSING) return STEP_OPENING; /* killed before it could write its first step */
    step_t step = status == DISK_OK ? step_in(text) : STEP_COUNT;
    return step == STEP_COUNT ? STEP_OPENING : step;
}

static int audit(const life_t *life, int running) {
    char *arguments[] = {life->audit, "-r", (char *)life->directory, NULL};
    if (!running) arguments[1] = (char *)life->directory, arguments[2] = NULL;
    int child = start(life, arguments);
    return child < 0 ? -1 : child_wait(child);
}

int life_settle(const life_t *life) {
    char *arguments[ARGUMENTS_MAX];
    add_host(life, arguments, 0, "-s");
    int child = start(life, arguments);
    if (child < 0 || child_wait(child) != 0) return -1;
    return audit(life, 1);
}

int life_audit_end(const life_t *life) {
    return audit(life, 0);
}

void life_show_log(const life_t *life) {
    char text[LOG_SHOWN];
    int log = open(life->log, O_RDONLY | O_CLOEXEC);
    off_t end = log < 0 ? -1 : lseek(log, 0, SEEK_END);
    if (end < 0) return;
    int64_t len = disk_read_at(log, text, sizeof text, end > LOG_SHOWN ? (uint64_t)(end - LOG_SHOWN) : 0);
    if (len > 0) fwrite(text, 1, (size_t)len, stderr);
    close(log);
}
