//! Starts, crashes, stores that are lost or old, and the end of a run.

use super::driver::{id_of, say, Copy, Odds, Origin, World};
use super::job::{Job, Kind, Wait};
use super::model::{Plain, NOBODY, SLOTS};
use super::pace::Pace;
use super::repo::Repo;
use crate::rng::Rng;
use crate::store::Store;
use sales::datastore::group::{Act, Txn};
use sales::datastore::{Backend, Table, Write};
use sales::error::Error;
use sales::ledger::books::Books;
use sales::ledger::recovery::Start;
use sales::ledger::task::Done;
use sales::ledger::{Ledger, RepoCan};
use sales::market::Id;
use sales::status::*;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// An act of somebody else.
struct Offer;

impl Act for Offer {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.tables.put(Table::Offers, b"an offer", b"")
    }
}

impl World {
    pub fn new(mut rng: Rng, trace: bool) -> World {
        let total = rng.chance(680);
        let huge = rng.chance(50);
        let sizes = match huge {
            true => [u64::MAX / 2, u64::MAX / 3, u64::MAX - 10, 1 << 63, 7].map(i128::from),
            false => [40, 100, 150, 70, 25],
        };
        let capacity = if huge { i128::from(u64::MAX) } else { rng.pick(&[250, 500, 1500]) };
        let keeps = total && rng.chance(600);
        let odds = Odds {
            refused: rng.pick(&[0, 100, 300, 600]),
            unknown: rng.pick(&[0, 40, 150]),
            pending: rng.pick(&[0, 100, 300]),
            clean: rng.pick(&[0, 80, 250, 500]),
            meta: rng.pick(&[0, 0, 20, 60]),
            crash: rng.pick(&[1, 3, 10, 30]),
            crash_start: rng.pick(&[0, 30, 100]),
            total_fails: rng.pick(&[0, 50]),
            read: rng.pick(&[0, 0, 10, 60]),
        };
        let store = Store::new([1; 16]);
        let mut world = World {
            can: RepoCan { total, consume: rng.chance(500) },
            keep_surplus: total && rng.chance(120),
            forgets: total && rng.chance(400),
            rng,
            trace: trace.then(Vec::new),
            counts: BTreeMap::new(),
            steps: 0,
            sizes,
            odds,
            calm: false,
            repo: Repo::new(capacity, keeps),
            ledger: Ledger::new(Box::new(store.clone())),
            store,
            jobs: Vec::new(),
            acts: HashSet::new(),
            number: 0,
            now: 1_000_000,
            plain: Plain::new([1; 16]),
            fork: None,
            riding: Vec::new(),
            owed: BTreeMap::new(),
            pace: Pace::default(),
            learnt: false,
            gate: false,
            filled: [false; SLOTS],
            copy: None,
            origin: Origin::True,
            ids: 1,
            news: 0,
            ended: None,
            proven: false,
        };
        // A Repo that holds bytes for us before we ever began.
        if total && world.rng.chance(50) {
            world.repo.total = 30;
        }
        let (can, odds) = (world.can, world.odds);
        say!(world, "{can:?} keeps {keeps} {odds:?}");
        world
    }

    /// A whole run.
    pub fn run(&mut self) {
        for life in 0..self.rng.range(1, 4) {
            if !self.rng.begin_move() {
                break;
            }
            match life {
                0 => self.boot(false),
                _ => self.next_life(),
            }
            for _ in 0..self.rng.range(30, 600) {
                if !self.rng.begin_move() {
                    break;
                }
                self.act();
                self.check();
                let dying = if self.store.is_dead() { 200 } else { self.odds.crash };
                if self.hit(dying) {
                    break;
                }
            }
        }
        self.finale();
    }

    /// The process dies, or is stopped and started again; what starts may be another store.
    fn next_life(&mut self) {
        if !self.store.is_dead() && self.rng.chance(200) {
            self.stop();
            return self.boot(true);
        }
        self.crash();
        if !self.can.total && self.rng.chance(80) {
            say!(self, "the Repo learns to tell its total");
            self.count("the repo learns reserved");
            self.can.total = true;
            self.learnt = true;
            self.repo.keeps = self.rng.chance(500);
        }
        if self.rng.chance(40) {
            self.count("the repo learns or loses consume");
            self.can.consume = !self.can.consume;
        }
        if self.rng.chance(250) {
            self.lose_store();
        }
        self.boot(false);
    }

    /// What is out at the Repo takes its effect before `reserved` answers, or never.
    fn drop_jobs(&mut self) {
        for job in std::mem::take(&mut self.jobs) {
            self.count(match &job.wait {
                Wait::Fresh => "cut off before its begin",
                Wait::Commit(..) => "cut off before a commit",
                Wait::Repo { .. } => "cut off before the repo",
                Wait::Pending { .. } => "cut off while pending",
                Wait::Doubt(_) => "cut off in doubt",
                Wait::Total => "cut off before the total",
                Wait::Answered(_) if job.deed.is_some() => "cut off after a commit",
                Wait::Answered(_) => "cut off after the repo",
            });
            if let Wait::Pending { kind, bytes, done: None, .. } = job.wait {
                if self.rng.chance(500) {
                    let slot = if job.at == NOBODY { Id::ZERO } else { id_of(job.at) };
                    let seq = self.ledger.group().backend().seq();
                    let fits = self.repo.effect(kind, slot, bytes, (self.plain.id, seq));
                    if matches!(job.kind, Kind::Start { .. }) {
                        self.origin = Origin::True;
                    }
                    say!(self, "#{} {} {bytes} took effect after all: {fits}", job.number, kind.name());
                }
            }
        }
        self.gate = false;
    }

    fn stop(&mut self) {
        say!(self, "--- stop");
        self.count("stopped and started");
        self.ledger.shut();
        self.drop_jobs();
    }

    pub fn crash(&mut self) {
        say!(self, "--- crash");
        self.count("crash");
        self.drop_jobs();
        let at = self.rng.below(1000);
        if self.forgets && !self.calm && self.rng.chance(500) && self.repo.forget(at) {
            say!(self, "the Repo forgets: T={}", self.repo.total);
            self.count("repo forgets");
            self.acts.clear();
        }
        let fork = self.fork.take();
        if let Some(there) = self.store.reopen() {
            say!(self, "the last commit is there: {there}");
            if there {
                self.plain = fork.expect("a commit of which nobody knew");
            }
        }
        self.riding.clear();
        self.owed.clear();
        self.pace = Pace::default();
        self.news = self.plain.events;
    }

    // ------------------------------------------------------------------------------------------------ stores

    /// The operator copies the store; a backup carries a mark.
    pub fn take_copy(&mut self, marked: bool) {
        let (store, mut plain) = (self.store.copy(), self.plain.clone());
        if marked {
            let mark = |write: &mut dyn Write| {
                let mut books = Books::load(write, [1; 16])?;
                books.untrusted = true;
                books.save(write)
            };
            store.write(&mut |write| mark(write)).expect("a copy can be marked");
            plain.untrusted = true;
        }
        let seq = store.seq();
        self.copy = Some(Copy { store, plain, marked, seq });
    }

    fn lose_store(&mut self) {
        if !self.can.total {
            return;
        }
        self.acts.clear();
        let truth = Copy { store: self.store.clone(), plain: self.plain.clone(), marked: false, seq: self.store.seq() };
        let copy = self.copy.take().filter(|_| self.rng.chance(700));
        match copy {
            Some(copy) => {
                say!(self, "a copy of commit {} is restored, marked: {}", copy.seq, copy.marked);
                self.count(if copy.marked { "backup restored" } else { "old copy restored" });
                // A copy as new as the store itself is the store.
                self.origin = if copy.seq == truth.seq { Origin::True } else { Origin::Copy(copy.seq) };
                (self.store, self.plain) = (copy.store, copy.plain);
            }
            None => {
                say!(self, "the store is emptied");
                self.count("store emptied");
                self.ids += 1;
                self.store = Store::new([self.ids; 16]);
                self.plain = Plain::new([self.ids; 16]);
                // Or it is a stranger's, with a life of its own.
                for _ in 0..self.rng.pick(&[0, 0, 20, 200]) {
                    self.store.write(&mut |write| write.put(Table::Offers, b"an offer", b"")).expect("a write");
                }
                self.origin = Origin::Emptied;
            }
        }
        self.copy = Some(truth);
        self.news = self.plain.events;
        self.filled = [false; SLOTS];
    }

    /// The refusal by name that a start deserves, from what really happened to the store.
    pub fn expected_refusal(&self) -> Option<i32> {
        if self.plain.untrusted {
            return Some(SALES_ERR_STORE_BACKUP);
        }
        let known = self.repo.id != [0; 16] && !self.plain.replaced.contains(&self.repo.id);
        let stale = match self.origin {
            Origin::True => false,
            Origin::Copy(seq) => self.repo.id != self.plain.id || self.repo.seq > seq,
            Origin::Emptied => true,
        };
        if known && stale {
            return Some(SALES_ERR_STORE_STALE);
        }
        (!self.plain.started && self.repo.total > self.plain.held()).then_some(SALES_ERR_STORE_NEW)
    }

    // ------------------------------------------------------------------------------------------------ start

    /// Starts until it stands, with crashes inside, and with what operators do.
    fn boot(&mut self, soft: bool) {
        let mut fresh = !soft;
        let mut reset = self.rng.chance(20).then(|| self.next_id());
        for attempt in 0.. {
            assert!(attempt < 400, "S8: a start never ends");
            if fresh {
                self.ledger = Ledger::new(Box::new(self.store.clone()));
                self.proven = false;
                self.repo_settles();
            }
            fresh = false;
            self.offer();
            let how = Start { can: self.can, reset, keep_surplus: self.keep_surplus };
            let task = self.ledger.start(how);
            self.push(task, Kind::Start { reset }, NOBODY);
            let Some(done) = self.drive_start() else {
                self.crash();
                fresh = true;
                continue;
            };
            match done {
                Ok(_) => break,
                Err(SALES_ERR_STORE_STALE | SALES_ERR_STORE_NEW | SALES_ERR_STORE_BACKUP) => {
                    self.count("start refused by name");
                    let truth = self.copy.take_if(|copy| self.origin != Origin::True && copy.seq > 0);
                    match truth {
                        // A refusal is asked for again, and given again.
                        Some(copy) if self.rng.chance(500) => self.copy = Some(copy),
                        Some(copy) if self.rng.chance(500) && reset.is_none() => {
                            say!(self, "the true store is found");
                            self.count("true store found");
                            (self.store, self.plain, self.origin) = (copy.store, copy.plain, Origin::True);
                            self.news = self.plain.events;
                            fresh = true;
                        }
                        _ if reset.is_none() => {
                            self.count("reset");
                            reset = Some(self.next_id());
                            say!(self, "reset");
                        }
                        _ => panic!("S8: a start is refused in spite of its reset"),
                    }
                    if self.rng.chance(300) {
                        self.crash();
                        fresh = true;
                    }
                }
                Err(_) if self.store.is_dead() || self.rng.chance(200) => {
                    self.crash();
                    fresh = true;
                }
                Err(_) => {}
            }
        }
        self.origin = Origin::True;
        self.copy = self.copy.take_if(|_| false);
        self.inherit();
        self.check();
    }

    /// Something else is written to the store before it is started, as an offer is.
    fn offer(&mut self) {
        if self.hit(150) && !self.store.is_dead() {
            self.count("written before a start");
            let change: Vec<Arc<dyn Act>> = vec![Arc::new(Offer)];
            self.ledger.group().run(&[change]).remove(0).expect("S8: an offer is refused");
            self.plain = self.view_all();
            self.riding.clear();
        }
    }

    fn next_id(&mut self) -> [u8; 16] {
        self.ids += 1;
        [self.ids; 16]
    }

    fn repo_settles(&mut self) {
        self.repo.settled();
    }

    /// Drives the start alone; `None`: the process dies.
    fn drive_start(&mut self) -> Option<Result<i32, i32>> {
        self.ended = None;
        loop {
            let odds = if self.store.is_dead() { 0 } else { self.odds.crash_start };
            if self.hit(odds) {
                self.count("crash inside a start");
                return None;
            }
            match self.jobs[0].wait {
                Wait::Commit(..) => self.batch(),
                _ => self.advance(0),
            }
            if let Some(done) = self.ended.take() {
                return Some(done);
            }
            self.check();
        }
    }

    /// A start ends: let in, or refused as it deserves.
    pub fn start_ended(&mut self, job: &mut Job, done: &Done) {
        let Kind::Start { reset } = job.kind else { unreachable!("a start") };
        self.ended = Some(done.clone().map_err(|error| error.status));
        match done {
            Ok(status) => {
                assert!(*status == SALES_OK, "a start ends {status}");
                assert!(
                    job.expect.is_none() || reset.is_some(),
                    "S3: a store is started that deserves {:?}",
                    job.expect
                );
                assert!(!self.plain.untrusted && self.plain.started, "a start that is not recorded");
                self.gate = true;
                self.owed.clear();
                self.pace.settled(self.plain.shortfall > 0);
                if self.can.total {
                    assert!(job.effect, "S1: a start without a comparison");
                    self.report(job);
                }
            }
            Err(error) => {
                let named =
                    [SALES_ERR_STORE_STALE, SALES_ERR_STORE_NEW, SALES_ERR_STORE_BACKUP].contains(&error.status);
                if named && self.can.total {
                    assert!(
                        job.expect == Some(error.status),
                        "S8: a start is refused with {error:?}, deserves {:?}",
                        job.expect
                    );
                }
                if !named && !self.store.is_dead() {
                    assert!(job.told.contains(&error.status), "a start ends {error:?}, told {:?}", job.told);
                }
            }
        }
    }

    /// A Repo without a total: what was in flight waits for the host, with the truth of each.
    fn inherit(&mut self) {
        if self.can.total {
            return;
        }
        let view = self.view_all();
        let tasks = self.ledger.inherited().expect("S8: what is inherited cannot be told");
        let mut truths = Vec::new();
        for at in 0..SLOTS {
            let slot = view.slots[at];
            let has = self.repo.of.get(&id_of(at)).copied().unwrap_or(0);
            let more = has - slot.held() - slot.unsettled();
            let record = self.ledger.record(&id_of(at)).expect("S8: a record does not read").unwrap_or_default();
            let mark = slot.mark.map_or(0, |mark| mark.0);
            let explained = more == 0 || more == mark || more == -i128::from(record.step);
            assert!(explained, "S1/S3: the Repo has {more} more for slot {at} than {record:?} explains");
            let task = tasks.iter().any(|task| task.slot == id_of(at));
            let on_disk = self.plain.slots[at];
            assert!(
                task == (on_disk.mark.is_some() || on_disk.unsettled() > 0),
                "S3: slot {at} is in flight and nobody is told"
            );
            truths.push(more);
        }
        for task in tasks {
            let at = (0..SLOTS).find(|at| id_of(*at) == task.slot).expect("a slot of ours");
            let more = truths[at];
            let job = self.push(task, Kind::Inherit { applied: more != 0 }, at);
            // Nobody may come between, whenever it begins.
            self.jobs[job].claims = true;
            self.jobs[job].granted = more.max(0);
            self.jobs[job].given = (-more).max(0);
        }
    }

    // ------------------------------------------------------------------------------------------------ the end

    /// Nothing fails any more, all is released, and the Repo holds nothing of ours.
    fn finale(&mut self) {
        say!(self, "--- finale");
        self.rng.begin_end();
        self.calm = true;
        self.filled = [false; SLOTS];
        self.repo.other = 0;
        self.repo.capacity = i128::from(u64::MAX);
        if self.store.is_dead() || !self.gate || self.rng.chance(400) {
            self.crash();
            self.boot(false);
        }
        self.settle_down();
        let view = self.view_all();
        let settled = view.unsettled() == 0 && view.shortfall == 0 && self.owed.is_empty();
        assert!(settled, "S6: begun and never done: {view:?}, owed {:?}", self.owed);
        for at in 0..SLOTS {
            if let Some(live) = self.view(at).live {
                self.release(at, live.of_sale, true);
            }
        }
        self.settle_down();
        let view = self.view_all();
        assert!(view.slots.iter().all(|s| s.live.is_none() && s.unsettled() == 0), "S6: not released: {view:?}");
        assert!(self.repo.total == view.surplus, "S6: the Repo holds {}, kept are {}", self.repo.total, view.surplus);
        self.crash();
        self.boot(false);
        if self.can.total {
            let task = self.ledger.reconcile(true);
            self.push(task, Kind::Reconcile { repair: true }, NOBODY);
        }
        self.settle_down();
        assert!(self.repo.total == 0, "S6: in the end the Repo holds {} for nobody", self.repo.total);
        let view = self.view_all();
        let none = view.slots.iter().all(|s| s.live.is_none() && s.unsettled() == 0 && s.mark.is_none());
        assert!(none, "S6: records that never end: {view:?}");
        if self.can.total {
            return;
        }
        let left = self.repo.of.values().any(|bytes| *bytes != 0);
        assert!(!left, "S2: bytes given back for another slot than they were reserved for: {:?}", self.repo.of);
    }

    /// Until nobody has anything left to do.
    fn settle_down(&mut self) {
        for _ in 0..60 {
            self.now += 100;
            self.tick();
            for _ in 0..12 {
                for at in (0..self.jobs.len()).rev() {
                    let waits = |job: &Job| matches!(job.wait, Wait::Commit(..)) || job.in_doubt() && !self.gate;
                    if self.jobs.get(at).is_some_and(|job| !waits(job)) {
                        self.advance(at);
                        self.check();
                    }
                }
                self.batch();
                self.check();
            }
            let idle = self.jobs.is_empty() && self.ledger.next_retry() == u64::MAX;
            if idle {
                return;
            }
        }
        panic!("S6: it never comes to rest; next retry {}, {} jobs", self.ledger.next_retry(), self.jobs.len());
    }
}
