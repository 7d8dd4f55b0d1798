//! A simulation of the whole engine: the real `Engine` over a store in memory, a Repo, a chain and content with their own truth, driven
//! by one generator through requests, events, completions, faults and crashes, and held against the truth after every move.
//!
//! SALES_ENGINE_RUNS: how many runs (5000). SALES_ENGINE_BASE: the first seed, instead of a random one.
//! SALES_ENGINE_SEED: only the run of this seed, with its trace.

#[path = "simulate/engine/chain.rs"]
mod chain;
#[path = "simulate/engine/check.rs"]
mod check;
#[path = "simulate/engine/content.rs"]
mod content;
#[path = "simulate/engine/disk.rs"]
mod disk;
#[path = "simulate/engine/host.rs"]
mod host;
#[path = "simulate/engine/repo.rs"]
mod repo;
#[path = "simulate/rng.rs"]
mod rng;
#[allow(dead_code)]
#[path = "simulate/store.rs"]
mod store;
#[path = "simulate/engine/truth.rs"]
mod truth;
#[path = "simulate/engine/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use world::World;

/// What must have happened in the runs of a full test: a fault that is never injected tests nothing.
const MUST: &[&str] = &[
    "a fill lands late",
    "a slot goes to another host",
    "a slot of ours is lost",
    "abandoned",
    "abandoned by force",
    "bytes owed",
    "called in from a callback",
    "cancelled",
    "closed without a stop",
    "commit body runs twice",
    "commit fails cleanly",
    "commit unknown, not there",
    "commit unknown, there",
    "completed inside cancel",
    "completed inside the callback",
    "completed later",
    "consumed",
    "consumed, told inside a callback",
    "crash",
    "crash after a commit",
    "crash after an effect",
    "crash before a commit",
    "crash before an effect",
    "crash in the watch",
    "doubt of a sale resolved",
    "doubt of the ledger resolved",
    "event never told",
    "event out of order",
    "event taken back",
    "event told",
    "event told inside a callback",
    "event told twice",
    "fill refused by the chain",
    "inherited doubt resolved",
    "offer changed",
    "offer removed",
    "OK without its data",
    "pending",
    "reconcile pends",
    "reconciled: compared",
    "reconciled: repaired",
    "refused: permanent",
    "refused: transient",
    "reopened",
    "repo is full",
    "repo.available fails",
    "repo.reserved fails",
    "request accepted",
    "request refused",
    "reserved by hand",
    "S1 compared",
    "S5 looked at",
    "sale in doubt",
    "slots won",
    "start fails",
    "start pends",
    "started",
    "state: abandoned",
    "state: cancelled",
    "state: downloading",
    "state: failed",
    "state: filled",
    "state: filling",
    "state: finished",
    "state: ignored",
    "state: initial proving",
    "state: lost",
    "state: payout",
    "state: queued",
    "state: reserving slot",
    "state: reserving space",
    "stopped",
    "surplus released",
    "the clock jumps",
    "unknown token",
    "unknown, done",
    "unknown, no effect",
    "what was out at a crash happens",
];

struct Ended {
    steps: u64,
    counts: BTreeMap<&'static str, u64>,
    trace: Vec<String>,
    violation: Option<String>,
}

fn run(seed: u64, trace: bool) -> Ended {
    let mut world = World::new(seed, trace);
    world.run();
    let mut t = world.t();
    Ended {
        steps: world.steps,
        counts: std::mem::take(&mut t.counts),
        trace: t.trace.take().unwrap_or_default(),
        violation: t.violation.take(),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

fn tell(seed: u64) -> Option<String> {
    let ended = run(seed, true);
    let skip = if number("SALES_ENGINE_SEED").is_some() { 0 } else { ended.trace.len().saturating_sub(60) };
    println!("engine: seed={seed}, {} lines, from line {skip}:", ended.trace.len());
    ended.trace[skip..].iter().for_each(|line| println!("    {line}"));
    if let Some(violation) = &ended.violation {
        println!("engine: VIOLATION seed={seed}: {violation}");
    }
    ended.violation
}

#[test]
fn engine() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<truth::Crash>().is_none() {
            hook(info);
        }
    }));
    if let Some(seed) = number("SALES_ENGINE_SEED") {
        let violation = tell(seed);
        assert!(violation.is_none(), "seed {seed}: {violation:?}");
        return;
    }
    let runs = number("SALES_ENGINE_RUNS").unwrap_or(5000);
    let base = number("SALES_ENGINE_BASE").unwrap_or_else(|| RandomState::new().hash_one(1) >> 1);
    println!("engine: base seed {base}; one run again: SALES_ENGINE_SEED=n");
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new((0u64, 0u64, BTreeMap::<&str, u64>::new(), Vec::<(u64, String)>::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= runs {
                        break;
                    }
                    let ended = run(base.wrapping_add(at), false);
                    let mut sum = sum.lock().expect("no panic in here");
                    sum.0 += 1;
                    sum.1 += ended.steps;
                    ended.counts.iter().for_each(|(what, n)| *sum.2.entry(what).or_default() += n);
                    if let Some(violation) = ended.violation {
                        sum.3.push((base.wrapping_add(at), violation));
                        stop.store(sum.3.len() >= 3, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (done, steps, counts, bad) = sum.into_inner().expect("no panic in here");
    for (seed, violation) in &bad {
        println!("engine: VIOLATION seed={seed}: {violation}");
        tell(*seed);
    }
    counts.iter().for_each(|(what, n)| println!("engine: {n:>9} {what}"));
    let crashes = counts.get("crash").copied().unwrap_or(0);
    println!("engine: runs={done} steps={steps} crashes={crashes} violations={}", bad.len());
    assert!(bad.is_empty(), "violations, seeds {:?}", bad.iter().map(|(seed, _)| seed).collect::<Vec<_>>());
    let missing: Vec<_> = MUST.iter().filter(|what| !counts.contains_key(**what)).collect();
    assert!(runs < 2000 || missing.is_empty(), "never happened: {missing:?}");
}
