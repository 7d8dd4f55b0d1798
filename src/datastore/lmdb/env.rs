//! LMDB's environment: how it is opened, how large its map is, and the tables in it.

use super::cursor::{self, Cursor, Step};
use super::data::Data;
use super::fail;
use super::identity::{Birth, FORMAT};
use crate::codec;
use crate::datastore::Table;
use crate::error::{Error, Result};
use crate::status::*;
use lmdb::{
    Database, DatabaseFlags, Environment, EnvironmentFlags, RoTransaction, RwTransaction, Transaction, WriteFlags,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};

/// The map of a new store. Small, because valgrind and small machines map no large ones; it grows by itself.
pub const FIRST_MAP: usize = 16 << 20;
/// The map doubles, but grows by no more than this at once.
const MAP_STEP: usize = 1 << 30;
/// What a map has at least beyond the file when a store is opened.
const MAP_ROOM: u64 = 8 << 20;
/// Places for tables; more than there are, since a tool of LMDB may add its own.
const MAX_TABLES: u32 = 32;
/// Transactions that read at once, in all processes. (The lock file has room for more.)
const MAX_READERS: u32 = 512;

/// Our own keys in the Meta table. The rest of that table belongs to the ledger.
pub const OWN_PREFIX: &[u8] = b"store.";
/// The number of the last commit.
pub const KEY_SEQ: &[u8] = b"store.seq";
/// The id it was created with.
pub const KEY_BIRTH: &[u8] = b"store.birth";
/// The version of its format.
pub const KEY_FORMAT: &[u8] = b"store.format";

/// Reads the number of the last commit.
pub fn open_seq(record: &[u8]) -> Result<u64> {
    codec::open_number(KEY_SEQ, record, &"the number of its last commit")
}

/// An open environment with its tables.
#[derive(Debug)]
pub struct Env {
    env: Environment,
    tables: Tables,
    map: usize,
    /// For the texts.
    path: PathBuf,
}

/// The tables' handles.
#[derive(Debug, Clone, Copy)]
pub struct Tables([Database; Table::ALL.len()]);

impl Tables {
    /// The handle of a table.
    pub fn get(&self, table: Table) -> Result<Database> {
        let found = Table::ALL.iter().position(|entry| *entry == table).and_then(|at| self.0.get(at));
        found.copied().ok_or_else(|| Error::internal(format!("the table {} is not in the list", table.name())))
    }
}

/// What the store says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// The format's version.
    pub format: u32,
    /// The id it was created with.
    pub birth: Birth,
    /// The number of its last commit.
    pub seq: u64,
}

/// The next size of a map; `None` when there is none.
pub fn next_map(size: usize) -> Option<usize> {
    size.checked_add(size.min(MAP_STEP))
}

/// The size of a map for a file.
pub fn map_for(length: u64) -> Option<usize> {
    let wanted = usize::try_from(length.checked_add(MAP_ROOM)?).ok()?;
    let mut size = FIRST_MAP;
    while size < wanted {
        size = next_map(size)?;
    }
    Some(size)
}

/// Opens the environment alone. Its flags are the safe ones: every commit waits for the disk, the map is
/// read-only (with a writable one a full disk kills the process), and a reader's place belongs to its
/// transaction, not to its thread (else 126 threads that have read once are the end).
pub fn open_bare(dir: &Path, map: usize) -> std::result::Result<Environment, lmdb::Error> {
    Environment::new()
        .set_flags(EnvironmentFlags::NO_TLS)
        .set_max_dbs(MAX_TABLES)
        .set_max_readers(MAX_READERS)
        .set_map_size(map)
        .open_with_permissions(dir, 0o600)
}

impl Env {
    /// Opens the environment of a store that was checked. `None`: the data is not a store's.
    pub fn open(dir: &Path, data: &Data, map: usize) -> Result<Option<Env>> {
        let env = open_bare(dir, map).map_err(|error| fail::lmdb_opening(dir, error))?;
        check_same(&env, data)?;
        let mut tables: [Option<Database>; Table::ALL.len()] = [None; Table::ALL.len()];
        for (place, table) in tables.iter_mut().zip(Table::ALL) {
            match env.open_db(Some(table.name())) {
                Ok(found) => *place = Some(found),
                Err(lmdb::Error::NotFound | lmdb::Error::Incompatible) if table == Table::Meta => return Ok(None),
                Err(lmdb::Error::NotFound) => {
                    return Err(data.damaged(&format!("the table {} is missing", table.name())))
                }
                Err(error) => return Err(fail::lmdb("open the tables of", data.path(), error)),
            }
        }
        let missing = || Error::internal("a table was not opened");
        let mut handles = [tables.first().copied().flatten().ok_or_else(missing)?; Table::ALL.len()];
        for (handle, found) in handles.iter_mut().zip(tables) {
            *handle = found.ok_or_else(missing)?;
        }
        Ok(Some(Env { env, tables: Tables(handles), map, path: data.path().to_path_buf() }))
    }

    /// LMDB's environment.
    pub fn lmdb(&self) -> &Environment {
        &self.env
    }

    /// The tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The size of the map.
    pub fn map(&self) -> usize {
        self.map
    }

    /// The bytes of the file that are in use, free pages among them.
    pub fn used(&self) -> Result<u64> {
        let failed = |error| fail::lmdb("ask LMDB about", &self.path, error);
        let (info, stat) = (self.env.info().map_err(failed)?, self.env.stat().map_err(failed)?);
        let pages = (info.last_pgno() as u64).checked_add(1);
        let bytes = pages.and_then(|pages| pages.checked_mul(u64::from(stat.page_size())));
        bytes.ok_or_else(|| Error::overflow("the number of bytes in use"))
    }

    /// Reads what the store says of itself; `None` when it says nothing (then it is not a store).
    pub fn marks(&self, data: &Data) -> Result<Option<Marks>> {
        let txn = self.begin_newest(data)?;
        let meta = self.tables.get(Table::Meta)?;
        let get = |key: &[u8]| match txn.get(meta, &key) {
            Ok(value) => Ok(Some(value)),
            Err(lmdb::Error::NotFound) => Ok(None),
            Err(error) => Err(fail::lmdb("read", data.path(), error)),
        };
        let (Some(format), Some(birth), Some(seq)) = (get(KEY_FORMAT)?, get(KEY_BIRTH)?, get(KEY_SEQ)?) else {
            return Ok(None);
        };
        let seq = open_seq(seq).map_err(|error| data.damaged(&error.text))?;
        match (format.try_into(), birth.try_into()) {
            (Ok(format), Ok(birth)) => Ok(Some(Marks { format: u32::from_le_bytes(format), birth, seq })),
            _ => Err(data.damaged("the marks of the store have wrong lengths")),
        }
    }

    /// Begins to read, and makes sure that the view is that of the newest meta page. LMDB takes the number of the
    /// last commit from its lock file, which a tool that has the store open keeps alive past a commit of ours that
    /// died or failed half-way.
    fn begin_newest(&self, data: &Data) -> Result<RoTransaction<'_>> {
        let failed = |error| fail::lmdb("read", data.path(), error);
        for _ in 0..2 {
            let txn = self.env.begin_ro_txn().map_err(failed)?;
            // SAFETY: the transaction is open; LMDB reads its number.
            let shown = unsafe { lmdb_sys::mdb_txn_id(txn.txn()) };
            if shown == self.env.info().map_err(failed)?.last_txnid() {
                return Ok(txn);
            }
            drop(txn);
            // The next writer after one that died puts the lock file right.
            self.env.begin_rw_txn().map_err(failed)?.abort();
        }
        let text = format!(
            "another process has {} open, and its lock file does not know the last commit; end that process",
            data.path().display()
        );
        Err(Error::new(SALES_ERR_STORE_LOCKED, text))
    }

    /// Frees the places of readers whose process died: their views would keep every page from being used anew.
    pub fn free_dead_readers(&self) -> Result<()> {
        let mut freed = 0;
        // SAFETY: the environment is open as long as `self` lives, and LMDB writes one number.
        let code = unsafe { lmdb_sys::mdb_reader_check(self.env.env(), &mut freed) };
        match code {
            0 => Ok(()),
            code => Err(fail::lmdb("free dead readers of", &self.path, lmdb::Error::from_err_code(code))),
        }
    }

    /// Whether LMDB gave the environment up. It does so only when the write of a meta page failed: what failed
    /// before that has left no trace. (It needs the writer's place; no other transaction writes now.)
    pub fn given_up(&self) -> bool {
        self.env.begin_rw_txn().is_err()
    }

    /// Whether all pages beyond `length` are free ones, which LMDB need not have written.
    pub fn only_free_beyond(&self, data: &Data, length: u64, page_size: u32) -> Result<bool> {
        let failed = |error| fail::lmdb("read the free list of", data.path(), error);
        let first = length.div_ceil(u64::from(page_size));
        let last = self.env.info().map_err(failed)?.last_pgno() as u64;
        let txn = self.env.begin_ro_txn().map_err(failed)?;
        let mut free = BTreeSet::new();
        let mut cursor = Cursor::open(&txn, cursor::FREE_PAGES, data.path())?;
        let mut found = cursor.go(Step::First)?;
        while let Some((_, pages)) = found {
            // How many, then their numbers, then what is left of longer lists.
            let mut numbers = pages.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok()).map(u64::from_ne_bytes);
            let count = usize::try_from(numbers.next().unwrap_or(0)).unwrap_or(usize::MAX);
            free.extend(numbers.take(count).filter(|number| (first..=last).contains(number)));
            found = cursor.go(Step::Next)?;
        }
        Ok(free.len() as u64 == last.saturating_add(1).saturating_sub(first))
    }
}

/// LMDB opened the file by its name: it must be the one that was checked and locked.
fn check_same(env: &Environment, data: &Data) -> Result<()> {
    let mut fd = -1;
    // SAFETY: the environment is open, and LMDB writes one number.
    let code = unsafe { lmdb_sys::mdb_env_get_fd(env.env(), &mut fd) };
    if code != 0 {
        return Err(fail::lmdb("ask LMDB about", data.path(), lmdb::Error::from_err_code(code)));
    }
    // SAFETY: the descriptor is LMDB's and open as long as the environment; it is borrowed, not closed.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    let found = file.metadata().map_err(|error| fail::working("look at", data.path(), &error))?;
    data.check_is(&found)
}

/// Makes the tables and marks of a new store in an environment that has none, in one commit.
pub fn fill(env: &Environment, birth: &Birth) -> std::result::Result<(), lmdb::Error> {
    let mut txn = env.begin_rw_txn()?;
    for table in Table::ALL {
        // SAFETY: no other transaction opens tables: the environment is new and nobody else has it.
        unsafe { txn.create_db(Some(table.name()), DatabaseFlags::empty())? };
    }
    // SAFETY: as above; the table exists.
    let meta = unsafe { txn.open_db(Some(Table::Meta.name()))? };
    txn.put(meta, &KEY_FORMAT, &FORMAT.to_le_bytes(), WriteFlags::empty())?;
    txn.put(meta, &KEY_BIRTH, birth, WriteFlags::empty())?;
    put_seq(&mut txn, meta, 0)?;
    txn.commit()
}

/// Writes the sequence number into a transaction.
pub fn put_seq(txn: &mut RwTransaction<'_>, meta: Database, seq: u64) -> std::result::Result<(), lmdb::Error> {
    txn.put(meta, &KEY_SEQ, &codec::seal_number(KEY_SEQ, seq), WriteFlags::empty())
}
