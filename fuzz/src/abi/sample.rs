//! A store as a calm host leaves it: offers, requests, sales in every outcome, reservations, a history; and a host for any store.

use super::exports::*;
use super::host::{Host, Repo, State};
use super::{arguments, end, Input};
use sales::ffi::constants::*;
use sales::ffi::types::*;
use sales::status::*;
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Mutex;

fn calm(dir: &Path, honest: bool) -> Host<'static> {
    Host(Mutex::new(State {
        input: Input::new(&[]),
        now: 1_000,
        sales: 0,
        stale: Vec::new(),
        out: Vec::new(),
        old_tokens: Vec::new(),
        repo: Repo { capacity: u64::MAX, ..Repo::default() },
        honest,
        calm: true,
        offers: Vec::new(),
        requests: 0,
        dir: dir.as_os_str().as_bytes().to_vec(),
        elsewhere: false,
        calls: 0,
    }))
}

/// An offer that takes nearly every request.
pub fn offer(sales: u64) -> i32 {
    // SAFETY: zeros are valid, and the struct is as long as it says.
    unsafe {
        let mut offer: sales_offer_t = std::mem::zeroed();
        (offer.size, offer.flags) = (size_of::<sales_offer_t>() as u32, SALES_OFFER_ENABLED);
        (offer.total_size, offer.total_collateral.be) = (1 << 40, [0x7f; 32]);
        sales_offer_put(sales, 1_000, &mut offer, null_mut())
    }
}

/// Makes a store that has seen so many rounds of a host's life.
pub fn make(dir: &Path, rounds: u8) {
    let host = calm(dir, true);
    end::ready(&host, [0; 4], true);
    let sales = host.state().sales;
    assert_eq!(offer(sales), SALES_OK);
    // SAFETY: all structs are valid, and the host outlives the instance.
    unsafe {
        for round in 0..rounds {
            let now = 1_000 + u64::from(round);
            let (mut request, cid) = arguments::request(&mut Input::new(&[]), round.into(), true);
            // One in eight has a content id that needs pages of its own.
            let long = vec![round; 4096];
            if round % 8 == 7 {
                request.cid = sales_bytes_t { data: long.as_ptr(), len: long.len() };
            }
            request.nonce.bytes[1] = round;
            let mut ask: sales_ask_t = std::mem::zeroed();
            ask.size = size_of::<sales_ask_t>() as u32;
            ask.request_id = arguments::id_of(&request);
            ask.proof_probability = request.proof_probability;
            ask.price_per_byte_per_second = request.price_per_byte_per_second;
            ask.collateral_per_byte = request.collateral_per_byte;
            (ask.slots, ask.slot_size, ask.duration) = (request.slots, request.slot_size, request.duration);
            (ask.max_slot_loss, ask.expires_at, ask.ends_at) = (request.max_slot_loss, now + 2_000, now + 6_000);
            ask.request = &request;
            assert_eq!(sales_on_request(sales, now, null(), &ask, null_mut()), SALES_OK);
            sales_tick(sales, now, null_mut());
            let slot = sales_id_t { bytes: [round; 32] };
            if round > 0 {
                assert_eq!(sales_reserve(sales, now, &slot, 100, null_mut(), null_mut()), SALES_OK);
                sales_consumed(sales, now, &slot, u64::from(round % 100), null_mut());
            }
            if round % 3 == 1 {
                sales_release(sales, now, &slot, null_mut(), null_mut());
                sales_on_request_cancelled(sales, now, null(), &ask.request_id, null_mut());
            }
            drop(cid);
        }
        assert_eq!(sales_close(sales, null_mut()), SALES_OK);
    }
}

/// Opens any store that can be opened and lives a little on it: whatever its records say, nothing may break.
pub fn live(dir: &Path) {
    let host = calm(dir, false);
    let mut state = host.state();
    state.repo.reserved = 1 << 40;
    drop(state);
    let Some(sales) = end::open(&host, [0; 4]) else { return };
    // SAFETY: no pointer is handed over.
    unsafe {
        for (step, now) in [1_000, 1_001, 3_500, 9_000, 100_000].into_iter().enumerate() {
            if step == 0 {
                end::known_or_damaged(sales_start(sales, now, null_mut()));
            }
            end::known_or_damaged(sales_tick(sales, now, null_mut()));
        }
        for slot in 0..8 {
            let id = sales_id_t { bytes: [slot; 32] };
            end::known_or_damaged(sales_release(sales, 100_001, &id, null_mut(), null_mut()));
            end::known_or_damaged(sales_reserve(sales, 100_001, &id, 10, null_mut(), null_mut()));
            end::known_or_damaged(sales_consumed(sales, 100_002, &id, 7, null_mut()));
        }
        end::known_or_damaged(sales_reconcile(sales, 100_003, SALES_RECONCILE_REPAIR, null_mut()));
        end::known_or_damaged(sales_stop(sales, 100_004, null_mut()));
        assert_eq!(sales_close(sales, null_mut()), SALES_OK);
    }
}
