/* The content of slots: downloaded, proved, deleted. */
#define _POSIX_C_SOURCE 200809L
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "show.h"
#include "step.h"

/* The salt of the first proof, which has no challenge. */
static const uint8_t FIRST_SALT[SHA256_SIZE] = "the first proof of a slot";

static void slot_path(char out[DISK_PATH_MAX], const char *directory, const sales_id_t *slot_id) {
    char name[65];
    for (size_t i = 0; i < 32; i++) snprintf(name + 2 * i, 3, "%02x", slot_id->bytes[i]);
    disk_path(out, directory, name);
}

static int complain(const char *what, const char *path) {
    fprintf(stderr, "cannot %s %s: %s\n", what, path, strerror(errno));
    return -1;
}

/* Block `number` of what a client published for a slot: as good as random, and the same each time. */
static void make_block(const sales_id_t *slot_id, uint64_t number, uint8_t block[CONTENT_BLOCK]) {
    uint8_t seed[48] = {0};
    memcpy(seed, slot_id->bytes, 32);
    memcpy(seed + 32, &number, sizeof number);
    for (size_t at = 0; at < CONTENT_BLOCK; at += SHA256_SIZE) {
        seed[40] = (uint8_t)(at / SHA256_SIZE);
        sha256(seed, sizeof seed, block + at);
    }
}

/* Plays the client: puts the slot's content on the network. */
static int publish(const char *path, const sales_id_t *slot_id, uint64_t size) {
    uint8_t block[CONTENT_BLOCK];
    char aside[DISK_PATH_MAX + 4];
    snprintf(aside, sizeof aside, "%s.new", path);
    int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int failed = file < 0;
    for (uint64_t at = 0; !failed && at < size; at += CONTENT_BLOCK) {
        uint64_t len = size - at < CONTENT_BLOCK ? size - at : CONTENT_BLOCK;
        make_block(slot_id, at / CONTENT_BLOCK, block);
        failed = disk_write_at(file, block, len, at) != 0;
    }
    if (file >= 0 && close(file) != 0) failed = 1;
    return failed || rename(aside, path) != 0 ? complain("publish", path) : 0;
}

int content_open(content_t *content, const char *network, repo_t *repo, const uint64_t *now) {
    *content = (content_t){.repo = repo, .now = now};
    snprintf(content->network, sizeof content->network, "%s", network);
    return disk_make_directory(network) == DISK_OK ? 0 : -1;
}

/* Opens the slot's file on the network, where its client has it. */
static int open_source(const content_t *content, const sales_id_t *slot_id, uint64_t size) {
    char path[DISK_PATH_MAX];
    slot_path(path, content->network, slot_id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT && publish(path, slot_id, size) == 0)
        file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) complain("open", path);
    return file;
}

/* Opens the slot's file in the repo; `flags` O_CREAT makes it where it is missing. */
static int open_stored(const content_t *content, const sales_id_t *slot_id, int flags) {
    char path[DISK_PATH_MAX];
    slot_path(path, content->repo->content, slot_id);
    int file = open(path, flags | O_CLOEXEC, 0644);
    if (file < 0) complain("open", path);
    return file;
}

static uint64_t block_length(const download_t *download) {
    uint64_t missing = download->size - download->landed;
    return missing < CONTENT_BLOCK ? missing : CONTENT_BLOCK;
}

/* A block has landed: its hash goes into the hash of the whole. */
static void block_landed(download_t *download, const uint8_t *block, uint64_t len) {
    uint8_t hash[SHA256_SIZE];
    sha256(block, len, hash);
    sha256_add(&download->hash, hash, sizeof hash);
    download->landed += len;
}

/* What lies in the repo from an earlier attempt is kept as far as it is what the network has. */
static int keep_landed(download_t *download, int source, int stored) {
    uint8_t wanted[CONTENT_BLOCK], found[CONTENT_BLOCK];
    while (download->landed < download->size) {
        uint64_t len = block_length(download);
        int64_t got = disk_read_at(stored, found, len, download->landed);
        if (got < 0 || disk_read_at(source, wanted, len, download->landed) != (int64_t)len) return -1;
        if (got != (int64_t)len || memcmp(wanted, found, len) != 0) return 0;
        block_landed(download, found, len);
    }
    return 0;
}

static int copy_blocks(download_t *download, int source, int stored) {
    uint8_t block[CONTENT_BLOCK];
    for (int i = 0; i < CONTENT_BLOCKS_PER_SECOND && download->landed < download->size; i++) {
        uint64_t len = block_length(download);
        if (disk_read_at(source, block, len, download->landed) != (int64_t)len) return -1;
        if (disk_write_at(stored, block, len, download->landed) != 0) return -1;
        block_landed(download, block, len);
        show_progress(download->landed, download->size);
    }
    return fsync(stored); /* on the disk before the library hears that it landed */
}

/* Finds out what landed before, and cuts what is not what the network has. */
static int resume(download_t *download, int source, int stored) {
    return keep_landed(download, source, stored) == 0 ? ftruncate(stored, (off_t)download->landed) : -1;
}

/* Runs `work` on the two files of a download; the repo hears how the stored one's length changed. */
static int with_files(content_t *content, download_t *download, int (*work)(download_t *, int, int)) {
    struct stat before = {0}, after = {0};
    int source = open_source(content, &download->slot_id, download->size);
    int stored = source < 0 ? -1 : open_stored(content, &download->slot_id, O_RDWR | O_CREAT);
    int failed = stored < 0 || fstat(stored, &before) != 0;
    if (!failed && work(download, source, stored) != 0) {
        fprintf(stderr, "downloading failed: %s\n", strerror(errno));
        failed = 1;
    }
    if (stored >= 0 && fstat(stored, &after) == 0) repo_resized(content->repo, before.st_size, after.st_size);
    if (source >= 0) close(source);
    if (stored >= 0 && close(stored) != 0) failed = 1;
    return failed ? -1 : 0;
}

static int complete(content_t *content, uint64_t token, sales_status_t status, const char *text) {
    sales_result_t result = {.size = sizeof result, .status = status, .text = text};
    step_t before = step_enter(STEP_RECORDING);
    sales_status_t answer = lib.sales_complete(content->sales, *content->now, token, &result, NULL);
    step_enter(before);
    return answer < 0 ? -1 : 0;
}

static download_t *download_of(content_t *content, uint64_t token) {
    for (size_t i = 0; i < CONTENT_DOWNLOADS_MAX; i++) {
        if (content->downloads[i].token == token) return &content->downloads[i];
    }
    return NULL;
}

static sales_status_t store(void *user_data, const sales_op_t *op, const sales_slot_t *slot, uint64_t until,
                            uint32_t repairing) {
    content_t *content = user_data;
    download_t *download = download_of(content, 0);
    (void)until, (void)repairing; /* this node keeps what it has until it is told to clear it */
    if (download == NULL) return SALES_HOST_TRANSIENT;
    *download = (download_t){.slot_id = slot->slot_id,
                             .request_id = slot->request_id,
                             .index = slot->index,
                             .size = slot->request->slot_size};
    sha256_begin(&download->hash);
    step_t before = step_enter(STEP_STORING);
    int failed = with_files(content, download, resume) != 0;
    step_enter(before);
    if (failed) return SALES_HOST_TRANSIENT;
    if (download->landed > 0)
        show(*content->now, &slot->request_id, slot->index, "content", "%s landed before",
             show_bytes(download->landed));
    download->token = op->token;
    return SALES_PENDING;
}

/* One second of one download. */
static int download_step(content_t *content, download_t *download) {
    step_t before = step_enter(STEP_STORING);
    int failed = with_files(content, download, copy_blocks) != 0;
    uint64_t token = download->token;
    step_enter(before);
    if (failed) {
        download->token = 0;
        return complete(content, token, SALES_HOST_TRANSIENT, "the content could not be copied");
    }
    before = step_enter(STEP_RECORDING);
    sales_status_t told =
        lib.sales_consumed(content->sales, *content->now, &download->slot_id, download->landed, NULL);
    step_enter(before);
    if (told < 0) fprintf(stderr, "sales_consumed: %s\n", lib.sales_status_name(told));
    if (download->landed < download->size || download->token != token) return told < 0 ? -1 : 0;
    uint8_t hash[SHA256_SIZE];
    sha256_end(&download->hash, hash);
    show(*content->now, &download->request_id, download->index, "content", "%s landed, hash %02x%02x%02x%02x",
         show_bytes(download->size), hash[0], hash[1], hash[2], hash[3]);
    download->token = 0;
    return complete(content, token, SALES_OK, NULL);
}

int content_step(content_t *content) {
    int failed = 0;
    for (size_t i = 0; i < CONTENT_DOWNLOADS_MAX; i++) {
        if (content->downloads[i].token != 0 && download_step(content, &content->downloads[i]) != 0)
            failed = -1;
    }
    return failed;
}

uint64_t content_next(const content_t *content) {
    for (size_t i = 0; i < CONTENT_DOWNLOADS_MAX; i++) {
        if (content->downloads[i].token != 0) return *content->now + 1;
    }
    return UINT64_MAX;
}

static void cancel(void *user_data, uint64_t token) {
    content_t *content = user_data;
    download_t *download = download_of(content, token);
    if (download == NULL) return; /* completed meanwhile */
    show(*content->now, &download->request_id, download->index, "content", "download cancelled at %s",
         show_bytes(download->landed));
    download->token = 0;
    if (complete(content, token, SALES_HOST_CANCELLED, NULL) != 0)
        fprintf(stderr, "a cancelled download was refused\n");
}

int content_prove(content_t *content, const sales_id_t *slot_id, uint64_t size,
                  const uint8_t salt[SHA256_SIZE], uint8_t proof[SHA256_SIZE]) {
    download_t whole = {.slot_id = *slot_id, .size = size};
    uint8_t block[CONTENT_BLOCK];
    int stored = open_stored(content, slot_id, O_RDONLY);
    int failed = stored < 0;
    sha256_begin(&whole.hash);
    sha256_add(&whole.hash, salt, SHA256_SIZE);
    while (!failed && whole.landed < size) {
        uint64_t len = block_length(&whole);
        failed = disk_read_at(stored, block, len, whole.landed) != (int64_t)len;
        block_landed(&whole, block, len);
    }
    if (stored >= 0) close(stored);
    sha256_end(&whole.hash, proof);
    return failed ? -1 : 0;
}

static sales_status_t prove(void *user_data, const sales_op_t *op, const sales_slot_t *slot,
                            const sales_challenge_t *challenge) {
    content_t *content = user_data;
    uint8_t proof[SHA256_SIZE];
    const uint8_t *salt = challenge == NULL ? FIRST_SALT : challenge->challenge.bytes;
    sales_result_t result = {.size = sizeof result, .proof = {proof, sizeof proof}};
    step_t before = step_enter(STEP_PROVING);
    int failed = content_prove(content, &slot->slot_id, slot->request->slot_size, salt, proof) != 0;
    step_enter(before);
    if (failed) return SALES_HOST_PERMANENT;
    /* Copied before sales_complete returns; what follows runs after this callback did. */
    if (lib.sales_complete(content->sales, *content->now, op->token, &result, NULL) < 0)
        return SALES_HOST_PERMANENT;
    return SALES_PENDING;
}

static sales_status_t clear(void *user_data, const sales_op_t *op, const sales_slot_t *slot) {
    content_t *content = user_data;
    char path[DISK_PATH_MAX];
    struct stat file;
    (void)op;
    slot_path(path, content->repo->content, &slot->slot_id);
    step_t before = step_enter(STEP_CLEARING);
    int found = stat(path, &file) == 0;
    int failed = found ? unlink(path) != 0 : errno != ENOENT;
    if (found && !failed) repo_resized(content->repo, file.st_size, 0);
    if (!failed) failed = disk_sync_directory(content->repo->content) != DISK_OK;
    step_enter(before);
    if (failed) complain("delete", path);
    return failed ? SALES_HOST_TRANSIENT : SALES_OK;
}

sales_content_t content_table(content_t *content) {
    return (sales_content_t){.size = sizeof(sales_content_t),
                             .user_data = content,
                             .store = store,
                             .prove = prove,
                             .clear = clear,
                             .cancel = cancel};
}
