//! The opening of a store: what is in the directory decides whether it is made, finished, opened or refused.

use super::data::{self, Data};
use super::env::{self, Env, Marks};
use super::fork;
use super::identity::{self, Birth, Identity, FORMAT};
use super::lock::{self, Lock};
use super::{create, path, room};
use crate::error::{Error, Result};
use crate::status::*;
use std::path::{Path, PathBuf};

/// All that an open store holds. The fields are dropped in this order: the lock goes last.
pub struct Opened {
    /// LMDB's environment.
    pub env: Env,
    /// The data file.
    pub data: Data,
    /// What the store says of itself.
    pub marks: Marks,
    /// The directory.
    pub dir: PathBuf,
    /// The right to it.
    pub lock: Lock,
}

/// Opens the store in a directory, or makes one where there is none. `before`: looks at the data file before anything is mapped, and may
/// refuse it.
pub fn open(path: &Path, reset: bool, before: &mut dyn FnMut(&Data) -> Result<()>) -> Result<Opened> {
    fork::watched()?;
    let dir = path::prepare(path)?;
    let lock = lock::take(&dir)?;
    let mut identity = identity::read(&dir)?;
    if !data::exists(&dir)? {
        identity = make(&dir, &identity, reset)?;
    }
    let data = Data::open(&dir)?;
    before(&data)?;
    let env = open_env(&dir, &data)?;
    let marks = env.as_ref().map(|env| env.marks(&data)).transpose()?.flatten();
    let (Some(env), Some(marks)) = (env, marks) else {
        return Err(not_ours(&data, &identity));
    };
    if marks.format > FORMAT {
        return Err(identity::newer(data.path(), marks.format));
    }
    if marks.format == 0 {
        return Err(data.damaged("its format version is 0"));
    }
    settle_identity(&dir, &identity, &marks, reset)?;
    env.free_dead_readers()?;
    Ok(Opened { env, data, marks, dir, lock })
}

/// No data: a new store, unless an identity says that there was one. Answers the new identity.
fn make(dir: &Path, identity: &Identity, reset: bool) -> Result<Identity> {
    match identity {
        Identity::Of(birth) if !reset => {
            let text = format!(
                "the store {} has its identity ({}) but its data, {}, is missing or empty; \
                 restore the newest backup, or reset",
                dir.display(),
                identity::hex(birth),
                data::NAME
            );
            return Err(Error::new(SALES_ERR_STORE_LOST, text));
        }
        Identity::Unreadable(why) if !reset => return Err(unidentified(why)),
        _ => {}
    }
    path::sync_name(dir)?;
    let birth = identity::new_birth()?;
    create::data(dir, &birth)?;
    // Should the machine stop here, the next open finishes a creation, or after a reset finds two ids and
    // refuses: a loss is never forgotten half-way.
    identity::write(dir, &birth)?;
    Ok(Identity::Of(birth))
}

/// Data and identity must belong together.
fn settle_identity(dir: &Path, identity: &Identity, marks: &Marks, reset: bool) -> Result<()> {
    let Marks { birth, seq, .. } = marks;
    let why = match identity {
        // Its name may not be on the disk yet: whoever wrote it may have been killed just before that.
        Identity::Of(found) if found == birth => return path::sync(dir),
        Identity::Of(found) => differs(dir, found, birth),
        Identity::Unreadable(why) => why.clone(),
        // Nothing was ever committed: a creation that stopped before its last step.
        Identity::Missing if *seq == 0 => {
            create::clear(dir)?;
            // The data's name first, which whoever was killed may not have synced: an identity alone would say that the data is lost.
            path::sync(dir)?;
            return identity::write(dir, birth);
        }
        Identity::Missing => {
            format!("the store {} has {seq} commits but no identity file ({})", dir.display(), identity::NAME)
        }
    };
    match reset {
        true => identity::write(dir, birth),
        false => Err(unidentified(&why)),
    }
}

fn differs(dir: &Path, found: &Birth, birth: &Birth) -> String {
    format!(
        "the identity file of {} is of store {}, its data of store {}",
        dir.display(),
        identity::hex(found),
        identity::hex(birth)
    )
}

fn unidentified(why: &str) -> Error {
    Error::new(SALES_ERR_STORE_IDENTITY, format!("{why}; restore the identity file that belongs to the data, or reset"))
}

/// LMDB's file, but without our marks.
fn not_ours(data: &Data, identity: &Identity) -> Error {
    match identity {
        Identity::Of(_) => data.damaged("the marks of the store are missing"),
        _ => {
            let text = format!("{} is a file of LMDB, but not a store of this library", data.path().display());
            Error::new(SALES_ERR_STORE_IDENTITY, text)
        }
    }
}

/// Checks the file, makes what it says durable, and maps it. `None`: it is not a store's.
pub fn open_env(dir: &Path, data: &Data) -> Result<Option<Env>> {
    let checked = data.check()?;
    data.settle(checked.newest.page_size)?;
    let length = data.length()?;
    if checked.lacks == 0 {
        return map(dir, data, length);
    }
    // Shorter than its pages in use. With zeros at its end it is safe to map, and its free list tells whether
    // only pages are missing that LMDB never wrote.
    let extended = length.checked_add(checked.lacks).ok_or_else(|| Error::overflow("the length of the data file"))?;
    resize(data, extended)?;
    let env = map(dir, data, extended)?;
    match &env {
        Some(env) if !env.only_free_beyond(data, length, checked.newest.page_size)? => {
            resize(data, length)?; // as it was found: evidence
            Err(data.damaged(&format!("it has {length} bytes, and its pages need {extended}")))
        }
        _ => Ok(env),
    }
}

fn map(dir: &Path, data: &Data, length: u64) -> Result<Option<Env>> {
    room::allocate_locks(dir)?;
    let map = env::map_for(length).ok_or_else(|| Error::overflow("the size of the map"))?;
    Env::open(dir, data, map)
}

fn resize(data: &Data, length: u64) -> Result<()> {
    data.file().set_len(length).map_err(|error| super::fail::working("change the length of", data.path(), &error))
}
