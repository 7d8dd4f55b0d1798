//! Makes a failing run small: moves are left out, then choices are made harmless, as long as the same promise is broken.

use crate::outcome::Outcome;
use crate::rng::{Rng, Tape};
use crate::Part;

/// Runs at most.
const TRIES: usize = 6000;
/// Lines of the trace that are shown, from its end.
const LINES: usize = 200;

/// What of a violation must stay: the promise, or the first words.
fn name_of(violation: &str) -> String {
    violation.split_whitespace().take(3).collect::<Vec<_>>().join(" ").split(':').next().unwrap_or_default().to_string()
}

struct Shrinking<'a> {
    part: &'a Part,
    name: String,
    tries: usize,
}

impl Shrinking<'_> {
    fn still_fails(&mut self, tape: &Tape) -> bool {
        self.tries += 1;
        let outcome = self.part.run(Rng::playing(self.part.seed, tape.clone()), false);
        outcome.violation.is_some_and(|violation| name_of(&violation) == self.name)
    }

    /// Leaves out moves, many at a time first.
    fn drop_moves(&mut self, mut tape: Tape) -> Tape {
        let mut size = tape.len() / 2;
        while size > 0 {
            let mut at = 1;
            while at < tape.len() && self.tries < TRIES {
                let mut shorter = tape.clone();
                shorter.drain(at..(at + size).min(tape.len()));
                if self.still_fails(&shorter) {
                    tape = shorter;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        tape
    }

    /// Makes choices zero, the harmless one: whole moves from a point on first.
    fn calm_choices(&mut self, mut tape: Tape) -> Tape {
        for at in (0..tape.len()).rev() {
            let mut size = tape[at].len();
            while size > 0 && self.tries < TRIES {
                let mut from = 0;
                while from < tape[at].len() && self.tries < TRIES {
                    let to = (from + size).min(tape[at].len());
                    if tape[at][from..to].iter().any(|choice| *choice != 0) {
                        let mut calmer = tape.clone();
                        calmer[at][from..to].fill(0);
                        if self.still_fails(&calmer) {
                            tape = calmer;
                        }
                    }
                    from = to;
                }
                size /= 2;
            }
        }
        tape
    }
}

/// Shows the smallest run that was found to break the same promise.
pub(crate) fn show(part: &Part, violation: &str) {
    if std::env::var_os("SALES_SIMULATE_SHRINK").is_some_and(|wanted| wanted == "0") {
        return;
    }
    let noted = part.run(Rng::noting(part.seed), false);
    let mut shrinking = Shrinking { part, name: name_of(violation), tries: 0 };
    let whole = noted.tape;
    let moves = whole.len();
    let mut small = whole;
    if !shrinking.still_fails(&small) {
        return println!("simulate: the run cannot be made smaller");
    }
    small = shrinking.drop_moves(small);
    small = shrinking.calm_choices(small);
    small = shrinking.drop_moves(small);
    let Outcome { trace, violation, .. } = part.run(Rng::playing(part.seed, small.clone()), true);
    println!("simulate: {} of {moves} moves are enough, after {} tries:", small.len(), shrinking.tries);
    let skip = trace.len().saturating_sub(LINES);
    if skip > 0 {
        println!("    ... {skip} lines");
    }
    trace[skip..].iter().for_each(|line| println!("    {line}"));
    println!("simulate: it is now: {}", violation.unwrap_or_default());
}
