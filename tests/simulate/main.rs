//! The simulator: the ledger and the whole engine against a repo, a chain, content and a store that fail in every way, moved by one generator. One
//! seed is one run, and its number plays it again.
//!
//! SALES_SIMULATE_SEEDS: how many seeds (2000). SALES_SIMULATE_BASE: the first, instead of a random one.
//! SALES_SIMULATE_SEED: only this one, with its trace. SALES_SIMULATE_SHRINK=0: a violation is told and not made smaller.

mod engine;
mod ledger;
mod must;
mod outcome;
mod report;
mod rng;
mod shrink;
mod store;

use outcome::Outcome;
use report::Report;
use rng::Rng;
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Lives of the ledger in one seed, besides one world of the whole engine: they are short.
const LIVES: u64 = 5;
/// Of so many seeds, one is run twice, to see that it is the same.
const TWICE: u64 = 64;

/// A part of a seed's run.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    seed: u64,
    run: fn(u64, Rng, bool) -> Outcome,
}

impl Part {
    fn run(&self, rng: Rng, trace: bool) -> Outcome {
        (self.run)(self.seed, rng, trace)
    }
}

fn parts(seed: u64) -> Vec<Part> {
    let seed_of = |number: u64| Rng::new(seed ^ number.rotate_right(8)).next();
    let mut parts: Vec<Part> =
        (1..=LIVES).map(|life| Part { name: "ledger", seed: seed_of(life), run: ledger::run }).collect();
    parts.push(Part { name: "engine", seed: seed_of(0), run: engine::run });
    parts
}

/// What must be the same when a seed is run again.
fn is_repeatable(part: &Part) -> Result<(), String> {
    let (first, again) = (part.run(Rng::new(part.seed), true), part.run(Rng::new(part.seed), true));
    let differs = first.trace.iter().zip(&again.trace).position(|(one, other)| one != other);
    match differs {
        Some(at) => Err(format!("not the same twice, line {at}: {:?} and {:?}", first.trace[at], again.trace[at])),
        None if first.trace.len() != again.trace.len() => Err("not the same twice: one run is longer".to_string()),
        None => Ok(()),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

/// Plays one seed with its trace.
fn play(seed: u64) -> ExitCode {
    for part in parts(seed) {
        let outcome = part.run(Rng::new(part.seed), true);
        println!("simulate: seed={seed}, {}: {} steps", part.name, outcome.steps);
        outcome.trace.iter().for_each(|line| println!("    {line}"));
        if let Some(violation) = outcome.violation {
            println!("simulate: VIOLATION seed={seed} ({}): {violation}", part.name);
            shrink::show(&part, &violation);
            println!("seeds=1 violations=1");
            return ExitCode::FAILURE;
        }
    }
    println!("seeds=1 violations=0");
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().is::<engine::truth::Crash>() {
            return;
        }
        ledger::note_panic(info.to_string());
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            hook(info);
        }
    }));
    if let Some(seed) = number("SALES_SIMULATE_SEED") {
        return play(seed);
    }
    let seeds = number("SALES_SIMULATE_SEEDS").unwrap_or(2000);
    let base = number("SALES_SIMULATE_BASE").unwrap_or_else(|| RandomState::new().hash_one(1) >> 1);
    println!("simulate: {seeds} seeds from {base}; one again: make simulate SEED=n");
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let report = Mutex::new(Report::new(seeds));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= seeds {
                        break;
                    }
                    let seed = base.wrapping_add(at);
                    let mut bad = None;
                    let mut sum = Vec::new();
                    for part in parts(seed) {
                        let outcome = part.run(Rng::new(part.seed), false);
                        let unlike = if at % TWICE == 0 { is_repeatable(&part).err() } else { None };
                        let violation = outcome.violation.clone().or(unlike);
                        bad = bad.or(violation.map(|violation| (seed, part, violation)));
                        sum.push((part.name, outcome));
                    }
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.iter().for_each(|(name, outcome)| report.add(name, outcome));
                    report.seed_done();
                    if let Some(bad) = bad {
                        report.violation.get_or_insert(bad);
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.print();
    let mut violations = 0;
    if let Some((seed, part, violation)) = &report.violation {
        println!("simulate: first violation after {} seeds", report.done);
        println!("simulate: VIOLATION seed={seed} ({}): {violation}", part.name);
        shrink::show(part, violation);
        violations = 1;
    }
    let missing = report.missing();
    for what in &missing {
        println!("simulate: WRONG: {what}");
    }
    println!("seeds={} violations={violations}", report.done);
    if violations == 0 && missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
