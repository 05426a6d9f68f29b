//! The moment of a request.
use crate::ServerNow;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock and randomness.
pub(super) fn now() -> ServerNow {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut entropy = [0; 32];
    if let Err(error) = getrandom::fill(&mut entropy) {
        // Sessions would be guessable: the request ends here, and the client hears that the server failed.
        panic!("the system gives no randomness: {error}");
    }
    ServerNow {
        wall_ms: since.as_millis() as u64,
        entropy,
    }
}
