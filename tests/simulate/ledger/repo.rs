//! The node's Repo, with its truth: what it has really reserved for us.

use sales::host::{OpKind, RepoTotal};
use sales::market::Id;
use std::collections::BTreeMap;

/// The Repo. It raises (S2) when more is released than reserved.
pub struct Repo {
    pub capacity: i128,
    /// Taken by others.
    pub other: i128,
    /// T: reserved for us.
    pub total: i128,
    /// By the slot that each call named.
    pub of: BTreeMap<Id, i128>,
    /// Whether it keeps the store's id and seq beside its total.
    pub keeps: bool,
    pub id: [u8; 16],
    pub seq: u64,
    /// What it held before each effect since the last start: a crash may bring it back there.
    past: Vec<(i128, [u8; 16], u64)>,
}

impl Repo {
    pub fn new(capacity: i128, keeps: bool) -> Repo {
        Repo { capacity, other: 0, total: 0, of: BTreeMap::new(), keeps, id: [0; 16], seq: 0, past: Vec::new() }
    }

    /// Does it. False: it does not fit.
    pub fn effect(&mut self, kind: OpKind, slot: Id, bytes: u64, store: ([u8; 16], u64)) -> bool {
        let bytes = i128::from(bytes);
        self.past.push((self.total, self.id, self.seq));
        match kind {
            OpKind::RepoReserve if self.total + bytes + self.other > self.capacity => return false,
            OpKind::RepoReserve => {
                self.total += bytes;
                *self.of.entry(slot).or_default() += bytes;
            }
            _ => {
                assert!(bytes <= self.total, "S2: {bytes} bytes released or consumed, {} are reserved", self.total);
                self.total -= bytes;
                *self.of.entry(slot).or_default() -= bytes;
            }
        }
        if self.keeps {
            // Of an id the greatest number.
            self.seq = if self.id == store.0 { self.seq.max(store.1) } else { store.1 };
            self.id = store.0;
        }
        true
    }

    pub fn reserved(&self) -> RepoTotal {
        RepoTotal {
            bytes: u64::try_from(self.total).expect("never more than the capacity"),
            store_id: self.id,
            store_seq: self.seq,
        }
    }

    /// A crash: what was acknowledged last may be lost, everything after it too.
    pub fn forget(&mut self, at: usize) -> bool {
        if self.past.is_empty() {
            return false;
        }
        (self.total, self.id, self.seq) = self.past[at % self.past.len()];
        self.total = self.total.min(self.capacity - self.other.clamp(0, self.capacity));
        true
    }

    /// What was acknowledged is on its disk by now.
    pub fn settled(&mut self) {
        self.past.clear();
    }
}
