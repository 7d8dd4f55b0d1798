//! Events that are kept while the store refuses them, beside other threads, removals and damage: each keeps its place, is taken in once, has no
//! effect once it is taken back, and keeps nothing else waiting. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::{Backend, Table, Write};
use sales::engine::{At, Engine, Options};
use sales::host::*;
use sales::market::*;
use sales::sales::acts::Known;
use sales::sales::sale::{Sale, State};
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use std::time::Duration;
use store_common::Place;

type Answer32 = std::result::Result<i32, i32>;

/// What another thread is told at the next write, which is refused. Nothing: it waited for that write, and would for ever.
fn beside_a_write(
    switches: &Switches,
    engine: &Arc<Engine>,
    tell: impl Fn(&Engine) -> sales::error::Result<i32> + Send + Sync + 'static,
) -> Arc<Mutex<Option<Answer32>>> {
    let said = Arc::new(Mutex::new(None));
    let (says, engine, tell) = (said.clone(), engine.clone(), Arc::new(tell));
    *switches.at_write.lock().unwrap() = Some(Box::new(move || {
        let (engine, tell) = (engine.clone(), tell.clone());
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || done.send(tell(&engine)));
        *says.lock().unwrap() = is_done.recv_timeout(Duration::from_secs(20)).ok().map(status);
    }));
    said
}

/// Everything up to a block is taken in.
fn is_seen(engine: &Engine, now: u64, block: u64) {
    engine.on_request(now, at(block), ask(900 + block, 1)).unwrap();
    engine.tick(now).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, block);
}

// Beside another thread.

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

// In their order.

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

// Where the store refuses one, and not the others.

fn started_of(write: &dyn Write, request: &Id) -> bool {
    Known::load(write, request).unwrap().is_some_and(|known| known.started)
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
        let host = Arc::new(Host { can_read: true, ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
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

// A panic in what the engine calls.

fn panics(call: impl FnOnce() -> sales::error::Result<i32>) {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
}

/// A panic below it took an event with it, and held its block for the life of the instance.
#[test]
fn a_panic_loses_no_event_and_holds_no_block() {
    for kept in [true, false] {
        let place = Place::in_memory();
        let host = Arc::new(Host { can_read: true, ..Host::default() });
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
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
    let host = Arc::new(Host { can_clear: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
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
    let host = Arc::new(Host { can_read: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
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
    let host = Arc::new(Host { can_read: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
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

// Records that are missing.

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
            write.del(Table::Queue, &sales::sales::acts::queue_key_at(&sale, price))?;
            write.put(Table::Queue, &sales::sales::acts::queue_key_at(&sale, U256::ZERO), &[])?;
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
