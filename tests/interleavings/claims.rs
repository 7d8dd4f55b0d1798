//! Claims: one operation at a time works on a slot, and whoever else asks is answered at once.

use super::explore::every;
use super::store::{Plan, Store};
use loom::thread;
use sales::error::Result;
use sales::event::{Event, EventKind};
use sales::host::{OpKind, RepoTotal};
use sales::ledger::acts::Note;
use sales::ledger::recovery::Start;
use sales::ledger::task::{Done, Got, Need, Step, Task};
use sales::ledger::{Ledger, RepoCan};
use sales::market::Id;
use sales::status::*;
use sales::sync::held;
use std::sync::{Arc, Mutex, MutexGuard};

const SLOT: Id = Id([5; 32]);
const BYTES: u64 = 100;

#[derive(Default)]
struct Repo {
    total: u64,
    calls: u32,
    /// Operations between the begin and the end of a call of the repo for the slot.
    inside: u32,
}

/// A ledger and its repo. Its lock is std's: nothing else is taken under it.
struct Bench {
    ledger: Arc<Ledger>,
    repo: Mutex<Repo>,
}

fn bench(plans: &[Plan]) -> Arc<Bench> {
    let ledger = Ledger::new(Box::new(Store::with(plans)));
    let bench = Bench { ledger, repo: Mutex::default() };
    let can = RepoCan { total: true, consume: false };
    assert_eq!(Ok(SALES_OK), bench.drive(bench.ledger.start(Start { can, reset: None, keep_surplus: false })));
    Arc::new(bench)
}

impl Bench {
    fn repo(&self) -> MutexGuard<'_, Repo> {
        self.repo.lock().unwrap()
    }

    fn repo_has(&self, total: u64, calls: u32) {
        let repo = self.repo();
        assert_eq!((total, calls), (repo.total, repo.calls));
    }

    fn fulfil(&self, need: Need) -> Got {
        match need {
            Need::Commit(change) => Got::Committed(self.ledger.group().commit(change)),
            Need::Total => Got::Total(Ok(RepoTotal { bytes: self.repo().total, ..RepoTotal::default() })),
            Need::Repo { kind, slot, bytes, .. } => Got::Repo(self.call(kind, slot, bytes)),
            Need::Settlement { question } => panic!("{question}"),
        }
    }

    fn call(&self, kind: OpKind, slot: Id, bytes: u64) -> Result<()> {
        assert_eq!(0, held(), "the repo is called with a lock held");
        {
            let mut repo = self.repo();
            repo.calls += 1;
            repo.inside += u32::from(slot == SLOT);
            assert!(repo.inside <= 1, "two operations are at one slot");
        }
        thread::yield_now();
        let mut repo = self.repo();
        repo.inside -= u32::from(slot == SLOT);
        repo.total = match kind {
            OpKind::RepoReserve => repo.total + bytes,
            _ => repo.total.checked_sub(bytes).expect("S2: more is released than was reserved"),
        };
        Ok(())
    }

    fn drive(&self, mut task: Task) -> Done {
        let mut got = None;
        loop {
            match task.resume(1, got.take()) {
                Step::Done(done) => return done,
                Step::Needs(need) => got = Some(self.fulfil(need)),
            }
        }
    }

    fn reserve(&self) -> Done {
        self.drive(self.ledger.reserve(SLOT, BYTES, None, Vec::new()))
    }

    fn release(&self) -> Done {
        let event = Event { slot: SLOT, ..Event::new(EventKind::Released, 1) };
        self.drive(self.ledger.release(SLOT, false, vec![Arc::new(Note { event, ends: true })]))
    }

    /// Nothing is in flight: the repo has what the books hold (S1).
    fn is_exact(&self) {
        assert!(!self.ledger.is_busy(), "a claim was kept");
        assert_eq!(Ok(()), self.ledger.group().flush());
        let overview = self.ledger.overview().unwrap();
        assert_eq!(self.repo().total, overview.books.held + overview.owed);
        assert_eq!((0, 0), (overview.books.releasing, overview.reserving));
    }
}

fn is(done: &Done, allowed: &[i32]) -> bool {
    allowed.contains(&done.as_ref().map_or_else(|error| error.status, |status| *status))
}

#[test]
fn two_reserve_one_slot() {
    every("claims, two reserve one slot", None, || {
        let bench = bench(&[]);
        let other = bench.clone();
        let thread = thread::spawn(move || other.reserve());
        let done = [bench.reserve(), thread.join().unwrap()];
        assert!(done.iter().all(|done| is(done, &[SALES_OK, SALES_ALREADY, SALES_ERR_BUSY])), "{done:?}");
        assert_eq!(1, done.iter().filter(|done| **done == Ok(SALES_OK)).count(), "{done:?}");
        bench.repo_has(BYTES, 1);
        bench.is_exact();
    });
}

#[test]
fn two_release_one_slot() {
    every("claims, two release one slot", None, || {
        let bench = bench(&[]);
        assert_eq!(Ok(SALES_OK), bench.reserve());
        let other = bench.clone();
        let thread = thread::spawn(move || other.release());
        let done = [bench.release(), thread.join().unwrap()];
        assert!(done.iter().all(|done| is(done, &[SALES_OK, SALES_ALREADY, SALES_ERR_BUSY])), "{done:?}");
        bench.repo_has(0, 2);
        bench.is_exact();
    });
}

#[test]
fn one_reserves_and_one_releases() {
    every("claims, one releases and one reserves", None, || {
        let bench = bench(&[]);
        assert_eq!(Ok(SALES_OK), bench.reserve());
        let other = bench.clone();
        let thread = thread::spawn(move || other.release());
        let done = bench.reserve();
        assert!(is(&done, &[SALES_OK, SALES_ALREADY, SALES_ERR_BUSY]), "{done:?}");
        assert!(is(&thread.join().unwrap(), &[SALES_OK, SALES_ERR_BUSY]));
        bench.is_exact();
    });
}

/// An operation that is dropped where it waits for the repo gives its claim back.
#[test]
fn a_dropped_operation_keeps_no_claim() {
    every("claims, an operation is dropped", None, || {
        let bench = bench(&[]);
        let other = bench.clone();
        let thread = thread::spawn(move || {
            let mut task = other.ledger.reserve(SLOT, BYTES, None, Vec::new());
            matches!(task.resume(1, None), Step::Needs(Need::Repo { .. }))
        });
        let done = bench.reserve();
        assert!(is(&done, &[SALES_OK, SALES_ERR_BUSY]), "{done:?}");
        let claimed = thread.join().unwrap();
        assert!(claimed || done == Ok(SALES_OK));
        assert!(is(&bench.reserve(), &[SALES_OK, SALES_ALREADY]));
        bench.is_exact();
    });
}

/// A commit that fails leaves nothing behind: what was reserved for it is owed, and given back.
#[test]
fn a_reserve_that_is_not_recorded_is_given_back() {
    every("claims, the commit of a reserve fails", None, || {
        // The first two commits are those of the start.
        let bench = bench(&[Plan::Good, Plan::Good, Plan::Clean]);
        let other = bench.clone();
        let thread = thread::spawn(move || other.reserve());
        let done = [bench.reserve(), thread.join().unwrap()];
        let good = done.iter().filter(|done| **done == Ok(SALES_OK)).count() as u64;
        assert!(good <= 1, "{done:?}");
        let held = bench.ledger.overview().unwrap().books.held;
        assert_eq!(good * BYTES, held);
        bench.is_exact();
    });
}

/// A comparison counts what is in flight, or lets nothing in while it counts.
#[test]
fn a_repair_beside_a_reserve() {
    every("claims, a repair beside a reserve", None, || {
        let bench = bench(&[]);
        let other = bench.clone();
        let thread = thread::spawn(move || other.drive(other.ledger.reconcile(true)));
        let done = bench.reserve();
        assert!(is(&done, &[SALES_OK, SALES_ERR_BUSY]), "{done:?}");
        let repaired = thread.join().unwrap();
        assert!(is(&repaired, &[SALES_OK, SALES_PENDING]), "{repaired:?}");
        assert!(bench.ledger.is_open());
        assert_eq!(if done.is_ok() { BYTES } else { 0 }, bench.repo().total);
        assert_eq!(0, bench.ledger.overview().unwrap().report.surplus_released);
        bench.is_exact();
    });
}

/// Shut: those in flight go on, nobody else comes in.
#[test]
fn shut_beside_a_reserve() {
    every("claims, shut beside two reserves", None, || {
        let bench = bench(&[]);
        let other = bench.clone();
        let thread = thread::spawn(move || other.reserve());
        bench.ledger.shut();
        assert!(is(&bench.reserve(), &[SALES_ERR_BUSY]));
        let done = thread.join().unwrap();
        assert!(is(&done, &[SALES_OK, SALES_ERR_BUSY]));
        assert_eq!(if done.is_ok() { BYTES } else { 0 }, bench.repo().total);
        bench.is_exact();
    });
}
