//! Requests and asks: what is hashed, what is computed from them, and how they are kept in the store.

use super::{keccak256, Id, U256};
use crate::codec::{Decoder, Encoder};
use crate::error::{Error, Result};
use crate::status::*;

/// A storage request, whole. Seconds and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asked.
    pub client: [u8; 20],
    /// How seldom proofs are due.
    pub proof_probability: U256,
    /// Tokens per byte and second.
    pub price_per_byte_per_second: U256,
    /// Tokens per byte of a slot.
    pub collateral_per_byte: U256,
    /// How many slots.
    pub slots: u64,
    /// Bytes of one slot.
    pub slot_size: u64,
    /// Seconds from the request to its end.
    pub duration: u64,
    /// Slots that may be lost.
    pub max_slot_loss: u64,
    /// Seconds from the request to its expiry.
    pub expiry: u64,
    /// The content id.
    pub cid: Vec<u8>,
    /// The content's root.
    pub merkle_root: [u8; 32],
    /// Makes ids of like requests differ.
    pub nonce: [u8; 32],
}

impl Request {
    /// requestId = keccak256(abi.encode(request)).
    pub fn id(&self) -> Id {
        Id(keccak256(&self.abi_encode()))
    }

    /// abi.encode of the contract's struct: (client, ask, content, expiry, nonce) with content = (cid, merkleRoot),
    /// both dynamic, so that the head of each holds offsets.
    pub fn abi_encode(&self) -> Vec<u8> {
        let padded = self.cid.len().div_ceil(32).saturating_mul(32);
        let mut out = Vec::with_capacity(padded.saturating_add(16 * 32));
        let number = |out: &mut Vec<u8>, value: u64| out.extend_from_slice(&U256::from(value).to_be_bytes::<32>());
        number(&mut out, 32); // where the request begins
        out.extend_from_slice(&[0; 12]);
        out.extend_from_slice(&self.client);
        for value in [self.proof_probability, self.price_per_byte_per_second, self.collateral_per_byte] {
            out.extend_from_slice(&value.to_be_bytes::<32>());
        }
        for value in [self.slots, self.slot_size, self.duration, self.max_slot_loss] {
            number(&mut out, value);
        }
        number(&mut out, 11 * 32); // where the content begins, behind the eleven words of the head
        number(&mut out, self.expiry);
        out.extend_from_slice(&self.nonce);
        number(&mut out, 2 * 32); // where the cid begins within the content
        out.extend_from_slice(&self.merkle_root);
        number(&mut out, self.cid.len() as u64);
        out.extend_from_slice(&self.cid);
        out.resize(out.len().saturating_add(padded.saturating_sub(self.cid.len())), 0);
        out
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::begin()
            .raw(&self.client)
            .raw(&self.proof_probability.to_le_bytes::<32>())
            .raw(&self.price_per_byte_per_second.to_le_bytes::<32>())
            .raw(&self.collateral_per_byte.to_le_bytes::<32>())
            .u64(self.slots)
            .u64(self.slot_size)
            .u64(self.duration)
            .u64(self.max_slot_loss)
            .u64(self.expiry)
            .raw(&self.merkle_root)
            .raw(&self.nonce)
            .blob(&self.cid)
            .seal(&[])
    }

    fn read(mut d: Decoder<'_>) -> Result<Self> {
        let request = Request {
            client: d.raw()?,
            proof_probability: U256::from_le_bytes(d.raw::<32>()?),
            price_per_byte_per_second: U256::from_le_bytes(d.raw::<32>()?),
            collateral_per_byte: U256::from_le_bytes(d.raw::<32>()?),
            slots: d.u64()?,
            slot_size: d.u64()?,
            duration: d.u64()?,
            max_slot_loss: d.u64()?,
            expiry: d.u64()?,
            merkle_root: d.raw()?,
            nonce: d.raw()?,
            cid: d.blob()?,
        };
        d.end()?;
        Ok(request)
    }
}

/// What StorageRequested tells, with the whole request where it is known. Times are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The request.
    pub request_id: Id,
    /// How seldom proofs are due.
    pub proof_probability: U256,
    /// Tokens per byte and second.
    pub price_per_byte_per_second: U256,
    /// Tokens per byte of a slot.
    pub collateral_per_byte: U256,
    /// How many slots.
    pub slots: u64,
    /// Bytes of one slot.
    pub slot_size: u64,
    /// Seconds.
    pub duration: u64,
    /// Slots that may be lost.
    pub max_slot_loss: u64,
    /// The last second at which the request may start.
    pub expires_at: u64,
    /// When it ends; 0: unknown.
    pub ends_at: u64,
    /// The whole request.
    pub request: Option<Request>,
}

impl Ask {
    /// pricePerSlot = duration x pricePerBytePerSecond x slotSize; `None` where it does not fit.
    pub fn price_per_slot(&self) -> Option<U256> {
        self.price_per_byte_per_second.checked_mul(U256::from(self.slot_size))?.checked_mul(U256::from(self.duration))
    }

    /// collateralPerSlot = collateralPerByte x slotSize; `None` where it does not fit.
    pub fn collateral_per_slot(&self) -> Option<U256> {
        self.collateral_per_byte.checked_mul(U256::from(self.slot_size))
    }

    /// Holds the whole request against the ask: its hash must be the id, and what both tell must be the same.
    pub fn agrees_with(&self, request: &Request) -> Result<()> {
        let bad = |text: String| Err(Error::new(SALES_ERR_REQUEST, text));
        let id = request.id();
        if id != self.request_id {
            return bad(format!("request_id {} is not the hash of the request, which is {id}", self.request_id));
        }
        for (name, asked, hashed) in [
            ("slots", self.slots, request.slots),
            ("slot_size", self.slot_size, request.slot_size),
            ("duration", self.duration, request.duration),
            ("max_slot_loss", self.max_slot_loss, request.max_slot_loss),
        ] {
            if asked != hashed {
                return bad(format!("{name}: the ask says {asked}, the request {hashed}"));
            }
        }
        for (name, asked, hashed) in [
            ("proof_probability", self.proof_probability, request.proof_probability),
            ("price_per_byte_per_second", self.price_per_byte_per_second, request.price_per_byte_per_second),
            ("collateral_per_byte", self.collateral_per_byte, request.collateral_per_byte),
        ] {
            if asked != hashed {
                return bad(format!("{name}: the ask says {asked}, the request {hashed}"));
            }
        }
        Ok(())
    }

    /// The record of the store.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::begin()
            .raw(&self.request_id.0)
            .raw(&self.proof_probability.to_le_bytes::<32>())
            .raw(&self.price_per_byte_per_second.to_le_bytes::<32>())
            .raw(&self.collateral_per_byte.to_le_bytes::<32>())
            .u64(self.slots)
            .u64(self.slot_size)
            .u64(self.duration)
            .u64(self.max_slot_loss)
            .u64(self.expires_at)
            .u64(self.ends_at)
            .blob(&self.request.as_ref().map(Request::encode).unwrap_or_default())
            .seal(&[])
    }

    /// Reads the record that [`Ask::encode`] writes.
    pub fn decode(record: &[u8]) -> Result<Self> {
        Ask::read(Decoder::open(&[], record, &"an ask")?)
    }

    /// Reads it where it lies within another.
    pub fn read(mut d: Decoder<'_>) -> Result<Self> {
        let ask = Ask {
            request_id: Id(d.raw()?),
            proof_probability: U256::from_le_bytes(d.raw::<32>()?),
            price_per_byte_per_second: U256::from_le_bytes(d.raw::<32>()?),
            collateral_per_byte: U256::from_le_bytes(d.raw::<32>()?),
            slots: d.u64()?,
            slot_size: d.u64()?,
            duration: d.u64()?,
            max_slot_loss: d.u64()?,
            expires_at: d.u64()?,
            ends_at: d.u64()?,
            request: d.inner(&"a request")?.map(Request::read).transpose()?,
        };
        d.end()?;
        Ok(ask)
    }
}
