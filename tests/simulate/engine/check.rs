//! What must hold whenever nobody is inside a call.

use super::world::World;
use sales::damage::{Damage, Found};
use sales::datastore::{Backend, Table};
use sales::engine::{Engine, Phase, ReservationView, Stats};
use sales::event::{Event, EventKind};
use sales::history;
use sales::market::{Id, U256};
use sales::sales::offer::Offer;
use sales::sales::sale::{Sale, State};
use sales::status::SALES_OK;
use sales::verify::Report;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Everything that the module tells of itself, at one moment.
struct Look {
    stats: Stats,
    /// Each with whether an operation of it is out.
    sales: Vec<(Sale, bool)>,
    views: BTreeMap<Id, ReservationView>,
    offers: Vec<Offer>,
}

type Checked = Result<(), String>;

impl World {
    pub fn check(&self) {
        if self.is_broken() || !self.t().started {
            return;
        }
        let Some(engine) = self.engine() else { return };
        let checked = look(&engine).and_then(|look| {
            self.s1(&look)?;
            self.s3(&look)?;
            self.s5(&look)?;
            self.s6(&look)?;
            self.counts(&look)?;
            self.check_figures(&look.stats, &look.sales)?;
            self.check_told()?;
            self.nothing_is_stuck(&look)?;
            self.as_told(&look)?;
            self.verify()
        });
        if let Err(why) = checked {
            self.broken(why);
        }
    }

    /// What the module was told, what it tells, and who waits.
    fn as_told(&self, look: &Look) -> Checked {
        let mut t = self.t();
        t.all_is_told()?;
        t.requests_are_right()?;
        t.block_is_right(&look.stats)?;
        t.news_are_told(&look.stats)?;
        t.nobody_waits_in_vain(&look.stats, &look.sales)
    }

    /// What a verification of the store would say: nothing, whatever happened before. It reads everything: always, it would take most of the time.
    fn verify(&self) -> Checked {
        let (store, now) = {
            let t = self.t();
            (t.store.clone(), t.calm || t.steps % 8 == 0)
        };
        if !now {
            return Ok(());
        }
        if let Some(engine) = self.engine() {
            super::pages::check(&engine)?;
        }
        let mut damages = Vec::new();
        let mut ends = BTreeMap::new();
        let (mut events, limit) = (0, u64::from(self.t().options.history_limit));
        let read = store.read(&mut |view| {
            damages.clear();
            events = 0;
            ends.clear();
            view.walk(Table::History, &[], &mut |key, value| {
                events += 1;
                let number = key.try_into().map_or(0, u64::from_be_bytes);
                if let Ok(event) = Event::decode(number, value) {
                    if matches!(event.kind, EventKind::Ended | EventKind::Released) {
                        ends.insert(event.slot, number);
                    }
                }
                ControlFlow::Continue(())
            })?;
            for (slot, number) in &ends {
                if history::ended_by(view, slot)? != Some(*number) {
                    damages.push(format!("event {number} ended slot {slot}, which is forgotten before that event"));
                }
            }
            let mut tell = |damage: &Damage| damages.push(damage.text.clone());
            let (mut found, mut report) = (Found::new(&mut tell), Report::default());
            sales::verify::records(&view, view.seq()?, &mut found, &mut report);
            Ok(())
        });
        read.map_err(|error| format!("S8: a read is answered {error}"))?;
        if events > limit + 64 && !self.t().has.big {
            return Err(format!("S7: {events} events are remembered, the limit is {limit}"));
        }
        match damages.is_empty() {
            true => Ok(()),
            false => Err(format!("S1: a verification finds {damages:?}")),
        }
    }

    /// The repo's total is what the books and what is in between explain.
    fn s1(&self, look: &Look) -> Checked {
        let o = &look.stats.overview;
        let books = &o.books;
        // A repo that cannot tell its total leaves what was in flight at a crash open until the host has told.
        let inherited = look.views.values().any(|view| view.in_doubt && !self.t().doubts.contains_key(&view.slot));
        if inherited || self.t().forgot {
            return Ok(());
        }
        let between = self.in_between(o.reserving);
        let expected = i128::from(books.held)
            + i128::from(books.surplus)
            + i128::from(books.releasing)
            + i128::from(o.owed)
            + between
            - i128::from(books.shortfall);
        let mut t = self.t();
        let balanced = t.books.total == expected;
        if !balanced && !t.half_repaired {
            let total = t.books.total;
            return Err(format!(
                "S1: the repo has {total} for us, the books expect {expected}, of which {between} in between: {o:?}"
            ));
        }
        t.count("S1 compared");
        if between != 0 {
            t.count("S1 compared with something in between");
        }
        if o.owed > 0 {
            t.count("bytes owed");
        }
        if books.shortfall > 0 {
            t.count("the books are short");
        }
        // A repair that failed is tried again at ticks, and may stop halfway then.
        t.half_repaired &= !balanced || look.stats.phase == Phase::Recovering as u32;
        Ok(())
    }

    /// What was reserved by hand and answered OK.
    fn s3(&self, look: &Look) -> Checked {
        let hand = self.t().hand.clone();
        for (slot, bytes) in hand {
            let view = look.views.get(&slot);
            if !view.is_some_and(|view| view.record.is_live() && view.record.asked == bytes) {
                return Err(format!("S3: slot {slot} was reserved by hand with {bytes} bytes: {view:?}"));
            }
        }
        Ok(())
    }

    /// What is ours on chain has all its bytes.
    fn s5(&self, look: &Look) -> Checked {
        let mut t = self.t();
        for slot in t.chain.won.clone() {
            if !t.chain.is_ours(&slot, t.time) || t.forced.contains(&slot) {
                continue;
            }
            let view = look.views.get(&slot);
            let size = t.chain.size_of(&slot).unwrap_or(0);
            let kept =
                view.is_some_and(|view| view.record.is_live() && view.record.held + view.record.consumed == size);
            if !kept {
                let sale = look.sales.iter().find(|(sale, _)| sale.slot == slot);
                return Err(format!("S5: slot {slot} of {size} bytes is ours on chain: {view:?} {sale:?}"));
            }
            t.count("S5 looked at");
        }
        Ok(())
    }

    /// What offers have sold, bytes and collateral, is what the records say.
    fn s6(&self, look: &Look) -> Checked {
        let mut sold: BTreeMap<Id, (u64, U256, u64)> = BTreeMap::new();
        for view in look.views.values() {
            if let Some(of) = view.record.of.filter(|_| view.record.is_live()) {
                let sum = sold.entry(of.offer).or_default();
                *sum = (sum.0 + view.record.asked, sum.1 + of.collateral, sum.2 + 1);
            }
        }
        for offer in &look.offers {
            let sum = sold.remove(&offer.id).unwrap_or_default();
            if (offer.used_size, offer.used_collateral, offer.sold_slots) != sum {
                return Err(format!("S6: {offer:?} has sold {sum:?} by the records"));
            }
        }
        match sold.is_empty() {
            true => Ok(()),
            false => Err(format!("S6: slots are sold from offers that are gone: {sold:?}")),
        }
    }

    /// The counts, counted again, and the limits.
    fn counts(&self, look: &Look) -> Checked {
        let (stats, sales) = (&look.stats, &look.sales);
        let mut t = self.t();
        if stats.pending_ops != t.out.len() as u64 {
            return Err(format!("{} operations are out, the module counts {}", t.out.len(), stats.pending_ops));
        }
        let live = sales.iter().filter(|(sale, _)| !sale.is_ended()).count() as u64;
        let queued = sales.iter().filter(|(sale, _)| sale.in_queue && sale.state == State::Queued).count() as u64;
        if (stats.counts.live, stats.counts.queued) != (live, queued) {
            return Err(format!("{live} sales live and {queued} queued, the counts are {:?}", stats.counts));
        }
        // What was attempted and found no room comes back beside the others.
        let back = u64::from(t.options.max_attempts) + t.doubted.len() as u64;
        if queued > u64::from(t.options.queue_limit) + back {
            return Err(format!("{queued} slots are queued, the limit is {}", t.options.queue_limit));
        }
        // One that was in doubt did not count, and goes on beside the others once it is settled.
        let counts = |sale: &Sale| sale.state.is_attempt() && !sale.in_doubt && !t.doubted.contains(&sale.slot);
        let attempts = sales.iter().filter(|(sale, _)| counts(sale)).count();
        if attempts > t.options.max_attempts as usize {
            return Err(format!("S7: {attempts} attempts at a time, at most {}", t.options.max_attempts));
        }
        let settled = t.has.threads == 0 && !t.waiting.unsure && t.doubted.is_empty();
        if settled && stats.attempts != attempts as u64 {
            return Err(format!("{attempts} slots are being attempted, the module counts {}", stats.attempts));
        }
        if sales.iter().any(|(sale, _)| sale.in_doubt) {
            t.count("sale in doubt");
        }
        Ok(())
    }

    /// Every sale that is not over waits for something that will come, and says why it is where it is.
    fn nothing_is_stuck(&self, look: &Look) -> Checked {
        let t = self.t();
        let owes = look.stats.overview.owed > 0 || look.stats.overview.books.releasing > 0;
        if owes
            && t.out.is_empty()
            && t.doubts.is_empty()
            && look.stats.next_deadline > t.latest.saturating_add(61)
            && look.stats.overview.in_doubt == 0
        {
            return Err(format!("S6: what is owed is not given back within a minute: {:?}", look.stats));
        }
        let next = look.stats.next_deadline;
        // Soon: something is left over for the next tick.
        let soon = next <= t.now().max(t.latest).saturating_add(1);
        for (sale, out) in &look.sales {
            let in_ledger = look.views.get(&sale.slot).is_some_and(|view| view.in_doubt);
            let told = *out || sale.in_doubt || in_ledger || t.doubts.contains_key(&sale.slot);
            // A host that cannot ask the chain tells the end of the request.
            let kept = sale.state == State::Filled && sale.kept && !t.has.read_slot;
            if sale.wanted == Some(State::Abandoned) && !out && !soon {
                return Err(format!("S6: it was given up, nothing is out for it, and it waits: {sale:?}"));
            }
            if !sale.is_ended() && !told && !kept && !soon && (sale.next_at == u64::MAX || next > sale.next_at) {
                return Err(format!("a sale waits for nothing, the next tick is asked for at {next}: {sale:?}"));
            }
            let filled_by_nobody = sale.state == State::Filling && sale.submitted && !sale.unsure && !told && !soon;
            if filled_by_nobody {
                return Err(format!(
                    "it counts as submitted, no fill is out, and nobody asks what became of it: {sale:?}"
                ));
            }
            t.is_cancelled(sale)?;
            if !sale.state.is_outcome() && !sale.started && t.fulfilled.contains(&sale.request) {
                return Err(format!("its request was told to have started: {sale:?}"));
            }
            if t.has.keep && sale.state == State::Filled && sale.kept && !t.keeps.contains(&sale.slot) {
                return Err(format!("S5: the content of a filled slot was never asked to be kept: {sale:?}"));
            }
            let tried = sale.state == State::Queued && sale.attempt > 0;
            let given_up = matches!(sale.state, State::Ignored | State::Abandoned | State::Lost);
            // A host may refuse without a word: then the status is the reason.
            let in_doubt = sale.in_doubt && sale.last_status == SALES_OK;
            if (tried || given_up || in_doubt) && sale.last_text.is_empty() {
                return Err(format!("a sale does not say why: {sale:?}"));
            }
        }
        Ok(())
    }
}

fn look(engine: &Engine) -> Result<Look, String> {
    let told = |error: sales::error::Error| format!("S8: a look is answered {error}");
    let views = engine.reservations(None, None, usize::MAX).map_err(told)?;
    Ok(Look {
        stats: engine.stats().map_err(told)?,
        sales: engine.sales(None, usize::MAX).map_err(told)?,
        views: views.into_iter().map(|view| (view.slot, view)).collect(),
        offers: engine.offers(None, usize::MAX).map_err(told)?,
    })
}
