/* test_library.c - versions, names, the log, and more than one copy of the library in a process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "world.h"

TEST(library_versions) {
    CHECK_U64(SALES_ABI_VERSION, sales_abi_version());
    CHECK_U64((uint64_t)SALES_ABI_MAJOR << 16 | SALES_ABI_MINOR, sales_abi_version());
    CHECK_TEXT("0.1.0", sales_version());
}

#define NAMES(X)                                                                                             \
    X(SALES_OK)                                                                                              \
    X(SALES_PENDING)                                                                                         \
    X(SALES_ALREADY)                                                                                         \
    X(SALES_REFUSED)                                                                                         \
    X(SALES_QUEUED)                                                                                          \
    X(SALES_HOST_LOGGER)                                                                                     \
    X(SALES_ERR_ARGUMENT)                                                                                    \
    X(SALES_ERR_HANDLE) X(SALES_ERR_STATE) X(SALES_ERR_IN_CALLBACK) X(SALES_ERR_STRUCT)                      \
        X(SALES_ERR_NOT_FOUND) X(SALES_ERR_TOKEN) X(SALES_ERR_VERSION) X(SALES_ERR_FORKED)                   \
            X(SALES_ERR_REGISTERED) X(SALES_ERR_TABLE) X(SALES_ERR_TOO_SHORT) X(SALES_ERR_UNSUPPORTED)       \
                X(SALES_ERR_BUSY) X(SALES_ERR_NO_SPACE) X(SALES_ERR_AMOUNT) X(SALES_ERR_IN_DOUBT)            \
                    X(SALES_ERR_SHORT) X(SALES_ERR_IN_USE) X(SALES_ERR_OWNED_BY_SALE) X(SALES_ERR_REQUEST)   \
                        X(SALES_ERR_OVERFLOW) X(SALES_ERR_FULL) X(SALES_ERR_STORE) X(SALES_ERR_DISK_FULL)    \
                            X(SALES_ERR_STORE_NEW) X(SALES_ERR_STORE_STALE) X(SALES_ERR_STORE_LOCKED)        \
                                X(SALES_ERR_STORE_DAMAGED) X(SALES_ERR_STORE_VERSION)                        \
                                    X(SALES_ERR_STORE_PATH) X(SALES_ERR_STORE_NETWORK)                       \
                                        X(SALES_ERR_STORE_LOST) X(SALES_ERR_STORE_IDENTITY)                  \
                                            X(SALES_ERR_STORE_GONE) X(SALES_ERR_RECORD)                      \
                                                X(SALES_ERR_STORE_REOPEN) X(SALES_ERR_STORE_BACKUP)          \
                                                    X(SALES_HOST_TRANSIENT) X(SALES_HOST_NOT_ALLOWED)        \
                                                        X(SALES_HOST_STATE_MISMATCH) X(SALES_HOST_PERMANENT) \
                                                            X(SALES_HOST_UNKNOWN) X(SALES_HOST_NO_SPACE)     \
                                                                X(SALES_HOST_CANCELLED)                      \
                                                                    X(SALES_ERR_INTERNAL)                    \
                                                                        X(SALES_ERR_POISONED)

TEST(library_names_every_status) {
#define NAMED(status) CHECK_TEXT(#status, sales_status_name(status));
    NAMES(NAMED)
#undef NAMED
    static const sales_status_t unknown[] = {-1, 6, 100, -100, -999, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK_TEXT("unknown status", sales_status_name(unknown[i]));
}

TEST(library_names_every_state) {
    CHECK_TEXT("downloading", sales_state_name(SALES_SALE_DOWNLOADING));
    for (uint32_t state = SALES_SALE_QUEUED; state <= SALES_SALE_IGNORED; state++) {
        CHECK(strlen(sales_state_name(state)) > 0);
        CHECK(strcmp(sales_state_name(state), "unknown state") != 0);
        for (uint32_t other = SALES_SALE_QUEUED; other < state; other++)
            CHECK(strcmp(sales_state_name(state), sales_state_name(other)) != 0);
    }
    CHECK_TEXT("unknown state", sales_state_name(0));
    CHECK_TEXT("unknown state", sales_state_name(SALES_SALE_IGNORED + 1));
    CHECK_TEXT("unknown state", sales_state_name(UINT32_MAX));
}

typedef struct log_seen_t {
    unsigned lines;
    unsigned above_level;
    uint32_t level;
    sales_t sales;
    sales_status_t nested;
    unsigned empty;
    unsigned inside;
} log_seen_t;

static void on_log(void *user_data, uint32_t level, const char *target, const char *text) {
    log_seen_t *seen = user_data;
    sales_error_t error = SALES_INIT(sales_error_t);
    if (seen->inside++ > 0)
        abort();
    seen->lines++;
    seen->above_level += level > seen->level || level == SALES_LOG_OFF;
    seen->empty += !target || !*target || !text || !*text;
    seen->nested = sales_tick(seen->sales, T0, &error);
    seen->inside--;
}

TEST(library_log_lines_arrive_and_may_not_call_in) {
    log_seen_t seen = {.level = SALES_LOG_TRACE};
    sales_status_t status = sales_set_log(on_log, &seen, SALES_LOG_TRACE);
    CHECK_STATUS(SALES_OK, status);
    world_t *w = world_new(WORLD_SELLING | WORLD_NOT_STARTED);
    seen.sales = w->sales;
    seen.lines = 0;
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    world_offer(w, UINT64_C(1) << 20);
    posted_t posted;
    posted_make(&posted, w->now, 2, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK(seen.lines > 0);
    CHECK_U64(0, seen.above_level);
    CHECK_U64(0, seen.empty);
    CHECK_STATUS(SALES_ERR_IN_CALLBACK, seen.nested);

    CHECK_STATUS(SALES_OK, sales_set_log(on_log, &seen, SALES_LOG_OFF));
    seen.lines = 0;
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_U64(0, seen.lines);

    CHECK_STATUS(SALES_OK, sales_set_log(NULL, NULL, SALES_LOG_TRACE));
    CHECK_OK(w->error, world_reserve(w, 1, 5));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_U64(0, seen.lines);
    world_end(w);
}

TEST(library_log_level_out_of_range) {
    log_seen_t seen = {.level = SALES_LOG_TRACE};
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_set_log(on_log, &seen, SALES_LOG_TRACE + 1));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_set_log(on_log, &seen, UINT32_MAX));
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_U64(0, seen.lines);
    world_end(w);
}

typedef sales_status_t (*open_fn)(uint32_t, const char *, const sales_options_t *, sales_t *,
                                  sales_error_t *);
typedef sales_status_t (*close_fn)(sales_t, sales_error_t *);
typedef sales_status_t (*stats_fn)(sales_t, sales_stats_t *, sales_error_t *);

static void *copy_of_library(void) {
    char command[8192], out[256];
    const char *copy = test_path("copy-of-libsales.so");
    snprintf(command, sizeof command, "cp '%s' '%s' 2>&1", test_library_file(), copy);
    if (test_command(command, out, sizeof out) != 0) {
        fprintf(stderr, "%s: %s\n", command, out);
        return NULL;
    }
    void *library = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    return library;
}

static void *named(void *library, const char *name) {
    void *at = dlsym(library, name);
    REQUIRE(at != NULL);
    return at;
}

TEST(library_second_copy_is_refused_the_same_store) {
    void *library = copy_of_library();
    REQUIRE(library != NULL);
    open_fn open_copy;
    close_fn close_copy;
    stats_fn stats_copy;
    *(void **)&open_copy = named(library, "sales_open");
    *(void **)&close_copy = named(library, "sales_close");
    *(void **)&stats_copy = named(library, "sales_stats");
    CHECK(open_copy != sales_open);

    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 77));
    sales_t sales = 0;
    CHECK_REFUSED(SALES_ERR_STORE_LOCKED, "open", w,
                  open_copy(SALES_ABI_VERSION, w->dir, NULL, &sales, &w->error));
    CHECK_U64(0, sales);

    /* A handle of one copy is foreign to the other. */
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, stats_copy(w->sales, &stats, &w->error));

    /* Stores of their own do not meet, and the copy may have the first one's store after it closed. */
    const char *other = test_path("other");
    REQUIRE_OK(w->error, open_copy(SALES_ABI_VERSION, other, NULL, &sales, &w->error));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, close_copy(sales, &w->error));
    world_close(w);
    REQUIRE_OK(w->error, open_copy(SALES_ABI_VERSION, w->dir, NULL, &sales, &w->error));
    CHECK_ERROR(SALES_ERR_STORE_LOCKED, "open", w->error,
                sales_open(SALES_ABI_VERSION, w->dir, NULL, &w->sales, &w->error));
    CHECK_OK(w->error, close_copy(sales, &w->error));
    world_open(w, NULL);
    world_end(w);
}

typedef struct thread_of_copy_t {
    open_fn open;
    close_fn close;
    const char *dir;
    sales_status_t status;
} thread_of_copy_t;

static void *use_copy(void *data) {
    thread_of_copy_t *job = data;
    sales_t sales = 0;
    job->status = job->open(SALES_ABI_VERSION, job->dir, NULL, &sales, NULL);
    if (job->status == SALES_OK)
        job->status = job->close(sales, NULL);
    return NULL;
}

/* A thread that used the library ends after dlclose: its thread-local destructors must still be there. */
TEST(library_stays_loaded_after_dlclose) {
    void *library = copy_of_library();
    REQUIRE(library != NULL);
    thread_of_copy_t job = {.dir = test_path("other")};
    *(void **)&job.open = named(library, "sales_open");
    *(void **)&job.close = named(library, "sales_close");
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, use_copy, &job) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(SALES_OK, job.status);
    CHECK(dlclose(library) == 0);
    REQUIRE(pthread_create(&thread, NULL, use_copy, &job) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(SALES_OK, job.status);
}
