//! What the tests of a sale's steps share: a sale with what the engine keeps about it, told what a host may answer.
#![allow(dead_code)] // each test uses its part

use sales::error::Error;
use sales::host::{Answer, OpKind};
use sales::market::{Id, RequestState, SlotState, SlotView, U256};
use sales::sales::sale::{Return, Sale, State};
use sales::sales::step::{step, Effect, Env, HostCan, Input, Move};
use sales::status::*;

pub const T0: u64 = 1_000_000;
pub const EXPIRES: u64 = T0 + 1000;
pub const ENDS: u64 = T0 + 10_000;
pub const MARGIN: u64 = 15;

pub const WHOLE: HostCan = HostCan { reserve_slot: true, read_slot: true, free_slot: true, keep: true, clear: true };
pub const BARE: HostCan =
    HostCan { reserve_slot: false, read_slot: false, free_slot: false, keep: false, clear: false };

pub fn queued() -> Sale {
    Sale {
        slot: Id([1; 32]),
        request: Id([2; 32]),
        index: 0,
        offer: Id::ZERO,
        size: 1000,
        collateral: U256::from(5),
        state: State::Queued,
        back: Return::Clear,
        wanted: None,
        in_queue: true,
        submitted: false,
        unsure: false,
        in_doubt: false,
        check: false,
        repairing: false,
        started: false,
        stored: false,
        kept: false,
        expires_at: EXPIRES,
        ends_at: ENDS,
        since: T0,
        next_at: EXPIRES - MARGIN,
        attempt: 0,
        act: 1,
        rank: 0,
        last_status: SALES_OK,
        last_text: String::new(),
        proof: Vec::new(),
    }
}

pub fn kind_of(effect: Effect) -> Option<OpKind> {
    Some(match effect {
        Effect::Rest | Effect::Cancel => return None,
        Effect::Reserve => OpKind::RepoReserve,
        Effect::ReserveSlot => OpKind::ReserveSlot,
        Effect::Store => OpKind::Store,
        Effect::Prove => OpKind::Prove,
        Effect::Fill => OpKind::FillSlot,
        Effect::Keep => OpKind::Keep,
        Effect::ReadSlot => OpKind::ReadSlot,
        Effect::FreeSlot => OpKind::FreeSlot,
        Effect::Clear => OpKind::Clear,
        Effect::Release => OpKind::RepoRelease,
    })
}

pub fn view(request_state: RequestState, slot_state: SlotState, is_mine: bool) -> SlotView {
    SlotView { request_state, slot_state, is_mine, expires_at: EXPIRES, ends_at: ENDS, collateral: U256::from(5) }
}

pub fn answer(status: i32) -> Answer {
    let proof = (status == SALES_OK).then(|| vec![7; 8]);
    Answer { proof, ..Answer::of(status) }
}

pub fn seen(of: SlotView) -> Answer {
    Answer { view: Some(Box::new(of)), ..Answer::of(SALES_OK) }
}

/// A sale with what the engine keeps about it.
#[derive(Clone)]
pub struct Life {
    pub sale: Sale,
    pub can: HostCan,
    pub now: u64,
    pub latest: u64,
    pub out: Option<OpKind>,
    pub alerts: u32,
    /// The end that was told was taken back.
    pub end_is_off: bool,
    /// The instance stops: what is told is taken in, nothing begins.
    pub stopping: bool,
}

impl Life {
    pub fn new(can: HostCan) -> Life {
        Life { sale: queued(), can, now: T0, latest: T0, out: None, alerts: 0, end_is_off: false, stopping: false }
    }

    pub fn env(&self) -> Env {
        Env {
            view_is_old: false,
            now: self.now,
            latest: self.latest,
            fill_margin_s: MARGIN,
            can: self.can,
            pending: self.out,
            stopping: self.stopping,
            end_is_off: self.end_is_off,
        }
    }

    /// As the engine does it: the answer of what is out takes it away first; a reserve that succeeds moves the sale in its own commit.
    pub fn tell(&mut self, input: Input) -> Effect {
        match &input {
            Input::Answered(..) | Input::Reserved(_) | Input::Released(_) | Input::Restart => self.out = None,
            _ => {}
        }
        if let Input::Reserved(Ok(_)) = &input {
            self.sale.state = if self.can.reserve_slot { State::ReservingSlot } else { State::Downloading };
            self.sale.offer = Id([9; 32]);
            (self.sale.since, self.sale.attempt) = (self.now, 0);
            self.sale.next_at = self.sale.fill_deadline(MARGIN);
        }
        let Move { sale, effect, alert } = step(&self.sale, input, &self.env());
        self.sale = sale;
        self.alerts += u32::from(alert.is_some());
        if let Some(kind) = kind_of(effect).filter(|_| !self.stopping) {
            assert_eq!(self.out, None, "{effect:?} while an operation is out");
            self.out = Some(kind);
        }
        effect
    }

    /// The module stops or dies, and starts anew: what a restart looks at is told so.
    pub fn restart(&mut self) -> Effect {
        (self.out, self.stopping) = (None, false);
        if self.sale.is_unsettled() {
            return self.tell(Input::Restart);
        }
        Effect::Rest
    }

    pub fn at(&mut self, time: u64) -> &mut Self {
        self.now = time;
        self.latest = self.latest.max(time);
        self
    }

    pub fn ok(&mut self) -> Effect {
        match self.out.expect("something is out") {
            OpKind::RepoReserve => self.tell(Input::Reserved(Ok(SALES_OK))),
            OpKind::RepoRelease => self.tell(Input::Released(Ok(SALES_OK))),
            kind => self.tell(Input::Answered(kind, answer(SALES_OK))),
        }
    }

    pub fn fails(&mut self, status: i32) -> Effect {
        match self.out.expect("something is out") {
            OpKind::RepoReserve => self.tell(Input::Reserved(Err(Error::new(status, "no")))),
            OpKind::RepoRelease => self.tell(Input::Released(Err(Error::new(status, "no")))),
            kind => self.tell(Input::Answered(kind, answer(status))),
        }
    }

    pub fn sees(&mut self, of: SlotView) -> Effect {
        assert_eq!(self.out, Some(OpKind::ReadSlot));
        self.tell(Input::Answered(OpKind::ReadSlot, seen(of)))
    }

    /// With everything well, up to a state whose effect is then out.
    pub fn up_to(can: HostCan, state: State) -> Life {
        let mut life = Life::new(can);
        if state == State::Queued {
            return life;
        }
        life.tell(Input::Begin);
        while life.sale.state != state {
            life.ok();
        }
        life
    }

    /// The return, with everything well.
    #[track_caller]
    pub fn returns(mut self, outcome: State) -> Life {
        assert_eq!(self.sale.state, outcome, "{}", self.sale.last_text);
        if self.can.clear && self.sale.stored {
            assert_eq!(self.out, Some(OpKind::Clear), "the content goes first");
            assert_eq!(self.ok(), Effect::Release);
        }
        assert_eq!(self.out, Some(OpKind::RepoRelease));
        assert_eq!(self.ok(), Effect::Rest);
        assert!(self.sale.is_ended() && self.sale.next_at == u64::MAX && self.sale.wanted.is_none());
        self
    }
}

pub fn active(is_mine: bool) -> SlotView {
    view(RequestState::New, if is_mine { SlotState::Filled } else { SlotState::Free }, is_mine)
}
