//! The history: its events follow each other without a gap, and what is remembered as ended ended with one of them.

use crate::codec;
use crate::damage::Found;
use crate::datastore::{Look, Table};
use crate::event::{Event, EventKind};
use crate::history::COUNTER;
use crate::market::Id;
use std::ops::ControlFlow;

/// Checks the history, and what it remembers.
pub fn check(look: &dyn Look, found: &mut Found<'_>) {
    let last = match look.get(Table::Meta, COUNTER) {
        Ok(None) => Some(0),
        Ok(Some(bytes)) => match codec::open_number(COUNTER, &bytes, &"history.last") {
            Ok(last) => Some(last),
            Err(error) => {
                found.record(Id::ZERO, error.text);
                None
            }
        },
        Err(error) => {
            found.record(Id::ZERO, error.text);
            None
        }
    };
    events(look, last, found);
    ended(look, found);
}

fn events(look: &dyn Look, last: Option<u64>, found: &mut Found<'_>) {
    let mut before: Option<u64> = None;
    let walked = look.walk(Table::History, &mut |key, value| {
        let Ok(number) = key.try_into().map(u64::from_be_bytes) else {
            found.record(Id::ZERO, format!("history: a key of {} bytes, expected 8", key.len()));
            return ControlFlow::Continue(());
        };
        match Event::decode(number, value) {
            Ok(_) => {}
            Err(error) => found.record(Id::ZERO, format!("event {number}: {}", error.text)),
        }
        if before.is_some_and(|before| before.checked_add(1) != Some(number)) {
            found.record(Id::ZERO, format!("event {number} follows event {}", before.unwrap_or(0)));
        }
        before = Some(number);
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.record(Id::ZERO, error.text);
    }
    if last.is_some_and(|last| last != before.unwrap_or(0)) {
        let (last, before) = (last.unwrap_or(0), before.unwrap_or(0));
        found.total(Id::ZERO, format!("history.last is {last}; the last event is {before}"));
    }
}

fn ended(look: &dyn Look, found: &mut Found<'_>) {
    let walked = look.walk(Table::Ended, &mut |key, value| {
        let (Ok(slot), Ok(number)) = (key.try_into().map(Id), value.try_into().map(u64::from_le_bytes)) else {
            let text =
                format!("ended: a key of {} bytes with a value of {}, expected 32 and 8", key.len(), value.len());
            found.index(Id::ZERO, text);
            return ControlFlow::Continue(());
        };
        match look.get(Table::History, &number.to_be_bytes()) {
            Ok(Some(event)) if Event::decode(number, &event).is_ok_and(|event| !ends(&event, &slot)) => {
                found.index(slot, format!("ended: slot {slot} ended with event {number}, which is not its end"));
            }
            Ok(Some(_)) => {}
            Ok(None) => found.index(slot, format!("ended: slot {slot} ended with event {number}, which is not there")),
            Err(error) => found.index(slot, error.text),
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = walked {
        found.index(Id::ZERO, error.text);
    }
}

fn ends(event: &Event, slot: &Id) -> bool {
    event.slot == *slot && matches!(event.kind, EventKind::Ended | EventKind::Released)
}
