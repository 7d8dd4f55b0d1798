//! Fixed little-endian layouts with a version byte in front and a checksum behind: every record of the store. The checksum covers the key
//! too, so that a record found under a key that is not its own is noticed. A record that does not decode is reported by name, never
//! guessed at. What decodes is what its encoder writes, byte for byte.

use crate::error::{Error, Result};
use crate::status::SALES_ERR_RECORD;
use std::fmt::{self, Display};

/// The version of every layout that this library writes.
pub const LAYOUT: u8 = 2;
/// The version whose checksum did not cover the key; all else was the same. It is read, and written no more.
const WITHOUT_KEY: u8 = 1;

/// Writes one record.
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// Begins a record.
    pub fn begin() -> Self {
        Encoder(vec![LAYOUT])
    }

    /// Appends bytes whose length the layout knows.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a byte.
    pub fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// Appends a 32-bit number.
    pub fn u32(self, value: u32) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// Appends a 64-bit number.
    pub fn u64(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// Appends bytes with their length in front.
    pub fn blob(self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let kept = bytes.len().min(len as usize);
        self.u32(len).raw(&bytes[..kept])
    }

    /// Ends the record with its checksum. `key` is what it is stored under; empty for a record within another.
    pub fn seal(mut self, key: &[u8]) -> Vec<u8> {
        let sum = checksum(key, &self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(key);
    sum.update(body);
    sum.finalize()
}

/// A single number as a record.
pub fn seal_number(key: &[u8], value: u64) -> Vec<u8> {
    Encoder::begin().u64(value).seal(key)
}

/// Reads a single number; layout 1 had its eight bytes alone.
pub fn open_number(key: &[u8], record: &[u8], what: &dyn Display) -> Result<u64> {
    if let Ok(alone) = record.try_into() {
        return Ok(u64::from_le_bytes(alone));
    }
    let mut d = Decoder::open(key, record, what)?;
    let value = d.u64()?;
    d.end()?;
    Ok(value)
}

/// What a record is, and whose: put into words only when it has to be named.
pub struct Named<T>(pub &'static str, pub T);

impl<T: Display> Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// Reads one record.
pub struct Decoder<'a> {
    layout: u8,
    rest: &'a [u8],
    what: &'a dyn Display,
}

impl<'a> Decoder<'a> {
    /// Opens a record that was found under `key`: its checksum must fit, and its version must be known. `what` names it in errors.
    pub fn open(key: &[u8], record: &'a [u8], what: &'a dyn Display) -> Result<Self> {
        let bad = |why: String| Error::new(SALES_ERR_RECORD, format!("{what}: {why}"));
        let Some((body, sum)) = record.split_last_chunk::<4>() else {
            return Err(bad(format!("{} bytes are too short for a record", record.len())));
        };
        let Some((version, rest)) = body.split_first() else {
            return Err(bad("empty record".into()));
        };
        let covered = if *version == WITHOUT_KEY { &[] } else { key };
        let (found, expected) = (checksum(covered, body), u32::from_le_bytes(*sum));
        if found != expected {
            return Err(bad(format!("checksum {found:08x} instead of {expected:08x}: the record is damaged")));
        }
        match *version {
            layout @ WITHOUT_KEY..=LAYOUT => Ok(Decoder { layout, rest, what }),
            v => Err(bad(format!("layout version {v}, this library reads {WITHOUT_KEY} to {LAYOUT}"))),
        }
    }

    /// The next `N` bytes.
    pub fn raw<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Error::new(SALES_ERR_RECORD, format!("{}: the record ends early", self.what)));
        };
        self.rest = rest;
        Ok(*head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.raw::<1>()?[0])
    }

    /// The next 32-bit number.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.raw()?))
    }

    /// The next 64-bit number.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.raw()?))
    }

    /// The record that is written within this one, by the same writer; `None` where none is.
    pub fn inner(&mut self, what: &'a dyn Display) -> Result<Option<Decoder<'a>>> {
        let record = self.slice()?;
        if record.is_empty() {
            return Ok(None);
        }
        let inner = Decoder::open(&[], record, what)?;
        match inner.layout == self.layout {
            true => Ok(Some(inner)),
            false => Err(self.unknown(&format!("layout {} holds {what} of layout {}", self.layout, inner.layout))),
        }
    }

    /// The next bytes with their length in front.
    pub fn blob(&mut self) -> Result<Vec<u8>> {
        Ok(self.slice()?.to_vec())
    }

    fn slice(&mut self) -> Result<&'a [u8]> {
        let len = self.u32()? as usize;
        if len > self.rest.len() {
            return Err(Error::new(SALES_ERR_RECORD, format!("{}: the record ends early", self.what)));
        }
        let (head, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(head)
    }

    /// The next byte: 0 or 1.
    pub fn flag(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.unknown(&format!("{other} is neither 0 nor 1"))),
        }
    }

    /// The next bytes with their length in front, as text.
    pub fn text(&mut self) -> Result<String> {
        String::from_utf8(self.blob()?).map_err(|_| self.unknown("a text is not UTF-8"))
    }

    /// A value that no writer of this layout puts there.
    pub fn unknown(&self, why: &str) -> Error {
        Error::new(SALES_ERR_RECORD, format!("{}: {why}", self.what))
    }

    /// Ends: nothing may be left.
    pub fn end(self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::new(SALES_ERR_RECORD, format!("{}: {} bytes too many", self.what, self.rest.len())))
    }
}
