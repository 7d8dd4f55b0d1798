//! The sale: one slot and how far it is. Its record is the checkpoint that a restart goes on from.

use crate::codec::{Decoder, Encoder, Named};
use crate::datastore::{Read, Table};
use crate::error::Result;
use crate::market::{Id, U256};
use std::ops::ControlFlow;

/// Where a sale is. The numbers are those of SALES_SALE_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum State {
    /// Waits for an attempt.
    Queued = 1,
    /// Is decided on again, and its bytes are reserved.
    ReservingSpace = 2,
    /// Reserves the right to fill on chain.
    ReservingSlot = 3,
    /// Its content is being stored.
    Downloading = 4,
    /// Its content is being proved.
    InitialProving = 5,
    /// It is being filled on chain.
    Filling = 6,
    /// It is ours.
    Filled = 7,
    /// A proof of a period is due.
    Proving = 8,
    /// Its pay is being collected.
    Payout = 9,
    /// Its request ended well.
    Finished = 10,
    /// Its request was cancelled or expired.
    Cancelled = 11,
    /// Its request failed.
    Failed = 12,
    /// It was taken from us.
    Lost = 13,
    /// We gave it up.
    Abandoned = 14,
    /// It was not for us.
    Ignored = 15,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [State; 15] = [
        State::Queued,
        State::ReservingSpace,
        State::ReservingSlot,
        State::Downloading,
        State::InitialProving,
        State::Filling,
        State::Filled,
        State::Proving,
        State::Payout,
        State::Finished,
        State::Cancelled,
        State::Failed,
        State::Lost,
        State::Abandoned,
        State::Ignored,
    ];

    /// The state of a number.
    pub fn from_number(number: u32) -> Option<State> {
        State::ALL.into_iter().find(|state| *state as u32 == number)
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::ReservingSpace => "reserving space",
            State::ReservingSlot => "reserving slot",
            State::Downloading => "downloading",
            State::InitialProving => "initial proving",
            State::Filling => "filling",
            State::Filled => "filled",
            State::Proving => "proving",
            State::Payout => "payout",
            State::Finished => "finished",
            State::Cancelled => "cancelled",
            State::Failed => "failed",
            State::Lost => "lost",
            State::Abandoned => "abandoned",
            State::Ignored => "ignored",
        }
    }

    /// One of the ways a sale ends; what it held goes back.
    pub fn is_outcome(self) -> bool {
        self >= State::Finished
    }

    /// Counts against the number of attempts at a time.
    pub fn is_attempt(self) -> bool {
        (State::ReservingSpace..=State::Filling).contains(&self)
    }
}

/// How far what a sale held has gone back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Return {
    /// The content is cleared first: bytes still on disk must not be sold again.
    Clear = 0,
    /// The reservation is released.
    Release = 1,
    /// Everything is back.
    Done = 2,
}

/// A sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The slot.
    pub slot: Id,
    /// Its request.
    pub request: Id,
    /// Its index.
    pub index: u64,
    /// The offer it was sold from; zero before it has one.
    pub offer: Id,
    /// Bytes of the slot.
    pub size: u64,
    /// Tokens to lock.
    pub collateral: U256,
    /// Where it is.
    pub state: State,
    /// How far its return is, in an outcome.
    pub back: Return,
    /// The outcome it goes to once what is pending at the host has ended, or the pay is collected.
    pub wanted: Option<State>,
    /// It waits in the queue's table.
    pub in_queue: bool,
    /// A fill was asked of the chain.
    pub submitted: bool,
    /// ... and its outcome is not known for certain.
    pub unsure: bool,
    /// Nobody but the host's operator can tell whose the slot is.
    pub in_doubt: bool,
    /// The chain must be asked whose it is.
    pub check: bool,
    /// The slot is to be rebuilt.
    pub repairing: bool,
    /// Its request has started: the expiry no longer counts.
    pub started: bool,
    /// Content was asked for: it has to be cleared.
    pub stored: bool,
    /// The content is kept until the end.
    pub kept: bool,
    /// The request's expiry.
    pub expires_at: u64,
    /// The request's end.
    pub ends_at: u64,
    /// When it came into this state.
    pub since: u64,
    /// When something is done next by time.
    pub next_at: u64,
    /// Attempts of what this state does.
    pub attempt: u32,
    /// Which sale of this slot it is: the store's commit that made it. Names the acts asked of the host.
    pub act: u64,
    /// A random rank, so that hosts that see the same request do not all begin with the same slot.
    pub rank: u64,
    /// What the host answered last.
    pub last_status: i32,
    /// Why, in words.
    pub last_text: String,
    /// The initial proof, while it may be needed.
    pub proof: Vec<u8>,
}

impl Sale {
    /// Everything is back.
    pub fn is_ended(&self) -> bool {
        self.state.is_outcome() && self.back == Return::Done
    }

    /// A restart has to look at it: it is neither resting in the queue, nor filled and watched by the clock, nor ended.
    pub fn is_unsettled(&self) -> bool {
        match self.state {
            State::Queued => false,
            State::Filled => !self.is_quiet() || self.next_at == u64::MAX,
            _ => !self.is_ended(),
        }
    }

    /// Filled, and only its end is waited for. Where no clock watches that, a host that can read the chain by now lets one.
    pub fn is_quiet(&self) -> bool {
        self.state == State::Filled && self.kept && !self.check && self.wanted.is_none()
    }

    /// The last second at which a fill may begin, with the margin taken off.
    pub fn fill_deadline(&self, margin_s: u64) -> u64 {
        if self.started {
            self.ends_at.saturating_sub(margin_s)
        } else {
            self.expires_at.saturating_sub(margin_s)
        }
    }

    /// Reads a sale.
    pub fn load(read: &dyn Read, slot: &Id) -> Result<Option<Sale>> {
        read.get(Table::Sales, &slot.0)?.map(|bytes| Sale::decode(*slot, bytes)).transpose()
    }

    /// Reads up to `most` sales after a slot, in the order of slot ids.
    pub fn page(read: &dyn Read, after: Option<&Id>, most: usize) -> Result<Vec<Sale>> {
        let mut page = Vec::new();
        let from = after.map(|id| id.0).unwrap_or_default();
        read.walk(Table::Sales, &from, &mut |key, value| {
            if page.len() == most {
                return ControlFlow::Break(());
            }
            let Ok(slot) = key.try_into().map(Id) else { return ControlFlow::Continue(()) };
            if after != Some(&slot) {
                // A damaged one is passed over here and named by sales_sale: the others stay readable.
                page.extend(Sale::decode(slot, value).ok());
            }
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    /// The record of the store.
    pub fn encode(&self) -> Vec<u8> {
        let flags = [
            self.in_queue,
            self.submitted,
            self.unsure,
            self.in_doubt,
            self.check,
            self.repairing,
            self.started,
            self.stored,
            self.kept,
        ];
        let flags = flags.iter().enumerate().fold(0u32, |bits, (at, set)| bits | (u32::from(*set) << at));
        Encoder::begin()
            .u32(self.state as u32)
            .u8(self.back as u8)
            .u32(self.wanted.map_or(0, |state| state as u32))
            .u32(flags)
            .raw(&self.request.0)
            .u64(self.index)
            .raw(&self.offer.0)
            .u64(self.size)
            .raw(&self.collateral.to_le_bytes::<32>())
            .u64(self.expires_at)
            .u64(self.ends_at)
            .u64(self.since)
            .u64(self.next_at)
            .u32(self.attempt)
            .u64(self.act)
            .u64(self.rank)
            .u32(self.last_status as u32)
            .blob(self.last_text.as_bytes())
            .blob(&self.proof)
            .seal(&self.slot.0)
    }

    /// Reads the record of the store.
    pub fn decode(slot: Id, bytes: &[u8]) -> Result<Sale> {
        let what = Named("the sale of slot", slot);
        let mut d = Decoder::open(&slot.0, bytes, &what)?;
        let state = |d: &Decoder<'_>, number: u32| {
            State::from_number(number).ok_or_else(|| d.unknown(&format!("state {number} is not known")))
        };
        let number = d.u32()?;
        let now = state(&d, number)?;
        let back = match d.u8()? {
            0 => Return::Clear,
            1 => Return::Release,
            2 => Return::Done,
            other => return Err(d.unknown(&format!("return {other} is not known"))),
        };
        let wanted = match d.u32()? {
            0 => None,
            number => Some(state(&d, number)?),
        };
        let flags = d.u32()?;
        if flags >= 1 << 9 {
            return Err(d.unknown(&format!("flags {flags:#x} are not known")));
        }
        let flag = |at: u32| flags & (1 << at) != 0;
        let sale = Sale {
            slot,
            state: now,
            back,
            wanted,
            in_queue: flag(0),
            submitted: flag(1),
            unsure: flag(2),
            in_doubt: flag(3),
            check: flag(4),
            repairing: flag(5),
            started: flag(6),
            stored: flag(7),
            kept: flag(8),
            request: Id(d.raw()?),
            index: d.u64()?,
            offer: Id(d.raw()?),
            size: d.u64()?,
            collateral: U256::from_le_bytes(d.raw::<32>()?),
            expires_at: d.u64()?,
            ends_at: d.u64()?,
            since: d.u64()?,
            next_at: d.u64()?,
            attempt: d.u32()?,
            act: d.u64()?,
            rank: d.u64()?,
            last_status: d.u32()? as i32,
            last_text: d.text()?,
            proof: d.blob()?,
        };
        d.end()?;
        Ok(sale)
    }
}
