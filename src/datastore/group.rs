//! Group commit: many callers' changes in one transaction, one commit, and no thread of our own. The first caller becomes the leader,
//! applies what all have queued, commits once and wakes the rest.
//!
//! *Riders* are changes that nobody waits for: they ride with the next commit, and until a commit that holds them succeeded they are an
//! overlay on every read and the first part of every transaction.

use super::{Backend, CommitError, Read, Write};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::sync::{Condvar, Mutex, MutexGuard};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

/// The transaction as a change sees it.
pub struct Txn<'a> {
    /// The tables.
    pub tables: &'a mut dyn Write,
    /// What is told to the watch once this is durable.
    pub events: Vec<Event>,
    /// A number for the caller.
    pub out: u64,
}

/// One act of a change. It may be applied again on a fresh transaction, and then does the same.
pub trait Act: Send + Sync {
    /// Does it, or refuses: a refusal takes the whole change with it and leaves the others of the batch alone.
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()>;
}

/// What changes together.
pub type Change = Vec<Arc<dyn Act>>;

/// What a change that is durable gives back: the number its acts wrote.
pub type Outcome = std::result::Result<u64, Failure>;

/// Why a change is not durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// This change alone was refused; nothing of it was done.
    Refused(Error),
    /// The commit failed; nothing of it is on disk, now or later.
    Clean(Error),
    /// Nobody knows before the store is reopened.
    Unknown(Error),
}

impl Failure {
    /// The error itself.
    pub fn error(self) -> Error {
        match self {
            Failure::Refused(error) | Failure::Clean(error) | Failure::Unknown(error) => error,
        }
    }
}

struct Rider<R> {
    what: R,
    /// The commit it is on its way with. A view that shows that commit has it already.
    with: Option<u64>,
}

struct Overlay<R> {
    riders: Vec<Rider<R>>,
    /// Counts the batches that were settled.
    epoch: u64,
}

impl<R: Clone> Overlay<R> {
    fn not_in(&self, seq: u64) -> Vec<R> {
        let missing = self.riders.iter().filter(|rider| rider.with.is_none_or(|with| with > seq));
        missing.map(|rider| rider.what.clone()).collect()
    }
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(u64, Change)>,
    done: HashMap<u64, Outcome>,
    next: u64,
    leader: bool,
}

/// Group commit over a backend. `R` is what rides.
pub struct Group<R> {
    backend: Box<dyn Backend>,
    queue: Mutex<Queue>,
    wake: Condvar,
    riders: Mutex<Overlay<R>>,
    news: Mutex<VecDeque<Event>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Act + Clone> Group<R> {
    /// Group commit over a backend.
    pub fn new(backend: Box<dyn Backend>) -> Self {
        Group {
            backend,
            queue: Mutex::default(),
            wake: Condvar::new(),
            riders: Mutex::new(Overlay { riders: Vec::new(), epoch: 0 }),
            news: Mutex::default(),
        }
    }

    /// The backend.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Reads one consistent view, with the riders that it does not show yet.
    pub fn read<T>(&self, body: impl FnOnce(&dyn Read, &[R]) -> Result<T>) -> Result<T> {
        let (mut body, mut out) = (Some(body), None);
        while out.is_none() {
            let before = lock(&self.riders).epoch;
            self.backend.read(&mut |view| {
                let seq = view.seq()?;
                let riders = {
                    let overlay = lock(&self.riders);
                    // A batch was settled since we looked: its riders are gone from the overlay, and the view may be older. Look again.
                    if overlay.epoch != before {
                        return Ok(());
                    }
                    overlay.not_in(seq)
                };
                if let Some(body) = body.take() {
                    out = Some(body(view, &riders)?);
                }
                Ok(())
            })?;
        }
        out.ok_or_else(|| Error::internal("a read was not run"))
    }

    /// Lets a change ride with the next commit.
    pub fn ride(&self, what: R) {
        lock(&self.riders).riders.push(Rider { what, with: None });
    }

    /// Whether anything waits for a commit.
    pub fn has_riders(&self) -> bool {
        !lock(&self.riders).riders.is_empty()
    }

    /// Events that became durable since the last call, in their order.
    pub fn take_news(&self) -> VecDeque<Event> {
        std::mem::take(&mut lock(&self.news))
    }

    /// Makes a change durable, together with those of other callers.
    pub fn commit(&self, change: Change) -> Outcome {
        let mut queue = lock(&self.queue);
        let ticket = queue.next;
        queue.next = ticket.wrapping_add(1);
        queue.waiting.push((ticket, change));
        loop {
            if let Some(outcome) = queue.done.remove(&ticket) {
                return outcome;
            }
            if !queue.leader {
                queue.leader = true;
                let batch = std::mem::take(&mut queue.waiting);
                drop(queue);
                let (tickets, changes): (Vec<u64>, Vec<Change>) = batch.into_iter().unzip();
                // A panic inside must not leave the others waiting for a leader that is gone.
                let outcomes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.run(&changes)));
                queue = lock(&self.queue);
                queue.leader = false;
                self.wake.notify_all();
                match outcomes {
                    Ok(outcomes) => queue.done.extend(tickets.into_iter().zip(outcomes)),
                    Err(_) => {
                        let lost = Failure::Unknown(Error::internal("a change panicked while it was applied"));
                        queue.done.extend(tickets.into_iter().map(|ticket| (ticket, Err(lost.clone()))));
                    }
                }
            } else {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Commits the riders, where there are any.
    pub fn flush(&self) -> Result<()> {
        if !self.has_riders() {
            return Ok(());
        }
        self.commit(Vec::new()).map(|_| ()).map_err(Failure::error)
    }

    /// One batch: the riders, then all changes, in one transaction. A change that is refused while applied fails alone: the batch
    /// is applied again without it. Only one batch runs at a time.
    pub fn run(&self, changes: &[Change]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = changes.iter().map(|_| None).collect();
        loop {
            let next = self.backend.seq().saturating_add(1);
            let riding = self.board(next);
            let mut refused: Option<(usize, Error)> = None;
            let mut notes: Vec<(usize, Vec<Event>, u64)> = Vec::new();
            let result = self.backend.write(&mut |tables| {
                refused = None;
                notes.clear();
                for rider in &riding {
                    match rider.apply(&mut Txn { tables, events: Vec::new(), out: 0 }) {
                        Err(error) if is_of_the_store(&error) => return Err(error),
                        // One whose record is damaged goes with the others: it must not keep everything from being committed.
                        _ => {}
                    }
                }
                for (at, change) in changes.iter().enumerate().filter(|(at, _)| outcomes[*at].is_none()) {
                    let mut txn = Txn { tables, events: Vec::new(), out: 0 };
                    if let Err(error) = change.iter().try_for_each(|act| act.apply(&mut txn)) {
                        if !is_of_the_store(&error) {
                            refused = Some((at, error.clone()));
                        }
                        return Err(error);
                    }
                    notes.push((at, txn.events, txn.out));
                }
                Ok(())
            });
            self.settle(next, result.is_ok());
            match (result, refused) {
                (Err(CommitError::Clean(_)), Some((at, error))) => outcomes[at] = Some(Err(Failure::Refused(error))),
                (Ok(()), _) => {
                    let mut news = lock(&self.news);
                    for (at, events, out) in notes {
                        news.extend(events);
                        outcomes[at] = Some(Ok(out));
                    }
                    break;
                }
                (Err(error), _) => {
                    let failure = match error {
                        CommitError::Clean(error) => Failure::Clean(error),
                        CommitError::Unknown(error) => Failure::Unknown(error),
                    };
                    outcomes.iter_mut().filter(|o| o.is_none()).for_each(|o| *o = Some(Err(failure.clone())));
                    break;
                }
            }
        }
        outcomes
            .into_iter()
            .map(|o| o.unwrap_or_else(|| Err(Failure::Clean(Error::internal("a change was passed over")))))
            .collect()
    }

    fn board(&self, with: u64) -> Vec<R> {
        let mut overlay = lock(&self.riders);
        overlay.riders.iter_mut().for_each(|rider| rider.with = Some(with));
        overlay.riders.iter().map(|rider| rider.what.clone()).collect()
    }

    /// Drops the riders of a batch if, and only if, a commit that holds them succeeded.
    fn settle(&self, with: u64, there: bool) {
        let mut overlay = lock(&self.riders);
        overlay.epoch = overlay.epoch.wrapping_add(1);
        if there {
            overlay.riders.retain(|rider| rider.with != Some(with));
        } else {
            overlay.riders.iter_mut().for_each(|rider| rider.with = None);
        }
    }
}

/// Errors of the store fail the batch; all others refuse one change. A damaged record refuses the change that met it, and a disk that has no
/// room for anything new refuses what is new: releases go on beside it.
fn is_of_the_store(error: &Error) -> bool {
    use crate::status::{SALES_ERR_DISK_FULL, SALES_ERR_RECORD};
    (-399..=-300).contains(&error.status) && ![SALES_ERR_RECORD, SALES_ERR_DISK_FULL].contains(&error.status)
}
