//! What must hold with a backend that knows nothing of sync.
use super::record::unreadable;
use super::{Archive, Checked, Commit, Key, Violation};
use tisync_core::limits::UNKNOWN_TRIES;
use tisync_core::model::{Entry, EntryState, MutationId, RecordState};
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Store, Tx};

/// A record without pending writes shows no image of the server that is older than the last write of its own replica:
/// `own` tells the number of that.
pub(crate) fn past<S: Store>(
    store: &mut S,
    archive: &Archive,
    own: impl Fn(&Key) -> Option<u64>,
    commit: &Commit,
) -> Checked {
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for (collection, rid) in &commit.records {
        let rows = tx
            .load(collection, Keys::Rids(&[*rid]), Load::Whole)
            .map_err(unreadable)?;
        let Some((record, _)) = rows.into_iter().next().flatten() else {
            continue;
        };
        // A guess may read like an image that was there before.
        if record.state != RecordState::Clean {
            continue;
        }
        let key = (collection.clone(), record.id);
        let (Some(document), Some(own)) = (&record.document, own(&key)) else {
            continue;
        };
        match archive.latest(&key, document) {
            Some(number) if number < own => {
                let message = format!(
                    "{key:?}: shows the server's image {number}, but this replica wrote {own}, and was told so"
                );
                return Err(Violation::new("past", message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// No page shows a record as new that a create of ours made, while that create can still be asked for: `maker` tells
/// which made it.
pub(crate) fn twins<S: Store>(
    store: &mut S,
    maker: impl Fn(&Key) -> Option<MutationId>,
    commit: &Commit,
) -> Checked {
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for key in &commit.inserted {
        let Some(id) = maker(key) else { continue };
        let entries = tx
            .entries(EntryFilter::Id(id), None, 1)
            .map_err(unreadable)?;
        let is_fresh = |entry: &Entry| matches!(entry.state, EntryState::Unknown { tries, .. } if tries < UNKNOWN_TRIES);
        if entries.iter().any(is_fresh) {
            let message = format!(
                "{key:?} came with a page, but mutation {id} made it and was not asked for"
            );
            return Err(Violation::new("twin", message));
        }
    }
    Ok(())
}

/// Nothing changes any more, and no walk writes a record again.
pub(crate) fn still(commit: &Commit) -> Checked {
    match commit.records.first() {
        None => Ok(()),
        Some((collection, rid)) => {
            let message = format!(
                "nothing has changed, but a walk wrote record {} of {collection} again",
                rid.0
            );
            Err(Violation::new("rewrite", message))
        }
    }
}
