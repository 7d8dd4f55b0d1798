//! What threads meet at: locks, and what is a thread's own. Ordinarily those of std; built for a checker of interleavings
//! (`--cfg checker="loom"`, or `"shuttle"`) those of the checker, so that it runs the very code that is shipped.
//!
//! `Arc` is std's everywhere: no checker's can be made of a trait.

#[cfg(any(checker = "loom", checker = "shuttle"))]
mod counted;
#[cfg(any(checker = "loom", checker = "shuttle"))]
pub use counted::*;

#[cfg(not(any(checker = "loom", checker = "shuttle")))]
pub use std::{
    sync::{atomic::AtomicBool, Condvar, Mutex, MutexGuard, RwLock},
    thread_local,
};
