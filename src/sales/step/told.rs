//! What a sale is told by time, by the ledger and by an operator.

use super::{Effect, Env, Stepping};
use crate::host::Answer;
use crate::ledger::task::Done;
use crate::sales::sale::{Return, State};
use crate::status::*;

impl Stepping<'_> {
    pub(super) fn begin(&mut self) -> Effect {
        if self.sale.state != State::Queued {
            return Effect::Rest;
        }
        self.go(State::ReservingSpace)
    }

    pub(super) fn restart(&mut self) -> Effect {
        if self.env.pending.is_some() {
            return Effect::Rest;
        }
        if self.sale.in_doubt && !self.env.can.read_slot && !self.is_given_up() {
            // Whoever was told before the restart may not be there any more.
            self.doubt(SALES_OK, "nobody has told yet whose the slot is: its space is kept until sales_resolve tells");
        }
        if self.sale.state == State::Filling && self.sale.submitted && !self.sale.in_doubt {
            let why =
                Answer { text: "the module ended while the fill was out".into(), ..Answer::of(SALES_HOST_UNKNOWN) };
            return self.ask_the_chain(&why);
        }
        if let Some(outcome) = self.sale.wanted {
            let before_fill = self.sale.state.is_attempt() && !self.sale.submitted;
            if before_fill || self.is_given_up() {
                return self.go(outcome);
            }
        }
        self.act_anew()
    }

    /// An attempt that never submitted a fill is over when the deadline has passed.
    pub(super) fn is_too_late(&self) -> bool {
        let s = &self.sale;
        s.state.is_attempt() && !s.submitted && self.env.latest >= s.fill_deadline(self.env.fill_margin_s)
    }

    pub(super) fn due(&mut self) -> Effect {
        let Env { now, latest, fill_margin_s, pending, .. } = *self.env;
        if self.sale.state == State::Queued {
            if latest >= self.sale.fill_deadline(fill_margin_s) {
                return self.leave(State::Ignored, SALES_OK, "the request expired while the slot waited in the queue");
            }
            return Effect::Rest;
        }
        if self.is_too_late() {
            self.sale.next_at = u64::MAX;
            return self.leave(State::Cancelled, SALES_OK, "the request expired before the slot could be filled");
        }
        if pending.is_some() && self.sale.next_at <= latest {
            // Its completion goes on; time has nothing more to do.
            self.wait_for_answer();
        }
        if pending.is_some() || self.sale.next_at == u64::MAX {
            return Effect::Rest;
        }
        // A retry further away than the longest pause comes from a clock that was set back: it is due.
        let watching_end = self.sale.state == State::Filled && self.sale.kept && !self.sale.check;
        if watching_end && latest > self.sale.ends_at && !self.env.can.read_slot {
            // It could be read when that was written. Time alone ends nothing.
            self.sale.check = true;
            return self.act();
        }
        if watching_end {
            return if latest > self.sale.ends_at { self.ended(State::Finished) } else { Effect::Rest };
        }
        if self.sale.next_at <= now || self.sale.next_at > now.saturating_add(crate::ledger::BACKOFF_S.1) {
            return self.act_anew();
        }
        Effect::Rest
    }

    pub(super) fn reserved(&mut self, done: Done) -> Effect {
        if self.sale.state != State::ReservingSpace && !self.sale.state.is_attempt() {
            return Effect::Rest;
        }
        match done {
            Ok(_) => match self.sale.wanted {
                Some(outcome) => self.go(outcome),
                // Reserved, but not by this attempt: it must not ask again at once.
                None if self.sale.state == State::ReservingSpace => self.back_to_queue(),
                None => self.act(),
            },
            Err(error) => {
                // Of a sale that ends, the reason why it ends is what is kept.
                if let Some(outcome) = self.sale.wanted {
                    return self.go(outcome);
                }
                self.note(error.status, &error.text);
                match error.status {
                    SALES_ERR_AMOUNT | SALES_ERR_OVERFLOW | SALES_ERR_REQUEST | SALES_ERR_ARGUMENT => {
                        self.go(State::Ignored)
                    }
                    SALES_HOST_PERMANENT | SALES_HOST_NOT_ALLOWED => self.go(State::Ignored),
                    _ => self.back_to_queue(),
                }
            }
        }
    }

    /// No room now: it waits, tried, until something it depends on changes.
    pub(super) fn back_to_queue(&mut self) -> Effect {
        let sale = &mut self.sale;
        sale.state = State::Queued;
        sale.since = self.env.now;
        sale.in_queue = true;
        sale.attempt = 1;
        sale.next_at = sale.fill_deadline(self.env.fill_margin_s);
        Effect::Rest
    }

    pub(super) fn released(&mut self, done: Done) -> Effect {
        match done {
            Ok(_) => self.done(),
            // Nothing was ever reserved for it, or its release is on record already.
            Err(error) if error.status == SALES_ERR_NOT_FOUND => self.done(),
            // Why it ended stays on record.
            Err(error) => {
                let soon = [SALES_ERR_BUSY, SALES_ERR_IN_DOUBT].contains(&error.status);
                let attempt = self.sale.attempt;
                // Told anew ever more seldom.
                if !soon && (attempt == 0 || attempt.is_power_of_two()) {
                    self.alert(format!("its space is not given back: {}: it is tried again", error.text));
                }
                self.pause()
            }
        }
    }

    pub(super) fn done(&mut self) -> Effect {
        self.sale.back = Return::Done;
        self.sale.next_at = u64::MAX;
        Effect::Rest
    }

    pub(super) fn resolved(&mut self, ours: bool) -> Effect {
        if !self.sale.in_doubt {
            return Effect::Rest;
        }
        self.end_doubt();
        let state = self.sale.state;
        if self.env.can.read_slot {
            // Registered since it came into doubt: the chain knows better than anybody.
            self.sale.check |= matches!(state, State::Filled | State::Proving);
            let is_read = self.sale.check || state == State::Filling;
            return if is_read { self.read_unless_pending() } else { Effect::Rest };
        }
        match (state, ours) {
            (State::Filling, true) => self.filled(),
            (State::Filling, false) => self.leave(State::Ignored, SALES_OK, "not ours, says the operator"),
            (_, true) => {
                self.sale.check = false;
                Effect::Rest
            }
            (_, false) => self.leave(State::Lost, SALES_OK, "not ours any more, says the operator"),
        }
    }
}
