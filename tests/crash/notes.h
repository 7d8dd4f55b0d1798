/* notes.h - what was asked and what was answered, noted outside of the library before and after each call: what the
 * auditor holds against the store. A note is in the file when this returns, whoever is killed after. */
#ifndef CRASH_NOTES_H
#define CRASH_NOTES_H

#include <stdint.h>

#include <sales.h>

#include "board.h"

typedef struct note_t {
    uint64_t moment;
    uint32_t life;
    uint16_t thread;
    uint8_t answered; /* 0: asked; 1: answered */
    uint8_t call;
    uint64_t subject, amount;
    int32_t status;
    uint32_t reserved;
    uint8_t offer[24]; /* the first bytes of its id */
} note_t;

_Static_assert(sizeof(note_t) == 64, "judge.py knows the layout");

int notes_open(const char *directory);

/* Asks: noted before the call. Answers the note to be ended. */
note_t notes_ask(unsigned thread, call_t call, uint64_t subject, uint64_t amount);

/* Notes the answer. */
void notes_answer(note_t *note, sales_status_t status);

#endif
