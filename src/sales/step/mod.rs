//! The life of a sale as a pure state machine: `step(sale, input, env) -> the sale as it now is, and what to do`. It does no I/O and
//! knows no clock, no store and no C; the engine writes the sale down and then does what was asked.
//!
//! Two rules stand above all states. Before a fill was submitted, anything that goes wrong gives the space back. After,
//! the chain alone says whose the slot is, and time releases nothing.

mod answers;
mod chain;
mod told;

use super::sale::{Return, Sale, State};
use crate::host::{Answer, OpKind};
use crate::ledger::backoff_s;
use crate::ledger::task::Done;
use crate::status::*;

/// What the chain said, or the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The chain took that back; `None`: that it was asked for.
    TakenBack(Option<Happened>),
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
    /// The end that the sale may wait for was taken back.
    pub end_is_off: bool,
    /// The slot was freed, or something was taken back, since the chain was asked for it: what that answers may be from before.
    pub view_is_old: bool,
    /// The instance stops: what is told is taken in, and no effect is done; nothing may be marked as asked for. The next start goes on from here.
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
        if self.env.end_is_off {
            self.forget_end();
        }
        let s = &mut self.sale;
        let is_anew = matches!(input, Input::Again | Input::Due);
        if s.state == State::Filling && !s.unsure && !s.in_doubt && self.env.pending.is_none() && is_anew {
            // It is not out, and what is answered, or how it was left at the last stop, is told first: it could not be asked for, and may be too late.
            s.submitted = false;
        }
        match input {
            Input::Begin => self.begin(),
            Input::Again if self.env.pending.is_some() => Effect::Rest,
            Input::Again => self.act_anew(),
            Input::Restart => self.restart(),
            Input::Due => self.due(),
            Input::Answered(kind, answer) => self.answered(kind, answer),
            Input::Reserved(done) => self.reserved(done),
            Input::Released(done) => self.released(done),
            Input::Happened(happened) => self.happened(happened),
            Input::TakenBack(_) => self.taken_back(),
            Input::Resolved(ours) => self.resolved(ours),
            Input::Abandon(_) if self.sale.state.is_outcome() => Effect::Rest,
            Input::Abandon(false) if self.sale.submitted || self.sale.state >= State::Filled => Effect::Rest,
            Input::Abandon(_) => self.leave(State::Abandoned, SALES_OK, "abandoned by hand"),
        }
    }

    // What a state does.

    fn act(&mut self) -> Effect {
        if self.is_too_late() {
            return self.leave(State::Cancelled, SALES_OK, "the request expired before the slot could be filled");
        }
        match self.sale.state {
            State::Queued => Effect::Rest,
            State::ReservingSpace => Effect::Reserve,
            State::ReservingSlot if self.env.can.reserve_slot => Effect::ReserveSlot,
            State::ReservingSlot => self.go(State::Downloading),
            State::Downloading => {
                self.sale.stored |= !self.env.stopping;
                Effect::Store
            }
            State::InitialProving => Effect::Prove,
            State::Filling if self.sale.unsure && self.env.can.read_slot => Effect::ReadSlot,
            State::Filling if self.sale.in_doubt => Effect::Rest,
            State::Filling => {
                self.sale.submitted |= !self.env.stopping;
                Effect::Fill
            }
            State::Filled | State::Proving if self.sale.check && self.env.can.read_slot => Effect::ReadSlot,
            State::Filled | State::Proving if self.sale.check && !self.sale.in_doubt && self.sale.wanted.is_none() => {
                self.cannot_be_read()
            }
            State::Filled | State::Proving if self.sale.wanted.is_some() => self.go_as_wanted(),
            // Its end comes before all else: what keep says does not matter then.
            State::Filled | State::Proving if self.env.can.read_slot && self.env.latest > self.sale.ends_at => {
                self.ended(State::Finished)
            }
            State::Filled | State::Proving if self.env.can.keep && !self.sale.kept => Effect::Keep,
            State::Filled | State::Proving => {
                self.sale.kept = true;
                self.sale.next_at = self.end_watch();
                Effect::Rest
            }
            State::Payout if self.env.can.read_slot => Effect::ReadSlot,
            State::Payout => self.cannot_be_read(),
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

    /// Does again what the state does. Until it is answered, time counts only for an attempt, whose deadline it is.
    fn act_anew(&mut self) -> Effect {
        self.wait_for_answer();
        self.act()
    }

    fn wait_for_answer(&mut self) {
        let before_fill = self.sale.state <= State::Filling && !self.sale.submitted;
        self.sale.next_at = if before_fill { self.sale.fill_deadline(self.env.fill_margin_s) } else { u64::MAX };
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

    /// A filled slot on the way that was asked for while something was out.
    fn go_as_wanted(&mut self) -> Effect {
        match self.sale.wanted.take() {
            Some(outcome @ (State::Finished | State::Cancelled | State::Failed)) => self.ended(outcome),
            Some(outcome) => self.go(outcome),
            None => Effect::Rest,
        }
    }

    /// Ends the sale with an outcome; what is out at the host is waited for, and cancelled where it can be.
    fn leave(&mut self, outcome: State, status: i32, why: &str) -> Effect {
        let Some(kind) = self.env.pending else {
            self.note(status, why);
            return self.go(outcome);
        };
        if self.want(outcome) == outcome {
            self.sale.in_doubt = false;
            self.note(status, why);
        }
        if kind.can_cancel() {
            return Effect::Cancel;
        }
        Effect::Rest
    }

    /// The outcome that is gone to once nothing is out. What an operator gave up stays so, whatever ends meanwhile; and what he says is not ours, unless
    /// the chain can be read.
    fn want(&mut self, outcome: State) -> State {
        let stays = self.sale.wanted.filter(|wanted| match wanted {
            State::Abandoned => true,
            State::Lost => outcome != State::Abandoned && !self.env.can.read_slot,
            _ => false,
        });
        *self.sale.wanted.insert(stays.unwrap_or(outcome))
    }

    /// It is to end, and why is on record: that stays, also while what is out is waited for.
    fn is_leaving(&self) -> bool {
        match self.sale.wanted {
            Some(State::Abandoned | State::Lost | State::Ignored) => true,
            wanted => wanted.is_some() && self.sale.state <= State::Filling,
        }
    }

    /// Only an operator can tell whose the slot is, or a host that can read the chain.
    fn doubt(&mut self, status: i32, why: &str) {
        self.sale.in_doubt = true;
        if !self.is_leaving() {
            self.note(status, why);
        }
        self.alert(why.to_string());
    }

    /// It is known how it goes on: neither a doubt nor a refusal is a reason any more.
    fn end_doubt(&mut self) {
        let is_open = std::mem::take(&mut self.sale.in_doubt) || self.sale.last_status != SALES_OK;
        if is_open && !self.is_leaving() {
            self.note(SALES_OK, "");
        }
    }

    /// By an operator, whosever the slot is: asked after a fill was submitted, where only force gives up.
    fn is_given_up(&self) -> bool {
        self.sale.wanted == Some(State::Abandoned)
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
}
