//! From the errors of LMDB and of the system to ours: which status, and a text that names the path.

use crate::error::Error;
use crate::status::*;
use std::io;
use std::path::Path;

/// Whether the system said that there is no room (disk, quota, or the largest size of a file).
pub fn is_full(errno: i32) -> bool {
    matches!(errno, libc::ENOSPC | libc::EDQUOT | libc::EFBIG)
}

/// Whether the path is to blame: missing, of the wrong kind, or not ours to write.
fn is_path(errno: i32) -> bool {
    matches!(
        errno,
        libc::ENOENT
            | libc::ENOTDIR
            | libc::EISDIR
            | libc::EEXIST
            | libc::EACCES
            | libc::EPERM
            | libc::EROFS
            | libc::ELOOP
            | libc::ENAMETOOLONG
            | libc::ENODEV
            | libc::ENXIO
    )
}

/// A system error while a store is opened or made, where a bad path is the likely cause.
pub fn opening(doing: &str, path: &Path, error: &io::Error) -> Error {
    let errno = error.raw_os_error().unwrap_or(0);
    let status = match errno {
        _ if is_full(errno) => SALES_ERR_DISK_FULL,
        _ if is_path(errno) || error.kind() == io::ErrorKind::InvalidInput => SALES_ERR_STORE_PATH,
        _ => SALES_ERR_STORE,
    };
    Error::new(status, format!("cannot {doing} {}: {error}", path.display()))
}

/// A system error while an open store works.
pub fn working(doing: &str, path: &Path, error: &io::Error) -> Error {
    let status = if is_full(error.raw_os_error().unwrap_or(0)) { SALES_ERR_DISK_FULL } else { SALES_ERR_STORE };
    Error::new(status, format!("cannot {doing} {}: {error}", path.display()))
}

/// An error of LMDB while an open store works.
pub fn lmdb(doing: &str, path: &Path, error: lmdb::Error) -> Error {
    use lmdb::Error as E;
    let status = match error {
        E::Other(errno) => return working(doing, path, &io::Error::from_raw_os_error(errno)),
        E::PageNotFound | E::Corrupted | E::Invalid | E::VersionMismatch | E::Incompatible => SALES_ERR_STORE_DAMAGED,
        E::ReadersFull | E::TxnFull | E::DbsFull => SALES_ERR_FULL,
        E::Panic => SALES_ERR_STORE_REOPEN,
        E::MapFull | E::MapResized => SALES_ERR_STORE,
        _ => SALES_ERR_INTERNAL,
    };
    let more = match error {
        E::ReadersFull => " (about a thousand transactions may read at once)",
        E::TxnFull => " (the transaction changes too many pages)",
        _ => "",
    };
    Error::new(status, format!("cannot {doing} {}: {error}{more}", path.display()))
}

/// An error of LMDB while a store is opened.
pub fn lmdb_opening(path: &Path, error: lmdb::Error) -> Error {
    match error {
        lmdb::Error::Other(errno) => opening("open the store in", path, &io::Error::from_raw_os_error(errno)),
        other => lmdb("open the store in", path, other),
    }
}
