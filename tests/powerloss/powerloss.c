/* powerloss.c - lets a host live, takes its power away at any point of what it did to its disk, makes what may then lie
 * there, and has the library open that: what was answered must be there (S3), the books must balance (S1), and nothing
 * may be lost. Some of those images live on and lose their power again, also in the middle of their recovery.
 *
 *   powerloss [-n IMAGES] [-b SEED] [-j WORKERS] [-f] [-x NAME] [-i IMAGE] [-s]
 *
 * -f: the first loss ends it. -i: this image alone, told at length. -x: with syncs that are not done, by name. -s: for
 * each of those names, whether that would be found. Image number n is the same each time for the same seed: run n / 100,
 * generation n / 25 % 4. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "line.h"

#define WORKERS_MAX 64
#define LOST_SHOWN 5
#define SELF_CHECK_IMAGES 120
#define SELF_CHECK_LIVES 8

static const char *const DEAF_NAMES[DEAF_COUNT] = {"nothing", "all", "files", "writes", "directories", "repo"};

static void work(const plan_t *plan) {
    line_t line = line_new(plan);
    if (plan->only != UINT64_MAX) line_live(&line, plan->only / PER_RUN);
    while (plan->only == UINT64_MAX && plan->tally->begun < plan->images && !(plan->first && plan->tally->lost > 0))
        line_live(&line, __atomic_fetch_add(&plan->tally->runs, 1, __ATOMIC_SEQ_CST));
}

/* Does the plan with all its workers. */
static tally_t carry_out(plan_t plan) {
    int failed = 0, status;
    plan.tally = mmap(NULL, sizeof *plan.tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan.tally == MAP_FAILED) {
        perror("shared memory");
        exit(2);
    }
    fflush(NULL);
    for (unsigned i = 0; i < plan.workers; i++) {
        if (fork() == 0) {
            work(&plan);
            exit(0);
        }
    }
    for (unsigned i = 0; i < plan.workers; i++) {
        if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) failed = 1;
    }
    if (failed) {
        printf("a worker failed\n");
        exit(2);
    }
    tally_t tally = *plan.tally;
    munmap(plan.tally, sizeof *plan.tally);
    return tally;
}

/* A life must be the same twice, threads and all; and with syncs that are not done there must be losses, whichever they
 * are. */
static int self_check(plan_t plan) {
    int good = 1;
    line_t line = line_new(&plan);
    for (uint64_t run = 0; run < SELF_CHECK_LIVES; run++) {
        if (line_is_the_same_twice(&line, run)) continue;
        printf("run %" PRIu64 " of seed %" PRIu64 " is not the same twice\n", run, plan.seed);
        good = 0;
    }
    for (plan.deaf = DEAF_ALL; plan.deaf < DEAF_COUNT; plan.deaf++) {
        plan.images = SELF_CHECK_IMAGES;
        plan.shown = 0;
        tally_t tally = carry_out(plan);
        printf("syncs not done: %-12s images=%" PRIu64 " lost=%" PRIu64 "%s\n", DEAF_NAMES[plan.deaf], tally.images,
               tally.lost, tally.lost == 0 ? " NOT FOUND" : "");
        if (tally.lost == 0) good = 0;
    }
    return good ? 0 : 1;
}

static int usage(void) {
    fprintf(stderr, "usage: powerloss [-n IMAGES] [-b SEED] [-j WORKERS] [-f] [-x NAME] [-i IMAGE] [-s]\n");
    return 2;
}

int main(int argc, char **argv) {
    plan_t plan = {.images = 1000, .seed = 1, .only = UINT64_MAX, .shown = LOST_SHOWN, .workers = 1};
    int option, check = 0;
    while ((option = getopt(argc, argv, "n:b:j:fx:i:s")) != -1) {
        switch (option) {
        case 'n': plan.images = strtoull(optarg, NULL, 10); break;
        case 'b': plan.seed = strtoull(optarg, NULL, 10); break;
        case 'j': plan.workers = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'i':
            plan.only = strtoull(optarg, NULL, 10);
            plan.workers = 1;
            break;
        case 'f': plan.first = 1; break;
        case 's': check = 1; break;
        case 'x':
            for (plan.deaf = DEAF_ALL; plan.deaf < DEAF_COUNT && strcmp(DEAF_NAMES[plan.deaf], optarg) != 0;)
                plan.deaf++;
            if (plan.deaf == DEAF_COUNT) return usage();
            break;
        default: return usage();
        }
    }
    if (optind != argc || plan.workers == 0 || plan.workers > WORKERS_MAX) return usage();
    if (check) return self_check(plan);
    printf("powerloss: seed %" PRIu64 "; one image again: powerloss -b %" PRIu64 " -i IMAGE\n", plan.seed, plan.seed);
    tally_t tally = carry_out(plan);
    printf("the power failed while a store was made %" PRIu64 " times, in a reset %" PRIu64 ", in a recovery %" PRIu64
           ", after a failed meta write %" PRIu64 ", with a map that had grown %" PRIu64 "\n",
           tally.new_store, tally.resetting, tally.recovering, tally.broken, tally.grown);
    printf("images=%" PRIu64 " lost=%" PRIu64 "\n", tally.images, tally.lost);
    return tally.lost == 0 ? 0 : 1;
}
