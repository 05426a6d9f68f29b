//! Restore: what the server accepted and then lost is offered to it again.
use super::decide;
use super::outbox::{Draft, append};
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::reconcile::{Decision, Situation};
use crate::store::Tx;

/// Puts what a record shows, whose base the server has lost, onto what the server has now: ours stands, and
/// what somebody wrote there since is journalled.
pub(super) fn offer<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
) -> Result<(), Error> {
    let outcome = slot.ours();
    let of = epoch(&remote.version);
    let is_new = of.is_none() || of != epoch(&slot.record.version);
    if slot.chain.is_empty() {
        let schema = work.number(&slot.collection)?.min(slot.record.schema);
        let change = match &outcome {
            Image::Present(document) => Change::Replace(document.clone()),
            Image::Absent | Image::Gone => Change::Delete,
        };
        let written = slot.record.stamp;
        append(work, slot, Draft::of(change, None), schema)?;
        // It is as old as it was: a write that came later stays the later one.
        if let (Some(stamp), Some(entry)) = (written, slot.chain.last_mut()) {
            entry.stamps.latest = stamp;
        }
    }
    let overwrites = is_new && remote.image.is_present() && !remote.image.same(&outcome);
    let (situation, loser) = if overwrites {
        (Situation::BothChanged, Loser::Theirs)
    } else {
        (Situation::OursOnly, Loser::None)
    };
    let decision = Decision {
        outcome,
        whole: false,
        loser,
        by: "offered again after a restore of the server".to_owned(),
    };
    decide::settle(work, slot, remote, situation, decision, None)
}

fn epoch(version: &Option<Version>) -> Option<&str> {
    version.as_ref()?.ordinal().map(|(epoch, _)| epoch)
}
