//! The ledger alone: its real tasks, group commit and recovery over a store in memory and a repo that fails in every way. Operations interleave at
//! every need, the process dies at every one, and a plain model says after every step what must hold.

mod calls;
mod check;
mod commits;
mod driver;
mod job;
mod life;
mod model;
mod pace;
mod repo;
mod resume;

use crate::outcome::Outcome;
use crate::rng::Rng;
use driver::World;
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What a panic says is the violation: the hook of the process leaves it here.
pub fn note_panic(text: String) {
    LAST.with(|last| *last.borrow_mut() = text);
}

/// One run.
pub fn run(_: u64, rng: Rng, trace: bool) -> Outcome {
    let mut world = World::new(rng, trace);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    Outcome {
        steps: world.steps,
        counts: std::mem::take(&mut world.counts),
        trace: world.trace.take().unwrap_or_default(),
        // Without the place in the source, which a panic puts on a line of its own.
        violation: outcome
            .is_err()
            .then(|| LAST.with(|last| last.borrow().lines().skip(1).collect::<Vec<_>>().join(" "))),
        tape: std::mem::replace(&mut world.rng, Rng::new(0)).into_tape(),
        ..Outcome::default()
    }
}
