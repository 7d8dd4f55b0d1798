//! What a step of a sale asks for, done: of the ledger, and of the host, with nothing held.

use super::drive::Driven;
use super::selling::{After, FILL_MARGIN_S};
use super::tokens::{Called, Owner};
use super::Engine;
use crate::datastore::group::{Change, Failure};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::host::{Answer, Op, OpKind, Slot};
use crate::ledger::acts::Note;
use crate::ledger::record::OfSale;
use crate::ledger::task::Purpose;
use crate::market::{Id, Request};
use crate::sales::acts::{event_of, SalesAct};
use crate::sales::known::Known;
use crate::sales::sale::{Sale, State};
use crate::sales::step::{Effect, Input};
use crate::status::*;
use std::sync::Arc;

/// An operation of the ledger is driven. A panic ends it, and nothing is out.
struct Driving<'a> {
    engine: &'a Engine,
    slot: Option<Id>,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.engine.set_pending(&slot, None);
        }
    }
}

impl Engine {
    pub(super) fn act(&self, sale: &Sale, effect: Effect) -> Result<After> {
        match effect {
            Effect::Rest => Ok(After::Wait),
            Effect::Cancel => {
                let pending = self.memory().mailboxes.get(&sale.slot).and_then(|mailbox| mailbox.pending);
                let content = self.host().content.filter(|content| content.has_cancel());
                if let (Some((_, token)), Some(content)) = (pending, content) {
                    if self.tokens.cancel(token) {
                        content.cancel(token);
                    }
                }
                Ok(After::Wait)
            }
            Effect::Reserve => self.reserve_space(sale),
            Effect::Release => {
                let change: Change = vec![Arc::new(SalesAct::GiveBack(sale.slot))];
                let mut task = self.ledger.release(sale.slot, true, change);
                task.purpose = Purpose::SaleRelease;
                Ok(self.drive_for(sale, task, OpKind::RepoRelease, Input::Released))
            }
            Effect::ReserveSlot => self.ask(sale, OpKind::ReserveSlot),
            Effect::Store => self.ask(sale, OpKind::Store),
            Effect::Prove => self.ask(sale, OpKind::Prove),
            Effect::Fill => self.ask(sale, OpKind::FillSlot),
            Effect::Keep => self.ask(sale, OpKind::Keep),
            Effect::ReadSlot => self.ask(sale, OpKind::ReadSlot),
            Effect::FreeSlot => self.ask(sale, OpKind::FreeSlot),
            Effect::Clear => self.ask(sale, OpKind::Clear),
        }
    }

    fn drive_for(
        &self,
        sale: &Sale,
        mut task: crate::ledger::task::Task,
        kind: OpKind,
        then: impl FnOnce(crate::ledger::task::Done) -> Input,
    ) -> After {
        task.token = self.tokens.fresh();
        let token = task.token;
        // Set before the drive: a completion from another thread may end it before the drive returns, and unset this.
        self.set_pending(&sale.slot, Some((kind, token)));
        let mut driving = Driving { engine: self, slot: Some(sale.slot) };
        let driven = self.drive(task, None);
        driving.slot = None;
        match driven {
            Driven::Ended(_, done) => {
                self.set_pending(&sale.slot, None);
                if kind == OpKind::RepoRelease {
                    self.stir();
                }
                After::Input(then(done))
            }
            Driven::Parked(_) | Driven::Doubted(_) => After::Wait,
        }
    }

    pub(super) fn set_pending(&self, slot: &Id, pending: Option<(OpKind, u64)>) {
        if let Some(mailbox) = self.memory().mailboxes.get_mut(slot) {
            mailbox.pending = pending;
        }
    }

    /// Decides again with what is true now, and reserves the slot's bytes from the offer that fits best.
    pub(super) fn reserve_space(&self, sale: &Sale) -> Result<After> {
        let refuse = |status: i32, text: String| Ok(After::Input(Input::Reserved(Err(Error::new(status, text)))));
        let Some(known) = self.ledger.group().read(|view, _| Known::load(view, &sale.request))? else {
            return Err(Error::internal("the request of a sale is not known"));
        };
        if known.ask.request.is_none() {
            return self.ask(sale, OpKind::ReadRequest);
        }
        let latest = self.memory().clock.latest;
        let verdict = match self.verdict(&known.ask, latest, self.repo_available()) {
            Ok(verdict) => verdict,
            Err(error) => return refuse(error.status, error.text),
        };
        let Some(offer) = verdict.offer else { return refuse(SALES_REFUSED, verdict.describe()) };
        let can = self.host_can();
        let state = if can.reserve_slot { State::ReservingSlot } else { State::Downloading };
        let now = self.now();
        let next_at = sale.fill_deadline(FILL_MARGIN_S);
        let reached = Sale { state, offer, ..sale.clone() };
        let take = SalesAct::Take { slot: sale.slot, offer, state, now, next_at };
        let with: Change =
            vec![Arc::new(take), Arc::new(Note { event: event_of(EventKind::State, now, &reached), ends: false })];
        let of = OfSale { offer, collateral: sale.collateral };
        let mut task = self.ledger.reserve(sale.slot, sale.size, Some(of), with);
        task.purpose = Purpose::SaleReserve;
        Ok(self.drive_for(sale, task, OpKind::RepoReserve, Input::Reserved))
    }

    /// The whole request was read: it is held against the ask and kept. `Some`: the attempt ends with that.
    pub(super) fn learn(&self, sale: &Sale, answer: Answer) -> Result<Option<Input>> {
        let refuse = |status: i32, text: String| Ok(Some(Input::Reserved(Err(Error::new(status, text)))));
        let Some(known) = self.ledger.group().read(|view, _| Known::load(view, &sale.request))? else {
            return Err(Error::internal("the request of a sale is not known"));
        };
        let Some(request) = answer.request.clone().filter(|_| answer.is_ok()) else {
            let status = if answer.is_unknown() { SALES_HOST_TRANSIENT } else { answer.status };
            return refuse(status, format!("chain.read_request answered {}", answer.describe()));
        };
        if let Err(error) = known.ask.agrees_with(&request) {
            return refuse(error.status, error.text);
        }
        if sale.state != State::ReservingSpace || sale.wanted.is_some() {
            return refuse(SALES_REFUSED, "wanted no more".into());
        }
        let ask = crate::market::Ask { request: Some(*request), ..known.ask };
        self.commit(vec![Arc::new(SalesAct::Learn(Box::new(ask)))]).map_err(Failure::error)?;
        Ok(None)
    }

    /// Asks the host for an operation of a sale.
    fn ask(&self, sale: &Sale, kind: OpKind) -> Result<After> {
        let request = match kind {
            OpKind::ReadRequest => None,
            _ => Some(self.request_of(sale)?),
        };
        let host = self.host();
        let (Some(chain), Some(content)) = (host.chain, host.content) else {
            let text = "no chain or no content is registered".to_string();
            return Ok(After::Input(Input::Answered(kind, Answer { text, ..Answer::of(SALES_HOST_TRANSIENT) })));
        };
        let slot = Slot { id: sale.slot, request_id: sale.request, index: sale.index, request: request.as_ref() };
        let keeps = content.has(OpKind::Keep);
        let until = if kind == OpKind::Store && keeps && !sale.started { sale.expires_at } else { sale.ends_at };
        let collateral = self.collateral(sale);
        let op = self.op_for(sale, kind)?;
        // What became true before is told before.
        self.deliver();
        if let Some(mailbox) = self.memory().mailboxes.get_mut(&sale.slot).filter(|_| kind == OpKind::ReadSlot) {
            mailbox.is_asked_for(sale.request);
        }
        let called = self.tokens.call(op, |op| match kind {
            OpKind::ReserveSlot => chain.reserve_slot(op, &slot),
            OpKind::FillSlot => chain.fill_slot(op, &slot, &sale.proof, &collateral),
            OpKind::FreeSlot => chain.free_slot(op, &slot),
            OpKind::ReadSlot => chain.read_slot(op, &slot),
            OpKind::ReadRequest => chain.read_request(op, &sale.request),
            OpKind::Store => content.store(op, &slot, until, sale.repairing),
            OpKind::Prove => content.prove(op, &slot),
            OpKind::Keep => content.keep(op, &slot, until),
            OpKind::Clear => content.clear(op, &slot),
            OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume => SALES_HOST_PERMANENT,
        });
        let token = match called {
            Called::Answered(answer) => return Ok(After::Input(Input::Answered(kind, answer))),
            Called::Pending(token) => token,
        };
        self.set_pending(&sale.slot, Some((kind, token)));
        match self.tokens.park(token, Owner::Sale(sale.slot, kind)) {
            None => Ok(After::Wait),
            Some((_, answer)) => {
                self.set_pending(&sale.slot, None);
                Ok(After::Input(Input::Answered(kind, answer)))
            }
        }
    }

    /// The whole request, which the host is promised. Where the store has lost it, nothing is asked of the host.
    fn request_of(&self, sale: &Sale) -> Result<Request> {
        let known = self.ledger.group().read(|view, _| Known::load(view, &sale.request))?;
        known.and_then(|known| known.ask.request).ok_or_else(|| {
            let text = format!(
                "the record of request {}: it is missing or not whole, and the sale of slot {} needs it",
                sale.request, sale.slot
            );
            Error::new(SALES_ERR_RECORD, text)
        })
    }

    /// Filling a slot in Repair costs less.
    fn collateral(&self, sale: &Sale) -> crate::market::U256 {
        let market = self.host().market.filter(|_| sale.repairing);
        market.and_then(|market| market.repair_collateral(sale.collateral)).unwrap_or(sale.collateral)
    }

    fn op_for(&self, sale: &Sale, kind: OpKind) -> Result<Op> {
        let id = self.act_id(&[&self.ledger.birth(), &sale.slot.0, &sale.act.to_le_bytes(), &[kind as u8]]);
        let deadline = if sale.state.is_attempt() { sale.fill_deadline(FILL_MARGIN_S) } else { 0 };
        Ok(Op {
            kind,
            token: 0,
            id,
            attempt: sale.attempt.saturating_add(1),
            store_id: self.ledger.books()?.id,
            store_seq: self.ledger.group().backend().seq(),
            deadline,
            slot: sale.slot,
        })
    }
}
