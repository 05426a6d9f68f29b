//! The moment of a request.
use crate::ServerNow;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock and randomness.
pub(super) fn now() -> ServerNow {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut entropy = [0; 32];
    for (part, bytes) in entropy.chunks_exact_mut(8).enumerate() {
        // A new `RandomState` has keys from the system: enough to name an epoch, not for secrets.
        bytes.copy_from_slice(
            &RandomState::new()
                .hash_one((part, since.as_nanos()))
                .to_le_bytes(),
        );
    }
    ServerNow {
        wall_ms: since.as_millis() as u64,
        entropy,
    }
}
