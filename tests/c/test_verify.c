/* test_verify.c - sales_verify and SALES_OPEN_VERIFY: good stores, damaged ones, and arguments that cannot be. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define PAGE 4096

/* What was told of damages. */
typedef struct heard_t {
    unsigned damages, kinds[6];
    sales_damage_t first;
    const char *path; /* verified again from inside the callback */
    sales_status_t nested;
} heard_t;

static void hear(void *user_data, const sales_damage_t *damage) {
    heard_t *heard = user_data;
    CHECK_U64(sizeof *damage, damage->size);
    CHECK(damage->kind >= SALES_DAMAGE_FILE && damage->kind <= SALES_DAMAGE_INDEX);
    CHECK((damage->kind == SALES_DAMAGE_PAGE) == (damage->pages > 0));
    CHECK(damage->text[0] != 0 && memchr(damage->text, 0, sizeof damage->text) != NULL);
    if (damage->kind <= SALES_DAMAGE_INDEX)
        heard->kinds[damage->kind]++;
    if (heard->damages++ == 0)
        heard->first = *damage;
    if (heard->path)
        heard->nested = sales_verify(heard->path, NULL, NULL, NULL, NULL);
}

/* A closed store with some reservations, a slot sold and one released. */
static const char *make_store(const char *name) {
    const char *path = test_path(name);
    world_t *w = world_new_in(path, WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    posted_make(&posted, w->now, 2, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    for (unsigned i = 1; i <= 10; i++)
        CHECK_OK(w->error, world_reserve(w, i, 1000 * i));
    CHECK_OK(w->error, world_release(w, 10));
    CHECK_OK(w->error, world_consumed(w, 1, 400));
    world_drop(w);
    return path;
}

static const char *file_of(const char *path) {
    static char file[4352];
    snprintf(file, sizeof file, "%s/data.mdb", path);
    return file;
}

/* Where a slot's id lies in the file: also where pages lie that are not in use any more. */
typedef struct places_t {
    size_t len;
    long at[64];
} places_t;

static places_t places_of(const char *file, const sales_id_t *slot) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat info;
    REQUIRE(fd >= 0 && fstat(fd, &info) == 0);
    uint8_t *whole = malloc((size_t)info.st_size);
    REQUIRE(whole != NULL && read(fd, whole, (size_t)info.st_size) == info.st_size);
    places_t places = {0};
    uint8_t *end = whole + info.st_size, *from = whole;
    while (places.len < 64 && (from = memmem(from, (size_t)(end - from), slot, sizeof *slot)) != NULL)
        places.at[places.len++] = (long)(from++ - whole);
    free(whole);
    close(fd);
    REQUIRE(places.len > 0);
    return places;
}

static void flip(const char *file, long at, unsigned mask) {
    int fd = open(file, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    REQUIRE(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= (uint8_t)mask;
    REQUIRE(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

/* Changes the record of a slot, wherever it lies. */
static void flip_record(const char *file, const sales_id_t *slot) {
    places_t places = places_of(file, slot);
    for (size_t i = 0; i < places.len; i++)
        flip(file, places.at[i] + (long)sizeof *slot + 10, 1);
}

/* Changes the header of each page on which a slot's id lies. */
static void flip_pages(const char *file, const places_t *places) {
    long last = -1;
    for (size_t i = 0; i < places->len; i++) {
        long page = places->at[i] / PAGE;
        if (page != last)
            flip(file, page * PAGE + 14, 0x40);
        last = page;
    }
}

TEST(verify_good_stores) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_verify_t out = SALES_INIT(sales_verify_t);
    heard_t heard = {0};
    sales_t sales = 0;
    const char *empty = test_path("empty");
    REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, empty, NULL, &sales, &error));
    CHECK_OK(error, sales_close(sales, &error));
    CHECK_OK(error, sales_verify(empty, hear, &heard, &out, &error));
    CHECK_U64(0, out.reservations + out.held);

    const char *path = make_store("store");
    CHECK_OK(error, sales_verify(path, hear, &heard, &out, &error));
    CHECK_U64(0, heard.damages);
    CHECK_U64(0, out.damages + out.damaged_pages);
    CHECK_U64(11, out.reservations);
    CHECK_U64(45000 - 400 + 2 * SLOT_SIZE, out.held);
    CHECK_U64(400, out.consumed);
    CHECK_U64(0, out.releasing);
    CHECK(out.pages > 10 && out.free_pages > 0 && out.records > 30 && out.store_seq > 10);
    CHECK(out.file_bytes >= out.pages * PAGE);
    /* Nobody has to listen. */
    CHECK_STATUS(SALES_OK, sales_verify(path, NULL, NULL, NULL, NULL));
    sales_options_t options = SALES_INIT(sales_options_t);
    options.flags = SALES_OPEN_VERIFY;
    CHECK_OK(error, sales_open(SALES_ABI_VERSION, path, &options, &sales, &error));
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    CHECK_OK(error, sales_stats(sales, &stats, &error));
    CHECK_U64(out.held, stats.held);
    CHECK(memcmp(out.store_id, stats.store_id, sizeof out.store_id) == 0);
    CHECK_U64(out.store_seq, stats.store_seq);
    CHECK_ERROR(SALES_ERR_STORE_LOCKED, "open", error, sales_verify(path, NULL, NULL, NULL, &error));
    CHECK_OK(error, sales_close(sales, &error));
    /* A new one is made as ever. */
    CHECK_OK(error, sales_open(SALES_ABI_VERSION, test_path("new"), &options, &sales, &error));
    CHECK_OK(error, sales_close(sales, &error));
}

TEST(verify_where_no_store_is) {
    sales_error_t error = SALES_INIT(sales_error_t);
    struct stat info;
    CHECK_ERROR(SALES_ERR_STORE_PATH, "nothing", error,
                sales_verify(test_path("nothing"), NULL, NULL, NULL, &error));
    CHECK(stat(test_path("nothing"), &info) != 0);
    REQUIRE(mkdir(test_path("bare"), 0700) == 0);
    CHECK_ERROR(SALES_ERR_STORE_PATH, "no store", error,
                sales_verify(test_path("bare"), NULL, NULL, NULL, &error));
    CHECK(stat(test_path("bare/data.mdb"), &info) != 0);
    CHECK(stat(test_path("bare/identity"), &info) != 0);
    const char *path = make_store("lost");
    REQUIRE(unlink(file_of(path)) == 0);
    CHECK_ERROR(SALES_ERR_STORE_LOST, "missing", error, sales_verify(path, NULL, NULL, NULL, &error));
}

TEST(verify_arguments) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_verify_t out = SALES_INIT(sales_verify_t);
    const char *path = make_store("store");
    CHECK_ERROR(SALES_ERR_ARGUMENT, "path", error, sales_verify(NULL, NULL, NULL, &out, &error));
    CHECK_ERROR(SALES_ERR_ARGUMENT, "path", error, sales_verify("", NULL, NULL, &out, &error));
    CHECK_STATUS(SALES_ERR_ARGUMENT, sales_verify(NULL, NULL, NULL, NULL, NULL));
    out.size = 3;
    CHECK_ERROR(SALES_ERR_STRUCT, "size", error, sales_verify(path, NULL, NULL, &out, &error));
    CHECK_U64(0, out.pages);
    /* Of any other size, it is written up to there. */
    for (uint32_t size = 8; size <= sizeof out + 64; size += 8) {
        uint8_t memory[512];
        memset(memory, 0xee, sizeof memory);
        memcpy(memory, &size, sizeof size);
        CHECK_OK(error, sales_verify(path, NULL, NULL, (sales_verify_t *)(void *)memory, &error));
        size_t written = size < sizeof out ? size : sizeof out;
        CHECK_U64(0xee, memory[written]);
        CHECK(written <= 32 || memory[24] != 0xee);
    }
}

TEST(verify_names_a_damaged_page) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_verify_t out = SALES_INIT(sales_verify_t);
    const char *path = make_store("store");
    places_t places = places_of(file_of(path), id_at(3));
    flip_pages(file_of(path), &places);
    heard_t heard = {.path = path, .nested = SALES_OK};
    CHECK_ERROR(SALES_ERR_STORE_DAMAGED, "page", error, sales_verify(path, hear, &heard, &out, &error));
    CHECK_U64(out.damages, heard.damages);
    CHECK(heard.kinds[SALES_DAMAGE_PAGE] > 0);
    unsigned named = 0;
    for (size_t i = 0; i < places.len; i++)
        named += heard.first.page == (uint64_t)places.at[i] / PAGE;
    CHECK(named > 0);
    /* Inside the callback, the store is being verified. */
    CHECK_STATUS(SALES_ERR_STORE_LOCKED, heard.nested);
    sales_options_t options = SALES_INIT(sales_options_t);
    options.flags = SALES_OPEN_VERIFY;
    sales_t sales = 0;
    CHECK_ERROR(SALES_ERR_STORE_DAMAGED, "page", error,
                sales_open(SALES_ABI_VERSION, path, &options, &sales, &error));
    CHECK_U64(0, sales);
    flip_pages(file_of(path), &places);
    CHECK_OK(error, sales_verify(path, NULL, NULL, NULL, &error));
}

TEST(verify_names_a_damaged_record) {
    sales_error_t error = SALES_INIT(sales_error_t);
    const char *path = make_store("store");
    flip_record(file_of(path), id_at(3));
    heard_t heard = {0};
    CHECK_ERROR(SALES_ERR_RECORD, "slot", error, sales_verify(path, hear, &heard, NULL, &error));
    CHECK_U64(SALES_DAMAGE_RECORD, heard.first.kind);
    CHECK(memcmp(id_at(3), &heard.first.id, sizeof heard.first.id) == 0);
    /* Its bytes are missing in the sums. */
    CHECK(heard.kinds[SALES_DAMAGE_TOTAL] > 0);
    CHECK_U64(0, heard.kinds[SALES_DAMAGE_PAGE]);
}

/* What is logged when a store is opened. */
static void count_line(void *user_data, uint32_t level, const char *target, const char *text) {
    (void)target;
    if (level == SALES_LOG_ERROR && strstr(text, "slot") != NULL)
        ++*(unsigned *)user_data;
    CHECK_STATUS(SALES_ERR_IN_CALLBACK, sales_verify("anywhere", NULL, NULL, NULL, NULL));
}

TEST(verify_at_open_tells_the_log) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_options_t options = SALES_INIT(sales_options_t);
    options.flags = SALES_OPEN_VERIFY;
    const char *path = make_store("store");
    flip_record(file_of(path), id_at(3));
    unsigned lines = 0;
    sales_t sales = 0;
    CHECK_STATUS(SALES_OK, sales_set_log(count_line, &lines, SALES_LOG_ERROR));
    CHECK_ERROR(SALES_ERR_RECORD, "slot", error, sales_open(SALES_ABI_VERSION, path, &options, &sales, &error));
    CHECK_STATUS(SALES_OK, sales_set_log(NULL, NULL, SALES_LOG_OFF));
    CHECK(lines >= 1);
    /* Without the flag the rest stays usable. */
    CHECK_OK(error, sales_open(SALES_ABI_VERSION, path, NULL, &sales, &error));
    sales_reservation_t one = SALES_INIT(sales_reservation_t);
    CHECK_ERROR(SALES_ERR_RECORD, "checksum", error, sales_reservation(sales, id_at(3), &one, &error));
    CHECK_OK(error, sales_reservation(sales, id_at(4), &one, &error));
    CHECK_OK(error, sales_close(sales, &error));
}

TEST(verify_in_a_forked_child) {
    world_t *w = world_new(WORLD_BOOKS);
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0)
        test_child_end(sales_verify(w->dir, NULL, NULL, NULL, NULL) == SALES_ERR_FORKED ? 0 : 1);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    world_end(w);
}
