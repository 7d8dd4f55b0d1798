//! What must be true after every step, and of every answer.

use super::driver::{id_of, say, World};
use super::job::{Job, Kind};
use super::model::{Plain, NOBODY, SLOTS};
use sales::datastore::unsettled::{self, Owner};
use sales::datastore::{Backend, Table};
use sales::history;
use sales::ledger::books::Books;
use sales::ledger::record::Record;
use sales::ledger::task::Done;
use sales::market::Id;
use sales::status::*;
use std::ops::ControlFlow;

/// The sums of the books: held, consumed, releasing, live, shortfall, surplus.
type Sums = [i128; 6];

fn sums(books: &Books) -> Sums {
    [books.held, books.consumed, books.releasing, books.live, books.shortfall, books.surplus].map(i128::from)
}

fn sums_of(plain: &Plain) -> Sums {
    [plain.held(), plain.consumed(), plain.unsettled(), plain.live(), plain.shortfall, plain.surplus]
}

impl World {
    /// After every step.
    pub fn check(&mut self) {
        self.steps += 1;
        if self.store.is_dead() {
            return;
        }
        self.check_store();
        self.check_view();
        self.check_sum();
        self.check_next_tick();
    }

    /// The store: its records, its totals, its index of the unsettled, against the model and against each other.
    fn check_store(&mut self) {
        let birth = self.store.birth();
        let (mut rows, mut index, mut books, mut last) = (Vec::new(), Vec::new(), Books::default(), 0);
        let read = self.store.read(&mut |view| {
            view.walk(Table::Slots, &[], &mut |key, value| {
                let slot = Id(key.try_into().expect("a slot id"));
                rows.push((slot, Record::decode(value, &slot).expect("S8: a record that does not read")));
                ControlFlow::Continue(())
            })?;
            index = unsettled::slots(view, Owner::Ledger)?;
            books = Books::load(view, birth)?;
            last = history::last(view)?;
            Ok(())
        });
        read.expect("S8: the store does not read");
        let mut counted = Books { shortfall: books.shortfall, surplus: books.surplus, ..Books::default() };
        for (_, record) in &rows {
            counted.exchange(None, Some(record)).expect("S7: a sum of records does not fit");
        }
        assert!(
            sums(&counted) == sums(&books),
            "totals {:?} are not the sums of the records {:?}",
            sums(&books),
            sums(&counted)
        );
        assert!(
            sums(&books) == sums_of(&self.plain),
            "S1/S3: totals {:?}, must be {:?}",
            sums(&books),
            sums_of(&self.plain)
        );
        let owing: Vec<Id> = rows.iter().filter(|(_, r)| r.is_unsettled()).map(|(slot, _)| *slot).collect();
        assert!(index == owing, "the index of the unsettled {index:?} is not {owing:?}");
        assert!(books.id == self.plain.id, "the books' id is {:?}", books.id);
        let flags = (books.started, books.untrusted);
        assert!(flags == (self.plain.started, self.plain.untrusted), "started, untrusted: {flags:?}");
        assert!(last == self.plain.events, "S3: {last} events in the history, must be {}", self.plain.events);
        for at in 0..SLOTS {
            let record = rows.iter().find(|(slot, _)| *slot == id_of(at)).map(|(_, record)| record);
            compare(&self.plain, at, record);
        }
    }

    /// What the ledger tells, with what rides.
    fn check_view(&mut self) {
        let view = self.view_all();
        for at in 0..SLOTS {
            let record = self.ledger.record(&id_of(at)).expect("S8: a record does not read");
            compare(&view, at, record.as_ref());
            if self.filled[at] {
                let whole = record.as_ref().is_some_and(|r| r.is_live() && r.held + r.consumed == r.asked);
                assert!(whole, "S5: the filled slot {at} has lost space: {record:?}");
            }
        }
        if self.owed.values().sum::<i128>() > i128::from(u64::MAX) {
            return;
        }
        let told = self.ledger.overview().expect("S7: the overview is refused");
        assert!(sums(&told.books) == sums_of(&view), "S1: told {:?}, must be {:?}", sums(&told.books), sums_of(&view));
        let owed: i128 = self.owed.values().sum();
        assert!(i128::from(told.owed) == owed, "S1: O is told as {}, must be {owed}", told.owed);
        let doubts = self.jobs.iter().filter(|job| job.in_doubt()).count() as u64;
        assert!(told.in_doubt == doubts, "in doubt: {} told, {doubts} are", told.in_doubt);
        assert!(
            self.ledger.is_open() == self.gate,
            "the gate is open: {}, must be {}",
            self.ledger.is_open(),
            self.gate
        );
        let riders = self.ledger.group().has_riders();
        assert!(riders || self.riding.is_empty(), "S2: what rode is lost");
        if self.jobs.iter().all(|job| !job.begun && !job.claims) {
            assert!(
                told.reserving == 0 && !self.ledger.is_busy(),
                "S6: {} bytes are being reserved by nobody",
                told.reserving
            );
        }
    }

    /// S1.
    fn check_sum(&mut self) {
        if !self.gate {
            return;
        }
        let view = self.view_all();
        let granted: i128 = self.jobs.iter().map(|job| job.granted).sum();
        let given: i128 = self.jobs.iter().map(|job| job.given).sum();
        let owed: i128 = self.owed.values().sum();
        let (t, h, u) = (self.repo.total, view.held(), view.unsettled() - given);
        let (a, d) = (view.surplus, view.shortfall);
        let right = t == h + granted + u + owed + a - d;
        assert!(right, "S1: T={t} H={h} I={granted} U={u} O={owed} A={a} D={d}");
        if self.can.total {
            return;
        }
        for at in 0..SLOTS {
            let of = |part: fn(&Job) -> i128| self.jobs.iter().filter(|job| job.at == at).map(part).sum::<i128>();
            let slot = view.slots[at];
            let sum = slot.held() + of(|job| job.granted) + slot.unsettled() - of(|job| job.given) + self.owed_of(at);
            let t = self.repo.of.get(&id_of(at)).copied().unwrap_or(0);
            assert!(t == sum, "S1: for slot {at} the Repo has {t}, the books explain {sum}");
        }
    }

    /// An operation ends.
    pub fn done(&mut self, mut job: Job, done: Done) {
        say!(self, "#{} ends: {done:?}", job.number);
        if let Kind::Reconcile { repair } = job.kind {
            return self.reconciled(&job, repair, &done);
        }
        if let Kind::Start { .. } = job.kind {
            return self.start_ended(&mut job, &done);
        }
        if self.store.is_dead() {
            return;
        }
        self.keep_pace(&job);
        let whose = format!("#{} {:?} ends {done:?}", job.number, job.kind);
        assert!(job.granted == 0 && job.given == 0, "S1: {whose}, and forgets what the Repo did");
        let asked_nothing = job.commits == 0 && job.told.is_empty();
        let right = match (&done, job.kind) {
            (Ok(SALES_OK), Kind::Reserve { .. } | Kind::Consume { .. }) => job.effect,
            (Ok(SALES_OK), Kind::Release { .. }) => job.effect && self.view(job.at).unsettled() == 0,
            (Ok(SALES_OK), _) => true,
            // Also what the repo has done, and could not be written down or looked at.
            (Ok(SALES_QUEUED), Kind::Release { .. }) => {
                job.effect && (self.view(job.at).unsettled() > 0 || !self.can.total || job.postponed)
            }
            (Ok(SALES_QUEUED), kind) => matches!(kind, Kind::Tick | Kind::Inherit { .. }),
            (Ok(SALES_ALREADY), _) => asked_nothing && self.is_already(&job),
            (Ok(_), _) => false,
            (Err(error), _) if asked_nothing => self.is_right_refusal(&job, error.status),
            (Err(error), Kind::Tick) => job.at == NOBODY && job.told.contains(&error.status),
            (Err(error), _) => !job.effect && job.told.contains(&error.status),
        };
        if matches!(job.kind, Kind::Reserve { .. }) && job.call.is_none() && self.owed_of(job.at) == 0 && !asked_nothing
        {
            let mark = self.view(job.at).mark;
            assert!(mark.is_none(), "S3: {whose}, and its mark is left: {mark:?}");
        }
        assert!(right, "S3/S4: {whose}, recorded: {}, told {:?}", job.effect, job.told);
        if let Ok(SALES_QUEUED) = done {
            self.count("queued");
        }
        if matches!(job.kind, Kind::Consume { .. }) && !job.claims && job.effect {
            self.count("consumed beside another operation");
        }
        let name = match &done {
            Err(error) if asked_nothing => error.status,
            _ => return,
        };
        self.count(match name {
            SALES_ERR_BUSY => "busy",
            SALES_ERR_IN_DOUBT => "refused: in doubt",
            SALES_ERR_SHORT => "refused: short",
            _ => return,
        });
    }

    fn is_already(&self, job: &Job) -> bool {
        let slot = self.view(job.at);
        match job.kind {
            Kind::Reserve { bytes, of_sale, .. } => {
                slot.live.is_some_and(|live| live.asked == bytes && live.of_sale == of_sale)
            }
            Kind::Release { .. } => slot.live.is_none() && slot.remembered,
            Kind::Consume { total } => slot.live.is_some_and(|live| total <= live.consumed),
            _ => false,
        }
    }

    /// A refusal before anything was asked of anyone.
    fn is_right_refusal(&self, job: &Job, status: i32) -> bool {
        let slot = self.view(job.at);
        let doubt = self.jobs.iter().any(|other| other.in_doubt() && other.at == job.at);
        match (job.kind, status) {
            (Kind::Consume { .. }, SALES_ERR_BUSY) => !self.gate,
            (Kind::Reserve { .. }, SALES_ERR_BUSY) if !self.can.total => {
                !self.gate
                    || self.claimed(job.at) && !doubt
                    || self.owed_of(job.at) > 0
                    || slot.live.is_none() && (slot.mark.is_some() || slot.unsettled() > 0)
            }
            (_, SALES_ERR_BUSY) => !self.gate || self.claimed(job.at) && !doubt,
            (_, SALES_ERR_IN_DOUBT) => doubt,
            (Kind::Reserve { bytes, of_sale, .. }, _) => match status {
                SALES_ERR_ARGUMENT => bytes == 0,
                SALES_ERR_OVERFLOW => bytes + self.plain.held() + self.reserving() > i128::from(u64::MAX),
                SALES_ERR_SHORT => self.plain.shortfall > 0,
                SALES_ERR_OWNED_BY_SALE => slot.live.is_some_and(|live| live.of_sale && !of_sale),
                SALES_ERR_AMOUNT => slot.live.is_some_and(|live| live.asked != bytes || of_sale && !live.of_sale),
                _ => false,
            },
            (Kind::Release { by_sale, .. }, SALES_ERR_OWNED_BY_SALE) => {
                slot.live.is_some_and(|live| live.of_sale && !by_sale)
            }
            (Kind::Release { by_sale, .. }, SALES_ERR_NOT_FOUND) => match slot.live {
                Some(live) => by_sale && !live.of_sale,
                None => !slot.remembered,
            },
            (Kind::Consume { .. }, SALES_ERR_NOT_FOUND) => slot.live.is_none(),
            (Kind::Consume { total }, SALES_ERR_AMOUNT) => slot.live.is_some_and(|live| total > live.asked),
            _ => false,
        }
    }

    /// Bytes of the reserves under way.
    fn reserving(&self) -> i128 {
        let bytes = |job: &Job| match job.kind {
            Kind::Reserve { bytes, .. } if job.begun => bytes,
            // A refill counts what was lost when it began.
            Kind::Tick if job.begun && job.at == NOBODY => i128::from(u64::MAX),
            _ => 0,
        };
        self.jobs.iter().map(bytes).sum()
    }

    fn reconciled(&mut self, job: &Job, repair: bool, done: &Done) {
        let out = self.jobs.iter().any(|other| other.begun && !other.in_doubt() && !other.is_recovery());
        match done {
            Ok(SALES_PENDING) => {
                assert!(out, "reconcile waits for nobody");
                self.gate = job.was_open;
                self.count("reconcile: pending");
            }
            Ok(SALES_OK) if repair => {
                assert!(job.effect, "S3: a reconcile that recorded nothing");
                // What was in doubt is settled by the total; its callers are told.
                self.jobs.retain(|other| !other.in_doubt());
                self.gate = true;
                self.pace.settled(self.plain.shortfall > 0);
                self.report(job);
                self.count("reconcile: repaired");
            }
            Ok(SALES_OK) => {
                // After a repair that stopped halfway nothing fits, and a wrong total may look right.
                let doubt = self.jobs.iter().any(Job::in_doubt);
                assert!(
                    !job.wrong_total || doubt || !job.was_open,
                    "S1: a comparison does not see that the total is wrong"
                );
                self.gate = job.was_open;
                self.count("reconcile: compared");
            }
            Ok(other) => panic!("a reconcile ends {other}"),
            Err(_) if repair => {
                // What it asked of the Repo may have settled what is in doubt: only a total can tell.
                self.gate = job.was_open && job.calls == 0;
                self.count("reconcile: failed");
            }
            Err(error) => {
                let mismatch = error.status == SALES_HOST_STATE_MISMATCH;
                assert!(!mismatch || !job.was_open || job.wrong_total, "S1: a comparison finds {}", error.text);
                if mismatch && job.wrong_total {
                    self.count("reconcile: a wrong total is seen");
                }
                self.gate = job.was_open;
            }
        }
    }

    /// What the operator is told of a recovery.
    pub fn report(&mut self, job: &Job) {
        let Ok(told) = self.ledger.overview() else { return };
        let settled = told.report.records_settled;
        let told = (i128::from(told.report.surplus_released), i128::from(told.report.shortfall_reserved));
        assert!(told == job.repaired, "the report says {told:?}, the Repo did {:?}", job.repaired);
        if self.can.total && !self.learnt {
            let settled = settled as usize;
            assert!(settled == job.unsettled, "{settled} records are told as settled, {} were", job.unsettled);
        }
    }
}

/// A record against the model.
fn compare(plain: &Plain, at: usize, record: Option<&Record>) {
    let slot = plain.slots[at];
    let empty = Record::default();
    let r = record.unwrap_or(&empty);
    let there = slot.live.is_some() || slot.unsettled() > 0 || slot.mark.is_some();
    let live = slot.live.map_or((0, 0), |live| (live.asked, live.consumed));
    let told = if r.is_live() { (i128::from(r.asked), i128::from(r.consumed)) } else { (0, 0) };
    let same = there == record.is_some()
        && slot.live.is_some() == r.is_live()
        && live == told
        && slot.held() == i128::from(r.held)
        && slot.releasing == i128::from(r.releasing)
        && slot.consuming == i128::from(r.consuming)
        && slot.mark.map_or(0, |mark| mark.0) == i128::from(r.reserving)
        && slot.live.is_none_or(|live| live.of_sale == r.of.is_some());
    assert!(same, "S3: slot {at} reads {record:?}, must be {slot:?}");
}
