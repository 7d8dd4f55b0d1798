//! A store in memory that fails as a disk does: a commit is durable, or fails cleanly, or nobody knows before it is opened again.

use sales::datastore::{Backend, CommitError, Read, Table, Visit, Write};
use sales::error::{Error, Result};
use sales::status::*;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// It is durable.
    #[default]
    Good,
    /// The map has to grow: the body runs twice, and the commit is durable.
    Again,
    /// Nothing of it reaches the disk: it is full, or an I/O error came before the meta write.
    Clean { full: bool },
    /// The meta write fails; `there`: it will be found on the disk.
    Unknown { there: bool },
}

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default, Clone)]
struct Tables {
    rows: [Rows; Table::ALL.len()],
    seq: u64,
    /// What the running transaction replaced.
    undo: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Tables {
    fn of(&self, table: Table) -> &Rows {
        &self.rows[table as usize]
    }

    fn set(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        let rows = &mut self.rows[table as usize];
        let before = match value {
            Some(value) => rows.insert(key.to_vec(), value.to_vec()),
            None => rows.remove(key),
        };
        self.undo.push((table, key.to_vec(), before));
    }

    fn roll_back(&mut self) {
        while let Some((table, key, before)) = self.undo.pop() {
            let rows = &mut self.rows[table as usize];
            match before {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
    }
}

impl Read for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>> {
        Ok(self.of(table).get(key).map(Vec::as_slice))
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        for (key, value) in self.of(table).range::<[u8], _>((Bound::Included(from), Bound::Unbounded)) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>> {
        Ok(self.of(table).last_key_value().map(|(key, _)| key.clone()))
    }

    fn seq(&self) -> Result<u64> {
        Ok(self.seq)
    }
}

impl Write for Tables {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.set(table, key, Some(value));
        Ok(())
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.set(table, key, None);
        Ok(())
    }
}

#[derive(Default)]
struct Disk {
    tables: Tables,
    plan: Plan,
    /// A commit of which nobody knows; whether it will be found.
    unknown: Option<bool>,
    /// After so many reads comes one that fails.
    bad_read: Option<u32>,
}

/// The store; a handle.
#[derive(Clone)]
pub struct Store {
    disk: Arc<Mutex<Disk>>,
    birth: [u8; 16],
}

impl Store {
    pub fn new(birth: [u8; 16]) -> Store {
        Store { disk: Arc::default(), birth }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next commit.
    pub fn plan(&self, plan: Plan) {
        self.disk().plan = plan;
    }

    /// One of the next reads fails, this one after so many others; `None`: none any more. Answers whether the one before has not yet failed.
    pub fn fail_a_read(&self, after: Option<u32>) -> bool {
        std::mem::replace(&mut self.disk().bad_read, after).is_some()
    }

    /// Whether it refuses everything before it is opened again.
    pub fn is_dead(&self) -> bool {
        self.disk().unknown.is_some()
    }

    /// Opens it again after a crash. Answers whether a commit of which nobody knew is there.
    pub fn reopen(&self) -> Option<bool> {
        let mut disk = self.disk();
        let there = disk.unknown.take();
        match there {
            Some(true) => {
                disk.tables.undo.clear();
                disk.tables.seq += 1;
            }
            Some(false) => disk.tables.roll_back(),
            None => {}
        }
        there
    }

    /// A copy of the files.
    pub fn copy(&self) -> Store {
        let disk = Disk { tables: self.disk().tables.clone(), ..Disk::default() };
        Store { disk: Arc::new(Mutex::new(disk)), birth: self.birth }
    }
}

fn dead() -> Error {
    Error::new(SALES_ERR_STORE_REOPEN, "nobody knows whether the last commit is there: open the store again")
}

impl Backend for Store {
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        let mut disk = self.disk();
        if disk.unknown.is_some() {
            return Err(dead());
        }
        match disk.bad_read.take() {
            Some(0) => return Err(Error::new(SALES_ERR_STORE, "an I/O error of a read")),
            after => disk.bad_read = after.map(|after| after - 1),
        }
        body(&disk.tables)
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        let mut disk = self.disk();
        let disk = &mut *disk;
        if disk.unknown.is_some() {
            return Err(CommitError::Clean(dead()));
        }
        if disk.plan == Plan::Again {
            let _ = body(&mut disk.tables);
            disk.tables.roll_back();
        }
        if let Err(error) = body(&mut disk.tables) {
            disk.tables.roll_back();
            return Err(CommitError::Clean(error));
        }
        match std::mem::take(&mut disk.plan) {
            Plan::Good | Plan::Again => {
                disk.tables.undo.clear();
                disk.tables.seq += 1;
                Ok(())
            }
            Plan::Clean { full } => {
                disk.tables.roll_back();
                Err(CommitError::Clean(match full {
                    true => Error::new(SALES_ERR_DISK_FULL, "the disk is full"),
                    false => Error::new(SALES_ERR_STORE, "an I/O error before the meta write"),
                }))
            }
            Plan::Unknown { there } => {
                disk.unknown = Some(there);
                Err(CommitError::Unknown(Error::new(SALES_ERR_STORE_REOPEN, "the meta write failed")))
            }
        }
    }

    fn seq(&self) -> u64 {
        self.disk().tables.seq
    }

    fn birth(&self) -> [u8; 16] {
        self.birth
    }
}
