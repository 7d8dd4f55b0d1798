//! When what the Repo refused is asked again: not at once, after a pause that doubles up to a minute, and then at the next tick, whatever the clock
//! did. And when the next tick is asked for: neither later than that, nor when there is nothing to do.

use super::driver::{id_of, World};
use super::job::{Job, Kind};
use super::model::{NOBODY, SLOTS};
use sales::ledger::task::Task;
use std::collections::BTreeMap;

/// The longest pause, seconds.
const LONGEST: u64 = 60;

/// Since when something waits, and how often it was refused.
#[derive(Debug, Clone, Copy, Default)]
struct Pause {
    until: u64,
    refused: u32,
}

impl Pause {
    fn refuse(&mut self, now: u64) {
        self.refused += 1;
        let mut seconds = 1;
        for _ in 1..self.refused {
            seconds = LONGEST.min(seconds * 2);
        }
        self.until = now + seconds;
    }

    /// Nothing waits for longer than a minute, also when the clock was set back.
    fn is_over(&self, now: u64) -> bool {
        !(now + 1..=now + LONGEST).contains(&self.until)
    }
}

/// All that waits for a tick.
#[derive(Debug, Default)]
pub struct Pace {
    steps: BTreeMap<usize, Pause>,
    owed: Pause,
    /// The Repo is short, as far as was compared.
    short: bool,
    refill: Pause,
    /// The slot whose owed bytes were tried last.
    tried: Option<usize>,
}

impl Pace {
    /// The books are settled: nothing waits but what the Repo lost.
    pub fn settled(&mut self, short: bool) {
        *self = Pace { short, tried: self.tried, ..Pace::default() };
    }

    /// A step could not be taken.
    pub fn step_refused(&mut self, at: usize, now: u64) {
        self.steps.entry(at).or_default().refuse(now);
    }

    pub fn owed_refused(&mut self, now: u64) {
        self.owed.refuse(now);
    }

    pub fn owed_repaid(&mut self) {
        self.owed = Pause::default();
    }

    pub fn refill_refused(&mut self, now: u64) {
        self.refill.refuse(now);
    }

    /// It could not be written down, or the store could not be read: it waits as if it had been refused.
    pub fn refill_failed(&mut self, now: u64, still_short: bool) {
        self.refill.refuse(now);
        self.short = still_short;
    }

    pub fn refilled(&mut self, still_short: bool) {
        (self.refill, self.short) = (Pause::default(), still_short);
    }

    /// A consumption was recorded beside another operation: its step is for the next tick.
    pub fn left_over(&mut self, at: usize) {
        self.steps.entry(at).or_default();
    }

    /// All steps of a slot are taken.
    pub fn steps_done(&mut self, at: usize) {
        self.steps.remove(&at);
    }
}

impl World {
    fn free_owed(&self) -> Vec<usize> {
        self.owed.keys().copied().filter(|at| !self.claimed(*at)).collect()
    }

    /// Not while what was granted before is still to go back.
    fn may_refill(&self) -> bool {
        self.pace.short && !self.claimed(NOBODY) && !self.owed.contains_key(&NOBODY)
    }

    /// What a tick begins: all that is due and nothing else. Answers which of it gives back what is owed.
    pub fn check_due(&mut self, due: &[Task]) -> Option<usize> {
        if self.store.is_dead() {
            return None;
        }
        if !self.gate {
            assert!(due.is_empty(), "S1: a tick begins something while nothing is let in");
            return None;
        }
        let now = self.now;
        let waits = |at: &usize| self.pace.steps.get(at).is_some_and(|pause| pause.is_over(now)) && !self.claimed(*at);
        let mut expected: Vec<usize> = (0..SLOTS).filter(waits).collect();
        let repay = expected.len();
        let free = self.free_owed();
        let repays = !free.is_empty() && self.pace.owed.is_over(now);
        if repays {
            let at = due.get(repay).and_then(|task| free.iter().find(|at| id_of(**at) == task.slot));
            let at = *at.unwrap_or_else(|| panic!("S6: owed bytes of {free:?} are due at {now}, and not given back"));
            let fair = self.pace.tried != Some(at) || free.len() == 1;
            assert!(fair, "S6: owed bytes of slot {at} are tried again, and {free:?} wait");
            self.pace.tried = Some(at);
            expected.push(at);
        }
        if self.may_refill() && self.pace.refill.is_over(now) {
            expected.push(NOBODY);
        }
        let begun: Vec<usize> =
            due.iter().map(|task| (0..=NOBODY).find(|at| id_of(*at) == task.slot).unwrap_or(usize::MAX)).collect();
        assert!(begun == expected, "S6: a tick at {now} begins {begun:?}, due are {expected:?}: {:?}", self.pace);
        repays.then_some(repay)
    }

    /// When the next tick is asked for.
    pub fn check_next_tick(&self) {
        // What was under way at a stop is gone, and a start settles it.
        if self.jobs.iter().any(|job| matches!(job.kind, Kind::Start { .. })) {
            return;
        }
        let steps = self.pace.steps.iter().filter(|(at, _)| !self.claimed(**at)).map(|(_, pause)| pause.until);
        let owed = (!self.free_owed().is_empty()).then_some(self.pace.owed.until);
        let short = self.may_refill().then_some(self.pace.refill.until);
        let right = steps.chain(owed).chain(short).min().filter(|_| self.gate).unwrap_or(u64::MAX);
        let told = self.ledger.next_retry();
        assert!(told == right, "S6: the next tick is asked for at {told}, due is {right}: {:?}", self.pace);
    }

    /// Whether an operation has come to the steps of its slot.
    pub fn steps_of(&self, job: &Job) -> bool {
        match job.kind {
            Kind::Release { .. } => job.effect,
            Kind::Consume { .. } => job.effect && job.claims,
            Kind::Tick => job.claims && !job.repays && job.at != NOBODY,
            Kind::Inherit { .. } => true,
            _ => false,
        }
    }

    /// An operation ends: whether its slot waits for a tick.
    pub fn keep_pace(&mut self, job: &Job) {
        if self.steps_of(job) && !job.postponed {
            self.pace.steps_done(job.at);
        }
        if matches!(job.kind, Kind::Consume { .. }) && job.effect && !job.claims {
            self.pace.left_over(job.at);
        }
    }
}
