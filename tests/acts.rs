//! What is written, act by act: what shares a commit with something shares nothing else with it, and an act looks again at what its caller saw before.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::group::{Act, Change, Group, Txn};
use sales::error::{Error, Result};
use sales::event::{Event, EventKind};
use sales::ledger::acts::{Note, Rider};
use sales::market::Id;
use sales::sales::acts::SalesAct;
use sales::sales::sale::{Return, Sale, State};
use sales::status::*;
use std::sync::Arc;
use store_common::Place;

#[derive(Clone)]
struct Refused(i32);

impl Act for Refused {
    fn apply(&self, _: &mut Txn<'_>) -> Result<()> {
        Err(Error::new(self.0, "planned"))
    }
}

/// What rides with each commit until one holds it would keep everything from being committed for ever.
#[test]
fn what_rides_over_a_damaged_record_keeps_nothing_from_being_committed() {
    let place = Place::in_memory();
    let group: Group<Refused> = Group::new(Box::new(place.open().unwrap()));
    let note = || -> Change { vec![Arc::new(Note { event: Event::new(EventKind::Ended, 1), ends: false })] };
    group.ride(Refused(SALES_ERR_RECORD));
    group.commit(note()).unwrap();
    assert!(!group.has_riders(), "it went with that");
    // What the store refuses takes the commit with it.
    group.ride(Refused(SALES_ERR_STORE));
    assert_eq!(group.commit(note()).map_err(|failure| failure.error().status), Err(SALES_ERR_STORE));
    assert!(group.has_riders());
}

/// Two threads are told that a slot was freed. One sells it again and gives it up; the other saw it ended, and its sale took the place of one whose
/// space was not given back yet (S6).
#[test]
fn a_slot_whose_space_is_not_given_back_is_not_queued_again() {
    let place = Place::in_memory();
    let (_, engine, _) = filled(&place);
    let was = engine.sale(slot(1)).unwrap().0;
    drop(engine);
    let group: Group<Rider> = Group::new(Box::new(place.open().unwrap()));
    let requeue = |group: &Group<Rider>| {
        let sale = Sale { state: State::Queued, offer: Id::ZERO, in_queue: true, ..was.clone() };
        group.commit(vec![Arc::new(SalesAct::Requeue { sale: Box::new(sale), queue_limit: 10, request_limit: 10 })])
    };
    let mut last = was.clone();
    for (back, may) in [(Return::Clear, false), (Return::Release, false), (Return::Done, true)] {
        let now = Sale { state: State::Failed, back, next_at: u64::MAX, ..was.clone() };
        group.commit(vec![Arc::new(SalesAct::Put { was: Box::new(last), now: Box::new(now.clone()) })]).unwrap();
        last = now;
        let done = requeue(&group);
        assert_eq!(done.is_ok(), may, "{back:?}: {done:?}");
    }
}
