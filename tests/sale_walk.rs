//! A random walk over the steps of a sale, which holds the two rules above all states: before a submitted fill everything that goes wrong gives the
//! space back; after, the chain alone says whose the slot is.
//!
//! SALES_STEPS: how many steps (1000000). SALES_STEPS_SEED: the seed of the walk, instead of a random one.

#[allow(dead_code)]
#[path = "simulate/rng.rs"]
mod rng;
mod sale_common;

use rng::Rng;
use sale_common::*;
use sales::error::Error;
use sales::host::OpKind;
use sales::market::{RequestState, SlotState, SlotView};
use sales::sales::sale::State;
use sales::sales::step::{Effect, Happened, HostCan, Input};
use sales::status::*;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

struct Walk {
    rng: Rng,
    life: Life,
    /// The last view said that the slot is ours and over.
    freeable: bool,
    cleared: bool,
    last: Vec<String>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is not a number")))
}

impl Walk {
    fn fresh(&mut self) {
        let rng = &mut self.rng;
        let mut flag = || rng.chance(600);
        let can = HostCan { reserve_slot: flag(), read_slot: flag(), free_slot: flag(), keep: flag(), clear: flag() };
        self.life = Life::new(can);
        let repair = self.rng.chance(150);
        (self.life.sale.repairing, self.life.sale.started) = (repair, repair);
        self.life.sale.next_at = self.life.sale.fill_deadline(MARGIN);
        (self.freeable, self.cleared) = (false, false);
        self.last.clear();
    }

    fn view(&mut self) -> SlotView {
        use {RequestState as R, SlotState as S};
        let over = self.life.latest > ENDS;
        let all = [
            (R::New, S::Free, false),
            (R::New, S::Filled, true),
            (R::New, S::Filled, false),
            (R::Started, S::Filled, true),
            (R::Started, S::Filled, true),
            (R::Started, S::Repair, false),
            (R::Cancelled, S::Cancelled, true),
            (R::Cancelled, S::Free, false),
            (R::Failed, S::Failed, true),
            (R::Failed, S::Failed, false),
            (R::Unknown, S::Unknown, false),
            (R::Finished, S::Finished, true),
            (R::Finished, S::Paid, false),
            (R::Finished, S::Finished, false),
        ];
        let from = if over { 6 } else { 0 };
        let (request, slot, mine) = all[self.rng.range(from, if over { 13 } else { 10 })];
        view(request, slot, mine)
    }

    fn input(&mut self) -> Input {
        const STATUSES: [i32; 8] = [
            SALES_HOST_TRANSIENT,
            SALES_HOST_TRANSIENT,
            SALES_HOST_UNKNOWN,
            SALES_HOST_NOT_ALLOWED,
            SALES_HOST_STATE_MISMATCH,
            SALES_HOST_PERMANENT,
            SALES_HOST_NO_SPACE,
            SALES_HOST_CANCELLED,
        ];
        const OF_LEDGER: [i32; 7] = [
            SALES_ERR_NO_SPACE,
            SALES_ERR_BUSY,
            SALES_ERR_IN_DOUBT,
            SALES_REFUSED,
            SALES_ERR_DISK_FULL,
            SALES_HOST_PERMANENT,
            SALES_ERR_REQUEST,
        ];
        const HAPPENED: [Happened; 7] = [
            Happened::SlotFilled,
            Happened::SlotFreed,
            Happened::ReservationsFull,
            Happened::RequestFulfilled,
            Happened::RequestCancelled,
            Happened::RequestFailed,
            Happened::RequestEnded,
        ];
        let good = self.rng.chance(750);
        if let Some(kind) = self.life.out.filter(|_| self.rng.chance(600)) {
            return match kind {
                OpKind::RepoReserve if good => Input::Reserved(Ok(SALES_OK)),
                OpKind::RepoReserve => Input::Reserved(Err(Error::new(self.rng.pick(&OF_LEDGER), "no"))),
                OpKind::RepoRelease if good => Input::Released(Ok(self.rng.pick(&[SALES_OK, SALES_QUEUED]))),
                OpKind::RepoRelease => Input::Released(Err(Error::new(self.rng.pick(&OF_LEDGER[..5]), "no"))),
                OpKind::ReadSlot if good => {
                    let view = self.view();
                    Input::Answered(kind, seen(view))
                }
                kind if good => Input::Answered(kind, answer(SALES_OK)),
                kind => Input::Answered(kind, answer(self.rng.pick(&STATUSES))),
            };
        }
        match self.rng.below(100) {
            0..=24 if self.life.sale.state == State::Queued => Input::Begin,
            25..=69 => {
                let by = [1, 5, 30, 100, 1000, 5000];
                let to = match self.life.sale.next_at {
                    u64::MAX => self.life.now + self.rng.pick(&by),
                    next if self.rng.chance(700) => next.max(self.life.now),
                    _ => self.life.now + self.rng.pick(&by[..4]),
                };
                self.life.at(to);
                if self.rng.chance(20) {
                    self.life.now -= self.rng.below(500) as u64;
                }
                Input::Due
            }
            70..=77 => Input::Happened(self.rng.pick(&HAPPENED)),
            78 => Input::TakenBack(Some(self.rng.pick(&HAPPENED))),
            79 => Input::TakenBack(None),
            80..=89 => Input::Restart,
            90..=93 => Input::Resolved(self.rng.chance(500)),
            94 => Input::Abandon(self.rng.chance(500)),
            95..=96 if self.life.out.is_none() => Input::Again,
            _ => Input::Due,
        }
    }

    /// One step, with everything that must hold.
    fn step(&mut self) -> (State, State) {
        if self.life.stopping && self.rng.chance(300) || self.rng.chance(10) {
            let was = self.life.sale.clone();
            let effect = self.life.restart();
            self.last.push(format!("{:?} restarted {:?} {effect:?}", was.state, self.life.sale.state));
        } else if self.rng.chance(10) {
            self.life.stopping = true;
            self.last.push("stopping".into());
        }
        let input = self.input();
        self.life.end_is_off = self.rng.chance(20);
        let before = self.life.clone();
        let told = format!("{input:?}");
        let by_time = matches!(input, Input::Due | Input::Restart | Input::Begin | Input::Again);
        let words = matches!(input, Input::Happened(_) | Input::Resolved(_) | Input::Abandon(true));
        let of_chain = matches!(input, Input::Answered(OpKind::ReadSlot | OpKind::FillSlot | OpKind::FreeSlot, _));
        match &input {
            Input::Answered(OpKind::ReadSlot, answer) => {
                self.freeable = answer.view.as_ref().is_some_and(|view| {
                    view.is_mine
                        && matches!(view.slot_state, SlotState::Finished | SlotState::Cancelled | SlotState::Failed)
                });
            }
            Input::Answered(OpKind::Clear, answer) if answer.is_ok() => self.cleared = true,
            _ => {}
        }
        let effect = self.life.tell(input);
        let (was, is) = (&before.sale, &self.life.sale);
        self.last.push(format!("{:?} --{told}--> {:?} {effect:?} next {}", was.state, is.state, is.next_at));
        if effect == Effect::Cancel {
            assert!(self.life.out.is_some_and(OpKind::can_cancel), "nothing to cancel");
        }
        if effect == Effect::Release && !self.life.stopping {
            let uncleared = self.life.can.clear && is.stored && !self.cleared;
            assert!(!uncleared, "the space is released before the content is cleared");
            assert!(is.state.is_outcome());
        }
        if effect == Effect::FreeSlot && !self.life.stopping {
            assert!(self.freeable, "free_slot, and the last view did not say that it is over");
        }
        if effect == Effect::ReadSlot {
            assert!(self.life.can.read_slot);
        }
        // (b) After a submitted fill, time never leads to an outcome; nothing else does but the chain's and the operator's word.
        let ours = !was.state.is_outcome() && (was.submitted || was.state >= State::Filled);
        if ours && is.state.is_outcome() {
            assert!(!by_time || was.wanted.is_some(), "time ends a slot that may be ours");
            assert!(words || of_chain || was.wanted.is_some(), "what ends a slot that may be ours?");
        }
        if ours && is.wanted.is_some() && was.wanted != is.wanted && is.state != State::Payout {
            assert!(words || of_chain, "what wants the end of a slot that may be ours?");
        }
        // No state is left by the same door twice: an outcome stays what it is.
        if was.state.is_outcome() {
            assert_eq!(was.state, is.state);
            assert!(is.back >= was.back);
        }
        let kept_by_host = is.state == State::Filled && !self.life.can.read_slot;
        let acts =
            self.life.out.is_some() || self.life.stopping || is.next_at != u64::MAX || is.in_queue || is.in_doubt;
        assert!(is.is_ended() || acts || kept_by_host, "nothing will ever happen to it again");
        (was.state, is.state)
    }

    /// (a) With a healthy host and time, whatever state it is in, it ends, and everything is back.
    fn finale(&self) {
        let mut life = self.life.clone();
        if life.stopping {
            life.restart();
        }
        let mut cleared = self.cleared;
        let mut told = false;
        let ours = life.sale.submitted;
        let mut path = Vec::new();
        for _ in 0..100 {
            path.push(format!(
                "{:?} back {:?} out {:?} next {}",
                life.sale.state, life.sale.back, life.out, life.sale.next_at
            ));
            if life.sale.is_ended() {
                assert!(cleared || !life.can.clear || !life.sale.stored);
                return;
            }
            match life.out {
                Some(OpKind::ReadSlot) => {
                    let over = life.latest > ENDS;
                    let slot = match (over, life.sale.started, ours) {
                        (true, _, _) => view(RequestState::Finished, SlotState::Finished, ours),
                        (_, true, _) => view(RequestState::Started, SlotState::Filled, ours),
                        _ => view(RequestState::New, if ours { SlotState::Filled } else { SlotState::Free }, ours),
                    };
                    life.sees(slot);
                }
                Some(OpKind::Clear) => {
                    cleared = true;
                    life.ok();
                }
                Some(_) => drop(life.ok()),
                None if life.sale.in_doubt => drop(life.tell(Input::Resolved(ours))),
                None if life.sale.next_at == u64::MAX => {
                    assert!(!told && !life.can.read_slot, "nothing will happen any more: {path:#?}");
                    told = true;
                    life.tell(Input::Happened(Happened::RequestEnded));
                }
                None => {
                    let next = life.sale.next_at.max(life.now);
                    life.at(next).tell(Input::Due);
                }
            }
        }
        panic!("it never ends: {path:#?}");
    }
}

/// What the walk has to have seen, besides itself: where each state leads.
const LEADS: &[(State, &[State])] = {
    use State::*;
    &[
        (Queued, &[ReservingSpace, Ignored, Cancelled, Failed, Abandoned]),
        (ReservingSpace, &[Queued, ReservingSlot, Downloading, Ignored, Cancelled, Failed, Abandoned]),
        (ReservingSlot, &[Downloading, Ignored, Cancelled, Failed, Abandoned]),
        (Downloading, &[InitialProving, Ignored, Cancelled, Failed, Abandoned]),
        (InitialProving, &[Filling, Ignored, Cancelled, Failed, Abandoned]),
        (Filling, &[Filled, Payout, Ignored, Cancelled, Failed, Abandoned]),
        (Filled, &[Payout, Finished, Cancelled, Failed, Lost, Abandoned]),
        (Payout, &[Filled, Finished, Cancelled, Failed, Lost, Abandoned]),
    ]
};

#[test]
fn random_walk() {
    let steps = number("SALES_STEPS").unwrap_or(1_000_000);
    let seed = number("SALES_STEPS_SEED").unwrap_or_else(|| RandomState::new().hash_one(1));
    println!("sale_walk: seed {seed}; the same walk again: SALES_STEPS_SEED={seed}");
    let mut walk =
        Walk { rng: Rng::new(seed), life: Life::new(WHOLE), freeable: false, cleared: false, last: Vec::new() };
    let mut table: BTreeMap<(State, State), u64> = BTreeMap::new();
    let (mut lives, mut ended) = (1u64, 0u64);
    for at in 0..steps {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let moved = walk.step();
            if at % 16 == 0 {
                walk.finale();
            }
            moved
        }));
        match outcome {
            Ok(moved) => *table.entry(moved).or_default() += 1,
            Err(panic) => {
                println!("sale_walk: VIOLATION at step {at} of seed {seed}, {:?}:", walk.life.can);
                walk.last.iter().for_each(|line| println!("    {line}"));
                println!("    {:?}", walk.life.sale);
                std::panic::resume_unwind(panic);
            }
        }
        let over = walk.life.sale.is_ended();
        if over || walk.rng.chance(5) {
            ended += u64::from(over);
            lives += 1;
            walk.fresh();
        }
    }
    for state in State::ALL {
        let row: Vec<String> = table
            .iter()
            .filter(|((from, to), _)| *from == state && to != from)
            .map(|((_, to), n)| format!("{} {n}", to.name()))
            .collect();
        let stays = table.get(&(state, state)).copied().unwrap_or(0);
        println!("sale_walk: {:>15} stays {stays:>7}  -> {}", state.name(), row.join(", "));
    }
    let reached: BTreeSet<State> = table.keys().map(|(_, to)| *to).collect();
    println!("sale_walk: steps={steps} lives={lives} ended={ended} states={} violations=0", reached.len());
    if steps >= 1_000_000 {
        for (from, leads) in LEADS {
            for to in *leads {
                assert!(table.contains_key(&(*from, *to)), "never seen: {} -> {}", from.name(), to.name());
            }
        }
        // The proofs of a filled slot are asked of the host from the next version on; the state has its number already.
        let missing: Vec<_> = State::ALL.iter().filter(|state| !reached.contains(state)).collect();
        assert!(missing.iter().all(|state| **state == State::Proving), "never reached: {missing:?}");
    }
}
