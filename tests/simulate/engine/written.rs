//! What a commit may write of a sale, and which news go with it: each rule is held against the chain's truth.

use super::truth::Truth;
use sales::event::{Event, EventKind};
use sales::market::{Id, RequestState};
use sales::sales::sale::{Sale, State};
use sales::status::*;
use std::collections::BTreeSet;

/// Seconds before the expiry, or before the end of a request that started, from which on no fill is begun.
pub const MARGIN_S: u64 = 15;

/// The longest pause before what was refused is asked again.
pub const LONGEST_PAUSE_S: u64 = 60;

/// The second from which on a sale must not be filled any more.
pub fn deadline_of(sale: &Sale) -> u64 {
    (if sale.started { sale.ends_at } else { sale.expires_at }) - MARGIN_S
}

/// What one transaction writes of sales.
#[derive(Default)]
pub struct Moved {
    /// Requests that were not known before it.
    pub accepted: BTreeSet<Id>,
    /// Each sale as it was and as it is; of a slot that is sold once more there was none.
    pub sales: Vec<(Option<Sale>, Sale)>,
    pub events: Vec<Event>,
}

impl Moved {
    fn tells(&self, kind: EventKind, slot: &Id) -> impl Iterator<Item = &Event> {
        let slot = *slot;
        self.events.iter().filter(move |event| event.kind == kind && event.slot == slot)
    }

    /// The news of a move are in the commit that makes it true, and say what the record says.
    fn news(&self, before: &Sale, after: &Sale) -> Result<(), &'static str> {
        let slot = &after.slot;
        let same = |event: &&Event| {
            event.state == after.state as u32 && event.status == after.last_status && event.text == after.last_text
        };
        let taken = before.state == State::ReservingSpace && !after.state.is_outcome();
        let told =
            |kind| self.tells(kind, slot).any(|event| same(&event) || taken && event.state == after.state as u32);
        if before.state != after.state && !told(EventKind::State) && !told(EventKind::Ended) {
            return Err("moves, and no event says so");
        }
        let won = (before.state, after.state) == (State::Filling, State::Filled);
        if won != (self.tells(EventKind::Sold, slot).count() == 1) {
            return Err("is sold, and it is not told once");
        }
        if !before.is_ended() && after.is_ended() && !told(EventKind::Ended) {
            return Err("ends, and no event says so");
        }
        let lost = |sale: &Sale| sale.state == State::Lost || sale.wanted == Some(State::Lost);
        let taken_away = lost(after) && !lost(before) && !before.in_doubt;
        let needs_human = taken_away || after.in_doubt && !before.in_doubt;
        if needs_human && self.tells(EventKind::Alert, slot).next().is_none() {
            return Err("needs a human, and none is told");
        }
        Ok(())
    }
}

/// The reasons that are kept: of an end, why it came, not what the host said later.
fn reason(before: &Sale, after: &Sale) -> Result<(), &'static str> {
    let on_the_way =
        |sale: &Sale| sale.wanted.is_some() && (State::ReservingSpace..=State::InitialProving).contains(&sale.state);
    let ends = !before.state.is_outcome() && after.state.is_outcome();
    if (on_the_way(after) || on_the_way(before) && ends)
        && (after.last_status != SALES_OK || after.last_text.is_empty())
    {
        return Err("is on its way out, and its reason is another's");
    }
    let why = |sale: &Sale| (sale.last_status, sale.last_text.clone());
    if before.state.is_outcome() && why(before) != why(after) {
        return Err("is over, and its reason is another than that of its end");
    }
    let by_chain = matches!(after.state, State::Finished | State::Cancelled | State::Failed);
    if ends && by_chain && before.state >= State::Filled && why(after) != (SALES_OK, String::new()) {
        return Err("ends as its request does, and gives another reason");
    }
    if ends && before.state < State::Filled && after.last_text.is_empty() {
        return Err("ends before its fill, and does not say why");
    }
    let again = [SALES_HOST_TRANSIENT, SALES_HOST_CANCELLED, SALES_HOST_UNKNOWN];
    let attempted = (State::ReservingSlot..=State::Filling).contains(&before.state);
    if ends && attempted && again.contains(&after.last_status) {
        return Err("is given up for what is to be tried again");
    }
    Ok(())
}

impl Truth {
    /// Judges what was written and is durable.
    pub fn judge(&mut self, written: &Moved) {
        for (before, after) in &written.sales {
            let judged = self.record(before.as_ref(), after).and_then(|()| match before {
                Some(before) => {
                    written.news(before, after)?;
                    reason(before, after)?;
                    self.outcome(before, after)
                }
                None if after.repairing == written.accepted.contains(&after.request) => {
                    Err("is to be repaired if and only if it was freed, and is not")
                }
                None => Ok(()),
            });
            if let Err(why) = judged {
                self.broken(format!("a sale {why}: {after:?}, before {before:?}, told {:?}", written.events));
            }
        }
    }

    /// What a record may say whatever happened.
    fn record(&self, before: Option<&Sale>, after: &Sale) -> Result<(), &'static str> {
        if (after.state == State::Filling) == after.proof.is_empty() {
            return Err("keeps a proof that is not needed, or has none that is");
        }
        let (moved, from) = (before.is_none_or(|sale| sale.state != after.state), before.map(|sale| sale.state));
        let goes_on = after.state == State::Queued
            || from == Some(State::Queued) && after.state == State::Ignored
            || (from, after.state) == (Some(State::Payout), State::Filled);
        if moved && !goes_on && after.attempt != 0 {
            return Err("takes its attempts along into the next state");
        }
        let for_good = [SALES_HOST_PERMANENT, SALES_HOST_NOT_ALLOWED].contains(&after.last_status);
        if for_good && (from, after.state) == (Some(State::ReservingSpace), State::Queued) {
            return Err("was refused its space for good, and is to be tried again");
        }
        let heard = self.asked.heard.contains(&(after.slot, after.act));
        if heard && self.chain.end_of(&after.slot) != Some(after.ends_at) {
            return Err("does not know its end, and the chain has told it");
        }
        let asks = |sale: &Sale| (sale.submitted, sale.stored);
        if self.halted && before.is_some_and(|before| asks(after) > asks(before)) {
            return Err("is marked as asked for, and nothing is asked for while it stops");
        }
        let before_fill = after.state <= State::Filling && !after.submitted && after.wanted.is_none();
        if before_fill && after.next_at > deadline_of(after) {
            return Err("waits beyond its deadline");
        }
        if before_fill && after.state == State::Queued && after.next_at != deadline_of(after) {
            return Err("waits in the queue, and not for its deadline");
        }
        Ok(())
    }

    /// How a sale ends is how its request ended. Before its fill it may be too late as well; what was decided while something was out stays so,
    /// whatever is told since.
    fn outcome(&self, before: &Sale, after: &Sale) -> Result<(), &'static str> {
        let given_up = |sale: &Sale| sale.wanted == Some(State::Abandoned);
        if given_up(before) && !given_up(after) && after.wanted.is_some() {
            return Err("was given up by an operator, and is to end otherwise");
        }
        let not_ours = |sale: &Sale| sale.wanted == Some(State::Lost) || sale.state == State::Lost;
        let gone = |sale: &Sale| not_ours(sale) || given_up(sale) || sale.state == State::Abandoned;
        if not_ours(before) && !gone(after) && !self.has.read_slot {
            return Err("is not ours, as an operator said, and is to end otherwise");
        }
        let ours = before.state >= State::Filled;
        // Of one that is ours the chain is read first.
        let planned = |sale: &Sale| sale.wanted.filter(|_| sale.state < State::Filled);
        let decided = |sale: &Sale| if sale.state.is_outcome() { Some(sale.state) } else { planned(sale) };
        let ends = decided(after).filter(|ends| decided(before) != Some(*ends));
        // An old copy of the store does not know what was paid out since.
        let known = !self.forced.contains(&after.slot);
        let Some(state) = self.chain.state_of(&after.request, self.time).filter(|_| known) else { return Ok(()) };
        let too_late = !ours && self.latest >= deadline_of(before);
        let wrong = match ends {
            Some(State::Failed) => state != RequestState::Failed,
            Some(State::Cancelled) => state != RequestState::Cancelled && !too_late,
            Some(State::Finished) => state != RequestState::Finished,
            _ => false,
        };
        if wrong {
            return Err("ends as its request does not");
        }
        Ok(())
    }
}
