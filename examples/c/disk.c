/* What the repo, the content and the chain write to disk. */
#define _POSIX_C_SOURCE 200809L
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void complain(const char *what, const char *path) {
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
}

void disk_path(char out[DISK_PATH_MAX], const char *a, const char *b) {
    int len = snprintf(out, DISK_PATH_MAX, "%s/%s", a, b);
    if (len < 0 || len >= DISK_PATH_MAX) {
        fprintf(stderr, "the path %s/%s is longer than %d characters\n", a, b, DISK_PATH_MAX - 1);
        exit(2);
    }
}

disk_status_t disk_sync_directory(const char *path) {
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = directory < 0 || fsync(directory) != 0;
    if (failed) complain("cannot sync", path);
    if (directory >= 0) close(directory);
    return failed ? DISK_FAILED : DISK_OK;
}

disk_status_t disk_make_directory(const char *path) {
    char parent[DISK_PATH_MAX];
    if (mkdir(path, 0755) != 0) {
        if (errno == EEXIST) return DISK_OK;
        complain("cannot make", path);
        return DISK_FAILED;
    }
    disk_path(parent, path, "..");
    return disk_sync_directory(parent);
}

int disk_write_at(int file, const void *data, size_t len, uint64_t offset) {
    const char *from = data;
    while (len > 0) {
        ssize_t done = pwrite(file, from, len, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return -1;
        from += done;
        len -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

int64_t disk_read_at(int file, void *data, size_t len, uint64_t offset) {
    char *to = data;
    size_t got = 0;
    while (got < len) {
        ssize_t done = pread(file, to + got, len - got, (off_t)(offset + got));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return -1;
        if (done == 0) break;
        got += (size_t)done;
    }
    return (int64_t)got;
}

disk_status_t disk_replace(const char *directory, const char *name, const void *data, size_t len) {
    char path[DISK_PATH_MAX], aside[DISK_PATH_MAX + 4];
    disk_path(path, directory, name);
    snprintf(aside, sizeof aside, "%s.new", path);
    int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int failed = file < 0 || disk_write_at(file, data, len, 0) != 0 || fsync(file) != 0;
    if (file >= 0 && close(file) != 0) failed = 1;
    if (failed || rename(aside, path) != 0) {
        complain("cannot write", path);
        return DISK_FAILED;
    }
    return disk_sync_directory(directory) == DISK_OK ? DISK_OK : DISK_UNKNOWN;
}

disk_status_t disk_read(const char *directory, const char *name, char *text, size_t size) {
    char path[DISK_PATH_MAX];
    disk_path(path, directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return DISK_MISSING;
    int64_t len = file < 0 ? -1 : disk_read_at(file, text, size, 0);
    if (len == (int64_t)size) {
        len = -1;
        errno = EFBIG;
    }
    if (len < 0) complain("cannot read", path);
    if (file >= 0) close(file);
    if (len < 0) return DISK_FAILED;
    text[len] = 0;
    return DISK_OK;
}
