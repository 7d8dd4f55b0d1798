//! The node's Repo, with its truth.

use super::host::Host;
use super::loss::Origin;
use super::truth::{say, Job, Truth};
use sales::host::{Op, OpKind, Repo, RepoTotal};
use sales::market::Id;
use sales::status::*;
use std::collections::BTreeMap;

/// What the Repo has really reserved for us.
#[derive(Default, Clone)]
pub struct Books {
    pub capacity: i128,
    /// Taken by others.
    pub other: i128,
    pub total: i128,
    /// By the slot that each call named.
    pub of: BTreeMap<Id, i128>,
    pub id: [u8; 16],
    pub seq: u64,
    /// As they were before what was acknowledged last and may not be on the repo's disk.
    pub past: Vec<Past>,
}

/// What a repo that forgets falls back to.
#[derive(Clone)]
pub struct Past {
    total: i128,
    of: BTreeMap<Id, i128>,
    id: [u8; 16],
    seq: u64,
}

impl Books {
    /// The machine stops, and the last writes of the repo were not on its disk.
    pub fn forget(&mut self, at: usize) -> bool {
        if self.past.is_empty() {
            return false;
        }
        let Past { total, of, id, seq } = self.past[at % self.past.len()].clone();
        let changed = of != self.of;
        (self.total, self.of, self.id, self.seq) = (total, of, id, seq);
        changed
    }
}

impl Truth {
    /// Others take space in the repo, or give it back.
    pub fn others_take_space(&mut self) {
        let capacity = self.books.capacity;
        self.books.other = self.rng.pick(&[0, 0, capacity / 3, capacity]);
        self.space_moved();
        say!(self, "others have {} of {capacity}", self.books.other);
    }

    pub fn repo_effect(&mut self, job: &Job) -> i32 {
        let bytes = i128::from(job.bytes);
        let books = &mut self.books;
        if self.has.forgets {
            if books.past.len() == 8 {
                books.past.remove(0);
            }
            books.past.push(Past { total: books.total, of: books.of.clone(), id: books.id, seq: books.seq });
        }
        if job.kind == OpKind::RepoReserve {
            if books.total + books.other + bytes > books.capacity {
                self.count("repo is full");
                return SALES_HOST_NO_SPACE;
            }
            books.total += bytes;
            *books.of.entry(job.slot).or_default() += bytes;
            self.reported.remove(&job.slot);
            self.told.reserved(&job.slot);
        } else {
            books.total -= bytes;
            *books.of.entry(job.slot).or_default() -= bytes;
            let (total, left) = (books.total, books.of[&job.slot]);
            if total < 0 {
                self.broken(format!("S2: {} of {bytes} bytes leaves {total}", job.kind.name()));
            }
            if job.slot == Id::ZERO {
                self.count("surplus released");
                let kept: i128 = self.chain.slots().iter().map(|slot| i128::from(self.must_keep(slot))).sum();
                if total < kept && self.by_slot {
                    self.broken(format!("S5: {bytes} bytes released as surplus; {total} are left, {kept} are kept"));
                }
            } else if self.by_slot && left < i128::from(self.must_keep(&job.slot)) {
                let kept = self.must_keep(&job.slot);
                let slot = job.slot;
                let ours = self.chain.is_ours(&slot, self.time);
                self.broken(format!(
                    "S5: {} of {bytes} of slot {slot}: {left} are left, {kept} must be kept (ours on chain: {ours}, on the disk: {:?})",
                    job.kind.name(),
                    self.content.get(&slot)
                ));
            }
        }
        self.space_moved();
        self.acts.done(job);
        // A start that gets so far has been found right.
        self.origin = Origin::True;
        if self.has.keeps_id {
            let books = &mut self.books;
            books.seq = if books.id == job.store.0 { books.seq.max(job.store.1) } else { job.store.1 };
            books.id = job.store.0;
        }
        say!(self, "  repo: {} {bytes} of {}: total {}", job.kind.name(), job.slot, self.books.total);
        SALES_OK
    }
}

impl Host {
    fn repo(&self, op: &Op, bytes: u64) -> i32 {
        self.serve(Job { bytes, ..Host::job(op, Id::ZERO) })
    }
}

impl Repo for Host {
    fn available(&self) -> (i32, u64) {
        self.shared.breathe();
        let mut t = self.enter();
        let odds = t.odds;
        if t.hit(odds.transient) {
            t.count("repo.available fails");
            t.told_free.push(None);
            t.blind();
            say!(t, "  repo.available is not answered");
            return (t.rng.pick(&[SALES_HOST_TRANSIENT, SALES_HOST_UNKNOWN, 99]), 0);
        }
        let free = t.books.capacity - t.books.other - t.books.total;
        let free = u64::try_from(free.max(0)).unwrap_or(u64::MAX);
        t.told_free.push(Some(free));
        say!(t, "  repo.available: {free}");
        (SALES_OK, free)
    }

    fn reserve(&self, op: &Op, bytes: u64) -> i32 {
        self.repo(op, bytes)
    }

    fn release(&self, op: &Op, bytes: u64) -> i32 {
        self.repo(op, bytes)
    }

    fn consume(&self, op: &Op, bytes: u64) -> i32 {
        self.repo(op, bytes)
    }

    fn reserved(&self) -> (i32, RepoTotal) {
        self.shared.breathe();
        let mut t = self.enter();
        t.totals += 1;
        self.maybe_crash(&mut t, "crash before the total is told");
        let odds = t.odds;
        if t.hit(odds.transient) {
            t.count("repo.reserved fails");
            return (SALES_HOST_TRANSIENT, RepoTotal::default());
        }
        say!(t, "  repo.reserved: {}", t.books.total);
        let books = &t.books;
        let bytes = u64::try_from(books.total).unwrap_or(0);
        (SALES_OK, RepoTotal { bytes, store_id: books.id, store_seq: books.seq })
    }

    fn has_reserved(&self) -> bool {
        self.shared.lock().has.total
    }

    fn has_consume(&self) -> bool {
        self.shared.lock().has.consume
    }
}
