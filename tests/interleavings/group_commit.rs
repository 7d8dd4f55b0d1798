//! Group commit: a leader commits what others have queued.

use super::explore::every;
use super::store::{Plan, Store};
use loom::thread;
use sales::datastore::group::{Act, Change, Failure, Group, Outcome, Txn};
use sales::datastore::{Backend, Read, Table};
use sales::error::{Error, Result};
use sales::event::{Event, EventKind};
use sales::status::*;
use std::sync::Arc;

/// Counts in a row of its own, so that one that is applied twice is seen.
#[derive(Clone)]
struct Count(u8);

fn count(read: &dyn Read, row: u8) -> u8 {
    read.get(Table::Slots, &[row]).ok().flatten().map_or(0, |value| value[0])
}

impl Act for Count {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let value = count(txn.tables, self.0) + 1;
        txn.tables.put(Table::Slots, &[self.0], &[value])?;
        txn.events.push(Event { number: self.0.into(), ..Event::new(EventKind::State, 0) });
        txn.out = u64::from(self.0) * 10;
        Ok(())
    }
}

struct Refuse;

impl Act for Refuse {
    fn apply(&self, _: &mut Txn<'_>) -> Result<()> {
        Err(Error::new(SALES_ERR_NOT_FOUND, "not this one"))
    }
}

struct Panics;

impl Act for Panics {
    fn apply(&self, _: &mut Txn<'_>) -> Result<()> {
        std::panic::resume_unwind(Box::new("a defect"))
    }
}

struct Bench {
    group: Group<Count>,
    store: Store,
}

fn bench(plans: &[Plan]) -> Arc<Bench> {
    let store = Store::with(plans);
    Arc::new(Bench { group: Group::new(Box::new(store.clone())), store })
}

impl Bench {
    /// Commits an act; what is answered as done is durable by then.
    fn commit(&self, row: u8) -> Outcome {
        let outcome = self.group.commit(vec![Arc::new(Count(row))]);
        match &outcome {
            Ok(out) => {
                assert_eq!(u64::from(row) * 10, *out, "the answer of another");
                assert_eq!(1, self.durable(row), "acknowledged and not durable");
            }
            Err(Failure::Clean(_)) => assert_eq!(0, self.durable(row), "refused and durable"),
            Err(_) => {}
        }
        outcome
    }

    fn durable(&self, row: u8) -> u8 {
        count(&*self.store.durable(), row)
    }

    fn news(&self) -> Vec<u64> {
        self.group.take_news().into_iter().map(|event| event.number).collect()
    }
}

#[test]
fn each_of_two_gets_its_own_answer() {
    every("group commit, two callers", None, || {
        let bench = bench(&[]);
        let other = bench.clone();
        let thread = thread::spawn(move || other.commit(1));
        assert_eq!(Ok(20), bench.commit(2));
        assert_eq!(Ok(10), thread.join().unwrap());
        let mut news = bench.news();
        news.sort_unstable();
        assert_eq!(vec![1, 2], news);
    });
}

#[test]
fn each_of_three_gets_its_own_answer() {
    every("group commit, three callers", 4, || {
        let bench = bench(&[]);
        let others = [1, 2].map(|row| {
            let bench = bench.clone();
            thread::spawn(move || bench.commit(row))
        });
        assert_eq!(Ok(30), bench.commit(3));
        for (thread, out) in others.into_iter().zip([10, 20]) {
            assert_eq!(Ok(out), thread.join().unwrap());
        }
    });
}

/// Three wait for one leader: all are in the next batch, and all must be woken after it.
#[test]
fn each_of_four_gets_its_own_answer() {
    every("group commit, four callers", 2, || {
        let bench = bench(&[]);
        let others = [1, 2, 3].map(|row| {
            let bench = bench.clone();
            thread::spawn(move || bench.commit(row))
        });
        assert_eq!(Ok(40), bench.commit(4));
        for (thread, out) in others.into_iter().zip([10, 20, 30]) {
            assert_eq!(Ok(out), thread.join().unwrap());
        }
    });
}

/// A refusal takes nobody with it.
#[test]
fn a_refused_change_fails_alone() {
    every("group commit, one of three is refused", 3, || {
        let bench = bench(&[]);
        let (one, two) = (bench.clone(), bench.clone());
        let good = thread::spawn(move || one.commit(1));
        let bad = thread::spawn(move || {
            let change: Change = vec![Arc::new(Count(2)), Arc::new(Refuse)];
            two.group.commit(change)
        });
        assert_eq!(Ok(30), bench.commit(3));
        assert_eq!(Ok(10), good.join().unwrap());
        let refused = bad.join().unwrap();
        assert!(matches!(&refused, Err(Failure::Refused(error)) if error.status == SALES_ERR_NOT_FOUND), "{refused:?}");
        assert_eq!(0, bench.durable(2));
    });
}

/// A commit that fails is told to those who were in it, and to nobody else; nothing of it is there later.
#[test]
fn a_failed_commit_is_told_to_its_batch() {
    every("group commit, the first commit fails", 3, || {
        let bench = bench(&[Plan::Clean]);
        let others = [1, 2].map(|row| {
            let bench = bench.clone();
            thread::spawn(move || bench.commit(row).is_ok())
        });
        let mine = bench.commit(3).is_ok();
        let [one, two] = others.map(|thread| thread.join().unwrap());
        for (row, done) in [(1, one), (2, two), (3, mine)] {
            assert_eq!(u8::from(done), bench.durable(row));
        }
    });
}

/// Nobody waits for a leader that is gone.
#[test]
fn a_panic_is_told_to_its_batch() {
    every("group commit, a change panics", 3, || {
        let bench = bench(&[]);
        let (one, two) = (bench.clone(), bench.clone());
        let good = thread::spawn(move || one.commit(1));
        let bad = thread::spawn(move || two.group.commit(vec![Arc::new(Panics)]));
        let mine = bench.commit(3);
        assert!(matches!(bad.join().unwrap(), Err(Failure::Unknown(_))));
        for (outcome, row) in [(good.join().unwrap(), 1), (mine, 3)] {
            assert!(outcome.is_ok() == (bench.durable(row) == 1), "{outcome:?}");
        }
        assert_eq!(Ok(40), bench.commit(4));
    });
}

/// What rides is seen once by every reader: laid over the view, or in it.
fn rides(name: &'static str, plans: &'static [Plan]) {
    every(name, 3, move || {
        let bench = bench(plans);
        bench.group.ride(Count(9));
        let (one, two) = (bench.clone(), bench.clone());
        let writer = thread::spawn(move || one.commit(1).is_ok());
        let flusher = thread::spawn(move || two.group.flush().is_ok());
        let mut shown = 0;
        for _ in 0..2 {
            let (in_view, over, seq) =
                bench.group.read(|view, riders| Ok((count(view, 9), riders.len() as u8, view.seq()?))).expect("a read");
            assert_eq!(1, in_view + over, "at commit {seq}");
            assert!(in_view >= shown, "a reader goes back");
            shown = in_view;
        }
        let durable = writer.join().unwrap() | flusher.join().unwrap();
        assert_eq!(u8::from(!durable && bench.store.seq() == 0), u8::from(bench.group.has_riders()));
        assert_eq!(Ok(()), bench.group.flush());
        assert_eq!(1, bench.durable(9));
        assert!(!bench.group.has_riders());
    });
}

#[test]
fn a_rider_is_seen_once() {
    rides("riders, seen by a reader", &[]);
}

#[test]
fn a_rider_outlives_a_failed_commit() {
    rides("riders, the first commit fails", &[Plan::Clean]);
}

/// One that comes aboard late rides with the next commit, and is not dropped with one that it is not in.
#[test]
fn a_late_rider_is_not_dropped() {
    every("riders, one comes late", None, || {
        let bench = bench(&[]);
        bench.group.ride(Count(8));
        let other = bench.clone();
        let writer = thread::spawn(move || other.commit(1));
        bench.group.ride(Count(9));
        assert_eq!(Ok(10), writer.join().unwrap());
        assert_eq!(1, bench.durable(8));
        assert_eq!(bench.durable(9) == 0, bench.group.has_riders());
        assert_eq!(Ok(()), bench.group.flush());
        assert_eq!((1, 1), (bench.durable(8), bench.durable(9)));
    });
}
