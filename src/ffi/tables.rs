//! The host's tables of callbacks, as the traits the core knows. Each call hands the host structs that live until it returns.

use super::constants::*;
use super::convert;
use super::types::*;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::{Chain, Content, Op, OpKind, Repo, RepoTotal, Slot, Watch};
use crate::market::{Id, Request, U256};
use crate::status::*;
use std::mem::size_of;
use std::sync::Arc;

/// A table that was checked: its required entries are there.
struct Table<T>(T);

// SAFETY: the header says that every entry may be called from any thread, with the user_data given, which this library never follows.
unsafe impl<T> Send for Table<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Table<T> {}

fn required(there: bool, name: &str) -> Result<()> {
    if there {
        return Ok(());
    }
    Err(Error::new(SALES_ERR_TABLE, format!("{name} is NULL; this entry is required")))
}

fn reserved(value: u32, name: &str) -> Result<()> {
    if value == 0 {
        return Ok(());
    }
    Err(Error::new(SALES_ERR_STRUCT, format!("{name}.reserved0 is {value}; it must be 0")))
}

/// A repo, if its table is complete.
pub(super) fn repo(table: sales_repo_t) -> Result<Arc<dyn Repo>> {
    reserved(table.reserved0, "repo")?;
    required(table.available.is_some(), "repo.available")?;
    required(table.reserve.is_some(), "repo.reserve")?;
    required(table.release.is_some(), "repo.release")?;
    Ok(Arc::new(Table(table)))
}

/// A chain, if its table is complete.
pub(super) fn chain(table: sales_chain_t) -> Result<Arc<dyn Chain>> {
    reserved(table.reserved0, "chain")?;
    required(table.fill_slot.is_some(), "chain.fill_slot")?;
    Ok(Arc::new(Table(table)))
}

/// Content, if its table is complete.
pub(super) fn content(table: sales_content_t) -> Result<Arc<dyn Content>> {
    reserved(table.reserved0, "content")?;
    required(table.store.is_some(), "content.store")?;
    required(table.prove.is_some(), "content.prove")?;
    Ok(Arc::new(Table(table)))
}

/// A watch, if its table is complete.
pub(super) fn watch(table: sales_watch_t) -> Result<Arc<dyn Watch>> {
    reserved(table.reserved0, "watch")?;
    required(table.on_event.is_some(), "watch.on_event")?;
    Ok(Arc::new(Table(table)))
}

fn kind(kind: OpKind) -> u32 {
    match kind {
        OpKind::RepoReserve => SALES_OP_REPO_RESERVE,
        OpKind::RepoRelease => SALES_OP_REPO_RELEASE,
        OpKind::RepoConsume => SALES_OP_REPO_CONSUME,
        OpKind::Store => SALES_OP_CONTENT_STORE,
        OpKind::Prove => SALES_OP_CONTENT_PROVE,
        OpKind::Keep => SALES_OP_CONTENT_KEEP,
        OpKind::Clear => SALES_OP_CONTENT_CLEAR,
        OpKind::FillSlot => SALES_OP_CHAIN_FILL_SLOT,
        OpKind::ReserveSlot => SALES_OP_CHAIN_RESERVE_SLOT,
        OpKind::FreeSlot => SALES_OP_CHAIN_FREE_SLOT,
        OpKind::ReadSlot => SALES_OP_CHAIN_READ_SLOT,
        OpKind::ReadRequest => SALES_OP_CHAIN_READ_REQUEST,
    }
}

fn op_of(op: &Op) -> sales_op_t {
    sales_op_t {
        size: size_of::<sales_op_t>() as u32,
        kind: kind(op.kind),
        token: op.token,
        id: op.id,
        attempt: op.attempt,
        reserved: 0,
        store_id: op.store_id,
        store_seq: op.store_seq,
        deadline: op.deadline,
        slot_id: sales_id_t { bytes: op.slot.0 },
    }
}

fn u256(value: U256) -> sales_u256_t {
    sales_u256_t { be: value.to_be_bytes() }
}

fn request_of(request: &Request) -> sales_request_t {
    sales_request_t {
        size: size_of::<sales_request_t>() as u32,
        client: sales_address_t { bytes: request.client },
        proof_probability: u256(request.proof_probability),
        price_per_byte_per_second: u256(request.price_per_byte_per_second),
        collateral_per_byte: u256(request.collateral_per_byte),
        slots: request.slots,
        slot_size: request.slot_size,
        duration: request.duration,
        max_slot_loss: request.max_slot_loss,
        expiry: request.expiry,
        cid: bytes_of(&request.cid),
        merkle_root: sales_id_t { bytes: request.merkle_root },
        nonce: sales_id_t { bytes: request.nonce },
    }
}

fn bytes_of(bytes: &[u8]) -> sales_bytes_t {
    sales_bytes_t { data: bytes.as_ptr(), len: bytes.len() }
}

/// Hands the host an operation and its slot, both alive until `call` returned.
fn with_slot(op: &Op, slot: &Slot<'_>, call: impl FnOnce(*const sales_op_t, *const sales_slot_t) -> i32) -> i32 {
    let (op, request) = (op_of(op), slot.request.map(request_of));
    let slot = sales_slot_t {
        size: size_of::<sales_slot_t>() as u32,
        reserved: 0,
        slot_id: sales_id_t { bytes: slot.id.0 },
        request_id: sales_id_t { bytes: slot.request_id.0 },
        index: slot.index,
        request: request.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
    };
    call(&op, &slot)
}

impl Repo for Table<sales_repo_t> {
    fn available(&self) -> (i32, u64) {
        let Some(entry) = self.0.available else { return (SALES_HOST_PERMANENT, 0) };
        let mut bytes = 0;
        // SAFETY: the host registered this entry with this user_data; the pointer lives until it returns.
        let status = unsafe { entry(self.0.user_data, &mut bytes) };
        (status, bytes)
    }

    fn reserve(&self, op: &Op, bytes: u64) -> i32 {
        let Some(entry) = self.0.reserve else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        unsafe { entry(self.0.user_data, &op_of(op), bytes) }
    }

    fn release(&self, op: &Op, bytes: u64) -> i32 {
        let Some(entry) = self.0.release else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        unsafe { entry(self.0.user_data, &op_of(op), bytes) }
    }

    fn consume(&self, op: &Op, bytes: u64) -> i32 {
        let Some(entry) = self.0.consume else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        unsafe { entry(self.0.user_data, &op_of(op), bytes) }
    }

    fn reserved(&self) -> (i32, RepoTotal) {
        let Some(entry) = self.0.reserved else { return (SALES_HOST_PERMANENT, RepoTotal::default()) };
        let size = size_of::<sales_repo_total_t>() as u32;
        let mut total = sales_repo_total_t { size, reserved0: 0, bytes: 0, store_id: [0; 16], store_seq: 0 };
        // SAFETY: as above.
        let status = unsafe { entry(self.0.user_data, &mut total) };
        (status, RepoTotal { bytes: total.bytes, store_id: total.store_id, store_seq: total.store_seq })
    }

    fn has_reserved(&self) -> bool {
        self.0.reserved.is_some()
    }

    fn has_consume(&self) -> bool {
        self.0.consume.is_some()
    }
}

impl Chain for Table<sales_chain_t> {
    fn fill_slot(&self, op: &Op, slot: &Slot<'_>, proof: &[u8], collateral: &U256) -> i32 {
        let Some(entry) = self.0.fill_slot else { return SALES_HOST_PERMANENT };
        let (proof, collateral) = (bytes_of(proof), u256(*collateral));
        // SAFETY: the host registered this entry with this user_data; all pointers live until it returns.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot, &proof, &collateral) })
    }

    fn reserve_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        let Some(entry) = self.0.reserve_slot else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot) })
    }

    fn free_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        let Some(entry) = self.0.free_slot else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot) })
    }

    fn read_slot(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        let Some(entry) = self.0.read_slot else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot) })
    }

    fn read_request(&self, op: &Op, request: &Id) -> i32 {
        let Some(entry) = self.0.read_request else { return SALES_HOST_PERMANENT };
        let id = sales_id_t { bytes: request.0 };
        // SAFETY: as above.
        unsafe { entry(self.0.user_data, &op_of(op), &id) }
    }

    fn has(&self, kind: OpKind) -> bool {
        match kind {
            OpKind::ReserveSlot => self.0.reserve_slot.is_some(),
            OpKind::FreeSlot => self.0.free_slot.is_some(),
            OpKind::ReadSlot => self.0.read_slot.is_some(),
            OpKind::ReadRequest => self.0.read_request.is_some(),
            kind => kind == OpKind::FillSlot,
        }
    }

    fn has_my_slots(&self) -> bool {
        self.0.read_my_slots.is_some()
    }
}

impl Content for Table<sales_content_t> {
    fn store(&self, op: &Op, slot: &Slot<'_>, until: u64, repairing: bool) -> i32 {
        let Some(entry) = self.0.store else { return SALES_HOST_PERMANENT };
        // SAFETY: the host registered this entry with this user_data; all pointers live until it returns.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot, until, u32::from(repairing)) })
    }

    fn prove(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        let Some(entry) = self.0.prove else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot, std::ptr::null()) })
    }

    fn keep(&self, op: &Op, slot: &Slot<'_>, until: u64) -> i32 {
        let Some(entry) = self.0.keep else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot, until) })
    }

    fn clear(&self, op: &Op, slot: &Slot<'_>) -> i32 {
        let Some(entry) = self.0.clear else { return SALES_HOST_PERMANENT };
        // SAFETY: as above.
        with_slot(op, slot, |op, slot| unsafe { entry(self.0.user_data, op, slot) })
    }

    fn cancel(&self, token: u64) {
        if let Some(entry) = self.0.cancel {
            // SAFETY: as above.
            unsafe { entry(self.0.user_data, token) };
        }
    }

    fn has_cancel(&self) -> bool {
        self.0.cancel.is_some()
    }

    fn has(&self, kind: OpKind) -> bool {
        match kind {
            OpKind::Keep => self.0.keep.is_some(),
            OpKind::Clear => self.0.clear.is_some(),
            kind => matches!(kind, OpKind::Store | OpKind::Prove),
        }
    }
}

impl Watch for Table<sales_watch_t> {
    fn on_event(&self, event: &Event) {
        if let Some(entry) = self.0.on_event {
            let event = convert::event(event);
            // SAFETY: the host registered this entry with this user_data; the event lives until it returns.
            unsafe { entry(self.0.user_data, &event) };
        }
    }

    fn on_deadline(&self, at: u64) {
        if let Some(entry) = self.0.on_deadline {
            // SAFETY: as above.
            unsafe { entry(self.0.user_data, at) };
        }
    }
}
