//! A checker's locks, which count what a thread holds: the house calls no host while it holds any.

#[cfg(checker = "loom")]
use loom as checker;
#[cfg(checker = "shuttle")]
use shuttle as checker;

use checker::sync as raw;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};

pub use crate::thread_local_of_the_checker as thread_local;
pub use raw::atomic::AtomicBool;

/// `std::thread_local!`, of one key.
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

checker::thread_local! {
    static HELD: Cell<usize> = Cell::new(0)
}

/// How many locks this thread holds.
pub fn held() -> usize {
    HELD.with(Cell::get)
}

struct Held;

impl Held {
    fn one() -> Held {
        HELD.with(|held| held.set(held.get() + 1));
        Held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get() - 1));
    }
}

/// A guard that counts.
pub struct Counted<G> {
    guard: G,
    _held: Held,
}

fn counted<G>(result: LockResult<G>) -> LockResult<Counted<G>> {
    let counted = |guard| Counted { guard, _held: Held::one() };
    result.map(counted).map_err(|poisoned| PoisonError::new(counted(poisoned.into_inner())))
}

impl<G: Deref> Deref for Counted<G> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Counted<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// `std::sync::MutexGuard`.
pub type MutexGuard<'a, T> = Counted<raw::MutexGuard<'a, T>>;

/// `std::sync::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T>(raw::Mutex<T>);

impl<T> Mutex<T> {
    /// As std's.
    pub fn new(value: T) -> Self {
        Mutex(raw::Mutex::new(value))
    }

    /// As std's.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        counted(self.0.lock())
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
        let Counted { guard, _held } = guard;
        drop(_held);
        counted(self.0.wait(guard))
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
pub struct RwLock<T>(raw::RwLock<T>);

impl<T> RwLock<T> {
    /// As std's.
    pub fn read(&self) -> LockResult<Counted<raw::RwLockReadGuard<'_, T>>> {
        counted(self.0.read())
    }

    /// As std's.
    pub fn write(&self) -> LockResult<Counted<raw::RwLockWriteGuard<'_, T>>> {
        counted(self.0.write())
    }
}
