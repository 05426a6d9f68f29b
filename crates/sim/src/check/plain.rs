//! What must hold with a backend that knows nothing of sync.
use super::record::unreadable;
use super::{Archive, Checked, Commit, Key, Violation};
use tisync_core::model::RecordState;
use tisync_core::store::{Durability, Keys, Load, Store, Tx};

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
