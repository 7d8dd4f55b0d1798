/* What the node tells its operator. */
#define _POSIX_C_SOURCE 200809L
#include "show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 32

static int silent;
static int bar_drawn;

void show_nothing(void) {
    silent = 1;
}

const char *show_bytes(uint64_t bytes) {
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    static char texts[4][32];
    static unsigned next;
    size_t unit = 0;
    char *text = texts[next++ % 4];
    while (bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, sizeof texts[0], "%" PRIu64 " %s", bytes, UNITS[unit]);
    return text;
}

/* A line takes the place of the bar. */
static void clear_bar(void) {
    if (bar_drawn) printf("\r%80s\r", "");
    bar_drawn = 0;
}

static void show_text(const char *format, va_list values) {
    vprintf(format, values);
    putchar('\n');
    fflush(stdout);
}

void show_heading(const char *format, ...) {
    va_list values;
    if (silent) return;
    putchar('\n');
    va_start(values, format);
    show_text(format, values);
    va_end(values);
}

void show(uint64_t time, const sales_id_t *request_id, uint64_t slot, const char *who, const char *format,
          ...) {
    char date[32];
    struct tm parts;
    time_t seconds = (time_t)time;
    va_list values;
    if (silent) return;
    clear_bar();
    if (gmtime_r(&seconds, &parts) == NULL || strftime(date, sizeof date, "%m-%d %H:%M:%S", &parts) == 0)
        date[0] = 0;
    const uint8_t *id = request_id->bytes;
    printf("%s  %02x%02x%02x%02x  ", date, id[0], id[1], id[2], id[3]);
    if (slot == SHOW_NO_SLOT) {
        printf("-  ");
    } else {
        printf("%" PRIu64 "  ", slot);
    }
    printf("%-9s  ", who);
    va_start(values, format);
    show_text(format, values);
    va_end(values);
}

void show_progress(uint64_t done, uint64_t total) {
    if (silent || total == 0 || !isatty(STDOUT_FILENO)) return;
    int width = (int)((double)done / (double)total * BAR_WIDTH);
    printf("\r%43s", "[");
    for (int i = 0; i < BAR_WIDTH; i++) putchar(i < width ? '#' : '.');
    printf("]");
    fflush(stdout);
    bar_drawn = 1;
}
