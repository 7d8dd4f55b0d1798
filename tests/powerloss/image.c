/* image.c - images after a power loss, written to a real directory, and real directories read and compared. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dice.h"
#include "platters.h"

#define PATH_ROOM 512
#define BLOCK 4096

static void fail(const char *what, const char *path) {
    fprintf(stderr, "cannot %s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

static int chance(const fate_t *fate, uint64_t of, unsigned parts) {
    return dice_mix(fate->seed ^ dice_mix(of)) % 256 < parts;
}

int fate_keeps(const fate_t *fate, uint32_t number) {
    return number >= fate->from && number < fate->cut && chance(fate, number, fate->kept);
}

int fate_keeps_sector(const fate_t *fate, uint32_t number, uint64_t sector) {
    if (number < fate->from || number >= fate->cut) return 0;
    if (!chance(fate, number | UINT64_C(1) << 40, fate->torn)) return fate_keeps(fate, number);
    return chance(fate, (sector << 32 | number) ^ UINT64_C(1) << 63, 128);
}

/* The content of a file that is left: of each sector the last version that stays. */
static content_t content_after(const inode_t *inode, const fate_t *fate) {
    content_t after = {.size = inode->safe.size};
    for (size_t i = 0; i < inode->sizes_len; i++) {
        if (fate_keeps(fate, inode->sizes[i].number)) after.size = inode->sizes[i].size;
    }
    after.room = (size_t)(after.size + SECTOR - 1) / SECTOR * SECTOR;
    after.bytes = calloc(1, after.room + SECTOR);
    if (after.bytes == NULL) platter_no_memory();
    memcpy(after.bytes, inode->safe.bytes, inode->safe.room < after.room ? inode->safe.room : after.room);
    for (size_t i = 0; i < inode->versions_len; i++) {
        const version_t *version = &inode->versions[i];
        if ((version->sector + 1) * SECTOR <= after.room && fate_keeps_sector(fate, version->number, version->sector))
            memcpy(after.bytes + version->sector * SECTOR, version->bytes, SECTOR);
    }
    return after;
}

static void write_file(const char *path, const content_t *content) {
    static const uint8_t zeros[BLOCK];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)content->size) != 0) fail("write", path);
    for (uint64_t at = 0; at < content->size; at += BLOCK) {
        size_t len = content->size - at < BLOCK ? (size_t)(content->size - at) : BLOCK;
        if (memcmp(content->bytes + at, zeros, len) == 0) continue;
        if (pwrite(file, content->bytes + at, len, (off_t)at) != (ssize_t)len) fail("write", path);
    }
    close(file);
}

static void write_directory(const platter_t *platter, const tree_t *tree, uint32_t directory, const fate_t *fate,
                            const char *root) {
    char path[PATH_ROOM];
    for (size_t i = 0; i < tree->len; i++) {
        const entry_t *entry = &tree->entries[i];
        if (entry->directory != directory) continue;
        snprintf(path, sizeof path, "%s/%s", root, entry->name);
        const inode_t *inode = &platter->inodes[entry->inode];
        if (inode->directory) {
            if (mkdir(path, 0700) != 0) fail("make", path);
            write_directory(platter, tree, entry->inode, fate, path);
        } else {
            content_t content = content_after(inode, fate);
            write_file(path, &content);
            free(content.bytes);
        }
    }
}

void platter_image(const platter_t *platter, const fate_t *fate, const char *root) {
    tree_t tree = names_after(platter, fate);
    write_directory(platter, &tree, 0, fate, root);
    free(tree.entries);
}

static content_t read_file(const char *path) {
    struct stat found;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) != 0) fail("read", path);
    content_t content = {.size = (uint64_t)found.st_size};
    content.room = (content.size + SECTOR - 1) / SECTOR * SECTOR;
    content.bytes = calloc(1, content.room + SECTOR);
    if (content.bytes == NULL || pread(file, content.bytes, content.size, 0) != found.st_size) fail("read", path);
    close(file);
    return content;
}

static void load(platter_t *platter, uint32_t directory, const char *root) {
    char path[PATH_ROOM];
    struct dirent *found;
    DIR *list = opendir(root);
    if (list == NULL) fail("read", root);
    while ((found = readdir(list)) != NULL) {
        struct stat status;
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", root, found->d_name);
        if (lstat(path, &status) != 0) fail("look at", path);
        entry_t entry = {.directory = directory, .inode = platter_inode(platter, S_ISDIR(status.st_mode))};
        snprintf(entry.name, sizeof entry.name, "%.*s", NAME_ROOM - 1, found->d_name);
        names_put(&platter->now, &entry);
        names_put(&platter->safe, &entry);
        if (S_ISDIR(status.st_mode)) {
            load(platter, entry.inode, path);
        } else {
            platter->inodes[entry.inode].now = read_file(path);
            platter->inodes[entry.inode].safe = read_file(path);
        }
    }
    closedir(list);
}

platter_t *platter_load(const char *root) {
    platter_t *platter = platter_new();
    load(platter, 0, root);
    return platter;
}

/* How many files and directories lie below a real directory. */
static size_t count(const char *root) {
    platter_t *real = platter_load(root);
    size_t found = real->now.len;
    platter_free(real);
    return found;
}

static int differs(const platter_t *platter, uint32_t directory, const char *root, char *what, size_t size) {
    char path[PATH_ROOM];
    for (size_t i = 0; i < platter->now.len; i++) {
        const entry_t *entry = &platter->now.entries[i];
        const inode_t *inode = &platter->inodes[entry->inode];
        struct stat found;
        if (entry->directory != directory) continue;
        snprintf(path, sizeof path, "%s/%s", root, entry->name);
        if (lstat(path, &found) != 0 || S_ISDIR(found.st_mode) != inode->directory) {
            snprintf(what, size, "%s is not there", path);
            return 1;
        }
        if (inode->directory) {
            if (differs(platter, entry->inode, path, what, size)) return 1;
            continue;
        }
        content_t real = read_file(path);
        int same = real.size == inode->now.size &&
                   (inode->mapped || real.size == 0 || memcmp(real.bytes, inode->now.bytes, real.size) == 0);
        if (!same) snprintf(what, size, "%s has %zu bytes, %zu were recorded", path, (size_t)real.size,
                            (size_t)inode->now.size);
        free(real.bytes);
        if (!same) return 1;
    }
    return 0;
}

int platter_differs(const platter_t *platter, const char *root, char *what, size_t size) {
    if (differs(platter, 0, root, what, size)) return 1;
    if (count(root) == platter->now.len) return 0;
    snprintf(what, size, "there are %zu names below %s, %zu were recorded", count(root), root, platter->now.len);
    return 1;
}
