//! The engine beside other threads, over a store that refuses, and over one with damaged records: nothing is given up that may be ours, nothing
//! is lost, and what is not damaged goes on. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::Table;
use sales::engine::{At, Options};
use sales::history;
use sales::host::*;
use sales::ledger::acts::UNPROVEN;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use std::time::{Duration, Instant};
use store_common::Place;

fn at(block: u64) -> At {
    At { block, ..At::default() }
}

fn slot(n: u64) -> Id {
    slot_id(&ask(n, 1).request_id, 0)
}

fn proof() -> Answer {
    Answer { proof: Some(vec![1]), ..Answer::of(SALES_OK) }
}

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

/// Ticks as a host does that follows the deadlines, for a second at most; how often.
fn ticks_in_a_second(engine: &sales::engine::Engine, from: u64) -> usize {
    let (mut now, mut ticks) = (from, 0);
    while now <= from && ticks < 1000 {
        let _ = engine.tick(now);
        ticks += 1;
        now = now.max(engine.next_deadline().unwrap());
    }
    ticks
}

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
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
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
    let host = Arc::new(Host::default());
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
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
            let _ = other.on_slot(1001, At { removed: true, ..At::default() }, request, 0, Happened::TakenBack);
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

// Damaged records: what does not need them goes on.

/// A store with one accepted request of so many slots, closed.
fn accepted(place: &Place, slots: u64) -> Id {
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(place, &host, options());
    engine.on_request(1000, At::default(), ask(1, slots)).unwrap();
    ask(1, slots).request_id
}

#[test]
fn a_damaged_sale_keeps_no_other_of_its_request_from_an_event() {
    let place = Place::in_memory();
    let request = accepted(&place, 2);
    damage(&place, Table::Sales, &slot_id(&request, 0).0);
    let host = Arc::new(Host { pends: AtomicBool::new(true), total: AtomicU64::new(200), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    let told = engine.on_request_event(1002, at(50), request, Happened::RequestFailed);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD);
    let (sale, _) = engine.sale(slot_id(&request, 1)).unwrap();
    assert!(sale.wanted.is_some() || sale.state.is_outcome(), "the whole slot was not told: {sale:?}");
}

#[test]
fn a_damaged_sale_that_is_due_asks_for_one_tick_a_second() {
    let place = Place::in_memory();
    let request = accepted(&place, 1);
    damage(&place, Table::Sales, &slot_id(&request, 0).0);
    let host = Arc::new(Host { total: AtomicU64::new(100), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    assert_eq!(ticks_in_a_second(&engine, 1490), 1);
}

/// What a damaged record of a request or an offer says of its counts is lost; the space comes back all the same (S6).
#[test]
fn a_damaged_request_and_offer_keep_no_space() {
    for table in [Table::Requests, Table::Offers] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let (first, _) = started(&place, &host, options());
        first.on_request(1000, At::default(), ask(1, 1)).unwrap();
        let (sale, _) = first.sale(slot(1)).unwrap();
        drop(first);
        let key = if table == Table::Offers { sale.offer } else { sale.request };
        damage(&place, table, &key.0);
        let engine = engine(Box::new(place.open().unwrap()), &host, options());
        engine.start(1001).unwrap();
        let _ = engine.abandon(1002, slot(1), false);
        let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
        for (_, token, _) in tokens {
            let _ = engine.complete(1003, token, Answer::of(SALES_HOST_CANCELLED));
        }
        for now in 1004..1010 {
            engine.tick(now).unwrap();
        }
        assert_eq!(host.total.load(Ordering::SeqCst), 0, "{table:?}: {:?}", engine.sale(slot(1)).unwrap().0);
    }
}

/// One ended sale that could not be read stopped everything, as soon as the history was to forget it.
#[test]
fn a_damaged_sale_that_is_to_be_forgotten_stops_nothing() {
    for table in [Table::Sales, Table::Requests] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let options = Options { history_limit: 8, ..options() };
        let (first, _) = started(&place, &host, options);
        first.on_request(1000, At::default(), ask(1, 1)).unwrap();
        first.abandon(1000, slot(1), false).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        first.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
        let (sale, _) = first.sale(slot(1)).unwrap();
        assert!(sale.is_ended());
        drop(first);
        let key = if table == Table::Sales { sale.slot } else { sale.request };
        damage(&place, table, &key.0);
        let engine = engine(Box::new(place.open().unwrap()), &host, options);
        engine.start(1001).unwrap();
        for n in 1..30 {
            engine.reserve(1001, Id([n; 32]), 5).unwrap();
            engine.release(1001, Id([n; 32])).unwrap_or_else(|error| panic!("{table:?}, release {n}: {error:?}"));
        }
        assert_eq!(engine.on_request(1002, At::default(), ask(2, 1)), Ok(SALES_OK));
    }
}

/// The worst of the queue could not be read, and so could not leave: nothing was accepted any more.
#[test]
fn a_damaged_sale_leaves_a_full_queue() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let options = Options { max_attempts: 1, queue_limit: 1, ..options() };
    let (first, _) = started(&place, &host, options);
    first.on_request(1000, At::default(), ask(1, 1)).unwrap();
    first.on_request(1000, At::default(), ask(2, 1)).unwrap();
    let waits = [slot(1), slot(2)].into_iter().find(|slot| first.sale(*slot).unwrap().0.state == State::Queued);
    drop(first);
    damage(&place, Table::Sales, &waits.unwrap().0);
    let engine = engine(Box::new(place.open().unwrap()), &host, options);
    engine.start(1001).unwrap();
    for n in 3..6 {
        assert_eq!(engine.on_request(1001, At::default(), ask(n, 1)), Ok(SALES_OK), "request {n}");
    }
    assert!(engine.stats().unwrap().counts.queued <= 1);
}

#[test]
fn a_damaged_number_of_events_stops_no_release() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (first, _) = started(&place, &host, options());
    first.reserve(1000, Id([1; 32]), 5).unwrap();
    first.reserve(1000, Id([2; 32]), 5).unwrap();
    first.release(1000, Id([1; 32])).unwrap();
    let last = first.stats().unwrap().last_event;
    drop(first);
    damage(&place, Table::Meta, history::COUNTER);
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    engine.release(1002, Id([2; 32])).unwrap();
    assert_eq!(engine.stats().unwrap().last_event, last + 1);
}

#[test]
fn a_damaged_mark_of_the_newest_store_can_be_reset() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let first = engine(Box::new(place.open().unwrap()), &host, options());
    first.offer_put(1000, Id::ZERO, terms()).unwrap();
    drop(first);
    damage(&place, Table::Meta, UNPROVEN);
    let told = engine(Box::new(place.open().unwrap()), &host, options()).start(1001);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD);
    let reset = Options { reset: true, ..options() };
    assert_eq!(engine(Box::new(place.open().unwrap()), &host, reset).start(1001), Ok(SALES_OK));
    assert_eq!(engine(Box::new(place.open().unwrap()), &host, options()).start(1002), Ok(SALES_OK));
}
