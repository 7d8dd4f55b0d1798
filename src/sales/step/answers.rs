//! What the host answers to an operation of a sale.

use super::chain::not_ours;
use super::{Effect, Stepping};
use crate::host::{Answer, OpKind};
use crate::sales::sale::{Return, State};
use crate::status::*;

impl Stepping<'_> {
    pub(super) fn answered(&mut self, kind: OpKind, answer: Answer) -> Effect {
        // What is answered while nobody can tell whose the slot is tells nothing of that.
        let tells = !self.sale.in_doubt || self.env.can.read_slot && !answer.is_ok();
        if !self.sale.state.is_outcome() && !self.is_leaving() && tells {
            self.note(answer.status, if answer.is_ok() { "" } else { &answer.text });
        }
        // What is wanted no more goes its way, but for a fill: if it stands, the slot is ours.
        let on_chain = matches!(kind, OpKind::FillSlot | OpKind::ReadSlot | OpKind::FreeSlot);
        if let (Some(outcome), false) = (self.sale.wanted, on_chain) {
            return match self.sale.state {
                State::Filled | State::Proving => self.go_as_wanted(),
                _ => self.go(outcome),
            };
        }
        match (self.sale.state, kind) {
            (State::ReservingSlot, OpKind::ReserveSlot) => match answer.status {
                SALES_OK => self.go(State::Downloading),
                SALES_HOST_TRANSIENT | SALES_HOST_UNKNOWN => self.pause(),
                _ => self.leave_with(State::Ignored, kind, &answer),
            },
            (State::Downloading, OpKind::Store) => match answer.status {
                SALES_OK => self.go(State::InitialProving),
                SALES_HOST_TRANSIENT | SALES_HOST_UNKNOWN | SALES_HOST_CANCELLED => self.pause(),
                _ => self.leave_with(State::Abandoned, kind, &answer),
            },
            (State::InitialProving, OpKind::Prove) => match (answer.status, answer.proof) {
                (SALES_OK, Some(proof)) => {
                    self.sale.proof = proof;
                    self.go(State::Filling)
                }
                (SALES_OK | SALES_HOST_TRANSIENT | SALES_HOST_UNKNOWN | SALES_HOST_CANCELLED, _) => self.pause(),
                (status, _) => {
                    self.leave_with(State::Abandoned, kind, &Answer { text: answer.text, ..Answer::of(status) })
                }
            },
            (State::Filling, OpKind::FillSlot) => self.fill_answered(&answer),
            (State::Filled | State::Proving, OpKind::Keep) => self.keep_answered(&answer),
            (State::Payout, OpKind::FreeSlot) => self.free_answered(&answer),
            (_, OpKind::ReadSlot) => self.view_answered(&answer),
            (state, OpKind::Clear) if state.is_outcome() => self.clear_answered(&answer),
            _ => Effect::Rest,
        }
    }

    pub(super) fn leave_with(&mut self, outcome: State, kind: OpKind, answer: &Answer) -> Effect {
        self.leave(outcome, answer.status, &format!("{} answered {}", kind.name(), answer.describe()))
    }

    pub(super) fn fill_answered(&mut self, answer: &Answer) -> Effect {
        match answer.status {
            SALES_OK => self.filled(),
            SALES_HOST_UNKNOWN => self.ask_the_chain(answer),
            // On a first submission these mean: no effect. On a repeated one the first may have had it.
            _ if self.sale.unsure => self.ask_the_chain(answer),
            SALES_HOST_TRANSIENT => {
                self.sale.submitted = false;
                match self.sale.wanted {
                    Some(outcome) => self.go(not_ours(outcome)),
                    None => self.pause(),
                }
            }
            _ => {
                let outcome = not_ours(self.sale.wanted.unwrap_or(State::Ignored));
                self.leave_with(outcome, OpKind::FillSlot, answer)
            }
        }
    }

    /// Whose the slot is, the chain says; a host that cannot ask it leaves the sale in doubt, its space kept.
    pub(super) fn ask_the_chain(&mut self, answer: &Answer) -> Effect {
        let asked_before = std::mem::replace(&mut self.sale.unsure, true);
        if self.is_given_up() {
            return self.go(State::Abandoned);
        }
        if self.env.can.read_slot {
            // Once at once, then with pauses: a chain that says "free" after each fill of unknown outcome must not be asked without end.
            return if asked_before { self.pause() } else { Effect::ReadSlot };
        }
        self.sale.next_at = u64::MAX;
        let text = "nobody knows whose the slot is; its space is kept until sales_resolve tells";
        self.doubt(answer.status, &format!("chain.fill_slot answered {}: {text}", answer.describe()));
        Effect::Rest
    }

    pub(super) fn filled(&mut self) -> Effect {
        self.end_doubt();
        let wanted = self.sale.wanted.take();
        self.sale.unsure = false;
        self.sale.kept = false;
        // An end that was taken back is looked after only where the chain can be read.
        self.sale.check &= self.env.can.read_slot;
        let effect = self.go(State::Filled);
        if wanted.is_none() {
            return effect;
        }
        // While the fill was out the request ended, or the slot was given up by force.
        self.sale.wanted = wanted;
        self.go_as_wanted()
    }

    pub(super) fn keep_answered(&mut self, answer: &Answer) -> Effect {
        if answer.is_ok() {
            self.sale.kept = true;
            self.sale.attempt = 0;
            // Also when the instance stops, and nothing else is done: no restart looks at a filled slot that is kept.
            self.sale.next_at = self.end_watch();
            return self.act();
        }
        if self.sale.attempt == 0 && answer.status != SALES_HOST_TRANSIENT {
            self.alert(format!("content.keep answered {}: it is asked again", answer.describe()));
        }
        self.pause()
    }

    pub(super) fn clear_answered(&mut self, answer: &Answer) -> Effect {
        if answer.is_ok() {
            self.sale.back = Return::Release;
            self.sale.attempt = 0;
            return self.act();
        }
        if self.sale.attempt == 0 && answer.status != SALES_HOST_TRANSIENT {
            self.alert(format!("content.clear answered {}: the space is kept until it succeeds", answer.describe()));
        }
        self.pause()
    }

    pub(super) fn free_answered(&mut self, answer: &Answer) -> Effect {
        if answer.is_ok() {
            let outcome = self.sale.wanted.unwrap_or(State::Finished);
            return self.go(outcome);
        }
        if self.is_given_up() {
            return self.go(State::Abandoned);
        }
        // Whatever it was, the chain is read again before anything else: the pay may have been collected.
        if self.sale.attempt == 0 && answer.status != SALES_HOST_TRANSIENT {
            self.alert(format!("chain.free_slot answered {}: the chain is read again", answer.describe()));
        }
        self.pause()
    }
}
