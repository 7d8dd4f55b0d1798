//! The whole engine: the real `Engine` over a store in memory, a repo, a chain and content with their own truth, moved by one generator through
//! requests, events, completions, faults and crashes, on one thread or several, and held against the truth whenever nobody is inside a call.

mod asked;
mod baton;
mod blocks;
mod chain;
mod check;
mod content;
mod decide;
mod disk;
mod end;
mod figures;
mod fill;
mod held;
mod host;
mod journal;
mod late;
mod life;
mod loss;
mod market;
mod news;
mod operator;
mod ops;
mod pages;
mod phases;
mod queue;
mod repo;
mod shows;
mod taken;
mod told;
pub mod truth;
mod waiting;
mod world;
mod written;

use crate::outcome::Outcome;
use crate::rng::Rng;
use baton::{Baton, Is};
use truth::say;
use world::World;

/// Who decides which move comes next, and which thread makes it.
struct Director {
    world: World,
    baton: Baton,
}

/// One run.
pub fn run(seed: u64, rng: Rng, trace: bool) -> Outcome {
    let mut baton = None;
    let world = World::new(rng, trace, |threads| {
        let made = Baton::new(threads, seed);
        let pauser = made.pauser();
        baton = Some(made);
        pauser
    });
    let mut director = Director { world, baton: baton.expect("a world has threads") };
    director.run();
    director.leave()
}

impl Director {
    fn run(&mut self) {
        let world = self.world.clone();
        world.start();
        self.bury();
        let steps = {
            let mut t = world.t();
            if t.has.big {
                t.rng.range(60, 140)
            } else {
                t.rng.range(40, 160)
            }
        };
        for _ in 0..20 {
            if world.t().offers.len() >= 2 || world.is_broken() {
                break;
            }
            if !world.t().started {
                world.start();
            }
            world.offer();
            self.bury();
        }
        if world.t().has.big {
            world.grow();
            self.bury();
        }
        for _ in 0..steps {
            if world.is_broken() || !world.t().rng.begin_move() {
                break;
            }
            self.step();
        }
        self.drain();
        self.bury();
        self.finish_stop();
        world.check();
        if !world.is_broken() {
            world.t().rng.begin_end();
            self.end();
        }
    }

    /// One move: a thread that was inside a call goes on, or another begins something.
    fn step(&mut self) {
        let world = self.world.clone();
        world.t().steps += 1;
        let (idle, inside) = (self.baton.which(Is::Idle), self.baton.which(Is::Inside));
        if world.t().has.threads == 0 {
            world.make_a_move();
        } else if !inside.is_empty() && (idle.is_empty() || world.chance(500)) {
            let thread = world.t().rng.pick(&inside);
            self.go_on(thread);
        } else {
            let thread = world.t().rng.pick(&idle);
            world.t().inside = inside.len();
            world.t().another_runs(thread);
            let mover = world.clone();
            self.baton.run(thread, Some(Box::new(move || mover.make_a_move())));
        }
        self.bury();
        self.finish_stop();
        // A large world takes long to look at.
        let often = if world.t().has.big { 60 } else { 350 };
        if world.chance(often) {
            self.drain();
            self.bury();
            self.finish_stop();
            world.check();
        }
    }

    fn go_on(&self, thread: usize) {
        self.world.t().inside = self.baton.which(Is::Inside).len() - 1;
        say!(self.world.t(), "[{thread}] goes on");
        self.world.t().another_runs(thread);
        self.baton.run(thread, None);
    }

    /// Lets every call end.
    fn drain(&self) {
        loop {
            let inside = self.baton.which(Is::Inside);
            self.world.t().inside = 0;
            let Some(thread) = inside.first() else { return };
            self.go_on(*thread);
        }
    }

    /// A stop that the other threads kept from ending is asked for again when they are gone.
    fn finish_stop(&self) {
        if self.world.t().stopping {
            self.drain();
            self.bury();
            self.world.stop();
            self.bury();
        }
    }

    /// The process ends where it must: every thread in it, and then what it was.
    fn bury(&self) {
        let (crashed, dead, condemned, refused) = {
            let t = self.world.t();
            (t.crashed, t.store.is_dead(), t.condemned, t.refused)
        };
        if !crashed && !dead && condemned.is_none() && !refused {
            return;
        }
        self.drain();
        let world = self.world.clone();
        // Another thread may have died of something else meanwhile.
        let (crashed, dead) = {
            let t = self.world.t();
            (t.crashed, t.store.is_dead())
        };
        match (crashed, dead, condemned) {
            (true, ..) => self.world.die("crash"),
            (_, true, _) => self.world.die("closed, the store must be reopened"),
            (.., Some(how)) => {
                if let (Some(engine), Some(Ok(()))) = (world.engine(), world.call("close", |engine| engine.close())) {
                    world.check_flushed("a close", &engine);
                }
                self.world.die(how);
            }
            _ => self.world.refused_by_name(),
        }
    }

    fn leave(self) -> Outcome {
        let Director { world, baton } = self;
        // Whoever is still inside a call ends there.
        world.t().crashed = true;
        drop(baton);
        let engine = world.t().engine.take();
        drop(engine);
        let mut t = world.t();
        Outcome {
            steps: t.steps,
            counts: std::mem::take(&mut t.counts),
            moves: std::mem::take(&mut t.moves),
            trace: t.trace.take().unwrap_or_default(),
            violation: t.violation.take(),
            tape: std::mem::replace(&mut t.rng, Rng::new(0)).into_tape(),
        }
    }
}

impl World {
    /// One move of the host, of the chain or of an operator.
    fn make_a_move(&self) {
        let (is_open, started) = {
            let t = self.t();
            (t.engine.is_some(), t.started)
        };
        if !is_open || !started {
            // Time and the chain do not wait for a start that another thread is in.
            let beside = is_open && self.t().inside > 0 && self.chance(600);
            return match self.below(10) {
                0..=4 if beside => self.time(),
                _ if beside => drop(self.deliver(false)),
                0..=5 => self.start(),
                6 if is_open => self.t().condemned = Some("closed without a stop"),
                7 => drop(self.complete()),
                _ => self.t().advance(3),
            };
        }
        match self.below(110) {
            0..=22 => self.time(),
            23..=31 => self.post(),
            32..=33 => self.repost(),
            34..=53 => drop(self.deliver(false)),
            54..=61 => self.t().others_move(),
            62..=78 => drop(self.complete()),
            79 => self.unknown_token(),
            80..=81 => self.abandon(),
            82..=84 => drop(self.resolve()),
            85 | 108..=109 => drop(self.reconcile(false)),
            86 => drop(self.reconcile(true)),
            87..=91 => self.consumed(),
            92..=93 => self.by_hand(),
            94..=96 => self.offer(),
            97 => self.look(),
            98 if self.chance(500) => self.stop(),
            99 if self.chance(400) => {
                self.t().condemned = Some("closed without a stop");
            }
            100..=103 => self.t().take_copy(),
            104 => self.host_crash(),
            105 => {
                let mut t = self.t();
                t.low = !t.low;
            }
            106..=107 => self.t().others_take_space(),
            _ => {}
        }
    }
}
