//! The store and its process: killed, forked, short of memory, or with its file taken away.

mod store_common;

use lmdb::{Environment, EnvironmentFlags};
use sales::damage::{Damage, Kind};
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, CommitError, Table};
use sales::status::*;
use std::fs;
use std::io::{BufRead, Write as _};
use std::thread;
use std::time::Duration;
use store_common::*;

/// The acts of child processes.
#[test]
fn child() {
    let Some((act, dir)) = act() else { return };
    match act.as_str() {
        "commit until killed" => {
            let store = LmdbStore::open(&dir, false).expect("opens");
            println!("\nready");
            for number in store.seq().. {
                put(&store, &key(number), &key(number)).expect("a commit");
                println!("done {}", number + 1);
            }
        }
        "read until killed" => {
            let env = Environment::new()
                .set_flags(EnvironmentFlags::NO_TLS)
                .set_max_dbs(32)
                .set_map_size(64 << 20)
                .open(&dir)
                .expect("LMDB opens it");
            let _view = env.begin_ro_txn().expect("a view");
            println!("\nready");
            thread::sleep(Duration::from_secs(60));
        }
        "some commits" => some_commits(&dir),
        "fork" => fork(&dir),
        "fork and die" => fork_and_die(&dir),
        "little address space" => little_address_space(&dir),
        other => panic!("no act {other}"),
    }
}

#[test]
fn a_reader_that_was_killed_does_not_keep_the_file_growing() {
    let place = Place::with_commits(50);
    let store = place.open().unwrap();
    let overwrite = |commits: u64| {
        (0..commits).for_each(|number| put(&store, &key(number % 50), &[number as u8; 100]).expect("a commit"));
        store.info().unwrap().used_bytes
    };
    // The reader dies shortly before the library looks for dead readers, which it does every 1024 commits.
    let before = overwrite(1000 - 50);
    let mut reader = Running::start(play("read until killed", &place.dir));
    overwrite(10);
    reader.kill();
    assert!(store.seq() < 1024);
    let held = overwrite(30);
    assert!(held > before + (256 << 10), "a reader held nothing: {before}, then {held} bytes");
    assert!(overwrite(200) < held + (256 << 10), "the file still grows after the reader died");
}

#[test]
fn a_store_that_is_gone_acknowledges_nothing() {
    type Harm = fn(&Place);
    let harms: [(&str, Harm); 4] = [
        ("removed", |place| fs::remove_file(place.file("data.mdb")).unwrap()),
        ("replaced", |place| {
            fs::copy(place.file("data.mdb"), place.file("copy")).unwrap();
            fs::rename(place.file("copy"), place.file("data.mdb")).unwrap();
        }),
        ("moved", |place| fs::rename(&place.dir, place.dir.with_file_name("moved")).unwrap()),
        ("all removed", |place| fs::remove_dir_all(&place.dir).unwrap()),
    ];
    for (what, harm) in harms {
        let place = Place::with_commits(3);
        let store = place.open().unwrap();
        harm(&place);
        let Err(CommitError::Clean(error)) = put(&store, b"k", b"v") else { panic!("{what}: acknowledged") };
        assert_eq!(error.status, SALES_ERR_STORE_GONE, "{what}: {error}");
        assert!(error.text.contains("data.mdb"), "{error}");
        assert_eq!(store.seq(), 3);
        assert!(get(&store, &key(1)).expect("what was read before is read still").is_some());
    }
    // Put back in its place it goes on.
    let place = Place::with_commits(3);
    let store = place.open().unwrap();
    fs::rename(&place.dir, place.dir.with_file_name("moved")).unwrap();
    assert!(put(&store, b"k", b"v").is_err());
    fs::rename(place.dir.with_file_name("moved"), &place.dir).unwrap();
    put(&store, b"k", b"v").expect("a commit");
}

/// In a child process of the tests: some commits of different kinds, each told when it is done.
fn some_commits(dir: &std::path::Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    println!("\nready");
    for number in 0..6u64 {
        store
            .write(&mut |txn| {
                txn.put(Table::Slots, b"number", &key(number))?;
                (0..number * 20).try_for_each(|part| txn.put(Table::Due, &key(part), &[number as u8; 700]))?;
                txn.del(Table::Due, &key(number))
            })
            .expect("a commit");
        println!("done {}", number + 1);
    }
}

/// What these tests write are no records; but each page is what it should be, and none is lost.
fn pages_are_whole(dir: &std::path::Path) {
    let mut bad = Vec::new();
    let mut tell = |damage: &Damage| {
        if matches!(damage.kind, Kind::File | Kind::Page) {
            bad.push(damage.to_string());
        }
    };
    sales::verify::offline(dir, &mut tell).expect("verified");
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_process_killed_at_any_step_of_a_commit_leaves_whole_commits() {
    let source = Place::with_commits(0);
    drop(source.open().unwrap());
    let mut at = 1;
    loop {
        let place = Place::new();
        fs::create_dir(&place.dir).unwrap();
        for name in ["data.mdb", "identity"] {
            fs::copy(source.file(name), place.file(name)).unwrap();
        }
        let out = play_with_shim("some commits", &place.dir, &[("SHIM_KILL_AT", &at.to_string())]).output().unwrap();
        let lines = String::from_utf8_lossy(&out.stdout).into_owned();
        let acknowledged =
            lines.lines().filter_map(|line| line.strip_prefix("done ")?.parse().ok()).next_back().unwrap_or(0);
        pages_are_whole(&place.dir);
        let store = place.open().unwrap_or_else(|error| panic!("after a kill at step {at}: {error}"));
        let seq = store.seq();
        assert!(
            seq == acknowledged || seq == acknowledged + 1,
            "step {at}: {seq} commits, {acknowledged} acknowledged"
        );
        if let Some(number) = seq.checked_sub(1) {
            assert_eq!(entries(&store, Table::Slots, &[]), [(b"number".to_vec(), key(number).to_vec())]);
            let due = entries(&store, Table::Due, &[]);
            assert!(
                due.iter().filter(|(_, value)| value[0] == number as u8).count() as u64
                    >= (number * 20).saturating_sub(1)
            );
        }
        put(&store, b"next", b"1").expect("a commit");
        if out.status.success() {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "only {at} steps were seen");
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let place = Place::with_commits(0);
    for round in 0..8 {
        let before = place.open().unwrap().seq();
        let mut child = Running::start(play("commit until killed", &place.dir));
        thread::sleep(Duration::from_millis(30 + 7 * round));
        child.kill();
        let lines = std::io::BufReader::new(&mut child.1).lines().map_while(Result::ok);
        let acknowledged = lines.filter_map(|line| line.strip_prefix("done ")?.parse().ok()).last().unwrap_or(before);
        pages_are_whole(&place.dir);
        let store = place.open().expect("opens after a kill");
        assert!(store.seq() >= acknowledged, "{} commits, {acknowledged} were acknowledged", store.seq());
        assert_eq!(entries(&store, Table::Due, &[]).len() as u64, store.seq());
    }
    assert!(place.open().unwrap().seq() > 8);
}

/// In a child process of the tests: forks, and looks from both sides.
#[allow(unsafe_code)]
fn fork(dir: &std::path::Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    put(&store, b"before", b"1").expect("a commit");
    // SAFETY: the child only calls the store and leaves at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut wrong = 0;
        wrong |= i32::from(!store.in_child());
        wrong |= i32::from(get(&store, b"before").map_err(|error| error.status) != Err(SALES_ERR_FORKED)) << 1;
        wrong |= i32::from(put(&store, b"k", b"v").map_err(|error| error.error().status) != Err(SALES_ERR_FORKED)) << 2;
        wrong |= i32::from(store.info().map_err(|error| error.status).err() != Some(SALES_ERR_FORKED)) << 3;
        // Not a second opener either, and letting go of it takes nothing from the parent.
        let second = LmdbStore::open(dir, false).err().map(|error| error.status);
        wrong |= i32::from(second != Some(SALES_ERR_STORE_LOCKED)) << 4;
        drop(store);
        // SAFETY: leaves without touching what the parent's threads may hold.
        unsafe { libc::_exit(wrong) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 0), "the child saw something wrong");
    assert!(!store.in_child());
    put(&store, b"after", b"1").expect("the parent goes on");
}

/// In a child process of the tests: dies, and leaves a child of its own that lives on.
#[allow(unsafe_code)]
fn fork_and_die(dir: &std::path::Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    // SAFETY: the child only waits, until the test kills it.
    let child = unsafe { libc::fork() };
    let alive = dir.with_file_name("alive");
    if child == 0 {
        fs::write(alive, "").expect("a file");
        thread::sleep(Duration::from_secs(60));
    } else {
        while !alive.exists() {
            thread::sleep(Duration::from_millis(1));
        }
        println!("\nready\n{child}");
        std::io::stdout().flush().expect("output");
    }
    let _kept = store;
    // SAFETY: dies without closing anything.
    unsafe { libc::_exit(0) };
}

#[test]
fn a_child_that_lives_on_does_not_keep_the_store_locked() {
    let place = Place::with_commits(2);
    let mut parent = Running::start(play("fork and die", &place.dir));
    parent.0.wait().expect("it dies");
    let opened = place.open();
    let mut pid = String::new();
    parent.1.read_line(&mut pid).expect("the child's number");
    assert!(fs::metadata(format!("/proc/{}", pid.trim())).is_ok(), "the child does not live");
    tool("procps", "kill", &["-9", pid.trim()]);
    assert_eq!(opened.expect("opens beside the child of a dead opener").seq(), 2);
}

#[test]
fn a_forked_child_is_refused_and_harms_nothing() {
    let place = Place::with_commits(2);
    succeed(play("fork", &place.dir));
}

/// In a child process of the tests: the map cannot grow, and the store stays usable.
#[allow(unsafe_code)]
fn little_address_space(dir: &std::path::Path) {
    let store = LmdbStore::open(dir, false).expect("opens");
    put(&store, b"before", b"1").expect("a commit");
    let status = fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: u64 = status.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
    let limit = pages * 4096 + (12 << 20);
    let limits = libc::rlimit { rlim_cur: limit, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: sets a limit of this process, from a struct of its own.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limits) }, 0);
    let value = vec![1; 1 << 16];
    let large = store.write(&mut |txn| (0..400).try_for_each(|part| txn.put(Table::Sales, &key(part), &value)));
    let Err(CommitError::Clean(error)) = large else { panic!("{large:?}") };
    assert!(error.status == SALES_ERR_STORE && error.text.contains("cannot grow the map"), "{error}");
    assert_eq!(get(&store, b"before").expect("a read").as_deref(), Some(&b"1"[..]));
    put(&store, b"after", b"1").expect("a commit");
    let limits = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limits) }, 0);
    store
        .write(&mut |txn| (0..400).try_for_each(|part| txn.put(Table::Sales, &key(part), &value)))
        .expect("with room it grows");
    assert_eq!(store.seq(), 5);
}

#[test]
fn a_map_that_cannot_grow_is_told_and_the_store_stays_usable() {
    let place = Place::with_commits(2);
    succeed(play("little address space", &place.dir));
}
