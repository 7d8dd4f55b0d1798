//! The bytes of one input, read as choices. What is spent reads as zeros: every input is a whole one.

/// What is left of an input.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// A whole input.
    pub fn new(bytes: &'a [u8]) -> Self {
        Input { rest: bytes }
    }

    /// Nothing is left.
    pub fn is_spent(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Up to `most` bytes; fewer at the end.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(most.min(self.rest.len()));
        self.rest = rest;
        head
    }

    /// The next `N` bytes, with zeros where the input ends.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let found = self.bytes(N);
        out[..found.len()].copy_from_slice(found);
        out
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// Two bytes.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// Four bytes.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// Yes in one of `of` cases; never where the input is spent.
    pub fn one_in(&mut self, of: u8) -> bool {
        let byte = self.u8();
        byte != 0 && byte % of == of - 1
    }

    /// A number below `n`, which is 256 at most.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.u8()) % n
    }

    /// One of a list.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A number as callers and disks have them: small, at an edge, or any.
    pub fn number(&mut self) -> u64 {
        match self.u8() {
            small @ 0..=179 => u64::from(small),
            180..=199 => u64::from(self.u16()),
            200..=209 => u64::MAX - u64::from(self.u8()),
            210..=219 => 1 << (self.u8() % 64),
            220..=229 => (1u64 << (self.u8() % 64)) - 1,
            _ => self.u64(),
        }
    }
}
