//! Time, chance and other processes: the one place that asks the machine for them.
use crate::{Error, ErrorKind};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tisync_core::model::Now;

/// What a step is given.
pub(crate) fn now() -> Result<Now, Error> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|error| {
        Error::new(
            ErrorKind::Storage,
            format!("expected random bytes from the system, but {error}"),
        )
    })?;
    Ok(Now {
        wall_ms: wall_ms(),
        monotonic_ms: monotonic_ms(),
        entropy,
    })
}

/// Milliseconds since 1970 by this device's clock.
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

/// Milliseconds since this process asked first.
pub(crate) fn monotonic_ms() -> u64 {
    millis(origin().elapsed())
}

/// The moment that an engine of this process calls `monotonic_ms`.
pub(crate) fn instant(monotonic_ms: u64) -> Instant {
    origin() + Duration::from_millis(monotonic_ms)
}

/// The moment in so many milliseconds.
pub(crate) fn after(ms: u64) -> Instant {
    moment() + Duration::from_millis(ms)
}

/// The moment now.
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// A random number for a new replica.
pub(crate) fn node() -> Result<u32, Error> {
    let now = now()?;
    let [a, b, c, d, ..] = now.entropy;
    Ok(u32::from_le_bytes([a, b, c, d]))
}

/// Whether a process was stopped by a signal; no where the system does not tell.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state is in brackets, and may hold anything.
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    state.starts_with(['T', 't'])
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
