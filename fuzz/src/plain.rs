//! Natural numbers of any length, as at school: what the library's fixed ones are held against.

use sales::market::U256;

/// A number, its least byte first, without zeros at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Number(Vec<u8>);

impl Number {
    fn of(mut bytes: Vec<u8>) -> Number {
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Number(bytes)
    }

    /// The number with one more decimal digit behind it.
    pub fn append(&self, digit: u8) -> Number {
        let (mut out, mut carry) = (Vec::new(), u32::from(digit));
        for byte in &self.0 {
            carry += u32::from(*byte) * 10;
            out.push(carry as u8);
            carry >>= 8;
        }
        out.push(carry as u8);
        Number::of(out)
    }

    /// Whether so many bytes hold it.
    pub fn fits(&self, bytes: usize) -> bool {
        self.0.len() <= bytes
    }

    fn times(&self, other: &Number) -> Number {
        let mut out = vec![0u8; self.0.len() + other.0.len()];
        for (at, a) in self.0.iter().enumerate() {
            let mut carry = 0u32;
            for (by, b) in other.0.iter().enumerate() {
                carry += u32::from(out[at + by]) + u32::from(*a) * u32::from(*b);
                out[at + by] = carry as u8;
                carry >>= 8;
            }
            out[at + other.0.len()] = carry as u8;
        }
        Number::of(out)
    }
}

impl From<U256> for Number {
    fn from(value: U256) -> Number {
        Number::of(value.to_le_bytes::<32>().to_vec())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

/// The product of all of them.
pub fn product(of: &[Number]) -> Number {
    of.iter().fold(Number(vec![1]), |product, factor| product.times(factor))
}
