//! A module, its host and the chain: how they begin, how the module is called, and what its answers may be.

use super::baton::Pauser;
use super::loss::Origin;
use super::repo::Books;
use super::truth::{say, Crash, Has, Odds, Shared, Truth};
use crate::rng::Rng;
use crate::store::Store;
use sales::engine::{Engine, Options};
use sales::error::{Error, Result};
use sales::sales::sale::Sale;
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard};

/// A handle; every thread of the host has one.
#[derive(Clone)]
pub struct World {
    pub shared: Shared,
}

fn draw_host(rng: &mut Rng) -> Has {
    let big = rng.chance(10);
    let threads = if rng.chance(500) { 0 } else { rng.range(2, 4) };
    let mut yes = |per_mille: u64| rng.chance(per_mille);
    let total = yes(700);
    Has {
        total,
        keeps_id: yes(700),
        consume: yes(500),
        my_slots: total && yes(150),
        reserve_slot: yes(500),
        read_slot: yes(650),
        free_slot: yes(700),
        read_request: yes(300),
        keep: yes(600),
        clear: yes(800),
        cancel: yes(800),
        forgets: total && yes(150),
        loses: total && !big && yes(150),
        turns: yes(150),
        threads,
        big,
    }
}

fn draw_odds(rng: &mut Rng, has: &Has) -> Odds {
    let big = has.big;
    let mut odd = |most: u64| {
        let most = if big { most / 5 } else { most };
        if rng.chance(450) {
            0
        } else {
            rng.below(most as usize) as u64
        }
    };
    Odds {
        transient: odd(200),
        permanent: odd(60),
        unknown: odd(150),
        pending: odd(500),
        early: odd(300),
        inside: odd(200),
        clean: odd(60),
        meta: odd(15),
        crash: if big { odd(2) } else { odd(20) },
        clock: odd(40),
        switch: odd(300),
        read: if big { 0 } else { odd(6) },
    }
}

impl World {
    pub fn new(mut rng: Rng, trace: bool, pauser: impl FnOnce(usize) -> Pauser) -> World {
        let has = draw_host(&mut rng);
        let odds = draw_odds(&mut rng, &has);
        let store = Store::new([9; 16]);
        let capacity = if has.big { rng.range(500_000, 3_000_000) } else { rng.range(2_000, 30_000) };
        let books = Books { capacity: capacity as i128, ..Books::default() };
        let options = Options {
            reset: false,
            verify: false,
            seed: rng.next() | 1,
            max_attempts: if has.big { rng.range(4, 64) } else { rng.range(1, 4) } as u32,
            queue_limit: if has.big { 4000 } else { rng.pick(&[2, 6, 100]) },
            history_limit: rng.pick(&[12, 60, 10_000]),
        };
        let longest = rng.pick(&[0, 20_000]);
        let mut truth = Truth {
            rng,
            has,
            odds,
            calm: false,
            counts: BTreeMap::new(),
            moves: BTreeMap::new(),
            trace: trace.then(Vec::new),
            violation: None,
            pauser: pauser(has.threads),
            crashed: false,
            engine: None,
            options,
            store,
            started: false,
            stopping: false,
            refused: false,
            condemned: None,
            inside: 0,
            looking: false,
            unread_at: None,
            low: false,
            steps: 0,
            time: 1_000_000,
            skew: 0,
            latest: 0,
            books,
            forgot: false,
            by_slot: true,
            chain: super::chain::Chain::default(),
            content: BTreeMap::new(),
            reported: BTreeMap::new(),
            out: Vec::new(),
            tokens: BTreeMap::new(),
            old_tokens: Vec::new(),
            filled: BTreeSet::new(),
            keeps: BTreeSet::new(),
            doubts: BTreeMap::new(),
            doubted: BTreeSet::new(),
            forced: BTreeSet::new(),
            unread: BTreeSet::new(),
            to_tell: Default::default(),
            fulfilled: BTreeSet::new(),
            waiting: Default::default(),
            blocks: Default::default(),
            host_calls: 0,
            fills: BTreeMap::new(),
            told_free: Vec::new(),
            asked_of: Vec::new(),
            news: Default::default(),
            longest,
            acts: Default::default(),
            told: Default::default(),
            totals: 0,
            ticks_unasked: 0,
            last_event: 0,
            in_order: false,
            offers: Vec::new(),
            releases_by_hand: 0,
            hand: BTreeMap::new(),
            half_repaired: false,
            copy: None,
            origin: Origin::True,
            keeps_surplus: has.my_slots,
            ids: 9,
            posted: 0,
            block: 0,
            asked: Default::default(),
            halted: false,
        };
        if has.big {
            truth.count("runs of a thousand slots and more");
        }
        if has.threads > 0 {
            truth.count("runs with several threads");
        }
        say!(truth, "{has:?} {odds:?} {options:?}, capacity {capacity}");
        World { shared: Shared(Arc::new(Mutex::new(truth))) }
    }

    pub fn t(&self) -> MutexGuard<'_, Truth> {
        self.shared.lock()
    }

    pub fn broken(&self, what: String) {
        self.t().broken(what);
    }

    pub fn is_broken(&self) -> bool {
        self.t().violation.is_some()
    }

    pub fn below(&self, n: usize) -> usize {
        self.t().rng.below(n)
    }

    pub fn chance(&self, per_mille: u64) -> bool {
        self.t().rng.chance(per_mille)
    }

    pub fn now(&self) -> u64 {
        let mut t = self.t();
        let now = t.now();
        t.latest = t.latest.max(now);
        t.asked.clock(now);
        now
    }

    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.t().engine.clone()
    }

    /// Calls the module. `None`: there is none, or its process or its store died in the call.
    pub fn call<T: std::fmt::Debug>(&self, what: &str, body: impl FnOnce(&Engine) -> Result<T>) -> Option<Result<T>> {
        let engine = self.engine()?;
        let who = {
            let mut t = self.t();
            let who = if t.has.threads > 0 { format!("[{}] ", t.pauser.me()) } else { String::new() };
            say!(t, "{who}{what}");
            t.a_call_begins();
            t.host_calls = 0;
            t.fills.clear();
            who
        };
        let outcome = super::disk::calling(|| catch_unwind(AssertUnwindSafe(|| body(&engine))));
        drop(engine);
        let result = match outcome {
            Ok(result) => Some(result),
            Err(panic) if panic.is::<Crash>() => None,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or(panic.downcast_ref::<&str>().map(|text| text.to_string()));
                self.broken(format!("S8: {what} panics: {text:?}"));
                return None;
            }
        };
        let (crashed, dead) = {
            let t = self.t();
            (t.crashed, t.store.is_dead())
        };
        if crashed || dead {
            return None;
        }
        if let Some(result) = &result {
            say!(self.t(), "{who}-> {result:?}");
        }
        if let Some(Err(error)) = &result {
            self.judge(what, error);
        }
        result
    }

    /// Errors that no call may ever answer in these runs.
    fn judge(&self, what: &str, error: &Error) {
        let host = (-499..=-400).contains(&error.status);
        let allowed = matches!(
            error.status,
            SALES_ERR_STATE
                | SALES_ERR_BUSY
                | SALES_ERR_IN_DOUBT
                | SALES_ERR_NO_SPACE
                | SALES_ERR_NOT_FOUND
                | SALES_ERR_IN_USE
                | SALES_ERR_OWNED_BY_SALE
                | SALES_ERR_DISK_FULL
                | SALES_ERR_STORE
                | SALES_ERR_SHORT
        );
        let of_the_store = matches!(error.status, SALES_ERR_STORE_NEW | SALES_ERR_STORE_STALE | SALES_ERR_STORE_BACKUP);
        let of_the_amount =
            matches!(error.status, SALES_ERR_OVERFLOW | SALES_ERR_AMOUNT) && what.starts_with("reserve");
        let of_the_store = of_the_store && what == "start";
        if !(host || allowed || of_the_amount || of_the_store) {
            self.broken(format!("{what} is answered {error}"));
        }
    }

    pub fn sales(&self) -> Vec<Sale> {
        let Some(engine) = self.engine() else { return Vec::new() };
        match engine.sales(None, usize::MAX) {
            Ok(sales) => sales.into_iter().map(|(sale, _)| sale).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// An error that is right.
pub fn expect(status: i32) -> impl FnOnce(Error) -> Result<i32> {
    move |error| if error.status == status { Ok(status) } else { Err(error) }
}
