/* platter.c - files and names as they are, as they are safe, and what lies between. */
#define _GNU_SOURCE
#include "platter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platters.h"

void platter_no_memory(void) {
    perror("memory for the platter");
    exit(2);
}

void *platter_grow(void *array, size_t len, size_t *room, size_t item) {
    if (len < *room) return array;
    *room = *room == 0 ? 16 : 2 * *room;
    array = realloc(array, *room * item);
    if (array == NULL) platter_no_memory();
    return array;
}

uint32_t platter_inode(platter_t *platter, int directory) {
    platter->inodes = platter_grow(platter->inodes, platter->inodes_len, &platter->inodes_room, sizeof(inode_t));
    platter->inodes[platter->inodes_len] = (inode_t){.directory = directory};
    return (uint32_t)platter->inodes_len++;
}

platter_t *platter_new(void) {
    platter_t *platter = calloc(1, sizeof *platter);
    if (platter == NULL) platter_no_memory();
    platter_inode(platter, 1); /* the root: inode 0 */
    return platter;
}

void platter_free(platter_t *platter) {
    for (size_t i = 0; i < platter->inodes_len; i++) {
        free(platter->inodes[i].now.bytes);
        free(platter->inodes[i].safe.bytes);
        free(platter->inodes[i].versions);
        free(platter->inodes[i].sizes);
    }
    free(platter->inodes);
    free(platter->now.entries);
    free(platter->safe.entries);
    free(platter->moves);
    free(platter->handles);
    free(platter);
}

/* Makes room for `size` bytes; what is new is zero. */
static void reach(content_t *content, uint64_t size) {
    size_t room = (size_t)(size + 4 * SECTOR - 1) / SECTOR * SECTOR;
    if (room <= content->room) return;
    if (room < 2 * content->room) room = 2 * content->room;
    content->bytes = realloc(content->bytes, room);
    if (content->bytes == NULL) platter_no_memory();
    memset(content->bytes + content->room, 0, room - content->room);
    content->room = room;
}

static void resize(inode_t *inode, uint64_t size, uint32_t number) {
    inode->sizes = platter_grow(inode->sizes, inode->sizes_len, &inode->sizes_room, sizeof(size_change_t));
    inode->sizes[inode->sizes_len++] = (size_change_t){.number = number, .size = size};
    inode->now.size = size;
}

/* A sector has another content now. */
static void change(inode_t *inode, uint64_t sector, uint32_t number) {
    inode->versions =
        platter_grow(inode->versions, inode->versions_len, &inode->versions_room, sizeof(version_t));
    version_t *version = &inode->versions[inode->versions_len++];
    version->sector = sector;
    version->number = number;
    memcpy(version->bytes, inode->now.bytes + sector * SECTOR, SECTOR);
}

static void write_bytes(inode_t *inode, const record_t *record, uint32_t number) {
    uint64_t end = record->at + record->len;
    reach(&inode->now, end);
    memcpy(inode->now.bytes + record->at, record_bytes(record), record->len);
    if (end > inode->now.size) resize(inode, end, number);
    for (uint64_t sector = record->at / SECTOR; sector * SECTOR < end; sector++) change(inode, sector, number);
}

/* What is cut off reads as zeros should the file grow again. */
static void set_size(inode_t *inode, uint64_t size, uint32_t number) {
    static const uint8_t zeros[SECTOR];
    uint64_t old = inode->now.size;
    reach(&inode->now, size > old ? size : old);
    for (uint64_t sector = size / SECTOR; size < old && sector * SECTOR < old; sector++) {
        uint64_t from = sector * SECTOR < size ? size - sector * SECTOR : 0;
        uint8_t *bytes = inode->now.bytes + sector * SECTOR;
        if (memcmp(bytes + from, zeros, SECTOR - from) == 0) continue;
        memset(bytes + from, 0, SECTOR - from);
        change(inode, sector, number);
    }
    if (size != old) resize(inode, size, number);
}

/* A sync of the whole file: all that came before is safe. */
static void sync_file(inode_t *inode) {
    for (size_t i = 0; i < inode->versions_len; i++) {
        const version_t *version = &inode->versions[i];
        reach(&inode->safe, (version->sector + 1) * SECTOR);
        memcpy(inode->safe.bytes + version->sector * SECTOR, version->bytes, SECTOR);
    }
    inode->safe.size = inode->now.size;
    inode->versions_len = inode->sizes_len = 0;
}

/* A write through O_DSYNC: its own sectors are safe, and a size that reaches them. What else was written is not. */
static void sync_write(inode_t *inode, const record_t *record) {
    uint64_t end = record->at + record->len, first = record->at / SECTOR;
    size_t left = 0;
    reach(&inode->safe, end);
    for (uint64_t sector = first; sector * SECTOR < end; sector++)
        memcpy(inode->safe.bytes + sector * SECTOR, inode->now.bytes + sector * SECTOR, SECTOR);
    for (size_t i = 0; i < inode->versions_len; i++) {
        uint64_t sector = inode->versions[i].sector;
        if (sector < first || sector * SECTOR >= end) inode->versions[left++] = inode->versions[i];
    }
    inode->versions_len = left;
    left = 0;
    for (size_t i = 0; i < inode->sizes_len; i++) {
        if (inode->sizes[i].size >= end) inode->sizes[left++] = inode->sizes[i];
    }
    inode->sizes_len = left;
    if (inode->safe.size < end) inode->safe.size = end;
}

void platter_begin(platter_t *platter) {
    platter->handles_len = 0;
}

static inode_t *behind(platter_t *platter, uint32_t handle) {
    if (handle == 0 || handle > platter->handles_len) {
        fprintf(stderr, "the log has a handle that was never opened: %u\n", handle);
        exit(2);
    }
    return &platter->inodes[platter->handles[handle - 1]];
}

static void open_file(platter_t *platter, const record_t *record, uint32_t number) {
    const char *path = record_bytes(record);
    uint32_t inode;
    if (!names_find(platter, path, &inode)) {
        inode = platter_inode(platter, 0);
        names_add(platter, path, inode, number);
    }
    platter->handles = platter_grow(platter->handles, platter->handles_len, &platter->handles_room, sizeof(uint32_t));
    platter->handles[platter->handles_len++] = inode;
    if (platter->handles_len != record->handle) {
        fprintf(stderr, "the log's handles are not in order\n");
        exit(2);
    }
    if (record->flags & RECORD_TRUNCATE) set_size(&platter->inodes[inode], 0, number);
}

void platter_do(platter_t *platter, const record_t *record, uint32_t number, int cut) {
    const char *path = record_bytes(record);
    inode_t *inode;
    switch ((record_kind_t)record->kind) {
    case RECORD_OPEN: open_file(platter, record, number); break;
    case RECORD_WRITE:
        inode = behind(platter, record->handle);
        write_bytes(inode, record, number);
        if ((record->flags & RECORD_SYNCED) && !cut) sync_write(inode, record);
        inode->mapped |= (record->flags & RECORD_MAPPED) != 0;
        break;
    case RECORD_SIZE: set_size(behind(platter, record->handle), record->at, number); break;
    case RECORD_SYNC:
        if (cut) break;
        inode = behind(platter, record->handle);
        if (inode->directory) names_sync(platter, (uint32_t)(inode - platter->inodes));
        else sync_file(inode);
        break;
    case RECORD_MKDIR: names_add(platter, path, platter_inode(platter, 1), number); break;
    case RECORD_RMDIR:
    case RECORD_UNLINK: names_remove(platter, path, number); break;
    case RECORD_RENAME: names_move(platter, path, path + strlen(path) + 1, number); break;
    case RECORD_LINK: names_link(platter, path, path + strlen(path) + 1, number); break;
    case RECORD_FAULT:
    case RECORD_NOTE: break;
    }
}

unsigned platter_unsynced(const platter_t *platter) {
    size_t found = platter->moves_len;
    for (size_t i = 0; i < platter->inodes_len; i++)
        found += platter->inodes[i].versions_len + platter->inodes[i].sizes_len;
    return (unsigned)found;
}
