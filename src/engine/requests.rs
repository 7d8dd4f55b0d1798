//! What is sold and to whom: offers, and requests, each decided on and queued.

use super::events::Taking;
use super::told::{At, News, Told};
use super::work::Work;
use super::{frame, Engine};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::host::{known, OpKind};
use crate::market::{slot_id, Ask, Id};
use crate::sales::acts::SalesAct;
use crate::sales::decision::{decide, Facts, Verdict};
use crate::sales::known::Known;
use crate::sales::offer::{Offer, Terms};
use crate::sales::sale::{Return, Sale, State};
use crate::status::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Slots of one request that are queued.
pub const REQUEST_SLOTS_MAX: u64 = 256;

impl Engine {
    // Offers.

    /// sales_offer_put. A zero id makes a new offer.
    pub fn offer_put(&self, now: u64, id: Id, terms: Terms) -> Result<Id> {
        self.may_write()?;
        self.see(now);
        check_terms(&terms)?;
        let (id, act) = if id == Id::ZERO {
            let offer = Offer::new(self.new_id(), terms);
            (offer.id, SalesAct::NewOffer(Box::new(offer)))
        } else {
            (id, SalesAct::ChangeOffer(id, terms))
        };
        self.commit(vec![Arc::new(act)]).map_err(|failure| failure.error())?;
        if frame::is_inside(self.key) {
            self.stir_inside();
        } else {
            self.outermost(|| {
                self.stir();
                Ok(())
            })?;
        }
        Ok(id)
    }

    fn may_write(&self) -> Result<()> {
        if self.memory().phase == super::Phase::Reopen {
            return self.must_run();
        }
        Ok(())
    }

    /// Of the seeded choices and of the commit before, so that a run that is played again has the same offers, and a host that opens with the same
    /// seed each time has others.
    fn new_id(&self) -> Id {
        let mut id = Id::ZERO;
        self.memory().random.fill(&mut id.0);
        let seq = self.ledger.group().backend().seq().to_le_bytes();
        Id(crate::market::keccak256(&[&id.0[..], &self.ledger.birth(), &seq].concat()))
    }

    /// sales_offer_remove.
    pub fn offer_remove(&self, now: u64, id: Id) -> Result<i32> {
        self.may_write()?;
        self.see(now);
        self.commit(vec![Arc::new(SalesAct::RemoveOffer(id))]).map_err(|failure| failure.error())?;
        Ok(SALES_OK)
    }

    // Requests.

    /// sales_evaluate.
    pub fn evaluate(&self, now: u64, ask: &Ask) -> Result<Verdict> {
        let latest = self.memory().clock.latest.max(now);
        // A callback may ask, but the repo is not called from there: it might ask again, without end.
        if frame::is_inside(self.key) {
            return self.verdict(ask, latest, None);
        }
        self.outermost(|| self.verdict(ask, latest, self.repo_available()))
    }

    /// What the repo has free; `None` where it cannot tell now: then reserve itself is the judge.
    pub(super) fn repo_available(&self) -> Option<u64> {
        let (status, bytes) = self.repo().ok()?.available();
        (known(status) == SALES_OK).then_some(bytes)
    }

    pub(super) fn verdict(&self, ask: &Ask, latest: u64, repo_available: Option<u64>) -> Result<Verdict> {
        let market = self.host().market.unwrap_or_default();
        let short = self.memory().phase == super::Phase::Short;
        self.ledger.group().read(|view, _| {
            let request = Known::load(view, &ask.request_id)?;
            let ends_at = end_of(ask, latest)?;
            let facts = Facts {
                ask,
                ends_at: request.as_ref().map_or(ends_at, |known| known.ends_at),
                started: request.as_ref().is_some_and(|known| known.started),
                now: latest,
                fill_margin_s: super::selling::FILL_MARGIN_S,
                repo_available,
                taken: request.as_ref().map_or(0, |known| known.taken),
                short,
                market,
            };
            Ok(decide(&facts, &Offer::page(view, None, usize::MAX)?))
        })
    }

    fn must_sell(&self) -> Result<()> {
        self.must_run()?;
        let host = self.host();
        for (there, what) in [(host.chain.is_some(), "chain"), (host.content.is_some(), "content")] {
            if !there {
                let text = format!("no {what} is registered: to sell, sales_register_{what} comes before sales_start");
                return Err(Error::new(SALES_ERR_TABLE, text));
            }
        }
        Ok(())
    }

    /// sales_on_request.
    pub fn on_request(&self, now: u64, at: At, ask: Ask) -> Result<i32> {
        self.must_sell()?;
        if ask.request_id == Id::ZERO {
            return Err(Error::new(SALES_ERR_ARGUMENT, "ask: request_id is all zero"));
        }
        match &ask.request {
            Some(request) => ask.agrees_with(request)?,
            None if !self.host().chain.is_some_and(|chain| chain.has(OpKind::ReadRequest)) => {
                let text = "ask: request is NULL, and chain.read_request is not registered: the whole request is needed to store and fill";
                return Err(Error::new(SALES_ERR_ARGUMENT, text));
            }
            None => {}
        }
        self.see(now);
        if at.removed {
            return self.on_event(Told { at, request: ask.request_id, index: None, what: None });
        }
        let news = News::of_ask(&at, &ask.request_id);
        let work = |number| Work::Request(at, Box::new(ask.clone()), number);
        self.of_block(&at, news, work, |number| self.take_in_request(at, ask.clone(), number))
    }

    pub(super) fn take_in_request(&self, at: At, ask: Ask, number: u64) -> Result<i32> {
        let news = News::of_ask(&at, &ask.request_id);
        self.take_in_block(Taking::new(self, news, None, number), || self.request_now(ask))
    }

    fn request_now(&self, ask: Ask) -> Result<i32> {
        loop {
            if self.ledger.group().read(|view, _| Known::load(view, &ask.request_id))?.is_some() {
                return Ok(SALES_ALREADY);
            }
            let (now, latest) = {
                let memory = self.memory();
                (memory.clock.now, memory.clock.latest)
            };
            let verdict = self.verdict(&ask, latest, self.repo_available())?;
            if verdict.offer.is_none() {
                self.refuse(&ask, now, &verdict);
                return Ok(SALES_REFUSED);
            }
            // Also while it was decided.
            if self.is_taken_back() {
                return Ok(SALES_ALREADY);
            }
            let known = Known { ends_at: end_of(&ask, latest)?, ask: ask.clone(), started: false, taken: 0, sales: 0 };
            let sales = self.new_sales(&known, now)?;
            let queue_limit = u64::from(self.options.queue_limit);
            let deadline = sales.iter().map(|sale| sale.next_at).min().unwrap_or(u64::MAX);
            let accept = SalesAct::Accept { known: Box::new(known), sales, queue_limit };
            match self.commit_noted(vec![Arc::new(accept)]) {
                Ok(_) => {
                    self.look_by(deadline);
                    frame::follow(self.key, Work::Schedule);
                    return Ok(SALES_OK);
                }
                // Another thread was told the same, and was faster; but the commit that held both may have failed.
                Err(error) if error.status == SALES_ERR_BUSY => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn refuse(&self, ask: &Ask, now: u64, verdict: &Verdict) {
        let mut memory = self.memory();
        memory.refused = memory.refused.saturating_add(1);
        let event = Event {
            request: ask.request_id,
            status: SALES_REFUSED,
            bytes: ask.slot_size,
            text: verdict.describe(),
            ..Event::new(EventKind::Refused, now)
        };
        memory.outbox.push_back(event);
    }

    fn new_sales(&self, known: &Known, now: u64) -> Result<Vec<Sale>> {
        let slots = known.ask.slots;
        let indexes: Vec<u64> = if slots <= REQUEST_SLOTS_MAX {
            (0..slots).collect()
        } else {
            let mut chosen = BTreeSet::new();
            let mut memory = self.memory();
            while (chosen.len() as u64) < REQUEST_SLOTS_MAX {
                chosen.insert(memory.random.u64(0..slots));
            }
            chosen.into_iter().collect()
        };
        indexes.into_iter().map(|index| self.new_sale(known, index, now)).collect()
    }

    pub(super) fn new_sale(&self, known: &Known, index: u64, now: u64) -> Result<Sale> {
        let ask = &known.ask;
        let collateral = ask.collateral_per_slot().ok_or_else(|| Error::overflow("the collateral of a slot"))?;
        let slot = slot_id(&ask.request_id, index);
        let rank = {
            let mut memory = self.memory();
            // One of the same slot that has left the queue may have rested; this one was not tried yet.
            memory.resting.remove(&slot);
            memory.random.u64(..)
        };
        let mut sale = Sale {
            slot,
            request: ask.request_id,
            index,
            offer: Id::ZERO,
            size: ask.slot_size,
            collateral,
            state: State::Queued,
            back: Return::Clear,
            wanted: None,
            in_queue: true,
            submitted: false,
            unsure: false,
            in_doubt: false,
            check: false,
            repairing: false,
            started: known.started,
            stored: false,
            kept: false,
            expires_at: ask.expires_at,
            ends_at: known.ends_at,
            since: now,
            next_at: u64::MAX,
            attempt: 0,
            act: 0,
            rank,
            last_status: SALES_OK,
            last_text: String::new(),
            proof: Vec::new(),
        };
        sale.next_at = sale.fill_deadline(super::selling::FILL_MARGIN_S);
        Ok(sale)
    }
}

/// When a request ends.
fn end_of(ask: &Ask, now: u64) -> Result<u64> {
    if ask.ends_at > 0 {
        return Ok(ask.ends_at);
    }
    now.checked_add(ask.duration).ok_or_else(|| Error::overflow("now + duration"))
}

fn check_terms(terms: &Terms) -> Result<()> {
    let bad = |text: String| Err(Error::new(SALES_ERR_ARGUMENT, text));
    if terms.total_size == 0 {
        return bad("offer: total_size is 0; an offer sells 1 byte or more".into());
    }
    if terms.max_duration > 0 && terms.min_duration > terms.max_duration {
        return bad(format!("offer: min_duration {} is above max_duration {}", terms.min_duration, terms.max_duration));
    }
    if terms.max_slot_size > 0 && terms.min_slot_size > terms.max_slot_size {
        return bad(format!(
            "offer: min_slot_size {} is above max_slot_size {}",
            terms.min_slot_size, terms.max_slot_size
        ));
    }
    Ok(())
}
