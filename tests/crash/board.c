/* board.c - the mapped file. */
#define _POSIX_C_SOURCE 200809L
#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"

board_t *board;

int board_map(const char *directory) {
    char path[DISK_PATH_MAX];
    disk_path(path, directory, "board");
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *place = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place == MAP_FAILED) {
        fprintf(stderr, "cannot map %s: %s\n", path, strerror(errno));
        return -1;
    }
    board = place;
    return close(file);
}

uint64_t board_moment(void) {
    return atomic_fetch_add(&board->clock, 1);
}

void board_phase(phase_t from, phase_t to) {
    uint32_t expected = from;
    atomic_compare_exchange_strong(&board->phase, &expected, to);
}
