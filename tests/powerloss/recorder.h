/* recorder.h - writes down, in their true order, all that a process does to the files below one directory, and what
 * it was told meanwhile (notes).
 *
 * The program defines the file calls itself, so that the library, LMDB in it and the host's repo call these instead
 * of libc's; each does the real thing and appends a record. Threads take turns (turns.h): the order of the records
 * is the order in which things were done. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stddef.h>
#include <stdint.h>

typedef enum record_kind_t {
    RECORD_OPEN,   /* path; flags. A handle is born. */
    RECORD_WRITE,  /* handle, at, bytes; flags */
    RECORD_SIZE,   /* handle, at: the new size */
    RECORD_SYNC,   /* handle: of a file or of a directory */
    RECORD_MKDIR,  /* path */
    RECORD_RMDIR,  /* path */
    RECORD_UNLINK, /* path */
    RECORD_RENAME, /* path, 0, path */
    RECORD_LINK,   /* path, 0, path */
    RECORD_FAULT,  /* a write through O_DSYNC fails now */
    RECORD_NOTE,   /* what the workload has to say */
} record_kind_t;

enum {
    RECORD_TRUNCATE = 1, /* of OPEN */
    RECORD_SYNCED = 2,   /* of WRITE: on the disk when it returned (O_DSYNC) */
    RECORD_MAPPED = 4,   /* of WRITE: through a shared map, seen at the next note */
};

/* Followed by `len` bytes, padded to 8. */
typedef struct record_t {
    uint32_t kind, flags, handle, len;
    uint64_t at;
} record_t;

/* Lies in memory that the process shares with the one that reads it. */
typedef struct record_log_t {
    uint64_t used, size, count;
    uint64_t handles; /* that were born */
    uint8_t bytes[];
} record_log_t;

/* What is not taken for a sync: for checking that a sync that is missing would be found. */
typedef enum deaf_t {
    DEAF_NOT,
    DEAF_ALL,         /* no sync at all */
    DEAF_FILES,       /* fsync and fdatasync of files */
    DEAF_WRITES,      /* O_DSYNC */
    DEAF_DIRECTORIES, /* fsync of directories */
    DEAF_REPO,        /* none of the host's repo */
    DEAF_COUNT
} deaf_t;

record_log_t *record_log_new(size_t size);
/* The next record after `record` (NULL: the first); NULL: no more. */
const record_t *record_next(const record_log_t *log, const record_t *record);
/* The record in words. */
void record_print(const record_t *record, uint32_t number);
static inline const void *record_bytes(const record_t *record) { return record + 1; }

/* From now on what is done below `root` (absolute, no links, no slash at its end) goes to `log`. `pid` is what getpid
 * answers and `seed` what getrandom gives, so that a life is the same each time. A `log` of NULL: nothing is recorded.
 * No sync is really waited for. */
void recorder_begin(record_log_t *log, const char *root, deaf_t deaf, int pid, uint64_t seed);
/* Empties a log: what is recorded next is another life's. Else the next process goes on where the last one was killed. */
void record_log_clear(record_log_t *log);
/* The process is killed once the log has so many records, with this exit status. */
#define RECORDER_KILLED 77
void recorder_kill_at(uint64_t count);
void recorder_note(const void *bytes, size_t len);

typedef enum meta_fault_t { META_WRITTEN, META_LOST, META_DONE } meta_fault_t;
/* The next write through O_DSYNC fails with EIO: nothing was written, or all of it, and not synced. */
void recorder_fail_meta(meta_fault_t how);

#endif
