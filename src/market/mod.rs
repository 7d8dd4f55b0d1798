//! The marketplace's own terms: requests, asks, ids, money. Facts of the contract, computed as it computes them.

mod request;
mod view;

pub use request::{Ask, Request};
pub use view::{RequestState, SlotState, SlotView};

use crate::error::{Error, Result};
use crate::status::*;
use sha3::{Digest, Keccak256};
use std::fmt;

/// Money: tokens, and tokens per byte or second. Never added or multiplied unchecked.
pub type U256 = ruint::aliases::U256;

/// The id of a request, a slot or an offer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Id(pub [u8; 32]);

impl Id {
    /// No id.
    pub const ZERO: Id = Id([0; 32]);
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// keccak256, the chain's hash.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// slotId = keccak256(abi.encode(requestId, slotIndex)).
pub fn slot_id(request: &Id, index: u64) -> Id {
    let mut words = [0; 64];
    words[..32].copy_from_slice(&request.0);
    words[56..].copy_from_slice(&index.to_be_bytes());
    Id(keccak256(&words))
}

/// A decimal number of digits only, as REST interfaces write it.
pub fn parse_u256(decimal: &str) -> Result<U256> {
    if decimal.is_empty() || !decimal.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::new(SALES_ERR_ARGUMENT, format!("decimal: {decimal:?} is not a number of digits only")));
    }
    U256::from_str_radix(decimal, 10)
        .map_err(|_| Error::new(SALES_ERR_OVERFLOW, format!("decimal: {decimal} is more than 2^256-1")))
}

/// The market's constants, as the host tells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Market {
    /// Percent of the collateral given off for refilling a slot in repair.
    pub repair_reward_percentage: u8,
    /// Longest duration of a request, seconds; 0: no limit.
    pub duration_limit: u64,
}

impl Market {
    /// collateralPerSlot - floor(collateralPerSlot x repairRewardPercentage / 100), for a slot in Repair.
    pub fn repair_collateral(&self, collateral: U256) -> Option<U256> {
        let reward = collateral.checked_mul(U256::from(self.repair_reward_percentage))? / U256::from(100);
        collateral.checked_sub(reward)
    }
}
