//! The library itself: versions, names, the log.

use super::guard::{bare, plain};
use super::types::*;
use super::{logging, names};
use std::ffi::{c_char, c_void};

/// The ABI version this library speaks: major << 16 | minor. [thread-safe]
#[no_mangle]
pub extern "C" fn sales_abi_version() -> u32 {
    super::constants::SALES_ABI_VERSION
}

/// The library's version, as "0.1.0". Lives as long as the library. [thread-safe]
#[no_mangle]
pub extern "C" fn sales_version() -> *const c_char {
    names::VERSION.as_ptr()
}

/// The name of a status, as "SALES_ERR_BUSY"; "unknown status" for a number not in the list.
/// Lives as long as the library. [thread-safe]
#[no_mangle]
pub extern "C" fn sales_status_name(status: sales_status_t) -> *const c_char {
    bare(names::UNKNOWN_STATUS.as_ptr(), || names::status(status).as_ptr())
}

/// The name of a sale's state (SALES_SALE_*), as "downloading"; "unknown state" for another number.
/// Lives as long as the library. [thread-safe]
#[no_mangle]
pub extern "C" fn sales_state_name(state: u32) -> *const c_char {
    bare(names::UNKNOWN_STATE.as_ptr(), || names::state(state).as_ptr())
}

/// Where log lines go, for the whole process: up to `level` (SALES_LOG_*). Each line names its instance. NULL: nowhere.
/// Delivered with no lock held; the callback may not call in (SALES_ERR_IN_CALLBACK). [thread-safe]
/// SALES_HOST_LOGGER: the process has a logger of its own, which gets the lines.
/// SALES_ERR_ARGUMENT: a level that is not in the list.
#[no_mangle]
pub unsafe extern "C" fn sales_set_log(log: sales_log_fn, user_data: *mut c_void, level: u32) -> sales_status_t {
    plain(std::ptr::null_mut(), || logging::set(log, user_data, level))
}
