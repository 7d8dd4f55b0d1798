//! The plain model: what the store must say, by sums and sets alone. Written from the promises, not from the code.

use sales::status::*;

/// How many slots a run has.
pub const SLOTS: usize = 5;
/// The place of what belongs to no slot: the shortfall.
pub const NOBODY: usize = SLOTS;

/// A live reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub asked: i128,
    pub consumed: i128,
    pub of_sale: bool,
}

impl Live {
    pub fn held(&self) -> i128 {
        self.asked - self.consumed
    }
}

/// What is known of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    pub live: Option<Live>,
    /// Begun, and not recorded as done.
    pub releasing: i128,
    pub consuming: i128,
    /// The reserve that is about to be asked for (Repos without a total); for a sale.
    pub mark: Option<(i128, bool)>,
    /// Its end is in the history.
    pub remembered: bool,
}

impl Slot {
    pub fn held(&self) -> i128 {
        self.live.map_or(0, |live| live.held())
    }

    pub fn unsettled(&self) -> i128 {
        self.releasing + self.consuming
    }
}

/// What one change does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Deed {
    /// Nothing: what rode is committed.
    Flush,
    Mark {
        bytes: i128,
        of_sale: bool,
    },
    Unmark,
    /// `note`: an event is written with it; `bad`: something in it refuses, by this status.
    Reserve {
        bytes: i128,
        of_sale: bool,
        note: bool,
        bad: Option<i32>,
    },
    Release {
        note: bool,
    },
    Consume {
        total: i128,
    },
    /// A step is announced.
    Announce,
    Settle {
        releasing: i128,
        consuming: i128,
    },
    Inherit,
    Refilled(i128),
    Started,
    Proven,
    Untrusted {
        repo: [u8; 16],
    },
    Recovered {
        total: i128,
        keep: Keep,
        id: Option<[u8; 16]>,
    },
}

/// Which surplus a recovery keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    /// All of it.
    All,
    /// What was kept before.
    Known,
    /// None.
    None,
}

/// A rider: settled in memory, and with the next commit on disk.
#[derive(Debug, Clone, Copy)]
pub enum Ride {
    Settled { slot: usize, releasing: i128, consuming: i128 },
    Unmarked { slot: usize },
}

/// What the store must hold.
#[derive(Debug, Clone)]
pub struct Plain {
    pub slots: [Slot; SLOTS],
    pub shortfall: i128,
    pub surplus: i128,
    pub id: [u8; 16],
    pub started: bool,
    pub untrusted: bool,
    pub replaced: Vec<[u8; 16]>,
    pub events: u64,
}

impl Plain {
    pub fn new(id: [u8; 16]) -> Plain {
        Plain {
            slots: Default::default(),
            shortfall: 0,
            surplus: 0,
            id,
            started: false,
            untrusted: false,
            replaced: Vec::new(),
            events: 0,
        }
    }

    /// H.
    pub fn held(&self) -> i128 {
        self.slots.iter().map(Slot::held).sum()
    }

    pub fn unsettled(&self) -> i128 {
        self.slots.iter().map(Slot::unsettled).sum()
    }

    pub fn consumed(&self) -> i128 {
        self.slots.iter().filter_map(|slot| slot.live).map(|live| live.consumed).sum()
    }

    pub fn live(&self) -> i128 {
        self.slots.iter().filter(|slot| slot.live.is_some()).count() as i128
    }

    fn lower(&mut self, bytes: i128) -> i128 {
        let lost = self.shortfall.min(bytes);
        self.shortfall -= lost;
        bytes - lost
    }

    pub fn ride(&mut self, ride: &Ride) {
        match *ride {
            Ride::Settled { slot, releasing, consuming } => {
                self.slots[slot].releasing -= releasing;
                self.slots[slot].consuming -= consuming;
            }
            Ride::Unmarked { slot } => self.slots[slot].mark = None,
        }
    }

    /// What is left of it, when a total of `total` is compared: surplus kept, shortfall.
    pub fn compare(&self, total: i128, keep: Keep) -> (i128, i128) {
        let extra = (total - self.held()).max(0);
        let kept = match keep {
            Keep::All => extra,
            Keep::Known => extra.min(self.surplus),
            Keep::None => 0,
        };
        (kept, (self.held() - total).max(0))
    }

    /// Does it: the number that the ledger's acts give back, where it matters; or the status by which it is refused, with nothing done.
    pub fn apply(&mut self, at: usize, deed: &Deed) -> Result<Option<i128>, i32> {
        let before = self.clone();
        let mut done = self.apply_unbounded(at, deed);
        let greatest = self.held().max(self.unsettled()).max(self.consumed());
        if greatest > i128::from(u64::MAX) {
            done = Err(SALES_ERR_OVERFLOW);
        }
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn apply_unbounded(&mut self, at: usize, deed: &Deed) -> Result<Option<i128>, i32> {
        let mut none = Slot::default();
        let slot = if at < SLOTS { &mut self.slots[at] } else { &mut none };
        match *deed {
            Deed::Flush | Deed::Announce => {}
            Deed::Mark { bytes, of_sale } => slot.mark = Some((bytes, of_sale)),
            Deed::Unmark => slot.mark = None,
            Deed::Reserve { bad: Some(status), .. } => return Err(status),
            Deed::Reserve { bytes, of_sale, note, .. } => {
                assert!(slot.live.is_none(), "S4: a second reserve of a slot is recorded");
                slot.live = Some(Live { asked: bytes, consumed: 0, of_sale });
                slot.mark = None;
                self.events += u64::from(note);
            }
            Deed::Release { note } => {
                let Some(live) = slot.live.take() else { return Err(SALES_ERR_NOT_FOUND) };
                slot.remembered |= note;
                self.events += u64::from(note);
                let bytes = self.lower(live.held());
                self.slots[at].releasing += bytes;
                return Ok(Some(live.held()));
            }
            Deed::Consume { total } => {
                let Some(live) = &mut slot.live else { return Err(SALES_ERR_NOT_FOUND) };
                let landed = (total - live.consumed).max(0);
                if landed > live.held() {
                    return Err(SALES_ERR_AMOUNT);
                }
                live.consumed += landed;
                let bytes = self.lower(landed);
                self.slots[at].consuming += bytes;
                return Ok(Some(landed));
            }
            Deed::Settle { releasing, consuming } => self.ride(&Ride::Settled { slot: at, releasing, consuming }),
            Deed::Inherit => match slot.mark.take() {
                Some((bytes, true)) => slot.releasing += bytes,
                Some((bytes, false)) => slot.live = Some(Live { asked: bytes, consumed: 0, of_sale: false }),
                None => panic!("a reserve is inherited that was never marked"),
            },
            Deed::Refilled(bytes) => return Ok(Some(self.lower(bytes))),
            Deed::Started => self.started = true,
            Deed::Proven => {}
            Deed::Untrusted { repo } => {
                self.untrusted = true;
                self.replaced.extend([self.id, repo]);
            }
            Deed::Recovered { total, keep, id } => {
                (self.surplus, self.shortfall) = self.compare(total, keep);
                let (held, a, d) = (self.held(), self.surplus, self.shortfall);
                assert!(total == held + a - d, "S1/S6: recovery ends with T={total} H={held} A={a} D={d}");
                for slot in &mut self.slots {
                    (slot.releasing, slot.consuming, slot.mark) = (0, 0, None);
                }
                self.started = true;
                self.untrusted = false;
                self.id = id.unwrap_or(self.id);
            }
        }
        Ok(None)
    }
}
