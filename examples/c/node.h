/* The node: ties the library to its repo, its content and its chain, and lives through the scenarios. */
#ifndef EXAMPLE_NODE_H
#define EXAMPLE_NODE_H

#include <sales.h>

#include "chain.h"
#include "content.h"
#include "repo.h"

typedef struct node_t {
    sales_t sales;
    repo_t repo;
    content_t content;
    chain_t chain;
    uint64_t news_told; /* of this scenario's news: how many the library was told */
    int end_told;       /* the library was told that this scenario's request ended */
    int failed;         /* a call was refused: the program ends */
} node_t;

/* Opens the store in `directory` and starts: the books are settled when it answers 0. */
int node_start(node_t *node, const char *directory, uint64_t seed);

/* Lives until all scenarios are played, and everything sold has ended. */
int node_live(node_t *node);

/* Stops and closes. */
int node_stop(node_t *node);

#endif
