//! Reading and writing inside a transaction of LMDB.

use super::cursor::{Cursor, Step};
use super::env::{self, Env, Tables, OWN_PREFIX};
use super::fail;
use crate::datastore::{Read, Table, Visit, Write};
use crate::error::{Error, Result};
use crate::status::*;
use lmdb::{Database, RoTransaction, RwTransaction, Transaction, WriteFlags};
use std::ops::ControlFlow;
use std::path::Path;

/// LMDB's limit for a key.
const LONGEST_KEY: usize = 511;

/// A transaction that reads.
pub struct ReadTxn<'env> {
    txn: RoTransaction<'env>,
    tables: &'env Tables,
    path: &'env Path,
}

impl<'env> ReadTxn<'env> {
    /// One that has begun.
    pub fn new(txn: RoTransaction<'env>, tables: &'env Tables, path: &'env Path) -> Self {
        ReadTxn { txn, tables, path }
    }
}

impl Read for ReadTxn<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>> {
        get(&self.txn, self.tables.get(table)?, key, self.path)
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        walk(&self.txn, self.tables.get(table)?, from, self.path, visit)
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>> {
        last(&self.txn, self.tables.get(table)?, self.path)
    }

    fn seq(&self) -> Result<u64> {
        seq(&self.txn, self.tables, self.path)
    }
}

/// What stopped a transaction that writes, whatever its body made of it: LMDB commits nothing after an error.
#[derive(Debug, Clone)]
pub enum Stop {
    /// The map is full: to be run again with a larger one.
    MapFull,
    /// Anything else.
    Failed(Error),
}

/// A transaction that writes.
pub struct WriteTxn<'env> {
    txn: RwTransaction<'env>,
    tables: &'env Tables,
    path: &'env Path,
    low: bool,
    stop: Option<Stop>,
}

impl<'env> WriteTxn<'env> {
    /// Begins one. `low`: the room left is for releases.
    pub fn begin(env: &'env Env, path: &'env Path, low: bool) -> std::result::Result<Self, lmdb::Error> {
        Ok(WriteTxn { txn: env.lmdb().begin_rw_txn()?, tables: env.tables(), path, low, stop: None })
    }

    /// What stopped it, if something did.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Commits, with the new sequence number in the same commit.
    pub fn commit(mut self, seq: u64) -> std::result::Result<(), lmdb::Error> {
        let meta = self.tables.get(Table::Meta).map_err(|_| lmdb::Error::BadDbi)?;
        env::put_seq(&mut self.txn, meta, seq)?;
        self.txn.commit()
    }

    fn stopped(&mut self, doing: &str, error: lmdb::Error) -> Error {
        let told = fail::lmdb(doing, self.path, error);
        self.stop.get_or_insert(match error {
            lmdb::Error::MapFull => Stop::MapFull,
            _ => Stop::Failed(told.clone()),
        });
        told
    }

    /// While room is low, a record of new business is refused by itself, so that what is left serves releases.
    /// What ends business changes records, moves index entries and appends to the history.
    fn refuse_new(&self, table: Table, key: &[u8]) -> Result<()> {
        let new_business = matches!(table, Table::Slots | Table::Sales | Table::Requests | Table::Offers);
        if self.low && new_business && self.get(table, key)?.is_none() {
            let text = format!(
                "the disk of {} is full: new records are refused, and the room kept in reserve serves releases",
                self.path.display()
            );
            return Err(Error::new(SALES_ERR_DISK_FULL, text));
        }
        Ok(())
    }
}

impl Read for WriteTxn<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>> {
        get(&self.txn, self.tables.get(table)?, key, self.path)
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        walk(&self.txn, self.tables.get(table)?, from, self.path, visit)
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>> {
        last(&self.txn, self.tables.get(table)?, self.path)
    }

    fn seq(&self) -> Result<u64> {
        seq(&self.txn, self.tables, self.path)
    }
}

impl Write for WriteTxn<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        check_own(table, key)?;
        self.refuse_new(table, key)?;
        let table = self.tables.get(table)?;
        let put = self.txn.put(table, &key, &value, WriteFlags::empty());
        put.map_err(|error| self.stopped("write", error))
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        check_own(table, key)?;
        let table = self.tables.get(table)?;
        match self.txn.del(table, &key, None) {
            Ok(()) | Err(lmdb::Error::NotFound) => Ok(()),
            Err(error) => Err(self.stopped("delete from", error)),
        }
    }
}

/// LMDB takes keys of 1 to 511 bytes.
fn check_key(key: &[u8]) -> Result<()> {
    match key.len() {
        1..=LONGEST_KEY => Ok(()),
        length => Err(Error::internal(format!("a key of {length} bytes; expected 1 to {LONGEST_KEY}"))),
    }
}

/// A key that a body may change.
fn check_own(table: Table, key: &[u8]) -> Result<()> {
    if table == Table::Meta && key.starts_with(OWN_PREFIX) {
        return Err(Error::internal("a key of the Meta table that belongs to the store itself"));
    }
    check_key(key)
}

fn get<'txn>(txn: &'txn impl Transaction, table: Database, key: &[u8], path: &Path) -> Result<Option<&'txn [u8]>> {
    check_key(key)?;
    match txn.get(table, &key) {
        Ok(value) => Ok(Some(value)),
        Err(lmdb::Error::NotFound) => Ok(None),
        Err(error) => Err(fail::lmdb("read", path, error)),
    }
}

fn walk(txn: &impl Transaction, table: Database, from: &[u8], path: &Path, visit: &mut Visit<'_>) -> Result<()> {
    let mut cursor = Cursor::open(txn, table.dbi(), path)?;
    let mut found = cursor.go(Step::From(from))?;
    while let Some((key, value)) = found {
        if let ControlFlow::Break(()) = visit(key, value) {
            break;
        }
        found = cursor.go(Step::Next)?;
    }
    Ok(())
}

fn last(txn: &impl Transaction, table: Database, path: &Path) -> Result<Option<Vec<u8>>> {
    Ok(Cursor::open(txn, table.dbi(), path)?.go(Step::Last)?.map(|(key, _)| key.to_vec()))
}

fn seq(txn: &impl Transaction, tables: &Tables, path: &Path) -> Result<u64> {
    let damaged = |why: &str| Error::new(SALES_ERR_STORE_DAMAGED, format!("{} is damaged: {why}", path.display()));
    match get(txn, tables.get(Table::Meta)?, env::KEY_SEQ, path)? {
        Some(record) => env::open_seq(record).map_err(|error| damaged(&error.text)),
        None => Err(damaged("it has no commit number")),
    }
}
