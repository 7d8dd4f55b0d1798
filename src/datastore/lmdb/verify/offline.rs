//! A store that is looked at while nobody has it open, and what it says of itself.

use super::Image;
use crate::damage::Found;
use crate::datastore::lmdb::data::{self, Data};
use crate::datastore::lmdb::env::{open_seq, KEY_BIRTH, KEY_FORMAT, KEY_SEQ};
use crate::datastore::lmdb::identity::{self, Identity, FORMAT};
use crate::datastore::lmdb::lock::{self, Lock};
use crate::datastore::lmdb::{fork, path};
use crate::datastore::{Look, Table};
use crate::error::{Error, Result};
use crate::status::*;
use std::path::Path;

pub use crate::datastore::lmdb::env::Marks;

/// The right to a store's directory, and its data file. The fields are dropped in this order.
pub struct Offline {
    data: Data,
    identity: Identity,
    _lock: Lock,
}

impl Offline {
    /// Takes a store as an opener would, and changes nothing in it. There must be one.
    pub fn open(path: &Path) -> Result<Offline> {
        fork::watched()?;
        let dir = path::existing(path)?;
        let none = || Error::new(SALES_ERR_STORE_PATH, format!("{} holds no store", dir.display()));
        // Where nobody ever opened one there is nothing to lock, and no file is left behind.
        let is_store = dir.join(lock::NAME).exists() || data::exists(&dir)?;
        if !is_store && matches!(identity::read(&dir)?, Identity::Missing) {
            return Err(none());
        }
        let lock = lock::take(&dir)?;
        let identity = identity::read(&dir)?;
        if !data::exists(&dir)? {
            let (status, what) = match identity {
                Identity::Missing => return Err(none()),
                _ => (
                    SALES_ERR_STORE_LOST,
                    "has its identity but its data is missing or empty; restore the newest backup",
                ),
            };
            return Err(Error::new(status, format!("{} {what}", dir.display())));
        }
        Ok(Offline { data: Data::open(&dir)?, identity, _lock: lock })
    }

    /// The data file.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Data and identity must belong together.
    pub fn check_identity(&self, marks: &Marks, found: &mut Found<'_>) {
        match &self.identity {
            Identity::Of(birth) if *birth == marks.birth => {}
            Identity::Of(birth) => found.file(format!(
                "the identity file is of store {}, the data of store {}",
                identity::hex(birth),
                identity::hex(&marks.birth)
            )),
            Identity::Unreadable(why) => found.file(why.clone()),
            // A creation that stopped before its last step: the next open ends it.
            Identity::Missing if marks.seq == 0 => {}
            Identity::Missing => found.file(format!("there is no identity file ({})", identity::NAME)),
        }
    }
}

impl Image<'_> {
    /// Reads what the store says of itself. `None`: it cannot be read, and that is told.
    pub fn marks(&self, found: &mut Found<'_>) -> Result<Option<Marks>> {
        let mut get = |key: &[u8]| match self.get(Table::Meta, key) {
            Ok(Some(value)) => Some(value),
            Ok(None) => {
                found.file(format!("the mark {} is missing", String::from_utf8_lossy(key)));
                None
            }
            Err(error) => {
                found.file(error.text);
                None
            }
        };
        let (Some(format), Some(birth), Some(seq)) = (get(KEY_FORMAT), get(KEY_BIRTH), get(KEY_SEQ)) else {
            return Ok(None);
        };
        let (Ok(format), Ok(birth)) = (format.try_into(), birth.try_into()) else {
            found.file("the marks of the store have wrong lengths");
            return Ok(None);
        };
        let seq = match open_seq(&seq) {
            Ok(seq) => seq,
            Err(error) => {
                found.file(error.text);
                return Ok(None);
            }
        };
        // Each commit of a store is one of LMDB's, after the one that made it: so an older page in this one's place is told. A compacted copy
        // begins to count its transactions anew, and so has fewer.
        if seq.saturating_add(1) < self.meta.txn {
            found.file(format!("its last commit is {seq}; LMDB's transaction {} comes later than that", self.meta.txn));
        }
        let marks = Marks { format: u32::from_le_bytes(format), birth, seq };
        if marks.format > FORMAT {
            return Err(identity::newer(self.path(), marks.format));
        }
        if marks.format == 0 {
            found.file("its format version is 0");
        }
        Ok(Some(marks))
    }
}
