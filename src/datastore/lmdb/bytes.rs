//! Numbers out of the bytes of LMDB's pages, in the byte order of the machine.

/// So many bytes from a place on; zeros where there are not so many.
pub fn at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = at.checked_add(N).and_then(|end| bytes.get(at..end)).and_then(|found| found.try_into().ok());
    found.unwrap_or([0; N])
}

/// A number of 16 bits.
pub fn u16_at(bytes: &[u8], place: usize) -> u16 {
    u16::from_ne_bytes(at(bytes, place))
}

/// A number of 32 bits.
pub fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_ne_bytes(at(bytes, place))
}

/// A number of 64 bits.
pub fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_ne_bytes(at(bytes, place))
}
