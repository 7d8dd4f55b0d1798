//! A damaged data file is refused by name before it is mapped: it can neither fault nor lose a commit in silence.

mod store_common;

use lmdb::{DatabaseFlags, Environment, Transaction, WriteFlags};
use sales::datastore::Backend;
use sales::status::*;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use store_common::*;

const PAGE: usize = 4096;

/// Writes bytes into the data file.
fn scribble(place: &Place, at: usize, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(place.file("data.mdb")).unwrap();
    file.write_all_at(bytes, at as u64).unwrap();
}

fn read(place: &Place, at: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fs::File::open(place.file("data.mdb")).unwrap().read_exact_at(&mut bytes, at as u64).unwrap();
    bytes
}

fn u64_at(place: &Place, at: usize) -> u64 {
    u64::from_ne_bytes(read(place, at, 8).try_into().unwrap())
}

/// Where the newest meta page lies, and the older.
fn metas(place: &Place) -> (usize, usize) {
    match u64_at(place, 144) > u64_at(place, PAGE + 144) {
        true => (0, PAGE),
        false => (PAGE, 0),
    }
}

#[test]
fn what_is_no_file_of_lmdb_is_refused() {
    let garbage: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (what, bytes) in [
        ("one byte", vec![7]),
        ("a short text", b"hello".to_vec()),
        ("a long text", b"hello, world\n".repeat(2000)),
        ("less than a page", vec![0; 100]),
        ("one page of zeros", vec![0; PAGE]),
        ("two pages of zeros", vec![0; 2 * PAGE]),
        ("many zeros", vec![0; 1 << 20]),
        ("ones", vec![0xFF; 1 << 16]),
        ("garbage", garbage),
    ] {
        let place = Place::with_commits(3);
        fs::write(place.file("data.mdb"), &bytes).unwrap();
        let told = place.refused(SALES_ERR_STORE_DAMAGED);
        assert!(told.contains(text(&place.file("data.mdb"))), "{what}: {told}");
        refused(place.reset(), SALES_ERR_STORE_DAMAGED);
        assert!(fs::read(place.file("data.mdb")).unwrap() == bytes, "{what}: evidence was changed");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let source = Place::with_commits(200);
    let used = source.open().unwrap().info().unwrap().used_bytes as usize;
    let whole = fs::read(source.file("data.mdb")).unwrap();
    assert!(used > 10 * PAGE);
    let lengths =
        (1..used / PAGE).map(|pages| pages * PAGE).chain([used - 1, used - PAGE + 1, 2 * PAGE + 1, PAGE + 200]);
    for length in lengths {
        fs::write(source.file("data.mdb"), &whole[..length]).unwrap();
        source.refused(SALES_ERR_STORE_DAMAGED);
        assert_eq!(fs::metadata(source.file("data.mdb")).unwrap().len(), length as u64, "evidence was changed");
    }
    fs::write(source.file("data.mdb"), &whole[..used]).unwrap();
    assert_eq!(source.open().expect("all its pages are there").seq(), 200);
}

#[test]
fn a_damaged_meta_page_is_refused_and_named() {
    let flip = |value: u8| value ^ 0x55;
    for page in [0, PAGE] {
        for (field, at, length) in [
            ("page number", 0, 8),
            ("page type", 10, 2),
            ("magic", 16, 4),
            ("format", 20, 4),
            ("page size", 40, 4),
            ("flags", 44, 2),
            ("depth of the free list", 46, 2),
            ("root of the free list", 80, 8),
            ("flags of the main tree", 92, 2),
            ("depth of the main tree", 94, 2),
            ("root of the main tree", 128, 8),
            ("transaction", 144, 8),
            ("all", 0, PAGE),
        ] {
            let place = Place::with_commits(20);
            let changed: Vec<u8> = read(&place, page + at, length).into_iter().map(flip).collect();
            scribble(&place, page + at, &changed);
            let told = place.refused(SALES_ERR_STORE_DAMAGED);
            assert!(told.contains("page 0") || told.contains("page 1"), "{field}: {told}");
        }
        let place = Place::with_commits(20);
        scribble(&place, page, &[0; PAGE]);
        place.refused(SALES_ERR_STORE_DAMAGED);
        // The newest page's end of file; that of the older is of no matter.
        scribble(&Place::with_commits(1), page + 136, &u64::MAX.to_ne_bytes());
    }
}

#[test]
fn the_end_of_the_file_that_a_meta_page_tells_is_checked() {
    for last in [0, 1_000_000, u64::MAX - 1, u64::MAX] {
        let place = Place::with_commits(20);
        let (newest, _) = metas(&place);
        scribble(&place, newest + 136, &last.to_ne_bytes());
        place.refused(SALES_ERR_STORE_DAMAGED);
    }
}

#[test]
fn an_older_meta_page_never_wins_in_silence() {
    // The newest page becomes an old copy of itself: LMDB would go back to it or to the other page. (By one commit
    // nobody can tell from the pages: the store's commit number, kept by a repo, shows that.)
    let place = Place::with_commits(20);
    let (newest, _) = metas(&place);
    let old = read(&place, newest, PAGE);
    let store = place.open().unwrap();
    for number in 0..3 {
        put(&store, &key(number), b"newer").unwrap();
    }
    drop(store);
    scribble(&place, newest, &old);
    assert!(place.refused(SALES_ERR_STORE_DAMAGED).contains("follow each other"));

    // Numbers that follow each other, but lie on each other's pages; and the same number twice.
    let place = Place::with_commits(20);
    let (newest, older) = metas(&place);
    let txn = u64_at(&place, newest + 144);
    scribble(&place, newest + 144, &(txn - 1).to_ne_bytes());
    place.refused(SALES_ERR_STORE_DAMAGED);
    scribble(&place, older + 144, &txn.to_ne_bytes());
    place.refused(SALES_ERR_STORE_DAMAGED);
}

#[test]
fn a_file_that_lmdb_left_short_is_no_damage() {
    // LMDB writes no page that it took and freed in one transaction, so the file may end before its last page.
    let place = Place::with_commits(20);
    {
        // Without what the store allocated ahead.
        let used = place.open().unwrap().info().unwrap().used_bytes;
        OpenOptions::new().write(true).open(place.file("data.mdb")).unwrap().set_len(used).unwrap();
        let env = Environment::new().set_max_dbs(32).set_map_size(64 << 20).open(&place.dir).unwrap();
        let due = env.create_db(Some("due"), DatabaseFlags::empty()).unwrap();
        let mut txn = env.begin_rw_txn().unwrap();
        for number in 0..2000u64 {
            txn.put(due, &(number + 1000).to_be_bytes(), &[1; 500], WriteFlags::empty()).unwrap();
        }
        for number in 0..2000u64 {
            txn.del(due, &(number + 1000).to_be_bytes(), None).unwrap();
        }
        txn.commit().unwrap();
    }
    let (newest, _) = metas(&place);
    let needs = (u64_at(&place, newest + 136) + 1) * PAGE as u64;
    let length = fs::metadata(place.file("data.mdb")).unwrap().len();
    assert!(length < needs, "LMDB wrote all of {needs} bytes; the case is gone");

    // Shorter still: as long as it opens nothing is missing, and soon it does not.
    let whole = fs::read(place.file("data.mdb")).unwrap();
    let mut pages = whole.len() / PAGE;
    loop {
        fs::write(place.file("data.mdb"), &whole[..pages * PAGE]).unwrap();
        let Ok(store) = place.open() else { break };
        (0..20).for_each(|number| assert!(get(&store, &key(number)).unwrap().is_some()));
        pages -= 1;
    }
    assert!(pages > 2 && place.refused(SALES_ERR_STORE_DAMAGED).contains("its pages need"));
    assert_eq!(fs::metadata(place.file("data.mdb")).unwrap().len(), (pages * PAGE) as u64, "evidence was changed");
    fs::write(place.file("data.mdb"), &whole).unwrap();
    let store = place.open().expect("no page in use is missing");
    for number in 0..500 {
        put(&store, &key(number), &[3; 500]).unwrap();
    }
    drop(store);
    assert_eq!(place.open().unwrap().seq(), 520);
}

#[test]
fn a_commit_never_leaves_the_file_short() {
    let place = Place::with_commits(1);
    let store = place.open().unwrap();
    for size in [10u64, 3000] {
        store
            .write(&mut |txn| {
                (0..size).try_for_each(|number| txn.put(sales::datastore::Table::Due, &key(number), &[1; 2000]))?;
                (0..size).rev().try_for_each(|number| txn.del(sales::datastore::Table::Due, &key(number)))
            })
            .unwrap();
        let info = store.info().unwrap();
        assert!(info.file_bytes >= info.used_bytes, "{info:?}");
    }
}
