/* A small honest storage node: sells its disk over the recorded scenarios, and can be killed any time. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "node.h"
#include "show.h"
#include "step.h"

#define DEFAULT_QUOTA (UINT64_C(1) << 20)

typedef struct options_t {
    const char *library;
    const char *state;
    uint64_t quota;
    uint64_t seed;
    int settle;
    char **scenarios;
    uint64_t scenarios_len;
} options_t;

static int usage(void) {
    fprintf(stderr, "usage: host [-l LIBRARY] [-d DIRECTORY] [-n SEED] [-Q QUOTA] [-q] [-s] SCENARIO.txt...\n"
                    "  -l  the library to load (libsales.so)\n"
                    "  -d  where the node keeps its store, its repo and its chain (node)\n"
                    "  -n  seed of the library's random choices; 0: from the system\n"
                    "  -Q  bytes that the repo may take (1048576)\n"
                    "  -q  show nothing but what goes wrong\n"
                    "  -s  only settle the books after a crash, then stop\n");
    return 2;
}

static int read_options(int argc, char **argv, options_t *options) {
    int option;
    *options = (options_t){.library = "libsales.so", .state = "node", .quota = DEFAULT_QUOTA};
    while ((option = getopt(argc, argv, "l:d:n:Q:qs")) != -1) {
        switch (option) {
        case 'l': options->library = optarg; break;
        case 'd': options->state = optarg; break;
        case 'n': options->seed = strtoull(optarg, NULL, 10); break;
        case 'Q': options->quota = strtoull(optarg, NULL, 10); break;
        case 'q': show_nothing(); break;
        case 's': options->settle = 1; break;
        default: return -1;
        }
    }
    options->scenarios = argv + optind;
    options->scenarios_len = (uint64_t)(argc - optind);
    return options->scenarios_len > 0 ? 0 : -1;
}

/* Opens the parts of the node in their places below the state directory. */
static int open_parts(node_t *node, const options_t *options, scenario_t *scenarios) {
    char repo[DISK_PATH_MAX], network[DISK_PATH_MAX], chain[DISK_PATH_MAX];
    disk_path(repo, options->state, "repo");
    disk_path(network, options->state, "network");
    disk_path(chain, options->state, "chain");
    if (disk_make_directory(options->state) != DISK_OK || step_begin(options->state) != 0) return -1;
    if (repo_open(&node->repo, repo, options->quota) != 0) return -1;
    if (chain_open(&node->chain, chain, scenarios, options->scenarios_len) != 0) return -1;
    return content_open(&node->content, network, &node->repo, &node->chain.world.now);
}

static int run(const options_t *options, scenario_t *scenarios) {
    static node_t node;
    char store[DISK_PATH_MAX];
    disk_path(store, options->state, "store");
    if (open_parts(&node, options, scenarios) != 0) return -1;
    int failed = node_start(&node, store, options->seed);
    if (!failed && !options->settle) failed = node_live(&node);
    if (node_stop(&node) != 0) failed = -1;
    step_end();
    return failed;
}

int main(int argc, char **argv) {
    options_t options;
    if (read_options(argc, argv, &options) != 0) return usage();
    if (load_library(options.library) != 0) return 1;
    scenario_t *scenarios = calloc(options.scenarios_len, sizeof *scenarios);
    int failed = scenarios == NULL;
    for (uint64_t i = 0; !failed && i < options.scenarios_len; i++)
        failed = scenario_read(options.scenarios[i], &scenarios[i]) != 0;
    if (!failed) failed = run(&options, scenarios) != 0;
    free(scenarios);
    return failed ? 1 : 0;
}
