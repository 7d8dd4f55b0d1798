//! The instances of this process, and who may call at all.

use super::registry::{Entered, Instance, Registry};
use crate::datastore::lmdb::{fork, LmdbStore};
use crate::engine::{Engine, Options};
use crate::error::{Error, Result};
use crate::status::*;
use once_cell::sync::Lazy;
use std::path::Path;

static INSTANCES: Lazy<Registry<Engine>> = Lazy::new(Registry::default);

impl Instance for Engine {
    fn is_in_callback(&self) -> bool {
        Engine::is_in_callback(self)
    }

    fn flush(&self) -> Result<()> {
        self.close()
    }
}

/// Asked before any lock is taken: another thread of the parent may have held it when the process was forked, and will never give it back here.
pub(super) fn may_call() -> Result<()> {
    if super::logging::is_logging() {
        return Err(Error::new(SALES_ERR_IN_CALLBACK, "a log callback may not call in"));
    }
    if fork::generation() == 0 {
        return Ok(());
    }
    let text =
        "sales: this process was forked from one that uses the library: only the parent may, or a child after exec";
    Err(Error::new(SALES_ERR_FORKED, text))
}

/// Opens an instance and gives it a handle.
pub(super) fn open(path: &Path, options: Options) -> Result<u64> {
    may_call()?;
    let store = match options.verify {
        true => verified(path, options.reset)?,
        false => LmdbStore::open(path, options.reset)?,
    };
    Ok(INSTANCES.admit(Engine::new(Box::new(store), options)?))
}

/// Damages that are logged; the rest is counted.
const DAMAGES_LOGGED: usize = 32;

/// Opens a store that is verified first.
fn verified(path: &Path, reset: bool) -> Result<LmdbStore> {
    let mut left = DAMAGES_LOGGED;
    crate::verify::open(path, reset, &mut |damage| {
        if left > 0 {
            left -= 1;
            log::error!(target: "sales", "{}: {damage}", path.display());
        }
    })
}

/// Enters an instance for one call.
pub(super) fn enter(sales: u64) -> Result<Entered<Engine>> {
    may_call()?;
    INSTANCES.enter(sales)
}

/// Closes an instance.
pub(super) fn close(sales: u64) -> Result<i32> {
    if sales == 0 {
        return Ok(SALES_OK);
    }
    may_call()?;
    INSTANCES.close(sales)
}
