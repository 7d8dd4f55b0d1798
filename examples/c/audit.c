/* Adds up the books from outside. It knows nothing of the library: it reads the repo's files, and the store
 * as LMDB's own tool, mdb_dump, prints it. The layouts are those of docs/STORE.md.
 *
 *   audit [-r] DIRECTORY
 *
 * Without -r all must be sold and ended: nothing reserved, nothing recorded, no file left. With -r the node
 * is still in business, and stopped or at rest: what the repo has reserved must be what the ledger holds, to
 * the byte. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "disk.h"

#define ID_SIZE 32
#define SLOTS_MAX 4096
#define LINE_SIZE 4096

/* The table `slots`: version, flags, eight numbers, of a sale also its offer and collateral; a checksum. */
#define SLOT_VERSION 2
#define SLOT_FLAG_ENDED 1
#define SLOT_AT_FLAGS 1
#define SLOT_AT_NUMBERS 2
#define SLOT_SIZE_SHORT (2 + 8 * 8 + 4)
#define SLOT_SIZE_OF_SALE (SLOT_SIZE_SHORT + 64)

/* The totals, in the table `meta`: version, flags, the store's id, then six numbers. */
#define BOOKS_KEY "ledger.books"
#define BOOKS_VERSION 2
#define BOOKS_AT_NUMBERS 18
#define BOOKS_SIZE_LEAST (BOOKS_AT_NUMBERS + 6 * 8 + 4)

/* A slot: what the ledger says of it, and how much of it lies on the disk. */
typedef struct slot_t {
    uint8_t id[ID_SIZE];
    int recorded, live;
    uint64_t asked, held, consumed, releasing, on_disk;
} slot_t;

typedef struct books_t {
    uint64_t repo; /* what the repo says that it has reserved */
    uint64_t held, consumed, releasing, shortfall, surplus, live;
    slot_t slots[SLOTS_MAX];
    size_t slots_len;
    uint64_t leaked;  /* bytes that nobody will ever give back */
    uint64_t missing; /* bytes that should be there and are not */
    unsigned wrong;   /* other things that do not fit, each told on a line */
} books_t;

static void fail(const char *what, const char *why) {
    printf("books differ: %s: %s\n", what, why);
    exit(2);
}

/* Reads hexadecimal digits up to the end of the line; the number of bytes, -1 where it is something else. */
static int read_hex(const char *text, uint8_t *out, size_t size) {
    size_t len = strspn(text, "0123456789abcdef");
    if (len % 2 != 0 || len / 2 > size || (text[len] != '\n' && text[len] != 0)) return -1;
    for (size_t i = 0; i < len / 2; i++) {
        if (sscanf(text + 2 * i, "%2hhx", &out[i]) != 1) return -1;
    }
    return (int)(len / 2);
}

static uint64_t number_at(const uint8_t *bytes, size_t at) {
    uint64_t number = 0;
    for (size_t i = 8; i > 0; i--) number = number << 8 | bytes[at + i - 1];
    return number;
}

static slot_t *slot_of(books_t *books, const uint8_t id[ID_SIZE]) {
    for (size_t i = 0; i < books->slots_len; i++) {
        if (memcmp(books->slots[i].id, id, ID_SIZE) == 0) return &books->slots[i];
    }
    if (books->slots_len == SLOTS_MAX) fail("too many slots", "this audit is for small nodes");
    memcpy(books->slots[books->slots_len].id, id, ID_SIZE);
    return &books->slots[books->slots_len++];
}

static void read_slot(books_t *books, const uint8_t *key, int key_len, const uint8_t *value, int len) {
    if (key_len != ID_SIZE) fail("the table slots", "a key is not a slot id");
    if ((len != SLOT_SIZE_SHORT && len != SLOT_SIZE_OF_SALE) || value[0] != SLOT_VERSION)
        fail("the table slots", "a record of another layout");
    slot_t *slot = slot_of(books, key);
    slot->recorded = 1;
    slot->asked = number_at(value, SLOT_AT_NUMBERS);
    slot->held = number_at(value, SLOT_AT_NUMBERS + 8);
    slot->consumed = number_at(value, SLOT_AT_NUMBERS + 16);
    slot->releasing = number_at(value, SLOT_AT_NUMBERS + 24) + number_at(value, SLOT_AT_NUMBERS + 32);
    slot->live = slot->asked > 0 && !(value[SLOT_AT_FLAGS] & SLOT_FLAG_ENDED);
}

static void read_totals(books_t *books, const uint8_t *key, int key_len, const uint8_t *value, int len) {
    if (key_len != (int)strlen(BOOKS_KEY) || memcmp(key, BOOKS_KEY, strlen(BOOKS_KEY)) != 0) return;
    if (len < BOOKS_SIZE_LEAST || value[0] != BOOKS_VERSION)
        fail("the table meta", "totals of another layout");
    books->held = number_at(value, BOOKS_AT_NUMBERS);
    books->consumed = number_at(value, BOOKS_AT_NUMBERS + 8);
    books->releasing = number_at(value, BOOKS_AT_NUMBERS + 16);
    books->shortfall = number_at(value, BOOKS_AT_NUMBERS + 24);
    books->surplus = number_at(value, BOOKS_AT_NUMBERS + 32);
    books->live = number_at(value, BOOKS_AT_NUMBERS + 40);
}

typedef void (*entry_t)(books_t *, const uint8_t *key, int key_len, const uint8_t *value, int len);

/* Keys and values come on lines of their own, in hexadecimal, each behind a space. */
static void read_dump(books_t *books, FILE *dump, const char *table, entry_t entry) {
    static char line[LINE_SIZE];
    static uint8_t key[LINE_SIZE], value[LINE_SIZE];
    int key_len = -1, whole = 0;
    while (fgets(line, sizeof line, dump) != NULL) {
        if (strcmp(line, "DATA=END\n") == 0) whole = 1;
        if (line[0] != ' ') continue;
        int len = read_hex(line + 1, key_len < 0 ? key : value, LINE_SIZE);
        if (len < 0) fail(table, "mdb_dump printed something else than expected");
        if (key_len < 0) {
            key_len = len;
        } else {
            entry(books, key, key_len, value, len);
            key_len = -1;
        }
    }
    if (!whole || key_len >= 0) fail(table, "mdb_dump did not print all of the table");
}

static void read_table(books_t *books, char *store, char *table, entry_t entry) {
    char *arguments[] = {"mdb_dump", "-s", table, store, NULL};
    int pipes[2];
    if (pipe(pipes) != 0 || fcntl(pipes[0], F_SETFD, FD_CLOEXEC) != 0) fail("pipe", strerror(errno));
    pid_t child = child_start(arguments, pipes[1], -1);
    close(pipes[1]);
    FILE *dump = child < 0 ? NULL : fdopen(pipes[0], "r");
    if (dump == NULL) fail("mdb_dump", strerror(errno));
    char first = (char)fgetc(dump); /* a program that is missing prints nothing: say what is missing */
    if (feof(dump)) {
        int status = child_wait(child);
        fail(table, status == CHILD_NOT_FOUND ? "mdb_dump is missing: apt-get install lmdb-utils"
                                              : "mdb_dump could not read the store");
    }
    ungetc(first, dump);
    read_dump(books, dump, table, entry);
    fclose(dump);
    if (child_wait(child) != 0) fail(table, "mdb_dump failed");
}

static void read_repo(books_t *books, const char *repo) {
    char text[256], content[DISK_PATH_MAX];
    struct dirent *entry;
    disk_status_t status = disk_read(repo, "total", text, sizeof text);
    if (status != DISK_MISSING &&
        (status != DISK_OK || sscanf(text, "reserved %" SCNu64 "\n", &books->repo) != 1))
        fail(repo, "its total cannot be read");
    disk_path(content, repo, "content");
    DIR *directory = opendir(content);
    if (directory == NULL) fail(content, strerror(errno));
    while ((entry = readdir(directory)) != NULL) {
        struct stat file;
        uint8_t id[ID_SIZE];
        if (entry->d_name[0] == '.') continue;
        if (read_hex(entry->d_name, id, sizeof id) != ID_SIZE)
            fail(entry->d_name, "a file that is no slot's");
        if (fstatat(dirfd(directory), entry->d_name, &file, 0) != 0) fail(entry->d_name, strerror(errno));
        slot_of(books, id)->on_disk = (uint64_t)file.st_size;
    }
    closedir(directory);
}

static void wrong(books_t *books, const char *what, uint64_t found, uint64_t expected) {
    if (found == expected) return;
    printf("  %s: %" PRIu64 ", expected %" PRIu64 "\n", what, found, expected);
    books->wrong++;
}

static void check_slot(books_t *books, const slot_t *slot) {
    printf("  slot %02x%02x%02x%02x  %-5s  asked %10" PRIu64 "  held %10" PRIu64 "  consumed %10" PRIu64
           "  on disk %10" PRIu64 "\n",
           slot->id[0], slot->id[1], slot->id[2], slot->id[3],
           slot->live       ? "live"
           : slot->recorded ? "ended"
                            : "-",
           slot->asked, slot->held, slot->consumed, slot->on_disk);
    if (!slot->live) {
        books->leaked += slot->on_disk; /* a file that no sale will ever clear */
    } else {
        if (slot->on_disk > slot->asked) books->leaked += slot->on_disk - slot->asked;
        if (slot->on_disk < slot->consumed) books->missing += slot->consumed - slot->on_disk;
        wrong(books, "held and consumed of a live slot", slot->held + slot->consumed, slot->asked);
    }
    wrong(books, "releasing, of a slot at rest", slot->releasing, 0);
}

/* The totals beside the records: the store must agree with itself. */
static void check_totals(books_t *books, const slot_t *sum, uint64_t live) {
    wrong(books, "total held", books->held, sum->held);
    wrong(books, "total consumed", books->consumed, sum->consumed);
    wrong(books, "total releasing", books->releasing, sum->releasing);
    wrong(books, "total of live reservations", books->live, live);
}

static int verdict(books_t *books, int running) {
    slot_t sum = {0};
    uint64_t live = 0;
    for (size_t i = 0; i < books->slots_len; i++) {
        const slot_t *slot = &books->slots[i];
        check_slot(books, slot);
        sum.held += slot->held;
        sum.releasing += slot->releasing;
        if (slot->live) sum.consumed += slot->consumed;
        live += (uint64_t)slot->live;
    }
    check_totals(books, &sum, live);
    uint64_t ledger = sum.held + books->surplus - books->shortfall; /* T = H + A - D */
    if (books->repo > ledger) books->leaked += books->repo - ledger;
    if (books->repo < ledger) books->missing += ledger - books->repo;
    if (!running) {
        wrong(books, "surplus at the end", books->surplus, 0);
        wrong(books, "shortfall at the end", books->shortfall, 0);
        wrong(books, "live reservations at the end", live, 0);
        books->leaked += books->repo < ledger ? books->repo : ledger;
    }
    int exact = books->leaked == 0 && books->missing == 0 && books->wrong == 0;
    if (exact) {
        printf("books exact: repo=%" PRIu64 " ledger=%" PRIu64 " leaked=0\n", books->repo, ledger);
    } else {
        printf("books differ: repo=%" PRIu64 " ledger=%" PRIu64 " leaked=%" PRIu64 " missing=%" PRIu64
               " wrong=%u\n",
               books->repo, ledger, books->leaked, books->missing, books->wrong);
    }
    return exact ? 0 : 1;
}

int main(int argc, char **argv) {
    static books_t books;
    char repo[DISK_PATH_MAX], store[DISK_PATH_MAX];
    int running = argc == 3 && strcmp(argv[1], "-r") == 0;
    if (argc != 2 && !running) {
        fprintf(stderr, "usage: audit [-r] DIRECTORY\n");
        return 2;
    }
    disk_path(repo, argv[argc - 1], "repo");
    disk_path(store, argv[argc - 1], "store");
    read_repo(&books, repo);
    read_table(&books, store, "slots", read_slot);
    read_table(&books, store, "meta", read_totals);
    return verdict(&books, running);
}
