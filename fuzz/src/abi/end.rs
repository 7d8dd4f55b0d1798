//! How a host begins, and how it ends: it becomes calm, completes what is out, starts anew, and adds up the books.

use super::answers::known;
use super::exports::*;
use super::host::{self, Host};
use sales::ffi::constants::*;
use sales::ffi::types::*;
use sales::status::*;
use std::ffi::CString;
use std::mem::size_of;
use std::ptr::{null, null_mut};

/// Opens and registers. `None`: the store is refused, which only one that somebody else has written may be.
pub fn open(host: &Host<'_>, tables: [u8; 4]) -> Option<u64> {
    let mut sales = 0;
    let path = CString::new(host.state().dir.clone()).expect("no zeros");
    // An honest host can tell its total.
    let repo = host::repo_table(host, if host.state().honest { tables[0] & !1 } else { tables[0] });
    let (chain, content) = (host::chain_table(host, tables[1]), host::content_table(host, tables[2]));
    let watch = host::watch_table(host, tables[3]);
    // SAFETY: the tables are valid, and the host outlives the instance.
    unsafe {
        // A seed: the same input is the same run.
        let mut options: sales_options_t = std::mem::zeroed();
        (options.size, options.seed) = (size_of::<sales_options_t>() as u32, 1);
        let opened = sales_open(SALES_ABI_VERSION, path.as_ptr(), &options, &mut sales, null_mut());
        if known_or_damaged(opened) < 0 {
            return None;
        }
        host.state().sales = sales;
        assert_eq!(sales_register_repo(sales, &repo, null_mut()), SALES_OK);
        assert_eq!(sales_register_chain(sales, &chain, null_mut()), SALES_OK);
        assert_eq!(sales_register_content(sales, &content, null_mut()), SALES_OK);
        assert_eq!(sales_register_watch(sales, &watch, null_mut()), SALES_OK);
    }
    Some(sales)
}

/// As [`known`], where what lies in the store may be damaged: a contradiction between good records is told as a defect.
pub fn known_or_damaged(status: i32) -> i32 {
    assert!(ALL.iter().any(|(number, _)| *number == status), "{status} is not a status");
    assert_ne!(status, SALES_ERR_POISONED, "S8: a panic");
    status
}

fn open_own(host: &Host<'_>, tables: [u8; 4]) -> u64 {
    open(host, tables).expect("the host's own store opens")
}

/// Opens and registers, and mostly starts too.
pub fn ready(host: &Host<'_>, tables: [u8; 4], started: bool) {
    let sales = open_own(host, tables);
    if started {
        // SAFETY: no pointer is handed over.
        known(unsafe { sales_start(sales, 1_000, null_mut()) });
    }
}

fn stats(sales: u64) -> sales_stats_t {
    // SAFETY: zeros are valid, and the struct is as long as it says.
    unsafe {
        let mut stats: sales_stats_t = std::mem::zeroed();
        stats.size = size_of::<sales_stats_t>() as u32;
        assert_eq!(sales_stats(sales, &mut stats, null_mut()), SALES_OK);
        stats
    }
}

fn reservations(sales: u64) -> Vec<sales_reservation_t> {
    // SAFETY: zeros are valid, and there is room for as many as are said.
    unsafe {
        let mut page: Vec<sales_reservation_t> = vec![std::mem::zeroed(); 64];
        let (mut len, size) = (page.len(), size_of::<sales_reservation_t>());
        assert_eq!(sales_reservations(sales, null(), null(), page.as_mut_ptr(), size, &mut len, null_mut()), SALES_OK);
        page.truncate(len);
        page
    }
}

fn complete_all(host: &Host<'_>) {
    for _ in 0..500 {
        if host.state().out.is_empty() {
            return;
        }
        host::complete(host, 0);
    }
    panic!("the operations never end");
}

/// What a host leaves behind verifies clean, whatever it did.
fn verified(host: &Host<'_>) {
    let path = CString::new(host.state().dir.clone()).expect("no zeros");
    // SAFETY: zeros are valid, the structs are as long as they say, and the function takes what it is given.
    unsafe {
        let (mut error, mut counted): (sales_error_t, sales_verify_t) = (std::mem::zeroed(), std::mem::zeroed());
        (error.size, counted.size) = (size_of::<sales_error_t>() as u32, size_of::<sales_verify_t>() as u32);
        let status = sales_verify(path.as_ptr(), Some(host::on_damage), null_mut(), &mut counted, &mut error);
        let text = std::ffi::CStr::from_ptr(error.text.as_ptr());
        assert_eq!(status, SALES_OK, "the store does not verify: {text:?}");
        assert!(counted.damages == 0 && counted.records > 0);
    }
}

/// Ends the instance that is open, whatever its phase, and holds the books of the next against the repo.
pub fn settle(host: &Host<'_>, tables: [u8; 4]) {
    let sales = {
        let mut state = host.state();
        state.calm = true;
        state.now = state.now.clamp(1_000, 1 << 40) + 100_000;
        std::mem::take(&mut state.sales)
    };
    // SAFETY: no pointer is handed over.
    unsafe {
        sales_set_log(None, null_mut(), 0);
        if sales != 0 {
            host.state().sales = sales;
            let now = host.state().now;
            for step in 0..3 {
                known(sales_tick(sales, now + step * 100, null_mut()));
                complete_all(host);
            }
            known(sales_stop(sales, now + 1_000, null_mut()));
            complete_all(host);
            assert_eq!(sales_close(sales, null_mut()), SALES_OK);
        }
    }
    let mut state = host.state();
    state.out.clear();
    state.now += 2_000;
    let (now, honest) = (state.now, state.honest);
    drop(state);
    verified(host);
    let sales = open_own(host, tables);
    // SAFETY: no pointer is handed over.
    let started = known(unsafe { sales_start(sales, now, null_mut()) });
    let held: u64 = reservations(sales).iter().map(|r| r.held).sum();
    assert_eq!(held, stats(sales).held, "S1: the records hold another sum than the totals say");
    if honest {
        assert_eq!(started, SALES_OK, "a start over an honest repo");
        books_are_exact(host, sales, now);
    }
    // SAFETY: as above.
    assert_eq!(unsafe { sales_close(sales, null_mut()) }, SALES_OK);
}

fn books_are_exact(host: &Host<'_>, sales: u64, now: u64) {
    let exact = |when: &str| {
        let (s, repo) = (stats(sales), host.state().repo.reserved);
        let books = i128::from(s.held) + i128::from(s.surplus) + i128::from(s.owed) + i128::from(s.releasing)
            - i128::from(s.shortfall);
        let quiet = s.reserving == 0 && s.in_doubt == 0;
        assert!(quiet && books == i128::from(repo), "S1, {when}: the repo has {repo}, the books say {books}");
        s
    };
    for step in 1..=20 {
        complete_all(host);
        // SAFETY: no pointer is handed over.
        known(unsafe { sales_tick(sales, now + step * 100, null_mut()) });
    }
    exact("started");
    for r in reservations(sales).iter().filter(|r| r.flags & (SALES_RESERVATION_OF_SALE | SALES_RESERVATION_ENDED) == 0)
    {
        // SAFETY: the id is valid.
        let status = known(unsafe { sales_release(sales, now + 3_000, &r.slot_id, null_mut(), null_mut()) });
        assert!([SALES_OK, SALES_QUEUED].contains(&status), "S6: a release is answered {status}");
    }
    // SAFETY: no pointer is handed over.
    let status = known(unsafe { sales_reconcile(sales, now + 4_000, SALES_RECONCILE_REPAIR, null_mut()) });
    let s = exact("released");
    assert!(status != SALES_OK || s.surplus == 0, "a repair has left a surplus");
    let held: u64 =
        reservations(sales).iter().filter(|r| r.flags & SALES_RESERVATION_OF_SALE != 0).map(|r| r.held).sum();
    assert_eq!(held, s.held, "S6: bytes are held for nobody");
}
