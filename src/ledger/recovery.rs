//! Recovery by total: at start, and on demand. One comparison settles everything that was in flight, however it was cut off, and a crash during
//! recovery is repaired by the next.
//!
//! A surplus is released only from a store that can be trusted: a new, an old or a copied one makes other slots' bytes look like surplus.

use super::acts::{proven, LedgerAct, OnBooks, Whole};
use super::books::Books;
use super::record::{add, sub, Record, RepoStep};
use super::task::{Done, Port, Task, NO_RECORD};
use super::{overlaid, Claim, Ledger, RepoCan, Report, Retry};
use crate::datastore::group::{Change, Failure};
use crate::datastore::unsettled::{self, Owner};
use crate::error::{Error, Result};
use crate::host::{OpKind, RepoTotal};
use crate::market::Id;
use crate::status::*;
use std::sync::Arc;

/// How often the repo is asked in one start before its host is told to call again.
const ROUNDS: u32 = 4;

/// What of a surplus is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// All: nobody can tell yet whose it is.
    All,
    /// What was kept before.
    Known,
    /// Nothing: the operator says that it is nobody's.
    Nothing,
}

/// How to start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// What the repo can do.
    pub can: RepoCan,
    /// The host opened with SALES_OPEN_RESET, and this id is for the new life of the books.
    pub reset: Option<[u8; 16]>,
    /// Surplus may belong to slots on chain that have no record yet: it stays A.
    pub keep_surplus: bool,
}

impl Ledger {
    /// Settles the books and lets operations in.
    pub fn start(self: &Arc<Self>, how: Start) -> Task {
        let ledger = self.clone();
        Task::new(Id::ZERO, move |port| async move { ledger.do_start(port, how).await })
    }

    async fn do_start(self: Arc<Self>, port: Port, how: Start) -> Done {
        self.memory().can = how.can;
        let books = self.books()?;
        if !how.can.total {
            return self.start_without_total(&port, &books, how).await;
        }
        let total = port.total().await?;
        let strange = match self.group.read(|view, _| proven(view)) {
            Ok(last) => strange(&books, last, &total),
            // Nobody can tell whether it is the newest: a reset goes on from it all the same.
            Err(error) if error.is_of_record() => Some(error),
            Err(error) => return Err(error),
        };
        let reset = match (strange, how.reset) {
            (None, _) => {
                self.prove(&port).await?;
                None
            }
            (Some(error), None) => return Err(error),
            (Some(_), Some(id)) => {
                self.write(&port, OnBooks::Untrusted { replaces: total.store_id }).await?;
                Some(id)
            }
        };
        if self.group.has_riders() {
            port.commit(Vec::new()).await.map_err(Failure::error)?;
        }
        let keep = if reset.is_some() || how.keep_surplus { Keep::All } else { Keep::Known };
        self.recover(&port, reset, keep, &mut false).await
    }

    /// The store is the newest: from now on its own commits say so too. Durable before the first call of the repo.
    async fn prove(&self, port: &Port) -> Result<()> {
        if !self.memory().trusted {
            self.write(port, OnBooks::Proven).await?;
            self.memory().trusted = true;
        }
        Ok(())
    }

    /// A repo that cannot tell its total: what was in flight is in doubt, settled by the host alone (see [`Ledger::inherited`]).
    async fn start_without_total(&self, port: &Port, books: &Books, how: Start) -> Done {
        if books.untrusted && how.reset.is_none() {
            return Err(backup());
        }
        self.prove(port).await?;
        if books.untrusted {
            self.write(port, OnBooks::Recovered { surplus: 0, shortfall: 0, id: how.reset }).await?;
        } else if !books.started {
            self.write(port, OnBooks::Started).await?;
        }
        let mut memory = self.memory();
        // What memory owed is marked in the records, and so in doubt from now on.
        memory.owed.clear();
        memory.retry.clear();
        memory.retry_owed = Retry::default();
        Ok(SALES_OK)
    }

    /// `asked` tells whether the repo was asked for anything, should this fail.
    async fn recover(&self, port: &Port, reset: Option<[u8; 16]>, keep: Keep, asked: &mut bool) -> Done {
        let mut report = Report::default();
        let mut refused_reserve = false;
        let text = "repo.reserved does not follow what repo.reserve and repo.release answered as done";
        let mut failure = Error::new(SALES_HOST_STATE_MISMATCH, text);
        for _ in 0..ROUNDS {
            let total = port.total().await?.bytes;
            let books = self.books()?;
            let extra = total.saturating_sub(books.held);
            let kept = match keep {
                Keep::All => extra,
                Keep::Known => extra.min(books.surplus),
                Keep::Nothing => 0,
            };
            let surplus = sub(extra, kept, "surplus")?;
            let missing = books.held.saturating_sub(total);
            *asked |= surplus > 0 || missing > 0;
            if surplus > 0 {
                match port.repo(OpKind::RepoRelease, Id::ZERO, surplus, NO_RECORD).await {
                    Ok(()) => report.surplus_released = add(report.surplus_released, surplus, "surplus released")?,
                    Err(error) => failure = error,
                }
                continue;
            }
            if missing > 0 && !refused_reserve {
                match port.repo(OpKind::RepoReserve, Id::ZERO, missing, NO_RECORD).await {
                    Ok(()) => {
                        report.shortfall_reserved = add(report.shortfall_reserved, missing, "shortfall reserved")?
                    }
                    Err(error) => {
                        refused_reserve = error.status != SALES_HOST_UNKNOWN;
                        failure = error;
                    }
                }
                continue;
            }
            let end = OnBooks::Recovered { surplus: kept, shortfall: missing, id: reset };
            report.records_settled = self.write(port, end).await?;
            let mut memory = self.memory();
            memory.owed.clear();
            memory.retry.clear();
            memory.retry_owed = Retry::default();
            memory.retry_short = Retry::default();
            memory.short = missing > 0;
            memory.report = report;
            memory.trusted = true;
            memory.open = true;
            return Ok(SALES_OK);
        }
        Err(Error::new(
            failure.status,
            format!("the books could not be settled with the repo: {}; start again", failure.text),
        ))
    }

    async fn write(&self, port: &Port, act: OnBooks) -> Result<u64> {
        let change: Change = vec![Arc::new(Whole { birth: self.birth, act })];
        port.commit(change).await.map_err(Failure::error)
    }

    /// Compares the books with the repo on a running ledger, and repairs them where asked. SALES_PENDING while an operation is out: it compares
    /// nothing then, and lets operations in again. When it fails later, the gate stays shut: only a total can tell what is true.
    pub fn reconcile(self: &Arc<Self>, repair: bool) -> Task {
        let ledger = self.clone();
        Task::new(Id::ZERO, move |port| async move {
            if !ledger.memory().can.total {
                let text = "the repo cannot tell its total (repo.reserved is not registered): sales_resolve settles slots one by one";
                return Err(Error::new(SALES_ERR_TABLE, text));
            }
            let was_open = std::mem::replace(&mut ledger.memory().open, false);
            if ledger.is_busy() {
                ledger.memory().open = was_open;
                return Ok(SALES_PENDING);
            }
            if repair {
                let mut asked = false;
                let done = match port.commit(Vec::new()).await {
                    Ok(_) => ledger.recover(&port, None, Keep::Nothing, &mut asked).await,
                    Err(failure) => Err(failure.error()),
                };
                if !asked {
                    ledger.memory().open |= was_open;
                }
                return done;
            }
            let total = port.total().await;
            // Looked up while nobody is let in: what another thread does next is in neither of the two.
            let overview = ledger.overview();
            ledger.memory().open = was_open;
            let (total, overview) = (total?, overview?);
            let books = overview.books;
            let expected = add(add(books.held, books.surplus, "held + surplus")?, overview.owed, "+ owed")?;
            let expected = add(expected, books.releasing, "+ releasing")?.saturating_sub(books.shortfall);
            if total.bytes != expected && overview.in_doubt == 0 {
                let text = format!(
                    "the repo has {} bytes reserved for us, the books expect {expected}: repair with SALES_RECONCILE_REPAIR",
                    total.bytes
                );
                return Err(Error::new(SALES_HOST_STATE_MISMATCH, text));
            }
            Ok(SALES_OK)
        })
    }

    /// Repos that cannot tell their total: what was in flight when the module died, each waiting for sales_resolve. Lets operations in.
    pub fn inherited(self: &Arc<Self>) -> Result<Vec<Task>> {
        if self.memory().can.total {
            return Ok(Vec::new());
        }
        // All that may fail comes before anybody is let in: a slot whose record cannot be read must stay claimed, or what is unknown of it is done again.
        let records = self.group.read(|view, riders| {
            let slots = unsettled::slots(view, Owner::Ledger)?;
            let mut records = Vec::new();
            for slot in slots {
                match overlaid(view, riders, &slot) {
                    Ok(record) => records.push((slot, record)),
                    // Damaged: it is named whenever it is asked for, and nothing is done with it.
                    Err(error) if error.status == SALES_ERR_RECORD => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(records)
        })?;
        // Claimed in one breath with the opening of the gate: nobody may get at such a slot before.
        {
            let mut memory = self.memory();
            memory.claims.extend(records.iter().map(|(slot, _)| *slot));
            memory.open = true;
        }
        let tasks = records.into_iter().map(|(slot, record)| {
            let claim = Claim { ledger: self.clone(), slot };
            Task::new(slot, move |port| async move { claim.ledger.clone().inherit(port, claim, record).await })
        });
        Ok(tasks.collect())
    }

    async fn inherit(self: Arc<Self>, port: Port, claim: Claim, record: Option<Record>) -> Done {
        let slot = claim.slot;
        let can = self.memory().can;
        let Some(record) = record else { return Ok(SALES_OK) };
        if record.reserving > 0 {
            // Told and not written down, it is asked again: the host still knows.
            loop {
                let question = format!(
                    "repo.reserve of {} bytes was begun before the restart: are they reserved now?",
                    record.reserving
                );
                let act = if port.settlement(question).await { LedgerAct::Inherit } else { LedgerAct::Unmark };
                match port.commit(self.on_slot(slot, act)).await {
                    Ok(_) => break,
                    Err(Failure::Clean(_) | Failure::Refused(_)) => {}
                    Err(Failure::Unknown(error)) => return Err(error),
                }
            }
        } else if record.step > 0 && port.settlement(step_question(record.step)).await {
            let consuming = record.step.min(record.consuming);
            let releasing = sub(record.step, consuming, "a step")?;
            let step = RepoStep { consume: consuming > 0, releasing, consuming };
            if !self.settle(&port, slot, step, can).await {
                return Ok(self.queue(&port, slot, 0));
            }
        }
        let done = self.steps(&port, slot, can).await;
        drop(claim);
        done
    }
}

fn step_question(bytes: u64) -> String {
    format!("repo.release or repo.consume of {bytes} bytes was begun before the restart: did it take effect?")
}

fn backup() -> Error {
    let text = "the store is a backup, or a reset of it was not finished: open with SALES_OPEN_RESET to go on from it";
    Error::new(SALES_ERR_STORE_BACKUP, text)
}

/// Why the surplus may not be judged by this store, if so. `seq` is the store's last durable commit.
fn strange(books: &Books, seq: u64, total: &RepoTotal) -> Option<Error> {
    if books.untrusted {
        return Some(backup());
    }
    let kept = total.store_id != [0; 16] && !books.replaced.contains(&total.store_id);
    if kept && total.store_id != books.id {
        let text =
            "the repo was last used by another store than this one: find that store, or open with SALES_OPEN_RESET";
        return Some(Error::new(SALES_ERR_STORE_STALE, text));
    }
    if kept && total.store_seq > seq {
        let text = format!(
            "the repo has seen commit {} of this store, which ends at commit {seq}: it is an old copy; find the newest, or open with SALES_OPEN_RESET",
            total.store_seq
        );
        return Some(Error::new(SALES_ERR_STORE_STALE, text));
    }
    if total.bytes > books.held && !books.started {
        let text = format!(
            "the store is new, but the repo holds {} bytes for us: find the store that knows whose they are, or open with SALES_OPEN_RESET",
            total.bytes
        );
        return Some(Error::new(SALES_ERR_STORE_NEW, text));
    }
    None
}
