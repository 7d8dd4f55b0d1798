/* fail.h - system calls that fail when they are told to: fail.so, preloaded. */
#ifndef FAIL_H
#define FAIL_H

/* The calls by which a store is written. */
#define FAIL_CALLS(X)                                                   \
    X(pwrite) X(writev) X(write) X(fdatasync) X(fsync) X(fallocate)     \
    X(ftruncate) X(open) X(rename) X(mkdir) X(unlink) X(rmdir)

typedef enum fail_call_t {
#define X(name) FAIL_##name,
    FAIL_CALLS(X)
#undef X
        FAIL_CALLS_LEN
} fail_call_t;

/* From now on calls are counted anew, and the `at`-th of `call` fails with `error`; with `lasting` all that follow, too.
 * `error` 0: none fails, and they are only counted. */
void fail_arm(fail_call_t call, unsigned at, int error, int lasting);

/* The cause is gone: nothing fails any more. */
void fail_clear(void);

/* How many calls there were, and how many of them failed. */
unsigned fail_seen(fail_call_t call);
unsigned fail_failed(void);

#endif
