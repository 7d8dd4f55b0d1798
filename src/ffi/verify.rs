//! Verification: what is damaged in a store that nobody has open.

use super::convert;
use super::guard::plain;
use super::handles;
use super::types::*;
use crate::status::*;
use std::ffi::{c_char, c_void};

/// Verifies the store in the directory `path`, which nobody may have open: every page of its data file, read without mapping it; every record; and the
/// totals, counts and indexes, made anew from the records. Nothing is changed, and no damage, whatever it is, can harm the
/// process. [thread-safe] [may wait for the disk]
///
/// `on_damage`: hears each damage in this call, on this thread, with nothing held but the store's lock; NULL: only the first is told, in `error`. It may
/// call in. `out`: what was counted, written also when the store is damaged; NULL: not wanted.
/// SALES_OK: no damage.
/// SALES_ERR_STORE_DAMAGED: the file or its pages are damaged; what could be read was verified all the same. Restore the newest backup.
/// SALES_ERR_RECORD: the pages are whole, but not what is in them.
/// SALES_ERR_ARGUMENT (path NULL or empty), SALES_ERR_STRUCT, SALES_ERR_STORE_LOCKED (somebody has it open), SALES_ERR_STORE_PATH (no store is there),
/// SALES_ERR_STORE_LOST, _VERSION, _NETWORK, SALES_ERR_STORE, SALES_ERR_FORKED, SALES_ERR_IN_CALLBACK (a log callback).
#[no_mangle]
pub unsafe extern "C" fn sales_verify(
    path: *const c_char,
    on_damage: sales_damage_fn,
    user_data: *mut c_void,
    out: *mut sales_verify_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        handles::may_call()?;
        // SAFETY: the header asks for valid pointers or NULL.
        let path = unsafe { convert::path(path)? };
        // SAFETY: as above.
        unsafe { convert::can_write(out, "out")? };
        let report = crate::verify::offline(&path, &mut |damage| {
            if let Some(tell) = on_damage {
                let damage = convert::damage(damage);
                // SAFETY: the header asks for a function that may be called with the pointer that came with it; the damage lives until it returns.
                unsafe { tell(user_data, &damage) };
            }
        })?;
        if !out.is_null() {
            // SAFETY: its size was looked at.
            unsafe { convert::write_struct(out, convert::verified(&report), "out")? };
        }
        report.error.map_or(Ok(SALES_OK), Err)
    })
}
