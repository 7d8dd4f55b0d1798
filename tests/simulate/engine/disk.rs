//! The store with its faults: commits that fail, that nobody knows of, a disk with room for releases only, and a process that dies before or after a
//! commit. It also sees which sale moves from which state to which.

use super::journal::Written;
use super::truth::{say, Shared};
use super::written::Moved;
use crate::store::{Plan, Store};
use sales::datastore::{Backend, CommitError, Read, Table, Visit, Write};
use sales::error::{Error, Result};
use sales::event::Event;
use sales::market::Id;
use sales::sales::sale::{Sale, State};
use sales::status::{SALES_ERR_DISK_FULL, SALES_ERR_STORE, SALES_ERR_STORE_REOPEN};
use std::cell::Cell;

pub struct Disk {
    pub store: Store,
    pub shared: Shared,
}

thread_local! {
    /// This thread is in a call of the module: reads may fail. What the simulator itself looks up must not.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
}

/// Calls the module.
pub fn calling<T>(call: impl FnOnce() -> T) -> T {
    let before = IN_CALL.replace(true);
    let result = call();
    IN_CALL.set(before);
    result
}

fn gone() -> Error {
    Error::new(SALES_ERR_STORE_REOPEN, "the process is dead")
}

/// A transaction that is looked at.
struct Looking<'a> {
    tables: &'a mut dyn Write,
    low: bool,
    moves: Vec<(Option<State>, State)>,
    /// All that it writes, row by row.
    written: Written,
    /// How sales move by it, and which news go with that.
    moved: Moved,
}

impl Read for Looking<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>> {
        self.tables.get(table, key)
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.tables.walk(table, from, visit)
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>> {
        self.tables.last(table)
    }

    fn seq(&self) -> Result<u64> {
        self.tables.seq()
    }
}

impl Write for Looking<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        // As the real one: what is left of the disk serves releases.
        let new_business = matches!(table, Table::Slots | Table::Sales | Table::Requests | Table::Offers);
        if self.low && new_business && self.tables.get(table, key)?.is_none() {
            return Err(Error::new(SALES_ERR_DISK_FULL, "the disk is full: new records are refused"));
        }
        let slot = (table == Table::Sales).then(|| key.try_into().map(Id).ok()).flatten();
        let before = slot.map(|slot| Sale::load(self.tables, &slot)).transpose()?.flatten();
        self.written.put(key, table, self.tables.get(table, key)?, value);
        match (table, key.try_into().map(Id)) {
            (Table::Requests, Ok(request)) if self.tables.get(table, key)?.is_none() => {
                self.moved.accepted.insert(request);
            }
            (Table::History, _) => {
                let number = u64::from_be_bytes(key.try_into().expect("the number of an event"));
                self.moved.events.push(Event::decode(number, value)?);
            }
            _ => {}
        }
        self.tables.put(table, key, value)?;
        if let Some(after) = slot.map(|slot| Sale::load(self.tables, &slot)).transpose()?.flatten() {
            self.written.sales.push((before.clone(), after.clone()));
            // A slot that is sold once more begins anew.
            let before = before.filter(|sale| sale.act == after.act);
            let from = before.as_ref().map(|sale| sale.state);
            if from != Some(after.state) {
                self.moves.push((from, after.state));
            }
            self.moved.sales.push((before, after));
        }
        Ok(())
    }

    fn del(&mut self, table: Table, key: &[u8]) -> Result<()> {
        if table == Table::Requests {
            self.written.requests_gone.extend(key.try_into().map(Id));
        }
        self.tables.del(table, key)
    }
}

impl Disk {
    /// What becomes of the next commit: how, and whether the process dies after it. `None`: it dies before.
    fn plan(&self) -> Option<(Plan, bool)> {
        let mut t = self.shared.lock();
        let odds = t.odds;
        if t.crashed {
            return None;
        }
        if t.hit(odds.crash) {
            t.crashed = true;
            let after = t.rng.chance(600);
            t.count(if after { "crash after a commit" } else { "crash before a commit" });
            say!(t, "the process dies at a commit: {}", if after { "after" } else { "before" });
            return after.then_some((Plan::Good, true));
        }
        if self.store.is_dead() {
            return Some((Plan::Good, false));
        }
        let (what, plan) = if t.hit(odds.clean) {
            match t.rng.chance(500) {
                true => ("store: the disk is full", Plan::Clean { full: true }),
                false => ("store: I/O error before the meta write", Plan::Clean { full: false }),
            }
        } else if t.hit(odds.meta) {
            match t.rng.chance(500) {
                true => ("store: I/O error in the meta write, commit there", Plan::Unknown { there: true }),
                false => ("store: I/O error in the meta write, commit not there", Plan::Unknown { there: false }),
            }
        } else if t.hit(20) {
            ("store: the map is full and grows", Plan::Again)
        } else {
            return Some((Plan::Good, false));
        };
        t.count(what);
        say!(t, "{what}");
        Some((plan, false))
    }
}

impl Backend for Disk {
    fn read(&self, body: &mut dyn FnMut(&dyn Read) -> Result<()>) -> Result<()> {
        self.shared.breathe();
        {
            let mut t = self.shared.lock();
            if t.crashed {
                return Err(gone());
            }
            let odds = t.odds.read;
            if IN_CALL.get() && !t.looking && !self.store.is_dead() && t.hit(odds) {
                t.count("store: I/O error of a read");
                say!(t, "store: I/O error of a read");
                t.waiting.unsure = true;
                t.unread_at = Some(t.now());
                return Err(Error::new(SALES_ERR_STORE, "an I/O error of a read"));
            }
        }
        self.store.read(body)
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        let Some((plan, dies)) = self.plan() else { return Err(CommitError::Unknown(gone())) };
        let low = self.shared.lock().low;
        self.store.plan(plan);
        let mut moves = Vec::new();
        let (mut written, mut moved) = (Written::default(), Moved::default());
        let mut refused = false;
        let done = self.store.write(&mut |tables| {
            let begun = Written::begin(tables);
            let mut looking = Looking { low, moves: Vec::new(), written: begun, moved: Moved::default(), tables };
            let done = body(&mut looking);
            refused |= low && done.as_ref().is_err_and(|error| error.status == SALES_ERR_DISK_FULL);
            looking.written.end(looking.tables);
            (moves, written, moved) = (looking.moves, looking.written, looking.moved);
            done
        });
        self.store.plan(Plan::Good);
        let mut t = self.shared.lock();
        if refused {
            t.count("store: new business is refused, the disk is low");
        }
        // What nobody knows of is there or not: it is looked at when the store is open again, as its next moves.
        if done.is_ok() {
            moves.into_iter().for_each(|step| *t.moves.entry(step).or_default() += 1);
            t.wrote(&written);
            t.judge(&moved);
        } else {
            t.could_not_write(&written);
        }
        drop(t);
        if dies {
            return Err(CommitError::Unknown(gone()));
        }
        done
    }

    fn seq(&self) -> u64 {
        self.store.seq()
    }

    fn birth(&self) -> [u8; 16] {
        self.store.birth()
    }
}
