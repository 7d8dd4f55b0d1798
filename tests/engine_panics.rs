//! A panic in what the engine calls, which the ABI answers with SALES_ERR_INTERNAL, loses no event, no space and no work, and holds no block. Each was
//! broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::At;
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

fn panics(call: impl FnOnce() -> sales::error::Result<i32>) {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
}

/// A panic below it took an event with it, and held its block for the life of the instance.
#[test]
fn a_panic_loses_no_event_and_holds_no_block() {
    for kept in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled_with(&place, Host { can_read: true, ..Host::default() });
        *host.read_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
        let tell = || engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed);
        if kept {
            switches.blind.store(true, Ordering::SeqCst);
            tell().unwrap_err();
            switches.blind.store(false, Ordering::SeqCst);
            panics(|| engine.tick(1002));
        } else {
            panics(tell);
            tell().unwrap();
        }
        engine.tick(1003).unwrap();
        let (kind, token, _) = host.tokens.lock().unwrap().remove(0);
        assert_eq!(kind, OpKind::ReadSlot, "kept: {kept}");
        engine.complete(1004, token, Answer::of(SALES_HOST_TRANSIENT)).unwrap();
        is_seen(&engine, 1005, 30);
    }
}

/// The space of a slot whose content was being cleared never came back.
#[test]
fn a_panic_keeps_no_space() {
    let place = Place::in_memory();
    let (host, engine, _) = filled_with(&place, Host { can_clear: true, ..Host::default() });
    *host.clear_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    panics(|| engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed));
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    engine.tick(1003).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.is_ended());
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
}

/// A fill during which the host panicked may have landed: it is not asked again before the chain was.
#[test]
fn a_panic_in_a_fill_leaves_its_outcome_to_the_chain() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_read: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    *host.fill_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    panics(|| engine.complete(1001, token, proof()));
    engine.tick(1002).unwrap();
    let calls: Vec<OpKind> = host.calls.lock().unwrap().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(calls, [OpKind::FillSlot, OpKind::ReadSlot]);
}

/// An end that was told behind it had no news, so that its removal found nothing; and a stop waited for the call for ever.
#[test]
fn a_panic_lets_what_waits_be_taken_back_and_the_instance_be_stopped() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled_with(&place, Host { can_read: true, ..Host::default() });
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    switches.refuses.store(false, Ordering::SeqCst);
    *host.read_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    let fails = |at| engine.on_request_event(1003, at, request(1), Happened::RequestFailed);
    panics(|| fails(at(21)));
    let _ = fails(taken_back(21));
    engine.tick(1004).unwrap();
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert_eq!((sale.state, sale.wanted), (State::Filled, None));
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1005, token, Answer::of(SALES_HOST_TRANSIENT)).unwrap();
    is_seen(&engine, 1006, 30);
    for (_, token, _) in host.tokens.lock().unwrap().drain(..) {
        engine.complete(1006, token, Answer::of(SALES_HOST_PERMANENT)).unwrap();
    }
    assert_eq!(engine.stop(1007), Ok(SALES_OK));
}

/// What callbacks had told before waited in the frame of the call, and went with it.
#[test]
fn a_panic_leaves_what_waits_to_the_next_call() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_clear: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    for n in [1, 2] {
        engine.on_request(1000, at(10), ask(n, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
    }
    let within = engine.clone();
    *host.clear_hook.lock().unwrap() = Some(Box::new(move || {
        let told = within.on_request_event(1002, at(21), request(2), Happened::RequestFulfilled);
        assert_eq!(told, Ok(SALES_QUEUED));
        panic!("planned")
    }));
    panics(|| engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed));
    engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
    engine.tick(1003).unwrap();
    assert!(engine.sale(slot(2)).unwrap().0.started);
    is_seen(&engine, 1004, 30);
}

/// Of three sales one kept the end of their request and one's host panicked: the third never heard of it.
#[test]
fn a_panic_at_one_sale_keeps_no_other_from_an_event() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_clear: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 3)).unwrap();
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens {
        engine.complete(1001, token, proof()).unwrap();
    }
    let request = ask(1, 3).request_id;
    switches.blind.store(true, Ordering::SeqCst);
    engine.on_request_event(1002, at(20), request, Happened::RequestFailed).unwrap_err();
    switches.blind.store(false, Ordering::SeqCst);
    switches.commits_left.store(0, Ordering::SeqCst);
    *host.clear_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    panics(|| engine.tick(1003));
    engine.tick(1004).unwrap();
    engine.tick(1005).unwrap();
    for index in 0..3 {
        assert!(engine.sale(slot_id(&request, index)).unwrap().0.is_ended(), "{index}");
    }
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1006, 30);
}

/// 4096 events waited, and the one that found no room held its block for ever.
#[test]
fn a_panic_while_room_is_made_holds_no_block() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled_with(&place, Host { can_read: true, ..Host::default() });
    switches.blind.store(true, Ordering::SeqCst);
    for log in 0..4096 {
        engine.on_slot(1002, At { log, ..at(20) }, request(1), 0, Happened::SlotFreed).unwrap_err();
    }
    switches.blind.store(false, Ordering::SeqCst);
    *host.read_hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    let tell = || engine.on_slot(1003, at(25), request(1), 0, Happened::SlotFreed);
    panics(tell);
    tell().unwrap();
    engine.tick(1004).unwrap();
    is_seen(&engine, 1005, 30);
}

/// A removal that a callback had told waited for the end of a call that panicked, and was forgotten by a stop. No chain tells it again.
#[test]
fn a_removal_that_a_panic_left_stays_over_a_stop() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_read: true, can_clear: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    for n in [1, 2] {
        engine.on_request(1000, at(10), ask(n, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
    }
    let within = engine.clone();
    *host.clear_hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(within.on_request(1002, taken_back(10), ask(2, 1)), Ok(SALES_QUEUED));
        panic!("planned")
    }));
    panics(|| engine.abandon(1002, slot(1), true));
    // What a stop may do at most is not enough to come to it.
    switches.blind.store(true, Ordering::SeqCst);
    assert_eq!(engine.stop(1003), Ok(SALES_OK));
    switches.blind.store(false, Ordering::SeqCst);
    engine.start(1004).unwrap();
    engine.tick(1005).unwrap();
    assert_eq!(host.calls.lock().unwrap().last(), Some(&(OpKind::ReadSlot, slot(2))));
}

/// Two things were left over by a call that did all it does. The first of them panicked, and took the second with it.
#[test]
fn a_panic_leaves_what_was_left_over_to_the_next_call() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_read_request: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    let (slot, inner, repo) = (Id([7; 32]), engine.clone(), host.clone());
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        for n in 2..4 {
            let refused = Ask { slot_size: 1 << 50, request: None, ..ask(n, 1) };
            assert_eq!(inner.on_request(1000, at(11), refused), Ok(SALES_QUEUED));
        }
        while inner.consumed(1000, Id([9; 32]), 1).is_ok() {}
        // While each of the two is done, there is room for one more.
        let (inner, again) = (inner.clone(), repo.clone());
        *repo.hook.lock().unwrap() = Some(Box::new(move || {
            assert_eq!(inner.on_request(1000, at(12), ask(4, 1)), Ok(SALES_QUEUED));
            let inner = inner.clone();
            *again.hook.lock().unwrap() = Some(Box::new(move || {
                inner.reserve(1000, slot, 5).unwrap();
            }));
        }));
    }));
    engine.evaluate(1000, &ask(5, 1)).unwrap();
    let is_reserved = || engine.reservation(slot).is_ok_and(|view| view.record.is_live());
    assert!(!is_reserved() && engine.sale(crate::slot(4)).is_err(), "both were left over");
    *host.hook.lock().unwrap() = Some(Box::new(|| panic!("planned")));
    panics(|| engine.tick(1001));
    assert!(!is_reserved());
    engine.tick(1002).unwrap();
    assert!(is_reserved());
}

/// An offer was changed while the queue was gone through, and then that panicked: the slots rested no more, and were tried no more either.
#[test]
fn a_panic_while_the_queue_is_gone_through_leaves_it_to_the_next_tick() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, _) = started(&place, &host, options());
    let offer = engine.offers(None, 1).unwrap()[0].id;
    host.full.store(true, Ordering::SeqCst);
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let inner = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        inner.offer_put(1001, offer, terms()).unwrap();
        panic!("planned");
    }));
    panics(|| engine.offer_put(1001, offer, terms()).map(|_| SALES_OK));
    host.full.store(false, Ordering::SeqCst);
    assert_eq!(engine.next_deadline(), Ok(1002));
    engine.tick(1002).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::InitialProving);
}
