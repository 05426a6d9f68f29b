//! The keys of one object, to see a duplicate.

use crate::text::Literal;
use crate::tree::BTreeSet;
use std::borrow::Cow;

/// Keys kept on the stack; objects with more of them, or with an escaped key, need a set.
const FEW: usize = 16;

/// The keys seen so far in one object. Allocates nothing for the objects that records are made of.
pub(crate) struct Keys<'a> {
    /// One bit a key: if a key's bit is not set the key is new, and nothing is compared.
    bits: u64,
    count: usize,
    few: [&'a str; FEW],
    many: BTreeSet<Cow<'a, str>>,
}

impl Default for Keys<'_> {
    fn default() -> Self {
        Keys {
            bits: 0,
            count: 0,
            few: [""; FEW],
            many: BTreeSet::new(),
        }
    }
}

impl<'a> Keys<'a> {
    /// Adds a key; answers whether it was new.
    #[inline]
    pub(crate) fn insert(&mut self, key: Literal<'a>) -> bool {
        if key.escaped || self.count == FEW || !self.many.is_empty() {
            return self.insert_many(key);
        }
        let bit = bit(key.raw);
        let known = &self.few[..self.count];
        if self.bits & bit != 0 && known.contains(&key.raw) {
            return false;
        }
        self.bits |= bit;
        self.few[self.count] = key.raw;
        self.count += 1;
        true
    }

    #[cold]
    fn insert_many(&mut self, key: Literal<'a>) -> bool {
        if self.many.is_empty() {
            let known = self.few[..self.count].iter();
            self.many.extend(known.map(|key| Cow::Borrowed(*key)));
        }
        self.many.insert(key.decode())
    }
}

#[inline]
fn bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return 1;
    };
    let mix = u32::from(*first) * 5 + u32::from(*last) * 11 + bytes.len() as u32 * 23;
    1 << (mix % 64)
}
