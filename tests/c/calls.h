/* calls.h - every export of the library, once: X(type, name, (parameters), (arguments)). */
#ifndef CALLS_H
#define CALLS_H

#define SALES_CALLS(X) \
    X(uint32_t, sales_abi_version, (void), ()) \
    X(const char *, sales_version, (void), ()) \
    X(const char *, sales_status_name, (sales_status_t status), (status)) \
    X(const char *, sales_state_name, (uint32_t state), (state)) \
    X(sales_status_t, sales_set_log, \
      (sales_log_fn log, void *user_data, uint32_t level), \
      (log, user_data, level)) \
    X(sales_status_t, sales_open, \
      (uint32_t abi_version, const char *path, const sales_options_t *options, sales_t *sales, \
       sales_error_t *error), \
      (abi_version, path, options, sales, error)) \
    X(sales_status_t, sales_register_repo, \
      (sales_t sales, const sales_repo_t *repo, sales_error_t *error), \
      (sales, repo, error)) \
    X(sales_status_t, sales_register_chain, \
      (sales_t sales, const sales_chain_t *chain, sales_error_t *error), \
      (sales, chain, error)) \
    X(sales_status_t, sales_register_content, \
      (sales_t sales, const sales_content_t *content, sales_error_t *error), \
      (sales, content, error)) \
    X(sales_status_t, sales_register_watch, \
      (sales_t sales, const sales_watch_t *watch, sales_error_t *error), \
      (sales, watch, error)) \
    X(sales_status_t, sales_set_market, \
      (sales_t sales, const sales_market_t *market, sales_error_t *error), \
      (sales, market, error)) \
    X(sales_status_t, sales_start, \
      (sales_t sales, uint64_t now, sales_error_t *error), \
      (sales, now, error)) \
    X(sales_status_t, sales_stop, \
      (sales_t sales, uint64_t now, sales_error_t *error), \
      (sales, now, error)) \
    X(sales_status_t, sales_close, (sales_t sales, sales_error_t *error), (sales, error)) \
    X(sales_status_t, sales_reserve, \
      (sales_t sales, uint64_t now, const sales_id_t *slot_id, uint64_t bytes, uint64_t *token, \
       sales_error_t *error), \
      (sales, now, slot_id, bytes, token, error)) \
    X(sales_status_t, sales_release, \
      (sales_t sales, uint64_t now, const sales_id_t *slot_id, uint64_t *token, sales_error_t *error), \
      (sales, now, slot_id, token, error)) \
    X(sales_status_t, sales_consumed, \
      (sales_t sales, uint64_t now, const sales_id_t *slot_id, uint64_t total, sales_error_t *error), \
      (sales, now, slot_id, total, error)) \
    X(sales_status_t, sales_reservation, \
      (sales_t sales, const sales_id_t *slot_id, sales_reservation_t *out, sales_error_t *error), \
      (sales, slot_id, out, error)) \
    X(sales_status_t, sales_reservations, \
      (sales_t sales, const sales_id_t *offer_id, const sales_id_t *after, sales_reservation_t *out, \
       size_t item_size, size_t *len, sales_error_t *error), \
      (sales, offer_id, after, out, item_size, len, error)) \
    X(sales_status_t, sales_resolve, \
      (sales_t sales, uint64_t now, const sales_id_t *slot_id, uint32_t applied, sales_error_t *error), \
      (sales, now, slot_id, applied, error)) \
    X(sales_status_t, sales_reconcile, \
      (sales_t sales, uint64_t now, uint32_t mode, sales_error_t *error), \
      (sales, now, mode, error)) \
    X(sales_status_t, sales_offer_put, \
      (sales_t sales, uint64_t now, sales_offer_t *offer, sales_error_t *error), \
      (sales, now, offer, error)) \
    X(sales_status_t, sales_offer_get, \
      (sales_t sales, const sales_id_t *id, sales_offer_t *out, sales_error_t *error), \
      (sales, id, out, error)) \
    X(sales_status_t, sales_offer_remove, \
      (sales_t sales, uint64_t now, const sales_id_t *id, sales_error_t *error), \
      (sales, now, id, error)) \
    X(sales_status_t, sales_offer_list, \
      (sales_t sales, const sales_id_t *after, sales_offer_t *out, size_t item_size, size_t *len, \
       sales_error_t *error), \
      (sales, after, out, item_size, len, error)) \
    X(sales_status_t, sales_on_request, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_ask_t *ask, sales_error_t *error), \
      (sales, now, at, ask, error)) \
    X(sales_status_t, sales_evaluate, \
      (sales_t sales, uint64_t now, const sales_ask_t *ask, sales_reason_t *out, size_t item_size, \
       size_t *len, sales_error_t *error), \
      (sales, now, ask, out, item_size, len, error)) \
    X(sales_status_t, sales_on_slot_filled, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, uint64_t index, \
       sales_error_t *error), \
      (sales, now, at, request_id, index, error)) \
    X(sales_status_t, sales_on_slot_freed, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, uint64_t index, \
       sales_error_t *error), \
      (sales, now, at, request_id, index, error)) \
    X(sales_status_t, sales_on_slot_reservations_full, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, uint64_t index, \
       sales_error_t *error), \
      (sales, now, at, request_id, index, error)) \
    X(sales_status_t, sales_on_request_fulfilled, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, sales_error_t \
       *error), \
      (sales, now, at, request_id, error)) \
    X(sales_status_t, sales_on_request_cancelled, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, sales_error_t \
       *error), \
      (sales, now, at, request_id, error)) \
    X(sales_status_t, sales_on_request_failed, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, sales_error_t \
       *error), \
      (sales, now, at, request_id, error)) \
    X(sales_status_t, sales_on_request_ended, \
      (sales_t sales, uint64_t now, const sales_at_t *at, const sales_id_t *request_id, sales_error_t \
       *error), \
      (sales, now, at, request_id, error)) \
    X(sales_status_t, sales_complete, \
      (sales_t sales, uint64_t now, uint64_t token, const sales_result_t *result, sales_error_t *error), \
      (sales, now, token, result, error)) \
    X(sales_status_t, sales_tick, \
      (sales_t sales, uint64_t now, sales_error_t *error), \
      (sales, now, error)) \
    X(sales_status_t, sales_next_deadline, \
      (sales_t sales, uint64_t *at, sales_error_t *error), \
      (sales, at, error)) \
    X(sales_status_t, sales_abandon, \
      (sales_t sales, uint64_t now, const sales_id_t *slot_id, uint32_t flags, sales_error_t *error), \
      (sales, now, slot_id, flags, error)) \
    X(sales_status_t, sales_sale, \
      (sales_t sales, const sales_id_t *slot_id, sales_sale_t *out, sales_error_t *error), \
      (sales, slot_id, out, error)) \
    X(sales_status_t, sales_sales, \
      (sales_t sales, const sales_id_t *after, sales_sale_t *out, size_t item_size, size_t *len, \
       sales_error_t *error), \
      (sales, after, out, item_size, len, error)) \
    X(sales_status_t, sales_stats, \
      (sales_t sales, sales_stats_t *out, sales_error_t *error), \
      (sales, out, error)) \
    X(sales_status_t, sales_verify, \
      (const char *path, sales_damage_fn on_damage, void *user_data, sales_verify_t *out, \
       sales_error_t *error), \
      (path, on_damage, user_data, out, error)) \
    X(sales_status_t, sales_request_id, \
      (const sales_request_t *request, sales_id_t *out, sales_error_t *error), \
      (request, out, error)) \
    X(sales_status_t, sales_slot_id, \
      (const sales_id_t *request_id, uint64_t index, sales_id_t *out, sales_error_t *error), \
      (request_id, index, out, error)) \
    X(sales_status_t, sales_u256_parse, \
      (const char *decimal, sales_u256_t *out, sales_error_t *error), \
      (decimal, out, error)) \
    X(sales_status_t, sales_u256_format, \
      (const sales_u256_t *value, char *out, sales_error_t *error), \
      (value, out, error))

#endif
