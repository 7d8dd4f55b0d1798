//! The content of slots, with its truth: what lies on the disk.

use super::held::Held;
use super::host::Host;
use super::truth::{say, Job, Truth};
use sales::engine::Engine;
use sales::event::Event;
use sales::host::{Answer, Content, Op, OpKind, Slot, Watch};
use sales::market::Id;
use sales::sales::sale::State;
use sales::status::*;

impl Truth {
    pub fn content_effect(&mut self, job: &Job) -> i32 {
        let size = self.chain.size_of(&job.slot).unwrap_or(0);
        let there = self.content.get(&job.slot).copied();
        match job.kind {
            OpKind::Store => {
                self.content.insert(job.slot, size);
            }
            OpKind::Clear => {
                self.content.remove(&job.slot);
            }
            // An old copy of the store believes in content that was cleared since.
            _ if there != Some(size) && self.forced.contains(&job.slot) => return SALES_HOST_PERMANENT,
            _ if there != Some(size) => {
                self.broken(format!(
                    "{} of slot {}, of which {there:?} of {size} bytes are there",
                    job.kind.name(),
                    job.slot
                ));
            }
            _ => {}
        }
        if job.kind == OpKind::Keep {
            self.keeps.insert(job.slot);
        }
        say!(self, "  content: {} of {}", job.kind.name(), job.slot);
        SALES_OK
    }

    /// Some of a slot's content lands. Answers how much in total, where there is news.
    pub fn land(&mut self, slot: &Id) -> Option<u64> {
        let size = self.chain.size_of(slot)?;
        let there = self.content.get(slot).copied()?;
        let told = self.reported.get(slot).copied().unwrap_or(0);
        let storing = self.out.iter().any(|out| out.job.slot == *slot && out.job.kind == OpKind::Store);
        let to =
            if there < size && storing { there + self.rng.below((size - there) as usize + 1) as u64 } else { there };
        self.content.insert(*slot, to);
        let total = if self.rng.chance(200) { told } else { told.max(to) };
        self.reported.insert(*slot, total);
        (total > 0).then_some(total)
    }

    /// The host reports what has landed.
    pub fn is_kept_by_repo(&self, slot: &Id) -> bool {
        self.books.of.get(slot).is_some_and(|bytes| *bytes > 0)
    }
}

impl Host {
    fn content(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.asked(op, Some(slot));
        self.serve(Host::job(op, slot.request_id))
    }
}

impl Content for Host {
    fn store(&self, op: &Op, slot: &Slot<'_>, until: u64, repairing: bool) -> i32 {
        {
            let mut t = self.enter();
            let size = t.chain.size_of(&op.slot).unwrap_or(0);
            let told = t.reported.get(&op.slot).copied().unwrap_or(0);
            let held = t.books.of.get(&op.slot).copied().unwrap_or(0);
            if t.by_slot && held + i128::from(told) < i128::from(size) && !t.forced.contains(&op.slot) {
                t.broken(format!("S7: stored with {held} of {size} bytes reserved: slot {}", op.slot));
            }
            let ends = t.chain.told_end(&op.slot);
            if !t.has.keep && until < ends {
                t.broken(format!("slot {} is stored until {until}, its request ends at {ends}", op.slot));
            }
            // What can be kept longer is kept longer once it is ours.
            if let Some(sale) = t.sale_of(&op.slot) {
                let short = t.has.keep && !sale.started;
                let exact = if short { t.chain.expiry_of(&op.slot) } else { ends };
                if exact > 0 && until != exact || repairing != sale.repairing {
                    t.broken(format!("stored until {until}, must be {exact}, repairing {repairing}: {sale:?}"));
                }
            }
            if slot.request.is_none() || until == 0 {
                t.broken(format!("slot {} is stored without its request", op.slot));
            }
            if Held::sale(&t.store, &op.slot).is_some_and(|sale| sale.repairing != repairing) {
                t.broken(format!("slot {} is stored as if it were to be rebuilt: {repairing}", op.slot));
            }
            t.content.entry(op.slot).or_insert(0);
        }
        self.content(op, slot)
    }

    fn prove(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.content(op, slot)
    }

    fn keep(&self, op: &Op, slot: &Slot<'_>, until: u64) -> i32 {
        {
            let mut t = self.enter();
            let ends = t.chain.told_end(&op.slot);
            if until < ends {
                t.broken(format!("slot {} is kept until {until}, its request ends at {ends}", op.slot));
            }
        }
        self.content(op, slot)
    }

    fn clear(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        self.content(op, slot)
    }

    fn cancel(&self, token: u64) {
        let (at_once, engine) = {
            self.shared.breathe();
            let mut t = self.enter();
            let Some(at) = t.out.iter().position(|out| out.job.token == token) else {
                // Another thread may have completed it on the way here.
                let just_completed = t.has.threads > 0 && t.old_tokens.contains(&token);
                if !t.crashed && !just_completed {
                    t.broken("a token is cancelled that is not out".to_string());
                }
                return;
            };
            if !matches!(t.out[at].job.kind, OpKind::Store | OpKind::Prove) {
                let kind = t.out[at].job.kind;
                t.broken(format!("{} is cancelled, which may stand", kind.name()));
            }
            if std::mem::replace(&mut t.out[at].cancelled, true) {
                t.broken("a token is cancelled twice".to_string());
            }
            t.count("cancelled");
            let at_once = t.rng.chance(400) && t.out[at].done.is_none();
            if at_once {
                t.out.remove(at);
                t.latest = t.latest.max(t.now());
                t.count("completed inside cancel");
            }
            (at_once.then(|| t.now()), t.engine.clone())
        };
        if let (Some(now), Some(engine)) = (at_once, engine) {
            let answer = Answer::of(SALES_HOST_CANCELLED);
            let done = engine.complete(now, token, answer);
            if done != Ok(SALES_OK) {
                self.shared.lock().broken(format!("a completion inside cancel: {done:?}"));
            }
        }
    }

    fn has_cancel(&self) -> bool {
        self.shared.lock().has.cancel
    }

    fn has(&self, kind: OpKind) -> bool {
        let has = self.shared.lock().has;
        match kind {
            OpKind::Keep => has.keep,
            OpKind::Clear => has.clear,
            _ => false,
        }
    }
}

impl Watch for Host {
    fn on_event(&self, event: &Event) {
        self.shared.breathe();
        let engine: Option<std::sync::Arc<Engine>> = {
            let mut t = self.enter();
            say!(
                t,
                "  event {} {:?} slot {} state {} status {}: {}",
                event.number,
                event.kind,
                event.slot,
                State::from_number(event.state).map_or("-", State::name),
                event.status,
                event.text
            );
            t.hear(event);
            if event.number > 0 {
                if event.number <= t.last_event || t.in_order && event.number != t.last_event + 1 {
                    let last = t.last_event;
                    t.broken(format!("event {} is told after {last}", event.number));
                }
                t.last_event = event.number;
                t.in_order = true;
                t.told(event);
            } else {
                t.heard(event);
            }
            self.maybe_crash(&mut t, "crash in the watch");
            let inside = t.odds.inside;
            t.hit(inside / 4).then(|| t.engine.clone()).flatten()
        };
        if let Some(engine) = engine {
            self.inside(&engine, &Id::ZERO);
        }
    }

    fn on_deadline(&self, at: u64) {
        self.shared.lock().heard_of_deadline(at);
        self.shared.breathe();
        drop(self.enter());
    }
}
