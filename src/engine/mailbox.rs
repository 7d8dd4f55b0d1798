//! What waits for a sale, in the order in which it is to take it in. Plain data.

use super::told::News;
use crate::host::OpKind;
use crate::sales::step::{Happened, Input};
use std::collections::VecDeque;

/// What a sale has been told and has not yet taken in, and what is out for it.
#[derive(Default)]
pub struct Mailbox {
    pub inbox: VecDeque<Input>,
    /// How what was out has ended. It comes before all that waits in the inbox, also before a step that is put back there because it could not be
    /// written: taken first, that would find nothing out, and do again what was done.
    pub end: Option<Input>,
    pub running: bool,
    /// What the thread that is at it takes in; whether it was taken back since.
    in_step: Option<(Happened, bool)>,
    pub pending: Option<(OpKind, u64)>,
    /// Of the chain's news that wait in the inbox for the thread that is at the sale: not taken in before it is empty.
    pub news: Vec<News>,
}

impl Mailbox {
    /// What is told comes before what could not be asked for: it may end that, and must not wait for it.
    pub fn put(&mut self, input: Input) {
        let again = matches!(self.inbox.back(), Some(Input::Again));
        let at = self.inbox.len().saturating_sub(usize::from(again));
        // Told again while it waits for the store, it must not wait twice.
        let last = at.checked_sub(1).and_then(|last| self.inbox.get(last));
        match (last, &input) {
            (Some(Input::Happened(waits)), Input::Happened(what)) if waits == what => {}
            _ => self.inbox.insert(at, input),
        }
    }

    /// Whether something of that kind waits, or is being taken in.
    pub fn waits_for(&self, what: Happened) -> bool {
        let in_step = self.in_step.is_some_and(|(taken_in, _)| taken_in == what);
        in_step || self.inbox.iter().any(|input| matches!(input, Input::Happened(waits) if *waits == what))
    }

    /// Takes out what comes next.
    pub fn next(&mut self) -> Option<Input> {
        let next = self.end.take().or_else(|| self.inbox.pop_front());
        self.in_step = match &next {
            Some(Input::Happened(what)) => Some((*what, false)),
            _ => None,
        };
        next
    }

    /// Something that waits, or is being taken in, is taken back.
    pub fn take_back(&mut self, what: Happened) {
        self.inbox.retain(|input| !matches!(input, Input::Happened(waits) if *waits == what));
        self.in_step = self.in_step.map(|(taken_in, off)| (taken_in, off || taken_in == what));
    }

    /// What could not be taken in comes first again, unless it was taken back since; what could not be asked for, last.
    pub fn put_back(&mut self, input: Input) {
        let is_off = matches!(self.in_step.take(), Some((_, true)));
        match (&input, self.inbox.back()) {
            (Input::Happened(_), _) if is_off => {}
            (Input::Again, Some(Input::Again)) => {}
            (Input::Again, _) => self.inbox.push_back(input),
            _ => self.inbox.push_front(input),
        }
    }
}
