//! Stores with real records, of every shape: made by the acts that the ledger and selling commit, without an engine.
#![allow(dead_code)] // each test uses its part

pub mod pages;

use sales::datastore::group::{Act, Change, Group};
use sales::datastore::lmdb::LmdbStore;
use sales::event::EventKind;
use sales::ledger::acts::{LedgerAct, Note, OnBooks, OnSlot, Rider, Whole};
use sales::ledger::record::{OfSale, RepoStep};
use sales::market::{slot_id, Ask, Id, Request, U256};
use sales::sales::acts::{event_of, SalesAct};
use sales::sales::known::Known;
use sales::sales::offer::{Offer, Terms};
use sales::sales::sale::{Return, Sale, State};
use std::path::Path;
use std::sync::Arc;

pub const SIZE: u64 = 1 << 16;
const COLLATERAL: u64 = 1000;

/// A store that is being made.
pub struct Shape {
    group: Group<Rider>,
    birth: [u8; 16],
    time: u64,
}

/// An id that looks like a hash.
pub fn id(of: &str, number: u64) -> Id {
    Id(sales::market::keccak256(format!("{of} {number}").as_bytes()))
}

impl Shape {
    pub fn open(dir: &Path) -> Shape {
        let group = Group::new(Box::new(LmdbStore::open(dir, false).expect("opens")));
        let birth = group.backend().birth();
        Shape { group, birth, time: 1_700_000_000 }
    }

    pub fn commit(&self, acts: Change) {
        self.group.commit(acts).expect("a commit");
    }

    fn on_slot(&self, slot: Id, act: LedgerAct) -> Arc<dyn Act> {
        Arc::new(OnSlot { birth: self.birth, slot, act })
    }

    fn sale(&self, slot: &Id) -> Sale {
        self.group.read(|view, _| Sale::load(view, slot)).expect("a read").expect("a sale")
    }

    pub fn started(&self) {
        self.commit(vec![Arc::new(Whole { birth: self.birth, act: OnBooks::Started })]);
    }

    /// A reservation by hand.
    pub fn reserve(&self, number: u64, bytes: u64) {
        self.commit(vec![self.on_slot(id("hand", number), LedgerAct::Reserve(bytes, None))]);
    }

    /// Many of them in one commit.
    pub fn reserve_many(&self, numbers: impl Iterator<Item = u64>) {
        let reserve = |n: u64| self.on_slot(id("hand", n), LedgerAct::Reserve(1000 + n, None));
        self.commit(numbers.map(reserve).collect());
    }

    /// And released, and taken by the repo.
    pub fn release_many(&self, numbers: impl Iterator<Item = u64>) {
        let release = |n: u64| self.on_slot(id("hand", n), LedgerAct::Release { mark: false, repo_consumes: false });
        let step = |n: u64| RepoStep { consume: false, releasing: 1000 + n, consuming: 0 };
        let settle = |n: u64| self.on_slot(id("hand", n), LedgerAct::Settle(step(n)));
        self.commit(numbers.flat_map(|n| [release(n), settle(n)]).collect());
    }

    /// Its content has landed, so far; the repo has not taken that yet.
    pub fn consume(&self, number: u64, total: u64) {
        let act = LedgerAct::Consume { total, mark: false, repo_consumes: false };
        self.commit(vec![self.on_slot(id("hand", number), act)]);
    }

    /// The repo has taken what was consumed.
    pub fn settle(&self, number: u64, consuming: u64) {
        let step = RepoStep { consume: false, releasing: 0, consuming };
        self.commit(vec![self.on_slot(id("hand", number), LedgerAct::Settle(step))]);
    }

    /// Its release begins; `done`: and the repo takes it.
    pub fn release(&self, number: u64, bytes: u64, done: bool) {
        let slot = id("hand", number);
        let event = sales::event::Event { slot, ..sales::event::Event::new(EventKind::Released, self.time) };
        let act = LedgerAct::Release { mark: false, repo_consumes: false };
        self.commit(vec![self.on_slot(slot, act), Arc::new(Note { event, ends: true })]);
        if done {
            let step = RepoStep { consume: false, releasing: bytes, consuming: 0 };
            self.commit(vec![self.on_slot(slot, LedgerAct::Settle(step))]);
        }
    }

    /// A reserve is asked of a repo that cannot tell its total.
    pub fn mark(&self, number: u64, bytes: u64) {
        self.commit(vec![self.on_slot(id("hand", number), LedgerAct::Mark(bytes, None))]);
    }

    pub fn offer(&self, number: u64) -> Id {
        let id = id("offer", number);
        let terms =
            Terms { enabled: true, total_size: 1 << 40, total_collateral: U256::from(1u64 << 40), ..Terms::default() };
        self.commit(vec![Arc::new(SalesAct::NewOffer(Box::new(Offer::new(id, terms))))]);
        id
    }

    /// A request of so many slots, with a content id of so many bytes; its slots are queued.
    pub fn request(&self, number: u64, slots: u64, cid: usize) -> Vec<Id> {
        let request = Request {
            client: [7; 20],
            proof_probability: U256::from(3),
            price_per_byte_per_second: U256::from(2),
            collateral_per_byte: U256::from(1),
            slots,
            slot_size: SIZE,
            duration: 3600,
            max_slot_loss: 1,
            expiry: 600,
            cid: vec![1; cid],
            merkle_root: [2; 32],
            nonce: id("nonce", number).0,
        };
        let request_id = request.id();
        let (expires_at, ends_at) = (self.time + 600, self.time + 3600);
        let ask = Ask {
            request_id,
            proof_probability: request.proof_probability,
            price_per_byte_per_second: request.price_per_byte_per_second,
            collateral_per_byte: request.collateral_per_byte,
            slots,
            slot_size: SIZE,
            duration: 3600,
            max_slot_loss: 1,
            expires_at,
            ends_at,
            request: Some(request),
        };
        let sales: Vec<Sale> = (0..slots).map(|index| self.queued(request_id, index, expires_at, ends_at)).collect();
        let ids = sales.iter().map(|sale| sale.slot).collect();
        let known = Known { ask, ends_at, started: false, taken: 0, sales: 0 };
        self.commit(vec![
            Arc::new(SalesAct::Accept { known: Box::new(known), sales, queue_limit: 100_000 }),
            Arc::new(SalesAct::Seen(number)),
        ]);
        ids
    }

    fn queued(&self, request: Id, index: u64, expires_at: u64, ends_at: u64) -> Sale {
        Sale {
            slot: slot_id(&request, index),
            request,
            index,
            offer: Id::ZERO,
            size: SIZE,
            collateral: U256::from(COLLATERAL),
            state: State::Queued,
            back: Return::Clear,
            wanted: None,
            in_queue: true,
            submitted: false,
            unsure: false,
            in_doubt: false,
            check: false,
            repairing: false,
            started: false,
            stored: false,
            kept: false,
            expires_at,
            ends_at,
            since: self.time,
            next_at: expires_at - 15,
            attempt: 0,
            act: 0,
            rank: index.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            last_status: 0,
            last_text: String::new(),
            proof: Vec::new(),
        }
    }

    /// A sale comes into another state, and its event is written.
    pub fn step(&self, slot: &Id, ends: bool, change: impl FnOnce(&mut Sale)) {
        let was = self.sale(slot);
        let mut now = was.clone();
        change(&mut now);
        let kind = if ends { EventKind::Ended } else { EventKind::State };
        let event = event_of(kind, self.time, &now);
        self.commit(vec![
            Arc::new(SalesAct::Put { was: Box::new(was), now: Box::new(now) }),
            Arc::new(Note { event, ends }),
        ]);
    }

    /// The space of a sale is reserved, from an offer.
    pub fn take(&self, slot: &Id, offer: Id) {
        self.step(slot, false, |sale| {
            (sale.state, sale.in_queue) = (State::ReservingSpace, false);
        });
        let of = OfSale { offer, collateral: U256::from(COLLATERAL) };
        let next_at = self.sale(slot).next_at;
        let take = SalesAct::Take { slot: *slot, offer, state: State::Downloading, now: self.time, next_at };
        self.commit(vec![self.on_slot(*slot, LedgerAct::Reserve(SIZE, Some(of))), Arc::new(take)]);
    }

    /// It is filled and kept.
    pub fn fill(&self, slot: &Id, proof: usize) {
        self.step(slot, false, |sale| {
            (sale.state, sale.stored, sale.submitted, sale.next_at) = (State::Filling, true, true, u64::MAX);
            sale.proof = vec![9; proof];
        });
        if proof == 0 {
            self.step(slot, false, |sale| {
                (sale.state, sale.kept, sale.next_at) = (State::Filled, true, sale.ends_at + 1);
            });
        }
    }

    /// Its request has ended, and everything it held goes back.
    pub fn end(&self, slot: &Id) {
        self.step(slot, false, |sale| {
            (sale.state, sale.back, sale.next_at) = (State::Finished, Return::Release, u64::MAX)
        });
        let release = LedgerAct::Release { mark: false, repo_consumes: false };
        self.commit(vec![self.on_slot(*slot, release), Arc::new(SalesAct::GiveBack(*slot))]);
        let step = RepoStep { consume: false, releasing: SIZE, consuming: 0 };
        self.commit(vec![self.on_slot(*slot, LedgerAct::Settle(step))]);
        self.step(slot, true, |sale| sale.back = Return::Done);
    }

    /// The history is kept at so many events.
    pub fn prune(&self, limit: u64) {
        for _ in 0..64 {
            self.commit(vec![Arc::new(SalesAct::Prune(limit))]);
        }
    }
}

/// A store with something of everything: reservations of all kinds, sales in all states, large values, deep enough trees, free pages.
pub fn mixed(dir: &Path, reservations: u64) {
    let shape = Shape::open(dir);
    shape.started();
    for number in 0..reservations {
        shape.reserve(number, 1000 + number);
    }
    shape.consume(1, 300);
    shape.settle(1, 300);
    shape.consume(2, 400);
    shape.release(3, 1003, true);
    shape.release(4, 1004, false);
    shape.mark(reservations, 77);
    let (first, second) = (shape.offer(1), shape.offer(2));
    shape.offer(3);
    for (number, cid) in [(1, 40), (2, 4096), (3, 2500)] {
        let slots = shape.request(number, 6, cid);
        shape.take(&slots[0], first);
        shape.take(&slots[1], second);
        shape.take(&slots[2], first);
        shape.take(&slots[3], first);
        shape.fill(&slots[0], 0);
        shape.fill(&slots[1], 0);
        shape.fill(&slots[2], 3000);
        shape.end(&slots[1]);
    }
    shape.prune(60);
}
