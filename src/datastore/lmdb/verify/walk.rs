//! Walks a tree, page by page, each once: what is wrong is told by the page's number, and what lies below it is passed over.

use super::file::Pages;
use super::marks::Marks;
use super::page::{Beside, Order, Page, Value};
use crate::damage::Found;
use crate::datastore::lmdb::meta::Tree;
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// A key and its value.
pub struct Entry<'a> {
    /// The page they are on.
    pub page: u64,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Value<'a>,
}

/// What is done with each entry.
pub type Visit<'v> = dyn FnMut(&mut Walker<'_, '_>, &Entry<'_>) -> ControlFlow<()> + 'v;

/// Walks trees.
pub struct Walker<'a, 'f> {
    pages: &'a Pages<'a>,
    /// Pages that were seen, of whatever tree.
    pub marks: Marks,
    found: &'a mut Found<'f>,
}

/// A walk of one tree.
struct Walk<'w> {
    name: &'w str,
    depth: u16,
    order: Order,
    /// What was counted, to be compared with what the tree says of itself.
    counted: Counted,
    visit: &'w mut Visit<'w>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    branches: u64,
    leaves: u64,
    overflows: u64,
    entries: u64,
    /// Pages that could not be walked.
    damaged: u64,
}

/// Keys between which those of a page must lie: from the first on, and less than the second.
type Bounds<'k> = (Option<&'k [u8]>, Option<&'k [u8]>);

impl<'a, 'f> Walker<'a, 'f> {
    /// Has seen no page yet.
    pub fn new(pages: &'a Pages<'a>, found: &'a mut Found<'f>) -> Self {
        Walker { pages, marks: Marks::default(), found }
    }

    /// The pages.
    pub fn pages(&self) -> &'a Pages<'a> {
        self.pages
    }

    /// Where damages are told.
    pub fn found(&mut self) -> &mut Found<'f> {
        self.found
    }

    /// Walks a tree. `told_on`: the page that tells of it.
    pub fn tree(&mut self, name: &str, told_on: u64, tree: &Tree, order: Order, visit: &mut Visit<'_>) {
        let flags = if order == Order::Numbers { None } else { Some(tree.flags) };
        if flags.is_some_and(|flags| flags != 0) {
            self.found.page(told_on, 1, format!("the flags of {name} are {:#06x}, expected none", tree.flags));
            return;
        }
        if let Err(why) = tree.check_root(self.pages.count()) {
            self.found.page(told_on, 1, format!("the root of {name} {why}"));
            return;
        }
        let mut walk = Walk { name, depth: tree.depth, order, counted: Counted::default(), visit };
        if !tree.is_empty() && self.subtree(&mut walk, (tree.root, told_on), 1, (None, None)).is_break() {
            return;
        }
        let says = Counted {
            branches: tree.branches,
            leaves: tree.leaves,
            overflows: tree.overflows,
            entries: tree.entries,
            damaged: 0,
        };
        let counted = walk.counted;
        if counted.damaged == 0 && counted != says {
            let text = format!("{name} says {says:?} of itself, counted were {counted:?}");
            self.found.page(told_on, 1, text);
        }
    }

    /// Marks pages as seen; `false` when one of them was seen before.
    fn see(&mut self, walk: &mut Walk<'_>, first: u64, count: u64, from: u64) -> bool {
        let Err(there) = self.marks.add(first, count) else { return true };
        let name = walk.name;
        self.bad(walk, there, format!("{name}: it is referenced a second time, by page {from}"));
        false
    }

    fn bad(&mut self, walk: &mut Walk<'_>, page: u64, text: String) {
        walk.counted.damaged = walk.counted.damaged.saturating_add(1);
        self.found.page(page, 1, text);
    }

    fn subtree(
        &mut self,
        walk: &mut Walk<'_>,
        (number, from): (u64, u64),
        level: u16,
        bounds: Bounds<'_>,
    ) -> ControlFlow<()> {
        let name = walk.name;
        if number < 2 || number >= self.pages.count() {
            let text = format!(
                "{name}: it refers to page {number}; there are pages 2 to {}",
                self.pages.count().saturating_sub(1)
            );
            self.bad(walk, from, text);
            return ControlFlow::Continue(());
        }
        if !self.see(walk, number, 1, from) {
            return ControlFlow::Continue(());
        }
        let page = match self.pages.read(number, walk.order) {
            Ok(page) if page.is_leaf() == (level == walk.depth) => page,
            Ok(_) => {
                let depth = walk.depth;
                let text = format!("{name}: it lies at level {level} of {depth} and is a page of another level");
                self.bad(walk, number, text);
                return ControlFlow::Continue(());
            }
            Err(why) => {
                self.bad(walk, number, format!("{name}: {why}"));
                return ControlFlow::Continue(());
            }
        };
        self.check_bounds(walk, number, &page, bounds);
        match page.is_leaf() {
            true => self.leaf(walk, number, &page),
            false => self.branch(walk, number, &page, level, bounds),
        }
    }

    /// The keys of a page lie between the keys that lead to it.
    fn check_bounds(&mut self, walk: &mut Walk<'_>, number: u64, page: &Page, (low, high): Bounds<'_>) {
        let first = usize::from(!page.is_leaf());
        let (least, greatest) = (page.key(first), page.key(page.nodes() - 1));
        let name = walk.name;
        if low.is_some_and(|low| walk.order.compare(least, low) == Ordering::Less) {
            self.bad(walk, number, format!("{name}: its keys begin before the key that leads to it"));
        }
        if high.is_some_and(|high| walk.order.compare(greatest, high) != Ordering::Less) {
            self.bad(walk, number, format!("{name}: its keys reach into the page behind it"));
        }
    }

    fn branch(
        &mut self,
        walk: &mut Walk<'_>,
        number: u64,
        page: &Page,
        level: u16,
        (low, high): Bounds<'_>,
    ) -> ControlFlow<()> {
        walk.counted.branches = walk.counted.branches.saturating_add(1);
        for node in 0..page.nodes() {
            let Beside::Page(child) = page.beside(node) else { continue };
            let from = if node == 0 { low } else { Some(page.key(node)) };
            let to = if node + 1 == page.nodes() { high } else { Some(page.key(node + 1)) };
            self.subtree(walk, (child, number), level.saturating_add(1), (from, to))?;
        }
        ControlFlow::Continue(())
    }

    fn leaf(&mut self, walk: &mut Walk<'_>, number: u64, page: &Page) -> ControlFlow<()> {
        walk.counted.leaves = walk.counted.leaves.saturating_add(1);
        for node in 0..page.nodes() {
            let Beside::Value(value) = page.beside(node) else { continue };
            walk.counted.entries = walk.counted.entries.saturating_add(1);
            if let Value::Big { page: first, length } = value {
                match self.pages.overflow(first, length) {
                    Ok(count) if self.see(walk, first, count, number) => {
                        walk.counted.overflows = walk.counted.overflows.saturating_add(count);
                    }
                    Ok(_) => continue,
                    Err(why) => {
                        let text = format!("{}: a large value of page {number}: {why}", walk.name);
                        self.bad(walk, first, text);
                        continue;
                    }
                }
            }
            (walk.visit)(self, &Entry { page: number, key: page.key(node), value })?;
        }
        ControlFlow::Continue(())
    }
}
