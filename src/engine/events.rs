//! What the chain tells of slots and requests. Each piece is of a block, which counts as seen when it is durable; what the store refuses is
//! kept in memory, and taken in at a tick.

use super::kept::KEPT_LIMIT;
use super::requests::REQUEST_SLOTS_MAX;
use super::told::{At, News, Told};
use super::work::Work;
use super::{frame, is_of_store, refuses_all, Engine};
use crate::error::{Error, Result};
use crate::market::{slot_id, Id};
use crate::sales::acts::{self, Known, SalesAct};
use crate::sales::sale::Sale;
use crate::sales::step::{Happened, Input};
use crate::status::*;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// Something of the chain is told: its block counts as seen when it is durable.
    fn see_block(&self, at: &At) {
        let clock = &mut self.memory().clock;
        if !at.removed {
            clock.blocks.told(at.block);
            clock.latest = clock.latest.max(at.time);
        }
    }

    /// Takes in what the chain told.
    pub(super) fn take_in_block(&self, at: &At, news: News, body: impl FnOnce() -> Result<i32>) -> Result<i32> {
        frame::begin_news(self.key, (!at.removed).then_some(news));
        let result = body();
        let kept = frame::end_news(self.key);
        let blocks = &mut self.memory().clock.blocks;
        // What the store did not take, and is not kept, must be told again; what was refused for itself need not.
        match &result {
            _ if at.removed => blocks.taken_back(news),
            _ if kept => blocks.ended(news, None),
            Ok(_) => blocks.ended(news, Some(true)),
            Err(error) => blocks.ended(news, Some(!is_of_store(error))),
        }
        result
    }

    /// Something of a block, now or later: the block counts as seen when it is durable, not when it is told.
    pub(super) fn of_block(
        &self,
        at: &At,
        news: News,
        work: impl FnOnce() -> Work,
        now: impl FnOnce() -> Result<i32>,
    ) -> Result<i32> {
        self.see_block(at);
        let inside = frame::is_inside(self.key);
        let done = self.now_or_queued(work, now);
        // From inside a callback, only that too many wait already is an error.
        if inside && done.is_err() && !at.removed {
            self.memory().clock.blocks.ended(news, Some(false));
        }
        done
    }

    /// sales_on_slot_filled, _freed, _reservations_full.
    pub fn on_slot(&self, now: u64, at: At, request: Id, index: u64, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: Some(index), what })
    }

    /// sales_on_request_fulfilled, _cancelled, _failed, _ended.
    pub fn on_request_event(&self, now: u64, at: At, request: Id, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: None, what })
    }

    fn on_event(&self, told: Told) -> Result<i32> {
        self.of_block(&told.at, News::of_event(&told), || Work::Event(told), || self.take_in_event(told))
    }

    pub(super) fn take_in_event(&self, told: Told) -> Result<i32> {
        self.forget_kept(&told);
        // What was told of the request before, and is kept, comes before it.
        let before = self.take_in_kept(Some(&told.request));
        self.take_in_block(&told.at, News::of_event(&told), || match before {
            Ok(()) => self.event_now(told),
            Err(error) => Err(self.keep_event(told, error)),
        })
    }

    /// What the store refuses is kept in memory until it takes it.
    pub(super) fn event_now(&self, told: Told) -> Result<i32> {
        self.tell_event(&told).map_err(|error| self.keep_event(told, error))
    }

    fn tell_event(&self, told: &Told) -> Result<i32> {
        let what = if told.at.removed { Happened::TakenBack } else { told.what };
        match told.index {
            Some(index) => self.slot_now(told.request, index, what),
            None => self.request_event_now(told.request, what),
        }
    }

    /// Keeps an event that the store refused, unless a sale does. Answers what the host is told.
    fn keep_event(&self, told: Told, error: Error) -> Error {
        if !is_of_store(&error) || frame::is_kept(self.key) {
            return error;
        }
        let mut memory = self.memory();
        if !memory.kept.put(told) {
            let text = format!("{KEPT_LIMIT} events wait for the store already, tell this one again: {error}");
            return Error::new(SALES_ERR_FULL, text);
        }
        if let Some(news) = frame::keep_news(self.key) {
            memory.clock.blocks.told(news.block);
        }
        error
    }

    /// An event is told: what is kept of the same is replaced by it; what it takes back has no effect any more, and is not to be told again by anybody.
    fn forget_kept(&self, told: &Told) {
        let mut memory = self.memory();
        let memory = &mut *memory;
        let mut gone = memory.kept.forget(told);
        if told.at.removed {
            let original = News::of_event(told).original();
            for mailbox in memory.mailboxes.values_mut().filter(|mailbox| mailbox.news.contains(&original)) {
                gone.push(original);
                mailbox.news.retain(|news| *news != original);
                mailbox.forget(told.what);
            }
        }
        gone.into_iter().for_each(|news| memory.clock.blocks.ended(news, None));
    }

    /// Tries again what is kept of a request, or all, each request in its order. An error: the store refuses still.
    pub(super) fn take_in_kept(&self, of: Option<&Id>) -> Result<()> {
        let mut tried = BTreeSet::new();
        loop {
            let Some(told) = self.memory().kept.take(of, &tried) else { return Ok(()) };
            let done = self.take_in_block(&told.at, News::of_event(&told), || {
                self.tell_event(&told).map_err(|error| self.keep_again(told, error))
            });
            let Err(error) = done else { continue };
            log::warn!(target: "sales", "[{}] an event of the chain, tried again: {error}", self.key);
            if is_of_store(&error) {
                tried.insert(told.request);
                if of.is_some() || refuses_all(&error) {
                    return Err(error);
                }
            }
        }
    }

    fn keep_again(&self, told: Told, error: Error) -> Error {
        if is_of_store(&error) && !frame::is_kept(self.key) {
            let mut memory = self.memory();
            memory.kept.put_back(told);
            if let Some(news) = frame::keep_news(self.key) {
                memory.clock.blocks.told(news.block);
            }
        }
        error
    }

    fn slot_now(&self, request: Id, index: u64, what: Happened) -> Result<i32> {
        let slot = slot_id(&request, index);
        loop {
            let sale = self.ledger.group().read(|view, _| Sale::load(view, &slot))?;
            if sale.as_ref().is_some_and(|sale| !sale.is_ended()) {
                return self.tell(slot, Input::Happened(what));
            }
            if what != Happened::SlotFreed {
                return Ok(SALES_ALREADY);
            }
            let Some(known) = self.ledger.group().read(|view, _| Known::load(view, &request))? else {
                return Ok(SALES_ALREADY);
            };
            let has_room = sale.is_some() || u64::from(known.sales) < REQUEST_SLOTS_MAX;
            if index >= known.ask.slots || !has_room {
                return Ok(SALES_ALREADY);
            }
            if self.requeue(&known, index)? {
                return Ok(SALES_OK);
            }
        }
    }

    /// A slot of a known request was freed: it is decided on anew. False: another thread was told the same, and was faster; but the commit that held
    /// both may have failed.
    fn requeue(&self, known: &Known, index: u64) -> Result<bool> {
        let sale = Sale { repairing: true, ..self.new_sale(known, index, self.now())? };
        let deadline = sale.next_at;
        let requeue = SalesAct::Requeue {
            sale: Box::new(sale),
            queue_limit: self.options.queue_limit.into(),
            request_limit: REQUEST_SLOTS_MAX,
        };
        match self.commit_noted(vec![Arc::new(requeue)]) {
            Ok(_) => {
                self.look_by(deadline);
                frame::follow(self.key, Work::Schedule);
                Ok(true)
            }
            Err(error) if error.status == SALES_ERR_BUSY => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn request_event_now(&self, request: Id, what: Happened) -> Result<i32> {
        // What is damaged, be it a sale or the request itself, must not keep the others from being told; it is answered all the same.
        let (known, slots, damaged) = self.ledger.group().read(|view, _| {
            let (mut live, mut damaged) = (Vec::new(), None);
            for slot in acts::slots_of(view, &request)? {
                match Sale::load(view, &slot) {
                    Ok(sale) if sale.as_ref().is_some_and(|sale| !sale.is_ended()) => live.push(slot),
                    Ok(_) => {}
                    Err(error) if error.is_of_record() => damaged = Some(error),
                    Err(error) => return Err(error),
                }
            }
            let known = match Known::load(view, &request) {
                Err(error) if error.is_of_record() => {
                    damaged = Some(error);
                    None
                }
                known => known?,
            };
            Ok((known, live, damaged))
        })?;
        if known.is_none() && damaged.is_none() && slots.is_empty() {
            return Ok(SALES_ALREADY);
        }
        // Also when no sale of it lives: a slot that is freed later is sold by its end, not by its expiry.
        let starts = what == Happened::RequestFulfilled && known.is_some_and(|known| !known.started);
        if starts {
            self.commit_noted(vec![Arc::new(SalesAct::Started(request))])?;
        }
        // Every sale is told, also when one cannot take it in; the first error of the store is answered, and the event may be told again.
        let mut answer = match damaged {
            Some(error) => Err(error),
            None if slots.is_empty() && !starts => Ok(SALES_ALREADY),
            None => Ok(SALES_OK),
        };
        for slot in slots {
            match (self.tell(slot, Input::Happened(what)), &answer) {
                (told @ Err(_), Ok(_)) => answer = told,
                (Err(told), Err(error)) if error.is_of_record() => answer = Err(told),
                (Ok(SALES_QUEUED), Ok(SALES_OK)) => answer = Ok(SALES_QUEUED),
                _ => {}
            }
        }
        answer
    }
}
