//! How long the verification of a large store takes: `cargo bench --bench verify`. RESERVATIONS: how many (1,000,000).
#![allow(missing_docs)]

#[path = "../tests/store_shapes/mod.rs"]
mod store_shapes;

use std::time::Instant;

const AT_ONCE: u64 = 5000;

fn main() {
    // Cargo builds and runs it with the tests too; then a small store is enough.
    let otherwise = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { 5000 };
    let reservations = std::env::var("RESERVATIONS").ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise);
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path().join("store");
    let shape = store_shapes::Shape::open(&dir);
    for first in (0..reservations).step_by(AT_ONCE as usize) {
        shape.reserve_many(first..(first + AT_ONCE).min(reservations));
    }
    drop(shape);
    for _ in 0..3 {
        let begun = Instant::now();
        let report = sales::verify::offline(&dir, &mut |damage| panic!("{damage}")).expect("verified");
        let (pages, took) = (report.pages.pages, begun.elapsed());
        println!("verify: {} records on {pages} pages in {took:?}", report.ledger.records);
    }
}
