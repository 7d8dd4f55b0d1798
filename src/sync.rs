//! What threads meet at: locks, and what is a thread's own. Ordinarily those of std; built for a checker of interleavings
//! (`--cfg checker="loom"`, or `"shuttle"`) those of the checker, so that it runs the very code that is shipped; built for ThreadSanitizer
//! (`"thread"`) std's in a wrapper that it sees.
//!
//! `Arc` is std's everywhere: no checker's can be made of a trait.

#[cfg(any(checker = "loom", checker = "shuttle", checker = "thread"))]
mod watched;
#[cfg(any(checker = "loom", checker = "shuttle", checker = "thread"))]
pub use watched::*;

#[cfg(not(any(checker = "loom", checker = "shuttle", checker = "thread")))]
pub use std::{
    sync::{atomic::AtomicBool, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread_local,
};
