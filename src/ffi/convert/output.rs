//! What a host gets: structs by its own size, pages of its arrays, texts.

use super::*;
use crate::damage::Damage;
use crate::engine::{Answered, ReservationView, Stats};
use crate::event::Event;
use crate::sales::decision::Reason;
use crate::sales::offer::Offer;
use crate::sales::sale::Sale;
use crate::verify::Report;

/// # Safety
/// `offer` was read by [`offer`].
pub(in crate::ffi) unsafe fn write_offer_id(offer: *mut sales_offer_t, id: Id) {
    // SAFETY: as asked; the id lies within every size that was accepted.
    unsafe { (&raw mut (*offer).id).write_unaligned(raw(id)) };
}

/// # Safety
/// `token` is NULL or points to a number that may be written.
pub(in crate::ffi) unsafe fn write_token(token: *mut u64, answered: Answered) -> Result<i32> {
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
pub(in crate::ffi) unsafe fn write_struct<T: Sized32>(to: *mut T, value: T, name: &str) -> Result<()> {
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

/// Whether a struct that may be missing can be written: asked before anything is done.
///
/// # Safety
/// `to` is NULL or begins with its size.
pub(in crate::ffi) unsafe fn can_write<T: Sized32>(to: *const T, name: &str) -> Result<()> {
    if to.is_null() {
        return Ok(());
    }
    // SAFETY: every struct begins with its size.
    check_item::<T>(unsafe { to.cast::<u32>().read_unaligned() } as usize, &format!("{name}.size"))
}

fn check_item<T: Sized32>(size: usize, name: &str) -> Result<()> {
    if is_size::<T>(size) {
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
pub(in crate::ffi) struct Page<T> {
    to: *mut u8,
    item_size: usize,
    places: usize,
    used: usize,
    len: *mut usize,
    of: std::marker::PhantomData<T>,
}

/// # Safety
/// `len` is NULL or points to a length, and `out` is NULL or points to so many items of `item_size` bytes.
pub(in crate::ffi) unsafe fn page<T: Sized32>(out: *mut T, item_size: usize, len: *mut usize) -> Result<Page<T>> {
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
    pub(in crate::ffi) fn places(&self) -> usize {
        self.places
    }

    /// Writes the next item, if it fits.
    pub(in crate::ffi) fn push(&mut self, item: T) {
        if self.used < self.places {
            // SAFETY: page() was told that so many items are there.
            unsafe { write_item(self.to.add(self.used * self.item_size), &item, self.item_size) };
            self.used += 1;
        }
    }

    /// Says how many were written.
    pub(in crate::ffi) fn finish(self) -> i32 {
        let used = self.used;
        self.finish_with_total(used);
        SALES_OK
    }

    /// Says how many there are.
    pub(in crate::ffi) fn finish_with_total(self, total: usize) {
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
pub(in crate::ffi) unsafe fn can_write_error(error: *const sales_error_t) -> bool {
    // SAFETY: as asked.
    error.is_null() || (8..=1 << 20).contains(&unsafe { error.cast::<u32>().read_unaligned() })
}

/// Writes an error where the caller wants it.
///
/// # Safety
/// `error` is NULL or passed [`can_write_error`], and points to as many writable bytes as its first four say.
pub(in crate::ffi) unsafe fn write_error(error: *mut sales_error_t, found: &Error) {
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
pub(in crate::ffi) fn reservation(view: &ReservationView) -> sales_reservation_t {
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
pub(in crate::ffi) fn offer_out(offer: &Offer) -> sales_offer_t {
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
pub(in crate::ffi) fn sale((sale, pending): &(Sale, bool)) -> sales_sale_t {
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
pub(in crate::ffi) fn reason(reason: &Reason) -> sales_reason_t {
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
pub(in crate::ffi) fn event(event: &Event) -> sales_event_t {
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
pub(in crate::ffi) fn stats(s: &Stats) -> sales_stats_t {
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

/// What a verification found.
pub(in crate::ffi) fn damage(damage: &Damage) -> sales_damage_t {
    sales_damage_t {
        size: size_of::<sales_damage_t>() as u32,
        kind: damage.kind as u32,
        page: damage.page,
        pages: damage.pages,
        id: raw(damage.id),
        text: fill(&damage.text),
    }
}

/// What a verification counted. Sums of damaged records that do not fit are the greatest that do.
pub(in crate::ffi) fn verified(report: &Report) -> sales_verify_t {
    let fit = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
    sales_verify_t {
        size: size_of::<sales_verify_t>() as u32,
        reserved: 0,
        damages: report.damages,
        damaged_pages: report.damaged_pages,
        pages: report.pages.pages,
        free_pages: report.pages.free,
        file_bytes: report.pages.bytes,
        records: report.keys,
        store_seq: report.seq,
        store_id: report.id,
        reservations: report.ledger.live,
        held: fit(report.ledger.held),
        consumed: fit(report.ledger.consumed),
        releasing: fit(report.ledger.releasing),
    }
}
