//! Runs an encounter in every interleaving and tells how many there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Every interleaving of `encounter`, with at most `preemptions`.
pub fn every(name: &str, preemptions: impl Into<Option<usize>>, encounter: impl Fn() + Send + Sync + 'static) {
    let seen = Arc::new(AtomicU64::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.max_branches = 100_000;
    let (counted, begun) = (seen.clone(), std::time::Instant::now());
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        encounter();
    });
    let bound = builder.preemption_bound.map_or("any preemptions".to_string(), |most| format!("{most} preemptions"));
    println!("exhaustive: {name}: {} interleavings, {bound}, {:.1?}", seen.load(Ordering::Relaxed), begun.elapsed());
}
