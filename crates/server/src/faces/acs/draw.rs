//! Secrets and ids, drawn from the entropy of one request.
use crate::ServerNow;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws from a stream that goes on through all steps of a request: nothing is drawn twice.
pub(super) struct Draw(ChaCha20Rng);

impl Draw {
    pub(super) fn new(now: &ServerNow) -> Self {
        Draw(ChaCha20Rng::from_seed(now.entropy))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// The id of a mutation.
    pub(super) fn mutation(&mut self) -> String {
        format!("{:016x}{:016x}", self.number(), self.number())
    }
}

// What has been drawn, and what will be, is secret.
impl std::fmt::Debug for Draw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Draw")
    }
}
