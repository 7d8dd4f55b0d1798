//! What people do: offers, reservations by hand, giving up, telling what is in doubt, reconciling. And completions, which are the host's.

use super::host::Host;
use super::truth::{Fate, Out};
use super::world::{expect, World};
use sales::engine::{Answered, Doubt, Engine, Word};
use sales::error::Result;
use sales::host::{Answer, OpKind};
use sales::market::{keccak256, Id, U256};
use sales::sales::offer::Terms;
use sales::sales::sale::State;
use sales::status::*;
use std::collections::BTreeSet;

/// The numbers of tokens begin at random: no trace shows them.
fn of(answered: Answered) -> i32 {
    answered.status
}

impl World {
    /// Completes one operation that is out, any of them.
    pub fn complete(&self) -> bool {
        let (job, fate, answer, now, early, twice) = {
            let mut t = self.t();
            if t.out.is_empty() || t.engine.is_none() {
                return false;
            }
            let len = t.out.len();
            let at = t.rng.below(len);
            let Out { job, fate, done, cancelled } = t.out.remove(at);
            let (answer, fate) = match done {
                Some(answer) => {
                    if matches!(fate, Fate::Refused(_)) {
                        t.refused_op(&job);
                    }
                    (answer, fate)
                }
                None if cancelled && t.rng.chance(700) => (Answer::of(SALES_HOST_CANCELLED), Fate::True),
                None => Host::happen(&mut t, &job, fate),
            };
            let early = job.kind.owes().is_some() && t.rng.chance(100);
            let twice = t.rng.chance(100);
            let now = t.now();
            t.latest = t.latest.max(now);
            t.old_tokens.push(job.token);
            Host::doubt(&mut t, &job, fate);
            t.wake_by_release(&job, answer.is_ok());
            t.answered(&job, &answer);
            t.count("completed later");
            (job, fate, answer, now, early, twice)
        };
        if early {
            match self.call("complete without its data", |engine| {
                engine.complete(now, job.token, Answer::of(SALES_OK)).or_else(expect(SALES_ERR_ARGUMENT))
            }) {
                Some(Ok(SALES_ERR_ARGUMENT)) => {}
                Some(other) => self.broken(format!("a completion without what it owes is answered {other:?}")),
                None => return true,
            }
        }
        let token = self.t().token(job.token);
        let what = format!("complete {} of {} token {token}: {} {fate:?}", job.kind.name(), job.slot, answer.status);
        match self.call(&what, |engine| engine.complete(now, job.token, answer)) {
            Some(Ok(SALES_OK)) | None => {}
            Some(other) => self.broken(format!("{what} is answered {other:?}")),
        }
        if twice {
            self.t().count("completed twice");
            self.stale(job.token);
        }
        true
    }

    /// A token that is completed already, of an earlier life, or of nobody.
    pub fn unknown_token(&self) {
        let token = {
            let mut t = self.t();
            let old = t.old_tokens.clone();
            if t.rng.chance(600) && !old.is_empty() {
                t.rng.pick(&old)
            } else {
                t.rng.next()
            }
        };
        self.t().count("stale token");
        self.stale(token);
    }

    fn stale(&self, token: u64) {
        let now = self.now();
        let name = self.t().token(token);
        match self.call(&format!("complete the stale token {name}"), |engine| {
            engine.complete(now, token, Answer::of(SALES_OK)).or_else(expect(SALES_ERR_TOKEN))
        }) {
            Some(Ok(SALES_ERR_TOKEN)) | None => {}
            Some(other) => self.broken(format!("S2: a stale token is answered {other:?}")),
        }
    }

    pub fn abandon(&self) {
        let sales = self.sales();
        if sales.is_empty() {
            return;
        }
        let at = self.below(sales.len());
        let (slot, force, now) = (sales[at].slot, self.chance(300), self.now());
        let ours = sales[at].submitted || sales[at].state >= State::Filled;
        self.t().asked.stirred();
        if force {
            self.t().forced.insert(slot);
        }
        if let Some(Ok(_)) =
            self.call(&format!("abandon {slot} force {force}"), |engine| engine.abandon(now, slot, force))
        {
            self.t().count(if force && ours { "abandoned by force" } else { "abandoned" });
        }
    }

    /// An operator looks up what is in doubt, and tells. Nobody else is at work when he looks.
    pub fn resolve(&self) -> bool {
        if self.t().inside > 0 || !self.t().started {
            return false;
        }
        self.t().looking = true;
        let todo = self.in_doubt();
        self.t().looking = false;
        if todo.is_empty() {
            return false;
        }
        let at = self.below(todo.len());
        let (slot, truth, of) = todo[at];
        let now = self.now();
        let was = self.t().doubts.remove(&slot);
        let sale_of = || self.engine().and_then(|engine| engine.sale(slot).ok()).map(|(sale, _)| sale);
        let act_of = || sale_of().map(|sale| sale.act);
        let act = act_of();
        let named = if of == "sale" { Doubt::Sale } else { Doubt::Reservation };
        // Who is alone knows whether there is another doubt.
        let both = named == Doubt::Reservation && sale_of().is_some_and(|sale| sale.in_doubt);
        let word = if self.t().has.threads == 0 && !both && self.chance(500) { None } else { Some(named) };
        let answer = self.call(&format!("resolve {slot} ({of}): {truth}"), |engine| {
            engine.resolve(now, slot, Word { of: word, applied: truth })
        });
        // What the chain told inside may have queued the slot anew: that is another sale.
        if act == act_of()
            && self.t().has.threads == 0
            && (of, truth) == ("sale", false)
            // Where the chain can be read by now, it is asked instead.
            && !self.t().has.read_slot
            && matches!(answer, Some(Ok(SALES_OK)))
        {
            let sale = self.engine().and_then(|engine| engine.sale(slot).ok());
            if sale.as_ref().is_some_and(|(sale, _)| !sale.state.is_outcome() && sale.wanted.is_none()) {
                self.broken(format!("S6: slot {slot} is not ours, and its sale goes on: {sale:?}"));
            }
        }
        let mut t = self.t();
        match (of, answer) {
            ("sale", Some(Ok(_))) => {
                t.count("doubt of a sale resolved");
                if t.has.read_slot && t.sale_of(&slot).is_some_and(|sale| sale.state == State::Filling) {
                    t.doubted.insert(slot);
                }
                t.asked.settled(&slot);
                t.chain.landing.remove(&slot);
            }
            ("ledger: inherited", Some(Ok(_))) => t.count("inherited doubt resolved"),
            (_, Some(Ok(_))) => t.count("doubt of the ledger resolved"),
            // Another thread may have told it at the same time.
            (_, Some(Err(error))) if error.status == SALES_ERR_NOT_FOUND && !t.has.total && t.has.threads == 0 => {
                t.broken(format!("resolve of slot {slot} ({of}) is answered {error}"));
            }
            (_, Some(Err(error))) if error.status == SALES_ERR_NOT_FOUND => {}
            // Another thread has stopped it: in the next life it is another doubt.
            (_, Some(Err(error))) if error.status == SALES_ERR_STATE => {}
            (_, Some(Err(_))) => t.doubts.extend(was.map(|was| (slot, was))),
            (_, None) => {}
        }
        true
    }

    /// What is in doubt now, how it is in truth, and who asks.
    fn in_doubt(&self) -> Vec<(Id, bool, &'static str)> {
        let Some(engine) = self.engine() else { return Vec::new() };
        if engine.stats().is_ok_and(|stats| stats.overview.in_doubt == 0) {
            // The total has settled them.
            self.t().doubts.clear();
        }
        let told: Vec<Id> = self.t().doubts.keys().copied().collect();
        for slot in told {
            let recorded = engine.reservation(slot).ok().map(|view| view.in_doubt);
            let of_sale = engine.sale(slot).is_ok_and(|(sale, _)| sale.in_doubt);
            if !recorded.unwrap_or(!of_sale) {
                self.t().doubts.remove(&slot);
            }
        }
        let mut todo: Vec<(Id, bool, &'static str)> = {
            let t = self.t();
            t.doubts.iter().map(|(slot, doubt)| (*slot, doubt.done, "ledger: answered unknown")).collect()
        };
        for view in engine.reservations(None, None, usize::MAX).unwrap_or_default() {
            if view.in_doubt && !self.t().doubts.contains_key(&view.slot) {
                let record = &view.record;
                let accounted = u128::from(record.held) + u128::from(record.releasing) + u128::from(record.consuming);
                let truth = self.t().books.of.get(&view.slot).copied().unwrap_or(0);
                self.t().doubted.insert(view.slot);
                todo.push((view.slot, truth != accounted as i128, "ledger: inherited"));
                if self.t().has.total {
                    self.broken(format!("slot {} is in doubt, and nothing was answered UNKNOWN", view.slot));
                }
            }
        }
        let in_ledger: BTreeSet<Id> = todo.iter().map(|(slot, ..)| *slot).collect();
        for sale in self.sales() {
            if sale.in_doubt && !in_ledger.contains(&sale.slot) {
                let t = self.t();
                let filled = sale.state >= State::Filled;
                let ours = if filled { t.chain.is_ours(&sale.slot, t.time) } else { t.chain.host_is_us(&sale.slot) };
                todo.push((sale.slot, ours, "sale"));
            }
        }
        todo
    }

    pub fn reconcile(&self, repair: bool) -> Option<Result<i32>> {
        if !self.t().has.total {
            return None;
        }
        let now = self.now();
        let done = self.call(&format!("reconcile, repair {repair}"), |engine| engine.reconcile(now, repair));
        let mut t = self.t();
        let was_half = t.half_repaired;
        t.half_repaired |= repair && !matches!(done, Some(Ok(SALES_OK)));
        match &done {
            Some(Ok(SALES_OK)) if repair => {
                t.forgot = false;
                t.count("reconciled: repaired");
            }
            Some(Ok(SALES_OK)) => t.count("reconciled: compared"),
            Some(Ok(SALES_PENDING)) => t.count("reconcile pends"),
            Some(Err(error)) if error.status == SALES_HOST_STATE_MISMATCH && !repair && !was_half && !t.forgot => {
                t.broken(format!("S1: {error}"));
            }
            _ => {}
        }
        let repaired = repair && t.has.threads == 0 && matches!(done, Some(Ok(SALES_OK)));
        drop(t);
        if repaired {
            self.check_phase(true);
        }
        done
    }

    pub fn consumed(&self) {
        let told = {
            let mut t = self.t();
            let slots: Vec<Id> = t.content.keys().copied().collect();
            if slots.is_empty() {
                return;
            }
            let slot = t.rng.pick(&slots);
            if !t.is_kept_by_repo(&slot) {
                return;
            }
            t.land(&slot).map(|total| (slot, total))
        };
        let Some((slot, total)) = told else { return };
        let now = self.now();
        if let Some(Ok(_)) = self.call(&format!("consumed {slot} {total}"), |engine| engine.consumed(now, slot, total))
        {
            self.t().count("consumed");
        }
    }

    pub fn by_hand(&self) {
        let sold: Vec<Id> = self.sales().iter().filter(|sale| !sale.is_ended()).map(|sale| sale.slot).collect();
        if self.t().has.threads == 0 && !sold.is_empty() && self.chance(200) {
            let (slot, now) = (sold[self.below(sold.len())], self.now());
            if let Some(Ok(status)) =
                self.call(&format!("reserve {slot} by hand"), |engine| engine.reserve(now, slot, 7).map(of))
            {
                self.broken(format!("S4: slot {slot} of a sale is reserved by hand: {status}"));
            }
            return;
        }
        let (number, now) = (self.below(3) as u8, self.now());
        let (slot, bytes) = (Id(keccak256(&[number])), 100 + 50 * u64::from(number));
        if self.chance(500) {
            let bytes = if self.chance(50) { u64::MAX - u64::from(number) } else { bytes };
            let releases = self.t().releases_by_hand;
            let done =
                self.by_hand_or_pending(slot, Some(bytes), &format!("reserve {slot} {bytes} by hand"), |engine| {
                    engine.reserve(now, slot, bytes)
                });
            if matches!(&done, Some(Err(error)) if error.status == SALES_HOST_NO_SPACE) {
                self.broken("a repo without room is told by the host's name for it".into());
            }
            if let Some(Ok(status)) = done {
                if matches!(status, SALES_OK | SALES_ALREADY) {
                    let mut t = self.t();
                    // Another thread may have released it again before this one was answered.
                    if t.releases_by_hand == releases {
                        t.hand.insert(slot, bytes);
                    }
                    t.count("reserved by hand");
                }
            }
        } else {
            self.t().hand.remove(&slot);
            self.by_hand_or_pending(slot, None, &format!("release {slot} by hand"), |engine| engine.release(now, slot));
            // Another thread may have reserved it before the release was recorded.
            let mut t = self.t();
            t.hand.remove(&slot);
            t.releases_by_hand += 1;
        }
    }

    /// Calls for a slot; where that pends, the watch owes how it ends.
    fn by_hand_or_pending(
        &self,
        slot: Id,
        bytes: Option<u64>,
        what: &str,
        call: impl FnOnce(&Engine) -> Result<Answered>,
    ) -> Option<Result<i32>> {
        let mut answered = Answered::from(SALES_OK);
        let done = self.call(what, |engine| call(engine).inspect(|told| answered = *told).map(of));
        self.t().call_answered(slot, bytes, &answered);
        done
    }

    pub fn release_by_hand(&self) {
        for number in 0..3u8 {
            let (slot, now) = (Id(keccak256(&[number])), self.now());
            self.t().hand.remove(&slot);
            let live =
                self.engine().is_some_and(|engine| engine.reservation(slot).is_ok_and(|view| view.record.is_live()));
            if live {
                self.by_hand_or_pending(slot, None, &format!("release {slot} by hand"), |engine| {
                    engine.release(now, slot)
                });
            }
        }
    }

    pub fn offer(&self) {
        let terms = {
            let mut t = self.t();
            let big = t.has.big;
            let ends: Vec<u64> = t.chain.requests.values().map(|on| on.ask.ends_at).collect();
            let until = if t.rng.chance(120) && !ends.is_empty() { t.rng.pick(&ends) } else { 0 };
            let rng = &mut t.rng;
            let (size, collateral) = match big {
                true => (rng.range(2_000, 40_000) as u64 * 50, rng.range(1_000_000, 9_000_000)),
                false => (rng.range(10, 200) as u64 * 50 + rng.pick(&[0, 0, 27]), rng.range(5_000, 60_000)),
            };
            Terms {
                enabled: !rng.chance(150),
                total_size: size,
                min_duration: rng.pick(&[0, 0, 0, 0, 0, 900]),
                max_duration: rng.pick(&[0, 0, 0, 0, 0, 3000, 20_000]),
                min_slot_size: rng.pick(&[0, 0, 0, 0, 0, 200]),
                max_slot_size: if rng.chance(200) { 1000 } else { 0 },
                until,
                min_price_per_byte_per_second: U256::from(rng.below(4)),
                total_collateral: U256::from(collateral),
                max_slots_per_request: if big { 0 } else { rng.below(4) as u32 },
            }
        };
        let now = self.now();
        let (known, offers) = {
            let t = self.t();
            (t.offers.len(), t.offers.clone())
        };
        if known < 3 && (known == 0 || !self.chance(600)) {
            if let Some(Ok(id)) = self.call("a new offer", |engine| engine.offer_put(now, Id::ZERO, terms)) {
                self.t().offers.push(id);
            }
            return;
        }
        let id = offers[self.below(known)];
        if self.chance(150) {
            if let Some(Ok(_)) = self.call("an offer is removed", |engine| engine.offer_remove(now, id)) {
                let mut t = self.t();
                t.offers.retain(|offer| *offer != id);
                t.count("offer removed");
            }
        } else if let Some(Ok(_)) =
            self.call(&format!("an offer is changed: {terms:?}"), |engine| engine.offer_put(now, id, terms))
        {
            self.t().count("offer changed");
        }
    }

    pub fn look(&self) {
        let ask = self.t().ask_to_evaluate();
        if let Some(ask) = ask {
            self.evaluate(&ask);
        }
        // Another thread may stop it while this one looks.
        if self.t().has.threads == 0 {
            self.refused_while_running();
        }
        if let Some(engine) = self.engine() {
            let _ = engine.stats();
        }
    }

    /// What of the calls that are out, or in doubt, the repo has done and the books do not show yet: to be added to what the books expect.
    /// `reserving`: what the module has asked for and not recorded; all of it is granted, but for what is still out.
    pub fn in_between(&self, reserving: u64) -> i128 {
        let t = self.t();
        let more = |kind: OpKind, bytes: u64, happened: bool| match kind {
            OpKind::RepoReserve if !happened => -i128::from(bytes),
            OpKind::RepoRelease | OpKind::RepoConsume if happened => -i128::from(bytes),
            _ => 0,
        };
        let happened = |out: &Out| match out.fate {
            Fate::Unknown(done) => done && out.done.is_some(),
            _ => out.done.as_ref().is_some_and(Answer::is_ok),
        };
        let pending: i128 = t.out.iter().map(|out| more(out.job.kind, out.job.bytes, happened(out))).sum();
        let engine = t.engine.clone();
        let doubts: Vec<_> = t.doubts.iter().map(|(slot, doubt)| (*slot, *doubt)).collect();
        drop(t);
        let in_doubt =
            |slot: &Id| engine.as_ref().is_some_and(|engine| engine.reservation(*slot).is_ok_and(|view| view.in_doubt));
        let doubted = doubts.iter().filter(|(slot, _)| in_doubt(slot));
        let doubted: i128 = doubted.map(|(_, doubt)| more(doubt.kind, doubt.bytes, doubt.done)).sum();
        i128::from(reserving) + pending + doubted
    }
}
