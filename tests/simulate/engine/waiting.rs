//! How long a sale may wait: not past a tick that came when it was due, nor longer than the longest pause; and what is wanted no more is cancelled.

use super::truth::Truth;
use super::world::World;
use super::written::LONGEST_PAUSE_S;
use sales::host::OpKind;
use sales::sales::sale::{Sale, State};

impl Truth {
    /// Nobody is inside a call: what is out for a sale on its way out was cancelled.
    pub fn is_cancelled(&self, sale: &Sale) -> Result<(), String> {
        let content = |kind: OpKind| matches!(kind, OpKind::Store | OpKind::Prove);
        let out = self.out.iter().find(|out| out.job.slot == sale.slot && content(out.job.kind));
        if self.has.cancel && sale.wanted.is_some() && out.is_some_and(|out| !out.cancelled) {
            return Err(format!("it is wanted no more, and what is out for it was not cancelled: {sale:?}"));
        }
        Ok(())
    }
}

/// What it asked for was refused for now. One that is ours and kept waits for its end.
fn is_paused(sale: &Sale) -> bool {
    let watches = sale.state == State::Filled && sale.kept && !sale.check;
    !sale.is_ended() && sale.attempt > 0 && sale.state != State::Queued && !watches
}

impl World {
    /// A tick came, nothing failed, and nobody else calls: what was due was done.
    pub fn after_tick(&self, now: u64, faults: u64) {
        let t = self.t();
        if t.has.threads > 0 || t.has.big || t.faults() != faults || t.is_stopped() || t.looks_later() {
            return;
        }
        drop(t);
        let Some(engine) = self.engine() else { return };
        let sales = engine.sales(None, usize::MAX).unwrap_or_default();
        drop(engine);
        let mut t = self.t();
        let late = |sale: &Sale| sale.next_at <= now || is_paused(sale) && sale.next_at > now + LONGEST_PAUSE_S;
        // What was told inside the tick may have queued a slot that is too late already: the next tick sees to it.
        let new = |sale: &Sale| sale.state == State::Queued && sale.since >= now;
        let in_ledger = |sale: &Sale| t.doubted.contains(&sale.slot);
        let passed = sales.into_iter().find(|(sale, out)| {
            !out && !sale.is_ended() && !sale.in_doubt && !in_ledger(sale) && late(sale) && !new(sale)
        });
        if let Some((sale, _)) = passed {
            t.broken(format!("the tick of {now} passed over what was due: {sale:?}"));
        }
    }
}
