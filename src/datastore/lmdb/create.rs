//! The making of a new store: data first, whole and durable, and then its identity.
//!
//! The data is made in a directory of its own and takes its name when it is durable. So whatever moment the
//! machine stops at, there is no data, or all of it.

use super::data;
use super::env;
use super::fail;
use super::identity::Birth;
use super::path;
use super::room;
use crate::error::{Error, Result};
use crate::status::*;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The directory it is made in. What it holds was never a store.
const NURSERY: &str = "creating";

/// Makes the data of a new store. The identity is not written yet.
pub fn data(dir: &Path, birth: &Birth) -> Result<()> {
    clear(dir)?;
    make(dir, birth).inspect_err(|_| {
        let _ = clear(dir); // gives its room back where it can; the next creation tries again
    })?;
    clear(dir)
}

fn make(dir: &Path, birth: &Birth) -> Result<()> {
    let nursery = dir.join(NURSERY);
    let made = DirBuilder::new().mode(0o700).create(&nursery);
    made.map_err(|error| fail::opening("make the directory", &nursery, &error))?;
    room::allocate_locks(&nursery)?;
    let env = env::open_bare(&nursery, env::FIRST_MAP).map_err(|error| failed(&nursery, error))?;
    env::fill(&env, birth).map_err(|error| failed(&nursery, error))?;
    drop(env);
    let (from, to) = (nursery.join(data::NAME), dir.join(data::NAME));
    let synced = File::open(&from).and_then(|file| file.sync_all());
    synced.and_then(|()| fs::rename(&from, &to)).map_err(|error| fail::opening("make", &to, &error))?;
    path::sync(dir)
}

/// LMDB's error, where a short write of the first pages is a full disk told as an I/O error.
fn failed(nursery: &Path, error: lmdb::Error) -> Error {
    let told = fail::lmdb_opening(nursery, error);
    if error == lmdb::Error::Other(libc::EIO) && room::allocate_locks(nursery).is_ok() && !has_room(nursery) {
        return Error::new(SALES_ERR_DISK_FULL, told.text);
    }
    told
}

/// Whether a few pages still fit.
fn has_room(dir: &Path) -> bool {
    let path = dir.join("probe");
    let wrote = fs::write(&path, [0; 64 << 10]);
    let _ = fs::remove_file(&path);
    !matches!(wrote, Err(error) if fail::is_full(error.raw_os_error().unwrap_or(0)))
}

/// Removes what a creation left. Only what one makes: a directory with anything else in it stays.
pub fn clear(dir: &Path) -> Result<()> {
    let nursery = dir.join(NURSERY);
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for name in [data::NAME, data::LOCKS, "probe"] {
        let path = nursery.join(name);
        gone(fs::remove_file(&path)).map_err(|error| fail::opening("remove", &path, &error))?;
    }
    gone(fs::remove_dir(&nursery)).map_err(|error| fail::opening("remove the directory", &nursery, &error))
}
