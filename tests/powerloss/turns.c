/* turns.c - threads that take turns. */
#define _GNU_SOURCE
#include "turns.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "dice.h"

typedef struct thread_t {
    pthread_t thread;
    sem_t turn;
    const void *waits; /* NULL: it can go on */
    int over;
} thread_t;

static thread_t threads[TURNS_MAX];
static unsigned threads_len;
static sem_t all_over;
static dice_t dice;
static void (*work)(unsigned);
static __thread int me = -1;

int turns_taken(void) {
    return me >= 0;
}

/* One of those that can go on; -1: none can. */
static int any(void) {
    unsigned first = (unsigned)dice_below(&dice, threads_len);
    for (unsigned i = 0; i < threads_len; i++) {
        unsigned at = (first + i) % threads_len;
        if (!threads[at].over && threads[at].waits == NULL) return (int)at;
    }
    return -1;
}

static void wait_turn(void) {
    while (sem_wait(&threads[me].turn) != 0) continue; /* a signal */
}

static void hand_over(int next) {
    if (next == me) return;
    sem_post(&threads[next].turn);
    wait_turn();
}

void turns_point(void) {
    if (me >= 0 && dice_below(&dice, 3) == 0) hand_over(any());
}

static void stuck(void) {
    fprintf(stderr, "every thread waits for another\n");
    abort();
}

void turns_wait(const void *place) {
    if (me < 0) return;
    threads[me].waits = place;
    int next = any();
    if (next < 0) stuck();
    hand_over(next);
}

unsigned turns_wake(const void *place, unsigned count) {
    unsigned woken = 0;
    for (unsigned i = 0; i < threads_len && woken < count; i++) {
        if (threads[i].waits != place) continue;
        threads[i].waits = NULL;
        woken++;
    }
    return woken;
}

static void *run(void *number) {
    me = (int)(uintptr_t)number;
    wait_turn();
    work((unsigned)me);
    threads[me].over = 1;
    int next = any();
    unsigned over = 0;
    for (unsigned i = 0; i < threads_len; i++) over += (unsigned)threads[i].over;
    if (next >= 0) sem_post(&threads[next].turn);
    else if (over < threads_len) stuck();
    else sem_post(&all_over);
    me = -1;
    return NULL;
}

void turns_run(unsigned count, uint64_t seed, void (*body)(unsigned thread)) {
    dice = dice_of(seed, 0);
    work = body;
    threads_len = count;
    sem_init(&all_over, 0, 0);
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (thread_t){.over = 0};
        sem_init(&threads[i].turn, 0, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i].thread, NULL, run, (void *)(uintptr_t)i) != 0) abort();
    }
    sem_post(&threads[any()].turn);
    while (sem_wait(&all_over) != 0) continue;
    for (unsigned i = 0; i < count; i++) pthread_join(threads[i].thread, NULL);
}
