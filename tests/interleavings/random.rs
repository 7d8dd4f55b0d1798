//! The whole engine among threads: callers, callbacks that call in, completions from elsewhere, ticks, reconciles, stops and closes,
//! under random schedules. Built with `--cfg checker="shuttle"`: `make interleave`.
//!
//! SALES_SCHEDULES: how many blocks of 20 schedules (600). SALES_SCHEDULES_BASE: the first block's seed, instead of a random one.
//! SALES_SCHEDULES_SEED: only the block of this seed, with the trace of the schedule that fails.
#![cfg(checker = "shuttle")]

mod host;
#[path = "../simulate/rng.rs"]
mod rng;
mod store;
mod threads;
mod truth;
mod world;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Schedules of one scheduler: PCT learns from the first how long one is.
const BLOCK: usize = 20;

/// What must have happened: a meeting that never takes place tests nothing.
const MUST: &[&str] = &[
    "a claim is busy",
    "a stale handle is refused",
    "called in from a callback",
    "closed",
    "closed inside a callback",
    "completed after the close, and refused by name",
    "completed before the callback returned",
    "completed by another thread",
    "event told",
    "reconciled",
    "settling, and refused",
    "slots sold",
    "stop pends",
    "stopped",
    "stopped, and refused",
    "the end is told beside a restart",
];

#[derive(Default)]
struct Sum {
    schedules: u64,
    counts: BTreeMap<&'static str, u64>,
    bad: Vec<(u64, String)>,
}

fn run_with(
    scheduler: impl Scheduler + 'static,
    seed: u64,
    what: world::Run,
    shared: &Arc<Mutex<truth::Notes>>,
) -> Result<(), String> {
    let mut config = Config::default();
    config.stack_size = 1 << 19;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let (nth, notes) = (AtomicU64::new(0), shared.clone());
    let run = move || what(seed.wrapping_mul(1009) + nth.fetch_add(1, Ordering::Relaxed), &notes);
    catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(run))).map(drop).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_else(|| "a panic".into())
    })
}

/// One block: its scheduler, and what it tries, are chosen by its seed.
fn block(seed: u64) -> (truth::Notes, Option<String>) {
    let notes = Arc::new(Mutex::new(truth::Notes::default()));
    let what = if seed % 16 < 4 { world::end_beside_a_restart } else { world::everything };
    let done = match seed % 4 {
        0 | 1 => run_with(RandomScheduler::new_from_seed(seed, BLOCK), seed, what, &notes),
        2 => run_with(PctScheduler::new_from_seed(seed, 2 + seed as usize / 4 % 4, BLOCK), seed, what, &notes),
        _ => run_with(UrwRandomScheduler::new_from_seed(seed, BLOCK), seed, what, &notes),
    };
    let mut notes = std::mem::take(&mut *notes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let violation = notes.violation.take().or(done.err());
    (notes, violation)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

#[test]
fn random_schedules() {
    if let Some(seed) = number("SALES_SCHEDULES_SEED") {
        let (notes, violation) = block(seed);
        notes.trace.iter().for_each(|line| println!("    {line}"));
        assert!(violation.is_none(), "block {seed}: {violation:?}");
        return;
    }
    let blocks = number("SALES_SCHEDULES").unwrap_or(600);
    let base = number("SALES_SCHEDULES_BASE").unwrap_or_else(|| RandomState::new().hash_one(1) >> 24);
    println!("random: base seed {base}; one block again: SALES_SCHEDULES_SEED=n");
    // A deadlock is a panic of the checker: it is told below, by its block.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, stop, sum) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= blocks {
                        break;
                    }
                    let (notes, violation) = block(base + at);
                    let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    sum.schedules += notes.schedules;
                    notes.counts.iter().for_each(|(what, n)| *sum.counts.entry(what).or_default() += n);
                    if let Some(violation) = violation {
                        sum.bad.push((base + at, violation));
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    drop(std::panic::take_hook());
    let sum = sum.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    sum.counts.iter().for_each(|(what, n)| println!("random: {n:>9} {what}"));
    for (seed, violation) in &sum.bad {
        println!("random: VIOLATION after {} schedules, block seed={seed}: {violation}", sum.schedules);
    }
    println!("random: schedules={} violations={}", sum.schedules, sum.bad.len());
    assert!(sum.bad.is_empty(), "violations");
    let missing: Vec<_> = MUST.iter().filter(|what| !sum.counts.contains_key(**what)).collect();
    assert!(blocks < 100 || missing.is_empty(), "never happened: {missing:?}");
}
