//! Instances by number: who may enter one, and when it goes. A number is made of a place and a generation, so that a stale, foreign, zero or
//! closed one is refused and never followed.

use crate::error::{Error, Result};
use crate::status::*;
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// What is entered by a number.
pub trait Instance {
    /// Whether this thread is inside a callback of it.
    fn is_in_callback(&self) -> bool;
    /// Before it goes: what waits for a commit is committed; where that fails, the next start settles it.
    fn flush(&self) -> Result<()>;
}

struct Kept<T> {
    instance: T,
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

struct Open<T> {
    kept: Arc<Kept<T>>,
    gate: Arc<Gate>,
}

struct Place<T> {
    generation: u32,
    open: Option<Open<T>>,
}

/// All instances that are open.
pub struct Registry<T>(Mutex<Vec<Place<T>>>);

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Registry(Mutex::new(Vec::new()))
    }
}

fn bad_handle(sales: u64) -> Error {
    Error::new(SALES_ERR_HANDLE, format!("sales: {sales:#x} is not an open instance (zero, closed, or never opened)"))
}

fn at(sales: u64) -> Option<(usize, u32)> {
    let place = usize::try_from(sales & 0xffff_ffff).ok()?.checked_sub(1)?;
    Some((place, (sales >> 32) as u32))
}

impl<T: Instance> Registry<T> {
    fn places(&self) -> MutexGuard<'_, Vec<Place<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an instance a number.
    pub fn admit(&self, instance: T) -> u64 {
        let kept = Arc::new(Kept { instance, poisoned: AtomicBool::new(false) });
        let mut places = self.places();
        let free = places.iter().position(|place| place.open.is_none() && place.generation < u32::MAX);
        let place = free.unwrap_or_else(|| {
            places.push(Place { generation: 0, open: None });
            places.len() - 1
        });
        places[place].generation += 1;
        places[place].open = Some(Open { kept, gate: Arc::default() });
        u64::from(places[place].generation) << 32 | (place as u64 + 1)
    }

    /// Enters an instance for one call.
    pub fn enter(&self, sales: u64) -> Result<Entered<T>> {
        let places = self.places();
        let place = at(sales).and_then(|(place, generation)| places.get(place).filter(|p| p.generation == generation));
        let Open { kept, gate } = place.and_then(|place| place.open.as_ref()).ok_or_else(|| bad_handle(sales))?;
        if kept.poisoned.load(Ordering::Acquire) {
            let text = "a defect was caught in this instance earlier: close it and open again";
            return Err(Error::new(SALES_ERR_POISONED, text));
        }
        // Counted while the places are held: whoever closes finds either this call, or no instance to be entered.
        gate.inside().calls += 1;
        Ok(Entered { kept: Some(kept.clone()), gate: gate.clone() })
    }

    /// Closes: waits for other threads inside a call; from inside a callback, takes effect when the last call leaves. When it has waited, the
    /// instance is gone on return.
    pub fn close(&self, sales: u64) -> Result<i32> {
        let Open { kept, gate } = {
            let mut places = self.places();
            let place =
                at(sales).and_then(|(place, generation)| places.get_mut(place).filter(|p| p.generation == generation));
            place.and_then(|place| place.open.take()).ok_or_else(|| bad_handle(sales))?
        };
        let mut inside = gate.inside();
        if kept.instance.is_in_callback() {
            inside.deferred = true;
            return Ok(SALES_OK);
        }
        while inside.calls > 0 {
            inside = gate.left.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        drop(inside);
        kept.flush();
        Ok(SALES_OK)
    }
}

impl<T: Instance> Kept<T> {
    fn flush(&self) {
        if self.poisoned.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.instance.flush() {
            log::warn!(target: "sales", "closing: {error}");
        }
    }
}

/// A thread inside a call.
pub struct Entered<T: Instance> {
    /// `None` only while it leaves.
    kept: Option<Arc<Kept<T>>>,
    gate: Arc<Gate>,
}

impl<T: Instance> Entered<T> {
    /// Runs the call.
    pub fn with<A>(&self, body: impl FnOnce(&T) -> A) -> Option<A> {
        self.kept.as_ref().map(|kept| body(&kept.instance))
    }

    /// A panic was caught: what lies in memory is not believed any more. The store is.
    pub fn poison(&self) {
        if let Some(kept) = &self.kept {
            kept.poisoned.store(true, Ordering::Release);
        }
    }
}

impl<T: Instance> Drop for Entered<T> {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        let mut inside = self.gate.inside();
        inside.calls -= 1;
        if inside.deferred {
            // Seen in one breath with the count: of calls that leave together, one is the last.
            let last = inside.calls == 0;
            drop(inside);
            if last {
                kept.flush();
            }
            return;
        }
        // Let go while the gate is held, and not the last to hold it: whoever closes waits there, and then holds it alone.
        drop(kept);
        if inside.calls == 0 {
            self.gate.left.notify_all();
        }
    }
}
