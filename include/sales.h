/* sales.h - the sales module of a storage node, over a C ABI.
 *
 * This comment and those below are the reference: what a call does, units, ranges, who may call it, its errors, and
 * what is durable when it returned. Generated from the library's source; `make header` renews it.
 *
 * THE WAY OF A HOST: sales_open, sales_register_repo, _chain, _content (and _watch), sales_start, sales_offer_put;
 * then forward the chain's events by sales_on_*, call sales_tick once a second, and answer what the callbacks ask. At
 * the end sales_stop and sales_close. A host that only keeps books registers a repo alone and calls sales_reserve,
 * sales_consumed, sales_release.
 *
 * STATUS: 0 OK, positive not an error, negative an error. Every call that can fail takes a `sales_error_t *error`,
 * which may be NULL and receives the text. Outputs are written on success only, but for a needed length. What
 * answered SALES_OK survives kill -9 and power loss. What answered an error had no lasting effect, or says that it is
 * in doubt.
 *
 * TAGS: [thread-safe] from any thread at any time, also inside a callback. [any thread, not from a callback] answers
 * SALES_ERR_IN_CALLBACK there. [callback] runs on a thread that called in, with no lock and no transaction held. [may
 * wait for the disk] for commits of its own and of other threads, never for a host. THE LIBRARY STARTS NO THREAD and
 * reads no clock: `now` is an argument.
 *
 * RE-ENTRY: a callback may call in. What follows from such a call runs in the outermost call of that thread, after
 * the callback returned: the stack does not grow. sales_reserve, sales_release, sales_consumed, sales_abandon and
 * sales_on_* answer SALES_QUEUED there: recorded in memory, durable when they are done. What is more than one call
 * does is left over, and on_deadline asks for a tick: the next call does it before what it tells itself, unless
 * another thread is at it.
 *
 * PENDING: a callback answers SALES_OK, SALES_HOST_*, or SALES_PENDING and later sales_complete(token). No call ever
 * waits for an operation at the host. A callback that owes data (a proof, a view, a request) and answers SALES_OK
 * without having completed is read as SALES_HOST_UNKNOWN.
 *
 * STRUCTS that start with `size` must have it set to their sizeof by whoever owns the memory; SALES_INIT(type) does.
 * Reserved fields are zero. Structs given to callbacks carry the library's size: read no further. No memory of the
 * library is ever handed out to be freed.
 *
 * EVERY instance call may also answer: SALES_ERR_HANDLE (zero, stale, closed), SALES_ERR_FORKED (in a forked child),
 * SALES_ERR_STORE_REOPEN and SALES_ERR_STORE_GONE (the store must be opened again), SALES_ERR_STORE_DAMAGED (its file
 * was cut short), SALES_ERR_RECORD (a record it needs is damaged; the others stay usable), SALES_ERR_FULL (inside a
 * callback: too many calls wait), SALES_ERR_IN_CALLBACK (inside a log callback), SALES_ERR_INTERNAL and
 * SALES_ERR_POISONED (a defect of the library, caught). */

#ifndef SALES_H
#define SALES_H

#include <stddef.h>
#include <stdint.h>

/* An initialised struct: `sales_offer_t offer = SALES_INIT(sales_offer_t);` All else is zero. */
#ifdef __cplusplus
template <class T> inline T sales_init() {
    T x = T();
    x.size = (uint32_t)sizeof(T);
    return x;
}
#define SALES_INIT(type) sales_init<type>()
#else
#define SALES_INIT(type) {.size = (uint32_t)sizeof(type)}
#endif

/** Done, and durable where the call says so. */
#define SALES_OK 0

/** Not done yet: an operation is pending at the host, or other work is still out. Nothing is lost. The call says how
 * it ends (a token and the watch, or: call again). */
#define SALES_PENDING 1

/** Done before and durable; nothing was changed (a repeated reserve of the same amount, a repeated release). */
#define SALES_ALREADY 2

/** A decision said no. sales_evaluate lists every reason. */
#define SALES_REFUSED 3

/** Accepted; the effect follows by itself. From sales_release: the intent is durable and is tried until the repo
 * accepts it. Inside a callback: recorded, and done by the outermost call of this thread after the callback returned;
 * the watch tells its outcome. */
#define SALES_QUEUED 4

/** sales_set_log: the process has a logger of its own (a Rust host); it gets the lines. */
#define SALES_HOST_LOGGER 5

/** An argument is null, out of range or malformed; the text names it. Correct the call. */
#define SALES_ERR_ARGUMENT (-101)

/** The handle is zero, stale, closed or not of this library. Open again. */
#define SALES_ERR_HANDLE (-102)

/** The call is not possible in this phase (not started, started, stopping). The text says which phase it needs. */
#define SALES_ERR_STATE (-103)

/** The call may not be made from inside a callback. Make it after the callback returned. */
#define SALES_ERR_IN_CALLBACK (-104)

/** A struct's size is too short or too long with a non-zero tail, or a reserved field is not zero. */
#define SALES_ERR_STRUCT (-105)

/** No such slot, sale, offer or request. */
#define SALES_ERR_NOT_FOUND (-106)

/** The token is unknown, late or completed before. Harmless: nothing was changed. */
#define SALES_ERR_TOKEN (-107)

/** The ABI version the host was compiled with is not spoken by this library. Use the matching header. */
#define SALES_ERR_VERSION (-108)

/** The process was forked after sales_open: only the parent may use the handle. Open in the child after exec. */
#define SALES_ERR_FORKED (-109)

/** This table is registered already. Stop the instance to register another. */
#define SALES_ERR_REGISTERED (-110)

/** A required entry of a callback table is missing, or a table that the call needs is not registered. */
#define SALES_ERR_TABLE (-111)

/** The caller's buffer is too short; the length needed was written. */
#define SALES_ERR_TOO_SHORT (-112)

/** Known and valid, but this version does not do it; the text says what does. */
#define SALES_ERR_UNSUPPORTED (-113)

/** The slot, or the thing asked for, is being worked on. Ask again when its operation is done. */
#define SALES_ERR_BUSY (-201)

/** The repo has not so many free bytes. */
#define SALES_ERR_NO_SPACE (-202)

/** The slot is reserved with another amount, or more was consumed than was reserved. */
#define SALES_ERR_AMOUNT (-203)

/** Nobody knows whether the repo did what it was asked for this slot. sales_reconcile or sales_resolve settles it. */
#define SALES_ERR_IN_DOUBT (-204)

/** The repo lost bytes it had acknowledged and cannot give them back: nothing new is reserved until it can. */
#define SALES_ERR_SHORT (-205)

/** The offer would be smaller, or end earlier, than what it has sold. */
#define SALES_ERR_IN_USE (-206)

/** The slot belongs to a sale: sales_abandon ends it. */
#define SALES_ERR_OWNED_BY_SALE (-207)

/** The request contradicts itself: its id is not its hash, or ask and request disagree. */
#define SALES_ERR_REQUEST (-208)

/** A sum or product of bytes, seconds or money does not fit its number. */
#define SALES_ERR_OVERFLOW (-209)

/** A bounded list of the library is full; the text says which, and its limit. */
#define SALES_ERR_FULL (-210)

/** The store could not be read or written (I/O error). What failed had no effect. */
#define SALES_ERR_STORE (-301)

/** The disk of the store is full. What failed had no effect; releases stay possible; retry when there is room. */
#define SALES_ERR_DISK_FULL (-302)

/** The store is new, but the repo holds bytes for us: another store knows whose they are. Find it, or open with
 * SALES_OPEN_RESET. */
#define SALES_ERR_STORE_NEW (-303)

/** The repo knows a later commit than this store has, or another store: this is an old copy. Find the newest, or open
 * with SALES_OPEN_RESET. */
#define SALES_ERR_STORE_STALE (-304)

/** The store is open already: in this process, by another path, or by another process. */
#define SALES_ERR_STORE_LOCKED (-305)

/** The store's file is damaged. The text says where. Restore the newest backup. */
#define SALES_ERR_STORE_DAMAGED (-306)

/** The store was written by a newer version of the library. */
#define SALES_ERR_STORE_VERSION (-307)

/** The path is missing, not a directory, or not writable. */
#define SALES_ERR_STORE_PATH (-308)

/** The path lies on a network file system, where neither locks nor syncs can be trusted. */
#define SALES_ERR_STORE_NETWORK (-309)

/** The store has its identity but its data is missing or empty. Restore the newest backup, or open with
 * SALES_OPEN_RESET. */
#define SALES_ERR_STORE_LOST (-310)

/** The store has data but no identity. Restore its identity file, or open with SALES_OPEN_RESET. */
#define SALES_ERR_STORE_IDENTITY (-311)

/** The store's file was removed or replaced while it was open. Stop, restore, open again. */
#define SALES_ERR_STORE_GONE (-312)

/** A record's checksum does not fit. Its slot is named; the rest of the store stays usable. */
#define SALES_ERR_RECORD (-313)

/** It is unknown whether the last commit is on disk. Close and open again: the next start settles it. */
#define SALES_ERR_STORE_REOPEN (-314)

/** The store is a backup. Open with SALES_OPEN_RESET to go on from it. */
#define SALES_ERR_STORE_BACKUP (-315)

/** A host answers: no effect; try again later. */
#define SALES_HOST_TRANSIENT (-401)

/** A host answers: no effect; the chain or the repo does not allow it. */
#define SALES_HOST_NOT_ALLOWED (-402)

/** A host answers: no effect; the state is another than the library thought. */
#define SALES_HOST_STATE_MISMATCH (-403)

/** A host answers: no effect, and trying again is no use. */
#define SALES_HOST_PERMANENT (-404)

/** A host answers: nobody knows whether it happened. The library asks, never guesses. Any number not in this list is
 * read so. */
#define SALES_HOST_UNKNOWN (-405)

/** A host answers: no effect; there is no room. */
#define SALES_HOST_NO_SPACE (-406)

/** A host answers a cancelled operation: nothing was or will be done. */
#define SALES_HOST_CANCELLED (-407)

/** A defect of the library was caught before it could reach the host. The text is worth a report. */
#define SALES_ERR_INTERNAL (-501)

/** A defect was caught earlier in this instance, whose memory cannot be trusted since. Close it and open again: the
 * store is sound. */
#define SALES_ERR_POISONED (-502)

/** The ABI this header describes: a host compiled with another major is refused by sales_open. */
#define SALES_ABI_MAJOR 0u

/** Grows when something is added. */
#define SALES_ABI_MINOR 1u

/** What sales_open takes: major << 16 | minor. */
#define SALES_ABI_VERSION 1u

/** Longest content id, bytes. The chain has no limit; what is longer is refused by name. */
#define SALES_CID_MAX 4096u

/** Longest proof, bytes: room for a Groth16 proof a hundred times over. */
#define SALES_PROOF_MAX 65536u

/** Characters of the longest u256 in decimal, with the 0 at its end: the buffer of sales_u256_format. */
#define SALES_U256_TEXT_MAX 79u

/** Slots of one request that are queued, chosen at random where it has more: so that no request can fill the store. */
#define SALES_REQUEST_SLOTS_MAX 256u

/** sales_options_t.flags: a reset. Starts on a new, restored or identity-less store although the repo holds bytes for
 * us; what it cannot explain is kept as surplus. */
#define SALES_OPEN_RESET 1u

/** sales_options_t.flags: the store is verified as by sales_verify before anything of it is mapped into memory. A
 * damaged one is refused, and the damages are in the log. Takes as long as reading the file. */
#define SALES_OPEN_VERIFY 2u

/** Slots attempted at a time. */
#define SALES_DEFAULT_MAX_ATTEMPTS 3u

/** Slots waiting for an attempt. */
#define SALES_DEFAULT_QUEUE_LIMIT 1024u

/** Events remembered in the history, and with them the ended slots that are told as SALES_ALREADY. */
#define SALES_DEFAULT_HISTORY_LIMIT 100000u

/** Seconds before a request's expiry after which no fill is begun: in the expiry's own second it may lock the
 * collateral for good. */
#define SALES_DEFAULT_FILL_MARGIN_S 15u

/** Seconds to the first repeat of what a host answered TRANSIENT; doubles with each. */
#define SALES_DEFAULT_BACKOFF_FIRST_S 1u

/** Seconds, the longest pause between repeats. */
#define SALES_DEFAULT_BACKOFF_LONGEST_S 60u

/** sales_at_t.flags: the log was taken back (a reorganisation). */
#define SALES_AT_REMOVED 1u

/** sales_slot_view_t: the host cannot tell. */
#define SALES_STATE_UNKNOWN 255u

/** The contract's states of a request. */
#define SALES_REQUEST_NEW 0u

#define SALES_REQUEST_STARTED 1u

#define SALES_REQUEST_CANCELLED 2u

#define SALES_REQUEST_FINISHED 3u

#define SALES_REQUEST_FAILED 4u

/** The contract's states of a slot. */
#define SALES_SLOT_FREE 0u

#define SALES_SLOT_FILLED 1u

#define SALES_SLOT_FINISHED 2u

#define SALES_SLOT_FAILED 3u

#define SALES_SLOT_PAID 4u

#define SALES_SLOT_CANCELLED 5u

#define SALES_SLOT_REPAIR 6u

/** sales_op_t.kind, by table. */
#define SALES_OP_REPO_RESERVE 1u

#define SALES_OP_REPO_RELEASE 2u

#define SALES_OP_REPO_CONSUME 3u

#define SALES_OP_CONTENT_STORE 16u

#define SALES_OP_CONTENT_PROVE 17u

#define SALES_OP_CONTENT_KEEP 18u

#define SALES_OP_CONTENT_CLEAR 19u

#define SALES_OP_CONTENT_VERIFY 20u

#define SALES_OP_CHAIN_FILL_SLOT 32u

#define SALES_OP_CHAIN_RESERVE_SLOT 33u

#define SALES_OP_CHAIN_FREE_SLOT 34u

#define SALES_OP_CHAIN_SUBMIT_PROOF 35u

#define SALES_OP_CHAIN_READ_SLOT 36u

#define SALES_OP_CHAIN_READ_CHALLENGE 37u

#define SALES_OP_CHAIN_READ_REQUEST 38u

#define SALES_OP_CHAIN_READ_MY_SLOTS 39u

/** sales_event_t.kind: a sale came into another state. */
#define SALES_EVENT_STATE 1u

/** The slot is sold: filled on chain by us. */
#define SALES_EVENT_SOLD 2u

/** A sale ended and everything it held is back, or on its way (sales_stats_t.releasing); `state` tells how. */
#define SALES_EVENT_ENDED 3u

/** Something needs a human; `text` says what. What is in doubt is told again at each start. */
#define SALES_EVENT_ALERT 4u

/** A call that answered SALES_PENDING, or SALES_QUEUED inside a callback, ended: `token`, `status`. Of calls without
 * a token only what failed is told, with token 0. */
#define SALES_EVENT_DONE 5u

/** A request was refused; sales_evaluate lists why. */
#define SALES_EVENT_REFUSED 6u

/** A reservation ended: its bytes are on their way back. */
#define SALES_EVENT_RELEASED 7u

/** sales_damage_t.kind: the file as a whole: its meta pages, its identity, a table that is missing. */
#define SALES_DAMAGE_FILE 1u

/** Pages of the data file. */
#define SALES_DAMAGE_PAGE 2u

/** A record cannot be read, or contradicts itself or another. */
#define SALES_DAMAGE_RECORD 3u

/** A sum or a count is not what the records add up to. */
#define SALES_DAMAGE_TOTAL 4u

/** An entry of an index is missing, or is there for nothing. */
#define SALES_DAMAGE_INDEX 5u

/** sales_stats_t.phase: opened; reads and offers work. */
#define SALES_PHASE_OPEN 1u

/** The books are being settled: sales_start has not done it yet, or a repair failed halfway and is tried again at
 * ticks. */
#define SALES_PHASE_RECOVERING 2u

#define SALES_PHASE_RUNNING 3u

/** Running, but nothing new is reserved: the repo lost bytes and cannot give them back. */
#define SALES_PHASE_SHORT 4u

#define SALES_PHASE_STOPPING 5u

#define SALES_PHASE_STOPPED 6u

/** Running, but it is unknown whether the last commit is on disk: close and open again. */
#define SALES_PHASE_REOPEN 7u

/** sales_sale_t.state: waits for an attempt. */
#define SALES_SALE_QUEUED 1u

#define SALES_SALE_RESERVING_SPACE 2u

#define SALES_SALE_RESERVING_SLOT 3u

#define SALES_SALE_DOWNLOADING 4u

#define SALES_SALE_INITIAL_PROVING 5u

#define SALES_SALE_FILLING 6u

/** Ours on chain. The space is kept until the request ends. */
#define SALES_SALE_FILLED 7u

#define SALES_SALE_PROVING 8u

#define SALES_SALE_PAYOUT 9u

/** The request ended well. From here on the space goes back; SALES_SALE_FLAG_ENDED tells that it did. */
#define SALES_SALE_FINISHED 10u

#define SALES_SALE_CANCELLED 11u

#define SALES_SALE_FAILED 12u

/** Taken from us on chain. */
#define SALES_SALE_LOST 13u

/** Given up by us; last_text tells why. */
#define SALES_SALE_ABANDONED 14u

/** Somebody else's, or not worth an attempt. */
#define SALES_SALE_IGNORED 15u

/** sales_sale_t.flags: everything the sale held is back, or on its way (sales_stats_t.releasing). */
#define SALES_SALE_FLAG_ENDED 1u

/** Whether the slot was filled by us is unknown: sales_resolve tells, or chain.read_slot where it is given. */
#define SALES_SALE_FLAG_IN_DOUBT 2u

/** An operation of this sale is pending at the host. */
#define SALES_SALE_FLAG_PENDING 4u

/** sales_reservation_t.flags. */
#define SALES_RESERVATION_ENDED 1u

#define SALES_RESERVATION_IN_DOUBT 2u

#define SALES_RESERVATION_OF_SALE 4u

/** sales_offer_t.flags: reserved up front. Not in version 0.1: refused by name. */
#define SALES_OFFER_HOLDS 1u

/** It takes requests. */
#define SALES_OFFER_ENABLED 2u

/** sales_reason_t.rule: there is no offer at all. */
#define SALES_RULE_NO_OFFER 1u

#define SALES_RULE_DISABLED 2u

/** The slot does not fit in what the offer has left. */
#define SALES_RULE_OFFER_SIZE 3u

/** The slot does not fit in what the repo has free. */
#define SALES_RULE_REPO_SPACE 4u

#define SALES_RULE_MIN_DURATION 5u

#define SALES_RULE_MAX_DURATION 6u

#define SALES_RULE_PRICE 7u

#define SALES_RULE_COLLATERAL 8u

#define SALES_RULE_UNTIL 9u

#define SALES_RULE_MIN_SLOT_SIZE 10u

#define SALES_RULE_MAX_SLOT_SIZE 11u

#define SALES_RULE_SLOTS_PER_REQUEST 12u

/** The request is expired, ended, or too near to its expiry to be filled. */
#define SALES_RULE_EXPIRED 13u

/** A product of the request does not fit in 256 bits. */
#define SALES_RULE_OVERFLOW 14u

/** The request cannot have come from the chain (0 slots, 0 bytes, 0 price, ...). */
#define SALES_RULE_INVALID 15u

/** The repo lost bytes: nothing new is reserved. */
#define SALES_RULE_SHORT 16u

/** The request lasts longer than the market allows. */
#define SALES_RULE_DURATION_LIMIT 17u

/** sales_abandon: also when the slot is filled on chain and its request not ended. The collateral will be lost. */
#define SALES_ABANDON_FILLED 1u

/** sales_resolve: it is said of the slot's reservation, in doubt at the repo: the state of the alert is 0. */
#define SALES_RESOLVE_RESERVATION 2u

/** sales_resolve: it is said of the slot's sale: the alert has a state. */
#define SALES_RESOLVE_SALE 4u

/** sales_reconcile: compare and tell in the stats, change nothing. */
#define SALES_RECONCILE_COMPARE 0u

/** sales_reconcile: settle what is in doubt, release surplus, reserve shortfall anew. */
#define SALES_RECONCILE_REPAIR 1u

#define SALES_LOG_OFF 0u

#define SALES_LOG_ERROR 1u

#define SALES_LOG_WARN 2u

#define SALES_LOG_INFO 3u

#define SALES_LOG_DEBUG 4u

#define SALES_LOG_TRACE 5u

/** What a call answers: 0 OK, positive not an error, negative an error. See SALES_OK and what follows it. */
typedef int32_t sales_status_t;

/** Gets a log line: its level (SALES_LOG_*), where it comes from and what it says. [callback] May not call in. */
typedef void (*sales_log_fn)(void *user_data, uint32_t level, const char *target, const char *text);

/** How to open. NULL: all defaults. */
typedef struct sales_options_t {
    uint32_t size;
    /** 0, or SALES_OPEN_*. */
    uint32_t flags;
    /** Seed of every random choice; 0: from the system. With a seed a run can be replayed. */
    uint64_t seed;
    /** Slots attempted at a time; 0: SALES_DEFAULT_MAX_ATTEMPTS. */
    uint32_t max_attempts;
    /** Slots waiting for an attempt; 0: SALES_DEFAULT_QUEUE_LIMIT. */
    uint32_t queue_limit;
    /** Events remembered; 0: SALES_DEFAULT_HISTORY_LIMIT. */
    uint32_t history_limit;
    uint32_t reserved;
} sales_options_t;

/** An instance. A number, not a pointer: a stale, closed or invented one is refused. 0 is never an instance. */
typedef uint64_t sales_t;

/** Where a call that fails writes its reason. Yours; reuse it. `size` must be set before each call. */
typedef struct sales_error_t {
    uint32_t size;
    /** The status that the call answered. */
    sales_status_t status;
    /** What was wrong and what was expected: UTF-8, ends with 0, cut at a character where too long. */
    char text[504];
} sales_error_t;

/** 32 bytes: the id of a request, a slot or an offer. */
typedef struct sales_id_t {
    uint8_t bytes[32];
} sales_id_t;

/** An operation asked of the host. */
typedef struct sales_op_t {
    uint32_t size;
    /** SALES_OP_*. */
    uint32_t kind;
    /** Keep this one number: sales_complete takes it. Valid from the moment the callback is entered. */
    uint64_t token;
    /** The same for each attempt of one act, also after a restart: a host may recognise a repeat; none has to. */
    uint8_t id[16];
    /** 1 for the first attempt; of the repo's operations always 1. */
    uint32_t attempt;
    uint32_t reserved;
    /** Which store asks, and ... */
    uint8_t store_id[16];
    /** ... the number of its last durable commit. A Repo may keep both, in the same write as its total. */
    uint64_t store_seq;
    /** Chain time after which the answer is useless; 0: none. */
    uint64_t deadline;
    /** The slot it is for; all zero: for none (recovery by total). */
    struct sales_id_t slot_id;
} sales_op_t;

/** What repo.reserved gives. */
typedef struct sales_repo_total_t {
    uint32_t size;
    uint32_t reserved0;
    /** All that this module has reserved in the repo and not released: bytes. */
    uint64_t bytes;
    /** The store id that came with the last operation the repo took effect for; zero: not kept. */
    uint8_t store_id[16];
    /** The greatest store_seq seen of that store; 0: not kept. */
    uint64_t store_seq;
} sales_repo_total_t;

/** The repo. Each entry runs on a thread that called in, with no lock held; it answers SALES_OK, SALES_PENDING (then
 * sales_complete, from any thread) or SALES_HOST_*, and may call in. It must not unwind, throw or longjmp.
 * SALES_HOST_* but UNKNOWN mean: no effect, not even a part of it. */
typedef struct sales_repo_t {
    uint32_t size;
    uint32_t reserved0;
    void *user_data;
    /** Bytes free to reserve now. [callback] Never pends. */
    sales_status_t (*available)(void *user_data, uint64_t *bytes);
    /** Takes `bytes` (1 or more) from what is free. [callback] Durable when it answers OK. */
    sales_status_t (*reserve)(void *user_data, const struct sales_op_t *op, uint64_t bytes);
    /** Gives `bytes` (1 or more) back to what is free. [callback] Durable when it answers OK. */
    sales_status_t (*release)(void *user_data, const struct sales_op_t *op, uint64_t bytes);
    /** Optional: how much is reserved for this module. [callback] Never pends. It must count what this module
     * reserved and nothing else, after every call accepted before has taken its effect. With it the books are exact
     * after every crash; without it what was in flight is in doubt after a crash, and waits for sales_resolve. */
    sales_status_t (*reserved)(void *user_data, struct sales_repo_total_t *total);
    /** Optional: turns reserved bytes into used ones in one step. [callback] Absent: release is called. */
    sales_status_t (*consume)(void *user_data, const struct sales_op_t *op, uint64_t bytes);
} sales_repo_t;

/** An account on the chain. */
typedef struct sales_address_t {
    uint8_t bytes[20];
} sales_address_t;

/** An unsigned 256-bit number, big-endian, as the chain has it: prices (tokens per byte and second), collateral
 * (tokens), probabilities. sales_u256_parse and sales_u256_format speak decimal. */
typedef struct sales_u256_t {
    uint8_t be[32];
} sales_u256_t;

/** Borrowed bytes. `data` may be NULL only when `len` is 0. */
typedef struct sales_bytes_t {
    const uint8_t *data;
    size_t len;
} sales_bytes_t;

/** A storage request, whole: what its id is the hash of. Times are seconds, sizes bytes. */
typedef struct sales_request_t {
    uint32_t size;
    struct sales_address_t client;
    struct sales_u256_t proof_probability;
    /** Tokens for one byte kept for one second. */
    struct sales_u256_t price_per_byte_per_second;
    /** Tokens a host locks for each byte of a slot. */
    struct sales_u256_t collateral_per_byte;
    /** How many slots, 1 or more. */
    uint64_t slots;
    /** Bytes of one slot. */
    uint64_t slot_size;
    /** Seconds from the request to its end. */
    uint64_t duration;
    /** Slots that may be lost before the request fails. */
    uint64_t max_slot_loss;
    /** Seconds FROM the request until it must have started, as hashed. Not the event's absolute expiry. */
    uint64_t expiry;
    /** The content id, raw: 1 to SALES_CID_MAX bytes. */
    struct sales_bytes_t cid;
    struct sales_id_t merkle_root;
    struct sales_id_t nonce;
} sales_request_t;

/** A slot, as callbacks get it. Every pointer dies when the callback returns: copy before you wait. */
typedef struct sales_slot_t {
    uint32_t size;
    uint32_t reserved;
    struct sales_id_t slot_id;
    struct sales_id_t request_id;
    uint64_t index;
    /** The whole request. Never NULL in callbacks of content and chain, but for read_request. */
    const struct sales_request_t *request;
} sales_slot_t;

/** The chain. The rules of sales_repo_t hold. What has data to give gives it by sales_complete, before or after it
 * answers SALES_PENDING. */
typedef struct sales_chain_t {
    uint32_t size;
    uint32_t reserved0;
    void *user_data;
    /** Fills the slot with a proof and the collateral (tokens). [callback] Never cancelled. Repeated with the same op
     * id after SALES_HOST_TRANSIENT, and where its outcome is not known and read_slot says that the slot is free. */
    sales_status_t (*fill_slot)(void *user_data,
                                const struct sales_op_t *op,
                                const struct sales_slot_t *slot,
                                const struct sales_bytes_t *proof,
                                const struct sales_u256_t *collateral);
    /** Optional: reserves the right to fill the slot. [callback] Our own earlier reservation is SALES_OK. */
    sales_status_t (*reserve_slot)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: collects what the slot earned. [callback] Called only after read_slot said that the slot is
     * finished, cancelled or failed: while it is filled the contract would burn the collateral. */
    sales_status_t (*free_slot)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: submits the proof of a period. [callback] Not called by version 0.1. */
    sales_status_t (*submit_proof)(void *user_data,
                                   const struct sales_op_t *op,
                                   const struct sales_slot_t *slot,
                                   const struct sales_bytes_t *proof);
    /** Optional: one consistent view of the slot, by sales_complete's `view`. [callback] */
    sales_status_t (*read_slot)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: the challenge of the current period, by sales_complete's `challenge`. [callback] Not called by
     * version 0.1. */
    sales_status_t (*read_challenge)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: the whole request, by sales_complete's `request`. [callback] Without it sales_on_request must be
     * given the whole request. */
    sales_status_t (*read_request)(void *user_data, const struct sales_op_t *op, const struct sales_id_t *request_id);
    /** Optional: every slot of this node on chain, by sales_complete's `slots`. [callback] Not called by version 0.1;
     * but where it is given, a start releases no surplus (it may belong to a slot on chain): it stays in
     * sales_stats_t.surplus. */
    sales_status_t (*read_my_slots)(void *user_data, const struct sales_op_t *op);
} sales_chain_t;

/** What a proof has to answer. */
typedef struct sales_challenge_t {
    uint32_t size;
    uint8_t required;
    uint8_t will_be_required;
    uint8_t pointer;
    uint8_t reserved;
    uint64_t period;
    struct sales_id_t challenge;
} sales_challenge_t;

/** The content of slots. The rules of sales_repo_t hold. */
typedef struct sales_content_t {
    uint32_t size;
    uint32_t reserved0;
    void *user_data;
    /** Gets the slot's content and keeps it until `until` (seconds since 1970). [callback] May tell sales_consumed as
     * bytes land. A repeated call goes on where it was. `repairing`: 1 when the slot is to be rebuilt. */
    sales_status_t (*store)(void *user_data,
                            const struct sales_op_t *op,
                            const struct sales_slot_t *slot,
                            uint64_t until,
                            uint32_t repairing);
    /** Proves the content, by sales_complete's `proof`. [callback] `challenge` is NULL without chain.read_challenge. */
    sales_status_t (*prove)(void *user_data,
                            const struct sales_op_t *op,
                            const struct sales_slot_t *slot,
                            const struct sales_challenge_t *challenge);
    /** Optional: keeps the content at least until `until`; never shortens. [callback] Absent: store is asked to keep
     * until the request's end at once. */
    sales_status_t (*keep)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot, uint64_t until);
    /** Optional: forgets the content. [callback] Called before its bytes are given back. */
    sales_status_t (*clear)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: how much of the content is stored, by sales_complete's `bytes`. [callback] Not called by version
     * 0.1. */
    sales_status_t (*verify)(void *user_data, const struct sales_op_t *op, const struct sales_slot_t *slot);
    /** Optional: store or prove is wanted no more. [callback] It must still be completed (SALES_HOST_CANCELLED says
     * it well), and nothing it holds is given back before. */
    void (*cancel)(void *user_data, uint64_t token);
} sales_content_t;

/** News, as they are told to the watch. */
typedef struct sales_event_t {
    uint32_t size;
    /** SALES_EVENT_*. */
    uint32_t kind;
    /** Counts up by one; 0: an event that is not in the history (the end of a call). */
    uint64_t number;
    /** The `now` of the call that made it: seconds since 1970. */
    uint64_t time;
    /** SALES_EVENT_DONE: the token of the call that ended. Else 0. */
    uint64_t token;
    struct sales_id_t slot_id;
    struct sales_id_t request_id;
    uint64_t index;
    /** SALES_EVENT_DONE: what the call would have answered. Else what led here, or SALES_OK. */
    sales_status_t status;
    /** SALES_SALE_*, or 0 where no sale is concerned. */
    uint32_t state;
    uint64_t bytes;
    /** The reason in words; ends with 0. */
    char text[120];
} sales_event_t;

/** Who hears the news. Told in the order of their numbers, on a thread that called in, with no lock held. */
typedef struct sales_watch_t {
    uint32_t size;
    uint32_t reserved0;
    void *user_data;
    /** [callback] */
    void (*on_event)(void *user_data, const struct sales_event_t *event);
    /** Optional: the next deadline became earlier: `at`, seconds since 1970. [callback] */
    void (*on_deadline)(void *user_data, uint64_t at);
} sales_watch_t;

/** The market's constants. Times in seconds. Without them the fill margin is the default alone. */
typedef struct sales_market_t {
    uint32_t size;
    /** Blocks in which no proof is due, of 256. */
    uint8_t proof_downtime;
    /** Percent of the collateral given off for refilling a slot in repair: 0 to 100. */
    uint8_t repair_reward_percentage;
    uint8_t max_reservations;
    uint8_t reserved;
    uint64_t period;
    uint64_t proof_timeout;
    /** Longest duration a request may have; 0: no limit. */
    uint64_t duration_limit;
} sales_market_t;

/** What the ledger knows of a slot. */
typedef struct sales_reservation_t {
    uint32_t size;
    /** SALES_RESERVATION_*. */
    uint32_t flags;
    struct sales_id_t slot_id;
    /** All zero where reserved by sales_reserve. */
    struct sales_id_t offer_id;
    /** All zero where reserved by sales_reserve. */
    struct sales_id_t request_id;
    uint64_t index;
    /** What was reserved at first. */
    uint64_t bytes;
    /** Still reserved in the repo. */
    uint64_t held;
    /** Landed: counted as used, no longer as reserved. */
    uint64_t consumed;
    /** Being given back, not yet known as done. */
    uint64_t releasing;
    /** Being turned into used bytes, not yet known as done. */
    uint64_t consuming;
    /** The request's end, seconds since 1970; 0: none. */
    uint64_t until;
    /** Tokens set aside. */
    struct sales_u256_t collateral;
} sales_reservation_t;

/** What the node sells. Limits are inclusive. */
typedef struct sales_offer_t {
    uint32_t size;
    /** SALES_OFFER_*. */
    uint32_t flags;
    /** All zero in sales_offer_put: a new offer, whose id is written here. Else the offer to change. */
    struct sales_id_t id;
    /** Bytes it may have sold at a time, 1 or more. */
    uint64_t total_size;
    /** Seconds. */
    uint64_t min_duration;
    /** Seconds; 0: no limit. */
    uint64_t max_duration;
    /** Bytes of one slot. */
    uint64_t min_slot_size;
    /** Bytes of one slot; 0: no limit. */
    uint64_t max_slot_size;
    /** No request that ends later is taken: seconds since 1970; 0: no limit. */
    uint64_t until;
    /** Tokens per byte and second, the least. */
    struct sales_u256_t min_price_per_byte_per_second;
    /** Tokens that may be locked as collateral at a time. */
    struct sales_u256_t total_collateral;
    /** Slots of one request it takes; 0: no limit. */
    uint32_t max_slots_per_request;
    uint32_t reserved;
    /** Output, ignored by sales_offer_put: bytes not sold. */
    uint64_t free_size;
    /** Output: slots sold or being attempted. */
    uint64_t sold_slots;
    /** Output: the latest end among them; 0: none. */
    uint64_t sold_until;
    /** Output: collateral not locked or set aside. */
    struct sales_u256_t free_collateral;
} sales_offer_t;

/** Where in the chain a fact was seen. NULL where a host has no blocks. */
typedef struct sales_at_t {
    uint32_t size;
    /** 0 or SALES_AT_REMOVED: the log was taken back; what waits of it has no effect any more. Of what was taken in
     * already: a slot that is ours is read again (chain.read_slot), and an end that a slot waits for while something
     * is out for it does not come. An attempt that was given up for it is not begun again, and a request that was
     * told to have started counts as started. */
    uint32_t flags;
    /** 0: unknown. With SALES_AT_REMOVED then: of whichever block. */
    uint64_t block;
    /** The block's time, seconds since 1970; 0: unknown. */
    uint64_t time;
    /** Which log of the block. The same event of the same block and log is one, however often it is told. 0, with
     * SALES_AT_REMOVED: any. */
    uint64_t log_index;
} sales_at_t;

/** The StorageRequested event: the ask, without client and content. */
typedef struct sales_ask_t {
    uint32_t size;
    uint32_t reserved;
    struct sales_id_t request_id;
    struct sales_u256_t proof_probability;
    struct sales_u256_t price_per_byte_per_second;
    struct sales_u256_t collateral_per_byte;
    uint64_t slots;
    uint64_t slot_size;
    uint64_t duration;
    uint64_t max_slot_loss;
    /** Chain time, absolute: the last second at which the request may start. The event's third field. */
    uint64_t expires_at;
    /** Chain time, absolute; 0: unknown, taken as now + duration. */
    uint64_t ends_at;
    /** The whole request, or NULL: then chain.read_request is asked when an offer matches. */
    const struct sales_request_t *request;
} sales_ask_t;

/** One reason why a request was refused by one offer. */
typedef struct sales_reason_t {
    uint32_t size;
    /** SALES_RULE_*. */
    uint32_t rule;
    /** The offer; all zero: holds for every offer. */
    struct sales_id_t offer_id;
    /** The value asked. */
    struct sales_u256_t asked;
    /** The value required. */
    struct sales_u256_t required;
    /** The same in words; ends with 0. */
    char text[120];
} sales_reason_t;

/** What chain.read_slot gives: one consistent view, not older than the call that asked for it. Where SLOT_FREED of
 * the slot or a removal of its request is told before it is given, nothing follows from it: it is asked for again
 * after a pause. */
typedef struct sales_slot_view_t {
    uint32_t size;
    /** SALES_REQUEST_*, or SALES_STATE_UNKNOWN. */
    uint8_t request_state;
    /** SALES_SLOT_*, or SALES_STATE_UNKNOWN. */
    uint8_t slot_state;
    /** 1: the slot's host is this node. 0: it is not. */
    uint8_t is_mine;
    uint8_t reserved;
    uint64_t expires_at;
    uint64_t ends_at;
    uint64_t block;
    /** The slot's collateral as it stands now. */
    struct sales_u256_t collateral;
} sales_slot_view_t;

/** The answer to an operation. Only what the operation asked for is read; all of it is copied before sales_complete
 * returns. */
typedef struct sales_result_t {
    uint32_t size;
    /** SALES_OK or SALES_HOST_*. Any other number is read as SALES_HOST_UNKNOWN. */
    sales_status_t status;
    /** Why, in words; may be NULL. */
    const char *text;
    /** content.prove: 1 to SALES_PROOF_MAX bytes, opaque, handed to fill_slot as they came. */
    struct sales_bytes_t proof;
    /** chain.read_slot. */
    const struct sales_slot_view_t *view;
    /** chain.read_challenge. */
    const struct sales_challenge_t *challenge;
    /** chain.read_request. */
    const struct sales_request_t *request;
    /** content.verify: bytes of the slot's content that are stored; 0: unknown. */
    uint64_t bytes;
    /** chain.read_my_slots: all of them; their `request` may be NULL. */
    const struct sales_slot_t *slots;
    size_t slots_len;
    size_t slots_item_size;
} sales_result_t;

/** A sale: one slot and how far it is. */
typedef struct sales_sale_t {
    uint32_t size;
    /** SALES_SALE_*. */
    uint32_t state;
    struct sales_id_t slot_id;
    struct sales_id_t request_id;
    struct sales_id_t offer_id;
    uint64_t index;
    /** Bytes of the slot. */
    uint64_t bytes;
    /** When it came into this state, seconds since 1970. */
    uint64_t since;
    /** When something is done next by time; UINT64_MAX: by an event or a completion only. */
    uint64_t next_at;
    /** The request's end, seconds since 1970. */
    uint64_t until;
    /** What the host answered last. Of a sale in doubt or over: that by which it came to be so; SALES_OK where it was
     * no answer. */
    sales_status_t last_status;
    /** Attempts of what this state does. */
    uint32_t attempt;
    /** SALES_SALE_FLAG_*. */
    uint32_t flags;
    uint32_t reserved;
    /** The reason in words: of a pause, of a doubt, of an end; empty where the status or the state says it all. Ends
     * with 0, cut off where it is longer. */
    char last_text[120];
} sales_sale_t;

/** The books and what goes on. Bytes unless said otherwise. */
typedef struct sales_stats_t {
    uint32_t size;
    /** SALES_PHASE_*. */
    uint32_t phase;
    /** H: held by records. */
    uint64_t held;
    /** Landed in live reservations. */
    uint64_t consumed;
    /** Releases and consumptions begun and not known as done. */
    uint64_t releasing;
    /** Reserves asked of the repo and not yet recorded. */
    uint64_t reserving;
    /** O: to be given back after a reserve that could not be recorded. */
    uint64_t owed;
    /** A: held by the repo, explained by no record; kept until sales_reconcile with SALES_RECONCILE_REPAIR. */
    uint64_t surplus;
    /** D: lost by the repo, and not yet reserved anew. */
    uint64_t shortfall;
    /** Slots in doubt in the books; a sale that is in doubt has SALES_SALE_FLAG_IN_DOUBT. */
    uint64_t in_doubt;
    /** Live reservations. */
    uint64_t reservations;
    /** Sales not ended. */
    uint64_t sales;
    /** Slots waiting for an attempt. */
    uint64_t queued;
    /** Slots being attempted. */
    uint64_t attempts;
    /** Operations pending at the host. */
    uint64_t pending_ops;
    /** The last recovery: bytes released as surplus. */
    uint64_t surplus_released;
    /** The last recovery: bytes reserved anew. */
    uint64_t shortfall_reserved;
    /** The last recovery: records whose release or consumption it settled. */
    uint64_t records_settled;
    /** Greatest block seen: replay from here after a restart. */
    uint64_t last_block;
    /** Calls whose `now` was smaller than an earlier one. */
    uint64_t clock_steps_back;
    /** When to tick next, seconds since 1970; UINT64_MAX: nothing waits for time. */
    uint64_t next_deadline;
    /** The number of the store's last durable commit. */
    uint64_t store_seq;
    uint8_t store_id[16];
    /** Number of the last event in the history. */
    uint64_t last_event;
    /** Requests refused by the decision since the instance was opened. */
    uint64_t requests_refused;
    /** Slots sold. */
    uint64_t slots_sold;
} sales_stats_t;

/** A damage that sales_verify found. */
typedef struct sales_damage_t {
    uint32_t size;
    /** SALES_DAMAGE_*. */
    uint32_t kind;
    /** SALES_DAMAGE_PAGE: the first page, counted from 0. A page's place in the file is its number times the page
     * size, usually 4096. */
    uint64_t page;
    /** SALES_DAMAGE_PAGE: how many pages from there on. Else 0. */
    uint64_t pages;
    /** The slot, request or offer; all zero: none. */
    struct sales_id_t id;
    /** What was found and what was expected: UTF-8, ends with 0, cut at a character where too long. */
    char text[456];
} sales_damage_t;

/** Hears of a damage. [callback] `damage` dies when it returns. */
typedef void (*sales_damage_fn)(void *user_data, const struct sales_damage_t *damage);

/** What sales_verify counted. */
typedef struct sales_verify_t {
    uint32_t size;
    uint32_t reserved;
    /** Damages; each was told. */
    uint64_t damages;
    /** Pages that damages were about; one that is damaged twice counts twice. */
    uint64_t damaged_pages;
    /** Pages of the data file, up to the last in use. */
    uint64_t pages;
    /** Those of them that are free. */
    uint64_t free_pages;
    /** Bytes of the data file. */
    uint64_t file_bytes;
    /** Records and index entries that could be read. */
    uint64_t records;
    /** The number of the last commit. */
    uint64_t store_seq;
    /** The id under which the repo knows the store. */
    uint8_t store_id[16];
    /** Live reservations, counted from the records, as what follows: bytes. */
    uint64_t reservations;
    uint64_t held;
    uint64_t consumed;
    uint64_t releasing;
} sales_verify_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/** The ABI version this library speaks: major << 16 | minor. [thread-safe] */
uint32_t sales_abi_version(void);

/** The library's version, as "0.1.0". Lives as long as the library. [thread-safe] */
const char *sales_version(void);

/** The name of a status, as "SALES_ERR_BUSY"; "unknown status" for a number not in the list. Lives as long as the
 * library. [thread-safe] */
const char *sales_status_name(sales_status_t status);

/** The name of a sale's state (SALES_SALE_*), as "downloading"; "unknown state" for another number. Lives as long as
 * the library. [thread-safe] */
const char *sales_state_name(uint32_t state);

/** Where log lines go, for the whole process: up to `level` (SALES_LOG_*). Each line names its instance. NULL:
 * nowhere. Delivered with no lock held; the callback may not call in (SALES_ERR_IN_CALLBACK). [thread-safe]
 * SALES_HOST_LOGGER: the process has a logger of its own, which gets the lines.
 * SALES_ERR_ARGUMENT: a level that is not in the list. */
sales_status_t sales_set_log(sales_log_fn log, void *user_data, uint32_t level);

/** Opens the store in the directory `path` (made if its parent is there), or makes a new one. From now on reads and
 * offers work. One instance a directory: another in this process or in any other is refused. [thread-safe] [may wait
 * for the disk]
 *
 * `abi_version`: SALES_ABI_VERSION, as you were compiled. `options`: NULL for the defaults. `sales`: the handle,
 * written on SALES_OK.
 * SALES_ERR_VERSION, SALES_ERR_ARGUMENT (path NULL or empty), SALES_ERR_STRUCT, and of the store:
 * SALES_ERR_STORE_PATH, _LOCKED, _NETWORK, _DAMAGED, _VERSION, _LOST, _IDENTITY, SALES_ERR_DISK_FULL,
 * SALES_ERR_STORE. */
sales_status_t sales_open(uint32_t abi_version,
                          const char *path,
                          const struct sales_options_t *options,
                          sales_t *sales,
                          struct sales_error_t *error);

/** Registers the repo; required before sales_start. The table is copied; what user_data points to must live until
 * sales_close returned (closed inside a callback: until the last call has left). [thread-safe]
 * SALES_ERR_TABLE (available, reserve or release missing), SALES_ERR_REGISTERED, SALES_ERR_STATE (started),
 * SALES_ERR_STRUCT. */
sales_status_t sales_register_repo(sales_t sales,
                                   const struct sales_repo_t *repo,
                                   struct sales_error_t *error);

/** Registers the chain, as sales_register_repo. Needed to sell; a host that only keeps books needs none.
 * [thread-safe]
 * SALES_ERR_TABLE (fill_slot missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT. */
sales_status_t sales_register_chain(sales_t sales, const struct sales_chain_t *chain, struct sales_error_t *error);

/** Registers the content, as sales_register_repo. Needed to sell. [thread-safe]
 * SALES_ERR_TABLE (store or prove missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT. */
sales_status_t sales_register_content(sales_t sales,
                                      const struct sales_content_t *content,
                                      struct sales_error_t *error);

/** Registers who hears the news; optional. As sales_register_repo. [thread-safe]
 * SALES_ERR_TABLE (on_event missing), SALES_ERR_REGISTERED, SALES_ERR_STATE, SALES_ERR_STRUCT. */
sales_status_t sales_register_watch(sales_t sales, const struct sales_watch_t *watch, struct sales_error_t *error);

/** The market's constants; optional, before sales_start. [thread-safe]
 * SALES_ERR_ARGUMENT (a percentage above 100), SALES_ERR_STATE, SALES_ERR_STRUCT. */
sales_status_t sales_set_market(sales_t sales, const struct sales_market_t *market, struct sales_error_t *error);

/** Settles the books with the repo (recovery by total), then resumes every sale where it was. `now`: chain time, the
 * host's best knowledge, seconds since 1970. [any thread, not from a callback] [may wait for the disk]
 *
 * SALES_OK: running; sales_stats_t.phase tells whether short. SALES_PENDING: the repo has a release or reserve of the
 * recovery pending: complete it and call again. After sales_stop it starts again.
 * SALES_ERR_TABLE (no repo), SALES_ERR_STATE (running, or stopped meanwhile), SALES_ERR_IN_CALLBACK,
 * SALES_ERR_STORE_NEW, SALES_ERR_STORE_STALE, SALES_ERR_STORE_BACKUP, SALES_HOST_* (repo.reserved failed: call
 * again), SALES_ERR_STORE, SALES_ERR_DISK_FULL. What failed changed nothing that the next call would not settle. */
sales_status_t sales_start(sales_t sales,
                           uint64_t now,
                           struct sales_error_t *error);

/** Asks to stop: nothing new begins, content operations are cancelled. SALES_PENDING while operations are out at the
 * host (sales_stats_t.pending_ops): complete them and call again; where none is, calls left more to do than one does:
 * call again. Never waits for them. sales_start begins again. [any thread, not from a callback] [may wait for the
 * disk]
 * SALES_ALREADY (stopped before), SALES_ERR_STATE (not started), SALES_ERR_IN_CALLBACK, SALES_ERR_DISK_FULL,
 * SALES_ERR_STORE (call again). */
sales_status_t sales_stop(sales_t sales,
                          uint64_t now,
                          struct sales_error_t *error);

/** Closes. Waits for other threads inside a call, never for operations at the host: those are left to the next start,
 * and their completion answers SALES_ERR_HANDLE. Inside a callback it takes effect when the last call leaves. 0 is
 * SALES_OK. [thread-safe] [may wait for the disk]
 * SALES_ERR_HANDLE (closed already, or never opened). */
sales_status_t sales_close(sales_t sales,
                           struct sales_error_t *error);

/** Reserves `bytes` (1 to 2^64-1) in the repo for a slot, whose id is a hash: neither all 0 nor all 0xff. At most one
 * live reservation a slot. [thread-safe] [may wait for the disk]
 *
 * SALES_OK: reserved, durable. SALES_ALREADY: it was, with this amount; nothing more was reserved. SALES_PENDING: the
 * repo pends; `token` (may be NULL) is the one that SALES_EVENT_DONE will name. SALES_QUEUED: inside a callback, done
 * after it returned; `token` likewise, and nothing is durable yet.
 * SALES_ERR_ARGUMENT (0 bytes), SALES_ERR_AMOUNT (live with another amount), SALES_ERR_BUSY, SALES_ERR_OWNED_BY_SALE,
 * SALES_ERR_NO_SPACE, SALES_ERR_SHORT, SALES_ERR_OVERFLOW (the sum of all that is held does not fit),
 * SALES_ERR_IN_DOUBT (the repo's outcome is unknown: sales_reconcile or sales_resolve), SALES_ERR_STATE, SALES_HOST_*
 * (the repo refused), SALES_ERR_DISK_FULL, SALES_ERR_STORE. But for IN_DOUBT an error had no lasting effect. */
sales_status_t sales_reserve(sales_t sales,
                             uint64_t now,
                             const struct sales_id_t *slot_id,
                             uint64_t bytes,
                             uint64_t *token,
                             struct sales_error_t *error);

/** Ends the reservation of a slot and gives what it still holds back to the repo, exactly once. [thread-safe] [may
 * wait for the disk]
 *
 * SALES_OK: ended, given back. SALES_ALREADY: it ended before, as far as the history remembers. SALES_QUEUED: ended,
 * durable; the repo refused for now, and is asked again at ticks. SALES_PENDING, `token`: as sales_reserve.
 * SALES_ERR_NOT_FOUND, SALES_ERR_BUSY, SALES_ERR_OWNED_BY_SALE, SALES_ERR_IN_DOUBT, SALES_ERR_STATE,
 * SALES_ERR_DISK_FULL, SALES_ERR_STORE. */
sales_status_t sales_release(sales_t sales,
                             uint64_t now,
                             const struct sales_id_t *slot_id,
                             uint64_t *token,
                             struct sales_error_t *error);

/** Tells how many bytes of the slot's content have landed IN TOTAL: they turn from reserved into used. Repeats and
 * lower totals change nothing. Never busy: what arrives while the slot is worked on goes with the next step.
 * [thread-safe] [may wait for the disk]
 *
 * SALES_OK: recorded, durable. SALES_ALREADY: not above what was told before. SALES_QUEUED: inside a callback, done
 * after it returned, but not to a sale of the slot that begins after this call; of several only the greatest.
 * SALES_ERR_NOT_FOUND (no live reservation), SALES_ERR_AMOUNT (more than was reserved), SALES_ERR_BUSY (only while a
 * reconcile works), SALES_ERR_STATE, SALES_ERR_DISK_FULL, SALES_ERR_STORE. */
sales_status_t sales_consumed(sales_t sales,
                              uint64_t now,
                              const struct sales_id_t *slot_id,
                              uint64_t total,
                              struct sales_error_t *error);

/** What the ledger knows of a slot; of a reserve in doubt that nothing is recorded of, the flag alone. [thread-safe]
 * SALES_ERR_NOT_FOUND, SALES_ERR_RECORD (its checksum does not fit), SALES_ERR_STRUCT. */
sales_status_t sales_reservation(sales_t sales,
                                 const struct sales_id_t *slot_id,
                                 struct sales_reservation_t *out,
                                 struct sales_error_t *error);

/** A page of the ledger, in the order of slot ids, after `after` (NULL: from the first), of one offer or (NULL) of
 * all. `item_size`: sizeof of your sales_reservation_t; `*len`: places in `out` on entry, entries written on return;
 * fewer than places: the end. [thread-safe]
 * SALES_ERR_ARGUMENT, SALES_ERR_STRUCT. */
sales_status_t sales_reservations(sales_t sales,
                                  const struct sales_id_t *offer_id,
                                  const struct sales_id_t *after,
                                  struct sales_reservation_t *out,
                                  size_t item_size,
                                  size_t *len,
                                  struct sales_error_t *error);

/** Tells what nobody knew. The SALES_EVENT_ALERT of the slot asked it: whether the repo's call took effect (`applied`
 * 1) or not (0); after a restart, of a reserve, whether its bytes are reserved now; of a sale, whether the slot is
 * ours on chain, and for one that was filled, whether its request runs, too (0: it ends as lost, and nothing is
 * collected); a chain that can be read by now is asked instead. What depends on it goes on. Both may be in doubt, or
 * another by the time the word comes: `applied | SALES_RESOLVE_RESERVATION` answers an alert without a state, and
 * `applied | SALES_RESOLVE_SALE` one with a state, and nothing else. [thread-safe] [may wait for the disk]
 * SALES_OK, SALES_QUEUED (inside a callback; not done to a sale that begins after this call), SALES_ERR_NOT_FOUND
 * (nothing of this slot is in doubt, or not that), SALES_ERR_BUSY (the books are being settled by the total),
 * SALES_ERR_ARGUMENT (also: both are in doubt, and it does not say of which it is said), SALES_ERR_STATE. */
sales_status_t sales_resolve(sales_t sales,
                             uint64_t now,
                             const struct sales_id_t *slot_id,
                             uint32_t applied,
                             struct sales_error_t *error);

/** Compares the books with repo.reserved on a running instance: SALES_RECONCILE_COMPARE, or _REPAIR, which settles
 * what is in doubt, releases surplus (also what a reset had kept) and reserves shortfall anew. sales_stats has the
 * figures. Refuses new operations while it works (SALES_ERR_BUSY), and compares nothing while one is out at the host:
 * SALES_PENDING, call again. [any thread, not from a callback] [may wait for the disk]
 * SALES_HOST_STATE_MISMATCH: compared only, and the totals differ; the text has both.
 * SALES_ERR_TABLE (no repo.reserved), SALES_ERR_STATE, SALES_ERR_IN_CALLBACK, SALES_ERR_ARGUMENT, SALES_HOST_* (the
 * repo failed; a repair is tried again at ticks), SALES_ERR_STORE. */
sales_status_t sales_reconcile(sales_t sales,
                               uint64_t now,
                               uint32_t mode,
                               struct sales_error_t *error);

/** Makes an offer (id all zero; the new id is written to `offer->id`) or changes one. Durable on SALES_OK. An offer
 * holds nothing up front: each slot takes what the repo has when it is sold. Works from sales_open on. [thread-safe]
 * [may wait for the disk]
 * SALES_ERR_ARGUMENT (a field, by name), SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (smaller or ending earlier than what
 * it has sold), SALES_ERR_UNSUPPORTED (SALES_OFFER_HOLDS), SALES_ERR_STRUCT, SALES_ERR_DISK_FULL, SALES_ERR_STORE. */
sales_status_t sales_offer_put(sales_t sales,
                               uint64_t now,
                               struct sales_offer_t *offer,
                               struct sales_error_t *error);

/** An offer, with what it has left. [thread-safe]
 * SALES_ERR_NOT_FOUND, SALES_ERR_STRUCT. */
sales_status_t sales_offer_get(sales_t sales,
                               const struct sales_id_t *id,
                               struct sales_offer_t *out,
                               struct sales_error_t *error);

/** Removes an offer. What it has sold stays sold. [thread-safe] [may wait for the disk]
 * SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (slots of it are sold or being attempted: disable it and remove it later),
 * SALES_ERR_STORE. */
sales_status_t sales_offer_remove(sales_t sales,
                                  uint64_t now,
                                  const struct sales_id_t *id,
                                  struct sales_error_t *error);

/** A page of the offers, in the order of their ids; as sales_reservations. [thread-safe]
 * SALES_ERR_ARGUMENT, SALES_ERR_STRUCT. */
sales_status_t sales_offer_list(sales_t sales,
                                const struct sales_id_t *after,
                                struct sales_offer_t *out,
                                size_t item_size,
                                size_t *len,
                                struct sales_error_t *error);

/** A request was posted (StorageRequested). It is decided on; when an offer matches, its slots are queued, durably,
 * and attempted: what can be done at once is done in this call. [thread-safe] [may wait for the disk]
 *
 * SALES_OK: accepted. SALES_ALREADY: known. SALES_REFUSED: by the decision; sales_evaluate lists why. SALES_QUEUED:
 * inside a callback, done after it returned. `at`: where it was seen, or NULL. SALES_ERR_ARGUMENT (cid empty or too
 * long, no whole request and no chain.read_request), SALES_ERR_REQUEST (the id is not the request's hash; ask and
 * request disagree), SALES_ERR_TABLE (no chain or content registered), SALES_ERR_STATE, SALES_ERR_STRUCT,
 * SALES_ERR_DISK_FULL, SALES_ERR_STORE. */
sales_status_t sales_on_request(sales_t sales,
                                uint64_t now,
                                const struct sales_at_t *at,
                                const struct sales_ask_t *ask,
                                struct sales_error_t *error);

/** Dry run: would this ask be accepted now, and if not, why. Every rule that fails is listed, for every offer, with
 * the value asked and the value required. Changes nothing. `*len`: places in `out` on entry, the number of reasons on
 * return (what does not fit is left out). `out` may be NULL when `*len` is 0. [thread-safe]
 * SALES_OK: some offer matches (the list then holds what the others refuse). SALES_REFUSED: none does.
 * SALES_ERR_ARGUMENT, SALES_ERR_STRUCT. */
sales_status_t sales_evaluate(sales_t sales,
                              uint64_t now,
                              const struct sales_ask_t *ask,
                              struct sales_reason_t *out,
                              size_t item_size,
                              size_t *len,
                              struct sales_error_t *error);

/** A slot was filled (SlotFilled), by anyone. Before a fill of ours was submitted it was another: the attempt is
 * dropped and its space given back. After, the chain is read where it can be, else our own fill's answer decides.
 * [thread-safe] [may wait for the disk]
 * SALES_OK: durable. SALES_ALREADY: nothing of it concerns us. SALES_QUEUED: inside a callback, or another thread is
 * at this sale, or at this request, and takes it in.
 * SALES_ERR_STATE, SALES_ERR_DISK_FULL, SALES_ERR_STORE (not durable: kept in memory, before what is told of the
 * request later but its end, and tried again at ticks; told again, it counts once; after a restart tell it again),
 * SALES_ERR_FULL (not kept, because 4096 wait already: tell it again). */
sales_status_t sales_on_slot_filled(sales_t sales,
                                    uint64_t now,
                                    const struct sales_at_t *at,
                                    const struct sales_id_t *request_id,
                                    uint64_t index,
                                    struct sales_error_t *error);

/** A slot was freed (SlotFreed): it is decided on anew, unless an attempt of ours on it is still ending. One that we
 * had filled is lost only if chain.read_slot says so. As sales_on_slot_filled. [thread-safe] [may wait for the disk] */
sales_status_t sales_on_slot_freed(sales_t sales,
                                   uint64_t now,
                                   const struct sales_at_t *at,
                                   const struct sales_id_t *request_id,
                                   uint64_t index,
                                   struct sales_error_t *error);

/** A slot has all its reservations on chain (SlotReservationsFull): it leaves the queue. As sales_on_slot_filled.
 * [thread-safe] [may wait for the disk] */
sales_status_t sales_on_slot_reservations_full(sales_t sales,
                                               uint64_t now,
                                               const struct sales_at_t *at,
                                               const struct sales_id_t *request_id,
                                               uint64_t index,
                                               struct sales_error_t *error);

/** All slots of a request are filled (RequestFulfilled): its expiry no longer counts. As sales_on_slot_filled.
 * [thread-safe] [may wait for the disk] */
sales_status_t sales_on_request_fulfilled(sales_t sales,
                                          uint64_t now,
                                          const struct sales_at_t *at,
                                          const struct sales_id_t *request_id,
                                          struct sales_error_t *error);

/** A request was cancelled: it expired unfilled (the contract sends RequestCancelled only when the client withdraws).
 * Its slots are paid out where that can be done, and all space is given back. As sales_on_slot_filled. [thread-safe]
 * [may wait for the disk] */
sales_status_t sales_on_request_cancelled(sales_t sales,
                                          uint64_t now,
                                          const struct sales_at_t *at,
                                          const struct sales_id_t *request_id,
                                          struct sales_error_t *error);

/** A request failed (RequestFailed): too many of its slots were lost. All space is given back. As
 * sales_on_slot_filled. [thread-safe] [may wait for the disk] */
sales_status_t sales_on_request_failed(sales_t sales,
                                       uint64_t now,
                                       const struct sales_at_t *at,
                                       const struct sales_id_t *request_id,
                                       struct sales_error_t *error);

/** A request ended well: the host says so (the contract sends no event; `now` > its end). Its slots are paid out
 * where that can be done, and all space is given back. As sales_on_slot_filled. [thread-safe] [may wait for the disk] */
sales_status_t sales_on_request_ended(sales_t sales,
                                      uint64_t now,
                                      const struct sales_at_t *at,
                                      const struct sales_id_t *request_id,
                                      struct sales_error_t *error);

/** Completes an operation. From any thread, also inside the callback that was given the token; `result` is copied.
 * What follows runs in this call, or, inside a callback, after it returned. Each token completes once. The answer
 * tells whether the completion was accepted, nothing else. [thread-safe] [may wait for the disk]
 * SALES_ERR_TOKEN (unknown, late, or completed before: harmless), SALES_ERR_ARGUMENT (the result lacks what the
 * operation owes: it is then still open), SALES_ERR_STRUCT, SALES_ERR_HANDLE. */
sales_status_t sales_complete(sales_t sales,
                              uint64_t now,
                              uint64_t token,
                              const struct sales_result_t *result,
                              struct sales_error_t *error);

/** Lets time pass: what is due by `now` is done. Once a second is always enough; with nothing due it touches no disk
 * and calls nobody. [thread-safe] [may wait for the disk]
 * SALES_QUEUED: inside a callback; nothing is done, tick again. SALES_ERR_STATE, SALES_ERR_STORE,
 * SALES_ERR_DISK_FULL. */
sales_status_t sales_tick(sales_t sales,
                          uint64_t now,
                          struct sales_error_t *error);

/** When sales_tick will next have something to do: seconds since 1970; UINT64_MAX: nothing waits for time.
 * [thread-safe] */
sales_status_t sales_next_deadline(sales_t sales, uint64_t *at, struct sales_error_t *error);

/** Ends a sale by hand; its space is given back. `flags`: 0 or SALES_ABANDON_FILLED. [thread-safe] [may wait for the
 * disk]
 * SALES_OK, SALES_ALREADY (ended), SALES_QUEUED (inside a callback, and not done to a sale that begins after this
 * call; or what is out at the host is waited for, and cancelled where it can be; or another thread is at the sale,
 * which is kept all the same if it is filled by then and flags is 0), SALES_ERR_NOT_FOUND, SALES_ERR_IN_USE (filled,
 * or a fill is out, and not SALES_ABANDON_FILLED), SALES_ERR_ARGUMENT, SALES_ERR_STATE. */
sales_status_t sales_abandon(sales_t sales,
                             uint64_t now,
                             const struct sales_id_t *slot_id,
                             uint32_t flags,
                             struct sales_error_t *error);

/** A sale, also an ended one as long as the history remembers it. [thread-safe]
 * SALES_ERR_NOT_FOUND, SALES_ERR_STRUCT. */
sales_status_t sales_sale(sales_t sales,
                          const struct sales_id_t *slot_id,
                          struct sales_sale_t *out,
                          struct sales_error_t *error);

/** A page of the sales, in the order of slot ids; as sales_reservations. [thread-safe]
 * SALES_ERR_ARGUMENT, SALES_ERR_STRUCT. */
sales_status_t sales_sales(sales_t sales,
                           const struct sales_id_t *after,
                           struct sales_sale_t *out,
                           size_t item_size,
                           size_t *len,
                           struct sales_error_t *error);

/** The books and what goes on. [thread-safe]
 * SALES_ERR_STRUCT. */
sales_status_t sales_stats(sales_t sales, struct sales_stats_t *out, struct sales_error_t *error);

/** Verifies the store in the directory `path`, which nobody may have open: every page of its data file, read without
 * mapping it; every record; and the totals, counts and indexes, made anew from the records. Nothing is changed, and
 * no damage, whatever it is, can harm the process. [thread-safe] [may wait for the disk]
 *
 * `on_damage`: hears each damage in this call, on this thread, with nothing held but the store's lock; NULL: only the
 * first is told, in `error`. It may call in. `out`: what was counted, written also when the store is damaged; NULL:
 * not wanted.
 * SALES_OK: no damage.
 * SALES_ERR_STORE_DAMAGED: the file or its pages are damaged; what could be read was verified all the same. Restore
 * the newest backup.
 * SALES_ERR_RECORD: the pages are whole, but not what is in them.
 * SALES_ERR_ARGUMENT (path NULL or empty), SALES_ERR_STRUCT, SALES_ERR_STORE_LOCKED (somebody has it open),
 * SALES_ERR_STORE_PATH (no store is there), SALES_ERR_STORE_LOST, _VERSION, _NETWORK, SALES_ERR_STORE,
 * SALES_ERR_FORKED, SALES_ERR_IN_CALLBACK (a log callback). */
sales_status_t sales_verify(const char *path,
                            sales_damage_fn on_damage,
                            void *user_data,
                            struct sales_verify_t *out,
                            struct sales_error_t *error);

/** The id of a request: keccak256(abi.encode(request)), as the contract computes it. [thread-safe]
 * SALES_ERR_ARGUMENT (cid empty or longer than SALES_CID_MAX), SALES_ERR_STRUCT. */
sales_status_t sales_request_id(const struct sales_request_t *request,
                                struct sales_id_t *out,
                                struct sales_error_t *error);

/** The id of a slot: keccak256(abi.encode(request_id, index)), as the contract computes it. [thread-safe]
 * SALES_ERR_ARGUMENT. */
sales_status_t sales_slot_id(const struct sales_id_t *request_id,
                             uint64_t index,
                             struct sales_id_t *out,
                             struct sales_error_t *error);

/** Reads a decimal number, 0 to 2^256-1: digits only. [thread-safe]
 * SALES_ERR_ARGUMENT (NULL, empty, other than digits), SALES_ERR_OVERFLOW. */
sales_status_t sales_u256_parse(const char *decimal, struct sales_u256_t *out, struct sales_error_t *error);

/** Writes a number in decimal. `out` has room for SALES_U256_TEXT_MAX characters, its end included. [thread-safe]
 * SALES_ERR_ARGUMENT. */
sales_status_t sales_u256_format(const struct sales_u256_t *value, char *out, struct sales_error_t *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SALES_H */
