//! Which side wrote later.
use super::{Side, Sides};
use crate::model::{RemoteStamps, Stamp};
use tisync_json::Path;

/// The side that wrote the record later; `None` when the server's time is not known.
pub(super) fn record(sides: &Sides<'_>) -> Option<Side> {
    later(sides.our_stamps.latest, sides.their_stamp, sides.stamps)
}

/// The side that wrote the field later; `None` when the server's time is not known.
pub(super) fn field(sides: &Sides<'_>, path: &Path) -> Option<Side> {
    let theirs = sides.their_stamps.map(|stamps| stamps.of(path));
    later(
        sides.our_stamps.of(path),
        theirs.or(sides.their_stamp),
        sides.stamps,
    )
}

/// Compares at the coarser precision. A tie goes to the server: so the order of nodes never counts, and the
/// same image comes out wherever the two meet.
fn later(ours: Stamp, theirs: Option<Stamp>, stamps: &RemoteStamps) -> Option<Side> {
    let theirs = theirs?;
    let ours_is_later = match stamps {
        RemoteStamps::None => return None,
        RemoteStamps::Arrival { precision_ms } => {
            let precision_ms = (*precision_ms).max(1);
            ours.ms / precision_ms > theirs.ms / precision_ms
        }
        RemoteStamps::Fields | RemoteStamps::Record => {
            (ours.ms, ours.counter) > (theirs.ms, theirs.counter)
        }
    };
    Some(if ours_is_later {
        Side::Ours
    } else {
        Side::Theirs
    })
}
