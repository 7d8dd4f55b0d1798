//! The choices of a run: drawn from its seed, noted move by move, and played again, whole or with moves left out. A choice that is missing is zero,
//! and zero is always the harmless one: no fault, no switch, the first of a list.

/// The choices of a run, by the move that drew them. The first are those of its making.
pub type Tape = Vec<Vec<u64>>;

enum Mode {
    /// Drawn, and forgotten.
    Free,
    /// Drawn, and noted.
    Note(Tape),
    /// Taken from a tape: which move, which of its choices.
    Play(Tape, usize, usize),
}

/// A generator: splitmix64, or a tape.
pub struct Rng {
    seed: u64,
    state: u64,
    mode: Mode,
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng { seed, state: seed, mode: Mode::Free }
    }

    /// One that notes what it draws.
    pub fn noting(seed: u64) -> Rng {
        Rng { mode: Mode::Note(vec![Vec::new()]), ..Rng::new(seed) }
    }

    /// One that plays what was noted.
    pub fn playing(seed: u64, tape: Tape) -> Rng {
        Rng { mode: Mode::Play(tape, 0, 0), ..Rng::new(seed) }
    }

    /// What was noted.
    pub fn into_tape(self) -> Tape {
        match self.mode {
            Mode::Note(tape) | Mode::Play(tape, ..) => tape,
            Mode::Free => Vec::new(),
        }
    }

    /// The next move begins. False: the tape has no more.
    pub fn begin_move(&mut self) -> bool {
        match &mut self.mode {
            Mode::Free => true,
            Mode::Note(tape) => {
                tape.push(Vec::new());
                true
            }
            Mode::Play(tape, at, next) => {
                (*at, *next) = (*at + 1, 0);
                *at < tape.len()
            }
        }
    }

    /// The end of a run depends on its seed alone, so that moves can be left out before it.
    pub fn begin_end(&mut self) {
        self.state = !self.seed;
        self.mode = match std::mem::replace(&mut self.mode, Mode::Free) {
            Mode::Note(tape) | Mode::Play(tape, ..) => Mode::Play(tape, usize::MAX, 0),
            Mode::Free => Mode::Free,
        };
    }

    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn next(&mut self) -> u64 {
        match &mut self.mode {
            Mode::Play(_, usize::MAX, _) | Mode::Free => self.draw(),
            Mode::Play(tape, at, next) => {
                let choice = tape.get(*at).and_then(|choices| choices.get(*next)).copied().unwrap_or(0);
                *next += 1;
                choice
            }
            Mode::Note(_) => {
                let choice = self.draw();
                if let Mode::Note(tape) = &mut self.mode {
                    tape.last_mut().expect("a move has begun").push(choice);
                }
                choice
            }
        }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// From `low` to `high`, both included.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `per_mille` of 1000.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.next() % 1000 >= 1000 - per_mille.min(1000)
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
