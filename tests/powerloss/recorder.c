/* recorder.c - the log, what is recorded, and under which name. The calls themselves: calls.c. */
#define _GNU_SOURCE
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dice.h"
#include "turns.h"

recording_t recording;

record_log_t *record_log_new(size_t size) {
    record_log_t *log =
        mmap(NULL, sizeof *log + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (log == MAP_FAILED) {
        perror("memory for the log");
        exit(2);
    }
    log->size = size;
    return log;
}

const record_t *record_next(const record_log_t *log, const record_t *record) {
    const uint8_t *next = record == NULL ? log->bytes : (const uint8_t *)(record + 1) + (record->len + 7) / 8 * 8;
    return next < log->bytes + log->used ? (const record_t *)next : NULL;
}

void record_print(const record_t *record, uint32_t number) {
    static const char *const names[] = {"open", "write", "size", "sync", "mkdir", "rmdir", "unlink", "rename", "link",
                                        "fault"};
    int named = record->kind == RECORD_OPEN || (record->kind >= RECORD_MKDIR && record->kind <= RECORD_LINK);
    printf("%6u     %-7s handle %u flags %u at %llu len %u %s\n", number, names[record->kind], record->handle,
           record->flags, (unsigned long long)record->at, record->len, named ? (const char *)(record + 1) : "");
}

void recorder_begin(record_log_t *log, const char *root, deaf_t deaf, int pid, uint64_t seed) {
    memset(&recording, 0, sizeof recording);
    recording.log = log;
    recording.deaf = deaf;
    recording.pid = pid;
    recording.dice = dice_of(seed, 1);
    snprintf(recording.root, sizeof recording.root, "%s", root);
}

void record_log_clear(record_log_t *log) {
    log->used = log->count = log->handles = 0;
}

void recorder_kill_at(uint64_t count) {
    recording.kill_at = count;
}

void record_may_kill(void) {
    if (recording.kill_at > 0 && recording.log->count >= recording.kill_at) _exit(RECORDER_KILLED);
}

void record(record_t head, const void *bytes, size_t len) {
    record_log_t *log = recording.log;
    if (log == NULL) return;
    head.len = (uint32_t)len;
    size_t whole = sizeof head + (len + 7) / 8 * 8;
    if (log->used + whole > log->size) {
        fprintf(stderr, "the log is full\n");
        abort();
    }
    memcpy(log->bytes + log->used, &head, sizeof head);
    if (len > 0) memcpy(log->bytes + log->used + sizeof head, bytes, len);
    log->used += whole;
    log->count++;
    if (!recording.in_parts) record_may_kill();
}

/* Takes "", "." and ".." out of a path. There are no links below the root. */
static void normalize(const char *path, char *out) {
    char *end = out;
    while (*path != 0) {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            while (end > out && *--end != '/') continue;
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            *end++ = '/';
            memcpy(end, path, len);
            end += len;
        }
        path += len;
        while (*path == '/') path++;
    }
    *end = 0;
}

int record_inside(const char *path, char name[RECORD_PATH_MAX]) {
    char whole[RECORD_PATH_MAX];
    size_t root = strlen(recording.root);
    if (recording.log == NULL || path[0] != '/' || strlen(path) >= sizeof whole) return 0;
    normalize(path, whole);
    if (strncmp(whole, recording.root, root) != 0 || (whole[root] != '/' && whole[root] != 0)) return 0;
    strcpy(name, whole[root] == 0 ? "" : whole + root + 1);
    return 1;
}

static int of_the_repo(const char *name) {
    return strncmp(name, "repo", 4) == 0;
}

int record_heard(const file_t *file, int by_flag) {
    switch (recording.deaf) {
    case DEAF_ALL: return 0;
    case DEAF_FILES: return by_flag || file->directory;
    case DEAF_WRITES: return !by_flag;
    case DEAF_DIRECTORIES: return !file->directory;
    case DEAF_REPO: return !of_the_repo(file->name);
    default: return 1;
    }
}

/* LMDB's lock file is written through its map. */
void record_map(void) {
    map_t *map = &recording.map;
    if (map->shown == NULL || memcmp(map->shown, map->last, sizeof map->last) == 0) return;
    memcpy(map->last, map->shown, sizeof map->last);
    record((record_t){.kind = RECORD_WRITE, .flags = RECORD_MAPPED, .handle = map->handle}, map->last,
           sizeof map->last);
}

void recorder_note(const void *bytes, size_t len) {
    turns_point();
    record_map();
    record((record_t){.kind = RECORD_NOTE}, bytes, len);
}

void recorder_fail_meta(meta_fault_t how) {
    recording.fault = how;
}
