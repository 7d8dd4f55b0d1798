//! The greatest block seen: from there a restart has the chain told again, so nothing that was told of an earlier one may be missing,
//! and what is taken in is not asked for again.

use super::chain::Wire;
use super::held::Held;
use super::truth::Truth;
use sales::datastore::Backend;
use sales::engine::{Phase, Stats};
use sales::error::Result;
use sales::market::Id;
use sales::sales::sale::State;
use sales::sales::Happened;
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that is told: its block, and what of it. Told again, it is the same.
pub type Piece = (u64, Id, Option<u64>, Option<Happened>);

/// What was told of which block, in this life of the module.
#[derive(Default)]
pub struct Blocks {
    /// Being told, by thread.
    telling: BTreeMap<usize, Piece>,
    /// Threads that are telling and beside which another has run since: it may have taken in already what they told.
    overtaken: BTreeSet<usize>,
    /// Told, and not taken by the store: the host tells it again.
    lost: BTreeSet<Piece>,
    /// Events that the store did not take, and that the module keeps. Nothing has run since that could have taken them in.
    kept: BTreeSet<Piece>,
    /// The same, and since then something has.
    maybe: BTreeSet<Piece>,
    /// Slots that were freed, which the store did not take before their request ended: they are not sold again.
    passed: BTreeSet<(Id, Option<u64>)>,
    /// Requests whose end was told inside a callback: what of them was kept then, nobody can say.
    ended_inside: BTreeSet<Id>,
    /// The host has called from inside a callback since something was told.
    called_in: bool,
    /// Left to another thread, which has not run since; and by which.
    left: Vec<(usize, Piece)>,
    /// The greatest that was told.
    told: u64,
    /// The greatest that was taken in.
    taken_in: u64,
    /// Something was told of which nobody can say whether it was taken in.
    unclear: bool,
}

impl Truth {
    /// The number in the store.
    pub fn durable_block(&self) -> u64 {
        let mut block = 0;
        let read = self.store.read(&mut |view| {
            block = sales::sales::counts::last_block(view)?;
            Ok(())
        });
        read.map_or(0, |()| block)
    }

    /// Another life begins: what it knows is what the store knows.
    pub fn blocks_anew(&mut self, durable: u64) {
        self.blocks = Blocks { told: durable, taken_in: durable, ..Blocks::default() };
    }

    pub fn tells(&mut self, piece: Piece) {
        let me = self.pauser.me();
        self.blocks.telling.insert(me, piece);
        self.blocks.overtaken.remove(&me);
        self.blocks.called_in = false;
        self.blocks.told = self.blocks.told.max(piece.0);
    }

    /// The module has answered.
    pub fn has_told(&mut self, piece: Piece, answer: Option<&Result<i32>>) {
        let (me, alone) = (self.pauser.me(), self.has.threads == 0);
        self.blocks.telling.remove(&me);
        let blocks = &mut self.blocks;
        if matches!(piece.3, Some(Happened::RequestCancelled | Happened::RequestFailed | Happened::RequestEnded)) {
            let of_it = |kept: &&Piece| kept.1 == piece.1 && kept.3 == Some(Happened::SlotFreed);
            blocks.passed.extend(blocks.kept.iter().chain(&blocks.maybe).filter(of_it).map(|kept| (kept.1, kept.2)));
        }
        match answer {
            Some(Ok(SALES_OK | SALES_ALREADY | SALES_REFUSED)) => {
                blocks.taken_in = blocks.taken_in.max(piece.0);
                blocks.lost.remove(&piece);
            }
            // Another thread may have told it again meanwhile.
            Some(Err(error)) if (-399..=-300).contains(&error.status) && alone => {
                let to = match piece.3 {
                    None => &mut blocks.lost,
                    // A start wakes the slots that rest: one that begins takes in what it keeps, within this call.
                    Some(what) if blocks.called_in || what == Happened::RequestFulfilled => &mut blocks.maybe,
                    Some(_) => &mut blocks.kept,
                };
                to.insert(piece);
            }
            Some(Ok(SALES_QUEUED)) => {
                if !blocks.overtaken.contains(&me) {
                    blocks.left.push((me, piece));
                }
                blocks.unclear = true;
            }
            _ => blocks.unclear = true,
        }
    }

    /// A thread runs: what others left to it may be taken in from now on.
    pub fn another_runs(&mut self, thread: usize) {
        self.blocks.left.retain(|(by, _)| *by == thread);
        self.blocks.overtaken.extend(self.blocks.telling.keys().filter(|telling| **telling != thread));
    }

    /// The host calls from inside a callback: what is kept may be taken in, also of the event that is being told.
    pub fn called_in(&mut self) {
        self.blocks.called_in = true;
        self.blocks.maybe.append(&mut self.blocks.kept);
    }

    /// The host calls. A request that is told begins attempts, of slots that are queued: of no others does it take in what is kept.
    pub fn a_call_begins(&mut self) {
        if self.blocks.kept.is_empty() {
            return;
        }
        let of_request = matches!(self.blocks.telling.get(&self.pauser.me()), Some((.., None)));
        let Some(held) = Held::of(&self.store).filter(|_| of_request) else {
            self.blocks.maybe.append(&mut self.blocks.kept);
            return;
        };
        let queued: BTreeSet<Id> =
            held.sales.values().filter(|sale| sale.state == State::Queued).map(|sale| sale.request).collect();
        let (maybe, kept) =
            std::mem::take(&mut self.blocks.kept).into_iter().partition(|piece| queued.contains(&piece.1));
        self.blocks.kept = kept;
        self.blocks.maybe.extend::<BTreeSet<Piece>>(maybe);
    }

    /// An event is taken back: what is kept of it is not taken in.
    pub fn is_taken_back(&mut self, request: Id, index: Option<u64>, what: Happened) {
        let blocks = &mut self.blocks;
        if index.is_none() {
            blocks.passed.retain(|(of, _)| *of != request);
        }
        let before = blocks.kept.len() + blocks.maybe.len();
        let other = |piece: &Piece| (piece.1, piece.2, piece.3) != (request, index, Some(what));
        blocks.kept.retain(other);
        blocks.maybe.retain(other);
        blocks.unclear |= before != blocks.kept.len() + blocks.maybe.len();
    }

    /// A slot that was freed is not sold again, because its request ended before the store took that.
    pub fn was_passed(&self, request: Id, index: Option<u64>) -> bool {
        self.blocks.passed.contains(&(request, index)) || self.blocks.ended_inside.contains(&request)
    }

    /// The module was stopped: what it kept is to be told again, or was taken in at the end.
    pub fn nothing_is_kept(&mut self) {
        let blocks = &mut self.blocks;
        blocks.unclear |= !blocks.kept.is_empty() || !blocks.maybe.is_empty();
        blocks.kept.clear();
        blocks.maybe.clear();
    }

    /// Something is told without a block, from inside a callback: how that ends is not answered.
    pub fn told_inside(&mut self, wire: &Wire) {
        self.blocks.unclear = true;
        if wire.index.is_none() && wire.what != Happened::RequestFulfilled {
            self.blocks.ended_inside.insert(wire.request);
        }
    }

    /// The number moves, durably, before and now.
    pub fn block_is_durable(&mut self, (before, now): (u64, u64)) {
        // In a large world a call may do what others left over, long after its own.
        if before == now || self.has.big {
            return;
        }
        let me = self.pauser.me();
        let blocks = &self.blocks;
        let mine = blocks.telling.get(&me).copied();
        let lost = blocks.lost.iter().filter(|piece| mine != Some(**piece));
        let left = blocks.left.iter().map(|(_, piece)| piece).filter(|piece| mine != Some(**piece));
        let missing = lost.chain(left).chain(&blocks.kept).map(|piece| piece.0).min();
        if now < before {
            self.broken(format!("block: the greatest seen was {before} and is {now}"));
        } else if missing.is_some_and(|missing| now >= missing) {
            self.broken(format!("block: {now} counts as seen, and what was told of {missing:?} is not taken in"));
        } else if now > blocks.told {
            let told = blocks.told;
            self.broken(format!("block: {now} counts as seen, and {told} is the last that was told"));
        } else {
            self.count("a later block is seen");
        }
    }

    /// Nobody is inside a call.
    pub fn block_is_right(&mut self, stats: &Stats) -> std::result::Result<(), String> {
        let (seen, soon) = (stats.last_block, self.now().max(self.latest) + 1);
        let running = [Phase::Running as u32, Phase::Short as u32].contains(&stats.phase);
        let blocks = &mut self.blocks;
        // What is kept asks for a tick at once.
        if running && stats.next_deadline > soon {
            if let Some(kept) = blocks.kept.first() {
                return Err(format!("block: the store refused {kept:?}, and no tick is asked for to try again"));
            }
            let taken_in = std::mem::take(&mut blocks.maybe);
            blocks.taken_in = taken_in.last().map_or(blocks.taken_in, |piece| blocks.taken_in.max(piece.0));
        }
        let missing = blocks.lost.iter().chain(&blocks.kept).map(|piece| piece.0).min();
        let right = missing.map_or(blocks.taken_in, |missing| blocks.taken_in.min(missing.saturating_sub(1)));
        match blocks.unclear || !blocks.maybe.is_empty() || seen == right {
            true => {
                if missing.is_some() {
                    self.count("a block is to be told again");
                }
                Ok(())
            }
            false => Err(format!("block: the module says {seen}, all is taken in up to {right}")),
        }
    }
}
