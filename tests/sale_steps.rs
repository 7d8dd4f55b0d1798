//! A sale as a pure state machine, up to its fill: the paths on which all is well, and each failure of each state. Whatever goes wrong gives the
//! space back.

mod sale_common;

use sale_common::*;
use sales::host::{Answer, OpKind};
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::step::{Effect, Happened, Input};
use sales::status::*;

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
    let mut life = Life::new(WHOLE);
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
        let mut life = Life::new(WHOLE);
        life.tell(Input::Happened(what));
        assert!(!life.sale.in_queue, "{what:?}");
        life.returns(outcome);
    }
    let mut life = Life::new(WHOLE);
    assert_eq!(life.at(EXPIRES - MARGIN - 1).tell(Input::Due), Effect::Rest);
    assert_eq!(life.sale.state, State::Queued);
    life.at(EXPIRES - MARGIN).tell(Input::Due);
    life.returns(State::Ignored);
    let mut life = Life::new(WHOLE);
    life.tell(Input::Abandon(false));
    life.returns(State::Abandoned);
}

#[test]
fn queued_waits_on_when_its_request_has_started() {
    // A slot in repair of a request that is told as fulfilled (also late, also twice): the end counts, not the expiry.
    let mut life = Life::new(WHOLE);
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
        let mut life = Life::up_to(WHOLE, State::ReservingSpace);
        assert_eq!(life.fails(status), Effect::Rest);
        assert_eq!((life.sale.state, life.sale.in_queue), (State::Queued, true), "{status}");
        assert!(life.sale.attempt > 0 && life.sale.next_at == EXPIRES - MARGIN);
        assert_eq!(life.tell(Input::Begin), Effect::Reserve, "and it is tried again");
    }
    for status in [SALES_ERR_REQUEST, SALES_ERR_AMOUNT, SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED] {
        let mut life = Life::up_to(WHOLE, State::ReservingSpace);
        life.fails(status);
        assert_eq!(life.sale.state, State::Ignored, "{status}");
        assert_eq!(life.sale.last_status, status, "with the reason kept");
    }
}

#[test]
fn reserving_the_slot() {
    for status in [SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT] {
        let mut life = Life::up_to(WHOLE, State::ReservingSlot);
        life.fails(status);
        let life = life.returns(State::Ignored);
        assert!(!life.sale.stored);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN] {
        let mut life = Life::up_to(WHOLE, State::ReservingSlot);
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
        let mut life = Life::up_to(WHOLE, State::Downloading);
        life.fails(status);
        life.returns(State::Abandoned);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_CANCELLED] {
        let mut life = Life::up_to(WHOLE, State::Downloading);
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
    let mut life = Life::up_to(WHOLE, State::Downloading);
    life.at(EXPIRES - MARGIN - 1);
    life.sale.attempt = 10;
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, EXPIRES - MARGIN);
}

#[test]
fn a_pause_survives_the_news_that_the_request_started() {
    let mut life = Life::up_to(WHOLE, State::Downloading);
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, T0 + 1);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::Store, "its retry is not put off to the end of the request");

    // Nor one that ends in the very second of the deadline, before a fill and long after it.
    let mut life = Life::up_to(WHOLE, State::Downloading);
    life.at(EXPIRES - MARGIN - 1).fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.next_at, EXPIRES - MARGIN);
    life.tell(Input::Happened(Happened::RequestFulfilled));
    assert_eq!(life.at(EXPIRES - MARGIN).tell(Input::Due), Effect::Store);
    let mut life = Life::up_to(WHOLE, State::Filled);
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
        let mut life = Life::up_to(WHOLE, State::InitialProving);
        life.fails(status);
        life.returns(State::Abandoned);
    }
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, SALES_HOST_CANCELLED] {
        let mut life = Life::up_to(WHOLE, State::InitialProving);
        assert_eq!(life.fails(status), Effect::Rest);
        assert_eq!(life.at(T0 + 1).tell(Input::Due), Effect::Prove);
    }
    // OK without a proof is none.
    let mut life = Life::up_to(WHOLE, State::InitialProving);
    assert_eq!(life.tell(Input::Answered(OpKind::Prove, Answer::of(SALES_OK))), Effect::Rest);
    assert_eq!(life.sale.state, State::InitialProving);
}

#[test]
fn an_attempt_that_never_submitted_ends_with_its_deadline() {
    for state in [State::ReservingSlot, State::Downloading, State::InitialProving] {
        // Out at the host: it is waited for, cancelled where it can be, and what it held goes back.
        let mut life = Life::up_to(WHOLE, state);
        let effect = life.at(EXPIRES - MARGIN).tell(Input::Due);
        let cancels = state != State::ReservingSlot;
        assert_eq!(effect, if cancels { Effect::Cancel } else { Effect::Rest });
        life.fails(SALES_HOST_CANCELLED);
        life.returns(State::Cancelled);
        // Or it succeeds after all: too late.
        let mut life = Life::up_to(WHOLE, state);
        life.at(EXPIRES - MARGIN).tell(Input::Due);
        life.ok();
        life.returns(State::Cancelled);
        // The block's time counts as well as the host's.
        let mut life = Life::up_to(WHOLE, state);
        life.latest = EXPIRES;
        life.tell(Input::Due);
        assert_eq!(life.sale.wanted, Some(State::Cancelled));
    }
}

#[test]
fn no_fill_is_begun_within_the_margin() {
    // Also without a tick: the proof came 15 s before the expiry.
    let mut life = Life::up_to(WHOLE, State::InitialProving);
    life.at(EXPIRES - MARGIN);
    let effect = life.ok();
    assert_ne!(effect, Effect::Fill, "such a fill may lock the collateral for good");
    life.returns(State::Cancelled);
    let mut life = Life::up_to(WHOLE, State::InitialProving);
    life.at(EXPIRES - MARGIN - 1);
    assert_eq!(life.ok(), Effect::Fill);
    // Nor is one repeated there.
    let mut life = Life::up_to(WHOLE, State::Filling);
    life.fails(SALES_HOST_TRANSIENT);
    life.at(EXPIRES - MARGIN).tell(Input::Due);
    life.returns(State::Cancelled);
}
