/* notes.c - appends notes, each with one write. */
#define _POSIX_C_SOURCE 200809L
#include "notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

static int file = -1;

int notes_open(const char *directory) {
    char path[DISK_PATH_MAX];
    disk_path(path, directory, "notes");
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
    return file < 0 ? -1 : 0;
}

static void append(const note_t *note) {
    if (write(file, note, sizeof *note) == (ssize_t)sizeof *note) return;
    fprintf(stderr, "cannot note: %s\n", strerror(errno));
    abort();
}

note_t notes_ask(unsigned thread, call_t call, uint64_t subject, uint64_t amount) {
    note_t note = {.life = atomic_load(&board->life), .thread = (uint16_t)thread, .call = (uint8_t)call};
    note.subject = subject;
    note.amount = amount;
    note.moment = board_moment();
    append(&note);
    atomic_store(&board->threads[thread].call, call);
    return note;
}

void notes_answer(note_t *note, sales_status_t status) {
    note->answered = 1;
    note->status = status;
    note->moment = board_moment();
    append(note);
    atomic_store(&board->threads[note->thread].call, CALL_NONE);
}
