//! The host's callbacks: they answer at once, later or before they return, call in, and take note of any lock held.

use super::truth::Job;
use super::world::World;
use sales::event::Event;
use sales::host::{Answer, Chain, Content, Op, OpKind, Repo, RepoTotal, Slot, Watch};
use sales::market::{Id, U256};
use sales::status::*;
use sales::sync::held;
use shuttle::thread;
use std::sync::Arc;

pub struct Host {
    pub world: Arc<World>,
    /// Of which opening; 0: not given a number yet.
    pub sales: std::sync::atomic::AtomicU64,
}

impl Host {
    fn sales(&self) -> u64 {
        self.sales.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Into a callback.
    fn enter(&self, what: &str) {
        if held() > 0 {
            self.world.t().broken(format!("{what} is called with {} locks or transactions held", held()));
        }
        if self.world.chance(500) {
            thread::yield_now();
        }
    }

    fn serve(&self, op: &Op, bytes: u64) -> i32 {
        let name = op.kind.name();
        self.enter(name);
        let job = Job { kind: op.kind, token: op.token, slot: op.slot, bytes, sales: self.sales() };
        let (roll, inside) = {
            let mut t = self.world.t();
            t.asked(&job);
            let inside = !t.calm && t.rng.chance(200);
            (if t.calm { 0 } else { t.rng.below(100) }, inside)
        };
        if inside {
            self.world.call_inside(&job);
        }
        let status = match roll {
            0..45 if op.kind.owes().is_none() => {
                let mut t = self.world.t();
                t.answered(&job);
                t.effect(&job).status
            }
            0..60 => {
                let answer = self.world.t().effect(&job);
                self.world.t().count("completed before the callback returned");
                let status = answer.status;
                match self.world.complete_now(&job, answer) {
                    true => self.world.rng_pick(&[SALES_PENDING, SALES_OK, SALES_HOST_TRANSIENT]),
                    // Closed meanwhile: what the callback answers counts.
                    false => status,
                }
            }
            60..85 => {
                self.world.t().out.push(job.clone());
                SALES_PENDING
            }
            85..97 => self.world.t().refuse(&job).status,
            _ => {
                let mut t = self.world.t();
                t.loose = true;
                t.count("nobody knows");
                if t.rng.chance(500) {
                    t.effect(&job);
                }
                SALES_HOST_UNKNOWN
            }
        };
        if self.world.chance(300) {
            thread::yield_now();
        }
        if status != SALES_PENDING && !(0..60).contains(&roll) {
            self.world.t().answered(&job);
        }
        status
    }
}

impl Repo for Host {
    fn available(&self) -> (i32, u64) {
        self.enter("repo.available");
        (SALES_OK, 1 << 20)
    }
    fn reserve(&self, op: &Op, bytes: u64) -> i32 {
        self.serve(op, bytes)
    }
    fn release(&self, op: &Op, bytes: u64) -> i32 {
        self.serve(op, bytes)
    }
    fn consume(&self, op: &Op, bytes: u64) -> i32 {
        self.serve(op, bytes)
    }
    fn reserved(&self) -> (i32, RepoTotal) {
        self.enter("repo.reserved");
        (SALES_OK, RepoTotal { bytes: self.world.t().total, ..RepoTotal::default() })
    }
    fn has_reserved(&self) -> bool {
        true
    }
    fn has_consume(&self) -> bool {
        self.world.t().has_consume
    }
}

impl Chain for Host {
    fn fill_slot(&self, op: &Op, _: &Slot<'_>, _: &[u8], _: &U256) -> i32 {
        self.serve(op, 0)
    }
    fn reserve_slot(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.serve(op, 0)
    }
    fn free_slot(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.serve(op, 0)
    }
    fn read_slot(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.serve(op, 0)
    }
    fn read_request(&self, op: &Op, _: &Id) -> i32 {
        self.serve(op, 0)
    }
    fn has(&self, kind: OpKind) -> bool {
        matches!(kind, OpKind::FillSlot | OpKind::FreeSlot | OpKind::ReadSlot)
    }
    fn has_my_slots(&self) -> bool {
        false
    }
}

impl Content for Host {
    fn store(&self, op: &Op, _: &Slot<'_>, _: u64, _: bool) -> i32 {
        self.serve(op, 0)
    }
    fn prove(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.serve(op, 0)
    }
    fn keep(&self, op: &Op, _: &Slot<'_>, _: u64) -> i32 {
        self.serve(op, 0)
    }
    fn clear(&self, op: &Op, _: &Slot<'_>) -> i32 {
        self.serve(op, 0)
    }
    fn cancel(&self, token: u64) {
        self.enter("content.cancel");
        let job = {
            let mut t = self.world.t();
            let at = t.out.iter().position(|job| job.token == token).filter(|_| t.rng.chance(500));
            at.map(|at| t.out.remove(at))
        };
        if let Some(job) = job {
            self.world.complete_now(&job, Answer::of(SALES_HOST_CANCELLED));
        }
    }
    fn has_cancel(&self) -> bool {
        true
    }
    fn has(&self, kind: OpKind) -> bool {
        matches!(kind, OpKind::Store | OpKind::Prove | OpKind::Clear)
    }
}

impl Watch for Host {
    fn on_event(&self, event: &Event) {
        {
            let mut t = self.world.t();
            t.count("event told");
            t.say(format!("event {} {:?} of {} state {}", event.number, event.kind, event.slot, event.state));
            t.telling += 1;
            if t.telling > 1 {
                t.broken("two threads tell events at a time".into());
            }
            if event.number > 0 && event.number <= t.last_event {
                let last = t.last_event;
                t.broken(format!("event {} is told after {last}", event.number));
            }
            t.last_event = t.last_event.max(event.number);
        }
        self.enter("watch.on_event");
        self.world.t().telling -= 1;
    }
    fn on_deadline(&self, _: u64) {
        self.enter("watch.on_deadline");
    }
}
