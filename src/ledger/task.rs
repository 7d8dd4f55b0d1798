//! An operation of the protocol, written as straight code that awaits what it needs from the world: a commit, a call of the repo, the repo's
//! total. Whoever drives it (the engine, a test, a simulator) fulfils the need and resumes it; between needs it is a value that can be
//! kept as long as a host takes, or dropped.

use crate::datastore::group::{Change, Outcome};
use crate::error::{Error, Result};
use crate::host::{OpKind, RepoTotal};
use crate::market::Id;
use crate::sync::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// What an operation waits for.
pub enum Need {
    /// A durable commit.
    Commit(Change),
    /// A call of the repo. What answers UNKNOWN is settled before the operation is resumed: it is told only whether it took effect.
    Repo {
        /// Which entry.
        kind: OpKind,
        /// For which slot; zero: for none.
        slot: Id,
        /// How many bytes.
        bytes: u64,
        /// The commit that began it; [`NO_RECORD`]: none did. With the others it names the act.
        act: u64,
    },
    /// repo.reserved.
    Total,
    /// To be told what became of a call of the repo, made before a crash: the slot is in doubt until then.
    Settlement {
        /// What is asked, in words.
        question: String,
    },
}

/// The act of what belongs to no record yet.
pub const NO_RECORD: u64 = 0;

/// What fulfils it.
pub enum Got {
    /// Of [`Need::Commit`].
    Committed(Outcome),
    /// Of [`Need::Repo`]: done, or an error that means no effect.
    Repo(Result<()>),
    /// Of [`Need::Total`].
    Total(Result<RepoTotal>),
}

/// The end of an operation: a status that is no error, or an error.
pub type Done = Result<i32>;

#[derive(Default)]
struct Exchange {
    need: Option<Need>,
    got: Option<Got>,
    now: u64,
}

/// Where an operation and its driver meet.
#[derive(Clone, Default)]
pub struct Port(Arc<Mutex<Exchange>>);

impl Port {
    async fn ask(&self, need: Need) -> Option<Got> {
        self.with(|exchange| exchange.need = Some(need));
        std::future::poll_fn(|_| match self.with(|exchange| exchange.got.take()) {
            Some(got) => Poll::Ready(Some(got)),
            None => Poll::Pending,
        })
        .await
    }

    fn with<T>(&self, body: impl FnOnce(&mut Exchange) -> T) -> T {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time at which it was resumed: it may have waited long.
    pub fn now(&self) -> u64 {
        self.with(|exchange| exchange.now)
    }

    /// Waits for a commit.
    pub async fn commit(&self, change: Change) -> Outcome {
        match self.ask(Need::Commit(change)).await {
            Some(Got::Committed(outcome)) => outcome,
            _ => {
                Err(crate::datastore::group::Failure::Clean(Error::internal("a commit was answered by something else")))
            }
        }
    }

    /// Calls the repo; an error means no effect. Nothing is asked for 0 bytes.
    pub async fn repo(&self, kind: OpKind, slot: Id, bytes: u64, act: u64) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        match self.ask(Need::Repo { kind, slot, bytes, act }).await {
            Some(Got::Repo(answer)) => answer,
            _ => Err(Error::internal("a call of the repo was answered by something else")),
        }
    }

    /// Waits to be told what became of a call made before a crash.
    pub async fn settlement(&self, question: String) -> bool {
        matches!(self.ask(Need::Settlement { question }).await, Some(Got::Repo(Ok(()))))
    }

    /// Asks the repo for its total.
    pub async fn total(&self) -> Result<RepoTotal> {
        match self.ask(Need::Total).await {
            Some(Got::Total(total)) => total,
            _ => Err(Error::internal("repo.reserved was answered by something else")),
        }
    }
}

/// How far an operation came.
pub enum Step {
    /// It waits.
    Needs(Need),
    /// It ended.
    Done(Done),
}

/// Who an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A call of the host.
    Call,
    /// A sale that reserves.
    SaleReserve,
    /// A sale that gives back.
    SaleRelease,
    /// A start, or a reconcile.
    Recovery,
    /// A tick that tries again.
    Again,
}

/// An operation under way.
pub struct Task {
    future: Pin<Box<dyn Future<Output = Done> + Send>>,
    port: Port,
    /// The slot it works on; zero: the books as a whole.
    pub slot: Id,
    /// The number under which its caller waits for it.
    pub token: u64,
    /// Who asked for it, and so who is told how it ends.
    pub purpose: Purpose,
    /// Its caller was answered before it ended: the watch is told how it ends.
    pub answered: bool,
}

impl Task {
    /// An operation from its code.
    pub fn new<F>(slot: Id, code: impl FnOnce(Port) -> F) -> Task
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let port = Port::default();
        Task { future: Box::pin(code(port.clone())), port, slot, token: 0, purpose: Purpose::Call, answered: false }
    }

    /// At `now`, begins (`None`) or goes on with what was needed.
    pub fn resume(&mut self, now: u64, got: Option<Got>) -> Step {
        self.port.with(|exchange| (exchange.now, exchange.got) = (now, got));
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Step::Done(done),
            Poll::Pending => match self.port.with(|exchange| exchange.need.take()) {
                Some(need) => Step::Needs(need),
                None => Step::Done(Err(Error::internal("an operation waits for nothing"))),
            },
        }
    }
}
