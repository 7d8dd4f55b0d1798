//! The figures of many runs, and what they must contain.

use crate::must::{ENGINE, LEDGER, MOVES, RARE, RARE_ENGINE, UNREACHED};
use crate::outcome::Outcome;
use crate::Part;
use sales::sales::sale::State;
use std::collections::BTreeMap;
use std::time::Instant;

/// So many seeds must have seen everything.
const ENOUGH: u64 = 2000;
/// Seconds between two words on how far it is.
const EVERY_S: u64 = 10;

pub struct Report {
    seeds: u64,
    pub done: u64,
    sums: BTreeMap<&'static str, Outcome>,
    pub(crate) violation: Option<(u64, Part, String)>,
    began: Instant,
    told: u64,
}

fn name(state: Option<State>) -> &'static str {
    state.map_or("(none)", State::name)
}

impl Report {
    pub fn new(seeds: u64) -> Report {
        Report { seeds, done: 0, sums: BTreeMap::new(), violation: None, began: Instant::now(), told: 0 }
    }

    pub fn add(&mut self, name: &'static str, outcome: &Outcome) {
        self.sums.entry(name).or_default().add(outcome);
    }

    pub fn seed_done(&mut self) {
        self.done += 1;
        let seconds = self.began.elapsed().as_secs();
        if seconds >= self.told + EVERY_S {
            self.told = seconds;
            let steps: u64 = self.sums.values().map(|sum| sum.steps).sum();
            println!("simulate: {seconds:>4} s, {} of {} seeds, {steps} steps", self.done, self.seeds);
        }
    }

    pub fn print(&self) {
        for (name, sum) in &self.sums {
            println!("\n{name}: {} steps; what happened, how often", sum.steps);
            sum.counts.iter().for_each(|(what, n)| println!("  {n:>10}  {what}"));
        }
        let Some(sum) = self.sums.get("engine") else { return };
        println!("\nstates of sales reached, how often");
        for state in State::ALL {
            let n: u64 = sum.moves.iter().filter(|((_, to), _)| *to == state).map(|(_, n)| n).sum();
            match UNREACHED.iter().find(|(unreached, _)| *unreached == state) {
                Some((_, why)) => println!("  {:>10}  {}: {why}", "-", state.name()),
                None => println!("  {n:>10}  {}", state.name()),
            }
        }
        println!("\nmoves of sales between states, how often");
        for step in MOVES {
            let n = sum.moves.get(step).copied().unwrap_or(0);
            println!("  {n:>10}  {} -> {}", name(step.0), step.1.name());
        }
        println!();
        let seconds = self.began.elapsed().as_secs_f64();
        let crashes: u64 = self.sums.values().filter_map(|sum| sum.counts.get("crash")).sum();
        let steps: u64 = self.sums.values().map(|sum| sum.steps).sum();
        println!("simulate: {} seeds, {steps} steps, {crashes} crashes in {seconds:.1} s", self.done);
    }

    /// What never happened in a run that is long enough, and what happened that nobody knows.
    pub fn missing(&self) -> Vec<String> {
        if self.violation.is_some() {
            return Vec::new();
        }
        let counts = |name: &str| self.sums.get(name).map(|sum| &sum.counts);
        let never = |name: &str, must: &[&'static str]| -> Vec<String> {
            let zero = |what: &&&str| !counts(name).is_some_and(|counts| counts.contains_key(**what));
            must.iter().filter(zero).map(|what| format!("{name}: never happened: {what}")).collect()
        };
        let moves = self.sums.get("engine").map(|sum| &sum.moves);
        let seen = |step: &(Option<State>, State)| moves.is_some_and(|moves| moves.contains_key(step));
        let text = |step: &(Option<State>, State)| format!("never happened: {} -> {}", name(step.0), step.1.name());
        let unknown = moves.into_iter().flat_map(BTreeMap::keys).filter(|step| !MOVES.contains(step));
        let mut missing: Vec<String> =
            unknown.map(|step| format!("a move that nobody knows: {}", text(step))).collect();
        if self.done >= ENOUGH {
            missing.extend(never("ledger", LEDGER));
            missing.extend(never("engine", ENGINE));
            let long = self.done >= 100 * ENOUGH;
            if long {
                missing.extend(never("engine", RARE_ENGINE));
            }
            let must = |step: &&(Option<State>, State)| long || !RARE.contains(step);
            missing.extend(MOVES.iter().filter(must).filter(|step| !seen(step)).map(text));
        }
        missing
    }
}
