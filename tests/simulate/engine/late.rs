//! Expiry: no attempt is begun or goes on when its fill would come too late and might lock the collateral, and what waits then leaves.

use super::decide::MARGIN;
use super::held::Held;
use super::truth::{Job, Truth};
use sales::host::OpKind;
use sales::sales::sale::{Sale, State};

/// From when on no fill is begun.
fn too_late_at(sale: &Sale) -> u64 {
    let last = if sale.started { sale.ends_at } else { sale.expires_at };
    last.saturating_sub(MARGIN)
}

impl Truth {
    /// The host is asked for something.
    pub fn nothing_is_begun_late(&mut self, job: &Job) {
        let of_an_attempt = matches!(
            job.kind,
            OpKind::RepoReserve | OpKind::ReserveSlot | OpKind::Store | OpKind::Prove | OpKind::FillSlot
        );
        // Another thread may have told a later time while this one was on its way.
        if !of_an_attempt || self.has.threads > 0 {
            return;
        }
        let Some(sale) = Held::sale(&self.store, &job.slot) else { return };
        if self.latest >= too_late_at(&sale) {
            let (kind, latest) = (job.kind.name(), self.latest);
            self.broken(format!("expiry: {kind} is begun at {latest}, too late from {}: {sale:?}", too_late_at(&sale)));
        }
    }

    /// A tick has been answered OK: what it is too late for goes.
    pub fn nothing_goes_on_late(&mut self) {
        if self.has.threads > 0 || self.has.big || self.waiting.unsure || self.looks_later() {
            return;
        }
        let Some(held) = Held::of(&self.store) else { return };
        // What an event told inside the tick has queued is for the next one.
        let now = self.now();
        let before = |sale: &&Sale| sale.since != now;
        let goes_on = |sale: &&Sale| sale.state <= State::Filling && !sale.submitted && sale.wanted.is_none();
        let late = held.sales.values().filter(before).filter(goes_on).find(|sale| self.latest >= too_late_at(sale));
        if let Some(sale) = late {
            let latest = self.latest;
            self.broken(format!("expiry: it is {latest}, after a tick, and it goes on: {sale:?}"));
        } else if held.sales.values().any(|sale| sale.state == State::Cancelled) {
            self.count("an attempt that was too late has left");
        }
    }
}
