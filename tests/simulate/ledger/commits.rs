//! Group commit: the leader's batches, their faults, and what is durable after them.

use super::driver::{say, World};
use super::job::{Fate, Wait};
use super::model::{Deed, Slot};
use crate::store::Plan;
use sales::ledger::task::Got;

impl World {
    /// What rides is committed, with nothing else.
    pub fn flush(&mut self) {
        let plan = self.fault();
        self.store.plan(plan);
        let done = self.ledger.group().flush();
        self.store.plan(Plan::Good);
        say!(self, "flush with {plan:?}: {done:?}");
        let next = self.view_all();
        match plan {
            Plan::Good | Plan::Again => {
                done.expect("S8: a flush is refused");
                self.plain = next;
                self.riding.clear();
            }
            Plan::Clean { .. } => assert!(done.is_err(), "S3: a flush that failed is told as done"),
            Plan::Unknown { .. } => self.fork = Some(next),
        }
    }

    pub fn fault(&mut self) -> Plan {
        let odds = self.odds;
        let (what, plan) = if self.hit(odds.clean) {
            ("commit fails cleanly", Plan::Clean { full: self.rng.chance(500) })
        } else if self.hit(odds.meta) {
            match self.rng.chance(500) {
                true => ("commit unknown, there", Plan::Unknown { there: true }),
                false => ("commit unknown, not there", Plan::Unknown { there: false }),
            }
        } else if self.hit(30) {
            ("commit body runs twice", Plan::Again)
        } else {
            return Plan::Good;
        };
        if self.store.is_dead() {
            return Plan::Good;
        }
        self.count(what);
        plan
    }

    /// The leader's work: some of what is queued, in one transaction.
    pub fn batch(&mut self) {
        let mut queue: Vec<usize> =
            (0..self.jobs.len()).filter(|at| matches!(self.jobs[*at].wait, Wait::Commit(..))).collect();
        for at in (1..queue.len()).rev() {
            let with = self.rng.below(at + 1);
            queue.swap(at, with);
        }
        let some = if self.calm { queue.len() } else { self.rng.range(queue.len().min(1), queue.len()) };
        queue.truncate(some);
        if queue.is_empty() {
            return;
        }
        let was_dead = self.store.is_dead();
        let plan = self.fault();
        let mut changes = Vec::new();
        for at in &queue {
            let Wait::Commit(change, _) = &self.jobs[*at].wait else { unreachable!("filtered") };
            changes.push(change.clone());
        }
        self.store.plan(plan);
        let outcomes = self.ledger.group().run(&changes);
        self.store.plan(Plan::Good);
        assert!(outcomes.len() == changes.len(), "a change is without an outcome");
        if queue.len() > 1 {
            self.count("shared commits");
        }
        let mut next = self.view_all();
        for (at, outcome) in queue.iter().zip(outcomes) {
            let fate = Fate::of(&outcome);
            let Wait::Commit(_, deed) = std::mem::replace(&mut self.jobs[*at].wait, Wait::Fresh) else {
                unreachable!("filtered")
            };
            say!(self, "#{} commit {deed:?} with {plan:?}: {outcome:?}", self.jobs[*at].number);
            if let Deed::Recovered { .. } = deed {
                let begun = |slot: &Slot| slot.unsettled() > 0 || slot.mark.is_some();
                self.jobs[*at].unsettled = next.slots.iter().filter(|slot| begun(slot)).count();
            }
            let expected = if was_dead { Ok(None) } else { next.apply(self.jobs[*at].at, &deed) };
            let job = &mut self.jobs[*at];
            let right = match (&expected, plan, &outcome) {
                _ if was_dead => fate == Fate::Clean,
                (Err(status), _, Err(failure)) => {
                    let refused = fate == Fate::Refused && failure.clone().error().status == *status;
                    if refused && matches!(deed, Deed::Reserve { .. } | Deed::Consume { .. }) {
                        *self.counts.entry("refused alone").or_default() += 1;
                    }
                    refused
                }
                (Err(_), _, Ok(_)) => false,
                (Ok(out), Plan::Good | Plan::Again, Ok(n)) => out.is_none_or(|out| out == i128::from(*n)),
                (Ok(_), Plan::Clean { .. }, Err(_)) => fate == Fate::Clean,
                (Ok(_), Plan::Unknown { .. }, Err(_)) => fate == Fate::Unknown,
                _ => false,
            };
            assert!(right, "S3: {deed:?} of slot {} ends {outcome:?}; right is {expected:?} with {plan:?}", job.at);
            job.unknown |= fate == Fate::Unknown;
            if let Err(failure) = &outcome {
                job.told.push(failure.clone().error().status);
            }
            if let Fate::Done(out) = fate {
                match deed {
                    Deed::Reserve { .. } | Deed::Inherit => (job.effect, job.granted) = (true, 0),
                    Deed::Release { .. } | Deed::Consume { .. } | Deed::Recovered { .. } => job.effect = true,
                    Deed::Settle { .. } => job.given = 0,
                    Deed::Proven => self.proven = true,
                    Deed::Refilled(_) => job.granted = out,
                    _ => {}
                }
            }
            job.deed = Some((deed, Some(fate)));
            job.wait = Wait::Answered(Got::Committed(outcome));
        }
        match plan {
            _ if was_dead => {}
            Plan::Good | Plan::Again => {
                self.plain = next;
                self.riding.clear();
            }
            Plan::Clean { .. } => {}
            Plan::Unknown { .. } => self.fork = Some(next),
        }
        self.hear();
    }

    /// The news of a commit: numbered without a gap, and all of them.
    fn hear(&mut self) {
        for event in self.ledger.group().take_news() {
            self.news += 1;
            assert!(event.number == self.news, "S3: event {} is told after {}", event.number, self.news - 1);
        }
        assert!(self.news == self.plain.events, "S3: {} of {} events are told", self.news, self.plain.events);
    }
}
