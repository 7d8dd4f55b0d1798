/* test_callbacks.c - hosts that err: nonsense numbers, absurd lengths, completions early, twice, late, after stop and
 * never. Nothing is lost, and the process lives. */
#include "world.h"

static const sales_status_t nonsense[] = {
    7, 100, -1, -99, -400, -408, -9999, INT32_MAX, INT32_MIN, SALES_ERR_BUSY, SALES_ALREADY, SALES_REFUSED};
#define NONSENSE_LEN (sizeof nonsense / sizeof nonsense[0])

/* Any number that is in no list reads as "nobody knows": in doubt, and settled by the total. */
TEST(callbacks_repo_answers_nonsense) {
    world_t *w = world_new(WORLD_CONSUME);
    for (unsigned i = 0; i < NONSENSE_LEN; i++) {
        fake_how_t how = i % 2 ? FAKE_FAIL : FAKE_DONE_BUT;
        fake_set(&w->fake, FAKE_RESERVE, how, nonsense[i], 1);
        CHECK_ERROR(SALES_ERR_IN_DOUBT, "doubt", w->error, world_reserve(w, i, 100));
        CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        CHECK_BOOKS(w);
        sales_status_t status = world_reserve(w, i, 100);
        CHECK(status == SALES_OK || status == SALES_ALREADY);

        fake_set(&w->fake, FAKE_CONSUME, how, nonsense[i], 1);
        CHECK(world_consumed(w, i, 40) >= 0);
        CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        CHECK_BOOKS(w);

        fake_set(&w->fake, FAKE_RELEASE, how, nonsense[i], 1);
        status = world_release(w, i);
        CHECK(status == SALES_ERR_IN_DOUBT || status == SALES_QUEUED);
        CHECK_OK(w->error, sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        for (int k = 0; k < 3; k++)
            CHECK_OK(w->error, world_tick(w, SALES_DEFAULT_BACKOFF_LONGEST_S));
        CHECK_U64(0, w->fake.total);
        CHECK_U64(0, world_stats(w).in_doubt);
    }
    world_end(w);
}

TEST(callbacks_available_fails_or_lies) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, UINT64_MAX);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    fake_set(&w->fake, FAKE_AVAILABLE, FAKE_FAIL, SALES_HOST_TRANSIENT, 1);
    error_clear(&w->error);
    sales_status_t status = world_post(w, &posted);
    CHECK(status >= 0 || status == SALES_HOST_TRANSIENT);
    CHECK_BOOKS(w);
    for (unsigned i = 0; i < NONSENSE_LEN; i++) {
        posted_make(&posted, w->now, 1, SLOT_SIZE, 10 + i);
        fake_set(&w->fake, FAKE_AVAILABLE, i % 2 ? FAKE_FAIL : FAKE_DONE_BUT, nonsense[i], 1);
        status = world_post(w, &posted);
        CHECK(status >= 0 || status == SALES_HOST_UNKNOWN);
        CHECK_BOOKS(w);
    }
    /* PENDING is not an answer of it. */
    fake_set(&w->fake, FAKE_AVAILABLE, FAKE_FAIL, SALES_PENDING, 1);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 2);
    CHECK(world_post(w, &posted) != SALES_PENDING);
    /* More than it has, so that what it tells wraps any sum. */
    w->fake.quota = SLOT_SIZE / 2;
    w->fake.total = 0;
    world_t *other = world_new_in(test_path("other"), WORLD_SELLING);
    world_offer(other, UINT64_MAX);
    other->fake.quota = SLOT_SIZE / 2;
    other->fake.available_lie = UINT64_MAX - SLOT_SIZE;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 3);
    CHECK(world_post(other, &posted) >= 0);
    CHECK_U64(0, other->fake.total);
    CHECK_U64(0, world_in_state(other, &posted, SALES_SALE_FILLED));
    world_end(other);
    w->fake.total = world_stats(w).held;
    w->fake.quota = QUOTA;
    world_end(w);
}

TEST(callbacks_reserved_fails_or_lies) {
    world_t *w = world_new(WORLD_BOOKS);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    for (unsigned i = 0; i < NONSENSE_LEN; i++) {
        fake_set(&w->fake, FAKE_RESERVED, FAKE_FAIL, nonsense[i], 1);
        CHECK_ERROR(SALES_HOST_UNKNOWN, "reserved", w->error,
                    sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error));
        CHECK_U64(100, w->fake.total);
    }
    fake_set(&w->fake, FAKE_RESERVED, FAKE_FAIL, SALES_PENDING, 1);
    error_clear(&w->error);
    sales_status_t status = sales_reconcile(w->sales, w->now, SALES_RECONCILE_REPAIR, &w->error);
    check_error(__FILE__, __LINE__, "repo.reserved that pends", SALES_HOST_UNKNOWN, status, &w->error,
                "reserved");
    CHECK_OK(w->error, world_reserve(w, 2, 5));
    CHECK_OK(w->error, world_release(w, 2));
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

/* What a host writes over the fields that are not its own is not believed. */
static sales_status_t reserved_scribbles(void *user_data, sales_repo_total_t *total) {
    fake_t *fake = user_data;
    memset(total, 0xff, sizeof *total);
    total->bytes = fake->total;
    memset(total->store_id, 0, sizeof total->store_id);
    total->store_seq = 0;
    return SALES_OK;
}

TEST(callbacks_reserved_scribbles_over_its_struct) {
    world_t *w = world_new(WORLD_BOOKS);
    sales_repo_t repo = fake_repo(&w->fake);
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    CHECK_OK(w->error, sales_stop(w->sales, w->now, &w->error));
    repo.reserved = reserved_scribbles;
    CHECK_OK(w->error, sales_register_repo(w->sales, &repo, &w->error));
    error_clear(&w->error);
    sales_status_t status = sales_start(w->sales, w->now, &w->error);
    if (status != SALES_OK)
        check_error(__FILE__, __LINE__, "a start", SALES_HOST_UNKNOWN, status, &w->error, "reserved");
    CHECK_U64(100, w->fake.total);
    if (status == SALES_OK)
        CHECK_OK(w->error, world_release(w, 1));
    world_drop(w);
}

/* Every step of a sale answered with nonsense: it ends or waits, by name; ending the request gives all back.
 */
TEST(callbacks_selling_answers_nonsense) {
    static const fake_call_t steps[] = {FAKE_STORE, FAKE_PROVE, FAKE_FILL_SLOT, FAKE_RESERVE_SLOT};
    world_t *w = world_new(WORLD_SELLING | WORLD_RESERVE_SLOT | WORLD_CLEAR);
    unsigned number = 1;
    world_offer(w, 1 << 22);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (unsigned k = 0; k < NONSENSE_LEN; k += 2, number++) {
            posted_t posted;
            posted_make(&posted, w->now, 1, SLOT_SIZE, number);
            fake_set(&w->fake, steps[i], FAKE_FAIL, nonsense[k], 1);
            CHECK(world_post(w, &posted) >= 0);
            if (steps[i] == FAKE_FILL_SLOT)
                CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_IN_DOUBT);
            if (world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_IN_DOUBT)
                CHECK(sales_resolve(w->sales, w->now, &posted.slots[0], 0, &w->error) >= 0);
            CHECK(sales_on_request_cancelled(w->sales, w->now, NULL, &posted.ask.request_id, &w->error) >= 0);
            CHECK(world_sale(w, &posted.slots[0]).flags & SALES_SALE_FLAG_ENDED);
            CHECK_U64(0, w->fake.total);
        }
    }
    world_end(w);
}

/* A callback that owes data and answers OK without having completed is read as unknown. */
TEST(callbacks_prove_owes_a_proof) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_PROVE, FAKE_DONE_BUT, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK(world_post(w, &posted) >= 0);
    CHECK_STATUS(SALES_HOST_UNKNOWN, world_sale(w, &posted.slots[0]).last_status);
    CHECK_U64(0, w->fake.calls[FAKE_FILL_SLOT]);
    CHECK(sales_on_request_cancelled(w->sales, w->now, NULL, &posted.ask.request_id, &w->error) >= 0);
    CHECK_U64(0, w->fake.total);
    world_end(w);
}

TEST(callbacks_proofs_of_absurd_lengths) {
    world_t *w = world_new(WORLD_SELLING);
    static const size_t lengths[] = {0, SALES_PROOF_MAX + 1, SIZE_MAX, SIZE_MAX / 2 + 1, (size_t)1 << 40};
    posted_t posted;
    world_offer(w, 1 << 22);
    fake_set(&w->fake, FAKE_PROVE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    uint64_t token = fake_pending_token(&w->fake, FAKE_PROVE);
    static const uint8_t proof[16];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        sales_result_t result = SALES_INIT(sales_result_t);
        result.proof.data = proof;
        result.proof.len = lengths[i];
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "proof", w,
                      sales_complete(w->sales, w->now, token, &result, &w->error));
        result.proof.data = NULL;
        CHECK_REFUSED(SALES_ERR_ARGUMENT, "proof", w,
                      sales_complete(w->sales, w->now, token, &result, &w->error));
    }
    /* It is still open, and takes the longest proof there may be. */
    w->fake.proof_len = SALES_PROOF_MAX;
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_PROVE, SALES_OK));
    CHECK_U64(SALES_PROOF_MAX, w->fake.last_proof_len);
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    w->fake.proof_len = 1;
    posted_make(&posted, w->now, 1, SLOT_SIZE, 2);
    CHECK_OK(w->error, world_post(w, &posted));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_PROVE, SALES_OK));
    CHECK_U64(1, w->fake.last_proof_len);
    world_end(w);
}

/* What an operation did not ask for is not read: any rubbish there does no harm. */
TEST(callbacks_results_with_rubbish_in_what_is_not_asked) {
    world_t *w = world_new(WORLD_BOOKS);
    fake_set(&w->fake, FAKE_RESERVE, FAKE_PEND, SALES_OK, 1);
    CHECK_IS(SALES_PENDING, w->error, world_reserve(w, 1, 100));
    uint64_t token = fake_pending_token(&w->fake, FAKE_RESERVE);
    sales_result_t result = SALES_INIT(sales_result_t);
    const void *nowhere = (const void *)(uintptr_t)16;
    result.proof.data = nowhere;
    result.proof.len = SIZE_MAX;
    result.view = nowhere;
    result.challenge = nowhere;
    result.request = nowhere;
    result.slots = nowhere;
    result.slots_len = SIZE_MAX;
    result.slots_item_size = SIZE_MAX;
    result.bytes = UINT64_MAX;
    fake_forget_pending(&w->fake, 1);
    CHECK_OK(w->error, sales_complete(w->sales, w->now, token, &result, &w->error));
    CHECK_U64(100, world_stats(w).held);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(callbacks_texts_of_any_kind) {
    static char endless[20000];
    memset(endless, 'x', sizeof endless - 1);
    static const char *const texts[] = {
        "", "\xff\xfe\x80 not UTF-8", endless, "a\nb\tc\x01", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", NULL};
    world_t *w = world_new(WORLD_SELLING);
    world_offer(w, 1 << 20);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        posted_t posted;
        posted_make(&posted, w->now, 1, SLOT_SIZE, i);
        fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 1);
        CHECK_OK(w->error, world_post(w, &posted));
        uint64_t token = fake_pending_token(&w->fake, FAKE_STORE);
        sales_result_t result = SALES_INIT(sales_result_t);
        result.status = SALES_HOST_PERMANENT;
        result.text = texts[i];
        fake_forget_pending(&w->fake, 0);
        CHECK_OK(w->error, sales_complete(w->sales, w->now, token, &result, &w->error));
        sales_sale_t sale = world_sale(w, &posted.slots[0]);
        CHECK(sale.flags & SALES_SALE_FLAG_ENDED);
        CHECK(memchr(sale.last_text, 0, sizeof sale.last_text) != NULL);
        CHECK_U64(0, w->fake.total);
    }
    world_end(w);
}

/* Completed inside the callback, before PENDING or before OK, and by another thread before the callback
 * returned. */
TEST(callbacks_completed_early) {
    static const fake_how_t hows[] = {FAKE_INSIDE, FAKE_INSIDE_OK, FAKE_THREAD_FIRST, FAKE_THREAD,
                                      FAKE_TWICE};
    static const fake_call_t calls[] = {FAKE_RESERVE,   FAKE_RESERVE_SLOT, FAKE_STORE,
                                        FAKE_PROVE,     FAKE_FILL_SLOT,    FAKE_READ_SLOT,
                                        FAKE_FREE_SLOT, FAKE_CLEAR,        FAKE_RELEASE};
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "store-%zu", i);
        world_t *w =
            world_new_in(test_path(name), WORLD_SELLING | WORLD_READS | WORLD_RESERVE_SLOT | WORLD_CLEAR);
        posted_t posted;
        world_offer(w, 1 << 20);
        for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++)
            fake_set(&w->fake, calls[k], hows[i], SALES_OK, 0);
        posted_make(&posted, w->now, 3, SLOT_SIZE, 1);
        CHECK_OK(w->error, world_post(w, &posted));
        /* A thread of FAKE_THREAD may start another one. */
        for (int k = 0; k < 20; k++)
            fake_join(&w->fake);
        CHECK_U64(3, world_in_state(w, &posted, SALES_SALE_FILLED));
        CHECK_U64(3 * SLOT_SIZE, w->fake.total);
        if (hows[i] == FAKE_TWICE)
            CHECK_STATUS(SALES_ERR_TOKEN, w->fake.second_completion);
        w->fake.view.request_state = SALES_REQUEST_FINISHED;
        w->fake.view.slot_state = SALES_SLOT_FINISHED;
        CHECK(sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                     &w->error) >= 0);
        for (int k = 0; k < 20; k++)
            fake_join(&w->fake);
        CHECK_U64(0, w->fake.total);
        CHECK_U64(3, world_in_state(w, &posted, SALES_SALE_FINISHED));
        CHECK_U64(0, world_stats(w).pending_ops);
        world_end(w);
    }
}

TEST(callbacks_completed_early_with_a_refusal) {
    static const fake_how_t hows[] = {FAKE_INSIDE, FAKE_INSIDE_OK, FAKE_THREAD_FIRST};
    world_t *w = world_new(WORLD_BOOKS);
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++) {
        fake_set(&w->fake, FAKE_RESERVE, hows[i], SALES_HOST_NO_SPACE, 1);
        sales_status_t status = world_reserve(w, 1, 100);
        CHECK(status == SALES_ERR_NO_SPACE || (hows[i] == FAKE_THREAD_FIRST && status == SALES_PENDING));
        CHECK_U64(0, world_stats(w).held);
        CHECK_U64(0, world_stats(w).pending_ops);
    }
    world_end(w);
}

TEST(callbacks_completed_twice_late_and_invented) {
    world_t *w = world_new(WORLD_SELLING);
    sales_result_t result = SALES_INIT(sales_result_t);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 1);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    uint64_t token = fake_pending_token(&w->fake, FAKE_STORE);
    static const uint64_t invented[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof invented / sizeof invented[0]; i++)
        if (invented[i] != token)
            CHECK_REFUSED(SALES_ERR_TOKEN, "token", w,
                          sales_complete(w->sales, w->now, invented[i], &result, &w->error));
    CHECK_REFUSED(SALES_ERR_TOKEN, "token", w,
                  sales_complete(w->sales, w->now, token + 1000, &result, &w->error));
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_OK));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    for (int i = 0; i < 3; i++)
        CHECK_REFUSED(SALES_ERR_TOKEN, "token", w,
                      sales_complete(w->sales, w->now, token, &result, &w->error));
    result.status = SALES_HOST_PERMANENT;
    CHECK_REFUSED(SALES_ERR_TOKEN, "token", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    /* The token of a callback that answered at once. */
    token = w->fake.last_op[FAKE_FILL_SLOT].token;
    CHECK_REFUSED(SALES_ERR_TOKEN, "token", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    CHECK_OK(w->error, sales_on_request_ended(w->sales, w->now + DURATION + 1, NULL, &posted.ask.request_id,
                                              &w->error));
    CHECK_REFUSED(SALES_ERR_TOKEN, "token", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    world_end(w);
}

TEST(callbacks_completed_after_stop_close_and_restart) {
    world_t *w = world_new(WORLD_SELLING);
    sales_result_t result = SALES_INIT(sales_result_t);
    posted_t posted;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_PEND, SALES_OK, 0);
    posted_make(&posted, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &posted));
    uint64_t token = fake_pending_token(&w->fake, FAKE_STORE);
    sales_t old = w->sales;
    CHECK_IS(SALES_PENDING, w->error, sales_stop(w->sales, w->now, &w->error));
    world_close(w);
    CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error,
                sales_complete(old, w->now, token, &result, &w->error));
    fake_forget_pending(&w->fake, 0);
    world_open(w, NULL);
    /* The sale goes on; the token of the life before is no token of this one. */
    CHECK_U64(1, fake_pending(&w->fake, FAKE_STORE));
    uint64_t now = fake_pending_token(&w->fake, FAKE_STORE);
    CHECK(now != token);
    CHECK_REFUSED(SALES_ERR_TOKEN, "token", w, sales_complete(w->sales, w->now, token, &result, &w->error));
    CHECK_U64(SLOT_SIZE, w->fake.total);
    CHECK_STATUS(SALES_OK, fake_complete(&w->fake, FAKE_STORE, SALES_OK));
    CHECK_U64(1, world_in_state(w, &posted, SALES_SALE_FILLED));
    world_end(w);
}

/* An operation that is never completed holds up nothing else, and a restart does not wait for it. */
TEST(callbacks_never_completed) {
    world_t *w = world_new(WORLD_SELLING);
    posted_t never, other;
    world_offer(w, 1 << 20);
    fake_set(&w->fake, FAKE_STORE, FAKE_NEVER, SALES_OK, 1);
    posted_make(&never, w->now, 1, SLOT_SIZE, 1);
    CHECK_OK(w->error, world_post(w, &never));
    posted_make(&other, w->now, 1, SLOT_SIZE, 2);
    CHECK_OK(w->error, world_post(w, &other));
    CHECK_U64(1, world_in_state(w, &other, SALES_SALE_FILLED));
    CHECK_OK(w->error, world_reserve(w, 1, 10));
    CHECK_OK(w->error, world_release(w, 1));
    CHECK_IS(SALES_PENDING, w->error, sales_stop(w->sales, w->now, &w->error));
    world_close(w);
    world_open(w, NULL);
    CHECK_U64(1, world_in_state(w, &never, SALES_SALE_FILLED));
    CHECK_U64(2 * SLOT_SIZE, w->fake.total);
    world_end(w);
}
