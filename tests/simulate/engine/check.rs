//! What must hold after every move, and how every run ends: all requests over, no more faults, and nothing left behind.

use super::truth::say;
use super::world::World;
use sales::damage::{Damage, Found};
use sales::datastore::Backend;
use sales::engine::Engine;
use sales::engine::Phase;
use sales::market::{Id, U256};
use sales::sales::sale::{Sale, State};
use sales::status::*;
use sales::verify::Report;
use std::collections::BTreeMap;

fn state_name(state: State) -> &'static str {
    match state {
        State::Queued => "state: queued",
        State::ReservingSpace => "state: reserving space",
        State::ReservingSlot => "state: reserving slot",
        State::Downloading => "state: downloading",
        State::InitialProving => "state: initial proving",
        State::Filling => "state: filling",
        State::Filled => "state: filled",
        State::Proving => "state: proving",
        State::Payout => "state: payout",
        State::Finished => "state: finished",
        State::Cancelled => "state: cancelled",
        State::Failed => "state: failed",
        State::Lost => "state: lost",
        State::Abandoned => "state: abandoned",
        State::Ignored => "state: ignored",
    }
}

impl World {
    pub fn check(&mut self) {
        if self.is_broken() || !self.started {
            return;
        }
        let Some(engine) = self.engine.clone() else { return };
        // The verification reads everything: after every move it would take most of the time.
        let verified = if self.steps % 16 == 0 { self.verify() } else { Ok(()) };
        if let Err(why) = verified.and_then(|()| self.look_closely(&engine)) {
            self.broken(why);
        }
    }

    /// What a verification of the store would say: nothing, whatever happened before.
    fn verify(&self) -> Result<(), String> {
        let mut damages = Vec::new();
        let read = self.store.read(&mut |view| {
            damages.clear();
            let mut tell = |damage: &Damage| damages.push(damage.text.clone());
            let (mut found, mut report) = (Found::new(&mut tell), Report::default());
            sales::verify::records(&view, view.seq()?, &mut found, &mut report);
            Ok(())
        });
        read.map_err(|error| format!("S8: a read is answered {error}"))?;
        match damages.is_empty() {
            true => Ok(()),
            false => Err(format!("S1: a verification finds {damages:?}")),
        }
    }

    fn look_closely(&mut self, engine: &Engine) -> Result<(), String> {
        let told = |error: sales::error::Error| format!("S8: a look is answered {error}");
        let stats = engine.stats().map_err(told)?;
        let sales = engine.sales(None, usize::MAX).map_err(told)?;
        let views = engine.reservations(None, None, usize::MAX).map_err(told)?;
        let offers = engine.offers(None, usize::MAX).map_err(told)?;
        let mut balanced = false;
        let mut t = self.t();
        // S1.
        let o = &stats.overview;
        if o.in_doubt == 0 && stats.pending_ops == 0 && o.reserving == 0 {
            let books = &o.books;
            let expected =
                i128::from(books.held) + i128::from(books.surplus) + i128::from(books.releasing) + i128::from(o.owed)
                    - i128::from(books.shortfall);
            if t.books.total == expected {
                balanced = true;
            } else if self.half_repaired {
                t.count("half repaired");
            } else {
                return Err(format!("S1: the repo has {} for us, the books expect {expected}: {o:?}", t.books.total));
            }
            t.count("S1 compared");
            if o.owed > 0 {
                t.count("bytes owed");
            }
        }
        if stats.pending_ops != t.out.len() as u64 {
            return Err(format!("{} operations are out, the module counts {}", t.out.len(), stats.pending_ops));
        }
        // The counts, counted again.
        let live = sales.iter().filter(|(sale, _)| !sale.is_ended()).count() as u64;
        let queued = sales.iter().filter(|(sale, _)| sale.in_queue && sale.state == State::Queued).count() as u64;
        if (stats.counts.live, stats.counts.queued) != (live, queued) {
            return Err(format!("{live} sales live and {queued} queued, the counts are {:?}", stats.counts));
        }
        if queued > u64::from(self.options.queue_limit) + 5 {
            return Err(format!("{queued} slots are queued, the limit is {}", self.options.queue_limit));
        }
        // One that was in doubt did not count, and goes on beside the others once it is settled.
        let counts = |sale: &Sale| sale.state.is_attempt() && !sale.in_doubt && !t.doubted.contains(&sale.slot);
        let attempts = sales.iter().filter(|(sale, _)| counts(sale)).count();
        if attempts > self.options.max_attempts as usize {
            return Err(format!("{attempts} attempts at a time, at most {}", self.options.max_attempts));
        }
        for (sale, _) in &sales {
            t.count(state_name(sale.state));
            if sale.in_doubt {
                t.count("sale in doubt");
            }
        }
        // What offers have sold is what the records say.
        let mut sold: BTreeMap<Id, (u64, U256, u64)> = BTreeMap::new();
        for view in &views {
            if let Some(of) = view.record.of.filter(|_| view.record.is_live()) {
                let sum = sold.entry(of.offer).or_default();
                *sum = (sum.0 + view.record.asked, sum.1 + of.collateral, sum.2 + 1);
            }
        }
        for offer in &offers {
            let sum = sold.remove(&offer.id).unwrap_or_default();
            if (offer.used_size, offer.used_collateral, offer.sold_slots) != sum {
                return Err(format!("S6: {offer:?} has sold {sum:?} by the records"));
            }
        }
        if !sold.is_empty() {
            return Err(format!("S6: slots are sold from offers that are gone: {sold:?}"));
        }
        // S5: what is ours on chain has all its bytes.
        for slot in t.chain.won.clone() {
            if !t.chain.is_ours(&slot, t.time) || t.forced.contains(&slot) {
                continue;
            }
            let view = views.iter().find(|view| view.slot == slot);
            let size = t.chain.size_of(&slot).unwrap_or(0);
            let kept =
                view.is_some_and(|view| view.record.is_live() && view.record.held + view.record.consumed == size);
            if !kept {
                let sale = sales.iter().find(|(sale, _)| sale.slot == slot);
                return Err(format!("S5: slot {slot} of {size} bytes is ours on chain: {view:?} {sale:?}"));
            }
            t.count("S5 looked at");
        }
        drop(t);
        // A repair that failed is tried again at ticks, and may stop halfway then.
        self.half_repaired &= !balanced || stats.phase == Phase::Recovering as u32;
        // S3: what was reserved by hand and answered OK.
        for (slot, bytes) in &self.hand {
            let view = views.iter().find(|view| view.slot == *slot);
            if !view.is_some_and(|view| view.record.is_live() && view.record.asked == *bytes) {
                return Err(format!("S3: slot {slot} was reserved by hand with {bytes} bytes: {view:?}"));
            }
        }
        Ok(())
    }

    /// All requests are over, nothing fails any more, and ticks come when the module asks for them.
    pub fn finale(&mut self) {
        {
            let mut t = self.t();
            say!(t, "== finale ==");
            t.calm = true;
            t.books.other = 0;
            t.skew = 0;
            let ends = t.chain.requests.values().map(|on| on.ask.ends_at.max(on.ask.expires_at)).max().unwrap_or(0);
            let by = (ends + 10_000).saturating_sub(t.time).max(10);
            t.advance(by);
        }
        for _ in 0..20 {
            if !self.started && !self.is_broken() {
                self.start();
            }
        }
        if !self.started {
            return self.broken("the module does not start, and nothing fails any more".into());
        }
        let mut repaired = !self.t().has.my_slots;
        for round in 0..400 {
            if self.is_broken() {
                return;
            }
            while self.deliver(true) && !self.is_broken() {}
            while self.complete() && !self.is_broken() {}
            for _ in 0..50 {
                if !self.resolve() || self.is_broken() {
                    break;
                }
            }
            self.release_by_hand();
            if !repaired && matches!(self.repair(), Some(Ok(SALES_OK))) {
                repaired = true;
            }
            if round < 3 || round % 16 == 0 {
                self.check();
            }
            let Some(engine) = self.engine.clone() else { return self.broken("it died in the finale".into()) };
            let stats = match engine.stats() {
                Ok(stats) => stats,
                Err(error) => return self.broken(format!("stats: {error}")),
            };
            let o = &stats.overview;
            let idle = stats.pending_ops == 0 && o.in_doubt == 0 && o.owed == 0 && o.books.releasing == 0 && repaired;
            if idle && stats.counts.live == 0 && self.t().chain.wire.is_empty() {
                let mut t = self.t();
                say!(t, "quiet after {round} rounds");
                drop(t);
                self.check();
                self.empty_hands();
                return self.once_more();
            }
            let next = engine.next_deadline().unwrap_or(u64::MAX);
            if next == u64::MAX && self.t().chain.wire.is_empty() && repaired {
                let waiting: Vec<_> = self.sales().into_iter().filter(|sale| !sale.is_ended()).collect();
                return self.broken(format!("nothing is due any more, and it is not over: {stats:?} {waiting:?}"));
            }
            let now = {
                let mut t = self.t();
                if next != u64::MAX {
                    let by = next.saturating_sub(t.time);
                    t.time += by;
                }
                t.time
            };
            self.tick(now);
        }
        let waiting: Vec<_> = self.sales().into_iter().filter(|sale| !sale.is_ended()).collect();
        let wire = self.t().chain.wire.clone();
        self.broken(format!("it does not get quiet: {waiting:?} {wire:?}"));
    }

    /// Everything went back, exactly once.
    fn empty_hands(&mut self) {
        let Some(engine) = self.engine.clone() else { return };
        let offers = engine.offers(None, usize::MAX).unwrap_or_default();
        let stats = engine.stats();
        drop(engine);
        for offer in offers {
            if offer.used_size > 0 || offer.used_collateral > U256::ZERO || offer.sold_slots > 0 {
                self.broken(format!("S6: in the end {offer:?} has not everything back"));
            }
        }
        let t = self.t();
        let (total, uncleared) = (t.books.total, t.content.keys().copied().collect::<Vec<_>>());
        let clears = t.has.clear;
        let left: Vec<_> = t.books.of.iter().filter(|(_, bytes)| **bytes != 0).map(|(slot, n)| (*slot, *n)).collect();
        let exact = !t.has.total;
        drop(t);
        if total != 0 {
            self.broken(format!("S6: in the end the repo still holds {total} bytes for us: {stats:?}"));
        }
        if exact && !left.is_empty() {
            self.broken(format!("S2: in the end, by slot: {left:?}"));
        }
        if clears && !uncleared.is_empty() {
            self.broken(format!("in the end content is not cleared: {uncleared:?}"));
        }
    }

    /// Another start finds nothing to do.
    fn once_more(&mut self) {
        if self.is_broken() {
            return;
        }
        self.die("the last start");
        self.start();
        self.check();
        self.empty_hands();
        let open: Vec<_> = self.sales().into_iter().filter(|sale| !sale.is_ended()).collect();
        if !self.started || !open.is_empty() {
            self.broken(format!("started once more: {} {open:?}", self.started));
        }
    }
}
