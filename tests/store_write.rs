//! Transactions: all or nothing, durable when they answer, beside each other, and only from the opener.

mod store_common;

use sales::datastore::{Backend, CommitError, Table};
use sales::error::Error;
use sales::status::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Barrier;
use std::thread;
use store_common::*;

#[test]
fn a_transaction_is_all_or_nothing() {
    let place = Place::with_commits(0);
    let store = place.open().unwrap();
    let refused = store.write(&mut |txn| {
        txn.put(Table::Slots, b"a", b"1")?;
        assert_eq!(txn.get(Table::Slots, b"a")?, Some(&b"1"[..]), "it sees its own changes");
        Err(Error::new(SALES_ERR_AMOUNT, "no"))
    });
    assert_eq!(refused, Err(CommitError::Clean(Error::new(SALES_ERR_AMOUNT, "no"))));
    assert_eq!((store.seq(), entries(&store, Table::Slots, &[])), (0, vec![]));
    store
        .write(&mut |txn| {
            assert_eq!(txn.seq()?, 0);
            txn.put(Table::Slots, b"a", b"1")?;
            txn.put(Table::Sales, b"a", &[2; 9000])?;
            txn.put(Table::ByRequest, b"a", b"")?;
            txn.del(Table::Offers, b"not there")
        })
        .unwrap();
    assert_eq!(store.seq(), 1);
    store
        .read(&mut |view| {
            assert_eq!(view.seq()?, 1);
            assert_eq!(view.get(Table::Slots, b"a")?, Some(&b"1"[..]));
            assert_eq!(view.get(Table::Sales, b"a")?, Some(&[2; 9000][..]));
            assert_eq!(view.get(Table::ByRequest, b"a")?, Some(&b""[..]));
            assert_eq!(view.get(Table::Offers, b"a")?, None);
            Ok(())
        })
        .unwrap();
    // Also one that changes nothing counts.
    store.write(&mut |_| Ok(())).unwrap();
    assert_eq!(store.seq(), 2);
}

#[test]
fn a_panic_in_a_body_leaves_nothing_behind() {
    let place = Place::with_commits(1);
    let store = place.open().unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = store.write(&mut |txn| {
            txn.put(Table::Slots, b"a", b"1")?;
            panic!("in the body");
        });
    }));
    assert!(caught.is_err());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = store.read(&mut |_| panic!("in the body"));
    }));
    assert!(caught.is_err());
    assert_eq!(entries(&store, Table::Slots, &[]), vec![]);
    put(&store, b"b", b"2").unwrap();
    assert_eq!(store.seq(), 2);
}

#[test]
fn bodies_do_not_nest_and_keys_have_limits() {
    let place = Place::with_commits(1);
    let store = place.open().unwrap();
    let internal = |result: Result<(), Error>| assert_eq!(result.unwrap_err().status, SALES_ERR_INTERNAL);
    let clean = |result: Result<(), CommitError>| result.map_err(|error| error.error().clone());
    store
        .read(&mut |_| {
            internal(store.read(&mut |_| Ok(())));
            internal(clean(store.write(&mut |_| Ok(()))));
            internal(store.info().map(|_| ()));
            Ok(())
        })
        .unwrap();
    store
        .write(&mut |txn| {
            internal(store.read(&mut |_| Ok(())));
            internal(clean(store.write(&mut |_| Ok(()))));
            for key in [&[][..], &[1; 512]] {
                internal(txn.put(Table::Slots, key, b""));
                internal(txn.del(Table::Slots, key));
                internal(txn.get(Table::Slots, key).map(|_| ()));
            }
            internal(txn.put(Table::Meta, b"store.seq", b"9"));
            internal(txn.del(Table::Meta, b"store.birth"));
            txn.put(Table::Meta, b"other", b"9")?;
            txn.put(Table::Slots, &[1; 511], b"9")
        })
        .unwrap();
    assert_eq!((store.seq(), entries(&store, Table::Slots, &[]).len()), (2, 1));
}

#[test]
fn a_long_random_life_is_that_of_a_map() {
    let place = Place::with_commits(0);
    let mut store = place.open().unwrap();
    let tables = [Table::Slots, Table::Queue, Table::Due, Table::History];
    let mut model: BTreeMap<(Table, Vec<u8>), Vec<u8>> = BTreeMap::new();
    let mut state = 88172645463325252u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut commits = 0;
    for round in 0..400 {
        let mut changed = model.clone();
        let changes: Vec<_> = (0..random(40))
            .map(|_| {
                (
                    tables[random(4) as usize],
                    key(random(300))[8 - 1 - random(7) as usize..].to_vec(),
                    random(4),
                    random(2500),
                )
            })
            .collect();
        let fails = random(5) == 0;
        let result = store.write(&mut |txn| {
            for (table, key, what, size) in &changes {
                match what {
                    0 => txn.del(*table, key)?,
                    _ => txn.put(*table, key, &vec![*size as u8; *size as usize])?,
                }
            }
            if fails {
                Err(Error::internal("as planned"))
            } else {
                Ok(())
            }
        });
        assert_eq!(result.is_err(), fails);
        if !fails {
            commits += 1;
            for (table, key, what, size) in changes {
                match what {
                    0 => drop(changed.remove(&(table, key))),
                    _ => drop(changed.insert((table, key), vec![size as u8; size as usize])),
                }
            }
            model = changed;
        }
        if round % 40 == 0 {
            drop(store);
            store = place.open().unwrap();
        }
        let table = tables[random(4) as usize];
        let from = if random(2) == 0 { vec![] } else { key(random(300))[6..].to_vec() };
        let expected: Vec<_> = model
            .iter()
            .filter(|((of, key), _)| *of == table && *key >= from)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        assert_eq!(entries(&store, table, &from), expected);
        let last = model.keys().rev().find(|(of, _)| *of == table).map(|(_, key)| key.clone());
        let mut seen = None;
        store.read(&mut |view| view.last(table).map(|key| seen = key)).unwrap();
        assert_eq!((seen, store.seq()), (last, commits));
    }
}

#[test]
fn the_map_grows_under_load_and_nobody_notices() {
    let place = Place::with_commits(0);
    let store = place.open().unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // One view is one commit: every record of a commit has its number.
                    store
                        .read(&mut |view| {
                            let mut seen = Vec::new();
                            view.walk(Table::Slots, &[], &mut |_, value| {
                                seen.push(value[0]);
                                if seen.len() < 50 {
                                    ControlFlow::Continue(())
                                } else {
                                    ControlFlow::Break(())
                                }
                            })?;
                            assert!(seen.iter().all(|number| *number == seen[0]));
                            reads.fetch_add(1, Ordering::Relaxed);
                            Ok(())
                        })
                        .expect("a read");
                }
            });
        }
        let value = vec![0; 1 << 16];
        for number in 0..40u64 {
            let mut runs = 0;
            store
                .write(&mut |txn| {
                    runs += 1;
                    (0..50).try_for_each(|slot| txn.put(Table::Slots, &key(slot), &[number as u8; 100]))?;
                    // A body that ignores an error fails no less.
                    (0..32).for_each(|part| drop(txn.put(Table::Sales, &key(number * 32 + part), &value)));
                    Ok(())
                })
                .expect("a commit");
        }
        // And in one: more than twice the map at once.
        let mut runs = 0;
        store
            .write(&mut |txn| {
                runs += 1;
                (0..4000).try_for_each(|part| txn.put(Table::Requests, &key(part), &value))
            })
            .expect("a large commit");
        assert!(runs > 1, "the map was never too small");
        done.store(true, Ordering::Relaxed);
    });
    assert!(store.info().unwrap().map_bytes >= 256 << 20);
    assert_eq!(store.seq(), 41);
    assert!(reads.load(Ordering::Relaxed) > 0);
    drop(store);
    let store = place.open().expect("opens with a larger map at once");
    assert_eq!(entries(&store, Table::Requests, &[]).len(), 4000);
}

#[test]
fn two_hundred_threads_read_at_once() {
    let place = Place::with_commits(1);
    let store = place.open().unwrap();
    let all = Barrier::new(200);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                store
                    .read(&mut |view| {
                        all.wait();
                        assert!(view.get(Table::Due, &key(0))?.is_some());
                        Ok(())
                    })
                    .expect("a read");
            });
        }
    });
}

#[test]
fn a_thread_that_has_read_keeps_no_place() {
    // More threads than places, all alive, each of which has read once.
    let place = Place::with_commits(1);
    let store = place.open().unwrap();
    let all = Barrier::new(1200);
    thread::scope(|scope| {
        for _ in 0..1200 {
            let life = || {
                let found = get(&store, &key(0));
                all.wait();
                assert!(found.expect("a read").is_some());
            };
            thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, life).expect("a thread");
        }
    });
}

#[test]
fn writers_of_many_threads_take_turns() {
    let place = Place::with_commits(0);
    let store = place.open().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    store
                        .write(&mut |txn| {
                            let old = txn.get(Table::Offers, b"count")?.map_or(0, |value| value[0]);
                            txn.put(Table::Offers, b"count", &[old + 1])
                        })
                        .expect("a commit");
                }
            });
        }
    });
    assert_eq!((store.seq(), entries(&store, Table::Offers, &[])), (160, vec![(b"count".to_vec(), vec![160])]));
}
