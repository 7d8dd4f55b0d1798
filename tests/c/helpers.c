/* helpers.c - what the suite does as another process: `suite --helper NAME ARGUMENT` prints a status and its
 * text. */
#include <unistd.h>

#include "harness.h"

/* Opens the store in `dir`; closes it again where it could be opened. */
static int helper_open(const char *dir) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 0;
    sales_status_t status = sales_open(SALES_ABI_VERSION, dir, NULL, &sales, &error);
    printf("%s %s\n", sales_status_name(status), status < 0 ? error.text : "");
    return status == SALES_OK ? sales_close(sales, NULL) != SALES_OK : 0;
}

/* Opens the store in `dir`, says so, and keeps it until its input ends. */
static int helper_hold(const char *dir) {
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_t sales = 0;
    char end;
    sales_status_t status = sales_open(SALES_ABI_VERSION, dir, NULL, &sales, &error);
    printf("%s %s\n", sales_status_name(status), status < 0 ? error.text : "");
    fflush(stdout);
    while (read(STDIN_FILENO, &end, 1) > 0)
        ;
    return status == SALES_OK ? sales_close(sales, NULL) != SALES_OK : 0;
}

int helper_run(const char *name, const char *argument) {
    if (strcmp(name, "open") == 0)
        return helper_open(argument);
    if (strcmp(name, "hold") == 0)
        return helper_hold(argument);
    fprintf(stderr, "no helper is called %s\n", name);
    return 2;
}
