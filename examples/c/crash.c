/* Kills the host with SIGKILL, at random instants and at every system call of a small run, starts it again
 * until all is sold and ended, and audits its books after every kill.
 *
 *   crash -H HOST -A AUDIT -l LIBRARY -d DIRECTORY [-r KILLS] [-e EVERY] [-o SMALL]... [-n SEED] SCENARIO...
 *
 * -r: that many kills at random instants, over the scenarios. -e: at every EVERY-th system call of a run over
 * the small ones (1: at each). Every step of the protocol must have been hit: the others are aimed at. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "life.h"
#include "step.h"

#define FAILURES_MAX 5    /* then it is of no use to go on */
#define SHARES_OF_A_RUN 6 /* a random kill falls within this part of a whole run: some kills in each life */
#define AIMS_PER_STEP 25
#define AIM_TURNS 3 /* no two runs are quite alike */

enum { RANDOM, CALL, KINDS };

typedef struct crash_t {
    life_t life;
    unsigned long random_kills, every;
    char *small[LIFE_SCENARIOS_MAX + 1]; /* ended by NULL */
    size_t small_len;
    uint64_t dice;
    unsigned long kills[KINDS][STEP_COUNT];
    unsigned long all, exact, failures;
} crash_t;

/* xorshift64: the same seed kills after the same pauses. */
static uint64_t roll(crash_t *crash) {
    crash->dice ^= crash->dice << 13;
    crash->dice ^= crash->dice >> 7;
    crash->dice ^= crash->dice << 17;
    return crash->dice;
}

static uint64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void pause_for(uint64_t us) {
    struct timespec left = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void show_progress(const char *what, unsigned long done, unsigned long all) {
    int terminal = isatty(STDOUT_FILENO);
    if (!terminal && done % (all / 10 + 1) != 0 && done != all) return;
    printf("%s%s %lu of %lu%s", terminal ? "\r" : "", what, done, all, terminal && done != all ? "" : "\n");
    fflush(stdout);
}

static void count_kill(crash_t *crash, int kind) {
    crash->kills[kind][life_step(&crash->life)]++;
    crash->all++;
}

/* Tells of it, and keeps the node as it is. */
static void failed(crash_t *crash, const char *when, const char *what) {
    char kept[DISK_PATH_MAX + 32];
    snprintf(kept, sizeof kept, "%s.failed-%lu", crash->life.directory, ++crash->failures);
    fprintf(stderr, "\nnot exact: %s, %s; the node is kept in %s\n", when, what, kept);
    life_show_log(&crash->life);
    if (rename(crash->life.directory, kept) != 0) fprintf(stderr, "cannot keep it: %s\n", strerror(errno));
}

/* A whole run that nobody disturbs: how long it takes, in microseconds; 0: it failed. */
static uint64_t undisturbed(crash_t *crash) {
    uint64_t begun = microseconds();
    if (life_begin(&crash->life) != 0 || life_run(&crash->life) != 0 || life_audit_end(&crash->life) != 0) {
        failed(crash, "without any kill", "the run or its books");
        return 0;
    }
    return microseconds() - begun;
}

/* Starts the node and kills it after a while: 1 killed, 0 it came to its end before, -1 it failed. */
static int kill_at_random(crash_t *crash, uint64_t longest) {
    uint64_t pause = roll(crash) % longest;
    int child = life_start(&crash->life, NULL, NULL);
    if (child < 0) return -1;
    pause_for(pause);
    kill(child, SIGKILL);
    int status = child_wait(child);
    return status == LIFE_KILLED ? 1 : status == 0 ? 0 : -1;
}

/* One life of a node: killed again and again, until it comes to its end. Answers whether its books were
 * exact. */
static int random_life(crash_t *crash, uint64_t longest, unsigned long *kills) {
    int killed = 1;
    while (killed == 1) {
        if (crash->all == crash->random_kills) { /* enough: this life ends undisturbed */
            killed = life_run(&crash->life) == 0 ? 0 : -1;
            break;
        }
        killed = kill_at_random(crash, longest);
        if (killed != 1) break;
        count_kill(crash, RANDOM);
        ++*kills;
        show_progress("killed at random:", crash->all, crash->random_kills);
        if (life_settle(&crash->life) != 0) return 0;
    }
    return killed == 0 && life_audit_end(&crash->life) == 0;
}

static int random_kills(crash_t *crash) {
    uint64_t whole = undisturbed(crash);
    if (whole == 0) return -1;
    while (crash->all < crash->random_kills && crash->failures < FAILURES_MAX) {
        unsigned long kills = 0;
        if (life_begin(&crash->life) != 0) return -1;
        if (random_life(crash, whole / SHARES_OF_A_RUN + 1, &kills)) {
            crash->exact += kills;
        } else {
            failed(crash, "killed at random", step_name(life_step(&crash->life)));
        }
    }
    return 0;
}

/* Kills a new node at one system call, and lets the next one end its business. */
static int kill_at_call(crash_t *crash, const call_t *call) {
    char inject[96], when[96];
    snprintf(inject, sizeof inject, "--inject=%s:signal=KILL:when=%u", call->name, call->count);
    snprintf(when, sizeof when, "killed at call %u of %s", call->count, call->name);
    if (life_begin(&crash->life) != 0) return -1;
    int child = life_start(&crash->life, inject, NULL);
    if (child < 0) return -1;
    int status = child_wait(child);
    if (status == CHILD_NOT_FOUND) {
        fprintf(stderr, "strace is missing: apt-get install strace\n");
        return -1;
    }
    int killed = status == LIFE_KILLED;
    if (killed) count_kill(crash, CALL);
    const char *step = step_name(life_step(&crash->life));
    if (!killed && status != 0) {
        failed(crash, when, "the run failed without being killed");
    } else if (killed && life_settle(&crash->life) != 0) {
        failed(crash, when, step);
    } else if (life_run(&crash->life) != 0 || life_audit_end(&crash->life) != 0) {
        failed(crash, when, "afterwards");
    } else if (killed) {
        crash->exact++;
    }
    return 0;
}

/* Lists all system calls of a run over the small scenario. */
static int list_calls(crash_t *crash, calls_t *calls) {
    char list[DISK_PATH_MAX + 8];
    snprintf(list, sizeof list, "%s.calls", crash->life.directory);
    if (life_begin(&crash->life) != 0) return -1;
    int child = life_start(&crash->life, NULL, list);
    int status = child < 0 ? -1 : child_wait(child);
    if (status != 0) {
        fprintf(stderr, status == CHILD_NOT_FOUND ? "strace is missing: apt-get install strace\n"
                                                  : "the run to be listed failed\n");
        life_show_log(&crash->life);
        return -1;
    }
    return calls_read(calls, list);
}

static int kills_at_calls(crash_t *crash, const calls_t *calls) {
    unsigned long points = (calls->len + crash->every - 1) / crash->every, done = 0;
    for (size_t i = 0; i < calls->len && crash->failures < FAILURES_MAX; i += crash->every) {
        if (kill_at_call(crash, &calls->calls[i]) != 0) return -1;
        show_progress("killed at system calls:", ++done, points);
    }
    return 0;
}

static int was_hit(const crash_t *crash, step_t step) {
    return crash->kills[RANDOM][step] + crash->kills[CALL][step] > 0;
}

static int all_hit(const crash_t *crash) {
    for (step_t step = 0; step < STEP_COUNT; step++) {
        if (!was_hit(crash, step)) return 0;
    }
    return 1;
}

/* Steps too short for chance: kills at the calls that the list says are theirs, until one falls there. */
static int aim(crash_t *crash, const calls_t *calls) {
    for (step_t step = 0; step < STEP_COUNT; step++) {
        unsigned aims = 0;
        for (size_t i = 0; i < calls->len; i++) {
            if (was_hit(crash, step) || aims == AIMS_PER_STEP || crash->failures >= FAILURES_MAX) break;
            if (calls->calls[i].step != step) continue;
            if (kill_at_call(crash, &calls->calls[i]) != 0) return -1;
            aims++;
        }
    }
    return 0;
}

/* The kills by system call: every so many, as asked for, then until no step was left out. */
static int call_kills(crash_t *crash) {
    int failed = 0;
    for (int turn = 0; turn < AIM_TURNS && !failed && (turn == 0 || !all_hit(crash)); turn++) {
        calls_t calls;
        if (list_calls(crash, &calls) != 0) return -1;
        if (turn == 0) printf("the small run makes %zu system calls\n", calls.len);
        if (turn == 0 && crash->every > 0) failed = kills_at_calls(crash, &calls) != 0;
        failed = failed || aim(crash, &calls) != 0;
        calls_free(&calls);
    }
    return failed ? -1 : 0;
}

/* The kills of each step; answers how many steps were never hit. */
static unsigned show_table(const crash_t *crash) {
    unsigned never = 0;
    printf("\n%-12s %10s %10s\n", "step", "at random", "by call");
    for (step_t step = 0; step < STEP_COUNT; step++) {
        printf("%-12s %10lu %10lu\n", step_name(step), crash->kills[RANDOM][step], crash->kills[CALL][step]);
        if (!was_hit(crash, step)) never++;
    }
    return never;
}

static int usage(void) {
    fprintf(stderr, "usage: crash -H HOST -A AUDIT -l LIBRARY -d DIRECTORY [-r KILLS] [-e EVERY] "
                    "[-o SMALL]... [-n SEED] SCENARIO...\n");
    return 2;
}

static int read_options(crash_t *crash, int argc, char **argv) {
    int option;
    life_t *life = &crash->life;
    const char *directory = NULL;
    life->seed = "1";
    while ((option = getopt(argc, argv, "H:A:l:d:r:e:o:n:")) != -1) {
        switch (option) {
        case 'H': life->host = optarg; break;
        case 'A': life->audit = optarg; break;
        case 'l': life->library = optarg; break;
        case 'd': directory = optarg; break;
        case 'r': crash->random_kills = strtoul(optarg, NULL, 10); break;
        case 'e': crash->every = strtoul(optarg, NULL, 10); break;
        case 'o':
            if (crash->small_len == LIFE_SCENARIOS_MAX) return -1;
            crash->small[crash->small_len++] = optarg;
            break;
        case 'n': life->seed = optarg; break;
        default: return -1;
        }
    }
    if (life->host == NULL || life->audit == NULL || life->library == NULL || directory == NULL) return -1;
    if (optind == argc || argc - optind > LIFE_SCENARIOS_MAX) return -1;
    for (int i = optind; i < argc; i++) life->scenarios[i - optind] = argv[i];
    if (crash->small_len == 0) crash->small[0] = argv[optind];
    crash->dice = strtoull(life->seed, NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    if (disk_make_directory(directory) != DISK_OK) return -1;
    disk_path(life->directory, directory, "node");
    disk_path(life->log, directory, "log");
    return 0;
}

int main(int argc, char **argv) {
    static crash_t crash;
    if (read_options(&crash, argc, argv) != 0) return usage();
    if (remove(crash.life.log) != 0 && errno != ENOENT) return 1;
    int broken = crash.random_kills > 0 && random_kills(&crash) != 0;
    memcpy(crash.life.scenarios, crash.small, sizeof crash.small);
    broken = broken || call_kills(&crash) != 0;
    if (broken) return 1;
    unsigned never = show_table(&crash);
    if (never > 0) printf("%u steps were never hit\n", never);
    printf("kills=%lu exact=%lu\n", crash.all, crash.exact);
    return never == 0 && crash.failures == 0 && crash.exact == crash.all ? 0 : 1;
}
