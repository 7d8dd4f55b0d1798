//! How every run ends: all requests over, no more faults, and nothing left behind.

use super::truth::say;
use super::world::World;
use super::Director;
use sales::engine::Stats;
use sales::market::U256;
use sales::sales::sale::Sale;
use sales::status::*;

/// How often the world may go round before it must have come to rest.
const ROUNDS: usize = 400;

impl Director {
    /// All requests are over, nothing fails any more, and ticks come when the module asks for them.
    pub fn end(&mut self) {
        let world = self.world.clone();
        {
            let mut t = world.t();
            say!(t, "== the end ==");
            (t.calm, t.low) = (true, false);
            t.books.other = 0;
            t.skew = 0;
            let ends = t.chain.requests.values().map(|on| on.ask.ends_at.max(on.ask.expires_at)).max().unwrap_or(0);
            let by = (ends + 10_000).saturating_sub(t.time).max(10);
            t.advance(by);
        }
        for _ in 0..20 {
            if !world.t().started && !world.is_broken() {
                world.start();
                self.bury();
            }
        }
        if !world.t().started {
            return world.broken("S8: the module does not start, and nothing fails any more".into());
        }
        world.come_to_rest();
        if world.is_broken() {
            return;
        }
        world.check();
        world.empty_hands();
        // Another start finds nothing to do.
        world.die("the last start");
        world.start();
        world.check();
        world.empty_hands();
        let open = world.open_sales();
        let started = world.t().started;
        if !started || !open.is_empty() {
            world.broken(format!("S6: started once more: {started} {open:?}"));
        }
    }
}

impl World {
    fn open_sales(&self) -> Vec<Sale> {
        self.sales().into_iter().filter(|sale| !sale.is_ended()).collect()
    }

    fn come_to_rest(&self) {
        let mut repaired = !self.t().keeps_surplus && !self.t().half_repaired;
        for round in 0..ROUNDS {
            while self.deliver(true) && !self.is_broken() {}
            while self.complete() && !self.is_broken() {}
            // In a large world hundreds may be in doubt, most of them settled by the total since.
            for _ in 0..5000 {
                if self.is_broken() || !self.resolve() {
                    break;
                }
            }
            if !repaired && matches!(self.reconcile(true), Some(Ok(SALES_OK))) {
                repaired = true;
            }
            // A repair that stopped halfway lets nothing in before it is done.
            self.release_by_hand();
            if round < 3 || round % 16 == 0 {
                self.check();
            }
            if self.is_broken() {
                return;
            }
            let Some(engine) = self.engine() else { return self.broken("S8: it died, and nothing fails".into()) };
            let stats = match engine.stats() {
                Ok(stats) => stats,
                Err(error) => return self.broken(format!("S8: stats: {error}")),
            };
            let told = self.t().chain.wire.is_empty();
            if told && repaired && is_at_rest(&stats) {
                say!(self.t(), "at rest after {round} rounds");
                return;
            }
            let next = stats.next_deadline;
            if next == u64::MAX && told && repaired {
                let open = self.open_sales();
                return self.broken(format!("S6: nothing is due any more, and it is not over: {stats:?} {open:?}"));
            }
            let now = {
                let mut t = self.t();
                if next != u64::MAX {
                    t.time = t.time.max(next);
                }
                t.time
            };
            self.tick(now);
        }
        let (open, wire) = (self.open_sales(), self.t().chain.wire.clone());
        self.broken(format!("S6: it does not come to rest: {open:?} {wire:?}"));
    }

    /// Everything went back, exactly once.
    fn empty_hands(&self) {
        if self.is_broken() {
            return;
        }
        let Some(engine) = self.engine() else { return };
        let offers = engine.offers(None, usize::MAX).unwrap_or_default();
        let stats = engine.stats();
        drop(engine);
        for offer in offers {
            if offer.used_size > 0 || offer.used_collateral > U256::ZERO || offer.sold_slots > 0 {
                self.broken(format!("S6: in the end {offer:?} has not everything back"));
            }
        }
        let mut t = self.t();
        let total = t.books.total;
        let uncleared: Vec<_> = t.content.keys().copied().filter(|slot| !t.forced.contains(slot)).collect();
        let left: Vec<_> = t.books.of.iter().filter(|(_, bytes)| **bytes != 0).map(|(slot, n)| (*slot, *n)).collect();
        if total != 0 {
            t.broken(format!("S6: in the end the repo still holds {total} bytes for us: {stats:?}"));
        }
        if !t.has.total && !left.is_empty() {
            t.broken(format!("S2: in the end, by slot: {left:?}"));
        }
        let unpaid = t.chain.unpaid(t.time, &(&t.forced | &t.unread));
        if t.has.read_slot && t.has.free_slot && !unpaid.is_empty() {
            t.broken(format!("S6: in the end the pay and the collateral of {unpaid:?} are not collected"));
        }
        if t.has.clear && !uncleared.is_empty() {
            t.broken(format!("S6: in the end content is not cleared: {uncleared:?}"));
        }
    }
}

fn is_at_rest(stats: &Stats) -> bool {
    let o = &stats.overview;
    let settled = o.in_doubt == 0 && o.owed == 0 && o.books.releasing == 0 && o.books.shortfall == 0;
    stats.pending_ops == 0 && settled && stats.counts.live == 0 && o.books.live == 0
}
