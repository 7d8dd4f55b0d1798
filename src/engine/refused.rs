//! Events of the chain that the store refused: kept, tried again, each request in its order, and gone when they are taken back.

use super::kept::{LetGo, Put, KEPT_LIMIT};
use super::told::{News, Told};
use super::{frame, is_of_store, Engine, Memory};
use crate::error::{Error, Result};
use crate::market::Id;
use crate::status::*;

/// Requests of which a tick tries what is kept, and the store refuses it, before the others wait for the next tick.
const REFUSED_AT_A_TIME: usize = 3;

/// Something that is kept is in hand. However that ends, a panic included, nobody must find it in hand for ever.
struct Hand<'a> {
    engine: &'a Engine,
    told: &'a Told,
    /// Whether it waits on: the store has not taken it, nor does a sale keep it.
    waits: bool,
    /// It is durable, or was refused for itself.
    durable: bool,
    /// By it the request is over.
    ends: bool,
}

impl Hand<'_> {
    fn let_go(mut self, done: &Result<i32>) {
        self.durable = !done.as_ref().is_err_and(is_of_store);
        self.waits = !self.durable && !frame::is_kept(self.engine.key);
        // One that is left to another thread may still be taken back before it ends anything.
        self.ends = self.told.is_end() && done.as_ref().is_ok_and(|status| *status != SALES_QUEUED);
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        frame::end_news(self.engine.key);
        let mut memory = self.engine.memory();
        let went = memory.kept.let_go(&self.told.request, self.waits, self.ends);
        if went == LetGo::TakenBack {
            memory.take_out_of_sales(&self.told.news().removal(), Some(0));
        }
        if went != LetGo::Waits && !self.told.at.removed {
            memory.clock.blocks.ended(self.told.news(), self.durable.then_some(true));
        }
    }
}

impl Memory {
    /// Something that was told is taken in, or is not; what was taken back meanwhile has no effect any more, and is not to be told again.
    pub(super) fn end_telling(&mut self, news: News, number: u64, durable: Option<bool>) {
        let is_taken_back = self.kept.end_telling(number);
        if news.removed {
            return; // no block counts for it
        }
        if is_taken_back {
            self.take_out_of_sales(&news.removal(), Some(number));
        }
        self.clock.blocks.ended(news, durable.filter(|durable| *durable || !is_taken_back));
    }

    /// An event that is told goes behind what is kept of its request; `None`: nothing is.
    pub(super) fn put_in_line(&mut self, told: Told, number: u64) -> Option<Put> {
        if !self.kept.has(&told.request) && !self.kept.was_told_back(number) {
            return None;
        }
        let put = self.kept.put(told, number);
        if put == Put::Behind {
            // It counts on where it waits.
            self.kept.end_telling(number);
        }
        Some(put)
    }

    /// Whether what a thread tells was taken back since: it has no effect from now on.
    pub(super) fn is_taken_back(&self, told: Option<News>, number: u64) -> bool {
        match told {
            Some(news) if number == 0 => self.kept.was_taken_back(&news),
            _ => self.kept.was_told_back(number),
        }
    }

    /// What waits in the mailboxes of sales and is taken back holds no block any more. `of`: only what came with that telling, because the same may
    /// have been told again since.
    fn take_out_of_sales(&mut self, removal: &News, of: Option<u64>) {
        for mailbox in self.mailboxes.values_mut() {
            let gone = mailbox.take_out(removal, of);
            gone.into_iter().for_each(|(news, _)| self.clock.blocks.ended(news, None));
        }
    }
}

pub fn too_many() -> Error {
    Error::new(SALES_ERR_FULL, format!("{KEPT_LIMIT} events wait for the store already, tell this one again"))
}

impl Engine {
    /// Whether what this thread takes in was taken back since it was told: it has no effect any more.
    pub(super) fn is_taken_back(&self) -> bool {
        self.memory().is_taken_back(frame::news(self.key), frame::number(self.key))
    }

    /// Keeps an event that the store refused, unless a sale does. Answers what the host is told.
    pub(super) fn keep_event(&self, told: Told, error: Error) -> Error {
        if !is_of_store(&error) || frame::is_kept(self.key) {
            return error;
        }
        let mut memory = self.memory();
        match memory.kept.put(told, frame::number(self.key)) {
            Put::TakenBack => return error,
            Put::Full => return too_many(),
            Put::Already => drop(frame::keep_news(self.key)),
            Put::Behind => {
                if let Some(news) = frame::keep_news(self.key) {
                    memory.clock.blocks.told(news.block);
                }
            }
        }
        error
    }

    /// Something is taken back: what waits of it has no effect any more, and is not to be told again by anybody.
    pub(super) fn take_back(&self, told: &Told) {
        let memory = &mut *self.memory();
        memory.clock.blocks.taken_back(&told.news());
        let gone = memory.kept.take_back(&told.news());
        gone.into_iter().for_each(|news| memory.clock.blocks.ended(news, None));
        memory.mailboxes.values_mut().for_each(|mailbox| mailbox.is_taken_back(&told.news()));
        memory.take_out_of_sales(&told.news(), None);
    }

    /// Tries what is kept of a request, first to last. Behind one that the store refuses the others wait, but for an end of the request, which gives
    /// back what a full disk needs. Answers what became of `mine`, or of all.
    pub(super) fn take_in_line(&self, request: &Id, mine: Option<&Told>) -> Result<i32> {
        let mut refused = None;
        let mut answer = None;
        let mut tried: Vec<News> = Vec::new();
        loop {
            let next = {
                let kept = &mut self.memory().kept;
                if refused.is_none() {
                    kept.hold(request)
                } else {
                    kept.hold_end(request, &tried)
                }
            };
            let Some((told, is_over)) = next else { break };
            let done = self.take_in_kept(&told, is_over);
            let stays = done.as_ref().is_err_and(is_of_store);
            if let Err(error) = &done {
                log::warn!(target: "sales", "[{}] an event of the chain, tried again: {error}", self.key);
                if stays && refused.is_none() {
                    refused = Some(error.clone());
                }
            }
            tried.push(told.news());
            if mine.is_some_and(|mine| mine.news() == told.news()) {
                answer = Some(done);
            }
        }
        match (answer, refused) {
            (Some(answer), _) => answer,
            (None, Some(error)) => Err(error),
            // Another thread is at the request, and goes on with it.
            (None, None) => Ok(SALES_QUEUED),
        }
    }

    /// Tries one that is in hand.
    fn take_in_kept(&self, told: &Told, is_over: bool) -> Result<i32> {
        let hand = Hand { engine: self, told, waits: true, durable: false, ends: false };
        frame::begin_news(self.key, (!told.at.removed).then(|| told.news()), 0);
        let done = if is_over { Ok(SALES_ALREADY) } else { self.tell_event(told) };
        hand.let_go(&done);
        done
    }

    /// Tries again what is kept, of each request in its turn. Where the store refuses some, the others wait for the next time.
    pub(super) fn take_in_all_kept(&self) {
        let requests = self.memory().kept.requests();
        let mut refused = 0;
        for request in requests {
            if self.take_in_line(&request, None).is_err() {
                refused += 1;
                if refused == REFUSED_AT_A_TIME {
                    self.memory().kept.had_its_turn(request);
                    return;
                }
            }
        }
    }
}
