//! Opening the store: what is in the directory decides whether it is made, finished, opened or refused.

mod store_common;

use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Transaction, WriteFlags};
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, Table};
use sales::status::*;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
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
        "locked" => drop(refused(LmdbStore::open(&dir, false), SALES_ERR_STORE_LOCKED)),
        "network" => drop(refused(LmdbStore::open(&dir, false), SALES_ERR_STORE_NETWORK)),
        "not writable" => drop(refused(LmdbStore::open(&dir, false), SALES_ERR_STORE_PATH)),
        other => panic!("no act {other}"),
    }
}

/// Changes the tables as LMDB itself would, behind the library's back.
fn with_lmdb(dir: &Path, change: impl FnOnce(&Environment)) {
    let env = Environment::new()
        .set_flags(EnvironmentFlags::NO_TLS)
        .set_max_dbs(32)
        .set_map_size(64 << 20)
        .open(dir)
        .expect("LMDB opens the directory");
    change(&env);
}

fn set_mark(dir: &Path, mark: &str, value: &[u8]) {
    with_lmdb(dir, |env| {
        let meta = env.open_db(Some("meta")).expect("the table");
        let mut txn = env.begin_rw_txn().expect("a transaction");
        txn.put(meta, &mark, &value, WriteFlags::empty()).expect("put");
        txn.commit().expect("commit");
    });
}

#[test]
fn a_new_store_is_made_and_found_again() {
    let place = Place::new();
    let store = place.open().expect("a new store");
    let birth = store.birth();
    assert_eq!((store.seq(), birth == [0; 16]), (0, false));
    put(&store, b"k", b"v").expect("a commit");
    assert_eq!(store.seq(), 1);
    drop(store);
    let mut names: Vec<_> = fs::read_dir(&place.dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["data.mdb", "identity", "lock.mdb", "sales.lock"]);

    let again = place.open().expect("the same store");
    assert_eq!((again.seq(), again.birth(), get(&again, b"k").unwrap().as_deref()), (1, birth, Some(&b"v"[..])));
    assert_ne!(Place::new().open().expect("another store").birth(), birth);
}

#[test]
fn a_store_is_readable_with_the_tools_of_lmdb() {
    let place = Place::with_commits(3);
    let dump = tool("lmdb-utils", "mdb_dump", &["-s", "due", text(&place.dir)]);
    assert!(dump.contains("0000000000000002"), "{dump}");
    for table in Table::ALL {
        tool("lmdb-utils", "mdb_stat", &["-s", table.name(), text(&place.dir)]);
    }
}

#[test]
fn paths_that_cannot_hold_a_store_are_refused_by_name() {
    let place = Place::new();
    let missing = place.dir.join("deeper");
    let told = refused(LmdbStore::open(&missing, false), SALES_ERR_STORE_PATH);
    assert!(told.contains("parent") && told.contains(text(&missing)), "{told}");
    fs::write(&place.dir, "a file").unwrap();
    let told = place.refused(SALES_ERR_STORE_PATH);
    assert!(told.contains("not a directory") && told.contains(text(&place.dir)), "{told}");
    refused(LmdbStore::open(&missing, false), SALES_ERR_STORE_PATH);
    refused(LmdbStore::open(Path::new(""), false), SALES_ERR_STORE_PATH);
    refused(LmdbStore::open(Path::new("/tmp/\0"), false), SALES_ERR_STORE_PATH);
    refused(LmdbStore::open(Path::new(&"x".repeat(300)), false), SALES_ERR_STORE_PATH);

    for name in ["data.mdb", "lock.mdb"] {
        let place = Place::new();
        fs::create_dir_all(place.file(name)).unwrap();
        assert!(place.refused(SALES_ERR_STORE_PATH).contains(name));
        fs::remove_dir(place.file(name)).unwrap();
        symlink("/tmp/elsewhere", place.file(name)).unwrap();
        assert!(place.refused(SALES_ERR_STORE_PATH).contains("not a regular file"));
    }
}

#[test]
fn a_directory_that_is_not_writable_is_refused_by_name() {
    let disk = Disk::new("size=16m,mode=0755");
    fs::create_dir(disk.store()).unwrap();
    drop(LmdbStore::open(&disk.store(), false).expect("a new store"));
    disk.remount("ro");
    let told = refused(LmdbStore::open(&disk.store(), false), SALES_ERR_STORE_PATH);
    assert!(told.contains("Read-only"), "{told}");
    refused(LmdbStore::open(&disk.mount.join("new"), false), SALES_ERR_STORE_PATH);
    disk.remount("rw");

    // Root may write anything, so somebody else tries; with a copy of this program that he may read.
    let program = disk.mount.join("program");
    disk.remount("size=512m");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(disk.mount.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let template = play("not writable", &disk.store());
    let mut command = std::process::Command::new(program);
    command.args(template.get_args()).envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir("/").uid(65534).gid(65534);
    succeed(command);

    let immutable = Place::with_commits(1);
    tool("e2fsprogs", "chattr", &["+i", text(&immutable.file("data.mdb"))]);
    let told = immutable.open();
    tool("e2fsprogs", "chattr", &["-i", text(&immutable.file("data.mdb"))]);
    refused(told, SALES_ERR_STORE_PATH);
}

#[test]
fn network_file_systems_are_refused_by_name() {
    let place = Place::with_commits(1);
    for kind in ["0x6969", "0xFF534D42", "0xFE534D42", "0x01021997", "0x00C36400", "0x5346414F", "0x517B"] {
        succeed(play_with_shim("network", &place.dir, &[("SHIM_FSTYPE", kind)]));
        succeed(play_with_shim("network", &place.dir.with_file_name("new"), &[("SHIM_FSTYPE", kind)]));
    }
    assert!(!place.dir.with_file_name("new").exists(), "nothing is made on a network file system");
    let fuse = ("SHIM_FSTYPE", "0x65735546");
    succeed(play_with_shim("open", &place.dir, &[fuse]));
}

#[test]
fn a_store_has_one_opener() {
    let place = Place::with_commits(1);
    let store = place.open().expect("opens");
    assert!(place.refused(SALES_ERR_STORE_LOCKED).contains("in this process, by this path or another"));
    let link = place.dir.with_file_name("link");
    symlink(&place.dir, &link).unwrap();
    refused(LmdbStore::open(&link, false), SALES_ERR_STORE_LOCKED);
    refused(LmdbStore::open(&place.dir.join("../store/."), false), SALES_ERR_STORE_LOCKED);
    succeed(play("locked", &place.dir));
    succeed(play("locked", &link));

    // Nor does a lock file that was removed help, nor another name of the data.
    fs::remove_file(place.file("sales.lock")).unwrap();
    succeed(play("locked", &place.dir));
    let hard = place.dir.with_file_name("hard");
    fs::create_dir(&hard).unwrap();
    fs::hard_link(place.file("data.mdb"), hard.join("data.mdb")).unwrap();
    fs::copy(place.file("identity"), hard.join("identity")).unwrap();
    refused(LmdbStore::open(&hard, false), SALES_ERR_STORE_LOCKED);
    put(&store, b"k", b"v").expect("the first opener goes on");
    drop(store);
    succeed(play("open", &place.dir));
    drop(place.open().expect("closed means free"));
}

#[test]
fn a_second_copy_of_the_library_in_the_process_is_refused() {
    // What another copy has of this one: no list in common, only the lock.
    let place = Place::with_commits(1);
    let file = fs::OpenOptions::new().read(true).write(true).open(place.file("sales.lock")).unwrap();
    file.lock().expect("the lock of the other copy");
    assert!(place.refused(SALES_ERR_STORE_LOCKED).contains("another copy"));
    drop(file);
    place.open().expect("opens");
}

#[test]
fn a_failed_open_leaves_nothing_locked() {
    let place = Place::with_commits(1);
    fs::rename(place.file("identity"), place.file("kept")).unwrap();
    place.refused(SALES_ERR_STORE_IDENTITY);
    place.refused(SALES_ERR_STORE_IDENTITY);
    fs::rename(place.file("kept"), place.file("identity")).unwrap();
    place.open().expect("opens");
}

#[test]
fn identity_without_data_is_a_loss() {
    for empty in [false, true] {
        let place = Place::with_commits(2);
        let birth = place.open().unwrap().birth();
        match empty {
            true => fs::write(place.file("data.mdb"), "").unwrap(),
            false => fs::remove_file(place.file("data.mdb")).unwrap(),
        }
        let told = place.refused(SALES_ERR_STORE_LOST);
        assert!(told.contains("data.mdb") && told.contains("backup"), "{told}");
        place.refused(SALES_ERR_STORE_LOST);
        let store = place.reset().expect("a reset makes a new one");
        assert_eq!(store.seq(), 0);
        assert_ne!(store.birth(), birth);
        assert!(place.file("identity.replaced").exists(), "the old identity is kept");
        drop(store);
        place.open().expect("and it stays");
    }
}

#[test]
fn data_without_identity_is_finished_only_when_nothing_was_committed() {
    let place = Place::new();
    let birth = place.open().unwrap().birth();
    fs::remove_file(place.file("identity")).unwrap();
    assert_eq!(place.open().expect("a creation is finished").birth(), birth);
    assert!(place.file("identity").exists());

    let place = Place::with_commits(2);
    let birth = place.open().unwrap().birth();
    fs::remove_file(place.file("identity")).unwrap();
    assert!(place.refused(SALES_ERR_STORE_IDENTITY).contains("2 commits"));
    let store = place.reset().expect("a reset gives it an identity");
    assert_eq!((store.seq(), store.birth()), (2, birth));
    assert!(get(&store, &key(1)).unwrap().is_some());
    drop(store);
    place.open().expect("and it stays");
}

#[test]
fn an_identity_that_does_not_fit_is_refused() {
    let (place, other) = (Place::with_commits(2), Place::with_commits(2));
    let birth = place.open().unwrap().birth();
    let good = fs::read(place.file("identity")).unwrap();
    let foreign = fs::read(other.file("identity")).unwrap();
    for (bad, why) in [
        (foreign, "is of store"),
        (vec![], "cut short"),
        (vec![0; 200], "cut short"),
        (vec![0xFF; 200], "not text"),
        (b"something else\n\n".to_vec(), "not the identity"),
        (good[..good.len() - 3].to_vec(), "cut short"),
        ([&good[..], b"x"].concat(), "cut short"),
    ] {
        fs::write(place.file("identity"), &bad).unwrap();
        let told = place.refused(SALES_ERR_STORE_IDENTITY);
        assert!(told.contains(why), "{told}");
        assert_eq!(fs::read(place.file("identity")).unwrap(), bad, "a refused open changes nothing");
    }
    fs::remove_file(place.file("identity")).unwrap();
    fs::create_dir(place.file("identity")).unwrap();
    place.refused(SALES_ERR_STORE_IDENTITY);
    assert_eq!(place.reset().expect("a reset writes it anew").birth(), birth);
    assert_eq!(fs::read(place.file("identity")).unwrap(), good);
}

#[test]
fn a_newer_store_is_refused_by_its_version() {
    let place = Place::with_commits(1);
    let body = "sales store identity\nformat 2\nsomething new\n";
    let newer = format!("{body}crc {:08x}\n", crc32fast::hash(body.as_bytes()));
    let good = fs::read(place.file("identity")).unwrap();
    fs::write(place.file("identity"), newer).unwrap();
    assert!(place.refused(SALES_ERR_STORE_VERSION).contains("format 2"));
    refused(place.reset(), SALES_ERR_STORE_VERSION);
    fs::write(place.file("identity"), good).unwrap();
    set_mark(&place.dir, "store.format", &7u32.to_le_bytes());
    assert!(place.refused(SALES_ERR_STORE_VERSION).contains("format 7"));
    refused(place.reset(), SALES_ERR_STORE_VERSION);
    set_mark(&place.dir, "store.format", &0u32.to_le_bytes());
    place.refused(SALES_ERR_STORE_DAMAGED);
    set_mark(&place.dir, "store.format", &[1]);
    place.refused(SALES_ERR_STORE_DAMAGED);
}

#[test]
fn a_file_of_lmdb_that_is_not_a_store_is_left_alone() {
    let place = Place::new();
    fs::create_dir(&place.dir).unwrap();
    with_lmdb(&place.dir, |env| {
        let table = env.create_db(Some("theirs"), DatabaseFlags::empty()).unwrap();
        let mut txn = env.begin_rw_txn().unwrap();
        txn.put(table, b"k", b"v", WriteFlags::empty()).unwrap();
        txn.commit().unwrap();
    });
    let before = fs::read(place.file("data.mdb")).unwrap();
    assert!(place.refused(SALES_ERR_STORE_IDENTITY).contains("not a store"));
    refused(place.reset(), SALES_ERR_STORE_IDENTITY);
    assert!(fs::read(place.file("data.mdb")).unwrap() == before);
    assert!(!place.file("identity").exists());

    // An ordinary value where a table is expected, and with an identity beside it.
    with_lmdb(&place.dir, |env| {
        let main = env.open_db(None).unwrap();
        let mut txn = env.begin_rw_txn().unwrap();
        txn.put(main, b"meta", b"v", WriteFlags::empty()).unwrap();
        txn.commit().unwrap();
    });
    place.refused(SALES_ERR_STORE_IDENTITY);
    fs::copy(Place::with_commits(1).file("identity"), place.file("identity")).unwrap();
    place.refused(SALES_ERR_STORE_DAMAGED);
}
