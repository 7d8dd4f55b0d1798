//! What every export is wrapped in: the handle looked up, a panic caught, the error written where the caller wants it.

use super::handles;
use super::types::*;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::status::*;
use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

#[cfg(panic = "abort")]
compile_error!("libsales must be built with panic = \"unwind\": a panic may not take the host with it");

/// Runs a call that needs no instance.
pub(super) fn plain(error: *mut sales_error_t, body: impl FnOnce() -> Result<i32>) -> sales_status_t {
    // SAFETY: the header asks for NULL or a sales_error_t with its size set.
    if !unsafe { super::convert::can_write_error(error) } {
        return SALES_ERR_STRUCT;
    }
    answer(error, caught(body).unwrap_or_else(Err))
}

/// Runs a call on an instance.
pub(super) fn call(
    sales: sales_t,
    error: *mut sales_error_t,
    body: impl FnOnce(&Engine) -> Result<i32>,
) -> sales_status_t {
    plain(error, || {
        let entered = handles::enter(sales)?;
        let gone = || Err(Error::internal("the instance is gone"));
        let result = caught(|| entered.with(body).unwrap_or_else(gone));
        if result.is_err() {
            entered.poison();
        }
        result.unwrap_or_else(Err)
    })
}

/// Runs what can answer no error.
pub(super) fn bare<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// `Err` of the outer result: it panicked.
fn caught<T>(body: impl FnOnce() -> Result<T>) -> std::result::Result<Result<T>, Error> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = text_of(&*payload);
        // Dropping the payload may panic again.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(payload)));
        Error::internal(format!("a defect of the library was caught: {text}"))
    })
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_string())
}

fn answer(error: *mut sales_error_t, result: Result<i32>) -> sales_status_t {
    match result {
        Ok(status) => status,
        Err(found) => {
            // SAFETY: its size was looked at before the call was made.
            unsafe { super::convert::write_error(error, &found) };
            found.status
        }
    }
}
