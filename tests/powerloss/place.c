/* place.c - directories for lives and images. */
#define _GNU_SOURCE
#include "place.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "disk.h"

#define ROOM (UINT64_C(1) << 30) /* a container may have little of it */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static void clear(const char *path) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return;
    perror(path);
    exit(2);
}

static place_t begun;

static void end(void) {
    clear(begun.directory);
}

void place_begin(place_t *place) {
    struct statvfs room;
    const char *other = getenv("TMPDIR");
    int memory = statvfs("/dev/shm", &room) == 0 && room.f_bavail >= ROOM / room.f_frsize;
    const char *in = memory ? "/dev/shm" : other != NULL ? other : "/tmp";
    snprintf(place->directory, sizeof place->directory, "%s/powerloss-XXXXXX", in);
    if (mkdtemp(place->directory) == NULL) {
        perror(in);
        exit(2);
    }
    begun = *place;
    atexit(end);
}

void place_of_life(const place_t *place, unsigned generation, char path[PLACE_PATH_MAX]) {
    snprintf(path, PLACE_PATH_MAX, "%s/%u", place->directory, generation);
}

void place_fresh(const place_t *place, unsigned generation, char path[PLACE_PATH_MAX]) {
    place_of_life(place, generation, path);
    clear(path);
    if (mkdir(path, 0700) == 0) return;
    perror(path);
    exit(2);
}

void place_lose_store(const char *root, int all) {
    char path[PLACE_PATH_MAX];
    snprintf(path, sizeof path, "%s/store%s", root, all ? "" : "/data.mdb");
    clear(path);
}

uint64_t place_reserved(const char *root) {
    char path[DISK_PATH_MAX], text[256];
    uint64_t reserved = 0;
    disk_path(path, root, "repo");
    if (disk_read(path, "total", text, sizeof text) != DISK_OK || sscanf(text, "reserved %" SCNu64, &reserved) != 1)
        return 0; /* should it be damaged, the host will find that */
    return reserved;
}
