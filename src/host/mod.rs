//! What the core needs of the host: a repo, a chain, content, and someone who hears the news. The core knows these traits,
//! never C. An implementation is called with no lock and no transaction held.

use crate::market::{Id, Request, SlotView, U256};
use crate::status::*;

/// What an operation asks for: which entry of which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpKind {
    /// repo.reserve
    RepoReserve,
    /// repo.release
    RepoRelease,
    /// repo.consume
    RepoConsume,
    /// content.store
    Store,
    /// content.prove
    Prove,
    /// content.keep
    Keep,
    /// content.clear
    Clear,
    /// chain.fill_slot
    FillSlot,
    /// chain.reserve_slot
    ReserveSlot,
    /// chain.free_slot
    FreeSlot,
    /// chain.read_slot
    ReadSlot,
    /// chain.read_request
    ReadRequest,
}

impl OpKind {
    /// The entry's name, for texts.
    pub fn name(self) -> &'static str {
        match self {
            OpKind::RepoReserve => "repo.reserve",
            OpKind::RepoRelease => "repo.release",
            OpKind::RepoConsume => "repo.consume",
            OpKind::Store => "content.store",
            OpKind::Prove => "content.prove",
            OpKind::Keep => "content.keep",
            OpKind::Clear => "content.clear",
            OpKind::FillSlot => "chain.fill_slot",
            OpKind::ReserveSlot => "chain.reserve_slot",
            OpKind::FreeSlot => "chain.free_slot",
            OpKind::ReadSlot => "chain.read_slot",
            OpKind::ReadRequest => "chain.read_request",
        }
    }

    /// Whether it may be cancelled: only work on content, never what may stand on the chain or in the books.
    pub fn can_cancel(self) -> bool {
        matches!(self, OpKind::Store | OpKind::Prove)
    }

    /// What its completion must bring, besides a status.
    pub fn owes(self) -> Option<&'static str> {
        match self {
            OpKind::Prove => Some("proof"),
            OpKind::ReadSlot => Some("view"),
            OpKind::ReadRequest => Some("request"),
            _ => None,
        }
    }
}

/// One operation, as it is handed to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Which entry.
    pub kind: OpKind,
    /// What completes it.
    pub token: u64,
    /// The same for each attempt of one act.
    pub id: [u8; 16],
    /// 1 for the first.
    pub attempt: u32,
    /// Which store asks.
    pub store_id: [u8; 16],
    /// Its last durable commit.
    pub store_seq: u64,
    /// Chain time after which the answer is useless; 0: none.
    pub deadline: u64,
    /// The slot it is for; zero: none.
    pub slot: Id,
}

/// A slot, as the host gets it.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// The slot.
    pub id: Id,
    /// Its request.
    pub request_id: Id,
    /// Its index.
    pub index: u64,
    /// The whole request.
    pub request: Option<&'a Request>,
}

/// What repo.reserved gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepoTotal {
    /// Reserved for this module: bytes.
    pub bytes: u64,
    /// The store id kept with it; zero: not kept.
    pub store_id: [u8; 16],
    /// The store's sequence number kept with it.
    pub store_seq: u64,
}

/// The answer to an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// OK or SALES_HOST_*; never a number that is not in the list.
    pub status: i32,
    /// Why, in words.
    pub text: String,
    /// content.prove.
    pub proof: Option<Vec<u8>>,
    /// chain.read_slot.
    pub view: Option<Box<SlotView>>,
    /// chain.read_request.
    pub request: Option<Box<Request>>,
}

impl Answer {
    /// An answer of a status alone. A number that is not in the list means: nobody knows.
    pub fn of(status: i32) -> Self {
        Answer { status: known(status), ..Answer::default() }
    }

    /// Done.
    pub fn is_ok(&self) -> bool {
        self.status == SALES_OK
    }

    /// Nobody knows whether it happened.
    pub fn is_unknown(&self) -> bool {
        self.status == SALES_HOST_UNKNOWN
    }

    /// The status by name, with the host's text where it gave one.
    pub fn describe(&self) -> String {
        let name = crate::status::name(self.status).unwrap_or("SALES_HOST_UNKNOWN");
        if self.text.is_empty() {
            name.to_string()
        } else {
            format!("{name}: {}", self.text)
        }
    }
}

/// A status as a host may answer it; any other number is SALES_HOST_UNKNOWN.
pub fn known(status: i32) -> i32 {
    match status {
        SALES_OK
        | SALES_HOST_TRANSIENT
        | SALES_HOST_NOT_ALLOWED
        | SALES_HOST_STATE_MISMATCH
        | SALES_HOST_PERMANENT
        | SALES_HOST_NO_SPACE
        | SALES_HOST_CANCELLED => status,
        _ => SALES_HOST_UNKNOWN,
    }
}

/// The node's Repo. Statuses are raw: the caller reads them by [`known`], and SALES_PENDING.
pub trait Repo: Send + Sync {
    /// Bytes free to reserve.
    fn available(&self) -> (i32, u64);
    /// Takes bytes from what is free.
    fn reserve(&self, op: &Op, bytes: u64) -> i32;
    /// Gives bytes back to what is free.
    fn release(&self, op: &Op, bytes: u64) -> i32;
    /// Turns reserved bytes into used ones.
    fn consume(&self, op: &Op, bytes: u64) -> i32;
    /// How much is reserved for us.
    fn reserved(&self) -> (i32, RepoTotal);
    /// Whether `reserved` is there.
    fn has_reserved(&self) -> bool;
    /// Whether `consume` is there.
    fn has_consume(&self) -> bool;
}

/// The chain.
pub trait Chain: Send + Sync {
    /// Fills a slot.
    fn fill_slot(&self, op: &Op, slot: &Slot<'_>, proof: &[u8], collateral: &U256) -> i32;
    /// Reserves the right to fill.
    fn reserve_slot(&self, op: &Op, slot: &Slot<'_>) -> i32;
    /// Collects what a slot earned.
    fn free_slot(&self, op: &Op, slot: &Slot<'_>) -> i32;
    /// Reads a slot.
    fn read_slot(&self, op: &Op, slot: &Slot<'_>) -> i32;
    /// Reads a request.
    fn read_request(&self, op: &Op, request: &Id) -> i32;
    /// Whether an optional entry is there.
    fn has(&self, kind: OpKind) -> bool;
    /// Whether the node's slots on chain can be listed.
    fn has_my_slots(&self) -> bool;
}

/// The content of slots.
pub trait Content: Send + Sync {
    /// Gets the content and keeps it.
    fn store(&self, op: &Op, slot: &Slot<'_>, until: u64, repairing: bool) -> i32;
    /// Proves it.
    fn prove(&self, op: &Op, slot: &Slot<'_>) -> i32;
    /// Keeps it longer.
    fn keep(&self, op: &Op, slot: &Slot<'_>, until: u64) -> i32;
    /// Forgets it.
    fn clear(&self, op: &Op, slot: &Slot<'_>) -> i32;
    /// An operation is wanted no more.
    fn cancel(&self, token: u64);
    /// Whether `cancel` is there.
    fn has_cancel(&self) -> bool;
    /// Whether an optional entry is there.
    fn has(&self, kind: OpKind) -> bool;
}

/// Who hears the news.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &crate::event::Event);
    /// The next deadline became earlier.
    fn on_deadline(&self, at: u64);
}
