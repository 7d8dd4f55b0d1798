/* test_open.c - paths, locks, disks, and stores that are not what they seem. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

static sales_status_t open_close(const char *path, sales_error_t *error) {
    sales_t sales = 0;
    sales_status_t status = sales_open(SALES_ABI_VERSION, path, NULL, &sales, error);
    if (status == SALES_OK)
        return sales_close(sales, error);
    CHECK_U64(0, sales);
    return status;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL);
    REQUIRE(fputs(text, file) >= 0);
    REQUIRE(fclose(file) == 0);
}

TEST(open_makes_the_directory) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *path = test_path("new");
    struct stat info;
    CHECK_OK(error, open_close(path, &error));
    CHECK(stat(path, &info) == 0 && S_ISDIR(info.st_mode));
    CHECK_OK(error, open_close(path, &error));
}

TEST(open_paths_that_cannot_be) {
    sales_error_t error = SALES_INIT(sales_error_t);
    static const char not_utf8[] = "/nowhere/\xff\xfe";
    char endless[8192];
    CHECK_ERROR(SALES_ERR_ARGUMENT, "path", error, open_close("", &error));
    CHECK_ERROR(SALES_ERR_STORE_PATH, "missing", error, open_close(not_utf8, &error));
    CHECK_ERROR(SALES_ERR_STORE_PATH, "missing", error, open_close(test_path("missing/store"), &error));
    const char *file = test_path("file");
    write_file(file, "not a directory");
    CHECK_ERROR(SALES_ERR_STORE_PATH, "file", error, open_close(file, &error));
    CHECK_ERROR(SALES_ERR_STORE_PATH, "file", error, open_close(test_path("file/store"), &error));
    const char *dangling = test_path("dangling");
    REQUIRE(symlink(test_path("nothing/there"), dangling) == 0);
    CHECK_ERROR(SALES_ERR_STORE_PATH, "dangling", error, open_close(dangling, &error));
    memset(endless, 'a', sizeof endless);
    endless[0] = '/';
    endless[sizeof endless - 1] = 0;
    CHECK_ERROR(SALES_ERR_STORE_PATH, NULL, error, open_close(endless, &error));
}

/* Mounts a tmpfs below the test's directory, or fails the test by name. */
static const char *mount_tmpfs(const char *name, unsigned long flags, const char *options) {
    const char *path = test_path(name);
    REQUIRE(mkdir(path, 0700) == 0);
    if (mount("tmpfs", path, "tmpfs", flags, options) != 0) {
        fprintf(stderr, "mount -t tmpfs %s: %s (run the suite as root)\n", path, strerror(errno));
        CHECK(!"a tmpfs can be mounted");
        test_leave();
    }
    test_unmount_later(path);
    return path;
}

TEST(open_not_writable) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *path = mount_tmpfs("readonly", MS_RDONLY, "size=1m");
    CHECK_ERROR(SALES_ERR_STORE_PATH, "read-only", error, open_close(path, &error));
    CHECK_ERROR(SALES_ERR_STORE_PATH, "", error, open_close(test_path("readonly/store"), &error));
}

TEST(open_on_a_full_disk) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *path = mount_tmpfs("small", 0, "size=4k");
    const char *store = test_path("small/store");
    CHECK_ERROR(SALES_ERR_DISK_FULL, "space", error, open_close(store, &error));
    /* When there is room the same path works. */
    REQUIRE(mount("tmpfs", path, "tmpfs", MS_REMOUNT, "size=4m") == 0);
    CHECK_OK(error, open_close(store, &error));
}

/* Fills what is free of the file system with one file. */
static void fill_disk(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char block[4096];
    REQUIRE(file >= 0);
    while (write(file, block, sizeof block) > 0)
        ;
    CHECK(errno == ENOSPC);
    REQUIRE(close(file) == 0);
}

TEST(open_disk_fills_up_while_running) {
    static uint8_t cid[SALES_CID_MAX];
    mount_tmpfs("small", 0, "size=8m");
    world_t *w = world_new_in(test_path("small/store"), WORLD_SELLING);
    const char *ballast = test_path("small/ballast");
    posted_t posted;
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(w->error, world_reserve(w, i, 1000));
    /* Requests with long content ids fill the store fast; their slots wait in the queue. */
    world_offer(w, UINT64_C(1) << 30);
    fake_set(&w->fake, FAKE_STORE, FAKE_NEVER, SALES_OK, 0);
    fill_disk(ballast);
    sales_status_t status = SALES_OK;
    sales_stats_t before = world_stats(w);
    for (unsigned i = 1; i < 400 && status == SALES_OK; i++) {
        posted_make(&posted, w->now, 1, SLOT_SIZE, i);
        posted.request.cid = (sales_bytes_t){.data = cid, .len = sizeof cid};
        posted_renew(&posted, w->now);
        before = world_stats(w);
        error_clear(&w->error);
        status = world_post(w, &posted);
    }
    check_error(__FILE__, __LINE__, "sales_on_request on a full disk", SALES_ERR_DISK_FULL, status, &w->error,
                "full");
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_REFUSED(SALES_ERR_DISK_FULL, "full", w, world_reserve(w, 100, 1000));
    CHECK_BOOKS(w);
    /* Releases and endings stay possible. */
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(w->error, world_release(w, i));
    CHECK_U64(after.held - 20000, w->fake.total);
    CHECK_BOOKS(w);
    REQUIRE(unlink(ballast) == 0);
    CHECK_OK(w->error, world_reserve(w, 300, 10));
    CHECK_OK(w->error, world_release(w, 300));
    CHECK_OK(w->error, world_post(w, &posted));
    world_end(w);
}

TEST(open_twice_in_one_process) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_t sales = 0;
    const char *link = test_path("link");
    const char *dots = test_path("./store/../store/.");
    REQUIRE(symlink(w->dir, link) == 0);
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_REFUSED(SALES_ERR_STORE_LOCKED, "open", w,
                  sales_open(SALES_ABI_VERSION, w->dir, NULL, &sales, &w->error));
    CHECK_REFUSED(SALES_ERR_STORE_LOCKED, "open", w,
                  sales_open(SALES_ABI_VERSION, link, NULL, &sales, &w->error));
    CHECK_REFUSED(SALES_ERR_STORE_LOCKED, "open", w,
                  sales_open(SALES_ABI_VERSION, dots, NULL, &sales, &w->error));
    CHECK_U64(0, sales);
    /* The refused opens have dropped no lock of the first. */
    char command[9000], out[1024];
    snprintf(command, sizeof command, "'%s' --helper open '%s'", test_program(), w->dir);
    CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
    CHECK(strstr(out, "SALES_ERR_STORE_LOCKED") == out);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(open_by_a_symlink_first) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *store = test_path("store"), *link = test_path("link");
    sales_t first = 0, second = 0;
    CHECK_OK(error, open_close(store, &error));
    REQUIRE(symlink(store, link) == 0);
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, link, NULL, &first, &error));
    CHECK_ERROR(SALES_ERR_STORE_LOCKED, "open", error,
                sales_open(SALES_ABI_VERSION, store, NULL, &second, &error));
    CHECK_OK(error, sales_close(first, &error));
    CHECK_OK(error, open_close(store, &error));
}

TEST(open_while_another_process_has_it) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *store = test_path("store"), *go = test_path("go"), *said = test_path("said");
    char command[16000], line[256] = "";
    REQUIRE(mkfifo(go, 0600) == 0);
    snprintf(command, sizeof command, "'%s' --helper hold '%s' <'%s' >'%s'", test_program(), store, go, said);
    FILE *holder = popen(command, "we");
    REQUIRE(holder != NULL);
    int end = open(go, O_WRONLY | O_CLOEXEC);
    REQUIRE(end >= 0);
    for (int i = 0; i < 1000 && !strchr(line, '\n'); i++) {
        FILE *file = fopen(said, "re");
        if (file) {
            if (!fgets(line, sizeof line, file))
                line[0] = 0;
            fclose(file);
        }
        usleep(10000);
    }
    CHECK(strstr(line, "SALES_OK") == line);
    CHECK_ERROR(SALES_ERR_STORE_LOCKED, "open", error, open_close(store, &error));
    REQUIRE(close(end) == 0);
    CHECK_U64(0, (uint64_t)pclose(holder));
    CHECK_OK(error, open_close(store, &error));
}

/* A child that outlives the instance must not keep the store locked by what it inherited over exec. */
TEST(open_after_a_child_was_started) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 0;
    const char *store = test_path("store");
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, store, NULL, &sales, &error));
    FILE *child = popen("cat >/dev/null", "we");
    REQUIRE(child != NULL);
    CHECK_OK(error, sales_close(sales, &error));
    CHECK_OK(error, open_close(store, &error));
    CHECK_U64(0, (uint64_t)pclose(child));
}

TEST(open_on_a_network_file_system) {
    char command[16000], out[1024];
    const char *shim = getenv("SALES_NETWORK_FS");
    snprintf(command, sizeof command,
             "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD='%s' '%s' --helper open '%s'",
             shim ? shim : SALES_NETWORK_FS_FILE, test_program(), test_path("store"));
    CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
    CHECK(strstr(out, "SALES_ERR_STORE_NETWORK") == out);
    CHECK(strlen(out) > strlen("SALES_ERR_STORE_NETWORK \n"));
}

/* Copies a directory with the shell: as an operator would. */
static void copy_dir(const char *from, const char *to) {
    char command[16000], out[256];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s' 2>&1", to, from, to);
    CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
}

TEST(open_rolled_back_copy_is_refused) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    const char *backup = test_path("backup");
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    world_close(w);
    copy_dir(w->dir, backup);
    world_open(w, NULL);
    CHECK_OK(w->error, world_reserve(w, 2, 200));
    CHECK_OK(w->error, world_release(w, 2));
    CHECK_OK(w->error, world_reserve(w, 3, 300));
    world_close(w);
    const char *newest = test_path("newest");
    copy_dir(w->dir, newest);
    copy_dir(backup, w->dir);

    world_open_and_register(w, NULL);
    CHECK_ERROR(SALES_ERR_STORE_STALE, "store", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_ERROR(SALES_ERR_STORE_STALE, "store", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(400, w->fake.total);
    world_close(w);

    /* The newest store goes on. */
    copy_dir(newest, w->dir);
    world_open(w, NULL);
    CHECK_U64(400, world_stats(w).held);
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_OK(w->error, world_release(w, 3));
    world_end(w);
}

TEST(open_another_store_is_refused) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, world_release(w, 1));
    world_close(w);
    /* Another store that was started, at a time when the repo held nothing of any. */
    fake_t *foreign = calloc(1, sizeof *foreign);
    REQUIRE(foreign != NULL);
    fake_init(foreign, QUOTA);
    sales_repo_t repo = fake_repo(foreign);
    sales_t sales = 0;
    const char *other = test_path("other");
    REQUIRE_OK(w->error, sales_open(SALES_ABI_VERSION, other, NULL, &sales, &w->error));
    CHECK_OK(w->error, sales_register_repo(sales, &repo, &w->error));
    CHECK_OK(w->error, sales_start(sales, T0, &w->error));
    CHECK_OK(w->error, sales_close(sales, &w->error));
    fake_free(foreign);
    free(foreign);
    w->fake.total = 100;
    w->dir = other;
    world_open_and_register(w, NULL);
    CHECK_ERROR(SALES_ERR_STORE_STALE, "store", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(100, w->fake.total);
    w->fake.total = 0;
    world_drop(w);
}

TEST(open_new_store_where_the_repo_holds_bytes) {
    world_t *w = world_new(WORLD_KEEPS_IDS | WORLD_NOT_STARTED);
    sales_options_t reset = SALES_INIT(sales_options_t);
    reset.flags = SALES_OPEN_RESET;
    w->fake.total = 12345;
    CHECK_ERROR(SALES_ERR_STORE_NEW, "12345", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_ERROR(SALES_ERR_STORE_NEW, "12345", w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(12345, w->fake.total);
    CHECK_U64(0, w->fake.calls[FAKE_RELEASE]);
    world_close(w);
    /* Opening again makes it no older. */
    world_open(w, NULL);
    CHECK_ERROR(SALES_ERR_STORE_NEW, "12345", w->error, sales_start(w->sales, w->now, &w->error));
    world_close(w);

    /* A reset keeps what it cannot explain, as surplus, until a human says so. */
    world_open(w, &reset);
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(12345, world_stats(w).surplus);
    CHECK_U64(12345, w->fake.total);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_BOOKS(w);
    world_close(w);
    world_open(w, NULL);
    CHECK_OK(w->error, sales_start(w->sales, w->now, &w->error));
    CHECK_U64(12345, world_stats(w).surplus);
    CHECK_U64(100, world_stats(w).held);
    CHECK_BOOKS(w);
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_COMPARE, &w->error));
    CHECK_U64(12445, w->fake.total);
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(0, world_stats(w).surplus);
    CHECK_U64(100, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(open_reset_of_a_stale_store) {
    world_t *w = world_new(WORLD_KEEPS_IDS);
    const char *backup = test_path("backup");
    sales_options_t reset = SALES_INIT(sales_options_t);
    reset.flags = SALES_OPEN_RESET;
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    world_close(w);
    copy_dir(w->dir, backup);
    world_open(w, NULL);
    CHECK_OK(w->error, world_reserve(w, 2, 200));
    CHECK_OK(w->error, world_reserve(w, 3, 300));
    sales_stats_t old = world_stats(w);
    world_close(w);
    copy_dir(backup, w->dir);
    w->flags |= WORLD_NOT_STARTED;
    world_open(w, NULL);
    CHECK_ERROR(SALES_ERR_STORE_STALE, "store", w->error, sales_start(w->sales, w->now, &w->error));
    world_close(w);
    w->flags &= ~(unsigned)WORLD_NOT_STARTED;
    world_open(w, &reset);
    sales_stats_t stats = world_stats(w);
    CHECK_U64(100, stats.held);
    CHECK_U64(500, stats.surplus);
    CHECK_U64(600, w->fake.total);
    CHECK(memcmp(stats.store_id, old.store_id, sizeof old.store_id) != 0);
    CHECK_BOOKS(w);
    /* A start without the flag goes on from there: the store is trusted again. */
    world_close(w);
    world_open(w, NULL);
    CHECK_U64(500, world_stats(w).surplus);
    CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
    CHECK_U64(100, w->fake.total);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* The file of LMDB inside a store, whatever its name in there. */
static void data_file(const char *dir, char *out, size_t len) {
    char command[9000];
    snprintf(command, sizeof command, "find '%s' -name data.mdb | head -n 1 | tr -d '\\n'", dir);
    CHECK_U64(0, (uint64_t)test_command(command, out, len));
    REQUIRE(out[0] != 0);
}

static void with_damage(const char *what, sales_status_t expected) {
    char file[4352], command[16000], out[256], name[64];
    world_t *w = world_new_in(test_path("store"), WORLD_KEEPS_IDS);
    for (unsigned i = 0; i < 20; i++)
        CHECK_OK(w->error, world_reserve(w, i, 100));
    world_close(w);
    data_file(w->dir, file, sizeof file);
    snprintf(command, sizeof command, "f='%s'; { %s; } 2>&1", file, what);
    CHECK_U64(0, (uint64_t)test_command(command, out, sizeof out));
    error_clear(&w->error);
    snprintf(name, sizeof name, "open after: %s", what);
    w->sales = 0;
    sales_status_t status = sales_open(SALES_ABI_VERSION, w->dir, NULL, &w->sales, &w->error);
    check_error(__FILE__, __LINE__, name, expected, status, &w->error, NULL);
    CHECK_U64(2000, w->fake.total);
    fake_free(&w->fake);
    free(w);
}

TEST(open_damaged_missing) {
    with_damage("rm \"$f\"", SALES_ERR_STORE_LOST);
}
TEST(open_damaged_empty) {
    with_damage(": >\"$f\"", SALES_ERR_STORE_LOST);
}
TEST(open_damaged_short) {
    with_damage("truncate -s 100 \"$f\"", SALES_ERR_STORE_DAMAGED);
}
TEST(open_damaged_truncated_by_pages) {
    with_damage("truncate -s 8192 \"$f\"", SALES_ERR_STORE_DAMAGED);
}
TEST(open_damaged_zeros) {
    with_damage("n=$(stat -c %s \"$f\"); : >\"$f\"; truncate -s $n \"$f\"", SALES_ERR_STORE_DAMAGED);
}
TEST(open_damaged_garbage) {
    with_damage("n=$(stat -c %s \"$f\"); yes nonsense | head -c $n >\"$f\"", SALES_ERR_STORE_DAMAGED);
}
TEST(open_damaged_first_meta_page) {
    with_damage("dd if=/dev/zero of=\"$f\" bs=4096 count=1 conv=notrunc status=none",
                SALES_ERR_STORE_DAMAGED);
}
TEST(open_damaged_second_meta_page) {
    with_damage("dd if=/dev/zero of=\"$f\" bs=4096 seek=1 count=1 conv=notrunc status=none",
                SALES_ERR_STORE_DAMAGED);
}

TEST(open_store_removed_while_running) {
    char file[4352];
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    data_file(w->dir, file, sizeof file);
    w->flags |= WORLD_FILE_GONE;
    REQUIRE(unlink(file) == 0);
    error_clear(&w->error);
    sales_status_t status = world_reserve(w, 2, 200);
    check_error(__FILE__, __LINE__, "reserve after the file was removed", SALES_ERR_STORE_GONE, status,
                &w->error, NULL);
    CHECK_U64(100, w->fake.total);
    world_drop(w);
}
