//! Records changed behind the ledger's back, with checksums that fit: what follows from them no longer does, and that is told.

mod store_common;
mod store_shapes;

use sales::damage::Damage;
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, Table};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use store_common::*;

struct Victim {
    place: Place,
    file: PathBuf,
    whole: Vec<u8>,
    rows: Vec<(Table, Vec<u8>, Vec<u8>)>,
    /// By what was done: how often it was told, and how often not.
    tally: BTreeMap<String, (u64, u64)>,
}

impl Victim {
    fn new() -> Victim {
        let place = Place::in_memory();
        store_shapes::mixed(&place.dir, 60);
        let store = place.open().expect("opens");
        let of = |table| entries(&store, table, &[]).into_iter().map(move |(key, value)| (table, key, value));
        let rows = Table::ALL.into_iter().flat_map(of).filter(|row| !row.1.starts_with(b"store.")).collect();
        drop(store);
        let file = place.file("data.mdb");
        let whole = fs::read(&file).expect("the file");
        Victim { place, file, whole, rows, tally: BTreeMap::new() }
    }

    /// Writes a row, or takes it away, and verifies.
    fn change(&mut self, class: &str, table: Table, key: &[u8], value: Option<&[u8]>) -> Vec<Damage> {
        let store = LmdbStore::open(&self.place.dir, false).expect("opens");
        let changed = store.write(&mut |txn| match value {
            Some(value) => txn.put(table, key, value),
            None => txn.del(table, key),
        });
        changed.expect("a commit");
        drop(store);
        let mut damages = Vec::new();
        sales::verify::offline(&self.place.dir, &mut |damage| damages.push(damage.clone())).expect("verified");
        fs::write(&self.file, &self.whole).expect("restored");
        let (told, not) = self.tally.entry(class.to_string()).or_default();
        *if damages.is_empty() { not } else { told } += 1;
        damages
    }

    fn tell(&self) {
        for (class, (told, not)) in &self.tally {
            println!("{class:<36} told {told:>5}, not {not:>5}");
        }
    }
}

/// The same record with another byte, and a checksum that fits.
fn with_byte(key: &[u8], value: &[u8], at: usize) -> Vec<u8> {
    let mut value = value.to_vec();
    value[at] ^= 1;
    sealed(key, &value)
}

/// The same record with a checksum that fits under this key. What is no record stays as it is.
fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
    let Some((body, _)) = value.split_last_chunk::<4>().filter(|_| value.len() > 8) else { return value.to_vec() };
    let mut sum = crc32fast::Hasher::new();
    sum.update(key);
    sum.update(body);
    [body, &sum.finalize().to_le_bytes()].concat()
}

#[test]
fn a_row_that_is_missing_is_told() {
    let mut victim = Victim::new();
    for (table, key, _) in victim.rows.clone() {
        let damages = victim.change(table.name(), table, &key, None);
        // By name, where a slot's row is gone.
        if table == Table::Sales {
            assert!(damages.iter().any(|damage| damage.id.0[..] == key[..]), "{damages:?}");
        }
    }
    victim.tell();
    for table in
        [Table::Slots, Table::Sales, Table::Requests, Table::ByRequest, Table::Queue, Table::Due, Table::Unsettled]
    {
        let (told, not) = victim.tally[table.name()];
        assert!(told > 0 && not == 0, "{}: {not} were not told", table.name());
    }
    // What nothing else speaks of: the offers that have sold nothing, the oldest event, the end of a release by hand, and the marks.
    assert_eq!(victim.tally["offers"].1, 2);
    assert!(victim.tally["history"].1 <= 1, "{:?}", victim.tally);
    assert!(victim.tally["ended"].0 > 0 && victim.tally["ended"].1 <= 2, "{:?}", victim.tally);
    assert!(victim.tally["meta"].0 >= 3, "{:?}", victim.tally);
}

#[test]
fn a_row_too_many_is_told() {
    let mut victim = Victim::new();
    let other = store_shapes::id("nobody", 1).0;
    for (table, key, value) in victim.rows.clone() {
        if table == Table::Meta {
            continue;
        }
        // The same row under a key of the same length, of another slot: the slot's id ends each key, but for events, whose number does.
        let mut strange = key.clone();
        let from = strange.len().saturating_sub(32);
        strange[from..].copy_from_slice(&other[..key.len() - from]);
        victim.change(table.name(), table, &strange, Some(&value));
        // And with a checksum that fits. An offer that has sold nothing is any offer then.
        if table != Table::Offers {
            victim.change(table.name(), table, &strange, Some(&sealed(&strange, &value)));
        }
    }
    victim.change("meta", Table::Meta, b"something", Some(b"else"));
    victim.tell();
    assert!(victim.tally.values().all(|(told, not)| *told > 0 && *not == 0), "{:?}", victim.tally);
}

#[test]
fn amounts_that_do_not_add_up_are_told() {
    let mut victim = Victim::new();
    for (table, key, value) in victim.rows.clone() {
        let body = value.len().saturating_sub(4);
        // (where a field begins, where it ends, what it is)
        let fields: &[(usize, usize, &str)] = match (table, &key[..]) {
            // What an ended one had asked for, and what is asked of a repo that cannot tell its total, is written there alone.
            (Table::Slots, _) if value[1] & 1 != 0 => &[],
            (Table::Slots, _) if body > 66 => &[(2, 50, "slots: amounts"), (66, 130, "slots: of a sale")],
            (Table::Slots, _) => &[(2, 42, "slots: amounts"), (58, 66, "slots: act")],
            (Table::Sales, _) => &[(13, 53, "sales: request, index"), (53, 125, "sales: offer, size, collateral")],
            (Table::Requests, _) => &[(10, 18, "requests: taken, sales")],
            (Table::Offers, _) => &[(body - 56, body - 8, "offers: sold")],
            (Table::Meta, b"ledger.books") => {
                &[(18, 42, "books: sums"), (42, 58, "books: shortfall, surplus"), (58, 66, "books: live")]
            }
            (Table::Meta, b"sales.counts") => &[(1, 17, "counts: live, queued"), (17, 33, "counts: sold, refused")],
            _ => &[],
        };
        for (from, to, what) in fields {
            for at in (*from..*to).step_by(3) {
                victim.change(what, table, &key, Some(&with_byte(&key, &value, at)));
            }
        }
    }
    victim.tell();
    let no_second_place =
        ["books: shortfall, surplus", "counts: sold, refused", "slots: act", "sales: offer, size, collateral"];
    for (class, (told, not)) in &victim.tally {
        let known = no_second_place.contains(&&class[..]);
        assert!(known || (*told > 0 && *not == 0), "{class}: {not} were not told");
    }
}
