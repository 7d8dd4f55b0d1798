//! The data file checked before anything is mapped: LMDB believes every byte of a page, and a damaged one kills the process.
//!
//! The pages are read one by one, and each number in them is checked before it leads anywhere: so no file, whatever it holds, can
//! make this fault, run without end or use more memory than a part of the file's length. [`Image`] is also how records are read
//! for the checks of the ledger and of selling, which are the same for a store that is open ([`Look`]).

mod file;
mod free;
mod marks;
mod offline;
mod page;
mod walk;

use self::file::Pages;
use self::page::{Beside, Order, Value};
use self::walk::Walker;
use super::data::Data;
use super::meta::{Meta, Tree};
use crate::damage::Found;
use crate::datastore::{Look, Table, Visit};
use crate::error::{Error, Result};
use crate::status::SALES_ERR_STORE_DAMAGED;
use std::ops::ControlFlow;
use std::path::Path;

pub use self::offline::{Marks, Offline};

/// What the pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them, up to the last in use.
    pub pages: u64,
    /// Those in the list of free pages.
    pub free: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A data file as it lies on the disk, and nothing of it in memory.
pub struct Image<'a> {
    pages: Pages<'a>,
    meta: Meta,
    length: u64,
    /// `None`: the table is missing, or what describes it cannot be read.
    tables: [Option<Tree>; Table::ALL.len()],
}

impl<'a> Image<'a> {
    /// Reads the meta pages. `None`: they are damaged, and so told; nothing can be read without them.
    pub fn open(data: &'a Data, found: &mut Found<'_>) -> Result<Option<Image<'a>>> {
        let meta = match data.check() {
            Ok(checked) => checked.newest,
            Err(error) if error.status == SALES_ERR_STORE_DAMAGED => {
                found.file(error.text);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let length = data.length()?;
        let pages = Pages::new(data, meta.page_size, length, meta.last_page);
        let mut image = Image { pages, meta, length, tables: [None; Table::ALL.len()] };
        for (place, table) in Table::ALL.iter().enumerate() {
            let tree = image.find(&meta.main, table.name().as_bytes(), |value| match value {
                Value::Tree(tree) => Some(tree),
                _ => None,
            });
            image.tables[place] = tree.ok().flatten().flatten();
        }
        Ok(Some(image))
    }

    /// Checks every page: that it is what it should be, in its place, and there once.
    pub fn check_pages(&self, found: &mut Found<'_>) -> Counts {
        self.pages.read_ahead();
        let told_on = self.meta.txn & 1;
        let mut walker = Walker::new(&self.pages, found);
        let mut missing = Table::ALL.to_vec();
        walker.tree("the main tree", told_on, &self.meta.main, Order::Bytes, &mut |walker, entry| {
            let name = String::from_utf8_lossy(entry.key);
            match entry.value {
                Value::Tree(tree) => {
                    missing.retain(|table| table.name().as_bytes() != entry.key);
                    let name = format!("the table {name}");
                    walker.tree(&name, entry.page, &tree, Order::Bytes, &mut |walker, entry| {
                        if let Value::Tree(_) = entry.value {
                            walker.found().page(entry.page, 1, format!("{name}: a table within a table"));
                        }
                        ControlFlow::Continue(())
                    });
                }
                _ => walker.found().page(entry.page, 1, format!("the main tree: {name:?} is no table")),
            }
            ControlFlow::Continue(())
        });
        for table in missing {
            walker.found().file(format!("the table {} is missing", table.name()));
        }
        let free = free::check(&mut walker, &self.meta);
        let marks = std::mem::take(&mut walker.marks);
        let last = self.meta.last_page;
        marks.gaps(2, last, |first, count| {
            let what = if first >= self.pages.count() { "the file ends before them, and they are" } else { "they are" };
            found.page(first, count, format!("{what} neither in a tree nor in the free list"));
        });
        Counts { pages: last.saturating_add(1), free, bytes: self.length }
    }

    /// The file's path, for texts.
    fn path(&self) -> &Path {
        self.pages.path()
    }

    fn tree(&self, table: Table) -> Result<&Tree> {
        let place = Table::ALL.iter().position(|entry| *entry == table);
        let tree = place.and_then(|place| self.tables.get(place)).and_then(Option::as_ref);
        tree.ok_or_else(|| damaged(format!("the table {} cannot be read", table.name())))
    }

    /// Looks a key up, believing nothing on the way.
    fn find<T>(
        &self,
        tree: &Tree,
        key: &[u8],
        take: impl FnOnce(Value<'_>) -> T,
    ) -> std::result::Result<Option<T>, String> {
        if tree.is_empty() {
            return Ok(None);
        }
        tree.check_root(self.pages.count()).map_err(|why| format!("its root {why}"))?;
        let mut number = tree.root;
        for level in 1..=tree.depth {
            let page = self.pages.look(number, Order::Bytes).map_err(|why| format!("page {number}: {why}"))?;
            if page.is_leaf() != (level == tree.depth) {
                return Err(format!("page {number} is of another level"));
            }
            let Some(node) = page.find(key, Order::Bytes) else { return Ok(None) };
            match page.beside(node) {
                Beside::Page(child) => number = child,
                Beside::Value(value) if page.key(node) == key => return Ok(Some(take(value))),
                Beside::Value(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Look for Image<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let read = |value: Value<'_>| match value {
            Value::Here(bytes) => Ok(bytes.to_vec()),
            Value::Big { page, length } => self.pages.value(page, length).map_err(|why| format!("page {page}: {why}")),
            Value::Tree(_) => Err("it describes a table".to_string()),
        };
        let found = self.find(self.tree(table)?, key, read).and_then(Option::transpose);
        found.map_err(|why| damaged(format!("a record of {} cannot be read: {why}", table.name())))
    }

    /// Passes over what [`Image::check_pages`] tells.
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<()> {
        let tree = *self.tree(table)?;
        let mut quiet = |_: &crate::damage::Damage| {};
        let mut found = Found::new(&mut quiet);
        Walker::new(&self.pages, &mut found).tree(table.name(), 0, &tree, Order::Bytes, &mut |walker, entry| {
            match entry.value {
                Value::Here(value) => visit(entry.key, value),
                Value::Big { page, length } => match walker.pages().value(page, length) {
                    Ok(value) => visit(entry.key, &value),
                    // It has its key, and no value that could be read: a damaged record.
                    Err(_) => visit(entry.key, &[]),
                },
                Value::Tree(_) => ControlFlow::Continue(()),
            }
        });
        Ok(())
    }
}

fn damaged(text: String) -> Error {
    Error::new(SALES_ERR_STORE_DAMAGED, text)
}
