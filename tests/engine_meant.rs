//! What is told inside a callback is done when the outermost call comes to it: by then the slot's sale may have ended, and another begun.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::Engine;
use sales::host::Answer;
use sales::market::Id;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// While a slot is filled, which is refused, it is told that the slot was freed, an offer wakes what rests, and then comes `tell`: the next sale of the
/// slot is begun before that is done.
fn told_of_the_last_sale(tell: fn(&Engine) -> Result<i32, i32>) -> (Arc<Host>, Arc<Engine>) {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_STATE_MISMATCH), ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let first = engine.sale(slot(1)).unwrap().0.act;
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    let within = engine.clone();
    *host.fill_hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(within.on_slot(1001, at(20), request(1), 0, Happened::SlotFreed), Ok(SALES_QUEUED));
        within.offer_put(1001, Id::ZERO, terms()).unwrap();
        assert_eq!(tell(&within), Ok(SALES_QUEUED));
    }));
    engine.complete(1001, token, proof()).unwrap();
    assert_ne!(engine.sale(slot(1)).unwrap().0.act, first, "another sale was begun");
    (host, engine)
}

#[track_caller]
fn is_at_work(host: &Host, engine: &Engine) {
    let (sale, _) = engine.sale(slot(1)).unwrap();
    assert_eq!((sale.state, sale.wanted), (State::InitialProving, None));
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
}

/// Simulator, seed 2117005830346439625: the space of the next sale was given back for bytes that had landed for the last.
#[test]
fn what_landed_for_the_last_sale_is_not_taken_from_the_next() {
    let (host, engine) = told_of_the_last_sale(|engine| status(engine.consumed(1001, slot(1), 40)));
    is_at_work(&host, &engine);
    assert_eq!(engine.reservation(slot(1)).unwrap().record.consumed, 0);
}

#[test]
fn the_next_sale_is_not_abandoned_for_the_last() {
    let (host, engine) = told_of_the_last_sale(|engine| status(engine.abandon(1001, slot(1), true)));
    is_at_work(&host, &engine);
}

/// Both fills were of unknown outcome: another thread resolved the first, and the slot was sold anew.
#[test]
fn the_next_sale_is_not_resolved_for_the_last() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), ..Host::default() });
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    fn proved(host: &Host, engine: &Engine) {
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
        assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
    }
    proved(&host, &engine);
    let (within, hosts) = (engine.clone(), host.clone());
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(status(within.resolve(1002, slot(1), false)), Ok(SALES_QUEUED));
        let (other, host) = (within.clone(), hosts.clone());
        let sold_anew = move || {
            assert_eq!(status(other.resolve(1002, slot(1), false)), Ok(SALES_OK));
            assert_eq!(other.on_slot(1002, at(20), request(1), 0, Happened::SlotFreed), Ok(SALES_OK));
            proved(&host, &other);
        };
        std::thread::spawn(sold_anew).join().unwrap();
    }));
    engine.evaluate(1002, &ask(2, 1)).unwrap();
    assert!(engine.sale(slot(1)).unwrap().0.in_doubt);
    assert_eq!(host.total.load(Ordering::SeqCst), 100);
}

/// What is told of the sale that goes on is done.
#[test]
fn what_landed_inside_a_callback_is_recorded() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, _) = started(&place, &host, options());
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    let within = engine.clone();
    *host.fill_hook.lock().unwrap() =
        Some(Box::new(move || assert_eq!(status(within.consumed(1001, slot(1), 40)), Ok(SALES_QUEUED))));
    engine.complete(1001, token, proof()).unwrap();
    assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
    assert_eq!(engine.reservation(slot(1)).unwrap().record.consumed, 40);
    assert_eq!(host.total.load(Ordering::SeqCst), 60);
}

/// The sale had ended, and its slot was reserved by hand.
#[test]
fn what_landed_for_a_sale_is_not_taken_from_a_reservation_by_hand() {
    let place = Place::in_memory();
    let (host, engine, _) = filled(&place);
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(within.consumed(1002, slot(1), 60), Ok(SALES_QUEUED));
        let other = within.clone();
        let reserved = move || {
            other.on_request_event(1002, at(20), request(1), Happened::RequestFailed).unwrap();
            assert!(other.sale(slot(1)).unwrap().0.is_ended());
            assert_eq!(other.reserve(1002, slot(1), 100).unwrap().status, SALES_OK);
        };
        std::thread::spawn(reserved).join().unwrap();
    }));
    engine.evaluate(1002, &ask(3, 1)).unwrap();
    assert_eq!(host.total.load(Ordering::SeqCst), 100, "nothing of it landed");
}

/// What is reserved by hand in the same callback is meant.
#[test]
fn what_is_reserved_and_lands_in_one_callback_is_recorded() {
    for pends in [false, true] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), reserve_pends: pends, ..Host::default() });
        let (engine, _) = started(&place, &host, options());
        let next = || host.tokens.lock().unwrap().remove(0).1;
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        if pends {
            engine.complete(1000, next(), Answer::of(SALES_OK)).unwrap();
        }
        engine.abandon(1000, slot(1), false).unwrap();
        engine.complete(1000, next(), Answer::of(SALES_HOST_CANCELLED)).unwrap();
        assert!(engine.sale(slot(1)).unwrap().0.is_ended());
        let token = pends.then(|| {
            assert_eq!(engine.reserve(1002, slot(1), 100).unwrap().status, SALES_PENDING);
            next()
        });
        let within = engine.clone();
        *host.hook.lock().unwrap() = Some(Box::new(move || {
            match token {
                Some(token) => assert_eq!(within.complete(1002, token, Answer::of(SALES_OK)), Ok(SALES_OK)),
                None => assert_eq!(within.reserve(1002, slot(1), 100).unwrap().status, SALES_QUEUED),
            }
            assert_eq!(within.consumed(1002, slot(1), 60), Ok(SALES_QUEUED));
        }));
        engine.evaluate(1002, &ask(3, 1)).unwrap();
        assert_eq!(engine.reservation(slot(1)).unwrap().record.consumed, 60);
    }
}

/// A reserve by hand waits in the same callback, and is refused when the slot is sold anew: what comes behind it is not meant for that sale.
#[test]
fn a_reserve_by_hand_lets_the_next_sale_be_abandoned_for_nobody() {
    let (host, engine) = told_of_the_last_sale(|engine| {
        assert_eq!(engine.reserve(1001, slot(1), 100).map(|answered| answered.status).ok(), Some(SALES_QUEUED));
        status(engine.abandon(1001, slot(1), true))
    });
    is_at_work(&host, &engine);
}

/// Whether a reserve by hand took effect is told in the same callback, before what landed of it.
#[test]
fn what_lands_of_a_reserve_is_recorded_behind_the_word_on_it() {
    let place = Place::in_memory();
    let (host, engine, _) = over(&place);
    host.reserve_unknown.store(true, Ordering::SeqCst);
    assert_eq!(status(engine.reserve(1001, slot(1), 100)).map(|_| ()), Err(SALES_ERR_IN_DOUBT));
    let within = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(status(within.resolve(1002, slot(1), true)), Ok(SALES_QUEUED));
        assert_eq!(status(within.consumed(1002, slot(1), 60)), Ok(SALES_QUEUED));
    }));
    engine.evaluate(1002, &ask(2, 1)).unwrap();
    let record = engine.reservation(slot(1)).unwrap().record;
    assert_eq!((record.held, record.consumed), (40, 60));
}
