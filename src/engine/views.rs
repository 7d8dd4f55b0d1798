//! What the host may look at.

use super::{Engine, Phase};
use crate::error::{Error, Result};
use crate::ledger::record::Record;
use crate::ledger::Overview;
use crate::market::{Id, U256};
use crate::sales::counts::Counts;
use crate::sales::offer::Offer;
use crate::sales::sale::Sale;
use crate::status::*;
use crate::{history, ledger};
use std::ops::ControlFlow;

/// A reservation, with what its sale knows of it.
#[derive(Debug, Clone)]
pub struct ReservationView {
    /// The slot.
    pub slot: Id,
    /// The record.
    pub record: Record,
    /// It is in doubt.
    pub in_doubt: bool,
    /// The request, its index and its end; of a sale only.
    pub sale: Option<(Id, u64, u64)>,
}

impl ReservationView {
    /// Tokens set aside.
    pub fn collateral(&self) -> U256 {
        self.record.of.map_or(U256::ZERO, |of| of.collateral)
    }
}

/// All figures.
#[derive(Debug, Clone)]
pub struct Stats {
    /// SALES_PHASE_*.
    pub phase: u32,
    /// The books.
    pub overview: Overview,
    /// The counts.
    pub counts: Counts,
    /// Slots being attempted.
    pub attempts: u64,
    /// Operations out at the host.
    pub pending_ops: u64,
    /// Greatest block seen.
    pub last_block: u64,
    /// Calls with an earlier `now`.
    pub clock_steps_back: u64,
    /// When to tick.
    pub next_deadline: u64,
    /// The last durable commit.
    pub store_seq: u64,
    /// The last event of the history.
    pub last_event: u64,
    /// Requests refused since the instance was opened.
    pub refused: u64,
}

impl Engine {
    /// sales_reservation.
    pub fn reservation(&self, slot: Id) -> Result<ReservationView> {
        match self.ledger.record(&slot)? {
            Some(record) => self.view(slot, record),
            // A reserve in doubt has no record yet, but the host must be able to see that it is.
            None if self.ledger.is_in_doubt(&slot) => self.view(slot, Record::default()),
            None => Err(Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} has no reservation"))),
        }
    }

    fn view(&self, slot: Id, record: Record) -> Result<ReservationView> {
        let sale = match record.of {
            Some(_) => self.ledger.group().read(|view, _| Sale::load(view, &slot))?,
            None => None,
        };
        let sale = sale.map(|sale| (sale.request, sale.index, sale.ends_at));
        Ok(ReservationView { slot, in_doubt: self.ledger.is_in_doubt(&slot), record, sale })
    }

    /// sales_reservations.
    pub fn reservations(&self, offer: Option<Id>, after: Option<Id>, most: usize) -> Result<Vec<ReservationView>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let found = self.ledger.group().read(|view, riders| {
            let mut found = Vec::new();
            let from = after.map(|id| id.0).unwrap_or_default();
            view.walk(crate::datastore::Table::Slots, &from, &mut |key, _| {
                let Ok(slot) = key.try_into().map(Id) else { return ControlFlow::Continue(()) };
                // A damaged record is passed over here and named by sales_reservation: the others stay readable.
                let record = ledger::overlaid(view, riders, &slot).ok().flatten();
                let wanted = |r: &Record| offer.is_none() || r.of.map(|of| of.offer) == offer;
                if let Some(record) = record.filter(|record| wanted(record) && after != Some(slot)) {
                    found.push((slot, record));
                }
                if found.len() >= most {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            Ok(found)
        })?;
        found.into_iter().map(|(slot, record)| self.view(slot, record)).collect()
    }

    /// sales_offer_get.
    pub fn offer_get(&self, id: Id) -> Result<Offer> {
        let found = self.ledger.group().read(|view, _| Offer::load(view, &id))?;
        found.ok_or_else(|| Error::new(SALES_ERR_NOT_FOUND, format!("there is no offer {id}")))
    }

    /// sales_offer_list.
    pub fn offers(&self, after: Option<Id>, most: usize) -> Result<Vec<Offer>> {
        self.ledger.group().read(|view, _| Offer::page(view, after.as_ref(), most))
    }

    /// sales_sale, and whether an operation of it is out.
    pub fn sale(&self, slot: Id) -> Result<(Sale, bool)> {
        let found = self.ledger.group().read(|view, _| Sale::load(view, &slot))?;
        let sale = found.ok_or_else(|| Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} has no sale")))?;
        Ok((sale, self.is_pending(&slot)))
    }

    fn is_pending(&self, slot: &Id) -> bool {
        self.memory().mailboxes.get(slot).is_some_and(|mailbox| mailbox.pending.is_some())
    }

    /// sales_sales.
    pub fn sales(&self, after: Option<Id>, most: usize) -> Result<Vec<(Sale, bool)>> {
        let page = self.ledger.group().read(|view, _| Sale::page(view, after.as_ref(), most))?;
        Ok(page.into_iter().map(|sale| (self.is_pending(&sale.slot), sale)).map(|(out, sale)| (sale, out)).collect())
    }

    /// sales_stats.
    pub fn stats(&self) -> Result<Stats> {
        let overview: ledger::Overview = self.ledger.overview()?;
        let (counts, last_event) =
            self.ledger.group().read(|view, _| Ok((Counts::load(view)?, history::last(view)?)))?;
        let next_deadline = self.say_deadline();
        let settling = !self.ledger.is_open();
        let memory = self.memory();
        // A repair that failed halfway lets nothing in before it succeeds: whoever looks must see why.
        let phase = if settling && memory.phase.is_running() { Phase::Recovering } else { memory.phase };
        Ok(Stats {
            phase: phase as u32,
            overview,
            counts,
            attempts: memory.attempting.len() as u64,
            pending_ops: self.tokens.len() as u64,
            last_block: memory.clock.blocks.seen(None),
            clock_steps_back: memory.clock.steps_back,
            next_deadline,
            store_seq: self.ledger.group().backend().seq(),
            last_event,
            refused: memory.refused,
        })
    }
}
