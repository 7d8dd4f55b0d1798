//! What the tests of the store share: directories, child processes, small disks, and system calls that fail.
#![allow(dead_code)] // each test uses its part

use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, CommitError, Table};
use sales::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Runs a tool, or says which package has it.
pub fn tool(package: &str, program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let out = run.unwrap_or_else(|error| panic!("{program}: {error}; apt-get install {package}"));
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the tests is text")
}

/// A place for a store that does not exist yet.
pub struct Place {
    _root: TempDir,
    pub dir: PathBuf,
}

impl Place {
    pub fn new() -> Place {
        Place::at(tempfile::tempdir())
    }

    /// In memory, where a commit need not wait for a disk: for tests that make many.
    pub fn in_memory() -> Place {
        let memory = Path::new("/dev/shm");
        Place::at(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() })
    }

    fn at(root: std::io::Result<TempDir>) -> Place {
        let root = root.expect("a temporary directory");
        let dir = root.path().join("store");
        Place { _root: root, dir }
    }

    /// With a store in it that has some commits.
    pub fn with_commits(commits: u64) -> Place {
        let place = Place::new();
        let store = place.open().expect("a new store");
        for number in 0..commits {
            put(&store, &key(number), &[number as u8; 100]).expect("a commit");
        }
        place
    }

    pub fn open(&self) -> Result<LmdbStore, Error> {
        LmdbStore::open(&self.dir, false)
    }

    pub fn reset(&self) -> Result<LmdbStore, Error> {
        LmdbStore::open(&self.dir, true)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Opens, expects this status, and hands out the text.
    pub fn refused(&self, status: i32) -> String {
        refused(self.open(), status)
    }
}

/// Expects an open to be refused with a status, by a text that names the path.
pub fn refused(opened: Result<LmdbStore, Error>, status: i32) -> String {
    match opened {
        Ok(_) => panic!("opened; expected {:?}", sales::status::name(status)),
        Err(error) => {
            assert_eq!(error.status, status, "{error}");
            error.text
        }
    }
}

pub fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

pub fn put(store: &LmdbStore, key: &[u8], value: &[u8]) -> Result<(), CommitError> {
    store.write(&mut |txn| txn.put(Table::Due, key, value))
}

pub fn get(store: &LmdbStore, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let mut found = None;
    store.read(&mut |view| {
        found = view.get(Table::Due, key)?.map(<[u8]>::to_vec);
        Ok(())
    })?;
    Ok(found)
}

/// What a table holds from a key on.
pub fn entries(store: &LmdbStore, table: Table, from: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .read(&mut |view| {
            found.clear();
            view.walk(table, from, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        })
        .expect("a walk");
    found
}

/// The library that lets system calls fail.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SHIM.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let (source, target) = (dir.path().join("shim.c"), dir.path().join("shim.so"));
        fs::write(&source, include_str!("shim.c")).expect("the shim's source");
        tool("gcc libc6-dev", "gcc", &["-shared", "-fPIC", "-O1", "-o", text(&target), text(&source), "-ldl"]);
        (dir, target)
    });
    path
}

/// What a child process is told: which act to play, and in which directory.
const ACT: &str = "STORE_TEST_ACT";
const DIR: &str = "STORE_TEST_DIR";

/// In the test named `child`: the act and the directory, if this process is a child.
pub fn act() -> Option<(String, PathBuf)> {
    Some((std::env::var(ACT).ok()?, PathBuf::from(std::env::var_os(DIR)?)))
}

/// A command that plays an act in a process of its own: this test program again, with only its test `child`.
pub fn play(act: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--exact", "child", "--nocapture", "--test-threads=1"]).env(ACT, act).env(DIR, dir);
    command
}

/// The same, with system calls that can fail.
pub fn play_with_shim(act: &str, dir: &Path, orders: &[(&str, &str)]) -> Command {
    let mut command = play(act, dir);
    command.env("LD_PRELOAD", shim()).envs(orders.iter().copied());
    command
}

/// Runs a child to its end and expects success.
pub fn succeed(mut command: Command) -> String {
    let out = command.output().expect("a child process");
    let (out_text, err_text) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "the child failed: {:?}\n{out_text}\n{err_text}", out.status);
    out_text.into_owned()
}

/// Runs a child to whatever end.
pub fn end(mut command: Command) -> ExitStatus {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("a child process")
}

/// Starts a child and waits until it says that it is ready. It is killed when this is dropped.
pub struct Running(pub Child, pub BufReader<std::process::ChildStdout>);

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a child process");
        let out = child.stdout.take().expect("its output");
        let mut running = Running(child, BufReader::new(out));
        running.wait_for("ready");
        running
    }

    /// Reads lines until one says so (the test program's own lines come before).
    pub fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(self.1.read_line(&mut line).expect("a line"), 0, "the child ended before it said {word}");
        }
    }

    /// Kills it. What it said is still there to read.
    pub fn kill(&mut self) {
        self.0.kill().expect("kill");
        self.0.wait().expect("wait");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A small disk in memory, unmounted at the end whatever happens.
pub struct Disk {
    _root: TempDir,
    pub mount: PathBuf,
}

impl Disk {
    pub fn new(options: &str) -> Disk {
        let root = tempfile::tempdir().expect("a temporary directory");
        let mount = root.path().join("disk");
        fs::create_dir(&mount).expect("a mount point");
        let run = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", text(&mount)]).output();
        let out = run.unwrap_or_else(|error| panic!("mount: {error}; apt-get install mount"));
        assert!(
            out.status.success(),
            "mount a tmpfs (run the tests as root): {}",
            String::from_utf8_lossy(&out.stderr)
        );
        Disk { _root: root, mount }
    }

    pub fn remount(&self, options: &str) {
        tool("mount", "mount", &["-o", &format!("remount,{options}"), text(&self.mount)]);
    }

    pub fn store(&self) -> PathBuf {
        self.mount.join("store")
    }

    /// Fills what is left, to the last page.
    pub fn fill(&self) -> PathBuf {
        let path = self.mount.join("filling");
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).expect("a file to fill the disk");
        for size in [1 << 20, 4096] {
            let block = vec![1; size];
            while std::io::Write::write_all(&mut file, &block).is_ok() {}
        }
        path
    }
}

impl Disk {
    /// Gives the room back at once: a removed file keeps it while a process that another test just started still
    /// has it open.
    pub fn free(&self, filling: &Path) {
        fs::OpenOptions::new().write(true).open(filling).and_then(|file| file.set_len(0)).expect("an empty file");
        fs::remove_file(filling).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", text(&self.mount)]).status();
    }
}
