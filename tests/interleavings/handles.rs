//! Handles: who enters an instance while another closes it.

use super::explore::every;
use loom::thread;
use sales::error::Result;
use sales::ffi::registry::{Instance, Registry};
use sales::status::*;
use sales::sync::Mutex;
use std::sync::Arc;

#[derive(Default)]
struct Seen {
    inside: u32,
    /// Threads inside a callback of it.
    callbacks: Vec<thread::ThreadId>,
    flushed: u32,
    gone: bool,
}

/// An instance that takes note.
struct Small(Arc<Mutex<Seen>>, u32);

impl Instance for Small {
    fn is_in_callback(&self) -> bool {
        self.0.lock().unwrap().callbacks.contains(&thread::current().id())
    }

    fn flush(&self) -> Result<()> {
        let mut seen = self.0.lock().unwrap();
        assert_eq!(0, seen.inside, "flushed under a call");
        seen.flushed += 1;
        Ok(())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let mut seen = self.0.lock().unwrap();
        assert_eq!(0, seen.inside, "gone under a call");
        seen.gone = true;
    }
}

struct Bench {
    registry: Registry<Small>,
    seen: Arc<Mutex<Seen>>,
}

fn bench() -> (Arc<Bench>, u64) {
    let (registry, seen) = (Registry::default(), Arc::new(Mutex::new(Seen::default())));
    let sales = registry.admit(Small(seen.clone(), 1));
    (Arc::new(Bench { registry, seen }), sales)
}

impl Bench {
    /// A call: what `body` does inside; false: refused by name.
    fn call(&self, sales: u64, body: impl FnOnce()) -> bool {
        match self.registry.enter(sales) {
            Ok(entered) => {
                entered.with(|small| {
                    assert_eq!(1, small.1, "another instance was entered");
                    let mut seen = small.0.lock().unwrap();
                    assert!(!seen.gone);
                    seen.inside += 1;
                    drop(seen);
                    body();
                    small.0.lock().unwrap().inside -= 1;
                });
                true
            }
            Err(error) => {
                assert_eq!(SALES_ERR_HANDLE, error.status);
                false
            }
        }
    }

    /// A call whose callback closes.
    fn close_inside(&self, sales: u64) -> bool {
        self.call(sales, || {
            let me = thread::current().id();
            self.seen.lock().unwrap().callbacks.push(me);
            assert_eq!(Ok(SALES_OK), self.registry.close(sales));
            assert!(self.registry.enter(sales).is_err(), "entered after it was closed");
            self.seen.lock().unwrap().callbacks.clear();
        })
    }

    fn is_over(&self) {
        let seen = self.seen.lock().unwrap();
        assert_eq!((0, 1, true), (seen.inside, seen.flushed, seen.gone));
    }
}

/// Whoever closes waits for the calls inside; nobody enters after.
#[test]
fn close_waits_for_the_calls_inside() {
    every("handles, two calls and a close", 4, || {
        let (bench, sales) = bench();
        let callers = [0, 1].map(|_| {
            let bench = bench.clone();
            thread::spawn(move || bench.call(sales, || {}))
        });
        assert_eq!(Ok(SALES_OK), bench.registry.close(sales));
        bench.is_over();
        assert!(!bench.call(sales, || {}));
        for caller in callers {
            caller.join().unwrap();
        }
        bench.is_over();
    });
}

#[test]
fn one_of_two_closes() {
    every("handles, a call and two closes", None, || {
        let (bench, sales) = bench();
        let (one, two) = (bench.clone(), bench.clone());
        let caller = thread::spawn(move || one.call(sales, || {}));
        let closer = thread::spawn(move || two.registry.close(sales));
        let mine = bench.registry.close(sales);
        let other = closer.join().unwrap();
        assert!(mine.is_ok() != other.is_ok());
        let refused = mine.err().or(other.err()).unwrap();
        assert_eq!(SALES_ERR_HANDLE, refused.status);
        caller.join().unwrap();
        bench.is_over();
    });
}

/// Closed inside a callback: the last call that leaves closes, whichever that is.
#[test]
fn closed_inside_a_callback() {
    every("handles, closed inside a callback, a call beside it", None, || {
        let (bench, sales) = bench();
        let other = bench.clone();
        let caller = thread::spawn(move || other.call(sales, || {}));
        assert!(bench.close_inside(sales));
        caller.join().unwrap();
        bench.is_over();
    });
}

#[test]
fn closed_inside_a_callback_and_by_another() {
    every("handles, closed inside a callback and by another", 4, || {
        let (bench, sales) = bench();
        let (one, two) = (bench.clone(), bench.clone());
        let caller = thread::spawn(move || one.call(sales, || {}));
        let closer = thread::spawn(move || {
            let me = thread::current().id();
            two.call(sales, || {
                two.seen.lock().unwrap().callbacks.push(me);
                let done = two.registry.close(sales);
                assert!(done.is_ok() || done.is_err_and(|error| error.status == SALES_ERR_HANDLE));
                two.seen.lock().unwrap().callbacks.clear();
            })
        });
        let mine = bench.registry.close(sales);
        if mine.is_ok() {
            bench.is_over();
        }
        caller.join().unwrap();
        closer.join().unwrap();
        bench.is_over();
    });
}

/// The place is given again; the old number stays refused.
#[test]
fn a_stale_handle_is_refused() {
    every("handles, the place is given again", None, || {
        let (bench, sales) = bench();
        let other = bench.clone();
        let caller = thread::spawn(move || {
            other.call(sales, || {});
            other.call(sales, || {})
        });
        assert_eq!(Ok(SALES_OK), bench.registry.close(sales));
        let anew = bench.registry.admit(Small(Arc::default(), 2));
        assert_ne!(sales, anew);
        assert_eq!(Some(2), bench.registry.enter(anew).ok().and_then(|entered| entered.with(|small| small.1)));
        assert!(!bench.call(sales, || {}));
        caller.join().unwrap();
        bench.is_over();
    });
}

/// After a defect was caught nobody enters, and it can be closed.
#[test]
fn a_poisoned_instance_can_be_closed() {
    every("handles, poisoned", None, || {
        let (bench, sales) = bench();
        let other = bench.clone();
        let caller = thread::spawn(move || other.registry.enter(sales).map(|entered| entered.poison()).is_ok());
        let entered = bench.registry.enter(sales).map(drop);
        let poisoned = caller.join().unwrap();
        assert!(poisoned, "who poisons was refused");
        assert!(entered.is_ok() || entered.is_err_and(|error| error.status == SALES_ERR_POISONED));
        assert!(bench.registry.enter(sales).is_err_and(|error| error.status == SALES_ERR_POISONED));
        assert_eq!(Ok(SALES_OK), bench.registry.close(sales));
        let seen = bench.seen.lock().unwrap();
        assert_eq!((0, true), (seen.flushed, seen.gone));
    });
}
