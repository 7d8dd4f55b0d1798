//! The named numbers of the header: versions, flags, kinds, phases, states, rules, limits and defaults.
//! Statuses are in [`crate::status`]. A name that says it all has no comment of its own, in the header neither.
#![allow(missing_docs)]

/// The ABI this header describes: a host compiled with another major is refused by sales_open.
pub const SALES_ABI_MAJOR: u32 = 0;
/// Grows when something is added.
pub const SALES_ABI_MINOR: u32 = 1;
/// What sales_open takes: major << 16 | minor.
pub const SALES_ABI_VERSION: u32 = 1;

/// Longest content id, bytes. The chain has no limit; what is longer is refused by name.
pub const SALES_CID_MAX: u32 = 4096;
/// Longest proof, bytes: room for a Groth16 proof a hundred times over.
pub const SALES_PROOF_MAX: u32 = 65536;
/// Characters of the longest u256 in decimal, with the 0 at its end: the buffer of sales_u256_format.
pub const SALES_U256_TEXT_MAX: u32 = 79;
/// Slots of one request that are queued, chosen at random where it has more: so that no request can fill the store.
pub const SALES_REQUEST_SLOTS_MAX: u32 = 256;

/// sales_options_t.flags: a reset. Starts on a new, restored or identity-less store although the repo
/// holds bytes for us; what it cannot explain is kept as surplus.
pub const SALES_OPEN_RESET: u32 = 1;
/// sales_options_t.flags: the store is verified as by sales_verify before anything of it is mapped into memory. A damaged one is refused, and the
/// damages are in the log. Takes as long as reading the file.
pub const SALES_OPEN_VERIFY: u32 = 2;
/// Slots attempted at a time.
pub const SALES_DEFAULT_MAX_ATTEMPTS: u32 = 3;
/// Slots waiting for an attempt.
pub const SALES_DEFAULT_QUEUE_LIMIT: u32 = 1024;
/// Events remembered in the history, and with them the ended slots that are told as SALES_ALREADY.
pub const SALES_DEFAULT_HISTORY_LIMIT: u32 = 100000;
/// Seconds before a request's expiry after which no fill is begun: in the expiry's own second it may lock the collateral for good.
pub const SALES_DEFAULT_FILL_MARGIN_S: u32 = 15;
/// Seconds to the first repeat of what a host answered TRANSIENT; doubles with each.
pub const SALES_DEFAULT_BACKOFF_FIRST_S: u32 = 1;
/// Seconds, the longest pause between repeats.
pub const SALES_DEFAULT_BACKOFF_LONGEST_S: u32 = 60;

/// sales_at_t.flags: the log was taken back (a reorganisation).
pub const SALES_AT_REMOVED: u32 = 1;
/// sales_slot_view_t: the host cannot tell.
pub const SALES_STATE_UNKNOWN: u32 = 255;

/// The contract's states of a request.
pub const SALES_REQUEST_NEW: u32 = 0;
pub const SALES_REQUEST_STARTED: u32 = 1;
pub const SALES_REQUEST_CANCELLED: u32 = 2;
pub const SALES_REQUEST_FINISHED: u32 = 3;
pub const SALES_REQUEST_FAILED: u32 = 4;
/// The contract's states of a slot.
pub const SALES_SLOT_FREE: u32 = 0;
pub const SALES_SLOT_FILLED: u32 = 1;
pub const SALES_SLOT_FINISHED: u32 = 2;
pub const SALES_SLOT_FAILED: u32 = 3;
pub const SALES_SLOT_PAID: u32 = 4;
pub const SALES_SLOT_CANCELLED: u32 = 5;
pub const SALES_SLOT_REPAIR: u32 = 6;

/// sales_op_t.kind, by table.
pub const SALES_OP_REPO_RESERVE: u32 = 1;
pub const SALES_OP_REPO_RELEASE: u32 = 2;
pub const SALES_OP_REPO_CONSUME: u32 = 3;
pub const SALES_OP_CONTENT_STORE: u32 = 16;
pub const SALES_OP_CONTENT_PROVE: u32 = 17;
pub const SALES_OP_CONTENT_KEEP: u32 = 18;
pub const SALES_OP_CONTENT_CLEAR: u32 = 19;
pub const SALES_OP_CONTENT_VERIFY: u32 = 20;
pub const SALES_OP_CHAIN_FILL_SLOT: u32 = 32;
pub const SALES_OP_CHAIN_RESERVE_SLOT: u32 = 33;
pub const SALES_OP_CHAIN_FREE_SLOT: u32 = 34;
pub const SALES_OP_CHAIN_SUBMIT_PROOF: u32 = 35;
pub const SALES_OP_CHAIN_READ_SLOT: u32 = 36;
pub const SALES_OP_CHAIN_READ_CHALLENGE: u32 = 37;
pub const SALES_OP_CHAIN_READ_REQUEST: u32 = 38;
pub const SALES_OP_CHAIN_READ_MY_SLOTS: u32 = 39;

/// sales_event_t.kind: a sale came into another state.
pub const SALES_EVENT_STATE: u32 = 1;
/// The slot is sold: filled on chain by us.
pub const SALES_EVENT_SOLD: u32 = 2;
/// A sale ended and everything it held is back, or on its way (sales_stats_t.releasing); `state` tells how.
pub const SALES_EVENT_ENDED: u32 = 3;
/// Something needs a human; `text` says what. What is in doubt is told again at each start.
pub const SALES_EVENT_ALERT: u32 = 4;
/// A call that answered SALES_PENDING, or SALES_QUEUED inside a callback, ended: `token`, `status`. Of calls without a token only what failed is told, with token 0.
pub const SALES_EVENT_DONE: u32 = 5;
/// A request was refused; sales_evaluate lists why.
pub const SALES_EVENT_REFUSED: u32 = 6;
/// A reservation ended: its bytes are on their way back.
pub const SALES_EVENT_RELEASED: u32 = 7;

/// sales_damage_t.kind: the file as a whole: its meta pages, its identity, a table that is missing.
pub const SALES_DAMAGE_FILE: u32 = 1;
/// Pages of the data file.
pub const SALES_DAMAGE_PAGE: u32 = 2;
/// A record cannot be read, or contradicts itself or another.
pub const SALES_DAMAGE_RECORD: u32 = 3;
/// A sum or a count is not what the records add up to.
pub const SALES_DAMAGE_TOTAL: u32 = 4;
/// An entry of an index is missing, or is there for nothing.
pub const SALES_DAMAGE_INDEX: u32 = 5;

/// sales_stats_t.phase: opened; reads and offers work.
pub const SALES_PHASE_OPEN: u32 = 1;
/// The books are being settled: sales_start has not done it yet, or a repair failed halfway and is tried again at ticks.
pub const SALES_PHASE_RECOVERING: u32 = 2;
pub const SALES_PHASE_RUNNING: u32 = 3;
/// Running, but nothing new is reserved: the repo lost bytes and cannot give them back.
pub const SALES_PHASE_SHORT: u32 = 4;
pub const SALES_PHASE_STOPPING: u32 = 5;
pub const SALES_PHASE_STOPPED: u32 = 6;
/// Running, but it is unknown whether the last commit is on disk: close and open again.
pub const SALES_PHASE_REOPEN: u32 = 7;

/// sales_sale_t.state: waits for an attempt.
pub const SALES_SALE_QUEUED: u32 = 1;
pub const SALES_SALE_RESERVING_SPACE: u32 = 2;
pub const SALES_SALE_RESERVING_SLOT: u32 = 3;
pub const SALES_SALE_DOWNLOADING: u32 = 4;
pub const SALES_SALE_INITIAL_PROVING: u32 = 5;
pub const SALES_SALE_FILLING: u32 = 6;
/// Ours on chain. The space is kept until the request ends.
pub const SALES_SALE_FILLED: u32 = 7;
pub const SALES_SALE_PROVING: u32 = 8;
pub const SALES_SALE_PAYOUT: u32 = 9;
/// The request ended well. From here on the space goes back; SALES_SALE_FLAG_ENDED tells that it did.
pub const SALES_SALE_FINISHED: u32 = 10;
pub const SALES_SALE_CANCELLED: u32 = 11;
pub const SALES_SALE_FAILED: u32 = 12;
/// Taken from us on chain.
pub const SALES_SALE_LOST: u32 = 13;
/// Given up by us; last_text tells why.
pub const SALES_SALE_ABANDONED: u32 = 14;
/// Somebody else's, or not worth an attempt.
pub const SALES_SALE_IGNORED: u32 = 15;

/// sales_sale_t.flags: everything the sale held is back, or on its way (sales_stats_t.releasing).
pub const SALES_SALE_FLAG_ENDED: u32 = 1;
/// Whether the slot was filled by us is unknown: sales_resolve tells, or chain.read_slot where it is given.
pub const SALES_SALE_FLAG_IN_DOUBT: u32 = 2;
/// An operation of this sale is pending at the host.
pub const SALES_SALE_FLAG_PENDING: u32 = 4;

/// sales_reservation_t.flags.
pub const SALES_RESERVATION_ENDED: u32 = 1;
pub const SALES_RESERVATION_IN_DOUBT: u32 = 2;
pub const SALES_RESERVATION_OF_SALE: u32 = 4;

/// sales_offer_t.flags: reserved up front. Not in version 0.1: refused by name.
pub const SALES_OFFER_HOLDS: u32 = 1;
/// It takes requests.
pub const SALES_OFFER_ENABLED: u32 = 2;

/// sales_reason_t.rule: there is no offer at all.
pub const SALES_RULE_NO_OFFER: u32 = 1;
pub const SALES_RULE_DISABLED: u32 = 2;
/// The slot does not fit in what the offer has left.
pub const SALES_RULE_OFFER_SIZE: u32 = 3;
/// The slot does not fit in what the repo has free.
pub const SALES_RULE_REPO_SPACE: u32 = 4;
pub const SALES_RULE_MIN_DURATION: u32 = 5;
pub const SALES_RULE_MAX_DURATION: u32 = 6;
pub const SALES_RULE_PRICE: u32 = 7;
pub const SALES_RULE_COLLATERAL: u32 = 8;
pub const SALES_RULE_UNTIL: u32 = 9;
pub const SALES_RULE_MIN_SLOT_SIZE: u32 = 10;
pub const SALES_RULE_MAX_SLOT_SIZE: u32 = 11;
pub const SALES_RULE_SLOTS_PER_REQUEST: u32 = 12;
/// The request is expired, ended, or too near to its expiry to be filled.
pub const SALES_RULE_EXPIRED: u32 = 13;
/// A product of the request does not fit in 256 bits.
pub const SALES_RULE_OVERFLOW: u32 = 14;
/// The request cannot have come from the chain (0 slots, 0 bytes, 0 price, ...).
pub const SALES_RULE_INVALID: u32 = 15;
/// The repo lost bytes: nothing new is reserved.
pub const SALES_RULE_SHORT: u32 = 16;
/// The request lasts longer than the market allows.
pub const SALES_RULE_DURATION_LIMIT: u32 = 17;

/// sales_abandon: also when the slot is filled on chain and its request not ended. The collateral will be lost.
pub const SALES_ABANDON_FILLED: u32 = 1;
/// sales_resolve: it is said of the slot's reservation, in doubt at the repo: the state of the alert is 0.
pub const SALES_RESOLVE_RESERVATION: u32 = 2;
/// sales_resolve: it is said of the slot's sale: the alert has a state.
pub const SALES_RESOLVE_SALE: u32 = 4;
/// sales_reconcile: compare and tell in the stats, change nothing.
pub const SALES_RECONCILE_COMPARE: u32 = 0;
/// sales_reconcile: settle what is in doubt, release surplus, reserve shortfall anew.
pub const SALES_RECONCILE_REPAIR: u32 = 1;

pub const SALES_LOG_OFF: u32 = 0;
pub const SALES_LOG_ERROR: u32 = 1;
pub const SALES_LOG_WARN: u32 = 2;
pub const SALES_LOG_INFO: u32 = 3;
pub const SALES_LOG_DEBUG: u32 = 4;
pub const SALES_LOG_TRACE: u32 = 5;
