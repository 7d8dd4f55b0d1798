//! The calls of the Repo: what each is for, whether it is right, and how it ends.

use super::driver::{id_of, say, Origin, World};
use super::job::{Answer, Call, Job, Kind, Wait};
use super::model::{Keep, NOBODY};
use sales::error::{Error, Result};
use sales::host::{OpKind, RepoTotal};
use sales::ledger::task::Got;
use sales::market::Id;
use sales::status::*;

impl World {
    pub fn reserved(&mut self, job: &mut Job) -> Result<RepoTotal> {
        job.totals += 1;
        if self.hit(self.odds.total_fails) {
            self.count("repo.reserved fails");
            job.told.push(SALES_HOST_TRANSIENT);
            return Err(refusal(SALES_HOST_TRANSIENT));
        }
        if job.total.is_none() && matches!(job.kind, Kind::Start { .. }) {
            job.expect = self.expected_refusal();
        }
        job.total = Some(self.repo.total);
        let mut told = self.repo.reserved();
        // Bytes that nobody can explain, or that are gone: a comparison is for those.
        if matches!(job.kind, Kind::Reconcile { repair: false }) && told.bytes < u64::MAX && self.hit(200) {
            job.wrong_total = true;
            told.bytes = if told.bytes > 0 && self.rng.chance(500) { told.bytes - 1 } else { told.bytes + 1 };
        }
        say!(self, "#{} repo.reserved: {}", job.number, told.bytes);
        Ok(told)
    }

    /// One call of the Repo takes its effect, or not.
    pub fn call(&mut self, job: &mut Job, kind: OpKind, bytes: u64, act: u64) -> Answer {
        let odds = self.odds;
        if self.hit(odds.refused) {
            self.count("repo refuses");
            let why = [SALES_HOST_TRANSIENT, SALES_HOST_NO_SPACE, SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED];
            return Answer::Refused(self.rng.pick(&why));
        }
        let unknown = self.hit(odds.unknown);
        if unknown && self.rng.chance(500) {
            self.count("repo unknown, no effect");
            return Answer::Unknown(false);
        }
        let slot = if job.at == NOBODY { Id::ZERO } else { id_of(job.at) };
        // The id is the books'; a store that has lost its mind cannot be asked, and its last word stands.
        let id = self.plain.id;
        let seq = self.ledger.group().backend().seq();
        let fits = self.repo.effect(kind, slot, bytes, (id, seq));
        say!(self, "#{} repo {} {bytes}: fits {fits}, T={}", job.number, kind.name(), self.repo.total);
        if matches!(job.kind, Kind::Start { .. }) {
            self.origin = Origin::True;
        }
        if !fits {
            self.count("repo is full");
            return if unknown { Answer::Unknown(false) } else { Answer::Refused(SALES_HOST_NO_SPACE) };
        }
        let n = i128::from(bytes);
        if act != 0 {
            let new = self.acts.insert((job.at, act, bytes, kind));
            assert!(new, "S2: #{} {} {bytes} has the name {act:?} of another act", job.number, kind.name());
        }
        match job.call {
            Some(Call::Grant) => job.granted += n,
            Some(Call::Compensate) => job.granted -= n,
            Some(Call::Repair) => {}
            _ => job.given += n,
        }
        if unknown {
            self.count("repo unknown, done");
            return Answer::Unknown(true);
        }
        if job.is_recovery() {
            match kind {
                OpKind::RepoReserve => job.repaired.1 += n,
                _ => job.repaired.0 += n,
            }
        }
        Answer::Ok
    }

    pub fn answer(&mut self, job: &mut Job, answer: Answer) {
        say!(self, "#{} is answered {answer:?}", job.number);
        job.wait = match answer {
            Answer::Ok => Wait::Answered(Got::Repo(Ok(()))),
            Answer::Refused(status) => {
                job.told.push(status);
                Wait::Answered(Got::Repo(Err(refusal(status))))
            }
            // Nobody can settle what belongs to no slot: a recovery asks for the total again.
            Answer::Unknown(_) if job.is_recovery() => {
                self.count("repo unknown to a recovery");
                job.told.push(SALES_HOST_UNKNOWN);
                Wait::Answered(Got::Repo(Err(refusal(SALES_HOST_UNKNOWN))))
            }
            Answer::Unknown(truth) => {
                self.ledger.doubt(&id_of(job.at));
                Wait::Doubt(truth)
            }
        };
    }

    /// What a call that is about to be made is for, and whether it is right (S2, S7).
    pub fn purpose(&mut self, job: &Job, kind: OpKind, slot: Id, bytes: u64) -> Call {
        let n = i128::from(bytes);
        let named = if job.at == NOBODY { Id::ZERO } else { id_of(job.at) };
        assert!(slot == named, "#{} {:?}: the Repo is called for {slot}", job.number, job.kind);
        let whose = format!("#{} {:?} asks {} {bytes}", job.number, job.kind, kind.name());
        if job.is_recovery() {
            let total = job.total.expect("a recovery has asked for the total");
            let (a, d) = self.plain.compare(total, self.keep(job));
            let extra = (total - self.plain.held() - a).max(0);
            match kind {
                OpKind::RepoRelease => assert!(n == extra && n > 0, "S2: {whose}, the surplus is {extra}"),
                OpKind::RepoReserve => assert!(n == d && n > 0, "S7: {whose}, the shortfall is {d}"),
                _ => panic!("S2: {whose}"),
            }
            return Call::Repair;
        }
        if kind == OpKind::RepoReserve {
            match job.kind {
                Kind::Reserve { bytes: asked, .. } => {
                    assert!(n == asked, "S2: {whose}");
                    assert!(self.view(job.at).live.is_none(), "S4: {whose}, the slot is live");
                    assert!(
                        self.plain.shortfall == 0,
                        "S7: {whose}, and the Repo is short of {}",
                        self.plain.shortfall
                    );
                    let mark = self.view(job.at).mark.map_or(0, |mark| mark.0);
                    assert!(self.can.total || mark == n, "S3: {whose} with a mark of {mark}");
                }
                _ => assert!(job.kind == Kind::Tick && job.at == NOBODY && n > 0, "S2: {whose}"),
            }
            assert!(job.granted == 0, "S2: {whose}, granted already");
            return Call::Grant;
        }
        if job.granted > 0 {
            assert!(kind == OpKind::RepoRelease && n == job.granted, "S2: {whose}, granted {}", job.granted);
            return Call::Compensate;
        }
        let view = self.view(job.at);
        let (releasing, consuming) = match (self.can.consume, kind) {
            (true, OpKind::RepoConsume) if self.can.total => (0, view.consuming),
            (true, OpKind::RepoConsume) => (0, n.min(view.consuming)),
            (true, _) if view.consuming > 0 => (0, 0),
            (false, OpKind::RepoConsume) => panic!("{whose}: there is no such entry"),
            // Announced before: what landed meanwhile goes with the next.
            _ if !self.can.total && view.live.is_some() => (0, n.min(view.consuming)),
            _ => (view.releasing, view.consuming),
        };
        let step = n == releasing + consuming && job.at != NOBODY && !job.repays;
        let owed = n == self.owed_of(job.at) && kind == OpKind::RepoRelease && job.repays;
        if step && !self.can.total {
            let record = self.ledger.record(&slot).ok().flatten();
            assert!(
                record.is_some_and(|r| i128::from(r.step) == n) || owed,
                "S3: {whose}, and the record does not say so"
            );
        }
        match (step, owed) {
            (true, _) => Call::Step { releasing, consuming },
            (_, true) => Call::Owed,
            _ => panic!("S2: {whose}; begun {view:?}, owed {}", self.owed_of(job.at)),
        }
    }

    pub fn keep(&self, job: &Job) -> Keep {
        match job.kind {
            Kind::Start { reset: Some(_) } if job.expect.is_some() => Keep::All,
            Kind::Start { .. } if self.keep_surplus => Keep::All,
            Kind::Reconcile { .. } => Keep::None,
            _ => Keep::Known,
        }
    }
}

pub fn refusal(status: i32) -> Error {
    Error::new(status, "the Repo says so")
}
