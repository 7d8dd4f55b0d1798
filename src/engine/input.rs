//! What the host says: the ledger's calls, completions, and what an operator decides. Inside a callback each leaves its input to the outermost
//! call and answers QUEUED.

use super::tokens::Completed;
use super::work::{Doubt, Said, Word, Work};
use super::{frame, Answered, Engine, Recovery};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::host::{known, Answer, OpKind};
use crate::ledger::acts::Note;
use crate::ledger::record::Record;
use crate::ledger::task::Got;
use crate::market::Id;
use crate::sales::acts::SalesAct;
use crate::sales::sale::{Sale, State};
use crate::sales::step::Input;
use crate::status::*;
use std::sync::Arc;

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
    pub(super) fn now_or_queued(&self, work: impl FnOnce() -> Work, now: impl FnOnce() -> Result<i32>) -> Result<i32> {
        if frame::is_inside(self.key) {
            frame::leave(self.key, work())?;
            return Ok(SALES_QUEUED);
        }
        self.while_running(now)
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
        self.while_running(now)
    }

    fn said(&self, slot: &Id) -> Said {
        Said { at: self.ledger.group().backend().seq(), reserves: frame::reserves(self.key, slot) }
    }

    /// Does what was told inside a callback, unless its slot has a sale that was made since, or after a sale was reserved by hand: that was not meant.
    pub(super) fn if_meant(&self, slot: &Id, said: Said, now: impl FnOnce() -> Result<i32>) -> Result<i32> {
        let Some(sale) = self.sale_if_whole(slot)? else { return now() };
        let since = |record: Record| record.is_live() && record.consumed == 0 && record.act > said.at && !said.reserves;
        if sale.act > said.at || sale.is_ended() && self.ledger.record(slot)?.is_some_and(since) {
            let text = format!("slot {slot}: this was told inside a callback, before what the slot has now was begun");
            return Err(Error::new(SALES_ERR_NOT_FOUND, text));
        }
        now()
    }

    /// A damaged record says nothing of which sale it is.
    fn sale_if_whole(&self, slot: &Id) -> Result<Option<Sale>> {
        match self.ledger.group().read(|view, _| Sale::load(view, slot)) {
            Err(error) if error.is_of_record() => Ok(None),
            sale => sale,
        }
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
        self.now_or_queued(|| Work::Consume(slot, total, self.said(&slot)), || self.consume_now(slot, total))
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
    pub fn resolve(&self, now: u64, slot: Id, word: impl Into<Word>) -> Result<i32> {
        let word = word.into();
        self.must_run()?;
        self.see(now);
        self.now_or_queued(|| Work::Resolve(slot, word, self.said(&slot)), || self.resolve_now(slot, word))
    }

    pub(super) fn resolve_now(&self, slot: Id, word: Word) -> Result<i32> {
        let busy = "the books are being settled by the repo's total: call again";
        if !self.ledger.is_open() {
            return Err(Error::new(SALES_ERR_BUSY, busy));
        }
        let sale = || self.ledger.group().read(|view, _| Sale::load(view, &slot));
        let of_sale = word.of != Some(Doubt::Reservation) && sale()?.is_some_and(|sale| sale.in_doubt);
        let task = {
            let mut memory = self.memory();
            if matches!(memory.recovery, Recovery::UnderWay) {
                return Err(Error::new(SALES_ERR_BUSY, busy));
            }
            let of_reservation = word.of != Some(Doubt::Sale) && memory.doubts.contains_key(&slot);
            if of_reservation && of_sale {
                let text = format!("slot {slot}: its reservation is in doubt, and its sale: say which is meant, SALES_RESOLVE_RESERVATION or SALES_RESOLVE_SALE");
                return Err(Error::new(SALES_ERR_ARGUMENT, text));
            }
            // In one breath: from now on it is in flight, and a recovery must see it so.
            let task = of_reservation.then(|| memory.doubts.remove(&slot)).flatten();
            if task.is_some() {
                self.ledger.undoubt(&slot);
            }
            task
        };
        if let Some(mut task) = task {
            task.answered = true;
            let text = format!("slot {slot}: what was in doubt did not take effect, says sales_resolve");
            let got = if word.applied { Ok(()) } else { Err(Error::new(SALES_HOST_TRANSIENT, text)) };
            self.resume(task, Got::Repo(got));
            return Ok(SALES_OK);
        }
        if of_sale {
            return self.tell_now(slot, Input::Resolved(word.applied));
        }
        let of = match word.of {
            None => "nothing",
            Some(Doubt::Reservation) => "no reservation",
            Some(Doubt::Sale) => "no sale",
        };
        Err(Error::new(SALES_ERR_NOT_FOUND, format!("{of} of slot {slot} is in doubt")))
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

    /// sales_abandon.
    pub fn abandon(&self, now: u64, slot: Id, force: bool) -> Result<i32> {
        self.must_run()?;
        self.see(now);
        self.now_or_queued(|| Work::Abandon(slot, force, self.said(&slot)), || self.abandon_now(slot, force))
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
