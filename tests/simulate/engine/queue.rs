//! Who is attempted next: the best that waits and may be attempted; who rests, and what wakes him. Held against worlds in
//! which one thread calls: with several, nobody can say what another saw.

use super::held::Held;
use super::journal::Written;
use super::truth::{Job, Truth};
use sales::engine::{Phase, Stats};
use sales::host::OpKind;
use sales::market::{Id, U256};
use sales::sales::sale::{Sale, State};
use sales::status::SALES_ERR_FULL;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds after which a slot that rests is attempted again at the latest: a minute, and another where the first was begun by an older one.
const REST: u64 = 122;

/// What is known of who rests.
#[derive(Default)]
pub struct Waiting {
    /// How often something came that gives all who rest another try.
    wakes: u64,
    /// Slots that came back without room: after which wake, and when by the host's clock.
    rested: BTreeMap<Id, (u64, u64)>,
    /// The repo could not say what it has free: whoever was to be attempted then may rest; likewise after which wake, and when.
    blind: Option<(u64, u64)>,
    /// The least that the repo had free since the last wake.
    least_free: i128,
    /// Something could not be written, or the deadlines moved: who is stuck or rests is not known before the next wake.
    pub unsure: bool,
    /// The offer that a slot must be sold from, as it was when its space was asked for.
    chosen: BTreeMap<Id, Id>,
    /// Slots that were to be attempted when that could not be written: they are, before others, as soon as it can.
    stuck: BTreeSet<Id>,
    /// How often the store had failed when a tick came last. Where it refuses, none is begun before the next.
    faults: u64,
    /// Attempts whose order was looked at.
    begun: u64,
}

/// The order of the queue: the least is attempted first.
type Place = (bool, U256, U256, u64, u64, u64, Id);

impl Truth {
    fn place(&self, sale: &Sale) -> Option<Place> {
        let ask = &self.chain.requests.get(&sale.request)?.ask;
        let profit = ask.price_per_byte_per_second * U256::from(ask.slot_size) * U256::from(ask.duration);
        let collateral = ask.collateral_per_byte * U256::from(ask.slot_size);
        let tried = sale.attempt > 0;
        Some((tried, !profit, collateral, !ask.expires_at, ask.slot_size, sale.rank, sale.slot))
    }

    /// An offer was added or changed, space came back, or the module started.
    pub fn wake(&mut self) {
        self.waiting.wakes += 1;
        self.waiting.least_free = self.free_space();
    }

    /// All who rest have been given another try by a new life, which knows of none.
    pub fn wake_anew(&mut self) {
        self.waiting.rested.clear();
        self.waiting.stuck.clear();
        self.waiting.unsure = false;
        self.wake();
    }

    /// There is room that nobody is woken for yet: an offer has it back before the repo has its bytes.
    pub fn room_before_its_wake(&mut self) {
        self.waiting.least_free = 0;
    }

    /// The repo does not say what it has free.
    pub fn blind(&mut self) {
        self.waiting.blind = Some((self.waiting.wakes, self.now()));
    }

    pub fn space_moved(&mut self) {
        self.waiting.least_free = self.waiting.least_free.min(self.free_space());
    }

    /// Time is told: who has rested long enough is woken, and what was stuck is tried again.
    pub fn wake_by_time(&mut self) {
        let now = self.now();
        self.waiting.unsure = false;
        self.waiting.faults = self.faults();
        for (_, at) in self.waiting.rested.values_mut() {
            // Where the clock was set back, it counts from there.
            *at = now.min(*at);
        }
        self.waiting.rested.retain(|_, (_, at)| now < at.saturating_add(REST));
        self.waiting.blind = self.waiting.blind.map(|(wakes, at)| (wakes, now.min(at)));
        self.waiting.blind = self.waiting.blind.filter(|(_, at)| now < at.saturating_add(REST));
    }

    /// The module is told that the bytes of a slot whose reservation has ended are back.
    pub fn wake_by_release(&mut self, job: &Job, ok: bool) {
        if job.kind == OpKind::RepoRelease && ok && Held::gives_back(&self.store, &job.slot) {
            self.wake();
        }
    }

    /// Whether it may be left alone although it could be sold.
    fn may_rest(&self, sale: &Sale) -> bool {
        let waiting = &self.waiting;
        let rests = waiting.rested.get(&sale.slot).is_some_and(|(wake, _)| *wake == waiting.wakes);
        let blind = waiting.blind.is_some_and(|(wake, _)| wake == waiting.wakes);
        rests || blind || waiting.unsure || waiting.least_free < i128::from(sale.size)
    }

    fn could_be_sold(&self, held: &Held, sale: &Sale) -> bool {
        let free = u64::try_from(self.free_space()).unwrap_or(u64::MAX);
        !self.may_rest(sale) && self.best_offer(held, &sale.request, Some(free)).is_some()
    }

    /// A transaction failed: what it would have done is done later.
    pub fn could_not_write(&mut self, written: &Written) {
        self.waiting.unsure = true;
        let begins = |(before, after): &&(Option<Sale>, Sale)| {
            before.as_ref().is_some_and(|before| before.state == State::Queued) && after.state == State::ReservingSpace
        };
        self.waiting.stuck.extend(written.sales.iter().filter(begins).map(|(_, after)| after.slot));
    }

    /// A sale has moved, durably.
    pub fn queue_moved(&mut self, before: Option<State>, after: &Sale) {
        if before == Some(State::ReservingSpace) && after.state == State::Queued {
            let (wakes, now) = (self.waiting.wakes, self.now());
            self.waiting.rested.insert(after.slot, (wakes, now));
        } else if after.state != State::Queued || before.is_none() {
            self.waiting.rested.remove(&after.slot);
        }
    }

    /// An attempt has begun: nobody better waits who could be sold as well.
    pub fn order_of(&mut self, begun: &Sale, tried: bool) {
        self.waiting.begun += 1;
        let was_stuck = self.waiting.stuck.remove(&begun.slot);
        // Where a read fails, one whose beginning is written down may still have to wait for a tick.
        if was_stuck || self.odds.read > 0 || self.has.threads > 0 || self.has.big && self.waiting.begun % 8 != 0 {
            return;
        }
        let Some(held) = Held::of(&self.store) else { return };
        let attempt = u32::from(tried);
        let Some(place) = self.place(&Sale { attempt, ..begun.clone() }) else { return };
        let better = |sale: &&Sale| self.place(sale).is_some_and(|other| other < place);
        let passed_over = held.queued().filter(better).find(|sale| self.could_be_sold(&held, sale)).cloned();
        let waited = held.queued().count();
        if waited > 0 {
            self.count("the order of the queue looked at");
        }
        if let Some(other) = passed_over {
            self.broken(format!("queue: {begun:?} is attempted, and a better one waits: {other:?}"));
        }
    }

    /// A slot had to leave a queue that is full: nobody worse stays, and as many as may.
    pub fn evicted(&mut self, gone: &[(Sale, bool)]) {
        let Some(held) = Held::of(&self.store) else { return };
        let limit = self.options.queue_limit as usize;
        let left = held.queued().count();
        if left != limit {
            self.broken(format!("queue: {} had to leave it, {left} are left, its limit is {limit}", gone.len()));
        }
        let worst_left = held.queued().filter_map(|sale| self.place(sale)).max();
        for (sale, tried) in gone {
            let place = self.place(&Sale { attempt: u32::from(*tried), ..sale.clone() });
            if place < worst_left {
                self.broken(format!("queue: it is full, and {sale:?} leaves, which was not the worst"));
            }
            if sale.last_status != SALES_ERR_FULL || sale.last_text.is_empty() {
                self.broken(format!("queue: it is full, and a slot leaves without saying so: {sale:?}"));
            }
        }
        self.count("the queue is full, the worst leave");
    }

    /// New slots came: the queue is not longer than it may be, and their ranks are random.
    pub fn queued_anew(&mut self, new: &[Sale]) {
        if !self.has.big {
            let Some(held) = Held::of(&self.store) else { return };
            let (left, limit) = (held.queued().count(), self.options.queue_limit as usize);
            if left > limit {
                self.broken(format!("queue: {left} wait after a request was taken in, the limit is {limit}"));
            }
        }
        let mut ranks: Vec<(u64, u64)> = new.iter().map(|sale| (sale.index, sale.rank)).collect();
        ranks.sort_unstable();
        let in_order = ranks.windows(2).all(|pair| pair[0].1 < pair[1].1);
        if !in_order {
            self.count("slots queued in another order than that of their indexes");
        }
        let alike = ranks.windows(2).any(|pair| pair[0].1 == pair[1].1);
        if alike || in_order && ranks.len() > 15 {
            self.broken(format!("queue: the ranks of the slots of a request are not random: {ranks:?}"));
        }
    }

    /// The repo is asked for a slot's space: the decision was taken just now.
    pub fn chosen_for(&mut self, job: &Job) {
        self.waiting.chosen.remove(&job.slot);
        // A large world takes long to look at.
        let looks = self.has.threads == 0 && !(self.has.big && self.waiting.begun % 8 != 0);
        let Some(request) = self.chain.request_of(&job.slot).filter(|_| looks) else { return };
        let Some(held) = Held::of(&self.store) else { return };
        if let Some(sale) = held.sales.get(&job.slot).filter(|sale| sale.wanted.is_some()) {
            self.broken(format!("space is reserved for a slot that is on its way out: {sale:?}"));
        }
        let free = self.told_free.last().copied().flatten();
        match self.best_offer(&held, &request, free) {
            Some(offer) => drop(self.waiting.chosen.insert(job.slot, offer)),
            None => self.broken(format!("decision: space for slot {} is reserved, and no offer takes it", job.slot)),
        }
    }

    /// A slot's space is reserved: from the offer that fits best.
    pub fn sold_from(&mut self, sale: &Sale) {
        if let Some(chosen) = self.waiting.chosen.remove(&sale.slot) {
            self.count("sold from the best offer");
            if sale.offer != chosen && self.has.threads == 0 {
                self.broken(format!("decision: it must be sold from offer {chosen}: {sale:?}"));
            }
        }
    }

    /// Nobody waits while he could be attempted. `sales`: each with whether the module has something out for it, or in doubt.
    pub fn nobody_waits_in_vain(&mut self, stats: &Stats, sales: &[(Sale, bool)]) -> Result<(), String> {
        if self.has.threads > 0 || stats.phase != Phase::Running as u32 || !self.out.is_empty() && self.has.big {
            return Ok(());
        }
        let soon = stats.next_deadline <= self.now().max(self.latest) + 1;
        if self.waiting.faults != self.faults() && soon {
            return Ok(());
        }
        let Some(held) = Held::of(&self.store) else { return Ok(()) };
        // What is in doubt may stay so for long: it takes nobody's place.
        let out: BTreeSet<Id> = self.out.iter().map(|out| out.job.slot).collect();
        let in_doubt = |(sale, is_out): &(Sale, bool)| {
            let doubt = self.doubts.get(&sale.slot).filter(|_| *is_out && !out.contains(&sale.slot));
            sale.in_doubt || doubt.is_some_and(|doubt| doubt.kind == OpKind::RepoReserve)
        };
        let attempts = sales.iter().filter(|it| it.0.state.is_attempt() && !in_doubt(it)).count();
        if attempts >= self.options.max_attempts as usize {
            return Ok(());
        }
        let idle = held.queued().find(|sale| self.could_be_sold(&held, sale));
        match idle {
            Some(sale) => Err(format!(
                "queue: {attempts} are attempted of {}, and this one waits for nothing: {sale:?}",
                self.options.max_attempts
            )),
            None => {
                if held.queued().next().is_some() {
                    self.count("who waits in the queue waits for something");
                }
                Ok(())
            }
        }
    }
}
