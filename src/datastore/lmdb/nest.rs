//! Bodies of transactions never nest: a read inside a read could wait for a grower that waits for it.

use crate::error::{Error, Result};
use std::cell::Cell;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// This thread is inside a body until this is dropped.
pub struct Inside(());

impl Inside {
    /// Enters; refused instead of a deadlock when this thread is inside a body already, of whatever store.
    pub fn enter() -> Result<Inside> {
        if INSIDE.replace(true) {
            return Err(Error::internal("a transaction was begun inside the body of another on the same thread"));
        }
        Ok(Inside(()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
