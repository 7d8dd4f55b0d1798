//! What the chain told and the module answered as taken in shows in its sales: who is out of a slot, what has started, what is to be read again.

use super::chain::Wire;
use super::world::World;
use sales::sales::sale::{Sale, State};
use sales::sales::Happened;

/// The sales of a request before it is told something, and how often each was read.
pub struct Before(Vec<(Sale, u64)>);

impl World {
    /// What an event finds.
    pub fn before(&self, wire: &Wire) -> Before {
        let t = self.t();
        let slots = t.chain.slots_of(&wire.request, wire.index);
        let sales = slots.iter().filter_map(|slot| t.sale_of(slot));
        let read = |sale: &Sale| t.asked.reads.get(&sale.slot).copied().unwrap_or(0);
        Before(sales.filter(|sale| !sale.is_ended()).map(|sale| (sale.clone(), read(&sale))).collect())
    }

    /// An event was answered OK on the only thread there is.
    pub fn taken_in(&self, wire: &Wire, taken_back: bool, before: &Before) {
        let what = wire.what;
        let mut t = self.t();
        if what == Happened::RequestFulfilled && !taken_back {
            t.fulfilled.insert(wire.request);
        }
        for (was, reads) in &before.0 {
            if (what, was.state, taken_back) == (Happened::ReservationsFull, State::Queued, false) {
                t.count("a queued slot has all its reservations");
            }
            // It may have ended and be forgotten, or be queued anew.
            let Some(is) = t.sale_of(&was.slot).filter(|is| is.act == was.act && !is.is_ended()) else { continue };
            let leaves = is.state.is_outcome() || is.wanted.is_some() || is.state == State::Payout;
            let stays = (was.state, was.attempt, was.since) == (is.state, is.attempt, is.since);
            let read = is.check || t.asked.reads.get(&is.slot).copied().unwrap_or(0) > *reads;
            let may_be_read = t.has.read_slot && stays && is.state == State::Filled;
            let wrong = match what {
                _ if taken_back => may_be_read && !read,
                // One that could not be asked for yet counts as submitted as long.
                Happened::SlotFilled => is.state < State::Filled && !was.submitted && !is.submitted && !leaves,
                Happened::ReservationsFull => stays && is.state == State::Queued,
                Happened::RequestFulfilled => !is.started && !is.state.is_outcome(),
                Happened::RequestCancelled | Happened::RequestFailed | Happened::RequestEnded => !leaves,
                Happened::SlotFreed if !t.has.read_slot => stays && is.state == State::Filled && !is.in_doubt,
                Happened::SlotFreed => may_be_read && !read,
            };
            if wrong {
                t.broken(format!("{what:?} (taken back: {taken_back}) was taken in, and the sale does not show it: {is:?}, before {was:?}"));
                return;
            }
            t.count("an event shows in a sale");
        }
    }
}
