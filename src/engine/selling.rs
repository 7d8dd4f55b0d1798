//! Runs sales: one thread at a time takes what is in a sale's inbox, steps the pure state machine, writes the sale down, and only then
//! does what the step asked for.

use super::kept::Kept;
use super::work::Work;
use super::{frame, is_of_store, Clock, Engine, Mailbox, Phase};
use crate::datastore::group::{Act, Change, Failure};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::host::OpKind;
use crate::ledger::acts::Note;
use crate::ledger::task::Purpose;
use crate::market::Id;
use crate::sales::acts::{event_of, SalesAct};
use crate::sales::indexes::best_queued;
use crate::sales::known::Known;
use crate::sales::sale::{Sale, State};
use crate::sales::step::{step, Effect, Env, Input, Move};
use crate::status::*;
use std::sync::Arc;

/// Seconds before a request's expiry from which on no fill is begun: a fill in the expiry's own second may lock the collateral for good.
pub const FILL_MARGIN_S: u64 = 15;

/// How often callbacks may wake what rests while the queue is gone through. A host may change an offer each time that it is asked.
const STIRS_AT_A_TIME: u32 = 8;

/// A step that was taken and written down.
struct Taken {
    sale: Sale,
    /// `None`: the request was read; on with the reserve.
    effect: Option<Effect>,
    stopping: bool,
}

/// What an effect led to.
pub(super) enum After {
    /// An input that follows at once.
    Input(Input),
    /// Nothing now: it pends, or there is nothing to wait for.
    Wait,
}

impl Engine {
    /// Tells a sale something, and lets it go on unless another thread is at it, which then takes it in.
    /// OK: taken in and durable. QUEUED: the thread that is at it will. An error: it could not be written down; it is kept in memory, and
    /// tried again at ticks.
    pub(super) fn tell(&self, slot: Id, input: Input) -> Result<i32> {
        {
            let mut memory = self.memory();
            let memory = &mut *memory;
            let news = frame::news(self.key);
            // An event of which other sales were told before, and a host was called for that.
            if matches!(input, Input::Happened(_)) && memory.is_taken_back(news, frame::number(self.key)) {
                return Ok(SALES_ALREADY);
            }
            let mailbox = memory.mailboxes.entry(slot).or_default();
            match (input, news) {
                (Input::Happened(what), Some(news)) => mailbox.is_told(news, what),
                (Input::TakenBack(what), _) => mailbox.is_told_back(what),
                (input, _) => mailbox.put(input),
            }
            // Who takes it in is decided in one breath with its coming: what another thread takes in is not lost before.
            if mailbox.running {
                keep_news(self.key, mailbox, &memory.kept, &mut memory.clock);
                return Ok(SALES_QUEUED);
            }
            mailbox.running = true;
        }
        self.run_sale(slot)
    }

    /// What an operator tells a sale. Where it could not be written down it is not kept: what is answered with an error has no effect later.
    pub(super) fn tell_now(&self, slot: Id, input: Input) -> Result<i32> {
        let same = |waits: &Input| match (waits, &input) {
            (Input::Abandon(a), Input::Abandon(b)) | (Input::Resolved(a), Input::Resolved(b)) => a == b,
            _ => false,
        };
        let told = self.tell(slot, input.clone());
        if told.is_err() {
            let mut memory = self.memory();
            let Some(mailbox) = memory.mailboxes.get_mut(&slot) else { return Ok(SALES_OK) };
            return match mailbox.inbox.iter().rposition(same) {
                Some(at) => {
                    mailbox.inbox.remove(at);
                    told
                }
                // Another thread has it in hand by now.
                None if mailbox.running => Ok(SALES_QUEUED),
                // It was taken in: only what follows from it waits for the store.
                None => Ok(SALES_OK),
            };
        }
        told
    }

    /// Goes on with a sale whose step could not be written down.
    pub(super) fn wake(&self, slot: Id) -> Result<i32> {
        {
            let mut memory = self.memory();
            let Some(mailbox) = memory.mailboxes.get_mut(&slot) else { return Ok(SALES_OK) };
            if mailbox.running {
                return Ok(SALES_QUEUED);
            }
            mailbox.running = true;
        }
        self.run_sale(slot)
    }

    /// Takes in what waits for a sale; only by whoever has set its mailbox running.
    fn run_sale(&self, slot: Id) -> Result<i32> {
        let mut failed = None;
        let mut running = Running { engine: Some(self), slot };
        loop {
            let (input, pending) = {
                let mut memory = self.memory();
                let Some(mailbox) = memory.mailboxes.get_mut(&slot) else { break };
                match mailbox.next() {
                    Some(input) => (input, mailbox.pending),
                    // In one breath with the look at what waits: what comes later finds nobody at it.
                    None => {
                        mailbox.running = false;
                        let news = std::mem::take(&mut mailbox.news);
                        if mailbox.is_empty() {
                            memory.mailboxes.remove(&slot);
                        }
                        news.into_iter().for_each(|(news, _)| memory.clock.blocks.ended(news, Some(true)));
                        running.done();
                        break;
                    }
                }
            };
            let next = match self.step_sale(slot, input, pending.map(|(kind, _)| kind)) {
                Ok(After::Input(next)) => next,
                Ok(After::Wait) => continue,
                // Another thread moved the sale meanwhile: the step is taken anew from where it now is.
                Err((again, error)) if error.status == SALES_ERR_BUSY => again,
                Err((again, error)) => {
                    log::warn!(target: "sales", "[{}] the sale of slot {slot} waits for the store: {error}", self.key);
                    // In one breath: a tick that finds it here must find nobody at it, or it would go by.
                    let mut memory = self.memory();
                    let memory = &mut *memory;
                    memory.stuck.insert(slot);
                    if let Some(mailbox) = memory.mailboxes.get_mut(&slot) {
                        mailbox.put_back(again);
                        mailbox.running = false;
                        if is_of_store(&error) {
                            keep_news(self.key, mailbox, &memory.kept, &mut memory.clock);
                        } else {
                            // A damaged record is no better for being told again.
                            let news = std::mem::take(&mut mailbox.news);
                            news.into_iter().for_each(|(news, _)| memory.clock.blocks.ended(news, Some(true)));
                        }
                    }
                    running.done();
                    failed = Some(error);
                    break;
                }
            };
            self.put_back(&slot, next);
        }
        drop(running);
        failed.map_or(Ok(SALES_OK), Err)
    }

    fn put_back(&self, slot: &Id, input: Input) {
        if let Some(mailbox) = self.memory().mailboxes.get_mut(slot) {
            mailbox.put_back(input);
        }
    }

    /// One step. What fails before the step is written down is told again; what fails after is done again.
    fn step_sale(&self, slot: Id, input: Input, pending: Option<OpKind>) -> std::result::Result<After, (Input, Error)> {
        let again = input.clone();
        let Taken { sale, effect, stopping } = match self.take_in(slot, input, pending) {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(After::Wait),
            Err(error) => return Err((again, error)),
        };
        if stopping && effect != Some(Effect::Cancel) {
            return Ok(After::Wait);
        }
        if !matches!(effect, Some(Effect::Rest | Effect::Cancel)) {
            if let Some(mailbox) = self.memory().mailboxes.get_mut(&slot) {
                mailbox.is_acted_on();
            }
        }
        let after = match effect {
            Some(effect) => self.act(&sale, effect),
            // The request was read: on with the reserve.
            None => self.reserve_space(&sale),
        };
        after.map_err(|error| (Input::Again, error))
    }

    fn take_in(&self, slot: Id, input: Input, pending: Option<OpKind>) -> Result<Option<Taken>> {
        let Some(sale) = self.ledger.group().read(|view, _| Sale::load(view, &slot))? else {
            let mut memory = self.memory();
            if let Some(mailbox) = memory.mailboxes.get_mut(&slot) {
                // Nobody waits for its end any more.
                mailbox.end_is_off = false;
                mailbox.has_stepped(false);
            }
            // It left the queue before its attempt could be written down, and is forgotten by now: another may be attempted.
            if memory.attempting.remove(&slot) {
                frame::follow(self.key, Work::Schedule);
            }
            return Ok(None);
        };
        // Read once: what the step is told must be what is acted on.
        let stopping = !self.memory().phase.is_running();
        let input = match input {
            Input::Answered(OpKind::ReadRequest, answer) => match self.learn(&sale, answer)? {
                None => return Ok(Some(Taken { sale, effect: None, stopping })),
                Some(refused) => refused,
            },
            input => input,
        };
        let env = {
            let can = self.host_can();
            let mut memory = self.memory();
            let (now, latest) = (memory.clock.now, memory.clock.latest);
            let taken_back = memory.kept.takes_back_end(&sale.request);
            let Some(mailbox) = memory.mailboxes.get_mut(&slot) else { return Ok(None) };
            if mailbox.is_off(&input) {
                return Ok(None);
            }
            let (end_is_off, view_is_old) = (mailbox.take_end_is_off(taken_back), mailbox.view_is_old());
            Env { now, latest, fill_margin_s: FILL_MARGIN_S, can, pending, stopping, end_is_off, view_is_old }
        };
        let moved = step(&sale, input, &env);
        if let Err(error) = self.write_down(&sale, &moved, env.now) {
            if let Some(mailbox) = self.memory().mailboxes.get_mut(&slot) {
                mailbox.end_is_off |= env.end_is_off;
            }
            return Err(error);
        }
        if let Some(mailbox) = self.memory().mailboxes.get_mut(&slot) {
            mailbox.has_stepped(moved.sale.wanted.is_some());
        }
        self.after_state(&sale, &moved.sale);
        Ok(Some(Taken { sale: moved.sale, effect: Some(moved.effect), stopping }))
    }

    /// The checkpoint, and the events that become true with it.
    fn write_down(&self, before: &Sale, moved: &Move, now: u64) -> Result<()> {
        let sale = &moved.sale;
        if sale == before && moved.alert.is_none() {
            return Ok(());
        }
        let put = SalesAct::Put { was: Box::new(before.clone()), now: Box::new(sale.clone()) };
        let mut change: Change = vec![Arc::new(put)];
        let mut note = |kind: EventKind, ends: bool, text: Option<&String>| {
            let mut event = event_of(kind, now, sale);
            if let Some(text) = text {
                event.text.clone_from(text);
            }
            let act: Arc<dyn Act> = Arc::new(Note { event, ends });
            change.push(act);
        };
        if let Some(text) = &moved.alert {
            note(EventKind::Alert, false, Some(text));
        }
        if sale.state != before.state {
            note(EventKind::State, false, None);
        }
        if sale.state == State::Filled && before.state == State::Filling {
            note(EventKind::Sold, false, None);
        }
        if sale.is_ended() && !before.is_ended() {
            note(EventKind::Ended, true, None);
        }
        self.commit_noted(change)?;
        self.look_by(sale.next_at);
        Ok(())
    }

    /// A tick has to look at what is due by then.
    pub(super) fn look_by(&self, at: u64) {
        let mut memory = self.memory();
        memory.next_due = memory.next_due.min(at);
    }

    /// Commits, keeps the history at its limit, and notes the greatest block seen.
    pub(super) fn commit_noted(&self, mut change: Change) -> Result<u64> {
        let seen = self.memory().clock.blocks.seen(frame::news(self.key));
        change.push(Arc::new(SalesAct::Seen(seen)));
        change.push(Arc::new(SalesAct::Prune(self.options.history_limit.into())));
        self.commit(change).map_err(Failure::error)
    }

    fn after_state(&self, before: &Sale, sale: &Sale) {
        let freed = {
            let mut memory = self.memory();
            // Only what comes back rests: one that was woken stays so, whatever else it is told while it waits for its turn.
            if sale.state == State::Queued && before.state != State::Queued {
                memory.rest(sale.slot);
            }
            // One in doubt may stay so for long, whatever it is told meanwhile: it must not keep others from being attempted.
            let reserving = memory.doubts.get(&sale.slot).is_some_and(|task| task.purpose == Purpose::SaleReserve);
            let in_doubt = sale.in_doubt || reserving;
            if sale.state.is_attempt() && !in_doubt {
                memory.attempting.insert(sale.slot);
                false
            } else {
                memory.attempting.remove(&sale.slot)
            }
        };
        if freed || sale.in_queue {
            frame::follow(self.key, Work::Schedule);
        }
    }

    /// Begins attempts while there is room for them: of the best slots of the queue, those that the decision accepts now. One that it refuses rests.
    pub(super) fn schedule(&self) -> Result<()> {
        let _scheduling = Scheduling::begin(self);
        self.go_through_queue()
    }

    fn go_through_queue(&self) -> Result<()> {
        loop {
            let (busy, resting, latest) = {
                let memory = self.memory();
                let full = memory.attempting.len() >= self.options.max_attempts as usize;
                if memory.phase != Phase::Running || full || memory.held_back {
                    return Ok(());
                }
                (memory.attempting.clone(), memory.resting.clone(), memory.clock.latest)
            };
            let best = self.ledger.group().read(|view, _| {
                let skip = |slot: &Id| busy.contains(slot) || resting.contains(slot);
                Ok(best_queued(view, 1, &skip)?.into_iter().next())
            })?;
            let Some(slot) = best else { return Ok(()) };
            match self.is_acceptable(&slot, latest) {
                Ok(true) => {}
                Ok(false) => {
                    self.memory().rest(slot);
                    continue;
                }
                // A damaged record must not keep those behind it from being attempted.
                Err(error) if error.status == SALES_ERR_RECORD => {
                    self.alert(&error.text);
                    self.memory().rest(slot);
                    continue;
                }
                Err(error) => return Err(error),
            }
            // In one breath with a second look at the limit: another thread may have begun one meanwhile, or this very slot.
            let taken = {
                let attempting = &mut self.memory().attempting;
                attempting.len() < self.options.max_attempts as usize && attempting.insert(slot)
            };
            if taken {
                self.tell(slot, Input::Begin)?;
            }
        }
    }

    fn is_acceptable(&self, slot: &Id, latest: u64) -> Result<bool> {
        let known = self.ledger.group().read(|view, _| {
            // A place in the queue that is nobody's rests: to begin it would change nothing, and it would be the best again.
            let sale = Sale::load(view, slot)?.filter(|sale| sale.state == State::Queued && sale.in_queue);
            Ok(sale.map(|sale| Known::load(view, &sale.request)).transpose()?.flatten())
        })?;
        let Some(known) = known else { return Ok(false) };
        Ok(self.verdict(&known.ask, latest, self.repo_available())?.offer.is_some())
    }

    /// Something that resting slots depend on has changed: space or collateral came back, or an offer is another.
    pub(super) fn stir(&self) {
        self.memory().stir();
        frame::follow(self.key, Work::Schedule);
    }

    /// The same, by a callback; also by one that is called because the queue is gone through.
    pub(super) fn stir_inside(&self) {
        match frame::stir(self.key) {
            None => self.stir(),
            Some(times) if times <= STIRS_AT_A_TIME => self.memory().stir(),
            Some(_) => {}
        }
    }
}

/// A thread goes through the queue. Where callbacks have changed an offer again and again, or it ended by a panic, the next tick goes through it again.
struct Scheduling<'a>(&'a Engine);

impl<'a> Scheduling<'a> {
    fn begin(engine: &'a Engine) -> Self {
        frame::begin_schedule(engine.key);
        Scheduling(engine)
    }
}

impl Drop for Scheduling<'_> {
    fn drop(&mut self) {
        if frame::end_schedule(self.0.key) > STIRS_AT_A_TIME || std::thread::panicking() {
            let mut memory = self.0.memory();
            memory.rest_until = memory.rest_until.min(memory.clock.now.saturating_add(1));
        }
    }
}

/// What of the chain's news this thread takes in waits in a mailbox, and counts as told until that is empty.
fn keep_news(engine: u64, mailbox: &mut Mailbox, kept: &Kept, clock: &mut Clock) {
    let Some(news) = frame::keep_news(engine) else { return };
    if mailbox.keep((news, frame::number(engine)), |number| kept.is_telling(number)) {
        clock.blocks.told(news.block);
    }
}

/// A thread is at this sale. However it leaves, a panic included, nobody must wait for it.
struct Running<'a> {
    engine: Option<&'a Engine>,
    slot: Id,
}

impl Running<'_> {
    /// It left already: another thread may be at it by now.
    fn done(&mut self) {
        self.engine = None;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(engine) = self.engine else { return };
        let mut memory = engine.memory();
        let memory = &mut *memory;
        if let Some(mailbox) = memory.mailboxes.get_mut(&self.slot) {
            mailbox.running = false;
            // A tick goes on with what waits; and as after a crash, nobody knows what became of what was asked.
            mailbox.put_back(Input::Restart);
            keep_news(engine.key, mailbox, &memory.kept, &mut memory.clock);
            memory.stuck.insert(self.slot);
        }
    }
}
