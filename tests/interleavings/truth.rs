//! What is true in the host's world: the repo's bytes, the chain, the content, and what is out. Its lock is std's: no schedule changes under it.

use super::rng::Rng;
use sales::host::{Answer, OpKind};
use sales::market::{slot_id, Ask, Id, RequestState, SlotState, SlotView, U256};
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};

/// What outlives a schedule.
#[derive(Default)]
pub struct Notes {
    pub schedules: u64,
    pub counts: BTreeMap<&'static str, u64>,
    pub trace: Vec<String>,
    pub violation: Option<String>,
}

/// An operation, as the host was asked.
#[derive(Debug, Clone)]
pub struct Job {
    pub kind: OpKind,
    pub token: u64,
    pub slot: Id,
    pub bytes: u64,
    /// Of which opening.
    pub sales: u64,
}

pub struct Truth {
    pub rng: Rng,
    pub notes: Notes,
    pub has_consume: bool,
    /// Callbacks answer OK at once.
    pub calm: bool,
    /// The handle in use.
    pub sales: u64,
    /// The host has seen sales_stop answer OK, and has not started again.
    pub stopped: bool,
    /// The host has called sales_close.
    pub closing: bool,
    /// An outcome was not told: what the repo has for which slot is no longer known by slot.
    pub loose: bool,
    pub now: u64,
    pub total: u64,
    of: BTreeMap<Id, i128>,
    used: BTreeMap<Id, i128>,
    /// Slots of which a release or consumption was refused.
    owing: BTreeSet<Id>,
    pub asks: Vec<Ask>,
    pub filled: BTreeSet<Id>,
    paid: BTreeSet<Id>,
    content: BTreeSet<Id>,
    pub out: Vec<Job>,
    /// Sales of which something is out, by opening.
    at_host: BTreeMap<(u64, Id), OpKind>,
    pub tokens: BTreeSet<u64>,
    pub last_event: u64,
    /// Callbacks of the watch that run.
    pub telling: u32,
}

fn is_of_sale(job: &Job) -> bool {
    !matches!(job.kind, OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume)
}

const CAPACITY: u64 = 1 << 20;

impl Truth {
    pub fn new(seed: u64) -> Truth {
        let mut rng = Rng::new(seed);
        Truth {
            has_consume: rng.chance(500),
            rng,
            notes: Notes::default(),
            calm: false,
            sales: 0,
            stopped: false,
            closing: false,
            loose: false,
            now: 1_000_000,
            total: 0,
            of: BTreeMap::new(),
            used: BTreeMap::new(),
            owing: BTreeSet::new(),
            asks: Vec::new(),
            filled: BTreeSet::new(),
            paid: BTreeSet::new(),
            content: BTreeSet::new(),
            out: Vec::new(),
            at_host: BTreeMap::new(),
            tokens: BTreeSet::new(),
            last_event: 0,
            telling: 0,
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.notes.counts.entry(what).or_default() += 1;
    }

    pub fn say(&mut self, what: String) {
        if self.notes.violation.is_none() {
            self.notes.trace.push(what);
        }
    }

    /// A promise is broken: the first is kept.
    pub fn broken(&mut self, what: String) {
        self.say(format!("BROKEN: {what}"));
        self.notes.violation.get_or_insert(what);
    }

    /// The host is asked. A sale has one thing out at a time.
    pub fn asked(&mut self, job: &Job) {
        let name = job.kind.name();
        self.say(format!("asked: {name} {} of {} token {}", job.bytes, job.slot, job.token));
        if !self.tokens.insert(job.token) {
            self.broken(format!("token {} is given twice", job.token));
        }
        if self.stopped {
            self.broken(format!("{name} is called, and sales_stop has answered OK"));
        }
        let out = is_of_sale(job).then(|| self.at_host.insert((job.sales, job.slot), job.kind)).flatten();
        if let Some(out) = out {
            self.broken(format!("{name} of slot {} is asked, and {} is out", job.slot, out.name()));
        }
    }

    /// It is answered, or about to be.
    pub fn answered(&mut self, job: &Job) {
        if is_of_sale(job) {
            self.at_host.remove(&(job.sales, job.slot));
        }
    }

    fn ask_of(&self, slot: &Id) -> Option<&Ask> {
        self.asks.iter().find(|ask| (0..ask.slots).any(|index| slot_id(&ask.request_id, index) == *slot))
    }

    fn request_state(&self, ask: &Ask) -> RequestState {
        let started = (0..ask.slots).all(|index| self.filled.contains(&slot_id(&ask.request_id, index)));
        match started {
            true if self.now > ask.ends_at => RequestState::Finished,
            true => RequestState::Started,
            false if self.now > ask.expires_at => RequestState::Cancelled,
            false => RequestState::New,
        }
    }

    fn view(&self, slot: &Id) -> Option<SlotView> {
        let ask = self.ask_of(slot)?;
        let request_state = self.request_state(ask);
        let slot_state = match (self.paid.contains(slot), self.filled.contains(slot), request_state) {
            (true, ..) => SlotState::Paid,
            (_, false, _) => SlotState::Free,
            (_, _, RequestState::Finished) => SlotState::Finished,
            (_, _, RequestState::Cancelled) => SlotState::Cancelled,
            _ => SlotState::Filled,
        };
        let (expires_at, ends_at) = (ask.expires_at, ask.ends_at);
        let is_mine = self.filled.contains(slot) && !self.paid.contains(slot);
        Some(SlotView { request_state, slot_state, is_mine, expires_at, ends_at, collateral: U256::from(1) })
    }

    /// Filled by us, and its request not over: its space must be kept (S5).
    fn must_keep(&self, slot: &Id) -> i128 {
        match (self.view(slot), self.ask_of(slot)) {
            (Some(view), Some(ask)) if view.slot_state == SlotState::Filled => ask.slot_size.into(),
            _ => 0,
        }
    }

    /// An operation takes effect. What answers it.
    pub fn effect(&mut self, job: &Job) -> Answer {
        let mut answer = Answer::of(SALES_OK);
        answer.status = match job.kind {
            OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume => self.repo_effect(job),
            OpKind::FillSlot => match self.view(&job.slot) {
                Some(view) if view.slot_state == SlotState::Free && view.request_state == RequestState::New => {
                    self.filled.insert(job.slot);
                    self.count("slots sold");
                    SALES_OK
                }
                _ => SALES_HOST_STATE_MISMATCH,
            },
            OpKind::FreeSlot => {
                if self.must_keep(&job.slot) > 0 {
                    self.broken(format!("slot {} is freed while it is filled", job.slot));
                }
                self.paid.insert(job.slot);
                SALES_OK
            }
            OpKind::ReadSlot => {
                answer.view = self.view(&job.slot).map(Box::new);
                SALES_OK
            }
            OpKind::Store => {
                self.content.insert(job.slot);
                SALES_OK
            }
            OpKind::Prove => {
                if !self.content.contains(&job.slot) {
                    self.broken(format!("slot {} is proved, and its content is not there", job.slot));
                }
                answer.proof = Some(vec![1; 8]);
                SALES_OK
            }
            OpKind::Clear => {
                if self.must_keep(&job.slot) > 0 {
                    self.broken(format!("S5: the content of slot {} is cleared while it is filled", job.slot));
                }
                self.content.remove(&job.slot);
                SALES_OK
            }
            _ => SALES_OK,
        };
        self.say(format!("  effect: {} {} of {}: {}", job.kind.name(), job.bytes, job.slot, answer.status));
        answer
    }

    /// It has no effect.
    pub fn refuse(&mut self, job: &Job) -> Answer {
        self.say(format!("  refused: {} {} of {}", job.kind.name(), job.bytes, job.slot));
        if matches!(job.kind, OpKind::RepoRelease | OpKind::RepoConsume) {
            self.owing.insert(job.slot);
        }
        Answer::of(SALES_HOST_TRANSIENT)
    }

    fn repo_effect(&mut self, job: &Job) -> i32 {
        let (slot, bytes) = (job.slot, i128::from(job.bytes));
        let has = self.of.get(&slot).copied().unwrap_or(0);
        let known = !self.loose && slot != Id::ZERO;
        if job.kind == OpKind::RepoReserve {
            if self.total + job.bytes > CAPACITY {
                return SALES_HOST_NO_SPACE;
            }
            // What ended and could not be given back yet is owed beside what is live.
            if known && has > 0 && !self.owing.contains(&slot) {
                self.broken(format!("S4: slot {slot} has {has} bytes reserved, and {bytes} more are"));
            }
            self.total += job.bytes;
            self.of.insert(slot, has + bytes);
            self.used.remove(&slot);
            return SALES_OK;
        }
        match self.total.checked_sub(job.bytes) {
            Some(total) => self.total = total,
            None => self.broken(format!("S2: {} of {bytes} bytes, {} are reserved", job.kind.name(), self.total)),
        }
        if known && has < bytes {
            self.broken(format!("S2: {} of {bytes} bytes for slot {slot}, which has {has}", job.kind.name()));
        }
        self.of.insert(slot, has - bytes);
        if job.kind == OpKind::RepoConsume {
            *self.used.entry(slot).or_default() += bytes;
        }
        let kept = has - bytes + self.used.get(&slot).copied().unwrap_or(0);
        // Without repo.consume what landed is released.
        if known && self.has_consume && kept < self.must_keep(&slot) {
            self.broken(format!("S5: {} of {bytes} bytes for slot {slot}, which is filled", job.kind.name()));
        }
        SALES_OK
    }
}
