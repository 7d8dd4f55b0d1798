//! The list of free pages, and that every page is in one tree or in that list, and once.

use super::page::{Order, Value};
use super::walk::{Entry, Walker};
use crate::datastore::lmdb::bytes::u64_at;
use crate::datastore::lmdb::meta::Meta;
use std::ops::ControlFlow;

const NAME: &str = "the free list";

/// Walks the list, marks its pages, and answers how many they are. All trees were walked before.
pub fn check(walker: &mut Walker<'_, '_>, meta: &Meta) -> u64 {
    let mut pages = 0u64;
    let told_on = meta.txn & 1;
    walker.tree(NAME, told_on, &meta.free, Order::Numbers, &mut |walker, entry| {
        let txn = u64_at(entry.key, 0);
        if txn == 0 || txn > meta.txn {
            let text = format!("{NAME}: an entry of transaction {txn}; the last was {}", meta.txn);
            walker.found().page(entry.page, 1, text);
        }
        pages = pages.saturating_add(record(walker, meta, entry));
        ControlFlow::Continue(())
    });
    pages
}

/// One entry: how many, then their numbers, the greatest first, then what is left of longer lists.
fn record(walker: &mut Walker<'_, '_>, meta: &Meta, entry: &Entry<'_>) -> u64 {
    let mut list = List { place: entry.page, last_page: meta.last_page, ..List::default() };
    let told = match entry.value {
        Value::Here(bytes) => {
            list.take(walker, bytes);
            Ok(bytes.len() as u64)
        }
        Value::Big { page, length } => {
            let pages = walker.pages();
            pages.stream(page, length, |bytes| list.take(walker, bytes)).map(|()| u64::from(length))
        }
        Value::Tree(_) => Err("an entry that describes a tree".into()),
    };
    let room = told.map(|bytes| (bytes / 8).saturating_sub(1));
    match room {
        Err(why) => walker.found().page(entry.page, 1, format!("{NAME}: {why}")),
        Ok(room) if list.left.is_none_or(|left| left > 0) => {
            let text = format!("{NAME}: an entry with room for {room} pages says to list more");
            walker.found().page(entry.page, 1, text);
        }
        Ok(_) => {}
    }
    list.pages
}

#[derive(Default)]
struct List {
    place: u64,
    last_page: u64,
    /// Numbers still to come; `None` before their count was read.
    left: Option<u64>,
    before: Option<u64>,
    pages: u64,
}

impl List {
    fn take(&mut self, walker: &mut Walker<'_, '_>, bytes: &[u8]) {
        for number in bytes.chunks_exact(8).map(|number| u64_at(number, 0)) {
            match self.left {
                None => self.left = Some(number),
                Some(0) => return,
                Some(left) => {
                    self.left = Some(left.saturating_sub(1));
                    self.page(walker, number);
                }
            }
        }
    }

    fn page(&mut self, walker: &mut Walker<'_, '_>, number: u64) {
        let place = self.place;
        if number < 2 || number > self.last_page {
            let text = format!("{NAME}: it lists page {number}; there are pages 2 to {}", self.last_page);
            walker.found().page(place, 1, text);
            return;
        }
        // LMDB merges the lists as they are, and takes the order for granted.
        if self.before.is_some_and(|before| before <= number) {
            let text = format!("{NAME}: page {number} is listed behind a page with a smaller number");
            walker.found().page(place, 1, text);
        }
        self.before = Some(number);
        match walker.marks.add(number, 1) {
            Ok(()) => self.pages = self.pages.saturating_add(1),
            Err(_) => walker.found().page(
                number,
                1,
                format!("{NAME}: page {place} lists it, but it is in use or listed before"),
            ),
        }
    }
}
