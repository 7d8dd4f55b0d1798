/* test_handles.c - zero, stale, closed and invented handles, at every call that takes one. */
#include "everycall.h"
#include "world.h"

static void every_call_refuses(sales_t handle) {
    for (size_t i = 0; i < every_call_len(); i++) {
        const every_call_t *call = every_call_at(i);
        sales_error_t error = SALES_INIT(sales_error_t);
        sales_status_t status = call->run(handle, &error);
        check_error(__FILE__, __LINE__, call->name, SALES_ERR_HANDLE, status, &error, "instance");
    }
}

TEST(handles_zero) {
    sales_error_t error = SALES_INIT(sales_error_t);
    every_call_refuses(0);
    CHECK_OK(error, sales_close(0, &error));
    CHECK_OK(error, sales_close(0, NULL));
}

TEST(handles_invented) {
    static const sales_t invented[] = {1,         2, 42, UINT32_MAX, (uint64_t)1 << 32, (uint64_t)1 << 63,
                                       UINT64_MAX};
    sales_error_t error = SALES_INIT(sales_error_t);
    for (size_t i = 0; i < sizeof invented / sizeof invented[0]; i++) {
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        CHECK_ERROR(SALES_ERR_HANDLE, "instance", error, sales_stats(invented[i], &stats, &error));
        CHECK_ERROR(SALES_ERR_HANDLE, "instance", error, sales_close(invented[i], &error));
    }
    every_call_refuses(UINT64_MAX);
}

TEST(handles_closed_and_stale) {
    world_t *w = world_new(WORLD_SELLING);
    sales_t old = w->sales;
    CHECK_OK(w->error, world_reserve(w, 1, 100));
    world_close(w);
    every_call_refuses(old);
    CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_close(old, &w->error));

    /* The place of the old instance is used again; its number is not. */
    world_open(w, NULL);
    CHECK(w->sales != old);
    sales_stats_t before = world_stats(w);
    every_call_refuses(old);
    CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_close(old, &w->error));
    sales_stats_t after = world_stats(w);
    CHECK_SAME(&before, &after);
    CHECK_U64(100, after.held);
    CHECK_OK(w->error, world_release(w, 1));
    world_end(w);
}

TEST(handles_near_a_live_one) {
    world_t *w = world_new(WORLD_BOOKS);
    for (int bit = 0; bit < 64; bit++) {
        sales_stats_t stats = SALES_INIT(sales_stats_t);
        sales_t other = w->sales ^ ((uint64_t)1 << bit);
        if (other == 0)
            continue;
        CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_stats(other, &stats, &w->error));
        CHECK_ERROR(SALES_ERR_HANDLE, "instance", w->error, sales_close(other, &w->error));
    }
    world_end(w);
}

TEST(handles_of_many_instances) {
    enum { N = 12 };
    sales_t open[N];
    sales_error_t error = SALES_INIT(sales_error_t);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < N; i++) {
            char dir[4352];
            snprintf(dir, sizeof dir, "%s/store-%u", test_dir(), i);
            REQUIRE_OK(error, sales_open(SALES_ABI_VERSION, dir, NULL, &open[i], &error));
            CHECK(open[i] != 0);
            for (unsigned k = 0; k < i; k++)
                CHECK(open[k] != open[i]);
        }
        for (unsigned i = 0; i < N; i++) {
            sales_stats_t stats = SALES_INIT(sales_stats_t);
            CHECK_OK(error, sales_stats(open[i], &stats, &error));
            CHECK_OK(error, sales_close(open[i], &error));
            CHECK_ERROR(SALES_ERR_HANDLE, "instance", error, sales_stats(open[i], &stats, &error));
        }
    }
}
