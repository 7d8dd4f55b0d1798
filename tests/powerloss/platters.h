/* platters.h - what the parts of the platter share: platter.c (files), names.c (directories), image.c (images). */
#ifndef PLATTERS_H
#define PLATTERS_H

#include <stddef.h>

#include "platter.h"

#define SECTOR 512
#define NAME_ROOM 80

/* `room` is a whole number of sectors; what lies beyond `size` is zero. */
typedef struct content_t {
    uint8_t *bytes;
    uint64_t size;
    size_t room;
} content_t;

/* A sector as a change that is not synced left it. */
typedef struct version_t {
    uint64_t sector;
    uint32_t number;
    uint8_t bytes[SECTOR];
} version_t;

typedef struct size_change_t {
    uint32_t number;
    uint64_t size;
} size_change_t;

/* A file or a directory. `now`: as a process sees it. `safe`: as it was synced; then what changed since. */
typedef struct inode_t {
    int directory;
    int mapped; /* also written through a map, of which not all is recorded */
    content_t now, safe;
    version_t *versions;
    size_t versions_len, versions_room;
    size_change_t *sizes;
    size_t sizes_len, sizes_room;
} inode_t;

/* A name in a directory. */
typedef struct entry_t {
    uint32_t directory, inode;
    char name[NAME_ROOM];
} entry_t;

typedef struct tree_t {
    entry_t *entries;
    size_t len, room;
} tree_t;

typedef enum move_kind_t { MOVE_ADD, MOVE_REMOVE, MOVE_RENAME } move_kind_t;

/* A change of names that is not synced. */
typedef struct move_t {
    move_kind_t kind;
    uint32_t number;
    entry_t from; /* what is added, removed or renamed */
    entry_t to;   /* of a rename */
    int needed;   /* while a sync is worked out */
} move_t;

struct platter_t {
    inode_t *inodes;
    size_t inodes_len, inodes_room;
    tree_t now, safe;
    move_t *moves;
    size_t moves_len, moves_room;
    uint32_t *handles;
    size_t handles_len, handles_room;
};

/* No memory was given: ends. */
void platter_no_memory(void);
/* Room for one more item in an array. */
void *platter_grow(void *array, size_t len, size_t *room, size_t item);
uint32_t platter_inode(platter_t *platter, int directory);

/* Changes of names, by paths below the root. */
int names_find(const platter_t *platter, const char *path, uint32_t *inode);
void names_add(platter_t *platter, const char *path, uint32_t inode, uint32_t number);
void names_remove(platter_t *platter, const char *path, uint32_t number);
void names_move(platter_t *platter, const char *from, const char *to, uint32_t number);
void names_link(platter_t *platter, const char *from, const char *to, uint32_t number);
/* The fsync of a directory. */
void names_sync(platter_t *platter, uint32_t directory);
/* The names after a power loss; the caller frees its entries. */
tree_t names_after(const platter_t *platter, const fate_t *fate);
/* Puts a name into a tree that is whole. */
void names_put(tree_t *tree, const entry_t *entry);

/* Whether a change stays; of a write, whether this sector of it does. */
int fate_keeps(const fate_t *fate, uint32_t number);
int fate_keeps_sector(const fate_t *fate, uint32_t number, uint64_t sector);

#endif
