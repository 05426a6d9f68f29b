//! Limits of the edge, each with its reason.
use std::time::Duration;

/// How long a body may take to arrive: a slow telephone's eight megabytes, and no slow-loris.
pub(super) const BODY_WAIT: Duration = Duration::from_secs(120);
/// Bytes beyond the limit that are read and thrown away, so that the client gets to see the answer.
pub(super) const DRAIN_BYTES_MAX: u64 = 64 << 20;
/// Answers below this many bytes are not packed: they fit a packet or two as they are.
pub(super) const PACK_BYTES_MIN: usize = 1024;
/// Effort of packing: the fastest; more effort saves little of JSON and costs several times the time.
pub(super) const PACK_LEVEL: u32 = 1;
/// Connections for reading: pulls are disk and memory bound, more than a few only queue elsewhere.
pub(super) const READERS: usize = 4;
/// Streams of hints at once: each holds a connection and a few hundred bytes.
pub(super) const LISTENERS_MAX: usize = 10_000;
/// How often a silent stream of hints says that it stands: often enough for proxies, which cut silent ones after a minute.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(15);
/// The least time between two hints of one stream: what changes in between is one hint.
pub(super) const HINT_GAP: Duration = Duration::from_millis(50);
/// Bodies up to this many bytes are read where they arrive: that is quicker than another thread.
pub(super) const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Pieces of heavy work at once: passwords, each with some twenty megabytes.
pub(super) const COMPUTING: usize = 2;
/// How often old receipts and deletions are forgotten.
pub(super) const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);
