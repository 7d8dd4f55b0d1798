//! What the chain says: its view of a slot, and its events. After a submitted fill it alone says whose the slot is.

use super::{Effect, Happened, Stepping};
use crate::host::{Answer, OpKind};
use crate::market::{RequestState, SlotState, SlotView};
use crate::sales::sale::State;
use crate::status::*;

impl Stepping<'_> {
    pub(super) fn view_answered(&mut self, answer: &Answer) -> Effect {
        let Some(view) = answer.view.as_deref().filter(|view| answer.is_ok() && tells(view)) else {
            return self.view_tells_nothing();
        };
        // The chain knows the request's end; an ask may have come without it.
        if view.ends_at > 0 && matches!(view.request_state, RequestState::New | RequestState::Started) {
            self.sale.ends_at = view.ends_at;
        }
        if self.env.view_is_old {
            // What the chain told meanwhile may be newer, and what follows cannot be undone.
            return self.view_tells_nothing();
        }
        match self.sale.state {
            State::Filling => self.view_while_filling(view),
            State::Filled | State::Proving => self.view_while_filled(view),
            State::Payout => self.view_at_payout(view),
            _ => Effect::Rest,
        }
    }

    /// It is asked again; but what an operator gave up by force goes whatever the chain says.
    fn view_tells_nothing(&mut self) -> Effect {
        if self.is_given_up() {
            return self.go(State::Abandoned);
        }
        self.pause()
    }

    /// A slot of ours that must be looked at, at a host that was registered anew and cannot read the chain any more. Whether its request has ended is not
    /// sure: the clock alone may have said so, or the end may have been taken back. It is read as soon as that can be.
    pub(super) fn cannot_be_read(&mut self) -> Effect {
        if let Some(outcome @ (State::Abandoned | State::Lost)) = self.sale.wanted {
            return self.go(outcome);
        }
        let sale = &mut self.sale;
        if sale.state == State::Payout {
            sale.state = State::Filled;
            sale.since = self.env.now;
        }
        (sale.wanted, sale.check, sale.attempt) = (None, true, 0);
        let text = "the slot may be lost or over, and the chain cannot be read: sales_resolve tells whether it is ours and runs, or its end is told";
        self.doubt(SALES_OK, text);
        self.act()
    }

    pub(super) fn view_while_filling(&mut self, view: &SlotView) -> Effect {
        if view.is_mine {
            return self.filled();
        }
        let fillable = matches!(view.slot_state, SlotState::Free | SlotState::Repair)
            && matches!(view.request_state, RequestState::New | RequestState::Started);
        if !fillable {
            let outcome = not_ours(self.sale.wanted.unwrap_or(State::Ignored));
            return self.leave(outcome, SALES_OK, "the chain says the slot is not ours and cannot be filled");
        }
        if self.is_given_up() {
            return self.go(State::Abandoned);
        }
        let deadline = self.sale.fill_deadline(self.env.fill_margin_s);
        if self.sale.wanted.is_some() || self.env.latest >= deadline {
            // A fill of ours may still land: only the chain can say that it is too late for it.
            return self.pause();
        }
        Effect::Fill
    }

    pub(super) fn view_while_filled(&mut self, view: &SlotView) -> Effect {
        self.sale.check = false;
        if !view.is_mine {
            return self.lost();
        }
        if self.sale.wanted == Some(State::Lost) {
            // What an operator said of it the chain knows better.
            self.sale.wanted = None;
            self.note(SALES_OK, "");
        }
        self.end_doubt();
        match outcome_of(view) {
            Some(outcome) => self.ended(outcome),
            // Over by the clock, and not by the chain, which alone decides: it is asked again, ever more seldom.
            None if self.sale.wanted.is_none() && self.env.latest > self.sale.ends_at => {
                self.sale.check = true;
                self.pause()
            }
            None => self.act(),
        }
    }

    /// It was taken from us, whatever it was waiting for: a human should know.
    fn lost(&mut self) -> Effect {
        let text = "the chain says that the slot is not ours any more";
        self.alert(text.to_string());
        self.leave(State::Lost, SALES_OK, text)
    }

    pub(super) fn view_at_payout(&mut self, view: &SlotView) -> Effect {
        let told = self.sale.wanted.unwrap_or(State::Finished);
        if view.slot_state == SlotState::Paid || told == State::Abandoned {
            return self.go(told);
        }
        match (view.is_mine, outcome_of(view)) {
            (true, Some(outcome)) => {
                self.sale.wanted = Some(outcome);
                if self.env.can.free_slot {
                    return Effect::FreeSlot;
                }
                self.go(outcome)
            }
            (true, None) => {
                // Not ended after all: the contract would burn the collateral.
                if self.env.latest <= self.sale.ends_at {
                    let text = "told that the request ended, but the chain says that it did not: the slot is kept";
                    self.alert(text.to_string());
                }
                self.sale.wanted = None;
                self.sale.state = State::Filled;
                self.sale.check = true;
                self.pause()
            }
            // A failed slot leaves the node's slots when it is freed.
            (false, Some(State::Failed)) => self.go(State::Failed),
            (false, _) => self.lost(),
        }
    }

    /// The request is over, for a slot that is ours.
    pub(super) fn ended(&mut self, outcome: State) -> Effect {
        let outcome = self.want(outcome);
        if self.env.pending.is_some() {
            return Effect::Rest;
        }
        self.end_doubt();
        if !self.env.can.read_slot || outcome == State::Abandoned {
            return self.go(outcome);
        }
        self.go(State::Payout)
    }

    pub(super) fn happened(&mut self, what: Happened) -> Effect {
        let state = self.sale.state;
        if state.is_outcome() {
            return Effect::Rest;
        }
        let filled = matches!(state, State::Filled | State::Proving);
        match (what, end_of(what)) {
            (_, Some(outcome)) if filled => self.ended(outcome),
            (_, Some(outcome)) if state == State::Payout => {
                self.want(outcome);
                Effect::Rest
            }
            (_, Some(outcome)) if self.sale.unsure && self.env.can.read_slot => {
                if self.want(outcome) == outcome {
                    self.note(SALES_OK, "the request ended before anybody knew whose the slot is");
                }
                self.read_unless_pending()
            }
            (_, Some(outcome)) => {
                // A fill that is out may stand: then the slot is ours, and its pay is collected.
                let filling = self.env.pending == Some(OpKind::FillSlot);
                let outcome = if filling { outcome } else { not_ours(outcome) };
                self.leave(outcome, SALES_OK, "the request ended before the slot was ours")
            }
            (Happened::SlotFilled, _) if !self.sale.submitted && state < State::Filled => {
                self.leave(State::Ignored, SALES_OK, "the slot was filled by another host")
            }
            (Happened::SlotFilled, _) if state == State::Filling && self.sale.unsure && self.env.can.read_slot => {
                self.read_unless_pending()
            }
            (Happened::ReservationsFull, _) if state == State::Queued => {
                self.leave(State::Ignored, SALES_OK, "the slot has all its reservations")
            }
            (Happened::RequestFulfilled, _) => {
                // What waited for the expiry waits for the request's end. A pause stays a pause, also one that ends in that very second.
                let margin_s = self.env.fill_margin_s;
                let before_fill = state <= State::Filling && !self.sale.submitted;
                let waits = state == State::Queued || self.env.pending.is_some() && before_fill;
                let waited_for_expiry = waits && self.sale.next_at == self.sale.fill_deadline(margin_s);
                self.sale.started = true;
                if waited_for_expiry {
                    self.sale.next_at = self.sale.fill_deadline(margin_s);
                }
                Effect::Rest
            }
            (Happened::SlotFreed, _) if filled => {
                let is_told = matches!(self.sale.wanted, Some(State::Abandoned | State::Lost));
                if !self.env.can.read_slot && !is_told {
                    // Read as soon as that can be.
                    self.sale.check = true;
                    let text = "the slot was freed on chain, and nobody can tell whose it is: sales_resolve tells";
                    self.doubt(SALES_OK, text);
                }
                self.look_again()
            }
            _ => Effect::Rest,
        }
    }

    /// Something that was told is taken back.
    pub(super) fn taken_back(&mut self) -> Effect {
        match self.sale.state {
            State::Filled | State::Proving => self.look_again(),
            _ => Effect::Rest,
        }
    }

    /// An end that a slot waits for, which is ours or may be, does not come. What was gone to already is not left again.
    pub(super) fn forget_end(&mut self) {
        let state = self.sale.state;
        let may_be_ours =
            matches!(state, State::Filled | State::Proving) || state == State::Filling && self.sale.submitted;
        let of_chain = matches!(self.sale.wanted, Some(State::Finished | State::Cancelled | State::Failed));
        if may_be_ours && of_chain {
            self.sale.wanted = None;
            self.sale.check |= self.env.can.read_slot;
            let doubt =
                if self.sale.in_doubt { ", and nobody knows whose the slot is: sales_resolve tells" } else { "" };
            self.note(SALES_OK, &format!("the end that it waited for was taken back{doubt}"));
        }
    }

    pub(super) fn read_unless_pending(&mut self) -> Effect {
        if self.env.pending.is_some() {
            return Effect::Rest;
        }
        Effect::ReadSlot
    }

    /// A filled slot is read again, where it can be.
    fn look_again(&mut self) -> Effect {
        if !self.env.can.read_slot {
            return Effect::Rest;
        }
        self.sale.check = true;
        self.read_unless_pending()
    }
}

/// How a sale ends of which a request ends so.
fn end_of(what: Happened) -> Option<State> {
    match what {
        Happened::RequestCancelled => Some(State::Cancelled),
        Happened::RequestFailed => Some(State::Failed),
        Happened::RequestEnded => Some(State::Finished),
        _ => None,
    }
}

/// Whether a view tells anything. A node that lags behind does not know the request, and to it every slot is free: such an empty answer ends nothing.
fn tells(view: &SlotView) -> bool {
    let empty = matches!(view.slot_state, SlotState::Free | SlotState::Repair) && !view.is_mine;
    view.slot_state != SlotState::Unknown && !(empty && view.request_state == RequestState::Unknown)
}

/// The outcome of a slot that was never ours: its request may have ended well, but not for us.
pub(super) fn not_ours(outcome: State) -> State {
    match outcome {
        State::Finished => State::Ignored,
        outcome => outcome,
    }
}

/// How the request of a slot that is ours ended, if it did.
fn outcome_of(view: &SlotView) -> Option<State> {
    match view.slot_state {
        SlotState::Finished | SlotState::Paid => Some(State::Finished),
        SlotState::Cancelled => Some(State::Cancelled),
        SlotState::Failed => Some(State::Failed),
        _ => None,
    }
}
