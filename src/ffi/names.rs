//! Names for statuses and states, as C strings that live as long as the library.

use crate::sales::sale::State;
use crate::status;
use once_cell::sync::Lazy;
use std::ffi::{CStr, CString};

pub(super) static VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes())
{
    Ok(version) => version,
    Err(_) => c"unknown",
};
pub(super) static UNKNOWN_STATUS: &CStr = c"unknown status";
pub(super) static UNKNOWN_STATE: &CStr = c"unknown state";

static STATUSES: Lazy<Vec<(i32, CString)>> =
    Lazy::new(|| status::ALL.iter().filter_map(|(number, name)| Some((*number, CString::new(*name).ok()?))).collect());
static STATES: Lazy<Vec<(u32, CString)>> = Lazy::new(|| {
    State::ALL.iter().filter_map(|state| Some((*state as u32, CString::new(state.name()).ok()?))).collect()
});

pub(super) fn status(number: i32) -> &'static CStr {
    STATUSES.iter().find(|(n, _)| *n == number).map_or(UNKNOWN_STATUS, |(_, name)| name)
}

pub(super) fn state(number: u32) -> &'static CStr {
    STATES.iter().find(|(n, _)| *n == number).map_or(UNKNOWN_STATE, |(_, name)| name)
}
