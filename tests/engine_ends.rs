//! Ends of a request that are taken back while something is out for its slot, which ends as soon as that is answered: a filled slot is kept when no
//! end stands (S5), and is given back when one does (S6). Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{At, Engine};
use sales::host::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// The fill of a slot is out, or its keep, at a host that cannot read the chain.
struct Waiting {
    host: Arc<Host>,
    engine: Arc<Engine>,
    switches: Arc<Switches>,
    out: u64,
}

impl Waiting {
    fn new(place: &Place, for_fill: bool) -> Waiting {
        let host = Host { fill_pends: AtomicBool::new(for_fill), keep_pends: !for_fill, ..Host::default() };
        let host = Arc::new(host);
        let (engine, switches) = started(place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        engine.complete(1001, token, proof()).unwrap();
        let (_, out, _) = host.tokens.lock().unwrap().remove(0);
        Waiting { host, engine, switches, out }
    }

    fn fails(&self, at: At) -> std::result::Result<i32, i32> {
        fails(&self.engine, at)
    }

    fn answered(&self) {
        self.engine.complete(1003, self.out, Answer::of(SALES_OK)).unwrap();
    }

    #[track_caller]
    fn is(&self, state: State) {
        for now in 1004..1007 {
            self.engine.tick(now).unwrap();
        }
        assert_eq!(self.engine.sale(slot(1)).unwrap().0.state, state);
        let held = if state == State::Filled { 100 } else { 0 };
        assert_eq!(self.host.total.load(Ordering::SeqCst), held);
    }
}

fn fails(engine: &Engine, at: At) -> std::result::Result<i32, i32> {
    status(engine.on_request_event(1002, at, request(1), Happened::RequestFailed))
}

/// What took back the end of one block took back that of another: nobody ended the slot any more.
#[test]
fn an_end_of_another_block_stands() {
    let orders: [&[At]; 3] = [
        &[at(20), at(22), taken_back(20)],
        &[at(20), taken_back(20), at(22)],
        &[at(20), taken_back(20), at(22), taken_back(20)],
    ];
    for order in orders {
        for (for_fill, refused) in [(true, false), (true, true), (false, false), (false, true)] {
            let place = Place::in_memory();
            let waiting = Waiting::new(&place, for_fill);
            waiting.switches.refuses.store(refused, Ordering::SeqCst);
            for at in order {
                let _ = waiting.fails(*at);
            }
            waiting.switches.refuses.store(false, Ordering::SeqCst);
            waiting.engine.tick(1002).unwrap();
            waiting.answered();
            waiting.is(State::Failed);
        }
    }
}

/// The removal waited, with the sale or in the line of its request, and the answer came before it.
#[test]
fn an_end_is_taken_back_before_its_removal_is_taken_in() {
    for (for_fill, blind, still) in
        [(true, false, false), (true, false, true), (true, true, false), (false, true, false)]
    {
        let place = Place::in_memory();
        let waiting = Waiting::new(&place, for_fill);
        assert_eq!(waiting.fails(at(20)), Ok(SALES_OK));
        let switch = if blind { &waiting.switches.blind } else { &waiting.switches.refuses };
        switch.store(true, Ordering::SeqCst);
        let _ = waiting.fails(taken_back(20));
        switch.store(still, Ordering::SeqCst);
        waiting.answered();
        switch.store(false, Ordering::SeqCst);
        waiting.is(State::Filled);
    }
}

/// It waited for the end of a callback, while another thread brought the answer.
#[test]
fn an_end_is_taken_back_by_what_a_callback_tells() {
    let place = Place::in_memory();
    let waiting = Waiting::new(&place, true);
    assert_eq!(waiting.fails(at(20)), Ok(SALES_OK));
    let (within, out) = (waiting.engine.clone(), waiting.out);
    *waiting.host.hook.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(fails(&within, taken_back(20)), Ok(SALES_QUEUED));
        let other = within.clone();
        std::thread::spawn(move || other.complete(1003, out, Answer::of(SALES_OK))).join().unwrap().unwrap();
    }));
    waiting.engine.evaluate(1003, &ask(2, 1)).unwrap();
    waiting.is(State::Filled);
}

/// The answer and the removal waited for the store when the instance was stopped: the next start took the end as it stood.
#[test]
fn an_end_that_is_taken_back_stays_so_over_a_stop() {
    for blind in [true, false] {
        let place = Place::in_memory();
        let waiting = Waiting::new(&place, false);
        assert_eq!(waiting.fails(at(20)), Ok(SALES_OK));
        let switch = if blind { &waiting.switches.blind } else { &waiting.switches.refuses };
        switch.store(true, Ordering::SeqCst);
        let _ = waiting.fails(taken_back(20));
        waiting.answered();
        assert_eq!(waiting.engine.stop(1004), Ok(SALES_OK));
        switch.store(false, Ordering::SeqCst);
        assert_eq!(waiting.engine.start(1004), Ok(SALES_OK));
        waiting.is(State::Filled);
    }
}

/// The fill was of unknown outcome, so that nothing was out, and the end waited for an operator's word.
#[test]
fn an_end_that_waits_for_an_operator_stands_or_not_as_well() {
    for (told, then, state) in [
        (&[at(5), at(7)][..], taken_back(5), State::Failed),
        (&[at(7)][..], taken_back(5), State::Failed),
        (&[at(7)][..], taken_back(7), State::Filled),
    ] {
        for blind in [true, false] {
            let place = Place::in_memory();
            let waiting = Waiting::new(&place, true);
            for at in told {
                assert_eq!(waiting.fails(*at), Ok(SALES_OK));
            }
            waiting.engine.complete(1003, waiting.out, Answer::of(SALES_HOST_UNKNOWN)).unwrap();
            assert!(waiting.engine.sale(slot(1)).unwrap().0.in_doubt);
            waiting.switches.blind.store(blind, Ordering::SeqCst);
            let _ = waiting.fails(then);
            waiting.switches.blind.store(false, Ordering::SeqCst);
            waiting.engine.resolve(1003, slot(1), true).unwrap();
            waiting.is(state);
        }
    }
}

/// A start that failed and another stop woke what waits for the next life, and forgot it.
#[test]
fn what_stays_over_a_stop_stays_over_two() {
    for blind in [true, false] {
        let place = Place::in_memory();
        let waiting = Waiting::new(&place, true);
        assert_eq!(waiting.fails(at(20)), Ok(SALES_OK));
        let switch = if blind { &waiting.switches.blind } else { &waiting.switches.refuses };
        switch.store(true, Ordering::SeqCst);
        let _ = waiting.fails(taken_back(20));
        waiting.answered();
        assert_eq!(waiting.engine.stop(1004), Ok(SALES_OK));
        waiting.engine.start(1004).unwrap_err();
        switch.store(false, Ordering::SeqCst);
        assert_eq!(waiting.engine.stop(1005), Ok(SALES_OK));
        assert_eq!(waiting.engine.start(1005), Ok(SALES_OK));
        let (sale, _) = waiting.engine.sale(slot(1)).unwrap();
        assert!(sale.in_doubt && sale.submitted, "the fill was out: {sale:?}");
        waiting.engine.resolve(1006, slot(1), true).unwrap();
        waiting.is(State::Filled);
    }
}

/// It was taken back while the step that takes it in was begun: the removal came to the sale before the end was written down, and was forgotten with it.
#[test]
fn an_end_is_taken_back_while_it_is_taken_in() {
    for (for_fill, blind) in [(true, false), (true, true), (false, false), (false, true)] {
        // The reads of the call that tells it: the sales of the request, the sale, and once more beside the write.
        for read in 0..2 {
            let place = Place::in_memory();
            let waiting = Waiting::new(&place, for_fill);
            let (within, switches) = (waiting.engine.clone(), waiting.switches.clone());
            let hook: Hook = Box::new(move || {
                let within = within.clone();
                switches.blind.store(blind, Ordering::SeqCst);
                let _ = std::thread::spawn(move || fails(&within, taken_back(20))).join().unwrap();
                switches.blind.store(false, Ordering::SeqCst);
            });
            *waiting.switches.at_read.lock().unwrap() = Some((read, hook));
            let _ = waiting.fails(at(20));
            assert!(waiting.switches.at_read.lock().unwrap().is_none(), "it was taken back meanwhile");
            waiting.answered();
            waiting.is(State::Filled);
        }
    }
}

/// The same where a tick takes in what the store had refused.
#[test]
fn an_end_is_taken_back_while_a_tick_takes_it_in() {
    for (in_line, reads) in [(false, 2), (true, 3)] {
        for read in 0..reads {
            let place = Place::in_memory();
            let waiting = Waiting::new(&place, false);
            let switch = if in_line { &waiting.switches.blind } else { &waiting.switches.refuses };
            switch.store(true, Ordering::SeqCst);
            waiting.fails(at(20)).unwrap_err();
            switch.store(false, Ordering::SeqCst);
            let within = waiting.engine.clone();
            let hook: Hook = Box::new(move || {
                let within = within.clone();
                let _ = std::thread::spawn(move || fails(&within, taken_back(20))).join().unwrap();
            });
            *waiting.switches.at_read.lock().unwrap() = Some((read, hook));
            waiting.engine.tick(1003).unwrap();
            waiting.answered();
            waiting.is(State::Filled);
        }
    }
}

/// An end waits with the sale as that of another block, which is told in a callback and has not come to the sale. Both are taken back.
#[test]
fn an_end_that_waits_for_another_block_is_taken_back_with_that() {
    for (for_fill, in_callback) in [(true, false), (true, true), (false, false), (false, true)] {
        let place = Place::in_memory();
        let waiting = Waiting::new(&place, for_fill);
        waiting.switches.refuses.store(true, Ordering::SeqCst);
        assert_eq!(waiting.fails(at(20)), Err(SALES_ERR_STORE));
        let (within, switches, out) = (waiting.engine.clone(), waiting.switches.clone(), waiting.out);
        *waiting.host.hook.lock().unwrap() = Some(Box::new(move || {
            let apart = |body: Box<dyn FnOnce(&Engine) + Send>| {
                let within = within.clone();
                std::thread::spawn(move || body(&within)).join().unwrap();
            };
            assert_eq!(fails(&within, at(22)), Ok(SALES_QUEUED));
            apart(Box::new(|engine| _ = fails(engine, taken_back(20))));
            switches.refuses.store(false, Ordering::SeqCst);
            apart(Box::new(|engine| _ = engine.tick(1002).unwrap()));
            if in_callback {
                assert_eq!(fails(&within, taken_back(22)), Ok(SALES_QUEUED));
            } else {
                switches.blind.store(true, Ordering::SeqCst);
                apart(Box::new(|engine| _ = fails(engine, taken_back(22))));
                switches.blind.store(false, Ordering::SeqCst);
            }
            apart(Box::new(move |engine| _ = engine.complete(1003, out, Answer::of(SALES_OK)).unwrap()));
        }));
        waiting.engine.evaluate(1003, &ask(2, 1)).unwrap();
        waiting.is(State::Filled);
    }
}

/// The proof's answer waited for the store, and the end behind it; while the fill was asked for, the end was taken back.
#[test]
fn an_end_is_taken_back_behind_an_answer() {
    for in_callback in [true, false] {
        let place = Place::in_memory();
        let host = Arc::new(Host::default());
        let (engine, switches) = started(&place, &host, options());
        engine.on_request(1000, at(10), ask(1, 1)).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        switches.refuses.store(true, Ordering::SeqCst);
        engine.complete(1001, token, proof()).unwrap();
        switches.refuses.store(false, Ordering::SeqCst);
        let within = engine.clone();
        *host.fill_hook.lock().unwrap() = Some(Box::new(move || {
            let other = within.clone();
            let told = match in_callback {
                true => fails(&within, taken_back(20)),
                false => std::thread::spawn(move || fails(&other, taken_back(20))).join().unwrap(),
            };
            assert_eq!(told, Ok(SALES_QUEUED));
        }));
        fails(&engine, at(20)).unwrap();
        engine.tick(1003).unwrap();
        assert_eq!(engine.sale(slot(1)).unwrap().0.state, State::Filled);
        assert_eq!(host.total.load(Ordering::SeqCst), 100);
    }
}

/// After a stop nobody knows the block of the end that is waited for: taken back, it has no effect from then on, not from when the sale is told.
#[test]
fn an_end_of_the_last_life_is_taken_back_before_its_removal_is_taken_in() {
    for (restart, in_callback) in [(false, false), (false, true), (true, false), (true, true)] {
        let place = Place::in_memory();
        let mut waiting = Waiting::new(&place, true);
        assert_eq!(waiting.fails(at(20)), Ok(SALES_OK));
        waiting.engine.complete(1003, waiting.out, Answer::of(SALES_HOST_UNKNOWN)).unwrap();
        assert_eq!(waiting.engine.stop(1003), Ok(SALES_OK));
        if restart {
            let Waiting { host, engine, switches, .. } = waiting;
            drop((engine, switches));
            let (backend, switches) = store(&place);
            let engine = engine_common::engine(backend, &host, options());
            waiting = Waiting { host, engine, switches, out: 0 };
        }
        assert_eq!(waiting.engine.start(1003), Ok(SALES_OK));
        let resolve = |engine: &Engine| assert_eq!(engine.resolve(1004, slot(1), true), Ok(SALES_OK));
        if in_callback {
            let within = waiting.engine.clone();
            *waiting.host.hook.lock().unwrap() = Some(Box::new(move || {
                assert_eq!(fails(&within, taken_back(20)), Ok(SALES_QUEUED));
                let other = within.clone();
                std::thread::spawn(move || resolve(&other)).join().unwrap();
            }));
            waiting.engine.evaluate(1003, &ask(2, 1)).unwrap();
        } else {
            waiting.switches.blind.store(true, Ordering::SeqCst);
            waiting.fails(taken_back(20)).unwrap_err();
            waiting.switches.blind.store(false, Ordering::SeqCst);
            resolve(&waiting.engine);
        }
        waiting.is(State::Filled);
    }
}
