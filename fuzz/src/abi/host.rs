//! The host: its repo, chain and content answer as the input says, at once, later, twice, wrongly, and call in while they do.

use super::super::input::Input;
use super::exports::*;
use super::memory::Block;
use super::{answers, arguments, calls};
use sales::ffi::constants::*;
use sales::ffi::types::*;
use sales::status::*;
use std::cell::Cell;
use std::ffi::{c_char, c_void, CStr};
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, PoisonError};

thread_local! {
    /// How deep this thread is in callbacks. The library promises that it is never two.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// An operation that the host has not completed.
#[derive(Clone, Copy)]
pub struct Out {
    pub token: u64,
    pub kind: u32,
    pub bytes: u64,
    /// Whether it happened, once that is settled.
    pub fate: Option<bool>,
}

/// The repo's own count.
#[derive(Default)]
pub struct Repo {
    pub reserved: u64,
    pub capacity: u64,
    pub store_id: [u8; 16],
    pub store_seq: u64,
}

/// What the host knows.
pub struct State<'a> {
    pub input: Input<'a>,
    pub now: u64,
    /// The instance that is open, or 0; and numbers that never were one, or are no more.
    pub sales: u64,
    pub stale: Vec<u64>,
    pub out: Vec<Out>,
    pub old_tokens: Vec<u64>,
    pub repo: Repo,
    /// The repo does what it says. Else it says anything, and only S8 is left.
    pub honest: bool,
    /// Everything is answered with OK, and nobody calls in.
    pub calm: bool,
    pub offers: Vec<sales_id_t>,
    pub requests: u64,
    pub dir: Vec<u8>,
    /// A call of another thread is under way.
    pub elsewhere: bool,
    pub calls: u32,
}

/// The host; callbacks get a pointer to it.
pub struct Host<'a>(pub Mutex<State<'a>>);

impl<'a> Host<'a> {
    pub fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn with<T>(&self, body: impl FnOnce(&mut Input<'a>) -> T) -> T {
        body(&mut self.state().input)
    }

    pub fn user_data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

pub fn is_inside() -> bool {
    DEPTH.get() > 0
}

/// Into a callback: calls in from there, now and then.
fn enter<T>(user_data: *mut c_void, body: impl FnOnce(&Host<'_>) -> T) -> T {
    // SAFETY: the pointer is the one that was registered, and the host outlives every instance.
    let host = unsafe { &*user_data.cast::<Host<'_>>() };
    assert_eq!(DEPTH.get(), 0, "a callback inside a callback: the stack grows");
    DEPTH.set(1);
    let calls_in = {
        let mut state = host.state();
        if state.calm || state.input.is_spent() {
            0
        } else {
            [0, 0, 0, 0, 0, 1, 1, 2][state.input.below(8)]
        }
    };
    for _ in 0..calls_in {
        calls::one(host);
    }
    let out = body(host);
    DEPTH.set(0);
    out
}

fn check_op(op: *const sales_op_t, kind: u32) -> sales_op_t {
    // SAFETY: the library hands out a valid operation.
    let op = unsafe { *op };
    assert_eq!(op.size as usize, size_of::<sales_op_t>());
    assert_eq!(op.kind, kind);
    assert!(op.token != 0 && op.attempt >= 1 && op.reserved == 0);
    op
}

fn check_slot(slot: *const sales_slot_t) {
    // SAFETY: the library hands out a valid slot, whose request is there.
    let (slot, request) = unsafe { (*slot, *(*slot).request) };
    assert_eq!(slot.size as usize, size_of::<sales_slot_t>());
    assert_eq!(request.size as usize, size_of::<sales_request_t>());
    // SAFETY: as above; the cid is borrowed from it.
    let cid = unsafe { std::slice::from_raw_parts(request.cid.data, request.cid.len) };
    assert!(!cid.is_empty() && cid.iter().all(|byte| *byte == cid[0]), "not the cid that was told");
}

/// The repo's count changes. An honest repo is never asked for what it does not have.
fn effect(state: &mut State<'_>, op: Option<&sales_op_t>, kind: u32, bytes: u64) -> bool {
    let repo = &mut state.repo;
    match kind {
        SALES_OP_REPO_RESERVE if bytes > repo.capacity - repo.reserved => return false,
        SALES_OP_REPO_RESERVE => repo.reserved += bytes,
        SALES_OP_REPO_RELEASE | SALES_OP_REPO_CONSUME => {
            assert!(!state.honest || bytes <= repo.reserved, "S2: {bytes} given back of {}", repo.reserved);
            repo.reserved = repo.reserved.saturating_sub(bytes);
        }
        _ => return true,
    }
    if let Some(op) = op {
        repo.store_id = op.store_id;
        repo.store_seq = repo.store_seq.max(op.store_seq);
    }
    true
}

const REFUSALS: [i32; 6] = [
    SALES_HOST_TRANSIENT,
    SALES_HOST_NOT_ALLOWED,
    SALES_HOST_STATE_MISMATCH,
    SALES_HOST_PERMANENT,
    SALES_HOST_NO_SPACE,
    SALES_HOST_CANCELLED,
];
/// No answers: nobody knows what they mean.
const RUBBISH: [i32; 8] = [SALES_HOST_UNKNOWN, SALES_ALREADY, SALES_QUEUED, -101, i32::MIN, i32::MAX, 77, -500];

/// Any operation: at once, later, or completed before it is answered.
fn answer(host: &Host<'_>, op: &sales_op_t, bytes: u64) -> i32 {
    let mut state = host.state();
    let kind = op.kind;
    let mut out = Out { token: op.token, kind, bytes, fate: None };
    let owes = matches!(kind, SALES_OP_CONTENT_PROVE | SALES_OP_CHAIN_READ_SLOT | SALES_OP_CHAIN_READ_REQUEST);
    let how = match if state.calm { 0 } else { state.input.u8() } {
        // OK without the data that is owed is no answer.
        fine @ 0..=94 if owes => 201 + fine % 50,
        how => how,
    };
    match how {
        0..=99 => {
            if effect(&mut state, Some(op), kind, bytes) {
                SALES_OK
            } else {
                SALES_HOST_NO_SPACE
            }
        }
        100..=129 => REFUSALS[usize::from(how) % REFUSALS.len()],
        130..=149 => {
            if state.input.u8() & 1 == 0 {
                effect(&mut state, Some(op), kind, bytes);
            }
            RUBBISH[usize::from(how) % RUBBISH.len()]
        }
        150..=199 => {
            if state.input.u8() & 1 == 0 {
                out.fate = Some(effect(&mut state, Some(op), kind, bytes));
            }
            state.out.push(out);
            SALES_PENDING
        }
        // Before it is answered; then the answer is rubbish, or says that it was.
        _ => {
            out.fate = Some(effect(&mut state, Some(op), kind, bytes));
            state.out.push(out);
            let at = state.out.len() - 1;
            let says = if how % 4 == 0 { state.input.u8().into() } else { SALES_PENDING };
            drop(state);
            complete(host, at);
            // A completion that was refused is still owed.
            let open = host.state().out.iter().any(|o| o.token == op.token);
            if open {
                SALES_PENDING
            } else {
                says
            }
        }
    }
}

/// Completes one of the operations that are out, in every way.
pub fn complete(host: &Host<'_>, at: usize) {
    let mut state = host.state();
    let Some(out) = state.out.get(at).copied() else { return };
    let (sales, now, honest, calm) = (state.sales, state.now, state.honest, state.calm);
    let fate = match out.fate {
        Some(fate) => fate,
        None => {
            let happens = (calm || state.input.u8() & 3 != 0) && effect(&mut state, None, out.kind, out.bytes);
            state.out[at].fate = Some(happens);
            happens
        }
    };
    let how = if calm { 0 } else { state.input.u8() };
    let status = match how {
        240..=255 => RUBBISH[usize::from(how) % RUBBISH.len()],
        _ if fate => SALES_OK,
        _ if honest && out.kind <= SALES_OP_REPO_CONSUME => REFUSALS[usize::from(how) % REFUSALS.len()],
        _ => [SALES_OK, SALES_HOST_TRANSIENT, SALES_HOST_PERMANENT][usize::from(how) % 3],
    };
    let (view, proof, request, request_of);
    let result = {
        let calm = state.calm;
        let input = &mut state.input;
        let seen = slot_view(input, calm);
        view = Block::shaped(input, seen);
        proof = Block::of(&vec![0x50; if calm { 8 } else { input.below(100) }]);
        let which = input.u8().into();
        request = arguments::request(input, which, calm);
        request_of = if calm {
            Block::sized(request.0, size_of::<sales_request_t>(), 0)
        } else {
            Block::shaped(input, request.0)
        };
        let text = if input.one_in(4) { TEXTS[input.below(TEXTS.len())].as_ptr() } else { std::ptr::null() };
        // SAFETY: zeros are a valid result.
        let mut result: sales_result_t = unsafe { std::mem::zeroed() };
        result.size = size_of::<sales_result_t>() as u32;
        result.status = status;
        result.text = text;
        result.proof = sales_bytes_t { data: proof.ptr(), len: proof.bytes().len() };
        result.view = view.ptr();
        result.request = request_of.ptr();
        if calm {
            Block::sized(result, size_of::<sales_result_t>(), 0)
        } else {
            Block::shaped(input, result)
        }
    };
    drop(state);
    // SAFETY: the result and all it points to live until the call returned.
    let answered = unsafe { sales_complete(sales, now, out.token, result.ptr(), std::ptr::null_mut()) };
    answers::known(answered);
    let mut state = host.state();
    let accepted = answered >= 0;
    let gone = [SALES_ERR_TOKEN, SALES_ERR_HANDLE].contains(&answered);
    assert!(!calm || accepted || gone, "a good completion is answered {answered}");
    if accepted || gone {
        state.out.retain(|o| o.token != out.token);
        state.old_tokens.push(out.token);
    }
    if accepted {
        drop(state);
        // SAFETY: as above.
        let again = unsafe { sales_complete(sales, now, out.token, result.ptr(), std::ptr::null_mut()) };
        let closed = [SALES_ERR_HANDLE, SALES_ERR_TOKEN].contains(&again);
        assert!(closed, "a token completes twice: {again}");
    }
}

const TEXTS: [&CStr; 4] = [c"why", c"", c"\xff\xfe not UTF-8", c"a text that is longer than the place of a text in a record of the store, which is cut at a character: \xc3\xa4\xc3\xb6\xc3\xbc, and goes on and on"];

fn slot_view(input: &mut Input<'_>, calm: bool) -> sales_slot_view_t {
    sales_slot_view_t {
        size: size_of::<sales_slot_view_t>() as u32,
        request_state: if calm { 0 } else { input.pick(&[0, 0, 1, 1, 2, 3, 4, 5, 255]) },
        slot_state: if calm { 0 } else { input.pick(&[0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 255]) },
        is_mine: if calm { 0 } else { input.pick(&[0, 1, 1, 2]) },
        reserved: if calm { 0 } else { u8::from(input.one_in(20)) },
        expires_at: arguments::time(input),
        ends_at: arguments::time(input),
        block: input.number(),
        collateral: sales_u256_t { be: [0; 32] },
    }
}

unsafe extern "C" fn available(user_data: *mut c_void, bytes: *mut u64) -> i32 {
    enter(user_data, |host| {
        let mut state = host.state();
        let free = state.repo.capacity - state.repo.reserved.min(state.repo.capacity);
        let odd = !state.calm && state.input.one_in(8);
        // SAFETY: the library hands out a place for the number.
        unsafe { *bytes = if odd { state.input.number() } else { free } };
        if odd {
            RUBBISH[state.input.below(8)]
        } else {
            SALES_OK
        }
    })
}

fn repo_call(user_data: *mut c_void, op: *const sales_op_t, bytes: u64, kind: u32) -> i32 {
    enter(user_data, |host| {
        let op = check_op(op, kind);
        assert!(bytes >= 1, "the repo is asked for nothing");
        answer(host, &op, bytes)
    })
}

unsafe extern "C" fn reserve(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> i32 {
    repo_call(user_data, op, bytes, SALES_OP_REPO_RESERVE)
}

unsafe extern "C" fn release(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> i32 {
    repo_call(user_data, op, bytes, SALES_OP_REPO_RELEASE)
}

unsafe extern "C" fn consume(user_data: *mut c_void, op: *const sales_op_t, bytes: u64) -> i32 {
    repo_call(user_data, op, bytes, SALES_OP_REPO_CONSUME)
}

unsafe extern "C" fn reserved(user_data: *mut c_void, total: *mut sales_repo_total_t) -> i32 {
    enter(user_data, |host| {
        let mut state = host.state();
        // Every call that was accepted before takes its effect now, or never.
        for at in 0..state.out.len() {
            let out = state.out[at];
            if out.fate.is_none() && out.kind <= SALES_OP_REPO_CONSUME {
                let happens = state.input.u8() & 1 == 0 && effect(&mut state, None, out.kind, out.bytes);
                state.out[at].fate = Some(happens);
            }
        }
        // SAFETY: the library hands out a struct for the total.
        let total = unsafe { &mut *total };
        assert_eq!(total.size as usize, size_of::<sales_repo_total_t>());
        (total.bytes, total.store_id, total.store_seq) =
            (state.repo.reserved, state.repo.store_id, state.repo.store_seq);
        if !state.honest && state.input.one_in(3) {
            (total.size, total.bytes) = (state.input.u32(), state.input.number());
            (total.store_id, total.store_seq) = ([state.input.u8() % 2; 16], state.input.number());
        }
        if !state.calm && state.input.one_in(8) {
            RUBBISH[state.input.below(8)]
        } else {
            SALES_OK
        }
    })
}

fn slot_call(user_data: *mut c_void, op: *const sales_op_t, slot: *const sales_slot_t, kind: u32) -> i32 {
    enter(user_data, |host| {
        let op = check_op(op, kind);
        check_slot(slot);
        answer(host, &op, 0)
    })
}

unsafe extern "C" fn fill_slot(
    user_data: *mut c_void,
    op: *const sales_op_t,
    slot: *const sales_slot_t,
    proof: *const sales_bytes_t,
    collateral: *const sales_u256_t,
) -> i32 {
    // SAFETY: the library hands out a valid proof and collateral.
    let (proof, _collateral) = unsafe { (std::slice::from_raw_parts((*proof).data, (*proof).len), *collateral) };
    assert!(!proof.is_empty() && proof.iter().all(|byte| *byte == 0x50 || *byte == 0xab), "not a proof that was told");
    slot_call(user_data, op, slot, SALES_OP_CHAIN_FILL_SLOT)
}

macro_rules! slot_entries {
    ($($name:ident($($more:ident: $type:ty),*) = $kind:expr;)*) => {$(
        unsafe extern "C" fn $name(
            user_data: *mut c_void,
            op: *const sales_op_t,
            slot: *const sales_slot_t,
            $($more: $type),*
        ) -> i32 {
            slot_call(user_data, op, slot, $kind)
        }
    )*};
}

slot_entries! {
    reserve_slot() = SALES_OP_CHAIN_RESERVE_SLOT;
    free_slot() = SALES_OP_CHAIN_FREE_SLOT;
    read_slot() = SALES_OP_CHAIN_READ_SLOT;
    store(_until: u64, _repairing: u32) = SALES_OP_CONTENT_STORE;
    prove(_challenge: *const sales_challenge_t) = SALES_OP_CONTENT_PROVE;
    keep(_until: u64) = SALES_OP_CONTENT_KEEP;
    clear() = SALES_OP_CONTENT_CLEAR;
}

unsafe extern "C" fn read_request(user_data: *mut c_void, op: *const sales_op_t, id: *const sales_id_t) -> i32 {
    enter(user_data, |host| {
        let op = check_op(op, SALES_OP_CHAIN_READ_REQUEST);
        // SAFETY: the library hands out a valid id.
        let _id = unsafe { *id };
        answer(host, &op, 0)
    })
}

unsafe extern "C" fn read_my_slots(_: *mut c_void, _: *const sales_op_t) -> i32 {
    unreachable!("version 0.1 does not call it")
}

unsafe extern "C" fn cancel(user_data: *mut c_void, token: u64) {
    enter(user_data, |host| {
        let at = host.state().out.iter().position(|out| out.token == token);
        if let Some(at) = at.filter(|_| host.with(|input| input.u8() & 1 == 0)) {
            complete(host, at);
        }
    });
}

unsafe extern "C" fn on_event(user_data: *mut c_void, event: *const sales_event_t) {
    enter(user_data, |_| {
        // SAFETY: the library hands out a valid event.
        let event = unsafe { *event };
        assert_eq!(event.size as usize, size_of::<sales_event_t>());
        assert!((SALES_EVENT_STATE..=SALES_EVENT_RELEASED).contains(&event.kind));
        check_text(&event.text);
    });
}

unsafe extern "C" fn on_deadline(user_data: *mut c_void, _: u64) {
    enter(user_data, |_| ());
}

pub unsafe extern "C" fn on_damage(_: *mut c_void, damage: *const sales_damage_t) {
    // SAFETY: the library hands out a valid damage.
    let damage = unsafe { *damage };
    assert_eq!(damage.size as usize, size_of::<sales_damage_t>());
    check_text(&damage.text);
}

/// It ends, and is UTF-8.
pub fn check_text(text: &[c_char]) {
    let bytes: Vec<u8> = text.iter().map(|byte| *byte as u8).collect();
    let text = CStr::from_bytes_until_nul(&bytes).expect("a text has its end");
    assert!(text.to_str().is_ok(), "a text is not UTF-8: {text:?}");
}

/// The log's callback may not call in: every call says so.
pub unsafe extern "C" fn log(user_data: *mut c_void, level: u32, target: *const c_char, text: *const c_char) {
    // SAFETY: the library hands out two texts, and the host outlives them.
    let (host, target, text) =
        unsafe { (&*user_data.cast::<Host<'_>>(), CStr::from_ptr(target), CStr::from_ptr(text)) };
    assert!((SALES_LOG_ERROR..=SALES_LOG_TRACE).contains(&level));
    assert!(!target.is_empty() && text.to_str().is_ok());
    let sales = host.0.try_lock().map_or(1, |state| state.sales);
    // SAFETY: no pointer is handed over.
    let status = unsafe { sales_tick(sales, 1, std::ptr::null_mut()) };
    assert_eq!(status, SALES_ERR_IN_CALLBACK, "a log callback may call in");
}

/// Which entries a table has: by the bits of a number.
fn there<T>(bits: u8, at: u8, entry: T) -> Option<T> {
    (bits >> at & 1 == 0).then_some(entry)
}

pub fn repo_table(host: &Host<'_>, bits: u8) -> sales_repo_t {
    sales_repo_t {
        size: size_of::<sales_repo_t>() as u32,
        reserved0: 0,
        user_data: host.user_data(),
        available: Some(available),
        reserve: Some(reserve),
        release: Some(release),
        reserved: there(bits, 0, reserved),
        consume: there(bits, 1, consume),
    }
}

pub fn chain_table(host: &Host<'_>, bits: u8) -> sales_chain_t {
    sales_chain_t {
        size: size_of::<sales_chain_t>() as u32,
        reserved0: 0,
        user_data: host.user_data(),
        fill_slot: Some(fill_slot),
        reserve_slot: there(bits, 0, reserve_slot),
        free_slot: there(bits, 1, free_slot),
        submit_proof: None,
        read_slot: there(bits, 2, read_slot),
        read_challenge: None,
        read_request: there(bits, 3, read_request),
        read_my_slots: there(!bits, 4, read_my_slots),
    }
}

pub fn content_table(host: &Host<'_>, bits: u8) -> sales_content_t {
    sales_content_t {
        size: size_of::<sales_content_t>() as u32,
        reserved0: 0,
        user_data: host.user_data(),
        store: Some(store),
        prove: Some(prove),
        keep: there(bits, 0, keep),
        clear: there(bits, 1, clear),
        verify: None,
        cancel: there(bits, 2, cancel),
    }
}

pub fn watch_table(host: &Host<'_>, bits: u8) -> sales_watch_t {
    sales_watch_t {
        size: size_of::<sales_watch_t>() as u32,
        reserved0: 0,
        user_data: host.user_data(),
        on_event: Some(on_event),
        on_deadline: there(bits, 0, on_deadline),
    }
}
