/* calls.c - the file calls as the program, the library and LMDB in it find them: each does the real thing, and what it
 * changed below the root is recorded. Beside them the few calls whose answers would make two lives differ. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/futex.h>

#include "recording.h"
#include "turns.h"

/* The next definition of the name this stands in: libc's. */
#define REAL(result, name, ...)                                                                   \
    static result (*real)(__VA_ARGS__);                                                           \
    if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);

static file_t *file_of(int fd) {
    static file_t nothing;
    int ours = recording.log != NULL && fd >= 0 && fd < RECORD_FILES_MAX && recording.files[fd].handle != 0;
    if (ours) turns_point();
    return ours ? &recording.files[fd] : &nothing;
}

static int opened(int fd, const char *path, int flags) {
    char name[RECORD_PATH_MAX];
    if (fd < 0 || !record_inside(path, name)) return fd;
    if (fd >= RECORD_FILES_MAX) {
        fprintf(stderr, "more files are open than the recorder has places for\n");
        abort();
    }
    struct stat found;
    file_t *file = &recording.files[fd];
    *file = (file_t){.handle = (uint32_t)++recording.log->handles, .synced = (flags & O_DSYNC) != 0, .append = (flags & O_APPEND) != 0};
    file->directory = fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
    snprintf(file->name, sizeof file->name, "%.60s", name);
    record((record_t){.kind = RECORD_OPEN, .handle = file->handle,
                      .flags = flags & O_TRUNC ? RECORD_TRUNCATE : 0}, name, strlen(name) + 1);
    return fd;
}

/* Nobody takes the real power away: no real sync is waited for. */
static int asked(int flags) {
    return recording.pid == 0 ? flags : flags & ~O_SYNC;
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        REAL(int, name, const char *, int, ...)                 \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                           \
        turns_point();                                          \
        return opened(real(path, asked(flags), mode), path, flags); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
    int name(int directory, const char *path, int flags, ...) { \
        REAL(int, name, int, const char *, int, ...)            \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                           \
        turns_point();                                          \
        return opened(real(directory, path, asked(flags), mode), path, flags); \
    }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) {
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int close(int fd) {
    REAL(int, close, int)
    file_of(fd)->handle = 0;
    return real(fd);
}

int dup(int fd) {
    REAL(int, dup, int)
    int copy = real(fd);
    if (copy >= 0 && copy < RECORD_FILES_MAX) recording.files[copy] = *file_of(fd);
    return copy;
}

int fcntl(int fd, int command, ...) {
    REAL(int, fcntl, int, int, ...)
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int answer = real(fd, command, argument);
    int copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    if (copies && answer >= 0 && answer < RECORD_FILES_MAX) recording.files[answer] = *file_of(fd);
    return answer;
}

static void wrote(const file_t *file, const void *data, ssize_t len, off_t at) {
    if (file->handle == 0 || len <= 0) return;
    int synced = file->synced && record_heard(file, 1);
    record((record_t){.kind = RECORD_WRITE, .handle = file->handle, .at = (uint64_t)at,
                      .flags = synced ? RECORD_SYNCED : 0}, data, (size_t)len);
}

/* Lets the write fail that was chosen to; whether it did. */
static int meta_failed(int fd, file_t *file, const void *data, size_t len, off_t at) {
    if (!file->synced || recording.fault == META_WRITTEN) return 0;
    record((record_t){.kind = RECORD_FAULT, .handle = file->handle}, NULL, 0);
    if (recording.fault == META_DONE) {
        file_t unsynced = *file;
        unsynced.synced = 0;
        wrote(&unsynced, data, syscall(SYS_pwrite64, fd, data, len, at), at);
    }
    recording.fault = META_WRITTEN;
    errno = EIO;
    return 1;
}

#define PWRITE(name, offset_t)                                              \
    ssize_t name(int fd, const void *data, size_t len, offset_t at) {       \
        REAL(ssize_t, name, int, const void *, size_t, offset_t)            \
        file_t *file = file_of(fd);                                         \
        if (meta_failed(fd, file, data, len, at)) return -1;                \
        ssize_t done = real(fd, data, len, at);                             \
        wrote(file, data, done, at);                                        \
        return done;                                                        \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static off_t place(int fd, const file_t *file) {
    return file->handle == 0 ? 0 : lseek(fd, 0, file->append ? SEEK_END : SEEK_CUR);
}

ssize_t write(int fd, const void *data, size_t len) {
    REAL(ssize_t, write, int, const void *, size_t)
    file_t *file = file_of(fd);
    off_t at = place(fd, file);
    ssize_t done = real(fd, data, len);
    wrote(file, data, done, at);
    return done;
}

/* They were written in one call: no kill comes between. */
static void wrote_parts(const file_t *file, const struct iovec *parts, int count, ssize_t done, off_t at) {
    if (file->handle == 0 || done <= 0) return;
    recording.in_parts = 1;
    for (int i = 0; i < count && done > 0; i++) {
        ssize_t len = (ssize_t)parts[i].iov_len < done ? (ssize_t)parts[i].iov_len : done;
        wrote(file, parts[i].iov_base, len, at);
        at += len;
        done -= len;
    }
    recording.in_parts = 0;
    record_may_kill();
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int)
    file_t *file = file_of(fd);
    off_t at = place(fd, file);
    ssize_t done = real(fd, parts, count);
    wrote_parts(file, parts, count, done, at);
    return done;
}

#define PWRITEV(name, offset_t)                                                 \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_t at) {   \
        REAL(ssize_t, name, int, const struct iovec *, int, offset_t)           \
        file_t *file = file_of(fd);                                             \
        ssize_t done = real(fd, parts, count, at);                              \
        wrote_parts(file, parts, count, done, at);                              \
        return done;                                                            \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

/* The order in the log is the order of the returns: a crash before the record is one before the sync was done. */
static int synced(int fd, int answer) {
    const file_t *file = file_of(fd);
    if (answer == 0 && file->handle != 0 && record_heard(file, 0))
        record((record_t){.kind = RECORD_SYNC, .handle = file->handle}, NULL, 0);
    return answer;
}

int fsync(int fd) {
    REAL(int, fsync, int)
    return synced(fd, recording.pid == 0 ? real(fd) : 0);
}

int fdatasync(int fd) {
    REAL(int, fdatasync, int)
    return synced(fd, recording.pid == 0 ? real(fd) : 0);
}

int msync(void *start, size_t len, int flags) {
    REAL(int, msync, void *, size_t, int)
    record_map();
    return real(start, len, flags);
}

static int resized(int fd, int answer, int changes) {
    struct stat found;
    const file_t *file = file_of(fd);
    if (answer == 0 && changes && file->handle != 0 && fstat(fd, &found) == 0)
        record((record_t){.kind = RECORD_SIZE, .handle = file->handle, .at = (uint64_t)found.st_size}, NULL, 0);
    return answer;
}

#define FTRUNCATE(name, offset_t)                       \
    int name(int fd, offset_t size) {                   \
        REAL(int, name, int, offset_t)                  \
        return resized(fd, real(fd, size), 1);          \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

/* Room without a new size cannot be seen after a crash. */
#define FALLOCATE(name, offset_t)                                               \
    int name(int fd, int mode, offset_t from, offset_t size) {                  \
        REAL(int, name, int, int, offset_t, offset_t)                           \
        return resized(fd, real(fd, mode, from, size), mode == 0);              \
    }
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)

#define POSIX_FALLOCATE(name, offset_t)                                         \
    int name(int fd, offset_t from, offset_t size) {                            \
        REAL(int, name, int, offset_t, offset_t)                                \
        return resized(fd, real(fd, from, size), 1);                            \
    }
POSIX_FALLOCATE(posix_fallocate, off_t)
POSIX_FALLOCATE(posix_fallocate64, off64_t)

static int named(record_kind_t kind, const char *path, int answer) {
    char name[RECORD_PATH_MAX];
    if (answer == 0 && record_inside(path, name))
        record((record_t){.kind = kind}, name, strlen(name) + 1);
    return answer;
}

#define NAMED(name, kind)                       \
    int name(const char *path) {                \
        REAL(int, name, const char *)           \
        turns_point();                          \
        return named(kind, path, real(path));   \
    }
NAMED(unlink, RECORD_UNLINK)
NAMED(rmdir, RECORD_RMDIR)

int unlinkat(int directory, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int)
    turns_point();
    return named(flags & AT_REMOVEDIR ? RECORD_RMDIR : RECORD_UNLINK, path, real(directory, path, flags));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t)
    turns_point();
    return named(RECORD_MKDIR, path, real(path, mode));
}

int mkdirat(int directory, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t)
    turns_point();
    return named(RECORD_MKDIR, path, real(directory, path, mode));
}

static int named_twice(record_kind_t kind, const char *from, const char *to, int answer) {
    char names[2 * RECORD_PATH_MAX], second[RECORD_PATH_MAX];
    if (answer != 0 || !record_inside(from, names) || !record_inside(to, second)) return answer;
    size_t len = strlen(names) + 1;
    strcpy(names + len, second);
    record((record_t){.kind = kind}, names, len + strlen(second) + 1);
    return answer;
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *)
    turns_point();
    return named_twice(RECORD_RENAME, from, to, real(from, to));
}

int renameat(int a, const char *from, int b, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *)
    turns_point();
    return named_twice(RECORD_RENAME, from, to, real(a, from, b, to));
}

int link(const char *from, const char *to) {
    REAL(int, link, const char *, const char *)
    turns_point();
    return named_twice(RECORD_LINK, from, to, real(from, to));
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(int, linkat, int, const char *, int, const char *, int)
    turns_point();
    return named_twice(RECORD_LINK, from, to, real(a, from, b, to, flags));
}

static void *mapped(void *start, int protection, int flags, int fd) {
    const file_t *file = file_of(fd);
    if (start == MAP_FAILED || file->handle == 0 || !(protection & PROT_WRITE) || !(flags & MAP_SHARED)) return start;
    recording.map = (map_t){.shown = start, .handle = file->handle};
    return start;
}

#define MMAP(name, offset_t)                                                            \
    void *name(void *start, size_t len, int protection, int flags, int fd, offset_t at) { \
        REAL(void *, name, void *, size_t, int, int, int, offset_t)                     \
        return mapped(real(start, len, protection, flags, fd, at), protection, flags, fd); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

int munmap(void *start, size_t len) {
    REAL(int, munmap, void *, size_t)
    if (recording.log != NULL && recording.map.shown == start) {
        record_map();
        recording.map.shown = NULL;
    }
    return real(start, len);
}

/* The library's locks wait for futexes by this call. */
long syscall(long number, ...) {
    REAL(long, syscall, long, ...)
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_futex && turns_taken()) {
        int *place = (int *)a[0], what = (int)a[1] & FUTEX_CMD_MASK;
        if (what == FUTEX_WAKE || what == FUTEX_WAKE_BITSET) return turns_wake(place, (unsigned)a[2]);
        if (what == FUTEX_WAIT || what == FUTEX_WAIT_BITSET) {
            if (__atomic_load_n(place, __ATOMIC_SEQ_CST) == (int)a[2]) {
                turns_wait(place);
                return 0;
            }
            errno = EAGAIN;
            return -1;
        }
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t getrandom(void *out, size_t len, unsigned flags) {
    uint8_t *to = out;
    (void)flags;
    for (size_t i = 0; i < len; i++) to[i] = (uint8_t)dice_roll(&recording.dice);
    return (ssize_t)len;
}

pid_t getpid(void) {
    return recording.pid != 0 ? recording.pid : (pid_t)syscall(SYS_getpid);
}

int sched_yield(void) {
    turns_point();
    return 0;
}
