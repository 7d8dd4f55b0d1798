//! What the host must be told: how each call ends that was answered as pending, which slots are in doubt, and that the repo is short.

use super::chain::Wire;
use super::truth::{say, Truth};
use super::world::World;
use sales::engine::{Answered, Phase};
use sales::event::{Event, EventKind};
use sales::market::Id;
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};

/// What was told in this life of the module, and what is still to come.
#[derive(Default)]
pub struct Told {
    /// Calls that pend, by their token: of which slot, and how many bytes were reserved.
    pending: BTreeMap<u64, (Id, Option<u64>)>,
    /// Ends that came before the call was answered, by another thread; or of a consumption, which is answered OK while the repo's part of it pends.
    early: BTreeSet<u64>,
    /// Slots that the host knows to be in doubt.
    doubts: BTreeSet<Id>,
    /// Consumptions told from inside a callback: they are done when the outermost call returns, or their failure is told.
    consumed: BTreeMap<Id, u64>,
    /// Events of the chain told from inside a callback, likewise.
    news: Vec<Wire>,
    /// Alerts of no slot.
    pub alerts: u64,
}

impl Told {
    /// The repo answers UNKNOWN for a slot: from now on the host must be told.
    pub fn doubted(&mut self, slot: &Id) {
        self.doubts.remove(slot);
    }
}

impl Told {
    /// Told from inside a callback, and queued.
    pub fn consumed_inside(&mut self, slot: Id, total: u64) {
        self.consumed.insert(slot, total);
    }

    /// The slot is reserved anew, and its content begins anew.
    pub fn reserved(&mut self, slot: &Id) {
        self.consumed.remove(slot);
    }

    /// Told from inside a callback, and not told again unless that fails.
    pub fn news_inside(&mut self, wire: Wire) {
        self.news.push(wire);
    }
}

impl Truth {
    /// What was told inside callbacks was not taken in: the chain's events are told again.
    pub fn not_taken_in(&mut self) {
        let news = std::mem::take(&mut self.told.news);
        self.chain.wire.extend(news);
    }

    /// A call was answered; it may go on.
    pub fn call_answered(&mut self, slot: Id, bytes: Option<u64>, answered: &Answered) {
        if answered.status == SALES_PENDING && !self.told.early.remove(&answered.token) {
            self.count("a call by hand pends");
            self.told.pending.insert(answered.token, (slot, bytes));
        }
    }

    /// The watch is told something.
    pub fn hear(&mut self, event: &Event) {
        match event.kind {
            EventKind::Done if event.token == 0 => {
                self.told.consumed.remove(&event.slot);
                self.not_taken_in();
            }
            EventKind::Alert if event.slot == Id::ZERO => self.told.alerts += 1,
            EventKind::Alert if event.status == SALES_ERR_IN_DOUBT => {
                self.told.doubts.insert(event.slot);
            }
            EventKind::Done if event.token > 0 => match self.told.pending.remove(&event.token) {
                Some((slot, bytes)) => {
                    self.count("a call by hand ends later");
                    say!(self, "  a call by hand of {slot} has ended: {}", event.status);
                    if event.slot != slot {
                        self.broken(format!("the end of a call for slot {slot} is told of {}", event.slot));
                    }
                    if let (Some(bytes), SALES_OK, 0) = (bytes, event.status, self.has.threads) {
                        self.hand.insert(slot, bytes);
                    }
                }
                None => {
                    self.told.early.insert(event.token);
                }
            },
            _ => {}
        }
    }
}

impl World {
    /// Nobody is inside a call. What pends is out or in doubt; what is in doubt is known to be.
    pub fn check_told(&self) -> Result<(), String> {
        let Some(engine) = self.engine() else { return Ok(()) };
        let (pending, out, doubts, known) = {
            let t = self.t();
            let out: BTreeSet<Id> = t.out.iter().map(|out| out.job.slot).collect();
            let doubts: Vec<Id> = t.doubts.keys().copied().collect();
            (t.told.pending.values().copied().collect::<Vec<_>>(), out, doubts, t.told.doubts.clone())
        };
        let (consumed, big) = {
            let mut t = self.t();
            t.told.news.clear();
            (std::mem::take(&mut t.told.consumed), t.has.big)
        };
        for (slot, total) in consumed.into_iter().filter(|_| !big) {
            let record = engine.reservation(slot).map(|view| view.record).unwrap_or_default();
            if record.is_live() && record.consumed < total {
                return Err(format!(
                    "S3: {total} bytes of slot {slot} were told as landed inside a callback: {record:?}"
                ));
            }
        }
        let in_doubt = |slot: &Id| engine.reservation(*slot).is_ok_and(|view| view.in_doubt);
        for (slot, _) in pending {
            if !out.contains(&slot) && !in_doubt(&slot) {
                return Err(format!("a call for slot {slot} pended, has ended, and nobody was told"));
            }
        }
        if let Some(slot) = doubts.iter().find(|slot| in_doubt(slot) && !known.contains(slot)) {
            return Err(format!("slot {slot} is in doubt, and nobody was told"));
        }
        Ok(())
    }

    /// Started, while the repo does not hold what it should: that needs a human.
    pub fn check_short_told(&self, alerts_before: u64) {
        let Some(short) = self.engine().and_then(|engine| engine.stats().ok()) else { return };
        let mut t = self.t();
        if short.overview.books.shortfall > 0 && t.has.threads == 0 && t.told.alerts == alerts_before {
            t.broken("S1: started short, and nobody was told".into());
        }
        if short.overview.books.shortfall > 0 && t.has.threads == 0 && short.phase == Phase::Running as u32 {
            t.broken(format!("S1: started short, and the phase is another: {short:?}"));
        }
    }
}
