//! What each byte of a good data file is for: an independent reading of LMDB's format, which trusts the file.

use std::collections::BTreeMap;

pub const PAGE: usize = 4096;

/// What a byte is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A page that is free.
    Free,
    /// Of the meta page that counts, and of the older one.
    Meta(&'static str),
    OldMeta(&'static str),
    /// Of a page of a tree, or the first of a large value.
    Number,
    Pad,
    Type,
    Bounds,
    Pointer,
    Gap,
    /// Of a node.
    Child,
    Length,
    Flags,
    KeyLength,
    Slack,
    /// The first key of a branch, which LMDB never looks at.
    FirstKey,
    /// A key of a branch.
    Separator,
    /// A key of a table; of the main tree; of the list of free pages.
    Key(Table),
    /// A value of a table.
    Value(Table),
    /// What the main tree says of a table.
    Description(&'static str),
    /// The list of free pages: how many, which, and what is left of longer lists.
    FreeCount,
    FreePage,
    FreeRest,
    /// Where a large value lies; how many pages it has; what is behind it.
    BigPlace,
    BigPages,
    BigRest,
}

/// A table, by its place in the list of names.
pub type Table = usize;

/// Names of the tables by their places; the main tree and the list of free pages come last.
pub struct Labels {
    pub names: Vec<String>,
    pub parts: Vec<Part>,
    /// Pages in use, and what refers to each: where its number stands.
    pub referred: BTreeMap<usize, usize>,
    /// Pages of the list of free pages.
    pub free: Vec<usize>,
    pub newest: usize,
}

fn u16_at(file: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(file[at..at + 2].try_into().unwrap()))
}

pub fn u32_at(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

pub fn u64_at(file: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(file[at..at + 8].try_into().unwrap())
}

const META: &[(usize, usize, &str)] = &[
    (0, 8, "number"),
    (10, 2, "type"),
    (16, 4, "magic"),
    (20, 4, "format"),
    (32, 8, "map size"),
    (40, 4, "page size"),
    (44, 2, "flags"),
    (46, 2, "free: depth"),
    (48, 32, "free: counts"),
    (80, 8, "free: root"),
    (92, 2, "main: flags"),
    (94, 2, "main: depth"),
    (96, 32, "main: counts"),
    (128, 8, "main: root"),
    (136, 8, "last page"),
    (144, 8, "transaction"),
];

/// Reads a good file. All its pages are there.
pub fn labels(file: &[u8]) -> Labels {
    let newest = usize::from(u64_at(file, PAGE + 144) > u64_at(file, 144));
    let mut labels = Labels {
        names: Vec::new(),
        parts: vec![Part::Free; file.len()],
        referred: BTreeMap::new(),
        free: Vec::new(),
        newest,
    };
    for page in 0..2 {
        let part = |what| if page == newest { Part::Meta(what) } else { Part::OldMeta(what) };
        labels.mark(page * PAGE, PAGE, part("rest"));
        for (at, length, what) in META {
            labels.mark(page * PAGE + at, *length, part(what));
        }
    }
    let meta = newest * PAGE;
    let free = labels.name("free list");
    labels.tree(file, meta + 80, free);
    let main = labels.name("main");
    for (value, name) in labels.tree(file, meta + 128, main) {
        for (at, length, what) in [(0, 4, "pad"), (4, 2, "flags"), (6, 2, "depth"), (8, 32, "counts"), (40, 8, "root")]
        {
            labels.mark(value + at, length, Part::Description(what));
        }
        let table = labels.name(&String::from_utf8_lossy(&name));
        labels.tree(file, value + 40, table);
    }
    labels
}

impl Labels {
    fn name(&mut self, name: &str) -> Table {
        self.names.push(name.to_string());
        self.names.len() - 1
    }

    fn mark(&mut self, at: usize, length: usize, part: Part) {
        self.parts[at..at + length].fill(part);
    }

    /// The tree whose root's number stands at a place; answers where the values are, and their keys.
    fn tree(&mut self, file: &[u8], root: usize, table: Table) -> Vec<(usize, Vec<u8>)> {
        let mut values = Vec::new();
        if u64_at(file, root) != u64::MAX {
            self.page(file, u64_at(file, root) as usize, root, table, &mut values);
        }
        values
    }

    fn page(&mut self, file: &[u8], number: usize, from: usize, table: Table, values: &mut Vec<(usize, Vec<u8>)>) {
        let base = number * PAGE;
        self.referred.insert(number, from);
        let (leaf, lower, upper) = (u16_at(file, base + 10) == 2, u16_at(file, base + 12), u16_at(file, base + 14));
        for (at, length, part) in [(0, 8, Part::Number), (8, 2, Part::Pad), (10, 2, Part::Type), (12, 4, Part::Bounds)]
        {
            self.mark(base + at, length, part);
        }
        self.mark(base + 16, lower - 16, Part::Pointer);
        self.mark(base + lower, upper - lower, Part::Gap);
        for node in 0..(lower - 16) / 2 {
            let at = base + u16_at(file, base + 16 + 2 * node);
            let key_length = u16_at(file, at + 6);
            let (key, behind) = (at + 8, at + 8 + key_length);
            self.mark(at + 6, 2, Part::KeyLength);
            if !leaf {
                self.mark(at, 6, Part::Child);
                let part = if node == 0 { Part::FirstKey } else { Part::Separator };
                self.mark(key, key_length, part);
                self.slack(behind);
                self.page(file, u64_at(file, at) as usize & 0xFFFF_FFFF_FFFF, at, table, values);
                continue;
            }
            self.mark(at, 4, Part::Length);
            self.mark(at + 4, 2, Part::Flags);
            self.mark(key, key_length, Part::Key(table));
            let length = u32_at(file, at);
            if u16_at(file, at + 4) == 1 {
                self.mark(behind, 8, Part::BigPlace);
                self.slack(behind + 8);
                self.big(file, behind, length, table);
            } else {
                self.mark(behind, length, Part::Value(table));
                self.slack(behind + length);
                if self.names[table] == "free list" {
                    self.free_list(file, behind, length);
                }
                values.push((behind, file[key..behind].to_vec()));
            }
        }
    }

    fn slack(&mut self, end: usize) {
        if end % 2 == 1 {
            self.mark(end, 1, Part::Slack);
        }
    }

    fn big(&mut self, file: &[u8], from: usize, length: usize, table: Table) {
        let number = u64_at(file, from) as usize;
        let pages = u32_at(file, number * PAGE + 12);
        let base = number * PAGE;
        (number..number + pages).for_each(|page| {
            self.referred.insert(page, from);
        });
        self.mark(base, pages * PAGE, Part::BigRest);
        for (at, length, part) in
            [(0, 8, Part::Number), (8, 2, Part::Pad), (10, 2, Part::Type), (12, 4, Part::BigPages)]
        {
            self.mark(base + at, length, part);
        }
        self.mark(base + 16, length, Part::Value(table));
        if self.names[table] == "free list" {
            self.free_list(file, base + 16, length);
        }
    }

    fn free_list(&mut self, file: &[u8], at: usize, length: usize) {
        let count = u64_at(file, at) as usize;
        self.mark(at, length, Part::FreeRest);
        self.mark(at, 8, Part::FreeCount);
        self.mark(at + 8, 8 * count, Part::FreePage);
        self.free.extend((1..=count).map(|place| u64_at(file, at + 8 * place) as usize));
    }
}
