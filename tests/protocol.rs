//! The protocol test: random lives of the ledger over a store, a Repo and a host that fail in every way, checked after every step
//! against a plain model (S1 to S8).
//!
//! SALES_PROTOCOL_RUNS: how many runs (20000). SALES_PROTOCOL_BASE: the first seed, instead of a random one.
//! SALES_PROTOCOL_SEED: only the run of this seed, with its trace.

#[path = "simulate/ledger/calls.rs"]
mod calls;
#[path = "simulate/ledger/check.rs"]
mod check;
#[path = "simulate/ledger/commits.rs"]
mod commits;
#[path = "simulate/ledger/driver.rs"]
mod driver;
#[path = "simulate/ledger/job.rs"]
mod job;
#[path = "simulate/ledger/life.rs"]
mod life;
#[path = "simulate/ledger/model.rs"]
mod model;
#[path = "simulate/ledger/repo.rs"]
mod repo;
#[path = "simulate/ledger/resume.rs"]
mod resume;
#[path = "simulate/rng.rs"]
mod rng;
#[path = "simulate/store.rs"]
mod store;

use driver::World;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;

/// What must have happened in the runs of a full test: a fault that is never injected tests nothing.
const MUST: &[&str] = &[
    "backup restored",
    "busy",
    "commit body runs twice",
    "commit fails cleanly",
    "commit unknown, not there",
    "commit unknown, there",
    "consumed beside another operation",
    "crash",
    "crash inside a start",
    "cut off after a commit",
    "cut off after the repo",
    "cut off before a commit",
    "cut off before the repo",
    "cut off before the total",
    "cut off in doubt",
    "cut off while pending",
    "doubt resolved: applied",
    "doubt resolved: not applied",
    "inherited in doubt",
    "old copy restored",
    "owed",
    "owed bytes given back",
    "a refill came too late",
    "queued",
    "reconcile: compared",
    "reconcile: failed",
    "reconcile: pending",
    "reconcile: repaired",
    "refused alone",
    "refused: in doubt",
    "refused: short",
    "repo forgets",
    "repo is full",
    "repo pending",
    "repo refuses",
    "repo unknown to a recovery",
    "repo unknown, done",
    "repo unknown, no effect",
    "repo.reserved fails",
    "reset",
    "shared commits",
    "start refused by name",
    "stopped and started",
    "store emptied",
    "true store found",
];

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// One run: what it counted, or its violation.
fn run(seed: u64, trace: bool) -> (World, Option<String>) {
    let mut world = World::new(seed, trace);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = outcome.is_err().then(|| LAST.with(|last| last.borrow().clone()));
    (world, violation)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

fn tell(seed: u64) -> Option<String> {
    let (world, violation) = run(seed, true);
    let trace = world.trace.unwrap_or_default();
    let skip = if number("SALES_PROTOCOL_SEED").is_some() { 0 } else { trace.len().saturating_sub(60) };
    println!("protocol: seed={seed}, {} lines, from line {skip}:", trace.len());
    trace[skip..].iter().for_each(|line| println!("    {line}"));
    if let Some(violation) = &violation {
        println!("protocol: VIOLATION seed={seed}: {violation}");
    }
    violation
}

#[test]
fn protocol() {
    std::panic::set_hook(Box::new(|info| LAST.with(|last| *last.borrow_mut() = info.to_string())));
    if let Some(seed) = number("SALES_PROTOCOL_SEED") {
        let violation = tell(seed);
        let _ = std::panic::take_hook();
        assert!(violation.is_none(), "seed {seed}: {violation:?}");
        return;
    }
    let runs = number("SALES_PROTOCOL_RUNS").unwrap_or(20_000);
    let base = number("SALES_PROTOCOL_BASE").unwrap_or_else(|| RandomState::new().hash_one(1) >> 1);
    println!("protocol: base seed {base}; one run again: SALES_PROTOCOL_SEED=n");
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new((0u64, 0u64, BTreeMap::<&str, u64>::new(), Vec::<u64>::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= runs {
                        break;
                    }
                    let (world, violation) = run(base.wrapping_add(at), false);
                    let mut sum = sum.lock().expect("no panic in here");
                    sum.0 += 1;
                    sum.1 += world.steps;
                    world.counts.iter().for_each(|(what, n)| *sum.2.entry(what).or_default() += n);
                    if violation.is_some() {
                        if sum.3.is_empty() {
                            println!("protocol: first violation after {} runs", sum.0);
                        }
                        sum.3.push(base.wrapping_add(at));
                        stop.store(sum.3.len() >= 3, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (done, steps, counts, bad) = sum.into_inner().expect("no panic in here");
    bad.iter().for_each(|seed| drop(tell(*seed)));
    let _ = std::panic::take_hook();
    counts.iter().for_each(|(what, n)| println!("protocol: {n:>9} {what}"));
    let crashes = counts.get("crash").copied().unwrap_or(0);
    println!("protocol: runs={done} steps={steps} crashes={crashes} violations={}", bad.len());
    assert!(bad.is_empty(), "violations, seeds {bad:?}");
    let missing: Vec<_> = MUST.iter().filter(|what| !counts.contains_key(**what)).collect();
    assert!(runs < 2000 || missing.is_empty(), "never injected: {missing:?}");
}
