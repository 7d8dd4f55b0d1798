//! Offers: what the node sells, and what of it is sold.

use crate::codec::{Decoder, Encoder, Named};
use crate::datastore::{Read, Table, Write};
use crate::error::{Error, Result};
use crate::market::{Id, U256};
use crate::status::*;
use std::ops::ControlFlow;

/// What the node's owner asks for. Limits are inclusive; 0 as an upper limit: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// It takes requests.
    pub enabled: bool,
    /// Bytes it may have sold at a time.
    pub total_size: u64,
    /// Seconds.
    pub min_duration: u64,
    /// Seconds.
    pub max_duration: u64,
    /// Bytes.
    pub min_slot_size: u64,
    /// Bytes.
    pub max_slot_size: u64,
    /// No request that ends later is taken.
    pub until: u64,
    /// Tokens per byte and second.
    pub min_price_per_byte_per_second: U256,
    /// Tokens that may be locked at a time.
    pub total_collateral: U256,
    /// Slots of one request it takes.
    pub max_slots_per_request: u32,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: Id,
    /// Its terms.
    pub terms: Terms,
    /// Bytes sold or being attempted.
    pub used_size: u64,
    /// Collateral locked or set aside.
    pub used_collateral: U256,
    /// Slots sold or being attempted.
    pub sold_slots: u64,
    /// The latest end among them.
    pub sold_until: u64,
}

impl Offer {
    /// A new offer.
    pub fn new(id: Id, terms: Terms) -> Self {
        Offer { id, terms, used_size: 0, used_collateral: U256::ZERO, sold_slots: 0, sold_until: 0 }
    }

    /// Bytes not sold.
    pub fn free_size(&self) -> u64 {
        self.terms.total_size.saturating_sub(self.used_size)
    }

    /// Collateral not locked.
    pub fn free_collateral(&self) -> U256 {
        self.terms.total_collateral.saturating_sub(self.used_collateral)
    }

    /// The same offer with other terms; refused when it has sold more than they allow.
    pub fn with_terms(&self, terms: Terms) -> Result<Offer> {
        let in_use = |text: String| Err(Error::new(SALES_ERR_IN_USE, text));
        if terms.total_size < self.used_size {
            return in_use(format!("total_size: {} is less than the {} bytes sold", terms.total_size, self.used_size));
        }
        if terms.total_collateral < self.used_collateral {
            return in_use(format!(
                "total_collateral: {} is less than the {} tokens locked",
                terms.total_collateral, self.used_collateral
            ));
        }
        if terms.until != 0 && terms.until < self.sold_until {
            return in_use(format!("until: {} is before {}, the end of what is sold", terms.until, self.sold_until));
        }
        Ok(Offer { terms, ..self.clone() })
    }

    /// Takes a slot out of it.
    pub fn take(&mut self, size: u64, collateral: U256, ends_at: u64) -> Result<()> {
        if size > self.free_size() || collateral > self.free_collateral() {
            return Err(Error::new(SALES_ERR_BUSY, format!("offer {} was used up meanwhile", self.id)));
        }
        // Its terms may have changed while the repo was asked.
        if self.terms.until != 0 && ends_at > self.terms.until {
            let text = format!("offer {} ends at {} by now, before {ends_at}", self.id, self.terms.until);
            return Err(Error::new(SALES_ERR_BUSY, text));
        }
        self.used_size = self.used_size.checked_add(size).ok_or_else(|| Error::overflow("sold bytes"))?;
        self.used_collateral =
            self.used_collateral.checked_add(collateral).ok_or_else(|| Error::overflow("collateral"))?;
        self.sold_slots = self.sold_slots.checked_add(1).ok_or_else(|| Error::overflow("sold slots"))?;
        self.sold_until = self.sold_until.max(ends_at);
        Ok(())
    }

    /// Gives a slot back to it.
    pub fn give_back(&mut self, size: u64, collateral: U256) -> Result<()> {
        let below = || Error::internal("an offer got more back than it sold");
        self.used_size = self.used_size.checked_sub(size).ok_or_else(below)?;
        self.used_collateral = self.used_collateral.checked_sub(collateral).ok_or_else(below)?;
        self.sold_slots = self.sold_slots.checked_sub(1).ok_or_else(below)?;
        if self.sold_slots == 0 {
            self.sold_until = 0;
        }
        Ok(())
    }

    /// Reads an offer.
    pub fn load(read: &dyn Read, id: &Id) -> Result<Option<Offer>> {
        read.get(Table::Offers, &id.0)?.map(|bytes| Offer::decode(*id, bytes)).transpose()
    }

    /// Reads up to `most` offers after an id, in the order of their ids.
    pub fn page(read: &dyn Read, after: Option<&Id>, most: usize) -> Result<Vec<Offer>> {
        let mut page = Vec::new();
        let from = after.map(|id| id.0).unwrap_or_default();
        read.walk(Table::Offers, &from, &mut |key, value| {
            if page.len() == most {
                return ControlFlow::Break(());
            }
            let Ok(id) = key.try_into().map(Id) else { return ControlFlow::Continue(()) };
            if after != Some(&id) {
                // A damaged one sells nothing and is named by sales_offer_get: the others stay usable.
                page.extend(Offer::decode(id, value).ok());
            }
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    /// Writes it.
    pub fn save(&self, write: &mut dyn Write) -> Result<()> {
        write.put(Table::Offers, &self.id.0, &self.encode())
    }

    /// The record of the store; the id is its key.
    pub fn encode(&self) -> Vec<u8> {
        let t = &self.terms;
        Encoder::begin()
            .u8(u8::from(t.enabled))
            .u64(t.total_size)
            .u64(t.min_duration)
            .u64(t.max_duration)
            .u64(t.min_slot_size)
            .u64(t.max_slot_size)
            .u64(t.until)
            .raw(&t.min_price_per_byte_per_second.to_le_bytes::<32>())
            .raw(&t.total_collateral.to_le_bytes::<32>())
            .u32(t.max_slots_per_request)
            .u64(self.used_size)
            .raw(&self.used_collateral.to_le_bytes::<32>())
            .u64(self.sold_slots)
            .u64(self.sold_until)
            .seal(&self.id.0)
    }

    /// Reads the record of the store.
    pub fn decode(id: Id, bytes: &[u8]) -> Result<Offer> {
        let what = Named("the record of offer", id);
        let mut d = Decoder::open(&id.0, bytes, &what)?;
        let terms = Terms {
            enabled: d.flag()?,
            total_size: d.u64()?,
            min_duration: d.u64()?,
            max_duration: d.u64()?,
            min_slot_size: d.u64()?,
            max_slot_size: d.u64()?,
            until: d.u64()?,
            min_price_per_byte_per_second: U256::from_le_bytes(d.raw::<32>()?),
            total_collateral: U256::from_le_bytes(d.raw::<32>()?),
            max_slots_per_request: d.u32()?,
        };
        let offer = Offer {
            id,
            terms,
            used_size: d.u64()?,
            used_collateral: U256::from_le_bytes(d.raw::<32>()?),
            sold_slots: d.u64()?,
            sold_until: d.u64()?,
        };
        d.end()?;
        Ok(offer)
    }
}
