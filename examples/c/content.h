/* The content of slots: real files, copied into the repo block by block, each block hashed; a few blocks a
 * second, so that a download is long enough to be watched, cancelled and killed. */
#ifndef EXAMPLE_CONTENT_H
#define EXAMPLE_CONTENT_H

#include <sales.h>

#include "disk.h"
#include "repo.h"
#include "sha256.h"

#define CONTENT_BLOCK 4096
#define CONTENT_BLOCKS_PER_SECOND 6
#define CONTENT_DOWNLOADS_MAX 16

/* One content.store that has not ended. */
typedef struct download_t {
    uint64_t token; /* 0: this place is free */
    sales_id_t slot_id;
    sales_id_t request_id;
    uint64_t index;
    uint64_t size;
    uint64_t landed;
    sha256_t hash; /* of the hashes of the blocks that landed */
} download_t;

typedef struct content_t {
    sales_t sales;
    repo_t *repo;
    const uint64_t *now;         /* the chain's clock */
    char network[DISK_PATH_MAX]; /* where clients publish what they want stored */
    download_t downloads[CONTENT_DOWNLOADS_MAX];
} content_t;

/* `network` is a directory where the files to download lie; it is made where it is missing. */
int content_open(content_t *content, const char *network, repo_t *repo, const uint64_t *now);

/* The table for sales_register_content. */
sales_content_t content_table(content_t *content);

/* One second of downloading. -1 where the library refused what it was told. */
int content_step(content_t *content);

/* When content_step has something to do: UINT64_MAX: never. */
uint64_t content_next(const content_t *content);

/* The hash over all of a slot's blocks, begun with `salt`: it stands for a proof. -1 where the content is not
 * whole. */
int content_prove(content_t *content, const sales_id_t *slot_id, uint64_t size,
                  const uint8_t salt[SHA256_SIZE], uint8_t proof[SHA256_SIZE]);

#endif
