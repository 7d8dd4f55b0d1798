//! The news: events in the order of their numbers, told on a thread that called in, with nothing held.

use super::{Answered, Engine};
use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::market::Id;
use crate::status::*;

impl Engine {
    /// A call that was answered before it ended has ended now. It may still pend: then it is told when it ends.
    pub(super) fn tell_done(&self, result: Result<Answered>, slot: Id, token: u64) {
        let (status, text) = match result {
            Ok(Answered { status: SALES_PENDING, .. }) => return,
            Ok(answered) => (answered.status, String::new()),
            Err(error) => (error.status, error.text),
        };
        let mut memory = self.memory();
        let event = Event { slot, token, status, text, ..Event::new(EventKind::Done, memory.clock.now) };
        memory.outbox.push_back(event);
    }

    /// A call made inside a callback has failed, and no token says whose it was.
    pub(super) fn tell_failure(&self, slot: Id, request: Id, result: Result<i32>) {
        if let Err(error) = result {
            log::warn!(target: "sales", "[{}] a call made inside a callback: {error}", self.key);
            let mut memory = self.memory();
            let about =
                Event { slot, request, status: error.status, text: error.text, ..Event::new(EventKind::Done, 0) };
            let event = Event { time: memory.clock.now, ..about };
            memory.outbox.push_back(event);
        }
    }

    /// Something of the whole module needs a human.
    pub(super) fn alert(&self, text: &str) {
        log::warn!(target: "sales", "[{}] {text}", self.key);
        let mut memory = self.memory();
        let event = Event { text: text.to_string(), ..Event::new(EventKind::Alert, memory.clock.now) };
        memory.outbox.push_back(event);
    }

    /// Tells the watch what became durable; false: there was nothing. One thread at a time; what another thread adds meanwhile is told by
    /// the one that is at it, so that the order is kept.
    pub(super) fn deliver(&self) -> bool {
        let watch = self.host().watch;
        {
            let mut memory = self.memory();
            memory.outbox.extend(self.ledger.group().take_news());
            if memory.delivering || memory.outbox.is_empty() {
                return false;
            }
            memory.delivering = true;
        }
        let done = Delivering(self);
        loop {
            let event = {
                let mut memory = self.memory();
                memory.outbox.extend(self.ledger.group().take_news());
                memory.outbox.pop_front()
            };
            let Some(event) = event else { break };
            log::debug!(target: "sales", "[{}] {}", self.key, describe(&event));
            if let Some(watch) = &watch {
                watch.on_event(&event);
            }
        }
        drop(done);
        true
    }

    /// Tells the watch that the next deadline became earlier; false: it did not.
    pub(super) fn announce_deadline(&self) -> bool {
        let watch = self.host().watch;
        let deadline = self.deadline();
        let told = std::mem::replace(&mut self.memory().told_deadline, deadline);
        match watch {
            Some(watch) if deadline < told => {
                watch.on_deadline(deadline);
                true
            }
            _ => false,
        }
    }
}

struct Delivering<'a>(&'a Engine);

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.0.memory().delivering = false;
    }
}

fn describe(event: &Event) -> String {
    let state = crate::sales::sale::State::from_number(event.state).map_or("-", |state| state.name());
    let status = crate::status::name(event.status).unwrap_or("-");
    format!("event {} {:?}: slot {} state {state} status {status} {}", event.number, event.kind, event.slot, event.text)
}
