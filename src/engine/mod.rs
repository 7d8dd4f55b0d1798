//! The engine: an imperative shell around the pure parts. It takes what the host says, drives the ledger's operations and the sales'
//! steps, calls the host with nothing held, and tells the news.
//!
//! * [`frame`], [`work`]: one outermost call a thread, and what waits for it; [`backlog`]: what that leaves over. [`tokens`]: what is out at the host.
//! * [`told`]: what the chain tells. [`kept`]: what of it waits for the store, [`refused`] tries it again. [`blocks`]: up to which block all is durable.
//! * What the host says: what it [registers](register), [`life`]: start and stop, [`ticks`]: time, [`input`] for the ledger and by operators,
//!   [`requests`] and offers, [`events`] of the chain.
//! * [`drive`]: operations of the ledger. [`selling`]: steps of the sales, what waits for them in a [`mailbox`], and their [`effects`].
//! * [`views`]: what the host may look at. [`news`]: what it is told.

mod backlog;
mod blocks;
mod drive;
mod effects;
mod events;
mod frame;
mod input;
mod kept;
mod life;
mod mailbox;
mod news;
mod refused;
mod register;
mod requests;
mod selling;
mod ticks;
mod tokens;
mod told;
mod views;
mod work;

pub use frame::WORK_LIMIT;
pub use told::At;
pub use views::{ReservationView, Stats};
pub use work::{Doubt, Word};

use crate::datastore::group::{Change, Failure, Outcome};
use crate::datastore::Backend;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::{Chain, Content, Repo, Watch};
use crate::ledger::task::{Done, Task};
use crate::ledger::Ledger;
use crate::market::{keccak256, Id, Market};
use crate::status::*;
use crate::sync::{Mutex, MutexGuard, RwLock};
use backlog::Backlog;
use blocks::Blocks;
use kept::Kept;
use mailbox::Mailbox;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use work::Work;

/// How the host opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Start although the store looks new or old.
    pub reset: bool,
    /// The store is verified before it is opened.
    pub verify: bool,
    /// Of every random choice; 0: from the system.
    pub seed: u64,
    /// Slots attempted at a time.
    pub max_attempts: u32,
    /// Slots that may wait.
    pub queue_limit: u32,
    /// Events remembered.
    pub history_limit: u32,
}

/// Where an instance is in its life. The numbers are those of SALES_PHASE_*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// Opened.
    Open = 1,
    /// Settling the books.
    Recovering = 2,
    /// At work.
    Running = 3,
    /// At work, but the repo lost bytes.
    Short = 4,
    /// Waiting for what is out at the host.
    Stopping = 5,
    /// Stopped; may start again.
    Stopped = 6,
    /// The last commit's outcome is unknown.
    Reopen = 7,
}

impl Phase {
    fn is_running(self) -> bool {
        matches!(self, Phase::Running | Phase::Short)
    }
}

/// What a call answers: a status that is no error, and the token of what goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// OK, PENDING, ALREADY, REFUSED or QUEUED.
    pub status: i32,
    /// For PENDING and QUEUED.
    pub token: u64,
}

impl From<i32> for Answered {
    fn from(status: i32) -> Self {
        Answered { status, token: 0 }
    }
}

/// What the host registered.
#[derive(Default, Clone)]
struct Host {
    repo: Option<Arc<dyn Repo>>,
    chain: Option<Arc<dyn Chain>>,
    content: Option<Arc<dyn Content>>,
    watch: Option<Arc<dyn Watch>>,
    market: Option<Market>,
}

/// The one recovery there may be at a time. It may outlive its call, because the repo pends.
enum Recovery {
    None,
    UnderWay,
    Ended(Done),
}

struct Clock {
    /// The last `now`.
    now: u64,
    /// The greatest `now` or block time.
    latest: u64,
    steps_back: u64,
    blocks: Blocks,
}

/// What lies in memory. A crash forgets it, and nothing is missing.
struct Memory {
    phase: Phase,
    /// Threads inside an outermost call.
    calls: u32,
    mailboxes: HashMap<Id, Mailbox>,
    doubts: BTreeMap<Id, Task>,
    attempting: BTreeSet<Id>,
    /// Slots of the queue that were refused: they rest until something that they depend on changes, or for a while.
    resting: BTreeSet<Id>,
    rest_until: u64,
    /// Sales whose step could not be written down; ticks try again.
    stuck: BTreeSet<Id>,
    /// The first that was refused when they were tried last: the others come before it, lest they wait for it for ever.
    stuck_first: Id,
    /// The store refused a reservation: it would refuse the next one too, so that none is begun before the next tick.
    held_back: bool,
    /// Events of the chain that the store refused; ticks try again.
    kept: Kept,
    backlog: Backlog,
    outbox: VecDeque<Event>,
    delivering: bool,
    recovery: Recovery,
    /// A repair failed halfway and operations are refused until it succeeds.
    repair_again: bool,
    clock: Clock,
    next_due: u64,
    /// The last that the host was told, by the watch or because it asked.
    told_deadline: u64,
    refused: u64,
    random: fastrand::Rng,
}

impl Memory {
    fn rest(&mut self, slot: Id) {
        if self.resting.is_empty() {
            self.rest_until = self.clock.now.saturating_add(crate::ledger::BACKOFF_S.1);
        }
        self.resting.insert(slot);
    }

    /// Long enough; also where the clock was set back since, which must not make it longer than the longest pause.
    fn has_rested(&self, now: u64) -> bool {
        let set_back = self.rest_until > now.saturating_add(crate::ledger::BACKOFF_S.1);
        self.rest_until <= now || set_back && self.rest_until != u64::MAX
    }

    fn stir(&mut self) {
        self.resting.clear();
        self.rest_until = u64::MAX;
    }
}

/// Whether it was the store that refused, and not one record of it. LMDB has lists that may be full, and errors that are nobody's but ours.
fn is_of_store(error: &Error) -> bool {
    match error.status {
        SALES_ERR_RECORD => false,
        -399..=-300 | SALES_ERR_FULL | SALES_ERR_INTERNAL => true,
        _ => false,
    }
}

/// Whether it would refuse whatever is tried next as well: not one record is to blame, nor a disk that has room for releases only.
fn refuses_all(error: &Error) -> bool {
    (-399..=-300).contains(&error.status) && ![SALES_ERR_RECORD, SALES_ERR_DISK_FULL].contains(&error.status)
}

/// One instance.
pub struct Engine {
    key: u64,
    /// Makes the ids of acts that no record names unlike those of any other run.
    nonce: [u8; 16],
    options: Options,
    ledger: Arc<Ledger>,
    host: RwLock<Host>,
    tokens: tokens::Tokens,
    memory: Mutex<Memory>,
}

/// A thread inside an outermost call. However it leaves, what its frame has left to do is done by the next call.
struct Inside<'a> {
    engine: &'a Engine,
    frame: frame::Guard,
}

impl<'a> Inside<'a> {
    fn new(engine: &'a Engine) -> Self {
        let frame = frame::enter(engine.key);
        let mut memory = engine.memory();
        memory.calls = memory.calls.saturating_add(1);
        drop(memory);
        Inside { engine, frame }
    }

    /// What is left to do is done by the next call.
    fn put_off(&self) {
        let rest = self.frame.take_rest();
        self.engine.memory().backlog.extend(rest);
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.put_off();
        let mut memory = self.engine.memory();
        memory.calls = memory.calls.saturating_sub(1);
    }
}

static ENGINES: AtomicU64 = AtomicU64::new(1);

impl Engine {
    /// An engine over an open store.
    pub fn new(backend: Box<dyn Backend>, options: Options) -> Result<Engine> {
        let system = |what: &mut [u8]| {
            getrandom::fill(what).map_err(|error| Error::new(SALES_ERR_INTERNAL, format!("no randomness: {error}")))
        };
        let (mut seed, mut nonce, mut first) = ([0; 8], [0; 16], [0; 8]);
        system(&mut seed)?;
        system(&mut nonce)?;
        system(&mut first)?;
        let seed = if options.seed == 0 { u64::from_le_bytes(seed) } else { options.seed };
        let ledger = Ledger::new(backend);
        let last_block = ledger.group().read(|view, _| crate::sales::counts::last_block(view))?;
        Ok(Engine {
            key: ENGINES.fetch_add(1, Ordering::Relaxed),
            nonce,
            options,
            ledger,
            host: RwLock::default(),
            tokens: tokens::Tokens::beginning_at(u64::from_le_bytes(first) >> 1),
            memory: Mutex::new(Memory {
                phase: Phase::Open,
                calls: 0,
                mailboxes: HashMap::new(),
                doubts: BTreeMap::new(),
                attempting: BTreeSet::new(),
                resting: BTreeSet::new(),
                rest_until: u64::MAX,
                stuck: BTreeSet::new(),
                stuck_first: Id::ZERO,
                held_back: false,
                kept: Kept::default(),
                backlog: Backlog::default(),
                outbox: VecDeque::new(),
                delivering: false,
                recovery: Recovery::None,
                repair_again: false,
                clock: Clock { now: 0, latest: 0, steps_back: 0, blocks: Blocks::new(last_block) },
                next_due: u64::MAX,
                told_deadline: u64::MAX,
                refused: 0,
                random: fastrand::Rng::with_seed(seed),
            }),
        })
    }

    /// The number by which a thread knows that it is inside a call of this engine.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Whether this thread is inside a callback of this engine.
    pub fn is_in_callback(&self) -> bool {
        frame::is_inside(self.key)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> Host {
        self.host.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn repo(&self) -> Result<Arc<dyn Repo>> {
        self.host()
            .repo
            .ok_or_else(|| Error::new(SALES_ERR_TABLE, "no repo is registered: sales_register_repo comes first"))
    }

    /// Makes a change durable.
    fn commit(&self, change: Change) -> Outcome {
        let outcome = self.ledger.group().commit(change);
        if let Err(Failure::Unknown(error)) = &outcome {
            log::error!(target: "sales", "the store must be reopened: {error}");
            self.memory().phase = Phase::Reopen;
        }
        outcome
    }

    fn now(&self) -> u64 {
        self.memory().clock.now
    }

    /// Takes the host's time.
    fn see(&self, now: u64) {
        let clock = &mut self.memory().clock;
        if now < clock.now {
            clock.steps_back = clock.steps_back.saturating_add(1);
        }
        clock.now = now;
        clock.latest = clock.latest.max(now);
    }

    /// Runs the outermost call of this thread: the body, then what follows from it and from calls made inside callbacks, then the news.
    fn outermost<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let inside = Inside::new(self);
        self.catch_up();
        let result = body();
        // Bounded, because a callback may call in each time it is called: what is left over is done by the next call.
        let mut left = WORK_LIMIT;
        while left > 0 {
            // By turns, lest what callbacks tell without end keeps the rest waiting.
            let of_others = if left % 2 == 0 { self.memory().backlog.pop() } else { None };
            let work = of_others.or_else(|| frame::next(self.key)).or_else(|| self.memory().backlog.pop());
            match work {
                Some(work) => self.perform(work),
                None if self.deliver() || self.announce_deadline() => {}
                None => break,
            }
            left -= 1;
        }
        if left == 0 {
            self.deliver();
            inside.put_off();
            if self.announce_deadline() {
                // Its callback may have left something: that is due in a second, and earlier nothing is.
                inside.put_off();
                self.announce_deadline();
            }
        }
        for warning in self.ledger.group().backend().take_warnings() {
            log::warn!(target: "sales", "[{}] {warning}", self.key);
        }
        result
    }

    /// The same, of what needs a running instance. Whoever stops it waits for a call that has found it running; one that came before finds it stopped.
    fn while_running<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        self.outermost(|| {
            self.must_run()?;
            body()
        })
    }

    /// What was told before this call was made, and was left over, comes before what it tells. What follows from it has time.
    fn catch_up(&self) {
        let told = self.memory().backlog.told();
        for _ in 0..told {
            let Some(work) = self.memory().backlog.pop_told() else { break };
            self.perform(work);
        }
    }

    fn perform(&self, work: Work) {
        match work {
            Work::Reserve(slot, bytes, token) => {
                let result = self.reserve_now(slot, bytes, token);
                self.tell_done(result, slot, token);
            }
            Work::Release(slot, token) => {
                let result = self.release_now(slot, token);
                self.tell_done(result, slot, token);
            }
            Work::Consume(slot, total, said) => {
                let done = self.if_meant(&slot, said, || self.consume_now(slot, total));
                self.tell_failure(slot, Id::ZERO, done);
            }
            Work::Request(at, ask, number) => {
                let request = ask.request_id;
                self.tell_failure(Id::ZERO, request, self.take_in_request(at, *ask, number));
            }
            Work::Event(told, number) => {
                self.tell_failure(told.slot(), told.request, self.take_in_event(told, number));
            }
            Work::Abandon(slot, force, said) => {
                let done = self.if_meant(&slot, said, || self.abandon_now(slot, force));
                self.tell_failure(slot, Id::ZERO, done);
            }
            Work::Resolve(slot, word, said) => {
                let done = self.if_meant(&slot, said, || self.resolve_now(slot, word));
                self.tell_failure(slot, Id::ZERO, done);
            }
            Work::Continue(owner, answer) => self.go_on(owner, answer),
            Work::Task(task) => {
                self.drive_apart(task);
            }
            Work::Wake(slot) => self.log_failure("a sale", self.wake(slot)),
            Work::Schedule => {
                let done = self.schedule();
                // Where the store cannot be read now, the next tick looks again.
                self.memory().held_back |= done.is_err();
                self.log_failure("scheduling", done);
            }
        }
    }

    fn log_failure<T>(&self, what: &str, result: Result<T>) {
        if let Err(error) = result {
            log::warn!(target: "sales", "[{}] {what}: {error}", self.key);
        }
    }

    /// The id of an act: the same for each attempt of it.
    fn act_id(&self, parts: &[&[u8]]) -> [u8; 16] {
        let hash = keccak256(&parts.concat());
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        id
    }
}
