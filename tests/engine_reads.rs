//! The chain is asked for a slot, and something is told or taken back before the answer comes: that may be from before, and nothing follows from it.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::Engine;
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// It is read again after a pause, and with what that answers, is ours.
#[track_caller]
fn is_kept(host: &Host, engine: &Engine) {
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
    engine.tick(1010).unwrap();
    engine.complete(1010, out(host, OpKind::ReadSlot), view(RequestState::Started, SlotState::Filled, true)).unwrap();
    assert!(host.calls.lock().unwrap().iter().all(|(kind, _)| *kind != OpKind::FreeSlot), "the collateral would burn");
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert_eq!((sale.state, host.total.load(Ordering::SeqCst)), (State::Filled, 100));
}

/// Lost, released.
#[test]
fn freed_and_taken_back_while_it_is_read() {
    let place = Place::in_memory();
    let (host, engine, _) = filled_with(&place, reads());
    engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
    let token = out(&host, OpKind::ReadSlot);
    assert_eq!(engine.on_slot(1003, taken_back(20), request(1), 0, Happened::SlotFreed), Ok(SALES_OK));
    engine.complete(1004, token, view(RequestState::Started, SlotState::Repair, false)).unwrap();
    is_kept(&host, &engine);
}

/// Freed on chain, where the whole collateral burns, and released.
#[test]
fn ended_and_taken_back_while_it_is_read() {
    for in_callback in [false, true] {
        let place = Place::in_memory();
        let (host, engine, _) = filled_with(&place, reads());
        engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
        let token = out(&host, OpKind::ReadSlot);
        let answer = view(RequestState::Failed, SlotState::Failed, true);
        if in_callback {
            let within = engine.clone();
            *host.hook.lock().unwrap() = Some(Box::new(move || {
                let removal = within.on_request_event(1003, taken_back(20), request(1), Happened::RequestFailed);
                assert_eq!(removal, Ok(SALES_QUEUED));
                let (other, answer) = (within.clone(), answer.clone());
                std::thread::spawn(move || other.complete(1004, token, answer)).join().unwrap().unwrap();
            }));
            engine.evaluate(1003, &ask(2, 1)).unwrap();
        } else {
            let removal = engine.on_request_event(1003, taken_back(20), request(1), Happened::RequestFailed);
            assert_eq!(removal, Ok(SALES_OK));
            engine.complete(1004, token, answer).unwrap();
        }
        is_kept(&host, &engine);
    }
}

/// The fill was of unknown outcome: ignored, released.
#[test]
fn ended_and_taken_back_while_an_unsure_fill_is_read() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), ..reads() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    engine.complete(1001, token, proof()).unwrap();
    let token = out(&host, OpKind::ReadSlot);
    engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
    let removal = engine.on_request_event(1003, taken_back(20), request(1), Happened::RequestFailed);
    assert_eq!(removal, Ok(SALES_OK));
    engine.complete(1004, token, view(RequestState::Failed, SlotState::Failed, false)).unwrap();
    is_kept(&host, &engine);
}

/// Kept until its request ends, and nobody looked.
#[test]
fn freed_while_an_older_read_is_out() {
    let place = Place::in_memory();
    let (host, engine, _) = filled_with(&place, reads());
    engine.on_slot(1002, taken_back(15), request(1), 0, Happened::SlotFilled).unwrap();
    let token = out(&host, OpKind::ReadSlot);
    engine.on_slot(1003, at(20), request(1), 0, Happened::SlotFreed).unwrap();
    engine.complete(1004, token, view(RequestState::Started, SlotState::Filled, true)).unwrap();
    engine.tick(1010).unwrap();
    engine.complete(1010, out(&host, OpKind::ReadSlot), view(RequestState::Started, SlotState::Repair, false)).unwrap();
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert_eq!((sale.state, host.total.load(Ordering::SeqCst)), (State::Lost, 0));
}

/// The host is registered anew and cannot read the chain any more.
fn is_anew(engine: &Engine, now: u64) {
    assert_eq!(engine.stop(now), Ok(SALES_OK));
    engine.register_chain(Arc::new(Host::default())).unwrap();
    assert_eq!(engine.start(now), Ok(SALES_OK));
}

/// At its payout, it was asked for a read for ever; or released, although only the clock said that it had ended, or the end had been taken back.
#[test]
fn a_slot_at_its_payout_that_cannot_be_read_waits_for_a_word() {
    for (by_clock, then) in [(true, None), (false, None), (true, Some(true)), (false, Some(false))] {
        let place = Place::in_memory();
        let (host, engine, _) = filled_with(&place, reads());
        if by_clock {
            engine.tick(2001).unwrap();
        } else {
            engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
        }
        let token = out(&host, OpKind::ReadSlot);
        if !by_clock {
            let removal = engine.on_request_event(1003, taken_back(20), request(1), Happened::RequestFailed);
            assert_eq!(removal, Ok(SALES_OK));
        }
        engine.complete(2001, token, Answer::of(SALES_HOST_TRANSIENT)).unwrap();
        is_anew(&engine, 2002);
        engine.tick(3000).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, sale.in_doubt, host.total.load(Ordering::SeqCst)), (State::Filled, true, 100));
        let state = match then {
            Some(ours) => {
                engine.resolve(3000, slot(1), ours).unwrap();
                if ours {
                    State::Filled
                } else {
                    State::Lost
                }
            }
            None => {
                engine.on_request_event(3000, at(30), request(1), Happened::RequestFailed).unwrap();
                State::Failed
            }
        };
        let held = if state == State::Filled { 100 } else { 0 };
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, host.total.load(Ordering::SeqCst)), (state, held));
    }
}

/// Its end had been looked for by the clock, and then the clock alone released it; or a slot that was freed, and not yet read, was kept without a word.
/// As soon as the chain can be read again, it says what is true.
#[test]
fn a_slot_that_cannot_be_read_any_more_is_in_doubt_until_it_can() {
    for (freed, word) in [(false, None), (true, None), (false, Some(true)), (true, Some(false))] {
        let place = Place::in_memory();
        let (host, engine, _) = filled_with(&place, reads());
        if freed {
            engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
            engine.complete(1002, out(&host, OpKind::ReadSlot), Answer::of(SALES_HOST_TRANSIENT)).unwrap();
        }
        is_anew(&engine, 1004);
        engine.tick(2001).unwrap();
        engine.tick(5001).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, sale.in_doubt, host.total.load(Ordering::SeqCst)), (State::Filled, true, 100));
        if let Some(ours) = word {
            engine.resolve(5001, slot(1), ours).unwrap();
            let (sale, _) = engine.sale(slot(1)).unwrap();
            let (state, held) = if ours { (State::Filled, 100) } else { (State::Lost, 0) };
            assert_eq!((sale.state, sale.in_doubt, host.total.load(Ordering::SeqCst)), (state, false, held));
            continue;
        }
        assert_eq!(engine.stop(5002), Ok(SALES_OK));
        engine.register_chain(host.clone()).unwrap();
        assert_eq!(engine.start(5002), Ok(SALES_OK));
        engine
            .complete(5003, out(&host, OpKind::ReadSlot), view(RequestState::Started, SlotState::Filled, true))
            .unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, sale.in_doubt, host.total.load(Ordering::SeqCst)), (State::Filled, false, 100));
    }
}

/// In doubt at a host that could not read: once it can, the chain is asked, and what it says stands above an operator's word.
#[test]
fn the_chain_says_more_than_an_operator() {
    for for_fill in [false, true] {
        for word in [None, Some(true), Some(false)] {
            let place = Place::in_memory();
            let fill_status = if for_fill { SALES_HOST_UNKNOWN } else { SALES_OK };
            let host = Arc::new(Host { fill_status: AtomicI32::new(fill_status), ..Host::default() });
            let (engine, _) = started(&place, &host, options());
            engine.on_request(1000, at(10), ask(1, 1)).unwrap();
            let (_, token, _) = host.tokens.lock().unwrap().remove(0);
            engine.complete(1001, token, proof()).unwrap();
            if !for_fill {
                engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
            }
            assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
            assert_eq!(engine.stop(1003), Ok(SALES_OK));
            let reader = Arc::new(reads());
            engine.register_chain(reader.clone()).unwrap();
            assert_eq!(engine.start(1003), Ok(SALES_OK));
            let token = out(&reader, OpKind::ReadSlot);
            if let Some(ours) = word {
                assert_eq!(status(engine.resolve(1004, slot(1), ours)), Ok(SALES_OK));
            }
            assert_eq!(reader.tokens.lock().unwrap().len(), 0, "one thing is out at a time");
            engine.complete(1005, token, view(RequestState::Started, SlotState::Filled, true)).unwrap();
            engine.tick(1006).unwrap();
            let (sale, _) = engine.sale(slot(1)).unwrap();
            assert_eq!((sale.state, sale.in_doubt, host.total.load(Ordering::SeqCst)), (State::Filled, false, 100));
        }
    }
}

/// It waited for a chain that does not answer.
#[test]
fn what_is_given_up_by_force_goes_whatever_the_chain_answers() {
    let lagging = Answer::of(SALES_HOST_TRANSIENT);
    let old = view(RequestState::Started, SlotState::Filled, true);
    for (ended, again, answer) in [(true, false, lagging.clone()), (false, false, lagging), (false, true, old)] {
        let place = Place::in_memory();
        let (host, engine, _) = filled_with(&place, reads());
        if ended {
            engine.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
        } else {
            engine.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed).unwrap();
        }
        let token = out(&host, OpKind::ReadSlot);
        if again {
            engine.on_slot(1002, at(21), request(1), 0, Happened::SlotFreed).unwrap();
        }
        assert_eq!(status(engine.abandon(1003, slot(1), true)), Ok(SALES_QUEUED));
        engine.complete(1004, token, answer).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, host.total.load(Ordering::SeqCst)), (State::Abandoned, 0));
    }
}

/// Each read was put off by what was told of others, or told again, and the slot was never paid.
#[test]
fn what_is_told_of_others_puts_off_no_read() {
    let of_another = |engine: &Engine| engine.on_slot(1003, taken_back(20), request(7), 0, Happened::SlotFreed);
    let told_again = |engine: &Engine| engine.on_request_event(1003, at(20), request(1), Happened::RequestEnded);
    for tell in [&of_another as &dyn Fn(&Engine) -> Result<i32, _>, &told_again] {
        let place = Place::in_memory();
        let (host, engine, _) = filled_with(&place, reads());
        engine.on_request_event(1002, at(20), request(1), Happened::RequestEnded).unwrap();
        let token = out(&host, OpKind::ReadSlot);
        tell(&engine).unwrap();
        engine.complete(1004, token, view(RequestState::Finished, SlotState::Finished, true)).unwrap();
        let (sale, _) = engine.sale(slot(1)).unwrap();
        assert_eq!((sale.state, host.total.load(Ordering::SeqCst)), (State::Finished, 0));
    }
}
