//! The environment opened anew behind the closed gate: with a larger map, or after a failed meta write.
//!
//! Closing and opening takes less than a millisecond and is one path for both. LMDB's own way to change the
//! map of an open environment unmaps first, and leaves it unusable when the larger map then fails.

use super::env::{self, Env};
use super::open;
use super::{Door, Inner};
use crate::datastore::CommitError;
use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::RwLockWriteGuard;
use std::sync::PoisonError;

impl Inner {
    /// Closes the gate: waits until no transaction runs, and lets none in.
    fn close_gate(&self) -> RwLockWriteGuard<'_, Door> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the environment with a larger map. If that fails, it is open as before.
    pub(super) fn grow(&self) -> Result<()> {
        let mut door = self.close_gate();
        let old = door.env()?.map();
        let wanted = env::next_map(old).ok_or_else(|| Error::overflow("the size of the map"))?;
        shut(&mut door);
        let error = match self.open_with(wanted) {
            Ok(env) => {
                *door = Door::Open(Box::new(env));
                return Ok(());
            }
            Err(error) => error,
        };
        // Not so much address space, perhaps. What was there stays usable.
        match self.open_with(old) {
            Ok(env) => {
                *door = Door::Open(Box::new(env));
                let text = format!("cannot grow the map of the store to {wanted} bytes: {}", error.text);
                Err(Error::new(SALES_ERR_STORE, text))
            }
            Err(error) => {
                let text = format!("the store could not be opened anew ({}); close it and open again", error.text);
                let error = Error::new(SALES_ERR_STORE_REOPEN, text);
                *door = Door::Shut(error.clone());
                Err(error)
            }
        }
    }

    fn open_with(&self, map: usize) -> Result<Env> {
        Env::open(&self.dir, &self.data, map)?.ok_or_else(|| self.data.damaged("its tables are missing"))
    }

    /// After a commit that failed in its meta write: makes the disk hold what it shows, opens the store anew and
    /// sees whether the commit, number `next`, is there. Until then nobody is answered.
    pub(super) fn settle(&self, next: u64) -> std::result::Result<bool, CommitError> {
        let mut door = self.close_gate();
        shut(&mut door);
        match self.find_out(next) {
            Ok((env, there)) => {
                *door = Door::Open(Box::new(env));
                Ok(there)
            }
            Err(error) => {
                let text = format!(
                    "it is unknown whether commit {next} is on disk ({}); close the store and open it again",
                    error.text
                );
                let error = Error::new(SALES_ERR_STORE_REOPEN, text);
                *door = Door::Shut(error.clone());
                Err(CommitError::Unknown(error))
            }
        }
    }

    fn find_out(&self, next: u64) -> Result<(Env, bool)> {
        let env = open::open_env(&self.dir, &self.data)?.ok_or_else(|| self.data.damaged("its tables are missing"))?;
        let marks = env.marks(&self.data)?.ok_or_else(|| self.data.damaged("its marks are missing"))?;
        match marks.seq {
            seq if seq == next => Ok((env, true)),
            seq if seq.checked_add(1) == Some(next) => Ok((env, false)),
            seq => Err(self.data.damaged(&format!("its last commit is {seq}, expected {next} or the one before"))),
        }
    }
}

/// Closes the environment. Nobody sees what stands here meanwhile: the gate is closed.
fn shut(door: &mut Door) {
    *door = Door::Shut(Error::new(SALES_ERR_STORE_REOPEN, "the store was being opened anew; close it and open again"));
}
