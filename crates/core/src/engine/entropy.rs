//! Randomness of a step, expanded from the entropy that it was given.
use crate::model::{GroupId, MutationId, Now, RecordId, RequestId};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws ids and jitter; the same on hosts of any word size.
pub(super) struct Entropy(ChaCha8Rng);

impl Entropy {
    pub(super) fn new(now: &Now) -> Self {
        Entropy(ChaCha8Rng::from_seed(now.entropy))
    }

    fn u128(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    pub(super) fn mutation(&mut self) -> MutationId {
        MutationId(self.u128())
    }

    pub(super) fn group(&mut self) -> GroupId {
        GroupId(self.u128())
    }

    /// A request id below 2^53, so that JavaScript can hold it.
    pub(super) fn request(&mut self) -> RequestId {
        RequestId(self.0.next_u64() >> 11)
    }

    /// A random record id: 32 hexadecimal digits.
    pub(super) fn record(&mut self) -> RecordId {
        let text = format!("{:032x}", self.u128());
        RecordId::new(text)
            .unwrap_or_else(|_| unreachable!("32 hexadecimal digits are a record id"))
    }

    /// A number from 0 to `below - 1`; 0 when `below` is 0.
    pub(super) fn below(&mut self, below: u64) -> u64 {
        if below == 0 {
            0
        } else {
            self.0.next_u64() % below
        }
    }
}
