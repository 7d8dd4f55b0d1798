//! The module's life: opened, started, stopped, killed, and what of the host dies with it.

use super::disk::Disk;
use super::host::Host;
use super::truth::{say, Fate};
use super::world::World;
use sales::engine::Engine;
use sales::host::OpKind;
use sales::market::Market;
use sales::status::*;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

impl World {
    /// The process ends, and no thread of it is left: what was out at the host took effect or not.
    pub fn die(&self, how: &'static str) {
        let engine = self.t().engine.take();
        if catch_unwind(AssertUnwindSafe(|| drop(engine))).is_err() {
            self.broken("S8: dropping the module panics".into());
        }
        let mut t = self.t();
        t.count(how);
        say!(t, "== {how} ==");
        for out in std::mem::take(&mut t.out) {
            t.old_tokens.push(out.job.token);
            let reads = matches!(out.job.kind, OpKind::ReadSlot | OpKind::ReadRequest | OpKind::Prove | OpKind::Keep);
            if out.done.is_some() || reads {
                continue;
            }
            if t.rng.chance(500) && !out.cancelled {
                t.count("what was out at a crash happens");
                Host::happen(&mut t, &out.job, out.fate);
            } else if out.job.kind == OpKind::FillSlot && t.lands_late() {
                t.may_land(out.job.slot);
            }
        }
        if t.has.forgets && t.hit(400) {
            let at = t.rng.below(1000);
            if t.books.forget(at) {
                t.count("module and host crash, and the repo forgets");
                say!(t, "the repo forgets: total {}", t.books.total);
                t.forgot = true;
                t.by_slot = false;
                t.acts.lost();
                // And others have taken the room: then it cannot be had again.
                if t.rng.chance(500) {
                    t.books.other = t.books.capacity;
                }
            }
        }
        t.acts.begin_anew();
        t.not_taken_in();
        t.told = Default::default();
        t.ticks_unasked = 0;
        t.doubts.clear();
        t.filled.clear();
        t.to_tell.clear();
        t.asked_of.clear();
        t.news = Default::default();
        t.asked.another_life();
        t.halted = false;
        t.in_order = false;
        t.tokens.clear();
        t.store.reopen();
        (t.crashed, t.started, t.stopping, t.refused, t.condemned) = (false, false, false, false, None);
        if t.has.loses && t.hit(250) && t.origin == super::loss::Origin::True {
            t.lose_store();
        }
    }

    /// A new process.
    fn boot(&self) {
        let options = {
            let mut t = self.t();
            t.options.seed = t.rng.next() | 1;
            t.books.past.clear();
            t.turn();
            t.options
        };
        let disk = Disk { store: self.t().store.clone(), shared: self.shared.clone() };
        let engine = match Engine::new(Box::new(disk), options) {
            Ok(engine) => Arc::new(engine),
            Err(error) => return self.broken(format!("the store cannot be opened: {error}")),
        };
        let host = Arc::new(Host { shared: self.shared.clone() });
        let registered = [
            engine.register_repo(host.clone()),
            engine.register_chain(host.clone()),
            engine.register_content(host.clone()),
            engine.register_watch(host),
            engine.set_market(Market { repair_reward_percentage: 10, duration_limit: self.t().longest }),
        ];
        if registered.iter().any(Result::is_err) {
            self.broken(format!("{registered:?}"));
        }
        {
            let mut t = self.t();
            t.engine = Some(engine);
            t.latest = 0;
            let durable = t.durable_block();
            t.blocks_anew(durable);
        }
        if self.chance(50) {
            self.refused_before_the_start();
        }
    }

    /// Starts, as far as it gets in one go.
    pub fn start(&self) {
        if self.engine().is_none() {
            self.boot();
        }
        for _ in 0..4 {
            self.t().wake_anew();
            let (now, deserves, alone, alerts) = {
                let t = self.t();
                (t.now(), t.deserves(), t.inside == 0, t.told.alerts)
            };
            self.now();
            {
                let mut t = self.t();
                t.asked.another_life();
                t.halted = false;
            }
            match self.call("start", |engine| engine.start(now)) {
                Some(Ok(SALES_OK)) => {
                    let mut t = self.t();
                    (t.started, t.forgot) = (true, false);
                    t.count("started");
                    if let Some(status) = deserves.filter(|_| alone && !t.options.reset) {
                        t.broken(format!("S3: a store is started that deserves {status}"));
                    }
                    t.options.reset = false;
                    drop(t);
                    self.check_short_told(alerts);
                    return;
                }
                Some(Ok(SALES_PENDING)) => {
                    self.t().count("start pends");
                    while self.complete() {}
                }
                Some(Ok(other)) => return self.broken(format!("start answers {other}")),
                Some(Err(error)) => {
                    let mut t = self.t();
                    let named = [SALES_ERR_STORE_NEW, SALES_ERR_STORE_STALE, SALES_ERR_STORE_BACKUP];
                    if named.contains(&error.status) {
                        t.count("start refused because of the store");
                        t.refused = true;
                        if alone && (t.options.reset || deserves != Some(error.status)) {
                            t.broken(format!("S8: start is answered {error}, and deserves {deserves:?}"));
                        }
                        return;
                    }
                    return t.count("start fails");
                }
                None => return,
            }
        }
    }

    /// Stops, or as far as the other threads let it.
    pub fn stop(&self) {
        for round in 0..5000 {
            let now = self.now();
            {
                let mut t = self.t();
                t.halted = t.has.threads == 0;
            }
            match self.call("stop", |engine| engine.stop(now)) {
                Some(Ok(SALES_OK | SALES_ALREADY)) => {
                    let mut t = self.t();
                    (t.started, t.stopping) = (false, false);
                    t.doubts.clear();
                    t.acts.begin_anew();
                    t.not_taken_in();
                    t.nothing_is_kept();
                    t.told = Default::default();
                    t.count("stopped");
                    let alone = t.has.threads == 0;
                    drop(t);
                    if alone {
                        self.engine().inspect(|engine| self.check_flushed("a stop", engine));
                        self.refused_when_not_running("after the stop");
                        self.stopped_twice();
                    }
                    return;
                }
                Some(Ok(SALES_PENDING)) if round < 4990 => {
                    if round == 0 && self.t().has.threads == 0 {
                        self.refused_when_not_running("while it stops");
                        self.all_is_cancelled();
                    }
                    if !self.complete() && round > 5 {
                        let mut t = self.t();
                        if t.inside > 0 {
                            t.stopping = true;
                        } else {
                            t.broken("stop pends, and nothing is out".into());
                        }
                        return;
                    }
                }
                Some(Ok(other)) => return self.broken(format!("stop answers {other} in the end")),
                Some(Err(error)) if error.status == SALES_ERR_STATE => return,
                Some(Err(_)) => {}
                None => return,
            }
        }
    }

    /// The node beside the module crashes: what was out at it ends, and nobody knows how.
    pub fn host_crash(&self) {
        let mut t = self.t();
        if t.out.is_empty() || t.calm {
            return;
        }
        t.count("the host alone crashes");
        say!(t, "the host crashes, the module lives");
        let mut outs = std::mem::take(&mut t.out);
        for out in outs.iter_mut().filter(|out| out.done.is_none()) {
            out.fate = match out.job.kind {
                OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume | OpKind::FillSlot => {
                    Fate::Unknown(t.rng.chance(500))
                }
                _ => Fate::Refused(SALES_HOST_TRANSIENT),
            };
        }
        t.out = outs;
    }
}
