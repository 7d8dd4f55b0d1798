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
