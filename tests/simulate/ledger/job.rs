//! An operation under way, as the driver sees it: what was asked, what it waits for, and what of it the Repo has done already.

use super::model::Deed;
use sales::datastore::group::{Change, Failure};
use sales::host::OpKind;
use sales::ledger::task::{Got, Task};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Reserve {
        bytes: i128,
        of_sale: bool,
        note: bool,
        bad: Option<i32>,
    },
    Release {
        by_sale: bool,
        note: bool,
    },
    Consume {
        total: i128,
    },
    /// Something that a tick tries again: a step of a slot, what is owed, the shortfall.
    Tick,
    Start {
        reset: Option<[u8; 16]>,
    },
    Reconcile {
        repair: bool,
    },
    /// Found in flight at start by a Repo without a total; whether its call took effect.
    Inherit {
        applied: bool,
    },
}

/// What it waits for.
pub enum Wait {
    /// To be begun.
    Fresh,
    Commit(Change, Deed),
    /// A call of the Repo is about to be made.
    Repo {
        kind: OpKind,
        bytes: u64,
        act: u64,
    },
    /// It is made, and pending at the host: the answer, where it is done already.
    Pending {
        kind: OpKind,
        bytes: u64,
        act: u64,
        done: Option<Answer>,
    },
    /// Nobody knows whether it took effect; the truth.
    Doubt(bool),
    Total,
    /// The answer is there, and it was not resumed yet.
    Answered(Got),
}

/// An answer of the Repo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    Ok,
    /// No effect, by this status.
    Refused(i32),
    /// Unknown; the truth.
    Unknown(bool),
}

/// What a call of the Repo is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call {
    /// A reserve, for a slot or for the shortfall.
    Grant,
    /// A reserve that could not be recorded goes back.
    Compensate,
    /// A step: so much of it of each kind.
    Step { releasing: i128, consuming: i128 },
    /// What is owed.
    Owed,
    /// Recovery.
    Repair,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Done(i128),
    Refused,
    Clean,
    Unknown,
}

impl Fate {
    pub fn of(outcome: &Result<u64, Failure>) -> Fate {
        match outcome {
            Ok(out) => Fate::Done(i128::from(*out)),
            Err(Failure::Refused(_)) => Fate::Refused,
            Err(Failure::Clean(_)) => Fate::Clean,
            Err(Failure::Unknown(_)) => Fate::Unknown,
        }
    }
}

/// The operation.
pub struct Job {
    pub number: u32,
    pub task: Task,
    pub kind: Kind,
    /// Which slot; [`super::model::NOBODY`]: none.
    pub at: usize,
    /// It gives back what is owed.
    pub repays: bool,
    /// A step of it could not be taken, and waits for a tick.
    pub postponed: bool,
    pub wait: Wait,
    /// It has begun, and holds a claim.
    pub begun: bool,
    pub claims: bool,
    /// Granted by the Repo and not recorded: its part of I.
    pub granted: i128,
    /// Given back to the Repo and not recorded: taken off U, or off what is owed.
    pub given: i128,
    pub call: Option<Call>,
    /// What it commits, until it is told how that ended.
    pub deed: Option<(Deed, Option<Fate>)>,
    /// Commits, totals asked for, settlements told so far.
    pub commits: u32,
    pub totals: u32,
    pub settled: Option<bool>,
    /// What it was asked for is recorded; or may be.
    pub effect: bool,
    pub unknown: bool,
    /// A read failed when it was last resumed.
    pub blind: bool,
    /// The refusals that it was told.
    pub told: Vec<i32>,
    /// Of a recovery: released and reserved, as far as told.
    pub repaired: (i128, i128),
    /// The total that a recovery was last told.
    pub total: Option<i128>,
    /// Of a recovery: the records that were begun and not done when it ended.
    pub unsettled: usize,
    /// A comparison was told another total than the true one.
    pub wrong_total: bool,
    /// Calls of the Repo asked for.
    pub calls: u32,
    /// Reconcile: the gate was open before.
    pub was_open: bool,
    /// Start: the refusal by name that is right.
    pub expect: Option<i32>,
}

impl Job {
    pub fn new(number: u32, task: Task, kind: Kind, at: usize) -> Job {
        Job {
            number,
            task,
            kind,
            at,
            repays: false,
            postponed: false,
            wait: Wait::Fresh,
            begun: false,
            claims: false,
            granted: 0,
            given: 0,
            call: None,
            deed: None,
            commits: 0,
            totals: 0,
            settled: None,
            effect: false,
            unknown: false,
            blind: false,
            told: Vec::new(),
            repaired: (0, 0),
            total: None,
            unsettled: 0,
            wrong_total: false,
            calls: 0,
            was_open: false,
            expect: None,
        }
    }

    pub fn in_doubt(&self) -> bool {
        matches!(self.wait, Wait::Doubt(_))
    }

    /// It works on the books as a whole.
    pub fn is_recovery(&self) -> bool {
        matches!(self.kind, Kind::Start { .. } | Kind::Reconcile { .. })
    }
}
