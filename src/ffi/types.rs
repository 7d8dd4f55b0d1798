//! The structs that cross the border, as the header has them. Nothing published ever moves; what may
//! grow starts with its size and grows at its end. No implicit padding (tests/c/layout.c holds both sides).
#![allow(non_camel_case_types, missing_docs)]

use std::ffi::{c_char, c_void};

/// What a call answers: 0 OK, positive not an error, negative an error. See SALES_OK and what follows it.
pub type sales_status_t = i32;

/// An instance. A number, not a pointer: a stale, closed or invented one is refused. 0 is never an instance.
pub type sales_t = u64;

/// 32 bytes: the id of a request, a slot or an offer.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct sales_id_t {
    pub bytes: [u8; 32],
}

/// An unsigned 256-bit number, big-endian, as the chain has it: prices (tokens per byte and second),
/// collateral (tokens), probabilities. sales_u256_parse and sales_u256_format speak decimal.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct sales_u256_t {
    pub be: [u8; 32],
}

/// An account on the chain.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct sales_address_t {
    pub bytes: [u8; 20],
}

/// Borrowed bytes. `data` may be NULL only when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_bytes_t {
    pub data: *const u8,
    pub len: usize,
}

/// Where a call that fails writes its reason. Yours; reuse it. `size` must be set before each call.
#[repr(C)]
pub struct sales_error_t {
    pub size: u32,
    /// The status that the call answered.
    pub status: sales_status_t,
    /// What was wrong and what was expected: UTF-8, ends with 0, cut at a character where too long.
    pub text: [c_char; 504],
}

/// A storage request, whole: what its id is the hash of. Times are seconds, sizes bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_request_t {
    pub size: u32,
    pub client: sales_address_t,
    pub proof_probability: sales_u256_t,
    /// Tokens for one byte kept for one second.
    pub price_per_byte_per_second: sales_u256_t,
    /// Tokens a host locks for each byte of a slot.
    pub collateral_per_byte: sales_u256_t,
    /// How many slots, 1 or more.
    pub slots: u64,
    /// Bytes of one slot.
    pub slot_size: u64,
    /// Seconds from the request to its end.
    pub duration: u64,
    /// Slots that may be lost before the request fails.
    pub max_slot_loss: u64,
    /// Seconds FROM the request until it must have started, as hashed. Not the event's absolute expiry.
    pub expiry: u64,
    /// The content id, raw: 1 to SALES_CID_MAX bytes.
    pub cid: sales_bytes_t,
    pub merkle_root: sales_id_t,
    pub nonce: sales_id_t,
}

/// The StorageRequested event: the ask, without client and content.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_ask_t {
    pub size: u32,
    pub reserved: u32,
    pub request_id: sales_id_t,
    pub proof_probability: sales_u256_t,
    pub price_per_byte_per_second: sales_u256_t,
    pub collateral_per_byte: sales_u256_t,
    pub slots: u64,
    pub slot_size: u64,
    pub duration: u64,
    pub max_slot_loss: u64,
    /// Chain time, absolute: the last second at which the request may start. The event's third field.
    pub expires_at: u64,
    /// Chain time, absolute; 0: unknown, taken as now + duration.
    pub ends_at: u64,
    /// The whole request, or NULL: then chain.read_request is asked when an offer matches.
    pub request: *const sales_request_t,
}

/// Where in the chain a fact was seen. NULL where a host has no blocks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_at_t {
    pub size: u32,
    /// 0 or SALES_AT_REMOVED: the log was taken back; what waits of it has no effect any more. Of what was taken in already: a slot that is ours is read
    /// again (chain.read_slot), and an end that a slot waits for while something is out for it does not come. An attempt that was given up for it is not
    /// begun again, and a request that was told to have started counts as started.
    pub flags: u32,
    /// 0: unknown. With SALES_AT_REMOVED then: of whichever block.
    pub block: u64,
    /// The block's time, seconds since 1970; 0: unknown.
    pub time: u64,
    /// Which log of the block. The same event of the same block and log is one, however often it is told. 0, with SALES_AT_REMOVED: any.
    pub log_index: u64,
}

/// A slot, as callbacks get it. Every pointer dies when the callback returns: copy before you wait.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_slot_t {
    pub size: u32,
    pub reserved: u32,
    pub slot_id: sales_id_t,
    pub request_id: sales_id_t,
    pub index: u64,
    /// The whole request. Never NULL in callbacks of content and chain, but for read_request.
    pub request: *const sales_request_t,
}

/// An operation asked of the host.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_op_t {
    pub size: u32,
    /// SALES_OP_*.
    pub kind: u32,
    /// Keep this one number: sales_complete takes it. Valid from the moment the callback is entered.
    pub token: u64,
    /// The same for each attempt of one act, also after a restart: a host may recognise a repeat; none has to.
    pub id: [u8; 16],
    /// 1 for the first attempt; of the repo's operations always 1.
    pub attempt: u32,
    pub reserved: u32,
    /// Which store asks, and ...
    pub store_id: [u8; 16],
    /// ... the number of its last durable commit. A Repo may keep both, in the same write as its total.
    pub store_seq: u64,
    /// Chain time after which the answer is useless; 0: none.
    pub deadline: u64,
    /// The slot it is for; all zero: for none (recovery by total).
    pub slot_id: sales_id_t,
}

/// What chain.read_slot gives: one consistent view, not older than the call that asked for it. Where SLOT_FREED of the slot or a
/// removal of its request is told before it is given, nothing follows from it: it is asked for again after a pause.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_slot_view_t {
    pub size: u32,
    /// SALES_REQUEST_*, or SALES_STATE_UNKNOWN.
    pub request_state: u8,
    /// SALES_SLOT_*, or SALES_STATE_UNKNOWN.
    pub slot_state: u8,
    /// 1: the slot's host is this node. 0: it is not.
    pub is_mine: u8,
    pub reserved: u8,
    pub expires_at: u64,
    pub ends_at: u64,
    pub block: u64,
    /// The slot's collateral as it stands now.
    pub collateral: sales_u256_t,
}

/// What a proof has to answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_challenge_t {
    pub size: u32,
    pub required: u8,
    pub will_be_required: u8,
    pub pointer: u8,
    pub reserved: u8,
    pub period: u64,
    pub challenge: sales_id_t,
}

/// The answer to an operation. Only what the operation asked for is read; all of it is copied before
/// sales_complete returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_result_t {
    pub size: u32,
    /// SALES_OK or SALES_HOST_*. Any other number is read as SALES_HOST_UNKNOWN.
    pub status: sales_status_t,
    /// Why, in words; may be NULL.
    pub text: *const c_char,
    /// content.prove: 1 to SALES_PROOF_MAX bytes, opaque, handed to fill_slot as they came.
    pub proof: sales_bytes_t,
    /// chain.read_slot.
    pub view: *const sales_slot_view_t,
    /// chain.read_challenge.
    pub challenge: *const sales_challenge_t,
    /// chain.read_request.
    pub request: *const sales_request_t,
    /// content.verify: bytes of the slot's content that are stored; 0: unknown.
    pub bytes: u64,
    /// chain.read_my_slots: all of them; their `request` may be NULL.
    pub slots: *const sales_slot_t,
    pub slots_len: usize,
    pub slots_item_size: usize,
}

/// What repo.reserved gives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_repo_total_t {
    pub size: u32,
    pub reserved0: u32,
    /// All that this module has reserved in the repo and not released: bytes.
    pub bytes: u64,
    /// The store id that came with the last operation the repo took effect for; zero: not kept.
    pub store_id: [u8; 16],
    /// The greatest store_seq seen of that store; 0: not kept.
    pub store_seq: u64,
}

/// The repo. Each entry runs on a thread that called in, with no lock held; it answers SALES_OK,
/// SALES_PENDING (then sales_complete, from any thread) or SALES_HOST_*, and may call in. It must not
/// unwind, throw or longjmp. SALES_HOST_* but UNKNOWN mean: no effect, not even a part of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_repo_t {
    pub size: u32,
    pub reserved0: u32,
    pub user_data: *mut c_void,
    /// Bytes free to reserve now. [callback] Never pends.
    pub available: Option<unsafe extern "C" fn(user_data: *mut c_void, bytes: *mut u64) -> sales_status_t>,
    /// Takes `bytes` (1 or more) from what is free. [callback] Durable when it answers OK.
    pub reserve:
        Option<unsafe extern "C" fn(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> sales_status_t>,
    /// Gives `bytes` (1 or more) back to what is free. [callback] Durable when it answers OK.
    pub release:
        Option<unsafe extern "C" fn(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> sales_status_t>,
    /// Optional: how much is reserved for this module. [callback] Never pends. It must count what this
    /// module reserved and nothing else, after every call accepted before has taken its effect. With it the
    /// books are exact after every crash; without it what was in flight is in doubt after a crash, and
    /// waits for sales_resolve.
    pub reserved:
        Option<unsafe extern "C" fn(user_data: *mut c_void, total: *mut sales_repo_total_t) -> sales_status_t>,
    /// Optional: turns reserved bytes into used ones in one step. [callback] Absent: release is called.
    pub consume:
        Option<unsafe extern "C" fn(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> sales_status_t>,
}

/// The chain. The rules of sales_repo_t hold. What has data to give gives it by sales_complete, before or
/// after it answers SALES_PENDING.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_chain_t {
    pub size: u32,
    pub reserved0: u32,
    pub user_data: *mut c_void,
    /// Fills the slot with a proof and the collateral (tokens). [callback] Never cancelled. Repeated with the same
    /// op id after SALES_HOST_TRANSIENT, and where its outcome is not known and read_slot says that the slot is free.
    pub fill_slot: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            proof: *const sales_bytes_t,
            collateral: *const sales_u256_t,
        ) -> sales_status_t,
    >,
    /// Optional: reserves the right to fill the slot. [callback] Our own earlier reservation is SALES_OK.
    pub reserve_slot: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: collects what the slot earned. [callback] Called only after read_slot said that the slot is
    /// finished, cancelled or failed: while it is filled the contract would burn the collateral.
    pub free_slot: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: submits the proof of a period. [callback] Not called by version 0.1.
    pub submit_proof: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            proof: *const sales_bytes_t,
        ) -> sales_status_t,
    >,
    /// Optional: one consistent view of the slot, by sales_complete's `view`. [callback]
    pub read_slot: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: the challenge of the current period, by sales_complete's `challenge`. [callback] Not called by version 0.1.
    pub read_challenge: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: the whole request, by sales_complete's `request`. [callback] Without it sales_on_request must
    /// be given the whole request.
    pub read_request: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            request_id: *const sales_id_t,
        ) -> sales_status_t,
    >,
    /// Optional: every slot of this node on chain, by sales_complete's `slots`. [callback] Not called by version
    /// 0.1; but where it is given, a start releases no surplus (it may belong to a slot on chain): it stays in
    /// sales_stats_t.surplus.
    pub read_my_slots: Option<unsafe extern "C" fn(user_data: *mut c_void, op: *const sales_op_t) -> sales_status_t>,
}

/// The content of slots. The rules of sales_repo_t hold.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_content_t {
    pub size: u32,
    pub reserved0: u32,
    pub user_data: *mut c_void,
    /// Gets the slot's content and keeps it until `until` (seconds since 1970). [callback] May tell
    /// sales_consumed as bytes land. A repeated call goes on where it was. `repairing`: 1 when the slot is to be rebuilt.
    pub store: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            until: u64,
            repairing: u32,
        ) -> sales_status_t,
    >,
    /// Proves the content, by sales_complete's `proof`. [callback] `challenge` is NULL without chain.read_challenge.
    pub prove: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            challenge: *const sales_challenge_t,
        ) -> sales_status_t,
    >,
    /// Optional: keeps the content at least until `until`; never shortens. [callback] Absent: store is asked to keep
    /// until the request's end at once.
    pub keep: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            until: u64,
        ) -> sales_status_t,
    >,
    /// Optional: forgets the content. [callback] Called before its bytes are given back.
    pub clear: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: how much of the content is stored, by sales_complete's `bytes`. [callback] Not called by version 0.1.
    pub verify: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
        ) -> sales_status_t,
    >,
    /// Optional: store or prove is wanted no more. [callback] It must still be completed (SALES_HOST_CANCELLED says
    /// it well), and nothing it holds is given back before.
    pub cancel: Option<unsafe extern "C" fn(user_data: *mut c_void, token: u64)>,
}

/// News, as they are told to the watch.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_event_t {
    pub size: u32,
    /// SALES_EVENT_*.
    pub kind: u32,
    /// Counts up by one; 0: an event that is not in the history (the end of a call).
    pub number: u64,
    /// The `now` of the call that made it: seconds since 1970.
    pub time: u64,
    /// SALES_EVENT_DONE: the token of the call that ended. Else 0.
    pub token: u64,
    pub slot_id: sales_id_t,
    pub request_id: sales_id_t,
    pub index: u64,
    /// SALES_EVENT_DONE: what the call would have answered. Else what led here, or SALES_OK.
    pub status: sales_status_t,
    /// SALES_SALE_*, or 0 where no sale is concerned.
    pub state: u32,
    pub bytes: u64,
    /// The reason in words; ends with 0.
    pub text: [c_char; 120],
}

/// Who hears the news. Told in the order of their numbers, on a thread that called in, with no lock held.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_watch_t {
    pub size: u32,
    pub reserved0: u32,
    pub user_data: *mut c_void,
    /// [callback]
    pub on_event: Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const sales_event_t)>,
    /// Optional: the next deadline became earlier: `at`, seconds since 1970. [callback]
    pub on_deadline: Option<unsafe extern "C" fn(user_data: *mut c_void, at: u64)>,
}

/// The market's constants. Times in seconds. Without them the fill margin is the default alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_market_t {
    pub size: u32,
    /// Blocks in which no proof is due, of 256.
    pub proof_downtime: u8,
    /// Percent of the collateral given off for refilling a slot in repair: 0 to 100.
    pub repair_reward_percentage: u8,
    pub max_reservations: u8,
    pub reserved: u8,
    pub period: u64,
    pub proof_timeout: u64,
    /// Longest duration a request may have; 0: no limit.
    pub duration_limit: u64,
}

/// How to open. NULL: all defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_options_t {
    pub size: u32,
    /// 0, or SALES_OPEN_*.
    pub flags: u32,
    /// Seed of every random choice; 0: from the system. With a seed a run can be replayed.
    pub seed: u64,
    /// Slots attempted at a time; 0: SALES_DEFAULT_MAX_ATTEMPTS.
    pub max_attempts: u32,
    /// Slots waiting for an attempt; 0: SALES_DEFAULT_QUEUE_LIMIT.
    pub queue_limit: u32,
    /// Events remembered; 0: SALES_DEFAULT_HISTORY_LIMIT.
    pub history_limit: u32,
    pub reserved: u32,
}

/// What the node sells. Limits are inclusive.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_offer_t {
    pub size: u32,
    /// SALES_OFFER_*.
    pub flags: u32,
    /// All zero in sales_offer_put: a new offer, whose id is written here. Else the offer to change.
    pub id: sales_id_t,
    /// Bytes it may have sold at a time, 1 or more.
    pub total_size: u64,
    /// Seconds.
    pub min_duration: u64,
    /// Seconds; 0: no limit.
    pub max_duration: u64,
    /// Bytes of one slot.
    pub min_slot_size: u64,
    /// Bytes of one slot; 0: no limit.
    pub max_slot_size: u64,
    /// No request that ends later is taken: seconds since 1970; 0: no limit.
    pub until: u64,
    /// Tokens per byte and second, the least.
    pub min_price_per_byte_per_second: sales_u256_t,
    /// Tokens that may be locked as collateral at a time.
    pub total_collateral: sales_u256_t,
    /// Slots of one request it takes; 0: no limit.
    pub max_slots_per_request: u32,
    pub reserved: u32,
    /// Output, ignored by sales_offer_put: bytes not sold.
    pub free_size: u64,
    /// Output: slots sold or being attempted.
    pub sold_slots: u64,
    /// Output: the latest end among them; 0: none.
    pub sold_until: u64,
    /// Output: collateral not locked or set aside.
    pub free_collateral: sales_u256_t,
}

/// What the ledger knows of a slot.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_reservation_t {
    pub size: u32,
    /// SALES_RESERVATION_*.
    pub flags: u32,
    pub slot_id: sales_id_t,
    /// All zero where reserved by sales_reserve.
    pub offer_id: sales_id_t,
    /// All zero where reserved by sales_reserve.
    pub request_id: sales_id_t,
    pub index: u64,
    /// What was reserved at first.
    pub bytes: u64,
    /// Still reserved in the repo.
    pub held: u64,
    /// Landed: counted as used, no longer as reserved.
    pub consumed: u64,
    /// Being given back, not yet known as done.
    pub releasing: u64,
    /// Being turned into used bytes, not yet known as done.
    pub consuming: u64,
    /// The request's end, seconds since 1970; 0: none.
    pub until: u64,
    /// Tokens set aside.
    pub collateral: sales_u256_t,
}

/// A sale: one slot and how far it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_sale_t {
    pub size: u32,
    /// SALES_SALE_*.
    pub state: u32,
    pub slot_id: sales_id_t,
    pub request_id: sales_id_t,
    pub offer_id: sales_id_t,
    pub index: u64,
    /// Bytes of the slot.
    pub bytes: u64,
    /// When it came into this state, seconds since 1970.
    pub since: u64,
    /// When something is done next by time; UINT64_MAX: by an event or a completion only.
    pub next_at: u64,
    /// The request's end, seconds since 1970.
    pub until: u64,
    /// What the host answered last. Of a sale in doubt or over: that by which it came to be so; SALES_OK where it was no answer.
    pub last_status: sales_status_t,
    /// Attempts of what this state does.
    pub attempt: u32,
    /// SALES_SALE_FLAG_*.
    pub flags: u32,
    pub reserved: u32,
    /// The reason in words: of a pause, of a doubt, of an end; empty where the status or the state says it all. Ends with 0, cut off where it is longer.
    pub last_text: [c_char; 120],
}

/// One reason why a request was refused by one offer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_reason_t {
    pub size: u32,
    /// SALES_RULE_*.
    pub rule: u32,
    /// The offer; all zero: holds for every offer.
    pub offer_id: sales_id_t,
    /// The value asked.
    pub asked: sales_u256_t,
    /// The value required.
    pub required: sales_u256_t,
    /// The same in words; ends with 0.
    pub text: [c_char; 120],
}

/// The books and what goes on. Bytes unless said otherwise.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_stats_t {
    pub size: u32,
    /// SALES_PHASE_*.
    pub phase: u32,
    /// H: held by records.
    pub held: u64,
    /// Landed in live reservations.
    pub consumed: u64,
    /// Releases and consumptions begun and not known as done.
    pub releasing: u64,
    /// Reserves asked of the repo and not yet recorded.
    pub reserving: u64,
    /// O: to be given back after a reserve that could not be recorded.
    pub owed: u64,
    /// A: held by the repo, explained by no record; kept until sales_reconcile with SALES_RECONCILE_REPAIR.
    pub surplus: u64,
    /// D: lost by the repo, and not yet reserved anew.
    pub shortfall: u64,
    /// Slots in doubt in the books; a sale that is in doubt has SALES_SALE_FLAG_IN_DOUBT.
    pub in_doubt: u64,
    /// Live reservations.
    pub reservations: u64,
    /// Sales not ended.
    pub sales: u64,
    /// Slots waiting for an attempt.
    pub queued: u64,
    /// Slots being attempted.
    pub attempts: u64,
    /// Operations pending at the host.
    pub pending_ops: u64,
    /// The last recovery: bytes released as surplus.
    pub surplus_released: u64,
    /// The last recovery: bytes reserved anew.
    pub shortfall_reserved: u64,
    /// The last recovery: records whose release or consumption it settled.
    pub records_settled: u64,
    /// Greatest block seen: replay from here after a restart.
    pub last_block: u64,
    /// Calls whose `now` was smaller than an earlier one.
    pub clock_steps_back: u64,
    /// When to tick next, seconds since 1970; UINT64_MAX: nothing waits for time.
    pub next_deadline: u64,
    /// The number of the store's last durable commit.
    pub store_seq: u64,
    pub store_id: [u8; 16],
    /// Number of the last event in the history.
    pub last_event: u64,
    /// Requests refused by the decision since the instance was opened.
    pub requests_refused: u64,
    /// Slots sold.
    pub slots_sold: u64,
}

/// Gets a log line: its level (SALES_LOG_*), where it comes from and what it says. [callback] May not call in.
pub type sales_log_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: u32, target: *const c_char, text: *const c_char)>;

/// A damage that sales_verify found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_damage_t {
    pub size: u32,
    /// SALES_DAMAGE_*.
    pub kind: u32,
    /// SALES_DAMAGE_PAGE: the first page, counted from 0. A page's place in the file is its number times the page size, usually 4096.
    pub page: u64,
    /// SALES_DAMAGE_PAGE: how many pages from there on. Else 0.
    pub pages: u64,
    /// The slot, request or offer; all zero: none.
    pub id: sales_id_t,
    /// What was found and what was expected: UTF-8, ends with 0, cut at a character where too long.
    pub text: [c_char; 456],
}

/// What sales_verify counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sales_verify_t {
    pub size: u32,
    pub reserved: u32,
    /// Damages; each was told.
    pub damages: u64,
    /// Pages that damages were about; one that is damaged twice counts twice.
    pub damaged_pages: u64,
    /// Pages of the data file, up to the last in use.
    pub pages: u64,
    /// Those of them that are free.
    pub free_pages: u64,
    /// Bytes of the data file.
    pub file_bytes: u64,
    /// Records and index entries that could be read.
    pub records: u64,
    /// The number of the last commit.
    pub store_seq: u64,
    /// The id under which the repo knows the store.
    pub store_id: [u8; 16],
    /// Live reservations, counted from the records, as what follows: bytes.
    pub reservations: u64,
    pub held: u64,
    pub consumed: u64,
    pub releasing: u64,
}

/// Hears of a damage. [callback] `damage` dies when it returns.
pub type sales_damage_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, damage: *const sales_damage_t)>;
