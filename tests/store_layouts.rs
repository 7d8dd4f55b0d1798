//! Stores of older layouts: each that was ever written is kept here, reads as one that is made today in the same way, and goes on.

mod store_common;
mod store_shapes;

use sales::datastore::Table;
use sales::event::Event;
use sales::history::COUNTER;
use sales::ledger::acts::UNPROVEN;
use sales::ledger::books::{self, Books};
use sales::ledger::record::Record;
use sales::market::Id;
use sales::sales::counts::{Counts, COUNTS, LAST_BLOCK};
use sales::sales::known::Known;
use sales::sales::offer::Offer;
use sales::sales::sale::Sale;
use std::fs;
use std::path::Path;
use std::process::Command;
use store_common::*;
use store_shapes::Shape;

/// How many reservations the kept stores were made with, by `store_shapes::mixed`.
const RESERVATIONS: u64 = 60;

/// Lays a kept store down. The file is long and mostly empty, so it is kept packed.
fn kept(layout: u8, place: &Place) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/store-{layout}"));
    let packed = from.join("data.mdb.gz");
    let data = Command::new("gzip").args(["-dc", text(&packed)]).output().expect("gzip; apt-get install gzip");
    assert!(data.status.success(), "{}: {}", packed.display(), String::from_utf8_lossy(&data.stderr));
    fs::create_dir(&place.dir).expect("the directory of the store");
    fs::write(place.file("data.mdb"), data.stdout).expect("its data");
    fs::copy(from.join("identity"), place.file("identity")).expect("its identity");
}

/// All that a store says, decoded. Not who it is: each store is another.
fn told(place: &Place) -> Vec<String> {
    let store = place.open().expect("opens");
    let id = |key: &[u8]| Id(key.try_into().expect("an id"));
    let mut told = Vec::new();
    for table in Table::ALL {
        for (key, value) in entries(&store, table, &[]) {
            let value = match table {
                Table::Meta if key.starts_with(b"store.") => continue,
                Table::Meta => match &key[..] {
                    books::KEY => format!("{:?}", Books { id: [0; 16], ..Books::decode(&value).expect("the books") }),
                    COUNTS => format!("{:?}", Counts::decode(&value).expect("the counts")),
                    COUNTER | UNPROVEN | LAST_BLOCK => {
                        let what = String::from_utf8_lossy(&key).into_owned();
                        sales::codec::open_number(&key, &value, &what).expect("a number").to_string()
                    }
                    other => panic!("{}: what is this?", String::from_utf8_lossy(other)),
                },
                Table::Slots => format!("{:?}", Record::decode(&value, &id(&key)).expect("a reservation")),
                Table::Sales => format!("{:?}", Sale::decode(id(&key), &value).expect("a sale")),
                Table::Requests => format!("{:?}", Known::decode(&id(&key), &value).expect("a request")),
                Table::Offers => format!("{:?}", Offer::decode(id(&key), &value).expect("an offer")),
                Table::History => {
                    let number = u64::from_be_bytes(key[..].try_into().expect("a number"));
                    format!("{:?}", Event::decode(number, &value).expect("an event"))
                }
                _ => format!("{value:02x?}"),
            };
            told.push(format!("{} {key:02x?}: {value}", table.name()));
        }
    }
    told
}

fn is_whole(place: &Place) {
    let mut damages = Vec::new();
    sales::verify::offline(&place.dir, &mut |damage| damages.push(damage.clone())).expect("verified");
    assert_eq!(damages, []);
}

#[test]
fn a_store_of_layout_1_reads_as_one_made_today() {
    let (old, new) = (Place::in_memory(), Place::in_memory());
    kept(1, &old);
    is_whole(&old);
    store_shapes::mixed(&new.dir, RESERVATIONS);
    let (old, new) = (told(&old), told(&new));
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old, new);
    }
    for table in Table::ALL {
        assert!(old.iter().any(|row| row.starts_with(table.name())), "the kept store has nothing of {}", table.name());
    }
}

#[test]
fn a_store_of_layout_1_goes_on() {
    let (old, new) = (Place::in_memory(), Place::in_memory());
    kept(1, &old);
    store_shapes::mixed(&new.dir, RESERVATIONS);
    for place in [&old, &new] {
        let shape = Shape::open(&place.dir);
        shape.consume(5, 500);
        shape.release(6, 1006, true);
        shape.release(7, 1007, false);
        shape.reserve(RESERVATIONS + 1, 4711);
        let offer = shape.offer(4);
        let slots = shape.request(4, 3, 60);
        shape.take(&slots[0], offer);
        shape.fill(&slots[0], 0);
        drop(shape);
        // Old records and new ones lie side by side.
        is_whole(place);
    }
    assert_eq!(told(&old), told(&new));
    let store = old.open().expect("opens");
    let records = entries(&store, Table::Slots, &[]);
    let of = |layout: u8| records.iter().filter(|(_, record)| record[0] == layout).count();
    assert!(of(1) > 0 && of(2) > 0, "{} of layout 1, {} of layout 2", of(1), of(2));
}
