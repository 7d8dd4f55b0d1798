//! Events that are kept while the store refuses them, beside other threads and a store that refuses some of them: each keeps its place, is taken in
//! once, and keeps nothing else waiting. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::Write;
use sales::engine::At;
use sales::host::*;
use sales::market::*;
use sales::sales::known::Known;
use sales::sales::sale::{Sale, State};
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

fn started_of(write: &dyn Write, request: &Id) -> bool {
    Known::load(write, request).unwrap().is_some_and(|known| known.started)
}

/// While a tick tried that a slot was freed, another thread was told that another host had filled it: nobody knew of it, and it was attempted.
#[test]
fn what_is_told_while_an_event_is_tried_waits_behind_it() {
    let place = Place::in_memory();
    let (host, engine, switches) = over(&place);
    switches.blind.store(true, Ordering::SeqCst);
    engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    switches.blind.store(false, Ordering::SeqCst);
    let said =
        beside_a_write(&switches, &engine, |engine| engine.on_slot(1002, at(21), request(1), 0, Happened::SlotFilled));
    engine.tick(1002).unwrap();
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    assert_eq!(engine.next_deadline(), Ok(1003));
    engine.tick(1003).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.is_ended(), "it is another's");
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1004, 30);
}

/// Told again while another thread tried it, it counted twice, or went behind what was told later.
#[test]
fn what_is_told_again_while_it_is_tried_is_taken_in_once() {
    let place = Place::in_memory();
    let (host, engine, switches) = over(&place);
    switches.blind.store(true, Ordering::SeqCst);
    engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    engine.on_slot(1001, at(21), request(1), 0, Happened::SlotFilled).unwrap_err();
    switches.blind.store(false, Ordering::SeqCst);
    let said =
        beside_a_write(&switches, &engine, |engine| engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed));
    engine.tick(1002).unwrap();
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    engine.tick(1003).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.is_ended(), "it is another's");
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1004, 30);
}

/// Left to the thread that is at a sale, it counted as seen before that had taken it in: a crash in between, and nobody told it again.
#[test]
fn what_is_left_to_another_thread_holds_its_block() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, _) = started(&place, &host, options());
    let within = engine.clone();
    let said = Arc::new(Mutex::new(None));
    let says = said.clone();
    *host.prove_hook.lock().unwrap() = Some(Box::new(move || {
        let engine = within.clone();
        let other = std::thread::spawn(move || {
            let told = status(engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFilled));
            engine.on_request(1001, at(30), ask(2, 1)).unwrap();
            (told, engine.stats().unwrap().last_block)
        });
        *says.lock().unwrap() = Some(other.join().unwrap());
    }));
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    assert_eq!(*said.lock().unwrap(), Some((Ok(SALES_QUEUED), 19)));
    assert_eq!(engine.sale(slot(1)).unwrap().0.wanted, Some(State::Ignored));
    is_seen(&engine, 1002, 40);
}

/// Told again, an event went behind later ones of its request: a slot that another host had filled was attempted.
#[test]
fn what_is_told_again_keeps_its_place() {
    for works in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = over(&place);
        let tell = |block, what| status(engine.on_slot(1001, at(block), request(1), 0, what));
        switches.blind.store(true, Ordering::SeqCst);
        assert_eq!(tell(20, Happened::SlotFreed), Err(SALES_ERR_STORE));
        assert_eq!(tell(21, Happened::SlotFilled), Err(SALES_ERR_STORE));
        switches.blind.store(!works, Ordering::SeqCst);
        assert_eq!(tell(20, Happened::SlotFreed), if works { Ok(SALES_OK) } else { Err(SALES_ERR_STORE) });
        switches.blind.store(false, Ordering::SeqCst);
        engine.tick(1002).unwrap();
        assert!(engine.sale(slot(1)).unwrap().0.is_ended(), "it is another's");
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
        is_seen(&engine, 1003, 30);
    }
}

/// A slot freed, filled and freed in one block: the last was taken for the first, told again.
#[test]
fn the_same_of_another_log_is_another_event() {
    let place = Place::in_memory();
    let (_, engine, switches) = over(&place);
    switches.blind.store(true, Ordering::SeqCst);
    for (log, what) in [(1, Happened::SlotFreed), (2, Happened::SlotFilled), (3, Happened::SlotFreed)] {
        engine.on_slot(1001, At { log, ..at(20) }, request(1), 0, what).unwrap_err();
    }
    switches.blind.store(false, Ordering::SeqCst);
    engine.tick(1002).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.state.is_attempt());
    is_seen(&engine, 1003, 30);
}

/// One request's event that the store never takes kept those of all others from being tried.
#[test]
fn an_event_that_is_always_refused_keeps_no_other_waiting() {
    for good in 1..=5 {
        let place = Place::in_memory();
        let (_, engine, switches) = selling(&place, true);
        for n in 2..=5 {
            engine.on_request(1000, at(10), ask(n, 1)).unwrap();
        }
        let is_bad = move |write: &dyn Write| (1..=5).any(|n| n != good && started_of(write, &request(n)));
        *switches.dislikes.lock().unwrap() = Some(Box::new(is_bad));
        switches.status.store(SALES_ERR_STORE_DAMAGED, Ordering::SeqCst);
        switches.blind.store(true, Ordering::SeqCst);
        for n in 1..=5 {
            engine.on_request_event(1001, at(20), request(n), Happened::RequestFulfilled).unwrap_err();
        }
        switches.blind.store(false, Ordering::SeqCst);
        engine.tick(1002).unwrap();
        engine.tick(1003).unwrap();
        assert!(engine.sale(slot(good)).unwrap().0.started, "its turn never came");
        *switches.dislikes.lock().unwrap() = None;
        engine.tick(1004).unwrap();
        is_seen(&engine, 1005, 30);
    }
}

/// A sale that the store always refused kept the others that waited for it.
#[test]
fn a_sale_that_is_always_refused_keeps_no_other_waiting() {
    for bad in [1, 2] {
        let place = Place::in_memory();
        let (_, engine, switches) = selling(&place, true);
        engine.on_request(1000, at(10), ask(2, 1)).unwrap();
        switches.refuses.store(true, Ordering::SeqCst);
        for n in [1, 2] {
            engine.on_slot(1001, at(20), request(n), 0, Happened::SlotFilled).unwrap_err();
        }
        switches.refuses.store(false, Ordering::SeqCst);
        switches.status.store(SALES_ERR_STORE_DAMAGED, Ordering::SeqCst);
        let is_bad = move |write: &dyn Write| {
            Sale::load(write, &slot(bad)).unwrap().is_some_and(|sale| sale.wanted == Some(State::Ignored))
        };
        *switches.dislikes.lock().unwrap() = Some(Box::new(is_bad));
        for now in 1002..1005 {
            engine.tick(now).unwrap();
        }
        assert_eq!(engine.sale(slot(3 - bad)).unwrap().0.wanted, Some(State::Ignored), "its turn never came");
        assert_eq!(engine.sale(slot(bad)).unwrap().0.wanted, None);
        *switches.dislikes.lock().unwrap() = None;
        engine.tick(1005).unwrap();
        assert_eq!(engine.sale(slot(bad)).unwrap().0.wanted, Some(State::Ignored));
        is_seen(&engine, 1006, 30);
    }
}

/// On a full disk, which has room for what gives back, the end of a request waited behind a slot of it that could not be sold again.
#[test]
fn an_end_does_not_wait_behind_what_a_full_disk_refuses() {
    for taken_back_again in [false, true] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        let request = ask(1, 2).request_id;
        let [held, freed] = [0, 1].map(|index| slot_id(&request, index));
        engine.on_request(1000, at(10), ask(1, 2)).unwrap();
        engine.abandon(1000, freed, false).unwrap();
        let answer = |of: Id| {
            let mut tokens = host.tokens.lock().unwrap();
            let place = tokens.iter().position(|(.., slot)| *slot == of).unwrap();
            let token = tokens.remove(place).1;
            drop(tokens);
            engine.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
        };
        answer(freed);
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
        // New is refused, what ends is not.
        let is_new = move |write: &dyn Write| Sale::load(write, &freed).unwrap().is_some_and(|sale| !sale.is_ended());
        *switches.dislikes.lock().unwrap() = Some(Box::new(is_new));
        switches.status.store(SALES_ERR_DISK_FULL, Ordering::SeqCst);
        let told = engine.on_slot(1001, at(20), request, 1, Happened::SlotFreed);
        assert_eq!(status(told), Err(SALES_ERR_DISK_FULL));
        assert_eq!(engine.on_request_event(1001, at(21), request, Happened::RequestFailed), Ok(SALES_OK));
        answer(held);
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
        assert!(engine.sale(held).unwrap().0.is_ended());
        // And what it went past is not sold again when the disk has room, for nobody would tell that end once more; unless it is taken back.
        if taken_back_again {
            let _ = engine.on_request_event(1001, taken_back(21), request, Happened::RequestFailed);
        }
        *switches.dislikes.lock().unwrap() = None;
        engine.tick(1002).unwrap();
        assert_eq!(engine.sale(freed).unwrap().0.is_ended(), !taken_back_again);
        assert_eq!(host.total.load(Ordering::SeqCst), if taken_back_again { 100 } else { 0 });
        is_seen(&engine, 1003, 30);
    }
}

/// An end that was left to another thread went past a slot that was freed, which nobody looked at when that end was taken back.
#[test]
fn an_end_that_is_left_to_another_thread_passes_nothing() {
    let place = Place::in_memory();
    let (_, engine, switches) = filled(&place);
    switches.commits_left.store(1, Ordering::SeqCst);
    engine.on_request_event(1002, at(15), request(1), Happened::RequestFulfilled).unwrap_err();
    switches.commits_left.store(-1, Ordering::SeqCst);
    let (within, refuses) = (engine.clone(), switches.clone());
    *switches.at_write.lock().unwrap() = Some(Box::new(move || {
        let (engine, switches) = (within.clone(), refuses.clone());
        let other = std::thread::spawn(move || {
            let fails = |at| status(engine.on_request_event(1002, at, request(1), Happened::RequestFailed));
            let slot = |block, what| status(engine.on_slot(1002, at(block), request(1), 0, what));
            switches.left.store(0, Ordering::SeqCst);
            assert_eq!(slot(25, Happened::SlotFreed), Err(SALES_ERR_STORE));
            switches.left.store(0, Ordering::SeqCst);
            assert_eq!(fails(at(26)), Ok(SALES_QUEUED));
            switches.left.store(-1, Ordering::SeqCst);
            let _ = slot(27, Happened::ReservationsFull);
            let _ = fails(taken_back(26));
        });
        other.join().unwrap();
    }));
    for now in 1002..1006 {
        engine.tick(now).unwrap();
    }
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert!(sale.state == State::Filled && sale.in_doubt, "{sale:?}");
    is_seen(&engine, 1007, 30);
}

/// No block counts for a removal: one that was refused, because too much waited, held back its block for the life of the instance.
#[test]
fn a_removal_that_is_refused_holds_no_block() {
    let place = Place::in_memory();
    let (host, engine, _) = filled(&place);
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        while within.consumed(1002, slot(1), 1).is_ok() {}
        let told = within.on_slot(1002, taken_back(20), request(5), 0, Happened::SlotFreed);
        assert_eq!(status(told), Err(SALES_ERR_FULL));
    }));
    engine.evaluate(1002, &ask(3, 1)).unwrap();
    for _ in 0..3 {
        engine.tick(1003).unwrap();
    }
    is_seen(&engine, 1005, 30);
}
