//! A disk that is full or fails: nothing acknowledged is lost, nothing refused is there, and it goes on by itself.

mod store_common;

use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, CommitError, Table};
use sales::status::*;
use std::env::{remove_var, set_var};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use store_common::*;

/// The acts of child processes, whose system calls can fail.
#[test]
fn child() {
    let Some((act, dir)) = act() else { return };
    match act.as_str() {
        "meta write fails" => meta_write_fails(&dir),
        "meta write fails for good" => meta_write_fails_for_good(&dir),
        "data writes fail" => data_writes_fail(&dir),
        "readers beside failures" => readers_beside_failures(&dir),
        "cannot allocate ahead" => {
            let store = LmdbStore::open(&dir, false).expect("opens");
            (0..20).for_each(|number| put(&store, &key(number), &[1; 100]).expect("a commit"));
            let before = store.info().expect("figures");
            assert!(!before.low && before.file_bytes < before.used_bytes + 4096 * 100);
            // Here LMDB leaves the file shorter than its pages.
            let numbers = 1000..3000;
            store
                .write(&mut |txn| {
                    numbers.clone().try_for_each(|number| txn.put(Table::Due, &key(number), &[1; 500]))?;
                    numbers.clone().rev().try_for_each(|number| txn.del(Table::Due, &key(number)))
                })
                .expect("a commit");
            let info = store.info().expect("figures");
            assert!(info.file_bytes >= info.used_bytes, "{info:?}");
        }
        "disk full at creation" => drop(refused(LmdbStore::open(&dir, false), SALES_ERR_DISK_FULL)),
        other => panic!("no act {other}"),
    }
}

fn count(store: &LmdbStore, table: Table) -> u64 {
    let mut found = 0;
    store
        .read(&mut |view| {
            found = 0;
            view.walk(table, &[], &mut |_, _| {
                found += 1;
                ControlFlow::Continue(())
            })
        })
        .expect("a walk");
    found
}

fn clean(result: Result<(), CommitError>, status: i32) -> String {
    match result {
        Err(CommitError::Clean(error)) if error.status == status => error.text,
        other => panic!("{other:?}; expected {:?}", sales::status::name(status)),
    }
}

/// A record as the ledger has it: a new one of a reserve, and what its release does.
fn reserve(store: &LmdbStore, slot: u64) -> Result<(), CommitError> {
    store.write(&mut |txn| {
        txn.put(Table::Slots, &spread(slot), &[1; 100])?;
        txn.put(Table::Unsettled, &spread(slot), b"")
    })
}

fn release(store: &LmdbStore, slots: std::ops::Range<u64>) -> Result<(), CommitError> {
    store.write(&mut |txn| {
        for slot in slots.clone() {
            txn.put(Table::Slots, &spread(slot), &[2; 100])?;
            txn.del(Table::Unsettled, &spread(slot))?;
            txn.put(Table::Ended, &spread(slot), &key(slot))?;
            txn.put(Table::History, &key(slot), &[3; 60])?;
            txn.del(Table::Slots, &spread(slot))?;
        }
        Ok(())
    })
}

/// Slot ids are hashes: neighbours in time are not neighbours in the tree.
fn spread(slot: u64) -> [u8; 32] {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&slot.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id
}

#[test]
fn on_a_full_disk_reserves_are_refused_and_releases_go_on() {
    let disk = Disk::new("size=24m");
    let store = LmdbStore::open(&disk.store(), false).expect("a new store");
    store
        .write(&mut |txn| {
            (0..10_000).try_for_each(|slot| {
                txn.put(Table::Slots, &spread(slot), &[1; 100])?;
                txn.put(Table::Unsettled, &spread(slot), b"")
            })
        })
        .expect("ten thousand slots");
    let filling = disk.fill();

    let mut reserved = 10_000;
    let refusal = loop {
        match reserve(&store, reserved) {
            Ok(()) => reserved += 1,
            Err(refusal) => break refusal,
        }
        assert!(reserved < 200_000, "the disk is never full");
    };
    assert!(clean(Err(refusal), SALES_ERR_DISK_FULL).contains("full"));
    assert!(store.info().unwrap().low);
    let (seq, slots) = (store.seq(), count(&store, Table::Slots));
    assert_eq!(slots, reserved);

    // What is there can be read, changed and released, by one and by hundreds.
    store.write(&mut |txn| txn.put(Table::Slots, &spread(0), &[9; 100])).expect("a change");
    (0..200).for_each(|slot| release(&store, slot..slot + 1).expect("a release"));
    (1..10).for_each(|batch| release(&store, batch * 200..batch * 200 + 200).expect("a batch of releases"));
    assert_eq!(count(&store, Table::Slots), reserved - 2000);
    assert_eq!(count(&store, Table::History), 2000);
    assert_eq!(store.seq(), seq + 1 + 200 + 9);
    clean(reserve(&store, 300_000), SALES_ERR_DISK_FULL);

    // Closed and opened on the full disk it is the same.
    drop(store);
    let store = LmdbStore::open(&disk.store(), false).expect("opens on a full disk");
    release(&store, 2000..2200).expect("a batch of releases");
    clean(reserve(&store, 300_000), SALES_ERR_DISK_FULL);

    // With room it goes on by itself.
    disk.free(&filling);
    reserve(&store, 300_000).expect("with room it goes on");
    assert!(!store.info().unwrap().low);
}

#[test]
fn a_commit_larger_than_the_disk_is_refused_whole() {
    let disk = Disk::new("size=16m");
    let store = LmdbStore::open(&disk.store(), false).expect("a new store");
    put(&store, b"k", b"v").unwrap();
    for _ in 0..3 {
        let large =
            store.write(&mut |txn| (0..20_000).try_for_each(|number| txn.put(Table::Due, &key(number), &[1; 1000])));
        clean(large, SALES_ERR_DISK_FULL);
        assert_eq!((store.seq(), count(&store, Table::Due)), (1, 1));
    }
    drop(store);
    let store = LmdbStore::open(&disk.store(), false).expect("opens");
    assert_eq!((store.seq(), count(&store, Table::Due)), (1, 1));
    put(&store, b"l", b"v").expect("a small commit");
}

#[test]
fn a_disk_too_full_for_a_new_store_is_told() {
    for kilobytes in [0, 4, 8, 16, 32, 64, 72, 80, 100] {
        let disk = Disk::new("size=8m");
        fs::create_dir(disk.store()).unwrap();
        let filling = disk.fill();
        let left = fs::metadata(&filling).unwrap().len() - (kilobytes << 10);
        fs::OpenOptions::new().write(true).open(&filling).unwrap().set_len(left).unwrap();
        let told = LmdbStore::open(&disk.store(), false);
        match told {
            Ok(store) => drop(store),
            told => drop(refused(told, SALES_ERR_DISK_FULL)),
        }
        disk.free(&filling);
        let store = LmdbStore::open(&disk.store(), false).expect("with room it is made");
        put(&store, b"k", b"v").expect("a commit");
    }
    let disk = Disk::new("size=8m,nr_inodes=2");
    refused(LmdbStore::open(&disk.store(), false), SALES_ERR_DISK_FULL);
}

/// The write of a meta page fails: whatever is on the disk then, the answer says it.
fn meta_write_fails(dir: &Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    let mut commits = store.seq();
    for (meta, restore, there) in [
        ("lost", "done", false), // nothing was written
        ("done", "done", false), // it was written, and LMDB put the old page back
        ("done", "lost", true),  // it was written, and stays
        ("lost", "lost", false),
    ] {
        for round in 0..3 {
            let id = format!("{meta} {restore} {round}");
            set_var("SHIM_META", meta);
            set_var("SHIM_RESTORE", restore);
            let result = put(&store, id.as_bytes(), b"v");
            remove_var("SHIM_META");
            remove_var("SHIM_RESTORE");
            match there {
                true => {
                    commits += 1;
                    result.unwrap_or_else(|error| panic!("{id}: it is there, but {error:?}"));
                }
                false => drop(clean(result, SALES_ERR_STORE)),
            }
            assert_eq!(store.seq(), commits, "{id}");
            assert_eq!(get(&store, id.as_bytes()).expect("a read").is_some(), there, "{id}");
            put(&store, format!("after {id}").as_bytes(), b"v").expect("the next commit");
            commits += 1;
        }
    }
    drop(store);
    let store = LmdbStore::open(dir, false).expect("opens");
    assert_eq!((store.seq(), count(&store, Table::Due)), (commits, commits));
}

#[test]
fn a_failed_meta_write_is_settled() {
    let place = Place::with_commits(5);
    succeed(play_with_shim("meta write fails", &place.dir, &[]));
    place.open().expect("opens");
}

/// The settling fails too: then it is in doubt, and nothing goes on until the store is opened again.
fn meta_write_fails_for_good(dir: &Path) {
    let mut commits = LmdbStore::open(dir, false).expect("opens").seq();
    for (meta, restore, settle, there) in [
        ("lost", "done", "SHIM_SETTLE", false),
        ("done", "lost", "SHIM_SETTLE", true),
        ("lost", "done", "SHIM_SYNC", false),
        ("done", "lost", "SHIM_SYNC", true),
    ] {
        let store = LmdbStore::open(dir, false).expect("opens");
        store.write(&mut |_| Ok(())).expect("a commit"); // so that only the settling syncs below
        commits += 1;
        set_var("SHIM_META", meta);
        set_var("SHIM_RESTORE", restore);
        // The commit's own sync comes before its meta write, so only the second is to fail.
        if settle == "SHIM_SYNC" {
            set_var("SHIM_SYNC_AFTER_META", "lost");
        } else {
            set_var(settle, "lost");
        }
        let result = put(&store, b"doubt", b"v");
        let Err(CommitError::Unknown(error)) = result else { panic!("{meta} {restore} {settle}: {result:?}") };
        assert_eq!(error.status, SALES_ERR_STORE_REOPEN, "{error}");
        assert_eq!(store.seq(), commits, "no commit is counted that is not settled");
        for name in ["SHIM_META", "SHIM_RESTORE", "SHIM_SETTLE", "SHIM_SYNC_AFTER_META"] {
            remove_var(name);
        }
        clean(put(&store, b"k", b"v"), SALES_ERR_STORE_REOPEN);
        assert_eq!(get(&store, b"k").map_err(|error| error.status), Err(SALES_ERR_STORE_REOPEN));
        assert_eq!(store.info().map_err(|error| error.status), Err(SALES_ERR_STORE_REOPEN));
        drop(store);
        let store = LmdbStore::open(dir, false).expect("the next open settles it");
        commits += u64::from(there);
        assert_eq!((store.seq(), get(&store, b"doubt").expect("a read").is_some()), (commits, there));
        store.write(&mut |txn| txn.del(Table::Due, b"doubt")).expect("a commit");
        commits += 1;
    }
}

#[test]
fn a_meta_write_that_cannot_be_settled_is_in_doubt_until_the_next_open() {
    let place = Place::with_commits(5);
    succeed(play_with_shim("meta write fails for good", &place.dir, &[]));
}

/// What fails before the meta write has no effect, and the next commit works.
fn data_writes_fail(dir: &Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    let commits = store.seq();
    let eio = libc::EIO.to_string();
    let mut after = 0;
    for (name, value, status) in [
        ("SHIM_DATA", &*libc::ENOSPC.to_string(), SALES_ERR_DISK_FULL),
        ("SHIM_DATA", &*libc::EDQUOT.to_string(), SALES_ERR_DISK_FULL),
        ("SHIM_DATA", &*libc::EFBIG.to_string(), SALES_ERR_DISK_FULL),
        ("SHIM_DATA", &*eio, SALES_ERR_STORE),
        ("SHIM_DATA", &*libc::EROFS.to_string(), SALES_ERR_STORE),
        ("SHIM_DATA", "short", SALES_ERR_STORE),
        ("SHIM_SYNC", "lost", SALES_ERR_STORE),
    ] {
        for size in [1, 3000] {
            set_var(name, value);
            let told = clean(put(&store, b"lost", &vec![1; size]), status);
            remove_var(name);
            assert!(told.contains("data.mdb"), "{told}");
            assert_eq!((store.seq(), get(&store, b"lost").expect("a read")), (commits + after, None));
            put(&store, b"next", b"v").expect("the next commit");
            after += 1;
        }
    }
    // LMDB tells a short write as an I/O error; without room it is a full disk.
    set_var("SHIM_DATA", "short");
    set_var("SHIM_ROOM", "none");
    clean(put(&store, b"lost", b"v"), SALES_ERR_DISK_FULL);
}

#[test]
fn what_fails_before_the_meta_write_has_no_effect() {
    let place = Place::with_commits(5);
    succeed(play_with_shim("data writes fail", &place.dir, &[]));
    place.open().expect("opens");
}

/// Readers see whole commits and no errors, whatever fails and is settled beside them.
fn readers_beside_failures(dir: &Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    store
                        .read(&mut |view| {
                            let (one, other) = (view.get(Table::Sales, b"k")?, view.get(Table::Offers, b"k")?);
                            assert_eq!(one, other);
                            Ok(())
                        })
                        .expect("a read");
                }
            });
        }
        let both = |number: u64| {
            store.write(&mut |txn| {
                txn.put(Table::Sales, b"k", &key(number))?;
                txn.put(Table::Offers, b"k", &key(number))
            })
        };
        for number in 0..100 {
            both(number).expect("a commit");
            set_var("SHIM_META", if number % 2 == 0 { "lost" } else { "done" });
            drop(clean(both(number + 1000), SALES_ERR_STORE));
            remove_var("SHIM_META");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn readers_notice_nothing_of_a_failed_commit() {
    let place = Place::with_commits(5);
    succeed(play_with_shim("readers beside failures", &place.dir, &[]));
}

#[test]
fn a_file_system_that_cannot_allocate_ahead_will_do() {
    succeed(play_with_shim("cannot allocate ahead", &Place::new().dir, &[("SHIM_ROOM", "unable")]));
    let room = [("SHIM_ROOM", "none")];
    succeed(play_with_shim("disk full at creation", &Place::new().dir, &room));
}
