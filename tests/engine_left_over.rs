//! What one call leaves over, because callbacks call in more often than it does things for: the next goes on with it, in its order, and the host is told
//! when that is due. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{Engine, Options, Phase, WORK_LIMIT};
use sales::event::Event;
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// The deadlines that were told, and what is done once when the next is.
#[derive(Default)]
struct Ear {
    told: Mutex<Vec<u64>>,
    then: Mutex<Option<Hook>>,
}

impl Watch for Ear {
    fn on_event(&self, _: &Event) {}
    fn on_deadline(&self, at: u64) {
        self.told.lock().unwrap().push(at);
        let then = self.then.lock().unwrap().take();
        if let Some(mut then) = then {
            then()
        }
    }
}

/// Calls of no effect, made inside a callback.
fn call_in(engine: &Engine, times: usize) {
    for _ in 0..times {
        engine.consumed(1000, Id([9; 32]), 1).unwrap();
    }
}

/// All that a start has to do was more than one call does: nothing was told, also not that it must be called again.
#[test]
fn a_start_that_has_much_to_do_is_gone_on_with() {
    for can_read in [false, true] {
        let place = Place::in_memory();
        let many: u64 = 36 * 250;
        let options = Options { max_attempts: 10_000, queue_limit: 10_000, ..options() };
        let (before, switches) = {
            let host = Arc::new(Host::default());
            let (engine, switches) = started(&place, &host, options);
            for n in 0..many / 250 {
                engine.on_request(1000, at(10), ask(n, 250)).unwrap();
                for (_, token, _) in std::mem::take(&mut *host.tokens.lock().unwrap()) {
                    engine.complete(1001, token, proof()).unwrap();
                }
            }
            host.full.store(true, Ordering::SeqCst);
            engine.on_request(1002, at(11), ask(9999, 1)).unwrap();
            (engine, switches)
        };
        assert_eq!(before.stats().unwrap().counts.sold, many);
        assert_eq!(before.sale(slot(9999)).unwrap().0.state, State::Queued);
        drop((before, switches));
        let host = Arc::new(Host { total: AtomicU64::new(many * 100), can_read, ..Host::default() });
        let engine = engine(store(&place).0, &host, options);
        let ear = Arc::new(Ear::default());
        engine.register_watch(ear.clone()).unwrap();
        assert_eq!(engine.start(1005), Ok(SALES_OK));
        // Nor does the next call do all of it.
        engine.reserve(1005, Id([7; 32]), 5).unwrap();
        let watched = engine.sales(None, usize::MAX).unwrap().iter().filter(|(sale, _)| sale.next_at == 2001).count();
        let most = if can_read { 2 * WORK_LIMIT } else { 0 };
        assert!((most / 2..=most).contains(&watched), "{watched}");
        // Where the chain cannot be read, a filled slot is nothing to do.
        for _ in 0..if can_read { 6 } else { 0 } {
            let Some(at) = ear.told.lock().unwrap().pop().filter(|at| *at < 1100) else { break };
            engine.tick(at).unwrap();
        }
        assert_eq!(engine.sale(slot(9999)).unwrap().0.state, State::InitialProving, "can read: {can_read}");
    }
}

/// What was completed in a callback, behind more than a stop does, was forgotten by a stop.
#[test]
fn a_completion_that_was_put_off_is_not_forgotten_by_a_stop() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_pends: AtomicBool::new(true), ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    let offer = engine.offers(None, 1).unwrap()[0].id;
    engine.on_request(1000, at(10), ask(1, 1)).unwrap();
    engine.complete(1001, out(&host, OpKind::Prove), proof()).unwrap();
    let token = out(&host, OpKind::FillSlot);
    let inner = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        for _ in 0..4 * WORK_LIMIT {
            inner.offer_put(1002, offer, terms()).unwrap();
        }
        assert_eq!(inner.complete(1002, token, Answer::of(SALES_OK)), Ok(SALES_OK));
    }));
    engine.evaluate(1002, &ask(2, 1)).unwrap();
    while engine.stop(1003) == Ok(SALES_PENDING) {}
    drop((engine, switches));
    let host = Arc::new(Host { total: AtomicU64::new(100), ..Host::default() });
    let engine = crate::engine(store(&place).0, &host, options());
    assert_eq!(engine.start(1004), Ok(SALES_OK));
    let sale = engine.sale(slot(1)).unwrap().0;
    assert_eq!((sale.state, sale.in_doubt), (State::Filled, false));
}

/// What a callback left when it was told the last deadline of a call that had done all it does was due earlier, and nobody was told.
#[test]
fn what_is_left_when_a_deadline_is_told_is_due_too() {
    let mut left_over = 0;
    for times in WORK_LIMIT - 8..=WORK_LIMIT {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let ear = Arc::new(Ear::default());
        let engine = engine(store(&place).0, &host, options());
        engine.register_watch(ear.clone()).unwrap();
        engine.start(1000).unwrap();
        engine.offer_put(1000, Id::ZERO, terms()).unwrap();
        ear.told.lock().unwrap().clear();
        let inner = engine.clone();
        *ear.then.lock().unwrap() = Some(Box::new(move || {
            inner.reserve(1000, Id([7; 32]), 5).unwrap();
        }));
        let inner = engine.clone();
        *host.hook.lock().unwrap() = Some(Box::new(move || call_in(&inner, times)));
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let next = engine.next_deadline().unwrap();
        assert_eq!(ear.told.lock().unwrap().last(), Some(&next), "after {times} calls");
        left_over += u64::from(engine.reservation(Id([7; 32])).is_err());
    }
    assert!(left_over > 0);
}

/// A release that was left over was done behind a reserve that was told in the next call: in the end nothing was reserved, though it was answered
/// ALREADY.
#[test]
fn what_is_left_over_is_done_before_what_is_told_later() {
    for inside in [true, false] {
        let place = Place::in_memory();
        let host = Arc::new(Host::default());
        let (engine, _) = started(&place, &host, options());
        let slot = Id([7; 32]);
        engine.reserve(1000, slot, 5).unwrap();
        let is_reserved = || engine.reservation(slot).is_ok_and(|view| view.record.is_live());
        // While the first of all that may wait is done, there is room for one more.
        let (inner, repo) = (engine.clone(), host.clone());
        *host.hook.lock().unwrap() = Some(Box::new(move || {
            inner.on_request(1000, at(11), ask(2, 1)).unwrap();
            call_in(&inner, WORK_LIMIT - 1);
            let inner = inner.clone();
            *repo.hook.lock().unwrap() = Some(Box::new(move || {
                assert_eq!(inner.release(1000, slot).map(|answered| answered.status), Ok(SALES_QUEUED));
            }));
        }));
        engine.evaluate(1000, &ask(3, 1)).unwrap();
        assert!(is_reserved(), "it was left over");
        let again = move |engine: &Engine| engine.reserve(1001, slot, 5).map(|answered| answered.status);
        if inside {
            let inner = engine.clone();
            *host.hook.lock().unwrap() = Some(Box::new(move || assert_eq!(again(&inner), Ok(SALES_QUEUED))));
            engine.evaluate(1001, &ask(3, 1)).unwrap();
        } else {
            assert_eq!(again(&engine), Ok(SALES_OK));
        }
        assert!(is_reserved(), "released, and reserved again");
    }
}

/// The repo's answer to a start was left over by another call. Whoever started again and again, as PENDING tells, waited for ever.
#[test]
fn a_start_goes_on_with_an_answer_that_was_left_over() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, switches) = started(&place, &host, options());
    engine.reserve(1000, Id([7; 32]), 5).unwrap();
    drop((engine, switches));
    let host = Arc::new(Host { reserve_pends: true, ..Host::default() });
    let engine = crate::engine(store(&place).0, &host, options());
    let offer = engine.offer_put(1001, Id::ZERO, terms()).unwrap();
    assert_eq!(engine.start(1001), Ok(SALES_PENDING), "the repo has lost what it had reserved");
    let (_, token, _) = host.tokens.lock().unwrap().remove(0);
    let inner = engine.clone();
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        for _ in 0..4 * WORK_LIMIT {
            inner.offer_put(1002, offer, terms()).unwrap();
        }
        assert_eq!(inner.complete(1002, token, Answer::of(SALES_OK)), Ok(SALES_OK));
    }));
    engine.evaluate(1002, &ask(2, 1)).unwrap();
    let is_pending = |_: &i32| engine.start(1003) == Ok(SALES_PENDING);
    assert!((0..10).take_while(is_pending).count() < 10, "it waits for ever");
    assert_eq!(engine.stats().unwrap().phase, Phase::Running as u32);
}

/// Changes an offer at each look of the engine at what the repo has free. Counts these, and knows the time.
#[derive(Clone)]
struct Restless {
    host: Arc<Host>,
    engine: Arc<Engine>,
    offer: Id,
    looks: Arc<AtomicU64>,
    now: Arc<AtomicU64>,
}

impl Restless {
    fn look(&self) {
        let again = self.clone();
        *self.host.hook.lock().unwrap() = Some(Box::new(move || {
            again.engine.offer_put(again.now.load(Ordering::SeqCst), again.offer, terms()).unwrap();
            if again.looks.fetch_add(1, Ordering::SeqCst) < 1000 {
                again.look();
            }
        }));
    }
}

/// Each of two slots woke the other, and the call never came back.
#[test]
fn an_offer_that_is_changed_at_each_look_does_not_keep_a_call_for_ever() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (engine, _) = started(&place, &host, options());
    let offer = engine.offers(None, 1).unwrap()[0].id;
    host.full.store(true, Ordering::SeqCst);
    engine.on_request(1000, at(10), ask(1, 2)).unwrap();
    let (looks, now) = (Arc::default(), Arc::new(AtomicU64::new(1000)));
    let restless = Restless { host: host.clone(), engine: engine.clone(), offer, looks, now };
    restless.look();
    engine.offer_put(1000, offer, terms()).unwrap();
    for now in 1001..1005 {
        assert_eq!(engine.next_deadline(), Ok(now), "it is looked at again");
        restless.now.store(now, Ordering::SeqCst);
        engine.tick(now).unwrap();
    }
    assert_eq!(restless.looks.load(Ordering::SeqCst), 50, "ten times a tick");
    *host.hook.lock().unwrap() = None;
    host.full.store(false, Ordering::SeqCst);
    engine.tick(1005).unwrap();
    engine.offer_put(1005, offer, terms()).unwrap();
    assert!((0..2)
        .all(|index| engine.sale(slot_id(&ask(1, 2).request_id, index)).unwrap().0.state == State::InitialProving));
}
