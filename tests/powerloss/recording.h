/* recording.h - what recorder.c and calls.c share. */
#ifndef RECORDING_H
#define RECORDING_H

#include "dice.h"
#include "recorder.h"

#define RECORD_PATH_MAX 512
#define RECORD_FILES_MAX 1024
#define RECORD_MAP_BYTES 4096

/* What stands behind a file descriptor. */
typedef struct file_t {
    uint32_t handle; /* 0: nothing of ours */
    int directory, synced, append;
    char name[64]; /* the beginning of it: enough to tell whose it is */
} file_t;

/* A writable shared map, of which the first page is watched. */
typedef struct map_t {
    const uint8_t *shown;
    uint32_t handle;
    uint8_t last[RECORD_MAP_BYTES];
} map_t;

typedef struct recording_t {
    record_log_t *log;
    char root[RECORD_PATH_MAX];
    deaf_t deaf;
    int pid;
    dice_t dice;
    uint64_t kill_at; /* 0: never */
    int in_parts;     /* between the records of one call */
    file_t files[RECORD_FILES_MAX];
    map_t map;
    meta_fault_t fault;
} recording_t;

extern recording_t recording;

void record(record_t head, const void *bytes, size_t len);
/* Ends the process where it is to be killed. */
void record_may_kill(void);
/* Whether a path lies below the root; `name` is what follows it. */
int record_inside(const char *path, char name[RECORD_PATH_MAX]);
/* Whether a sync is taken for one; `by_flag`: by O_DSYNC. */
int record_heard(const file_t *file, int by_flag);
void record_map(void);

#endif
