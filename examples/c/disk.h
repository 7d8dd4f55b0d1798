/* What the repo, the content and the chain write to disk, written so that a kill or a power cut cannot halve
 * it. */
#ifndef EXAMPLE_DISK_H
#define EXAMPLE_DISK_H

#include <stddef.h>
#include <stdint.h>

#define DISK_PATH_MAX 1024

typedef enum disk_status_t {
    DISK_OK = 0,
    DISK_MISSING = 1,  /* disk_read: there is no such file */
    DISK_FAILED = -1,  /* no effect: the file is as it was */
    DISK_UNKNOWN = -2, /* the new file is in place, but perhaps not yet on the disk */
} disk_status_t;

/* `out` = "a/b". Ends the program when it does not fit: paths come from the command line alone. */
void disk_path(char out[DISK_PATH_MAX], const char *a, const char *b);

/* Makes a directory where it is missing, durably. */
disk_status_t disk_make_directory(const char *path);

/* Waits until the names in a directory are on the disk. */
disk_status_t disk_sync_directory(const char *path);

/* Replaces `directory`/`name` by `len` bytes in one step: written aside, synced, renamed, synced. */
disk_status_t disk_replace(const char *directory, const char *name, const void *data, size_t len);

/* Reads a small file as text (a 0 is put behind it). */
disk_status_t disk_read(const char *directory, const char *name, char *text, size_t size);

/* Writes all of `len` bytes at `offset`; -1 with errno where the disk does not take them. */
int disk_write_at(int file, const void *data, size_t len, uint64_t offset);

/* Reads up to `len` bytes at `offset`; fewer only at the end of the file, -1 with errno on an error. */
int64_t disk_read_at(int file, void *data, size_t len, uint64_t offset);

#endif
