//! The sale as a pure state machine: the seed's path, every failure of every state, and a random walk that holds the two rules above
//! all states: before a submitted fill everything that goes wrong gives the space back; after, the chain alone says whose the slot is.
//!
//! SALES_STEPS: how many steps (1000000). SALES_STEPS_SEED: the seed of the walk, instead of a random one.

#[allow(dead_code)]
#[path = "simulate/rng.rs"]
mod rng;

use rng::Rng;
use sales::error::Error;
use sales::host::{Answer, OpKind};
use sales::market::{Id, RequestState, SlotState, SlotView, U256};
use sales::sales::sale::{Return, Sale, State};
use sales::sales::step::{step, Effect, Env, Happened, HostCan, Input, Move};
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

const T0: u64 = 1_000_000;
const EXPIRES: u64 = T0 + 1000;
const ENDS: u64 = T0 + 10_000;
const MARGIN: u64 = 15;

const ALL: HostCan = HostCan { reserve_slot: true, read_slot: true, free_slot: true, keep: true, clear: true };
const BARE: HostCan = HostCan { reserve_slot: false, read_slot: false, free_slot: false, keep: false, clear: false };

fn queued() -> Sale {
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

fn kind_of(effect: Effect) -> Option<OpKind> {
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

fn view(request_state: RequestState, slot_state: SlotState, is_mine: bool) -> SlotView {
    SlotView { request_state, slot_state, is_mine, expires_at: EXPIRES, ends_at: ENDS, collateral: U256::from(5) }
}

fn answer(status: i32) -> Answer {
    let proof = (status == SALES_OK).then(|| vec![7; 8]);
    Answer { proof, ..Answer::of(status) }
}

fn seen(of: SlotView) -> Answer {
    Answer { view: Some(Box::new(of)), ..Answer::of(SALES_OK) }
}

/// A sale with what the engine keeps about it.
#[derive(Clone)]
struct Life {
    sale: Sale,
    can: HostCan,
    now: u64,
    latest: u64,
    out: Option<OpKind>,
    alerts: u32,
    /// The instance stops: what is told is taken in, nothing begins.
    stopping: bool,
}

impl Life {
    fn new(can: HostCan) -> Life {
        Life { sale: queued(), can, now: T0, latest: T0, out: None, alerts: 0, stopping: false }
    }

    fn env(&self) -> Env {
        Env {
            now: self.now,
            latest: self.latest,
            fill_margin_s: MARGIN,
            can: self.can,
            pending: self.out,
            stopping: self.stopping,
        }
    }

    /// As the engine does it: the answer of what is out takes it away first; a reserve that succeeds moves the sale in its own commit.
    fn tell(&mut self, input: Input) -> Effect {
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
    fn restart(&mut self) -> Effect {
        (self.out, self.stopping) = (None, false);
        if self.sale.is_unsettled() {
            return self.tell(Input::Restart);
        }
        Effect::Rest
    }

    fn at(&mut self, time: u64) -> &mut Self {
        self.now = time;
        self.latest = self.latest.max(time);
        self
    }

    fn ok(&mut self) -> Effect {
        match self.out.expect("something is out") {
            OpKind::RepoReserve => self.tell(Input::Reserved(Ok(SALES_OK))),
            OpKind::RepoRelease => self.tell(Input::Released(Ok(SALES_OK))),
            kind => self.tell(Input::Answered(kind, answer(SALES_OK))),
        }
    }

    fn fails(&mut self, status: i32) -> Effect {
        match self.out.expect("something is out") {
            OpKind::RepoReserve => self.tell(Input::Reserved(Err(Error::new(status, "no")))),
            OpKind::RepoRelease => self.tell(Input::Released(Err(Error::new(status, "no")))),
            kind => self.tell(Input::Answered(kind, answer(status))),
        }
    }

    fn sees(&mut self, of: SlotView) -> Effect {
        assert_eq!(self.out, Some(OpKind::ReadSlot));
        self.tell(Input::Answered(OpKind::ReadSlot, seen(of)))
    }

    /// With everything well, up to a state whose effect is then out.
    fn up_to(can: HostCan, state: State) -> Life {
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
    fn returns(mut self, outcome: State) -> Life {
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

fn active(is_mine: bool) -> SlotView {
    view(RequestState::New, if is_mine { SlotState::Filled } else { SlotState::Free }, is_mine)
}

// The paths on which everything is well.

#[test]
fn the_seeds_path() {
    let mut life = Life::new(BARE);
    let effects = [life.tell(Input::Begin), life.ok(), life.ok(), life.ok(), life.ok()];
    assert_eq!(effects, [Effect::Reserve, Effect::Store, Effect::Prove, Effect::Fill, Effect::Rest]);
    assert_eq!((life.sale.state, life.sale.kept, life.sale.next_at), (State::Filled, true, u64::MAX));
    // Kept until the host says that the request ended; time alone does nothing.
    assert_eq!(life.at(ENDS + 1_000_000).tell(Input::Due), Effect::Rest);
    assert_eq!(life.sale.state, State::Filled);
    assert_eq!(life.tell(Input::Happened(Happened::RequestEnded)), Effect::Release);
    life.returns(State::Finished);
}

#[test]
fn the_whole_path() {
    let mut life = Life::new(ALL);
    let mut effects = vec![life.tell(Input::Begin)];
    while life.out.is_some() {
        effects.push(life.ok());
    }
    use Effect::*;
    assert_eq!(effects, [Reserve, ReserveSlot, Store, Prove, Fill, Keep, Rest]);
    assert_eq!((life.sale.state, life.sale.next_at), (State::Filled, ENDS + 1), "the end is strict: now > endsAt");
    assert!(life.sale.proof.is_empty(), "the proof is needed no more");
    assert_eq!(life.at(ENDS).tell(Input::Due), Rest);
    assert_eq!(life.at(ENDS + 1).tell(Input::Due), ReadSlot);
    assert_eq!(life.sale.state, State::Payout);
    assert_eq!(life.sees(view(RequestState::Finished, SlotState::Finished, true)), FreeSlot);
    assert_eq!(life.ok(), Clear);
    life.returns(State::Finished);
}

// Each failure of each state.

#[test]
fn queued_leaves_when_it_is_over() {
    for (what, outcome) in [
        (Happened::SlotFilled, State::Ignored),
        (Happened::ReservationsFull, State::Ignored),
        (Happened::RequestCancelled, State::Cancelled),
        (Happened::RequestFailed, State::Failed),
        (Happened::RequestEnded, State::Ignored),
    ] {
        let mut life = Life::new(ALL);
        life.tell(Input::Happened(what));
        assert!(!life.sale.in_queue, "{what:?}");
        life.returns(outcome);
    }
    let mut life = Life::new(ALL);
    assert_eq!(life.at(EXPIRES - MARGIN - 1).tell(Input::Due), Effect::Rest);
    assert_eq!(life.sale.state, State::Queued);
    life.at(EXPIRES - MARGIN).tell(Input::Due);
    life.returns(State::Ignored);
    let mut life = Life::new(ALL);
    life.tell(Input::Abandon(false));
    life.returns(State::Abandoned);
}

#[test]
fn queued_waits_on_when_its_request_has_started() {
    // A slot in repair of a request that is told as fulfilled (also late, also twice): the end counts, not the expiry.
    let mut life = Life::new(ALL);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.sale.next_at, ENDS - MARGIN, "it is looked at again by its new deadline");
    life.at(EXPIRES + 1).tell(Input::Due);
    assert_eq!(life.sale.state, State::Queued);
    assert_eq!(life.sale.next_at, ENDS - MARGIN);
    life.at(ENDS - MARGIN).tell(Input::Due);
    life.returns(State::Ignored);
}

#[test]
fn no_room_is_back_to_the_queue_tried() {
    for status in [SALES_ERR_NO_SPACE, SALES_HOST_TRANSIENT, SALES_REFUSED, SALES_ERR_BUSY, SALES_ERR_SHORT] {
        let mut life = Life::up_to(ALL, State::ReservingSpace);
        assert_eq!(life.fails(status), Effect::Rest);
        assert_eq!((life.sale.state, life.sale.in_queue), (State::Queued, true), "{status}");
        assert!(life.sale.attempt > 0 && life.sale.next_at == EXPIRES - MARGIN);
        assert_eq!(life.tell(Input::Begin), Effect::Reserve, "and it is tried again");
    }
    for status in [SALES_ERR_REQUEST, SALES_ERR_AMOUNT, SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED] {
        let mut life = Life::up_to(ALL, State::ReservingSpace);
        life.fails(status);
        assert_eq!(life.sale.state, State::Ignored, "{status}");
        assert_eq!(life.sale.last_status, status, "with the reason kept");
    }
}

#[test]
fn reserving_the_slot() {
    for status in [SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT] {
        let mut life = Life::up_to(ALL, State::ReservingSlot);
        life.fails(status);
        let life = life.returns(State::Ignored);
        assert!(!life.sale.stored);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN] {
        let mut life = Life::up_to(ALL, State::ReservingSlot);
        assert_eq!(life.fails(status), Effect::Rest);
        assert_eq!(life.sale.next_at, T0 + 1, "it is asked again after the first pause");
        assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::ReserveSlot);
        life.fails(status);
        assert_eq!(life.sale.next_at, T0 + 3, "after the second, which is longer");
    }
}

#[test]
fn downloading() {
    for status in [SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_NO_SPACE] {
        let mut life = Life::up_to(ALL, State::Downloading);
        life.fails(status);
        life.returns(State::Abandoned);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_CANCELLED] {
        let mut life = Life::up_to(ALL, State::Downloading);
        for _ in 0..20 {
            life.fails(status);
            assert!(life.sale.next_at > life.now && life.sale.next_at <= life.now + 60);
            let next = life.sale.next_at;
            assert_eq!(life.at(next).tell(Input::Due), Effect::Store);
        }
        life.fails(status);
        life.at(EXPIRES - MARGIN).tell(Input::Due);
        life.returns(State::Cancelled);
    }
}

#[test]
fn a_pause_never_lasts_beyond_the_deadline() {
    let mut life = Life::up_to(ALL, State::Downloading);
    life.at(EXPIRES - MARGIN - 1);
    life.sale.attempt = 10;
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, EXPIRES - MARGIN);
}

#[test]
fn a_pause_survives_the_news_that_the_request_started() {
    let mut life = Life::up_to(ALL, State::Downloading);
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, T0 + 1);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::Store, "its retry is not put off to the end of the request");

    // Nor one that ends in the very second of the deadline, before a fill and long after it.
    let mut life = Life::up_to(ALL, State::Downloading);
    life.at(EXPIRES - MARGIN - 1).fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, EXPIRES - MARGIN);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.at(EXPIRES - MARGIN).tell(Input::Due), Effect::Store);
    let mut life = Life::up_to(ALL, State::Filled);
    life.ok();
    life.at(EXPIRES - MARGIN - 1).tell(Input::Happened(Happened::RequestFailed));
    assert_eq!(life.sale.state, State::Payout);
    life.fails(SALES_HOST_TRANSIENT);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.at(EXPIRES - MARGIN).tell(Input::Due), Effect::ReadSlot, "its pay is not put off either");
}

#[test]
fn initial_proving() {
    for status in [SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_NO_SPACE] {
        let mut life = Life::up_to(ALL, State::InitialProving);
        life.fails(status);
        life.returns(State::Abandoned);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_CANCELLED] {
        let mut life = Life::up_to(ALL, State::InitialProving);
        assert_eq!(life.fails(status), Effect::Rest);
        assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::Prove);
    }
    // OK without a proof is none.
    let mut life = Life::up_to(ALL, State::InitialProving);
    assert_eq!(life.tell(Input::Answered(OpKind::Prove, Answer::of(SALES_OK))), Effect::Rest);
    assert_eq!(life.sale.state, State::InitialProving);
}

#[test]
fn an_attempt_that_never_submitted_ends_with_its_deadline() {
    for state in [State::ReservingSlot, State::Downloading, State::InitialProving] {
        // Out at the host: it is waited for, cancelled where it can be, and what it held goes back.
        let mut life = Life::up_to(ALL, state);
        let effect = life.at(EXPIRES - MARGIN).tell(Input::Due);
        let cancels = state != State::ReservingSlot;
        assert_eq!(effect, if cancels { Effect::Cancel } else { Effect::Rest });
        life.fails(SALES_HOST_CANCELLED);
        life.returns(State::Cancelled);
        // Or it succeeds after all: too late.
        let mut life = Life::up_to(ALL, state);
        life.at(EXPIRES - MARGIN).tell(Input::Due);
        life.ok();
        life.returns(State::Cancelled);
        // The block's time counts as well as the host's.
        let mut life = Life::up_to(ALL, state);
        life.latest = EXPIRES;
        life.tell(Input::Due);
        assert_eq!(life.sale.wanted, Some(State::Cancelled));
    }
}

#[test]
fn no_fill_is_begun_within_the_margin() {
    // Also without a tick: the proof came 15 s before the expiry.
    let mut life = Life::up_to(ALL, State::InitialProving);
    life.at(EXPIRES - MARGIN);
    let effect = life.ok();
    assert_ne!(effect, Effect::Fill, "such a fill may lock the collateral for good");
    life.returns(State::Cancelled);
    let mut life = Life::up_to(ALL, State::InitialProving);
    life.at(EXPIRES - MARGIN - 1);
    assert_eq!(life.ok(), Effect::Fill);
    // Nor is one repeated there.
    let mut life = Life::up_to(ALL, State::Filling);
    life.fails(SALES_HOST_TRANSIENT);
    life.at(EXPIRES - MARGIN).tell(Input::Due);
    life.returns(State::Cancelled);
}

#[test]
fn filling_refused_on_the_first_submission_is_somebody_elses() {
    for status in [SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT] {
        for can in [ALL, BARE] {
            let mut life = Life::up_to(can, State::Filling);
            life.fails(status);
            life.returns(State::Ignored);
        }
    }
    // TRANSIENT says: no effect.
    let mut life = Life::up_to(BARE, State::Filling);
    assert_eq!(life.fails(SALES_HOST_TRANSIENT), Effect::Rest);
    assert!(!life.sale.submitted);
    assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::Fill);
}

#[test]
fn filling_unknown_is_asked_of_the_chain() {
    let unsure = || {
        let mut life = Life::up_to(ALL, State::Filling);
        assert_eq!(life.fails(SALES_HOST_UNKNOWN), Effect::ReadSlot);
        life
    };
    let mut life = unsure();
    assert_eq!(life.sees(active(true)), Effect::Keep);
    assert!(life.sale.state == State::Filled && !life.sale.unsure);
    // Not ours, and fillable: again. A refusal of the second may come from the first.
    let mut life = unsure();
    assert_eq!(life.sees(active(false)), Effect::Fill);
    assert_eq!(life.fails(SALES_HOST_STATE_MISMATCH), Effect::Rest, "not without a pause, or it would never end");
    let next = life.sale.next_at;
    assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot);
    life.sees(view(RequestState::New, SlotState::Filled, false));
    life.returns(State::Ignored);
    for (request, slot) in [
        (RequestState::Cancelled, SlotState::Free),
        (RequestState::Cancelled, SlotState::Cancelled),
        (RequestState::Failed, SlotState::Failed),
        (RequestState::Finished, SlotState::Finished),
        (RequestState::Started, SlotState::Filled),
        (RequestState::New, SlotState::Paid),
    ] {
        let mut life = unsure();
        life.sees(view(request, slot, false));
        life.returns(State::Ignored);
    }
    // The view fails: asked again, for ever; time releases nothing.
    let mut life = unsure();
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED] {
        assert_eq!(life.fails(status), Effect::Rest);
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot);
    }
    // Within the margin, and fillable: our fill may still land. Only the chain can say that it is too late.
    life.at(EXPIRES - 1);
    assert_eq!(life.sees(active(false)), Effect::Rest);
    assert_eq!(life.sale.state, State::Filling);
    life.at(EXPIRES + 100);
    assert_eq!(life.tell(Input::Due), Effect::ReadSlot);
    life.sees(view(RequestState::Cancelled, SlotState::Free, false));
    life.returns(State::Ignored);
}

#[test]
fn filling_unknown_without_a_chain_to_ask_is_in_doubt() {
    let doubt = || {
        let mut life = Life::up_to(BARE, State::Filling);
        assert_eq!(life.fails(SALES_HOST_UNKNOWN), Effect::Rest);
        assert!(life.sale.in_doubt && life.alerts == 1);
        life
    };
    let mut life = doubt();
    for time in [EXPIRES, EXPIRES + 1, ENDS, ENDS + 1_000_000] {
        assert_eq!(life.at(time).tell(Input::Due), Effect::Rest);
        assert_eq!(life.tell(Input::Restart), Effect::Rest);
        assert_eq!(life.tell(Input::Happened(Happened::SlotFilled)), Effect::Rest);
        assert!(life.sale.state == State::Filling && life.sale.in_doubt, "time releases nothing");
    }
    life.tell(Input::Resolved(true));
    assert!(life.sale.state == State::Filled && !life.sale.in_doubt);
    let mut life = doubt();
    life.tell(Input::Resolved(false));
    life.returns(State::Ignored);
    let mut life = doubt();
    life.tell(Input::Happened(Happened::RequestCancelled));
    life.returns(State::Cancelled);
    // Nothing in doubt: nothing resolved.
    let mut life = Life::up_to(BARE, State::Filled);
    assert_eq!(life.tell(Input::Resolved(false)), Effect::Rest);
    assert_eq!(life.sale.state, State::Filled);
}

#[test]
fn a_restart_while_the_fill_was_out_asks_the_chain() {
    let mut life = Life::up_to(ALL, State::Filling);
    life.at(EXPIRES + 1);
    assert_eq!(life.tell(Input::Restart), Effect::ReadSlot, "also after the expiry");
    let mut life = Life::up_to(BARE, State::Filling);
    assert_eq!(life.tell(Input::Restart), Effect::Rest);
    assert!(life.sale.in_doubt);
    // A slot in doubt, and a host that can now be asked.
    life.can = ALL;
    assert_eq!(life.tell(Input::Restart), Effect::ReadSlot);
    life.sees(active(true));
    assert!(life.sale.state == State::Filled && !life.sale.in_doubt);
}

#[test]
fn slot_filled_says_not_by_whom() {
    for state in [State::ReservingSlot, State::Downloading, State::InitialProving] {
        let mut life = Life::up_to(ALL, state);
        life.tell(Input::Happened(Happened::SlotFilled));
        assert_eq!(life.sale.wanted, Some(State::Ignored));
        life.ok();
        life.returns(State::Ignored);
    }
    let mut life = Life::up_to(ALL, State::Filling);
    life.tell(Input::Happened(Happened::SlotFilled));
    assert!(life.sale.state == State::Filling && life.sale.wanted.is_none(), "our own fill's answer decides");
    life.ok();
    assert_eq!(life.sale.state, State::Filled);
    life.tell(Input::Happened(Happened::SlotFilled));
    assert_eq!(life.sale.state, State::Filled);
}

#[test]
fn a_request_that_ends_while_the_fill_is_out() {
    for (what, outcome) in [(Happened::RequestCancelled, State::Cancelled), (Happened::RequestFailed, State::Failed)] {
        // It stands: ours, so the pay is collected.
        let mut life = Life::up_to(ALL, State::Filling);
        assert_eq!(life.tell(Input::Happened(what)), Effect::Rest, "a submitted call is never aborted");
        assert_eq!(life.ok(), Effect::ReadSlot);
        assert_eq!(life.sale.state, State::Payout);
        let slot = if outcome == State::Failed { SlotState::Failed } else { SlotState::Cancelled };
        let request = if outcome == State::Failed { RequestState::Failed } else { RequestState::Cancelled };
        assert_eq!(life.sees(view(request, slot, true)), Effect::FreeSlot);
        life.ok();
        life.returns(outcome);
        // It does not.
        for status in [SALES_HOST_TRANSIENT, SALES_HOST_NOT_ALLOWED] {
            let mut life = Life::up_to(ALL, State::Filling);
            life.tell(Input::Happened(what));
            life.fails(status);
            life.returns(outcome);
        }
        let mut life = Life::up_to(ALL, State::Filling);
        life.tell(Input::Happened(what));
        assert_eq!(life.fails(SALES_HOST_UNKNOWN), Effect::ReadSlot);
        life.sees(view(request, slot, false));
        life.returns(outcome);
    }
}

/// Found by the simulator: told of the request's end while the fill was out, the sale was given back although the fill stood, and nobody collected
/// the pay and the collateral.
#[test]
fn a_request_that_ends_well_while_the_fill_is_out() {
    let mut life = Life::up_to(ALL, State::Filling);
    assert_eq!(life.tell(Input::Happened(Happened::RequestEnded)), Effect::Rest);
    assert_eq!(life.ok(), Effect::ReadSlot);
    assert_eq!(life.sees(view(RequestState::Finished, SlotState::Finished, true)), Effect::FreeSlot);
    life.ok();
    life.returns(State::Finished);
    // It does not stand: then it ended, but not for us.
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_NOT_ALLOWED] {
        let mut life = Life::up_to(ALL, State::Filling);
        life.tell(Input::Happened(Happened::RequestEnded));
        life.fails(status);
        life.returns(State::Ignored);
    }
    let mut life = Life::up_to(ALL, State::Filling);
    life.tell(Input::Happened(Happened::RequestEnded));
    assert_eq!(life.fails(SALES_HOST_UNKNOWN), Effect::ReadSlot);
    life.sees(view(RequestState::Finished, SlotState::Finished, false));
    life.returns(State::Ignored);
}

/// Found by the simulator: what the host answered to the operation that was still out took the place of the reason.
#[test]
fn why_a_sale_is_left_is_remembered() {
    let mut life = Life::up_to(ALL, State::Downloading);
    life.tell(Input::Abandon(false));
    life.ok();
    assert_eq!((life.sale.state, &*life.sale.last_text), (State::Abandoned, "abandoned by hand"));
    // Also when the reserve that was out is refused afterwards.
    let mut life = Life::up_to(ALL, State::ReservingSpace);
    life.tell(Input::Abandon(false));
    life.fails(SALES_ERR_NO_SPACE);
    assert_eq!((life.sale.last_status, &*life.sale.last_text), (SALES_OK, "abandoned by hand"));
    life.returns(State::Abandoned);
}

#[test]
fn keep_is_asked_until_it_succeeds_and_hinders_nothing() {
    let mut life = Life::up_to(ALL, State::Filled);
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_PERMANENT, SALES_HOST_UNKNOWN] {
        assert_eq!(life.fails(status), Effect::Rest);
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::Keep);
    }
    life.fails(SALES_HOST_PERMANENT);
    life.at(ENDS + 1);
    assert_eq!(life.tell(Input::Due), Effect::ReadSlot, "a keep that never succeeds does not hinder the pay");
    assert_eq!(life.sale.state, State::Payout);
}

#[test]
fn filled_and_taken_from_us() {
    for what in [Happened::SlotFreed, Happened::TakenBack] {
        let mut life = Life::up_to(ALL, State::Filled);
        life.ok();
        assert_eq!(life.tell(Input::Happened(what)), Effect::ReadSlot);
        assert_eq!(life.sees(active(true)), Effect::Rest, "ours: nothing happened");
        assert_eq!((life.sale.state, life.sale.next_at), (State::Filled, ENDS + 1));
        life.tell(Input::Happened(what));
        life.sees(view(RequestState::Started, SlotState::Repair, false));
        assert!(life.alerts > 0);
        life.returns(State::Lost);
        // The view fails: it is asked again.
        let mut life = Life::up_to(ALL, State::Filled);
        life.ok();
        life.tell(Input::Happened(what));
        life.fails(SALES_HOST_TRANSIENT);
        assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::ReadSlot);
    }
    // Nobody to ask: the operator says.
    let mut life = Life::up_to(BARE, State::Filled);
    life.tell(Input::Happened(Happened::SlotFreed));
    assert!(life.sale.in_doubt && life.sale.state == State::Filled && life.alerts == 1);
    assert_eq!(life.tell(Input::Resolved(true)), Effect::Rest);
    assert!(life.sale.state == State::Filled && !life.sale.in_doubt);
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Resolved(false));
    life.returns(State::Lost);
}

/// A node that lags behind knows no request, and to it every slot is free.
#[test]
fn a_view_that_tells_nothing_ends_nothing() {
    let filled = |what: Happened| {
        let mut life = Life::up_to(ALL, State::Filled);
        life.ok();
        assert_eq!(life.tell(Input::Happened(what)), Effect::ReadSlot);
        life
    };
    for what in [Happened::SlotFreed, Happened::TakenBack, Happened::RequestEnded] {
        for slot in [SlotState::Free, SlotState::Repair, SlotState::Unknown] {
            let mut life = filled(what);
            let state = life.sale.state;
            assert_eq!(life.sees(view(RequestState::Unknown, slot, false)), Effect::Rest, "{what:?} {slot:?}");
            assert_eq!(life.sale.state, state, "{what:?} {slot:?}");
            let next = life.sale.next_at;
            assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot, "it is asked again");
        }
        // That another host has it is told, whatever else is not.
        let mut life = filled(what);
        life.sees(view(RequestState::Unknown, SlotState::Filled, false));
        life.returns(State::Lost);
    }
}

#[test]
fn payout_never_frees_what_is_filled() {
    let paying = || {
        let mut life = Life::up_to(ALL, State::Filled);
        life.ok();
        assert_eq!(life.tell(Input::Happened(Happened::RequestEnded)), Effect::ReadSlot);
        life
    };
    let mut life = paying();
    assert_eq!(life.sees(view(RequestState::Started, SlotState::Filled, true)), Effect::Rest);
    assert!(life.sale.state == State::Filled && life.alerts == 1, "freeSlot would burn it all");
    // Refused: read again before anything else.
    let mut life = paying();
    let finished = view(RequestState::Finished, SlotState::Finished, true);
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_PERMANENT, SALES_HOST_STATE_MISMATCH] {
        assert_eq!(life.sees(finished), Effect::FreeSlot);
        assert_eq!(life.fails(status), Effect::Rest);
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot);
    }
    life.sees(view(RequestState::Finished, SlotState::Paid, false));
    life.returns(State::Finished);
    // What the chain says counts, not what was told.
    for (slot, request, outcome) in [
        (SlotState::Cancelled, RequestState::Cancelled, State::Cancelled),
        (SlotState::Failed, RequestState::Failed, State::Failed),
        (SlotState::Finished, RequestState::Finished, State::Finished),
    ] {
        let mut life = paying();
        assert_eq!(life.sees(view(request, slot, true)), Effect::FreeSlot);
        life.ok();
        life.returns(outcome);
    }
    let mut life = paying();
    life.sees(view(RequestState::Failed, SlotState::Failed, false));
    life.returns(State::Failed);
    let mut life = paying();
    life.sees(view(RequestState::Started, SlotState::Repair, false));
    assert_eq!(life.alerts, 1, "lost is lost, also when its pay was waited for");
    life.returns(State::Lost);
    // A host that pays out by itself.
    let mut life = paying();
    life.can.free_slot = false;
    life.sees(finished);
    life.returns(State::Finished);
    // A restart reads again.
    let mut life = paying();
    life.sees(finished);
    assert_eq!(life.tell(Input::Restart), Effect::ReadSlot);
}

#[test]
fn the_return_is_tried_until_it_is_done() {
    let mut life = Life::up_to(ALL, State::Downloading);
    life.fails(SALES_HOST_PERMANENT);
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_PERMANENT, SALES_HOST_UNKNOWN] {
        assert_eq!(life.out, Some(OpKind::Clear));
        assert_eq!(life.fails(status), Effect::Rest);
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::Clear, "bytes still on disk must not be sold again");
    }
    assert_eq!(life.ok(), Effect::Release);
    for status in [SALES_ERR_DISK_FULL, SALES_ERR_IN_DOUBT, SALES_ERR_BUSY, SALES_ERR_STORE] {
        assert_eq!(life.fails(status), Effect::Rest);
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::Release);
    }
    for input in [Input::Happened(Happened::SlotFreed), Input::Abandon(true), Input::Resolved(true), Input::Begin] {
        assert_eq!(life.tell(input), Effect::Rest);
    }
    assert_eq!(life.tell(Input::Restart), Effect::Release);
    assert_eq!(life.fails(SALES_ERR_NOT_FOUND), Effect::Rest, "its release is on record already");
    assert!(life.sale.is_ended());
    for input in [Input::Restart, Input::Due, Input::Begin, Input::Again, Input::Abandon(true)] {
        assert_eq!(life.tell(input), Effect::Rest);
        assert!(life.sale.is_ended());
    }
}

#[test]
fn abandoned_by_hand() {
    for state in [State::Queued, State::ReservingSpace, State::ReservingSlot, State::Downloading, State::InitialProving]
    {
        let mut life = Life::up_to(ALL, state);
        life.tell(Input::Abandon(false));
        if life.sale.wanted.is_some() {
            life.ok();
        }
        life.returns(State::Abandoned);
    }
    let mut life = Life::up_to(ALL, State::Filled);
    life.tell(Input::Abandon(true));
    life.ok();
    life.returns(State::Abandoned);
    // Also when it was asked for while the fill was out, and the fill stands.
    let mut life = Life::up_to(BARE, State::Filling);
    life.tell(Input::Abandon(true));
    life.ok();
    life.returns(State::Abandoned);
    // Not by force: what is ours, or may be, is kept, also when it became so just now.
    for state in [State::Filling, State::Filled] {
        let mut life = Life::up_to(ALL, state);
        assert_eq!(life.tell(Input::Abandon(false)), Effect::Rest);
        assert_eq!((life.sale.state, life.sale.wanted), (state, None));
    }
    // An outcome stays what it is.
    let mut life = Life::up_to(ALL, State::Downloading);
    life.fails(SALES_HOST_PERMANENT);
    assert_eq!(life.tell(Input::Abandon(true)), Effect::Rest);
    assert_eq!((life.sale.state, life.sale.wanted), (State::Abandoned, None));
    // Also while the chain is being read.
    let mut life = Life::up_to(ALL, State::Filled);
    life.ok();
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Abandon(true));
    life.sees(active(true));
    life.returns(State::Abandoned);
}

/// What an operator gave up by force stays so, whatever end is told while it waits.
#[test]
fn what_was_given_up_by_force_stays_so() {
    let end = Input::Happened(Happened::RequestEnded);
    // While keep is out.
    let mut life = Life::up_to(ALL, State::Filled);
    life.tell(Input::Abandon(true));
    life.tell(end.clone());
    life.ok();
    life.returns(State::Abandoned);
    // While the fill is out, which then stands.
    for can in [ALL, BARE] {
        let mut life = Life::up_to(can, State::Filling);
        life.tell(Input::Abandon(true));
        life.tell(end.clone());
        life.ok();
        life.returns(State::Abandoned);
    }
    // While the chain is asked about a fill of unknown outcome, which stands.
    let mut life = Life::up_to(ALL, State::Filling);
    life.tell(Input::Abandon(true));
    life.fails(SALES_HOST_UNKNOWN);
    life.tell(end.clone());
    life.sees(active(true));
    life.returns(State::Abandoned);
    // While a filled slot is being read, of which the chain says that it has ended.
    let mut life = Life::up_to(ALL, State::Filled);
    life.ok();
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Abandon(true));
    life.sees(view(RequestState::Finished, SlotState::Finished, true));
    life.returns(State::Abandoned);
    // The reason that is remembered is that of the operator.
    let mut life = Life::up_to(ALL, State::Filled);
    life.tell(Input::Abandon(true));
    life.tell(Input::Happened(Happened::RequestFailed));
    assert_eq!(life.sale.last_text, "abandoned by hand");
}

#[test]
fn the_end_that_is_told_while_the_chain_is_being_read_is_not_forgotten() {
    let mut life = Life::up_to(ALL, State::Filled);
    life.ok();
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Happened(Happened::RequestFailed));
    // The view was taken before.
    life.sees(active(true));
    assert_eq!((life.sale.state, life.out), (State::Payout, Some(OpKind::ReadSlot)));
    // And over a restart.
    let mut life = Life::up_to(HostCan { keep: true, ..BARE }, State::Filled);
    life.tell(Input::Happened(Happened::RequestEnded));
    assert_eq!(life.sale.wanted, Some(State::Finished));
    life.tell(Input::Restart);
    if life.out == Some(OpKind::Keep) {
        life.ok();
    }
    life.returns(State::Finished);
}

#[test]
fn a_clock_set_back_delays_no_retry() {
    let mut life = Life::up_to(ALL, State::Filled);
    life.at(ENDS - 10).fails(SALES_HOST_TRANSIENT);
    life.now = T0;
    assert_eq!(life.tell(Input::Due), Effect::Keep, "a retry further away than the longest pause is due at once");
}

// The random walk.

struct Walk {
    rng: Rng,
    life: Life,
    /// The last view said that the slot is ours and over.
    freeable: bool,
    cleared: bool,
    last: Vec<String>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

impl Walk {
    fn fresh(&mut self) {
        let rng = &mut self.rng;
        let mut flag = || rng.chance(600);
        let can = HostCan { reserve_slot: flag(), read_slot: flag(), free_slot: flag(), keep: flag(), clear: flag() };
        self.life = Life::new(can);
        let repair = self.rng.chance(150);
        (self.life.sale.repairing, self.life.sale.started) = (repair, repair);
        self.life.sale.next_at = self.life.sale.fill_deadline(MARGIN);
        (self.freeable, self.cleared) = (false, false);
        self.last.clear();
    }

    fn view(&mut self) -> SlotView {
        use {RequestState as R, SlotState as S};
        let over = self.life.latest > ENDS;
        let all = [
            (R::New, S::Free, false),
            (R::New, S::Filled, true),
            (R::New, S::Filled, false),
            (R::Started, S::Filled, true),
            (R::Started, S::Filled, true),
            (R::Started, S::Repair, false),
            (R::Cancelled, S::Cancelled, true),
            (R::Cancelled, S::Free, false),
            (R::Failed, S::Failed, true),
            (R::Failed, S::Failed, false),
            (R::Unknown, S::Unknown, false),
            (R::Finished, S::Finished, true),
            (R::Finished, S::Paid, false),
            (R::Finished, S::Finished, false),
        ];
        let from = if over { 6 } else { 0 };
        let (request, slot, mine) = all[self.rng.range(from, if over { 13 } else { 10 })];
        view(request, slot, mine)
    }

    fn input(&mut self) -> Input {
        const STATUSES: [i32; 8] = [
            SALES_HOST_TRANSIENT,
            SALES_HOST_TRANSIENT,
            SALES_HOST_UNKNOWN,
            SALES_HOST_NOT_ALLOWED,
            SALES_HOST_STATE_MISMATCH,
            SALES_HOST_PERMANENT,
            SALES_HOST_NO_SPACE,
            SALES_HOST_CANCELLED,
        ];
        const OF_LEDGER: [i32; 7] = [
            SALES_ERR_NO_SPACE,
            SALES_ERR_BUSY,
            SALES_ERR_IN_DOUBT,
            SALES_REFUSED,
            SALES_ERR_DISK_FULL,
            SALES_HOST_PERMANENT,
            SALES_ERR_REQUEST,
        ];
        const HAPPENED: [Happened; 8] = [
            Happened::SlotFilled,
            Happened::SlotFreed,
            Happened::ReservationsFull,
            Happened::RequestFulfilled,
            Happened::RequestCancelled,
            Happened::RequestFailed,
            Happened::RequestEnded,
            Happened::TakenBack,
        ];
        let good = self.rng.chance(750);
        if let Some(kind) = self.life.out.filter(|_| self.rng.chance(600)) {
            return match kind {
                OpKind::RepoReserve if good => Input::Reserved(Ok(SALES_OK)),
                OpKind::RepoReserve => Input::Reserved(Err(Error::new(self.rng.pick(&OF_LEDGER), "no"))),
                OpKind::RepoRelease if good => Input::Released(Ok(self.rng.pick(&[SALES_OK, SALES_QUEUED]))),
                OpKind::RepoRelease => Input::Released(Err(Error::new(self.rng.pick(&OF_LEDGER[..5]), "no"))),
                OpKind::ReadSlot if good => {
                    let view = self.view();
                    Input::Answered(kind, seen(view))
                }
                kind if good => Input::Answered(kind, answer(SALES_OK)),
                kind => Input::Answered(kind, answer(self.rng.pick(&STATUSES))),
            };
        }
        match self.rng.below(100) {
            0..=24 if self.life.sale.state == State::Queued => Input::Begin,
            25..=69 => {
                let by = [1, 5, 30, 100, 1000, 5000];
                let to = match self.life.sale.next_at {
                    u64::MAX => self.life.now + self.rng.pick(&by),
                    next if self.rng.chance(700) => next.max(self.life.now),
                    _ => self.life.now + self.rng.pick(&by[..4]),
                };
                self.life.at(to);
                if self.rng.chance(20) {
                    self.life.now -= self.rng.below(500) as u64;
                }
                Input::Due
            }
            70..=79 => Input::Happened(self.rng.pick(&HAPPENED)),
            80..=89 => Input::Restart,
            90..=93 => Input::Resolved(self.rng.chance(500)),
            94 => Input::Abandon(self.rng.chance(500)),
            95..=96 if self.life.out.is_none() => Input::Again,
            _ => Input::Due,
        }
    }

    /// One step, with everything that must hold.
    fn step(&mut self) -> (State, State) {
        if self.life.stopping && self.rng.chance(300) || self.rng.chance(10) {
            let was = self.life.sale.clone();
            let effect = self.life.restart();
            self.last.push(format!("{:?} restarted {:?} {effect:?}", was.state, self.life.sale.state));
        } else if self.rng.chance(10) {
            self.life.stopping = true;
            self.last.push("stopping".into());
        }
        let input = self.input();
        let before = self.life.clone();
        let told = format!("{input:?}");
        let by_time = matches!(input, Input::Due | Input::Restart | Input::Begin | Input::Again);
        let words = matches!(input, Input::Happened(_) | Input::Resolved(_) | Input::Abandon(true));
        let of_chain = matches!(input, Input::Answered(OpKind::ReadSlot | OpKind::FillSlot | OpKind::FreeSlot, _));
        match &input {
            Input::Answered(OpKind::ReadSlot, answer) => {
                self.freeable = answer.view.as_ref().is_some_and(|view| {
                    view.is_mine
                        && matches!(view.slot_state, SlotState::Finished | SlotState::Cancelled | SlotState::Failed)
                });
            }
            Input::Answered(OpKind::Clear, answer) if answer.is_ok() => self.cleared = true,
            _ => {}
        }
        let effect = self.life.tell(input);
        let (was, is) = (&before.sale, &self.life.sale);
        self.last.push(format!("{:?} --{told}--> {:?} {effect:?} next {}", was.state, is.state, is.next_at));
        if effect == Effect::Cancel {
            assert!(self.life.out.is_some_and(OpKind::can_cancel), "nothing to cancel");
        }
        if effect == Effect::Release && !self.life.stopping {
            let uncleared = self.life.can.clear && is.stored && !self.cleared;
            assert!(!uncleared, "the space is released before the content is cleared");
            assert!(is.state.is_outcome());
        }
        if effect == Effect::FreeSlot && !self.life.stopping {
            assert!(self.freeable, "free_slot, and the last view did not say that it is over");
        }
        if effect == Effect::ReadSlot {
            assert!(self.life.can.read_slot);
        }
        // (b) After a submitted fill, time never leads to an outcome; nothing else does but the chain's and the operator's word.
        let ours = !was.state.is_outcome() && (was.submitted || was.state >= State::Filled);
        if ours && is.state.is_outcome() {
            assert!(!by_time || was.wanted.is_some(), "time ends a slot that may be ours");
            assert!(words || of_chain || was.wanted.is_some(), "what ends a slot that may be ours?");
        }
        if ours && is.wanted.is_some() && was.wanted != is.wanted && is.state != State::Payout {
            assert!(words || of_chain, "what wants the end of a slot that may be ours?");
        }
        // No state is left by the same door twice: an outcome stays what it is.
        if was.state.is_outcome() {
            assert_eq!(was.state, is.state);
            assert!(is.back >= was.back);
        }
        let kept_by_host = is.state == State::Filled && !self.life.can.read_slot;
        let acts =
            self.life.out.is_some() || self.life.stopping || is.next_at != u64::MAX || is.in_queue || is.in_doubt;
        assert!(is.is_ended() || acts || kept_by_host, "nothing will ever happen to it again");
        (was.state, is.state)
    }

    /// (a) With a healthy host and time, whatever state it is in, it ends, and everything is back.
    fn finale(&self) {
        let mut life = self.life.clone();
        if life.stopping {
            life.restart();
        }
        let mut cleared = self.cleared;
        let mut told = false;
        let ours = life.sale.submitted;
        let mut path = Vec::new();
        for _ in 0..100 {
            path.push(format!(
                "{:?} back {:?} out {:?} next {}",
                life.sale.state, life.sale.back, life.out, life.sale.next_at
            ));
            if life.sale.is_ended() {
                assert!(cleared || !life.can.clear || !life.sale.stored);
                return;
            }
            match life.out {
                Some(OpKind::ReadSlot) => {
                    let over = life.latest > ENDS;
                    let slot = match (over, life.sale.started, ours) {
                        (true, _, _) => view(RequestState::Finished, SlotState::Finished, ours),
                        (_, true, _) => view(RequestState::Started, SlotState::Filled, ours),
                        _ => view(RequestState::New, if ours { SlotState::Filled } else { SlotState::Free }, ours),
                    };
                    life.sees(slot);
                }
                Some(OpKind::Clear) => {
                    cleared = true;
                    life.ok();
                }
                Some(_) => drop(life.ok()),
                None if life.sale.in_doubt => drop(life.tell(Input::Resolved(ours))),
                None if life.sale.next_at == u64::MAX => {
                    assert!(!told && !life.can.read_slot, "nothing will happen any more: {path:#?}");
                    told = true;
                    life.tell(Input::Happened(Happened::RequestEnded));
                }
                None => {
                    let next = life.sale.next_at.max(life.now);
                    life.at(next).tell(Input::Due);
                }
            }
        }
        panic!("it never ends: {path:#?}");
    }
}

/// What the walk has to have seen, besides itself: where each state leads.
const LEADS: &[(State, &[State])] = {
    use State::*;
    &[
        (Queued, &[ReservingSpace, Ignored, Cancelled, Failed, Abandoned]),
        (ReservingSpace, &[Queued, ReservingSlot, Downloading, Ignored, Cancelled, Failed, Abandoned]),
        (ReservingSlot, &[Downloading, Ignored, Cancelled, Failed, Abandoned]),
        (Downloading, &[InitialProving, Ignored, Cancelled, Failed, Abandoned]),
        (InitialProving, &[Filling, Ignored, Cancelled, Failed, Abandoned]),
        (Filling, &[Filled, Payout, Ignored, Cancelled, Failed, Abandoned]),
        (Filled, &[Payout, Finished, Cancelled, Failed, Lost, Abandoned]),
        (Payout, &[Filled, Finished, Cancelled, Failed, Lost, Abandoned]),
    ]
};

#[test]
fn random_walk() {
    let steps = number("SALES_STEPS").unwrap_or(1_000_000);
    let seed = number("SALES_STEPS_SEED").unwrap_or_else(|| RandomState::new().hash_one(1));
    println!("sale_steps: seed {seed}; the same walk again: SALES_STEPS_SEED={seed}");
    let mut walk =
        Walk { rng: Rng::new(seed), life: Life::new(ALL), freeable: false, cleared: false, last: Vec::new() };
    let mut table: BTreeMap<(State, State), u64> = BTreeMap::new();
    let (mut lives, mut ended) = (1u64, 0u64);
    for at in 0..steps {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let moved = walk.step();
            if at % 16 == 0 {
                walk.finale();
            }
            moved
        }));
        match outcome {
            Ok(moved) => *table.entry(moved).or_default() += 1,
            Err(panic) => {
                println!("sale_steps: VIOLATION at step {at} of seed {seed}, {:?}:", walk.life.can);
                walk.last.iter().for_each(|line| println!("    {line}"));
                println!("    {:?}", walk.life.sale);
                std::panic::resume_unwind(panic);
            }
        }
        let over = walk.life.sale.is_ended();
        if over || walk.rng.chance(5) {
            ended += u64::from(over);
            lives += 1;
            walk.fresh();
        }
    }
    for state in State::ALL {
        let row: Vec<String> = table
            .iter()
            .filter(|((from, to), _)| *from == state && to != from)
            .map(|((_, to), n)| format!("{} {n}", to.name()))
            .collect();
        let stays = table.get(&(state, state)).copied().unwrap_or(0);
        println!("sale_steps: {:>15} stays {stays:>7}  -> {}", state.name(), row.join(", "));
    }
    let reached: BTreeSet<State> = table.keys().map(|(_, to)| *to).collect();
    println!("sale_steps: steps={steps} lives={lives} ended={ended} states={} violations=0", reached.len());
    if steps >= 1_000_000 {
        for (from, leads) in LEADS {
            for to in *leads {
                assert!(table.contains_key(&(*from, *to)), "never seen: {} -> {}", from.name(), to.name());
            }
        }
        // The proofs of a filled slot are asked of the host from the next version on; the state has its number already.
        let missing: Vec<_> = State::ALL.iter().filter(|state| !reached.contains(state)).collect();
        assert!(missing.iter().all(|state| **state == State::Proving), "never reached: {missing:?}");
    }
}
