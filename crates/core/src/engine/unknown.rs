//! Entries whose fate is unknown: how each is settled, and when.
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::Tx;

/// How an entry whose fate is unknown is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// It is sent again under its key, after so many milliseconds.
    Again { rest_ms: u64 },
    /// Its record is looked up, after so many milliseconds.
    LookUp { rest_ms: u64 },
}

/// How an entry whose fate is unknown is settled.
///
/// A server that remembers keys settles it at any time: the request that was sent first and the one that is sent
/// again are one. So does one that keeps preconditions: the first no longer holds once the second took effect.
/// Everything else waits until the first request is over, or a look-up would not see what it still does, and a
/// write that it carries would undo what came after.
pub(super) fn means<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> Result<Means, Error> {
    let capability = &work.collection(&entry.collection)?.capability;
    let rest_ms = rest(work, entry);
    let again = Means::Again {
        rest_ms: if capability.conditional { 0 } else { rest_ms },
    };
    let remembers_ms = match capability.idempotency {
        Idempotency::Replays { remembers_ms } | Idempotency::Refuses { remembers_ms } => {
            remembers_ms
        }
        // A create under our id is an upsert of the same.
        Idempotency::ClientIds if matches!(entry.change, Change::Create(_)) => {
            return Ok(again);
        }
        Idempotency::ClientIds | Idempotency::Mark | Idempotency::None => 0,
    };
    let sent_ms = entry
        .frozen
        .as_ref()
        .map_or(entry.created_ms, |frozen| frozen.at_ms);
    if work.now.wall_ms.saturating_sub(sent_ms) < remembers_ms {
        return Ok(Means::Again { rest_ms: 0 });
    }
    Ok(if capability.fetch {
        Means::LookUp { rest_ms }
    } else {
        // Who cannot look can only send again.
        again
    })
}

/// Milliseconds for which the request of an entry may still be under way: as long as one may last, from the
/// moment at which the entry became unknown.
fn rest<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> u64 {
    let EntryState::Unknown { since_ms, .. } = entry.state else {
        return 0;
    };
    let taken = work.memory.taken;
    let leased_ms = taken.map_or(u64::MAX, |taken| {
        work.now.monotonic_ms.saturating_sub(taken.monotonic_ms)
    });
    let rested_ms = match work.now.wall_ms.checked_sub(since_ms) {
        // What the take-over made unknown rests by a clock that nobody sets.
        _ if taken.is_some_and(|taken| taken.wall_ms == since_ms) => leased_ms,
        Some(rested_ms) => rested_ms,
        // The clock was set back: nobody knows how long it was, but as long as the lease is held at least.
        None => leased_ms,
    };
    limits::REQUEST_DEADLINE_MS.saturating_sub(rested_ms)
}
