/* What the node tells its operator: a line for each step, and a progress bar for content. */
#ifndef EXAMPLE_SHOW_H
#define EXAMPLE_SHOW_H

#include <sales.h>

/* Not of a slot: of the whole request. */
#define SHOW_NO_SLOT UINT64_MAX

/* One line: when, which request, which slot, who, and what. */
__attribute__((format(printf, 5, 6))) void show(uint64_t time, const sales_id_t *request_id, uint64_t slot,
                                                const char *who, const char *format, ...);

/* A line on its own, as a heading. */
__attribute__((format(printf, 1, 2))) void show_heading(const char *format, ...);

/* Draws over itself on a terminal; elsewhere it shows nothing: the line that follows the last block says it
 * all. */
void show_progress(uint64_t done, uint64_t total);

/* Bytes for people, as "64 KiB"; the text lives until the fourth call after this one. */
const char *show_bytes(uint64_t bytes);

/* Shows nothing from now on but what goes wrong. */
void show_nothing(void);

#endif
