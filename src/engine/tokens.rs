//! Operations out at the host. Each has a token; each token is completed once, by the callback's return or by sales_complete, whichever
//! is first, from any thread, also while the callback still runs.

use crate::error::{Error, Result};
use crate::host::{known, Answer, Op, OpKind};
use crate::ledger::task::Task;
use crate::market::Id;
use crate::status::*;
use crate::sync::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Who waits for a completion.
pub enum Owner {
    /// An operation of the ledger, and what it asked of the repo.
    Task(Box<Task>, OpKind),
    /// A sale.
    Sale(Id, OpKind),
}

enum Entry {
    /// The callback runs, or has answered PENDING and is being parked.
    Calling(OpKind, Option<Answer>),
    /// It waits for sales_complete. Cancelled: the host was told that it is wanted no more.
    Parked { kind: OpKind, owner: Owner, cancelled: bool },
}

/// What a call of the host gave.
pub enum Called {
    /// It is answered.
    Answered(Answer),
    /// It pends, under this token; [`Tokens::park`] says who waits.
    Pending(u64),
}

/// What a completion found.
pub enum Completed {
    /// The callback still runs: it will be seen when that returns.
    Early,
    /// Somebody waits for it.
    For(Owner),
}

#[derive(Default)]
struct Table {
    last: u64,
    entries: BTreeMap<u64, Entry>,
}

impl Table {
    fn kind(&self, token: u64) -> Result<OpKind> {
        match self.entries.get(&token) {
            Some(Entry::Calling(kind, None) | Entry::Parked { kind, .. }) => Ok(*kind),
            _ => Err(Error::new(SALES_ERR_TOKEN, format!("token {token} is unknown, or was completed before"))),
        }
    }
}

/// All operations out at the host.
pub struct Tokens(Mutex<Table>);

impl Tokens {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers begin at random: one kept from an earlier life of the instance must not fit an operation of this one.
    pub fn beginning_at(first: u64) -> Self {
        Tokens(Mutex::new(Table { last: first, entries: BTreeMap::new() }))
    }

    /// A number that was never given before.
    pub fn fresh(&self) -> u64 {
        let mut table = self.table();
        table.last = table.last.wrapping_add(1);
        table.last
    }

    /// How many are out.
    pub fn len(&self) -> usize {
        self.table().entries.len()
    }

    /// The operations that can be cancelled and were not yet; from now on they count as cancelled.
    pub fn cancel_all(&self) -> Vec<u64> {
        let tokens: Vec<u64> = self.table().entries.keys().copied().collect();
        tokens.into_iter().filter(|token| self.cancel(*token)).collect()
    }

    /// Whether the host is to be told that an operation is wanted no more: once a token, and only what can be cancelled.
    pub fn cancel(&self, token: u64) -> bool {
        match self.table().entries.get_mut(&token) {
            Some(Entry::Parked { kind, cancelled, .. }) if kind.can_cancel() => !std::mem::replace(cancelled, true),
            _ => false,
        }
    }

    /// Calls the host; `call` is given the operation with its token, and no lock is held.
    pub fn call(&self, mut op: Op, call: impl FnOnce(&Op) -> i32) -> Called {
        let token = self.fresh();
        op.token = token;
        self.table().entries.insert(token, Entry::Calling(op.kind, None));
        let mut out = Out { tokens: self, token: Some(token) };
        let status = call(&op);
        out.token = None;
        let mut table = self.table();
        match table.entries.remove(&token) {
            // A completion made before counts, whatever the callback answered.
            Some(Entry::Calling(_, Some(answer))) => Called::Answered(answer),
            Some(entry) if status == SALES_PENDING => {
                table.entries.insert(token, entry);
                Called::Pending(token)
            }
            _ => Called::Answered(read(op.kind, status)),
        }
    }

    /// Says who waits for a pending operation. If it was completed meanwhile, gives the answer and the waiting one back.
    pub fn park(&self, token: u64, owner: Owner) -> Option<(Owner, Answer)> {
        let mut table = self.table();
        match table.entries.remove(&token) {
            Some(Entry::Calling(_, Some(answer))) => Some((owner, answer)),
            Some(Entry::Calling(kind, None) | Entry::Parked { kind, .. }) => {
                table.entries.insert(token, Entry::Parked { kind, owner, cancelled: false });
                None
            }
            // Void: nobody can complete it any more.
            None => Some((owner, Answer::of(SALES_HOST_UNKNOWN))),
        }
    }

    /// What an operation is that may be completed.
    pub fn kind(&self, token: u64) -> Result<OpKind> {
        self.table().kind(token)
    }

    /// Takes a completion. One that lacks what its operation owes is refused and leaves it open.
    pub fn complete(&self, token: u64, answer: Answer) -> Result<Completed> {
        let mut table = self.table();
        let kind = table.kind(token)?;
        if answer.is_ok() && !pays(kind, &answer) {
            let owed = kind.owes().unwrap_or("nothing");
            let text =
                format!("result: {} was completed as SALES_OK without its {owed}; it is still open", kind.name());
            return Err(Error::new(SALES_ERR_ARGUMENT, text));
        }
        match table.entries.remove(&token) {
            Some(Entry::Parked { owner, .. }) => Ok(Completed::For(owner)),
            _ => {
                table.entries.insert(token, Entry::Calling(kind, Some(answer)));
                Ok(Completed::Early)
            }
        }
    }
}

/// A call of the host. Ended by a panic, nobody can complete it, and a stop must not wait for it.
struct Out<'a> {
    tokens: &'a Tokens,
    token: Option<u64>,
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.tokens.table().entries.remove(&token);
        }
    }
}

fn pays(kind: OpKind, answer: &Answer) -> bool {
    match kind {
        OpKind::Prove => answer.proof.is_some(),
        OpKind::ReadSlot => answer.view.is_some(),
        OpKind::ReadRequest => answer.request.is_some(),
        _ => true,
    }
}

/// A callback's own answer. One that owes data and says OK without having given it is not believed.
fn read(kind: OpKind, status: i32) -> Answer {
    match (known(status), kind.owes()) {
        (SALES_OK, Some(owed)) => {
            let text = format!("{} answered SALES_OK without its {owed}", kind.name());
            Answer { text, ..Answer::of(SALES_HOST_UNKNOWN) }
        }
        (SALES_HOST_UNKNOWN, _) if status != SALES_HOST_UNKNOWN => {
            let text = format!("{} answered {status}, which no host may answer", kind.name());
            Answer { text, ..Answer::of(SALES_HOST_UNKNOWN) }
        }
        (status, _) => Answer::of(status),
    }
}
