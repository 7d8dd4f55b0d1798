//! Events of the chain beside a store that refuses: each is kept, in its order, and taken in once; what is told again or taken back replaces what
//! is kept; and a block counts as seen when all of it is durable. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::{Backend, Table, Write};
use sales::engine::{Engine, Options};
use sales::host::*;
use sales::market::*;
use sales::sales::indexes::queue_key_at;
use sales::sales::known::Known;
use sales::sales::sale::{Sale, State};
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use std::time::Duration;
use store_common::Place;

/// What the store refused before any sale was told was forgotten, although the header says that it is tried again: a start that nobody heard of.
#[test]
fn an_event_that_the_store_refused_is_taken_in_by_a_tick() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 2)).unwrap();
    let request = ask(1, 2).request_id;
    let freed = slot_id(&request, 1);
    engine.abandon(1000, freed, false).unwrap();
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens.iter().filter(|(.., slot)| *slot == freed) {
        engine.complete(1000, *token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
    }
    assert!(engine.sale(freed).unwrap().0.is_ended());
    let refused = |switch: &AtomicBool| {
        switch.store(true, Ordering::SeqCst);
        let told = [
            engine.on_request_event(1001, at(20), request, Happened::RequestFulfilled),
            engine.on_slot(1001, at(21), request, 1, Happened::SlotFreed),
        ];
        assert!(told.iter().all(|told| told.as_ref().is_err_and(|error| error.status == SALES_ERR_STORE)), "{told:?}");
        let _ = engine.tick(1001);
        switch.store(false, Ordering::SeqCst);
    };
    refused(&switches.blind);
    refused(&switches.refuses);
    engine.on_request(1001, at(30), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 19);
    assert_eq!(engine.next_deadline(), Ok(1002));
    engine.tick(1002).unwrap();
    assert!(engine.sale(slot_id(&request, 0)).unwrap().0.started);
    assert!(engine.sale(freed).unwrap().0.state.is_attempt());
    engine.on_request(1003, at(40), ask(3, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 40);
    assert!(engine.next_deadline().unwrap() > 1400, "nothing waits for the store");
}

/// The end of a request that was refused, then taken back, and then taken in: the space of a filled slot went with it (S5). Refused by a read it
/// waits for a tick; refused by a write, in the mailbox of the sale.
#[test]
fn what_is_taken_back_while_it_is_kept_has_no_effect() {
    for (blind, works) in [(true, true), (true, false), (false, true), (false, false)] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let switch = if blind { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap_err();
        switch.store(!works, Ordering::SeqCst);
        let _ = engine.on_request_event(1002, taken_back(20), request(1), Happened::RequestFailed);
        switch.store(false, Ordering::SeqCst);
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled, "blind: {blind}, works: {works}");
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
        // The same of a slot that is being attempted.
        let place = Place::in_memory();
        let (_, engine, switches) = selling(&place, true);
        let switch = if blind { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFilled).unwrap_err();
        switch.store(!works, Ordering::SeqCst);
        let _ = engine.on_slot(1002, taken_back(20), request(1), 0, Happened::SlotFilled);
        switch.store(false, Ordering::SeqCst);
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.wanted, None, "blind: {blind}, works: {works}");
    }
}

/// Its block was held for the life of the instance, because nobody could tell it again.
#[test]
fn what_is_taken_back_while_it_is_kept_holds_no_block() {
    for blind in [true, false] {
        let place = Place::in_memory();
        let (_, engine, switches) = filled(&place);
        let switch = if blind { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap_err();
        let _ = engine.on_request_event(1002, taken_back(20), request(1), Happened::RequestFailed);
        let _ = engine.stop(1003);
        switch.store(false, Ordering::SeqCst);
        let _ = engine.stop(1003);
        engine.start(1004).unwrap();
        engine.on_request(1005, at(30), ask(2, 1)).unwrap();
        engine.tick(1006).unwrap();
        engine.on_request(1007, at(40), ask(3, 1)).unwrap();
        assert_eq!(engine.stats().unwrap().last_block, 40, "blind: {blind}");
    }
}

/// A slot that was freed was told again, sold again, and then heard once more that it was freed: it was in doubt until somebody resolved it.
#[test]
fn what_is_told_again_while_it_is_kept_is_taken_in_once() {
    let place = Place::in_memory();
    let (host, engine, switches) = over(&place);
    host.pends.store(false, Ordering::SeqCst);
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    switches.refuses.store(false, Ordering::SeqCst);
    assert_eq!(engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed), Ok(SALES_OK));
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    engine.tick(1002).unwrap();
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert!(sale.state == State::Filled && !sale.in_doubt, "{sale:?}");
}

/// A slot was freed, and filled by another: taken in the other way round, it was attempted for nothing.
#[test]
fn what_is_kept_comes_before_what_is_told_later() {
    for works in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = over(&place);
        switches.blind.store(true, Ordering::SeqCst);
        engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
        switches.blind.store(!works, Ordering::SeqCst);
        let told = engine.on_slot(1001, at(21), request(1), 0, Happened::SlotFilled);
        assert_eq!(status(told), if works { Ok(SALES_OK) } else { Err(SALES_ERR_STORE) });
        switches.blind.store(false, Ordering::SeqCst);
        engine.tick(1002).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert!(sale.is_ended(), "{:?}: it is another's", sale.state);
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
        engine.on_request(1003, at(30), ask(2, 1)).unwrap();
        assert_eq!(engine.stats().unwrap().last_block, 30);
    }
}

/// What was told again and again took all the room; and where there was none, the host was told that it is kept.
#[test]
fn events_that_find_no_room_are_to_be_told_again() {
    let place = Place::in_memory();
    let (_, engine, switches) = selling(&place, true);
    switches.blind.store(true, Ordering::SeqCst);
    let tell = |n: u64| status(engine.on_slot(1001, at(20 + n), request(77), 0, Happened::SlotFilled));
    for _ in 0..5000 {
        assert_eq!(tell(0), Err(SALES_ERR_STORE));
    }
    for n in 1..4096 {
        assert_eq!(tell(n), Err(SALES_ERR_STORE), "{n}");
    }
    assert_eq!(tell(5000), Err(SALES_ERR_FULL));
    switches.blind.store(false, Ordering::SeqCst);
    engine.tick(1002).unwrap();
    engine.on_request(1002, at(6000), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 5019);
    assert_eq!(tell(5000), Ok(SALES_ALREADY));
    engine.on_request(1002, at(6001), ask(3, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 6001);
}

/// Each tick of an outage wrote as often as events and sales waited.
#[test]
fn one_tick_of_an_outage_tries_a_little() {
    let place = Place::in_memory();
    let (_, engine, switches) = selling(&place, true);
    for n in 2..201 {
        engine.on_request(1000, at(10), ask(n, 1)).unwrap();
    }
    switches.refuses.store(true, Ordering::SeqCst);
    for n in 1..201 {
        engine.on_request_event(1001, at(20), request(n), Happened::RequestFulfilled).unwrap_err();
        engine.on_slot(1001, at(21), request(n), 0, Happened::SlotFilled).unwrap_err();
    }
    switches.writes.store(0, Ordering::SeqCst);
    let _ = engine.tick(1002);
    assert!(switches.writes.load(Ordering::SeqCst) < 10, "{:?} refused writes in one tick", switches.writes);
    switches.refuses.store(false, Ordering::SeqCst);
    engine.tick(1003).unwrap();
    engine.on_request(1004, at(30), ask(300, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 30);
}

#[test]
fn what_is_told_again_and_again_waits_once() {
    let place = Place::in_memory();
    let (_, engine, switches) = selling(&place, true);
    switches.refuses.store(true, Ordering::SeqCst);
    for _ in 0..5000 {
        engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFilled).unwrap_err();
    }
    switches.refuses.store(false, Ordering::SeqCst);
    switches.reads.store(0, Ordering::SeqCst);
    engine.tick(1002).unwrap();
    assert!(switches.reads.load(Ordering::SeqCst) < 100, "{:?} reads", switches.reads);
}

// Records that are missing.

/// A request whose record is gone: its sale hears how it ended, and its space comes back.
#[test]
fn a_missing_request_keeps_no_sale_from_an_event_and_no_space() {
    let place = Place::in_memory();
    let (host, first, _) = selling(&place, true);
    drop(first);
    place.open().unwrap().write(&mut |write: &mut dyn Write| write.del(Table::Requests, &request(1).0)).unwrap();
    let options = Options { history_limit: 8, ..options() };
    let engine = engine(Box::new(place.open().unwrap()), &host, options);
    engine.start(1001).unwrap();
    assert_eq!(engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed), Ok(SALES_OK));
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens {
        let _ = engine.complete(1003, token, Answer::of(SALES_HOST_CANCELLED));
    }
    for now in 1004..1010 {
        engine.tick(now).unwrap();
    }
    assert_eq!(host.total.load(Ordering::SeqCst), 0, "{:?}", engine.sale(slot(1)));
    // And the history forgets it.
    for n in 1..30 {
        engine.reserve(1010, Id([n; 32]), 5).unwrap();
        engine.release(1010, Id([n; 32])).unwrap();
    }
    assert_eq!(status(engine.sale(slot(1))).unwrap_err(), SALES_ERR_NOT_FOUND);
}

/// A place in the queue of a sale that is not queued: the library looked for room without end.
#[test]
fn a_place_in_the_queue_that_is_nobodys_is_given_up() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let options = Options { max_attempts: 1, queue_limit: 1, ..options() };
    let (first, _) = started(&place, &host, options);
    first.on_request(1000, at(10), ask(1, 1)).unwrap();
    drop(first);
    let key = [&[1u8][..], &[0xff; 32], &[0xff; 32], &[0xff; 24], &slot(1).0].concat();
    place.open().unwrap().write(&mut |write: &mut dyn Write| write.put(Table::Queue, &key, &[])).unwrap();
    let engine = engine(Box::new(place.open().unwrap()), &host, options);
    engine.start(1001).unwrap();
    let (done, is_done) = mpsc::channel();
    let within = engine.clone();
    std::thread::spawn(move || {
        for n in 3..6 {
            within.on_request(1001, at(20), ask(n, 1)).unwrap();
        }
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("it looks for room without end");
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert_eq!(sale.state, State::Downloading, "it never was in the queue");
    assert_eq!(engine.stats().unwrap().counts.queued, 1);
}

/// The same of a sale that is filled: a start tried to begin it without end.
#[test]
fn a_place_in_the_queue_of_a_filled_slot_is_not_attempted() {
    let place = Place::in_memory();
    let (host, first, _) = filled(&place);
    drop(first);
    let key = [&[0u8][..], &[0; 32], &[0; 32], &[0; 24], &slot(1).0].concat();
    place.open().unwrap().write(&mut |write: &mut dyn Write| write.put(Table::Queue, &key, &[])).unwrap();
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    let (done, is_done) = mpsc::channel();
    let within = engine.clone();
    std::thread::spawn(move || done.send(within.start(1001)).unwrap());
    assert_eq!(is_done.recv_timeout(Duration::from_secs(60)).expect("it begins it without end"), Ok(SALES_OK));
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(engine.on_request(1002, at(20), ask(2, 1)), Ok(SALES_OK));
    assert!(engine.sale(slot(2)).unwrap().0.state.is_attempt(), "the others are attempted");
}

/// A request whose record was lost and that is told again took the place of its live sale, whose space never came back: "more slots given back
/// than taken".
#[test]
fn a_lost_request_is_accepted_again_beside_its_sales() {
    let place = Place::in_memory();
    let (host, first, _) = selling(&place, true);
    drop(first);
    place.open().unwrap().write(&mut |write: &mut dyn Write| write.del(Table::Requests, &request(1).0)).unwrap();
    let options = Options { history_limit: 8, ..options() };
    let engine = engine(Box::new(place.open().unwrap()), &host, options);
    engine.start(1001).unwrap();
    let before = engine.sale(slot(1)).unwrap().0;
    assert_eq!(engine.on_request(1002, at(20), ask(1, 1)), Ok(SALES_OK));
    let after = engine.sale(slot(1)).unwrap().0;
    assert_eq!((after.act, after.state, after.offer), (before.act, before.state, before.offer));
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    assert_eq!(engine.on_request_event(1002, at(21), request(1), Happened::RequestFailed), Ok(SALES_OK));
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens {
        let _ = engine.complete(1003, token, Answer::of(SALES_HOST_CANCELLED));
    }
    for now in 1004..1010 {
        engine.tick(now).unwrap();
    }
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    assert!(engine.sale(slot(1)).unwrap().0.is_ended());
    let (_, damages) = verified(&place, engine);
    assert_eq!(damages, []);
}

/// A slot that came into the queue while its price was not known stayed there when the price was known again, and its sale went on.
#[test]
fn a_place_in_the_queue_without_a_price_is_left() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (first, _) = started(&place, &host, Options { max_attempts: 1, ..options() });
    first.on_request(1000, at(10), ask(1, 2)).unwrap();
    drop(first);
    let request = ask(1, 2).request_id;
    let store = place.open().unwrap();
    let mut queued = None;
    store
        .write(&mut |write: &mut dyn Write| {
            let slots = [0, 1].map(|index| slot_id(&request, index));
            let sale = slots.iter().filter_map(|slot| Sale::load(write, slot).unwrap());
            let sale = sale.into_iter().find(|sale| sale.in_queue).unwrap();
            let known = Known::load(write, &request)?.unwrap();
            let price = known.ask.price_per_slot().unwrap();
            write.del(Table::Queue, &queue_key_at(&sale, price))?;
            write.put(Table::Queue, &queue_key_at(&sale, U256::ZERO), &[])?;
            queued = Some(sale.slot);
            Ok(())
        })
        .unwrap();
    drop(store);
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    assert!(engine.sale(queued.unwrap()).unwrap().0.state.is_attempt());
    assert_eq!(engine.stats().unwrap().counts.queued, 0);
    let (_, damages) = verified(&place, engine);
    assert_eq!(damages, []);
}

/// What a verification finds when the engine is gone.
fn verified(place: &Place, engine: Arc<Engine>) -> (sales::verify::Report, Vec<sales::damage::Damage>) {
    drop(engine);
    let mut damages = Vec::new();
    let report = sales::verify::offline(&place.dir, &mut |damage| damages.push(damage.clone())).unwrap();
    (report, damages)
}

/// What the store refused was told again, as its errors ask, and waited with its sale each time.
#[test]
fn what_is_told_again_while_the_store_refuses_waits_once() {
    let place = Place::in_memory();
    let (_, engine, switches) = filled(&place);
    switches.refuses.store(true, Ordering::SeqCst);
    for _ in 0..1000 {
        engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
        engine.on_slot(1002, at(21), request(1), 0, Happened::ReservationsFull).unwrap_err();
        engine.on_slot(1002, taken_back(18), request(1), 0, Happened::SlotFilled).unwrap_err();
    }
    // What is another each time waits each time.
    for block in 0..5000 {
        let what = [Happened::SlotFreed, Happened::ReservationsFull][block as usize % 2];
        engine.on_slot(1002, at(100 + block), request(1), 0, what).unwrap_err();
    }
    switches.refuses.store(false, Ordering::SeqCst);
    let before = switches.reads.load(Ordering::SeqCst);
    engine.tick(1003).unwrap();
    let reads = switches.reads.load(Ordering::SeqCst) - before;
    assert!((4000..6000).contains(&reads), "{reads} reads");
}

/// An operator was told that it would be done, and a stop forgot it.
#[test]
fn what_an_operator_was_promised_stays_over_a_stop() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    let said = beside_a_write(&switches, &engine, |engine| engine.abandon(1002, slot(1), true));
    engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    switches.refuses.store(true, Ordering::SeqCst);
    assert_eq!(engine.stop(1003), Ok(SALES_OK));
    switches.refuses.store(false, Ordering::SeqCst);
    assert_eq!(engine.start(1004), Ok(SALES_OK));
    engine.tick(1005).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Abandoned);
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
}

/// What was not taken in when the instance stopped is to be told again: until then its block does not count as seen, nor those behind it.
#[test]
fn a_stop_counts_no_block_as_seen_that_was_not_taken_in() {
    for in_line in [true, false] {
        let place = Place::in_memory();
        let (_, engine, switches) = filled(&place);
        let switch = if in_line { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        let freed = |engine: &Engine| engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed);
        freed(&engine).unwrap_err();
        switch.store(!in_line, Ordering::SeqCst);
        assert_eq!(engine.stop(1003), Ok(SALES_OK));
        switch.store(false, Ordering::SeqCst);
        engine.start(1004).unwrap();
        engine.on_request(1004, at(30), ask(2, 1)).unwrap();
        assert_eq!(engine.stats().unwrap().last_block, 19, "in line: {in_line}");
        freed(&engine).unwrap();
        is_seen(&engine, 1006, 31);
    }
}
