//! A store's files as anything may have left them: verified before they are mapped, and what verifies clean is opened, walked and written to.
//! Nothing that verifies clean may fault, nor become damaged by commits.

use super::abi::sample;
use super::input::Input;
use super::place::Dir;
use sales::codec::Encoder;
use sales::damage::Kind;
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, Table};
use sales::market::{Id, U256};
use sales::sales::offer::{Offer, Terms};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

const PAGE: usize = 4096;

/// A good store: its data file and its identity.
struct Good {
    data: Vec<u8>,
    identity: Vec<u8>,
}

/// Good stores: a new one, one with a little in it, and one with trees of two levels, overflow pages and free pages.
fn good(which: usize) -> &'static Good {
    static GOOD: OnceLock<[Good; 3]> = OnceLock::new();
    &GOOD.get_or_init(|| {
        [0, 3, 20].map(|rounds| {
            let dir = Dir::new("good");
            let store = dir.path().join("store");
            sample::make(&store, rounds);
            let file = |name: &str| fs::read(store.join(name)).expect("a file of a store");
            Good { data: file("data.mdb"), identity: file("identity") }
        })
    })[which]
}

/// One input: what is done to which store.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (how, which) = (input.u8(), input.below(3));
    let dir = Dir::new("store");
    let good = good(which);
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("a file is written");
    put("identity", &good.identity);
    match how % 8 {
        0 => put("data.mdb", input.rest()),
        1 => put("data.mdb", &pages_of(&mut input)),
        2 => {
            put("data.mdb", &good.data);
            let name = ["identity", "lock.mdb", "sales.lock", "identity.new"][input.below(4)];
            put(name, input.rest());
        }
        3 => {
            put("data.mdb", &good.data);
            rows(dir.path(), &mut input);
            sample::live(dir.path());
        }
        _ => {
            let mut image = good.data.clone();
            while !input.is_spent() {
                edit(&mut image, &mut input);
            }
            put("data.mdb", &image);
        }
    }
    verified(dir.path());
}

/// A file of pages, each mostly zeros, with what the input writes at their beginnings.
fn pages_of(input: &mut Input<'_>) -> Vec<u8> {
    let mut image = Vec::new();
    while !input.is_spent() && image.len() < 32 * PAGE {
        let most = usize::from(input.u8());
        let mut page = input.bytes(most).to_vec();
        page.resize(PAGE, 0);
        image.extend(page);
    }
    image
}

/// Verifies what lies there, and goes on with what is clean.
fn verified(dir: &Path) {
    let mut told = 0u64;
    let verified = sales::verify::offline(dir, &mut |damage| {
        told += 1;
        assert!(!damage.text.is_empty());
    });
    let Ok(report) = verified else {
        // It cannot be verified, by name; then an open that verifies first does not fault either.
        drop(sales::verify::open(dir, false, &mut |_| {}));
        return;
    };
    assert_eq!(report.damages, told);
    assert_eq!(report.error.is_some(), told > 0);
    match sales::verify::open(dir, false, &mut |_| {}) {
        Ok(store) => use_it(store, dir),
        Err(error) => assert!(told > 0 || report.error.is_none(), "{error}"),
    }
}

/// Reads all of a store that was verified, commits to it, and verifies it again.
fn use_it(store: LmdbStore, dir: &Path) {
    let walk = |store: &LmdbStore| {
        let mut bytes = 0usize;
        let read = store.read(&mut |read| {
            for table in Table::ALL {
                read.walk(table, &[], &mut |key, value| {
                    bytes += key.iter().chain(value).filter(|byte| **byte != 0).count();
                    ControlFlow::Continue(())
                })?;
                read.last(table)?;
            }
            Ok(())
        });
        read.expect("a store that verifies clean is read");
        bytes
    };
    walk(&store);
    for commit in 0..6u8 {
        let wrote = store.write(&mut |write| {
            for n in 0..24u8 {
                let id = Id([n.wrapping_mul(37) ^ 0xc0; 32]);
                if commit % 2 == 0 {
                    let terms = Terms {
                        total_size: 1 + u64::from(commit),
                        total_collateral: U256::from(n),
                        ..Terms::default()
                    };
                    write.put(Table::Offers, &id.0, &Offer::new(id, terms).encode())?;
                } else {
                    write.del(Table::Offers, &id.0)?;
                }
            }
            Ok(())
        });
        wrote.expect("a store that verifies clean takes commits");
    }
    walk(&store);
    drop(store);
    let mut damages = Vec::new();
    let report = sales::verify::offline(dir, &mut |damage| damages.push(damage.clone())).expect("it can be verified");
    let worse = damages.iter().any(|damage| matches!(damage.kind, Kind::File | Kind::Page));
    assert!(!worse, "a store that verified clean is damaged after good commits: {damages:?} {report:?}");
}

/// Rows of any kind in a store whose pages are good.
fn rows(dir: &Path, input: &mut Input<'_>) {
    let store = LmdbStore::open(dir, false).expect("a good store opens");
    let wrote = store.write(&mut |write| {
        while !input.is_spent() {
            let table = Table::ALL[input.below(Table::ALL.len())];
            let how = input.u8();
            // A row that is there, by its place, or a new one.
            let mut rows = Vec::new();
            write.walk(table, &[], &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                if rows.len() < 200 {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            let at = usize::from(input.u8());
            let (mut key, mut value) = match rows.get(at % rows.len().max(1)) {
                Some(row) => row.clone(),
                None => (vec![at as u8; 32], Vec::new()),
            };
            if table == Table::Meta && key.starts_with(b"store.") {
                continue;
            }
            match how % 6 {
                0 => {
                    write.del(table, &key)?;
                    continue;
                }
                1 => key = input.bytes(40).to_vec(),
                // A body of the input's, sealed: a record that any checksum passes.
                2 => {
                    let most = usize::from(input.u8());
                    value = Encoder::begin().raw(input.bytes(most)).seal(&key);
                }
                3 => {
                    let most = usize::from(input.u8());
                    value = input.bytes(most).to_vec();
                }
                // Some bytes of what is there, sealed again.
                _ => {
                    let body = value.len().saturating_sub(4);
                    value.truncate(body);
                    for _ in 0..=input.below(3) {
                        let place = usize::from(input.u16()) % body.max(1);
                        let byte = input.u8();
                        if let Some(there) = value.get_mut(place) {
                            *there = byte;
                        }
                    }
                    value = Encoder::begin().raw(value.get(1..).unwrap_or_default()).seal(&key);
                }
            }
            if !key.is_empty() {
                write.put(table, &key, &value)?;
            }
        }
        Ok(())
    });
    wrote.expect("rows are written");
}

/// One edit of a data file: a number somewhere, a page copied, zeroed, cut off or added.
fn edit(image: &mut Vec<u8>, input: &mut Input<'_>) {
    let (what, pages) = (input.u8(), (image.len() / PAGE).max(1));
    let page = |input: &mut Input<'_>| usize::from(input.u8()) % pages * PAGE;
    let set = |image: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        if let Some(place) = image.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let at = page(input);
    match what % 12 {
        // The head of a page: its number, flags, lower and upper bound; and the numbers of its nodes.
        0 => set(image, at, &input.number().to_le_bytes()),
        1 => set(image, at + 10, &input.u16().to_le_bytes()),
        2 => set(image, at + 12, &input.u16().to_le_bytes()),
        3 => set(image, at + 14, &input.u16().to_le_bytes()),
        4 => {
            let node = input.below(64);
            set(image, at + 16 + 2 * node, &input.u16().to_le_bytes());
        }
        // A node's own head, where the page says that it lies.
        5 | 6 => {
            let node = at + 16 + 2 * input.below(16);
            let place = image.get(node..node + 2).map_or(0, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
            let (field, number) = (input.below(32), input.number());
            let bytes = number.to_le_bytes();
            set(image, at + place + field, &bytes[..[1, 2, 4, 8][usize::from(what) % 4]]);
        }
        7 => {
            let (from, into) = (at, page(input));
            let copy = image.get(from..from + PAGE).map(<[u8]>::to_vec);
            copy.into_iter().for_each(|copy| set(image, into, &copy));
        }
        8 => set(image, at, &[0; PAGE]),
        9 => match input.u8() {
            even if even % 2 == 0 => image.truncate(at + usize::from(input.u16()) % PAGE),
            _ => image.resize(image.len() + usize::from(input.u8()) * 64, 0),
        },
        // A field of a meta page, or of both alike.
        10 => {
            let (field, number, both) = (16 + usize::from(input.u8()) % 136, input.number(), input.u8() & 1 == 0);
            set(image, field, &number.to_le_bytes());
            if both {
                set(image, PAGE + field, &number.to_le_bytes());
            }
        }
        _ => {
            let place = at + usize::from(input.u16()) % PAGE;
            let most = input.below(9);
            let bytes = input.bytes(most).to_vec();
            set(image, place, &bytes);
        }
    }
}
