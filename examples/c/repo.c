/* The repo: what is reserved lies in the file "total", what is used are the files in "content". */
#define _POSIX_C_SOURCE 200809L
#include "repo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "step.h"

#define TOTAL_FILE "total"
#define TOTAL_LENGTH 160

/* The bytes that already lie on the disk: counted once, at the start. */
static int count_used(repo_t *repo) {
    int failed = 0;
    struct dirent *entry;
    DIR *directory = opendir(repo->content);
    if (directory == NULL) {
        fprintf(stderr, "cannot read %s: %s\n", repo->content, strerror(errno));
        return -1;
    }
    while ((entry = readdir(directory)) != NULL) {
        struct stat file;
        if (entry->d_name[0] == '.') continue;
        if (fstatat(dirfd(directory), entry->d_name, &file, 0) != 0) {
            fprintf(stderr, "cannot look at %s/%s: %s\n", repo->content, entry->d_name, strerror(errno));
            failed = -1;
        } else {
            repo->used += (uint64_t)file.st_size;
        }
    }
    return closedir(directory) == 0 ? failed : -1;
}

static int read_total(repo_t *repo) {
    char text[TOTAL_LENGTH], id[33];
    disk_status_t status = disk_read(repo->directory, TOTAL_FILE, text, sizeof text);
    if (status == DISK_MISSING) return 0; /* a new repo */
    if (status != DISK_OK) return -1;
    int whole = sscanf(text, "reserved %" SCNu64 "\nstore %32s\nseq %" SCNu64 "\n", &repo->reserved, id,
                       &repo->store_seq) == 3;
    for (size_t i = 0; whole && i < 16; i++) whole = sscanf(id + 2 * i, "%2hhx", &repo->store_id[i]) == 1;
    if (!whole) fprintf(stderr, "%s/%s is not a total: %s\n", repo->directory, TOTAL_FILE, text);
    return whole ? 0 : -1;
}

int repo_open(repo_t *repo, const char *directory, uint64_t quota) {
    memset(repo, 0, sizeof *repo);
    repo->quota = quota;
    snprintf(repo->directory, sizeof repo->directory, "%s", directory);
    disk_path(repo->content, directory, "content");
    if (disk_make_directory(repo->directory) != DISK_OK || disk_make_directory(repo->content) != DISK_OK)
        return -1;
    return read_total(repo) == 0 && count_used(repo) == 0 ? 0 : -1;
}

/* Writes the new total, and which commit of which store it belongs to, in one step. Memory follows. */
static sales_status_t change(repo_t *repo, const sales_op_t *op, uint64_t reserved) {
    char text[TOTAL_LENGTH], id[33];
    int same = memcmp(repo->store_id, op->store_id, sizeof repo->store_id) == 0;
    uint64_t seq = same && repo->store_seq > op->store_seq ? repo->store_seq : op->store_seq;
    for (size_t i = 0; i < 16; i++) snprintf(id + 2 * i, 3, "%02x", op->store_id[i]);
    int len =
        snprintf(text, sizeof text, "reserved %" PRIu64 "\nstore %s\nseq %" PRIu64 "\n", reserved, id, seq);
    disk_status_t status = disk_replace(repo->directory, TOTAL_FILE, text, (size_t)len);
    if (status == DISK_FAILED) return SALES_HOST_TRANSIENT;
    repo->reserved = reserved;
    repo->store_seq = seq;
    memcpy(repo->store_id, op->store_id, sizeof repo->store_id);
    return status == DISK_OK ? SALES_OK : SALES_HOST_UNKNOWN;
}

static uint64_t left(const repo_t *repo) {
    uint64_t taken = repo->reserved + repo->used; /* bytes just landed count twice until they are consumed */
    return taken < repo->quota ? repo->quota - taken : 0;
}

static sales_status_t available(void *user_data, uint64_t *bytes) {
    *bytes = left(user_data);
    return SALES_OK;
}

static sales_status_t reserve(void *user_data, const sales_op_t *op, uint64_t bytes) {
    repo_t *repo = user_data;
    if (bytes > left(repo)) return SALES_HOST_NO_SPACE;
    step_t before = step_enter(STEP_RESERVING);
    sales_status_t status = change(repo, op, repo->reserved + bytes);
    step_enter(before);
    return status;
}

/* Fewer bytes reserved: given back, or turned into used ones (whose files count by themselves). */
static sales_status_t lower(repo_t *repo, step_t step, const sales_op_t *op, uint64_t bytes) {
    if (bytes > repo->reserved) return SALES_HOST_PERMANENT;
    step_t before = step_enter(step);
    sales_status_t status = change(repo, op, repo->reserved - bytes);
    step_enter(before);
    return status;
}

static sales_status_t release(void *user_data, const sales_op_t *op, uint64_t bytes) {
    return lower(user_data, STEP_RELEASING, op, bytes);
}

static sales_status_t consume(void *user_data, const sales_op_t *op, uint64_t bytes) {
    return lower(user_data, STEP_CONSUMING, op, bytes);
}

static sales_status_t reserved(void *user_data, sales_repo_total_t *total) {
    const repo_t *repo = user_data;
    total->bytes = repo->reserved;
    total->store_seq = repo->store_seq;
    memcpy(total->store_id, repo->store_id, sizeof total->store_id);
    return SALES_OK;
}

sales_repo_t repo_table(repo_t *repo) {
    return (sales_repo_t){.size = sizeof(sales_repo_t),
                          .user_data = repo,
                          .available = available,
                          .reserve = reserve,
                          .release = release,
                          .reserved = reserved,
                          .consume = consume};
}

void repo_resized(repo_t *repo, int64_t before, int64_t after) {
    repo->used = repo->used - (uint64_t)before + (uint64_t)after;
}
