//! The verification of a store: its pages, then every record, then all that follows from records.
//!
//! The datastore knows its pages and tables, the ledger and selling know their records; here they are put together. [`pages_first`]
//! is for a file that nobody has mapped, [`records`] for any store that can be read. Nothing is ever changed.

mod history;
mod joins;

use crate::damage::{Found, Kind};
use crate::datastore::lmdb::verify::{Counts, Image, Marks, Offline};
use crate::datastore::lmdb::{Data, LmdbStore};
use crate::datastore::{Look, Table};
use crate::error::{Error, Result};
use crate::market::Id;
use crate::status::{SALES_ERR_RECORD, SALES_ERR_STORE_DAMAGED};
use crate::{ledger, sales};
use std::ops::ControlFlow;
use std::path::Path;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The pages.
    pub pages: Counts,
    /// Damages.
    pub damages: u64,
    /// Pages that damages were about.
    pub damaged_pages: u64,
    /// The number of the last commit.
    pub seq: u64,
    /// Keys in all tables.
    pub keys: u64,
    /// The id under which the repo knows the store.
    pub id: [u8; 16],
    /// What the ledger's records add up to.
    pub ledger: ledger::verify::Sums,
    /// The error that the first damage means; `None`: there is none.
    pub error: Option<Error>,
}

/// Verifies a store that nobody has open. `tell` hears each damage. An error: it could not be verified.
pub fn offline(path: &Path, tell: &mut dyn FnMut(&crate::damage::Damage)) -> Result<Report> {
    let store = Offline::open(path)?;
    let mut found = Found::new(tell);
    pages_first(store.data(), &mut found, |marks, found| store.check_identity(marks, found))
}

/// Opens a store after it was verified, before anything of it is mapped. A damaged one is refused, and `tell` hears each damage.
pub fn open(path: &Path, reset: bool, tell: &mut dyn FnMut(&crate::damage::Damage)) -> Result<LmdbStore> {
    LmdbStore::open_checked(path, reset, &mut |data| {
        // The identity is the opener's own business.
        let report = pages_first(data, &mut Found::new(tell), |_, _| {})?;
        report.error.map_or(Ok(()), Err)
    })
}

fn pages_first(
    data: &Data,
    found: &mut Found<'_>,
    check_identity: impl FnOnce(&Marks, &mut Found<'_>),
) -> Result<Report> {
    let mut report = Report::default();
    if let Some(image) = Image::open(data, found)? {
        report.pages = image.check_pages(found);
        let marks = image.marks(found)?;
        if let Some(marks) = &marks {
            check_identity(marks, found);
            report.seq = marks.seq;
            report.id = marks.birth;
        }
        // Without a number of the last commit, none is too great.
        records(&image, marks.map_or(u64::MAX, |marks| marks.seq), found, &mut report);
    }
    report.damages = found.damages();
    report.damaged_pages = found.pages();
    report.error = found.first().map(|first| {
        let status = match first.kind {
            Kind::File | Kind::Page => SALES_ERR_STORE_DAMAGED,
            Kind::Record | Kind::Total | Kind::Index => SALES_ERR_RECORD,
        };
        let text = match found.damages() {
            1 => format!("{} is damaged: {first}", data.path().display()),
            more => format!("{} is damaged in {more} places; the first: {first}", data.path().display()),
        };
        Error::new(status, text)
    });
    Ok(report)
}

/// Checks every record of a store that can be read, and all that follows from them. `seq`: the number of its last commit.
pub fn records(look: &dyn Look, seq: u64, found: &mut Found<'_>, report: &mut Report) {
    report.keys = Table::ALL.into_iter().map(|table| keys(look, table)).fold(0, u64::saturating_add);
    known_keys(look, found);
    let (sums, books) = ledger::verify::check(look, seq, found);
    report.ledger = sums;
    if let Some(books) = books.filter(|books| books.id != [0; 16]) {
        report.id = books.id;
    }
    sales::verify::check(look, seq, found);
    joins::check(look, found);
    history::check(look, found);
}

fn keys(look: &dyn Look, table: Table) -> u64 {
    let mut keys = 0u64;
    // A table that cannot be walked is told where its records are checked.
    let _ = look.walk(table, &mut |_, _| {
        keys = keys.saturating_add(1);
        ControlFlow::Continue(())
    });
    keys
}

/// What the Meta table may hold.
const META: &[&[u8]] = &[
    ledger::books::KEY,
    ledger::acts::UNPROVEN,
    sales::counts::COUNTS,
    sales::counts::LAST_BLOCK,
    crate::history::COUNTER,
    b"store.birth",
    b"store.format",
    b"store.seq",
];

fn known_keys(look: &dyn Look, found: &mut Found<'_>) {
    let walked = look.walk(Table::Meta, &mut |key, _| {
        if !META.contains(&key) {
            found.record(Id::ZERO, format!("meta: the key {:?} is not known", String::from_utf8_lossy(key)));
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.record(Id::ZERO, error.text);
    }
}
