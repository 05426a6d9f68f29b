//! Time: what a step is given, and the stamps that it writes.
use super::NameError;
use serde::Serialize;
use std::fmt;
use tisync_json::Deserialize;

/// What the host gives to each step: time and entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Milliseconds since 1970 by this device's clock, right or wrong.
    pub wall_ms: u64,
    /// Milliseconds of a clock that never goes back, from an origin of this process.
    pub monotonic_ms: u64,
    /// Fresh random bytes.
    pub entropy: [u8; 32],
}

/// A hybrid logical clock's stamp: orders by time, then counter, then node.
///
/// Text form (sortable): `<12 hex: ms><4 hex: counter>-<8 hex: node>`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// Orders stamps of one millisecond.
    pub counter: u16,
    /// The replica that drew it.
    pub node: u32,
}

impl Stamp {
    /// A stamp of a time alone, as servers give it.
    pub fn at(ms: u64) -> Self {
        Stamp {
            ms,
            counter: 0,
            node: 0,
        }
    }

    /// The next stamp of `node` at `wall_ms`, later than `self` whatever the wall clock says.
    pub fn next(self, wall_ms: u64, node: u32) -> Self {
        if wall_ms > self.ms {
            return Stamp {
                ms: wall_ms,
                counter: 0,
                node,
            };
        }
        match self.counter.checked_add(1) {
            Some(counter) => Stamp {
                ms: self.ms,
                counter,
                node,
            },
            None => Stamp {
                ms: self.ms + 1,
                counter: 0,
                node,
            },
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}{:04x}-{:08x}", self.ms, self.counter, self.node)
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> String {
        stamp.to_string()
    }
}

impl std::str::FromStr for Stamp {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let parse = || {
            if text.len() != 25 || !text.is_ascii() || text.as_bytes()[16] != b'-' {
                return None;
            }
            Some(Stamp {
                ms: u64::from_str_radix(&text[..12], 16).ok()?,
                counter: u16::from_str_radix(&text[12..16], 16).ok()?,
                node: u32::from_str_radix(&text[17..], 16).ok()?,
            })
        };
        parse().ok_or_else(|| {
            NameError::new("a stamp of the form 16 hex digits, -, 8 hex digits", text)
        })
    }
}

impl TryFrom<String> for Stamp {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

/// A point in time to wait for, kept over restarts.
///
/// Within the process that set it (the same generation) the monotonic clock decides; after a restart the
/// wall clock does, cut to the wait that was asked for, so that a clock that jumps cannot stall or hurry it
/// by more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The lease's generation that set it.
    pub generation: super::Generation,
    /// Monotonic time when it was set.
    pub set_monotonic_ms: u64,
    /// Wall time when it was set.
    pub set_wall_ms: u64,
    /// How long to wait from then.
    pub wait_ms: u64,
}

impl Deadline {
    /// Sets a deadline `wait_ms` from `now`.
    pub fn after(now: &Now, generation: super::Generation, wait_ms: u64) -> Self {
        Deadline {
            generation,
            set_monotonic_ms: now.monotonic_ms,
            set_wall_ms: now.wall_ms,
            wait_ms,
        }
    }

    /// Milliseconds that remain; 0 when it is due.
    pub fn remaining_ms(&self, now: &Now, generation: super::Generation) -> u64 {
        let elapsed = if generation == self.generation {
            now.monotonic_ms.saturating_sub(self.set_monotonic_ms)
        } else {
            now.wall_ms.saturating_sub(self.set_wall_ms)
        };
        self.wait_ms.saturating_sub(elapsed)
    }
}
