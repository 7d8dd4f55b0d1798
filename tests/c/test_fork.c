/* test_fork.c - a forked child may not use the parent's handle, and the parent does not notice that it tried.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "everycall.h"
#include "world.h"

/* Runs in the child: how many calls answered otherwise than FORKED. Nothing here may exit the normal way. */
static unsigned child_tries(sales_t sales) {
    unsigned wrong = 0;
    for (size_t i = 0; i < every_call_len(); i++) {
        sales_error_t error = SALES_INIT(sales_error_t);
        sales_status_t status = every_call_at(i)->run(sales, &error);
        if (status != SALES_ERR_FORKED || error.text[0] == 0) {
            fprintf(stderr, "in a forked child: %s answered %s\n", every_call_at(i)->name,
                    sales_status_name(status));
            wrong++;
        }
    }
    return wrong;
}

static int wait_for(pid_t child) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(fork_every_call_is_refused_in_the_child) {
    world_t *w = world_new(WORLD_SELLING);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    sales_stats_t before = world_stats(w);
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0)
        test_child_end(child_tries(w->sales) == 0 ? 0 : 1);
    CHECK_U64(0, (uint64_t)wait_for(child));
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_U64(before.store_seq, after.store_seq);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* The child's close drops no lock of the parent, and its end neither. */
TEST(fork_child_closes) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        sales_error_t error = SALES_INIT(sales_error_t);
        sales_status_t status = sales_close(w->sales, &error);
        test_child_end(status == SALES_OK || status == SALES_ERR_FORKED ? 0 : 1);
    }
    CHECK_U64(0, (uint64_t)wait_for(child));
    char command[9000], out[1024];
    snprintf(command, sizeof command, "'%s' --helper open '%s'", test_program(), w->dir);
    CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
    CHECK(strstr(out, "SALES_ERR_STORE_LOCKED") == out);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* The child may not open the parent's store either; whether it may open another is told by name. */
TEST(fork_child_opens) {
    world_t *w = world_new(WORLD_BOOKS);
    const char *other = test_path("other");
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        sales_error_t error = SALES_INIT(sales_error_t);
        sales_t sales = 0;
        sales_status_t status = sales_open(SALES_ABI_VERSION, w->dir, NULL, &sales, &error);
        if (status != SALES_ERR_STORE_LOCKED && status != SALES_ERR_FORKED)
            test_child_end(1);
        status = sales_open(SALES_ABI_VERSION, other, NULL, &sales, &error);
        if (status == SALES_OK)
            status = sales_close(sales, &error);
        test_child_end(status == SALES_OK || status == SALES_ERR_FORKED ? 0 : 2);
    }
    CHECK_U64(0, (uint64_t)wait_for(child));
    CHECK_OK(w->error, world_reserve(w, 2, 1));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 2));
    world_end(w);
}

/* A fork from inside a callback. */
static void fork_inside(fake_t *fake, const sales_op_t *op, void *context) {
    int *seen = context;
    (void)op;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        test_child_end(sales_stats(fake->sales, &stats, NULL) == SALES_ERR_FORKED ? 0 : 1);
    }
    *seen = child < 0 ? -1 : wait_for(child);
}

TEST(fork_inside_a_callback) {
    world_t *w = world_new(WORLD_BOOKS);
    int seen = -2;
    fake_hook(&w->fake, FAKE_RESERVE, fork_inside, &seen);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK(seen == 0);
    fake_hook(&w->fake, FAKE_RESERVE, NULL, NULL);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* Other threads are inside calls when the fork happens: the child must not wait for locks that nobody gives
 * back. */
typedef struct hammer_t {
    world_t *world;
    int stop;
} hammer_t;

static void *hammer(void *data) {
    hammer_t *h = data;
    for (unsigned i = 0; !__atomic_load_n(&h->stop, __ATOMIC_ACQUIRE); i++) {
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        (void)sales_stats(h->world->sales, &stats, NULL);
        (void)sales_stats(UINT64_MAX, &stats, NULL);
        if (i % 16 == 0) {
            (void)sales_reserve(h->world->sales, T0, id_at(1), 10, NULL, NULL);
            (void)sales_release(h->world->sales, T0, id_at(1), NULL, NULL);
        }
    }
    return NULL;
}

TEST(fork_while_other_threads_call) {
    world_t *w = world_new(WORLD_NO_WATCH);
    hammer_t h = {.world = w};
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, hammer, &h) == 0);
    fflush(NULL);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            sales_error_t error = SALES_INIT(sales_error_t);
            sales_stats_t stats = SALES_INIT(sales_stats_t);
            alarm(20);
            sales_status_t status = sales_stats(w->sales, &stats, &error);
            if (status == SALES_ERR_FORKED)
                status = sales_reserve(w->sales, T0, id_at(2), 10, NULL, &error);
            test_child_end(status == SALES_ERR_FORKED ? 0 : 1);
        }
        int seen = wait_for(child);
        CHECK_U64(0, (uint64_t)seen);
        if (seen != 0)
            break;
    }
    __atomic_store_n(&h.stop, 1, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 3; i++)
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    (void)world_release(w, 1);
    world_end(w);
}

/* A child that lives on does not keep the store from being opened again. */
TEST(fork_child_outlives_the_instance) {
    world_t *w = world_new(WORLD_BOOKS);
    int end[2];
    REQUIRE(pipe(end) == 0);
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char byte;
        close(end[1]);
        (void)!read(end[0], &byte, 1);
        test_child_end(0);
    }
    close(end[0]);
    world_close(w);
    sales_status_t status = sales_open(SALES_ABI_VERSION, w->dir, NULL, &w->sales, &w->error);
    /* flock is shared with the child: either the library lets go of it in the child, or it says by name who
     * has it. */
    CHECK(status == SALES_OK || status == SALES_ERR_STORE_LOCKED);
    close(end[1]);
    CHECK_U64(0, (uint64_t)wait_for(child));
    if (status == SALES_OK)
        world_close(w);
    world_open(w, NULL);
    world_end(w);
}
