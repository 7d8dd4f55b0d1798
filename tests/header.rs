//! The header: it is what the source generates, and every C and C++ compiler takes it.
#![allow(missing_docs)]

use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_header_is_what_the_source_generates() {
    let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let committed = read(root().join("include/sales.h"));
    let generated = read(PathBuf::from(env!("SALES_GENERATED_HEADER")));
    if let Some((n, (a, b))) =
        committed.lines().zip(generated.lines()).enumerate().find(|(_, (committed, generated))| committed != generated)
    {
        panic!("include/sales.h differs from the source at line {}: `make header`\n- {a}\n+ {b}", n + 1);
    }
    assert_eq!(committed.len(), generated.len(), "include/sales.h differs from the source at its end: `make header`");
}

#[test]
fn the_header_compiles_as_every_c_and_cpp() {
    let script = root().join("tests/c/check_header.sh");
    let output = Command::new(&script).output().unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
