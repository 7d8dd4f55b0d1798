//! What the chain says of a slot, in the contract's own states.

use super::U256;

/// The contract's states of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Posted, not all slots filled.
    New,
    /// All slots were filled.
    Started,
    /// Expired before it started.
    Cancelled,
    /// Its end has passed.
    Finished,
    /// It lost too many slots.
    Failed,
    /// The host cannot tell.
    Unknown,
}

/// The contract's states of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nobody filled it.
    Free,
    /// Somebody filled it.
    Filled,
    /// Its request has ended.
    Finished,
    /// Its request has failed.
    Failed,
    /// It was paid out.
    Paid,
    /// Its request was cancelled.
    Cancelled,
    /// Its host lost it; it may be filled anew.
    Repair,
    /// The host cannot tell.
    Unknown,
}

impl From<u8> for RequestState {
    fn from(number: u8) -> Self {
        use RequestState::*;
        [New, Started, Cancelled, Finished, Failed].get(usize::from(number)).copied().unwrap_or(Unknown)
    }
}

impl From<u8> for SlotState {
    fn from(number: u8) -> Self {
        use SlotState::*;
        [Free, Filled, Finished, Failed, Paid, Cancelled, Repair].get(usize::from(number)).copied().unwrap_or(Unknown)
    }
}

/// One consistent view of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotView {
    /// The request's state.
    pub request_state: RequestState,
    /// The slot's state.
    pub slot_state: SlotState,
    /// Whether the slot's host is this node.
    pub is_mine: bool,
    /// The request's expiry.
    pub expires_at: u64,
    /// The request's end.
    pub ends_at: u64,
    /// The slot's collateral now.
    pub collateral: U256,
}
