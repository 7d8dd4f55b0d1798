/* dice.h - random numbers that are the same for the same seed. */
#ifndef DICE_H
#define DICE_H

#include <stdint.h>

typedef struct dice_t {
    uint64_t state;
} dice_t;

/* splitmix64: as good for a hash of a number as for a row of them. */
static inline uint64_t dice_mix(uint64_t number) {
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

/* The dice number `which` of a seed. */
static inline dice_t dice_of(uint64_t seed, uint64_t which) {
    return (dice_t){dice_mix(dice_mix(seed) ^ which)};
}

static inline uint64_t dice_roll(dice_t *dice) {
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    return dice_mix(dice->state);
}

static inline uint64_t dice_below(dice_t *dice, uint64_t limit) {
    return dice_roll(dice) % limit;
}

#endif
