//! The engine at edges that the simulator does not reach by itself: each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{At, Options, Phase};
use sales::host::*;
use sales::market::*;
use sales::sales::offer::Terms;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// The deadlines that were told.
#[derive(Default)]
struct Ear(Mutex<Vec<u64>>);

impl Watch for Ear {
    fn on_event(&self, _: &sales::event::Event) {}
    fn on_deadline(&self, at: u64) {
        self.0.lock().unwrap().push(at);
    }
}

/// A start that failed at its last look into the store said that it was running, and could not be asked for again.
#[test]
fn a_start_that_failed_anywhere_can_be_asked_for_again() {
    for no_total in [false, true] {
        for nth in 0.. {
            let place = Place::in_memory();
            let host = Arc::new(Host { no_total, pends: AtomicBool::new(true), ..Host::default() });
            let first = engine(Box::new(place.open().unwrap()), &host, options());
            first.start(1000).unwrap();
            first.offer_put(1000, Id::ZERO, terms()).unwrap();
            first.on_request(1000, At::default(), ask(1, 3)).unwrap();
            drop(first);
            let (failing, switches) = store(&place);
            let engine = engine(failing, &host, options());
            switches.left.store(nth, Ordering::SeqCst);
            let first = engine.start(1001);
            let over = switches.left.swap(-1, Ordering::SeqCst) >= 0;
            if let Err(error) = first {
                assert_eq!(error.status, SALES_ERR_STORE, "{error}");
                assert_eq!(engine.start(1002), Ok(SALES_OK), "after look {nth} failed");
            }
            assert_eq!(engine.reserve(1003, Id([7; 32]), 5).map(|answered| answered.status), Ok(SALES_OK));
            if over {
                assert!(nth > 5, "a start looks into its store");
                break;
            }
        }
    }
}

/// A completion that waits in another thread's call was forgotten by a stop, and taken in after the next start.
#[test]
fn a_stop_waits_for_a_completion_that_another_thread_has_not_taken_in() {
    let place = Place::in_memory();
    let (host, engine) = begun(&place);
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap()[0];
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        within.complete(1001, token, Answer::of(SALES_OK)).unwrap();
        inside.send(()).unwrap();
        may_go.recv().unwrap();
    }));
    let other = engine.clone();
    let other = std::thread::spawn(move || other.on_request(1001, At::default(), ask(2, 1)));
    is_inside.recv().unwrap();
    assert_eq!(engine.stop(1001), Ok(SALES_PENDING), "another thread is inside a call");
    go.send(()).unwrap();
    other.join().unwrap().unwrap();
    for (_, token, _) in host.tokens.lock().unwrap().drain(..).skip(1) {
        engine.complete(1001, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
    }
    assert_eq!(engine.stop(1002), Ok(SALES_OK));
}

/// The block of a request that was only queued was written down as seen: after a kill nobody would have told it again.
#[test]
fn a_block_is_seen_when_all_of_it_is_durable() {
    let place = Place::in_memory();
    let (host, engine) = begun(&place);
    let at = |block: u64| At { block, ..At::default() };
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 10);
    let first = ask(1, 1).request_id;
    let seen = Arc::new(AtomicU64::new(0));
    let (within, noted) = (engine.clone(), seen.clone());
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(within.on_request(1001, at(20), ask(3, 1)), Ok(SALES_QUEUED));
        assert_eq!(within.on_request_event(1001, at(30), first, Happened::RequestFulfilled), Ok(SALES_QUEUED));
        noted.store(within.stats().unwrap().last_block, Ordering::SeqCst);
    }));
    engine.on_request(1001, at(15), ask(2, 1)).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 10, "neither 15 nor 20 nor 30 is durable yet");
    assert_eq!(engine.stats().unwrap().last_block, 30);
}

/// What a thread left to another that was at the sale counted as seen, though nobody had taken it in.
#[test]
fn a_block_is_not_seen_while_what_it_told_waits_for_another_thread() {
    let place = Place::in_memory();
    let (host, engine) = begun(&place);
    let at = |block: u64| At { block, ..At::default() };
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let request = ask(1, 1).request_id;
    let (_, token, _) = host.tokens.lock().unwrap()[0];
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    *host.prove_hook.lock().unwrap() = Some(Box::new(move || {
        inside.send(()).unwrap();
        may_go.recv().unwrap();
    }));
    let other = engine.clone();
    let other = std::thread::spawn(move || other.complete(1001, token, Answer::of(SALES_OK)));
    is_inside.recv().unwrap();
    assert_eq!(engine.on_slot(1001, at(20), request, 0, Happened::SlotFilled), Ok(SALES_QUEUED));
    engine.on_request(1001, at(30), ask(2, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 19, "20 waits for the other thread");
    go.send(()).unwrap();
    other.join().unwrap().unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 30);
}

/// A block that was told again let those behind it count as seen, which were still to be told again.
#[test]
fn a_lost_block_holds_back_also_when_an_earlier_one_is_told_again() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (failing, switches) = store(&place);
    let engine = engine(failing, &host, options());
    engine.start(1000).unwrap();
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    let at = |block: u64| At { block, ..At::default() };
    for block in [20, 21] {
        switches.left.store(0, Ordering::SeqCst);
        let told = engine.on_request(1000, at(block), ask(block, 1));
        assert_eq!(told.unwrap_err().status, SALES_ERR_STORE);
    }
    engine.on_request(1001, at(30), ask(30, 1)).unwrap();
    engine.on_request(1001, at(20), ask(20, 1)).unwrap();
    assert_eq!(engine.stats().unwrap().last_block, 20, "21 is to be told again");
    drop(engine);
    let engine = self::engine(Box::new(place.open().unwrap()), &host, options());
    assert_eq!(engine.stats().unwrap().last_block, 20);
}

/// That a request had started was not kept when no sale of it was left; a slot that was freed then seemed to expire.
#[test]
fn a_request_that_started_without_us_is_known_to_have_started() {
    let place = Place::in_memory();
    let (host, engine) = begun(&place);
    let told = ask(1, 1);
    let request = told.request_id;
    engine.on_request(1000, At::default(), told).unwrap();
    engine.abandon(1000, slot_id(&request, 0), false).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap()[0];
    engine.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
    assert_eq!(engine.on_request_event(1001, At::default(), request, Happened::RequestFulfilled), Ok(SALES_OK));
    assert_eq!(engine.on_request_event(1001, At::default(), request, Happened::RequestFulfilled), Ok(SALES_ALREADY));
    // After its expiry, and long before its end.
    assert_eq!(engine.on_slot(1600, At::default(), request, 0, Happened::SlotFreed), Ok(SALES_OK));
    let (sale, _) = engine.sale(slot_id(&request, 0)).unwrap();
    assert!(sale.started && !sale.state.is_outcome(), "{sale:?}");
}

/// A slot that was freed behind the expiry rested for a minute, although its request was told to have started by then (the simulator's seed
/// 8972370188755587304).
#[test]
fn a_slot_that_rests_is_attempted_when_its_request_has_started() {
    let place = Place::in_memory();
    let (_, engine, _) = over(&place);
    engine.on_slot(1490, at(20), request(1), 0, Happened::SlotFreed).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Queued);
    engine.on_request_event(1490, at(21), request(1), Happened::RequestFulfilled).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Downloading);
}

/// Slots that rest were not tried again before the clock had reached what it was set back from.
#[test]
fn a_clock_that_is_set_back_does_not_let_the_queue_rest_for_longer() {
    let place = Place::in_memory();
    let host = Arc::new(Host { full: AtomicBool::new(true), pends: AtomicBool::new(true), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1400).unwrap();
    engine.offer_put(1400, Id::ZERO, terms()).unwrap();
    engine.on_request(1400, At::default(), ask(1, 1)).unwrap();
    let slot = slot_id(&ask(1, 1).request_id, 0);
    assert_eq!(engine.sale(slot).unwrap().0.attempt, 1, "no room: it rests");
    host.full.store(false, Ordering::SeqCst);
    engine.tick(1000).unwrap();
    assert!(engine.sale(slot).unwrap().0.state.is_attempt());
}

/// A step that could not be written went back before the answer that another thread had brought meanwhile, found nothing out, and gave the slot
/// up although its fill stood (the simulator's seed 4656138363434944096).
#[test]
fn an_answer_comes_before_a_step_that_could_not_be_written() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..Host::default() });
    let (hooked, switches) = store(&place);
    let engine = engine(hooked, &host, options());
    engine.start(1000).unwrap();
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    let request = ask(1, 1).request_id;
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, Answer { proof: Some(vec![1]), ..Answer::of(SALES_OK) }).unwrap();
    let (kind, token, slot) = host.tokens.lock().unwrap().remove(0);
    assert_eq!(kind, OpKind::FillSlot);
    let within = engine.clone();
    *switches.at_write.lock().unwrap() = Some(Box::new(move || {
        let other = within.clone();
        let done = std::thread::spawn(move || other.complete(1002, token, Answer::of(SALES_OK)));
        done.join().unwrap().unwrap();
    }) as Hook);
    let told = engine.on_request_event(1002, At::default(), request, Happened::RequestCancelled);
    assert_eq!(told.unwrap_err().status, SALES_ERR_STORE);
    engine.tick(1003).unwrap();
    assert_eq!(engine.stats().unwrap().counts.sold, 1, "its fill stood: {:?}", engine.sale(slot).unwrap().0);
}

/// A host that asks when the next tick is due is told anew when it becomes sooner than what it heard.
#[test]
fn a_deadline_that_is_sooner_than_what_the_host_asked_for_is_told() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let ear = Arc::new(Ear::default());
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.register_watch(ear.clone()).unwrap();
    engine.start(1000).unwrap();
    let offer = engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    // What a release came to rides, and the next tick writes it down.
    let release = |number: u8| engine.release(1000, Id([number; 32])).unwrap();
    engine.reserve(1000, Id([1; 32]), 5).unwrap();
    engine.reserve(1000, Id([2; 32]), 5).unwrap();
    ear.0.lock().unwrap().clear();
    release(1);
    assert_eq!(*ear.0.lock().unwrap(), [1001]);
    let refused = engine.offer_put(1000, offer, Terms { total_size: 50, ..terms() });
    assert_eq!(refused.unwrap_err().status, SALES_ERR_IN_USE, "more is sold from it");
    assert_eq!(engine.next_deadline(), Ok(1485), "what rode went with the commit, and the sale has its own deadline");
    release(2);
    assert_eq!(*ear.0.lock().unwrap(), [1001, 1001], "and is told again");
}

/// A slot that left the queue before its attempt could be written down, and was forgotten, counted as attempted until the next start (the
/// simulator's seed 6658593657899286697).
#[test]
fn a_slot_that_is_forgotten_is_attempted_no_more() {
    let mut met = false;
    for nth in 0..40 {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let (failing, switches) = store(&place);
        let options = Options { max_attempts: 1, queue_limit: 1, history_limit: 2, ..options() };
        let engine = engine(failing, &host, options);
        engine.start(1000).unwrap();
        engine.offer_put(1000, Id::ZERO, terms()).unwrap();
        switches.left.store(nth, Ordering::SeqCst);
        let told = engine.on_request(1000, At::default(), ask(1, 1));
        switches.left.store(-1, Ordering::SeqCst);
        let slot = slot_id(&ask(1, 1).request_id, 0);
        let waits = engine.sale(slot).is_ok_and(|(sale, _)| !sale.state.is_attempt());
        if told.is_err() || !waits || engine.stats().unwrap().attempts != 1 {
            continue;
        }
        for n in 2..40 {
            engine.on_request(1000, At::default(), ask(n, 1)).unwrap();
        }
        if engine.sale(slot).is_err() {
            met = true;
            engine.tick(1001).unwrap();
            let sales = engine.sales(None, usize::MAX).unwrap();
            assert!(sales.iter().any(|(sale, _)| sale.state.is_attempt()), "nobody is attempted: {sales:?}");
        }
    }
    assert!(met, "the attempt of no slot failed that was forgotten later");
}

/// What a repo that cannot tell its total had reserved for a sale before the restart goes back under one name, however often it is asked and by
/// whichever process; and what it refuses, it is asked again after a pause, not in the same second (the simulator's seed 7505445020109321276).
#[test]
fn what_a_sale_had_reserved_before_a_restart_goes_back_under_one_name() {
    let place = Place::in_memory();
    let slot = slot_id(&ask(1, 1).request_id, 0);
    let host = |reserve_pends, keeps| Host { no_total: true, reserve_pends, keeps, ..Host::default() };
    let life = |host: &Arc<Host>, now| {
        let engine = engine(Box::new(place.open().unwrap()), host, options());
        engine.start(now).unwrap();
        engine
    };
    let host_1 = Arc::new(host(true, false));
    let engine = life(&host_1, 1000);
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    assert_eq!(host_1.total.load(Ordering::SeqCst), 100);
    drop(engine);

    let host_2 = Arc::new(host(false, true));
    let engine = life(&host_2, 1010);
    engine.resolve(1090, slot, true).unwrap();
    assert_eq!(host_2.releases.lock().unwrap().len(), 1);
    engine.tick(1090).unwrap();
    assert_eq!(host_2.releases.lock().unwrap().len(), 1, "asked again in the second of the refusal");
    engine.tick(1091).unwrap();
    let asked = host_2.releases.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "not asked again after its pause");
    drop(engine);

    let host_3 = Arc::new(Host { total: AtomicU64::new(100), full: AtomicBool::new(true), ..host(false, false) });
    let engine = life(&host_3, 1200);
    assert_eq!(host_3.total.load(Ordering::SeqCst), 0, "given back");
    let asked = [asked, host_3.releases.lock().unwrap().clone()].concat();
    assert!(asked.len() == 3 && asked.iter().all(|id| *id == asked[0]), "one act, several names: {asked:?}");
    assert_eq!(engine.stats().unwrap().overview.in_doubt, 0);
}

/// A sale whose reserve is in doubt took the place of an attempt again with whatever it was told, and kept it until somebody resolved it.
#[test]
fn a_sale_in_doubt_that_is_told_something_keeps_no_other_from_being_attempted() {
    let place = Place::in_memory();
    let host =
        Arc::new(Host { reserve_unknown: AtomicBool::new(true), pends: AtomicBool::new(true), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, Options { max_attempts: 1, ..options() });
    engine.start(1000).unwrap();
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    let slot = |n| slot_id(&ask(n, 1).request_id, 0);
    assert!(engine.reservation(slot(1)).unwrap().in_doubt);
    host.reserve_unknown.store(false, Ordering::SeqCst);
    engine.on_request_event(1001, At::default(), ask(1, 1).request_id, Happened::RequestFulfilled).unwrap();
    engine.on_request(1002, At::default(), ask(2, 1)).unwrap();
    let (sale, _) = engine.sale(slot(2)).unwrap();
    assert!(sale.state.is_attempt(), "{sale:?}");
    // Resolved, it is at work again, and has its place.
    engine.resolve(1003, slot(1), true).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.state.is_attempt());
    assert_eq!(engine.stats().unwrap().attempts, 2);
}

/// A reserve that pended and then ended in doubt kept the place of its attempt (the simulator's seed 4395191503224789916).
#[test]
fn a_reserve_that_pended_and_is_in_doubt_keeps_no_other_from_being_attempted() {
    let place = Place::in_memory();
    let host = Arc::new(Host { reserve_pends: true, ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, Options { max_attempts: 1, ..options() });
    engine.start(1000).unwrap();
    engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    engine.on_request(1000, At::default(), ask(2, 1)).unwrap();
    let slot = |n| slot_id(&ask(n, 1).request_id, 0);
    let (_, token, first) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, Answer::of(SALES_HOST_UNKNOWN)).unwrap();
    assert!(engine.reservation(first).unwrap().in_doubt);
    let other = if first == slot(1) { slot(2) } else { slot(1) };
    let (sale, _) = engine.sale(other).unwrap();
    assert!(sale.state.is_attempt(), "{sale:?}");
}

/// An offer that was made to end earlier while the repo was asked sold beyond its end.
#[test]
fn an_offer_that_ends_earlier_while_the_repo_is_asked_sells_nothing_beyond() {
    let place = Place::in_memory();
    let host = Arc::new(Host { reserve_pends: true, pends: AtomicBool::new(true), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1000).unwrap();
    let offer = engine.offer_put(1000, Id::ZERO, terms()).unwrap();
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    let (_, token, slot) = host.tokens.lock().unwrap().remove(0);
    engine.offer_put(1001, offer, Terms { until: 1999, ..terms() }).unwrap();
    engine.complete(1001, token, Answer::of(SALES_OK)).unwrap();
    let (sale, _) = engine.sale(slot).unwrap();
    assert_eq!(sale.state, State::Queued, "the request ends at 2000: {sale:?}");
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
    assert_eq!(engine.offer_get(offer).unwrap().sold_slots, 0);
}

/// After a commit of which nobody knows, the instance says so by its phase and refuses everything by that name, until it is opened again.
#[test]
fn a_commit_that_nobody_knows_of_asks_for_another_opening() {
    let place = Place::in_memory();
    let (host, engine, switches) = filled(&place);
    switches.unknown.store(true, Ordering::SeqCst);
    assert_eq!(status(engine.reserve(1002, Id([7; 32]), 50)).unwrap_err(), SALES_ERR_STORE_REOPEN);
    assert_eq!(engine.stats().unwrap().phase, Phase::Reopen as u32);
    assert_eq!(engine.next_deadline(), Ok(u64::MAX));
    let freed = engine.on_slot(1003, at(20), request(1), 0, Happened::SlotFreed);
    let (ticked, reconciled) = (engine.tick(1003), engine.reconcile(1003, true));
    for refused in [freed, ticked, reconciled, engine.start(1003), engine.offer_remove(1003, Id::ZERO)] {
        assert_eq!(status(refused), Err(SALES_ERR_STORE_REOPEN));
    }
    assert_eq!(engine.stop(1003), Ok(SALES_OK));
    drop(engine);
    let engine = engine_common::engine(Box::new(place.open().unwrap()), &host, options());
    assert_eq!(engine.start(1004), Ok(SALES_OK));
    let books = engine.stats().unwrap().overview.books;
    assert_eq!((books.held, host.total.load(Ordering::SeqCst)), (150, 150));
}

/// What could not be asked for was asked for again by the state that came after it, without a pause (the simulator's seed 6713670023369158210).
#[test]
fn what_could_not_be_asked_for_is_not_asked_of_the_next_state() {
    let mut found = 0;
    for nth in 0..30 {
        let place = Place::in_memory();
        let host = Host { pends: AtomicBool::new(true), can_clear: true, ..Host::default() };
        let host = Arc::new(Host { clear_status: AtomicI32::new(SALES_HOST_TRANSIENT), ..host });
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        switches.left.store(nth, Ordering::SeqCst);
        engine.complete(1001, token, Answer::of(SALES_OK)).unwrap();
        switches.left.store(-1, Ordering::SeqCst);
        let waits = host.tokens.lock().unwrap().is_empty();
        if engine.sale(slot(1)).unwrap().0.state != State::InitialProving || !waits {
            continue;
        }
        found += 1;
        engine.abandon(1001, slot(1), false).unwrap();
        engine.tick(1001).unwrap();
        assert_eq!(host.clears.load(Ordering::SeqCst), 1, "it is asked again after a pause");
        host.clear_status.store(SALES_OK, Ordering::SeqCst);
        engine.tick(1002).unwrap();
        assert!(engine.sale(slot(1)).unwrap().0.is_ended());
        assert_eq!(host.total.load(Ordering::SeqCst), 0);
    }
    assert!(found > 0);
}

/// A fill that could not be asked for was asked for behind the expiry, because time was told to its sale before it could go on.
#[test]
fn a_fill_that_waits_is_not_asked_for_too_late() {
    let mut found = 0;
    for nth in 0..20 {
        let place = Place::in_memory();
        let host = Arc::new(Host::default());
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        switches.left.store(nth, Ordering::SeqCst);
        engine.complete(1400, token, proof()).unwrap();
        switches.left.store(-1, Ordering::SeqCst);
        let is_asked = !host.calls.lock().unwrap().is_empty();
        if engine.sale(slot(1)).unwrap().0.state != State::Filling || is_asked {
            continue;
        }
        found += 1;
        beside_a_write(&switches, &engine, |engine| engine.tick(1490));
        let _ = engine.tick(1490);
        engine.tick(1499).unwrap();
        assert!(host.calls.lock().unwrap().is_empty(), "its deadline is 1485");
        assert!(engine.sale(slot(1)).unwrap().0.is_ended());
    }
    assert!(found > 0);
}

/// Its request was read, and then space was reserved, to be given back.
#[test]
fn a_slot_that_is_wanted_no_more_is_not_reserved() {
    let place = Place::in_memory();
    let host = Arc::new(Host { can_read_request: true, ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    let whole = ask(1, 1);
    engine.on_request(1000, at(10), Ask { request: None, ..whole.clone() }).unwrap();
    let (kind, token, _) = host.tokens.lock().unwrap().remove(0);
    assert_eq!(kind, OpKind::ReadRequest);
    engine.on_request_event(1001, at(20), request(1), Happened::RequestFailed).unwrap();
    let answer = Answer { request: whole.request.map(Box::new), ..Answer::of(SALES_OK) };
    engine.complete(1002, token, answer).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Failed);
    assert_eq!(host.reserves.load(Ordering::SeqCst), 0);
}
