/* fail.c - stands before the C library's calls that change a disk. One thread. */
#define _GNU_SOURCE
#include "fail.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int armed, error_given, lasting_given;
static fail_call_t call_given;
static unsigned at_given, seen[FAIL_CALLS_LEN], failed;

void fail_arm(fail_call_t call, unsigned at, int error, int lasting) {
    armed = 1, call_given = call, at_given = at, error_given = error, lasting_given = lasting, failed = 0;
    for (int i = 0; i < FAIL_CALLS_LEN; i++) seen[i] = 0;
}

void fail_clear(void) {
    armed = 0;
}

unsigned fail_seen(fail_call_t call) {
    return seen[call];
}

unsigned fail_failed(void) {
    return failed;
}

/* Counts a call; whether it fails. */
static int fails(fail_call_t call) {
    if (!armed) return 0;
    unsigned number = ++seen[call];
    if (call != call_given || error_given == 0) return 0;
    if (number != at_given && !(lasting_given && number > at_given)) return 0;
    failed++;
    errno = error_given;
    return 1;
}

#define REAL(ret, name, ...) ((ret(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

/* `name`: of the C library; `call`: what it is counted as. */
#define WRAP(ret, name, call, types, parameters, arguments, real) \
    ret name parameters {                                         \
        if (real && fails(FAIL_##call)) return -1;                \
        return ((ret(*) types)dlsym(RTLD_NEXT, #name))arguments;  \
    }
#define ALWAYS 1

WRAP(ssize_t, pwrite, pwrite, (int, const void *, size_t, off_t),
     (int file, const void *data, size_t len, off_t at), (file, data, len, at), ALWAYS)
WRAP(ssize_t, pwrite64, pwrite, (int, const void *, size_t, off64_t),
     (int file, const void *data, size_t len, off64_t at), (file, data, len, at), ALWAYS)
WRAP(ssize_t, writev, writev, (int, const struct iovec *, int),
     (int file, const struct iovec *parts, int len), (file, parts, len), file > 2)
WRAP(ssize_t, write, write, (int, const void *, size_t),
     (int file, const void *data, size_t len), (file, data, len), file > 2)
WRAP(int, fdatasync, fdatasync, (int),
     (int file), (file), ALWAYS)
WRAP(int, fsync, fsync, (int),
     (int file), (file), ALWAYS)
WRAP(int, fallocate, fallocate, (int, int, off_t, off_t),
     (int file, int mode, off_t at, off_t len), (file, mode, at, len), ALWAYS)
WRAP(int, fallocate64, fallocate, (int, int, off64_t, off64_t),
     (int file, int mode, off64_t at, off64_t len), (file, mode, at, len), ALWAYS)
WRAP(int, ftruncate, ftruncate, (int, off_t),
     (int file, off_t len), (file, len), ALWAYS)
WRAP(int, ftruncate64, ftruncate, (int, off64_t),
     (int file, off64_t len), (file, len), ALWAYS)
WRAP(int, rename, rename, (const char *, const char *),
     (const char *from, const char *to), (from, to), ALWAYS)
WRAP(int, mkdir, mkdir, (const char *, mode_t),
     (const char *path, mode_t mode), (path, mode), ALWAYS)
WRAP(int, unlink, unlink, (const char *),
     (const char *path), (path), ALWAYS)
WRAP(int, rmdir, rmdir, (const char *),
     (const char *path), (path), ALWAYS)

static mode_t mode_of(int flags, va_list rest) {
    return (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    if (fails(FAIL_open)) return -1;
    return REAL(int, open, const char *, int, ...)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    if (fails(FAIL_open)) return -1;
    return REAL(int, open64, const char *, int, ...)(path, flags, mode);
}
