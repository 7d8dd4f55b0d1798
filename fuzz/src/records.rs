//! The records of the store: no bytes make a decoder panic, what decodes is written back byte for byte, and what is written decodes as it was.

use super::input::Input;
use sales::codec::{Decoder, Encoder};
use sales::event::Event;
use sales::ledger::books::Books;
use sales::ledger::record::Record;
use sales::market::{Ask, Id};
use sales::sales::acts::{Counts, Known};
use sales::sales::offer::Offer;
use sales::sales::sale::Sale;
use std::fmt::Debug;

/// The layout's version, which every record of this format has in front.
const LAYOUT: u8 = 1;

/// One input: which record, whether it is sealed first (or no input would ever pass the checksum), and its bytes.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (which, sealed) = (input.u8(), input.u8() & 1 == 0);
    let body = input.rest();
    let record = if sealed { Encoder::new(LAYOUT).raw(body).seal() } else { body.to_vec() };
    let id = Id([7; 32]);
    match which % 9 {
        0 => held(&record, |bytes| Record::decode(bytes, &id), Record::encode),
        1 => held(&record, Books::decode, Books::encode),
        2 => held(&record, |bytes| Sale::decode(id, bytes), Sale::encode),
        3 => held(&record, |bytes| Offer::decode(id, bytes), Offer::encode),
        4 => held(&record, |bytes| Event::decode(9, bytes), Event::encode),
        5 => held(&record, Counts::decode, Counts::encode),
        6 => held(&record, |bytes| Known::decode(&id, bytes), Known::encode),
        7 => held(&record, Ask::decode, Ask::encode),
        _ => primitives(body),
    }
}

fn held<T: PartialEq + Debug, E: Debug>(
    record: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    let Ok(value) = decode(record) else { return };
    assert_eq!(encode(&value), record, "it decodes, and is written back as something else: {value:?}");
    let again = decode(&encode(&value)).expect("what was written decodes");
    assert_eq!(again, value, "it is not what was written");
}

/// Every value that can be written is read back, and nothing is left over.
fn primitives(body: &[u8]) {
    let mut input = Input::new(body);
    let version = input.u8();
    let steps: Vec<(u8, u64, Vec<u8>)> = (0..input.below(8))
        .map(|_| {
            let (kind, number, most) = (input.u8() % 4, input.u64(), usize::from(input.u8()));
            (kind, number, input.bytes(most).to_vec())
        })
        .collect();
    let mut record = Encoder::new(version);
    for (kind, number, bytes) in &steps {
        record = match kind {
            0 => record.u8(*number as u8),
            1 => record.u32(*number as u32),
            2 => record.u64(*number),
            _ => record.blob(bytes),
        };
    }
    let record = record.seal();
    let mut d = Decoder::open(&record, version, &"a record").expect("it was just sealed");
    for (kind, number, bytes) in &steps {
        match kind {
            0 => assert_eq!(d.u8(), Ok(*number as u8)),
            1 => assert_eq!(d.u32(), Ok(*number as u32)),
            2 => assert_eq!(d.u64(), Ok(*number)),
            _ => assert_eq!(d.blob().as_deref(), Ok(&bytes[..])),
        }
    }
    assert_eq!(d.end(), Ok(()));
    // One bit that is not as it was written: the checksum tells.
    let mut damaged = record.clone();
    let at = usize::from(input.u16()) % damaged.len();
    damaged[at] ^= 1 << (input.u8() % 8);
    assert!(Decoder::open(&damaged, version, &"a record").is_err(), "a bit flipped at byte {at} is not noticed");
}
