//! The figures that the module tells of itself, and what a tick, a stop and a close must have done: nothing rides any more, the phase is the true
//! one, and no further tick is asked for at once.

use super::world::World;
use sales::datastore::Backend;
use sales::engine::{Engine, Phase, Stats};
use sales::ledger::books::Books;
use sales::sales::sale::Sale;

/// Ticks at one time, until there must be nothing more to do: each looks at some of what is due, and gives back what is owed of one slot.
const TICKS: usize = 60;

/// How things were before a tick.
pub struct Before {
    short: bool,
    seq: u64,
    /// Something of which the repo's part is done waits for a commit.
    rides: bool,
    /// Nothing is let in, because a repair has failed: how often the total was asked for.
    settling: Option<u64>,
    /// How often the store has failed.
    faults: u64,
}

impl World {
    /// The books as they lie on the disk.
    fn on_disk(&self) -> Option<Books> {
        let store = self.t().store.clone();
        let mut found = None;
        let read = store.read(&mut |view| {
            found = Some(Books::load(view, store.birth())?);
            Ok(())
        });
        read.ok().and(found)
    }

    /// Nobody is inside a call.
    pub fn check_figures(&self, stats: &Stats, sales: &[(Sale, bool)]) -> Result<(), String> {
        let t = self.t();
        if stats.store_seq != t.store.seq() {
            return Err(format!("the last commit is {}, told is {}", t.store.seq(), stats.store_seq));
        }
        let (doubted, attempts): (Vec<_>, Vec<_>) = sales
            .iter()
            .filter(|(sale, _)| sale.state.is_attempt() && !sale.in_doubt)
            .partition(|(sale, _)| t.doubted.contains(&sale.slot));
        // One that was ever in doubt may count or not. And one whose beginning could not be written waits for a tick.
        let (least, most) = (attempts.len() as u64, (attempts.len() + doubted.len()) as u64);
        let written = (t.odds.clean, t.odds.meta, t.odds.read) == (0, 0, 0) && !t.low;
        if written && !(least..=most).contains(&stats.attempts) {
            return Err(format!("{least} to {most} slots are being attempted, told are {}", stats.attempts));
        }
        if t.in_order && stats.last_event != t.last_event {
            return Err(format!("S3: event {} is the last, the watch was told {}", stats.last_event, t.last_event));
        }
        let now = t.now().max(t.latest);
        drop(t);
        let rides = self.on_disk().is_some_and(|books| books.releasing != stats.overview.books.releasing);
        if rides && stats.next_deadline > now + 1 {
            return Err(format!("something rides, and the next tick is asked for at {}", stats.next_deadline));
        }
        Ok(())
    }

    /// What was done is durable: the next start has nothing to settle.
    pub fn check_flushed(&self, after: &str, engine: &Engine) {
        let (Some(disk), Ok(told)) = (self.on_disk(), engine.stats()) else { return };
        if disk.releasing != told.overview.books.releasing {
            self.broken(format!("S6: something still rides after {after}: {:?}, on the disk {disk:?}", told.overview));
        }
    }

    /// How things are before a tick.
    pub fn before_tick(&self) -> Option<Before> {
        let stats = self.engine()?.stats().ok()?;
        let t = self.t();
        let (totals, out, faults) = (t.totals, !t.out.is_empty(), t.faults());
        drop(t);
        Some(Before {
            short: stats.overview.books.shortfall > 0,
            seq: stats.store_seq,
            rides: self.on_disk()?.releasing != stats.overview.books.releasing,
            settling: (stats.phase == Phase::Recovering as u32 && !out).then_some(totals),
            faults,
        })
    }

    /// A tick was answered OK.
    pub fn check_tick(&self, now: u64, before: Before) {
        let Some(stats) = self.engine().and_then(|engine| engine.stats().ok()) else { return };
        let (totals, out, faults) = {
            let t = self.t();
            (t.totals, !t.out.is_empty(), t.faults())
        };
        // What rides since is for the next tick.
        if before.rides && before.seq == stats.store_seq {
            return self.broken(format!("S6: what rode before a tick rides still: {stats:?}"));
        }
        // A store that refuses what is written before the total is asked for hinders it.
        let waits = before.settling.is_some_and(|before| before == totals) && before.faults == faults;
        let ticks = {
            let mut t = self.t();
            if before.settling.is_some() && !waits {
                t.count("a failed repair is tried again");
            }
            t.ticks_unasked = if waits { t.ticks_unasked + 1 } else { 0 };
            t.ticks_unasked
        };
        // The first may only learn how a repair that pended has failed.
        if ticks > 1 {
            return self.broken("S1: a repair has failed, and ticks do not ask for the total".into());
        }
        if stats.phase == Phase::Recovering as u32 && stats.next_deadline > now.saturating_add(1) && !out {
            self.broken(format!("S1: nothing is let in, and the next tick is at {}", stats.next_deadline));
        }
        self.check_phase(before.short);
    }

    /// Whether the repo is short is told as soon as it is known; that it is so no more, by the next tick. `was_short`: before the call.
    pub fn check_phase(&self, was_short: bool) {
        let Some(stats) = self.engine().and_then(|engine| engine.stats().ok()) else { return };
        let short = stats.overview.books.shortfall > 0;
        let wrong = if short { Phase::Running } else { Phase::Short };
        let now = { self.t().now() };
        // Where the books could not be read, a tick looks again.
        let looks_again = self.t().odds.read > 0 && stats.next_deadline <= now.saturating_add(1);
        if stats.phase == wrong as u32 && (short || !was_short) && !looks_again {
            self.broken(format!("the phase is {wrong:?}: {stats:?}"));
        }
        if short {
            self.t().count("the phase is short");
        }
    }

    /// A host that ticks when it is asked to must come to an end of it.
    pub fn tick_to_the_end(&self, now: u64) {
        // A large world has more to do than so many ticks.
        if self.t().has.big {
            return;
        }
        for _ in 0..TICKS {
            let Some(stats) = self.engine().and_then(|engine| engine.stats().ok()) else { return };
            if stats.next_deadline > now || self.is_broken() {
                return;
            }
            let done = self.call("tick, as asked for", |engine| engine.tick(now));
            if !matches!(done, Some(Ok(_))) {
                return;
            }
        }
        let stats = self.engine().and_then(|engine| engine.stats().ok());
        self.broken(format!("a tick at {now} is asked for without end: {stats:?}"));
    }

    /// The clock is set back by a second: that is counted.
    pub fn set_back(&self) {
        self.t().skew -= 1;
        let now = self.now();
        let steps = || self.engine().and_then(|engine| engine.stats().ok()).map(|stats| stats.clock_steps_back);
        let before = steps();
        let done = self.call("tick, a second earlier", |engine| engine.tick(now));
        self.t().skew += 1;
        if matches!(done, Some(Ok(_))) && steps() != before.map(|steps| steps + 1) {
            self.broken(format!("the clock was set back once more than {before:?} times, told are {:?}", steps()));
        }
    }
}
