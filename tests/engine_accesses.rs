//! Each read and each write of the store failing in turn, once and several times in a row, in a life of the engine that has something of everything.
//! A host that does what the errors and the deadlines say loses nothing by it: every slot is sold, ends, and gives back its space (S1, S6), and
//! nobody waits for a tick that nobody asks for.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::engine::{Engine, Phase};
use sales::error::Result;
use sales::host::*;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::collections::BTreeMap;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// A host, and what it knows of the chain.
struct Run {
    host: Arc<Host>,
    engine: Arc<Engine>,
    switches: Arc<Switches>,
    now: u64,
    over: BTreeMap<Id, SlotState>,
}

impl Run {
    fn new(place: &Place) -> Run {
        let host =
            Host { can_read: true, can_free: true, can_clear: true, pends: AtomicBool::new(true), ..Host::default() };
        let host = Arc::new(host);
        let (store, switches) = store(place);
        let engine = engine(store, &host, options());
        Run { host, engine, switches, now: 1000, over: BTreeMap::new() }
    }

    /// Again, as the errors of the store ask, until it is taken.
    #[track_caller]
    fn call<T>(&mut self, what: impl Fn(&Engine, u64) -> Result<T>) -> Result<T> {
        for _ in 0..20 {
            match what(&self.engine, self.now) {
                Err(error) if (-399..=-300).contains(&error.status) => self.go_on(),
                done => return done,
            }
        }
        panic!("the store refuses it without end");
    }

    /// The host answers what is out, and ticks when it is asked to, for as long as this second lasts.
    fn go_on(&mut self) {
        for _ in 0..100 {
            let out: Vec<_> = self.host.tokens.lock().unwrap().drain(..).collect();
            let idle = out.is_empty();
            for (kind, token, slot) in out {
                let answer = match kind {
                    OpKind::Prove => proof(),
                    OpKind::ReadSlot => self.view(&slot),
                    _ => Answer::of(SALES_OK),
                };
                let _ = self.engine.complete(self.now, token, answer);
            }
            let filled =
                self.host.calls.lock().unwrap().drain(..).filter(|(kind, _)| *kind == OpKind::FillSlot).count();
            let _ = filled;
            if self.engine.next_deadline().unwrap() <= self.now {
                let _ = self.engine.tick(self.now);
            } else if idle {
                return;
            }
        }
        panic!("it asks for ticks without end in second {}", self.now);
    }

    fn view(&self, slot: &Id) -> Answer {
        let over = self.over.get(slot).copied();
        let slot_state = over.unwrap_or(SlotState::Filled);
        let request_state = match over {
            None => RequestState::Started,
            Some(SlotState::Failed) => RequestState::Failed,
            Some(_) => RequestState::Finished,
        };
        let view = SlotView {
            request_state,
            slot_state,
            is_mine: true,
            expires_at: 1500,
            ends_at: 2000,
            collateral: U256::from(100),
        };
        Answer { view: Some(Box::new(view)), ..Answer::of(SALES_OK) }
    }

    /// Time passes, from deadline to deadline.
    fn until(&mut self, then: u64) {
        self.go_on();
        for _ in 0..1000 {
            let deadline = self.engine.next_deadline().unwrap();
            if deadline > then {
                break;
            }
            self.now = deadline.max(self.now + 1);
            self.go_on();
        }
        self.now = then;
        self.go_on();
    }

    fn tell(&mut self, block: u64, request: Id, index: u64, what: Happened) {
        self.call(|engine, now| engine.on_slot(now, at(block), request, index, what)).unwrap();
        self.go_on();
    }

    fn tell_all(&mut self, block: u64, request: Id, what: Happened) {
        self.call(|engine, now| engine.on_request_event(now, at(block), request, what)).unwrap();
        self.go_on();
    }

    #[track_caller]
    fn is(&mut self, slot: Id, state: State) {
        let sale = self.call(|engine, _| engine.sale(slot)).unwrap().0;
        assert_eq!(sale.state, state, "{sale:?}");
    }
}

/// The whole life, of which the accesses from the nth on fail, so many of them. Answers whether they did.
fn life(nth: i64, failing: i64) -> bool {
    let place = Place::in_memory();
    let mut run = Run::new(&place);
    run.switches.more.store(failing - 1, Ordering::SeqCst);
    run.switches.left.store(nth, Ordering::SeqCst);
    let [one, two, three, four] = [(1, 1), (2, 2), (3, 1), (4, 1)].map(|(n, slots)| ask(n, slots));
    // One ends later than the others, so that time has something to do behind them.
    let four = Ask { ends_at: 2040, ..four };
    let ids = |ask: &Ask| (0..ask.slots).map(|index| slot_id(&ask.request_id, index)).collect::<Vec<_>>();
    let (first, [freed, kept], third, fourth) =
        (ids(&one)[0], [ids(&two)[0], ids(&two)[1]], ids(&three)[0], ids(&four)[0]);
    run.call(|engine, now| engine.start(now)).unwrap();
    // Of a host that was refused and asks again there may be two.
    run.call(|engine, now| engine.offer_put(now, Id::ZERO, terms())).unwrap();
    // A reservation of the host's own, of which the repo loses some.
    let own = Id([7; 32]);
    run.call(|engine, now| engine.reserve(now, own, 50)).unwrap();
    for (block, ask) in [(10, &one), (11, &two), (12, &three)] {
        run.call(|engine, now| engine.on_request(now, at(block), ask.clone())).unwrap();
    }
    run.until(1100);
    for slot in [first, freed, kept, third] {
        run.is(slot, State::Filled);
    }
    // No room at first, then there is.
    run.host.full.store(true, Ordering::SeqCst);
    run.call(|engine, now| engine.on_request(now, at(13), four.clone())).unwrap();
    run.until(1110);
    run.is(fourth, State::Queued);
    run.host.full.store(false, Ordering::SeqCst);
    run.tell_all(14, one.request_id, Happened::RequestFulfilled);
    run.until(1250);
    run.is(fourth, State::Filled);
    // Freed, but not ours; one that is over is sold again.
    run.tell(15, two.request_id, 0, Happened::SlotFreed);
    run.until(1255);
    run.is(freed, State::Filled);
    run.call(|engine, now| engine.abandon(now, freed, true)).unwrap();
    run.until(1260);
    run.is(freed, State::Abandoned);
    run.tell(16, two.request_id, 0, Happened::SlotFreed);
    run.until(1340);
    run.is(freed, State::Filled);
    // The repo loses bytes, and has room for them later.
    run.host.total.fetch_sub(30, Ordering::SeqCst);
    run.host.full.store(true, Ordering::SeqCst);
    let _ = run.call(|engine, now| engine.reconcile(now, true));
    run.host.full.store(false, Ordering::SeqCst);
    run.until(1400);
    assert_eq!(run.host.total.load(Ordering::SeqCst), 50 + 500, "lost bytes are reserved anew");
    // The simulator's seed 5057644007264812559: nothing was sold until something else asked for a tick.
    assert_eq!(run.call(|engine, _| engine.stats()).unwrap().phase, Phase::Running as u32);
    // A stop and a start.
    run.call(|engine, now| engine.stop(now)).unwrap();
    run.call(|engine, now| engine.start(now)).unwrap();
    run.go_on();
    // How they end: told, failed, and by time alone.
    run.over.insert(third, SlotState::Failed);
    run.tell_all(17, three.request_id, Happened::RequestFailed);
    run.until(1410);
    run.is(third, State::Failed);
    for slot in [first, freed, kept, fourth] {
        run.over.insert(slot, SlotState::Finished);
    }
    run.tell_all(18, one.request_id, Happened::RequestEnded);
    run.until(2100);
    for slot in [first, freed, kept, fourth] {
        run.is(slot, State::Finished);
    }
    run.call(|engine, now| engine.consumed(now, own, 20)).unwrap();
    run.call(|engine, now| engine.release(now, own)).unwrap();
    run.until(2200);
    // Everything is back, and nothing waits.
    assert_eq!(run.host.total.load(Ordering::SeqCst), 0);
    let stats = run.call(|engine, _| engine.stats()).unwrap();
    let books = &stats.overview.books;
    assert_eq!(
        (stats.counts.live, books.held + books.consumed + books.releasing + books.surplus + books.shortfall),
        (0, 0)
    );
    assert_eq!((stats.overview.owed, stats.overview.in_doubt, stats.attempts, stats.pending_ops), (0, 0, 0, 0));
    assert_eq!((stats.last_block, stats.next_deadline), (18, u64::MAX));
    for offer in run.call(|engine, _| engine.offers(None, 10)).unwrap() {
        assert_eq!((offer.sold_slots, offer.used_size), (0, 0), "{offer:?}");
    }
    run.switches.left.swap(-1, Ordering::SeqCst) < 0
}

/// Each once, and three and eight in a row.
#[test]
fn each_access_of_the_store_fails_in_turn() {
    for failing in [1, 3, 8] {
        let mut nth = 0;
        loop {
            let run = std::panic::AssertUnwindSafe(|| life(nth, failing));
            match std::panic::catch_unwind(run) {
                Ok(true) => nth += 1,
                Ok(false) => break,
                Err(panic) => {
                    println!("engine_accesses: with access {nth} failing, {failing} in a row");
                    std::panic::resume_unwind(panic);
                }
            }
        }
        println!("engine_accesses: {nth} accesses, {failing} in a row");
        assert!(nth > 200);
    }
}
