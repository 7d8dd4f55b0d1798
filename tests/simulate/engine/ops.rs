//! What an operation says of itself: which store asks, which act it is and which attempt of it, until when the answer is wanted. A host may go by
//! each of these.

use super::truth::{Job, Truth};
use sales::datastore::Backend;
use sales::host::OpKind;
use sales::ledger::books::Books;
use sales::ledger::record::Record;
use sales::market::Id;
use std::collections::{BTreeMap, BTreeSet};

/// What names an act besides its id: what is asked, for which slot, how many bytes.
type What = (&'static str, Id, u64);

/// The acts that the host has seen.
#[derive(Default)]
pub struct Acts {
    known: BTreeMap<[u8; 16], What>,
    /// What the repo has done.
    done: BTreeSet<[u8; 16]>,
    /// Steps that the repo was asked for: their id, what the record said, and, if it refused in this life of the module, when.
    begun: BTreeMap<What, ([u8; 16], Record, Option<u64>)>,
    /// Slots for which the repo reserved what is not recorded yet: their bytes may go back without a record of that.
    unrecorded: BTreeSet<Id>,
}

impl Acts {
    /// The module was stopped or died. What it finds begun it may ask for at once, and what the store knows keeps its name.
    pub fn begin_anew(&mut self) {
        self.begun.values_mut().for_each(|(.., at)| *at = None);
    }

    /// The store or the repo has lost something: what was done may have to be done again.
    pub fn lost(&mut self) {
        self.done.clear();
        self.begun.clear();
        self.unrecorded.clear();
    }

    /// The repo has done it.
    pub fn done(&mut self, job: &Job) {
        self.done.insert(job.id);
        if job.kind == OpKind::RepoReserve {
            self.unrecorded.insert(job.slot);
        }
    }
}

fn what(job: &Job) -> What {
    (job.kind.name(), job.slot, job.bytes)
}

/// What of a record says which act is begun: not how far it came.
fn begun(record: Record) -> Record {
    Record { step: 0, reserving: 0, ..record }
}

fn is_of_repo(kind: OpKind) -> bool {
    matches!(kind, OpKind::RepoReserve | OpKind::RepoRelease | OpKind::RepoConsume)
}

impl Truth {
    /// The store as it lies on the disk: the books' id, and a slot's record.
    fn on_disk(&self, slot: &Id) -> Option<([u8; 16], Option<Record>)> {
        let mut found = None;
        let read = self.store.read(&mut |view| {
            found = Some((Books::load(view, self.store.birth())?.id, Record::load(view, slot)?));
            Ok(())
        });
        read.ok().and(found)
    }

    /// Whether it is the record of its slot that names it. What was granted and could not be recorded goes back under a name of its own: a
    /// repo that can tell its total may be asked to reserve again what is still going back.
    fn is_named(&self, job: &Job, record: &Record) -> bool {
        matches!(job.kind, OpKind::RepoRelease | OpKind::RepoConsume)
            && (record.releasing > 0 || record.consuming > 0)
            && !(self.has.total && self.acts.unrecorded.contains(&job.slot))
    }

    /// An operation is asked for.
    pub fn check_op(&mut self, job: &Job) {
        let name = job.kind.name();
        let known = *self.acts.known.entry(job.id).or_insert(what(job));
        if known != what(job) {
            return self.broken(format!("{:?} has the id of another act, {known:?}", what(job)));
        }
        if !is_of_repo(job.kind) {
            return;
        }
        if (job.attempt, job.deadline) != (1, 0) {
            self.broken(format!("{name} is attempt {}, wanted until {}", job.attempt, job.deadline));
        }
        if self.acts.done.contains(&job.id) {
            self.broken(format!("S2: {:?} was done, and is asked for again under its id", what(job)));
        }
        // Others may write while this is asked.
        if self.has.threads > 0 {
            return;
        }
        let Some((id, record)) = self.on_disk(&job.slot) else { return };
        if job.store.0 != id {
            self.broken(format!("{name} is asked by the store {:?}, it is {id:?}", job.store.0));
        }
        let Some(record) = record.filter(|record| self.is_named(job, record)) else { return };
        let now = (job.id, begun(record), None);
        let (id, _, at) = match self.acts.begun.get(&what(job)) {
            Some(was) if was.1 == now.1 => was.clone(),
            _ => {
                self.acts.begun.insert(what(job), now);
                return;
            }
        };
        if id != job.id {
            self.broken(format!("{:?} is tried again, and has another id", what(job)));
        }
        if at == Some(job.asked_at) {
            self.broken(format!("{:?} was refused, and is asked for again in the same second", what(job)));
        }
        self.count("a step is tried again");
    }

    /// The repo has refused it, and the module hears so now. Only what a record says and nothing else is known by its id again.
    pub fn refused_op(&mut self, job: &Job) {
        let Some((_, Some(record))) = self.on_disk(&job.slot) else { return };
        if !self.is_named(job, &record) {
            return;
        }
        self.acts.begun.insert(what(job), (job.id, begun(record), Some(self.now())));
    }
}
