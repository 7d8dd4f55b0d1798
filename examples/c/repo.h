/* The repo: a directory with a quota. Its total of reserved bytes lies in one file, replaced durably. */
#ifndef EXAMPLE_REPO_H
#define EXAMPLE_REPO_H

#include <sales.h>

#include "disk.h"

typedef struct repo_t {
    char directory[DISK_PATH_MAX];
    char content[DISK_PATH_MAX]; /* where the files lie */
    uint64_t quota;
    uint64_t reserved; /* for the sales module, as the file has it */
    uint64_t used;     /* bytes of the files */
    uint8_t store_id[16];
    uint64_t store_seq;
} repo_t;

/* Opens the repo, or makes a new one. Says on stderr what is wrong, and answers 0 when it can be used. */
int repo_open(repo_t *repo, const char *directory, uint64_t quota);

/* The table for sales_register_repo. */
sales_repo_t repo_table(repo_t *repo);

/* A file of the content has another length now. */
void repo_resized(repo_t *repo, int64_t before, int64_t after);

#endif
