//! What the chain tells of slots and requests. Each piece is of a block, which counts as seen when it is durable; what the store refuses is
//! kept in memory, and taken in at a tick.

use super::kept::Put;
use super::refused::too_many;
use super::requests::REQUEST_SLOTS_MAX;
use super::told::{At, News, Told};
use super::work::Work;
use super::{frame, is_of_store, Engine};
use crate::error::Result;
use crate::market::{slot_id, Id};
use crate::sales::acts::SalesAct;
use crate::sales::known::{self, Known};
use crate::sales::sale::Sale;
use crate::sales::step::{Happened, Input};
use crate::status::*;
use std::sync::Arc;

/// Something of a block is taken in. However that ends, a panic included, its block must not wait for it for ever.
pub(super) struct Taking<'a> {
    engine: &'a Engine,
    /// What counts for a block.
    told: Option<News>,
    /// Which telling it is.
    number: u64,
    /// An event, which is kept where a panic ends it.
    event: Option<Told>,
    /// `None`: it is kept, and counts for that.
    durable: Option<bool>,
}

impl<'a> Taking<'a> {
    pub fn new(engine: &'a Engine, news: News, event: Option<Told>, number: u64) -> Taking<'a> {
        Taking { engine, told: (!news.removed).then_some(news), number, event, durable: Some(false) }
    }

    fn end(mut self, durable: Option<bool>) {
        self.event = None;
        self.durable = durable;
    }

    /// It waits in a line, and counts there.
    fn waits(mut self) {
        self.told = None;
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        frame::end_news(self.engine.key);
        let mut memory = self.engine.memory();
        let Some(news) = self.told else {
            memory.kept.end_telling(self.number);
            return;
        };
        if let Some(event) = self.event {
            match memory.kept.put(event, self.number) {
                Put::Behind => {
                    memory.kept.end_telling(self.number);
                    return;
                }
                Put::Already | Put::TakenBack => self.durable = None,
                Put::Full => {}
            }
        }
        memory.end_telling(news, self.number, self.durable);
    }
}

impl Engine {
    /// Something of the chain is told: its block counts as seen when it is durable.
    /// Answers the number of this telling.
    fn see_block(&self, at: &At, news: News) -> u64 {
        let memory = &mut *self.memory();
        if !at.removed {
            memory.clock.blocks.told(at.block);
            memory.clock.latest = memory.clock.latest.max(at.time);
        }
        memory.kept.begin_telling(news)
    }

    /// Takes in what the chain told.
    pub(super) fn take_in_block(&self, taking: Taking<'_>, body: impl FnOnce() -> Result<i32>) -> Result<i32> {
        frame::begin_news(self.key, taking.told, taking.number);
        let result = body();
        let durable = match &result {
            _ if frame::is_kept(self.key) => None,
            // What the store did not take, and is not kept, must be told again; what was refused for itself need not.
            result => Some(result.as_ref().err().is_none_or(|error| !is_of_store(error))),
        };
        taking.end(durable);
        result
    }

    /// Something of a block, now or later: the block counts as seen when it is durable, not when it is told.
    pub(super) fn of_block(
        &self,
        at: &At,
        news: News,
        work: impl FnOnce(u64) -> Work,
        now: impl FnOnce(u64) -> Result<i32>,
    ) -> Result<i32> {
        let number = self.see_block(at, news);
        let mut is_begun = false;
        let now = || {
            is_begun = true;
            now(number)
        };
        let done = self.now_or_queued(|| work(number), now);
        // Too many wait already, or the instance was stopped meanwhile.
        if !is_begun && done.is_err() {
            self.memory().end_telling(news, number, Some(false));
        }
        done
    }

    /// sales_on_slot_filled, _freed, _reservations_full.
    pub fn on_slot(&self, now: u64, at: At, request: Id, index: u64, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: Some(index), what: Some(what) })
    }

    /// sales_on_request_fulfilled, _cancelled, _failed, _ended.
    pub fn on_request_event(&self, now: u64, at: At, request: Id, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: None, what: Some(what) })
    }

    pub(super) fn on_event(&self, told: Told) -> Result<i32> {
        if told.at.removed {
            self.take_back(&told);
        }
        let now = |number| self.take_in_event(told, number);
        self.of_block(&told.at, told.news(), |number| Work::Event(told, number), now)
    }

    /// Behind what is kept of its request, if something is.
    pub(super) fn take_in_event(&self, told: Told, number: u64) -> Result<i32> {
        let taking = Taking::new(self, told.news(), Some(told), number);
        let mut put = self.memory().put_in_line(told, number);
        if put == Some(Put::Full) {
            // There may be room when the store takes what waits before it.
            let _ = self.take_in_line(&told.request, None);
            put = self.memory().put_in_line(told, number);
        }
        match put {
            None => {
                let tell = || self.tell_event(&told).map_err(|error| self.keep_event(told, error));
                return self.take_in_block(taking, tell);
            }
            Some(Put::TakenBack) => {
                taking.end(None);
                return Ok(SALES_ALREADY);
            }
            Some(Put::Full) => {
                taking.end(Some(false));
                return Err(too_many());
            }
            Some(Put::Already) => taking.end(None),
            Some(Put::Behind) => taking.waits(),
        }
        self.take_in_line(&told.request, Some(&told))
    }

    pub(super) fn tell_event(&self, told: &Told) -> Result<i32> {
        let input = match told.what {
            Some(what) if !told.at.removed => Input::Happened(what),
            what => Input::TakenBack(what),
        };
        match told.index {
            Some(index) => self.slot_now(told.request, index, input),
            None => self.request_event_now(told.request, input),
        }
    }

    fn slot_now(&self, request: Id, index: u64, input: Input) -> Result<i32> {
        let slot = slot_id(&request, index);
        loop {
            let sale = self.ledger.group().read(|view, _| Sale::load(view, &slot))?;
            if sale.as_ref().is_some_and(|sale| !sale.is_ended()) {
                return self.tell(slot, input);
            }
            if !matches!(input, Input::Happened(Happened::SlotFreed)) {
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
        if self.is_taken_back() {
            return Ok(true);
        }
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

    fn request_event_now(&self, request: Id, input: Input) -> Result<i32> {
        // What is damaged, be it a sale or the request itself, must not keep the others from being told; it is answered all the same.
        let (known, slots, damaged) = self.ledger.group().read(|view, _| {
            let (mut live, mut damaged) = (Vec::new(), None);
            for slot in known::slots_of(view, &request)? {
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
        let is_start = matches!(input, Input::Happened(Happened::RequestFulfilled));
        let starts = is_start && known.is_some_and(|known| !known.started);
        if starts {
            self.commit_noted(vec![Arc::new(SalesAct::Started(request))])?;
            // A slot that rests because its request had expired may be sold now.
            self.stir();
        }
        // Every sale is told, also when one cannot take it in; the first error of the store is answered, and the event may be told again.
        let mut answer = match damaged {
            Some(error) => Err(error),
            None if slots.is_empty() && !starts => Ok(SALES_ALREADY),
            None => Ok(SALES_OK),
        };
        for slot in slots {
            match (self.tell(slot, input.clone()), &answer) {
                (told @ Err(_), Ok(_)) => answer = told,
                (Err(told), Err(error)) if error.is_of_record() => answer = Err(told),
                (Ok(SALES_QUEUED), Ok(SALES_OK)) => answer = Ok(SALES_QUEUED),
                _ => {}
            }
        }
        answer
    }
}
