/* disk_sweep.c - a host's life in which one system call fails, for each call by which the store is written,
 * each of its turns and each error, once and for as long as the cause lasts: every answer has a name, nothing
 * answered OK is lost, nothing refused is there, and when the cause has gone it goes on, in place or after a
 * close and an open where the status says so. Preloads fail.so. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fail.h"
#include "world.h"

#define SLOTS 6
#define TRIES 8

static const char *const CALL_NAMES[] = {
#define X(name) #name,
    FAIL_CALLS(X)
#undef X
};
static const struct {
    int number;
    const char *name;
} ERRORS[] = {{ENOSPC, "ENOSPC"}, {EDQUOT, "EDQUOT"}, {EIO, "EIO"}, {EROFS, "EROFS"}};
#define ERRORS_LEN 4

/* How a fault was answered. */
enum { ABSORBED, FULL, STORE, PATH, REOPEN, ANSWERS };
static const char *const ANSWER_NAMES[ANSWERS] = {"absorbed", "DISK_FULL", "STORE", "STORE_PATH", "STORE_REOPEN"};

/* One life, and what its host was promised. */
typedef struct life_t {
    fake_t fake;
    sales_t sales;
    sales_error_t error;
    char dir[4096];
    posted_t posted;
    int call, error_number, lasting;
    int answer;
    int clock;
    struct {
        int live; /* 1: answered OK; 0: never, or released; -1: either, the store must be reopened to tell */
        uint64_t bytes, consumed;
    } slots[SLOTS];
    int accepted;
} life_t;

static life_t life;
static unsigned broken;

static void wrong(const char *step, const char *what) {
    if (broken++ < 10)
        fprintf(stderr, "%s %s, %s%s: %s: %s (%s: %s)\n", CALL_NAMES[life.call], life.dir, strerror(life.error_number),
                life.lasting ? ", lasting" : "", step, what, sales_status_name(life.error.status), life.error.text);
}

static uint64_t now(void) {
    life.fake.now = T0 + (uint64_t)life.clock;
    return life.fake.now;
}

static int answer_of(sales_status_t status) {
    switch (status) {
    case SALES_ERR_DISK_FULL: return FULL;
    case SALES_ERR_STORE: return STORE;
    case SALES_ERR_STORE_PATH: return PATH;
    case SALES_ERR_STORE_REOPEN: return REOPEN;
    default: return ABSORBED;
    }
}

/* An error must be the disk's, by its name, and say in words which file it was. */
static void judge(const char *step, sales_status_t status) {
    int answer = answer_of(status), full = life.error_number == ENOSPC || life.error_number == EDQUOT;
    if (answer == ABSORBED) {
        wrong(step, "an answer that names no trouble of the disk");
        return;
    }
    if (life.answer == ABSORBED)
        life.answer = answer;
    if (fail_failed() == 0)
        wrong(step, "refused, and no call had failed");
    if (full != (answer == FULL) && answer != REOPEN)
        wrong(step, "a status that is not that of its cause");
    if (life.error.status != status || (strstr(life.error.text, test_dir()) == NULL && answer != REOPEN))
        wrong(step, "the text names no path");
    if (answer == REOPEN && strstr(life.error.text, "close") == NULL)
        wrong(step, "the text does not say what to do");
}

static int books_fit(void) {
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    if (sales_stats(life.sales, &stats, NULL) != SALES_OK)
        return 1; /* its store is to be opened again */
    uint64_t sum = stats.held + stats.reserving + stats.releasing + stats.owed + stats.surplus - stats.shortfall;
    return stats.phase == SALES_PHASE_REOPEN || stats.phase == SALES_PHASE_RECOVERING || sum == life.fake.total;
}

static sales_status_t open_and_start(void) {
    sales_repo_t repo = fake_repo(&life.fake);
    sales_chain_t chain = fake_chain(&life.fake);
    sales_content_t content = fake_content(&life.fake);
    sales_options_t options = {.size = sizeof options, .seed = 7};
    sales_status_t status = SALES_OK;
    if (life.sales == 0) {
        error_clear(&life.error);
        status = sales_open(SALES_ABI_VERSION, life.dir, &options, &life.sales, &life.error);
        if (status != SALES_OK)
            return status;
        life.fake.sales = life.sales;
        chain.reserve_slot = NULL;
        if (sales_register_repo(life.sales, &repo, NULL) != SALES_OK ||
            sales_register_chain(life.sales, &chain, NULL) != SALES_OK ||
            sales_register_content(life.sales, &content, NULL) != SALES_OK)
            wrong("register", "refused");
    }
    error_clear(&life.error);
    status = sales_start(life.sales, now(), &life.error);
    return status;
}

static void close_it(void) {
    if (life.sales != 0 && sales_close(life.sales, NULL) != SALES_OK)
        wrong("close", "refused");
    life.sales = 0;
}

/* What a step asks for; OK and what is as good. */
typedef sales_status_t (*step_fn)(unsigned number);

static sales_status_t put_offer(unsigned number) {
    sales_offer_t offer = offer_of(UINT64_C(1) << 30);
    (void)number;
    return sales_offer_put(life.sales, now(), &offer, &life.error);
}

static sales_status_t reserve(unsigned number) {
    sales_status_t status = sales_reserve(life.sales, now(), id_at(number), 1000 + number, NULL, &life.error);
    if (status == SALES_ALREADY && life.slots[number].live == 0)
        wrong("reserve", "ALREADY of what was refused");
    if (status == SALES_OK || status == SALES_ALREADY)
        life.slots[number].live = 1, life.slots[number].bytes = 1000 + number;
    else if (status == SALES_ERR_STORE_REOPEN)
        life.slots[number].live = -1;
    return status;
}

static sales_status_t consume(unsigned number) {
    sales_status_t status = sales_consumed(life.sales, now(), id_at(number), 400, &life.error);
    if (status == SALES_OK || status == SALES_ALREADY)
        life.slots[number].consumed = 400;
    return status;
}

static sales_status_t release(unsigned number) {
    sales_status_t status = sales_release(life.sales, now(), id_at(number), NULL, &life.error);
    if (status == SALES_OK || status == SALES_ALREADY || status == SALES_QUEUED)
        life.slots[number].live = 0;
    else if (status == SALES_ERR_STORE_REOPEN)
        life.slots[number].live = -1;
    return status;
}

static sales_status_t request(unsigned number) {
    (void)number;
    posted_renew(&life.posted, T0);
    sales_status_t status = sales_on_request(life.sales, now(), NULL, &life.posted.ask, &life.error);
    if (status == SALES_OK || status == SALES_ALREADY)
        life.accepted = 1;
    return status;
}

static sales_status_t tick(unsigned number) {
    life.clock += (int)number;
    return sales_tick(life.sales, now(), &life.error);
}

static sales_status_t stop(unsigned number) {
    (void)number;
    return sales_stop(life.sales, now(), &life.error);
}

static sales_status_t start(unsigned number) {
    (void)number;
    return open_and_start();
}

/* Where nothing is in doubt, what the library shows of a slot is what was answered. */
static void compare_slots(const char *step) {
    for (unsigned i = 0; i < SLOTS; i++) {
        sales_reservation_t seen = SALES_INIT(sales_reservation_t);
        sales_status_t status = sales_reservation(life.sales, id_at(i), &seen, NULL);
        if (status == SALES_ERR_STORE_REOPEN)
            return;
        int live = status == SALES_OK && !(seen.flags & SALES_RESERVATION_ENDED);
        if (life.slots[i].live == -1)
            life.slots[i].live = live, life.slots[i].bytes = seen.bytes; /* now it is known */
        if (live != life.slots[i].live)
            wrong(step, live ? "a slot is reserved that was refused or released" : "a slot that was answered OK is lost");
        if (live && (seen.bytes != life.slots[i].bytes || seen.consumed < life.slots[i].consumed))
            wrong(step, "a slot has other amounts than were answered");
    }
}

/* A step, until it is done: the cause goes after the first refusal, and then it must work. */
static void do_step(const char *name, step_fn step, unsigned number) {
    for (int i = 0; i < TRIES; i++) {
        error_clear(&life.error);
        sales_status_t status = life.sales == 0 && step != start ? open_and_start() : SALES_OK;
        if (status == SALES_OK)
            status = step(number);
        if (status >= 0)
            break;
        if (status == SALES_ERR_STATE && step == start) /* it runs already */
            break;
        if (i + 1 == TRIES) {
            wrong(name, "does not go on after the cause has gone");
            break;
        }
        judge(name, status);
        if (!books_fit())
            wrong(name, "S1: the books do not fit while the cause lasts");
        if (life.sales != 0 && status != SALES_ERR_STORE_REOPEN)
            compare_slots(name);
        fail_clear();
        if (status == SALES_ERR_STORE_REOPEN)
            close_it();
    }
    if (life.sales != 0 && !books_fit())
        wrong(name, "S1: the books do not fit");
}

static void play(void) {
    do_step("start", start, 0);
    do_step("offer", put_offer, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        do_step("reserve", reserve, i);
    do_step("consumed", consume, 0);
    do_step("consumed", consume, 1);
    do_step("request", request, 0);
    do_step("release", release, 2);
    do_step("release", release, 1);
    do_step("tick", tick, 1);
    do_step("stop", stop, 0);
    do_step("start", start, 0);
    compare_slots("after a stop and a start");
    do_step("reserve", reserve, 2);
    close_it();
    do_step("open again", start, 0);
    do_step("release", release, 3);
    compare_slots("open again");
    close_it();
}

static int sales_in(uint32_t state) {
    int found = 0;
    for (unsigned i = 0; i < 2; i++) {
        sales_sale_t sale = SALES_INIT(sales_sale_t);
        found += sales_sale(life.sales, &life.posted.slots[i], &sale, NULL) == SALES_OK && sale.state == state;
    }
    return found;
}

/* With a good disk all is there that was answered, and all of it can be given back. */
static void finish(void) {
    fail_clear();
    do_step("the last start", start, 0);
    compare_slots("the last start");
    for (int i = 0; i < TRIES; i++)
        do_step("tick", tick, 60);
    if (life.accepted && sales_in(SALES_SALE_FILLED) != 2)
        wrong("the last start", "an accepted request was not sold");
    for (unsigned i = 0; i < SLOTS; i++)
        if (life.slots[i].live == 1)
            do_step("the last release", release, i);
    life.fake.requests_ended = 1;
    error_clear(&life.error);
    if (sales_on_request_ended(life.sales, now(), NULL, &life.posted.ask.request_id, &life.error) < 0)
        wrong("the end of the request", "refused");
    for (int i = 0; i < TRIES; i++)
        do_step("tick", tick, 60);
    if (life.fake.total != 0)
        wrong("the end", "the repo still has bytes for us");
    if (life.fake.violations != 0)
        wrong("the end", "the repo or the chain was asked for what may not be");
    close_it();
}

/* One life; how its fault was answered. */
static int live(const char *dir, fail_call_t call, unsigned at, int error, int lasting) {
    char command[4200];
    memset(&life, 0, sizeof life);
    snprintf(life.dir, sizeof life.dir, "%s", dir);
    life.call = call, life.error_number = error, life.lasting = lasting;
    fake_init(&life.fake, QUOTA);
    life.fake.true_views = 1;
    posted_make(&life.posted, T0, 2, SLOT_SIZE, 1);
    alarm(120); /* one that hangs is killed */
    fail_arm(call, at, error, lasting);
    play();
    unsigned failed = fail_failed();
    finish();
    fake_free(&life.fake);
    snprintf(command, sizeof command, "%s/data.mdb", dir);
    const char *const files[] = {"data.mdb", "lock.mdb", "identity", "identity.new", "sales.lock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(command, sizeof command, "%s/%s", dir, files[i]);
        unlink(command);
    }
    if (rmdir(dir) != 0)
        wrong("the end", "something is left in the store's directory");
    return error != 0 && failed == 0 ? -1 : life.answer;
}

TEST(disk_sweep) {
    const char *dir = test_path("store");
    unsigned turns[FAIL_CALLS_LEN], points = 0;
    CHECK_U64(ABSORBED, (uint64_t)live(dir, FAIL_pwrite, 0, 0, 0));
    for (int call = 0; call < FAIL_CALLS_LEN; call++)
        turns[call] = fail_seen((fail_call_t)call);
    printf("%-10s %5s  %-7s %6s", "call", "turns", "error", "points");
    for (int i = 0; i < ANSWERS; i++)
        printf(" %12s", ANSWER_NAMES[i]);
    printf("\n");
    for (int call = 0; call < FAIL_CALLS_LEN && broken == 0; call++) {
        for (int error = 0; error < ERRORS_LEN; error++) {
            unsigned answers[ANSWERS] = {0}, hit = 0;
            for (unsigned at = 1; at <= turns[call]; at++)
                for (int lasting = 0; lasting < 2; lasting++) {
                    int answer = live(dir, (fail_call_t)call, at, ERRORS[error].number, lasting);
                    if (answer < 0)
                        continue;
                    hit++;
                    answers[answer]++;
                }
            points += hit;
            printf("%-10s %5u  %-7s %6u", CALL_NAMES[call], turns[call], ERRORS[error].name, hit);
            for (int i = 0; i < ANSWERS; i++)
                printf(" %12u", answers[i]);
            printf("\n");
        }
    }
    printf("points=%u broken=%u\n", points, broken);
    CHECK_U64(0, broken);
    CHECK(points > 500);
}
