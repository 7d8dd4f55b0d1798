//! Drives operations of the ledger: fulfils what they need, parks those that pend at the host, keeps those that are in doubt.

use super::tokens::{Called, Owner};
use super::work::Work;
use super::{frame, Answered, Engine, Recovery};
use crate::datastore::group::Failure;
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::host::{known, Answer, Op, OpKind, RepoTotal};
use crate::ledger::task::{Done, Got, Need, Purpose, Step, Task, NO_RECORD};
use crate::market::Id;
use crate::sales::step::Input;
use crate::status::*;

/// How a drive ended.
pub(super) enum Driven {
    Ended(Box<Task>, Done),
    Parked(u64),
    Doubted(Error),
}

impl Engine {
    /// Drives an operation until it ends, pends or is in doubt.
    pub(super) fn drive(&self, mut task: Task, mut got: Option<Got>) -> Driven {
        loop {
            let (kind, slot, bytes, act) = match task.resume(self.now(), got.take()) {
                Step::Done(done) => return Driven::Ended(Box::new(task), done),
                Step::Needs(Need::Commit(change)) => {
                    let outcome = self.commit(change);
                    if let Err(Failure::Clean(error) | Failure::Refused(error)) = &outcome {
                        let of_a_sale = task.purpose == Purpose::SaleReserve;
                        self.memory().held_back |= of_a_sale && super::is_of_store(error);
                    }
                    got = Some(Got::Committed(outcome));
                    continue;
                }
                Step::Needs(Need::Total) => {
                    got = Some(Got::Total(self.repo_total()));
                    continue;
                }
                Step::Needs(Need::Settlement { question }) => return self.keep_in_doubt(task, &question),
                Step::Needs(Need::Repo { kind, slot, bytes, act }) => (kind, slot, bytes, act),
            };
            let answer = match self.call_repo(&task, kind, slot, bytes, act) {
                Ok(Called::Answered(answer)) => answer,
                Ok(Called::Pending(token)) => {
                    task.answered = true;
                    let call = task.token;
                    match self.tokens.park(token, Owner::Task(Box::new(task), kind)) {
                        None => return Driven::Parked(call),
                        Some((Owner::Task(back, _), answer)) => {
                            task = *back;
                            task.answered = false;
                            answer
                        }
                        Some((Owner::Sale(..), _)) => return Driven::Parked(call),
                    }
                }
                Err(error) => Answer { status: error.status, text: error.text, ..Answer::default() },
            };
            match self.hear(task, kind, answer) {
                Ok((back, heard)) => (task, got) = (back, Some(heard)),
                Err(doubted) => return doubted,
            }
        }
    }

    /// What an answer of the repo means to an operation. UNKNOWN keeps it in doubt; a recovery asks for the total again instead.
    fn hear(&self, task: Task, kind: OpKind, answer: Answer) -> std::result::Result<(Task, Got), Driven> {
        if answer.is_ok() {
            return Ok((task, Got::Repo(Ok(()))));
        }
        let text = format!("{} answered {}", kind.name(), answer.describe());
        if answer.is_unknown() && task.purpose != Purpose::Recovery {
            return Err(self.keep_in_doubt(task, &text));
        }
        let status = match (kind, answer.status) {
            (OpKind::RepoReserve, SALES_HOST_NO_SPACE) => SALES_ERR_NO_SPACE,
            (_, status) => status,
        };
        Ok((task, Got::Repo(Err(Error::new(status, text)))))
    }

    fn keep_in_doubt(&self, task: Task, why: &str) -> Driven {
        let slot = task.slot;
        let text = format!("slot {slot} is in doubt ({why}): sales_reconcile or sales_resolve settles it");
        let mut memory = self.memory();
        // In one breath: a recovery that finds it in doubt must also find it here, to drop it.
        self.ledger.doubt(&slot);
        // It may stay so for long: it must not keep others from being attempted.
        let attempt = task.purpose == Purpose::SaleReserve;
        memory.doubts.insert(slot, task);
        if attempt && memory.attempting.remove(&slot) {
            frame::follow(self.key, Work::Schedule);
        }
        let event = Event {
            slot,
            status: SALES_ERR_IN_DOUBT,
            text: text.clone(),
            ..Event::new(EventKind::Alert, memory.clock.now)
        };
        memory.outbox.push_back(event);
        Driven::Doubted(Error::new(SALES_ERR_IN_DOUBT, text))
    }

    fn call_repo(&self, task: &Task, kind: OpKind, slot: Id, bytes: u64, act: u64) -> Result<Called> {
        let repo = self.repo()?;
        self.deliver();
        let (store_id, store_seq) = (self.ledger.books()?.id, self.ledger.group().backend().seq());
        let number = [kind as u8];
        // What was begun in a commit is named by it, also after a restart; what was not, by this run and this operation.
        let id = if act == NO_RECORD {
            self.act_id(&[&self.nonce, &task.token.to_le_bytes(), &number])
        } else {
            self.act_id(&[&store_id, &slot.0, &act.to_le_bytes(), &bytes.to_le_bytes(), &number])
        };
        let op = Op { kind, token: 0, id, attempt: 1, store_id, store_seq, deadline: 0, slot };
        Ok(self.tokens.call(op, |op| match kind {
            OpKind::RepoReserve => repo.reserve(op, bytes),
            OpKind::RepoConsume => repo.consume(op, bytes),
            _ => repo.release(op, bytes),
        }))
    }

    fn repo_total(&self) -> Result<RepoTotal> {
        let (status, total) = self.repo()?.reserved();
        match known(status) {
            SALES_OK => Ok(total),
            status => {
                let text = format!(
                    "repo.reserved answered {}: the books cannot be settled; call again",
                    Answer::of(status).describe()
                );
                Err(Error::new(status, text))
            }
        }
    }

    /// Begins an operation that a call of the host asked for.
    pub(super) fn begin(&self, mut task: Task, token: u64) -> Result<Answered> {
        task.token = if token == 0 { self.tokens.fresh() } else { token };
        match self.drive(task, None) {
            Driven::Ended(_, done) => done.map(Answered::from),
            Driven::Parked(token) => Ok(Answered { status: SALES_PENDING, token }),
            Driven::Doubted(error) => Err(error),
        }
    }

    /// Drives an operation that no call waits for.
    pub(super) fn drive_apart(&self, mut task: Task) {
        if task.token == 0 {
            task.token = self.tokens.fresh();
        }
        if let Driven::Ended(task, done) = self.drive(task, None) {
            self.end(*task, done);
        }
    }

    /// A completion came: whoever waited for it goes on.
    pub(super) fn go_on(&self, owner: Owner, answer: Answer) {
        match owner {
            Owner::Sale(slot, kind) => self.tell_end(slot, Input::Answered(kind, answer)),
            Owner::Task(task, kind) => {
                if let Ok((task, got)) = self.hear(*task, kind, answer) {
                    self.resume(task, got);
                }
            }
        }
    }

    /// Goes on with an operation that was parked or in doubt.
    pub(super) fn resume(&self, task: Task, got: Got) {
        if let Driven::Ended(task, done) = self.drive(task, Some(got)) {
            self.end(*task, done);
        }
    }

    /// An operation ended that no call waits for any more: whom it is for is told.
    pub(super) fn end(&self, task: Task, done: Done) {
        let slot = task.slot;
        let gave_back = done.is_ok() && task.purpose != Purpose::SaleReserve;
        match task.purpose {
            Purpose::SaleReserve => self.tell_end(slot, Input::Reserved(done)),
            Purpose::SaleRelease => self.tell_end(slot, Input::Released(done)),
            Purpose::Recovery => {
                if matches!(done, Ok(SALES_OK)) {
                    self.drop_doubts();
                }
                let mut memory = self.memory();
                memory.repair_again = memory.phase.is_running() && !self.ledger.is_open();
                memory.recovery = Recovery::Ended(done);
            }
            Purpose::Call if task.answered => self.tell_done(done.map(Answered::from), slot, task.token),
            Purpose::Call | Purpose::Again => {
                if let Err(error) = done {
                    log::info!(target: "sales", "[{}] slot {slot}: {error}", self.key);
                }
            }
        }
        // Only what came back may give a resting slot its room: one that was refused must not be tried again at once.
        if gave_back {
            self.stir();
        } else {
            frame::follow(self.key, Work::Schedule);
        }
    }

    /// What was out for a sale has ended: it is out no more, and its answer is there, in one breath. In between, another thread would find
    /// a sale that waits for nothing, and do again what was done.
    fn tell_end(&self, slot: Id, input: Input) {
        {
            let mut memory = self.memory();
            let mailbox = memory.mailboxes.entry(slot).or_default();
            mailbox.pending = None;
            mailbox.end = Some(input);
        }
        self.log_failure("what was out for a sale", self.wake(slot));
    }

    /// The total has settled what was in doubt: those operations end without having been told how.
    pub(super) fn drop_doubts(&self) {
        let doubts = std::mem::take(&mut self.memory().doubts);
        for (slot, task) in doubts {
            self.ledger.undoubt(&slot);
            let error = Error::new(
                SALES_ERR_IN_DOUBT,
                format!("slot {slot} was in doubt; the books have been settled by the repo's total"),
            );
            let (purpose, token, answered) = (task.purpose, task.token, task.answered);
            drop(task); // and with it its claim
            match purpose {
                Purpose::SaleReserve => self.tell_end(slot, Input::Reserved(Err(error))),
                Purpose::SaleRelease => self.tell_end(slot, Input::Released(Err(error))),
                Purpose::Call if answered => self.tell_done(Err(error), slot, token),
                _ => {}
            }
        }
    }
}
