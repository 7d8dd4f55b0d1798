//! What the fuzzers have kept, played again without them: the inputs that together reach the most (fuzz/corpus), and every input that ever
//! broke something (fuzz/found), by its name. SALES_FUZZ_INPUT=FILE: only this input, told by the directory it lies in; with
//! SALES_FUZZ_TRACE=1 the simulations print their trace.
#![allow(missing_docs)]

#[allow(dead_code)]
#[path = "../fuzz/src/lib.rs"]
mod targets;

// The simulator's parts know each other by these names at the crate's root.
use targets::{outcome, rng, store};

use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of a directory, in the order of their names.
fn inputs(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).map(|entries| entries.map(|entry| entry.expect("an entry").path()));
    let mut files: Vec<_> = entries.map(Iterator::collect).unwrap_or_default();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

fn play(name: &str, least: usize) {
    let (_, run) = targets::TARGETS.iter().find(|(target, _)| *target == name).expect("a target of this name");
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let (kept, found) = (inputs(&fuzz.join("corpus").join(name)), inputs(&fuzz.join("found").join(name)));
    assert!(kept.len() >= least, "{name}: only {} kept inputs", kept.len());
    for file in kept.iter().chain(&found) {
        println!("{}", file.display());
        run(&fs::read(file).expect("an input is readable"));
    }
}

macro_rules! played {
    ($($name:ident: $least:expr;)*) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name), $least);
            }
        )*

        #[test]
        fn every_target_is_played() {
            let played = [$(stringify!($name)),*];
            let all: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, played);
        }
    };
}

played! {
    abi: 100;
    engine: 50;
    ledger: 100;
    records: 50;
    requests: 50;
    store: 50;
}

#[test]
fn one_input() {
    let Some(file) = std::env::var_os("SALES_FUZZ_INPUT").map(PathBuf::from) else { return };
    let directory = file.parent().and_then(Path::file_name).expect("a directory with the target's name");
    let target = targets::TARGETS.iter().find(|(name, _)| directory == *name).expect("a target of this name");
    target.1(&fs::read(&file).expect("the input is readable"));
}
