//! What happens to the store's files and to the repo's: copies are made and put in the place of the store, it is emptied, and a repo forgets.

use super::truth::{say, Truth};
use super::world::World;
use crate::store::Store;
use sales::datastore::{Backend, Write};
use sales::ledger::books::Books;
use sales::market::Id;
use sales::status::*;
use std::collections::BTreeMap;

/// A copy of the store's files, and what the host knew then.
pub struct Copy {
    store: Store,
    hand: BTreeMap<Id, u64>,
    offers: Vec<Id>,
    last_event: u64,
    /// Made as a backup, which says that it is one.
    marked: bool,
}

/// Where the store that is started comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin {
    True,
    /// An old copy that ended at this commit.
    Copy(u64),
    Emptied,
}

fn books(store: &Store) -> Books {
    let mut found = None;
    let read = store.read(&mut |view| {
        found = Some(Books::load(view, store.birth())?);
        Ok(())
    });
    read.ok().and(found).unwrap_or_default()
}

impl Truth {
    fn copy_of_now(&self, marked: bool) -> Copy {
        let store = self.store.copy();
        if marked {
            let mark = |write: &mut dyn Write| {
                let mut books = Books::load(write, store.birth())?;
                books.untrusted = true;
                books.save(write)
            };
            store.write(&mut |write| mark(write)).expect("a copy can be marked");
        }
        Copy { store, hand: self.hand.clone(), offers: self.offers.clone(), last_event: self.last_event, marked }
    }

    /// The operator copies the files.
    pub fn take_copy(&mut self) {
        if self.has.loses && !self.store.is_dead() && self.engine.is_some() {
            let marked = self.rng.chance(500);
            // Without the repo's help, only a backup that says so can be told from the store itself.
            if marked || self.has.keeps_id {
                self.count("the store is copied");
                self.copy = Some(self.copy_of_now(marked));
            }
        }
    }

    /// The process is down. Something else is put in the place of the store.
    pub fn lose_store(&mut self) {
        // What the lost store knew is lost: nobody can hold the module to it any more.
        let of_sales = self.chain.slots();
        let newest = self.copy_of_now(false);
        match self.copy.take().filter(|_| self.rng.chance(700)) {
            Some(copy) => {
                let (seq, now) = (copy.store.seq(), self.store.seq());
                say!(self, "a copy of commit {seq} of {now} is put in place, a backup: {}", copy.marked);
                self.count(if copy.marked { "a backup is restored" } else { "an old copy is put in place" });
                // Another store may be as old.
                let is_it = seq == now && books(&copy.store).id == books(&self.store).id;
                self.origin = if is_it { Origin::True } else { Origin::Copy(seq) };
                self.put_in_place(copy);
            }
            None => {
                self.count("the store is emptied");
                say!(self, "the store is emptied");
                self.ids += 1;
                self.origin = Origin::Emptied;
                let store = Store::new([self.ids; 16]);
                let (hand, offers) = (BTreeMap::new(), Vec::new());
                self.put_in_place(Copy { store, hand, offers, last_event: 0, marked: false });
            }
        }
        self.copy = Some(newest);
        self.asked.another_store();
        self.fulfilled.clear();
        self.forced.extend(of_sales);
        self.by_slot = false;
        self.acts.lost();
        self.keeps_surplus = true;
        self.chain.tell_ends_again();
        self.advance(0);
    }

    fn put_in_place(&mut self, copy: Copy) {
        (self.store, self.hand, self.offers, self.last_event) = (copy.store, copy.hand, copy.offers, copy.last_event);
        self.doubts.clear();
        self.fulfilled.clear();
    }

    /// The refusal by name that a start deserves, from what really happened to the store.
    pub fn deserves(&self) -> Option<i32> {
        if !self.has.total {
            return None;
        }
        let books = books(&self.store);
        if books.untrusted {
            return Some(SALES_ERR_STORE_BACKUP);
        }
        let known = self.books.id != [0; 16] && !books.replaced.contains(&self.books.id);
        let stale = match self.origin {
            Origin::True => false,
            Origin::Copy(seq) => self.books.id != books.id || self.books.seq > seq,
            Origin::Emptied => true,
        };
        if known && stale {
            return Some(SALES_ERR_STORE_STALE);
        }
        (!books.started && self.books.total > i128::from(books.held)).then_some(SALES_ERR_STORE_NEW)
    }
}

impl World {
    /// A start is refused because of its store: the operator finds the true one, or goes on with this.
    pub fn refused_by_name(&self) {
        let found = {
            let mut t = self.t();
            let found = t.origin != Origin::True && t.copy.as_ref().is_some_and(|copy| !copy.marked);
            found && t.rng.chance(500)
        };
        self.die("a refused store is closed");
        let mut t = self.t();
        if let Some(copy) = t.copy.take_if(|_| found) {
            t.count("the true store is found");
            say!(t, "the true store is put back");
            t.asked.another_store();
            t.fulfilled.clear();
            t.put_in_place(copy);
            t.acts.lost();
            t.origin = Origin::True;
        } else {
            t.count("opened with reset");
            say!(t, "opened with SALES_OPEN_RESET");
            t.options.reset = true;
            t.copy = None;
        }
    }
}
