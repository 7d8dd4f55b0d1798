//! Memory as a host hands it over: exactly as long as its size says, so that one byte further is noticed by the sanitizer.

use super::super::input::Input;
use std::alloc::{alloc, dealloc, Layout};
use std::mem::size_of;

const MARK: u8 = 0xab;
/// The longest struct that the library takes.
const LONGEST: usize = 1 << 20;

/// A block of the heap, or NULL.
pub struct Block {
    at: *mut u8,
    len: usize,
}

impl Block {
    pub fn null() -> Block {
        Block { at: std::ptr::null_mut(), len: 0 }
    }

    /// So many bytes, marked.
    pub fn new(len: usize) -> Block {
        let len = len.max(1);
        // SAFETY: the length is not zero, and the memory is filled before anybody reads it.
        let at = unsafe {
            let at = alloc(Block::layout(len));
            assert!(!at.is_null(), "no memory");
            at.write_bytes(MARK, len);
            at
        };
        Block { at, len }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len, 8).expect("a layout")
    }

    /// Bytes of a host, for instance a text.
    pub fn of(bytes: &[u8]) -> Block {
        let block = Block::new(bytes.len());
        block.fill(bytes);
        block
    }

    fn fill(&self, bytes: &[u8]) {
        let len = bytes.len().min(self.len);
        // SAFETY: the block has so many bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, len) };
    }

    pub fn bytes(&self) -> &[u8] {
        if self.at.is_null() {
            return &[];
        }
        // SAFETY: the block has so many bytes, all written.
        unsafe { std::slice::from_raw_parts(self.at, self.len) }
    }

    pub fn ptr<T>(&self) -> *mut T {
        self.at.cast()
    }

    /// A struct that begins with its size, as hosts of every kind hand it over: well, as NULL, shorter, longer, with an absurd size.
    pub fn shaped<T: Copy>(input: &mut Input<'_>, value: T) -> Block {
        let ours = size_of::<T>();
        let size = match input.u8() {
            0..=215 => ours,
            216..=220 => return Block::null(),
            221..=226 => ours - 1 - input.below(16).min(ours - 1),
            227..=232 => usize::from(input.u8()) * ours / 256,
            233..=238 => ours + usize::from(input.u8()),
            239..=242 => LONGEST + input.below(3) - 1,
            243..=246 => input.u32() as usize,
            _ => usize::from(input.u8()) / 8 * 8,
        };
        let tail = if input.one_in(4) { input.u8() } else { 0 };
        Block::sized(value, size, tail)
    }

    /// A struct with the size that its owner claims. Of an absurd one only the size is there.
    pub fn sized<T: Copy>(value: T, size: usize, tail: u8) -> Block {
        let ours = size_of::<T>();
        let len = if size > LONGEST { 8 } else { size.max(4) };
        let block = Block::new(len);
        // SAFETY: the struct has no padding (tests/layout.rs), so all of its bytes are written; the block has `len` of them.
        unsafe {
            std::ptr::copy_nonoverlapping(std::ptr::from_ref(&value).cast::<u8>(), block.at, len.min(ours));
            if len > ours {
                block.at.add(ours).write_bytes(0, len - ours);
                block.at.add(len - 1).write(tail);
            }
            block.at.cast::<u32>().write(size as u32);
        }
        block
    }

    /// Room for a struct that the library writes; everything but its size is marked.
    pub fn room<T>(input: &mut Input<'_>) -> Block {
        let ours = size_of::<T>();
        let size = match input.u8() {
            0..=225 => ours,
            226..=230 => return Block::null(),
            231..=242 => usize::from(input.u8()) * ours / 256,
            243..=248 => ours + usize::from(input.u8()),
            249..=251 => LONGEST + input.below(3) - 1,
            _ => input.u32() as usize,
        };
        let len = if size > LONGEST { 8 } else { size.max(4) };
        let block = Block::new(len);
        block.fill(&(size as u32).to_ne_bytes());
        block
    }

    /// The struct that was written, with zeros where the block is shorter.
    pub fn read<T: Copy>(&self) -> T {
        // SAFETY: the structs of the ABI are plain data, for which zeros are valid; both have so many bytes.
        unsafe {
            let mut value: T = std::mem::zeroed();
            let len = self.len.min(size_of::<T>());
            std::ptr::copy_nonoverlapping(self.at, std::ptr::from_mut(&mut value).cast::<u8>(), len);
            value
        }
    }

    /// Nothing was written behind what the library knows, nor into the size.
    pub fn check_tail<T>(&self, before: &[u8]) {
        let ours = size_of::<T>();
        assert_eq!(self.bytes().get(..4), before.get(..4), "the size of the caller's struct was changed");
        assert_eq!(self.bytes().get(ours..), before.get(ours..), "bytes behind the struct were written");
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !self.at.is_null() {
            // SAFETY: it was allocated with this layout, and only here it is freed.
            unsafe { dealloc(self.at, Block::layout(self.len)) };
        }
    }
}
