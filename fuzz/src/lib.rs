//! What is done with one input, for each target. libFuzzer drives it (fuzz/bin), and a test plays the kept inputs again (tests/corpus.rs).

pub mod abi;
pub mod engine;
pub mod files;
mod input;
pub mod ledger;
mod place;
mod plain;
pub mod records;
pub mod requests;
mod tape;

// The simulator's parts, which know each other by these names at the crate's root.
#[allow(dead_code)]
#[path = "../../tests/simulate/outcome.rs"]
pub mod outcome;
#[allow(dead_code)]
#[path = "../../tests/simulate/rng.rs"]
pub mod rng;
#[allow(dead_code)]
#[path = "../../tests/simulate/engine/mod.rs"]
pub mod simulated_engine;
#[allow(dead_code)]
#[path = "../../tests/simulate/ledger/mod.rs"]
pub mod simulated_ledger;
#[allow(dead_code)]
#[path = "../../tests/simulate/store.rs"]
pub mod store;

/// What a target does with an input.
pub type Run = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Run)] = &[
    ("abi", abi::run),
    ("engine", engine::run),
    ("ledger", ledger::run),
    ("records", records::run),
    ("requests", requests::run),
    ("store", files::run),
];
