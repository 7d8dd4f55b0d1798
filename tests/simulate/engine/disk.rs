//! The store with its faults: commits that fail, that nobody knows of, and a process that dies before or after one.

use super::store::{Plan, Store};
use super::truth::{say, Shared};
use sales::datastore::{Backend, CommitError, Read, Write};
use sales::error::{Error, Result};
use sales::status::SALES_ERR_STORE_REOPEN;

pub struct Disk {
    pub store: Store,
    pub shared: Shared,
}

fn gone() -> Error {
    Error::new(SALES_ERR_STORE_REOPEN, "the process is dead")
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
            ("commit fails cleanly", Plan::Clean)
        } else if t.hit(odds.meta) {
            match t.rng.chance(500) {
                true => ("commit unknown, there", Plan::Unknown { there: true }),
                false => ("commit unknown, not there", Plan::Unknown { there: false }),
            }
        } else if t.hit(20) {
            ("commit body runs twice", Plan::Again)
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
        if self.shared.lock().crashed {
            return Err(gone());
        }
        self.store.read(body)
    }

    fn write(&self, body: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> std::result::Result<(), CommitError> {
        let Some((plan, dies)) = self.plan() else { return Err(CommitError::Unknown(gone())) };
        self.store.plan(plan);
        let done = self.store.write(body);
        self.store.plan(Plan::Good);
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
