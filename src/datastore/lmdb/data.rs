//! LMDB's data file as we hold it: opened, locked and checked before LMDB maps it, watched while it is open.

use super::fail;
use super::fork::OwnFile;
use super::lock;
use super::meta::{self, Checked, Meta, HEAD};
use crate::error::{Error, Result};
use crate::status::*;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// LMDB's name for it.
pub const NAME: &str = "data.mdb";
/// LMDB's name for its own lock file: readers and the writer of all processes.
pub const LOCKS: &str = "lock.mdb";

/// Whether there is data at all. A file of no length counts as missing, as it does for LMDB.
pub fn exists(dir: &Path) -> Result<bool> {
    for name in [LOCKS, NAME] {
        let path = dir.join(name);
        match fs::symlink_metadata(&path) {
            // A link would let two directories share one file behind the back of both locks.
            Ok(found) if !found.is_file() => {
                let text = format!("{} is not a regular file", path.display());
                return Err(Error::new(SALES_ERR_STORE_PATH, text));
            }
            Ok(found) if name == NAME => return Ok(found.len() > 0),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail::opening("look at", &path, &error)),
        }
    }
    Ok(false)
}

/// The open data file.
#[derive(Debug)]
pub struct Data {
    path: PathBuf,
    own: OwnFile,
    device: u64,
    inode: u64,
}

impl Data {
    /// Opens it and locks it too: a second name of the same file (a hard link), or a lock file that someone
    /// deleted, does not let a second opener in.
    pub fn open(dir: &Path) -> Result<Data> {
        let path = dir.join(NAME);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(|error| fail::opening("open", &path, &error))?;
        let own = OwnFile::new(file);
        if !lock::exclusive(own.file(), &path)? {
            return Err(lock::locked(dir, ", by another name of its data file or after its lock file was removed"));
        }
        let found = own.file().metadata().map_err(|error| fail::opening("look at", &path, &error))?;
        Ok(Data { device: found.dev(), inode: found.ino(), path, own })
    }

    /// Its path, for the texts.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file.
    pub fn file(&self) -> &File {
        self.own.file()
    }

    /// Its length.
    pub fn length(&self) -> Result<u64> {
        self.file().metadata().map(|found| found.len()).map_err(|error| fail::working("look at", &self.path, &error))
    }

    /// Checks what must hold before LMDB maps the file.
    pub fn check(&self) -> Result<Checked> {
        let length = self.length()?;
        let damaged = |why: String| self.damaged(&why);
        let first = self.meta(0, 0, length)?;
        // Where the second page lies only a good first page tells; else the usual page size is the guess.
        let page_size = first.as_ref().map_or(4096, |meta| u64::from(meta.page_size));
        let second = self.meta(page_size, 1, length)?;
        let checked = meta::check(first, second, length).map_err(damaged)?;
        if length < page_size.saturating_mul(2) {
            return Err(self.damaged(&format!("it has {length} bytes, less than its two meta pages")));
        }
        Ok(checked)
    }

    fn meta(&self, at: u64, number: u64, length: u64) -> Result<std::result::Result<Meta, String>> {
        let mut head = [0; HEAD];
        if at.saturating_add(HEAD as u64) > length {
            return Ok(Err(format!("the file ends at byte {length}, before or within it")));
        }
        self.read(&mut head, at)?;
        Ok(Meta::parse(&head, number))
    }

    fn read(&self, buffer: &mut [u8], at: u64) -> Result<()> {
        self.file().read_exact_at(buffer, at).map_err(|error| fail::working("read", &self.path, &error))
    }

    /// Makes the disk hold what a read answers now: writes both meta pages back as they read, and syncs.
    ///
    /// After a failed write the system may show pages that the disk does not have. A commit that failed while
    /// its meta page was written (by this process or one before it) is decided by this: it is there, or it is
    /// not, and stays so. Not to be called while LMDB writes.
    pub fn settle(&self, page_size: u32) -> Result<()> {
        let size = u64::from(page_size);
        let mut page = vec![0; page_size as usize];
        for at in [0, size] {
            self.read(&mut page, at)?;
            let written = self.file().write_all_at(&page, at);
            written.map_err(|error| fail::working("write the meta pages of", &self.path, &error))?;
        }
        self.file().sync_data().map_err(|error| fail::working("sync", &self.path, &error))
    }

    /// Notices that the file is no longer the one at its path. (One system call, about a microsecond.)
    pub fn still_there(&self) -> Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) => self.check_is(&found),
            Err(error) => Err(self.gone(&format!("is not there any more ({error})"))),
        }
    }

    /// Checks that what was found at the path, or opened by it, is this file.
    pub fn check_is(&self, found: &Metadata) -> Result<()> {
        match (found.dev(), found.ino()) == (self.device, self.inode) {
            true => Ok(()),
            false => Err(self.gone("was replaced by another file")),
        }
    }

    fn gone(&self, why: &str) -> Error {
        let text = format!("{} {why} while the store was open; nothing is written to it any more", self.path.display());
        Error::new(SALES_ERR_STORE_GONE, text)
    }

    /// The error of a damaged file.
    pub fn damaged(&self, why: &str) -> Error {
        Error::new(SALES_ERR_STORE_DAMAGED, format!("{} is damaged: {why}", self.path.display()))
    }
}
