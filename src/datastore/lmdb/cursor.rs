//! A cursor over one table, by LMDB's number of it: the safe crate has none for the list of free pages, and
//! its iterators panic where an error is due.

use super::fail;
use crate::error::Result;
use lmdb::Transaction;
use lmdb_sys::{MDB_cursor, MDB_dbi, MDB_val};
use std::marker::PhantomData;
use std::path::Path;
use std::{ptr, slice};

/// LMDB's number of the table of free pages.
pub const FREE_PAGES: MDB_dbi = 0;

/// Where to go.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// To the first key.
    First,
    /// To the first key that is not less.
    From(&'a [u8]),
    /// To the next key.
    Next,
    /// To the last key.
    Last,
}

/// A key and its value, valid as long as the transaction is.
pub type Entry<'txn> = (&'txn [u8], &'txn [u8]);

/// An open cursor.
pub struct Cursor<'txn> {
    cursor: *mut MDB_cursor,
    path: &'txn Path,
    // The transaction outlives it, and is not written to meanwhile.
    _txn: PhantomData<&'txn ()>,
}

impl<'txn> Cursor<'txn> {
    /// Opens one. `path` is for the texts.
    pub fn open(txn: &'txn impl Transaction, table: MDB_dbi, path: &'txn Path) -> Result<Cursor<'txn>> {
        let mut cursor = ptr::null_mut();
        // SAFETY: the transaction is open as long as it is borrowed, and LMDB checks the number of the table.
        let code = unsafe { lmdb_sys::mdb_cursor_open(txn.txn(), table, &mut cursor) };
        match code {
            0 => Ok(Cursor { cursor, path, _txn: PhantomData }),
            code => Err(fail::lmdb("read", path, lmdb::Error::from_err_code(code))),
        }
    }

    /// Goes there; `None` when no key is there.
    pub fn go(&mut self, step: Step<'_>) -> Result<Option<Entry<'txn>>> {
        let mut key = MDB_val { mv_size: 0, mv_data: ptr::null_mut() };
        let mut value = MDB_val { mv_size: 0, mv_data: ptr::null_mut() };
        let how = match step {
            Step::First | Step::From([]) => lmdb_sys::MDB_FIRST,
            Step::From(from) => {
                key = MDB_val { mv_size: from.len(), mv_data: from.as_ptr().cast_mut().cast() };
                lmdb_sys::MDB_SET_RANGE
            }
            Step::Next => lmdb_sys::MDB_NEXT,
            Step::Last => lmdb_sys::MDB_LAST,
        };
        // SAFETY: the cursor is open as long as `self` lives; LMDB reads the key that was given during the call,
        // and writes where key and value lie.
        let code = unsafe { lmdb_sys::mdb_cursor_get(self.cursor, &mut key, &mut value, how) };
        match code {
            // SAFETY: both lie in the map or in a page of the transaction, and stay as they are as long as it is
            // borrowed: writing needs it exclusively.
            0 => Ok(Some(unsafe { (bytes(key), bytes(value)) })),
            lmdb_sys::MDB_NOTFOUND => Ok(None),
            code => Err(fail::lmdb("read", self.path, lmdb::Error::from_err_code(code))),
        }
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: open until here, and its transaction has not ended: it is borrowed.
        unsafe { lmdb_sys::mdb_cursor_close(self.cursor) };
    }
}

/// What LMDB pointed out.
///
/// # Safety
/// It must be of LMDB, after a call that succeeded, and stay as it is for `'txn`.
unsafe fn bytes<'txn>(value: MDB_val) -> &'txn [u8] {
    if value.mv_data.is_null() {
        return &[];
    }
    // SAFETY: as promised by the caller.
    unsafe { slice::from_raw_parts(value.mv_data.cast(), value.mv_size) }
}
