//! The world of one run, and what moves it: one step of one operation at a time, in random order.

use super::calls::refusal;
use super::job::{Job, Kind, Wait};
use super::model::{Plain, Ride, Slot, NOBODY, SLOTS};
use super::pace::Pace;
use super::repo::Repo;
use crate::rng::Rng;
use crate::store::Store;
use sales::datastore::group::{Act, Change, Txn};
use sales::error::{Error, Result};
use sales::event::{Event, EventKind};
use sales::host::OpKind;
use sales::ledger::acts::Note;
use sales::ledger::record::OfSale;
use sales::ledger::task::Got;
use sales::ledger::{Ledger, RepoCan};
use sales::market::{Id, U256};
use sales::status::*;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// How many operations are under way at most.
const JOBS: usize = 8;

/// How often things go wrong in this run, per mille.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    pub refused: u64,
    pub unknown: u64,
    pub pending: u64,
    pub clean: u64,
    pub meta: u64,
    pub crash: u64,
    /// A crash inside a start.
    pub crash_start: u64,
    pub total_fails: u64,
    /// A read of the store.
    pub read: u64,
}

/// A copy of the store's files, and what they say.
pub struct Copy {
    pub store: Store,
    pub plain: Plain,
    pub marked: bool,
    pub seq: u64,
}

/// Where the store that is started comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin {
    True,
    /// An old copy that ended at this commit.
    Copy(u64),
    Emptied,
}

/// One run.
pub struct World {
    pub rng: Rng,
    pub trace: Option<Vec<String>>,
    pub counts: BTreeMap<&'static str, u64>,
    pub steps: u64,
    pub can: RepoCan,
    pub keep_surplus: bool,
    pub forgets: bool,
    pub sizes: [i128; SLOTS],
    pub odds: Odds,
    pub calm: bool,
    pub repo: Repo,
    pub store: Store,
    pub ledger: Arc<Ledger>,
    pub jobs: Vec<Job>,
    /// The acts that took effect, by what names them to the Repo.
    pub acts: HashSet<(usize, u64, u64, OpKind)>,
    pub number: u32,
    pub now: u64,
    pub plain: Plain,
    /// What the store holds if a commit is there of which nobody knows.
    pub fork: Option<Plain>,
    pub riding: Vec<Ride>,
    pub owed: BTreeMap<usize, i128>,
    pub pace: Pace,
    /// The Repo could not always tell its total.
    pub learnt: bool,
    /// Operations are let in, as it should be.
    pub gate: bool,
    pub filled: [bool; SLOTS],
    pub copy: Option<Copy>,
    pub origin: Origin,
    pub ids: u8,
    pub news: u64,
    /// This process has held its store against the Repo.
    pub proven: bool,
    /// How a start ended.
    pub ended: Option<std::result::Result<i32, i32>>,
}

/// Remembers what happens, where somebody reads it.
macro_rules! say {
    ($w:expr, $($t:tt)*) => {
        if let Some(trace) = &mut $w.trace {
            trace.push(format!($($t)*));
        }
    };
}
pub(crate) use say;

pub fn id_of(at: usize) -> Id {
    match at {
        NOBODY => Id([0xff; 32]),
        _ => Id([at as u8 + 1; 32]),
    }
}

/// By these a change is refused alone, and the others of its batch go on: it is wrong itself, it met a damaged record, or the disk has no room
/// for what is new.
const ALONE: [i32; 3] = [SALES_ERR_REQUEST, SALES_ERR_RECORD, SALES_ERR_DISK_FULL];

/// An act that refuses.
struct Bad(i32);

impl Act for Bad {
    fn apply(&self, _: &mut Txn<'_>) -> Result<()> {
        Err(Error::new(self.0, "refused, to see what becomes of the rest"))
    }
}

fn note(slot: Id, kind: EventKind, ends: bool) -> Change {
    vec![Arc::new(Note { event: Event { slot, ..Event::new(kind, 1) }, ends })]
}

fn of_sale(yes: bool) -> Option<OfSale> {
    yes.then_some(OfSale { offer: Id([0xee; 32]), collateral: U256::from(7) })
}

impl World {
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn hit(&mut self, per_mille: u64) -> bool {
        !self.calm && self.rng.chance(per_mille)
    }

    /// A slot as it should read: the store, and what rides.
    pub fn view(&self, at: usize) -> Slot {
        self.view_all().slots.get(at).copied().unwrap_or_default()
    }

    pub fn view_all(&self) -> Plain {
        let mut plain = self.plain.clone();
        self.riding.iter().for_each(|ride| plain.ride(ride));
        plain
    }

    pub fn owed_of(&self, at: usize) -> i128 {
        self.owed.get(&at).copied().unwrap_or(0)
    }

    /// Whether another operation holds the claim of a slot.
    pub fn claimed(&self, at: usize) -> bool {
        self.jobs.iter().any(|job| job.claims && job.at == at)
    }

    pub fn push(&mut self, task: sales::ledger::task::Task, kind: Kind, at: usize) -> usize {
        self.number += 1;
        say!(self, "#{} {kind:?} slot {at}", self.number);
        self.jobs.push(Job::new(self.number, task, kind, at));
        self.jobs.len() - 1
    }

    // ------------------------------------------------------------------------------------------------ the scheduler

    /// One step of the world.
    pub fn act(&mut self) {
        let x = self.rng.below(100);
        if x < 20 && self.jobs.len() < JOBS {
            self.spawn();
        } else if x < 26 {
            self.now += self.rng.pick(&[0, 1, 1, 2, 10, 70]);
            if self.hit(20) {
                self.count("the clock is set back");
                self.now -= self.rng.pick(&[1, 10, 300]);
            }
            self.tick();
        } else if x < 42 {
            self.batch();
        } else if x < 44 {
            self.host();
        } else {
            let ready: Vec<usize> = (0..self.jobs.len()).filter(|at| self.is_ready(*at)).collect();
            if !ready.is_empty() {
                let at = self.rng.pick(&ready);
                self.advance(at);
            }
        }
    }

    fn is_ready(&mut self, at: usize) -> bool {
        match &self.jobs[at].wait {
            Wait::Commit(..) => false,
            // Not while a repair is under way or has failed: what it has compared may be this very call.
            Wait::Doubt(_) => self.gate && self.rng.chance(if self.can.total { 60 } else { 150 }),
            Wait::Pending { .. } => self.rng.chance(300),
            _ => true,
        }
    }

    fn spawn(&mut self) {
        let at = self.rng.below(SLOTS);
        let slot = id_of(at);
        match self.rng.below(100) {
            0..=39 => {
                let bytes = match self.rng.below(100) {
                    0 => 0,
                    1..=9 => self.sizes[at] + 1,
                    _ => self.sizes[at],
                };
                let sale = self.rng.chance(300);
                let with_note = self.rng.chance(300);
                let bad = self.rng.chance(30).then(|| self.rng.pick(&ALONE));
                self.reserve(at, bytes, sale, with_note, bad);
            }
            40..=64 if !self.filled[at] => {
                let sale = self.view(at).live.is_some_and(|live| live.of_sale) != self.rng.chance(50);
                let with_note = self.rng.chance(850);
                self.release(at, sale, with_note);
            }
            65..=89 => {
                let asked = self.sizes[at];
                let total = match self.rng.below(10) {
                    0 => asked,
                    1 => asked + 1,
                    _ => i128::from(self.rng.next()) % (asked + 1),
                };
                let task = self.ledger.consume(slot, total as u64);
                self.push(task, Kind::Consume { total }, at);
            }
            90..=95 if self.can.total => {
                let repair = self.rng.chance(700);
                let busy = self.jobs.iter().any(|job| job.is_recovery());
                if !busy {
                    let task = self.ledger.reconcile(repair);
                    self.push(task, Kind::Reconcile { repair }, NOBODY);
                }
            }
            // The chain: filled, or its request ended.
            _ => {
                let ending = self.jobs.iter().any(|job| job.at == at && matches!(job.kind, Kind::Release { .. }));
                let whole = self.view(at).live.is_some() && !ending;
                self.filled[at] = !self.filled[at] && whole && self.fork.is_none();
            }
        }
    }

    pub fn reserve(&mut self, at: usize, bytes: i128, sale: bool, with_note: bool, bad: Option<i32>) {
        let mut with = if with_note { note(id_of(at), EventKind::State, false) } else { Vec::new() };
        if let Some(status) = bad {
            with.push(Arc::new(Bad(status)));
        }
        let task = self.ledger.reserve(id_of(at), bytes as u64, of_sale(sale), with);
        self.push(task, Kind::Reserve { bytes, of_sale: sale, note: with_note, bad }, at);
    }

    pub fn release(&mut self, at: usize, by_sale: bool, with_note: bool) {
        let with = if with_note { note(id_of(at), EventKind::Released, true) } else { Vec::new() };
        let task = self.ledger.release(id_of(at), by_sale, with);
        self.push(task, Kind::Release { by_sale, note: with_note }, at);
    }

    /// Others take space, or give it; a copy of the store is made; what rides is flushed.
    fn host(&mut self) {
        match self.rng.below(4) {
            0 => {
                let capacity = self.repo.capacity;
                self.repo.other = self.rng.pick(&[0, 0, capacity / 3, capacity]);
            }
            1 if !self.store.is_dead() => {
                let marked = self.rng.chance(500);
                self.take_copy(marked);
            }
            _ if self.ledger.group().has_riders() && !self.store.is_dead() => self.flush(),
            _ => {}
        }
    }

    /// A tick: what is due is begun, now or some time later.
    pub fn tick(&mut self) {
        let due = self.ledger.due(self.now).expect("S8: a tick is refused");
        let repay = self.check_due(&due);
        for (number, task) in due.into_iter().enumerate() {
            if self.jobs.len() >= 2 * JOBS {
                break;
            }
            let at = (0..SLOTS).find(|at| id_of(*at) == task.slot).unwrap_or(NOBODY);
            let job = self.push(task, Kind::Tick, at);
            self.jobs[job].repays = repay == Some(number);
            if self.rng.chance(500) {
                self.advance(job);
            }
        }
    }

    /// One step of one operation.
    pub fn advance(&mut self, at: usize) {
        let mut job = self.jobs.swap_remove(at);
        match std::mem::replace(&mut job.wait, Wait::Fresh) {
            Wait::Fresh => return self.resume(job, None),
            Wait::Answered(got) => return self.resume(job, Some(got)),
            Wait::Total => job.wait = Wait::Answered(Got::Total(self.reserved(&mut job))),
            Wait::Repo { kind, bytes, act } => {
                if self.hit(self.odds.pending) {
                    self.count("repo pending");
                    let done = self.rng.chance(500).then(|| self.call(&mut job, kind, bytes, act));
                    say!(self, "#{} {} {bytes} is pending {done:?}", job.number, kind.name());
                    job.wait = Wait::Pending { kind, bytes, act, done };
                } else {
                    let answer = self.call(&mut job, kind, bytes, act);
                    self.answer(&mut job, answer);
                }
            }
            Wait::Pending { kind, bytes, act, done } => {
                let answer = done.unwrap_or_else(|| self.call(&mut job, kind, bytes, act));
                self.answer(&mut job, answer);
            }
            Wait::Doubt(truth) => {
                self.count(if truth { "doubt resolved: applied" } else { "doubt resolved: not applied" });
                say!(self, "#{} resolved, applied: {truth}", job.number);
                self.ledger.undoubt(&id_of(job.at));
                job.settled = Some(truth);
                if !truth {
                    job.told.push(SALES_HOST_TRANSIENT);
                }
                job.wait = Wait::Answered(Got::Repo(if truth { Ok(()) } else { Err(refusal(SALES_HOST_TRANSIENT)) }));
            }
            Wait::Commit(..) => unreachable!("a commit is its leader's"),
        }
        self.jobs.push(job);
    }
}
