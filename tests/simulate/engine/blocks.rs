//! The greatest block seen: from there a restart has the chain told again, so nothing that was told of an earlier one may be missing,
//! and what is taken in is not asked for again.

use super::truth::Truth;
use sales::datastore::Backend;
use sales::error::Result;
use sales::market::Id;
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
    /// Told, and not taken by the store.
    lost: BTreeSet<Piece>,
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
            block = sales::sales::acts::last_block(view)?;
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
        self.blocks.told = self.blocks.told.max(piece.0);
    }

    /// The module has answered.
    pub fn has_told(&mut self, piece: Piece, answer: Option<&Result<i32>>) {
        let (me, alone) = (self.pauser.me(), self.has.threads == 0);
        self.blocks.telling.remove(&me);
        let blocks = &mut self.blocks;
        match answer {
            Some(Ok(SALES_OK | SALES_ALREADY | SALES_REFUSED)) => {
                blocks.taken_in = blocks.taken_in.max(piece.0);
                blocks.lost.remove(&piece);
            }
            // Another thread may have told it again meanwhile.
            Some(Err(error)) if (-399..=-300).contains(&error.status) && alone => drop(blocks.lost.insert(piece)),
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

    /// Something is told without a block, from inside a callback: how that ends is not answered.
    pub fn told_inside(&mut self) {
        self.blocks.unclear = true;
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
        let missing = lost.chain(left).map(|piece| piece.0).min();
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
    pub fn block_is_right(&mut self, seen: u64) -> std::result::Result<(), String> {
        let blocks = &self.blocks;
        let missing = blocks.lost.first().map(|piece| piece.0);
        let right = missing.map_or(blocks.taken_in, |missing| blocks.taken_in.min(missing.saturating_sub(1)));
        match blocks.unclear || seen == right {
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
