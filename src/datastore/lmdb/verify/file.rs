//! The data file, read page by page and never mapped. What cannot be read is a damage like any other.

use super::page::{self, Order, Page, HEADER};
use crate::datastore::lmdb::data::Data;
use std::cell::RefCell;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;

/// Pages kept for those who look up single keys: 4 MB of usual ones.
const KEPT: usize = 1024;
/// No record is so long. A value that says to be longer is not read.
pub const LONGEST_VALUE: u32 = 1 << 20;
/// How much of a large value is looked at at once.
const PIECE: usize = 64 << 10;

/// A page that is kept: its number, and as what it was read.
type Kept = (u64, Order, Rc<Page>);

/// How much is read at once, where all is read.
const AHEAD: usize = 1 << 20;
/// No more is read ahead: a file may have holes, and say to be of any length.
const AHEAD_MOST: u64 = 4 << 30;

/// The pages of a file.
pub struct Pages<'a> {
    data: &'a Data,
    size: usize,
    /// Whole pages in the file, up to the last one in use.
    count: u64,
    kept: RefCell<Vec<Option<Kept>>>,
}

impl<'a> Pages<'a> {
    /// `length`: of the file; `last`: the greatest page number in use.
    pub fn new(data: &'a Data, size: u32, length: u64, last: u64) -> Pages<'a> {
        let count = (length / u64::from(size)).min(last.saturating_add(1));
        let kept = RefCell::new((0..KEPT).map(|_| None).collect());
        Pages { data, size: size as usize, count, kept }
    }

    /// How many pages are in use and in the file.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The file's path, for texts.
    pub fn path(&self) -> &'a Path {
        self.data.path()
    }

    /// Reads all pages in their order, so that the system has them when they are looked at in the order of the trees: a disk reads many times
    /// faster so. What cannot be read is told when it is looked at.
    pub fn read_ahead(&self) {
        let end = self.count.saturating_mul(self.size as u64).min(AHEAD_MOST);
        let (mut piece, mut at) = (vec![0; AHEAD], 0);
        while at < end {
            match self.data.file().read_at(&mut piece, at) {
                Ok(0) => return,
                Ok(read) => at = at.saturating_add(read as u64),
                Err(_) => at = at.saturating_add(AHEAD as u64),
            }
        }
    }

    /// A page of a tree.
    pub fn read(&self, number: u64, order: Order) -> Result<Page, String> {
        Page::parse(self.bytes(number, 0, self.size)?, number, order)
    }

    /// The same, for those who come back to it.
    pub fn look(&self, number: u64, order: Order) -> Result<Rc<Page>, String> {
        let place = number as usize % KEPT;
        if let Some(Some((kept, of, page))) = self.kept.borrow().get(place) {
            if (*kept, *of) == (number, order) {
                return Ok(Rc::clone(page));
            }
        }
        let page = Rc::new(self.read(number, order)?);
        if let Some(kept) = self.kept.borrow_mut().get_mut(place) {
            *kept = Some((number, order, Rc::clone(&page)));
        }
        Ok(page)
    }

    /// How many pages a large value has. All of them are in the file.
    pub fn overflow(&self, number: u64, length: u32) -> Result<u64, String> {
        let pages = page::overflow_pages(&self.bytes(number, 0, HEADER)?, number)?;
        let bytes = u64::from(length).saturating_add(HEADER as u64);
        if pages < bytes.div_ceil(self.size as u64) {
            return Err(format!("it says to be the first of {pages} pages, for a value of {length} bytes"));
        }
        match number.checked_add(pages).is_some_and(|end| end <= self.count) {
            true => Ok(pages),
            false => Err(format!("it says to be the first of {pages} pages, and only {} are in use", self.count)),
        }
    }

    /// A large value, but only of a length that a record may have.
    pub fn value(&self, number: u64, length: u32) -> Result<Vec<u8>, String> {
        if length > LONGEST_VALUE {
            return Err(format!("a value of {length} bytes, longer than any record"));
        }
        self.overflow(number, length)?;
        self.bytes(number, HEADER, length as usize)
    }

    /// A large value, piece by piece.
    pub fn stream(&self, number: u64, length: u32, mut piece: impl FnMut(&[u8])) -> Result<(), String> {
        self.overflow(number, length)?;
        let (mut at, length) = (0, length as usize);
        while at < length {
            let bytes = self.bytes(number, HEADER.saturating_add(at), PIECE.min(length - at))?;
            piece(&bytes);
            at = at.saturating_add(bytes.len());
        }
        Ok(())
    }

    /// Bytes from a place on a page on, which may reach into the pages behind it.
    fn bytes(&self, number: u64, from: usize, length: usize) -> Result<Vec<u8>, String> {
        if number >= self.count {
            return Err(format!("there is no such page: the file has {} in use", self.count));
        }
        let at = number.checked_mul(self.size as u64).and_then(|at| at.checked_add(from as u64));
        let mut bytes = vec![0; length];
        let read = at.map(|at| self.data.file().read_exact_at(&mut bytes, at));
        match read {
            Some(Ok(())) => Ok(bytes),
            Some(Err(error)) => Err(format!("it cannot be read: {error}")),
            None => Err("there is no such place in a file".into()),
        }
    }
}
