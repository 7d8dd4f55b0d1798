//! What the chain takes back has no effect any more, wherever it waits: kept, in hand of a thread, in a call, or with a sale. And nothing else goes with
//! it. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{At, Engine};
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// What was in hand of a thread was in no list: taken back by another, it was put back, and taken in later. Of a filled slot that gave up its
/// space (S5).
#[test]
fn what_is_taken_back_while_it_is_tried_has_no_effect() {
    // A slot that was freed, tried by a tick.
    let place = Place::in_memory();
    let (host, engine, switches) = over(&place);
    switches.blind.store(true, Ordering::SeqCst);
    engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    switches.blind.store(false, Ordering::SeqCst);
    let said = beside_a_write(&switches, &engine, |engine| {
        engine.on_slot(1002, taken_back(20), request(1), 0, Happened::SlotFreed)
    });
    engine.tick(1002).unwrap();
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    engine.tick(1003).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.is_ended(), "it was not freed");
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1004, 30);
    // The end of a filled slot, tried by a tick, or by the call that told it.
    for (kept, block) in [(true, 20), (false, 20), (true, 0), (false, 0)] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let fails = |engine: &Engine| engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed);
        if kept {
            switches.blind.store(true, Ordering::SeqCst);
            fails(&engine).unwrap_err();
            switches.blind.store(false, Ordering::SeqCst);
        }
        let said = beside_a_write(&switches, &engine, move |engine| {
            engine.on_request_event(1002, taken_back(block), request(1), Happened::RequestFailed)
        });
        if kept {
            engine.tick(1002).unwrap();
        } else {
            fails(&engine).unwrap_err();
        }
        assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
        for now in 1003..1006 {
            engine.tick(now).unwrap();
        }
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, sale.wanted), (State::Filled, None), "kept: {kept}, block: {block}");
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
        is_seen(&engine, 1007, 30);
    }
}

/// The same of an end that waited for the store in the mailbox of its sale, or was left to the thread that was at the sale.
#[test]
fn what_is_taken_back_while_a_sale_takes_it_in_has_no_effect() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap_err();
    switches.refuses.store(false, Ordering::SeqCst);
    let said = beside_a_write(&switches, &engine, |engine| {
        engine.on_request_event(1002, taken_back(20), request(1), Happened::RequestFailed)
    });
    for now in 1003..1006 {
        engine.tick(now).unwrap();
    }
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    is_seen(&engine, 1007, 30);
}

/// Of two blocks in which an end was told, one is taken back while the other is being written down: it ends all the same (S6).
#[test]
fn what_is_told_of_another_block_stays_told() {
    for kept in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let fails = |at| status(engine.on_request_event(1002, at, request(1), Happened::RequestFailed));
        if kept {
            switches.blind.store(true, Ordering::SeqCst);
            assert_eq!(fails(at(22)), Err(SALES_ERR_STORE));
            switches.blind.store(false, Ordering::SeqCst);
        }
        switches.refuses.store(true, Ordering::SeqCst);
        assert_eq!(fails(at(20)), Err(SALES_ERR_STORE));
        switches.refuses.store(false, Ordering::SeqCst);
        beside_a_write(&switches, &engine, |engine| {
            engine.on_request_event(1002, taken_back(20), request(1), Happened::RequestFailed)
        });
        if kept {
            engine.tick(1002).unwrap();
        } else {
            assert_eq!(fails(at(22)), Err(SALES_ERR_STORE));
        }
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Failed, "kept: {kept}");
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
        is_seen(&engine, 1004, 30);
    }
}

/// Told inside a callback, it waits for the outermost call: taken back by another thread before that was done, it gave up a filled slot (S5).
#[test]
fn what_is_taken_back_while_it_waits_for_the_outermost_call_has_no_effect() {
    let place = Place::in_memory();
    let (host, engine, _) = filled(&place);
    let within = engine.clone();
    let said = Arc::new(Mutex::new(Vec::new()));
    let says = said.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        let mut told = vec![status(within.on_request_event(1002, at(20), request(1), Happened::RequestFailed))];
        told.push(status(within.on_request(1002, at(21), ask(2, 1))));
        let engine = within.clone();
        let other = std::thread::spawn(move || {
            let end = engine.on_request_event(1002, taken_back(20), request(1), Happened::RequestFailed);
            [status(end), status(engine.on_request(1002, taken_back(21), ask(2, 1)))]
        });
        told.extend(other.join().unwrap());
        *says.lock().unwrap() = told;
    }));
    engine.evaluate(1002, &ask(3, 1)).unwrap();
    assert_eq!(*said.lock().unwrap(), [Ok(SALES_QUEUED), Ok(SALES_QUEUED), Ok(SALES_OK), Ok(SALES_ALREADY)]);
    engine.tick(1003).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    assert_eq!(status(engine.sale(slot(2))).unwrap_err(), SALES_ERR_NOT_FOUND, "it was not asked for");
    is_seen(&engine, 1004, 30);
}

/// A removal was matched with one block and log only where it waited, and not where it was lost or waited for a sale.
#[test]
fn a_removal_of_any_block_takes_back_what_waits() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_request_event(1002, At { log: 7, ..at(20) }, request(1), Happened::RequestFailed).unwrap_err();
    engine.on_request_event(1002, taken_back(0), request(1), Happened::RequestFailed).unwrap();
    switches.refuses.store(false, Ordering::SeqCst);
    engine.tick(1003).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    // Of two blocks in which the same was told, only one is taken back.
    switches.refuses.store(true, Ordering::SeqCst);
    for block in [21, 22] {
        engine.on_request_event(1004, at(block), request(1), Happened::RequestFailed).unwrap_err();
    }
    engine.on_request_event(1004, taken_back(21), request(1), Happened::RequestFailed).unwrap_err();
    switches.refuses.store(false, Ordering::SeqCst);
    engine.tick(1005).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Failed);
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1006, 30);
}

/// A request that is taken back went by what was kept of it, and was kept as often as it was told.
#[test]
fn a_request_that_is_taken_back_waits_once_and_in_its_place() {
    let place = Place::in_memory();
    let (host, engine, switches) = over(&place);
    switches.blind.store(true, Ordering::SeqCst);
    engine.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed).unwrap_err();
    for _ in 0..5000 {
        assert_eq!(status(engine.on_request(1001, taken_back(10), ask(1, 1))), Err(SALES_ERR_STORE));
    }
    switches.blind.store(false, Ordering::SeqCst);
    assert_eq!(engine.on_slot(1001, at(21), request(1), 0, Happened::SlotFilled), Ok(SALES_OK));
    assert!(engine.sale(slot(1)).unwrap().0.is_ended());
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1003, 30);
}

/// A request that was lost and then taken back held its block for the life of the instance, if another had been told so.
#[test]
fn a_lost_request_that_is_taken_back_holds_no_block() {
    for block in [20, 0] {
        let place = Place::in_memory();
        let (_, engine, switches) = selling(&place, true);
        switches.refuses.store(true, Ordering::SeqCst);
        engine.on_request(1001, at(20), ask(2, 1)).unwrap_err();
        switches.refuses.store(false, Ordering::SeqCst);
        assert_eq!(engine.on_request(1001, taken_back(block), ask(2, 1)), Ok(SALES_ALREADY));
        is_seen(&engine, 1002, 30);
    }
}

/// An end that was taken back and told again went before its own removal, which then took it back: its space was kept for ever.
#[test]
fn an_end_told_again_after_its_removal_stays_told() {
    for refused_by_read in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let fails = |at| status(engine.on_request_event(1002, at, request(1), Happened::RequestFailed));
        let switch = if refused_by_read { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        assert_eq!(fails(at(20)), Err(SALES_ERR_STORE));
        let removed = fails(taken_back(20));
        assert_eq!(fails(at(20)), Err(SALES_ERR_STORE));
        assert_eq!(removed.is_err(), refused_by_read, "it waits with the end");
        switch.store(false, Ordering::SeqCst);
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Failed, "refused by a read: {refused_by_read}");
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
        is_seen(&engine, 1004, 30);
    }
}

/// Told, taken back, told and taken back while the store refuses, it is taken back; the second removal was taken for the first (S5).
#[test]
fn what_is_taken_back_twice_has_no_effect() {
    for refused_by_read in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let switch = if refused_by_read { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        for place in [at(20), taken_back(20), at(20), taken_back(20)] {
            let _ = engine.on_request_event(1002, place, request(1), Happened::RequestFailed);
        }
        switch.store(false, Ordering::SeqCst);
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled, "refused by a read: {refused_by_read}");
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
        is_seen(&engine, 1004, 30);
    }
}

/// An end that waited twice in the mailbox of a sale, for it was told again or of another block, was taken back once (S5).
#[test]
fn what_waits_twice_for_a_sale_is_taken_back_with_all_that_is_taken_back() {
    for (second, removal) in [(20, 20), (22, 0)] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled(&place);
        let fails = |at| engine.on_request_event(1002, at, request(1), Happened::RequestFailed);
        switches.refuses.store(true, Ordering::SeqCst);
        fails(at(20)).unwrap_err();
        engine.on_slot(1002, at(21), request(1), 0, Happened::SlotFreed).unwrap_err();
        fails(at(second)).unwrap_err();
        let _ = fails(taken_back(removal));
        switches.refuses.store(false, Ordering::SeqCst);
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled, "{second}, {removal}");
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
    }
}

/// While the content of one slot was cleared, the end of its request was taken back: the other slot, which was filled still, was given up all the
/// same (S5).
#[test]
fn what_is_taken_back_between_two_sales_is_not_told_to_the_second() {
    for (kept, inside) in [(false, false), (true, false), (false, true), (true, true)] {
        let place = Place::in_memory();
        let host = Arc::new(Host { can_clear: true, ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 2)).unwrap();
        let request = ask(1, 2).request_id;
        let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
        for (_, token, _) in tokens {
            engine.complete(1001, token, proof()).unwrap();
        }
        let fails = move |engine: &Engine, at| engine.on_request_event(1002, at, request, Happened::RequestFailed);
        let within = engine.clone();
        *host.clear_hook.lock().unwrap() = Some(Box::new(move || {
            let engine = within.clone();
            let tell = move || assert_eq!(fails(&engine, taken_back(20)), Ok(SALES_QUEUED));
            if inside {
                tell();
            } else if kept {
                std::thread::spawn(tell).join().unwrap();
            } else {
                let engine = within.clone();
                std::thread::spawn(move || fails(&engine, taken_back(20)).unwrap()).join().unwrap();
            }
        }));
        if kept {
            switches.blind.store(true, Ordering::SeqCst);
            fails(&engine, at(20)).unwrap_err();
            switches.blind.store(false, Ordering::SeqCst);
            engine.tick(1002).unwrap();
        } else {
            fails(&engine, at(20)).unwrap();
        }
        for now in 1003..1006 {
            engine.tick(now).unwrap();
        }
        let states: Vec<State> = [0, 1].map(|index| engine.sale(slot_id(&request, index)).unwrap().0.state).to_vec();
        assert!(states.contains(&State::Filled) && states.contains(&State::Failed), "{states:?}, {kept}, {inside}");
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
        is_seen(&engine, 1007, 30);
    }
}

/// An end that was taken back and told again while the first telling of it was still being done was taken for that one, and lost (S6).
#[test]
fn what_is_told_again_is_not_taken_for_what_was_taken_back() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_clear: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 2)).unwrap();
    let request = ask(1, 2).request_id;
    let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    for (_, token, _) in tokens {
        engine.complete(1001, token, proof()).unwrap();
    }
    let fails = move |engine: &Engine, at| status(engine.on_request_event(1002, at, request, Happened::RequestFailed));
    // One sale keeps it; the other is at the host.
    switches.commits_left.store(0, Ordering::SeqCst);
    let within = engine.clone();
    *host.clear_hook.lock().unwrap() = Some(Box::new(move || {
        let engine = within.clone();
        let other = std::thread::spawn(move || [fails(&engine, taken_back(20)), fails(&engine, at(20))]);
        assert_eq!(other.join().unwrap(), [Ok(SALES_QUEUED), Ok(SALES_QUEUED)]);
    }));
    assert_eq!(fails(&engine, at(20)), Err(SALES_ERR_STORE));
    for now in 1003..1006 {
        engine.tick(now).unwrap();
    }
    for index in [0, 1] {
        assert_eq!(engine.sale(slot_id(&request, index)).unwrap().0.state, State::Failed);
    }
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1007, 30);
}

/// An end waited for the store; the same of another block was told, and then both were taken back: what waited was nobody's, and ended the sale (S5).
#[test]
fn what_waits_for_another_block_too_is_taken_back_with_both() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    switches.refuses.store(true, Ordering::SeqCst);
    engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap_err();
    switches.refuses.store(false, Ordering::SeqCst);
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        for at in [at(22), taken_back(20), taken_back(22)] {
            let told = within.on_request_event(1002, at, request(1), Happened::RequestFailed);
            assert_eq!(told, Ok(SALES_QUEUED));
        }
    }));
    engine.evaluate(1003, &ask(7, 1)).unwrap();
    engine.tick(1004).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    is_seen(&engine, 1005, 30);
}

/// A request that was taken back while it was decided on was accepted, and a slot that was freed, queued.
#[test]
fn what_is_taken_back_while_it_is_decided_is_not_sold() {
    let place = Place::in_memory();
    let (host, engine, _) = filled(&place);
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        let engine = within.clone();
        let other = std::thread::spawn(move || engine.on_request(1002, taken_back(21), ask(2, 1)));
        assert_eq!(other.join().unwrap(), Ok(SALES_ALREADY));
    }));
    assert_eq!(engine.on_request(1002, at(21), ask(2, 1)), Ok(SALES_ALREADY));
    assert_eq!(status(engine.sale(slot(2))).unwrap_err(), SALES_ERR_NOT_FOUND);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    is_seen(&engine, 1003, 30);
}

/// What took an event back was forgotten by a stop, although no chain tells it again: a filled slot was not looked at.
#[test]
fn a_removal_that_waits_stays_over_a_stop() {
    for in_line in [true, false] {
        let place = Place::in_memory();
        let (host, engine, switches) = filled_with(&place, Host { can_read: true, ..Host::default() });
        let switch = if in_line { &switches.blind } else { &switches.refuses };
        switch.store(true, Ordering::SeqCst);
        engine.on_request(1002, taken_back(10), ask(1, 1)).unwrap_err();
        switch.store(!in_line, Ordering::SeqCst);
        assert_eq!(engine.stop(1003), Ok(SALES_OK));
        switch.store(false, Ordering::SeqCst);
        engine.start(1004).unwrap();
        assert_eq!(engine.next_deadline(), Ok(1005));
        engine.tick(1005).unwrap();
        assert_eq!(host.calls.lock().unwrap().last(), Some(&(OpKind::ReadSlot, slot(1))), "in line: {in_line}");
        assert!(engine.next_deadline().unwrap() > 1100, "nothing waits for the store");
    }
}

/// What was told again after its removal went with the first telling, whose call ended last: its space was kept for ever.
#[test]
fn an_end_told_again_beside_its_first_telling_stays_told() {
    // The first is written beside the others.
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    let ends = |request| move |engine: &Engine, at| engine.on_request_event(1002, at, request, Happened::RequestFailed);
    let fails = ends(request(1));
    let said = beside_a_write(&switches, &engine, move |engine| {
        fails(engine, taken_back(20))?;
        fails(engine, at(20))
    });
    fails(&engine, at(20)).unwrap_err();
    assert_eq!(*said.lock().unwrap(), Some(Ok(SALES_QUEUED)));
    for now in 1003..1006 {
        engine.tick(now).unwrap();
    }
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Failed);
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1007, 30);
    // The first is at the host for one slot, while the other is at the host for another thread. No store refuses anything.
    let place = Place::in_memory();
    let host = Arc::new(Host { can_clear: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 2)).unwrap();
    let fails = ends(ask(1, 2).request_id);
    let mut tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
    tokens.sort_by_key(|(_, _, slot)| *slot); // in which they are told
    engine.complete(1001, tokens[0].1, proof()).unwrap();
    let ((enters, is_entered), (leaves, may_leave)) = (mpsc::channel(), mpsc::channel());
    *host.fill_hook.lock().unwrap() = Some(Box::new(move || {
        enters.send(()).unwrap();
        may_leave.recv().unwrap();
    }));
    let (other, token) = (engine.clone(), tokens[1].1);
    let filling = std::thread::spawn(move || other.complete(1001, token, proof()));
    is_entered.recv().unwrap();
    let other = engine.clone();
    *host.clear_hook.lock().unwrap() = Some(Box::new(move || {
        let other = other.clone();
        let retold = move || {
            fails(&other, taken_back(20)).unwrap();
            fails(&other, at(20))
        };
        assert_eq!(std::thread::spawn(retold).join().unwrap(), Ok(SALES_QUEUED));
    }));
    fails(&engine, at(20)).unwrap();
    leaves.send(()).unwrap();
    filling.join().unwrap().unwrap();
    for now in 1003..1006 {
        engine.tick(now).unwrap();
    }
    for (_, _, slot) in tokens {
        assert_eq!(engine.sale(slot).unwrap().0.state, State::Failed);
    }
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    is_seen(&engine, 1007, 30);
}

/// A slot that was being filled gave up its space, though the end that it waited for was taken back before the fill was answered (S5).
#[test]
fn what_is_taken_back_while_a_fill_is_out_has_no_effect() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    let fails = |at| engine.on_request_event(1002, at, request(1), Happened::RequestFailed);
    fails(at(20)).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.wanted, Some(State::Failed));
    fails(taken_back(20)).unwrap();
    engine.complete(1003, token, Answer::of(SALES_OK)).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
}

/// The answer of what was out waited for the store, and the event behind it; while the next thing was asked for, the event was taken back.
#[test]
fn what_is_taken_back_behind_an_answer_has_no_effect() {
    for what in [Happened::SlotFreed, Happened::SlotFilled] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(what == Happened::SlotFilled), ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        let is_fill = what == Happened::SlotFreed;
        switches.refuses.store(true, Ordering::SeqCst);
        engine.complete(1001, token, if is_fill { proof() } else { Answer::of(SALES_OK) }).unwrap();
        switches.refuses.store(false, Ordering::SeqCst);
        let within = engine.clone();
        let hook = if is_fill { &host.fill_hook } else { &host.prove_hook };
        *hook.lock().unwrap() = Some(Box::new(move || {
            assert_eq!(within.on_slot(1002, taken_back(20), request(1), 0, what), Ok(SALES_QUEUED));
        }));
        engine.on_slot(1002, at(20), request(1), 0, what).unwrap();
        if !is_fill {
            let (_, token, _) = host.tokens.lock().unwrap().remove(0);
            engine.complete(1003, token, proof()).unwrap();
        }
        engine.tick(1003).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, sale.in_doubt), (State::Filled, false));
    }
}
