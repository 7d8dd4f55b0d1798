//! Threads of the host, of which one runs at a time: who, the director says. So calls into the module interleave at every callback and every
//! read, and a run can be played again.

use super::truth::Crash;
use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that does not come back in this time waits for another: that is a deadlock.
const HANGS: Duration = Duration::from_secs(120);

pub type Job = Box<dyn FnOnce() + Send>;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Is {
    Idle,
    /// In the midst of a call.
    Inside,
}

struct Turn {
    /// 0: the director.
    whose: usize,
    threads: Vec<(Is, Option<Job>)>,
    over: bool,
}

struct Shared {
    seed: u64,
    turn: Mutex<Turn>,
    wake: Vec<Condvar>,
}

thread_local! {
    static ME: Cell<usize> = const { Cell::new(0) };
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, me: usize) -> MutexGuard<'_, Turn> {
        let mut turn = self.lock();
        while turn.whose != me && !turn.over {
            let (back, timeout) = self.wake[me].wait_timeout(turn, HANGS).unwrap_or_else(PoisonError::into_inner);
            turn = back;
            if me == 0 && timeout.timed_out() && turn.whose != 0 {
                eprintln!(
                    "simulate: VIOLATION seed={}: S8: a call waits for another thread, and never returns",
                    self.seed
                );
                std::process::abort();
            }
        }
        turn
    }

    fn pass(&self, mut turn: MutexGuard<'_, Turn>, to: usize) {
        turn.whose = to;
        drop(turn);
        self.wake[to].notify_one();
    }

    fn work(&self, me: usize) {
        ME.set(me);
        loop {
            let mut turn = self.wait(me);
            if turn.over {
                return;
            }
            let job = turn.threads[me].1.take();
            drop(turn);
            if let Some(job) = job {
                job();
            }
            let mut turn = self.lock();
            turn.threads[me].0 = Is::Idle;
            self.pass(turn, 0);
        }
    }
}

/// The director's hand; dropped, its threads end.
pub struct Baton {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Baton {
    /// With so many threads besides the director; the seed is for the last words.
    pub fn new(threads: usize, seed: u64) -> Baton {
        let turn = Turn { whose: 0, threads: (0..=threads).map(|_| (Is::Idle, None)).collect(), over: false };
        let shared = Shared { seed, turn: Mutex::new(turn), wake: (0..=threads).map(|_| Condvar::new()).collect() };
        let shared = Arc::new(shared);
        let spawn = |me: usize| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.work(me))
        };
        let threads = (1..=threads).map(spawn).collect();
        Baton { shared, threads }
    }

    pub fn pauser(&self) -> Pauser {
        Pauser(self.shared.clone())
    }

    /// Threads that are idle, or inside a call.
    pub fn which(&self, are: Is) -> Vec<usize> {
        let turn = self.shared.lock();
        (1..turn.threads.len()).filter(|at| turn.threads[*at].0 == are).collect()
    }

    /// Lets a thread run, with a new job or on from where it paused, until it pauses or is idle.
    pub fn run(&self, thread: usize, job: Option<Job>) {
        let mut turn = self.shared.lock();
        turn.threads[thread] = (Is::Inside, job);
        self.shared.pass(turn, thread);
        drop(self.shared.wait(0));
    }
}

impl Drop for Baton {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.wake.iter().for_each(Condvar::notify_one);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// What a thread pauses by.
#[derive(Clone)]
pub struct Pauser(Arc<Shared>);

impl Pauser {
    /// Whether this is one of the threads, and not the director.
    pub fn can_pause(&self) -> bool {
        ME.get() != 0
    }

    /// Which thread this is, for the trace.
    pub fn me(&self) -> usize {
        ME.get()
    }

    /// Gives the turn back in the midst of a call.
    pub fn pause(&self) {
        let me = ME.get();
        self.0.pass(self.0.lock(), 0);
        let over = self.0.wait(me).over;
        if over {
            std::panic::panic_any(Crash);
        }
    }
}
