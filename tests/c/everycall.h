/* everycall.h - one valid call of each export that takes a handle, to be tried with any handle and in any
 * place. */
#ifndef EVERYCALL_H
#define EVERYCALL_H

#include <stddef.h>

#include "sales.h"

typedef struct every_call_t {
    const char *name;
    sales_status_t (*run)(sales_t sales, sales_error_t *error);
    /* Asks for nothing to be changed. */
    int reads;
} every_call_t;

size_t every_call_len(void);
const every_call_t *every_call_at(size_t index);

#endif
