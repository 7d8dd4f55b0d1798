//! The two meta pages of LMDB's file, read without mapping it, and what must hold before it may be mapped.
//!
//! LMDB maps what a meta page promises: a file that is shorter kills the process (SIGBUS) at the first read.
//! And it takes the older page without a word when the newer is damaged, which loses the last commit.
//! The layout is LMDB 0.9's on a machine of 64 bits, in the byte order of the machine.

use super::bytes::{u16_at, u32_at, u64_at};

/// LMDB's mark in each meta page.
const MAGIC: u32 = 0xBEEF_C0DE;
/// LMDB's version of its format, as of all 0.9 releases.
const VERSION: u32 = 1;
/// The flag of a meta page in its page header.
const PAGE_IS_META: u16 = 0x08;
/// The flags of the free list's table: MDB_INTEGERKEY, always.
const FLAGS: u16 = 0x08;
/// MDB_NOSUBDIR: kept in the file by whoever restored it so, and of no effect.
const FLAG_NO_SUBDIR: u16 = 0x4000;
/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;
/// LMDB's cursors hold no deeper tree.
const DEEPEST: u16 = 32;
/// How many bytes of a page are looked at.
pub const HEAD: usize = 152;
/// Page sizes that LMDB can make.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 256..=32768;

/// One meta page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Bytes per page.
    pub page_size: u32,
    /// The greatest page number in use.
    pub last_page: u64,
    /// The transaction that wrote the page.
    pub txn: u64,
    /// The list of free pages.
    pub free: Tree,
    /// The names of the tables.
    pub main: Tree,
}

/// A tree, as LMDB describes it: in a meta page, or as the value of a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// What kind of keys and values it has.
    pub flags: u16,
    /// Levels of pages.
    pub depth: u16,
    /// Pages that hold keys and pages.
    pub branches: u64,
    /// Pages that hold keys and values.
    pub leaves: u64,
    /// Pages that hold values which do not fit into a leaf.
    pub overflows: u64,
    /// Keys.
    pub entries: u64,
    /// The first page.
    pub root: u64,
}

impl Tree {
    /// The bytes of a description.
    pub const BYTES: usize = 48;

    /// Reads a description.
    pub fn parse(bytes: &[u8]) -> Tree {
        Tree {
            flags: u16_at(bytes, 4),
            depth: u16_at(bytes, 6),
            branches: u64_at(bytes, 8),
            leaves: u64_at(bytes, 16),
            overflows: u64_at(bytes, 24),
            entries: u64_at(bytes, 32),
            root: u64_at(bytes, 40),
        }
    }

    /// Whether it has no pages.
    pub fn is_empty(&self) -> bool {
        self.root == NO_PAGE
    }

    /// Checks that the root lies on one of `pages` pages.
    pub fn check_root(&self, pages: u64) -> Result<(), String> {
        let Tree { depth, root, .. } = *self;
        if (root == NO_PAGE) != (depth == 0) || depth > DEEPEST {
            return Err(format!("is page {root} at depth {depth}"));
        }
        if root != NO_PAGE && (root < 2 || root >= pages) {
            return Err(format!("is page {root}, of {pages} in the file"));
        }
        Ok(())
    }
}

impl Meta {
    /// Reads a page's head; the error says what is wrong with it.
    pub fn parse(head: &[u8; HEAD], number: u64) -> Result<Meta, String> {
        let (magic, version) = (u32_at(head, 16), u32_at(head, 20));
        if magic != MAGIC {
            return Err(format!("its magic is {magic:#010x}, expected {MAGIC:#010x}"));
        }
        if version != VERSION {
            return Err(format!("its LMDB format is {version}, expected {VERSION}"));
        }
        let (page, kind) = (u64_at(head, 0), u16_at(head, 10));
        if page != number {
            return Err(format!("it says to be page {page}"));
        }
        if kind != PAGE_IS_META {
            return Err(format!("its page type is {kind:#06x}, expected {PAGE_IS_META:#06x}"));
        }
        let page_size = u32_at(head, 40);
        if !page_size.is_power_of_two() || !PAGE_SIZES.contains(&page_size) {
            return Err(format!("its page size is {page_size}, expected a power of two up to 32768"));
        }
        let (flags, main_flags) = (u16_at(head, 44), u16_at(head, 92));
        if flags & !FLAG_NO_SUBDIR != FLAGS {
            return Err(format!("its flags are {flags:#06x}, expected {FLAGS:#06x}"));
        }
        if main_flags != 0 {
            return Err(format!("the flags of its main tree are {main_flags:#06x}, expected none"));
        }
        Ok(Meta {
            page_size,
            last_page: u64_at(head, 136),
            txn: u64_at(head, 144),
            free: Tree::parse(&head[40..]),
            main: Tree::parse(&head[88..]),
        })
    }

    /// The length the file needs for the pages in use; `None` when no file could be so long.
    pub fn needs(&self) -> Option<u64> {
        self.last_page.checked_add(1)?.checked_mul(u64::from(self.page_size))
    }

    /// Checks that the roots lie on pages that exist. `pages`: how many the file has.
    fn check_roots(&self, pages: u64) -> Result<(), String> {
        for (name, tree) in [("free list", self.free), ("main tree", self.main)] {
            tree.check_root(pages).map_err(|why| format!("the root of its {name} {why}"))?;
        }
        Ok(())
    }
}

/// What both pages say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The page of the last commit.
    pub newest: Meta,
    /// The bytes the file lacks for the pages in use. Not always damage: LMDB does not write pages at the end
    /// that it took and freed in one transaction.
    pub lacks: u64,
}

/// Checks both pages together and against the length of the file.
pub fn check(first: Result<Meta, String>, second: Result<Meta, String>, length: u64) -> Result<Checked, String> {
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), Err(also)) if why == also => return Err(format!("both meta pages: {why}")),
        (Err(why), Err(also)) => return Err(format!("both meta pages: of page 0, {why}; of page 1, {also}")),
        (Err(why), Ok(_)) => return Err(format!("meta page 0: {why} (page 1 is good)")),
        (Ok(_), Err(why)) => return Err(format!("meta page 1: {why} (page 0 is good)")),
    };
    if first.page_size != second.page_size {
        return Err(format!("page size {} in meta page 0, {} in page 1", first.page_size, second.page_size));
    }
    let (newest, older) = newest(first, second)?;
    let pages = length / u64::from(newest.page_size);
    let number = newest.txn & 1;
    newest.check_roots(pages).map_err(|why| format!("meta page {number}: {why}"))?;
    // The older page may hold roots of a commit that failed in the meta write: on pages of the file all the same.
    older.check_roots(pages).map_err(|why| format!("meta page {}: {why}", number ^ 1))?;
    let needs = newest.needs().filter(|_| newest.last_page > 0);
    let needs = needs.ok_or_else(|| format!("meta page {number}: its last page is {}", newest.last_page))?;
    Ok(Checked { newest, lacks: needs.saturating_sub(length) })
}

/// Which page is the newer. Each commit writes the page of its number's lowest bit, so the numbers differ by
/// exactly one; another difference says that a commit is lost. A new file has 0 in both.
fn newest(first: Meta, second: Meta) -> Result<(Meta, Meta), String> {
    let (even, odd) = (first.txn, second.txn);
    if (even, odd) == (0, 0) {
        return Ok((first, second));
    }
    if even & 1 != 0 || odd & 1 != 1 || even.abs_diff(odd) != 1 {
        return Err(format!(
            "transaction {even} in meta page 0 and {odd} in page 1, expected two that follow each other, the even first"
        ));
    }
    Ok(if even > odd { (first, second) } else { (second, first) })
}
