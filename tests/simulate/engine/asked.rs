//! What an operation of a sale may be asked for, and when: only what its durable record says, under its own name, not before a pause is over, and
//! nothing twice whose outcome is open.

use super::host::Host;
use super::truth::{Job, Truth};
use super::written::{deadline_of, LONGEST_PAUSE_S};
use sales::datastore::Backend;
use sales::host::{Answer, Op, OpKind, Slot};
use sales::market::{slot_id, Id, RequestState, SlotView, U256};
use sales::sales::sale::{Return, Sale, State};
use sales::status::*;
use std::collections::{BTreeMap, BTreeSet};

/// An act: of which store, for which slot, which sale of it, and what.
type Act = ([u8; 16], Id, u64, &'static str);

/// What was asked for, and how it went.
#[derive(Default)]
pub struct Asked {
    /// What the host said last.
    clock: u64,
    names: BTreeMap<[u8; 16], Act>,
    acts: BTreeMap<Act, [u8; 16]>,
    /// Fills whose outcome the module cannot know.
    open: BTreeSet<(Id, u64)>,
    /// What was refused for now, in this life.
    pauses: BTreeMap<Id, Pause>,
    /// What was refused for good, in this life.
    refused: BTreeSet<(Act, State)>,
    /// Sales that have heard from the chain in this life when their request ends.
    pub heard: BTreeSet<(Id, u64)>,
    /// How often each slot was read.
    pub reads: BTreeMap<Id, u64>,
    /// How often it was asked in the state that the sale is in.
    times: BTreeMap<Id, (u64, State, u32)>,
    /// The proof that was given last.
    pub proofs: BTreeMap<Id, Vec<u8>>,
    given: u64,
    /// Another store was put in the place of the one that counted attempts.
    replaced: bool,
}

/// What was refused for now: by which sale, in which state, how often in a row, and when last.
struct Pause {
    act: u64,
    state: State,
    kind: OpKind,
    times: u32,
    at: u64,
}

/// One second, doubled each time, up to a minute.
fn pause_s(times: u32) -> u64 {
    (1u64 << (times - 1).min(10)).min(LONGEST_PAUSE_S)
}

/// Answers that mean: ask again later. Of a fill and of reads more depends on what is known.
fn waits(kind: OpKind) -> bool {
    matches!(kind, OpKind::ReserveSlot | OpKind::Store | OpKind::Prove | OpKind::Keep | OpKind::Clear)
}

impl Asked {
    /// Another life: what waited is asked at once, and what was refused for good may not have been written down.
    pub fn another_life(&mut self) {
        self.pauses.clear();
        self.refused.clear();
        self.heard.clear();
    }

    /// The host's clock. One that was set back does not make a pause longer, and a pause that could not be written begins when it can be.
    pub fn clock(&mut self, now: u64) {
        if now < std::mem::replace(&mut self.clock, now) {
            self.pauses.clear();
        }
    }

    /// Something else was told, which may be a reason of its own to ask.
    pub fn stirred(&mut self) {
        self.pauses.clear();
    }

    /// Another store: it may number its sales anew.
    pub fn another_store(&mut self) {
        self.names.clear();
        self.acts.clear();
        self.open.clear();
        self.replaced = true;
    }

    /// An operator knows whose the slot is.
    pub fn settled(&mut self, slot: &Id) {
        self.open.retain(|(of, _)| of != slot);
    }

    pub fn new_proof(&mut self, slot: &Id) -> Vec<u8> {
        self.given += 1;
        let proof = [&slot.0[..8], &self.given.to_be_bytes()[..]].concat();
        self.proofs.insert(*slot, proof.clone());
        proof
    }
}

impl Truth {
    /// A sale as it lies on the disk.
    pub fn sale_of(&self, slot: &Id) -> Option<Sale> {
        let mut sale = None;
        let read = self.store.read(&mut |view| {
            sale = Sale::load(view, slot)?;
            Ok(())
        });
        read.ok().and(sale)
    }

    fn judge_op(&mut self, op: &Op) -> Result<(), String> {
        // Another thread's commit may have failed since: then nobody can read what was asked for.
        if self.store.is_dead() {
            return Ok(());
        }
        let Some(sale) = self.sale_of(&op.slot) else { return Err("no sale asks for it".into()) };
        let fits = match op.kind {
            OpKind::ReadRequest => sale.state == State::ReservingSpace,
            OpKind::ReserveSlot => sale.state == State::ReservingSlot,
            OpKind::Store => sale.state == State::Downloading && sale.stored,
            OpKind::Prove => sale.state == State::InitialProving,
            OpKind::FillSlot => sale.state == State::Filling && sale.submitted,
            OpKind::Keep => sale.state == State::Filled && !sale.kept,
            OpKind::ReadSlot => match sale.state {
                State::Filling => sale.unsure,
                state => state == State::Filled && sale.check || state == State::Payout,
            },
            OpKind::FreeSlot => sale.state == State::Payout && sale.wanted.is_some(),
            OpKind::Clear => sale.state.is_outcome() && sale.back == Return::Clear,
            _ => true,
        };
        if !fits {
            return Err(format!("its record does not say so: {sale:?}"));
        }
        let alone = self.has.threads == 0;
        if self.halted && alone {
            return Err("the module was told to stop".into());
        }
        self.judge_name(op, &sale)?;
        // What is read after the deadline is of use.
        let before_fill = sale.state <= State::Filling && op.kind != OpKind::ReadSlot;
        let deadline = if before_fill { deadline_of(&sale) } else { 0 };
        if op.kind != OpKind::ReadSlot && op.deadline != deadline {
            return Err(format!("its deadline is {}, must be {deadline}", op.deadline));
        }
        if before_fill && alone && self.latest >= deadline {
            return Err(format!("it is {} and the deadline is {deadline}", self.latest));
        }
        self.judge_attempt(op, &sale)?;
        let of_fill = (op.slot, sale.act);
        match op.kind {
            OpKind::FillSlot if !self.asked.open.insert(of_fill) => {
                return Err("an earlier fill may stand, and the chain was not asked".into());
            }
            OpKind::ReadSlot => *self.asked.reads.entry(op.slot).or_default() += 1,
            _ => {}
        }
        Ok(())
    }

    /// Acts and their names belong together, over retries and restarts.
    fn judge_name(&mut self, op: &Op, sale: &Sale) -> Result<(), String> {
        let act = (self.store.birth(), op.slot, sale.act, op.kind.name());
        let was = *self.asked.names.entry(op.id).or_insert(act);
        let name = *self.asked.acts.entry(act).or_insert(op.id);
        if was != act {
            return Err(format!("its id was that of {was:?}"));
        }
        if name != op.id {
            return Err("it had another id".into());
        }
        if self.asked.refused.contains(&(act, sale.state)) {
            return Err("it was refused for good".into());
        }
        Ok(())
    }

    fn judge_attempt(&mut self, op: &Op, sale: &Sale) -> Result<(), String> {
        let (now, alone) = (self.now(), self.has.threads == 0);
        let times = self.asked.times.entry(op.slot).or_insert((sale.act, sale.state, 0));
        if (times.0, times.1) != (sale.act, sale.state) {
            *times = (sale.act, sale.state, 0);
        }
        times.2 += 1;
        // A fill that is in doubt is paused by a restart, too, and of a slot that is ours the state comes back.
        let most = if sale.state < State::Filling && !self.asked.replaced { times.2 } else { u32::MAX };
        let same = |pause: &&Pause| (pause.act, pause.state, pause.kind) == (sale.act, sale.state, op.kind);
        let pause = self.asked.pauses.get(&op.slot).filter(same);
        let least = pause.filter(|_| alone).map_or(1, |pause| pause.times + 1);
        if op.attempt < least || op.attempt > most {
            return Err(format!("it is attempt {}, must be from {least} to {most}", op.attempt));
        }
        if let Some(pause) = pause.filter(|_| alone) {
            let due = pause.at + pause_s(pause.times);
            // A clock that was set back does not delay it.
            if now < due && due <= now + LONGEST_PAUSE_S {
                return Err(format!("it was refused {} times, is due at {due}, and it is {now}", pause.times));
            }
            self.count("asked again after a pause");
        }
        Ok(())
    }

    /// The module is told how an operation of a sale went.
    pub fn answered(&mut self, job: &Job, answer: &Answer) {
        let repo = matches!(job.kind, OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume);
        let Some(sale) = self.sale_of(&job.slot).filter(|_| !repo) else { return };
        // What is answered while it stops is written down, and asked again by the next start.
        let stops = self.stopping || self.halted;
        let now = self.now();
        let of_fill = (job.slot, sale.act);
        // One that was read anew, because it may have been lost, is asked to be kept anew, too.
        if job.kind == OpKind::ReadSlot
            && self.asked.pauses.get(&job.slot).is_some_and(|pause| pause.kind == OpKind::Keep)
        {
            self.asked.pauses.remove(&job.slot);
        }
        match (job.kind, answer.status) {
            // Refused on a first submission: no effect. Else an earlier one may stand.
            (OpKind::FillSlot, status) if status != SALES_HOST_UNKNOWN && !sale.unsure => {
                self.asked.open.remove(&of_fill);
            }
            (OpKind::ReadSlot, SALES_OK)
                if answer.view.as_ref().is_some_and(|view| view.request_state != RequestState::Unknown) =>
            {
                self.asked.open.remove(&of_fill);
                let lives = |view: &SlotView| matches!(view.request_state, RequestState::New | RequestState::Started);
                if self.has.threads == 0 && answer.view.as_deref().is_some_and(lives) {
                    self.asked.heard.insert(of_fill);
                }
            }
            (kind, SALES_HOST_TRANSIENT) if waits(kind) && !stops => {
                let (act, state) = (sale.act, sale.state);
                let before = self.asked.pauses.get(&job.slot);
                let before = before.filter(|pause| (pause.act, pause.state, pause.kind) == (act, state, kind));
                let times = before.map_or(0, |pause| pause.times) + 1;
                self.asked.pauses.insert(job.slot, Pause { act, state, kind, times, at: now });
            }
            (
                OpKind::ReserveSlot | OpKind::Store | OpKind::Prove,
                SALES_HOST_PERMANENT | SALES_HOST_NOT_ALLOWED | SALES_HOST_STATE_MISMATCH,
            ) if !stops => {
                let act = (self.store.birth(), job.slot, sale.act, job.kind.name());
                self.asked.refused.insert((act, sale.state));
                self.count("refused for good");
            }
            (_, SALES_OK) => {
                self.asked.pauses.remove(&job.slot);
            }
            _ => {}
        }
    }

    /// What a slot costs to fill: in repair less the reward.
    fn fill_costs(&self, slot: &Id) -> Option<U256> {
        let full = self.chain.view(slot, self.time)?.collateral;
        let repairing = self.sale_of(slot)?.repairing;
        Some(if repairing { full - full * U256::from(10) / U256::from(100) } else { full })
    }

    /// What a slot is filled with.
    pub fn judge_fill(&mut self, op: &Op, proof: &[u8], collateral: &U256) {
        if self.asked.proofs.get(&op.slot).is_none_or(|given| given != proof) {
            self.broken(format!("slot {} is filled with a proof that was not given for this attempt", op.slot));
        }
        let costs = self.fill_costs(&op.slot);
        if costs.is_some_and(|costs| costs != *collateral) {
            self.broken(format!("slot {} is filled with {collateral} tokens, must be {costs:?}", op.slot));
        }
    }
}

impl Host {
    /// An operation of a sale is asked for.
    pub fn asked(&self, op: &Op, slot: Option<&Slot<'_>>) {
        let mut t = self.enter();
        let judged = t.judge_op(op).and_then(|()| match slot {
            Some(slot) if slot.id != op.slot || slot_id(&slot.request_id, slot.index) != op.slot => {
                Err(format!("it names index {} of {}", slot.index, slot.request_id))
            }
            Some(slot) if slot.request != t.chain.request(&slot.request_id).as_ref() => {
                Err("it comes with another request".into())
            }
            _ => Ok(()),
        });
        if let Err(why) = judged {
            t.broken(format!("{} of slot {} is asked for wrongly: {why}", op.kind.name(), op.slot));
        }
    }
}
