//! What waits for a sale, in the order in which it is to take it in. Plain data.

use super::told::{ends_all, News, Telling};
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
    pub news: Vec<Telling>,
    /// The ends of its request that it was told, in whichever block, and that were not taken back since.
    ends: Vec<News>,
    /// The last of them was taken back, and no step was taken since: the end that the sale may wait for does not come.
    pub end_is_off: bool,
}

impl Mailbox {
    /// What is told comes before what could not be asked for: it may end that, and must not wait for it.
    pub fn put(&mut self, input: Input) {
        let again = matches!(self.inbox.back(), Some(Input::Again));
        let at = self.inbox.len().saturating_sub(usize::from(again));
        let last = at.checked_sub(1).and_then(|last| self.inbox.get(last));
        let waits = match &input {
            Input::Happened(what) => matches!(last, Some(Input::Happened(waits)) if waits == what),
            // Taken back, and not told again since.
            Input::TakenBack(what) => {
                let of_it = |waits: &&Input| match waits {
                    Input::Happened(waits) => Some(*waits) == *what,
                    Input::TakenBack(waits) => waits == what,
                    _ => false,
                };
                matches!(self.inbox.iter().rfind(of_it), Some(Input::TakenBack(_)))
            }
            _ => false,
        };
        if !waits {
            self.inbox.insert(at, input);
        }
    }

    /// Whether something was told before and waits. Told again while the store refuses it, it must wait in its place, and once; but not with a telling
    /// that `is_off`.
    pub fn has(&self, news: &News, is_off: impl Fn(u64) -> bool) -> bool {
        let told = self.news.iter().any(|(waits, number)| waits == news && !is_off(*number));
        told && news.what.is_some_and(|what| self.waits_for(what))
    }

    /// The news that wait in the inbox, and by which telling. False: they did already, by this one or by a call that is over; however often the host
    /// tells it while the store refuses it, it is one.
    pub fn keep(&mut self, telling: Telling, is_telling: impl Fn(u64) -> bool) -> bool {
        let (news, number) = telling;
        if self.news.iter().any(|(waits, of)| *waits == news && (*of == number || !is_telling(*of))) {
            return false;
        }
        self.news.push(telling);
        true
    }

    /// Takes out what a removal takes back: of all tellings, or of one.
    pub fn take_out(&mut self, removal: &News, of: Option<u64>) -> Vec<Telling> {
        let is_gone = |(news, number): &Telling| removal.takes_back(news) && of.is_none_or(|of| of == *number);
        let (gone, waits) = std::mem::take(&mut self.news).into_iter().partition(is_gone);
        self.news = waits;
        gone
    }

    /// It is told something of the chain.
    pub fn is_told(&mut self, news: News) {
        if news.is_end() {
            self.end_is_off = false;
            if !self.ends.contains(&news) {
                self.ends.push(news);
            }
        }
    }

    /// Something is taken back, and may not be told to the sale yet. The same end of another block may still stand.
    pub fn end_is_taken_back(&mut self, removal: &News) {
        let before = self.ends.len();
        self.ends.retain(|end| !removal.takes_back(end));
        self.end_is_off |= before > 0 && self.ends.is_empty();
    }

    /// It is told that something was taken back. Of what was told before the last start none knows the blocks.
    pub fn is_told_back(&mut self, what: Option<Happened>) {
        self.end_is_off |= what.is_some_and(ends_all) && self.ends.is_empty();
    }

    /// A step was taken. Where no end is waited for, nor waits to be taken in, none stands any more.
    pub fn has_stepped(&mut self, waits_for_end: bool) {
        let is_end = |input: &Input| matches!(input, Input::Happened(what) if ends_all(*what));
        if !waits_for_end && !self.inbox.iter().any(is_end) {
            self.ends.clear();
        }
    }

    /// Whether it may be forgotten: nothing is out, and nobody waits for an end.
    pub fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.pending.is_none() && self.ends.is_empty() && !self.end_is_off
    }

    /// What no chain tells again, and no operator: it waits for the next start.
    pub fn stays_over_a_stop(mut self) -> Option<Mailbox> {
        // What was not taken in is told again.
        self.ends.retain(|end| !self.news.iter().any(|(waits, _)| waits == end));
        let stays = |input: &Input| matches!(input, Input::TakenBack(_) | Input::Resolved(_) | Input::Abandon(_));
        let inbox: VecDeque<Input> = self.inbox.into_iter().filter(stays).collect();
        let (ends, end_is_off) = (self.ends, self.end_is_off);
        (!inbox.is_empty() || end_is_off).then(|| Mailbox { inbox, ends, end_is_off, ..Mailbox::default() })
    }

    /// Whether something of that kind waits, or is being taken in.
    pub fn waits_for(&self, what: Happened) -> bool {
        let in_step = self.in_step.is_some_and(|(taken_in, _)| taken_in == what);
        in_step || self.inbox.iter().any(|input| matches!(input, Input::Happened(waits) if *waits == what))
    }

    /// Something is asked for by now: what could not be asked for before is done with it, or wanted no more.
    pub fn is_acted_on(&mut self) {
        if matches!(self.inbox.back(), Some(Input::Again)) {
            self.inbox.pop_back();
        }
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
