//! One call of the ABI with arguments of every kind.
// SAFETY of every call in this file: pointers are NULL, or point to blocks that are as long as they say and live until the call returned; the
// tables' user_data is the host, which outlives every instance.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::super::input::Input;
use super::answers::{known, one_out, page_out, with_error};
use super::arguments::*;
use super::exports::*;
use super::host::{self, Host};
use super::memory::Block;
use sales::ffi::constants::*;
use sales::ffi::types::*;
use sales::status::*;
use std::ffi::{CStr, CString};
use std::mem::size_of;
use std::ptr::null_mut;

/// One call.
pub fn one(host: &Host<'_>) {
    let which = {
        let mut state = host.state();
        state.calls += 1;
        if state.calls > 400 {
            return;
        }
        state.input.u8()
    };
    match which {
        0..=19 => offer_put(host),
        20..=59 => on_request(host),
        60..=79 => ledger(host, which % 3),
        80..=99 => complete_any(host),
        100..=129 => drop(with_error(host, |error| {
            let (sales, now) = (handle(host), now(host));
            unsafe { sales_tick(sales, now, error) }
        })),
        130..=159 => chain_event(host, which),
        160..=199 => ledger(host, which % 3),
        200..=214 => look(host, which % 8),
        215..=219 => by_hand(host, which),
        220..=229 => life(host, which),
        230..=239 => helper(host, which % 8),
        240..=249 => elsewhere(host),
        _ => old_token(host),
    }
}

/// The same from another thread, which comes to its end before this one goes on.
fn elsewhere(host: &Host<'_>) {
    {
        let mut state = host.state();
        if state.elsewhere {
            return;
        }
        state.elsewhere = true;
    }
    // The pointers of tables are the host's, which outlives the thread.
    struct Anywhere<'a, 'b>(&'a Host<'b>);
    unsafe impl Send for Anywhere<'_, '_> {}
    let there = Anywhere(host);
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let there = there;
            one(there.0);
        });
        // Joined by name: the scope alone would not wait for what the thread does behind its closure, and its memory would seem lost.
        thread.join().expect("the thread has not panicked");
    });
    host.state().elsewhere = false;
}

fn ledger(host: &Host<'_>, which: u8) {
    let slot = any_slot(host);
    let (sales, now, id) = (handle(host), now(host), pointer(host, slot));
    let (bytes, no_token) = host.with(|input| {
        let bytes = if input.one_in(8) { input.number() } else { 40 * u64::from(slot.bytes[0]) };
        (bytes, input.one_in(8))
    });
    let mut token = 0xabab;
    let place: *mut u64 = if no_token { null_mut() } else { &mut token };
    let status = with_error(host, |error| unsafe {
        match which {
            0 => sales_reserve(sales, now, id.ptr(), bytes, place, error),
            1 => sales_release(sales, now, id.ptr(), place, error),
            _ => sales_consumed(sales, now, id.ptr(), bytes.min(u64::from(slot.bytes[0]) * 20), error),
        }
    });
    let waits = [SALES_PENDING, SALES_QUEUED].contains(&status);
    assert!(waits || token == 0xabab, "a token was written with status {status}");
}

fn offer_put(host: &Host<'_>) {
    let old = any_offer(host);
    let (sales, now) = (handle(host), now(host));
    let block = host.with(|input| {
        let offer = sales_offer_t {
            size: 0,
            flags: if input.one_in(12) { input.u8().into() } else { SALES_OFFER_ENABLED },
            id: if input.one_in(3) { old } else { sales_id_t { bytes: [0; 32] } },
            total_size: odd(input, 1_500),
            min_duration: odd(input, 10),
            max_duration: odd(input, 0),
            min_slot_size: odd(input, 1),
            max_slot_size: odd(input, 0),
            until: odd(input, 0),
            min_price_per_byte_per_second: odd_big(input, 1),
            total_collateral: odd_big(input, 10_000),
            max_slots_per_request: odd(input, 0) as u32,
            reserved: u32::from(input.one_in(60)),
            free_size: 7,
            sold_slots: 7,
            sold_until: 7,
            free_collateral: big(7),
        };
        Block::shaped(input, offer)
    });
    let status = with_error(host, |error| unsafe { sales_offer_put(sales, now, block.ptr(), error) });
    if status == SALES_OK {
        let id = block.read::<sales_offer_t>().id;
        let mut state = host.state();
        if state.offers.len() < 6 {
            state.offers.push(id);
        }
    }
}

fn on_request(host: &Host<'_>) {
    let (sales, now, at) = (handle(host), now(host), at(host));
    with_ask(host, |ask| {
        let status = with_error(host, |error| unsafe { sales_on_request(sales, now, at.ptr(), ask, error) });
        host.state().requests += u64::from(status == SALES_OK);
    });
}

fn chain_event(host: &Host<'_>, which: u8) {
    let request = any_request_id(host);
    let (sales, now, at, id) = (handle(host), now(host), at(host), pointer(host, request));
    let (at, id) = (at.ptr(), id.ptr());
    let index = host.with(|input| if input.one_in(20) { input.number() } else { u64::from(input.u8()) % 5 });
    with_error(host, |error| unsafe {
        match which % 7 {
            0 => sales_on_slot_filled(sales, now, at, id, index, error),
            1 => sales_on_slot_freed(sales, now, at, id, index, error),
            2 => sales_on_slot_reservations_full(sales, now, at, id, index, error),
            3 => sales_on_request_fulfilled(sales, now, at, id, error),
            4 => sales_on_request_cancelled(sales, now, at, id, error),
            5 => sales_on_request_failed(sales, now, at, id, error),
            _ => sales_on_request_ended(sales, now, at, id, error),
        }
    });
}

fn complete_any(host: &Host<'_>) {
    let at = {
        let mut state = host.state();
        let len = state.out.len();
        if len == 0 {
            return;
        }
        state.input.below(len.min(256))
    };
    host::complete(host, at);
}

/// A token that was completed before, or never was.
fn old_token(host: &Host<'_>) {
    let (sales, now, token) = {
        let mut state = host.state();
        let which = state.input.below(16);
        let token = state.old_tokens.get(which).copied().unwrap_or_else(|| state.input.number());
        if state.out.iter().any(|out| out.token == token) {
            return;
        }
        (state.sales, state.now, token)
    };
    let mut result: sales_result_t = unsafe { std::mem::zeroed() };
    result.size = size_of::<sales_result_t>() as u32;
    let status = with_error(host, |error| unsafe { sales_complete(sales, now, token, &result, error) });
    assert!(
        [SALES_ERR_TOKEN, SALES_ERR_HANDLE, SALES_ERR_STRUCT].contains(&status),
        "an old token completes: {status}"
    );
}

fn look(host: &Host<'_>, which: u8) {
    let (slot, offer, sales) = (any_slot(host), any_offer(host), handle(host));
    let (id, of, after) = (pointer(host, slot), pointer(host, offer), host.with(|input| input.u8() & 1 == 0));
    let next = if after { std::ptr::null() } else { id.ptr::<sales_id_t>().cast_const() };
    match which {
        0 => drop(one_out(host, |out, error| unsafe { sales_reservation(sales, id.ptr(), out, error) })),
        1 => drop(one_out(host, |out, error| unsafe { sales_offer_get(sales, of.ptr(), out, error) })),
        2 => drop(one_out(host, |out, error| unsafe { sales_sale(sales, id.ptr(), out, error) })),
        3 => drop(one_out(host, |out, error| unsafe { sales_stats(sales, out, error) })),
        4 => page_out(host, |out, size, len, error| unsafe {
            sales_reservations(sales, if after { of.ptr() } else { null_mut() }, next, out, size, len, error)
        }),
        5 => page_out(host, |out, size, len, error| unsafe { sales_offer_list(sales, next, out, size, len, error) }),
        6 => page_out(host, |out, size, len, error| unsafe { sales_sales(sales, next, out, size, len, error) }),
        _ => {
            let now = now(host);
            with_ask(host, |ask| {
                page_out(host, |out, size, len, error| unsafe {
                    sales_evaluate(sales, now, ask, out, size, len, error)
                })
            });
            let (mut at, null) = (0xabab, host.with(|input| input.one_in(8)));
            let place: *mut u64 = if null { null_mut() } else { &mut at };
            let status = with_error(host, |error| unsafe { sales_next_deadline(sales, place, error) });
            assert!(status == SALES_OK || at == 0xabab);
        }
    }
}

/// What an operator does.
fn by_hand(host: &Host<'_>, which: u8) {
    let (slot, offer) = (any_slot(host), any_offer(host));
    let (sales, now, id, of) = (handle(host), now(host), pointer(host, slot), pointer(host, offer));
    let number = host.with(|input| if input.one_in(12) { input.u32() } else { u32::from(input.u8() & 1) });
    let honest = host.state().honest;
    with_error(host, |error| {
        unsafe {
            match which {
                215 => sales_abandon(sales, now, id.ptr(), number, error),
                216 => sales_offer_remove(sales, now, of.ptr(), error),
                // Only a liar tells of the repo what is not so.
                217 if !honest => sales_resolve(sales, now, id.ptr(), number, error),
                _ => sales_reconcile(sales, now, number, error),
            }
        }
    });
}

const TEXTS: [&CStr; 8] = [
    c"0",
    c"",
    c"115792089237316195423570985008687907853269984665640564039457584007913129639935",
    c"115792089237316195423570985008687907853269984665640564039457584007913129639936",
    c"12a",
    c"-1",
    c"\xff\xfe",
    c" 7",
];

fn helper(host: &Host<'_>, which: u8) {
    let number = host.with(Input::u32);
    let blank = |text: *const std::ffi::c_char| {
        assert!(!unsafe { CStr::from_ptr(text) }.is_empty());
    };
    match which {
        0 => blank(unsafe { sales_status_name(number as i32) }),
        1 => blank(unsafe { sales_state_name(number % 20) }),
        2 => {
            blank(unsafe { sales_version() });
            assert_eq!(unsafe { sales_abi_version() }, SALES_ABI_VERSION);
        }
        3 => {
            let (whole, block) = host.with(|input| {
                let whole = request(input, number.into(), false);
                let block = Block::shaped(input, whole.0);
                (whole, block)
            });
            let mut id = sales_id_t { bytes: [0xab; 32] };
            let status = with_error(host, |error| unsafe { sales_request_id(block.ptr(), &mut id, error) });
            assert!(status == SALES_OK || id.bytes == [0xab; 32]);
            drop(whole);
        }
        4 => drop(with_error(host, |error| unsafe {
            sales_slot_id(std::ptr::null(), number.into(), &mut sales_id_t { bytes: [0; 32] }, error)
        })),
        5 | 6 => {
            let text = host.with(|input| match input.u8() {
                at @ 0..=239 => TEXTS[usize::from(at) % TEXTS.len()].to_owned(),
                _ => CString::new(input.bytes(90).iter().map(|byte| byte | 1).collect::<Vec<u8>>()).expect("no zeros"),
            });
            let mut value = sales_u256_t { be: [0xab; 32] };
            let status = with_error(host, |error| unsafe { sales_u256_parse(text.as_ptr(), &mut value, error) });
            if status == SALES_OK {
                let room = Block::new(SALES_U256_TEXT_MAX as usize);
                assert_eq!(unsafe { sales_u256_format(&value, room.ptr(), null_mut()) }, SALES_OK);
                let printed = CStr::from_bytes_until_nul(room.bytes()).expect("it ends").to_bytes();
                let plain = text
                    .to_bytes()
                    .iter()
                    .position(|byte| *byte != b'0')
                    .map_or(&b"0"[..], |at| &text.to_bytes()[at..]);
                assert_eq!(printed, plain);
            }
        }
        _ => {
            let (log, user_data): (sales_log_fn, _) =
                if number & 1 == 0 { (Some(host::log), host.user_data()) } else { (None, null_mut()) };
            known(unsafe { sales_set_log(log, user_data, number >> 1 & 7) });
        }
    }
}

fn life(host: &Host<'_>, which: u8) {
    // From another thread, or inside a callback, these wait for the calls that are under way.
    if host.state().elsewhere {
        return;
    }
    let (sales, now, bits) = (handle(host), now(host), host.with(Input::u8));
    let status = match which {
        220 => with_error(host, |error| unsafe { sales_start(sales, now, error) }),
        221 => with_error(host, |error| unsafe { sales_stop(sales, now, error) }),
        222 => {
            let status = with_error(host, |error| unsafe { sales_close(sales, error) });
            let mut state = host.state();
            if status == SALES_OK && sales == state.sales {
                let sales = std::mem::take(&mut state.sales);
                state.stale.push(sales);
            }
            status
        }
        223 => {
            let table = host.with(|input| Block::shaped(input, host::repo_table(host, bits)));
            with_error(host, |error| unsafe { sales_register_repo(sales, table.ptr(), error) })
        }
        224 => {
            let table = host.with(|input| Block::shaped(input, host::chain_table(host, bits)));
            with_error(host, |error| unsafe { sales_register_chain(sales, table.ptr(), error) })
        }
        225 => {
            let table = host.with(|input| Block::shaped(input, host::content_table(host, bits)));
            with_error(host, |error| unsafe { sales_register_content(sales, table.ptr(), error) })
        }
        226 => {
            let table = host.with(|input| Block::shaped(input, host::watch_table(host, bits)));
            with_error(host, |error| unsafe { sales_register_watch(sales, table.ptr(), error) })
        }
        227 => {
            let market = host.with(|input| {
                let market = sales_market_t {
                    size: 0,
                    proof_downtime: input.u8(),
                    repair_reward_percentage: input.u8(),
                    max_reservations: input.u8(),
                    reserved: u8::from(input.one_in(20)),
                    period: input.number(),
                    proof_timeout: input.number(),
                    duration_limit: input.number(),
                };
                Block::shaped(input, market)
            });
            with_error(host, |error| unsafe { sales_set_market(sales, market.ptr(), error) })
        }
        228 => {
            let (no_path, told) = host.with(|input| (input.one_in(8), input.u8() & 1 == 0));
            let path = CString::new(host.state().dir.clone()).expect("no zeros");
            let text = if no_path { std::ptr::null() } else { path.as_ptr() };
            let tell: sales_damage_fn = if told { Some(host::on_damage) } else { None };
            let verify = |out, error| unsafe { sales_verify(text, tell, null_mut(), out, error) };
            one_out::<sales_verify_t>(host, verify).0
        }
        _ => open(host),
    };
    assert!(!host::is_inside() || which > 221 || status < 0, "start or stop from inside a callback");
}

/// Opens what cannot be opened, or the store where it is not open; what is another store is closed again.
fn open(host: &Host<'_>) -> i32 {
    let (path, options, abi) = {
        let mut state = host.state();
        let dir = state.dir.clone();
        let path = match state.input.below(24) {
            0 => Vec::new(),
            1 => b"/nowhere/at/all".to_vec(),
            2 => b"/dev/null".to_vec(),
            3 => b"/proc/self/store".to_vec(),
            4 => [&dir[..], b" \xff\xfe\xc3("].concat(),
            5 => vec![b'x'; 5000],
            _ => dir,
        };
        let options = options(&mut state.input);
        let abi = if state.input.one_in(12) { state.input.u32() } else { SALES_ABI_VERSION };
        (CString::new(path).expect("no zeros"), options, abi)
    };
    let (no_path, mut sales) = (host.with(|input| input.one_in(30)), 0xabab);
    let text = if no_path { std::ptr::null() } else { path.as_ptr() };
    let status = with_error(host, |error| unsafe { sales_open(abi, text, options.ptr(), &mut sales, error) });
    if status < 0 {
        assert_eq!(sales, 0xabab, "a handle was written by an open that failed");
        return status;
    }
    let mut state = host.state();
    if state.sales == 0 && path.as_bytes() == state.dir {
        state.sales = sales;
    } else {
        state.stale.push(sales);
        drop(state);
        assert_eq!(unsafe { sales_close(sales, null_mut()) }, SALES_OK);
    }
    status
}
