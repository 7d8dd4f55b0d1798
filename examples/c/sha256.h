/* SHA-256 (FIPS 180-4), for the hashes of content blocks. */
#ifndef EXAMPLE_SHA256_H
#define EXAMPLE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

typedef struct sha256_t {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
} sha256_t;

void sha256_begin(sha256_t *hash);
void sha256_add(sha256_t *hash, const void *data, size_t len);
void sha256_end(sha256_t *hash, uint8_t out[SHA256_SIZE]);
void sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);

#endif
