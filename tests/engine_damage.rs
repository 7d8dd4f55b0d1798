//! The engine over a store with damaged records: what is not damaged goes on, and gives back its space. Each was broken once.

mod engine_common;
mod store_common;

use engine_common::*;
use sales::datastore::Table;
use sales::engine::{At, Doubt, Options, Word};
use sales::history;
use sales::host::*;
use sales::ledger::acts::UNPROVEN;
use sales::market::*;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::sync::atomic::*;
use std::sync::*;
use store_common::Place;

/// A store with one accepted request of so many slots, closed.
fn accepted(place: &Place, slots: u64) -> Id {
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let (engine, _) = started(place, &host, options());
    engine.on_request(1000, At::default(), ask(1, slots)).unwrap();
    ask(1, slots).request_id
}

#[test]
fn a_damaged_sale_keeps_no_other_of_its_request_from_an_event() {
    let place = Place::in_memory();
    let request = accepted(&place, 2);
    damage(&place, Table::Sales, &slot_id(&request, 0).0);
    let host = Arc::new(Host { pends: AtomicBool::new(true), total: AtomicU64::new(200), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    let told = engine.on_request_event(1002, at(50), request, Happened::RequestFailed);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD);
    let (sale, _) = engine.sale(slot_id(&request, 1)).unwrap();
    assert!(sale.wanted.is_some() || sale.state.is_outcome(), "the whole slot was not told: {sale:?}");
}

/// A damaged record of the request itself kept all its sales from hearing how it ended.
#[test]
fn a_damaged_request_keeps_no_sale_of_it_from_an_event() {
    let place = Place::in_memory();
    let request = accepted(&place, 2);
    damage(&place, Table::Requests, &request.0);
    let host = Arc::new(Host { pends: AtomicBool::new(true), total: AtomicU64::new(200), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    let state = |index| engine.sale(slot_id(&request, index)).unwrap().0.state;
    assert_eq!(engine.on_slot(1002, at(50), request, 0, Happened::SlotFilled), Ok(SALES_OK));
    assert!(state(0).is_outcome());
    let told = engine.on_request_event(1002, at(50), request, Happened::RequestFailed);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD);
    assert_eq!(state(1), State::Failed);
    assert_eq!(host.total.load(Ordering::SeqCst), 0);
}

/// Without its request nobody knew the price by which a sale waits in the queue: it could not leave it, not even in time.
#[test]
fn a_sale_whose_request_is_damaged_leaves_the_queue() {
    for by_time in [false, true] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let options = Options { max_attempts: 1, queue_limit: 1, ..options() };
        let (first, _) = started(&place, &host, options);
        first.on_request(1000, At::default(), ask(1, 1)).unwrap();
        first.on_request(1000, At::default(), ask(2, 1)).unwrap();
        let waits = [1, 2].into_iter().find(|n| first.sale(slot(*n)).unwrap().0.state == State::Queued).unwrap();
        drop(first);
        damage(&place, Table::Requests, &ask(waits, 1).request_id.0);
        let engine = engine(Box::new(place.open().unwrap()), &host, options);
        engine.start(1001).unwrap();
        if by_time {
            let _ = engine.tick(1490);
            assert_eq!(engine.stats().unwrap().counts.queued, 0);
        } else {
            // Worse than any, or better: the queue stays bounded, and whoever leaves it says so.
            for n in 3..8 {
                assert_eq!(engine.on_request(1001, At::default(), ask(n, 1)), Ok(SALES_OK), "request {n}");
            }
            let left = engine.sales(None, usize::MAX).unwrap();
            let queued = left.iter().filter(|(sale, _)| sale.state == State::Queued).count();
            assert_eq!((queued, engine.stats().unwrap().counts.queued), (1, 1));
        }
    }
}

#[test]
fn a_damaged_sale_that_is_due_asks_for_one_tick_a_second() {
    let place = Place::in_memory();
    let request = accepted(&place, 1);
    damage(&place, Table::Sales, &slot_id(&request, 0).0);
    let host = Arc::new(Host { total: AtomicU64::new(100), ..Host::default() });
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    assert_eq!(ticks_in_a_second(&engine, 1490), 1);
}

/// What a damaged record of a request or an offer says of its counts is lost; the space comes back all the same (S6).
#[test]
fn a_damaged_request_and_offer_keep_no_space() {
    for table in [Table::Requests, Table::Offers] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let (first, _) = started(&place, &host, options());
        first.on_request(1000, At::default(), ask(1, 1)).unwrap();
        let (sale, _) = first.sale(slot(1)).unwrap();
        drop(first);
        let key = if table == Table::Offers { sale.offer } else { sale.request };
        damage(&place, table, &key.0);
        let engine = engine(Box::new(place.open().unwrap()), &host, options());
        engine.start(1001).unwrap();
        let _ = engine.abandon(1002, slot(1), false);
        let tokens: Vec<_> = host.tokens.lock().unwrap().drain(..).collect();
        for (_, token, _) in tokens {
            let _ = engine.complete(1003, token, Answer::of(SALES_HOST_CANCELLED));
        }
        for now in 1004..1010 {
            engine.tick(now).unwrap();
        }
        assert_eq!(host.total.load(Ordering::SeqCst), 0, "{table:?}: {:?}", engine.sale(slot(1)).unwrap().0);
    }
}

/// One ended sale that could not be read stopped everything, as soon as the history was to forget it.
#[test]
fn a_damaged_sale_that_is_to_be_forgotten_stops_nothing() {
    for table in [Table::Sales, Table::Requests] {
        let place = Place::in_memory();
        let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
        let options = Options { history_limit: 8, ..options() };
        let (first, _) = started(&place, &host, options);
        first.on_request(1000, At::default(), ask(1, 1)).unwrap();
        first.abandon(1000, slot(1), false).unwrap();
        let (_, token, _) = host.tokens.lock().unwrap().remove(0);
        first.complete(1000, token, Answer::of(SALES_HOST_CANCELLED)).unwrap();
        let (sale, _) = first.sale(slot(1)).unwrap();
        assert!(sale.is_ended());
        drop(first);
        let key = if table == Table::Sales { sale.slot } else { sale.request };
        damage(&place, table, &key.0);
        let engine = engine(Box::new(place.open().unwrap()), &host, options);
        engine.start(1001).unwrap();
        for n in 1..30 {
            engine.reserve(1001, Id([n; 32]), 5).unwrap();
            engine.release(1001, Id([n; 32])).unwrap_or_else(|error| panic!("{table:?}, release {n}: {error:?}"));
        }
        assert_eq!(engine.on_request(1002, At::default(), ask(2, 1)), Ok(SALES_OK));
    }
}

/// The worst of the queue could not be read, and so could not leave: nothing was accepted any more.
#[test]
fn a_damaged_sale_leaves_a_full_queue() {
    let place = Place::in_memory();
    let host = Arc::new(Host { pends: AtomicBool::new(true), ..Host::default() });
    let options = Options { max_attempts: 1, queue_limit: 1, ..options() };
    let (first, _) = started(&place, &host, options);
    first.on_request(1000, At::default(), ask(1, 1)).unwrap();
    first.on_request(1000, At::default(), ask(2, 1)).unwrap();
    let waits = [slot(1), slot(2)].into_iter().find(|slot| first.sale(*slot).unwrap().0.state == State::Queued);
    drop(first);
    damage(&place, Table::Sales, &waits.unwrap().0);
    let engine = engine(Box::new(place.open().unwrap()), &host, options);
    engine.start(1001).unwrap();
    for n in 3..6 {
        assert_eq!(engine.on_request(1001, At::default(), ask(n, 1)), Ok(SALES_OK), "request {n}");
    }
    assert!(engine.stats().unwrap().counts.queued <= 1);
}

#[test]
fn a_damaged_number_of_events_stops_no_release() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let (first, _) = started(&place, &host, options());
    first.reserve(1000, Id([1; 32]), 5).unwrap();
    first.reserve(1000, Id([2; 32]), 5).unwrap();
    first.release(1000, Id([1; 32])).unwrap();
    let last = first.stats().unwrap().last_event;
    drop(first);
    damage(&place, Table::Meta, history::COUNTER);
    let engine = engine(Box::new(place.open().unwrap()), &host, options());
    engine.start(1001).unwrap();
    engine.release(1002, Id([2; 32])).unwrap();
    assert_eq!(engine.stats().unwrap().last_event, last + 1);
}

#[test]
fn a_damaged_mark_of_the_newest_store_can_be_reset() {
    let place = Place::in_memory();
    let host = Arc::new(Host::default());
    let first = engine(Box::new(place.open().unwrap()), &host, options());
    first.offer_put(1000, Id::ZERO, terms()).unwrap();
    drop(first);
    damage(&place, Table::Meta, UNPROVEN);
    let told = engine(Box::new(place.open().unwrap()), &host, options()).start(1001);
    assert_eq!(told.unwrap_err().status, SALES_ERR_RECORD);
    let reset = Options { reset: true, ..options() };
    assert_eq!(engine(Box::new(place.open().unwrap()), &host, reset).start(1001), Ok(SALES_OK));
    assert_eq!(engine(Box::new(place.open().unwrap()), &host, options()).start(1002), Ok(SALES_OK));
}

/// Nobody can say of a damaged sale that it is not in doubt; nor is a word that may be meant for it taken for its reservation.
#[test]
fn a_word_on_a_damaged_sale_is_refused() {
    let place = Place::in_memory();
    let host = Arc::new(Host { fill_status: AtomicI32::new(SALES_HOST_UNKNOWN), no_total: true, ..Host::default() });
    let (engine, switches) = started(&place, &host, options());
    engine.on_request(1000, At::default(), ask(1, 1)).unwrap();
    engine.complete(1001, out(&host, OpKind::Prove), proof()).unwrap();
    host.release_unknown.store(true, Ordering::SeqCst);
    engine.consumed(1002, slot(1), 100).unwrap();
    drop((engine, switches));
    damage(&place, Table::Sales, &slot(1).0);
    let engine = engine_common::engine(store(&place).0, &host, options());
    engine.start(1003).unwrap();
    for of in [None, Some(Doubt::Sale)] {
        assert_eq!(status(engine.resolve(1003, slot(1), Word { of, applied: true })), Err(SALES_ERR_RECORD));
    }
    assert_eq!(engine.stats().unwrap().overview.in_doubt, 1);
    let of = Some(Doubt::Reservation);
    assert_eq!(status(engine.resolve(1004, slot(1), Word { of, applied: true })), Ok(SALES_OK));
}
