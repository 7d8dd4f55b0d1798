/* names.c - the names in directories: as they are, as they are safe, and what a power loss may leave of the changes
 * between. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platters.h"

static void bad_log(const char *what, const char *path) {
    fprintf(stderr, "the log does not fit the files: %s %s\n", what, path);
    exit(2);
}

static entry_t *find(const tree_t *tree, uint32_t directory, const char *name) {
    for (size_t i = 0; i < tree->len; i++) {
        if (tree->entries[i].directory == directory && strcmp(tree->entries[i].name, name) == 0)
            return &tree->entries[i];
    }
    return NULL;
}

static void drop(tree_t *tree, entry_t *entry) {
    *entry = tree->entries[--tree->len];
}

void names_put(tree_t *tree, const entry_t *entry) {
    entry_t *old = find(tree, entry->directory, entry->name);
    if (old != NULL) {
        old->inode = entry->inode;
        return;
    }
    tree->entries = platter_grow(tree->entries, tree->len, &tree->room, sizeof(entry_t));
    tree->entries[tree->len++] = *entry;
}

/* The directory and the name that a path means now; whether there is such a directory. `inode` is left as it is. */
static int resolve(const tree_t *tree, const char *path, entry_t *out) {
    out->directory = 0;
    for (;;) {
        size_t len = strcspn(path, "/");
        if (len >= NAME_ROOM) bad_log("a long name", path);
        memcpy(out->name, path, len);
        out->name[len] = 0;
        if (path[len] == 0) return 1;
        const entry_t *entry = find(tree, out->directory, out->name);
        if (entry == NULL) return 0;
        out->directory = entry->inode;
        path += len + 1;
    }
}

int names_find(const platter_t *platter, const char *path, uint32_t *inode) {
    entry_t place = {0};
    if (path[0] == 0) {
        *inode = 0;
        return 1;
    }
    if (!resolve(&platter->now, path, &place)) return 0;
    const entry_t *entry = find(&platter->now, place.directory, place.name);
    if (entry != NULL) *inode = entry->inode;
    return entry != NULL;
}

static void note(platter_t *platter, move_t move) {
    platter->moves = platter_grow(platter->moves, platter->moves_len, &platter->moves_room, sizeof(move_t));
    platter->moves[platter->moves_len++] = move;
}

static entry_t place_of(const platter_t *platter, const char *path) {
    entry_t place = {0};
    if (!resolve(&platter->now, path, &place)) bad_log("no directory for", path);
    return place;
}

static entry_t entry_of(const platter_t *platter, const char *path) {
    entry_t place = place_of(platter, path);
    const entry_t *entry = find(&platter->now, place.directory, place.name);
    if (entry == NULL) bad_log("nothing is", path);
    return *entry;
}

void names_add(platter_t *platter, const char *path, uint32_t inode, uint32_t number) {
    entry_t entry = place_of(platter, path);
    entry.inode = inode;
    names_put(&platter->now, &entry);
    note(platter, (move_t){.kind = MOVE_ADD, .number = number, .from = entry});
}

void names_remove(platter_t *platter, const char *path, uint32_t number) {
    entry_t entry = entry_of(platter, path);
    drop(&platter->now, find(&platter->now, entry.directory, entry.name));
    note(platter, (move_t){.kind = MOVE_REMOVE, .number = number, .from = entry});
}

void names_move(platter_t *platter, const char *from, const char *to, uint32_t number) {
    entry_t entry = entry_of(platter, from), target = place_of(platter, to);
    target.inode = entry.inode;
    drop(&platter->now, find(&platter->now, entry.directory, entry.name));
    names_put(&platter->now, &target);
    note(platter, (move_t){.kind = MOVE_RENAME, .number = number, .from = entry, .to = target});
}

void names_link(platter_t *platter, const char *from, const char *to, uint32_t number) {
    names_add(platter, to, entry_of(platter, from).inode, number);
}

/* Does a change to a tree, where what it rests on is there: the name that it takes away stands for the same file, and a
 * directory that it removes is empty. */
static void apply(const platter_t *platter, tree_t *tree, const move_t *move) {
    const entry_t *from = &move->from;
    if (move->kind == MOVE_ADD) {
        names_put(tree, from);
        return;
    }
    entry_t *old = find(tree, from->directory, from->name);
    if (old == NULL || old->inode != from->inode) return;
    if (move->kind == MOVE_REMOVE && platter->inodes[from->inode].directory) {
        for (size_t i = 0; i < tree->len; i++) {
            if (tree->entries[i].directory == from->inode) return;
        }
    }
    drop(tree, old);
    if (move->kind == MOVE_RENAME) names_put(tree, &move->to);
}

static int same_name(const entry_t *a, const entry_t *b) {
    return a->directory == b->directory && strcmp(a->name, b->name) == 0;
}

/* Whether `later` rests on `earlier`: it changes the same name, or removes the directory that is changed. */
static int rests_on(const move_t *later, const move_t *earlier) {
    const entry_t *l[2] = {&later->from, &later->to}, *e[2] = {&earlier->from, &earlier->to};
    for (int i = 0; i < (later->kind == MOVE_RENAME ? 2 : 1); i++) {
        for (int j = 0; j < (earlier->kind == MOVE_RENAME ? 2 : 1); j++) {
            if (same_name(l[i], e[j])) return 1;
            if (later->kind == MOVE_REMOVE && later->from.inode == e[j]->directory) return 1;
        }
    }
    return 0;
}

static int changes(const move_t *move, uint32_t directory) {
    return move->from.directory == directory || (move->kind == MOVE_RENAME && move->to.directory == directory);
}

void names_sync(platter_t *platter, uint32_t directory) {
    size_t left = 0;
    for (size_t i = platter->moves_len; i-- > 0;) {
        move_t *move = &platter->moves[i];
        move->needed = changes(move, directory);
        for (size_t j = i + 1; j < platter->moves_len && !move->needed; j++)
            move->needed = platter->moves[j].needed && rests_on(&platter->moves[j], move);
    }
    for (size_t i = 0; i < platter->moves_len; i++) {
        if (platter->moves[i].needed) apply(platter, &platter->safe, &platter->moves[i]);
        else platter->moves[left++] = platter->moves[i];
    }
    platter->moves_len = left;
}

uint32_t platter_unsynced_name(const platter_t *platter, uint64_t which) {
    return platter->moves_len == 0 ? 0 : platter->moves[which % platter->moves_len].number;
}

tree_t names_after(const platter_t *platter, const fate_t *fate) {
    tree_t tree = {0};
    for (size_t i = 0; i < platter->safe.len; i++) names_put(&tree, &platter->safe.entries[i]);
    for (size_t i = 0; i < platter->moves_len; i++) {
        if (fate_keeps(fate, platter->moves[i].number)) apply(platter, &tree, &platter->moves[i]);
    }
    return tree;
}
