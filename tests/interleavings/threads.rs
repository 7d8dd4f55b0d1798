//! What the threads of a schedule do, and what a callback calls.

use super::truth::Job;
use super::world::{hand_slot, World, SIZE, SLOTS};
use sales::market::Id;
use sales::sales::Happened;
use sales::status::*;
use shuttle::thread::{self, JoinHandle};
use std::sync::Arc;

/// Two that call in, one that completes, and one that moves the instance through its life.
pub fn of_schedule(world: &Arc<World>) -> Vec<JoinHandle<()>> {
    let spawn = |body: fn(&World)| {
        let world = world.clone();
        thread::spawn(move || body(&world))
    };
    vec![spawn(caller), spawn(caller), spawn(completer), spawn(life)]
}

/// One that tells the end of a request until it is taken, and one that stops and starts.
pub fn of_a_restart(world: &Arc<World>, request: Id) -> Vec<JoinHandle<()>> {
    let (told, restarted) = (world.clone(), world.clone());
    let tell = move || {
        let now = told.now();
        for _ in 0..400 {
            let end = Happened::RequestEnded;
            match told.call("ended", |engine| engine.on_request_event(now, Default::default(), request, end)) {
                Some(Err(_)) => thread::yield_now(),
                _ => return told.t().count("the end is told beside a restart"),
            }
        }
        told.t().broken("the end is refused for ever".into());
    };
    let restart = move || {
        if restarted.stop() {
            restarted.start();
        }
    };
    vec![thread::spawn(tell), thread::spawn(restart)]
}

fn caller(world: &World) {
    for _ in 0..4 {
        one_call(world, 11);
    }
}

fn completer(world: &World) {
    for _ in 0..8 {
        world.complete_one();
        thread::yield_now();
    }
}

fn life(world: &World) {
    let what = world.t().rng.below(5);
    match what {
        0 => {}
        1 => {
            if world.stop() {
                world.start();
            }
        }
        2 => {
            thread::yield_now();
            world.close();
        }
        3 => {
            if world.stop() {
                world.close();
            }
        }
        _ => {
            for repair in [false, true] {
                let now = world.now();
                if let Some(Ok(SALES_OK)) = world.call("reconcile", |engine| engine.reconcile(now, repair)) {
                    world.t().count("reconciled");
                }
            }
        }
    }
}

fn one_call(world: &World, of: usize) {
    let (what, slot, ask, now, bytes) = {
        let mut t = world.t();
        let slot = hand_slot(t.rng.below(SLOTS.into()) as u8);
        let asks = t.asks.len();
        let ask = t.rng.below(asks);
        t.now += t.rng.below(2) as u64;
        (t.rng.below(of), slot, t.asks[ask].clone(), t.now, t.rng.range(1, SIZE as usize) as u64)
    };
    let of_sale = sales::market::slot_id(&ask.request_id, 0);
    match what {
        0..=2 => drop(world.call("reserve", |engine| engine.reserve(now, slot, SIZE))),
        3 => drop(world.call("release", |engine| engine.release(now, slot))),
        4 => drop(world.call("consumed", |engine| engine.consumed(now, slot, bytes))),
        5 => drop(world.call("consumed of a sale", |engine| engine.consumed(now, of_sale, bytes))),
        6..=7 => drop(world.call("on_request", |engine| engine.on_request(now, Default::default(), ask))),
        8 => drop(world.call("tick", |engine| engine.tick(now + 2))),
        9 => drop(world.call("stats", |engine| engine.stats().map(|stats| stats.pending_ops))),
        _ => {
            let what = world.t().rng.pick(&[Happened::ReservationsFull, Happened::SlotFreed]);
            let at = Default::default();
            drop(world.call("on_slot", |engine| engine.on_slot(now, at, ask.request_id, 0, what)));
        }
    }
}

/// Inside a callback: what is allowed, what is refused by name, and, seldom, the close.
pub fn inside(world: &World, job: &Job) {
    world.t().count("called in from a callback");
    let (roll, now) = {
        let mut t = world.t();
        (t.rng.below(20), t.now)
    };
    let refused = match roll {
        0 => world.call("stop inside", |engine| engine.stop(now)),
        1 => world.call("reconcile inside", |engine| engine.reconcile(now, true)),
        2 => world.call("start inside", |engine| engine.start(now)),
        3 if job.sales == world.t().sales => {
            world.t().count("closed inside a callback");
            return world.close();
        }
        4..=7 => {
            world.complete_one();
            return;
        }
        _ => return one_call(world, 11),
    };
    match refused {
        None => {}
        Some(Err(error)) if error.status == SALES_ERR_IN_CALLBACK || error.status == SALES_ERR_STATE => {}
        other => world.t().broken(format!("from inside a callback: {other:?}")),
    }
}

impl World {
    /// A callback calls in.
    pub fn call_inside(&self, job: &Job) {
        inside(self, job);
    }
}
