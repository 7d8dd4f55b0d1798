//! The LMDB backend: one directory, one opener, and commits that are there or not, never in between.
//!
//! Every transaction runs behind a gate. The gate is closed, with no transaction inside, when the environment
//! is opened anew: for a larger map, or after a failed meta write, which LMDB does not survive.
//! What is unsafe in the library's store is in this directory and nowhere else.
#![allow(unsafe_code)]

mod anew;
mod bytes;
mod create;
mod cursor;
mod data;
mod env;
mod fail;
pub mod fork;
mod identity;
mod lock;
mod meta;
mod nest;
mod open;
mod path;
mod room;
mod txn;
pub mod verify;

pub use self::data::Data;
use self::env::Env;
use self::lock::Lock;
use self::nest::Inside;
use self::room::Room;
use self::txn::{ReadTxn, Stop, WriteTxn};
use super::{Backend, CommitError, Read, Write};
use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::PoisonError;

/// How many commits pass between two looks for readers whose process died.
const READER_CHECK_COMMITS: u64 = 1024;

/// Warnings that wait to be logged; what comes beyond says the same.
const WARNINGS_KEPT: usize = 16;

/// A store in LMDB.
pub struct LmdbStore {
    // Left alone in a forked child: closing would touch what the parent uses.
    inner: ManuallyDrop<Inner>,
    /// The generation of the process that opened it.
    born: u64,
}

struct Inner {
    gate: RwLock<Door>,
    writer: Mutex<Room>,
    seq: AtomicU64,
    birth: identity::Birth,
    data: Data,
    /// The length of the data file as last seen. It only grows: a shorter one was cut by somebody else.
    length: AtomicU64,
    dir: PathBuf,
    /// What went wrong beside commits that succeeded; the newest few.
    warnings: Mutex<Vec<String>>,
    _lock: Lock,
}

/// What stands behind the gate.
enum Door {
    /// The environment.
    Open(Box<Env>),
    /// It could not be opened anew; why.
    Shut(Error),
}

/// Figures of an open store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Bytes of the map.
    pub map_bytes: u64,
    /// Bytes of the data file.
    pub file_bytes: u64,
    /// Bytes of it in use, free pages among them.
    pub used_bytes: u64,
    /// LMDB's number of the last commit.
    pub last_txn: u64,
    /// Our number of the last commit.
    pub seq: u64,
    /// Whether new records are refused because the disk is full.
    pub low: bool,
}

/// How one run of a body ended.
enum Run {
    Committed,
    Refused(Error),
    MapFull,
    /// The commit failed in the meta write.
    InDoubt(Error),
}

impl LmdbStore {
    /// Opens the store in the directory `path`, or makes one there. The directory itself is made if only it is
    /// missing. `reset` makes a store anew whose data is lost, and gives its data a new identity file if that
    /// is missing or does not fit; it changes nothing else.
    pub fn open(path: &Path, reset: bool) -> Result<LmdbStore> {
        LmdbStore::open_checked(path, reset, &mut |_| Ok(()))
    }

    /// The same; `before` looks at the data file before anything of it is mapped, and may refuse it.
    pub fn open_checked(path: &Path, reset: bool, before: &mut dyn FnMut(&Data) -> Result<()>) -> Result<LmdbStore> {
        let opened = open::open(path, reset, before)?;
        let inner = Inner {
            gate: RwLock::new(Door::Open(Box::new(opened.env))),
            writer: Mutex::new(Room::default()),
            warnings: Mutex::default(),
            seq: AtomicU64::new(opened.marks.seq),
            birth: opened.marks.birth,
            length: AtomicU64::new(opened.data.length()?),
            data: opened.data,
            dir: opened.dir,
            _lock: opened.lock,
        };
        Ok(LmdbStore { inner: ManuallyDrop::new(inner), born: fork::generation() })
    }

    /// Whether this process was forked from the one that opened the store. Then every call is refused.
    pub fn in_child(&self) -> bool {
        self.born != fork::generation()
    }

    /// The store's directory: absolute, without links.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Figures of the store.
    pub fn info(&self) -> Result<Info> {
        self.refuse_child()?;
        let _inside = Inside::enter()?;
        let low = self.inner.writer().low();
        let door = self.inner.enter();
        let env = door.env()?;
        self.inner.not_cut()?;
        let asked = env.lmdb().info().map_err(|error| fail::lmdb("ask LMDB about", self.inner.data.path(), error))?;
        Ok(Info {
            map_bytes: asked.map_size() as u64,
            file_bytes: self.inner.data.length()?,
            used_bytes: env.used()?,
            last_txn: asked.last_txnid() as u64,
            seq: self.seq(),
            low,
        })
    }

    fn refuse_child(&self) -> Result<()> {
        match self.in_child() {
            false => Ok(()),
            true => {
                let text = "the process was forked after the store was opened; only the parent may use it";
                Err(Error::new(SALES_ERR_FORKED, text))
            }
        }
    }
}

impl std::fmt::Debug for LmdbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LmdbStore").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Drop for LmdbStore {
    fn drop(&mut self) {
        // No transaction runs: each borrows the store.
        if !self.in_child() {
            // SAFETY: dropped once, here; nobody uses it after.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

impl Backend for LmdbStore {
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        self.refuse_child()?;
        let _inside = Inside::enter()?;
        self.inner.read(body)
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        self.refuse_child().map_err(CommitError::Clean)?;
        let _inside = Inside::enter().map_err(CommitError::Clean)?;
        self.inner.write(body)
    }

    fn seq(&self) -> u64 {
        self.inner.seq.load(Ordering::Acquire)
    }

    fn birth(&self) -> [u8; 16] {
        self.inner.birth
    }

    fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Door {
    fn env(&self) -> Result<&Env> {
        match self {
            Door::Open(env) => Ok(env),
            Door::Shut(why) => Err(why.clone()),
        }
    }
}

impl Inner {
    /// Goes through the gate. A body that panicked has left nothing half done: its transaction was aborted.
    fn enter(&self) -> RwLockReadGuard<'_, Door> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Room> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        let mut tries = 0;
        loop {
            let door = self.enter();
            let env = door.env()?;
            self.not_cut()?;
            let error = match env.lmdb().begin_ro_txn() {
                Ok(txn) => return body(&ReadTxn::new(txn, env.tables(), self.data.path())),
                Err(error) => error,
            };
            tries += 1;
            match error {
                error if tries > 3 => return Err(fail::lmdb("begin to read", self.data.path(), error)),
                // A writer's commit failed in the meta write, and it is about to settle that: wait for it.
                lmdb::Error::Panic => {
                    drop(door);
                    drop(self.writer());
                }
                lmdb::Error::ReadersFull => env.free_dead_readers()?,
                _ => return Err(fail::lmdb("begin to read", self.data.path(), error)),
            }
        }
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        let mut room = self.writer();
        let next = self.seq.load(Ordering::Acquire).checked_add(1);
        let next = next.ok_or_else(|| CommitError::Clean(Error::overflow("the number of commits")))?;
        loop {
            match self.run(body, &mut room, next).map_err(CommitError::Clean)? {
                Run::Committed => break,
                Run::Refused(error) => return Err(CommitError::Clean(error)),
                Run::MapFull => self.grow().map_err(CommitError::Clean)?,
                Run::InDoubt(error) => match self.settle(next)? {
                    true => break,
                    false => return Err(CommitError::Clean(error)),
                },
            }
        }
        self.seq.store(next, Ordering::Release);
        Ok(())
    }

    /// Notices that the file was cut short since it was last seen: to look at what is missing of the map would kill the process.
    /// (One system call, less than a microsecond. Who cuts it while a transaction runs kills the process still.)
    fn not_cut(&self) -> Result<()> {
        let (seen, length) = (self.length.load(Ordering::Acquire), self.data.length()?);
        match length < seen {
            false => Ok(()),
            true => Err(self.data.damaged(&format!(
                "it was cut from {seen} to {length} bytes while the store was open; close it and restore the newest backup"
            ))),
        }
    }

    /// Runs the body once. The error is of what came before it.
    fn run(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>, room: &mut Room, next: u64) -> Result<Run> {
        let door = self.enter();
        let env = door.env()?;
        self.data.still_there()?;
        self.not_cut()?;
        let low = room.keep(&self.data, env.used()?);
        let path = self.data.path();
        let mut txn = WriteTxn::begin(env, path, low).map_err(|error| fail::lmdb("begin to write", path, error))?;
        let outcome = body(&mut txn);
        match (txn.stop(), outcome) {
            (Some(Stop::MapFull), _) => return Ok(Run::MapFull),
            (Some(Stop::Failed(error)), _) => return Ok(Run::Refused(self.told(room, error.clone()))),
            (None, Err(error)) => return Ok(Run::Refused(error)),
            (None, Ok(())) => {}
        }
        match txn.commit(next) {
            Ok(()) => {
                self.look_after(env, room, next);
                Ok(Run::Committed)
            }
            Err(lmdb::Error::MapFull) => Ok(Run::MapFull),
            Err(error) => {
                let told = fail::lmdb("commit to", path, error);
                match env.given_up() {
                    true => Ok(Run::InDoubt(told)),
                    false => Ok(Run::Refused(self.told(room, told))),
                }
            }
        }
    }

    /// What follows a commit. It is done and durable, so nothing here may fail it.
    fn look_after(&self, env: &Env, room: &mut Room, seq: u64) {
        let covered = env.used().and_then(|used| {
            room.keep(&self.data, used); // now, before others take the room
            room.cover(&self.data, used)
        });
        let covered = covered.and_then(|()| {
            self.length.fetch_max(self.data.length()?, Ordering::Release);
            Ok(())
        });
        let checked = if seq % READER_CHECK_COMMITS == 0 { env.free_dead_readers() } else { Ok(()) };
        for error in [covered, checked].into_iter().filter_map(Result::err) {
            let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            if warnings.len() < WARNINGS_KEPT {
                warnings.push(format!("after a commit: {error}"));
            }
        }
    }

    /// An I/O error may be a full disk.
    fn told(&self, room: &Room, error: Error) -> Error {
        match error.status == SALES_ERR_STORE && room.was_full(&self.data) {
            true => Error::new(SALES_ERR_DISK_FULL, format!("{} (the disk is full)", error.text)),
            false => error,
        }
    }
}
