//! One page of a tree, taken apart: nothing of it is believed before it is checked.

use crate::datastore::lmdb::bytes::{u16_at, u32_at, u64_at};
use crate::datastore::lmdb::meta::Tree;
use std::cmp::Ordering;

/// Bytes of a page's header.
pub const HEADER: usize = 16;
/// Bytes of a node's header.
const NODE: usize = 8;
/// LMDB's limit for a key.
const LONGEST_KEY: usize = 511;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
/// Of a node: its value lies on pages of its own.
const BIG: u16 = 0x01;
/// Of a node: its value describes a tree.
const TREE: u16 = 0x02;

/// How the keys of a tree are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As bytes; of two that begin alike the shorter first.
    Bytes,
    /// As numbers of 64 bits: the list of free pages.
    Numbers,
}

impl Order {
    /// Compares two keys.
    pub fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Order::Bytes => a.cmp(b),
            Order::Numbers => u64_at(a, 0).cmp(&u64_at(b, 0)),
        }
    }

    fn check_key(self, key: &[u8]) -> Result<(), String> {
        match self {
            Order::Bytes if key.is_empty() || key.len() > LONGEST_KEY => {
                Err(format!("a key of {} bytes, expected 1 to {LONGEST_KEY}", key.len()))
            }
            Order::Numbers if key.len() != 8 => Err(format!("a key of {} bytes, expected 8", key.len())),
            _ => Ok(()),
        }
    }
}

/// A page of a tree whose every byte that leads somewhere was checked.
#[derive(Debug)]
pub struct Page {
    bytes: Vec<u8>,
    leaf: bool,
    nodes: usize,
}

/// What stands beside a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside<'a> {
    /// In a branch: the page on which keys from this one on lie.
    Page(u64),
    /// In a leaf: the value.
    Value(Value<'a>),
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Here.
    Here(&'a [u8]),
    /// So many bytes, on pages of their own.
    Big {
        /// The first of these pages.
        page: u64,
        /// Bytes of the value.
        length: u32,
    },
    /// A tree.
    Tree(Tree),
}

impl Page {
    /// Takes a page apart.
    pub fn parse(bytes: Vec<u8>, number: u64, order: Order) -> Result<Page, String> {
        let leaf = match header(&bytes, number)? {
            BRANCH => false,
            LEAF => true,
            kind => return Err(format!("its type is {kind:#06x}, expected a branch (0x0001) or a leaf (0x0002)")),
        };
        let (lower, upper) = (usize::from(u16_at(&bytes, 12)), usize::from(u16_at(&bytes, 14)));
        if lower < HEADER || lower % 2 != 0 || upper < lower || upper > bytes.len() {
            return Err(format!("its free space is from {lower} to {upper}, of {} bytes", bytes.len()));
        }
        let nodes = (lower - HEADER) / 2;
        let least = if leaf { 1 } else { 2 };
        if nodes < least {
            return Err(format!("it has {nodes} nodes, expected {least} or more"));
        }
        let page = Page { bytes, leaf, nodes };
        page.check_places(upper)?;
        page.check_keys(order)?;
        Ok(page)
    }

    /// The nodes fill what is behind the free space, without a gap and without touching each other.
    fn check_places(&self, upper: usize) -> Result<(), String> {
        let mut places = Vec::with_capacity(self.nodes);
        for node in 0..self.nodes {
            let at = self.place(node);
            let size = self.size(at).ok_or_else(|| format!("node {node} at {at} does not lie on the page"))?;
            places.push((at, size));
        }
        places.sort_unstable();
        let mut expected = upper;
        for (at, size) in places {
            if at != expected {
                return Err(format!("a node lies at {at}, expected {expected}"));
            }
            expected = at.saturating_add(size);
        }
        match expected == self.bytes.len() {
            true => Ok(()),
            false => Err(format!("its nodes end at {expected}, of {} bytes", self.bytes.len())),
        }
    }

    fn check_keys(&self, order: Order) -> Result<(), String> {
        // LMDB never looks at the first key of a branch.
        for node in usize::from(!self.leaf)..self.nodes {
            order.check_key(self.key(node)).map_err(|why| format!("node {node}: {why}"))?;
            let before = node.checked_sub(1).filter(|before| self.leaf || *before > 0);
            if before.is_some_and(|before| order.compare(self.key(before), self.key(node)) != Ordering::Less) {
                return Err(format!("the key of node {node} is not greater than the one before it"));
            }
        }
        for node in 0..self.nodes {
            self.check_flags(node)?;
        }
        Ok(())
    }

    fn check_flags(&self, node: usize) -> Result<(), String> {
        let at = self.place(node);
        match u16_at(&self.bytes, at.saturating_add(4)) {
            // In a branch these bits belong to a page's number.
            _ if !self.leaf => Ok(()),
            0 | BIG => Ok(()),
            TREE if self.length(at) == Tree::BYTES => Ok(()),
            TREE => Err(format!("node {node} describes a tree in {} bytes, expected {}", self.length(at), Tree::BYTES)),
            flags => Err(format!("the flags of node {node} are {flags:#06x}")),
        }
    }

    /// Whether it is a leaf.
    pub fn is_leaf(&self) -> bool {
        self.leaf
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// A node's key.
    pub fn key(&self, node: usize) -> &[u8] {
        let (from, to) = self.key_place(node);
        self.bytes.get(from..to).unwrap_or(&[])
    }

    /// What stands beside a key.
    pub fn beside(&self, node: usize) -> Beside<'_> {
        let at = self.place(node);
        let low = u64::from(u32_at(&self.bytes, at));
        let flags = u16_at(&self.bytes, at.saturating_add(4));
        if !self.leaf {
            return Beside::Page(low | u64::from(flags) << 32);
        }
        let from = self.key_place(node).1;
        Beside::Value(match flags {
            BIG => Value::Big { page: u64_at(&self.bytes, from), length: u32_at(&self.bytes, at) },
            flags => {
                let value = self.bytes.get(from..from.saturating_add(self.length(at))).unwrap_or(&[]);
                match flags {
                    TREE => Value::Tree(Tree::parse(value)),
                    _ => Value::Here(value),
                }
            }
        })
    }

    /// The node with the greatest key that is not greater than this one; of a branch, the first where all are.
    pub fn find(&self, key: &[u8], order: Order) -> Option<usize> {
        let first = usize::from(!self.leaf);
        let (mut low, mut high) = (first, self.nodes);
        while low < high {
            let middle = low.midpoint(high);
            match order.compare(self.key(middle), key) {
                Ordering::Greater => high = middle,
                _ => low = middle.saturating_add(1),
            }
        }
        low.checked_sub(1)
    }

    fn place(&self, node: usize) -> usize {
        usize::from(u16_at(&self.bytes, HEADER.saturating_add(node.saturating_mul(2))))
    }

    fn key_place(&self, node: usize) -> (usize, usize) {
        let at = self.place(node);
        let from = at.saturating_add(NODE);
        (from, from.saturating_add(usize::from(u16_at(&self.bytes, at.saturating_add(6)))))
    }

    /// What a node says of its value's length.
    fn length(&self, at: usize) -> usize {
        u32_at(&self.bytes, at) as usize
    }

    /// Bytes of the node at a place, if all of them are on the page.
    fn size(&self, at: usize) -> Option<usize> {
        if at % 2 != 0 || at.checked_add(NODE)? > self.bytes.len() {
            return None;
        }
        let value = match (self.leaf, u16_at(&self.bytes, at.saturating_add(4))) {
            (false, _) => 0,
            (true, BIG) => size_of::<u64>(),
            (true, _) => self.length(at),
        };
        let key = usize::from(u16_at(&self.bytes, at.saturating_add(6)));
        let size = NODE.checked_add(key)?.checked_add(value)?.checked_next_multiple_of(2)?;
        (at.checked_add(size)? <= self.bytes.len()).then_some(size)
    }
}

/// Checks the number in a page's header and answers its type.
fn header(bytes: &[u8], number: u64) -> Result<u16, String> {
    match u64_at(bytes, 0) {
        found if found == number => Ok(u16_at(bytes, 10)),
        found => Err(format!("it says to be page {found}")),
    }
}

/// How many pages a big value has, by the header of the first.
pub fn overflow_pages(head: &[u8], number: u64) -> Result<u64, String> {
    match header(head, number)? {
        OVERFLOW => Ok(u64::from(u32_at(head, 12))),
        kind => Err(format!("its type is {kind:#06x}, expected that of a large value (0x0004)")),
    }
}
