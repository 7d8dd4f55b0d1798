//! Events of the chain that the store refused before any sale was told: kept in memory, in a line for each request, until it takes them. One that is
//! tried is in hand of one thread, and keeps its place in the line. And what is told and not yet taken in, which may be taken back meanwhile.
//! Plain data.

use super::told::{News, Told};
use crate::market::Id;
use crate::sales::step::Happened;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// Events that are kept at most.
pub const KEPT_LIMIT: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Waits,
    /// A thread tries it.
    InHand,
    /// A thread tries it, and it was taken back meanwhile.
    TakenBack,
}

struct Waiting {
    told: Told,
    place: Place,
    /// An end of its request that went past it: a slot that was freed before is not sold again.
    over: Option<News>,
}

/// What became of an event that is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It waits behind those of its request.
    Behind,
    /// It waits already, where it was told first.
    Already,
    /// Too many wait.
    Full,
    /// It was taken back since it was told.
    TakenBack,
}

/// What becomes of an event that is let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetGo {
    /// It waits on, where it was.
    Waits,
    /// It is gone.
    Gone,
    /// It was taken back meanwhile, and is gone.
    TakenBack,
}

/// The events; of each request, those told first in front.
#[derive(Default)]
pub struct Kept {
    lines: BTreeMap<Id, VecDeque<Waiting>>,
    count: usize,
    /// The requests behind this one have their turn first.
    turn: Id,
    /// What was told and is not taken in yet, each telling by its number, and whether it was taken back since.
    telling: BTreeMap<u64, (News, bool)>,
    last: u64,
}

impl Kept {
    /// Keeps an event behind the others of its request. `number`: of its telling, or 0.
    pub fn put(&mut self, told: Told, number: u64) -> Put {
        if self.was_told_back(number) {
            return Put::TakenBack;
        }
        if self.waits(&told) {
            return Put::Already;
        }
        if self.count >= KEPT_LIMIT {
            return Put::Full;
        }
        self.push(told);
        Put::Behind
    }

    fn push(&mut self, told: Told) {
        self.count = self.count.saturating_add(1);
        self.lines.entry(told.request).or_default().push_back(Waiting { told, place: Place::Waits, over: None });
    }

    /// Whether an event waits; one that was taken back while it is tried does so no more.
    fn waits(&self, told: &Told) -> bool {
        let news = told.news();
        let is_it = |entry: &Waiting| entry.place != Place::TakenBack && entry.told.news() == news;
        self.lines.get(&told.request).is_some_and(|line| line.iter().any(is_it))
    }

    /// Whether something of a request waits or is in hand.
    pub fn has(&self, request: &Id) -> bool {
        self.lines.contains_key(request)
    }

    /// Whether an end of a request is taken back, and its sales may not have been told of that yet.
    pub fn takes_back_end(&self, request: &Id) -> bool {
        let is_it = |news: &News| news.of == *request && news.takes_back_end();
        let waits = self.lines.get(request).is_some_and(|line| line.iter().any(|entry| is_it(&entry.told.news())));
        waits || self.telling.values().any(|(news, _)| is_it(news))
    }

    /// Takes in hand the first of a request, and whether it is over; `None`: there is none, or another thread has one in hand.
    pub fn hold(&mut self, request: &Id) -> Option<(Told, bool)> {
        self.hold_at(request, |_| Some(0))
    }

    /// Takes in hand the first by which the request ends and that was not tried. Not one behind something that is taken back, which may be that end.
    pub fn hold_end(&mut self, request: &Id, tried: &[News]) -> Option<(Told, bool)> {
        self.hold_at(request, |line| {
            let mut before = line.iter().map(|entry| entry.told).take_while(|told| !told.at.removed);
            before.position(|told| told.is_end() && !tried.contains(&told.news()))
        })
    }

    fn hold_at(&mut self, request: &Id, at: impl FnOnce(&VecDeque<Waiting>) -> Option<usize>) -> Option<(Told, bool)> {
        let line = self.lines.get_mut(request)?;
        if line.iter().any(|entry| entry.place != Place::Waits) {
            return None;
        }
        let entry = at(line).and_then(|at| line.get_mut(at))?;
        entry.place = Place::InHand;
        Some((entry.told, entry.over.is_some()))
    }

    /// Lets go of the one in hand, which is to wait on or not. `ends`: by it the request is over, so that of what it went past the slots that were
    /// freed are not sold again.
    pub fn let_go(&mut self, request: &Id, waits: bool, ends: bool) -> LetGo {
        let Some(line) = self.lines.get_mut(request) else { return LetGo::Waits };
        let Some(at) = line.iter().position(|entry| entry.place != Place::Waits) else { return LetGo::Waits };
        let place = line.get_mut(at).map(|entry| std::mem::replace(&mut entry.place, Place::Waits));
        let went = match place {
            Some(Place::TakenBack) => LetGo::TakenBack,
            _ if waits => return LetGo::Waits,
            _ => LetGo::Gone,
        };
        let gone = line.remove(at);
        if let Some(end) = gone.filter(|_| ends && went == LetGo::Gone) {
            let passed = line.iter_mut().take(at).filter(|entry| entry.told.what == Some(Happened::SlotFreed));
            passed.for_each(|entry| entry.over = Some(end.told.news()));
        }
        self.count = self.count.saturating_sub(1);
        self.end_line(request);
        went
    }

    /// Something is told; until it is taken in or kept it may be taken back. Answers the number of this telling: the same may be told, taken back
    /// and told again while it is.
    pub fn begin_telling(&mut self, news: News) -> u64 {
        self.last = self.last.wrapping_add(1).max(1);
        self.telling.insert(self.last, (news, false));
        self.last
    }

    /// Whether what is in hand was taken back since.
    pub fn was_taken_back(&self, news: &News) -> bool {
        let is_it = |entry: &Waiting| entry.place == Place::TakenBack && entry.told.news() == *news;
        self.lines.get(&news.of).is_some_and(|line| line.iter().any(is_it))
    }

    /// Whether it is told right now.
    pub fn is_telling(&self, number: u64) -> bool {
        self.telling.contains_key(&number)
    }

    /// Whether it was taken back since it was told.
    pub fn was_told_back(&self, number: u64) -> bool {
        self.telling.get(&number).is_some_and(|telling| telling.1)
    }

    /// It is taken in or kept. Answers whether it was taken back since.
    pub fn end_telling(&mut self, number: u64) -> bool {
        self.telling.remove(&number).is_some_and(|telling| telling.1)
    }

    /// Something of a request is taken back. Answers what waits no more; one in hand goes when it is let go of.
    pub fn take_back(&mut self, removal: &News) -> Vec<News> {
        let mut gone = Vec::new();
        for (told, is_off) in self.telling.values_mut() {
            *is_off |= removal.takes_back(told);
        }
        let Some(line) = self.lines.get_mut(&removal.of) else { return gone };
        line.retain_mut(|entry| {
            let news = entry.told.news();
            entry.over = entry.over.filter(|end| !removal.takes_back(end));
            if !removal.takes_back(&news) {
                return true;
            }
            if entry.place == Place::Waits {
                gone.push(news);
                return false;
            }
            entry.place = Place::TakenBack;
            true
        });
        self.count = self.count.saturating_sub(gone.len());
        self.end_line(&removal.of);
        gone
    }

    fn end_line(&mut self, request: &Id) {
        if self.lines.get(request).is_some_and(VecDeque::is_empty) {
            self.lines.remove(request);
        }
    }

    /// The requests of which something is kept, in the order of their turns.
    pub fn requests(&self) -> Vec<Id> {
        let behind = self.lines.range((Bound::Excluded(self.turn), Bound::Unbounded));
        behind.chain(self.lines.range(..=self.turn)).map(|(request, _)| *request).collect()
    }

    /// A request has had its turn: the next time those behind it come first.
    pub fn had_its_turn(&mut self, request: Id) {
        self.turn = request;
    }

    /// Takes out all but what is taken back, which no chain tells again.
    pub fn take_all(&mut self) -> Vec<Told> {
        let (stay, go): (Vec<Told>, Vec<Told>) = std::mem::take(&mut self.lines)
            .into_values()
            .flatten()
            .map(|entry| entry.told)
            .partition(|told| told.at.removed);
        self.count = 0;
        stay.into_iter().for_each(|told| self.push(told));
        go
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
