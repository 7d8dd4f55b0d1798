//! The directory of a store: there, a directory, on a local file system, and made if only it is missing.

use super::fail;
use crate::error::{Error, Result};
use crate::status::*;
use std::ffi::CString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// File systems whose locks and syncs reach another machine, by the magic number that statfs tells.
/// FUSE is not in the list: most of what runs on it is local, and it does not tell what (sshfs, GlusterFS)
/// it is. Nor are the shared-disk file systems (GFS2, OCFS2), which keep the rules of a local one.
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x0BD0_0BD0, "Lustre"),
    (0x786F_4256, "VirtualBox shared folder"),
    (0xBACB_ACBC, "VMware shared folder"),
    (0x7C7C_6673, "Parallels shared folder"),
];

/// Makes sure of the directory and answers its absolute path without links.
pub fn prepare(path: &Path) -> Result<PathBuf> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(not_a_directory(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
        Err(error) => return Err(fail::opening("look at the store's path", path, &error)),
    }
    existing(path)
}

/// The absolute path, without links, of a directory that is there.
pub fn existing(path: &Path) -> Result<PathBuf> {
    let dir = fs::canonicalize(path).map_err(|error| fail::opening("resolve the store's path", path, &error))?;
    if !dir.is_dir() {
        return Err(not_a_directory(path));
    }
    refuse_network(&dir)?;
    Ok(dir)
}

fn not_a_directory(path: &Path) -> Error {
    Error::new(SALES_ERR_STORE_PATH, format!("the store's path {} is not a directory", path.display()))
}

/// Makes the directory itself, never its parents: a parent that is missing is more likely a disk that is not
/// mounted, and a new store below its mount point would hide the old one.
fn make(path: &Path) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        let text = format!(
            "the store's path {} is missing, and so is its parent; expected a directory, or a parent to make it in",
            path.display()
        );
        return Err(Error::new(SALES_ERR_STORE_PATH, text));
    }
    refuse_network(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        // Two openers at once: the other made it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(fail::opening("make the store's directory", path, &error)),
    }
    Ok(())
}

/// Makes the directory's own name durable, whoever made it: an earlier creation may have stopped just before it did.
pub fn sync_name(dir: &Path) -> Result<()> {
    let Some(parent) = dir.parent() else { return Ok(()) };
    match File::open(parent) {
        // Ours to enter, not to read: then all of its file system.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => sync_all(dir),
        _ => sync(parent),
    }
}

fn sync_all(dir: &Path) -> Result<()> {
    let failed = |error: io::Error| fail::opening("sync the file system of", dir, &error);
    let file = File::open(dir).map_err(failed)?;
    // SAFETY: the descriptor is open as long as `file` lives.
    match unsafe { libc::syncfs(file.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(failed(io::Error::last_os_error())),
    }
}

/// Makes the names in a directory durable.
pub fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|error| fail::opening("sync the directory", dir, &error))
}

fn refuse_network(dir: &Path) -> Result<()> {
    let kind = filesystem(dir).map_err(|error| fail::opening("ask for the file system of", dir, &error))?;
    match NETWORK.iter().find(|(magic, _)| *magic == kind) {
        None => Ok(()),
        Some((_, name)) => Err(Error::new(
            SALES_ERR_STORE_NETWORK,
            format!("{} lies on a network file system ({name}); expected a local disk", dir.display()),
        )),
    }
}

/// The magic number of a path's file system. (32 bits of it count; some systems extend the sign.)
fn filesystem(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends with NUL, and the struct is written by a call that succeeded before it is read.
    let found = unsafe {
        if libc::statfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        found.assume_init()
    };
    #[allow(clippy::unnecessary_cast)] // its type differs between the C libraries
    Ok(found.f_type as u64 & 0xFFFF_FFFF)
}
