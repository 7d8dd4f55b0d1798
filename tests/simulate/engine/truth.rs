//! What is true outside the library: the clock, the faults of this run, and everything that the host's parts share.

use super::asked::Asked;
use super::baton::Pauser;
use super::blocks::Blocks;
use super::chain::Chain;
use super::journal::ToTell;
use super::loss::{Copy, Origin};
use super::news::News;
use super::queue::Waiting;
use super::repo::Books;
use crate::rng::Rng;
use crate::store::Store;
use sales::engine::{Engine, Options};
use sales::host::{Answer, OpKind};
use sales::market::{Id, Request, RequestState, SlotState, SlotView};
use sales::sales::sale::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The planted crash: the process ends here.
pub struct Crash;

/// What the host of this run has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Has {
    pub total: bool,
    pub keeps_id: bool,
    pub consume: bool,
    pub my_slots: bool,
    pub reserve_slot: bool,
    /// In this life of the host.
    pub read_slot: bool,
    /// Another life of the host may read the chain, or not any more.
    pub turns: bool,
    pub free_slot: bool,
    pub read_request: bool,
    pub keep: bool,
    pub clear: bool,
    pub cancel: bool,
    /// The repo may lose, when the machine stops, what it has acknowledged.
    pub forgets: bool,
    /// The operator puts old copies of the store in its place, backups, or an empty one.
    pub loses: bool,
    /// Threads that call the module.
    pub threads: usize,
    /// A thousand slots and more.
    pub big: bool,
}

/// How often things go wrong in this run, per mille.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    pub transient: u64,
    pub permanent: u64,
    pub unknown: u64,
    pub pending: u64,
    pub early: u64,
    pub inside: u64,
    pub clean: u64,
    pub meta: u64,
    pub crash: u64,
    /// A read of the store.
    pub read: u64,
    pub clock: u64,
    /// Another thread goes on at this point.
    pub switch: u64,
}

/// One operation that the host was asked for.
#[derive(Debug, Clone)]
pub struct Job {
    pub kind: OpKind,
    pub token: u64,
    pub slot: Id,
    pub request: Id,
    pub bytes: u64,
    /// The act.
    pub id: [u8; 16],
    pub attempt: u32,
    pub deadline: u64,
    /// When it was asked.
    pub asked_at: u64,
    /// Which store asks, and its last commit.
    pub store: ([u8; 16], u64),
    /// Asked for no slot by a recovery, while what a tick asked for none is in doubt.
    pub of_recovery: bool,
}

/// How an operation goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// As the truth has it.
    True,
    /// Refused, without effect.
    Refused(i32),
    /// It is answered that nobody knows; and whether it happened.
    Unknown(bool),
}

/// An operation out at the host.
#[derive(Debug, Clone)]
pub struct Out {
    pub job: Job,
    pub fate: Fate,
    /// It has happened already, and so it is answered.
    pub done: Option<Answer>,
    pub cancelled: bool,
}

/// A call of the repo that was answered UNKNOWN, in this life of the engine.
#[derive(Debug, Clone, Copy)]
pub struct Doubt {
    pub kind: OpKind,
    pub bytes: u64,
    /// It happened.
    pub done: bool,
}

pub struct Truth {
    pub rng: Rng,
    pub has: Has,
    pub odds: Odds,
    pub calm: bool,
    pub counts: BTreeMap<&'static str, u64>,
    /// Moves of sales from state to state, as they became durable. `None`: there was no sale.
    pub moves: BTreeMap<(Option<State>, State), u64>,
    pub trace: Option<Vec<String>>,
    pub violation: Option<String>,
    pub pauser: Pauser,
    /// The process is dead: whoever calls in dies with it.
    pub crashed: bool,
    pub engine: Option<Arc<Engine>>,
    pub options: Options,
    pub store: Store,
    pub started: bool,
    /// A stop was begun, and pends.
    pub stopping: bool,
    /// A start was refused because of its store.
    pub refused: bool,
    /// The process is to end like this.
    pub condemned: Option<&'static str>,
    /// Threads that are in the midst of a call, besides the one that runs.
    pub inside: usize,
    /// An operator looks: what he compares must be of one moment.
    pub looking: bool,
    /// The second in which a read failed last.
    pub unread_at: Option<u64>,
    /// The disk has room for releases only.
    pub low: bool,
    pub steps: u64,
    /// The chain's time.
    pub time: u64,
    /// How far the host's clock is off.
    pub skew: i64,
    /// The latest time that the running engine was told.
    pub latest: u64,
    pub books: Books,
    /// The repo lost something that the running module does not know of yet.
    pub forgot: bool,
    /// The repo's bytes can be told apart by slot: nothing was lost and re-reserved as a whole.
    pub by_slot: bool,
    pub chain: Chain,
    /// What lies on the disk of each slot.
    pub content: BTreeMap<Id, u64>,
    /// How much of it was told.
    pub reported: BTreeMap<Id, u64>,
    pub out: Vec<Out>,
    /// Tokens of this life, in the order in which they came.
    pub tokens: BTreeMap<u64, usize>,
    pub old_tokens: Vec<u64>,
    /// Fills of this life that were answered as done.
    pub filled: BTreeSet<[u8; 16]>,
    /// Slots whose content was asked to be kept to the end.
    pub keeps: BTreeSet<Id>,
    /// By slot.
    pub doubts: BTreeMap<Id, Doubt>,
    /// Slots that were ever in doubt in the ledger.
    pub doubted: BTreeSet<Id>,
    /// Given up by hand although ours, or lost with the store that knew them: no longer our affair.
    pub forced: BTreeSet<Id>,
    /// Ours in a life that could not read the chain: the module cannot collect their pay.
    pub unread: BTreeSet<Id>,
    /// Events that are durable and that the watch has not heard.
    pub to_tell: ToTell,
    /// Requests of which the module has taken in that they started.
    pub fulfilled: BTreeSet<Id>,
    pub waiting: Waiting,
    pub blocks: Blocks,
    /// How often the host was called since a call began: a call that never ends would show nothing.
    pub host_calls: u64,
    /// How often each fill was asked for in this call.
    pub fills: BTreeMap<[u8; 16], u32>,
    /// What the repo said of its free space in this call; `None`: nothing.
    pub told_free: Vec<Option<u64>>,
    /// What was asked of which slot.
    pub asked_of: Vec<(Id, OpKind)>,
    pub news: News,
    /// The market's longest duration.
    pub longest: u64,
    pub acts: super::ops::Acts,
    pub told: super::told::Told,
    /// How often repo.reserved was asked.
    pub totals: u64,
    /// Ticks one after another that did not ask for it although a repair had failed.
    pub ticks_unasked: u64,
    pub last_event: u64,
    /// The last event is of this life: the next has the next number.
    pub in_order: bool,
    pub offers: Vec<Id>,
    /// Releases by hand that have been answered.
    pub releases_by_hand: u64,
    /// Reserved by hand, durably.
    pub hand: BTreeMap<Id, u64>,
    /// A repair failed halfway: the total counts, the books do not yet, and nothing is let in.
    pub half_repaired: bool,
    pub copy: Option<Copy>,
    pub origin: Origin,
    /// Surplus may be kept: a repair in the end gives it back.
    pub keeps_surplus: bool,
    pub ids: u8,
    pub posted: u64,
    pub block: u64,
    /// What was asked for sales.
    pub asked: Asked,
    /// The only thread has told the module to stop.
    pub halted: bool,
}

/// Adds a line to the trace.
macro_rules! say {
    ($truth:expr, $($what:tt)*) => {
        // The line is made before the truth is looked into: it may want to look itself.
        let traced = $truth.trace.is_some();
        let line = if traced { Some(format!($($what)*)) } else { None };
        if let (Some(line), Some(trace)) = (line, &mut $truth.trace) {
            trace.push(line);
        }
    };
}
pub(crate) use say;

impl Truth {
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// How the trace calls a token: the numbers themselves begin at random.
    pub fn token(&self, token: u64) -> String {
        self.tokens.get(&token).map_or_else(|| "unknown".to_string(), |at| format!("t{at}"))
    }

    /// A promise is broken.
    pub fn broken(&mut self, what: String) {
        say!(self, "VIOLATION: {what}");
        self.violation.get_or_insert(what);
    }

    /// What a node says of a slot. One that lags behind does not know the request yet.
    fn view_of(&mut self, slot: &Id) -> Option<SlotView> {
        let view = self.chain.view(slot, self.time)?;
        let odds = self.odds;
        if !self.hit(odds.unknown) {
            return Some(view);
        }
        self.count("a view that tells nothing");
        let slot_state = self.rng.pick(&[SlotState::Unknown, SlotState::Free]);
        let request_state = RequestState::Unknown;
        Some(SlotView { request_state, slot_state, is_mine: false, expires_at: 0, ends_at: 0, ..view })
    }

    /// How often the store failed a commit, or refused one.
    pub fn faults(&self) -> u64 {
        self.counts.iter().filter(|(what, _)| what.starts_with("store: ")).map(|(_, n)| n).sum()
    }

    /// A new life of the host: it can read the chain, or not any more.
    pub fn turn(&mut self) {
        if self.has.turns && self.rng.chance(400) {
            self.has.read_slot = !self.has.read_slot;
            let now = if self.has.read_slot {
                "the host can read the chain by now"
            } else {
                "the host cannot read the chain any more"
            };
            self.count(now);
            say!(self, "{now}");
            if !self.has.read_slot {
                self.unread.extend(self.chain.all_ours());
            }
        }
    }

    /// No call does anything now.
    pub fn is_stopped(&self) -> bool {
        self.crashed || !self.started || self.stopping || self.halted || self.store.is_dead()
    }

    pub fn hit(&mut self, per_mille: u64) -> bool {
        !self.calm && self.rng.chance(per_mille)
    }

    /// A tick of this second could not read what is due: the one of the next looks again.
    pub fn looks_later(&self) -> bool {
        self.unread_at.is_some_and(|at| self.now() <= at)
    }

    /// The host's clock.
    pub fn now(&self) -> u64 {
        self.time.saturating_add_signed(self.skew)
    }

    /// What a slot must keep in the repo, whatever happens: it is ours on chain until its request ends, or its content lies on the disk.
    pub fn must_keep(&self, slot: &Id) -> u64 {
        let Some(size) = self.chain.size_of(slot).filter(|_| !self.forced.contains(slot)) else { return 0 };
        let ours = self.chain.is_ours(slot, self.time);
        let on_disk = self.has.clear && self.content.contains_key(slot);
        if ours || on_disk {
            size - self.reported.get(slot).copied().unwrap_or(0).min(size)
        } else {
            0
        }
    }

    /// The whole request; or another, where the node that is asked has gone wrong.
    fn read_request(&mut self, id: &Id) -> Option<Request> {
        let request = self.chain.request(id);
        let odds = self.odds.permanent;
        if !self.hit(odds) {
            return request;
        }
        self.count("another request is read than was asked for");
        request.map(|request| Request { merkle_root: [5; 32], ..request })
    }

    /// The module asks for something: that it may ask is held against what it is told to know.
    pub fn is_asked(&mut self, job: &Job) {
        if self.has.threads == 0 {
            self.asked_of.push((job.slot, job.kind));
        }
        if job.kind == OpKind::RepoReserve {
            self.chosen_for(job);
        }
        self.nothing_is_begun_late(job);
    }

    /// What happens when the truth takes its course. The answer says how it went.
    pub fn effect(&mut self, job: &Job) -> Answer {
        let status = match job.kind {
            OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume => self.repo_effect(job),
            OpKind::Store | OpKind::Prove | OpKind::Keep | OpKind::Clear => self.content_effect(job),
            _ => self.chain_effect(job),
        };
        let ok = status == sales::status::SALES_OK;
        Answer {
            proof: (ok && job.kind == OpKind::Prove).then(|| self.asked.new_proof(&job.slot)),
            view: (ok && job.kind == OpKind::ReadSlot).then(|| self.view_of(&job.slot)).flatten().map(Box::new),
            request: (ok && job.kind == OpKind::ReadRequest)
                .then(|| self.read_request(&job.request))
                .flatten()
                .map(Box::<Request>::new),
            ..Answer::of(status)
        }
    }
}

/// The truth, shared by all parts of the host.
#[derive(Clone)]
pub struct Shared(pub Arc<Mutex<Truth>>);

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Truth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another thread may go on here. Nothing may be held that it could want.
    pub fn breathe(&self) {
        let mut t = self.lock();
        let odds = t.odds;
        if t.pauser.can_pause() && !t.looking && !t.crashed && t.engine.is_some() && t.hit(odds.switch) {
            t.count("another thread goes on");
            let pauser = t.pauser.clone();
            drop(t);
            pauser.pause();
        }
    }
}
