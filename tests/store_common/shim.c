/* Lets system calls of the store fail, stop or lie. Preloaded into a child process; told what to do by its
 * environment, which the child itself may change between two calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define REAL(ret, name, ...) ((ret (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int is(const char *name, const char *value) {
    const char *set = getenv(name);
    return set && strcmp(set, value) == 0;
}

/* SHIM_KILL_AT=n: the process dies before the n-th call that changes the disk. */
static void step(void) {
    static long steps;
    const char *at = getenv("SHIM_KILL_AT");
    if (at && ++steps == atol(at))
        kill(getpid(), SIGKILL);
}

/* SHIM_TELL=1: what makes names and data durable is told on the error output, in its order. */
static void tell(const char *call, const char *path) {
    const char *name = strrchr(path, '/');
    if (getenv("SHIM_TELL"))
        dprintf(2, "\nshim: %s %s\n", call, name ? name + 1 : path);
}

static void tell_fd(const char *call, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    tell(call, path);
}

/* SHIM_FSTYPE=number: every path lies on that file system. */
int statfs(const char *path, struct statfs *out) {
    int rc = REAL(int, "statfs", const char *, struct statfs *)(path, out);
    const char *type = getenv("SHIM_FSTYPE");
    if (rc == 0 && type)
        out->f_type = strtoul(type, NULL, 0);
    return rc;
}

static int synchronous(int fd) {
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static ssize_t fail(int error) {
    errno = error;
    return -1;
}

/* SHIM_META=lost: the write of a meta page fails and does nothing. SHIM_META=done: it is done, and says it failed.
 * SHIM_RESTORE=lost: LMDB's attempt to put the old page back does nothing.
 * SHIM_SETTLE=lost: so does ours. SHIM_DATA=error number: writes of data pages fail; SHIM_DATA=short: they write half. */
static int last_meta_failed, meta_failed;

static ssize_t one(const char *name, int fd, const void *data, size_t size, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = REAL(ssize_t, name, int, const void *, size_t, off_t);
    step();
    if (synchronous(fd)) {
        if (is("SHIM_META", "lost")) {
            last_meta_failed = meta_failed = 1;
            return fail(EIO);
        }
        if (is("SHIM_META", "done")) {
            last_meta_failed = meta_failed = 1;
            if (real(fd, data, size, at) < 0)
                abort();
            return fail(EIO);
        }
    } else if (last_meta_failed) {
        last_meta_failed = 0;
        if (is("SHIM_RESTORE", "lost"))
            return fail(EIO);
    } else if (at <= 4096 && size == 4096 && is("SHIM_SETTLE", "lost")) {
        return fail(EIO);
    } else if (at > 4096 && getenv("SHIM_DATA")) {
        if (is("SHIM_DATA", "short"))
            return real(fd, data, size / 2, at);
        return fail(atoi(getenv("SHIM_DATA")));
    }
    if (synchronous(fd))
        tell_fd("write and sync", fd);
    return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return one("pwrite", fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return one("pwrite64", fd, data, size, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    step();
    if (getenv("SHIM_DATA")) {
        if (is("SHIM_DATA", "short"))
            return REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, 1);
        return fail(atoi(getenv("SHIM_DATA")));
    }
    return REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, parts, count);
}

/* SHIM_SYNC=lost: fdatasync fails. SHIM_SYNC_AFTER_META=lost: it fails once a meta write has failed. */
int fdatasync(int fd) {
    step();
    if (is("SHIM_SYNC", "lost") || (meta_failed && is("SHIM_SYNC_AFTER_META", "lost")))
        return fail(EIO);
    meta_failed = 0;
    tell_fd("sync", fd);
    return REAL(int, "fdatasync", int)(fd);
}

/* SHIM_ROOM=none: nothing can be allocated ahead. SHIM_ROOM=unable: the file system does not know how. */
int fallocate64(int fd, int mode, off64_t from, off64_t size) {
    step();
    if (is("SHIM_ROOM", "none"))
        return fail(ENOSPC);
    if (is("SHIM_ROOM", "unable"))
        return fail(EOPNOTSUPP);
    return REAL(int, "fallocate64", int, int, off64_t, off64_t)(fd, mode, from, size);
}

int fsync(int fd) {
    step();
    tell_fd("sync", fd);
    return REAL(int, "fsync", int)(fd);
}

int rename(const char *from, const char *to) {
    step();
    tell("rename to", to);
    return REAL(int, "rename", const char *, const char *)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    step();
    tell("mkdir", path);
    return REAL(int, "mkdir", const char *, mode_t)(path, mode);
}

int unlink(const char *path) {
    step();
    return REAL(int, "unlink", const char *)(path);
}

int rmdir(const char *path) {
    step();
    return REAL(int, "rmdir", const char *)(path);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    step();
    return REAL(int, "linkat", int, const char *, int, const char *, int)(a, from, b, to, flags);
}

int ftruncate(int fd, off_t size) {
    step();
    return REAL(int, "ftruncate", int, off_t)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    step();
    return REAL(int, "ftruncate64", int, off64_t)(fd, size);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (fd > 2)
        step();
    return REAL(ssize_t, "write", int, const void *, size_t)(fd, data, size);
}

static int opened(const char *name, const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT)
        step();
    return REAL(int, name, const char *, int, ...)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    __builtin_va_list rest;
    __builtin_va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? __builtin_va_arg(rest, mode_t) : 0;
    __builtin_va_end(rest);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    __builtin_va_list rest;
    __builtin_va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? __builtin_va_arg(rest, mode_t) : 0;
    __builtin_va_end(rest);
    return opened("open64", path, flags, mode);
}
