//! What an operator said of a slot, beside what the chain says later, and a host that is registered anew and can read the chain, or cannot any more.
//! Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{Doubt, Engine, Word};
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

#[track_caller]
fn is(engine: &Engine, host: &Host, state: State) {
    let held = if state.is_outcome() { 0 } else { 100 };
    assert_eq!((engine.sale(slot(1)).unwrap().0.state, host.total.load(Ordering::SeqCst)), (state, held));
}

fn anew(engine: &Engine, host: &Arc<Host>, now: u64) {
    assert_eq!(engine.stop(now), Ok(SALES_OK));
    engine.register_chain(host.clone()).unwrap();
    assert_eq!(engine.start(now), Ok(SALES_OK));
}

/// The module was killed, and its host came back as another.
fn after_a_kill(place: &Place, host: Host, now: u64) -> (Arc<Host>, Arc<Engine>) {
    let host = Arc::new(Host { total: AtomicU64::new(100), ..host });
    let engine = engine(store(place).0, &host, options());
    assert_eq!(engine.start(now), Ok(SALES_OK));
    (host, engine)
}

fn proved(engine: &Engine, host: &Host) {
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    engine.complete(1001, out(host, OpKind::Prove), proof()).unwrap();
}

/// It was read again and again until the request expired: the chain said that nobody had the slot.
#[test]
fn an_unsure_fill_that_is_given_up_by_force_waits_for_no_view() {
    for answer in [view(RequestState::New, SlotState::Free, false), Answer::of(SALES_HOST_TRANSIENT)] {
        let place = Place::in_memory();
        let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), ..reads() });
        let (engine, _) = started(&place, &host, options());
        proved(&engine, &host);
        let token = out(&host, OpKind::ReadSlot);
        assert_eq!(status(engine.abandon(1003, slot(1), true)), Ok(SALES_QUEUED));
        engine.complete(1004, token, answer).unwrap();
        is(&engine, &host, State::Abandoned);
    }
}

/// It came into doubt, and waited for the operator who had given it up.
#[test]
fn a_fill_that_is_given_up_by_force_asks_nobody_what_became_of_it() {
    for can_read in [false, true] {
        let place = Place::in_memory();
        let host = Arc::new(Host { fill_pends: AtomicBool::new(true), can_read, ..Host::default() });
        let (engine, _) = started(&place, &host, options());
        proved(&engine, &host);
        let token = out(&host, OpKind::FillSlot);
        assert_eq!(status(engine.abandon(1003, slot(1), true)), Ok(SALES_QUEUED));
        engine.complete(1004, token, Answer::of(SALES_HOST_UNKNOWN)).unwrap();
        is(&engine, &host, State::Abandoned);
    }
}

/// It was in doubt when a host came that could read the chain, and while that was read, it was given up. The next host could not read the chain.
#[test]
fn a_fill_that_is_given_up_by_force_is_not_in_doubt_after_a_kill() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    proved(&engine, &host);
    assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
    drop((engine, switches));
    let (host, engine) = after_a_kill(&place, reads(), 1005);
    out(&host, OpKind::ReadSlot);
    assert_eq!(status(engine.abandon(1006, slot(1), true)), Ok(SALES_QUEUED));
    drop(engine);
    let (host, engine) = after_a_kill(&place, Host::default(), 1008);
    is(&engine, &host, State::Abandoned);
}

/// Not ours, said the operator while content.keep was out, and the module was killed. The chain was read, and the word stood above it.
#[test]
fn an_old_word_does_not_stand_above_the_chain() {
    let place = Place::in_memory();
    let host = Arc::new(Host { keep_pends: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    proved(&engine, &host);
    out(&host, OpKind::Keep);
    engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
    assert_eq!(status(engine.resolve(1003, slot(1), false)), Ok(SALES_OK));
    drop((engine, switches));
    let (host, engine) = after_a_kill(&place, reads(), 1005);
    let token = out(&host, OpKind::ReadSlot);
    engine.complete(1006, token, view(RequestState::Started, SlotState::Filled, true)).unwrap();
    is(&engine, &host, State::Filled);
}

/// Whether the slot is ours was not known, and then what the repo made of a release for it was not, either. The word on the one was taken for the other
/// (the simulator's seed 3443742497301900599).
#[test]
fn a_word_is_said_of_one_doubt() {
    for of_sale in [true, false] {
        let place = Place::in_memory();
        let host =
            Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), no_total: true, ..Host::default() });
        let (engine, _) = started(&place, &host, options());
        proved(&engine, &host);
        host.release_unknown.store(true, Ordering::SeqCst);
        assert_eq!(status(engine.consumed(1002, slot(1), 100)), Ok(SALES_OK));
        let in_doubt =
            || (engine.sale(slot(1)).unwrap().0.in_doubt, engine.reservation(slot(1)).is_ok_and(|view| view.in_doubt));
        assert_eq!(in_doubt(), (true, true));
        assert_eq!(status(engine.resolve(1003, slot(1), true)), Err(SALES_ERR_ARGUMENT), "of which?");
        assert_eq!(in_doubt(), (true, true));
        let of = Some(if of_sale { Doubt::Sale } else { Doubt::Reservation });
        assert_eq!(status(engine.resolve(1004, slot(1), Word { of, applied: of_sale })), Ok(SALES_OK));
        assert_eq!(in_doubt(), (!of_sale, of_sale));
        assert_eq!(status(engine.resolve(1005, slot(1), Word { of, applied: true })), Err(SALES_ERR_NOT_FOUND));
        assert_eq!(in_doubt(), (!of_sale, of_sale), "the other waits for its own");
        host.release_unknown.store(false, Ordering::SeqCst);
        assert_eq!(status(engine.resolve(1006, slot(1), false)), Ok(SALES_OK), "it is the only one");
        assert_eq!(in_doubt(), (false, false));
    }
}

/// An end was told and taken back while the fill was out. Ours, said the operator where the chain could be read no more, and was asked once more at once.
#[test]
fn a_word_is_asked_for_once() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..reads() });
    let (engine, switches) = started(&place, &host, options());
    proved(&engine, &host);
    out(&host, OpKind::FillSlot);
    engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
    engine.on_request_event(1003, taken_back(20), request(1), Happened::RequestFailed).unwrap();
    drop((engine, switches));
    let (host, engine) = after_a_kill(&place, Host::default(), 1005);
    assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
    assert_eq!(status(engine.resolve(1006, slot(1), true)), Ok(SALES_OK));
    is(&engine, &host, State::Filled);
    assert!(!engine.sale(slot(1)).unwrap().0.in_doubt);
}

/// Registered anew, the host can read the chain: no clock watched the end of what had been filled, or resolved, while it could not.
#[test]
fn a_slot_that_no_clock_watches_is_watched_once_the_chain_can_be_read() {
    for (was_watched, now, until) in [(false, 1010, 2001), (false, 2003, 2003), (true, 2003, 2003)] {
        let place = Place::in_memory();
        let before = if was_watched { reads() } else { Host::default() };
        let (host, engine, _) = filled_with(&place, before);
        if was_watched {
            anew(&engine, &Arc::new(Host::default()), 1004);
            engine.tick(2001).unwrap();
            assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
            assert_eq!(status(engine.resolve(2002, slot(1), true)), Ok(SALES_OK));
        }
        assert_eq!(engine.sale(slot(1)).unwrap().0.next_at, u64::MAX);
        let reader = Arc::new(reads());
        anew(&engine, &reader, now);
        for now in now..until {
            engine.tick(now).unwrap();
            assert_eq!(reader.tokens.lock().unwrap().len(), 0, "it runs");
        }
        engine.tick(until).unwrap();
        let token = out(&reader, OpKind::ReadSlot);
        engine.complete(until, token, view(RequestState::Finished, SlotState::Paid, true)).unwrap();
        is(&engine, &host, State::Finished);
    }
}

/// A filled slot whose content is still being taken into keeping by its host, which cannot read the chain. It was freed, and an operator was asked.
fn freed_while_kept(place: &Place) -> (Arc<Host>, Arc<Engine>, u64) {
    let host = Arc::new(Host { keep_pends: true, ..Host::default() });
    let (engine, _) = started(place, &host, options());
    proved(&engine, &host);
    let token = out(&host, OpKind::Keep);
    engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
    (host, engine, token)
}

fn why(engine: &Engine) -> (i32, String) {
    let sale = engine.sale(slot(1)).unwrap().0;
    (sale.last_status, sale.last_text)
}

/// Not ours, said the operator. It was freed again and asked for again: ours, he said, was answered OK, and the slot was released.
#[test]
fn what_an_operator_told_is_asked_no_more() {
    let place = Place::in_memory();
    let (host, engine, token) = freed_while_kept(&place);
    assert_eq!(status(engine.resolve(1003, slot(1), false)), Ok(SALES_OK));
    engine.on_slot(1004, at(21), request(1), 0, Happened::SlotFreed).unwrap();
    assert_eq!(status(engine.resolve(1005, slot(1), true)), Err(SALES_ERR_NOT_FOUND));
    engine.complete(1006, token, Answer::of(SALES_OK)).unwrap();
    is(&engine, &host, State::Lost);
}

/// Not ours, said the operator. Then its request ended, and so did the sale; or the end was taken back, and the word was forgotten.
#[test]
fn an_end_does_not_stand_above_a_word_where_the_chain_cannot_be_read() {
    for (end, off) in [
        (Happened::RequestEnded, false),
        (Happened::RequestFailed, false),
        (Happened::RequestFailed, true),
        (Happened::RequestCancelled, true),
    ] {
        let place = Place::in_memory();
        let (host, engine, token) = freed_while_kept(&place);
        assert_eq!(status(engine.resolve(1003, slot(1), false)), Ok(SALES_OK));
        engine.on_request_event(1004, at(21), request(1), end).unwrap();
        if off {
            engine.on_request_event(1005, taken_back(21), request(1), end).unwrap();
        }
        engine.complete(1006, token, Answer::of(SALES_OK)).unwrap();
        is(&engine, &host, State::Lost);
        assert_eq!(why(&engine), (SALES_OK, "not ours any more, says the operator".into()));
    }
}

/// But what is given up goes, also where nobody could say any more whose it was.
#[test]
fn what_is_given_up_by_force_stands_above_a_word() {
    let place = Place::in_memory();
    let (_, engine, _) = freed_while_kept(&place);
    assert_eq!(status(engine.resolve(1003, slot(1), false)), Ok(SALES_OK));
    assert_eq!(status(engine.abandon(1004, slot(1), true)), Ok(SALES_QUEUED));
    assert_eq!(engine.sale(slot(1)).unwrap().0.wanted, Some(State::Abandoned));
    engine.on_slot(1004, at(21), request(1), 0, Happened::SlotFreed).unwrap();
    assert!(!engine.sale(slot(1)).unwrap().0.in_doubt, "asks nobody");
    drop(engine);
    let (host, engine) = after_a_kill(&place, reads(), 1008);
    is(&engine, &host, State::Abandoned);
}

/// A release that could not go at once took the place of the reason.
#[test]
fn why_a_sale_ended_stays_on_record_while_its_release_waits() {
    for by_word in [false, true] {
        let place = Place::in_memory();
        let fill = if by_word { SALES_HOST_UNKNOWN } else { SALES_OK };
        let host = Arc::new(Host { fill_status: AtomicI32::new(fill), no_total: true, ..Host::default() });
        let (engine, _) = started(&place, &host, options());
        proved(&engine, &host);
        host.release_unknown.store(true, Ordering::SeqCst);
        engine.consumed(1002, slot(1), 50).unwrap();
        let ended = if by_word {
            engine.resolve(1003, slot(1), Word { of: Some(Doubt::Sale), applied: false })
        } else {
            engine.abandon(1003, slot(1), true)
        };
        assert_eq!(status(ended), Ok(SALES_OK));
        host.release_unknown.store(false, Ordering::SeqCst);
        let of = Some(Doubt::Reservation);
        engine.resolve(1004, slot(1), Word { of, applied: false }).unwrap();
        for now in 1005..1080 {
            engine.tick(now).unwrap();
        }
        let text = if by_word { "not ours, says the operator" } else { "abandoned by hand" };
        assert_eq!(why(&engine), (SALES_OK, text.into()));
        is(&engine, &host, if by_word { State::Ignored } else { State::Abandoned });
    }
}

/// It was told once, in an event, and then nobody could see it any more.
#[test]
fn a_sale_in_doubt_says_why() {
    let place = Place::in_memory();
    let (_, engine, token) = freed_while_kept(&place);
    let freed = "the slot was freed on chain, and nobody can tell whose it is: sales_resolve tells";
    assert_eq!(why(&engine), (SALES_OK, freed.into()));
    engine.complete(1003, token, Answer::of(SALES_OK)).unwrap();
    assert_eq!(why(&engine), (SALES_OK, freed.into()), "what is answered meanwhile tells nothing of that");
    engine.resolve(1004, slot(1), true).unwrap();
    assert_eq!(why(&engine), (SALES_OK, String::new()));
    drop(engine);
    // Nor did one whose module was killed while the fill was out.
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    proved(&engine, &host);
    out(&host, OpKind::FillSlot);
    drop((engine, switches));
    let (host, engine) = after_a_kill(&place, Host::default(), 1005);
    let (status, text) = why(&engine);
    assert_eq!(status, SALES_HOST_UNKNOWN);
    assert!(text.contains("the module ended while the fill was out") && text.contains("sales_resolve"), "{text}");
    engine.resolve(1006, slot(1), true).unwrap();
    assert_eq!(why(&engine), (SALES_OK, String::new()));
    is(&engine, &host, State::Filled);
}
