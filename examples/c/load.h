/* Loads libsales.so at run time: `lib.sales_open(...)` is a linked program's `sales_open(...)`. */
#ifndef EXAMPLE_LOAD_H
#define EXAMPLE_LOAD_H

#include <sales.h>

#define LOADED_FUNCTIONS(X)            \
    X(sales_version)                   \
    X(sales_status_name)               \
    X(sales_state_name)                \
    X(sales_open)                      \
    X(sales_register_repo)             \
    X(sales_register_chain)            \
    X(sales_register_content)          \
    X(sales_register_watch)            \
    X(sales_set_market)                \
    X(sales_start)                     \
    X(sales_stop)                      \
    X(sales_close)                     \
    X(sales_consumed)                  \
    X(sales_offer_put)                 \
    X(sales_offer_list)                \
    X(sales_on_request)                \
    X(sales_evaluate)                  \
    X(sales_on_slot_filled)            \
    X(sales_on_slot_freed)             \
    X(sales_on_slot_reservations_full) \
    X(sales_on_request_fulfilled)      \
    X(sales_on_request_cancelled)      \
    X(sales_on_request_failed)         \
    X(sales_on_request_ended)          \
    X(sales_complete)                  \
    X(sales_tick)                      \
    X(sales_next_deadline)             \
    X(sales_stats)                     \
    X(sales_slot_id)                   \
    X(sales_u256_parse)

typedef struct library_t {
#define X(name) __typeof__(name) *name;
    LOADED_FUNCTIONS(X)
#undef X
} library_t;

extern library_t lib;

/* Loads the library from `path`; says on stderr what failed, and answers 0 when all is there. */
int load_library(const char *path);

#endif
