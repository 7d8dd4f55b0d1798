//! Handles: numbers made of a place and a generation, so that a stale, foreign, zero or closed one is refused and never followed.

use crate::datastore::lmdb::{fork, LmdbStore};
use crate::engine::{Engine, Options};
use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard};
use once_cell::sync::Lazy;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

struct Instance {
    engine: Engine,
    poisoned: AtomicBool,
}

/// Who is inside an instance. Apart from it, so that it can be looked at when the instance is gone.
#[derive(Default)]
struct Gate {
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Default)]
struct Inside {
    calls: usize,
    /// Closed from inside a callback: the last call that leaves closes.
    deferred: bool,
}

impl Gate {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Open {
    instance: Arc<Instance>,
    gate: Arc<Gate>,
}

struct Place {
    generation: u32,
    open: Option<Open>,
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
    let instance =
        Arc::new(Instance { engine: Engine::new(Box::new(store), options)?, poisoned: AtomicBool::new(false) });
    let mut places = places();
    let free = places.iter().position(|place| place.open.is_none() && place.generation < u32::MAX);
    let place = free.unwrap_or_else(|| {
        places.push(Place { generation: 0, open: None });
        places.len() - 1
    });
    places[place].generation += 1;
    places[place].open = Some(Open { instance, gate: Arc::default() });
    Ok(u64::from(places[place].generation) << 32 | (place as u64 + 1))
}

/// A thread inside a call.
pub(super) struct Entered {
    /// `None` only while it leaves.
    instance: Option<Arc<Instance>>,
    gate: Arc<Gate>,
}

/// Enters an instance for one call.
pub(super) fn enter(sales: u64) -> Result<Entered> {
    may_call()?;
    let places = places();
    let open = at(sales).and_then(|(place, generation)| places.get(place).filter(|p| p.generation == generation));
    let Open { instance, gate } = open.and_then(|place| place.open.clone()).ok_or_else(|| bad_handle(sales))?;
    if instance.poisoned.load(Ordering::Acquire) {
        let text = "a defect was caught in this instance earlier: close it and open again";
        return Err(Error::new(SALES_ERR_POISONED, text));
    }
    // Counted while the places are held: whoever closes finds either this call, or no instance to be entered.
    gate.inside().calls += 1;
    Ok(Entered { instance: Some(instance), gate })
}

impl Entered {
    /// Runs the call.
    pub(super) fn with<T>(&self, body: impl FnOnce(&Engine) -> T) -> Option<T> {
        self.instance.as_ref().map(|instance| body(&instance.engine))
    }

    /// A panic was caught: what lies in memory is not believed any more. The store is.
    pub(super) fn poison(&self) {
        if let Some(instance) = &self.instance {
            instance.poisoned.store(true, Ordering::Release);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let Some(instance) = self.instance.take() else { return };
        let last = {
            let inside = self.gate.inside();
            inside.deferred && inside.calls == 1
        };
        if last {
            flush(&instance);
        }
        // The instance is let go before the call counts as left: when nobody is inside, the one who closes holds it alone.
        drop(instance);
        let mut inside = self.gate.inside();
        inside.calls -= 1;
        if inside.calls == 0 {
            self.gate.left.notify_all();
        }
    }
}

/// What rides is committed before the store goes; where that fails, the next start settles it.
fn flush(instance: &Instance) {
    if instance.poisoned.load(Ordering::Acquire) {
        return;
    }
    if let Err(error) = instance.engine.close() {
        log::warn!(target: "sales", "closing: {error}");
    }
}

/// Closes: waits for other threads inside a call; from inside a callback, takes effect when the last call leaves. When it has waited, the store is
/// closed on return.
pub(super) fn close(sales: u64) -> Result<i32> {
    if sales == 0 {
        return Ok(SALES_OK);
    }
    may_call()?;
    let Open { instance, gate } = {
        let mut places = places();
        let found =
            at(sales).and_then(|(place, generation)| places.get_mut(place).filter(|p| p.generation == generation));
        found.and_then(|place| place.open.take()).ok_or_else(|| bad_handle(sales))?
    };
    let mut inside = gate.inside();
    if instance.engine.is_in_callback() {
        inside.deferred = true;
        return Ok(SALES_OK);
    }
    while inside.calls > 0 {
        inside = gate.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
    }
    drop(inside);
    flush(&instance);
    Ok(SALES_OK)
}
