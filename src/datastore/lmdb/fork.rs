//! Noticing fork: a child must neither use nor unlock what its parent has open.

use crate::error::{Error, Result};
use crate::status::SALES_ERR_STORE;
use once_cell::sync::Lazy;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// How often this process became a child. Whoever remembers another number belongs to an ancestor.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Files that a child closes at once. A lock by flock belongs to the open file, which parent and child
/// share: a child that lives on would keep the store locked after its parent is gone.
/// A fixed table without a lock, because a child may touch nothing that another thread may have held.
static LOCKS: [AtomicI32; 128] = [const { AtomicI32::new(NONE) }; 128];

const NONE: i32 = -1;

/// Registered once, and only when the first store is opened.
static HANDLER: Lazy<i32> = Lazy::new(|| {
    // SAFETY: `in_child` has the signature that is asked for, and does only what is allowed after a fork
    // (atomics and close).
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) }
});

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    for slot in &LOCKS {
        let fd = slot.swap(NONE, Ordering::SeqCst);
        if fd != NONE {
            // SAFETY: closes the child's own copy. Its owner knows by the generation that it is closed.
            unsafe { libc::close(fd) };
        }
    }
}

/// Makes sure that forks are watched for.
pub fn watched() -> Result<()> {
    match *HANDLER {
        0 => Ok(()),
        errno => {
            let why = io::Error::from_raw_os_error(errno);
            Err(Error::new(SALES_ERR_STORE, format!("cannot register a handler for fork: {why}")))
        }
    }
}

/// The number to remember, and to compare with later.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::SeqCst)
}

/// A file that only the process that opened it has: a forked child closes it at once.
#[derive(Debug)]
pub struct OwnFile {
    file: ManuallyDrop<File>,
    slot: Option<&'static AtomicI32>,
    born: u64,
}

impl OwnFile {
    /// Takes the file over.
    pub fn new(file: File) -> OwnFile {
        let fd = file.as_raw_fd();
        // With all slots taken the child keeps its copy: the lock would outlive a dead parent, nothing worse.
        let free = |slot: &&AtomicI32| slot.compare_exchange(NONE, fd, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        OwnFile { slot: LOCKS.iter().find(free), file: ManuallyDrop::new(file), born: generation() }
    }

    /// The file. Not to be used in a child.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if self.born != generation() {
            return; // closed already, and the number may be another file's by now
        }
        // Out of the table first: a child forked in between must not close a number used anew.
        if let Some(slot) = self.slot {
            slot.store(NONE, Ordering::SeqCst);
        }
        // Closing would not unlock while a process that was just started by another thread still has its copy,
        // which it closes only a moment later, when it becomes another program.
        // SAFETY: the descriptor is open.
        unsafe { libc::flock(self.file.as_raw_fd(), libc::LOCK_UN) };
        // SAFETY: dropped once, here; nobody uses it after.
        unsafe { ManuallyDrop::drop(&mut self.file) };
    }
}
