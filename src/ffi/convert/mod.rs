//! C values into Rust ones, and back: nulls, sizes, reserved fields, numbers out of range. What is wrong is said by name.
//!
//! This file: single values, and structs by their size. [`input`]: what a host gives. [`output`]: what it gets.

mod input;
mod output;

pub(super) use input::*;
pub(super) use output::*;

use super::constants::*;
use super::types::*;
use crate::engine::{Doubt, Word};
use crate::error::{Error, Result};
use crate::market::{Id, U256};
use crate::status::*;
use std::ffi::{c_char, CStr, OsStr};
use std::mem::{align_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn argument(text: String) -> Error {
    Error::new(SALES_ERR_ARGUMENT, text)
}

fn null(name: &str) -> Error {
    argument(format!("{name} is NULL"))
}

/// A struct of the ABI that starts with its size, is plain data, and for which all zero is a valid value.
///
/// # Safety
/// The type is `repr(C)`, begins with a `u32` that holds its size, and all-zero bytes are a valid value of it.
pub(super) unsafe trait Sized32: Copy {
    /// Its name, for texts.
    const NAME: &'static str;
    /// The shortest size that was ever published.
    const LEAST: usize = size_of::<u32>();
}

macro_rules! sized {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: repr(C), size first, plain numbers, pointers and optional function pointers, for which zero is valid.
        unsafe impl Sized32 for $type {
            const NAME: &'static str = stringify!($type);
        }
    )*};
}

sized!(
    sales_request_t,
    sales_ask_t,
    sales_at_t,
    sales_slot_view_t,
    sales_repo_total_t,
    sales_repo_t,
    sales_chain_t,
    sales_content_t,
    sales_watch_t,
    sales_market_t,
    sales_options_t,
    sales_offer_t,
    sales_reservation_t,
    sales_sale_t,
    sales_reason_t,
    sales_stats_t,
    sales_result_t,
    sales_verify_t,
);

/// A size that some version of the struct may have. It is a multiple of the alignment, as a compiler makes it: so it never cuts a pointer in
/// two, half of which would be followed.
fn is_size<T: Sized32>(size: usize) -> bool {
    size >= T::LEAST * 2 && size <= 1 << 20 && size % align_of::<T>() == 0
}

/// Reads a struct by its size: a shorter one has a tail of zeros, a longer one must have one.
///
/// # Safety
/// `from` is NULL or points to as many readable bytes as its first four say.
pub(super) unsafe fn read_struct<T: Sized32>(from: *const T, name: &str) -> Result<T> {
    if from.is_null() {
        return Err(null(name));
    }
    let ours = size_of::<T>();
    // SAFETY: every struct begins with its size.
    let theirs = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    if !is_size::<T>(theirs) {
        let text = format!("{name}: size is {theirs}; set it to sizeof({}), which is {ours} here", T::NAME);
        return Err(Error::new(SALES_ERR_STRUCT, text));
    }
    if theirs > ours {
        // SAFETY: the caller says that so many bytes are there.
        let tail = unsafe { std::slice::from_raw_parts(from.cast::<u8>().add(ours), theirs - ours) };
        if tail.iter().any(|byte| *byte != 0) {
            let text =
                format!("{name}: {theirs} bytes with values behind the {ours} that this library knows of {}", T::NAME);
            return Err(Error::new(SALES_ERR_STRUCT, text));
        }
    }
    // SAFETY: zero is a valid value, by the trait.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: both hold as many bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), std::ptr::from_mut(&mut value).cast::<u8>(), theirs.min(ours));
    }
    Ok(value)
}

fn zero(value: u32, name: &str) -> Result<()> {
    if value == 0 {
        return Ok(());
    }
    Err(Error::new(SALES_ERR_STRUCT, format!("{name} is {value}; a reserved field must be 0")))
}

fn flags(value: u32, known: u32, name: &str) -> Result<()> {
    if value & !known == 0 {
        return Ok(());
    }
    Err(argument(format!("{name}: {value:#x} has flags that are not known; known are {known:#x}")))
}

/// A call's 0 or 1.
pub(super) fn flag(value: u32, name: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(argument(format!("{name}: {value} is neither 0 nor 1"))),
    }
}

/// An operator's word: 0 or 1, and the flag of what it is said of.
pub(super) fn word(value: u32) -> Result<Word> {
    flags(value, 1 | SALES_RESOLVE_RESERVATION | SALES_RESOLVE_SALE, "applied")?;
    let of = match value & !1 {
        0 => None,
        SALES_RESOLVE_RESERVATION => Some(Doubt::Reservation),
        SALES_RESOLVE_SALE => Some(Doubt::Sale),
        _ => {
            return Err(argument("applied: it is said of the reservation and of the sale, expected one of them".into()))
        }
    };
    Ok(Word { of, applied: value & 1 == 1 })
}

/// The version a host was compiled with: the same major, since a major of 0 the same minor too.
pub(super) fn abi_version(version: u32) -> Result<()> {
    if version >> 16 == SALES_ABI_MAJOR && version & 0xffff <= SALES_ABI_MINOR {
        return Ok(());
    }
    let text = format!(
        "abi_version: the host was compiled with {}.{}, this library speaks {SALES_ABI_MAJOR}.{SALES_ABI_MINOR}",
        version >> 16,
        version & 0xffff
    );
    Err(Error::new(SALES_ERR_VERSION, text))
}

/// # Safety
/// `text` is NULL or a C string.
pub(super) unsafe fn text(text: *const c_char, name: &str) -> Result<String> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: as asked.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// # Safety
/// `path` is NULL or a C string.
pub(super) unsafe fn path(path: *const c_char) -> Result<PathBuf> {
    if path.is_null() {
        return Err(null("path"));
    }
    // SAFETY: as asked.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if bytes.is_empty() {
        return Err(argument("path is empty".into()));
    }
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}

/// # Safety
/// `out` is NULL or points to a T that may be written.
pub(super) unsafe fn out<'a, T>(out: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: as asked.
    unsafe { out.as_mut() }.ok_or_else(|| null(name))
}

/// # Safety
/// `id` is NULL or points to an id.
pub(super) unsafe fn id(id: *const sales_id_t, name: &str) -> Result<Id> {
    // SAFETY: as asked.
    unsafe { id.as_ref() }.map(|id| Id(id.bytes)).ok_or_else(|| null(name))
}

/// # Safety
/// `id` is NULL or points to an id.
pub(super) unsafe fn optional_id(id: *const sales_id_t) -> Option<Id> {
    // SAFETY: as asked.
    unsafe { id.as_ref() }.map(|id| Id(id.bytes))
}

/// # Safety
/// `value` is NULL or points to a number.
pub(super) unsafe fn u256(value: *const sales_u256_t, name: &str) -> Result<U256> {
    // SAFETY: as asked.
    unsafe { value.as_ref() }.map(number).ok_or_else(|| null(name))
}

fn number(value: &sales_u256_t) -> U256 {
    U256::from_be_bytes(value.be)
}

fn big(value: U256) -> sales_u256_t {
    sales_u256_t { be: value.to_be_bytes() }
}

fn raw(id: Id) -> sales_id_t {
    sales_id_t { bytes: id.0 }
}

/// # Safety
/// `out` is NULL or has room for SALES_U256_TEXT_MAX characters.
pub(super) unsafe fn write_decimal(out: *mut c_char, value: U256) -> Result<()> {
    if out.is_null() {
        return Err(null("out"));
    }
    let mut text = value.to_string().into_bytes();
    text.push(0);
    // SAFETY: 2^256 has 78 digits.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), out.cast::<u8>(), text.len()) };
    Ok(())
}

/// Copies borrowed bytes, whose length must be within limits.
///
/// # Safety
/// `bytes.data` is NULL or points to `bytes.len` bytes.
pub(super) unsafe fn blob(bytes: sales_bytes_t, most: u32, name: &str) -> Result<Vec<u8>> {
    if bytes.len == 0 || bytes.len > most as usize {
        return Err(argument(format!("{name}: {} bytes; 1 to {most} are taken", bytes.len)));
    }
    if bytes.data.is_null() {
        return Err(argument(format!("{name}: data is NULL, len is {}", bytes.len)));
    }
    // SAFETY: as asked, and the length is within bounds.
    Ok(unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) }.to_vec())
}
