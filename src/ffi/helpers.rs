//! Helpers that need no instance: ids and decimal numbers.

use super::convert;
use super::guard::plain;
use super::types::*;
use crate::status::*;
use std::ffi::c_char;

/// The id of a request: keccak256(abi.encode(request)), as the contract computes it. [thread-safe]
/// SALES_ERR_ARGUMENT (cid empty or longer than SALES_CID_MAX), SALES_ERR_STRUCT.
#[no_mangle]
pub unsafe extern "C" fn sales_request_id(
    request: *const sales_request_t,
    out: *mut sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        // SAFETY: the header asks for valid pointers or NULL.
        let (request, out) = unsafe { (convert::request(request, "request")?, convert::out(out, "out")?) };
        out.bytes = request.id().0;
        Ok(SALES_OK)
    })
}

/// The id of a slot: keccak256(abi.encode(request_id, index)), as the contract computes it. [thread-safe]
/// SALES_ERR_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn sales_slot_id(
    request_id: *const sales_id_t,
    index: u64,
    out: *mut sales_id_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        // SAFETY: the header asks for valid pointers or NULL.
        let (request, out) = unsafe { (convert::id(request_id, "request_id")?, convert::out(out, "out")?) };
        out.bytes = crate::market::slot_id(&request, index).0;
        Ok(SALES_OK)
    })
}

/// Reads a decimal number, 0 to 2^256-1: digits only. [thread-safe]
/// SALES_ERR_ARGUMENT (NULL, empty, other than digits), SALES_ERR_OVERFLOW.
#[no_mangle]
pub unsafe extern "C" fn sales_u256_parse(
    decimal: *const c_char,
    out: *mut sales_u256_t,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        // SAFETY: the header asks for valid pointers or NULL.
        let (text, out) = unsafe { (convert::text(decimal, "decimal")?, convert::out(out, "out")?) };
        out.be = crate::market::parse_u256(&text)?.to_be_bytes();
        Ok(SALES_OK)
    })
}

/// Writes a number in decimal. `out` has room for SALES_U256_TEXT_MAX characters, its end included. [thread-safe]
/// SALES_ERR_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn sales_u256_format(
    value: *const sales_u256_t,
    out: *mut c_char,
    error: *mut sales_error_t,
) -> sales_status_t {
    plain(error, || {
        // SAFETY: the header asks for valid pointers or NULL, and for room in out.
        unsafe {
            let value = convert::u256(value, "value")?;
            convert::write_decimal(out, value)?;
        }
        Ok(SALES_OK)
    })
}
