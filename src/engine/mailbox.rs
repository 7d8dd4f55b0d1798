//! What waits for a sale, in the order in which it is to take it in, and what of the chain's news still stands. Plain data.

use super::told::{ends_all, News, Telling};
use crate::host::OpKind;
use crate::market::Id;
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
    pub pending: Option<(OpKind, u64)>,
    /// Of the chain's news that wait in the inbox for the thread that is at the sale: not taken in before it is empty.
    pub news: Vec<Telling>,
    /// What it was told, in whichever block, and was not taken back since: until it is taken in; an end of its request as long as the sale waits for that.
    told: Vec<News>,
    /// The last end was taken back, and no step was taken since: the end that the sale may wait for does not come.
    pub end_is_off: bool,
    /// The chain was asked for the slot, which is of this request, and nothing came since by which that answer could be from before.
    view_of: Option<Id>,
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

    /// It is told something of the chain. Told again while it waits, because the store refuses it, it waits in its place, and once.
    pub fn is_told(&mut self, news: News, what: Happened) {
        // An older view of any other event is mended by the next, or by what the chain refuses.
        if what == Happened::SlotFreed {
            self.view_of = None;
        }
        self.end_is_off &= !news.is_end();
        let was_told = self.told.contains(&news);
        if !was_told {
            self.told.push(news);
        }
        if !was_told || !waits(&self.inbox, what) {
            self.put(Input::Happened(what));
        }
    }

    /// Something is taken back, of this sale or another, and may not be told to it yet: what of it waits does so no more. The same of another block may
    /// still stand.
    pub fn is_taken_back(&mut self, removal: &News) {
        if self.view_of == Some(removal.of) {
            self.view_of = None;
        }
        self.told.retain(|told| !removal.takes_back(told));
        let told = &self.told;
        self.inbox.retain(|input| !matches!(input, Input::Happened(what) if !stands(told, *what)));
    }

    /// It is told that something was taken back. Of what was told before the last start none knows the blocks.
    pub fn is_told_back(&mut self, what: Option<Happened>) {
        self.end_is_off |= what.is_some_and(ends_all) && self.has_no_end();
        self.put(Input::TakenBack(what));
    }

    fn has_no_end(&self) -> bool {
        !self.told.iter().any(News::is_end)
    }

    /// The chain is asked for the slot.
    pub fn is_asked_for(&mut self, request: Id) {
        self.view_of = Some(request);
    }

    /// Whether what the chain answers may be from before something that was told since it was asked.
    pub fn view_is_old(&self) -> bool {
        self.view_of.is_none()
    }

    /// Whether what is taken in now was taken back since it was told: it has no effect any more.
    pub fn is_off(&self, input: &Input) -> bool {
        matches!(input, Input::Happened(what) if !stands(&self.told, *what))
    }

    /// Whether the end that the sale may wait for does not come, as of a step that is taken now. `taken_back`: one is, and it may not be told so yet.
    pub fn take_end_is_off(&mut self, taken_back: bool) -> bool {
        std::mem::take(&mut self.end_is_off) || taken_back && self.has_no_end()
    }

    /// A step was taken: what waits no more was taken in, and an end is remembered where it is waited for.
    pub fn has_stepped(&mut self, waits_for_end: bool) {
        let inbox = &self.inbox;
        self.told.retain(|news| waits_for_end && news.is_end() || news.what.is_some_and(|what| waits(inbox, what)));
    }

    /// Whether it may be forgotten: nothing is out, and nobody waits for an end.
    pub fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.pending.is_none() && self.told.is_empty() && !self.end_is_off
    }

    /// What no chain tells again, and no operator: it waits for the next start.
    pub fn stays_over_a_stop(mut self) -> Option<Mailbox> {
        // What was not taken in is told again.
        let news = std::mem::take(&mut self.news);
        self.told.retain(|told| told.is_end() && !news.iter().any(|(waits, _)| waits == told));
        let stays = |input: &Input| matches!(input, Input::TakenBack(_) | Input::Resolved(_) | Input::Abandon(_));
        let inbox: VecDeque<Input> = self.inbox.into_iter().filter(stays).collect();
        let (told, end_is_off) = (self.told, self.end_is_off);
        (!inbox.is_empty() || end_is_off).then(|| Mailbox { inbox, told, end_is_off, ..Mailbox::default() })
    }

    /// Something is asked for by now: what could not be asked for before is done with it, or wanted no more.
    pub fn is_acted_on(&mut self) {
        if matches!(self.inbox.back(), Some(Input::Again)) {
            self.inbox.pop_back();
        }
    }

    /// Takes out what comes next.
    pub fn next(&mut self) -> Option<Input> {
        self.end.take().or_else(|| self.inbox.pop_front())
    }

    /// What could not be taken in comes first again, unless it was taken back since; what could not be asked for, last.
    pub fn put_back(&mut self, input: Input) {
        match (&input, self.inbox.back()) {
            _ if self.is_off(&input) => {}
            (Input::Again, Some(Input::Again)) => {}
            (Input::Again, _) => self.inbox.push_back(input),
            _ => self.inbox.push_front(input),
        }
    }
}

/// Whether something that happened waits to be taken in.
fn waits(inbox: &VecDeque<Input>, what: Happened) -> bool {
    inbox.iter().any(|input| matches!(input, Input::Happened(waits) if *waits == what))
}

/// Whether something that happened was told in a block that has not taken it back.
fn stands(told: &[News], what: Happened) -> bool {
    told.iter().any(|news| news.what == Some(what))
}
