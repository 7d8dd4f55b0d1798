//! A sale whose fill is out, or of which nobody knows whether it stands: the chain alone says whose the slot is.

mod sale_common;

use sale_common::*;
use sales::host::OpKind;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::step::{Effect, Happened, Input};
use sales::status::*;

#[test]
fn filling_refused_on_the_first_submission_is_somebody_elses() {
    for status in [SALES_HOST_NOT_ALLOWED, SALES_HOST_STATE_MISMATCH, SALES_HOST_PERMANENT] {
        for can in [WHOLE, BARE] {
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
        let mut life = Life::up_to(WHOLE, State::Filling);
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
    let mut life = Life::up_to(WHOLE, State::Filling);
    life.at(EXPIRES + 1);
    assert_eq!(life.tell(Input::Restart), Effect::ReadSlot, "also after the expiry");
    let mut life = Life::up_to(BARE, State::Filling);
    assert_eq!(life.tell(Input::Restart), Effect::Rest);
    assert!(life.sale.in_doubt);
    // A slot in doubt, and a host that can now be asked.
    life.can = WHOLE;
    assert_eq!(life.tell(Input::Restart), Effect::ReadSlot);
    life.sees(active(true));
    assert!(life.sale.state == State::Filled && !life.sale.in_doubt);
}

#[test]
fn slot_filled_says_not_by_whom() {
    for state in [State::ReservingSlot, State::Downloading, State::InitialProving] {
        let mut life = Life::up_to(WHOLE, state);
        life.tell(Input::Happened(Happened::SlotFilled));
        assert_eq!(life.sale.wanted, Some(State::Ignored));
        life.ok();
        life.returns(State::Ignored);
    }
    let mut life = Life::up_to(WHOLE, State::Filling);
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
        let mut life = Life::up_to(WHOLE, State::Filling);
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
            let mut life = Life::up_to(WHOLE, State::Filling);
            life.tell(Input::Happened(what));
            life.fails(status);
            life.returns(outcome);
        }
        let mut life = Life::up_to(WHOLE, State::Filling);
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
    let mut life = Life::up_to(WHOLE, State::Filling);
    assert_eq!(life.tell(Input::Happened(Happened::RequestEnded)), Effect::Rest);
    assert_eq!(life.ok(), Effect::ReadSlot);
    assert_eq!(life.sees(view(RequestState::Finished, SlotState::Finished, true)), Effect::FreeSlot);
    life.ok();
    life.returns(State::Finished);
    // It does not stand: then it ended, but not for us.
    for status in [SALES_HOST_TRANSIENT, SALES_HOST_NOT_ALLOWED] {
        let mut life = Life::up_to(WHOLE, State::Filling);
        life.tell(Input::Happened(Happened::RequestEnded));
        life.fails(status);
        life.returns(State::Ignored);
    }
    let mut life = Life::up_to(WHOLE, State::Filling);
    life.tell(Input::Happened(Happened::RequestEnded));
    assert_eq!(life.fails(SALES_HOST_UNKNOWN), Effect::ReadSlot);
    life.sees(view(RequestState::Finished, SlotState::Finished, false));
    life.returns(State::Ignored);
}

/// An end that was told while the fill was out, and taken back before that was answered, ended a filled slot that nobody could read (S5).
#[test]
fn an_end_that_is_taken_back_while_the_fill_is_out() {
    for what in [Happened::RequestCancelled, Happened::RequestFailed, Happened::RequestEnded] {
        for can in [BARE, WHOLE] {
            let mut life = Life::up_to(can, State::Filling);
            life.tell(Input::Happened(what));
            assert!(life.sale.wanted.is_some());
            life.end_is_off = true;
            // Before anything else, be it told yet or not.
            life.ok();
            assert_eq!((life.sale.state, life.sale.wanted), (State::Filled, None), "{what:?}");
            assert_eq!(life.out, can.read_slot.then_some(OpKind::ReadSlot), "it is looked at, where it can be");
            // What an operator gave up stays so.
            let mut life = Life::up_to(can, State::Filling);
            life.tell(Input::Abandon(true));
            life.tell(Input::Happened(what));
            life.end_is_off = true;
            life.ok();
            life.returns(State::Abandoned);
        }
    }
}

/// The fill could not be asked for, because the store could not be read, and was asked for behind the expiry, where it may lock the collateral for
/// good (the simulator's seed 7241006246152276950).
#[test]
fn a_fill_that_could_not_be_asked_for_is_not_asked_for_too_late() {
    for can in [BARE, WHOLE] {
        let mut life = Life::up_to(can, State::Filling);
        life.out = None;
        assert_eq!(life.at(EXPIRES - MARGIN - 1).tell(Input::Again), Effect::Fill, "in time");
        life.out = None;
        life.at(EXPIRES - MARGIN).tell(Input::Again);
        life.returns(State::Cancelled);
        // Where an earlier one may stand, the chain tells.
        let mut life = Life::up_to(WHOLE, State::Filling);
        life.fails(SALES_HOST_UNKNOWN);
        life.out = None;
        assert_eq!(life.at(EXPIRES).tell(Input::Again), Effect::ReadSlot);
        life.sees(active(true));
        assert_eq!(life.sale.state, State::Filled);
    }
}

/// The answer of a fill may have been lost with a stop: whatever is told before the restart, the fill may stand (S5).
#[test]
fn a_fill_that_was_out_at_a_stop_is_not_taken_for_none() {
    for input in [
        Input::TakenBack(Some(Happened::RequestFailed)),
        Input::Happened(Happened::RequestFulfilled),
        Input::Abandon(false),
        Input::Happened(Happened::SlotFilled),
    ] {
        let mut life = Life::up_to(WHOLE, State::Filling);
        life.out = None;
        life.at(EXPIRES).tell(input.clone());
        assert!(life.sale.submitted && life.sale.state == State::Filling, "{input:?}");
        life.out = None;
        assert_eq!(life.tell(Input::Restart), Effect::ReadSlot, "{input:?}");
    }
}
