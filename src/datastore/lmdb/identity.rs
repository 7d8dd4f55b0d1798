//! The identity file: says that a store is here, and which. Data without it was never finished or is not
//! ours; it without data is a loss.

use super::fail;
use super::path;
use crate::error::{Error, Result};
use crate::status::*;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file's name in the directory of the store.
pub const NAME: &str = "identity";
/// What it is written as, before it takes its name.
const TEMPORARY: &str = "identity.new";
/// What one that was replaced by a reset is kept as.
const REPLACED: &str = "identity.replaced";
/// The version of the store's format that this library writes.
pub const FORMAT: u32 = 1;

const FIRST_LINE: &str = "sales store identity";
/// Longer is no identity of any version.
const LONGEST: u64 = 4096;

/// The id a store was created with.
pub type Birth = [u8; 16];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// No file.
    Missing,
    /// A file that is no identity; the text says why.
    Unreadable(String),
    /// A good one.
    Of(Birth),
}

/// Reads the identity in a directory. Only one of a newer version is an error here.
pub fn read(dir: &Path) -> Result<Identity> {
    let path = dir.join(NAME);
    // Not blocked by a pipe of that name, which is no identity.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Identity::Missing),
        Err(error) => return Err(fail::opening("open the identity file", &path, &error)),
    };
    let mut text = Vec::new();
    let unreadable = |why: &str| Ok(Identity::Unreadable(format!("{} {why}", path.display())));
    match file.take(LONGEST).read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(libc::EISDIR) => return unreadable("is a directory"),
        Err(error) => return Err(fail::working("read the identity file", &path, &error)),
    }
    match parse(&text) {
        Err(why) => unreadable(why),
        Ok((version, _)) if version > FORMAT => Err(newer(&path, version)),
        Ok((_, Some(birth))) => Ok(Identity::Of(birth)),
        Ok((_, None)) => unreadable("has no birth id"),
    }
}

/// The error of a store written by a newer version.
pub fn newer(path: &Path, version: u32) -> Error {
    let text = format!("{} is of format {version}; this library knows formats up to {FORMAT}", path.display());
    Error::new(SALES_ERR_STORE_VERSION, text)
}

/// Writes the identity whole or not at all. One that is there and differs is kept under another name.
pub fn write(dir: &Path, birth: &Birth) -> Result<()> {
    let (target, temporary, replaced) = (dir.join(NAME), dir.join(TEMPORARY), dir.join(REPLACED));
    let failed = |error: io::Error| fail::opening("write the identity file", &target, &error);
    remove(&temporary).map_err(failed)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
    file.write_all(print(birth).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    if target.is_dir() {
        // A directory has no second name.
        remove(&replaced).and_then(|()| fs::rename(&target, &replaced)).map_err(failed)?;
    } else if target.exists() {
        remove(&replaced).and_then(|()| fs::hard_link(&target, &replaced)).map_err(failed)?;
    }
    fs::rename(&temporary, &target).map_err(failed)?;
    path::sync(dir)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new random id.
pub fn new_birth() -> Result<Birth> {
    let mut birth = [0; 16];
    getrandom::fill(&mut birth)
        .map_err(|error| Error::new(SALES_ERR_STORE, format!("cannot get a random id: {error}")))?;
    Ok(birth)
}

/// An id as text.
pub fn hex(birth: &Birth) -> String {
    birth.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn print(birth: &Birth) -> String {
    let body = format!("{FIRST_LINE}\nformat {FORMAT}\nbirth {}\n", hex(birth));
    format!("{body}crc {:08x}\n", crc32fast::hash(body.as_bytes()))
}

/// The version and, if it is there, the birth id. What every version keeps: the first line, the version in the
/// second, and in the last the checksum of all before it.
fn parse(bytes: &[u8]) -> std::result::Result<(u32, Option<Birth>), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not text")?;
    let end = text.strip_suffix('\n').and_then(|text| text.rfind('\n')).ok_or("is cut short")?;
    let (body, last) = text.split_at(end.saturating_add(1));
    let mut lines = body.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err("is not the identity of a store");
    }
    if last != format!("crc {:08x}\n", crc32fast::hash(body.as_bytes())) {
        return Err("is damaged: its checksum does not fit");
    }
    let version = lines.next().and_then(|line| line.strip_prefix("format ")).and_then(|number| number.parse().ok());
    let version = version.filter(|version| *version > 0).ok_or("has no format version")?;
    Ok((version, lines.next().and_then(|line| line.strip_prefix("birth ")).and_then(unhex)))
}

fn unhex(text: &str) -> Option<Birth> {
    let mut birth = [0; 16];
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in birth.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(birth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_is_parsed_and_any_change_is_noticed() {
        let birth = *b"0123456789abcdef";
        let text = print(&birth);
        assert_eq!(parse(text.as_bytes()), Ok((1, Some(birth))));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(parse(&changed).is_err(), "a change at {at} went unnoticed");
            assert!(parse(&text.as_bytes()[..at]).is_err(), "a cut at {at} went unnoticed");
        }
    }
}
