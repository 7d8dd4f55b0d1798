//! Handles: numbers made of a place and a generation, so that a stale, foreign, zero or closed one is refused and never followed.

use crate::datastore::lmdb::{fork, LmdbStore};
use crate::engine::{Engine, Options};
use crate::error::{Error, Result};
use crate::status::*;
use once_cell::sync::Lazy;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

struct Instance {
    engine: Engine,
    poisoned: AtomicBool,
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Default)]
struct Inside {
    calls: usize,
    closing: bool,
}

struct Place {
    generation: u32,
    instance: Option<Arc<Instance>>,
}

static PLACES: Lazy<Mutex<Vec<Place>>> = Lazy::new(Mutex::default);

fn places() -> MutexGuard<'static, Vec<Place>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asked before any lock is taken: another thread of the parent may have held it when the process was forked, and will never give it back here.
fn may_call() -> Result<()> {
    if super::logging::is_logging() {
        return Err(Error::new(SALES_ERR_IN_CALLBACK, "a log callback may not call in"));
    }
    if fork::generation() == 0 {
        return Ok(());
    }
    let text =
        "sales: this process was forked from one that uses the library: only the parent may, or a child after exec";
    Err(Error::new(SALES_ERR_FORKED, text))
}

fn bad_handle(sales: u64) -> Error {
    Error::new(SALES_ERR_HANDLE, format!("sales: {sales:#x} is not an open instance (zero, closed, or never opened)"))
}

fn at(sales: u64) -> Option<(usize, u32)> {
    let place = usize::try_from(sales & 0xffff_ffff).ok()?.checked_sub(1)?;
    Some((place, (sales >> 32) as u32))
}

/// Opens an instance and gives it a handle.
pub(super) fn open(path: &Path, options: Options) -> Result<u64> {
    may_call()?;
    let store = LmdbStore::open(path, options.reset)?;
    let instance = Arc::new(Instance {
        engine: Engine::new(Box::new(store), options)?,
        poisoned: AtomicBool::new(false),
        inside: Mutex::default(),
        left: Condvar::new(),
    });
    let mut places = places();
    let free = places.iter().position(|place| place.instance.is_none() && place.generation < u32::MAX);
    let place = free.unwrap_or_else(|| {
        places.push(Place { generation: 0, instance: None });
        places.len() - 1
    });
    places[place].generation += 1;
    places[place].instance = Some(instance);
    Ok(u64::from(places[place].generation) << 32 | (place as u64 + 1))
}

/// A thread inside a call.
pub(super) struct Entered {
    instance: Arc<Instance>,
}

/// Enters an instance for one call.
pub(super) fn enter(sales: u64) -> Result<Entered> {
    may_call()?;
    let instance = find(sales)?;
    if instance.poisoned.load(Ordering::Acquire) {
        let text = "a defect was caught in this instance earlier: close it and open again";
        return Err(Error::new(SALES_ERR_POISONED, text));
    }
    let mut inside = instance.inside.lock().unwrap_or_else(PoisonError::into_inner);
    // Closing lets nobody in, but for calls from inside a callback: they belong to a call that is in.
    if inside.closing && !instance.engine.is_in_callback() {
        return Err(bad_handle(sales));
    }
    inside.calls += 1;
    drop(inside);
    Ok(Entered { instance })
}

fn find(sales: u64) -> Result<Arc<Instance>> {
    let places = places();
    let place = at(sales).and_then(|(place, generation)| places.get(place).filter(|p| p.generation == generation));
    place.and_then(|place| place.instance.clone()).ok_or_else(|| bad_handle(sales))
}

impl Entered {
    /// The instance's engine.
    pub(super) fn engine(&self) -> &Engine {
        &self.instance.engine
    }

    /// A panic was caught: what lies in memory is not believed any more. The store is.
    pub(super) fn poison(&self) {
        self.instance.poisoned.store(true, Ordering::Release);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut inside = self.instance.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.calls -= 1;
        if inside.calls > 0 {
            return;
        }
        self.instance.left.notify_all();
        let last = inside.closing;
        drop(inside);
        // Closed from inside a callback: this was the last call, and what rides is committed before the store goes.
        if last && !self.instance.poisoned.load(Ordering::Acquire) {
            if let Err(error) = self.instance.engine.close() {
                log::warn!(target: "sales", "closing: {error}");
            }
        }
    }
}

/// Closes: waits for other threads inside a call; from inside a callback, takes effect when the last call leaves.
pub(super) fn close(sales: u64) -> Result<i32> {
    if sales == 0 {
        return Ok(SALES_OK);
    }
    may_call()?;
    let instance = {
        let mut places = places();
        let found =
            at(sales).and_then(|(place, generation)| places.get_mut(place).filter(|p| p.generation == generation));
        found.and_then(|place| place.instance.take()).ok_or_else(|| bad_handle(sales))?
    };
    let mut inside = instance.inside.lock().unwrap_or_else(PoisonError::into_inner);
    inside.closing = true;
    if instance.engine.is_in_callback() {
        // The last call that leaves drops the engine, and with it the store.
        return Ok(SALES_OK);
    }
    while inside.calls > 0 {
        inside = instance.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
    }
    drop(inside);
    if !instance.poisoned.load(Ordering::Acquire) {
        instance.engine.close()?;
    }
    Ok(SALES_OK)
}
