//! What the watch hears besides the history: how calls ended that were answered before, what was refused, what needs a human, and when a tick is due.

use super::truth::Truth;
use sales::engine::Stats;
use sales::event::{Event, EventKind};
use sales::market::Id;
use std::collections::BTreeMap;

/// In this life of the module.
pub struct News {
    /// Requests that it refused, and of how many the watch heard.
    refused: (u64, u64),
    /// Calls that pend, by their tokens, and their slots: the watch hears how they end.
    pending: BTreeMap<u64, Id>,
    /// The host ticks then.
    timer: u64,
    /// How often it was told that the whole module needs a human.
    pub alerts: u64,
}

impl Default for News {
    fn default() -> News {
        News { refused: (0, 0), pending: BTreeMap::new(), timer: u64::MAX, alerts: 0 }
    }
}

impl Truth {
    /// The watch hears something that is not of the history.
    pub fn heard(&mut self, event: &Event) {
        match event.kind {
            EventKind::Refused => self.news.refused.1 += 1,
            EventKind::Alert if event.slot == Id::ZERO => self.news.alerts += 1,
            EventKind::Done if event.token != 0 && self.has.threads == 0 => {
                // A call that was answered IN_DOUBT ends also, and nobody was told its token.
                match self.news.pending.remove(&event.token) {
                    Some(slot) if slot == event.slot => self.count("a call that pended has ended"),
                    Some(slot) => self.broken(format!("events: a call for slot {slot} ends as one of {}", event.slot)),
                    None => {}
                }
            }
            _ => {}
        }
    }

    pub fn heard_of_deadline(&mut self, at: u64) {
        self.news.timer = self.news.timer.min(at);
    }

    pub fn was_refused(&mut self) {
        self.news.refused.0 += 1;
    }

    /// A call for a slot pends.
    pub fn pends(&mut self, slot: Id, token: u64) {
        self.news.pending.insert(token, slot);
    }

    /// A stop ends what it ends without a word.
    pub fn no_more_news(&mut self) {
        self.news.pending.clear();
    }

    /// Nobody is inside a call.
    pub fn news_are_told(&mut self, stats: &Stats) -> std::result::Result<(), String> {
        let (refused, heard) = self.news.refused;
        if (refused, refused) != (heard, stats.refused) {
            return Err(format!(
                "events: {refused} requests were refused, {heard} are told, the module counts {}",
                stats.refused
            ));
        }
        if self.has.threads > 0 {
            return Ok(());
        }
        let goes_on = |slot: &Id| self.doubts.contains_key(slot) || self.out.iter().any(|out| out.job.slot == *slot);
        if let Some(slot) = self.news.pending.values().find(|slot| !goes_on(slot)) {
            return Err(format!("events: a call for slot {slot} pended and has ended, and the watch was not told"));
        }
        let (timer, next) = (self.news.timer, stats.next_deadline);
        if next < timer {
            return Err(format!("time: a tick is due at {next}, the watch was told of {timer}"));
        }
        self.news.timer = next;
        Ok(())
    }
}
