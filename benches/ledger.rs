//! What a reservation costs: reserve and release through the engine, against the same number of bare durable commits of the same
//! store on the same disk, in turns, as ratios. `cargo bench`; SALES_BENCH_SECONDS=n for each line (default 2).

use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, Table};
use sales::engine::{Engine, Options};
use sales::host::{Op, Repo, RepoTotal};
use sales::market::{keccak256, Id};
use sales::status::{SALES_HOST_NO_SPACE, SALES_OK};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const QUOTA: u64 = 1 << 60;

#[derive(Default)]
struct Counting(AtomicU64);

impl Repo for Counting {
    fn available(&self) -> (i32, u64) {
        (SALES_OK, QUOTA - self.0.load(Ordering::Relaxed))
    }
    fn reserve(&self, _: &Op, bytes: u64) -> i32 {
        let taken = self.0.fetch_add(bytes, Ordering::Relaxed);
        if taken + bytes > QUOTA {
            return SALES_HOST_NO_SPACE;
        }
        SALES_OK
    }
    fn release(&self, _: &Op, bytes: u64) -> i32 {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
        SALES_OK
    }
    fn consume(&self, op: &Op, bytes: u64) -> i32 {
        self.release(op, bytes)
    }
    fn reserved(&self) -> (i32, RepoTotal) {
        (SALES_OK, RepoTotal { bytes: self.0.load(Ordering::Relaxed), ..RepoTotal::default() })
    }
    fn has_reserved(&self) -> bool {
        true
    }
    fn has_consume(&self) -> bool {
        false
    }
}

fn options() -> Options {
    Options { max_attempts: 3, queue_limit: 1024, history_limit: 100_000, ..Options::default() }
}

fn slot(thread: u64, n: u64) -> Id {
    Id(keccak256(&[thread.to_le_bytes(), n.to_le_bytes()].concat()))
}

/// Runs `body` on so many threads for a while; operations per second.
fn rate(threads: u64, body: impl Fn(u64, u64) + Sync) -> f64 {
    let seconds = std::env::var("SALES_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let (until, done) = (Duration::from_secs(seconds), AtomicU64::new(0));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (body, done) = (&body, &done);
            scope.spawn(move || {
                let mut n = 0;
                while begin.elapsed() < until {
                    body(thread, n);
                    n += 1;
                }
                done.fetch_add(n, Ordering::Relaxed);
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

fn main() {
    // `cargo test --benches` runs this too; then a look is enough.
    if std::env::args().any(|arg| arg == "--test") {
        std::env::set_var("SALES_BENCH_SECONDS", "0");
    }
    let bare_dir = tempfile::tempdir().expect("a directory");
    let bare = LmdbStore::open(bare_dir.path(), false).expect("a store");
    let dir = tempfile::tempdir().expect("a directory");
    let store = LmdbStore::open(dir.path(), false).expect("a store");
    let engine = Engine::new(Box::new(store), options()).expect("an engine");
    engine.register_repo(Arc::new(Counting::default())).expect("registered");
    engine.start(1).expect("started");

    println!("one commit of one 72-byte record, and one reserve + release (two commits), a second:");
    println!(
        "{:>8} {:>12} {:>17} {:>28}",
        "threads", "bare commits", "reserve + release", "ideal for one caller / seen"
    );
    for threads in [1, 8, 64] {
        let commits = rate(1, |thread, n| {
            let key = slot(thread, n);
            bare.write(&mut |tables| tables.put(Table::Slots, &key.0, &[7; 72])).expect("a commit");
        });
        let pairs = rate(threads, |thread, n| {
            let slot = slot(thread + 1000, n);
            engine.reserve(1, slot, 65536).expect("reserved");
            engine.release(1, slot).expect("released");
        });
        println!("{threads:>8} {commits:>12.0} {pairs:>17.0} {:>28.2}", commits / 2.0 / pairs);
    }
}
