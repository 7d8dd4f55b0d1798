//! One run: a module, its host and the chain, moved by one generator.

use super::chain::Wire;
use super::disk::Disk;
use super::host::Host;
use super::repo::Books;
use super::rng::Rng;
use super::store::Store;
use super::truth::{say, Crash, Fate, Has, Odds, Out, Shared, Truth};
use sales::engine::{At, Engine, Options};
use sales::error::{Error, Result};
use sales::host::{Answer, OpKind};
use sales::market::{keccak256, Ask, Id, Market, Request, U256};
use sales::sales::offer::Terms;
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, Weak};

pub struct World {
    pub shared: Shared,
    pub store: Store,
    pub engine: Option<Arc<Engine>>,
    pub started: bool,
    pub steps: u64,
    pub options: Options,
    pub offers: Vec<Id>,
    /// Reserved by hand, durably.
    pub hand: BTreeMap<Id, u64>,
    /// A repair failed halfway: the total counts, the books do not yet, and nothing is let in.
    pub half_repaired: bool,
    old_tokens: Vec<u64>,
    posted: u64,
    block: u64,
}

/// Tells a module what happened on the chain.
pub fn tell(engine: &Engine, now: u64, at: At, wire: &Wire) -> Result<i32> {
    match wire.index {
        Some(index) => engine.on_slot(now, at, wire.request, index, wire.what),
        None => engine.on_request_event(now, at, wire.request, wire.what),
    }
}

impl World {
    pub fn new(seed: u64, trace: bool) -> World {
        let mut rng = Rng::new(seed);
        let mut yes = |per_mille: u64| rng.chance(per_mille);
        let total = yes(700);
        let has = Has {
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
        };
        let mut odd = |most: u64| if rng.chance(450) { 0 } else { rng.below(most as usize) as u64 };
        let odds = Odds {
            transient: odd(200),
            permanent: odd(60),
            unknown: odd(150),
            pending: odd(500),
            early: odd(300),
            inside: odd(200),
            clean: odd(60),
            meta: odd(15),
            crash: odd(20),
            clock: odd(40),
        };
        let store = Store::new([9; 16]);
        let books = Books { capacity: rng.range(2_000, 30_000) as i128, ..Books::default() };
        let options = Options {
            reset: false,
            verify: false,
            seed: rng.next() | 1,
            max_attempts: rng.range(1, 4) as u32,
            queue_limit: rng.pick(&[2, 6, 100]),
            history_limit: rng.pick(&[12, 60, 10_000]),
        };
        let mut truth = Truth {
            rng,
            has,
            odds,
            calm: false,
            counts: BTreeMap::new(),
            trace: trace.then(Vec::new),
            violation: None,
            crashed: false,
            engine: Weak::new(),
            store: store.clone(),
            time: 1_000_000,
            skew: 0,
            latest: 0,
            books,
            chain: super::chain::Chain::default(),
            content: BTreeMap::new(),
            reported: BTreeMap::new(),
            out: Vec::new(),
            tokens: BTreeSet::new(),
            doubts: BTreeMap::new(),
            doubted: BTreeSet::new(),
            forced: BTreeSet::new(),
            last_event: 0,
        };
        say!(truth, "{has:?} {odds:?} {options:?}");
        World {
            shared: Shared(Arc::new(Mutex::new(truth))),
            store,
            engine: None,
            started: false,
            steps: 0,
            options,
            offers: Vec::new(),
            hand: BTreeMap::new(),
            half_repaired: false,
            old_tokens: Vec::new(),
            posted: 0,
            block: 0,
        }
    }

    pub fn t(&self) -> std::sync::MutexGuard<'_, Truth> {
        self.shared.lock()
    }

    pub fn broken(&self, what: String) {
        self.t().broken(what);
    }

    pub fn is_broken(&self) -> bool {
        self.t().violation.is_some()
    }

    fn below(&self, n: usize) -> usize {
        self.t().rng.below(n)
    }

    fn chance(&self, per_mille: u64) -> bool {
        self.t().rng.chance(per_mille)
    }

    pub fn now(&self) -> u64 {
        let mut t = self.t();
        let now = t.now();
        t.latest = t.latest.max(now);
        now
    }

    /// Calls the module. `None`: the process died in it, or there is none.
    pub fn call<T: std::fmt::Debug>(
        &mut self,
        what: &str,
        body: impl FnOnce(&Engine) -> Result<T>,
    ) -> Option<Result<T>> {
        let engine = self.engine.clone()?;
        say!(self.t(), "{what}");
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&engine)));
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
        if self.t().crashed {
            self.die("crash");
            return None;
        }
        if self.store.is_dead() {
            self.die("reopened");
            return None;
        }
        if let Some(result) = &result {
            say!(self.t(), "-> {result:?}");
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
        );
        if !host && !allowed {
            self.broken(format!("{what} is answered {error}"));
        }
    }

    /// The process ends: what was out at the host took effect or not.
    pub fn die(&mut self, how: &'static str) {
        if let Some(engine) = self.engine.take() {
            if catch_unwind(AssertUnwindSafe(|| drop(engine))).is_err() {
                self.broken("S8: dropping the module panics".into());
            }
        }
        let mut t = self.t();
        t.count(how);
        say!(t, "== {how} ==");
        t.crashed = false;
        t.engine = Weak::new();
        let mut old = Vec::new();
        for out in std::mem::take(&mut t.out) {
            old.push(out.job.token);
            let reads = matches!(out.job.kind, OpKind::ReadSlot | OpKind::ReadRequest | OpKind::Prove | OpKind::Keep);
            if out.done.is_some() || reads {
                continue;
            }
            if t.rng.chance(500) && !out.cancelled {
                t.count("what was out at a crash happens");
                Host::happen(&mut t, &out.job, out.fate);
            } else if out.job.kind == OpKind::FillSlot && t.has.read_slot && t.rng.chance(500) {
                t.chain.landing.insert(out.job.slot);
            }
        }
        t.doubts.clear();
        t.tokens.clear();
        drop(t);
        self.old_tokens.extend(old);
        self.store.reopen();
        self.started = false;
    }

    /// A new process.
    fn boot(&mut self) {
        let disk = Disk { store: self.store.clone(), shared: self.shared.clone() };
        let seed = self.t().rng.next() | 1;
        self.options.seed = seed;
        let engine = match Engine::new(Box::new(disk), self.options) {
            Ok(engine) => Arc::new(engine),
            Err(error) => return self.broken(format!("the store cannot be opened: {error}")),
        };
        let host = Arc::new(Host { shared: self.shared.clone() });
        let registered = [
            engine.register_repo(host.clone()),
            engine.register_chain(host.clone()),
            engine.register_content(host.clone()),
            engine.register_watch(host),
            engine.set_market(Market { repair_reward_percentage: 10, duration_limit: 0 }),
        ];
        if registered.iter().any(Result::is_err) {
            self.broken(format!("{registered:?}"));
        }
        let mut t = self.t();
        t.engine = Arc::downgrade(&engine);
        t.latest = 0;
        drop(t);
        self.engine = Some(engine);
    }

    /// Starts, as far as it gets in one go.
    pub fn start(&mut self) {
        if self.engine.is_none() {
            self.boot();
        }
        for _ in 0..4 {
            let now = self.now();
            match self.call("start", |engine| engine.start(now)) {
                Some(Ok(SALES_OK)) => {
                    self.started = true;
                    self.t().count("started");
                    return;
                }
                Some(Ok(SALES_PENDING)) => {
                    self.t().count("start pends");
                    while self.complete() {}
                }
                Some(Ok(other)) => return self.broken(format!("start answers {other}")),
                Some(Err(_)) => return self.t().count("start fails"),
                None => return,
            }
        }
    }

    fn stop(&mut self) {
        for round in 0..60 {
            let now = self.now();
            match self.call("stop", |engine| engine.stop(now)) {
                Some(Ok(SALES_OK)) => {
                    self.started = false;
                    let mut t = self.t();
                    t.doubts.clear();
                    t.count("stopped");
                    return;
                }
                Some(Ok(SALES_PENDING)) if round < 50 => {
                    if !self.complete() && round > 5 {
                        return self.broken("stop pends, and nothing is out".into());
                    }
                }
                Some(Ok(other)) => return self.broken(format!("stop answers {other} in the end")),
                Some(Err(_)) => {}
                None => return,
            }
        }
    }

    /// Completes one operation that is out, any of them.
    pub fn complete(&mut self) -> bool {
        let (out, fate, answer, now, early) = {
            let mut t = self.t();
            if t.out.is_empty() || self.engine.is_none() {
                return false;
            }
            let len = t.out.len();
            let at = t.rng.below(len);
            let Out { job, fate, done, cancelled } = t.out.remove(at);
            let (answer, fate) = match done {
                Some(answer) => (answer, fate),
                None if cancelled && t.rng.chance(700) => (Answer::of(SALES_HOST_CANCELLED), Fate::True),
                None => Host::happen(&mut t, &job, fate),
            };
            let early = job.kind.owes().is_some() && t.rng.chance(100);
            let now = t.now();
            t.latest = t.latest.max(now);
            (job, fate, answer, now, early)
        };
        Host::doubt(&mut self.t(), &out, fate);
        self.t().count("completed later");
        if early {
            match self.call("complete without its data", |engine| {
                engine.complete(now, out.token, Answer::of(SALES_OK)).or_else(expect(SALES_ERR_ARGUMENT))
            }) {
                Some(Ok(SALES_ERR_ARGUMENT)) => {}
                Some(other) => self.broken(format!("a completion without what it owes is answered {other:?}")),
                None => return true,
            }
        }
        let what = format!("complete {} of {} token {}: {}", out.kind.name(), out.slot, out.token, answer.status);
        match self.call(&what, |engine| engine.complete(now, out.token, answer)) {
            Some(Ok(SALES_OK)) | None => {}
            Some(other) => self.broken(format!("{what} is answered {other:?}")),
        }
        true
    }

    fn unknown_token(&mut self) {
        let now = self.now();
        let token = match self.old_tokens.last() {
            Some(token) if self.chance(600) => *token,
            _ => self.t().rng.next(),
        };
        let answer = Answer::of(SALES_OK);
        match self.call("complete an unknown token", |engine| {
            engine.complete(now, token, answer).or_else(expect(SALES_ERR_TOKEN))
        }) {
            Some(Ok(SALES_ERR_TOKEN)) => self.t().count("unknown token"),
            Some(other) => self.broken(format!("an unknown token is answered {other:?}")),
            None => {}
        }
    }

    fn at(&mut self) -> At {
        self.block += 1;
        let mut t = self.t();
        let time = if t.rng.chance(500) { t.time } else { 0 };
        t.latest = t.latest.max(time);
        At { block: self.block, time, removed: false }
    }

    fn post(&mut self) {
        self.posted += 1;
        let told = {
            let mut t = self.t();
            let rng = &mut t.rng;
            let (slots, size) = (rng.range(1, 5) as u64, rng.range(1, 40) as u64 * 50);
            let duration = rng.pick(&[400, 900, 3000, 20_000]);
            let expiry = rng.range(30, 350) as u64;
            let mut nonce = [0; 32];
            nonce[..8].copy_from_slice(&self.posted.to_be_bytes());
            let request = Request {
                client: [1; 20],
                proof_probability: U256::from(4),
                price_per_byte_per_second: U256::from(rng.range(1, 9)),
                collateral_per_byte: U256::from(rng.range(1, 3)),
                slots,
                slot_size: size,
                duration,
                max_slot_loss: rng.below(slots as usize + 1) as u64,
                expiry,
                cid: vec![1, 2, 3],
                merkle_root: [4; 32],
                nonce,
            };
            let whole = !t.has.read_request || t.rng.chance(500);
            let ask = Ask {
                request_id: request.id(),
                proof_probability: request.proof_probability,
                price_per_byte_per_second: request.price_per_byte_per_second,
                collateral_per_byte: request.collateral_per_byte,
                slots,
                slot_size: size,
                duration,
                max_slot_loss: request.max_slot_loss,
                expires_at: t.time + expiry,
                ends_at: t.time + duration,
                request: whole.then(|| request.clone()),
            };
            let told = Ask { ends_at: if t.rng.chance(150) { 0 } else { ask.ends_at }, ..ask.clone() };
            t.chain.post(ask, request);
            told
        };
        self.on_request(told);
    }

    fn on_request(&mut self, ask: Ask) {
        let (now, at) = (self.now(), self.at());
        let what = format!(
            "on_request {} of {} x {}, expires {}, ends {}",
            ask.request_id, ask.slots, ask.slot_size, ask.expires_at, ask.ends_at
        );
        match self.call(&what, |engine| engine.on_request(now, at, ask)) {
            Some(Ok(SALES_OK)) => self.t().count("request accepted"),
            Some(Ok(SALES_REFUSED)) => self.t().count("request refused"),
            _ => {}
        }
    }

    /// A request is told again, perhaps long after.
    fn repost(&mut self) {
        let ask = {
            let mut t = self.t();
            let ids: Vec<Id> = t.chain.requests.keys().copied().collect();
            if ids.is_empty() {
                return;
            }
            let id = t.rng.pick(&ids);
            t.chain.requests[&id].ask.clone()
        };
        let request = self.t().chain.request(&ask.request_id);
        self.on_request(Ask { request, ..ask });
    }

    /// One event of the chain is told: late, twice, out of order, taken back, or never.
    pub fn deliver(&mut self, in_order: bool) -> bool {
        let (wire, at, how) = {
            let mut t = self.t();
            if t.chain.wire.is_empty() || self.engine.is_none() {
                return false;
            }
            let len = t.chain.wire.len().min(4);
            let at = if in_order { 0 } else { t.rng.below(len) };
            let wire = t.chain.wire[at];
            let how = if in_order { 100 } else { t.rng.below(100) };
            (wire, at, how)
        };
        if !in_order && how < 10 && !wire.sure {
            let mut t = self.t();
            t.chain.wire.remove(at);
            t.count("event never told");
            return true;
        }
        let now = self.now();
        let mut seen = if how < 15 { At::default() } else { self.at() };
        if at > 0 {
            self.t().count("event out of order");
        }
        if how < 15 {
            seen.removed = true;
            self.t().count("event taken back");
        }
        let what = format!(
            "event {:?} of {} {:?}{}",
            wire.what,
            wire.request,
            wire.index,
            if seen.removed { ", taken back" } else { "" }
        );
        let told = self.call(&what, |engine| tell(engine, now, seen, &wire));
        let mut t = self.t();
        t.count("event told");
        let durable = matches!(told, Some(Ok(SALES_OK | SALES_ALREADY)));
        if durable && !seen.removed {
            if how > 85 && how < 100 {
                t.count("event told twice");
            } else if let Some(at) = t.chain.wire.iter().position(|other| *other == wire) {
                t.chain.wire.remove(at);
            }
        }
        durable
    }

    fn time(&mut self) {
        let next = self.engine.as_ref().and_then(|engine| engine.next_deadline().ok()).unwrap_or(u64::MAX);
        let now = {
            let mut t = self.t();
            let time = t.time;
            let by = match t.rng.below(10) {
                0..=4 => t.rng.range(0, 5) as u64,
                5..=7 if next != u64::MAX && next > time => next - time,
                8 => t.rng.range(1, 100) as u64,
                9 if t.rng.chance(200) => t.rng.range(1, 5000) as u64,
                _ => 1,
            };
            t.advance(by);
            let odds = t.odds;
            if t.hit(odds.clock) {
                t.count("the clock jumps");
                t.skew = t.rng.pick(&[0, 3, -3, -3600, -100, 100]);
            } else if t.hit(100) {
                t.skew = t.rng.pick(&[0, 0, 1, -1]);
            }
            t.now()
        };
        self.tick(now);
    }

    pub fn tick(&mut self, now: u64) {
        let mut t = self.t();
        t.latest = t.latest.max(now);
        let time = t.time;
        drop(t);
        self.call(&format!("tick {now} (chain {time})"), |engine| engine.tick(now));
    }

    fn abandon(&mut self) {
        let sales = self.sales();
        if sales.is_empty() {
            return;
        }
        let at = self.below(sales.len());
        let (slot, force, now) = (sales[at].slot, self.chance(300), self.now());
        let ours = sales[at].submitted || sales[at].state >= sales::sales::sale::State::Filled;
        if force {
            self.t().forced.insert(slot);
        }
        if let Some(Ok(_)) =
            self.call(&format!("abandon {slot} force {force}"), |engine| engine.abandon(now, slot, force))
        {
            self.t().count(if force && ours { "abandoned by force" } else { "abandoned" });
        }
    }

    pub fn sales(&self) -> Vec<sales::sales::sale::Sale> {
        let Some(engine) = &self.engine else { return Vec::new() };
        match engine.sales(None, usize::MAX) {
            Ok(sales) => sales.into_iter().map(|(sale, _)| sale).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// An operator looks up what is in doubt, and tells.
    pub fn resolve(&mut self) -> bool {
        let Some(engine) = self.engine.clone().filter(|_| self.started) else { return false };
        if engine.stats().is_ok_and(|stats| stats.overview.in_doubt == 0) {
            // The total has settled them.
            self.t().doubts.clear();
        }
        let told: Vec<Id> = self.t().doubts.keys().copied().collect();
        for slot in told {
            let recorded = engine.reservation(slot).ok().map(|view| view.in_doubt);
            let of_sale = engine.sale(slot).is_ok_and(|(sale, _)| sale.in_doubt);
            if !recorded.unwrap_or(!of_sale) {
                self.t().doubts.remove(&slot);
            }
        }
        let mut todo: Vec<(Id, bool, &'static str)> = {
            let t = self.t();
            t.doubts.iter().map(|(slot, done)| (*slot, *done, "ledger: answered unknown")).collect()
        };
        for view in engine.reservations(None, None, usize::MAX).unwrap_or_default() {
            if view.in_doubt && !self.t().doubts.contains_key(&view.slot) {
                let accounted = u128::from(view.record.held)
                    + u128::from(view.record.releasing)
                    + u128::from(view.record.consuming);
                let truth = self.t().books.of.get(&view.slot).copied().unwrap_or(0);
                self.t().doubted.insert(view.slot);
                todo.push((view.slot, truth != accounted as i128, "ledger: inherited"));
                if self.t().has.total {
                    self.broken(format!("slot {} is in doubt, and nothing was answered UNKNOWN", view.slot));
                }
            }
        }
        let in_ledger: BTreeSet<Id> = todo.iter().map(|(slot, ..)| *slot).collect();
        for sale in self.sales() {
            if sale.in_doubt && !in_ledger.contains(&sale.slot) {
                todo.push((sale.slot, self.t().chain.host_is_us(&sale.slot), "sale"));
            }
        }
        drop(engine);
        if todo.is_empty() {
            return false;
        }
        let at = self.below(todo.len());
        let (slot, truth, of) = todo[at];
        let now = self.now();
        let was = self.t().doubts.remove(&slot);
        let answer = self.call(&format!("resolve {slot} ({of}): {truth}"), |engine| engine.resolve(now, slot, truth));
        let mut t = self.t();
        match (of, answer) {
            ("sale", Some(Ok(_))) => {
                t.count("doubt of a sale resolved");
                t.chain.landing.remove(&slot);
            }
            ("ledger: inherited", Some(Ok(_))) => t.count("inherited doubt resolved"),
            (_, Some(Ok(_))) => t.count("doubt of the ledger resolved"),
            (_, Some(Err(error))) if error.status == SALES_ERR_NOT_FOUND && !t.has.total => {
                t.broken(format!("resolve of slot {slot} ({of}) is answered {error}"));
            }
            (_, Some(Err(error))) if error.status == SALES_ERR_NOT_FOUND => {}
            (_, Some(Err(_))) => t.doubts.extend(was.map(|was| (slot, was))),
            (_, None) => {}
        }
        true
    }

    fn reconcile(&mut self, repair: bool) -> Option<Result<i32>> {
        if !self.t().has.total {
            return None;
        }
        let now = self.now();
        let done = self.call(&format!("reconcile, repair {repair}"), |engine| engine.reconcile(now, repair));
        let was_half = self.half_repaired;
        self.half_repaired |= repair && !matches!(done, Some(Ok(SALES_OK)));
        let mut t = self.t();
        match &done {
            Some(Ok(SALES_OK)) if repair => t.count("reconciled: repaired"),
            Some(Ok(SALES_OK)) => t.count("reconciled: compared"),
            Some(Ok(SALES_PENDING)) => t.count("reconcile pends"),
            Some(Err(error)) if error.status == SALES_HOST_STATE_MISMATCH && !repair && !was_half => {
                t.broken(format!("S1: {error}"));
            }
            _ => {}
        }
        drop(t);
        done
    }

    fn consumed(&mut self) {
        let told = {
            let mut t = self.t();
            let slots: Vec<Id> = t.content.keys().copied().collect();
            if slots.is_empty() {
                return;
            }
            let slot = t.rng.pick(&slots);
            if !t.is_kept_by_repo(&slot) {
                return;
            }
            t.land(&slot).map(|total| (slot, total))
        };
        let Some((slot, total)) = told else { return };
        let now = self.now();
        if let Some(Ok(_)) = self.call(&format!("consumed {slot} {total}"), |engine| engine.consumed(now, slot, total))
        {
            self.t().count("consumed");
        }
    }

    fn by_hand(&mut self) {
        let (number, now) = (self.below(3) as u8, self.now());
        let (slot, bytes) = (Id(keccak256(&[number])), 100 + 50 * u64::from(number));
        if self.chance(500) {
            let done = self.call(&format!("reserve {slot} {bytes} by hand"), |engine| engine.reserve(now, slot, bytes));
            if let Some(Ok(answered)) = done {
                if matches!(answered.status, SALES_OK | SALES_ALREADY) {
                    self.hand.insert(slot, bytes);
                    self.t().count("reserved by hand");
                }
            }
        } else {
            self.hand.remove(&slot);
            self.call(&format!("release {slot} by hand"), |engine| engine.release(now, slot));
        }
    }

    pub fn release_by_hand(&mut self) {
        for number in 0..3u8 {
            let (slot, now) = (Id(keccak256(&[number])), self.now());
            self.hand.remove(&slot);
            let live = self
                .engine
                .as_ref()
                .is_some_and(|engine| engine.reservation(slot).is_ok_and(|view| view.record.is_live()));
            if live {
                self.call(&format!("release {slot} by hand"), |engine| engine.release(now, slot));
            }
        }
    }

    fn offer(&mut self) {
        let terms = {
            let mut t = self.t();
            let rng = &mut t.rng;
            Terms {
                enabled: rng.chance(850),
                total_size: rng.range(10, 200) as u64 * 50 + rng.below(49) as u64,
                min_duration: 0,
                max_duration: 0,
                min_slot_size: 0,
                max_slot_size: if rng.chance(200) { 1000 } else { 0 },
                until: 0,
                min_price_per_byte_per_second: U256::from(rng.below(4)),
                total_collateral: U256::from(rng.range(5_000, 60_000)),
                max_slots_per_request: rng.below(4) as u32,
            }
        };
        let now = self.now();
        let known = self.offers.len();
        if known < 3 && (known == 0 || self.chance(400)) {
            if let Some(Ok(id)) = self.call("a new offer", |engine| engine.offer_put(now, Id::ZERO, terms)) {
                self.offers.push(id);
            }
            return;
        }
        let at = self.below(known);
        let id = self.offers[at];
        if self.chance(150) {
            if let Some(Ok(_)) = self.call("an offer is removed", |engine| engine.offer_remove(now, id)) {
                self.offers.remove(at);
                self.t().count("offer removed");
            }
        } else if let Some(Ok(_)) =
            self.call(&format!("an offer is changed: {terms:?}"), |engine| engine.offer_put(now, id, terms))
        {
            self.t().count("offer changed");
        }
    }

    fn look(&mut self) {
        let ask = self.t().chain.requests.values().next().map(|on| on.ask.clone());
        let now = self.now();
        if let Some(ask) = ask {
            self.call("evaluate", |engine| engine.evaluate(now, &ask));
        }
        if let Some(engine) = &self.engine {
            let _ = engine.stats();
        }
    }

    /// One move.
    fn step(&mut self) {
        self.steps += 1;
        if self.engine.is_none() || !self.started {
            match self.below(10) {
                0..=5 => self.start(),
                6 if self.engine.is_some() => self.die("closed without a stop"),
                7 => drop(self.complete()),
                _ => self.t().advance(3),
            }
            return;
        }
        match self.below(100) {
            0..=8 => self.post(),
            9..=10 => self.repost(),
            11..=30 => drop(self.deliver(false)),
            31..=38 => self.t().others_move(),
            39..=61 => self.time(),
            62..=78 => drop(self.complete()),
            79 => self.unknown_token(),
            80..=81 => self.abandon(),
            82..=84 => drop(self.resolve()),
            85 => drop(self.reconcile(false)),
            86 => drop(self.reconcile(true)),
            87..=91 => self.consumed(),
            92..=93 => self.by_hand(),
            94..=96 => self.offer(),
            97 => self.look(),
            98 if self.chance(500) => self.stop(),
            99 if self.chance(400) => {
                if self.chance(500) {
                    self.call("close", |engine| engine.close());
                }
                if self.engine.is_some() {
                    self.die("closed without a stop");
                }
            }
            _ => {}
        }
    }

    /// The whole run.
    pub fn run(&mut self) {
        self.start();
        while self.offers.len() < 2 && self.steps < 20 && !self.is_broken() {
            self.steps += 1;
            if !self.started {
                self.start();
            }
            self.offer();
        }
        let steps = self.t().rng.range(40, 160);
        for _ in 0..steps {
            if self.is_broken() {
                return;
            }
            self.step();
            if self.chance(350) {
                self.check();
            }
        }
        self.check();
        self.finale();
    }

    pub fn repair(&mut self) -> Option<Result<i32>> {
        self.reconcile(true)
    }
}

/// An error that is right.
fn expect(status: i32) -> impl FnOnce(Error) -> Result<i32> {
    move |error| if error.status == status { Ok(status) } else { Err(error) }
}
