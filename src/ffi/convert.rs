//! C values into Rust ones, and back: nulls, sizes, reserved fields, numbers out of range. What is wrong is said by name.

use super::constants::*;
use super::types::*;
use crate::engine::{Answered, At, Options, ReservationView, Stats};
use crate::error::{Error, Result};
use crate::history::Event;
use crate::host::{known, Answer, OpKind};
use crate::market::{Ask, Id, Market, Request, RequestState, SlotState, SlotView, U256};
use crate::sales::decision::Reason;
use crate::sales::offer::{Offer, Terms};
use crate::sales::sale::Sale;
use crate::status::*;
use std::ffi::{c_char, CStr, OsStr};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn argument(text: String) -> Error {
    Error::new(SALES_ERR_ARGUMENT, text)
}

fn null(name: &str) -> Error {
    argument(format!("{name} is NULL"))
}

/// A struct of the ABI that starts with its size, is plain data, and for which all zero is a valid value.
///
/// # Safety
/// The type is `repr(C)`, begins with a `u32` that holds its size, and all-zero bytes are a valid value of it.
pub(super) unsafe trait Sized32: Copy {
    /// Its name, for texts.
    const NAME: &'static str;
    /// The shortest size that was ever published.
    const LEAST: usize = size_of::<u32>();
}

macro_rules! sized {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: repr(C), size first, plain numbers, pointers and optional function pointers, for which zero is valid.
        unsafe impl Sized32 for $type {
            const NAME: &'static str = stringify!($type);
        }
    )*};
}

sized!(
    sales_request_t,
    sales_ask_t,
    sales_at_t,
    sales_slot_view_t,
    sales_repo_total_t,
    sales_repo_t,
    sales_chain_t,
    sales_content_t,
    sales_watch_t,
    sales_market_t,
    sales_options_t,
    sales_offer_t,
    sales_reservation_t,
    sales_sale_t,
    sales_reason_t,
    sales_stats_t,
    sales_result_t,
);

/// Reads a struct by its size: a shorter one has a tail of zeros, a longer one must have one.
///
/// # Safety
/// `from` is NULL or points to as many readable bytes as its first four say.
pub(super) unsafe fn read_struct<T: Sized32>(from: *const T, name: &str) -> Result<T> {
    if from.is_null() {
        return Err(null(name));
    }
    let ours = size_of::<T>();
    // SAFETY: every struct begins with its size.
    let theirs = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    if theirs < T::LEAST * 2 || theirs > 1 << 20 {
        let text = format!("{name}: size is {theirs}; set it to sizeof({}), which is {ours} here", T::NAME);
        return Err(Error::new(SALES_ERR_STRUCT, text));
    }
    if theirs > ours {
        // SAFETY: the caller says that so many bytes are there.
        let tail = unsafe { std::slice::from_raw_parts(from.cast::<u8>().add(ours), theirs - ours) };
        if tail.iter().any(|byte| *byte != 0) {
            let text =
                format!("{name}: {theirs} bytes with values behind the {ours} that this library knows of {}", T::NAME);
            return Err(Error::new(SALES_ERR_STRUCT, text));
        }
    }
    // SAFETY: zero is a valid value, by the trait.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: both hold as many bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), std::ptr::from_mut(&mut value).cast::<u8>(), theirs.min(ours));
    }
    Ok(value)
}

fn zero(value: u32, name: &str) -> Result<()> {
    if value == 0 {
        return Ok(());
    }
    Err(Error::new(SALES_ERR_STRUCT, format!("{name} is {value}; a reserved field must be 0")))
}

fn flags(value: u32, known: u32, name: &str) -> Result<()> {
    if value & !known == 0 {
        return Ok(());
    }
    Err(argument(format!("{name}: {value:#x} has flags that are not known; known are {known:#x}")))
}

/// A call's 0 or 1.
pub(super) fn flag(value: u32, name: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(argument(format!("{name}: {value} is neither 0 nor 1"))),
    }
}

/// The version a host was compiled with: the same major, since a major of 0 the same minor too.
pub(super) fn abi_version(version: u32) -> Result<()> {
    if version >> 16 == SALES_ABI_MAJOR && version & 0xffff <= SALES_ABI_MINOR {
        return Ok(());
    }
    let text = format!(
        "abi_version: the host was compiled with {}.{}, this library speaks {SALES_ABI_MAJOR}.{SALES_ABI_MINOR}",
        version >> 16,
        version & 0xffff
    );
    Err(Error::new(SALES_ERR_VERSION, text))
}

/// # Safety
/// `text` is NULL or a C string.
pub(super) unsafe fn text(text: *const c_char, name: &str) -> Result<String> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: as asked.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// # Safety
/// `path` is NULL or a C string.
pub(super) unsafe fn path(path: *const c_char) -> Result<PathBuf> {
    if path.is_null() {
        return Err(null("path"));
    }
    // SAFETY: as asked.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if bytes.is_empty() {
        return Err(argument("path is empty".into()));
    }
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// # Safety
/// `out` is NULL or points to a T that may be written.
pub(super) unsafe fn out<'a, T>(out: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: as asked.
    unsafe { out.as_mut() }.ok_or_else(|| null(name))
}

/// # Safety
/// `id` is NULL or points to an id.
pub(super) unsafe fn id(id: *const sales_id_t, name: &str) -> Result<Id> {
    // SAFETY: as asked.
    unsafe { id.as_ref() }.map(|id| Id(id.bytes)).ok_or_else(|| null(name))
}

/// # Safety
/// `id` is NULL or points to an id.
pub(super) unsafe fn optional_id(id: *const sales_id_t) -> Option<Id> {
    // SAFETY: as asked.
    unsafe { id.as_ref() }.map(|id| Id(id.bytes))
}

/// # Safety
/// `value` is NULL or points to a number.
pub(super) unsafe fn u256(value: *const sales_u256_t, name: &str) -> Result<U256> {
    // SAFETY: as asked.
    unsafe { value.as_ref() }.map(number).ok_or_else(|| null(name))
}

fn number(value: &sales_u256_t) -> U256 {
    U256::from_be_bytes(value.be)
}

fn big(value: U256) -> sales_u256_t {
    sales_u256_t { be: value.to_be_bytes() }
}

fn raw(id: Id) -> sales_id_t {
    sales_id_t { bytes: id.0 }
}

/// # Safety
/// `out` is NULL or has room for SALES_U256_TEXT_MAX characters.
pub(super) unsafe fn write_decimal(out: *mut c_char, value: U256) -> Result<()> {
    if out.is_null() {
        return Err(null("out"));
    }
    let mut text = value.to_string().into_bytes();
    text.push(0);
    // SAFETY: 2^256 has 78 digits.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), out.cast::<u8>(), text.len()) };
    Ok(())
}

/// Copies borrowed bytes, whose length must be within limits.
///
/// # Safety
/// `bytes.data` is NULL or points to `bytes.len` bytes.
pub(super) unsafe fn blob(bytes: sales_bytes_t, most: u32, name: &str) -> Result<Vec<u8>> {
    if bytes.len == 0 || bytes.len > most as usize {
        return Err(argument(format!("{name}: {} bytes; 1 to {most} are taken", bytes.len)));
    }
    if bytes.data.is_null() {
        return Err(argument(format!("{name}: data is NULL, len is {}", bytes.len)));
    }
    // SAFETY: as asked, and the length is within bounds.
    Ok(unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) }.to_vec())
}

/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn options(options: *const sales_options_t) -> Result<Options> {
    let default = |given: u32, default: u32| if given == 0 { default } else { given };
    // SAFETY: zero is a valid value of it.
    let mut o: sales_options_t = unsafe { std::mem::zeroed() };
    if !options.is_null() {
        // SAFETY: as asked.
        o = unsafe { read_struct(options, "options")? };
    }
    flags(o.flags, SALES_OPEN_RESET, "options.flags")?;
    zero(o.reserved, "options.reserved")?;
    Ok(Options {
        reset: o.flags & SALES_OPEN_RESET != 0,
        seed: o.seed,
        max_attempts: default(o.max_attempts, SALES_DEFAULT_MAX_ATTEMPTS),
        queue_limit: default(o.queue_limit, SALES_DEFAULT_QUEUE_LIMIT),
        history_limit: default(o.history_limit, SALES_DEFAULT_HISTORY_LIMIT),
    })
}

/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn table<T: Sized32>(table: *const T, name: &str) -> Result<T> {
    // SAFETY: as asked.
    unsafe { read_struct(table, name) }
}

/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn market(market: *const sales_market_t) -> Result<Market> {
    // SAFETY: as asked.
    let m = unsafe { read_struct(market, "market")? };
    zero(m.reserved.into(), "market.reserved")?;
    if m.repair_reward_percentage > 100 {
        let text = format!("market: repair_reward_percentage is {}; 0 to 100 are possible", m.repair_reward_percentage);
        return Err(argument(text));
    }
    Ok(Market { repair_reward_percentage: m.repair_reward_percentage, duration_limit: m.duration_limit })
}

/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn at(at: *const sales_at_t) -> Result<At> {
    if at.is_null() {
        return Ok(At::default());
    }
    // SAFETY: as asked.
    let a = unsafe { read_struct(at, "at")? };
    flags(a.flags, SALES_AT_REMOVED, "at.flags")?;
    Ok(At { block: a.block, time: a.time, removed: a.flags & SALES_AT_REMOVED != 0 })
}

/// # Safety
/// As [`read_struct`], and its cid as [`blob`].
pub(super) unsafe fn request(request: *const sales_request_t, name: &str) -> Result<Request> {
    // SAFETY: as asked.
    let r = unsafe { read_struct(request, name)? };
    // SAFETY: as asked.
    let cid = unsafe { blob(r.cid, SALES_CID_MAX, &format!("{name}.cid"))? };
    Ok(Request {
        client: r.client.bytes,
        proof_probability: number(&r.proof_probability),
        price_per_byte_per_second: number(&r.price_per_byte_per_second),
        collateral_per_byte: number(&r.collateral_per_byte),
        slots: r.slots,
        slot_size: r.slot_size,
        duration: r.duration,
        max_slot_loss: r.max_slot_loss,
        expiry: r.expiry,
        cid,
        merkle_root: r.merkle_root.bytes,
        nonce: r.nonce.bytes,
    })
}

/// # Safety
/// As [`read_struct`], and its request as [`request`].
pub(super) unsafe fn ask(ask: *const sales_ask_t) -> Result<Ask> {
    // SAFETY: as asked.
    let a = unsafe { read_struct(ask, "ask")? };
    zero(a.reserved, "ask.reserved")?;
    let whole = if a.request.is_null() {
        None
    } else {
        // SAFETY: as asked.
        Some(unsafe { request(a.request, "ask.request")? })
    };
    Ok(Ask {
        request_id: Id(a.request_id.bytes),
        proof_probability: number(&a.proof_probability),
        price_per_byte_per_second: number(&a.price_per_byte_per_second),
        collateral_per_byte: number(&a.collateral_per_byte),
        slots: a.slots,
        slot_size: a.slot_size,
        duration: a.duration,
        max_slot_loss: a.max_slot_loss,
        expires_at: a.expires_at,
        ends_at: a.ends_at,
        request: whole,
    })
}

/// # Safety
/// As [`read_struct`], and what it points to likewise.
pub(super) unsafe fn result(result: *const sales_result_t, kind: OpKind) -> Result<Answer> {
    // SAFETY: as asked.
    let r = unsafe { read_struct(result, "result")? };
    let mut answer = Answer { status: known(r.status), ..Answer::default() };
    if !r.text.is_null() {
        // SAFETY: as asked.
        answer.text = unsafe { text(r.text, "result.text")? }.chars().take(400).collect();
    }
    // What the operation did not ask for may be rubbish, and is not looked at.
    if answer.status != SALES_OK {
        return Ok(answer);
    }
    if kind == OpKind::Prove {
        // SAFETY: as asked.
        answer.proof = Some(unsafe { blob(r.proof, SALES_PROOF_MAX, "result.proof")? });
    }
    if kind == OpKind::ReadSlot && !r.view.is_null() {
        // SAFETY: as asked.
        answer.view = Some(Box::new(view(unsafe { &read_struct(r.view, "result.view")? })?));
    }
    if kind == OpKind::ReadRequest && !r.request.is_null() {
        // SAFETY: as asked.
        answer.request = Some(Box::new(unsafe { request(r.request, "result.request")? }));
    }
    Ok(answer)
}

fn view(v: &sales_slot_view_t) -> Result<SlotView> {
    if v.is_mine > 1 {
        return Err(argument(format!("result.view.is_mine: {} is neither 0 nor 1", v.is_mine)));
    }
    zero(v.reserved.into(), "result.view.reserved")?;
    Ok(SlotView {
        request_state: RequestState::from(v.request_state),
        slot_state: SlotState::from(v.slot_state),
        is_mine: v.is_mine == 1,
        expires_at: v.expires_at,
        ends_at: v.ends_at,
        collateral: number(&v.collateral),
    })
}

/// # Safety
/// As [`read_struct`].
pub(super) unsafe fn offer(offer: *const sales_offer_t) -> Result<(Id, Terms)> {
    // SAFETY: as asked.
    let o = unsafe { read_struct(offer, "offer")? };
    flags(o.flags, SALES_OFFER_HOLDS | SALES_OFFER_ENABLED, "offer.flags")?;
    zero(o.reserved, "offer.reserved")?;
    if o.flags & SALES_OFFER_HOLDS != 0 {
        let text = "offer.flags: SALES_OFFER_HOLDS (reserved up front) is not in this version; without it an offer holds nothing up front";
        return Err(Error::new(SALES_ERR_UNSUPPORTED, text));
    }
    let terms = Terms {
        enabled: o.flags & SALES_OFFER_ENABLED != 0,
        total_size: o.total_size,
        min_duration: o.min_duration,
        max_duration: o.max_duration,
        min_slot_size: o.min_slot_size,
        max_slot_size: o.max_slot_size,
        until: o.until,
        min_price_per_byte_per_second: number(&o.min_price_per_byte_per_second),
        total_collateral: number(&o.total_collateral),
        max_slots_per_request: o.max_slots_per_request,
    };
    Ok((Id(o.id.bytes), terms))
}

/// # Safety
/// `offer` was read by [`offer`].
pub(super) unsafe fn write_offer_id(offer: *mut sales_offer_t, id: Id) {
    // SAFETY: as asked; the id lies within every size that was accepted.
    unsafe { (&raw mut (*offer).id).write_unaligned(raw(id)) };
}

/// # Safety
/// `token` is NULL or points to a number that may be written.
pub(super) unsafe fn write_token(token: *mut u64, answered: Answered) -> Result<i32> {
    let waits = matches!(answered.status, SALES_PENDING | SALES_QUEUED);
    // SAFETY: as asked.
    if let (true, Some(token)) = (waits, unsafe { token.as_mut() }) {
        *token = answered.token;
    }
    Ok(answered.status)
}

/// Writes a struct into the caller's, by the caller's size, and never past it. The caller's size stays.
///
/// # Safety
/// `to` is NULL or points to as many writable bytes as its first four say.
pub(super) unsafe fn write_struct<T: Sized32>(to: *mut T, value: T, name: &str) -> Result<()> {
    if to.is_null() {
        return Err(null(name));
    }
    // SAFETY: every struct begins with its size.
    let size = unsafe { to.cast::<u32>().read_unaligned() };
    check_item::<T>(size as usize, &format!("{name}.size"))?;
    // SAFETY: so many bytes are there, by its own word.
    unsafe { write_item(to.cast::<u8>(), &value, size as usize) };
    Ok(())
}

fn check_item<T: Sized32>(size: usize, name: &str) -> Result<()> {
    if size >= T::LEAST * 2 && size <= 1 << 20 {
        return Ok(());
    }
    let text = format!("{name} is {size}; set it to sizeof({}), which is {} here", T::NAME, size_of::<T>());
    Err(Error::new(SALES_ERR_STRUCT, text))
}

/// # Safety
/// `to` points to `size` writable bytes, and `size` was checked.
unsafe fn write_item<T: Sized32>(to: *mut u8, value: &T, size: usize) {
    let size_field = (size as u32).to_ne_bytes();
    let len = size.min(size_of::<T>());
    // SAFETY: as asked, and `len` is within both.
    unsafe {
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(value).cast::<u8>(), to, len);
        std::ptr::copy_nonoverlapping(size_field.as_ptr(), to, size_field.len());
    }
}

/// A page of the caller's array.
pub(super) struct Page<T> {
    to: *mut u8,
    item_size: usize,
    places: usize,
    used: usize,
    len: *mut usize,
    of: std::marker::PhantomData<T>,
}

/// # Safety
/// `len` is NULL or points to a length, and `out` is NULL or points to so many items of `item_size` bytes.
pub(super) unsafe fn page<T: Sized32>(out: *mut T, item_size: usize, len: *mut usize) -> Result<Page<T>> {
    // SAFETY: as asked.
    let places = *unsafe { len.as_ref() }.ok_or_else(|| null("len"))?;
    if out.is_null() && places > 0 {
        return Err(null("out"));
    }
    check_item::<T>(item_size, "item_size")?;
    if places.checked_mul(item_size).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(argument(format!("len: {places} items of {item_size} bytes do not fit in memory")));
    }
    Ok(Page { to: out.cast(), item_size, places, used: 0, len, of: std::marker::PhantomData })
}

impl<T: Sized32> Page<T> {
    /// How many items fit.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Writes the next item, if it fits.
    pub(super) fn push(&mut self, item: T) {
        if self.used < self.places {
            // SAFETY: page() was told that so many items are there.
            unsafe { write_item(self.to.add(self.used * self.item_size), &item, self.item_size) };
            self.used += 1;
        }
    }

    /// Says how many were written.
    pub(super) fn finish(self) -> i32 {
        let used = self.used;
        self.finish_with_total(used);
        SALES_OK
    }

    /// Says how many there are.
    pub(super) fn finish_with_total(self, total: usize) {
        // SAFETY: page() found it valid.
        unsafe { *self.len = total };
    }
}

fn fill<const N: usize>(text: &str) -> [c_char; N] {
    let mut out = [0; N];
    let mut end = text.len().min(N.saturating_sub(1));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (to, byte) in out.iter_mut().zip(text.as_bytes()[..end].iter()) {
        *to = if *byte == 0 { b' ' as c_char } else { *byte as c_char };
    }
    out
}

/// Whether a text can be written where the caller wants it: asked before anything is done.
///
/// # Safety
/// `error` is NULL or begins with its size.
pub(super) unsafe fn can_write_error(error: *const sales_error_t) -> bool {
    // SAFETY: as asked.
    error.is_null() || (8..=1 << 20).contains(&unsafe { error.cast::<u32>().read_unaligned() })
}

/// Writes an error where the caller wants it.
///
/// # Safety
/// `error` is NULL or passed [`can_write_error`], and points to as many writable bytes as its first four say.
pub(super) unsafe fn write_error(error: *mut sales_error_t, found: &Error) {
    if error.is_null() {
        return;
    }
    // SAFETY: as asked.
    let size = unsafe { error.cast::<u32>().read_unaligned() } as usize;
    let ours = sales_error_t { size: size as u32, status: found.status, text: fill(&found.text) };
    let len = size.min(size_of::<sales_error_t>());
    // SAFETY: so many bytes are there, by its own word.
    unsafe {
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(&ours).cast::<u8>(), error.cast::<u8>(), len);
        if len > 8 && len < size_of::<sales_error_t>() {
            error.cast::<u8>().add(len - 1).write(0);
        }
    }
}

/// What the ledger knows of a slot.
pub(super) fn reservation(view: &ReservationView) -> sales_reservation_t {
    let r = &view.record;
    let (request, index, until) = view.sale.unwrap_or((Id::ZERO, 0, 0));
    let set = |condition: bool, flag: u32| if condition { flag } else { 0 };
    sales_reservation_t {
        size: size_of::<sales_reservation_t>() as u32,
        flags: set(r.ended, SALES_RESERVATION_ENDED)
            | set(view.in_doubt, SALES_RESERVATION_IN_DOUBT)
            | set(r.of.is_some(), SALES_RESERVATION_OF_SALE),
        slot_id: raw(view.slot),
        offer_id: raw(r.of.map_or(Id::ZERO, |of| of.offer)),
        request_id: raw(request),
        index,
        bytes: r.asked,
        held: r.held,
        consumed: r.consumed,
        releasing: r.releasing,
        consuming: r.consuming,
        until,
        collateral: big(view.collateral()),
    }
}

/// An offer, with what it has left.
pub(super) fn offer_out(offer: &Offer) -> sales_offer_t {
    let t = &offer.terms;
    sales_offer_t {
        size: size_of::<sales_offer_t>() as u32,
        flags: if t.enabled { SALES_OFFER_ENABLED } else { 0 },
        id: raw(offer.id),
        total_size: t.total_size,
        min_duration: t.min_duration,
        max_duration: t.max_duration,
        min_slot_size: t.min_slot_size,
        max_slot_size: t.max_slot_size,
        until: t.until,
        min_price_per_byte_per_second: big(t.min_price_per_byte_per_second),
        total_collateral: big(t.total_collateral),
        max_slots_per_request: t.max_slots_per_request,
        reserved: 0,
        free_size: offer.free_size(),
        sold_slots: offer.sold_slots,
        sold_until: offer.sold_until,
        free_collateral: big(offer.free_collateral()),
    }
}

/// A sale, and whether an operation of it is out.
pub(super) fn sale((sale, pending): &(Sale, bool)) -> sales_sale_t {
    let set = |condition: bool, flag: u32| if condition { flag } else { 0 };
    sales_sale_t {
        size: size_of::<sales_sale_t>() as u32,
        state: sale.state as u32,
        slot_id: raw(sale.slot),
        request_id: raw(sale.request),
        offer_id: raw(sale.offer),
        index: sale.index,
        bytes: sale.size,
        since: sale.since,
        next_at: sale.next_at,
        until: sale.ends_at,
        last_status: sale.last_status,
        attempt: sale.attempt,
        flags: set(sale.is_ended(), SALES_SALE_FLAG_ENDED)
            | set(sale.in_doubt, SALES_SALE_FLAG_IN_DOUBT)
            | set(*pending, SALES_SALE_FLAG_PENDING),
        reserved: 0,
        last_text: fill(&sale.last_text),
    }
}

/// Why a request was refused.
pub(super) fn reason(reason: &Reason) -> sales_reason_t {
    sales_reason_t {
        size: size_of::<sales_reason_t>() as u32,
        rule: reason.rule as u32,
        offer_id: raw(reason.offer),
        asked: big(reason.asked),
        required: big(reason.required),
        text: fill(&reason.text),
    }
}

/// An event, for the watch.
pub(super) fn event(event: &Event) -> sales_event_t {
    sales_event_t {
        size: size_of::<sales_event_t>() as u32,
        kind: event.kind as u32,
        number: event.number,
        time: event.time,
        token: event.token,
        slot_id: raw(event.slot),
        request_id: raw(event.request),
        index: event.index,
        status: event.status,
        state: event.state,
        bytes: event.bytes,
        text: fill(&event.text),
    }
}

/// All figures.
pub(super) fn stats(s: &Stats) -> sales_stats_t {
    let (o, b) = (&s.overview, &s.overview.books);
    sales_stats_t {
        size: size_of::<sales_stats_t>() as u32,
        phase: s.phase,
        held: b.held,
        consumed: b.consumed,
        releasing: b.releasing,
        reserving: o.reserving,
        owed: o.owed,
        surplus: b.surplus,
        shortfall: b.shortfall,
        in_doubt: o.in_doubt,
        reservations: b.live,
        sales: s.counts.live,
        queued: s.counts.queued,
        attempts: s.attempts,
        pending_ops: s.pending_ops,
        surplus_released: o.report.surplus_released,
        shortfall_reserved: o.report.shortfall_reserved,
        records_settled: o.report.records_settled,
        last_block: s.last_block,
        clock_steps_back: s.clock_steps_back,
        next_deadline: s.next_deadline,
        store_seq: s.store_seq,
        store_id: b.id,
        last_event: s.last_event,
        requests_refused: s.refused,
        slots_sold: s.counts.sold,
    }
}
