//! What the watch hears besides the history: what was refused, and when a tick is due.

use super::truth::Truth;
use sales::engine::Stats;
use sales::event::{Event, EventKind};

/// In this life of the module.
pub struct News {
    /// Requests that it refused, and of how many the watch heard.
    refused: (u64, u64),
    /// The host ticks then.
    timer: u64,
}

impl Default for News {
    fn default() -> News {
        News { refused: (0, 0), timer: u64::MAX }
    }
}

impl Truth {
    /// The watch hears something that is not of the history.
    pub fn heard(&mut self, event: &Event) {
        if event.kind == EventKind::Refused {
            self.news.refused.1 += 1;
        }
    }

    pub fn heard_of_deadline(&mut self, at: u64) {
        self.news.timer = self.news.timer.min(at);
    }

    pub fn was_refused(&mut self) {
        self.news.refused.0 += 1;
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
        let (timer, next) = (self.news.timer, stats.next_deadline);
        if next < timer {
            return Err(format!("time: a tick is due at {next}, the watch was told of {timer}"));
        }
        self.news.timer = next;
        Ok(())
    }
}
