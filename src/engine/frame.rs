//! The outermost call of a thread into an instance, and the work that waits for it. A call made from inside a callback finds the frame
//! of the call that made the callback, leaves its input there, and returns: the stack does not grow.

use super::tokens::Owner;
use super::told::News;
use super::work::{Doubt, Work};
use crate::error::{Error, Result};
use crate::host::OpKind;
use crate::ledger::task::Purpose;
use crate::market::Id;
use crate::status::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;

/// Inputs that one call may leave to do before further ones are refused.
pub const WORK_LIMIT: usize = 4096;

struct Frame {
    engine: u64,
    work: VecDeque<Work>,
    /// What of the chain's news is being taken in.
    news: Option<News>,
    /// Which telling that is; 0: none, it was kept.
    number: u64,
    /// It is kept in memory besides, for the store has not taken it.
    kept: bool,
    /// The queue is gone through: how often a callback has changed an offer meanwhile.
    schedules: Option<u32>,
}

crate::sync::thread_local! {
    // Never destroyed: a host may call in from the destructor of a thread-local of its own, after Rust's are gone. Its memory goes with the last frame.
    static FRAMES: RefCell<ManuallyDrop<Vec<Frame>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Whether this thread is inside a call of an engine: then this is a callback.
pub fn is_inside(engine: u64) -> bool {
    FRAMES.with(|frames| frames.borrow().iter().any(|frame| frame.engine == engine))
}

/// A frame of this thread; gone when dropped.
pub struct Guard {
    engine: u64,
}

/// Enters an engine; only where [`is_inside`] said no.
pub fn enter(engine: u64) -> Guard {
    FRAMES.with(|frames| {
        let work = VecDeque::new();
        frames.borrow_mut().push(Frame { engine, work, news: None, number: 0, kept: false, schedules: None })
    });
    Guard { engine }
}

impl Guard {
    /// Takes all work that is left.
    pub fn take_rest(&self) -> VecDeque<Work> {
        with(self.engine, |frame| std::mem::take(&mut frame.work)).unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let gone = FRAMES.with(|frames| {
            let mut frames = frames.borrow_mut();
            let gone = frames.iter().rposition(|frame| frame.engine == self.engine).map(|at| frames.remove(at));
            let unused = if frames.is_empty() { std::mem::take(&mut **frames) } else { Vec::new() };
            (gone, unused)
        });
        // Outside of the borrow: what a frame held may look at the frames when it goes.
        drop(gone);
    }
}

fn with<T>(engine: u64, body: impl FnOnce(&mut Frame) -> T) -> Option<T> {
    FRAMES.with(|frames| frames.borrow_mut().iter_mut().find(|frame| frame.engine == engine).map(body))
}

/// What of the chain's news is being taken in, from now on; `None`: something that counts for no block.
pub fn begin_news(engine: u64, news: Option<News>, number: u64) {
    with(engine, |frame| (frame.news, frame.number, frame.kept) = (news, number, false));
}

/// Which telling is being taken in; 0: none.
pub fn number(engine: u64) -> u64 {
    with(engine, |frame| frame.number).unwrap_or_default()
}

/// It is kept in memory: whoever takes it in there says so.
pub fn keep_news(engine: u64) -> Option<News> {
    with(engine, |frame| {
        frame.kept = true;
        frame.news
    })
    .flatten()
}

/// Whether what is being taken in is kept in memory.
pub fn is_kept(engine: u64) -> bool {
    with(engine, |frame| frame.kept).unwrap_or_default()
}

/// It was taken in, as far as this thread could. Whether it is kept in memory.
pub fn end_news(engine: u64) -> bool {
    let kept = is_kept(engine);
    begin_news(engine, None, 0);
    kept
}

/// What of the chain's news is being taken in.
pub fn news(engine: u64) -> Option<News> {
    with(engine, |frame| frame.news).flatten()
}

/// The queue is gone through from now on.
pub fn begin_schedule(engine: u64) {
    with(engine, |frame| frame.schedules = Some(0));
}

/// A callback has changed an offer. How often that was so while the queue is gone through; `None`: it is not.
pub fn stir(engine: u64) -> Option<u32> {
    with(engine, |frame| {
        frame.schedules = frame.schedules.map(|times| times.saturating_add(1));
        frame.schedules
    })
    .flatten()
}

/// The queue was gone through. How often a callback has changed an offer meanwhile.
pub fn end_schedule(engine: u64) -> u32 {
    with(engine, |frame| frame.schedules.take()).flatten().unwrap_or_default()
}

/// Leaves an input of the host to do; bounded, because a callback may call in without end.
pub fn leave(engine: u64, work: Work) -> Result<()> {
    with(engine, |frame| {
        if frame.work.len() >= WORK_LIMIT {
            let text =
                format!("{WORK_LIMIT} calls made inside callbacks wait already: let the outermost call return first");
            return Err(Error::new(SALES_ERR_FULL, text));
        }
        frame.work.push_back(work);
        Ok(())
    })
    .unwrap_or_else(|| Err(Error::internal("no call of this thread is under way")))
}

/// Leaves what follows from the engine's own work; never refused.
pub fn follow(engine: u64, work: Work) {
    with(engine, |frame| frame.work.push_back(work));
}

/// Whether a reserve of a slot by hand waits to be done, or to go on, or the word that it took effect.
pub fn reserves(engine: u64, slot: &Id) -> bool {
    let is_it = |work: &Work| match work {
        Work::Reserve(of, ..) => of == slot,
        Work::Resolve(of, word, _) => of == slot && word.applied && word.of != Some(Doubt::Sale),
        Work::Continue(Owner::Task(task, OpKind::RepoReserve), _) => {
            task.slot == *slot && task.purpose == Purpose::Call
        }
        _ => false,
    };
    with(engine, |frame| frame.work.iter().any(is_it)).unwrap_or_default()
}

/// Whether anything waits to be done.
pub fn waits(engine: u64) -> bool {
    with(engine, |frame| !frame.work.is_empty()).unwrap_or_default()
}

/// The next thing to do.
pub fn next(engine: u64) -> Option<Work> {
    with(engine, |frame| frame.work.pop_front()).flatten()
}
