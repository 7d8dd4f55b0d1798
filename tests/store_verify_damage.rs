//! Damage of every kind, done to every part of a store: it is noticed, or LMDB reads the very same from the file. Never a fault.
//!
//! All of it is done in a child process, which says what it is about to do: were it to die, the last line would tell of what.

mod store_common;
mod store_shapes;

use sales::damage::{Damage, Kind};
use sales::datastore::lmdb::LmdbStore;
use sales::datastore::{Backend, Table};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use store_common::*;
use store_shapes::pages::{self, u64_at, Labels, Part, PAGE};

type Rows = Vec<(Table, Vec<u8>, Vec<u8>)>;

/// What LMDB reads from a store.
fn rows(store: &LmdbStore) -> Rows {
    let of = |table| entries(store, table, &[]).into_iter().map(move |(key, value)| (table, key, value));
    Table::ALL.into_iter().flat_map(of).collect()
}

/// What became of a damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It was told.
    Noticed,
    /// It was not, and LMDB reads and writes as if nothing had happened.
    Harmless,
    /// It was not, and LMDB reads something else.
    Silent,
}

/// A good store in a directory, to be damaged again and again.
struct Victim {
    dir: PathBuf,
    file: File,
    whole: Vec<u8>,
    labels: Labels,
    rows: Rows,
    tally: BTreeMap<String, BTreeMap<Outcome, u64>>,
}

impl Victim {
    fn new(dir: &Path, reservations: u64) -> Victim {
        store_shapes::mixed(dir, reservations);
        let store = LmdbStore::open(dir, false).expect("opens");
        let (rows, used) = (rows(&store), store.info().expect("figures").used_bytes as usize);
        drop(store);
        let path = dir.join("data.mdb");
        let mut whole = fs::read(&path).expect("the file");
        whole.truncate(used);
        fs::write(&path, &whole).expect("the file");
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("the file");
        let labels = pages::labels(&whole);
        Victim { dir: dir.to_path_buf(), file, whole, labels, rows, tally: BTreeMap::new() }
    }

    fn verify(&self) -> Vec<Damage> {
        let mut damages = Vec::new();
        match sales::verify::offline(&self.dir, &mut |damage| damages.push(damage.clone())) {
            Ok(report) => assert_eq!(report.damages, damages.len() as u64),
            // A newer format, say.
            Err(error) => damages.push(Damage {
                kind: Kind::File,
                page: 0,
                pages: 0,
                id: sales::market::Id::ZERO,
                text: error.text,
            }),
        }
        damages
    }

    /// What LMDB makes of a file that verified clean: it may not crash, and reads and writes.
    fn use_it(&self) -> Outcome {
        let Ok(store) = LmdbStore::open(&self.dir, false) else { return Outcome::Silent };
        let read = rows(&store);
        let touch = store.write(&mut |txn| {
            Table::ALL.into_iter().filter(|table| *table != Table::Meta).try_for_each(|table| {
                txn.put(table, b"a probe", &[7; 3000])?;
                txn.put(table, &[0xFF; 40], &[7; 30])
            })
        });
        let grown = touch.is_ok() && rows(&store).len() == self.rows.len() + 2 * (Table::ALL.len() - 1);
        match read == self.rows {
            true if grown => Outcome::Harmless,
            _ => Outcome::Silent,
        }
    }

    /// Does some damage, sees what becomes of it, and undoes it.
    fn damage(&mut self, class: &str, what: &str, edits: &[(usize, Vec<u8>)]) -> (Outcome, Vec<Damage>) {
        println!("{class}: {what}");
        for (at, bytes) in edits {
            self.file.write_all_at(bytes, *at as u64).expect("an edit");
        }
        let damages = self.verify();
        let outcome = if damages.is_empty() { self.use_it() } else { Outcome::Noticed };
        if outcome == Outcome::Silent {
            println!("silent: {class}: {what}");
        }
        if outcome == Outcome::Noticed {
            for (at, bytes) in edits {
                self.file.write_all_at(&self.whole[*at..*at + bytes.len()], *at as u64).expect("undone");
            }
        } else {
            self.restore();
        }
        *self.tally.entry(class.to_string()).or_default().entry(outcome).or_default() += 1;
        (outcome, damages)
    }

    fn restore(&self) {
        self.file.set_len(self.whole.len() as u64).expect("a length");
        self.file.write_all_at(&self.whole, 0).expect("restored");
    }

    fn class(&self, at: usize) -> String {
        let name = |table: usize| &self.labels.names[table];
        match self.labels.parts[at] {
            Part::Key(table) => format!("key of {}", name(table)),
            Part::Value(table) => format!("value of {}", name(table)),
            Part::Meta(what) => format!("newest meta page, {what}"),
            Part::OldMeta(what) => format!("older meta page, {what}"),
            Part::Description(what) => format!("a table's description, {what}"),
            part => format!("{part:?}"),
        }
    }

    /// Changes every byte; of keys and values, whose every byte is as good as another, every n-th.
    fn flip_bytes(&mut self, masks: &[u8], step: usize) {
        for at in 0..self.whole.len() {
            let every = match self.labels.parts[at] {
                Part::Free | Part::Gap | Part::BigRest | Part::Meta("rest") | Part::OldMeta("rest") => 997,
                Part::Value(_) | Part::Key(_) | Part::FreeRest => step,
                _ => 1,
            };
            if at % every != 0 {
                continue;
            }
            for mask in masks {
                let class = self.class(at);
                let what = format!("byte {at} (page {}, {}) ^ {mask:#x}", at / PAGE, at % PAGE);
                self.damage(&class, &what, &[(at, vec![self.whole[at] ^ mask])]);
            }
        }
    }

    fn page(&self, number: usize) -> &[u8] {
        &self.whole[number * PAGE..(number + 1) * PAGE]
    }

    fn pages(&self) -> usize {
        self.whole.len() / PAGE
    }

    fn used(&self) -> Vec<usize> {
        self.labels.referred.keys().copied().collect()
    }

    /// Pages as a disk loses them: zeroed, overwritten, in each other's place.
    fn lose_pages(&mut self) {
        let mut random = fastrand::Rng::with_seed(1);
        for page in 2..self.pages() {
            let kind = if self.labels.referred.contains_key(&page) { "page in use" } else { "free page" };
            let mut noise = vec![0; PAGE];
            random.fill(&mut noise);
            let mut half = self.page(page).to_vec();
            half[PAGE / 2..].fill(0);
            let mut numbered = noise.clone();
            numbered[..16].copy_from_slice(&self.page(page)[..16]);
            for (how, bytes) in [
                ("zeroed", vec![0; PAGE]),
                ("all ones", vec![0xFF; PAGE]),
                ("noise", noise),
                ("torn", half),
                ("noise behind its header", numbered),
            ] {
                self.damage(&format!("{kind}, {how}"), &format!("page {page}"), &[(page * PAGE, bytes)]);
            }
            for other in (0..self.pages()).filter(|other| *other != page) {
                let copy = self.page(other).to_vec();
                let mut renumbered = copy.clone();
                renumbered[..8].copy_from_slice(&(page as u64).to_le_bytes());
                let what = format!("page {page} by page {other}");
                self.damage(&format!("{kind}, replaced"), &what, &[(page * PAGE, copy.clone())]);
                self.damage(&format!("{kind}, replaced and renumbered"), &what, &[(page * PAGE, renumbered)]);
                if other > page {
                    let swap = [(page * PAGE, copy), (other * PAGE, self.page(page).to_vec())];
                    self.damage(&format!("{kind}, swapped"), &what, &swap);
                }
            }
        }
    }

    /// Numbers of pages that lead elsewhere: in a circle, to another page, behind the end.
    fn lead_astray(&mut self) {
        let places: Vec<(usize, usize)> = self.labels.referred.iter().map(|(page, from)| (*page, *from)).collect();
        let last = self.pages() as u64;
        let wrong = [0, 1, last, last + 1, 1 << 20, 1 << 32, (1 << 47) - 1, (1 << 48) - 1, u64::MAX - 1, u64::MAX];
        for (page, from) in places {
            // A branch has room for 48 bits.
            let bytes = if self.labels.parts[from] == Part::Child { 6 } else { 8 };
            for target in wrong.into_iter().chain(2..last).filter(|target| *target != page as u64) {
                let astray = target.to_le_bytes()[..bytes].to_vec();
                let class = if target < last { "reference to another page" } else { "reference behind the end" };
                self.damage(class, &format!("page {page} at byte {from} becomes {target}"), &[(from, astray)]);
            }
        }
        for page in self.used() {
            for at in (0..self.whole.len()).filter(|at| self.starts(*at, Part::FreePage)).collect::<Vec<_>>() {
                let listed = (page as u64).to_le_bytes().to_vec();
                self.damage("free list: a page in use", &format!("page {page} at byte {at}"), &[(at, listed)]);
            }
        }
        for at in (0..self.whole.len()).filter(|at| self.starts(*at, Part::FreeCount)).collect::<Vec<_>>() {
            let count = u64_at(&self.whole, at);
            for other in [count.wrapping_sub(1), count + 1, count + 500, 1 << 40, u64::MAX / 8, u64::MAX] {
                let what = format!("{other} for {count} at byte {at}");
                self.damage("free list: another count", &what, &[(at, other.to_le_bytes().to_vec())]);
            }
            if count > 1 {
                let (first, second) = (self.whole[at + 8..at + 16].to_vec(), self.whole[at + 16..at + 24].to_vec());
                self.damage(
                    "free list: another order",
                    &format!("at byte {at}"),
                    &[(at + 8, [second.clone(), first.clone()].concat())],
                );
                self.damage(
                    "free list: a page twice",
                    &format!("at byte {at}"),
                    &[(at + 8, [second.clone(), second].concat())],
                );
            }
        }
    }

    /// Whether a number begins at a byte: what is before it is of something else, or so many numbers behind.
    fn starts(&self, at: usize, part: Part) -> bool {
        let parts = &self.labels.parts;
        let before = parts[..at].iter().rev().take_while(|before| **before == part).count();
        parts[at] == part && before % 8 == 0
    }

    /// A file that ends early.
    fn cut(&mut self) {
        let whole = self.whole.len();
        let lengths = (0..=self.pages()).flat_map(|page| [page * PAGE, page * PAGE + 1, page * PAGE + PAGE - 1]);
        for length in lengths.filter(|length| *length < whole) {
            println!("cut: to {length} bytes");
            self.file.set_len(length as u64).expect("a length");
            let last = self.used().into_iter().max().unwrap_or(1);
            let outcome = match self.verify().is_empty() {
                true => self.use_it(),
                false => Outcome::Noticed,
            };
            self.restore();
            let class = if length >= (last + 1) * PAGE { "file cut, only free pages missing" } else { "file cut" };
            *self.tally.entry(class.to_string()).or_default().entry(outcome).or_default() += 1;
        }
    }

    /// Much at once, where it hurts.
    fn scribble(&mut self, rounds: u64) {
        let mut random = fastrand::Rng::with_seed(rounds);
        let hot: Vec<usize> = (0..self.whole.len())
            .filter(|at| !matches!(self.labels.parts[*at], Part::Free | Part::Gap | Part::Value(_) | Part::BigRest))
            .filter(|at| !matches!(self.labels.parts[*at], Part::Meta("rest") | Part::OldMeta("rest")))
            .collect();
        for round in 0..rounds {
            let edit = |random: &mut fastrand::Rng| {
                let at = *random.choice(hot.iter()).expect("some");
                let value = match random.u8(0..4) {
                    0 => random.u64(0..64),
                    1 => 1u64 << random.u32(0..64),
                    2 => u64::MAX - random.u64(0..64),
                    _ => random.u64(..),
                };
                (at, value.to_le_bytes()[..random.usize(1..=8).min(self.whole.len() - at)].to_vec())
            };
            let edits: Vec<_> = (0..random.usize(1..20)).map(|_| edit(&mut random)).collect();
            self.damage("scribbled", &format!("round {round}"), &edits);
        }
    }

    fn tell(&self) {
        println!("\n{:<44} {:>9} {:>9} {:>9}", "damaged", "noticed", "harmless", "silent");
        let mut sums = [0; 3];
        for (class, tally) in &self.tally {
            let of = |outcome| tally.get(&outcome).copied().unwrap_or(0);
            let row = [of(Outcome::Noticed), of(Outcome::Harmless), of(Outcome::Silent)];
            println!("= {class:<42} {:>9} {:>9} {:>9}", row[0], row[1], row[2]);
            (0..3).for_each(|place| sums[place] += row[place]);
        }
        let [noticed, harmless, silent] = sums;
        let damages = noticed + harmless + silent;
        println!("damages={damages} noticed={noticed} harmless={harmless} silent={silent}");
        std::io::stdout().flush().expect("output");
    }
}

/// The acts of the child process.
#[test]
fn child() {
    let Some((act, dir)) = act() else { return };
    let mut victim = Victim::new(&dir, 120);
    assert_eq!(victim.verify(), []);
    assert_eq!(victim.use_it(), Outcome::Harmless, "the good store itself");
    victim.restore();
    match act.as_str() {
        "flip bytes" => victim.flip_bytes(&[0x01, 0x80], 7),
        "flip all bytes" => victim.flip_bytes(&[0x01, 0x10, 0x80, 0xFF], 1),
        "lose pages" => victim.lose_pages(),
        "lead astray" => victim.lead_astray(),
        "cut" => victim.cut(),
        "scribble" => victim.scribble(3000),
        other => panic!("no act {other}"),
    }
    victim.tell();
}

/// Plays an act in a child and answers what became of each class of damage; a child that died tells by its last line what it was at.
fn played(act: &str) -> BTreeMap<String, [u64; 3]> {
    let place = Place::in_memory();
    let out = play(act, &place.dir).output().expect("a child process");
    let text = String::from_utf8_lossy(&out.stdout);
    let last = text.lines().rfind(|line| line.contains(": ")).unwrap_or("nothing");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{act}: the child ended with {:?} at {last:?}\n{errors}", out.status);
    let silent: Vec<_> = text.lines().filter(|line| line.starts_with("silent")).take(20).collect();
    assert!(silent.is_empty(), "not noticed, and not the same: {silent:#?}");
    let mut tally = BTreeMap::new();
    for line in text.lines().skip_while(|line| !line.starts_with("damaged")) {
        println!("{line}");
        let Some((class, numbers)) = line.strip_prefix("= ").map(|row| row.split_at(42)) else { continue };
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        tally.insert(class.trim().to_string(), numbers.try_into().expect("three"));
    }
    tally
}

/// Every damage of these classes was told; others that are in no list may be harmless.
fn all_noticed(tally: &BTreeMap<String, [u64; 3]>, classes: &[&str]) {
    for class in classes {
        match tally.get(*class) {
            Some([noticed, 0, 0]) if *noticed > 0 => {}
            other => panic!("{class}: {other:?}; all must be noticed"),
        }
    }
}

#[test]
fn every_byte_changed() {
    let act = if std::env::var_os("SALES_VERIFY_ALL").is_some() { "flip all bytes" } else { "flip bytes" };
    let tally = played(act);
    // Whatever leads somewhere, and all that is written: it has a checksum, or a second place.
    all_noticed(
        &tally,
        &[
            "Number",
            "Type",
            "Bounds",
            "Pointer",
            "Child",
            "Length",
            "Flags",
            "KeyLength",
            "FreeCount",
            "FreePage",
            "BigPlace",
            "BigPages",
            "a table's description, counts",
            "a table's description, depth",
            "a table's description, flags",
            "a table's description, root",
            "key of main",
            "key of meta",
            "key of slots",
            "key of offers",
            "key of sales",
            "key of requests",
            "key of by_request",
            "key of due",
            "key of queue",
            "key of unsettled",
            "key of ended",
            "key of history",
            "value of meta",
            "value of slots",
            "value of sales",
            "value of requests",
            "value of offers",
            "value of history",
            "value of ended",
        ],
    );
    for meta in ["newest", "older"] {
        let of = |what: &&str| format!("{meta} meta page, {what}");
        let both = ["number", "type", "magic", "format", "page size", "flags", "transaction", "main: flags"];
        let newest =
            ["free: counts", "free: depth", "free: root", "main: counts", "main: depth", "main: root", "last page"];
        let classes: Vec<_> = both.iter().chain(newest.iter().filter(|_| meta == "newest")).map(of).collect();
        all_noticed(&tally, &classes.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn pages_lost() {
    let tally = played("lose pages");
    let hows = ["zeroed", "all ones", "noise", "noise behind its header", "replaced", "swapped"];
    let classes: Vec<_> = hows.iter().map(|how| format!("page in use, {how}")).collect();
    all_noticed(&tally, &classes.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn references_astray() {
    let tally = played("lead astray");
    let lists =
        ["a page in use", "another count", "another order", "a page twice"].map(|what| format!("free list: {what}"));
    all_noticed(&tally, &lists.each_ref().map(String::as_str));
    all_noticed(&tally, &["reference behind the end"]);
}

#[test]
fn files_cut() {
    let tally = played("cut");
    all_noticed(&tally, &["file cut"]);
    assert!(tally["file cut, only free pages missing"][1] > 0, "{tally:?}");
}

#[test]
fn scribbled_on() {
    played("scribble");
}
