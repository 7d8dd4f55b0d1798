//! The history keeps to its limit, however much one commit tells.

mod store_common;

use sales::datastore::group::{Act, Change, Group};
use sales::datastore::Table;
use sales::event::{Event, EventKind};
use sales::ledger::acts::{Note, Rider};
use sales::market::Id;
use sales::sales::acts::SalesAct;
use std::ops::ControlFlow;
use std::sync::Arc;
use store_common::Place;

/// What a request of many slots tells when the queue is full: each slot that leaves it. Four events a commit were forgotten once, and the store grew
/// without end.
#[test]
fn a_commit_that_tells_much_forgets_as_much() {
    let (place, limit) = (Place::in_memory(), 100);
    let group: Group<Rider> = Group::new(Box::new(place.open().expect("a new store")));
    for round in 0..20u8 {
        let note = |at: u8| -> Arc<dyn Act> {
            let event = Event { slot: Id([at; 32]), ..Event::new(EventKind::Ended, u64::from(round)) };
            Arc::new(Note { event, ends: true })
        };
        let mut change: Change = (0..200).map(note).collect();
        change.push(Arc::new(SalesAct::Prune(limit)));
        group.commit(change).expect("a commit");
        let mut kept = 0;
        let counted = group.backend().read(&mut |view| {
            kept = 0;
            view.walk(Table::History, &[], &mut |_, _| {
                kept += 1;
                ControlFlow::Continue(())
            })
        });
        counted.expect("a read");
        assert_eq!(kept, limit, "after {round}");
    }
}
