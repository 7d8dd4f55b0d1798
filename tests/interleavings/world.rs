//! One schedule: an instance among threads, then a calm end in which everything is given back and the books are held against the repo.

use super::host::Host;
use super::store::Store;
use super::threads;
use super::truth::{Job, Notes, Truth};
use sales::engine::{Engine, Options};
use sales::error::{Error, Result};
use sales::ffi::registry::Registry;
use sales::host::Answer;
use sales::market::{Ask, Id, Request, U256};
use sales::sales::offer::Terms;
use sales::sales::Happened;
use sales::status::*;
use shuttle::thread;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub const SLOTS: u8 = 2;
pub const SIZE: u64 = 1000;

pub struct World {
    pub registry: Registry<Engine>,
    store: Store,
    truth: Mutex<Truth>,
}

pub fn hand_slot(number: u8) -> Id {
    Id([number + 1; 32])
}

/// What a schedule tries. Its findings are put into the notes; it panics where one is broken.
pub type Run = fn(u64, &Arc<Mutex<Notes>>);

/// Everything at once.
pub fn everything(seed: u64, notes: &Arc<Mutex<Notes>>) {
    let world = World::new(seed);
    let jobs = threads::of_schedule(&world);
    jobs.into_iter().for_each(|job| job.join().expect("no thread panics"));
    world.end();
    world.tell(notes);
}

/// The end of a filled slot is told beside a stop and a start. Whichever comes first, the slot is given back in the life that follows.
pub fn end_beside_a_restart(seed: u64, notes: &Arc<Mutex<Notes>>) {
    let world = World::new(seed);
    world.t().calm = true;
    let now = world.now();
    let ask = world.t().asks[0].clone();
    world.call("on_request", |engine| engine.on_request(now, Default::default(), ask.clone()));
    world.tick_on();
    let slot = sales::market::slot_id(&ask.request_id, 0);
    assert!(world.t().filled.contains(&slot), "the slot is sold");
    world.t().now += 10_000;
    let jobs = threads::of_a_restart(&world, ask.request_id);
    jobs.into_iter().for_each(|job| job.join().expect("no thread panics"));
    world.tick_on();
    world.is_all_back();
    world.close();
    world.tell(notes);
}

impl World {
    fn new(seed: u64) -> Arc<World> {
        let (registry, store) = (Registry::default(), Store::with(&[]));
        let world = Arc::new(World { registry, store, truth: Mutex::new(Truth::new(seed)) });
        world.open();
        world.start();
        world.offer_and_post();
        world
    }

    fn tell(&self, notes: &Arc<Mutex<Notes>>) {
        let mut found = std::mem::take(&mut self.t().notes);
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.schedules += 1;
        for (what, n) in found.counts {
            *notes.counts.entry(what).or_default() += n;
        }
        if let Some(violation) = found.violation.take() {
            notes.trace = found.trace;
            notes.violation = Some(violation);
            drop(notes);
            panic!("a promise is broken");
        }
    }
}

impl World {
    pub fn t(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn chance(&self, per_mille: u64) -> bool {
        let mut t = self.t();
        !t.calm && t.rng.chance(per_mille)
    }

    pub fn rng_pick(&self, of: &[i32]) -> i32 {
        self.t().rng.pick(of)
    }

    pub fn now(&self) -> u64 {
        self.t().now
    }

    /// A call, as the C ABI makes it. `None`: the handle was refused.
    pub fn call<T: std::fmt::Debug>(&self, what: &str, body: impl FnOnce(&Engine) -> Result<T>) -> Option<Result<T>> {
        let sales = self.t().sales;
        self.call_at(sales, what, body)
    }

    fn call_at<T: std::fmt::Debug>(
        &self,
        sales: u64,
        what: &str,
        body: impl FnOnce(&Engine) -> Result<T>,
    ) -> Option<Result<T>> {
        let entered = match self.registry.enter(sales) {
            Ok(entered) => entered,
            Err(error) => {
                let mut t = self.t();
                if error.status != SALES_ERR_HANDLE || !(t.closing || sales != t.sales) {
                    t.broken(format!("{what}: the handle is refused: {error}"));
                }
                t.count("a stale handle is refused");
                return None;
            }
        };
        self.t().say(format!("{:?} {what}", thread::current().id()));
        let result = entered.with(body)?;
        self.t().say(format!("{:?} {what} -> {result:?}", thread::current().id()));
        if let Err(error) = &result {
            self.judge(what, error);
        }
        Some(result)
    }

    /// Errors that no call may answer here.
    fn judge(&self, what: &str, error: &Error) {
        let mut t = self.t();
        match error.status {
            SALES_ERR_BUSY if error.text.contains("settled") => t.count("settling, and refused"),
            SALES_ERR_BUSY => t.count("a claim is busy"),
            SALES_ERR_STATE => t.count("stopped, and refused"),
            SALES_ERR_IN_DOUBT | SALES_ERR_NOT_FOUND | SALES_ERR_OWNED_BY_SALE | SALES_ERR_IN_USE => {}
            SALES_ERR_IN_CALLBACK => {}
            SALES_HOST_TRANSIENT | SALES_HOST_UNKNOWN | SALES_HOST_STATE_MISMATCH => {}
            _ => t.broken(format!("{what} is answered {error}")),
        }
    }

    /// Completes an operation that is not in `out` any more; false: the instance is closed.
    pub fn complete_now(&self, job: &Job, answer: Answer) -> bool {
        let now = {
            let mut t = self.t();
            t.answered(job);
            t.now
        };
        let done = self.call_at(job.sales, "complete", |engine| engine.complete(now, job.token, answer));
        let mut t = self.t();
        match done {
            Some(Ok(SALES_OK)) => return true,
            None => {
                t.count("completed after the close, and refused by name");
                t.loose = true;
            }
            other => t.broken(format!("the completion of {} is answered {other:?}", job.kind.name())),
        }
        false
    }

    /// Completes one that is out, any of them; false: nothing is out.
    pub fn complete_one(&self) -> bool {
        let (job, answer) = {
            let mut t = self.t();
            let len = t.out.len();
            if len == 0 {
                return false;
            }
            let at = t.rng.below(len);
            let job = t.out.remove(at);
            t.count("completed by another thread");
            let roll = if t.calm { 0 } else { t.rng.below(100) };
            let answer = match roll {
                0..75 => t.effect(&job),
                75..97 => t.refuse(&job),
                _ => {
                    t.loose = true;
                    Answer::of(SALES_HOST_UNKNOWN)
                }
            };
            (job, answer)
        };
        self.complete_now(&job, answer);
        true
    }

    pub fn open(self: &Arc<Self>) {
        let limits = Options { max_attempts: 2, queue_limit: 8, history_limit: 50, ..Options::default() };
        let options = Options { seed: 7, ..limits };
        let engine = Engine::new(Box::new(self.store.clone()), options).expect("an engine");
        let host = Arc::new(Host { world: self.clone(), sales: AtomicU64::new(0) });
        let registered = [
            engine.register_repo(host.clone()),
            engine.register_chain(host.clone()),
            engine.register_content(host.clone()),
            engine.register_watch(host.clone()),
        ];
        assert!(registered.iter().all(Result::is_ok), "{registered:?}");
        let sales = self.registry.admit(engine);
        host.sales.store(sales, Ordering::Relaxed);
        let mut t = self.t();
        t.sales = sales;
        t.closing = false;
        t.stopped = false;
        t.tokens.clear();
    }

    /// Starts, as often as it takes.
    pub fn start(&self) {
        let now = self.now();
        for _ in 0..50 {
            self.t().stopped = false;
            match self.call("start", |engine| engine.start(now)) {
                // Closed inside a callback, or done.
                None | Some(Ok(SALES_OK)) => return,
                Some(Ok(SALES_PENDING)) => {
                    self.complete_one();
                    thread::yield_now();
                }
                Some(Err(error)) if error.status != SALES_ERR_STATE => {}
                other => return self.t().broken(format!("start answers {other:?}")),
            }
        }
        self.t().broken("start never ends".into());
    }

    /// Stops, as often as it takes; false: the instance was closed meanwhile.
    pub fn stop(&self) -> bool {
        let now = self.now();
        for _ in 0..400 {
            match self.call("stop", |engine| engine.stop(now)) {
                Some(Ok(SALES_OK | SALES_ALREADY)) => {
                    let mut t = self.t();
                    t.stopped = true;
                    t.count("stopped");
                    return true;
                }
                Some(Ok(SALES_PENDING)) => {
                    self.t().count("stop pends");
                    self.complete_one();
                    thread::yield_now();
                }
                None => return false,
                other => {
                    self.t().broken(format!("stop answers {other:?}"));
                    return false;
                }
            }
        }
        self.t().broken("stop pends for ever".into());
        false
    }

    fn offer_and_post(&self) {
        let terms = Terms { enabled: true, total_size: 1 << 18, total_collateral: U256::MAX, ..Terms::default() };
        let now = self.now();
        self.call("offer_put", |engine| engine.offer_put(now, Id::ZERO, terms));
        for number in 0..2 {
            let request = Request {
                client: [1; 20],
                proof_probability: U256::from(4),
                price_per_byte_per_second: U256::from(1),
                collateral_per_byte: U256::from(1),
                slots: 1,
                slot_size: SIZE,
                duration: 5000,
                max_slot_loss: 0,
                expiry: 600,
                cid: vec![1, 2, 3],
                merkle_root: [4; 32],
                nonce: [number; 32],
            };
            let ask = Ask {
                request_id: request.id(),
                proof_probability: request.proof_probability,
                price_per_byte_per_second: request.price_per_byte_per_second,
                collateral_per_byte: request.collateral_per_byte,
                slots: request.slots,
                slot_size: request.slot_size,
                duration: request.duration,
                max_slot_loss: 0,
                expires_at: now + request.expiry,
                ends_at: now + request.duration,
                request: Some(request),
            };
            self.t().asks.push(ask);
        }
    }

    /// Nothing is out, nobody else is here: the instance comes to rest.
    fn settle(&self) {
        for _ in 0..8 {
            while self.complete_one() {}
            let now = {
                let mut t = self.t();
                t.now += 61;
                t.now
            };
            self.call("tick", |engine| engine.tick(now));
            self.call("reconcile", |engine| engine.reconcile(now, true));
        }
    }

    /// The host answers all that is out, and ticks when it is asked to.
    fn tick_on(&self) {
        for _ in 0..8 {
            while self.complete_one() {}
            let Some(Ok(deadline)) = self.call("next_deadline", |engine| engine.next_deadline()) else { return };
            if deadline == u64::MAX {
                return;
            }
            let now = {
                let mut t = self.t();
                t.now = t.now.max(deadline.min(t.now + 61));
                t.now
            };
            self.call("tick", |engine| engine.tick(now));
        }
    }

    fn end(self: &Arc<Self>) {
        {
            let mut t = self.t();
            t.calm = true;
            // What was out at an instance that is gone took effect or not.
            let sales = t.sales;
            let (out, closing) = (std::mem::take(&mut t.out), t.closing);
            for job in out {
                if job.sales == sales && !closing {
                    t.out.push(job);
                    continue;
                }
                t.loose = true;
                if t.rng.chance(500) {
                    t.effect(&job);
                }
            }
        }
        if self.t().closing {
            self.open();
            self.start();
        } else if self.stop() {
            self.start();
        }
        self.settle();
        for number in 0..SLOTS {
            let (slot, now) = (hand_slot(number), self.now());
            self.call("release", |engine| engine.release(now, slot));
        }
        self.t().now += 10_000;
        let asks = self.t().asks.clone();
        for ask in asks {
            let now = self.now();
            let sold = self.t().filled.contains(&sales::market::slot_id(&ask.request_id, 0));
            let what = if sold { Happened::RequestEnded } else { Happened::RequestCancelled };
            self.call("ended", |engine| engine.on_request_event(now, Default::default(), ask.request_id, what));
        }
        self.settle();
        self.is_all_back();
        self.close();
    }

    /// Everything that was reserved is given back.
    fn is_all_back(&self) {
        if let Some(Ok(stats)) = self.call("stats", |engine| engine.stats()) {
            let mut t = self.t();
            let books = &stats.overview.books;
            let (total, held) = (t.total, books.held);
            if (total, held, stats.overview.owed, books.shortfall, books.surplus) != (0, 0, 0, 0, 0) {
                t.broken(format!("S1: the repo has {total} in the end, the books {:?}", stats.overview));
            }
            if (stats.pending_ops, stats.attempts, stats.counts.live) != (0, 0, 0) {
                t.broken(format!("S6: in the end {stats:?}"));
            }
        }
    }

    pub fn close(&self) {
        let sales = {
            let mut t = self.t();
            t.closing = true;
            t.say(format!("{:?} close", thread::current().id()));
            t.sales
        };
        match self.registry.close(sales) {
            Ok(SALES_OK) => self.t().count("closed"),
            Err(error) if error.status == SALES_ERR_HANDLE => {}
            other => self.t().broken(format!("close answers {other:?}")),
        }
        if self.registry.enter(sales).is_ok() {
            self.t().broken("entered after it was closed".into());
        }
    }
}
