/* market.h - the requests that are posted, and the chain and the content that know of them. */
#ifndef CRASH_MARKET_H
#define CRASH_MARKET_H

#include <sales.h>

#define MARKET_SLOT_SIZE 4096

/* Seconds: a hundred of them to a real one, so that what is tried again is tried within a life. */
uint64_t market_now(void);

sales_chain_t market_chain(sales_t sales);
sales_content_t market_content(sales_t sales);

/* Posts request `number`: the ids are on the board before the library hears of it. */
sales_status_t market_post(sales_t sales, uint32_t number, sales_error_t *error);

/* Ends it on chain, then tells. */
sales_status_t market_end(sales_t sales, uint32_t number, sales_error_t *error);

#endif
