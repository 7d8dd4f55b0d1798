//! What selling writes, each as an act of a commit.

use super::counts::{last_block, Counts, LAST_BLOCK};
use super::indexes::{put, queued_key};
use super::known::{by_request, change_readable, change_request, left_of, readable, Known};
use super::offer::{Offer, Terms};
use super::sale::{Return, Sale, State};
use crate::codec;
use crate::datastore::group::{Act, Txn};
use crate::datastore::{Table, Write};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::history;
use crate::market::{Ask, Id};
use crate::status::*;

/// An act of selling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesAct {
    /// A request is accepted: it and the sales of its slots.
    Accept {
        /// The request.
        known: Box<Known>,
        /// Its slots.
        sales: Vec<Sale>,
        /// Slots that may wait in the queue.
        queue_limit: u64,
    },
    /// A slot that was freed is queued again; refused as busy when it has a live sale by now, or its request too many.
    Requeue {
        /// The slot's new sale.
        sale: Box<Sale>,
        /// Slots that may wait in the queue.
        queue_limit: u64,
        /// Sales of one request that are kept.
        request_limit: u64,
    },
    /// The whole request was read.
    Learn(Box<Ask>),
    /// A request has started.
    Started(Id),
    /// A sale is where it now is; refused as busy when it is no longer as it was, because another thread moved it meanwhile.
    Put {
        /// As the step found it.
        was: Box<Sale>,
        /// As the step left it.
        now: Box<Sale>,
    },
    /// The space of a sale is reserved: it goes on, from an offer.
    Take {
        /// The slot.
        slot: Id,
        /// The offer.
        offer: Id,
        /// Where it goes on.
        state: State,
        /// When.
        now: u64,
        /// When something is done next by time.
        next_at: u64,
    },
    /// The space of a sale is given up: its offer may sell it again.
    GiveBack(Id),
    /// A new offer.
    NewOffer(Box<Offer>),
    /// An offer has other terms.
    ChangeOffer(Id, Terms),
    /// An offer is removed.
    RemoveOffer(Id),
    /// The chain was seen up to this block.
    Seen(u64),
    /// The history is kept at its limit; what it forgets, the sales forget.
    Prune(u64),
}

impl Act for SalesAct {
    fn apply(&self, txn: &mut Txn<'_>) -> Result<()> {
        let tables = &mut *txn.tables;
        match self {
            SalesAct::Accept { known, sales, queue_limit } => {
                if Known::load(tables, &known.ask.request_id)?.is_some() {
                    return Err(Error::new(
                        SALES_ERR_BUSY,
                        format!("request {} is being accepted", known.ask.request_id),
                    ));
                }
                // Its record may have been lost, and not its sales: those that live go on, and count.
                let left = left_of(tables, &known.ask.request_id)?;
                Known { taken: left.taken, sales: left.sales, ..(**known).clone() }.save(tables)?;
                let act = tables.seq()?.wrapping_add(1);
                let new = sales.iter().filter(|sale| !left.stay.contains(&sale.slot));
                for sale in new.take(sales.len().saturating_sub(left.stay.len())) {
                    put(tables, &Sale { act, ..sale.clone() })?;
                }
                bound_queue(txn, *queue_limit, sales.first().map_or(0, |sale| sale.since))
            }
            SalesAct::Requeue { sale, queue_limit, request_limit } => {
                match Sale::load(tables, &sale.slot)? {
                    Some(old) if !old.is_ended() => {
                        return Err(Error::new(SALES_ERR_BUSY, format!("slot {} has a sale already", sale.slot)));
                    }
                    Some(_) => {}
                    None => {
                        let known = Known::load(tables, &sale.request)?.map_or(0, |known| known.sales);
                        if u64::from(known) >= *request_limit {
                            let text = format!("{request_limit} slots of request {} are known already", sale.request);
                            return Err(Error::new(SALES_ERR_BUSY, text));
                        }
                    }
                }
                let act = tables.seq()?.wrapping_add(1);
                put(tables, &Sale { act, ..(**sale).clone() })?;
                bound_queue(txn, *queue_limit, sale.since)
            }
            SalesAct::Learn(ask) => change_request(tables, &ask.request_id, |known| {
                known.ask = (**ask).clone();
                Ok(())
            }),
            SalesAct::Started(request) => match Known::load(tables, request)? {
                Some(_) => change_request(tables, request, |known| {
                    known.started = true;
                    Ok(())
                }),
                None => Ok(()),
            },
            SalesAct::Put { was, now } => {
                if Sale::load(tables, &now.slot)?.as_ref() != Some(&**was) {
                    return Err(Error::new(
                        SALES_ERR_BUSY,
                        format!("the sale of slot {} was moved meanwhile", now.slot),
                    ));
                }
                put(tables, now)
            }
            SalesAct::Take { slot, offer, state, now, next_at } => take(tables, slot, offer, *state, *now, *next_at),
            SalesAct::GiveBack(slot) => give_back(tables, slot),
            SalesAct::NewOffer(offer) => offer.save(tables),
            SalesAct::ChangeOffer(id, terms) => match Offer::load(tables, id)? {
                Some(offer) => offer.with_terms(*terms)?.save(tables),
                None => {
                    Err(Error::new(SALES_ERR_NOT_FOUND, format!("there is no offer {id}; a zero id makes a new one")))
                }
            },
            SalesAct::RemoveOffer(id) => remove_offer(tables, id),
            SalesAct::Seen(block) if *block > last_block(tables)? => {
                tables.put(Table::Meta, LAST_BLOCK, &codec::seal_number(LAST_BLOCK, *block))
            }
            SalesAct::Seen(_) => Ok(()),
            SalesAct::Prune(limit) => {
                let added = txn.events.len();
                prune(txn.tables, *limit, added)
            }
        }
    }
}

/// The queue is bounded: the worst leave, whichever they are, and say so.
fn bound_queue(txn: &mut Txn<'_>, limit: u64, now: u64) -> Result<()> {
    while Counts::load(txn.tables)?.queued > limit {
        let Some(worst) = txn.tables.last(Table::Queue)? else { return Ok(()) };
        let Some(slot) = worst.last_chunk::<32>().map(|slot| Id(*slot)) else { return Ok(()) };
        let sale = match readable(Sale::load(txn.tables, &slot))? {
            Some(sale) if queued_key(txn.tables, &sale)?.as_ref() == Some(&worst) => sale,
            // Damaged, or not there as far as its sale says: it leaves the queue all the same.
            sale => {
                let mut counts = Counts::load(txn.tables)?;
                counts.queued = counts.queued.saturating_sub(u64::from(sale.is_none()));
                counts.save(txn.tables)?;
                txn.tables.del(Table::Queue, &worst)?;
                continue;
            }
        };
        let text = format!("the queue is full ({limit} slots) and this was the worst");
        let ended = Sale {
            state: State::Ignored,
            back: Return::Done,
            in_queue: false,
            next_at: u64::MAX,
            last_status: SALES_ERR_FULL,
            last_text: text,
            ..sale
        };
        put(txn.tables, &ended)?;
        let mut event = event_of(EventKind::Ended, now, &ended);
        history::append(txn.tables, &mut event)?;
        history::remember_end(txn.tables, &slot, event.number)?;
        txn.events.push(event);
    }
    Ok(())
}

/// An event about a sale.
pub fn event_of(kind: EventKind, now: u64, sale: &Sale) -> Event {
    Event {
        slot: sale.slot,
        request: sale.request,
        index: sale.index,
        status: sale.last_status,
        state: sale.state as u32,
        bytes: sale.size,
        text: sale.last_text.clone(),
        ..Event::new(kind, now)
    }
}

fn take(tables: &mut dyn Write, slot: &Id, offer: &Id, state: State, now: u64, next_at: u64) -> Result<()> {
    let gone = || Error::new(SALES_ERR_BUSY, format!("offer {offer} was removed meanwhile"));
    let Some(sale) = Sale::load(tables, slot)? else {
        return Err(Error::internal(format!("slot {slot} has no sale")));
    };
    let mut from = Offer::load(tables, offer)?.ok_or_else(gone)?;
    from.take(sale.size, sale.collateral, sale.ends_at)?;
    from.save(tables)?;
    change_request(tables, &sale.request, |known| {
        let most = from.terms.max_slots_per_request;
        if most > 0 && known.taken >= most {
            return Err(Error::new(SALES_ERR_BUSY, format!("{most} slots of this request are taken")));
        }
        known.taken = known.taken.checked_add(1).ok_or_else(|| Error::overflow("slots of a request"))?;
        Ok(())
    })?;
    put(tables, &Sale { state, offer: *offer, since: now, attempt: 0, next_at, ..sale })
}

fn give_back(tables: &mut dyn Write, slot: &Id) -> Result<()> {
    let Some(sale) = Sale::load(tables, slot)? else {
        return Err(Error::internal(format!("slot {slot} has no sale")));
    };
    if let Some(mut offer) = readable(Offer::load(tables, &sale.offer))? {
        offer.give_back(sale.size, sale.collateral)?;
        offer.save(tables)?;
    }
    change_readable(tables, &sale.request, |known| {
        // A count that is wrong must not keep the space.
        known.taken = known.taken.saturating_sub(1);
        Ok(())
    })
}

fn remove_offer(tables: &mut dyn Write, id: &Id) -> Result<()> {
    let offer = match Offer::load(tables, id) {
        Ok(Some(offer)) => offer,
        Ok(None) => return Err(Error::new(SALES_ERR_NOT_FOUND, format!("there is no offer {id}"))),
        // Nobody can read what it was; that it is gone is all that can be done for it.
        Err(error) if error.status == SALES_ERR_RECORD => return tables.del(Table::Offers, &id.0),
        Err(error) => return Err(error),
    };
    if offer.sold_slots > 0 {
        let text = format!(
            "{} slots of offer {id} are sold or being attempted: disable it and remove it later",
            offer.sold_slots
        );
        return Err(Error::new(SALES_ERR_IN_USE, text));
    }
    tables.del(Table::Offers, &id.0)
}

fn prune(tables: &mut dyn Write, limit: u64, added: usize) -> Result<()> {
    for slot in history::prune(tables, limit, added)? {
        let Some(sale) = readable(Sale::load(tables, &slot))?.filter(Sale::is_ended) else { continue };
        tables.del(Table::Sales, &slot.0)?;
        tables.del(Table::ByRequest, &by_request(&sale))?;
        change_readable(tables, &sale.request, |known| {
            known.sales = known.sales.saturating_sub(1);
            Ok(())
        })?;
    }
    Ok(())
}
