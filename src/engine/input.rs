//! What the host says: the ledger's calls, offers, requests and events, completions. Inside a callback each leaves its input to the
//! outermost call and answers QUEUED.

use super::blocks::News;
use super::tokens::Completed;
use super::work::{At, Told, Work};
use super::{frame, is_of_store, Answered, Engine, Recovery};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::host::{known, Answer, OpKind};
use crate::ledger::acts::Note;
use crate::ledger::task::Got;
use crate::market::{slot_id, Ask, Id};
use crate::sales::acts::{self, Known, SalesAct};
use crate::sales::decision::{decide, Facts, Verdict};
use crate::sales::offer::{Offer, Terms};
use crate::sales::sale::{Return, Sale, State};
use crate::sales::step::{Happened, Input};
use crate::status::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Slots of one request that are queued.
pub const REQUEST_SLOTS_MAX: u64 = 256;

fn named(slot: &Id, what: &str) -> Result<()> {
    if *slot == Id::ZERO || slot.0 == [0xff; 32] {
        return Err(Error::new(
            SALES_ERR_ARGUMENT,
            format!("{what}: {slot} is no slot's id; ids are hashes (sales_slot_id)"),
        ));
    }
    Ok(())
}

impl Engine {
    /// Does it now, or leaves it to the outermost call when this is a callback.
    fn now_or_queued(&self, work: impl FnOnce() -> Work, now: impl FnOnce() -> Result<i32>) -> Result<i32> {
        if frame::is_inside(self.key) {
            frame::leave(self.key, work())?;
            return Ok(SALES_QUEUED);
        }
        self.outermost(now)
    }

    /// Something of a block, now or later: the block counts as seen when it is durable, not when it is told.
    fn of_block(
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

    fn call_or_queued(
        &self,
        work: impl FnOnce(u64) -> Work,
        now: impl FnOnce() -> Result<Answered>,
    ) -> Result<Answered> {
        if frame::is_inside(self.key) {
            let token = self.tokens.fresh();
            frame::leave(self.key, work(token))?;
            return Ok(Answered { status: SALES_QUEUED, token });
        }
        self.outermost(now)
    }

    // The ledger.

    /// sales_reserve.
    pub fn reserve(&self, now: u64, slot: Id, bytes: u64) -> Result<Answered> {
        self.must_run()?;
        named(&slot, "slot_id")?;
        if bytes == 0 {
            return Err(Error::new(SALES_ERR_ARGUMENT, "bytes: 0; a reservation has 1 to 2^64-1 bytes"));
        }
        self.see(now);
        self.call_or_queued(|token| Work::Reserve(slot, bytes, token), || self.reserve_now(slot, bytes, 0))
    }

    pub(super) fn reserve_now(&self, slot: Id, bytes: u64, token: u64) -> Result<Answered> {
        self.not_of_a_sale(&slot)?;
        self.begin(self.ledger.reserve(slot, bytes, None, Vec::new()), token)
    }

    fn not_of_a_sale(&self, slot: &Id) -> Result<()> {
        match self.ledger.group().read(|view, _| Sale::load(view, slot))? {
            Some(sale) if !sale.is_ended() => {
                let text = format!("slot {slot} belongs to a sale ({}): sales_abandon ends it", sale.state.name());
                Err(Error::new(SALES_ERR_OWNED_BY_SALE, text))
            }
            _ => Ok(()),
        }
    }

    /// sales_release.
    pub fn release(&self, now: u64, slot: Id) -> Result<Answered> {
        self.must_run()?;
        named(&slot, "slot_id")?;
        self.see(now);
        self.call_or_queued(|token| Work::Release(slot, token), || self.release_now(slot, 0))
    }

    pub(super) fn release_now(&self, slot: Id, token: u64) -> Result<Answered> {
        self.not_of_a_sale(&slot)?;
        let now = self.now();
        let bytes = self.ledger.record(&slot)?.map_or(0, |record| record.asked);
        let event = Event { slot, bytes, ..Event::new(EventKind::Released, now) };
        let with: crate::datastore::group::Change =
            vec![Arc::new(Note { event, ends: true }), Arc::new(SalesAct::Prune(self.options.history_limit.into()))];
        let answered = self.begin(self.ledger.release(slot, false, with), token)?;
        self.stir();
        Ok(answered)
    }

    /// sales_consumed.
    pub fn consumed(&self, now: u64, slot: Id, total: u64) -> Result<i32> {
        self.must_run()?;
        named(&slot, "slot_id")?;
        self.see(now);
        self.now_or_queued(|| Work::Consume(slot, total), || self.consume_now(slot, total))
    }

    /// What landed is recorded when the call is answered, also where the repo's part of it pends or is in doubt.
    pub(super) fn consume_now(&self, slot: Id, total: u64) -> Result<i32> {
        let recorded = |engine: &Engine| -> Result<bool> {
            Ok(engine.ledger.record(&slot)?.is_some_and(|record| record.is_live() && record.consumed >= total))
        };
        match self.begin(self.ledger.consume(slot, total), 0) {
            Ok(Answered { status: SALES_PENDING, .. }) => Ok(SALES_OK),
            Ok(answered) => Ok(answered.status),
            Err(error) if error.status == SALES_ERR_IN_DOUBT && recorded(self)? => Ok(SALES_OK),
            Err(error) => Err(error),
        }
    }

    /// sales_resolve.
    pub fn resolve(&self, now: u64, slot: Id, applied: bool) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.now_or_queued(|| Work::Resolve(slot, applied), || self.resolve_now(slot, applied))
    }

    pub(super) fn resolve_now(&self, slot: Id, applied: bool) -> Result<i32> {
        if !self.ledger.is_open() {
            return Err(Error::new(
                SALES_ERR_BUSY,
                "the books are being settled by the repo's total, which settles this slot too",
            ));
        }
        let task = {
            let mut memory = self.memory();
            if matches!(memory.recovery, Recovery::UnderWay) {
                return Err(Error::new(
                    SALES_ERR_BUSY,
                    "the books are being settled by the repo's total, which settles this slot too",
                ));
            }
            // In one breath: from now on it is in flight, and a recovery must see it so.
            let task = memory.doubts.remove(&slot);
            if task.is_some() {
                self.ledger.undoubt(&slot);
            }
            task
        };
        if let Some(mut task) = task {
            task.answered = true;
            let text = format!("slot {slot}: what was in doubt did not take effect, says sales_resolve");
            let got = if applied { Ok(()) } else { Err(Error::new(SALES_HOST_TRANSIENT, text)) };
            self.resume(task, Got::Repo(got));
            return Ok(SALES_OK);
        }
        match self.ledger.group().read(|view, _| Sale::load(view, &slot))? {
            Some(sale) if sale.in_doubt => self.tell_now(slot, Input::Resolved(applied)),
            _ => Err(Error::new(SALES_ERR_NOT_FOUND, format!("nothing of slot {slot} is in doubt"))),
        }
    }

    // Completions.

    /// What an operation out at the host is.
    pub fn kind_of(&self, token: u64) -> Result<OpKind> {
        self.tokens.kind(token)
    }

    /// sales_complete.
    pub fn complete(&self, now: u64, token: u64, mut answer: Answer) -> Result<i32> {
        answer.status = known(answer.status);
        if frame::is_inside(self.key) {
            let completed = self.tokens.complete(token, answer.clone())?;
            self.see(now);
            if let Completed::For(owner) = completed {
                frame::follow(self.key, Work::Continue(owner, answer));
            }
            return Ok(SALES_OK);
        }
        // Within the call from its first look on: a stop waits for whoever holds an answer.
        self.outermost(|| {
            let completed = self.tokens.complete(token, answer.clone())?;
            self.see(now);
            if let Completed::For(owner) = completed {
                self.go_on(owner, answer);
            }
            Ok(SALES_OK)
        })
    }

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
            self.stir();
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
        let news = News::of_ask(&at, &ask.request_id);
        let work = || Work::Request(at, Box::new(ask.clone()));
        self.of_block(&at, news, work, || self.take_in_block(&at, news, || self.request_now(at, ask.clone())))
    }

    pub(super) fn request_now(&self, at: At, ask: Ask) -> Result<i32> {
        if at.removed {
            return self.event_now(Told { at, request: ask.request_id, index: None, what: Happened::TakenBack });
        }
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

    fn new_sale(&self, known: &Known, index: u64, now: u64) -> Result<Sale> {
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

    /// sales_on_slot_filled, _freed, _reservations_full.
    pub fn on_slot(&self, now: u64, at: At, request: Id, index: u64, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: Some(index), what })
    }

    fn on_event(&self, told: Told) -> Result<i32> {
        self.of_block(&told.at, News::of_event(&told), || Work::Event(told), || self.take_in_event(told))
    }

    pub(super) fn take_in_event(&self, told: Told) -> Result<i32> {
        self.take_in_block(&told.at, News::of_event(&told), || self.event_now(told))
    }

    /// What the store refuses is kept in memory until it takes it.
    fn event_now(&self, told: Told) -> Result<i32> {
        let what = if told.at.removed { Happened::TakenBack } else { told.what };
        let done = match told.index {
            Some(index) => self.slot_now(told.request, index, what),
            None => self.request_event_now(told.request, what),
        };
        if done.as_ref().is_err_and(is_of_store) && !frame::is_kept(self.key) {
            self.keep_event(told);
        }
        done
    }

    /// Keeps an event of which no sale was told.
    fn keep_event(&self, told: Told) {
        let mut memory = self.memory();
        if memory.refused_events.len() >= frame::WORK_LIMIT {
            return;
        }
        memory.refused_events.push(told);
        if let Some(news) = frame::keep_news(self.key) {
            memory.clock.blocks.told(news.block);
        }
    }

    /// A tick tries again what the store refused.
    pub(super) fn take_in_refused_events(&self) {
        let refused = std::mem::take(&mut self.memory().refused_events);
        for told in refused {
            self.log_failure("an event of the chain, tried again", self.take_in_event(told));
        }
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

    /// sales_on_request_fulfilled, _cancelled, _failed, _ended.
    pub fn on_request_event(&self, now: u64, at: At, request: Id, what: Happened) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.on_event(Told { at, request, index: None, what })
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
        if known.is_none() && damaged.is_none() {
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

    /// sales_abandon.
    pub fn abandon(&self, now: u64, slot: Id, force: bool) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.now_or_queued(|| Work::Abandon(slot, force), || self.abandon_now(slot, force))
    }

    pub(super) fn abandon_now(&self, slot: Id, force: bool) -> Result<i32> {
        let load = || self.ledger.group().read(|view, _| Sale::load(view, &slot));
        let Some(sale) = load()? else {
            return Err(Error::new(SALES_ERR_NOT_FOUND, format!("slot {slot} has no sale")));
        };
        if sale.state.is_outcome() {
            return Ok(SALES_ALREADY);
        }
        if !force && (sale.submitted || sale.state >= State::Filled) {
            return Err(in_use(&sale));
        }
        self.tell_now(slot, Input::Abandon(force))?;
        match load()? {
            Some(sale) if sale.state.is_outcome() => Ok(SALES_OK),
            // It was filled in between: what the machine did not take was not done.
            Some(sale) if !force && (sale.submitted || sale.state >= State::Filled) => Err(in_use(&sale)),
            Some(_) => Ok(SALES_QUEUED),
            None => Ok(SALES_OK),
        }
    }
}

fn in_use(sale: &Sale) -> Error {
    let text = format!(
        "slot {} is {}: it is ours on chain or may be; SALES_ABANDON_FILLED gives it up all the same",
        sale.slot,
        sale.state.name()
    );
    Error::new(SALES_ERR_IN_USE, text)
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
