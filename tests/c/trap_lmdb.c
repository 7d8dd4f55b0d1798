/* trap_lmdb.c - a host that defines names of LMDB itself, each of which ends the process: the library has its
 * own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sales.h"

#define TRAP(name)                                                    \
    int name(void);                                                   \
    int name(void) {                                                  \
        fprintf(stderr, "the library called the host's " #name "\n"); \
        abort();                                                      \
    }
TRAP(mdb_env_create)
TRAP(mdb_env_open)
TRAP(mdb_env_set_mapsize)
TRAP(mdb_env_set_maxdbs)
TRAP(mdb_env_close)
TRAP(mdb_env_sync)
TRAP(mdb_txn_begin)
TRAP(mdb_txn_commit)
TRAP(mdb_txn_abort)
TRAP(mdb_dbi_open)
TRAP(mdb_get)
TRAP(mdb_put)
TRAP(mdb_del)
TRAP(mdb_cursor_open)
TRAP(mdb_cursor_get)
TRAP(mdb_strerror)
TRAP(mdb_midl_alloc)

int main(void) {
    char dir[] = "/tmp/sales-trap-lmdb-XXXXXX", store[64], command[128];
    sales_t sales = 0;
    sales_offer_t offer = SALES_INIT(sales_offer_t), seen = SALES_INIT(sales_offer_t);

    if (!mkdtemp(dir))
        return 1;
    snprintf(store, sizeof store, "%s/store", dir);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    offer.flags = SALES_OFFER_ENABLED;
    offer.total_size = 1000;
    int good = sales_open(SALES_ABI_VERSION, store, NULL, &sales, NULL) == SALES_OK &&
               sales_offer_put(sales, 1, &offer, NULL) == SALES_OK &&
               sales_offer_get(sales, &offer.id, &seen, NULL) == SALES_OK && seen.total_size == 1000 &&
               sales_close(sales, NULL) == SALES_OK;
    good = system(command) == 0 && good;
    puts(good ? "trapped LMDB: the library has its own" : "trapped LMDB: the library does not work");
    return good ? 0 : 1;
}
