//! Room kept in reserve, so that a full disk neither stops releases nor kills the process.

use super::data::{Data, LOCKS};
use super::fail;
use crate::error::Result;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of the data file allocated ahead of its last page in use: between these two, and as many as `COPIES` of
/// what is in use. Releases write new pages before they free old ones, and free pages come back two commits
/// later: so a store whose every commit changed all of its pages would need that much. The most serves batches
/// of hundreds of releases in the largest store. New business may use no more than the first quarter.
const LEAST_AHEAD: u64 = 1 << 20;
const MOST_AHEAD: u64 = 16 << 20;
const COPIES: u64 = 3;

/// Bytes of LMDB's lock file: 64 for each of about a thousand readers.
const LOCK_BYTES: u64 = 64 << 10;

/// Bytes that are tried to find out whether the disk is full.
const PROBE: u64 = 64 << 10;

/// The state of the reserve.
#[derive(Debug, Default)]
pub struct Room {
    /// Up to where the file is allocated, as far as we know.
    allocated: u64,
    /// The file system cannot allocate ahead: then there is no reserve, and nothing is refused for it.
    unable: bool,
    /// The reserve could not be filled up.
    low: bool,
}

impl Room {
    /// Fills the reserve up when a quarter of it is used. Answers whether that failed for want of room.
    pub fn keep(&mut self, data: &Data, used: u64) -> bool {
        let ahead = used.saturating_mul(COPIES).clamp(LEAST_AHEAD, MOST_AHEAD);
        if self.unable || self.allocated.saturating_sub(used) >= ahead - ahead / 4 {
            return self.low;
        }
        match allocate(data.file(), 0, used, ahead) {
            Ok(()) => {
                self.allocated = used.saturating_add(ahead);
                self.low = false;
            }
            Err(error) => match error.raw_os_error() {
                Some(errno) if fail::is_full(errno) => self.low = true,
                Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => (self.unable, self.low) = (true, false),
                // Anything else will show where it matters, in the commit.
                _ => self.low = false,
            },
        }
        self.low
    }

    /// Whether records of new business are refused, so that what is left serves releases.
    pub fn low(&self) -> bool {
        self.low
    }

    /// After a commit: the file must be as long as its pages say, or the next open takes it for truncated.
    /// LMDB leaves it shorter when pages at its end were taken and freed in one transaction.
    pub fn cover(&mut self, data: &Data, used: u64) -> Result<()> {
        if used <= self.allocated {
            return Ok(());
        }
        if data.length()? < used {
            data.file().set_len(used).map_err(|error| fail::working("extend", data.path(), &error))?;
        }
        Ok(())
    }

    /// Whether a write that failed with an I/O error failed for want of room: LMDB says so of a short write.
    /// Asked by trying, since a quota does not show in the free space.
    pub fn was_full(&self, data: &Data) -> bool {
        let tried = data.length().map(|length| allocate(data.file(), libc::FALLOC_FL_KEEP_SIZE, length, PROBE));
        matches!(tried, Ok(Err(error)) if error.raw_os_error().is_some_and(fail::is_full))
    }
}

/// Makes LMDB's lock file with all its blocks. LMDB maps it writable and leaves it sparse: on a full disk the
/// first reader that needs another page of it would kill the process.
pub fn allocate_locks(dir: &Path) -> Result<()> {
    let path = dir.join(LOCKS);
    let failed = |error: io::Error| fail::opening("make LMDB's lock file", &path, &error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(libc::O_NOFOLLOW)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match allocate(&file, 0, 0, LOCK_BYTES) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL)) => Ok(()),
        other => other.map_err(failed),
    }
}

fn allocate(file: &File, mode: i32, from: u64, bytes: u64) -> io::Result<()> {
    let too_long = |_| io::Error::from_raw_os_error(libc::EFBIG);
    let (from, bytes) = (i64::try_from(from).map_err(too_long)?, i64::try_from(bytes).map_err(too_long)?);
    loop {
        // SAFETY: the descriptor is open as long as `file` lives; the call touches no memory of ours.
        if unsafe { libc::fallocate64(file.as_raw_fd(), mode, from, bytes) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
