//! The engine beside other threads, and over a store that refuses: nothing is given up that may be ours, and nothing is lost. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::Table;
use sales::engine::At;
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use std::time::{Duration, Instant};
use store_common::Place;

// A start beside other threads.

/// Dies with the fills of two slots out; the slots, in their order.
fn two_filling(place: &Place) -> Vec<Id> {
    let host = Arc::new(Host { can_read: true, can_free: true, fill_pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(place, &host, options());
    for n in [1, 2] {
        engine.on_request(1000, At::default(), ask(n, 1)).unwrap();
    }
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens {
        engine.complete(1001, token, proof()).unwrap();
    }
    let mut filling: Vec<Id> = host.tokens.lock().unwrap().iter().map(|(.., slot)| *slot).collect();
    assert_eq!(filling.len(), 2);
    filling.sort();
    filling
}

/// While the start was still asking the chain about one slot, a tick of another thread filled the next again, was refused because the slot was
/// ours, and gave it up (S5).
#[test]
fn a_tick_beside_a_start_gives_up_no_slot_that_may_be_ours() {
    let place = Place::in_memory();
    let slots = two_filling(&place);
    let host = Arc::new(Host {
        can_read: true,
        can_free: true,
        total: AtomicU64::new(200),
        fill_status: AtomicI32::new(SALES_HOST_NOT_ALLOWED),
        ..Host::default()
    });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    let within = engine.clone();
    *host.read_hook.lock().unwrap() = Some(Box::new(move || {
        let other = within.clone();
        std::thread::spawn(move || other.tick(1490)).join().unwrap().unwrap();
    }));
    engine.start(1490).unwrap();
    let (sale, _) = engine.sale(slots[1]).unwrap();
    assert!(!sale.state.is_outcome(), "its fill may stand, and the chain was not asked: {sale:?}");
    let calls = host.calls.lock().unwrap();
    assert!(calls.iter().all(|(kind, _)| *kind == OpKind::ReadSlot) && calls.len() == 2, "{calls:?}");
}

/// The same of the end of its request: its pay would never have been collected (S6).
#[test]
fn an_event_beside_a_start_ends_no_sale_that_may_be_filled() {
    let place = Place::in_memory();
    let slots = two_filling(&place);
    let host = Arc::new(Host { can_read: true, can_free: true, total: AtomicU64::new(200), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    let (within, last) = (engine.clone(), slots[1]);
    *host.read_hook.lock().unwrap() = Some(Box::new(move || {
        let other = within.clone();
        let ended = move || {
            let request = other.sale(last).unwrap().0.request;
            other.on_request_event(2001, At::default(), request, Happened::RequestEnded)
        };
        std::thread::spawn(ended).join().unwrap().unwrap();
    }));
    engine.start(1100).unwrap();
    let (sale, _) = engine.sale(last).unwrap();
    assert!(!sale.state.is_outcome(), "its fill may stand, and the chain was not asked: {sale:?}");
}

// A store that refuses.

/// An engine whose repo has lost 60 of 100 bytes, and has room again when the store refuses everything.
fn short(place: &Place, host: &Arc<Host>) -> Arc<sales::engine::Engine> {
    let (first, _) = started(place, host, options());
    first.reserve(1000, Id([7; 32]), 100).unwrap();
    host.total.store(40, Ordering::SeqCst);
    host.full.store(true, Ordering::SeqCst);
    drop(first);
    let (store, switches) = store(place);
    let engine = engine(store, host, options());
    engine.start(1001).unwrap();
    host.full.store(false, Ordering::SeqCst);
    switches.refuses.store(true, Ordering::SeqCst);
    engine
}

#[test]
fn a_refill_that_cannot_be_written_down_is_asked_again_after_a_pause() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let engine = short(&place, &host);
    host.reserves.store(0, Ordering::SeqCst);
    let ticks = ticks_in_a_second(&engine, 1100);
    assert!(ticks < 5, "{ticks} ticks, {:?} reserves of the repo in one second", host.reserves);
}

/// Each refill took more from the repo, and what was owed grew without end.
#[test]
fn a_refill_is_not_asked_for_while_the_last_is_still_to_go_back() {
    let place = Place::in_memory();
    let host = Arc::new(Host { keeps: true, ..Host::default() });
    let engine = short(&place, &host);
    for now in 1100..1160 {
        let _ = engine.tick(now);
    }
    assert_eq!(engine.stats().unwrap().overview.owed, 60);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
}

#[test]
fn a_sale_that_is_due_and_cannot_be_written_down_asks_for_one_tick_a_second() {
    let place = Place::in_memory();
    let (_, engine, switches) = selling(&place, true);
    switches.refuses.store(true, Ordering::SeqCst);
    assert_eq!(ticks_in_a_second(&engine, 1490), 1);
    // And hears once, not with every tick, that it is due.
    for now in 1491..2490 {
        let _ = engine.tick(now);
    }
    switches.refuses.store(false, Ordering::SeqCst);
    switches.reads.store(0, Ordering::SeqCst);
    engine.tick(2500).unwrap();
    assert!(switches.reads.load(Ordering::SeqCst) < 100, "{:?} reads", switches.reads);
}

/// What was answered with an error has no effect later: on chain, this one burns the collateral.
#[test]
fn an_abandon_that_failed_takes_no_effect_later() {
    let place = Place::in_memory();
    let (host, engine, switches) = selling(&place, false);
    let (_, token, slot) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    assert_eq!(engine.sale(slot).unwrap().0.state, State::Filled);
    switches.refuses.store(true, Ordering::SeqCst);
    assert_eq!(engine.abandon(1002, slot, true).unwrap_err().status, SALES_ERR_STORE);
    switches.refuses.store(false, Ordering::SeqCst);
    engine.tick(1003).unwrap();
    assert_eq!(engine.sale(slot).unwrap().0.state, State::Filled);
    assert_eq!(engine.abandon(1004, slot, true), Ok(SALES_OK));
}

/// The host that follows the deadlines ticked without end while what was due could not be read.
#[test]
fn a_store_that_cannot_be_read_asks_for_one_tick_a_second() {
    let place = Place::in_memory();
    let (_, engine, switches) = selling(&place, true);
    switches.blind.store(true, Ordering::SeqCst);
    assert_eq!(ticks_in_a_second(&engine, 1490), 1);
    switches.blind.store(false, Ordering::SeqCst);
    engine.tick(1491).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.wanted, Some(State::Cancelled));
}

/// What is due beyond what one tick looks at was looked at a second later, and so on: for minutes, where many wait.
#[test]
fn all_that_is_due_in_a_second_is_looked_at_in_that_second() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    for n in 1..5 {
        engine.on_request(1000, At::default(), ask(n, 200)).unwrap();
    }
    assert_eq!(engine.stats().unwrap().counts.queued, 792);
    let ticks = ticks_in_a_second(&engine, 1490);
    assert_eq!(engine.stats().unwrap().counts.queued, 0);
    assert!(ticks <= 4, "{ticks} ticks");
}

/// What waited for the store when the instance was stopped asked for ticks that were refused.
#[test]
fn a_stopped_instance_asks_for_no_tick() {
    let place = Place::in_memory();
    let (host, engine, switches) = selling(&place, false);
    let (_, token, slot) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_slot(1002, At::default(), ask(1, 1).request_id, 0, Happened::SlotFreed).unwrap_err();
    let _ = engine.stop(1003);
    switches.refuses.store(false, Ordering::SeqCst);
    assert!([SALES_OK, SALES_ALREADY].contains(&engine.stop(1004).unwrap()));
    assert_eq!(engine.next_deadline(), Ok(u64::MAX));
    assert_eq!(engine.start(1005), Ok(SALES_OK));
    assert_eq!(engine.sale(slot).unwrap().0.state, State::Filled);
}

/// An answer that the store did not take is written down by a stop, where it takes it then.
#[test]
fn a_stop_writes_down_what_waited_for_the_store() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    let (_, token, slot) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    let (kind, token, _) = host.tokens.lock().unwrap().remove(0);
    assert_eq!(kind, OpKind::FillSlot);
    switches.refuses.store(true, Ordering::SeqCst);
    engine.complete(1002, token, Answer::of(SALES_OK)).unwrap();
    switches.refuses.store(false, Ordering::SeqCst);
    assert_eq!(engine.stop(1003), Ok(SALES_OK));
    assert_eq!(engine.sale(slot).unwrap().0.state, State::Filled);
}

// Blocks.

#[test]
fn a_block_of_which_one_piece_is_lost_is_not_seen_for_another() {
    let place = Place::in_memory();
    let (engine, switches) = started(&place, &Arc::new(Host::default()), options());
    switches.refuses.store(true, Ordering::SeqCst);
    assert_eq!(engine.on_request(1000, at(20), ask(1, 1)).unwrap_err().status, SALES_ERR_STORE);
    switches.refuses.store(false, Ordering::SeqCst);
    engine.on_request(1001, at(20), ask(2, 1)).unwrap();
    engine.on_request(1001, at(30), ask(3, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 19, "request 1 of block 20 is lost");
    engine.on_request(1001, at(20), ask(1, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 30);
}

/// A request's event goes to all its sales. One that could not take it in was passed over where another thread took it in for another sale; and
/// its block was held for ever, although a tick wrote it down.
#[test]
fn a_block_is_held_by_a_sale_that_waits_for_the_store_and_no_longer() {
    for beside_another in [false, true] {
        let place = Place::in_memory();
        let (host, engine) = {
            let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
            (host.clone(), started(&place, &host, options()))
        };
        let (engine, switches) = engine;
        engine.on_request(1000, at(10), ask(1, 2)).unwrap();
        let request = ask(1, 2).request_id;
        let slots: Vec<Id> = host.tokens.lock().unwrap().iter().map(|(.., slot)| *slot).collect();
        let first = (*slots.iter().min().unwrap(), *slots.iter().max().unwrap());
        let (inside, is_inside) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        // Another thread is at the slot that is told last.
        let other = beside_another.then(|| {
            let (_, token, _) = *host.tokens.lock().unwrap().iter().find(|(.., slot)| *slot == first.1).unwrap();
            *host.prove_hook.lock().unwrap() = Some(Box::new(move || {
                inside.send(()).unwrap();
                may_go.recv().unwrap();
            }));
            let within = engine.clone();
            let other = std::thread::spawn(move || within.complete(1001, token, Answer::of(SALES_OK)));
            is_inside.recv().unwrap();
            other
        });
        *switches.at_write.lock().unwrap() = Some(Box::new(|| {}));
        let told = engine.on_request_event(1002, at(20), request, Happened::RequestFailed);
        assert_eq!(told.unwrap_err().status, SALES_ERR_STORE);
        if let Some(other) = other {
            go.send(()).unwrap();
            other.join().unwrap().unwrap();
        }
        engine.on_request(1003, at(30), ask(2, 1)).unwrap();
        assert_eq!(engine.stats().unwrap().last_block, 19, "slot {} has not taken it in", first.0);
        engine.tick(1004).unwrap();
        assert_eq!(engine.sale(first.0).unwrap().0.wanted, Some(State::Failed));
        engine.on_request(1005, at(40), ask(3, 1)).unwrap();
        assert_eq!(engine.stats().unwrap().last_block, 40, "all of it is written down");
    }
}

/// A damaged record is no better for being told again: its block is held by nobody.
#[test]
fn a_block_is_not_held_by_a_sale_whose_request_is_damaged() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_read: true, ..Host::default() });
    let (first, _) = started(&place, &host, options());
    first.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, filled) = host.tokens.lock().unwrap().remove(0);
    first.complete(1001, token, proof()).unwrap();
    assert_eq!(first.sale(filled).unwrap().0.state, State::Filled);
    drop(first);
    let request = ask(1, 1).request_id;
    damage(&place, Table::Requests, &request.0);
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    let told = engine.on_slot(1002, at(50), request, 0, Happened::SlotFreed);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD, "the chain cannot be asked without it");
    engine.on_request(1003, at(60), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 60);
}

/// What was lost and is taken back need not be told again.
#[test]
fn a_lost_block_that_is_taken_back_is_held_no_more() {
    let place = Place::in_memory();
    let (engine, switches) = started(&place, &Arc::new(Host::default()), options());
    switches.refuses.store(true, Ordering::SeqCst);
    assert_eq!(engine.on_request(1000, at(20), ask(1, 1)).unwrap_err().status, SALES_ERR_STORE);
    switches.refuses.store(false, Ordering::SeqCst);
    let _ = engine.on_request(1001, At { removed: true, ..at(20) }, ask(1, 1));
    engine.on_request(1001, at(30), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 30);
}

/// LMDB has lists that may be full; that they were was taken for a slot that needs nothing.
#[test]
fn what_the_store_refuses_for_a_full_list_is_told_again() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let request = ask(1, 1).request_id;
    engine.abandon(1000, slot(1), false).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
    switches.status.store(SALES_ERR_FULL, Ordering::SeqCst);
    switches.refuses.store(true, Ordering::SeqCst);
    let told = engine.on_slot(1001, at(20), request, 0, Happened::SlotFreed);
    assert_eq!(told.map_err(|error| error.status), Err(SALES_ERR_FULL));
    switches.refuses.store(false, Ordering::SeqCst);
    engine.on_request(1002, at(30), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 19, "block 20 is to be told again");
}

/// Two threads told of one request in one commit, which failed: the second heard that it was known already, and nobody told it again.
#[test]
fn a_request_that_two_threads_told_is_known_when_one_hears_so() {
    let (mut met, begun) = (0, Instant::now());
    while met < 3 && begun.elapsed() < Duration::from_secs(60) {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        switches.slow_ms.store(30, Ordering::SeqCst);
        switches.commits_left.store(1, Ordering::SeqCst);
        let tell = |n: u64, block: u64| {
            let engine = engine.clone();
            std::thread::spawn(move || engine.on_request(1000, at(block), ask(n, 1)).map_err(|error| error.status))
        };
        let first = tell(9, 10);
        std::thread::sleep(Duration::from_millis(10));
        let two = [tell(1, 20), tell(1, 20)];
        first.join().unwrap().unwrap();
        let told: Vec<_> = two.into_iter().map(|thread| thread.join().unwrap()).collect();
        switches.slow_ms.store(0, Ordering::SeqCst);
        met += usize::from(told.contains(&Err(SALES_ERR_STORE)));
        if told.iter().any(Result::is_ok) {
            assert!(engine.sale(slot(1)).is_ok(), "nobody knows it, but they were told {told:?}");
        }
    }
    assert_eq!(met, 3, "the commit of both never failed");
}

/// Between its coming and the look at who is at the sale, another thread could take an event in; its block was held by nobody then.
#[test]
fn a_block_is_held_by_whoever_takes_it_in() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(100), ask(1, 1)).unwrap();
    let request = ask(1, 1).request_id;
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 100);
    switches.slow_ms.store(2, Ordering::SeqCst);
    let done = Arc::new(AtomicBool::new(false));
    let (other, end) = (engine.clone(), done.clone());
    let other = std::thread::spawn(move || {
        while !end.load(Ordering::SeqCst) {
            let _ = other.on_slot(1001, At { removed: true, ..At::default() }, request, 0, Happened::SlotFreed);
            std::thread::sleep(Duration::from_micros(30));
        }
    });
    let (begun, mut early) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(3) {
        let before = Instant::now();
        if engine.on_slot(1001, at(50), request, 0, Happened::SlotFreed).unwrap() == SALES_QUEUED {
            // Nobody can have written it by then.
            let last = engine.stats().unwrap().last_block;
            early += usize::from(last != 49 && before.elapsed() < Duration::from_micros(1500));
            std::thread::sleep(Duration::from_millis(4));
        }
    }
    done.store(true, Ordering::SeqCst);
    switches.slow_ms.store(0, Ordering::SeqCst);
    other.join().unwrap();
    assert_eq!(early, 0);
}

// The clock.

#[test]
fn a_clock_that_is_set_back_by_any_call_makes_no_pause_longer() {
    let place = Place::in_memory();
    let host = Arc::new(Host { full: AtomicBool::new(true), pends: AtomicBool::new(true), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1400).unwrap();
    engine.offer_put(1400, Id::ZERO, terms()).unwrap();
    engine.on_request(1400, At::default(), ask(1, 1)).unwrap();
    engine.consumed(1000, Id([9; 32]), 1).unwrap_err();
    assert_eq!(engine.next_deadline(), Ok(1001));
}
