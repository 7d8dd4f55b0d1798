//! The host's side of a callback: what is rolled for it, what happens, how it is answered, and what the host calls from inside it.

use super::truth::{say, Crash, Doubt, Fate, Job, Out, Shared, Truth};
use sales::datastore::Backend;
use sales::engine::Engine;
use sales::host::{Answer, Op, OpKind};
use sales::market::Id;
use sales::sales::Happened;
use sales::status::*;
use std::sync::MutexGuard;

/// So often a call calls the host at most; a world of a thousand slots takes some twenty thousand.
const HOST_CALLS: u64 = 200_000;

/// Under which the library keeps what it reserves anew of a shortfall.
const SHORTFALL: Id = Id([0xff; 32]);

#[derive(Clone)]
pub struct Host {
    pub shared: Shared,
}

/// When an operation is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Now,
    /// By sales_complete, before the callback returns, whatever that returns.
    Early,
    Later,
}

impl Host {
    pub fn job(op: &Op, request: Id) -> Job {
        Job {
            kind: op.kind,
            token: op.token,
            slot: op.slot,
            request,
            bytes: 0,
            id: op.id,
            attempt: op.attempt,
            deadline: op.deadline,
            asked_at: 0,
            store: (op.store_id, op.store_seq),
            of_recovery: false,
        }
    }

    /// Into a callback; a dead process does nothing any more.
    pub fn enter(&self) -> MutexGuard<'_, Truth> {
        let mut t = self.shared.lock();
        if t.crashed {
            drop(t);
            std::panic::panic_any(Crash);
        }
        t.host_calls += 1;
        if t.host_calls > HOST_CALLS {
            drop(t);
            panic!("a call makes more than {HOST_CALLS} calls of the host");
        }
        t
    }

    pub fn maybe_crash(&self, t: &mut MutexGuard<'_, Truth>, what: &'static str) {
        let odds = t.odds;
        if t.hit(odds.crash) {
            t.count(what);
            say!(t, "{what}");
            t.crashed = true;
            std::panic::panic_any(Crash);
        }
    }

    fn fate(t: &mut Truth, kind: OpKind) -> Fate {
        let odds = t.odds;
        if t.hit(odds.unknown) {
            let happens = t.rng.chance(500);
            t.count(if happens { "unknown, done" } else { "unknown, no effect" });
            return Fate::Unknown(happens);
        }
        if t.hit(odds.transient) {
            t.count("refused: transient");
            return Fate::Refused(SALES_HOST_TRANSIENT);
        }
        if t.hit(odds.permanent) {
            t.count("refused: permanent");
            let all = [SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_NO_SPACE];
            return Fate::Refused(t.rng.pick(&all[..if kind == OpKind::RepoReserve { 4 } else { 3 }]));
        }
        Fate::True
    }

    /// Lets an operation happen, or not. Answers how it is answered, and its fate from now on.
    pub fn happen(t: &mut Truth, job: &Job, fate: Fate) -> (Answer, Fate) {
        match fate {
            Fate::True => (t.effect(job), fate),
            Fate::Refused(status) => {
                t.refused_op(job);
                (Answer { text: "the host says no".into(), ..Answer::of(status) }, fate)
            }
            Fate::Unknown(happens) => {
                let done = happens && t.effect(job).is_ok();
                if job.kind == OpKind::FillSlot && !happens && t.lands_late() {
                    t.may_land(job.slot);
                }
                (Answer::of(SALES_HOST_UNKNOWN), Fate::Unknown(done))
            }
        }
    }

    /// The library is told that nobody knows: an operator will be asked whether it happened.
    pub fn doubt(t: &mut Truth, job: &Job, fate: Fate) {
        if job.kind == OpKind::FillSlot && fate == Fate::True && t.chain.host_is_us(&job.slot) {
            t.filled.insert(job.id);
        }
        let of_repo = matches!(job.kind, OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume);
        if let (Fate::Unknown(done), true) = (fate, of_repo && !job.of_recovery) {
            // What is asked for no slot is kept in doubt under a name of its own.
            let slot = if job.slot == Id::ZERO { SHORTFALL } else { job.slot };
            t.told.doubted(&slot);
            t.doubts.insert(slot, Doubt { kind: job.kind, bytes: job.bytes, done });
            t.doubted.insert(slot);
        }
    }

    /// A callback.
    pub fn serve(&self, mut job: Job) -> i32 {
        self.shared.breathe();
        // While what was asked for no slot is in doubt, only a recovery asks so. It asks again by itself, and its total settles both.
        job.of_recovery = job.slot == Id::ZERO && {
            let engine = self.shared.lock().engine.clone();
            engine.is_some_and(|engine| engine.reservation(SHORTFALL).is_ok_and(|view| view.in_doubt))
        };
        let mut t = self.enter();
        let number = t.tokens.len();
        if t.tokens.insert(job.token, number).is_some() {
            t.broken("a token is given twice".to_string());
        }
        // One that was lost since may be filled again: a sale that was not told so has read that it can be.
        if t.filled.contains(&job.id) && t.chain.host_is_us(&job.slot) {
            t.broken(format!(
                "S2: a fill of slot {} that was answered as done is asked again under its name",
                job.slot
            ));
        }
        say!(t, "  asked: {} of {} token t{number}", job.kind.name(), job.slot);
        // Another thread may have committed since; but no call carries a number that is not durable.
        let (seq, alone) = (t.store.seq(), t.has.threads == 0);
        if job.store.1 > seq || alone && job.store.1 != seq {
            t.broken(format!("{} says that the last commit is {}, it is {seq}", job.kind.name(), job.store.1));
        }
        job.asked_at = t.now();
        t.check_op(&job);
        t.is_asked(&job);
        self.maybe_crash(&mut t, "crash before an effect");
        let mut fate = Host::fate(&mut t, job.kind);
        let odds = t.odds;
        let when = match () {
            () if t.hit(odds.pending) => When::Later,
            () if job.kind.owes().is_some() || t.hit(odds.early) => When::Early,
            () => When::Now,
        };
        // OK without what it owes is none.
        if job.kind.owes().is_some() && when == When::Early && fate == Fate::True && t.hit(odds.unknown) {
            t.count("OK without its data");
            return SALES_OK;
        }
        let now_or_later = when != When::Later || t.rng.chance(400);
        let mut done = None;
        if now_or_later {
            let (answer, so) = Host::happen(&mut t, &job, fate);
            say!(t, "    answer {} {when:?}", answer.status);
            (done, fate) = (Some(answer), so);
        }
        let inside = t.hit(odds.inside).then(|| t.engine.clone()).flatten();
        self.maybe_crash(&mut t, "crash after an effect");
        if when == When::Later {
            t.count("pending");
            let out = Out { job: job.clone(), fate, done, cancelled: false };
            t.out.push(out);
            drop(t);
            self.shared.breathe();
            if let Some(engine) = inside {
                self.inside(&engine, &job.slot);
            }
            drop(self.enter());
            return SALES_PENDING;
        }
        let answer = done.unwrap_or_default();
        Host::doubt(&mut t, &job, fate);
        t.answered(&job, &answer);
        let (now, engine) = (t.now(), t.engine.clone());
        let odd = t.rng.pick(&[SALES_OK, SALES_PENDING, SALES_HOST_TRANSIENT, 77, SALES_ERR_BUSY]);
        t.wake_by_release(&job, answer.is_ok());
        if when == When::Early {
            t.latest = t.latest.max(now);
            t.count("completed inside the callback");
        }
        let strange = answer.is_unknown() && t.rng.chance(300);
        drop(t);
        self.shared.breathe();
        if let Some(engine) = inside {
            self.inside(&engine, &job.slot);
        }
        drop(self.enter());
        if when == When::Now {
            return if strange { -12345 } else { answer.status };
        }
        let Some(engine) = engine else { return answer.status };
        let done = engine.complete(now, job.token, answer.clone());
        if done != Ok(SALES_OK) {
            self.shared.lock().broken(format!("a completion of {} inside its callback: {done:?}", job.kind.name()));
        }
        odd
    }

    /// What the host calls from inside a callback.
    pub fn inside(&self, engine: &Engine, slot: &Id) {
        let mut t = self.shared.lock();
        t.called_in();
        let now = t.now();
        t.latest = t.latest.max(now);
        let what = t.rng.below(8);
        t.count("called in from a callback");
        let wire = t.chain.wire.clone();
        let wire = (!wire.is_empty()).then(|| t.rng.pick(&wire));
        let landed = if t.is_kept_by_repo(slot) { t.land(slot) } else { None };
        let nonsense = t.rng.next();
        t.asked.stirred();
        drop(t);
        let done = match (what, landed, wire) {
            (0..=2, Some(total), _) => {
                self.shared.lock().count("consumed, told inside a callback");
                let told = engine.consumed(now, *slot, total);
                if told == Ok(SALES_QUEUED) {
                    self.shared.lock().told.consumed_inside(*slot, total);
                }
                told
            }
            (0..=3, _, Some(wire)) => {
                {
                    let mut t = self.shared.lock();
                    t.count("event told inside a callback");
                    t.told_inside(&wire);
                }
                let told = super::market::tell(engine, now, sales::engine::At::default(), &wire);
                let mut t = self.shared.lock();
                let at = t.chain.wire.iter().position(|other| *other == wire);
                if let (Ok(SALES_QUEUED), Some(at), true) = (&told, at, t.rng.chance(300)) {
                    t.count("event told inside a callback and never again");
                    t.chain.wire.remove(at);
                    t.told.news_inside(wire);
                }
                told
            }
            (4, ..) => match engine.complete(now, nonsense, Answer::of(SALES_OK)) {
                Err(error) if error.status == SALES_ERR_TOKEN => Ok(SALES_OK),
                other => {
                    self.shared.lock().broken(format!("an unknown token is answered {other:?}"));
                    Ok(SALES_OK)
                }
            },
            (5, ..) => match engine.stop(now) {
                Err(error) if error.status == SALES_ERR_IN_CALLBACK => Ok(SALES_OK),
                other => {
                    self.shared.lock().broken(format!("stop inside a callback is answered {other:?}"));
                    Ok(SALES_OK)
                }
            },
            (6, ..) => match engine.reconcile(now, true) {
                Err(error)
                    if matches!(error.status, SALES_ERR_IN_CALLBACK | SALES_ERR_STATE | SALES_ERR_STORE_REOPEN) =>
                {
                    Ok(SALES_OK)
                }
                other => {
                    self.shared.lock().broken(format!("reconcile inside a callback is answered {other:?}"));
                    Ok(SALES_OK)
                }
            },
            (7, _, Some(wire)) => {
                let mut t = self.shared.lock();
                t.count("an index outside of its request is told");
                t.told_inside(&wire);
                let slots = t.chain.requests.get(&wire.request).map_or(0, |on| on.ask.slots);
                drop(t);
                engine.on_slot(now, sales::engine::At::default(), wire.request, slots, Happened::SlotFreed)
            }
            _ => engine.tick(now),
        };
        let mut t = self.shared.lock();
        say!(t, "    inside: {what}: {:?}", done.as_ref().map_err(|error| error.status));
        match done {
            Ok(SALES_OK | SALES_QUEUED | SALES_ALREADY) => {}
            // Not while it starts or stops.
            Err(error) if matches!(error.status, SALES_ERR_STATE | SALES_ERR_STORE_REOPEN) => {}
            // A thousand callbacks of one call that each call in are too much for it, and that is said.
            Err(error) if error.status == SALES_ERR_FULL && t.has.big => {}
            other => t.broken(format!("a call from inside a callback is answered {other:?}")),
        }
    }
}
