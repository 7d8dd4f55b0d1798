//! The ledger's records held against each other: each by itself, and the totals and the index counted anew (S1).

use super::acts::UNPROVEN;
use super::books::{self, Books};
use super::record::Record;
use crate::codec;
use crate::damage::Found;
use crate::datastore::unsettled::{self, Owner};
use crate::datastore::{Look, Table};
use crate::market::Id;
use std::ops::ControlFlow;

/// The sums over all records that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Records.
    pub records: u64,
    /// Live reservations.
    pub live: u64,
    /// H.
    pub held: u128,
    /// Landed, of live reservations.
    pub consumed: u128,
    /// Begun and not known as done.
    pub releasing: u128,
}

/// Checks the ledger's part of a store. `seq`: the number of its last commit. Answers what the records add up to.
pub fn check(look: &dyn Look, seq: u64, found: &mut Found<'_>) -> (Sums, Option<Books>) {
    let sums = slots(look, seq, found);
    index(look, found);
    unproven(look, seq, found);
    let books = match look.get(Table::Meta, books::KEY) {
        Ok(Some(bytes)) => match Books::decode(&bytes) {
            Ok(books) => Some(books),
            Err(error) => {
                found.record(Id::ZERO, error.text);
                None
            }
        },
        Ok(None) => Some(Books::default()),
        Err(error) => {
            found.record(Id::ZERO, error.text);
            None
        }
    };
    if let Some(books) = &books {
        compare(books, &sums, found);
    }
    (sums, books)
}

/// A record by itself.
fn check_record(record: &Record, seq: u64) -> Result<(), String> {
    let Record { asked, held, consumed, releasing, consuming, reserving, step, act, ended, of: _ } = *record;
    if record.is_over() {
        return Err("it is over and owes nothing, and should be gone".into());
    }
    if act > seq {
        return Err(format!("its act is of commit {act}, and the last commit is {seq}"));
    }
    let (held, consumed, begun) = (u128::from(held), u128::from(consumed), [releasing, consuming, reserving, step]);
    if asked == 0 && (consumed > 0 || ended) {
        return Err(format!("nothing was reserved, and {consumed} bytes are consumed, or it ended"));
    }
    if consumed > u128::from(asked) {
        return Err(format!("{consumed} bytes consumed, of {asked} reserved"));
    }
    if record.is_live() && held.saturating_add(consumed) != u128::from(asked) {
        return Err(format!("{held} bytes held and {consumed} consumed, of {asked} reserved"));
    }
    if !record.is_live() && held > 0 {
        return Err(format!("{held} bytes held by a reservation that is not live"));
    }
    if begun.into_iter().try_fold(0, u64::checked_add).is_none() {
        return Err(format!("what is begun, {begun:?}, does not fit a number"));
    }
    Ok(())
}

fn slots(look: &dyn Look, seq: u64, found: &mut Found<'_>) -> Sums {
    let mut sums = Sums::default();
    let walked = look.walk(Table::Slots, &mut |key, value| {
        let Ok(slot) = key.try_into().map(Id) else {
            found.record(Id::ZERO, format!("slots: a key of {} bytes, expected 32", key.len()));
            return ControlFlow::Continue(());
        };
        sums.records = sums.records.saturating_add(1);
        let record = match Record::decode(value, &slot) {
            Ok(record) => record,
            Err(error) => {
                found.record(slot, error.text);
                return ControlFlow::Continue(());
            }
        };
        if let Err(why) = check_record(&record, seq) {
            found.record(slot, format!("slot {slot}: {why}"));
        }
        sums.held = sums.held.saturating_add(record.held.into());
        sums.releasing = sums.releasing.saturating_add(record.releasing.into()).saturating_add(record.consuming.into());
        if record.is_live() {
            sums.live = sums.live.saturating_add(1);
            sums.consumed = sums.consumed.saturating_add(record.consumed.into());
        }
        if record.is_unsettled() {
            match look.get(Table::Unsettled, &unsettled::key(Owner::Ledger, &slot)) {
                Ok(Some(_)) => {}
                Ok(None) => found.index(slot, format!("slot {slot} is unsettled, and missing in that index")),
                Err(error) => found.index(slot, error.text),
            }
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.record(Id::ZERO, error.text);
    }
    sums
}

/// Each entry has its record. That each record has its entry was seen before.
fn index(look: &dyn Look, found: &mut Found<'_>) {
    let walked = look.walk(Table::Unsettled, &mut |key, value| {
        let slot = match key.split_first() {
            Some((mark, _)) if *mark == Owner::Sales as u8 => return ControlFlow::Continue(()),
            Some((mark, slot)) if *mark == Owner::Ledger as u8 && value.is_empty() => slot.try_into().ok().map(Id),
            _ => None,
        };
        let Some(slot) = slot else {
            let text = format!(
                "unsettled: a key of {} bytes with a value of {}, expected 33 and none",
                key.len(),
                value.len()
            );
            found.index(Id::ZERO, text);
            return ControlFlow::Continue(());
        };
        match look.get(Table::Slots, &slot.0) {
            Ok(Some(record)) if Record::decode(&record, &slot).is_ok_and(|record| !record.is_unsettled()) => {
                found.index(slot, format!("slot {slot} is listed as unsettled, and is not"));
            }
            Ok(Some(_)) => {}
            Ok(None) => found.index(slot, format!("slot {slot} is listed as unsettled, and has no record")),
            Err(error) => found.index(slot, error.text),
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.index(Id::ZERO, error.text);
    }
}

fn unproven(look: &dyn Look, seq: u64, found: &mut Found<'_>) {
    match look.get(Table::Meta, UNPROVEN) {
        Ok(None) => {}
        Ok(Some(bytes)) => match codec::open_number(UNPROVEN, &bytes, &"ledger.unproven") {
            Ok(proven) if proven <= seq => {}
            Ok(proven) => found.record(Id::ZERO, format!("ledger.unproven is {proven}, the last commit is {seq}")),
            Err(error) => found.record(Id::ZERO, error.text),
        },
        Err(error) => found.record(Id::ZERO, error.text),
    }
}

fn compare(books: &Books, sums: &Sums, found: &mut Found<'_>) {
    for (name, says, counted) in [
        ("held", books.held, sums.held),
        ("consumed", books.consumed, sums.consumed),
        ("releasing", books.releasing, sums.releasing),
        ("live", books.live, sums.live.into()),
    ] {
        if u128::from(says) != counted {
            found.total(Id::ZERO, format!("the books say {says} {name}; the records add up to {counted}"));
        }
    }
    if books.shortfall > books.held {
        let text = format!("the books say that {} bytes are lost, of {} held", books.shortfall, books.held);
        found.total(Id::ZERO, text);
    }
}
