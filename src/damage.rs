//! What a verification finds: where a store is damaged, what was found there and what was expected. Plain data.

use crate::market::Id;
use std::fmt;

/// What is damaged. The numbers are those of SALES_DAMAGE_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// The file as a whole: its meta pages, its length, its identity, its marks.
    File = 1,
    /// Pages of it.
    Page = 2,
    /// A record: it cannot be read, or contradicts itself or another.
    Record = 3,
    /// A sum or a count is not what the records add up to.
    Total = 4,
    /// An entry of an index is missing, or is there for nothing.
    Index = 5,
}

/// One damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged.
    pub kind: Kind,
    /// The first of the pages, counted from 0.
    pub page: u64,
    /// How many pages; 0 where it is not about pages.
    pub pages: u64,
    /// The slot, request or offer; zero where it is about none.
    pub id: Id,
    /// What was found and what was expected.
    pub text: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.pages) {
            (Kind::Page, 1) => write!(f, "page {}: {}", self.page, self.text),
            (Kind::Page, pages) => {
                write!(f, "page {} and the {} behind it: {}", self.page, pages.saturating_sub(1), self.text)
            }
            _ => f.write_str(&self.text),
        }
    }
}

/// Where damages are told. It counts them and keeps the first: there may be as many as the file has room for.
pub struct Found<'a> {
    tell: &'a mut dyn FnMut(&Damage),
    first: Option<Damage>,
    damages: u64,
    pages: u64,
}

impl<'a> Found<'a> {
    /// Tells each damage as it is found.
    pub fn new(tell: &'a mut dyn FnMut(&Damage)) -> Self {
        Found { tell, first: None, damages: 0, pages: 0 }
    }

    /// How many there were.
    pub fn damages(&self) -> u64 {
        self.damages
    }

    /// How many pages they were about. One that is damaged in two ways counts twice.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// The first of them.
    pub fn first(&self) -> Option<&Damage> {
        self.first.as_ref()
    }

    /// The file as a whole is damaged.
    pub fn file(&mut self, text: impl Into<String>) {
        self.add(Kind::File, (0, 0), Id::ZERO, text.into());
    }

    /// So many pages are damaged, from the first on.
    pub fn page(&mut self, first: u64, pages: u64, text: impl Into<String>) {
        self.add(Kind::Page, (first, pages), Id::ZERO, text.into());
    }

    /// A record is damaged.
    pub fn record(&mut self, id: Id, text: impl Into<String>) {
        self.add(Kind::Record, (0, 0), id, text.into());
    }

    /// A total is wrong.
    pub fn total(&mut self, id: Id, text: impl Into<String>) {
        self.add(Kind::Total, (0, 0), id, text.into());
    }

    /// An index is wrong.
    pub fn index(&mut self, id: Id, text: impl Into<String>) {
        self.add(Kind::Index, (0, 0), id, text.into());
    }

    fn add(&mut self, kind: Kind, (page, pages): (u64, u64), id: Id, text: String) {
        self.damages = self.damages.saturating_add(1);
        self.pages = self.pages.saturating_add(pages);
        let damage = Damage { kind, page, pages, id, text };
        (self.tell)(&damage);
        self.first.get_or_insert(damage);
    }
}
