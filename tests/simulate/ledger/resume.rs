//! How an operation goes on: what it is told, what it needs next, and what the model learns from that.

use super::driver::{id_of, say, World};
use super::job::{Call, Fate, Job, Kind, Wait};
use super::model::{Deed, Keep, Ride, NOBODY};
use sales::ledger::task::{Got, Need, Step};
use sales::status::SALES_ERR_STORE;

impl World {
    pub fn resume(&mut self, mut job: Job, got: Option<Got>) {
        if !job.begun {
            job.begun = true;
            match job.kind {
                Kind::Reconcile { .. } => {
                    job.was_open = self.gate;
                    self.gate = false;
                }
                Kind::Start { .. } | Kind::Inherit { .. } => {}
                _ => job.claims = self.gate && !self.claimed(job.at),
            }
        }
        let fed = match &got {
            Some(Got::Repo(answer)) => Some(answer.is_ok()),
            _ => None,
        };
        let fails = self.hit(self.odds.read).then(|| self.rng.below(3) as u32).filter(|_| !self.store.is_dead());
        self.store.fail_a_read(fails);
        let step = job.task.resume(self.now, got);
        job.blind = fails.is_some() && !self.store.fail_a_read(None);
        if job.blind {
            self.count("a read fails");
            job.told.push(SALES_ERR_STORE);
        }
        if let Some(ok) = fed {
            self.after_call(&mut job, ok);
        }
        if let Some((deed, Some(fate))) = job.deed {
            self.after_commit(&mut job, deed, fate);
            job.deed = None;
        }
        match step {
            Step::Needs(need) => self.need(job, need),
            Step::Done(done) => {
                // What is begun and could not be looked at waits for a tick, as if it had been refused.
                if job.blind && self.steps_of(&job) && !job.postponed {
                    self.postpone(&mut job);
                }
                let refills = job.kind == Kind::Tick && job.at == NOBODY && !job.repays;
                if job.blind && refills && job.claims && (job.calls, job.commits) == (0, 0) {
                    self.pace.refill_refused(self.now);
                }
                self.done(job, done);
            }
        }
    }

    fn after_call(&mut self, job: &mut Job, ok: bool) {
        let at = job.at;
        match (job.call.take(), ok) {
            (Some(Call::Compensate), false) => {
                self.count("owed");
                *self.owed.entry(at).or_default() += std::mem::take(&mut job.granted);
            }
            (Some(Call::Owed), true) => self.repaid(job),
            (Some(Call::Owed), false) => self.pace.owed_refused(self.now),
            (Some(Call::Grant), false) if at == NOBODY => self.pace.refill_refused(self.now),
            (Some(Call::Step { .. }), false) => {
                let step = self.ledger.record(&id_of(at)).ok().flatten().map_or(0, |record| record.step);
                assert!(
                    step == 0 || self.store.is_dead(),
                    "S3: what the Repo refused of slot {at} counts as begun: {step}"
                );
                self.postpone(job);
            }
            (Some(Call::Step { releasing, consuming }), true) => match self.can.total {
                true => {
                    job.given = 0;
                    self.riding.push(Ride::Settled { slot: at, releasing, consuming });
                }
                false => job.call = Some(Call::Step { releasing, consuming }),
            },
            _ => {}
        }
    }

    fn postpone(&mut self, job: &mut Job) {
        self.pace.step_refused(job.at, self.now);
        job.postponed = true;
    }

    fn repaid(&mut self, job: &mut Job) {
        self.pace.owed_repaid();
        self.count("owed bytes given back");
        self.owed.remove(&job.at);
        job.given = 0;
    }

    fn after_commit(&mut self, job: &mut Job, deed: Deed, fate: Fate) {
        match (deed, fate) {
            (_, Fate::Unknown) => {}
            (Deed::Refilled(bytes), fate) => {
                let excess = match fate {
                    Fate::Done(excess) => excess,
                    _ => bytes,
                };
                if excess > 0 {
                    if matches!(fate, Fate::Done(_)) {
                        self.count("a refill came too late");
                    }
                    *self.owed.entry(NOBODY).or_default() += excess;
                }
                job.granted = 0;
                let still_short = self.plain.shortfall > 0 || job.blind;
                match fate {
                    Fate::Done(_) => self.pace.refilled(still_short),
                    _ => self.pace.refill_failed(self.now, still_short),
                }
            }
            (Deed::Announce, Fate::Clean | Fate::Refused) => self.postpone(job),
            (Deed::Settle { releasing, consuming }, Fate::Clean | Fate::Refused) => {
                self.postpone(job);
                job.given = 0;
                self.riding.push(Ride::Settled { slot: job.at, releasing, consuming });
            }
            // An inherited one is asked for again.
            (Deed::Unmark, _) if matches!(job.kind, Kind::Inherit { .. }) => {}
            (Deed::Unmark, Fate::Clean | Fate::Refused) => self.riding.push(Ride::Unmarked { slot: job.at }),
            (Deed::Recovered { .. }, Fate::Done(_)) => self.owed.clear(),
            _ => {}
        }
    }

    pub fn need(&mut self, mut job: Job, need: Need) {
        job.wait = match need {
            Need::Commit(change) => {
                let deed = self.deed(&mut job, change.len());
                say!(self, "#{} commits {deed:?}", job.number);
                if let (Deed::Release { .. }, Kind::Release { by_sale, .. }) = (deed, job.kind) {
                    let whose = self.view(job.at).live.is_some_and(|live| live.of_sale == by_sale);
                    assert!(whose, "S5: #{} {:?} of slot {}, which is another's", job.number, job.kind, job.at);
                }
                if let Deed::Mark { .. } = deed {
                    let owed = self.owed_of(job.at);
                    assert!(owed == 0, "S2: #{} is marked over {owed} bytes that are owed", job.number);
                }
                if let Deed::Consume { total } = deed {
                    let new = self.view(job.at).live.is_some_and(|live| total > live.consumed);
                    assert!(new, "S4: #{} {:?} of slot {}, which has landed already", job.number, job.kind, job.at);
                }
                job.commits += 1;
                Wait::Commit(change, deed)
            }
            Need::Repo { kind, slot, bytes, act } => {
                job.calls += 1;
                assert!(!job.unknown, "S3: #{} calls the Repo after a commit of which nobody knows", job.number);
                if !self.store.is_dead() || job.granted > 0 {
                    job.call = Some(self.purpose(&job, kind, slot, bytes));
                } else if job.call.is_none() {
                    job.call = Some(Call::Repair);
                }
                Wait::Repo { kind, bytes, act }
            }
            Need::Total => Wait::Total,
            Need::Settlement { .. } => {
                let Kind::Inherit { applied } = job.kind else { panic!("S3: {:?} waits to be settled", job.kind) };
                self.count("inherited in doubt");
                self.ledger.doubt(&id_of(job.at));
                Wait::Doubt(applied)
            }
        };
        self.jobs.push(job);
    }

    /// Which change it is that an operation wants to commit.
    pub fn deed(&mut self, job: &mut Job, acts: usize) -> Deed {
        let total = self.can.total;
        match job.kind {
            Kind::Reserve { bytes, of_sale, .. } if !total && job.commits == 0 => Deed::Mark { bytes, of_sale },
            Kind::Reserve { bytes, of_sale, note, bad } if job.granted > 0 => {
                Deed::Reserve { bytes, of_sale, note, bad }
            }
            Kind::Release { note, .. } if job.commits == 0 => Deed::Release { note },
            Kind::Consume { total } if job.commits == 0 => Deed::Consume { total },
            Kind::Tick if job.at == NOBODY && job.given == 0 && total => Deed::Refilled(job.granted),
            Kind::Start { .. } | Kind::Reconcile { .. } if acts == 0 => Deed::Flush,
            Kind::Start { reset } if total => match (job.totals, job.expect) {
                (1, None) => Deed::Proven,
                (1, Some(why)) if reset.is_none() => panic!("S3: a start goes on that deserves {why}"),
                (1, Some(_)) => Deed::Untrusted { repo: self.repo.id },
                _ => Deed::Recovered {
                    total: job.total.unwrap_or(-1),
                    keep: self.keep(job),
                    id: reset.filter(|_| job.expect.is_some()),
                },
            },
            Kind::Start { .. } if job.commits == 0 && !self.proven => Deed::Proven,
            Kind::Start { reset } if self.plain.untrusted => {
                Deed::Recovered { total: self.plain.held(), keep: Keep::None, id: reset }
            }
            Kind::Start { .. } => Deed::Started,
            Kind::Reconcile { .. } => {
                Deed::Recovered { total: job.total.unwrap_or(-1), keep: self.keep(job), id: None }
            }
            _ if total => panic!("more commits than the law has: {:?}", job.kind),
            Kind::Inherit { .. } if self.view(job.at).mark.is_some() => match job.settled {
                Some(true) => Deed::Inherit,
                _ => Deed::Unmark,
            },
            Kind::Inherit { .. } if job.settled == Some(true) && job.given > 0 && job.call.is_none() => {
                let consuming = job.given.min(self.view(job.at).consuming);
                Deed::Settle { releasing: job.given - consuming, consuming }
            }
            _ => match (job.given > 0, job.call.take()) {
                (true, Some(Call::Step { releasing, consuming })) => {
                    job.settled = None;
                    Deed::Settle { releasing, consuming }
                }
                _ if matches!(job.kind, Kind::Reserve { .. }) => Deed::Unmark,
                // What was owed is given back, and its mark goes.
                _ if job.kind == Kind::Tick && self.view(job.at).mark.is_some() => Deed::Unmark,
                _ => Deed::Announce,
            },
        }
    }
}
