/* disk_real.c - real file systems that fill up, run out of inodes, break and come back under a running host,
 * and files that somebody else moves or cuts. After each: the books fit the repo's (S1), what was answered OK is
 * there (S3), and it goes on, in place or after a close and an open, as the status says. Mounts for itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define HELD 8 /* slots that are reserved before the trouble begins */

/* Runs a command of the shell; fails the test by what it said. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...) {
    char command[12000], all[12100], out[2000] = "";
    va_list rest;
    va_start(rest, format);
    vsnprintf(command, sizeof command, format, rest);
    va_end(rest);
    snprintf(all, sizeof all, "{ %s; } 2>&1", command);
    if (test_command(all, out, sizeof out) == 0)
        return;
    fprintf(stderr, "%s: %s(these tests mount: run them as root, where mount and loop devices are permitted)\n",
            command, out);
    CHECK(!"the command works");
    test_leave();
}

/* A tmpfs below the test's directory. */
static const char *tmpfs(const char *options) {
    const char *path = test_path("disk");
    run("mkdir '%s' && mount -t tmpfs -o %s tmpfs '%s'", path, options, path);
    test_unmount_later(path);
    return path;
}

/* An ext4 of its own, on a loop device that goes with the mount. */
static const char *ext4(unsigned megabytes) {
    const char *path = test_path("disk"), *image = test_path("image");
    run("truncate -s %uM '%s' && mkfs.ext4 -q -F -m 0 '%s' && mkdir '%s' && mount -o loop '%s' '%s'", megabytes,
        image, image, path, image, path);
    test_unmount_later(path);
    return path;
}

/* Fills the disk but for `left` bytes. */
static void fill(const char *disk, long left) {
    char path[8192];
    static char block[1 << 16];
    snprintf(path, sizeof path, "%s/ballast", disk);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    memset(block, 1, sizeof block);
    for (size_t size = sizeof block; size >= 512; size /= 2)
        while (write(file, block, size) > 0)
            continue;
    CHECK_U64(ENOSPC, (uint64_t)errno);
    off_t end = lseek(file, 0, SEEK_CUR);
    CHECK(fsync(file) == 0 || errno == ENOSPC);
    REQUIRE(ftruncate(file, end > left ? end - left : 0) == 0 && fsync(file) == 0 && close(file) == 0);
}

static void make_room(const char *disk) {
    run("truncate -s 0 '%s/ballast' && rm '%s/ballast' && sync -f '%s'", disk, disk, disk);
}

static world_t *busy_world(void) {
    world_t *w = world_new_in(test_path("disk/store"), WORLD_KEEPS_IDS | WORLD_SELLING | WORLD_CONSUME);
    world_offer(w, UINT64_C(1) << 30);
    for (unsigned i = 0; i < HELD; i++)
        CHECK_OK(w->error, world_reserve(w, i, 1000 + i));
    CHECK_OK(w->error, world_consumed(w, 0, 500));
    return w;
}

/* Everything that was answered OK is there, to the byte. */
static void all_there(world_t *w, unsigned from) {
    for (unsigned i = from; i < HELD; i++) {
        sales_reservation_t seen = world_reservation(w, i);
        CHECK_U64(1000 + i, seen.bytes);
        CHECK_U64(i == 0 ? 500 : 0, seen.consumed);
    }
    CHECK_BOOKS(w);
}

/* It goes on as if nothing had been. */
static void goes_on(world_t *w, unsigned from) {
    all_there(w, from);
    CHECK_OK(w->error, world_reserve(w, 100, 77));
    for (unsigned i = from; i < HELD; i++)
        CHECK_OK(w->error, world_release(w, i));
    CHECK_OK(w->error, world_release(w, 100));
    CHECK_OK(w->error, world_tick(w, 60));
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

/* Reserves until it is refused for want of room: slots 200 and more. How many were taken. */
static unsigned reserve_until_full(world_t *w) {
    unsigned taken = 0;
    sales_status_t status = SALES_OK;
    error_clear(&w->error);
    while (taken < 300 && status == SALES_OK) {
        status = world_reserve(w, 200 + taken, 10);
        taken += status == SALES_OK;
    }
    if (status != SALES_OK)
        check_error(__FILE__, __LINE__, "a reserve on a full disk", SALES_ERR_DISK_FULL, status, &w->error, "full");
    return taken;
}

/* With every amount of room left, from none, a page at a time: what has no room is refused by name, releases go on. */
static void fills_up(const char *disk, long pages, int must_refuse) {
    unsigned refusals = 0;
    for (long left = 0; left <= pages; left++) {
        world_t *w = busy_world();
        fill(disk, left * 4096);
        sales_stats_t before = world_stats(w);
        unsigned taken = reserve_until_full(w);
        refusals += taken < 300;
        CHECK_U64(before.held + 10 * taken, world_stats(w).held);
        all_there(w, 0);
        CHECK_OK(w->error, world_release(w, 0));
        for (unsigned i = 0; i < taken; i++)
            CHECK_OK(w->error, world_release(w, 200 + i));
        CHECK_OK(w->error, world_consumed(w, 1, 1));
        CHECK_OK(w->error, world_release(w, 1));
        all_there(w, 2);
        if (left % 2 == 0) { /* also when it is opened again on the full disk */
            world_close(w);
            world_open(w, NULL);
            all_there(w, 2);
        }
        make_room(disk);
        goes_on(w, 2);
        run("rm -rf '%s/store'", disk);
    }
    CHECK(!must_refuse || refusals > 0);
}

TEST(disk_tmpfs_fills_up) {
    fills_up(tmpfs("size=3m"), 12, 0);
}

TEST(disk_ext4_fills_up) {
    fills_up(ext4(8), 6, 0);
}

/* The reserve of room is used up too: by requests that are as long as they may be. */
TEST(disk_full_with_long_requests) {
    static uint8_t cid[SALES_CID_MAX];
    const char *disk = tmpfs("size=8m");
    world_t *w = busy_world();
    posted_t posted;
    sales_status_t status = SALES_OK;
    unsigned accepted = 0;
    fake_set(&w->fake, FAKE_STORE, FAKE_NEVER, SALES_OK, 0);
    fill(disk, 0);
    error_clear(&w->error);
    while (status == SALES_OK && accepted < 1000) {
        posted_make(&posted, w->now, 1, SLOT_SIZE, accepted + 1);
        posted.request.cid = (sales_bytes_t){.data = cid, .len = sizeof cid};
        posted_renew(&posted, w->now);
        status = world_post(w, &posted);
        accepted += status == SALES_OK;
    }
    check_error(__FILE__, __LINE__, "a request on a full disk", SALES_ERR_DISK_FULL, status, &w->error, "full");
    CHECK(accepted > 0);
    CHECK_REFUSED(SALES_ERR_DISK_FULL, "full", w, world_reserve(w, 100, 10));
    /* What was accepted ends and gives back, and a close and an open lose nothing. */
    all_there(w, 0);
    for (unsigned i = 0; i < HELD; i++)
        CHECK_OK(w->error, world_release(w, i));
    world_close(w);
    world_open(w, NULL);
    CHECK_REFUSED(SALES_ERR_DISK_FULL, "full", w, world_reserve(w, 100, 10));
    make_room(disk);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_U64(accepted + 1, world_stats(w).sales);
    world_drop(w);
}

TEST(disk_without_inodes) {
    const char *disk = tmpfs("size=16m,nr_inodes=20");
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t other = 0;
    world_t *w = busy_world();
    run("cd '%s' && for i in $(seq 30); do touch $i 2>/dev/null || break; done; ! touch one-more 2>/dev/null", disk);
    /* An open store needs none; one that is to be made is refused, and leaves nothing. */
    CHECK_OK(w->error, world_reserve(w, 101, 5));
    CHECK_ERROR(SALES_ERR_DISK_FULL, "No space", error,
                sales_open(SALES_ABI_VERSION, test_path("disk/other"), NULL, &other, &error));
    world_close(w);
    world_open(w, NULL);
    all_there(w, 0);
    CHECK_OK(w->error, world_release(w, 101));
    run("cd '%s' && rm -f 1 2 3 4 5 6 7 8 9", disk);
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, test_path("disk/other"), NULL, &other, &error));
    CHECK_OK(error, sales_close(other, &error));
    goes_on(w, 0);
}

/* A file system that breaks off writing, as after an error of its device. It cannot come back in place. */
TEST(disk_ext4_aborts) {
    const char *disk = ext4(16), *image = test_path("image");
    world_t *w = busy_world();
    run("mount -o remount,abort '%s'", disk);
    error_clear(&w->error);
    sales_status_t status = world_reserve(w, 100, 10);
    CHECK(status == SALES_ERR_STORE || status == SALES_ERR_STORE_REOPEN);
    check_error(__FILE__, __LINE__, "a reserve on an aborted file system", status, status, &w->error, "data.mdb");
    status = world_release(w, 1);
    CHECK(status == SALES_ERR_STORE || status == SALES_ERR_STORE_REOPEN);
    CHECK_U64(1000 * HELD + HELD * (HELD - 1) / 2 - 500, w->fake.total);
    world_close(w);
    w->sales = 0;
    CHECK_ERROR(SALES_ERR_STORE_PATH, "Read-only", w->error,
                sales_open(SALES_ABI_VERSION, w->dir, NULL, &w->sales, &w->error));
    /* Repaired and mounted again it is as it was. */
    run("umount '%s' && { e2fsck -fp '%s' >/dev/null || [ $? -le 2 ]; } && mount -o loop '%s' '%s'", disk, image,
        image, disk);
    world_open(w, NULL);
    goes_on(w, 0);
}

TEST(disk_read_only) {
    const char *disk = ext4(16);
    world_t *w = busy_world();
    char out[1000], command[9000];
    /* Under an open store the system refuses it. */
    snprintf(command, sizeof command, "mount -o remount,ro '%s' 2>&1", disk);
    CHECK(test_command(command, out, sizeof out) != 0 && strstr(out, "busy") != NULL);
    CHECK_OK(w->error, world_reserve(w, 100, 10));
    CHECK_OK(w->error, world_release(w, 100));
    world_close(w);
    w->sales = 0;
    run("mount -o remount,ro '%s'", disk);
    CHECK_ERROR(SALES_ERR_STORE_PATH, "Read-only", w->error,
                sales_open(SALES_ABI_VERSION, w->dir, NULL, &w->sales, &w->error));
    run("mount -o remount,rw '%s'", disk);
    world_open(w, NULL);
    goes_on(w, 0);
}

/* Refuses writes by a status and a word; what is read stays readable where `reads`; the repo is not asked for anything. */
static void refuses(world_t *w, sales_status_t expected, const char *word, int reads) {
    uint64_t total = w->fake.total;
    CHECK_ERROR(expected, word, w->error, world_reserve(w, 100, 10));
    CHECK_ERROR(expected, word, w->error, world_release(w, 1));
    CHECK_ERROR(expected, word, w->error, world_consumed(w, 2, 1));
    CHECK_U64(total, w->fake.total);
    if (reads)
        all_there(w, 0);
}

/* `harm` and `heal` are commands in the directory that holds the store. */
static void while_open(const char *harm, sales_status_t expected, const char *word, const char *heal, int in_place) {
    const char *disk = tmpfs("size=16m");
    world_t *w = busy_world();
    run("cd '%s' && %s", disk, harm);
    refuses(w, expected, word, expected == SALES_ERR_STORE_GONE);
    if (in_place) {
        run("cd '%s' && %s", disk, heal);
        all_there(w, 0);
    } else {
        world_close(w);
        run("cd '%s' && %s", disk, heal);
        world_open(w, NULL);
    }
    goes_on(w, 0);
}

TEST(disk_store_moved_away) {
    while_open("mv store moved", SALES_ERR_STORE_GONE, "data.mdb", "mv moved store", 1);
}
TEST(disk_directory_deleted) {
    while_open("cp -a store kept && rm -r store", SALES_ERR_STORE_GONE, "data.mdb", "mv kept store", 0);
}
TEST(disk_data_unlinked) {
    while_open("cp store/data.mdb kept && rm store/data.mdb", SALES_ERR_STORE_GONE, "data.mdb", "mv kept store/data.mdb", 0);
}
TEST(disk_data_replaced) {
    while_open("cp store/data.mdb kept && mv kept store/data.mdb", SALES_ERR_STORE_GONE, "replaced", "true", 0);
}
TEST(disk_data_cut_to_nothing) {
    while_open("cp store/data.mdb kept && : > store/data.mdb", SALES_ERR_STORE_DAMAGED, "cut",
               "cat kept > store/data.mdb", 0);
}
TEST(disk_data_cut_by_pages) {
    while_open("cp store/data.mdb kept && truncate -s 16384 store/data.mdb", SALES_ERR_STORE_DAMAGED, "cut",
               "cat kept > store/data.mdb", 0);
}

/* Starts LMDB's own tool, and lets it stop in the middle of its transaction: it prints into a pipe that nobody empties. */
static pid_t start_reader(const char *store, int *out) {
    int ends[2];
    char first;
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    pid_t reader = fork();
    if (reader == 0) {
        if (dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(126);
        execlp("mdb_dump", "mdb_dump", "-a", store, (char *)NULL);
        _exit(127);
    }
    REQUIRE(reader > 0 && close(ends[1]) == 0);
    CHECK_U64(1, (uint64_t)read(ends[0], &first, 1)); /* none: apt-get install lmdb-utils */
    *out = ends[0];
    return reader;
}

static uint64_t grown_by(world_t *w, const char *data, unsigned commits) {
    struct stat before, after;
    REQUIRE(stat(data, &before) == 0);
    for (unsigned i = 0; i < commits; i += 2) {
        CHECK_OK(w->error, world_reserve(w, 100, 10));
        CHECK_OK(w->error, world_release(w, 100));
    }
    REQUIRE(stat(data, &after) == 0);
    return (uint64_t)(after.st_size - before.st_size);
}

/* A process that died while it read: its place in the lock file keeps the file growing only until the library
 * looks for the dead. */
TEST(disk_reader_left_behind) {
    char data[9000];
    int out, status;
    world_t *w;
    const char *disk = tmpfs("size=64m");
    w = busy_world();
    snprintf(data, sizeof data, "%s/store/data.mdb", disk);
    for (unsigned i = 0; i < 300; i++)
        CHECK_OK(w->error, world_reserve(w, 200 + i, 10));
    pid_t reader = start_reader(w->dir, &out);
    CHECK(grown_by(w, data, 400) > 0);
    REQUIRE(kill(reader, SIGKILL) == 0 && waitpid(reader, &status, 0) == reader && close(out) == 0);
    CHECK(WIFSIGNALED(status));
    grown_by(w, data, 1030); /* it looks every 1024 commits */
    CHECK_U64(0, grown_by(w, data, 3000));
    all_there(w, 0);
    world_drop(w);
}

#define GROWERS 8
#define REQUESTS_EACH 12
#define SLOTS_EACH 256

typedef struct grower_t {
    world_t *world;
    unsigned number, bad;
} grower_t;

static void *grow(void *data) {
    grower_t *grower = data;
    sales_t sales = grower->world->sales;
    for (unsigned i = 0; i < REQUESTS_EACH; i++) {
        posted_t posted;
        const sales_id_t *slot = id_at(300 + grower->number);
        posted_make(&posted, T0, SLOTS_EACH, SLOT_SIZE, 1 + grower->number * REQUESTS_EACH + i);
        grower->bad += sales_on_request(sales, T0, NULL, &posted.ask, NULL) != SALES_OK;
        grower->bad += sales_reserve(sales, T0, slot, 10, NULL, NULL) != SALES_OK;
        grower->bad += sales_consumed(sales, T0, slot, 5, NULL) != SALES_OK;
        grower->bad += sales_release(sales, T0, slot, NULL, NULL) != SALES_OK;
    }
    return NULL;
}

/* The map is closed and opened anew, larger, under eight threads that never notice. */
TEST(disk_map_grows_under_load) {
    pthread_t threads[GROWERS];
    grower_t growers[GROWERS];
    sales_options_t options = {.size = sizeof options, .seed = 7, .queue_limit = 100000};
    struct stat data;
    char path[9000];
    const char *disk = tmpfs("size=256m");
    world_t *w = busy_world();
    world_close(w);
    world_open(w, &options);
    fake_set(&w->fake, FAKE_STORE, FAKE_NEVER, SALES_OK, 0);
    for (unsigned i = 0; i < GROWERS; i++) {
        growers[i] = (grower_t){.world = w, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, grow, &growers[i]) == 0);
    }
    for (unsigned i = 0; i < GROWERS; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK_U64(0, growers[i].bad);
    }
    snprintf(path, sizeof path, "%s/store/data.mdb", disk);
    REQUIRE(stat(path, &data) == 0);
    CHECK(data.st_size > 32 << 20); /* the first map has 16 MiB */
    CHECK_U64(GROWERS * REQUESTS_EACH * SLOTS_EACH, world_stats(w).sales);
    all_there(w, 0);
    world_close(w);
    world_open(w, &options);
    CHECK_U64(GROWERS * REQUESTS_EACH * SLOTS_EACH, world_stats(w).sales);
    all_there(w, 0);
    world_drop(w);
}
