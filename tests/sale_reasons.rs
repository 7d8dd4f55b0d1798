//! Why a sale is where it is, as its record says: a refusal, a doubt, an end. What follows does not take its place, and it goes when it is none any more.
//! Each was broken once.

mod sale_common;

use sale_common::*;
use sales::sales::sale::State;
use sales::sales::step::{Effect, Happened, HostCan, Input};
use sales::status::*;

/// A host that takes content into keeping, and cannot read the chain.
const KEEPS: HostCan = HostCan { keep: true, ..BARE };

const FREED: &str = "the slot was freed on chain, and nobody can tell whose it is: sales_resolve tells";

impl Life {
    fn why(&self) -> (i32, &str) {
        (self.sale.last_status, &self.sale.last_text)
    }
}

/// A filled slot that was freed at a host that cannot read the chain, while its content was taken into keeping.
fn in_doubt() -> Life {
    let mut life = Life::up_to(KEEPS, State::Filled);
    life.tell(Input::Happened(Happened::SlotFreed));
    assert_eq!((life.sale.in_doubt, life.alerts, life.why()), (true, 1, (SALES_OK, FREED)));
    life
}

/// Found by the simulator: what the host answered to the operation that was still out took the place of the reason.
#[test]
fn why_a_sale_is_left_is_remembered() {
    let mut life = Life::up_to(WHOLE, State::Downloading);
    life.tell(Input::Abandon(false));
    life.ok();
    assert_eq!((life.sale.state, &*life.sale.last_text), (State::Abandoned, "abandoned by hand"));
    // Also when the reserve that was out is refused afterwards.
    let mut life = Life::up_to(WHOLE, State::ReservingSpace);
    life.tell(Input::Abandon(false));
    life.fails(SALES_ERR_NO_SPACE);
    assert_eq!((life.sale.last_status, &*life.sale.last_text), (SALES_OK, "abandoned by hand"));
    life.returns(State::Abandoned);
    // And when nobody knew yet whose the slot is (the simulator's seed 9006805469552221641).
    let mut life = Life::up_to(WHOLE, State::Filling);
    life.fails(SALES_HOST_UNKNOWN);
    life.tell(Input::Happened(Happened::RequestCancelled));
    life.can = BARE;
    life.restart();
    life.tell(Input::Resolved(true));
    let why = "the request ended before anybody knew whose the slot is";
    assert_eq!((life.sale.state, &*life.sale.last_text), (State::Cancelled, why));
}

#[test]
fn a_doubt_is_the_reason_until_it_is_none_any_more() {
    // What keep says is none.
    for status in [SALES_OK, SALES_HOST_TRANSIENT] {
        let mut life = in_doubt();
        life.fails(status);
        assert_eq!(life.why(), (SALES_OK, FREED));
        life.tell(Input::Resolved(true));
        assert_eq!(life.why(), (SALES_OK, ""));
    }
    // Nor does an end keep it: the end is reason enough.
    for (end, outcome) in [(Happened::RequestEnded, State::Finished), (Happened::RequestFailed, State::Failed)] {
        let mut life = in_doubt();
        life.tell(Input::Happened(end));
        life.ok();
        assert_eq!(life.why(), (SALES_OK, ""));
        life.returns(outcome);
    }
    // An end that was taken back leaves the doubt.
    let mut life = in_doubt();
    life.tell(Input::Happened(Happened::RequestFailed));
    life.end_is_off = true;
    life.tell(Input::TakenBack(Some(Happened::RequestFailed)));
    let why = "the end that it waited for was taken back, and nobody knows whose the slot is: sales_resolve tells";
    assert_eq!((life.sale.in_doubt, life.why()), (true, (SALES_OK, why)));
    // Where the chain can be read by now, what hinders that is the reason.
    let mut life = in_doubt();
    life.can = WHOLE;
    assert_eq!(life.restart(), Effect::ReadSlot);
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!((life.sale.in_doubt, life.sale.last_status), (true, SALES_HOST_TRANSIENT));
    let next = life.sale.next_at;
    assert_eq!(life.at(next).tell(Input::Due), Effect::ReadSlot);
    life.sees(active(true));
    assert_eq!((life.sale.in_doubt, life.why()), (false, (SALES_OK, "")));
}

/// Whoever heard of a doubt may be gone by the next start, and heard of it once.
#[test]
fn a_doubt_is_told_at_each_start() {
    let mut filling = Life::up_to(KEEPS, State::Filling);
    filling.fails(SALES_HOST_UNKNOWN);
    for mut life in [in_doubt(), filling] {
        for alerts in 2..5 {
            life.restart();
            assert_eq!((life.sale.in_doubt, life.alerts), (true, alerts));
            assert!(life.sale.last_text.contains("sales_resolve"), "{}", life.sale.last_text);
        }
        life.can = WHOLE;
        life.restart();
        assert_eq!(life.alerts, 4, "the chain tells");
    }
}

/// The operator who gives it up is not asked, nor is he who was before: what he said then was answered OK, and it was given up all the same.
#[test]
fn what_is_given_up_is_in_doubt_no_more() {
    let mut life = in_doubt();
    life.tell(Input::Abandon(true));
    assert_eq!((life.sale.in_doubt, life.why()), (false, (SALES_OK, "abandoned by hand")));
    life.tell(Input::Happened(Happened::SlotFreed));
    assert!(!life.sale.in_doubt);
    life.ok();
    assert_eq!((life.why(), life.alerts), ((SALES_OK, "abandoned by hand"), 1));
    life.returns(State::Abandoned);
}

/// Not ours, said the operator; the chain knew better, and the running sale went on saying that it was not ours.
#[test]
fn a_word_that_the_chain_knows_better_is_no_reason() {
    let mut life = in_doubt();
    life.tell(Input::Resolved(false));
    assert_eq!(life.why(), (SALES_OK, "not ours any more, says the operator"));
    life.can = HostCan { keep: false, ..WHOLE };
    assert_eq!(life.restart(), Effect::ReadSlot);
    life.sees(active(true));
    assert_eq!((life.sale.state, life.sale.wanted, life.why()), (State::Filled, None, (SALES_OK, "")));
}

/// What a keep was refused is not why the request ended.
#[test]
fn a_refusal_is_no_reason_of_an_end() {
    let mut life = Life::up_to(KEEPS, State::Filled);
    life.fails(SALES_HOST_TRANSIENT);
    assert_eq!(life.sale.last_status, SALES_HOST_TRANSIENT);
    life.tell(Input::Happened(Happened::RequestEnded));
    assert_eq!(life.why(), (SALES_OK, ""));
    life.returns(State::Finished);
}

/// A release that cannot go at once does not take the place of the reason. What will not pass by itself is told to a human, ever more seldom.
#[test]
fn why_it_ended_stays_while_its_release_waits() {
    let mut life = Life::up_to(BARE, State::Filled);
    life.tell(Input::Abandon(true));
    let soon = [SALES_ERR_BUSY, SALES_ERR_IN_DOUBT, SALES_ERR_BUSY].map(|status| (status, 0));
    // From its fourth attempt on: told of the fifth, and of the ninth.
    let told = [0, 1, 1, 1, 1, 2].map(|alerts| (SALES_ERR_OVERFLOW, alerts));
    for (status, alerts) in soon.into_iter().chain(told) {
        life.fails(status);
        assert_eq!((life.why(), life.alerts), ((SALES_OK, "abandoned by hand"), alerts));
        let next = life.sale.next_at;
        assert_eq!(life.at(next).tell(Input::Due), Effect::Release);
    }
    life.returns(State::Abandoned);
}
