//! What a fill must be: of a slot's own request, with its own proof, for what the chain takes, and not too late.

use super::held::Held;
use super::truth::Truth;
use sales::host::{Op, Slot};
use sales::market::U256;

impl Truth {
    pub fn fill_is_right(&mut self, op: &Op, slot: &Slot<'_>, collateral: &U256) {
        // To rebuild one that was lost costs a tenth less.
        let repairing = Held::sale(&self.store, &op.slot).is_some_and(|sale| sale.repairing);
        let full = self.chain.view(&op.slot, self.time).map_or(U256::ZERO, |view| view.collateral);
        let due = if repairing { full - full * U256::from(10) / U256::from(100) } else { full };
        if *collateral != due {
            self.broken(format!("slot {} is filled with {collateral} tokens, must be {due}", op.slot));
        }
        if *collateral == U256::ZERO {
            self.broken(format!("slot {} is filled for nothing", op.slot));
        }
        if slot.request != self.chain.request(&slot.request_id).as_ref() {
            self.broken(format!("slot {} is filled with another request than its own", op.slot));
        }
        let times = self.fills.entry(op.id).or_default();
        *times += 1;
        // Once more after the chain was asked; after that with pauses.
        if *times > 2 && self.has.threads == 0 {
            self.broken(format!("slot {} is filled again and again in one call", op.slot));
        }
        if repairing {
            self.count("a slot is rebuilt");
        }
        // Another thread may have told a later time while this one was on its way.
        let latest = self.latest;
        if latest >= op.deadline && self.has.threads == 0 {
            self.broken(format!("trap 2: slot {} is filled at {latest}, its deadline is {}", op.slot, op.deadline));
        }
    }
}
