/* harness.h - registers tests, runs each in one process with a fresh directory, and tells what was seen. */
#ifndef HARNESS_H
#define HARNESS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sales.h"

typedef struct test_t {
    const char *name;
    const char *file;
    void (*run)(void);
    struct test_t *next;
} test_t;

/* Defines a test; it registers itself before main. */
#define TEST(test_name)                                                   \
    static void test_name(void);                                          \
    __attribute__((constructor)) static void register_##test_name(void) { \
        static test_t test = {#test_name, __FILE__, test_name, NULL};     \
        test_register(&test);                                             \
    }                                                                     \
    static void test_name(void)

void test_register(test_t *test);

/* The fresh directory of the running test; removed after it. */
const char *test_dir(void);

/* `name` inside the directory of the running test, in a buffer of its own that lives as long as the test. */
const char *test_path(const char *name);

/* The file of this program, for tests that need another process. */
const char *test_program(void);

/* The shared library's file, also where the suite is linked statically. */
const char *test_library_file(void);

/* Unmounts `path` (of test_path) after the running test, however that ends. */
void test_unmount_later(const char *path);

/* Runs `command` by the shell and copies what it printed; its exit status. */
int test_command(const char *command, char *out, size_t out_len);

/* Ends a forked child with an exit status. It becomes another program first: a child has not closed what its
 * parent has open, and a tool that looks for leaks at its exit would find that. */
_Noreturn void test_child_end(int status);

/* Leaves the running test at once; only on the test's own thread and outside callbacks. */
_Noreturn void test_leave(void);

void check_true(const char *file, int line, const char *text, int seen);
int check_u64(const char *file, int line, const char *text, uint64_t expected, uint64_t seen);
int check_status(const char *file, int line, const char *text, sales_status_t expected, sales_status_t seen,
                 const sales_error_t *error);
/* Expects an error: its status, a text that is not empty and names `word`, and the status inside the struct.
 */
void check_error(const char *file, int line, const char *text, sales_status_t expected, sales_status_t seen,
                 const sales_error_t *error, const char *word);
void check_text(const char *file, int line, const char *expected, const char *seen);

#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition) ? 1 : 0)
#define CHECK_U64(expected, seen) check_u64(__FILE__, __LINE__, #seen, (expected), (seen))
#define CHECK_STATUS(expected, seen) check_status(__FILE__, __LINE__, #seen, (expected), (seen), NULL)
#define CHECK_TEXT(expected, seen) check_text(__FILE__, __LINE__, (expected), (seen))
/* `call` takes `error` (a sales_error_t with its size set) as its last argument. */
#define CHECK_OK(error, call) check_status(__FILE__, __LINE__, #call, SALES_OK, (call), &(error))
#define CHECK_IS(expected, error, call) check_status(__FILE__, __LINE__, #call, (expected), (call), &(error))
#define CHECK_ERROR(expected, word, error, call)                                          \
    do {                                                                                  \
        error_clear(&(error));                                                            \
        sales_status_t check_seen = (call);                                               \
        check_error(__FILE__, __LINE__, #call, (expected), check_seen, &(error), (word)); \
    } while (0)
/* As CHECK_OK, but the test cannot go on without. */
#define REQUIRE_OK(error, call)     \
    do {                            \
        if (!CHECK_OK(error, call)) \
            test_leave();           \
    } while (0)
#define REQUIRE(condition)                                        \
    do {                                                          \
        int require_seen = (condition) ? 1 : 0;                   \
        check_true(__FILE__, __LINE__, #condition, require_seen); \
        if (!require_seen)                                        \
            test_leave();                                         \
    } while (0)

/* Makes an error struct ready for the next call. */
void error_clear(sales_error_t *error);

/* A program of its own inside the suite: `suite --helper NAME ARGUMENT`. Returns the exit status. */
int helper_run(const char *name, const char *argument);

#endif
