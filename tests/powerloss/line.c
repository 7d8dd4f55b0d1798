/* line.c - lives, the points at which their power fails, and what is found afterwards. */
#define _GNU_SOURCE
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "life.h"
#include "platter.h"

#define LOG_BYTES (UINT64_C(256) << 20)
#define LIFE_CPU_S 15 /* then it turns in a circle, */
#define LIFE_S 300    /* or waits for something that never comes */
#define LARGE_RUNS 10 /* in one of so many runs the store grows */
#define SIGHTS_MAX 64
#define OPENING 45 /* records of the making of a store, more or less; */
#define KILL_BEFORE 1500
#define SAVING 12  /* after a failed meta write; */
#define NAMING 2   /* after a change of a name; */
#define GROWING 60 /* before and after the map of the store has grown */
#define FIRST_MAP (UINT64_C(16) << 20)
#define SAID_SIZE 1024
static char *said;

void lost(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vsnprintf(said, SAID_SIZE, format, rest);
    va_end(rest);
    _exit(1);
}

/* What a child does with a disk: opens it, looks, and either lives on (recorded) or ends all that is open. */
static void act(const line_t *line, const char *root, const facts_t *facts, uint64_t seed, record_log_t *log) {
    dice_t end = dice_of(seed, 400);
    dice_t dice = dice_of(seed, 300);
    int quiet = line->plan->deaf != DEAF_NOT ? open("/dev/null", O_WRONLY) : -1;
    if (quiet >= 0) dup2(quiet, STDERR_FILENO);
    setrlimit(RLIMIT_CPU, &(struct rlimit){LIFE_CPU_S, LIFE_CPU_S});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(LIFE_S);
    recorder_begin(log, root, line->plan->deaf, 1000 + (int)(seed % 30000), seed);
    if (log != NULL && log->count == 0 && dice_below(&end, 3) == 0)
        recorder_kill_at(1 + dice_below(&end, dice_below(&end, 2) == 0 ? OPENING : KILL_BEFORE));
    host.facts = *facts;
    uint32_t flags = facts->reset || dice_below(&dice, 8) == 0 ? SALES_OPEN_RESET : 0;
    if (dice_below(&dice, 3) == 0) flags |= SALES_OPEN_VERIFY;
    host_open(root, seed, flags);
    check_all();
    if (log != NULL) {
        if (line->run % LARGE_RUNS == 3 && seed == line->seed) life_grow();
        life_live(root, seed);
    } else if (host.facts.large_may == 0 && dice_below(&dice, 2) == 0) {
        check_end();
        if (dice_below(&dice, 2) == 0) host_close();
    }
    _exit(0);
}

/* The exit status; what did not go well is in `said`. */
static int act_in_child(const line_t *line, const char *root, const facts_t *facts, uint64_t seed, record_log_t *log) {
    int status;
    said[0] = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) act(line, root, facts, seed, log);
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status)) snprintf(said, SAID_SIZE, "killed by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0 && said[0] == 0) snprintf(said, SAID_SIZE, "ended with %d", WEXITSTATUS(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A life that is recorded, whether it went well. Now and then the process is killed, and another goes on with what it
 * finds, which is not on the disk yet. */
static int live(const line_t *line, const char *root, const facts_t *facts, uint64_t seed, record_log_t *log) {
    record_log_clear(log);
    int status = act_in_child(line, root, facts, seed, log);
    if (status != RECORDER_KILLED) return status == 0;
    facts_t known = *facts;
    for (const record_t *record = record_next(log, NULL); record; record = record_next(log, record)) {
        if (record->kind == RECORD_NOTE) facts_take(&known, record_bytes(record));
    }
    return act_in_child(line, root, &known, dice_mix(seed), log) == 0;
}

/* A point of a log at which the power fails. */
typedef struct point_t {
    uint32_t at;
    int names; /* it was chosen because names change there */
} point_t;

static fate_t fate_of(dice_t *dice, point_t where, const platter_t *platter) {
    fate_t fate = {.seed = dice_roll(dice), .cut = UINT32_MAX};
    uint32_t point = where.at;
    if (where.names && dice_below(dice, 2) == 0) { /* the newer names without the older */
        fate.kept = 256;
        fate.from = platter_unsynced_name(platter, dice_roll(dice)) + 1;
        return fate;
    }
    switch (dice_below(dice, 8)) {
    case 0: break; /* nothing that was not synced is there */
    case 1: fate.kept = 256; break;
    case 2: fate.kept = 128; break;
    case 3: fate.torn = 256; break;
    case 4:
        fate.kept = 256, fate.torn = 64;
        fate.cut = point - (uint32_t)dice_below(dice, point < 60 ? point + 1 : 60);
        break;
    case 5:
        fate.kept = 256;
        fate.from = point - (uint32_t)dice_below(dice, point < 10 ? point + 1 : 10);
        break;
    case 6: fate.kept = 240, fate.torn = 16; break;
    default: fate.kept = 16, fate.torn = 16; break;
    }
    return fate;
}

static int ascending(const void *a, const void *b) {
    const point_t *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->names - y->names;
}

/* What a log has to offer. */
typedef struct sights_t {
    uint32_t recovered; /* the first start is over */
    uint32_t grown;     /* the map of the store has grown; 0: it has not */
    uint32_t faults[SIGHTS_MAX], faults_len;
    uint32_t names[SIGHTS_MAX], names_len; /* changes of names in the store */
} sights_t;

static int changes_names(const record_t *record) {
    int named = record->kind >= RECORD_MKDIR && record->kind <= RECORD_LINK;
    return named && strncmp(record_bytes(record), "store", 5) == 0;
}

static int beyond_first_map(const record_t *record) {
    return record->kind == RECORD_WRITE && record->at >= FIRST_MAP;
}

static sights_t sights_of(const record_log_t *log) {
    sights_t sights = {0};
    uint32_t number = 0;
    for (const record_t *record = record_next(log, NULL); record; record = record_next(log, record), number++) {
        const note_t *note = record_bytes(record);
        if (record->kind == RECORD_NOTE && note->kind == NOTE_RECOVERED && sights.recovered == 0)
            sights.recovered = number;
        if (beyond_first_map(record) && sights.grown == 0) sights.grown = number;
        if (record->kind == RECORD_FAULT && sights.faults_len < SIGHTS_MAX)
            sights.faults[sights.faults_len++] = number;
        if (changes_names(record) && sights.names_len < SIGHTS_MAX) sights.names[sights.names_len++] = number;
    }
    return sights;
}

/* Where the power fails: anywhere, or where it is rare and matters: in the opening, in the rest of the first recovery,
 * where the map grows, while a commit is saved whose meta page could not be written, where names change. */
static void choose_points(const record_log_t *log, dice_t *dice, point_t points[PER_GENERATION]) {
    const sights_t sights = sights_of(log);
    for (unsigned k = 0; k < PER_GENERATION; k++) {
        uint64_t where = dice_below(dice, 12), from = 0, len = log->count;
        if (where == 0) len = OPENING;
        if (where == 1 || where == 2) len = sights.recovered;
        if (where == 3 && sights.grown > 0) from = sights.grown - GROWING, len = 2 * GROWING;
        if ((where == 4 || where == 5) && sights.faults_len > 0)
            from = sights.faults[dice_below(dice, sights.faults_len)], len = SAVING;
        int names = (where == 6 || where == 7) && sights.names_len > 0;
        if (names) from = sights.names[dice_below(dice, sights.names_len)] + 1, len = NAMING;
        if (from + len > log->count) len = log->count - from;
        points[k] = (point_t){.at = (uint32_t)(from + dice_below(dice, len + 1)), .names = names};
    }
    qsort(points, PER_GENERATION, sizeof points[0], ascending);
}

typedef enum wanted_t { SKIPPED, OPENED, ENOUGH } wanted_t;

/* Which images of a run are opened: as many as are wanted, or the one asked for and those it comes from. */
static wanted_t wanted(const line_t *line, uint64_t number, int lives_on) {
    const plan_t *plan = line->plan;
    if (plan->first && plan->tally->lost > 0) return ENOUGH;
    if (plan->only == UINT64_MAX)
        return __atomic_fetch_add(&plan->tally->begun, 1, __ATOMIC_SEQ_CST) < plan->images ? OPENED : ENOUGH;
    if (number > plan->only) return ENOUGH;
    return number == plan->only || lives_on ? OPENED : SKIPPED;
}

static void tell_at_length(uint64_t number, const fate_t *fate, const platter_t *platter, const record_log_t *log,
                           uint32_t point) {
    uint32_t at = 0;
    printf("image %" PRIu64 ": the power fails at record %u of %" PRIu64 ", %u changes are not synced; kept %u/256, "
           "torn %u/256, before %u and from %u on lost\n",
           number, point, log->count, platter_unsynced(platter), fate->kept, fate->torn, fate->from, fate->cut);
    for (const record_t *record = record_next(log, NULL); record && at < point;
         record = record_next(log, record), at++) {
        if (record->kind == RECORD_NOTE) {
            printf("%6u ", at);
            note_print(record_bytes(record));
        } else {
            record_print(record, at);
        }
    }
}

static void add(uint64_t *number, int amount) {
    __atomic_add_fetch(number, (uint64_t)amount, __ATOMIC_SEQ_CST);
}

/* In what the power failed. */
typedef struct moment_t {
    int recovering; /* a start, before the host has looked at everything */
    int broken;     /* a commit whose meta page could not be written */
    int grown;      /* the map of the store had grown */
} moment_t;

/* What a record says of the moment. */
static void watch(moment_t *moment, const record_t *record) {
    const note_t *note = record_bytes(record);
    if (record->kind == RECORD_FAULT) moment->broken = 1;
    if (beyond_first_map(record)) moment->grown = 1;
    if (record->kind != RECORD_NOTE) return;
    moment->broken = 0;
    if (note->kind == NOTE_STARTING) moment->recovering = 1;
    if (note->kind == NOTE_RECOVERED) moment->recovering = 0;
}

static void count_image(const line_t *line, uint64_t number, const facts_t *facts, moment_t moment, int good) {
    tally_t *tally = line->plan->tally;
    if (line->plan->only != UINT64_MAX && number != line->plan->only) return;
    add(&tally->images, 1);
    add(&tally->new_store, facts->store != YES && !facts->reset);
    add(&tally->resetting, facts->reset);
    add(&tally->recovering, moment.recovering);
    add(&tally->broken, moment.broken);
    add(&tally->grown, moment.grown);
    if (good) return;
    add(&tally->lost, 1);
    if (__atomic_add_fetch(&tally->told, 1, __ATOMIC_SEQ_CST) <= line->plan->shown)
        printf("image %" PRIu64 " of seed %" PRIu64 " is lost: %s\n", number, line->plan->seed, said);
}

/* Now and then the operator loses the store of a disk that lives on, and begins anew with a reset. */
static void lose_store(const char *root, facts_t *facts, dice_t *dice) {
    if (dice_below(dice, 6) != 0 || facts->reset) return;
    place_lose_store(root, (int)dice_below(dice, 2));
    facts_lose_store(facts, place_reserved(root));
}

/* The images of one generation, in the order of their points. Whether the line goes on: `platter`, `facts` and the
 * other log are then those of the next generation. */
static int generation(line_t *line, unsigned g, platter_t **platter, facts_t *facts) {
    record_log_t *log = line->logs[g % 2], *next_log = line->logs[(g + 1) % 2];
    dice_t dice = dice_of(line->seed, 1000 + g);
    point_t points[PER_GENERATION];
    uint32_t at = 0;
    choose_points(log, &dice, points);
    unsigned heir = (unsigned)dice_below(&dice, PER_GENERATION);
    platter_t *next = NULL;
    facts_t next_facts = *facts;
    moment_t moment = {0};
    const record_t *record = record_next(log, NULL);
    platter_begin(*platter);
    for (unsigned k = 0; k < PER_GENERATION; k++) {
        uint64_t number = line->run * PER_RUN + g * PER_GENERATION + k;
        for (; at < points[k].at; at++, record = record_next(log, record)) {
            platter_do(*platter, record, at, 0);
            if (record->kind == RECORD_NOTE) facts_take(facts, record_bytes(record));
            watch(&moment, record);
        }
        fate_t fate = fate_of(&dice, points[k], *platter);
        /* In the middle of a write, of which nothing is sure yet. */
        if (dice_below(&dice, 2) == 0 && record != NULL && record->kind == RECORD_WRITE)
            platter_do(*platter, record, at, 1);
        wanted_t want = wanted(line, number, k == heir);
        if (want == SKIPPED) continue;
        if (want == ENOUGH) {
            if (next != NULL) platter_free(next);
            return 0;
        }
        if (number == line->plan->only) tell_at_length(number, &fate, *platter, log, at);
        char root[PLACE_PATH_MAX];
        facts_t known = *facts;
        place_fresh(&line->place, k == heir ? g + 1 : PLACE_IMAGE, root);
        platter_image(*platter, &fate, root);
        if (k == heir) {
            dice_t luck = dice_of(line->seed, 2000 + g);
            lose_store(root, &known, &luck);
            next = platter_load(root);
            next_facts = known;
        }
        uint64_t seed = dice_mix(line->seed ^ number);
        int good = k == heir ? live(line, root, &known, seed, next_log)
                             : act_in_child(line, root, &known, seed, NULL) == 0;
        count_image(line, number, &known, moment, good);
        if (k == heir && !good) {
            platter_free(next);
            return 0;
        }
    }
    for (; record != NULL; at++, record = record_next(log, record)) platter_do(*platter, record, at, 0);
    char life[PLACE_PATH_MAX], what[SAID_SIZE];
    place_of_life(&line->place, g, life);
    if (platter_differs(*platter, life, what, sizeof what)) {
        fprintf(stderr, "the recorder missed something in run %" PRIu64 ", generation %u: %s\n", line->run, g, what);
        exit(2);
    }
    platter_free(*platter);
    *platter = next;
    *facts = next_facts;
    return next != NULL;
}

line_t line_new(const plan_t *plan) {
    line_t line = {.plan = plan};
    place_begin(&line.place);
    for (int i = 0; i < 2; i++) line.logs[i] = record_log_new(LOG_BYTES);
    said = mmap(NULL, SAID_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (said == MAP_FAILED) {
        perror("shared memory");
        exit(2);
    }
    return line;
}

/* The life from which all of a run's come: it begins with nothing. */
static void first_life(line_t *line, uint64_t run, record_log_t *log) {
    char root[PLACE_PATH_MAX];
    facts_t facts = facts_new();
    line->run = run;
    line->seed = dice_mix(line->plan->seed ^ dice_mix(run));
    place_fresh(&line->place, 0, root);
    if (live(line, root, &facts, line->seed, log)) return;
    fprintf(stderr, "run %" PRIu64 " of seed %" PRIu64 " failed before any power loss: %s\n", run, line->plan->seed,
            said);
    exit(2);
}

void line_live(line_t *line, uint64_t run) {
    facts_t facts = facts_new();
    platter_t *platter = platter_new();
    int good = 1;
    first_life(line, run, line->logs[0]);
    for (unsigned g = 0; g < GENERATIONS && good; g++) good = generation(line, g, &platter, &facts);
    if (platter != NULL) platter_free(platter);
}

int line_is_the_same_twice(line_t *line, uint64_t run) {
    for (int i = 0; i < 2; i++) first_life(line, run, line->logs[i]);
    const record_t *a = record_next(line->logs[0], NULL), *b = record_next(line->logs[1], NULL);
    while (a != NULL && b != NULL) {
        /* LMDB's locks have addresses in them. */
        int mapped = a->kind == RECORD_WRITE && (a->flags & RECORD_MAPPED);
        if (memcmp(a, b, sizeof *a) != 0) return 0;
        if (!mapped && memcmp(record_bytes(a), record_bytes(b), a->len) != 0) return 0;
        a = record_next(line->logs[0], a);
        b = record_next(line->logs[1], b);
    }
    return a == b;
}
