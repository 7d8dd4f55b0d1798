//! The life of a sale as a pure state machine: `step(sale, input, env) -> the sale as it now is, and what to do`. It does no I/O and
//! knows no clock, no store and no C; the engine writes the sale down and then does what was asked.
//!
//! Two rules stand above all states. Before a fill was submitted, anything that goes wrong gives the space back. After,
//! the chain alone says whose the slot is, and time releases nothing.

use super::sale::{Return, Sale, State};
use crate::host::{Answer, OpKind};
use crate::ledger::backoff_s;
use crate::ledger::task::Done;
use crate::market::{RequestState, SlotState, SlotView};
use crate::status::*;

/// What the chain said, or the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Somebody filled the slot.
    SlotFilled,
    /// The slot was freed.
    SlotFreed,
    /// The slot has all its reservations.
    ReservationsFull,
    /// All slots are filled.
    RequestFulfilled,
    /// It expired before it started.
    RequestCancelled,
    /// It lost too many slots.
    RequestFailed,
    /// Its end has passed.
    RequestEnded,
    /// Something that was told is taken back.
    TakenBack,
}

/// What a sale is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// Begin an attempt.
    Begin,
    /// Do again what the state does: it could not be asked for.
    Again,
    /// The module started anew: what was out at the host is out no more.
    Restart,
    /// Time has passed, or what was waited for may be there.
    Due,
    /// The host answered an operation of this sale.
    Answered(OpKind, Answer),
    /// The ledger's reserve ended.
    Reserved(Done),
    /// The ledger's release ended.
    Released(Done),
    /// The chain said something.
    Happened(Happened),
    /// An operator knows whether the slot is ours.
    Resolved(bool),
    /// An operator ends it. True: even if it is filled.
    Abandon(bool),
}

/// What is to be done next. At most one thing at a time is out for a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: time, an event or a completion goes on.
    Rest,
    /// chain.read_request, where it is not known yet; then decide and reserve.
    Reserve,
    /// chain.reserve_slot
    ReserveSlot,
    /// content.store
    Store,
    /// content.prove
    Prove,
    /// chain.fill_slot
    Fill,
    /// content.keep
    Keep,
    /// chain.read_slot
    ReadSlot,
    /// chain.free_slot
    FreeSlot,
    /// content.clear
    Clear,
    /// The ledger's release.
    Release,
    /// content.cancel of what is pending.
    Cancel,
}

/// What the host can do, as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostCan {
    /// chain.reserve_slot
    pub reserve_slot: bool,
    /// chain.read_slot
    pub read_slot: bool,
    /// chain.free_slot
    pub free_slot: bool,
    /// content.keep
    pub keep: bool,
    /// content.clear
    pub clear: bool,
}

/// What a step knows besides the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Env {
    /// The host's `now`: for pauses.
    pub now: u64,
    /// The latest time seen, which never goes back: for expiry.
    pub latest: u64,
    /// Seconds before the expiry from which on no fill is begun.
    pub fill_margin_s: u64,
    /// What the host can do.
    pub can: HostCan,
    /// What is out for this sale.
    pub pending: Option<OpKind>,
    /// The instance stops: what is told is taken in, and nothing begins. The checkpoint stands for the next start.
    pub stopping: bool,
}

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The sale as it now is.
    pub sale: Sale,
    /// What to do.
    pub effect: Effect,
    /// Something needs a human.
    pub alert: Option<String>,
}

/// One step of a sale.
pub fn step(sale: &Sale, input: Input, env: &Env) -> Move {
    let mut s = Stepping { sale: sale.clone(), env, alert: None };
    let effect = if s.sale.is_ended() { Effect::Rest } else { s.take(input) };
    Move { sale: s.sale, effect, alert: s.alert }
}

struct Stepping<'a> {
    sale: Sale,
    env: &'a Env,
    alert: Option<String>,
}

impl Stepping<'_> {
    fn take(&mut self, input: Input) -> Effect {
        match input {
            Input::Begin => self.begin(),
            Input::Again if self.env.pending.is_some() => Effect::Rest,
            Input::Again => self.act(),
            Input::Restart => self.restart(),
            Input::Due => self.due(),
            Input::Answered(kind, answer) => self.answered(kind, answer),
            Input::Reserved(done) => self.reserved(done),
            Input::Released(done) => self.released(done),
            Input::Happened(happened) => self.happened(happened),
            Input::Resolved(ours) => self.resolved(ours),
            Input::Abandon(_) => self.leave(State::Abandoned, SALES_OK, "abandoned by hand"),
        }
    }

    // What a state does.

    fn act(&mut self) -> Effect {
        if self.env.stopping {
            return Effect::Rest;
        }
        if self.is_too_late() {
            return self.leave(State::Cancelled, SALES_OK, "the request expired before the slot could be filled");
        }
        match self.sale.state {
            State::Queued => Effect::Rest,
            State::ReservingSpace => Effect::Reserve,
            State::ReservingSlot if self.env.can.reserve_slot => Effect::ReserveSlot,
            State::ReservingSlot => self.go(State::Downloading),
            State::Downloading => {
                self.sale.stored = true;
                Effect::Store
            }
            State::InitialProving => Effect::Prove,
            State::Filling if self.sale.unsure && self.env.can.read_slot => Effect::ReadSlot,
            State::Filling if self.sale.in_doubt => Effect::Rest,
            State::Filling => {
                self.sale.submitted = true;
                Effect::Fill
            }
            State::Filled | State::Proving if self.sale.check => Effect::ReadSlot,
            State::Filled | State::Proving if self.env.can.keep && !self.sale.kept => Effect::Keep,
            State::Filled | State::Proving => {
                self.sale.kept = true;
                self.sale.next_at = self.end_watch();
                Effect::Rest
            }
            State::Payout => Effect::ReadSlot,
            _ => match self.sale.back {
                Return::Clear if self.env.can.clear && self.sale.stored => Effect::Clear,
                Return::Clear | Return::Release => {
                    self.sale.back = Return::Release;
                    Effect::Release
                }
                Return::Done => Effect::Rest,
            },
        }
    }

    /// Into a state, and on with what it does.
    fn go(&mut self, state: State) -> Effect {
        let sale = &mut self.sale;
        sale.state = state;
        sale.since = self.env.now;
        sale.attempt = 0;
        sale.in_queue = false;
        sale.next_at = u64::MAX;
        if state.is_attempt() {
            sale.next_at = sale.fill_deadline(self.env.fill_margin_s);
        }
        if state > State::Filling {
            sale.proof = Vec::new();
        }
        if state.is_outcome() {
            sale.wanted = None;
            sale.in_doubt = false;
        }
        self.act()
    }

    /// Ends the sale with an outcome; what is out at the host is waited for, and cancelled where it can be.
    fn leave(&mut self, outcome: State, status: i32, why: &str) -> Effect {
        self.note(status, why);
        if let Some(kind) = self.env.pending {
            self.sale.wanted = Some(outcome);
            return if kind.can_cancel() { Effect::Cancel } else { Effect::Rest };
        }
        self.go(outcome)
    }

    /// Later again. Before a fill, not after its deadline.
    fn pause(&mut self) -> Effect {
        let sale = &mut self.sale;
        sale.attempt = sale.attempt.saturating_add(1);
        sale.next_at = self.env.now.saturating_add(backoff_s(sale.attempt));
        if sale.state <= State::Filling && !sale.submitted {
            sale.next_at = sale.next_at.min(sale.fill_deadline(self.env.fill_margin_s));
        }
        Effect::Rest
    }

    fn note(&mut self, status: i32, why: &str) {
        self.sale.last_status = status;
        self.sale.last_text = why.chars().take(200).collect();
    }

    fn alert(&mut self, text: String) {
        self.alert = Some(text);
    }

    fn end_watch(&self) -> u64 {
        if self.env.can.read_slot {
            self.sale.ends_at.saturating_add(1)
        } else {
            u64::MAX
        }
    }

    // What comes in.

    fn begin(&mut self) -> Effect {
        if self.sale.state != State::Queued {
            return Effect::Rest;
        }
        self.go(State::ReservingSpace)
    }

    fn restart(&mut self) -> Effect {
        if self.sale.state == State::Filling && self.sale.submitted && !self.sale.in_doubt {
            let why =
                Answer { text: "the module ended while the fill was out".into(), ..Answer::of(SALES_HOST_UNKNOWN) };
            return self.ask_the_chain(&why);
        }
        if let Some(outcome) = self.sale.wanted {
            if self.sale.state.is_attempt() && !self.sale.submitted {
                return self.go(outcome);
            }
        }
        self.act()
    }

    /// An attempt that never submitted a fill is over when the deadline has passed.
    fn is_too_late(&self) -> bool {
        let s = &self.sale;
        s.state.is_attempt() && !s.submitted && self.env.latest >= s.fill_deadline(self.env.fill_margin_s)
    }

    fn due(&mut self) -> Effect {
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
        if pending.is_some() || self.sale.next_at == u64::MAX {
            return Effect::Rest;
        }
        // A retry further away than the longest pause comes from a clock that was set back: it is due.
        let watching_end = self.sale.state == State::Filled && self.sale.kept && !self.sale.check;
        if watching_end {
            return if latest > self.sale.ends_at { self.ended(State::Finished) } else { Effect::Rest };
        }
        if self.sale.next_at <= now || self.sale.next_at > now.saturating_add(crate::ledger::BACKOFF_S.1) {
            return self.act();
        }
        Effect::Rest
    }

    fn reserved(&mut self, done: Done) -> Effect {
        if self.sale.state != State::ReservingSpace && !self.sale.state.is_attempt() {
            return Effect::Rest;
        }
        match done {
            Ok(_) => match self.sale.wanted {
                Some(outcome) => self.go(outcome),
                None => self.act(),
            },
            Err(error) => {
                self.note(error.status, &error.text);
                match (self.sale.wanted, error.status) {
                    (Some(outcome), _) => self.go(outcome),
                    (None, SALES_ERR_AMOUNT | SALES_ERR_OVERFLOW | SALES_ERR_REQUEST | SALES_ERR_ARGUMENT) => {
                        self.go(State::Ignored)
                    }
                    (None, SALES_HOST_PERMANENT | SALES_HOST_NOT_ALLOWED) => self.go(State::Ignored),
                    _ => self.back_to_queue(),
                }
            }
        }
    }

    /// No room now: it waits, tried, until something it depends on changes.
    fn back_to_queue(&mut self) -> Effect {
        let sale = &mut self.sale;
        sale.state = State::Queued;
        sale.since = self.env.now;
        sale.in_queue = true;
        sale.attempt = 1;
        sale.next_at = sale.fill_deadline(self.env.fill_margin_s);
        Effect::Rest
    }

    fn released(&mut self, done: Done) -> Effect {
        match done {
            Ok(_) => self.done(),
            // Nothing was ever reserved for it, or its release is on record already.
            Err(error) if error.status == SALES_ERR_NOT_FOUND => self.done(),
            Err(error) => {
                self.note(error.status, &error.text);
                self.pause()
            }
        }
    }

    fn done(&mut self) -> Effect {
        self.sale.back = Return::Done;
        self.sale.next_at = u64::MAX;
        Effect::Rest
    }

    fn resolved(&mut self, ours: bool) -> Effect {
        if !self.sale.in_doubt {
            return Effect::Rest;
        }
        self.sale.in_doubt = false;
        match (self.sale.state, ours) {
            (State::Filling, true) => self.filled(),
            (State::Filling, false) => self.leave(State::Ignored, SALES_OK, "not ours, says the operator"),
            (_, true) => Effect::Rest,
            (_, false) => self.leave(State::Lost, SALES_OK, "not ours any more, says the operator"),
        }
    }

    // What the host answers.

    fn answered(&mut self, kind: OpKind, answer: Answer) -> Effect {
        // Of a sale that ends, the reason why it ends is what is kept.
        if !self.sale.state.is_outcome() {
            self.note(answer.status, if answer.is_ok() { "" } else { &answer.text });
        }
        // What is wanted no more goes its way, but for a fill: if it stands, the slot is ours.
        let on_chain = matches!(kind, OpKind::FillSlot | OpKind::ReadSlot | OpKind::FreeSlot);
        if let (Some(outcome), false) = (self.sale.wanted, on_chain) {
            let ended = matches!(outcome, State::Finished | State::Cancelled | State::Failed);
            return match self.sale.state {
                State::Filled | State::Proving if ended => self.ended(outcome),
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

    fn leave_with(&mut self, outcome: State, kind: OpKind, answer: &Answer) -> Effect {
        self.leave(outcome, answer.status, &format!("{} answered {}", kind.name(), answer.describe()))
    }

    fn fill_answered(&mut self, answer: &Answer) -> Effect {
        match answer.status {
            SALES_OK => self.filled(),
            SALES_HOST_UNKNOWN => self.ask_the_chain(answer),
            // On a first submission these mean: no effect. On a repeated one the first may have had it.
            _ if self.sale.unsure => self.ask_the_chain(answer),
            SALES_HOST_TRANSIENT => {
                self.sale.submitted = false;
                match self.sale.wanted {
                    Some(outcome) => self.go(outcome),
                    None => self.pause(),
                }
            }
            _ => {
                let outcome = self.sale.wanted.unwrap_or(State::Ignored);
                self.leave_with(outcome, OpKind::FillSlot, answer)
            }
        }
    }

    /// Whose the slot is, the chain says; a host that cannot ask it leaves the sale in doubt, its space kept.
    fn ask_the_chain(&mut self, answer: &Answer) -> Effect {
        self.sale.unsure = true;
        if self.env.can.read_slot {
            return Effect::ReadSlot;
        }
        self.sale.in_doubt = true;
        self.sale.next_at = u64::MAX;
        self.alert(format!(
            "chain.fill_slot answered {}: nobody knows whose the slot is; its space is kept until sales_resolve tells",
            answer.describe()
        ));
        Effect::Rest
    }

    fn filled(&mut self) -> Effect {
        let wanted = self.sale.wanted.take();
        self.sale.unsure = false;
        self.sale.in_doubt = false;
        self.sale.kept = false;
        let effect = self.go(State::Filled);
        match wanted {
            // The request ended while the fill was out.
            Some(outcome) => self.ended(outcome),
            None => effect,
        }
    }

    fn keep_answered(&mut self, answer: &Answer) -> Effect {
        if answer.is_ok() {
            self.sale.kept = true;
            self.sale.attempt = 0;
            return self.act();
        }
        if self.sale.attempt == 0 && answer.status != SALES_HOST_TRANSIENT {
            self.alert(format!("content.keep answered {}: it is asked again", answer.describe()));
        }
        self.pause()
    }

    fn clear_answered(&mut self, answer: &Answer) -> Effect {
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

    fn free_answered(&mut self, answer: &Answer) -> Effect {
        if answer.is_ok() {
            let outcome = self.sale.wanted.unwrap_or(State::Finished);
            return self.go(outcome);
        }
        // Whatever it was, the chain is read again before anything else: the pay may have been collected.
        if self.sale.attempt == 0 && answer.status != SALES_HOST_TRANSIENT {
            self.alert(format!("chain.free_slot answered {}: the chain is read again", answer.describe()));
        }
        self.pause()
    }

    fn view_answered(&mut self, answer: &Answer) -> Effect {
        let Some(view) = answer.view.as_deref().filter(|view| answer.is_ok() && view.slot_state != SlotState::Unknown)
        else {
            return self.pause();
        };
        match self.sale.state {
            State::Filling => self.view_while_filling(view),
            State::Filled | State::Proving => self.view_while_filled(view),
            State::Payout => self.view_at_payout(view),
            _ => Effect::Rest,
        }
    }

    fn view_while_filling(&mut self, view: &SlotView) -> Effect {
        if view.is_mine {
            return self.filled();
        }
        let fillable = matches!(view.slot_state, SlotState::Free | SlotState::Repair)
            && matches!(view.request_state, RequestState::New | RequestState::Started);
        if !fillable {
            let outcome = self.sale.wanted.unwrap_or(State::Ignored);
            return self.leave(outcome, SALES_OK, "the chain says the slot is not ours and cannot be filled");
        }
        let deadline = self.sale.fill_deadline(self.env.fill_margin_s);
        if self.sale.wanted.is_some() || self.env.latest >= deadline {
            // A fill of ours may still land: only the chain can say that it is too late for it.
            return self.pause();
        }
        Effect::Fill
    }

    fn view_while_filled(&mut self, view: &SlotView) -> Effect {
        self.sale.check = false;
        if !view.is_mine {
            self.alert("the chain says that the slot is not ours any more".to_string());
            return self.leave(State::Lost, SALES_OK, "the chain says that the slot is not ours any more");
        }
        match outcome_of(view) {
            Some(outcome) => self.ended(outcome),
            None => self.act(),
        }
    }

    fn view_at_payout(&mut self, view: &SlotView) -> Effect {
        let told = self.sale.wanted.unwrap_or(State::Finished);
        if view.slot_state == SlotState::Paid {
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
                self.alert(
                    "told that the request ended, but the chain says that it did not: the slot is kept".to_string(),
                );
                self.sale.wanted = None;
                self.sale.state = State::Filled;
                self.sale.check = true;
                self.pause()
            }
            // A failed slot leaves the node's slots when it is freed.
            (false, Some(State::Failed)) => self.go(State::Failed),
            (false, _) => self.leave(State::Lost, SALES_OK, "the chain says that the slot is not ours any more"),
        }
    }

    // What the chain says.

    /// The request is over, for a slot that is ours.
    fn ended(&mut self, outcome: State) -> Effect {
        if self.env.pending.is_some() {
            self.sale.wanted = Some(outcome);
            return Effect::Rest;
        }
        if !self.env.can.read_slot {
            return self.go(outcome);
        }
        self.sale.wanted = Some(outcome);
        self.go(State::Payout)
    }

    fn happened(&mut self, what: Happened) -> Effect {
        let state = self.sale.state;
        if state.is_outcome() {
            return Effect::Rest;
        }
        let filled = matches!(state, State::Filled | State::Proving);
        let outcome = match what {
            Happened::RequestCancelled => Some(State::Cancelled),
            Happened::RequestFailed => Some(State::Failed),
            Happened::RequestEnded => Some(State::Finished),
            _ => None,
        };
        match (what, outcome) {
            (_, Some(outcome)) if filled => self.ended(outcome),
            (_, Some(outcome)) if state == State::Payout => {
                self.sale.wanted = Some(outcome);
                Effect::Rest
            }
            (_, Some(outcome)) if self.sale.unsure && self.env.can.read_slot => {
                self.sale.wanted = Some(outcome);
                self.read_unless_pending()
            }
            (_, Some(outcome)) => {
                let outcome = if outcome == State::Finished { State::Ignored } else { outcome };
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
                self.sale.started = true;
                if state.is_attempt() && !self.sale.submitted {
                    self.sale.next_at = self.sale.next_at.max(self.sale.fill_deadline(self.env.fill_margin_s));
                }
                Effect::Rest
            }
            (Happened::SlotFreed | Happened::TakenBack, _) if filled => self.may_be_lost(what),
            _ => Effect::Rest,
        }
    }

    fn read_unless_pending(&mut self) -> Effect {
        if self.env.pending.is_some() {
            return Effect::Rest;
        }
        Effect::ReadSlot
    }

    fn may_be_lost(&mut self, what: Happened) -> Effect {
        if self.env.can.read_slot {
            self.sale.check = true;
            return self.read_unless_pending();
        }
        if what == Happened::SlotFreed {
            self.sale.in_doubt = true;
            self.alert("the slot was freed on chain, and nobody can tell whose it is: sales_resolve tells".to_string());
        }
        Effect::Rest
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
