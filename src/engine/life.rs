//! Start, stop and close, and the recoveries that they wait for.

use super::drive::Driven;
use super::told::News;
use super::work::Work;
use super::{frame, Engine, Phase, Recovery};
use crate::datastore::unsettled::{self, Owner};
use crate::error::{Error, Result};
use crate::ledger::recovery::Start;
use crate::ledger::task::{Done, Purpose, Task};
use crate::ledger::RepoCan;
use crate::sales::indexes;
use crate::sales::sale::Sale;
use crate::sales::step::Input;
use crate::status::*;

impl Engine {
    /// Refuses what needs a running instance.
    pub(super) fn must_run(&self) -> Result<()> {
        let (phase, needs) = (self.memory().phase, "this call needs a started instance");
        match phase {
            Phase::Running | Phase::Short => Ok(()),
            Phase::Open => Err(Error::new(SALES_ERR_STATE, format!("not started: {needs}; call sales_start"))),
            Phase::Recovering => Err(Error::new(
                SALES_ERR_STATE,
                format!("the books are not settled yet: {needs}; call sales_start again"),
            )),
            Phase::Stopping | Phase::Stopped => {
                Err(Error::new(SALES_ERR_STATE, format!("stopped: {needs}; call sales_start")))
            }
            Phase::Reopen => Err(Error::new(
                SALES_ERR_STORE_REOPEN,
                "it is unknown whether the last commit is on disk: close and open again, the next start settles it",
            )),
        }
    }

    fn not_in_callback(&self, what: &str) -> Result<()> {
        if frame::is_inside(self.key) {
            return Err(Error::new(SALES_ERR_IN_CALLBACK, format!("{what} may not be called from inside a callback")));
        }
        Ok(())
    }

    /// sales_start.
    pub fn start(&self, now: u64) -> Result<i32> {
        self.not_in_callback("sales_start")?;
        let host = self.host();
        let repo = self.repo()?;
        if self.memory().phase == Phase::Reopen {
            self.must_run()?;
        }
        let Some(turn) = self.take_turn(|phase| match phase {
            Phase::Open | Phase::Stopped | Phase::Recovering => Ok(Some(Phase::Recovering)),
            Phase::Stopping => Err("the instance is stopping: call sales_stop until it is OK"),
            Phase::Running | Phase::Short | Phase::Reopen => Err("the instance is started already"),
        })?
        else {
            // What it waits for may have been left over by another call.
            return self.outermost(|| Ok(SALES_PENDING));
        };
        self.see(now);
        let how = Start {
            can: RepoCan { total: repo.has_reserved(), consume: repo.has_consume() },
            reset: self.options.reset.then(|| self.act_id(&[&self.nonce, b"reset"])),
            keep_surplus: host.chain.is_some_and(|chain| chain.has_my_slots()),
        };
        self.outermost(|| {
            let done = match self.recover(turn, true, || self.ledger.start(how)) {
                Ok(SALES_OK) => self.resume_sales(),
                Ok(SALES_PENDING) => return Ok(SALES_PENDING),
                done => done,
            };
            if done.is_err() {
                self.ledger.shut();
            }
            self.end_turn();
            done
        })
    }

    /// One recovery at a time: takes the turn, together with the phase that goes with it. `None`: another is under way, in another thread or at the
    /// host. What [`Recovery::Ended`] left is in the turn.
    fn take_turn(
        &self,
        phase: impl FnOnce(Phase) -> std::result::Result<Option<Phase>, &'static str>,
    ) -> Result<Option<Option<Done>>> {
        let mut memory = self.memory();
        let phase = phase(memory.phase).map_err(|text| Error::new(SALES_ERR_STATE, text))?;
        if matches!(memory.recovery, Recovery::UnderWay) {
            return Ok(None);
        }
        memory.phase = phase.unwrap_or(memory.phase);
        match std::mem::replace(&mut memory.recovery, Recovery::UnderWay) {
            Recovery::Ended(done) => Ok(Some(Some(done))),
            _ => Ok(Some(None)),
        }
    }

    fn end_turn(&self) {
        self.memory().recovery = Recovery::None;
    }

    /// Drives a recovery in its turn, or takes what one that outlived its call came to. PENDING: the turn goes on without this call.
    /// `settles`: what is in doubt is settled by its success; a mere comparison settles nothing.
    fn recover(&self, turn: Option<Done>, settles: bool, begin: impl FnOnce() -> Task) -> Done {
        if let Some(done) = turn {
            return done;
        }
        let mut task = begin();
        task.purpose = Purpose::Recovery;
        task.token = self.tokens.fresh();
        match self.drive(task, None) {
            Driven::Ended(_, done) => {
                if settles && matches!(done, Ok(SALES_OK)) {
                    self.drop_doubts();
                }
                // A reconcile that compared nothing, because an operation is out, is over: it is asked for again.
                if matches!(done, Ok(SALES_PENDING)) {
                    self.end_turn();
                }
                done
            }
            Driven::Parked(_) => Ok(SALES_PENDING),
            Driven::Doubted(error) => Err(error),
        }
    }

    /// The books are settled: every sale goes on where it was.
    fn resume_sales(&self) -> Result<i32> {
        let short = self.ledger.books()?.shortfall > 0;
        let (slots, next_due) = self.ledger.group().read(|view, _| {
            let slots = unsettled::slots(view, Owner::Sales)?;
            Ok((slots, indexes::due(view, 0, 0, &|_| false)?.1))
        })?;
        // All that may fail comes before the phase says that it has started: whoever is refused may start again.
        let mut attempts = Vec::new();
        let mut damaged = Vec::new();
        let mut waking = Vec::new();
        let can_read = self.host_can().read_slot;
        for slot in slots {
            match self.ledger.group().read(|view, _| Sale::load(view, &slot)) {
                Ok(Some(sale)) if sale.is_quiet() && !can_read => continue,
                Ok(Some(sale)) if sale.state.is_attempt() && !sale.in_doubt => attempts.push(slot),
                Ok(_) => {}
                Err(error) if error.status == SALES_ERR_RECORD => {
                    damaged.push(error.text);
                    continue;
                }
                Err(error) => return Err(error),
            }
            waking.push(slot);
        }
        let inherited = self.ledger.inherited()?;
        {
            let mut memory = self.memory();
            if memory.phase != Phase::Recovering {
                return Err(Error::new(
                    SALES_ERR_STATE,
                    "the instance was stopped while it started: call sales_stop until it is OK",
                ));
            }
            memory.phase = if short { Phase::Short } else { Phase::Running };
            memory.next_due = next_due;
            memory.attempting = attempts.into_iter().collect();
            // The books are settled; what an operator asked for in an earlier life may be more than this one is asked for.
            memory.repair_again = false;
            // In one breath with the phase, from which on other threads may tell a sale something: that it begins anew, it hears first.
            for slot in &waking {
                memory.mailboxes.entry(*slot).or_default().inbox.push_front(Input::Restart);
            }
            memory.stir();
        }
        if short {
            self.alert("the repo lost bytes it had acknowledged and cannot give them back: nothing new is reserved until it can");
        }
        for mut task in inherited {
            task.purpose = Purpose::Again;
            frame::follow(self.key, Work::Task(task));
        }
        for slot in waking {
            frame::follow(self.key, Work::Wake(slot));
        }
        for text in damaged {
            self.alert(&text);
        }
        frame::follow(self.key, Work::Schedule);
        Ok(SALES_OK)
    }

    /// sales_stop.
    pub fn stop(&self, now: u64) -> Result<i32> {
        self.not_in_callback("sales_stop")?;
        {
            let mut memory = self.memory();
            match memory.phase {
                Phase::Running | Phase::Short | Phase::Stopping | Phase::Recovering | Phase::Reopen => {
                    memory.phase = Phase::Stopping;
                }
                Phase::Stopped => return Ok(SALES_ALREADY),
                Phase::Open => return Err(Error::new(SALES_ERR_STATE, "not started: there is nothing to stop")),
            }
            self.ledger.shut();
        }
        self.see(now);
        self.outermost(|| {
            if let Some(content) = self.host().content.filter(|content| content.has_cancel()) {
                for token in self.tokens.cancel_all() {
                    content.cancel(token);
                }
            }
            // What was told and could not be written down then: it may be now.
            self.wake_stuck();
            Ok(())
        })?;
        self.outermost(|| {
            if self.is_working(&self.memory()) {
                return Ok(SALES_PENDING);
            }
            self.ledger.group().flush()?;
            let doubts = {
                // Looked at again in one breath with the end: another thread may have stopped and started meanwhile.
                let mut memory = self.memory();
                match memory.phase {
                    Phase::Stopping if !self.is_working(&memory) => {}
                    Phase::Stopped => return Ok(SALES_ALREADY),
                    _ => return Ok(SALES_PENDING),
                }
                memory.phase = Phase::Stopped;
                // What waits in them was not taken in, and is to be told again.
                let mailboxes = std::mem::take(&mut memory.mailboxes);
                let kept = memory.kept.take_all();
                memory.attempting.clear();
                memory.stuck.clear();
                let mut lost: Vec<News> = kept.iter().map(|told| told.news()).collect();
                for (slot, mailbox) in mailboxes {
                    lost.extend(mailbox.news.iter().map(|(news, _)| *news));
                    if let Some(mailbox) = mailbox.stays_over_a_stop() {
                        memory.mailboxes.insert(slot, mailbox);
                        memory.stuck.insert(slot);
                    }
                }
                lost.into_iter().for_each(|news| memory.clock.blocks.ended(news, Some(false)));
                memory.held_back = false;
                memory.recovery = Recovery::None;
                std::mem::take(&mut memory.doubts)
            };
            doubts.keys().for_each(|slot| self.ledger.undoubt(slot));
            Ok(SALES_OK)
        })
    }

    /// While it stops: whether anything is out or under way. With no recovery under way nothing opens the gate, so it stays shut.
    fn is_working(&self, memory: &super::Memory) -> bool {
        if matches!(memory.recovery, Recovery::UnderWay) {
            return true;
        }
        if memory.phase == Phase::Stopping {
            self.ledger.shut(); // a comparison that ended after the stop began has opened it
        }
        // Another thread inside a call may hold a completion that it has not taken in yet.
        let others = memory.calls > 1;
        let running = memory.mailboxes.values().any(|mailbox| mailbox.running);
        // What was put off may be one too, or what was answered QUEUED.
        let put_off = !memory.backlog.is_empty() || frame::waits(self.key);
        others || running || put_off || self.tokens.len() > 0 || self.ledger.is_busy()
    }

    /// Before the engine goes: what rides is committed, so that the next start has less to settle.
    pub fn close(&self) -> Result<()> {
        self.ledger.shut();
        self.ledger.group().flush()
    }

    /// sales_reconcile.
    pub fn reconcile(&self, now: u64, repair: bool) -> Result<i32> {
        self.must_run()?;
        self.not_in_callback("sales_reconcile")?;
        self.see(now);
        self.while_running(|| self.reconcile_now(repair))
    }

    pub(super) fn reconcile_now(&self, repair: bool) -> Result<i32> {
        let running =
            |phase: Phase| if phase.is_running() { Ok(None) } else { Err("the instance was stopped meanwhile") };
        let Some(turn) = self.take_turn(running)? else { return Ok(SALES_PENDING) };
        // What a repair came to that outlived its call is no comparison.
        let done = self.recover(turn.filter(|_| repair), repair, || self.ledger.reconcile(repair));
        if matches!(done, Ok(SALES_PENDING)) {
            return done;
        }
        self.end_turn();
        self.refresh_phase();
        // The gate stays shut where only a total can tell what is true: ticks go on asking, should the host forget to. A comparison opens nothing.
        // Nor is one wanted that a stop has shut: phase and gate change in one breath.
        let mut memory = self.memory();
        memory.repair_again = memory.phase.is_running() && !self.ledger.is_open();
        drop(memory);
        done
    }
}
