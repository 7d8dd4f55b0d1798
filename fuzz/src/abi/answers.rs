//! What must be true of any answer: a status of the list, a reason where one is due, and nothing written that should not be.

use super::host::{self, Host};
use super::memory::Block;
use sales::ffi::types::*;
use sales::status::*;
use std::mem::size_of;
use std::ptr::null_mut;

/// The status is one of the list, and no defect of the library.
pub fn known(status: i32) -> i32 {
    let listed = ALL.iter().any(|(number, _)| *number == status);
    assert!(listed, "{status} is not a status");
    assert!(![SALES_ERR_INTERNAL, SALES_ERR_POISONED].contains(&status), "S8: {status}");
    status
}

/// Calls with an error struct of any size, and holds what came back against the rules.
pub fn with_error(host: &Host<'_>, call: impl FnOnce(*mut sales_error_t) -> i32) -> i32 {
    let block = host.with(|input| if input.one_in(3) { Block::room::<sales_error_t>(input) } else { Block::null() });
    let before = block.bytes().to_vec();
    let status = known(call(block.ptr()));
    if block.ptr::<u8>().is_null() {
        return status;
    }
    block.check_tail::<sales_error_t>(&before);
    let size = u32::from_ne_bytes(before[..4].try_into().expect("four bytes")) as usize;
    let error: sales_error_t = if size >= size_of::<sales_error_t>() { read_error(&block) } else { return status };
    if status < 0 && block.bytes() != before {
        assert_eq!(error.status, status, "the error struct tells another status");
        host::check_text(&error.text);
    } else {
        assert!(block.bytes() == before, "the error struct was written without an error");
        let sized = (8..=1 << 20).contains(&size);
        assert!(status >= 0 || !sized, "no reason was written for {status}");
    }
    status
}

pub fn read_error(block: &Block) -> sales_error_t {
    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Same {
        size: u32,
        status: i32,
        text: [std::ffi::c_char; 504],
    }
    let same: Same = block.read();
    sales_error_t { size: same.size, status: same.status, text: same.text }
}

/// A call that writes one struct: on an error nothing is written, and never behind what the library knows.
pub fn one_out<T>(host: &Host<'_>, call: impl FnOnce(*mut T, *mut sales_error_t) -> i32) -> (i32, Block) {
    let block = host.with(Block::room::<T>);
    let before = block.bytes().to_vec();
    let status = with_error(host, |error| call(block.ptr(), error));
    if status < 0 {
        assert!(block.bytes() == before, "an output was written by a call that failed with {status}");
    } else {
        block.check_tail::<T>(&before);
    }
    (status, block)
}

/// A call that writes a page of structs.
pub fn page_out<T>(host: &Host<'_>, call: impl FnOnce(*mut T, usize, *mut usize, *mut sales_error_t) -> i32) {
    let ours = size_of::<T>();
    let (item_size, places, block, no_len) = host.with(|input| {
        let item_size = match input.u8() {
            0..=219 => ours,
            220..=229 => input.u8().into(),
            230..=239 => ours + usize::from(input.u8()),
            _ => input.number() as usize,
        };
        let places = match input.u8() {
            0..=239 => input.below(6),
            // More than memory has: refused before anything is looked at.
            _ => usize::MAX / item_size.max(1) / 2 + 2 + usize::from(input.u8()),
        };
        let real = places.checked_mul(item_size).filter(|bytes| *bytes <= 1 << 16);
        let block = match real {
            Some(bytes) if !input.one_in(20) => Block::new(bytes),
            None if item_size <= 1 << 20 && places > 1 << 32 => Block::new(8),
            _ => Block::null(),
        };
        (item_size, places, block, input.one_in(40))
    });
    let unreal = block.ptr::<u8>().is_null() && places > 0 || item_size > 1 << 20;
    let mut len = places;
    let before = block.bytes().to_vec();
    let status =
        with_error(host, |error| call(block.ptr(), item_size, if no_len { null_mut() } else { &mut len }, error));
    if status < 0 {
        assert!(len == places && block.bytes() == before, "a page was written by a call that failed with {status}");
    } else if !unreal {
        let used = len.min(places);
        for item in block.bytes().chunks(item_size.max(1)).take(used) {
            assert_eq!(item[..4], (item_size as u32).to_ne_bytes(), "an item does not tell its size");
            assert!(
                item.get(ours..).is_none_or(|tail| tail.iter().all(|byte| *byte == 0xab)),
                "written behind an item"
            );
        }
        let rest = block.bytes().get(used * item_size..).unwrap_or_default();
        assert!(rest == &before[before.len() - rest.len()..], "places behind the end were written");
    }
}
