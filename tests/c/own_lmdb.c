/* own_lmdb.c - a host with an LMDB of its own (Debian's), linked statically with libsales.a: both work side
 * by side. */
#define _GNU_SOURCE
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sales.h"

static uint64_t total;

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "own_lmdb: %s\n", what);
        exit(1);
    }
}

static sales_status_t available(void *user_data, uint64_t *bytes) {
    (void)user_data;
    *bytes = UINT64_C(1) << 30;
    return SALES_OK;
}

/* The host's callbacks use its own LMDB: inside a call of ours, on the same thread. */
static sales_status_t keep_total(MDB_env *env, uint64_t bytes) {
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {.mv_size = 5, .mv_data = "total"}, value = {.mv_size = sizeof bytes, .mv_data = &bytes};
    must(mdb_txn_begin(env, NULL, 0, &txn) == 0, "the host's transaction begins");
    must(mdb_dbi_open(txn, NULL, 0, &dbi) == 0, "the host's table opens");
    must(mdb_put(txn, dbi, &key, &value, 0) == 0, "the host's value is put");
    must(mdb_txn_commit(txn) == 0, "the host's transaction commits");
    total = bytes;
    return SALES_OK;
}

static sales_status_t reserve(void *user_data, const sales_op_t *op, uint64_t bytes) {
    (void)op;
    return keep_total(user_data, total + bytes);
}

static sales_status_t release(void *user_data, const sales_op_t *op, uint64_t bytes) {
    (void)op;
    return keep_total(user_data, total - bytes);
}

static sales_status_t reserved(void *user_data, sales_repo_total_t *out) {
    (void)user_data;
    out->bytes = total;
    return SALES_OK;
}

int main(void) {
    char dir[] = "/tmp/sales-own-lmdb-XXXXXX", own[64], store[64], command[128];
    MDB_env *env;
    sales_t sales = 0;
    sales_repo_t repo = SALES_INIT(sales_repo_t);

    must(mkdtemp(dir) != NULL, "a directory can be made");
    snprintf(own, sizeof own, "%s/own", dir);
    snprintf(store, sizeof store, "%s/store", dir);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    must(mkdir(own, 0700) == 0, "the host's directory can be made");
    must(mdb_env_create(&env) == 0, "the host's environment is made");
    must(mdb_env_open(env, own, 0, 0600) == 0, "the host's environment opens");

    repo.user_data = env;
    repo.available = available;
    repo.reserve = reserve;
    repo.release = release;
    repo.reserved = reserved;
    must(sales_open(SALES_ABI_VERSION, store, NULL, &sales, NULL) == SALES_OK, "sales_open");
    must(sales_register_repo(sales, &repo, NULL) == SALES_OK, "sales_register_repo");
    must(sales_start(sales, 1, NULL) == SALES_OK, "sales_start");
    for (unsigned i = 0; i < 50; i++) {
        sales_id_t slot;
        memset(&slot, (int)i + 1, sizeof slot);
        must(sales_reserve(sales, 1, &slot, 100 + i, NULL, NULL) == SALES_OK, "sales_reserve");
        if (i % 2)
            must(sales_release(sales, 1, &slot, NULL, NULL) == SALES_OK, "sales_release");
    }
    sales_stats_t stats = SALES_INIT(sales_stats_t);
    must(sales_stats(sales, &stats, NULL) == SALES_OK, "sales_stats");
    must(stats.held == total && total > 0, "the books are exact");
    mdb_env_close(env);
    must(sales_stats(sales, &stats, NULL) == SALES_OK, "sales_stats after the host closed its LMDB");
    must(sales_close(sales, NULL) == SALES_OK, "sales_close");
    must(system(command) == 0, "the directory is removed");
    puts("own LMDB: both work side by side");
    return 0;
}
