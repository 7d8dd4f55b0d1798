//! The records of the store: no bytes make a decoder panic, what decodes is written back byte for byte, and what is written decodes as it was.

use super::input::Input;
use sales::codec::{Decoder, Encoder, LAYOUT};
use sales::event::Event;
use sales::ledger::books::{self, Books};
use sales::ledger::record::Record;
use sales::market::{Ask, Id};
use sales::sales::counts::{Counts, COUNTS};
use sales::sales::known::Known;
use sales::sales::offer::Offer;
use sales::sales::sale::Sale;
use std::fmt::Debug;

/// Where the id of its request lies in a request's record: behind when it ends, whether it started, what is taken and sold, the ask's length
/// and the ask's version.
const KNOWN_ID: usize = 8 + 1 + 4 + 4 + 4 + 1;

/// One input: which record, whether it is sealed first (or no input would ever pass the checksum), and its bytes.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (which, sealed) = (input.u8(), input.u8() & 1 == 0);
    let body = input.rest();
    let id = Id([7; 32]);
    let number = 9u64;
    let event = number.to_be_bytes();
    // A request is stored under the id that is in its ask, behind what is known of it.
    let request = Id(body.get(KNOWN_ID..KNOWN_ID + 32).and_then(|id| id.try_into().ok()).unwrap_or_default());
    let kind = which % 9;
    let key: &[u8] = match kind {
        0 | 2 | 3 => &id.0,
        1 => books::KEY,
        4 => &event,
        5 => COUNTS,
        6 => &request.0,
        _ => &[],
    };
    let record = if sealed { Encoder::begin().raw(body).seal(key) } else { body.to_vec() };
    match kind {
        0 => held(&record, |bytes| Record::decode(bytes, &id), |record| record.encode(&id)),
        1 => held(&record, Books::decode, Books::encode),
        2 => held(&record, |bytes| Sale::decode(id, bytes), Sale::encode),
        3 => held(&record, |bytes| Offer::decode(id, bytes), Offer::encode),
        4 => held(&record, |bytes| Event::decode(number, bytes), Event::encode),
        5 => held(&record, Counts::decode, Counts::encode),
        6 => held(&record, |bytes| Known::decode(&request, bytes), Known::encode),
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
    // An older layout is read, and written back as the newest.
    if record[0] == LAYOUT {
        assert_eq!(encode(&value), record, "it decodes, and is written back as something else: {value:?}");
    }
    let again = decode(&encode(&value)).expect("what was written decodes");
    assert_eq!(again, value, "it is not what was written");
}

/// Every value that can be written is read back, and nothing is left over.
fn primitives(body: &[u8]) {
    let mut input = Input::new(body);
    let most = usize::from(input.u8());
    let key = input.bytes(most).to_vec();
    let steps: Vec<(u8, u64, Vec<u8>)> = (0..input.below(8))
        .map(|_| {
            let (kind, number, most) = (input.u8() % 4, input.u64(), usize::from(input.u8()));
            (kind, number, input.bytes(most).to_vec())
        })
        .collect();
    let mut record = Encoder::begin();
    for (kind, number, bytes) in &steps {
        record = match kind {
            0 => record.u8(*number as u8),
            1 => record.u32(*number as u32),
            2 => record.u64(*number),
            _ => record.blob(bytes),
        };
    }
    let record = record.seal(&key);
    let mut d = Decoder::open(&key, &record, &"a record").expect("it was just sealed");
    for (kind, number, bytes) in &steps {
        match kind {
            0 => assert_eq!(d.u8(), Ok(*number as u8)),
            1 => assert_eq!(d.u32(), Ok(*number as u32)),
            2 => assert_eq!(d.u64(), Ok(*number)),
            _ => assert_eq!(d.blob().as_deref(), Ok(&bytes[..])),
        }
    }
    assert_eq!(d.end(), Ok(()));
    // One bit that is not as it was written, of the record or of its key: the checksum tells.
    let (mut damaged, mut elsewhere) = (record.clone(), key.clone());
    let (at, bit) = (usize::from(input.u16()) % (record.len() + key.len()), 1 << (input.u8() % 8));
    match at.checked_sub(record.len()) {
        None => damaged[at] ^= bit,
        Some(at) => elsewhere[at] ^= bit,
    }
    assert!(Decoder::open(&elsewhere, &damaged, &"a record").is_err(), "a bit flipped at byte {at} is not noticed");
}
