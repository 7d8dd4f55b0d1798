//! Time: what a tick does, and when the next one has something to do.

use super::work::Work;
use super::{frame, refuses_all, Engine, Phase};
use crate::error::Result;
use crate::ledger::task::Purpose;
use crate::ledger::BACKOFF_S;
use crate::market::Id;
use crate::sales::indexes;
use crate::sales::step::Input;
use crate::status::*;

/// Sales looked at in one tick; what is due beyond that is due at the next.
const DUE_AT_A_TIME: usize = 256;

impl Engine {
    /// sales_tick.
    pub fn tick(&self, now: u64) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        if frame::is_inside(self.key) {
            return Ok(SALES_QUEUED);
        }
        self.while_running(|| {
            for mut task in self.ledger.due(now)? {
                task.purpose = Purpose::Again;
                self.drive_apart(task);
            }
            self.take_in_all_kept();
            let held_back = std::mem::take(&mut self.memory().held_back);
            if self.wake_stuck() || held_back {
                // Another tick may have passed over them as long as they were stuck.
                self.look_by(now);
                frame::follow(self.key, Work::Schedule);
            }
            if std::mem::take(&mut self.memory().repair_again) {
                self.log_failure("sales_reconcile, tried again", self.reconcile_now(true));
            }
            if self.memory().has_rested(now) {
                self.stir();
            }
            let looked = self.look_at_due();
            self.ledger.group().flush()?;
            self.refresh_phase();
            looked.map(|()| SALES_OK)
        })
    }

    /// Goes on with the sales whose step could not be written down. Where the store refuses whatever is tried, the others go on waiting. Answers
    /// whether there were any.
    pub(super) fn wake_stuck(&self) -> bool {
        let (first, stuck) = {
            let memory = self.memory();
            (memory.stuck_first, memory.stuck.clone())
        };
        let (before, behind): (Vec<Id>, Vec<Id>) = stuck.iter().partition(|slot| **slot <= first);
        for slot in behind.into_iter().chain(before) {
            // Another tick may have taken it out since.
            if !self.memory().stuck.remove(&slot) {
                continue;
            }
            let Err(error) = self.wake(slot) else { continue };
            log::warn!(target: "sales", "[{}] a sale that waited for the store: {error}", self.key);
            if refuses_all(&error) {
                self.memory().stuck_first = slot;
                break;
            }
        }
        !stuck.is_empty()
    }

    fn look_at_due(&self) -> Result<()> {
        let (by, next) = {
            let memory = self.memory();
            let clock = &memory.clock;
            // A clock that was set back must not delay a retry: those within the longest pause are looked at.
            let by = if clock.now < clock.latest { clock.latest.saturating_add(BACKOFF_S.1) } else { clock.latest };
            (by, memory.next_due)
        };
        if next > by {
            return Ok(());
        }
        // Those that wait for the store have been told already, and are due as long as it refuses.
        let look = |by, most| {
            let stuck = self.memory().stuck.clone();
            self.ledger.group().read(|view, _| indexes::due(view, by, most, &|slot| stuck.contains(slot)))
        };
        // Where the store cannot be read now, a second later.
        let soon = self.now().saturating_add(1);
        let put_off = |error| {
            self.memory().next_due = soon;
            error
        };
        let (slots, _) = look(by, DUE_AT_A_TIME).map_err(put_off)?;
        for slot in &slots {
            self.log_failure("time", self.tell(*slot, Input::Due));
        }
        // Read anew: one that was looked at before its time is looked at again. What another thread writes from now on says so itself.
        self.memory().next_due = u64::MAX;
        let (_, next) = look(0, 0).map_err(put_off)?;
        let (still, _) = look(by, 1).map_err(put_off)?;
        // One that is due and had no place in this tick need not wait; one that was told and is still due must.
        let refused = !self.memory().stuck.is_empty();
        let more = !refused && slots.len() == DUE_AT_A_TIME && still.iter().any(|slot| !slots.contains(slot));
        self.look_by(if more { next } else { soon.max(next) });
        Ok(())
    }

    /// Short or not: a shortfall may have been reserved anew.
    pub(super) fn refresh_phase(&self) {
        let books = self.ledger.books();
        let mut memory = self.memory();
        let Ok(books) = books else {
            // Where the store cannot be read now, the next tick looks again.
            memory.held_back = true;
            return;
        };
        match (memory.phase, books.shortfall) {
            (Phase::Short, 0) => {
                memory.phase = Phase::Running;
                memory.stir();
                frame::follow(self.key, Work::Schedule);
            }
            (Phase::Running, 1..) => memory.phase = Phase::Short,
            _ => {}
        }
    }

    /// When the next tick has something to do. Ticks are refused where the instance does not run.
    pub(super) fn deadline(&self) -> u64 {
        let retry = self.ledger.next_retry();
        let riders = self.ledger.group().has_riders();
        let memory = self.memory();
        if !memory.phase.is_running() {
            return u64::MAX;
        }
        let now = memory.clock.now;
        let kept = !memory.kept.is_empty() || !memory.stuck.is_empty();
        let waits = !memory.backlog.is_empty() || kept || memory.held_back;
        // A pause of more than the longest comes from a clock that was set back: it is over.
        let over = |at: u64| at != u64::MAX && at > now.saturating_add(BACKOFF_S.1);
        let set_back = over(retry) || over(memory.rest_until);
        let soon = if riders || memory.repair_again || waits || set_back { now.saturating_add(1) } else { u64::MAX };
        memory.next_due.min(retry).min(soon).min(memory.rest_until)
    }

    /// sales_next_deadline.
    pub fn next_deadline(&self) -> Result<u64> {
        Ok(self.say_deadline())
    }

    /// Tells a host when the next tick has something to do. Whoever was told a later time must be called when it becomes earlier than that.
    pub(super) fn say_deadline(&self) -> u64 {
        loop {
            let deadline = self.deadline();
            {
                let mut memory = self.memory();
                // Never lower: where it became earlier, whoever made it so tells the watch.
                memory.told_deadline = memory.told_deadline.max(deadline);
            }
            // Another thread may have told an earlier one in between, which must not be forgotten for this.
            if self.deadline() >= deadline {
                return deadline;
            }
        }
    }
}
