//! A store in memory whose readers see the last commit, as LMDB's do: a view is taken and stays; one writer at a time. A commit can fail.

use sales::datastore::{Backend, CommitError, Read, Table, Visit, Write};
use sales::error::{Error, Result};
use sales::status::*;
use sales::sync::{held, Mutex};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::{Arc, PoisonError};

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code)]
pub enum Plan {
    Good,
    /// Nothing of it is there.
    Clean,
}

#[derive(Default, Clone)]
pub struct Tables {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    seq: u64,
}

impl Read for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>> {
        Ok(self.rows.get(&(table, key.to_vec())).map(Vec::as_slice))
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let from = Bound::Included((table, from.to_vec()));
        let rows = self.rows.range((from, Bound::Unbounded)).take_while(|((of, _), _)| *of == table);
        for ((_, key), value) in rows {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>> {
        Ok(self.rows.keys().rev().find(|(of, _)| *of == table).map(|(_, key)| key.clone()))
    }

    fn seq(&self) -> Result<u64> {
        Ok(self.seq)
    }
}

impl Write for Tables {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.insert((table, key.to_vec()), value.to_vec());
        Ok(())
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.rows.remove(&(table, key.to_vec()));
        Ok(())
    }
}

struct Disk {
    tables: Arc<Tables>,
    plans: VecDeque<Plan>,
}

struct Files {
    disk: Mutex<Disk>,
    /// Held through a write transaction.
    writer: Mutex<()>,
}

/// The store; a handle.
#[derive(Clone)]
pub struct Store(Arc<Files>);

impl Store {
    /// What becomes of the first commits; the others are good.
    pub fn with(plans: &[Plan]) -> Store {
        let disk = Disk { tables: Arc::default(), plans: plans.iter().copied().collect() };
        Store(Arc::new(Files { disk: Mutex::new(disk), writer: Mutex::new(()) }))
    }

    fn on_disk<T>(&self, body: impl FnOnce(&mut Disk) -> T) -> T {
        body(&mut self.0.disk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is durable.
    pub fn durable(&self) -> Arc<Tables> {
        self.on_disk(|disk| disk.tables.clone())
    }
}

impl Backend for Store {
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        let view = self.durable();
        // Counted like a lock: a host that is called now is called inside a transaction.
        let (transaction, before) = (Mutex::new(()), held());
        let open = transaction.lock();
        assert_eq!(before + 1, held());
        let done = body(&*view);
        drop(open);
        done
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut tables, plan) =
            self.on_disk(|disk| ((*disk.tables).clone(), disk.plans.pop_front().unwrap_or(Plan::Good)));
        // A panic goes on when nothing is locked: a checker's lock does not survive one.
        match catch_unwind(AssertUnwindSafe(|| body(&mut tables))) {
            Ok(done) => done.map_err(CommitError::Clean)?,
            Err(panic) => {
                drop(writer);
                resume_unwind(panic)
            }
        }
        tables.seq += 1;
        let done = self.on_disk(|disk| match plan {
            Plan::Good => {
                disk.tables = Arc::new(tables);
                Ok(())
            }
            Plan::Clean => Err(CommitError::Clean(Error::new(SALES_ERR_STORE, "the disk refused"))),
        });
        drop(writer);
        done
    }

    fn seq(&self) -> u64 {
        self.on_disk(|disk| disk.tables.seq)
    }

    fn birth(&self) -> [u8; 16] {
        [7; 16]
    }
}
