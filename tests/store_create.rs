//! The making of a store, stopped at any step: the next open finishes it, and a loss is never forgotten.

mod store_common;

use sales::datastore::lmdb::LmdbStore;
use sales::datastore::Backend;
use sales::status::*;
use std::fs;
use store_common::*;

/// The acts of child processes.
#[test]
fn child() {
    let Some((act, dir)) = act() else { return };
    match act.as_str() {
        "open" => {
            let store = LmdbStore::open(&dir, false).expect("opens");
            put(&store, b"from a child", b"1").expect("a commit");
        }
        "reset" => drop(LmdbStore::open(&dir, true).expect("opens with reset")),
        other => panic!("no act {other}"),
    }
}

#[test]
fn whatever_a_creation_left_is_finished() {
    // The states between its steps, as another process of any version might leave them.
    let source = Place::new();
    drop(source.open().unwrap());
    let copy = |names: &[(&str, &str)]| {
        let place = Place::new();
        fs::create_dir(&place.dir).unwrap();
        for (from, to) in names {
            fs::create_dir_all(place.file(to).parent().unwrap()).unwrap();
            fs::copy(source.file(from), place.file(to)).unwrap();
        }
        place
    };
    for state in [
        &[][..],
        &[("sales.lock", "sales.lock")],
        &[("lock.mdb", "creating/lock.mdb")],
        &[("lock.mdb", "creating/lock.mdb"), ("data.mdb", "creating/data.mdb")],
        &[("lock.mdb", "creating/lock.mdb"), ("data.mdb", "data.mdb")],
        &[("data.mdb", "data.mdb")],
        &[("data.mdb", "data.mdb"), ("lock.mdb", "lock.mdb"), ("identity", "identity.new")],
        &[("data.mdb", "data.mdb"), ("identity", "identity")],
    ] {
        let place = copy(state);
        let store = place.open().unwrap_or_else(|error| panic!("{state:?}: {error}"));
        put(&store, b"k", b"v").unwrap_or_else(|error| panic!("{state:?}: {}", error.error()));
        drop(store);
        assert_eq!(place.open().expect("opens again").seq(), 1);
        assert!(!place.file("creating").exists() && !place.file("identity.new").exists());
    }
}

#[test]
fn a_creation_killed_at_any_step_is_finished_by_the_next_open() {
    let mut at = 1;
    loop {
        let place = Place::new();
        let killed = end(play_with_shim("open", &place.dir, &[("SHIM_KILL_AT", &at.to_string())]));
        let store = place.open().unwrap_or_else(|error| panic!("after a kill at step {at}: {error}"));
        assert!(store.seq() <= 1);
        put(&store, b"k", b"v").expect("a commit");
        if killed.success() {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "only {at} steps were seen");
}

#[test]
fn a_creation_makes_each_step_durable_before_the_next() {
    // Also in a directory that is there: an earlier creation may have ended before its name was durable.
    for there in [false, true] {
        creation_in_order(there);
    }
}

fn creation_in_order(there: bool) {
    let place = Place::new();
    if there {
        fs::create_dir(&place.dir).unwrap();
    }
    let parent = place.dir.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let out = play_with_shim("open", &place.dir, &[("SHIM_TELL", "1")]).output().expect("a child process");
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let steps: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("shim: ")).collect();
    let expected = [
        "mkdir store",
        &format!("sync {parent}"),
        "mkdir creating",
        "sync data.mdb",
        "write and sync data.mdb",
        "sync data.mdb",
        "rename to data.mdb",
        "sync store",
        "sync identity.new",
        "rename to identity",
        "sync store",
        "sync data.mdb", // the settling of every open
        "sync store",    // and of its names
        "sync data.mdb", // the first commit
        "write and sync data.mdb",
    ];
    assert_eq!(steps, expected[usize::from(there)..], "{told}");
}

/// A process that was killed just after the identity took its name leaves a name that is not synced, and its successor
/// commits: without this, a power loss then took the identity (tests/powerloss, image 1014 of seed 1).
#[test]
fn an_open_makes_the_identitys_name_durable_before_it_commits() {
    let place = Place::with_commits(0);
    let out = play_with_shim("open", &place.dir, &[("SHIM_TELL", "1")]).output().expect("a child process");
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let steps: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("shim: ")).collect();
    let expected = ["sync data.mdb", "sync store", "sync data.mdb", "write and sync data.mdb"];
    assert_eq!(steps, expected, "{told}");
}

/// A creation that was killed just after the data took its name left that unsynced too: were the identity's on the disk before it, a power loss in
/// between would leave a store that is told as lost.
#[test]
fn the_datas_name_is_durable_before_a_creation_is_finished() {
    let place = Place::with_commits(0);
    fs::remove_file(place.file("identity")).unwrap();
    let out = play_with_shim("open", &place.dir, &[("SHIM_TELL", "1")]).output().expect("a child process");
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let steps: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("shim: ")).collect();
    let expected = [
        "sync data.mdb",
        "sync store",
        "sync identity.new",
        "rename to identity",
        "sync store",
        "sync data.mdb",
        "write and sync data.mdb",
    ];
    assert_eq!(steps, expected, "{told}");
}

#[test]
fn a_reset_killed_at_any_step_never_forgets_the_loss() {
    let mut at = 1;
    loop {
        let place = Place::with_commits(1);
        fs::remove_file(place.file("data.mdb")).unwrap();
        let orders = [("SHIM_KILL_AT", &*at.to_string())];
        let done = end(play_with_shim("reset", &place.dir, &orders)).success();
        match place.open() {
            // The identity is the last step but the syncing and closing.
            Ok(store) => assert!(store.seq() == 0 && place.file("identity.replaced").exists()),
            Err(error) => {
                assert!(!done, "{error}");
                assert!([SALES_ERR_STORE_LOST, SALES_ERR_STORE_IDENTITY].contains(&error.status), "step {at}: {error}");
                drop(place.reset().unwrap_or_else(|error| panic!("a second reset after step {at}: {error}")));
                place.open().expect("opens");
            }
        }
        if done {
            break;
        }
        at += 1;
    }
}
