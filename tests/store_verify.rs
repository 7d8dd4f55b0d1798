//! A good store of any shape verifies clean: whatever LMDB and the library leave on the disk is no damage.

mod store_common;
mod store_shapes;

use sales::damage::{Damage, Kind};
use sales::datastore::{Backend, Table};
use sales::error::Error;
use sales::status::*;
use sales::verify::Report;
use std::path::Path;
use store_common::*;

fn verify(dir: &Path) -> (Report, Vec<Damage>) {
    let mut damages = Vec::new();
    let report = sales::verify::offline(dir, &mut |damage| damages.push(damage.clone())).expect("verified");
    assert_eq!(report.damages, damages.len() as u64);
    (report, damages)
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Of a store that holds no records, only its pages.
fn pages_are_clean(dir: &Path) -> Report {
    let (report, mut damages) = verify(dir);
    damages.retain(|damage| matches!(damage.kind, Kind::File | Kind::Page));
    assert_eq!(damages, []);
    report
}

/// It left its lock's file in a directory that holds no store.
#[test]
fn a_directory_without_a_store_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let told = sales::verify::offline(dir.path(), &mut |_| {}).expect_err("there is no store");
    assert_eq!(told.status, SALES_ERR_STORE_PATH, "{told}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_new_store_is_clean() {
    let place = Place::new();
    drop(place.open().unwrap());
    let (report, damages) = verify(&place.dir);
    assert_eq!(damages, []);
    assert_eq!((report.seq, report.keys, report.ledger.records, report.error), (0, 3, 0, None));
    drop(sales::verify::open(&place.dir, false, &mut |_| {}).expect("opens"));
}

#[test]
fn a_store_with_something_of_everything_is_clean() {
    for reservations in [5, 120, 4000] {
        let place = Place::new();
        store_shapes::mixed(&place.dir, reservations);
        let (report, damages) = verify(&place.dir);
        assert_eq!(damages, []);
        // Two were released; of three requests, four slots each were taken, and one given back.
        assert_eq!(report.ledger.live, reservations - 2 + 9, "{report:?}");
        assert!(report.pages.free > 5 && report.pages.pages > report.pages.free, "{report:?}");
        // What is read without LMDB is what LMDB reads.
        let store = place.open().unwrap();
        let keys: usize = Table::ALL.into_iter().map(|table| entries(&store, table, &[]).len()).sum();
        assert_eq!(report.keys, keys as u64);
        assert_eq!(report.seq, store.seq());
    }
}

/// LMDB begins to count its transactions anew in a compacted copy: it was refused for that, for ever.
#[test]
fn a_compacted_copy_is_clean() {
    let (place, copy) = (Place::new(), tempfile::tempdir().unwrap());
    store_shapes::mixed(&place.dir, 120);
    let dir = |path: &Path| path.to_str().expect("a name").to_string();
    let (from, to) = (dir(&place.dir), dir(copy.path()));
    tool("lmdb-utils", "mdb_copy", &["-c", &from, &to]);
    std::fs::copy(copy.path().join("data.mdb"), place.dir.join("data.mdb")).unwrap();
    assert_eq!(verify(&place.dir).1, []);
    // Also as it goes on.
    let before = verify(&place.dir).0.seq;
    place.open().unwrap().write(&mut |_| Ok(())).unwrap();
    let (report, damages) = verify(&place.dir);
    assert_eq!((damages, report.seq), (vec![], before + 1));
}

#[test]
fn a_large_store_is_clean_with_its_deep_trees_and_after_it_was_emptied() {
    let place = Place::in_memory();
    let shape = store_shapes::Shape::open(&place.dir);
    for thousand in 0..60 {
        shape.reserve_many(thousand * 1000..(thousand + 1) * 1000);
    }
    drop(shape);
    let (full, damages) = verify(&place.dir);
    assert_eq!(damages, []);
    assert_eq!(full.ledger.records, 60_000);
    let shape = store_shapes::Shape::open(&place.dir);
    for thousand in 0..60 {
        shape.release_many(thousand * 1000..(thousand + 1) * 1000);
    }
    drop(shape);
    let (empty, damages) = verify(&place.dir);
    assert_eq!(damages, []);
    assert_eq!((empty.ledger.records, empty.ledger.held), (0, 0));
    // A list of so many free pages does not fit into a page.
    assert!(empty.pages.free > 1500, "{empty:?}");
}

/// Whatever is written, deleted or given up, no page is lost, and none is in two places.
#[test]
fn random_commits_leave_no_page_behind() {
    let place = Place::in_memory();
    drop(place.open().unwrap());
    let (rounds, seed) = (number("SALES_VERIFY_ROUNDS", 40), number("SALES_VERIFY_SEED", 7));
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..rounds {
        let store = place.open().unwrap();
        for _ in 0..random.usize(1..40) {
            let few = random.u64(1..600);
            let (changes, longest) = (random.usize(1..200), *random.choice([0, 10, 300, 3000, 30_000].iter()).unwrap());
            let deletes = random.u8(0..10);
            let give_up = random.u8(0..10) == 0;
            let seed = random.u64(..);
            let written = store.write(&mut |txn| {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..changes {
                    let table = Table::ALL[random.usize(1..Table::ALL.len())];
                    let key = sales::market::keccak256(&key(random.u64(0..few)));
                    match random.u8(0..10) < deletes {
                        true => txn.del(table, &key[..random.usize(1..33)])?,
                        false => {
                            txn.put(table, &key[..random.usize(1..33)], &vec![round as u8; random.usize(0..=longest)])?
                        }
                    }
                }
                if give_up {
                    Err(Error::new(SALES_ERR_BUSY, "given up"))
                } else {
                    Ok(())
                }
            });
            assert_eq!(written.is_err(), give_up);
        }
        drop(store);
        pages_are_clean(&place.dir);
    }
}
