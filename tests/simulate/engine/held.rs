//! What the store holds at a moment, read past the library: its sales, offers, requests and live reservations.

use crate::store::Store;
use sales::datastore::{Backend, Read, Table};
use sales::error::Result;
use sales::ledger::record::Record;
use sales::market::Id;
use sales::sales::known::Known;
use sales::sales::offer::Offer;
use sales::sales::sale::{Sale, State};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

#[derive(Default)]
pub struct Held {
    pub sales: BTreeMap<Id, Sale>,
    pub offers: Vec<Offer>,
    pub requests: BTreeMap<Id, Known>,
    /// Slots of each request whose space is reserved.
    taken: BTreeMap<Id, u32>,
}

fn each(view: &dyn Read, table: Table, mut body: impl FnMut(Id, &[u8]) -> Result<()>) -> Result<()> {
    let mut done = Ok(());
    view.walk(table, &[], &mut |key, value| {
        done = key.try_into().map_or(Ok(()), |id| body(Id(id), value));
        if done.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    done
}

impl Held {
    /// `None`: the store is dead.
    pub fn of(store: &Store) -> Option<Held> {
        let mut held = Held::default();
        let read = store.read(&mut |view| {
            held = Held::default();
            each(view, Table::Sales, |slot, value| {
                held.sales.insert(slot, Sale::decode(slot, value)?);
                Ok(())
            })?;
            each(view, Table::Offers, |id, value| {
                held.offers.push(Offer::decode(id, value)?);
                Ok(())
            })?;
            each(view, Table::Requests, |id, value| {
                held.requests.insert(id, Known::decode(&id, value)?);
                Ok(())
            })?;
            each(view, Table::Slots, |slot, value| {
                let record = Record::decode(value, &slot)?;
                if let Some(sale) = held.sales.get(&slot).filter(|_| record.of.is_some() && record.is_live()) {
                    *held.taken.entry(sale.request).or_default() += 1;
                }
                Ok(())
            })
        });
        read.ok().map(|()| held)
    }

    /// One sale.
    pub fn sale(store: &Store, slot: &Id) -> Option<Sale> {
        let mut sale = None;
        let read = store.read(&mut |view| {
            sale = Sale::load(view, slot)?;
            Ok(())
        });
        read.ok().and(sale)
    }

    pub fn taken(&self, request: &Id) -> u32 {
        self.taken.get(request).copied().unwrap_or(0)
    }

    /// The reservation of a slot has ended, and its bytes are on their way back.
    pub fn gives_back(store: &Store, slot: &Id) -> bool {
        let mut gives_back = false;
        let read = store.read(&mut |view| {
            let record = Record::load(view, slot)?;
            gives_back = record.is_some_and(|record| !record.is_live() && record.releasing > 0);
            Ok(())
        });
        read.is_ok() && gives_back
    }

    /// Those that wait in the queue.
    pub fn queued(&self) -> impl Iterator<Item = &Sale> {
        self.sales.values().filter(|sale| sale.state == State::Queued && sale.in_queue)
    }
}
