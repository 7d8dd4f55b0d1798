//! A sale whose slot is ours: kept, ended, taken from us, paid, given up by hand, and its space returned.

mod sale_common;

use sale_common::*;
use sales::host::OpKind;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::step::{Effect, Happened, HostCan, Input};
use sales::status::*;

#[test]
fn keep_is_asked_until_it_succeeds_and_hinders_nothing() {
    let mut life = Life::up_to(WHOLE, State::Filled);
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
    for what in [Input::Happened(Happened::SlotFreed), Input::TakenBack(None)] {
        let mut life = Life::up_to(WHOLE, State::Filled);
        life.ok();
        assert_eq!(life.tell(what.clone()), Effect::ReadSlot);
        assert_eq!(life.sees(active(true)), Effect::Rest, "ours: nothing happened");
        assert_eq!((life.sale.state, life.sale.next_at), (State::Filled, ENDS + 1));
        life.tell(what.clone());
        life.sees(view(RequestState::Started, SlotState::Repair, false));
        assert!(life.alerts > 0);
        life.returns(State::Lost);
        // The view fails: it is asked again.
        let mut life = Life::up_to(WHOLE, State::Filled);
        life.ok();
        life.tell(what);
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
    let filled = |what: &Input| {
        let mut life = Life::up_to(WHOLE, State::Filled);
        life.ok();
        assert_eq!(life.tell(what.clone()), Effect::ReadSlot);
        life
    };
    let of_chain = [Happened::SlotFreed, Happened::RequestEnded].map(Input::Happened);
    for what in of_chain.iter().chain([&Input::TakenBack(None)]) {
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
        let mut life = Life::up_to(WHOLE, State::Filled);
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
    let mut life = Life::up_to(WHOLE, State::Downloading);
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
        let mut life = Life::up_to(WHOLE, state);
        life.tell(Input::Abandon(false));
        if life.sale.wanted.is_some() {
            life.ok();
        }
        life.returns(State::Abandoned);
    }
    let mut life = Life::up_to(WHOLE, State::Filled);
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
        let mut life = Life::up_to(WHOLE, state);
        assert_eq!(life.tell(Input::Abandon(false)), Effect::Rest);
        assert_eq!((life.sale.state, life.sale.wanted), (state, None));
    }
    // An outcome stays what it is.
    let mut life = Life::up_to(WHOLE, State::Downloading);
    life.fails(SALES_HOST_PERMANENT);
    assert_eq!(life.tell(Input::Abandon(true)), Effect::Rest);
    assert_eq!((life.sale.state, life.sale.wanted), (State::Abandoned, None));
    // Also while the chain is being read.
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.ok();
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Abandon(true));
    life.sees(active(true));
    life.returns(State::Abandoned);
}

/// The same of a filled slot that nobody can read, while keep was out.
#[test]
fn an_end_that_is_taken_back_before_it_is_gone_to() {
    for off in [true, false] {
        let mut life = Life::up_to(HostCan { keep: true, ..BARE }, State::Filled);
        assert_eq!(life.out, Some(OpKind::Keep));
        life.tell(Input::Happened(Happened::RequestFailed));
        life.end_is_off = off;
        // The same of another block may stand: then this says nothing.
        life.tell(Input::TakenBack(Some(Happened::RequestFailed)));
        life.ok();
        if off {
            assert_eq!((life.sale.state, life.sale.wanted, life.out), (State::Filled, None, None));
        } else {
            life.returns(State::Failed);
        }
    }
}

/// What an operator gave up by force stays so, whatever end is told while it waits.
#[test]
fn what_was_given_up_by_force_stays_so() {
    let end = Input::Happened(Happened::RequestEnded);
    // While keep is out.
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.tell(Input::Abandon(true));
    life.tell(end.clone());
    life.ok();
    life.returns(State::Abandoned);
    // While the fill is out, which then stands.
    for can in [WHOLE, BARE] {
        let mut life = Life::up_to(can, State::Filling);
        life.tell(Input::Abandon(true));
        life.tell(end.clone());
        life.ok();
        life.returns(State::Abandoned);
    }
    // While the chain is asked about a fill of unknown outcome, which stands.
    let mut life = Life::up_to(WHOLE, State::Filling);
    life.fails(SALES_HOST_UNKNOWN);
    life.tell(Input::Abandon(true));
    life.tell(end.clone());
    life.sees(active(true));
    life.returns(State::Abandoned);
    // Before that is asked.
    for can in [WHOLE, BARE] {
        let mut life = Life::up_to(can, State::Filling);
        life.tell(Input::Abandon(true));
        life.fails(SALES_HOST_UNKNOWN);
        life.returns(State::Abandoned);
    }
    // While its pay is collected, which fails.
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.ok();
    life.tell(end.clone());
    assert_eq!(life.sees(view(RequestState::Finished, SlotState::Finished, true)), Effect::FreeSlot);
    life.tell(Input::Abandon(true));
    life.fails(SALES_HOST_TRANSIENT);
    life.returns(State::Abandoned);
    // While a filled slot is being read, of which the chain says that it has ended.
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.ok();
    life.tell(Input::Happened(Happened::SlotFreed));
    life.tell(Input::Abandon(true));
    life.sees(view(RequestState::Finished, SlotState::Finished, true));
    life.returns(State::Abandoned);
    // The reason that is remembered is that of the operator.
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.tell(Input::Abandon(true));
    life.tell(Input::Happened(Happened::RequestFailed));
    assert_eq!(life.sale.last_text, "abandoned by hand");
}

#[test]
fn the_end_that_is_told_while_the_chain_is_being_read_is_not_forgotten() {
    let mut life = Life::up_to(WHOLE, State::Filled);
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
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.at(ENDS - 10).fails(SALES_HOST_TRANSIENT);
    life.now = T0;
    assert_eq!(life.tell(Input::Due), Effect::Keep, "a retry further away than the longest pause is due at once");
}

/// Over by the clock, and not by the chain: it is asked ever more seldom, not each second.
#[test]
fn a_chain_that_lags_behind_the_clock_is_asked_ever_more_seldom() {
    let mut life = Life::up_to(WHOLE, State::Filled);
    life.ok();
    assert_eq!(life.at(ENDS + 1).tell(Input::Due), Effect::ReadSlot);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(life.sees(active(true)), Effect::Rest);
        assert_eq!(life.sale.state, State::Filled);
        let next = life.sale.next_at;
        pauses.push(next - life.now);
        assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot);
    }
    assert!(pauses.is_sorted() && pauses[0] < 5 && pauses[7] >= 30, "{pauses:?}");
    life.sees(view(RequestState::Finished, SlotState::Finished, true));
    assert_eq!(life.sale.state, State::Payout);
}
