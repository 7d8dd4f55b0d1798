//! One opener: a lock on a file of ours against other processes, and a list against this one.

use super::fail;
use super::fork::{self, OwnFile};
use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::{Mutex, MutexGuard};
use once_cell::sync::Lazy;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::TryLockError;
use std::thread;
use std::time::Duration;

/// The lock file's name in the directory of the store.
pub const NAME: &str = "sales.lock";

/// How often a lock that another holds is looked at, 10 ms apart.
const LOOKS: u32 = 6;

/// A directory that is open in this process: device, inode, and the generation of the process.
type Key = (u64, u64, u64);

static OPEN: Lazy<Mutex<Vec<Key>>> = Lazy::new(|| Mutex::new(Vec::new()));

/// The right to the store's directory, until it is dropped. The fields are dropped in this order.
#[derive(Debug)]
pub struct Lock {
    _file: OwnFile,
    _listed: Listed,
}

#[derive(Debug)]
struct Listed(Key);

impl Drop for Listed {
    fn drop(&mut self) {
        // A child's list may have been in the middle of a change when it was forked; it stays as it is.
        if self.0 .2 == fork::generation() {
            if let Ok(mut open) = list() {
                open.retain(|key| *key != self.0);
            }
        }
    }
}

/// Takes the directory, or tells who has it.
pub fn take(dir: &Path) -> Result<Lock> {
    let found = dir.metadata().map_err(|error| fail::opening("look at", dir, &error))?;
    let key = (found.dev(), found.ino(), fork::generation());
    let mut open = list()?;
    if open.contains(&key) {
        let text = format!("the store {} is open already in this process, by this path or another", dir.display());
        return Err(Error::new(SALES_ERR_STORE_LOCKED, text));
    }
    open.push(key);
    drop(open);
    let listed = Listed(key);

    let path = dir.join(NAME);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(libc::O_NOFOLLOW)
        .mode(0o600)
        .open(&path)
        .map_err(|error| fail::opening("open the lock file", &path, &error))?;
    let own = OwnFile::new(file);
    let mut file = own.file();
    if !exclusive(file, &path)? {
        return Err(locked(dir, &owner(file)));
    }
    // For whoever is refused; without room the name is missing, not the lock.
    let _ = file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
    Ok(Lock { _file: own, _listed: listed })
}

/// Locks an open file for this opener alone; `false` when another has it.
///
/// Not at the first look: where an opener was killed, a process that it had just forked may hold its files for
/// the moment until it runs, or becomes another program.
pub fn exclusive(file: &File, path: &Path) -> Result<bool> {
    for patience in (0..LOOKS).rev() {
        // SAFETY: the descriptor is open as long as `file` lives.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock if patience > 0 => thread::sleep(Duration::from_millis(10)),
            io::ErrorKind::WouldBlock => break,
            io::ErrorKind::Interrupted => {}
            _ => return Err(Error::new(SALES_ERR_STORE, format!("cannot lock {}: {error}", path.display()))),
        }
    }
    Ok(false)
}

/// The error of a store that another has open.
pub fn locked(dir: &Path, by: &str) -> Error {
    Error::new(SALES_ERR_STORE_LOCKED, format!("the store {} is open already{by}", dir.display()))
}

/// What the lock file tells of its owner; only for the text.
fn owner(file: &File) -> String {
    let mut text = String::new();
    match file.take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) if pid == std::process::id() => ", by another copy of the library in this process".into(),
        Some(pid) => format!(", by process {pid}"),
        None => ", by another process".into(),
    }
}

/// The list. In a forked child its lock may be held for ever by a thread that is not there: so not waited for
/// without end.
fn list() -> Result<MutexGuard<'static, Vec<Key>>> {
    for _ in 0..1000 {
        match OPEN.try_lock() {
            Ok(open) => return Ok(open),
            Err(TryLockError::Poisoned(open)) => return Ok(open.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
        }
    }
    Err(Error::new(SALES_ERR_FORKED, "the process was forked while a store was opened; open in the child after exec"))
}
