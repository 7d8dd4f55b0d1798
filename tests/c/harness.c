/* harness.c - the runner: --list, --only NAME, and `N passed, M failed` as the last line. */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATHS_MAX 32

static test_t *first_test;
static char current_dir[PATH_MAX];
static char current_paths[PATHS_MAX][PATH_MAX + 64];
static size_t current_paths_len;
static const char *current_mount;
static char program_file[PATH_MAX];
static unsigned failures_of_test;
static jmp_buf leave_test;

void test_register(test_t *test) {
    test_t **place = &first_test;
    while (*place && (strcmp((*place)->file, test->file) < 0 ||
                      (strcmp((*place)->file, test->file) == 0 && strcmp((*place)->name, test->name) < 0)))
        place = &(*place)->next;
    test->next = *place;
    *place = test;
}

const char *test_dir(void) {
    return current_dir;
}

const char *test_path(const char *name) {
    size_t dir_len = strlen(current_dir);
    for (size_t i = 0; i < current_paths_len; i++)
        if (strcmp(current_paths[i] + dir_len + 1, name) == 0)
            return current_paths[i];
    if (current_paths_len == PATHS_MAX) {
        fprintf(stderr, "a test asked for more than %d paths\n", PATHS_MAX);
        abort();
    }
    char *path = current_paths[current_paths_len++];
    snprintf(path, sizeof current_paths[0], "%s/%s", current_dir, name);
    return path;
}

const char *test_program(void) {
    return program_file;
}

const char *test_library_file(void) {
    const char *file = getenv("SALES_LIBRARY");
    return file ? file : SALES_LIBRARY_FILE;
}

void test_unmount_later(const char *path) {
    current_mount = path;
}

int test_command(const char *command, char *out, size_t out_len) {
    size_t used = 0;
    FILE *pipe = popen(command, "re");
    if (!pipe) {
        fprintf(stderr, "popen: %s\n", strerror(errno));
        abort();
    }
    while (used + 1 < out_len) {
        size_t n = fread(out + used, 1, out_len - 1 - used, pipe);
        if (n == 0)
            break;
        used += n;
    }
    if (out_len > 0)
        out[used] = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void test_child_end(int status) {
    char command[32];
    snprintf(command, sizeof command, "exit %d", status);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void test_leave(void) {
    longjmp(leave_test, 1);
}

static void failed(const char *file, int line) {
    failures_of_test++;
    fprintf(stderr, "%s:%d: ", file, line);
}

void check_true(const char *file, int line, const char *text, int seen) {
    if (seen)
        return;
    failed(file, line);
    fprintf(stderr, "expected: %s\n", text);
}

int check_u64(const char *file, int line, const char *text, uint64_t expected, uint64_t seen) {
    if (expected == seen)
        return 1;
    failed(file, line);
    fprintf(stderr, "%s: expected %" PRIu64 ", seen %" PRIu64 "\n", text, expected, seen);
    return 0;
}

int check_status(const char *file, int line, const char *text, sales_status_t expected, sales_status_t seen,
                 const sales_error_t *error) {
    if (expected == seen)
        return 1;
    failed(file, line);
    fprintf(stderr, "%s: expected %s (%d), seen %s (%d)%s%s\n", text, sales_status_name(expected), expected,
            sales_status_name(seen), seen, error && seen < 0 ? ": " : "",
            error && seen < 0 ? error->text : "");
    return 0;
}

/* The text ends inside its array, is UTF-8, and names the thing. */
static const char *text_fault(const char *text, size_t size, const char *word) {
    size_t len = strnlen(text, size);
    if (len == size)
        return "does not end with 0";
    if (len == 0)
        return "is empty";
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t more = c < 0x80             ? 0
                      : (c & 0xe0) == 0xc0 ? 1
                      : (c & 0xf0) == 0xe0 ? 2
                      : (c & 0xf8) == 0xf0 ? 3
                                           : 4;
        if (more == 4 || i + more >= len + (more == 0))
            return "is not UTF-8";
        for (size_t k = 1; k <= more; k++)
            if (((unsigned char)text[i + k] & 0xc0) != 0x80)
                return "is not UTF-8";
        i += more + 1;
    }
    return word && !strcasestr(text, word) ? "does not name what was wrong" : NULL;
}

void check_error(const char *file, int line, const char *text, sales_status_t expected, sales_status_t seen,
                 const sales_error_t *error, const char *word) {
    if (!check_status(file, line, text, expected, seen, error))
        return;
    if (error->status != seen) {
        failed(file, line);
        fprintf(stderr, "%s: error.status: expected %d, seen %d\n", text, seen, error->status);
    }
    const char *fault = text_fault(error->text, sizeof error->text, word);
    if (fault) {
        failed(file, line);
        fprintf(stderr, "%s: error.text %s: expected \"%s\" in \"%s\"\n", text, fault, word ? word : "",
                error->text);
    }
}

void check_text(const char *file, int line, const char *expected, const char *seen) {
    if (seen && strcmp(expected, seen) == 0)
        return;
    failed(file, line);
    fprintf(stderr, "expected \"%s\", seen \"%s\"\n", expected, seen ? seen : "(null)");
}

void error_clear(sales_error_t *error) {
    memset(error, 0, sizeof *error);
    error->size = (uint32_t)sizeof *error;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Runs one test; whether it passed. */
static int run_test(const test_t *test) {
    const char *base = getenv("TMPDIR");
    snprintf(current_dir, sizeof current_dir, "%s/sales-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(current_dir)) {
        fprintf(stderr, "mkdtemp %s: %s\n", current_dir, strerror(errno));
        exit(2);
    }
    current_paths_len = 0;
    failures_of_test = 0;
    if (setjmp(leave_test) == 0)
        test->run();
    if (current_mount && umount2(current_mount, MNT_DETACH) != 0) {
        failed(test->file, 0);
        fprintf(stderr, "%s could not be unmounted: %s\n", current_mount, strerror(errno));
    }
    current_mount = NULL;
    if (nftw(current_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
        failed(test->file, 0);
        fprintf(stderr, "%s could not be removed: %s\n", current_dir, strerror(errno));
    }
    return failures_of_test == 0;
}

int main(int argc, char **argv) {
    const char *only = NULL;
    unsigned passed = 0, not_passed = 0;
    int list = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!realpath(argv[0], program_file)) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        return 2;
    }
    if (argc == 4 && strcmp(argv[1], "--helper") == 0)
        return helper_run(argv[2], argv[3]);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            list = 1;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--list] [--only NAME, or the start of it]\n", argv[0]);
            return 2;
        }
    }
    for (const test_t *test = first_test; test; test = test->next) {
        if (only && strncmp(only, test->name, strlen(only)) != 0)
            continue;
        if (list) {
            printf("%s\n", test->name);
            continue;
        }
        int good = run_test(test);
        if (!good)
            printf("FAILED %s (%s)\n", test->name, test->file);
        *(good ? &passed : &not_passed) += 1;
    }
    if (list)
        return 0;
    printf("%u passed, %u failed\n", passed, not_passed);
    return not_passed > 0 || passed == 0;
}
