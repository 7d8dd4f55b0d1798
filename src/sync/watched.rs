//! Locks that are watched. A checker's count what a thread holds: the house calls no host while it holds any. For ThreadSanitizer, which does
//! not see into std, std's own, with a mark that it sees: what happened before an unlock happened before the next lock.

#[cfg(checker = "loom")]
use loom as checker;
#[cfg(checker = "shuttle")]
use shuttle as checker;
#[cfg(checker = "thread")]
use std as checker;

use checker::sync as raw;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

pub use raw::atomic::AtomicBool;

#[cfg(not(checker = "thread"))]
pub use crate::thread_local_of_the_checker as thread_local;
#[cfg(checker = "thread")]
pub use std::thread_local;

/// `std::thread_local!`, of one key.
#[cfg(not(checker = "thread"))]
#[macro_export]
#[doc(hidden)]
macro_rules! thread_local_of_the_checker {
    // The checkers know no constant first values.
    ($(#[$meta:meta])* static $name:ident: $type:ty = const $first:block;) => {
        #[cfg(checker = "loom")]
        loom::thread_local! { static $name: $type = $first }
        #[cfg(checker = "shuttle")]
        shuttle::thread_local! { static $name: $type = $first }
    };
}

/// What a lock and an unlock leave behind.
#[cfg(checker = "thread")]
mod mark {
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    pub struct Mark(AtomicUsize);

    impl Mark {
        pub fn locked(&self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }

        pub fn unlocks(&self) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// What a lock and an unlock leave behind.
#[cfg(not(checker = "thread"))]
mod mark {
    use std::cell::Cell;

    super::checker::thread_local! {
        static HELD: Cell<usize> = Cell::new(0)
    }

    /// How many locks this thread holds.
    pub fn held() -> usize {
        HELD.with(Cell::get)
    }

    #[derive(Debug, Default)]
    pub struct Mark;

    impl Mark {
        pub fn locked(&self) {
            HELD.with(|held| held.set(held.get() + 1));
        }

        pub fn unlocks(&self) {
            HELD.with(|held| held.set(held.get() - 1));
        }
    }
}

#[cfg(not(checker = "thread"))]
pub use mark::held;
use mark::Mark;

struct Held<'a>(&'a Mark);

impl<'a> Held<'a> {
    fn of(mark: &'a Mark) -> Self {
        mark.locked();
        Held(mark)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.unlocks();
    }
}

/// A guard that is watched.
pub struct Watched<'a, G> {
    // Dropped before the lock is given back.
    held: Held<'a>,
    guard: G,
}

fn watched<'a, G>(mark: &'a Mark, result: LockResult<G>) -> LockResult<Watched<'a, G>> {
    let watched = |guard| Watched { held: Held::of(mark), guard };
    result.map(watched).map_err(|poisoned| PoisonError::new(watched(poisoned.into_inner())))
}

impl<G: Deref> Deref for Watched<'_, G> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Watched<'_, G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// `std::sync::MutexGuard`.
pub type MutexGuard<'a, T> = Watched<'a, raw::MutexGuard<'a, T>>;
/// `std::sync::RwLockReadGuard`.
pub type RwLockReadGuard<'a, T> = Watched<'a, raw::RwLockReadGuard<'a, T>>;
/// `std::sync::RwLockWriteGuard`.
pub type RwLockWriteGuard<'a, T> = Watched<'a, raw::RwLockWriteGuard<'a, T>>;

/// `std::sync::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T>(raw::Mutex<T>, Mark);

impl<T> Mutex<T> {
    /// As std's.
    pub fn new(value: T) -> Self {
        Mutex(raw::Mutex::new(value), Mark::default())
    }

    /// As std's.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        watched(&self.1, self.0.lock())
    }

    /// As std's.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Ok(watched(&self.1, Ok(guard))?),
            Err(TryLockError::Poisoned(poisoned)) => Ok(watched(&self.1, Err(poisoned))?),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }
}

/// `std::sync::Condvar`.
#[derive(Debug, Default)]
pub struct Condvar(raw::Condvar);

impl Condvar {
    /// As std's.
    pub fn new() -> Self {
        Condvar(raw::Condvar::new())
    }

    /// As std's.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let Watched { held, guard } = guard;
        let mark = held.0;
        drop(held);
        watched(mark, self.0.wait(guard))
    }

    /// As std's.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    /// As std's.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// `std::sync::RwLock`.
#[derive(Debug, Default)]
pub struct RwLock<T>(raw::RwLock<T>, Mark);

impl<T> RwLock<T> {
    /// As std's.
    pub fn new(value: T) -> Self {
        RwLock(raw::RwLock::new(value), Mark::default())
    }

    /// As std's.
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        watched(&self.1, self.0.read())
    }

    /// As std's.
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        watched(&self.1, self.0.write())
    }
}
