/* shared.c - the repo behind a lock, and its answers that come later. */
#define _POSIX_C_SOURCE 200809L
#include "shared.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "board.h"
#include "repo.h"

#define QUOTA (UINT64_C(1) << 40)
#define REFUSES_ONE_OF 40
#define PENDS_ONE_OF 17
#define PENDING_MAX 32

_Thread_local unsigned shared_thread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static repo_t repo;
static sales_repo_t inner;
static int faulty;
static unsigned calls;
static uint64_t pending[PENDING_MAX]; /* done, and not answered yet */
static size_t pending_len;

int shared_open(const char *directory, int faults) {
    char path[DISK_PATH_MAX];
    disk_path(path, directory, "repo");
    if (repo_open(&repo, path, QUOTA) != 0) return -1;
    inner = repo_table(&repo);
    faulty = faults;
    return 0;
}

typedef sales_status_t (*change_t)(void *, const sales_op_t *, uint64_t);

static sales_status_t change(change_t act, const sales_op_t *op, uint64_t bytes) {
    atomic_store(&board->threads[shared_thread].in_repo, 1);
    pthread_mutex_lock(&lock);
    int no = faulty && ++calls % REFUSES_ONE_OF == 0;
    sales_status_t status = no ? SALES_HOST_TRANSIENT : act(&repo, op, bytes);
    if (status == SALES_OK && faulty && calls % PENDS_ONE_OF == 0 && pending_len < PENDING_MAX) {
        pending[pending_len++] = op->token;
        status = SALES_PENDING;
    }
    pthread_mutex_unlock(&lock);
    atomic_store(&board->threads[shared_thread].in_repo, 0);
    if (status == SALES_HOST_PERMANENT) {
        fprintf(stderr, "the repo was asked to give back more than it holds\n");
        abort();
    }
    return status;
}

int shared_complete(sales_t sales, uint64_t now) {
    sales_result_t result = {.size = sizeof result};
    pthread_mutex_lock(&lock);
    int some = pending_len > 0;
    uint64_t token = some ? pending[--pending_len] : 0;
    pthread_mutex_unlock(&lock);
    if (some) sales_complete(sales, now, token, &result, NULL); /* refused where the instance was closed */
    return some;
}

static sales_status_t reserve(void *user_data, const sales_op_t *op, uint64_t bytes) {
    (void)user_data;
    return change(inner.reserve, op, bytes);
}

static sales_status_t release(void *user_data, const sales_op_t *op, uint64_t bytes) {
    (void)user_data;
    return change(inner.release, op, bytes);
}

static sales_status_t consume(void *user_data, const sales_op_t *op, uint64_t bytes) {
    (void)user_data;
    return change(inner.consume, op, bytes);
}

static sales_status_t available(void *user_data, uint64_t *bytes) {
    (void)user_data;
    pthread_mutex_lock(&lock);
    sales_status_t status = inner.available(&repo, bytes);
    pthread_mutex_unlock(&lock);
    return status;
}

static sales_status_t reserved(void *user_data, sales_repo_total_t *total) {
    (void)user_data;
    pthread_mutex_lock(&lock);
    sales_status_t status = inner.reserved(&repo, total);
    pthread_mutex_unlock(&lock);
    return status;
}

sales_repo_t shared_table(void) {
    return (sales_repo_t){.size = sizeof(sales_repo_t),
                          .available = available,
                          .reserve = reserve,
                          .release = release,
                          .reserved = reserved,
                          .consume = consume};
}
