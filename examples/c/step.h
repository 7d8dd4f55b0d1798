/* Which step of the protocol the node is in, kept in a small file: its killer can tell where it was. */
#ifndef EXAMPLE_STEP_H
#define EXAMPLE_STEP_H

/* In the order in which a slot meets them. */
#define STEPS(X)                \
    X(OPENING, "opening")       \
    X(RECOVERING, "recovering") \
    X(PLAYING, "playing")       \
    X(RECORDING, "recording")   \
    X(RESERVING, "reserving")   \
    X(STORING, "storing")       \
    X(CONSUMING, "consuming")   \
    X(PROVING, "proving")       \
    X(FILLING, "filling")       \
    X(ENDED, "ended")           \
    X(CLEARING, "clearing")     \
    X(RELEASING, "releasing")   \
    X(CLOSING, "closing")

typedef enum step_t {
#define X(id, name) STEP_##id,
    STEPS(X)
#undef X
        STEP_COUNT
} step_t;

/* The file's whole text: the name behind this mark, padded to STEP_LENGTH, ended by a line end. */
#define STEP_MARK "step: "
#define STEP_LENGTH 18
#define STEP_FILE "step"

const char *step_name(step_t step);

/* The step that `text` (the file, or a line of a system call list) names; STEP_COUNT: none. */
step_t step_in(const char *text);

/* From now on the step is written to `directory`/step. -1 where the file cannot be made. */
int step_begin(const char *directory);
void step_end(void);

/* Enters a step; answers the one that it interrupts, to be entered again afterwards. */
step_t step_enter(step_t step);

step_t step_now(void);

#endif
