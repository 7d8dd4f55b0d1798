//! The protocol: reserve, release, consume, and what ticks try again. Each is straight code over a [`Port`]; between two of its
//! awaits it holds a claim on its slot and nothing else.

use super::acts::{LedgerAct, OnBooks, OnSlot, Rider, Whole};
use super::record::{add, sub, OfSale, Record, RepoStep};
use super::task::{Done, Port, Task, NO_RECORD};
use super::{backoff_s, Ledger, RepoCan, Retry};
use crate::datastore::group::{Act, Change, Failure};
use crate::error::{Error, Result};
use crate::host::OpKind;
use crate::market::Id;
use crate::status::*;
use std::sync::Arc;

/// The claim of what works on the shortfall, which belongs to no slot.
pub(super) const SHORTFALL: Id = Id([0xff; 32]);

impl Ledger {
    /// Reserves `bytes` for a slot (S4). `with` becomes true in the same commit.
    pub fn reserve(self: &Arc<Self>, slot: Id, bytes: u64, of: Option<OfSale>, with: Change) -> Task {
        let ledger = self.clone();
        Task::new(slot, move |port| async move { ledger.do_reserve(port, slot, bytes, of, with).await })
    }

    async fn do_reserve(self: Arc<Self>, port: Port, slot: Id, bytes: u64, of: Option<OfSale>, with: Change) -> Done {
        if bytes == 0 {
            return Err(Error::new(SALES_ERR_ARGUMENT, "bytes: 0; a reservation has 1 to 2^64-1 bytes"));
        }
        let claim = self.claim(&slot)?;
        let can = self.memory().can;
        if let Some(record) = self.record(&slot)? {
            if record.is_live() {
                return already(&slot, &record, bytes, of.is_some());
            }
            if !can.total {
                let text = format!("slot {slot}: an earlier release of it is still queued; ask again when it is done");
                return Err(Error::new(SALES_ERR_BUSY, text));
            }
        }
        if !can.total && self.memory().owed.contains_key(&slot) {
            let text = format!("slot {slot}: bytes of an earlier reserve are still to be given back; ask again later");
            return Err(Error::new(SALES_ERR_BUSY, text));
        }
        let books = self.books()?;
        if books.shortfall > 0 {
            let text = format!(
                "the repo lost {} bytes it had acknowledged: nothing is reserved before it has them again",
                books.shortfall
            );
            return Err(Error::new(SALES_ERR_SHORT, text));
        }
        // Asked before the repo is: a sum that does not fit must not have to be taken back.
        add(books.held, bytes, "the sum of held bytes")?;
        let _in_flight = self.in_flight(bytes)?;
        if !can.total {
            port.commit(self.on_slot(slot, LedgerAct::Mark(bytes, of))).await.map_err(Failure::error)?;
        }
        if let Err(refusal) = port.repo(OpKind::RepoReserve, slot, bytes, NO_RECORD).await {
            if !can.total {
                self.unmark(&port, slot).await;
            }
            return Err(refusal);
        }
        let mut change = self.on_slot(slot, LedgerAct::Reserve(bytes, of));
        change.extend(with);
        match port.commit(change).await {
            Ok(_) => Ok(SALES_OK),
            // Nobody knows whether it is recorded: giving the bytes back could take a recorded slot's. The next start knows.
            Err(Failure::Unknown(error)) => Err(error),
            Err(Failure::Clean(error) | Failure::Refused(error)) => {
                self.compensate(&port, slot, bytes, can).await?;
                drop(claim);
                Err(error)
            }
        }
    }

    /// The bytes of a reserve that could not be recorded go back; if the repo refuses even that, they are owed.
    async fn compensate(&self, port: &Port, slot: Id, bytes: u64, can: RepoCan) -> Result<()> {
        if port.repo(OpKind::RepoRelease, slot, bytes, NO_RECORD).await.is_ok() {
            if !can.total {
                self.unmark(port, slot).await;
            }
            return Ok(());
        }
        let mut memory = self.memory();
        let owed = memory.owed.entry(slot).or_default();
        *owed = add(*owed, bytes, "owed bytes")?;
        Ok(())
    }

    /// The mark of a refused reserve is taken away durably before the answer; where that fails, with the next commit.
    async fn unmark(&self, port: &Port, slot: Id) {
        if port.commit(self.on_slot(slot, LedgerAct::Unmark)).await.is_err() {
            self.group.ride(Rider::Unmarked(self.birth, slot));
        }
    }

    /// Ends the reservation of a slot (S2). `with` becomes true in the same commit.
    pub fn release(self: &Arc<Self>, slot: Id, by_sale: bool, with: Change) -> Task {
        let ledger = self.clone();
        Task::new(slot, move |port| async move { ledger.do_release(port, slot, by_sale, with).await })
    }

    async fn do_release(self: Arc<Self>, port: Port, slot: Id, by_sale: bool, with: Change) -> Done {
        let claim = self.claim(&slot)?;
        let can = self.memory().can;
        match self.record(&slot)? {
            Some(record) if record.is_live() => {
                if record.of.is_none() && by_sale {
                    let text = format!("slot {slot} was reserved by sales_reserve: no sale may give it back");
                    return Err(Error::new(SALES_ERR_NOT_FOUND, text));
                }
                if record.of.is_some() && !by_sale {
                    let text = format!("slot {slot} belongs to a sale: sales_abandon ends it");
                    return Err(Error::new(SALES_ERR_OWNED_BY_SALE, text));
                }
            }
            _ => return self.not_live(&slot),
        }
        let act = LedgerAct::Release { mark: !can.total, repo_consumes: can.consume };
        let mut change = self.on_slot(slot, act);
        change.extend(with);
        port.commit(change).await.map_err(Failure::error)?;
        let done = self.steps(&port, slot, can).await;
        drop(claim);
        done
    }

    /// Tells how much of a slot's content has landed in total.
    pub fn consume(self: &Arc<Self>, slot: Id, total: u64) -> Task {
        let ledger = self.clone();
        Task::new(slot, move |port| async move { ledger.do_consume(port, slot, total).await })
    }

    async fn do_consume(self: Arc<Self>, port: Port, slot: Id, total: u64) -> Done {
        // Never busy: what comes while the slot is worked on is recorded at once, and its bytes go with the next step.
        let (claim, _loose) = match self.claim(&slot) {
            Ok(claim) => (Some(claim), None),
            Err(_) => (None, Some(self.loose()?)),
        };
        let can = self.memory().can;
        let live = self.record(&slot)?.filter(Record::is_live);
        let Some(record) = live else {
            return Err(Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} has no live reservation")));
        };
        if total <= record.consumed {
            return Ok(SALES_ALREADY);
        }
        let mark = !can.total && claim.is_some();
        let act = LedgerAct::Consume { total, mark, repo_consumes: can.consume };
        port.commit(self.on_slot(slot, act)).await.map_err(Failure::error)?;
        if claim.is_none() {
            self.memory().retry.entry(slot).or_default();
            return Ok(SALES_OK);
        }
        // What landed is recorded, whatever the repo says to the step that follows; a refused one is tried again at ticks.
        self.steps(&port, slot, can).await.map(|_| SALES_OK)
    }

    /// Tries again what the repo refused of a slot.
    pub fn again(self: &Arc<Self>, slot: Id) -> Task {
        let ledger = self.clone();
        Task::new(slot, move |port| async move {
            let claim = ledger.claim(&slot)?;
            let can = ledger.memory().can;
            let done = ledger.steps(&port, slot, can).await;
            drop(claim);
            done
        })
    }

    /// The repo's part of releases and consumptions: one step in flight, leftovers of the same kind folded into the next.
    pub(super) async fn steps(&self, port: &Port, slot: Id, can: RepoCan) -> Done {
        let mut attempts = 0;
        loop {
            // Before the look at the record: what another thread adds after it sets the mark anew.
            if let Some(retry) = self.memory().retry.remove(&slot) {
                attempts = attempts.max(retry.attempts);
            }
            // What is begun is durable: a store that cannot be read now makes it later, and no failure of it.
            let Ok(record) = self.record(&slot) else { return Ok(self.queue(port, slot, attempts)) };
            let Some(record) = record else { break };
            let Some(step) = record.next_step(can.consume) else { break };
            let bytes = step.bytes()?;
            if !can.total
                && record.step != bytes
                && port.commit(self.on_slot(slot, LedgerAct::Step(bytes))).await.is_err()
            {
                return Ok(self.queue(port, slot, attempts));
            }
            let kind = if step.consume { OpKind::RepoConsume } else { OpKind::RepoRelease };
            if port.repo(kind, slot, bytes, record.act).await.is_err() {
                if !can.total {
                    self.group.ride(Rider::Refused(self.birth, slot));
                }
                return Ok(self.queue(port, slot, attempts));
            }
            if !self.settle(port, slot, step, can).await {
                return Ok(self.queue(port, slot, attempts));
            }
        }
        Ok(SALES_OK)
    }

    /// A step is done. A repo that tells its total needs no wait for that to be durable: it rides.
    pub(super) async fn settle(&self, port: &Port, slot: Id, step: RepoStep, can: RepoCan) -> bool {
        let durable = !can.total && port.commit(self.on_slot(slot, LedgerAct::Settle(step))).await.is_ok();
        if !durable {
            self.group.ride(Rider::Settled(self.birth, slot, step));
        }
        durable || can.total
    }

    pub(super) fn queue(&self, port: &Port, slot: Id, attempts: u32) -> i32 {
        let mut retry = Retry { at: port.now(), attempts };
        postpone(&mut retry, port.now());
        self.memory().retry.insert(slot, retry);
        SALES_QUEUED
    }

    /// Gives back what is owed of one slot.
    pub fn repay(self: &Arc<Self>) -> Option<Task> {
        let slot = {
            let mut memory = self.memory();
            let free = |slot: &&Id| !memory.claims.contains(*slot);
            let next = memory.owed.keys().filter(|slot| **slot > memory.owed_tried).find(free);
            let slot = *next.or_else(|| memory.owed.keys().find(free))?;
            memory.owed_tried = slot;
            slot
        };
        let ledger = self.clone();
        Some(Task::new(slot, move |port| async move {
            let claim = ledger.claim(&slot)?;
            let can = ledger.memory().can;
            // Looked up under the claim: another tick may have given it back since this one was begun.
            let Some(bytes) = ledger.memory().owed.get(&slot).copied() else { return Ok(SALES_OK) };
            let named = if slot == SHORTFALL { Id::ZERO } else { slot };
            if port.repo(OpKind::RepoRelease, named, bytes, NO_RECORD).await.is_err() {
                postpone(&mut ledger.memory().retry_owed, port.now());
                return Ok(SALES_QUEUED);
            }
            {
                let mut memory = ledger.memory();
                memory.retry_owed = Retry::default();
                let left = sub(memory.owed.remove(&slot).unwrap_or(0), bytes, "owed bytes")?;
                if left > 0 {
                    memory.owed.insert(slot, left);
                }
            }
            if !can.total {
                ledger.unmark(&port, slot).await;
            }
            drop(claim);
            Ok(SALES_OK)
        }))
    }

    /// Reserves the shortfall anew.
    pub fn refill(self: &Arc<Self>) -> Task {
        let ledger = self.clone();
        Task::new(SHORTFALL, move |port| async move {
            let claim = ledger.claim(&SHORTFALL)?;
            // Where the store cannot be read now, it is asked again later.
            let Ok(bytes) = ledger.books().map(|books| books.shortfall) else {
                postpone(&mut ledger.memory().retry_short, port.now());
                return Ok(SALES_QUEUED);
            };
            let in_flight = ledger.in_flight(bytes)?;
            if port.repo(OpKind::RepoReserve, Id::ZERO, bytes, NO_RECORD).await.is_err() {
                postpone(&mut ledger.memory().retry_short, port.now());
                return Ok(SALES_QUEUED);
            }
            let change: Change = vec![Arc::new(Whole { birth: ledger.birth, act: OnBooks::Refilled(bytes) })];
            let (excess, done) = match port.commit(change).await {
                Ok(excess) => (excess, Ok(SALES_OK)),
                Err(Failure::Unknown(error)) => return Err(error),
                Err(Failure::Clean(error) | Failure::Refused(error)) => (bytes, Err(error)),
            };
            drop(in_flight);
            if excess > 0 {
                let mut memory = ledger.memory();
                let owed = memory.owed.entry(SHORTFALL).or_default();
                *owed = add(*owed, excess, "owed bytes")?;
            }
            // Where the store cannot be read now, the next tick looks again.
            let short = ledger.books().map_or(true, |books| books.shortfall > 0);
            let mut memory = ledger.memory();
            match done {
                Ok(_) => memory.retry_short = Retry::default(),
                Err(_) => postpone(&mut memory.retry_short, port.now()),
            }
            memory.short = short;
            drop(memory);
            drop(claim);
            done
        })
    }

    /// What a tick at `now` has to try again.
    pub fn due(self: &Arc<Self>, now: u64) -> Result<Vec<Task>> {
        let (slots, owed, short) = {
            let memory = self.memory();
            if !memory.open {
                return Ok(Vec::new());
            }
            let due = |retry: &Retry| is_due(retry, now);
            let slots: Vec<Id> = memory
                .retry
                .iter()
                .filter(|(slot, retry)| due(retry) && !memory.claims.contains(*slot))
                .map(|(slot, _)| *slot)
                .collect();
            let short = memory.may_refill() && !memory.claims.contains(&SHORTFALL);
            (slots, !memory.owed.is_empty() && due(&memory.retry_owed), short && due(&memory.retry_short))
        };
        let mut tasks: Vec<Task> = slots.into_iter().map(|slot| self.again(slot)).collect();
        if owed {
            tasks.extend(self.repay());
        }
        if short {
            tasks.push(self.refill());
        }
        Ok(tasks)
    }

    pub(super) fn on_slot(&self, slot: Id, act: LedgerAct) -> Change {
        let act: Arc<dyn Act> = Arc::new(OnSlot { birth: self.birth, slot, act });
        vec![act]
    }

    fn loose(self: &Arc<Self>) -> Result<Loose> {
        let mut memory = self.memory();
        if !memory.open {
            return Err(super::shut());
        }
        memory.loose = memory.loose.saturating_add(1);
        Ok(Loose(self.clone()))
    }

    fn in_flight(self: &Arc<Self>, bytes: u64) -> Result<InFlight> {
        let mut memory = self.memory();
        memory.reserving = add(memory.reserving, bytes, "the sum of bytes being reserved")?;
        Ok(InFlight { ledger: self.clone(), bytes })
    }
}

/// S4: asked again.
fn already(slot: &Id, record: &Record, bytes: u64, by_sale: bool) -> Done {
    match (record.of.is_some(), by_sale) {
        (true, false) => {
            let text = format!("slot {slot} belongs to a sale: sales_abandon ends it");
            Err(Error::new(SALES_ERR_OWNED_BY_SALE, text))
        }
        (false, true) => {
            let text = format!("slot {slot} was reserved by sales_reserve: the engine leaves it alone");
            Err(Error::new(SALES_ERR_AMOUNT, text))
        }
        _ if record.asked == bytes => Ok(SALES_ALREADY),
        _ => {
            let text =
                format!("slot {slot} is reserved with {} bytes, asked for {bytes}: release it first", record.asked);
            Err(Error::new(SALES_ERR_AMOUNT, text))
        }
    }
}

fn postpone(retry: &mut Retry, now: u64) {
    retry.attempts = retry.attempts.saturating_add(1);
    retry.at = now.saturating_add(backoff_s(retry.attempts));
}

/// Also when the clock was set back: a retry further away than the longest pause is due at once.
fn is_due(retry: &Retry, now: u64) -> bool {
    retry.at <= now || retry.at > now.saturating_add(super::BACKOFF_S.1)
}

/// Counts the bytes of a reserve in flight, for the stats.
struct InFlight {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut memory = self.ledger.memory();
        memory.reserving = memory.reserving.saturating_sub(self.bytes);
    }
}

/// A consumption recorded without a claim: a reconcile must not compare while it is under way.
struct Loose(Arc<Ledger>);

impl Drop for Loose {
    fn drop(&mut self) {
        let mut memory = self.0.memory();
        memory.loose = memory.loose.saturating_sub(1);
    }
}
