//! Checkpoints: they pass only what is stored, and go back only in a new walk.
use super::record::unreadable;
use super::{Checked, Commit, History, Key, Place, Shadow, Violation, number};
use tisync_core::model::{
    CollectionName, FeedKey, FeedState, PassReason, RecordId, RecordState, Version,
};
use tisync_core::store::{Durability, Keys, Load, Store, Tx};

/// Checks the feeds that a commit moved, and remembers where they stand. `drifted`: the records that were changed
/// behind the engine's back; comparisons with the server find them, not the feed.
pub(crate) fn checkpoint<S: Store>(
    store: &mut S,
    shadow: &mut Shadow,
    history: &History,
    epoch: &str,
    commit: &Commit,
    collections: impl Fn(&FeedKey) -> Vec<CollectionName>,
    drifted: impl Fn(&Key) -> bool,
) -> Checked {
    for (key, state) in &commit.feeds {
        guarded(store, shadow, key, state, &collections(key))?;
        let before = shadow.places.remove(key);
        let Some(place) = place(state) else {
            if before.is_some() && state.pass.is_none() {
                return Err(Violation::new(
                    "checkpoint",
                    format!("{key:?}: dropped without a new walk"),
                ));
            }
            continue;
        };
        let plain = before
            .as_ref()
            .filter(|before| before.epoch == place.epoch && !before.walking);
        if plain.is_some_and(|before| place.walking || place.number < before.number) {
            let message = format!("{key:?}: from {before:?} back to {place:?} without a new walk");
            return Err(Violation::new("checkpoint", message));
        }
        if before.as_ref() != Some(&place) && !place.walking && place.epoch == epoch {
            let after = plain.map_or(0, |before| before.number);
            let listed = collections(key);
            let concerns = |key: &Key| listed.contains(&key.0) && !drifted(key);
            passed(store, history, concerns, after, place.number)?;
        }
        shadow.places.insert(key.clone(), place);
    }
    Ok(())
}

/// A sweep begins only if it would not take too much, or after it was looked into.
fn guarded<S: Store>(
    store: &mut S,
    shadow: &mut Shadow,
    key: &FeedKey,
    state: &FeedState,
    collections: &[CollectionName],
) -> Checked {
    let Some(pass) = &state.pass else {
        return Ok(());
    };
    let has_begun = pass.place.is_some() || pass.swept;
    if !has_begun || shadow.swept.insert(key.clone(), pass.number) == Some(pass.number) {
        return Ok(());
    }
    // What a restore has lost is offered again, not deleted.
    if pass.reason == PassReason::Epoch || pass.shrink.is_some() {
        return Ok(());
    }
    let (mut all, mut missing, mut emptied) = (0, 0, None);
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for collection in collections {
        let (here, unseen) = tx
            .count(collection, Some(pass.number))
            .map_err(unreadable)?;
        all += here;
        missing += unseen;
        if here > 1 && here == unseen {
            emptied = Some(collection);
        }
    }
    if emptied.is_some() || missing > 20 && missing * 100 > all * 30 {
        let message = format!(
            "{key:?}: a sweep goes on that would take {missing} of {all} records, and all of {emptied:?}"
        );
        return Err(Violation::new("shrink", message));
    }
    Ok(())
}

/// Reads `<epoch>.<number>`; the place within a first walk has a third part.
fn place(state: &FeedState) -> Option<Place> {
    let text = state.checkpoint.as_ref()?.as_str();
    Some(Place {
        epoch: text.split('.').next()?.to_owned(),
        number: number(text),
        walking: text.split('.').count() > 2,
    })
}

/// Everything that the server wrote in `(after, until]` and has not written again is known here.
fn passed<S: Store>(
    store: &mut S,
    history: &History,
    concerns: impl Fn(&Key) -> bool,
    after: u64,
    until: u64,
) -> Checked {
    if until <= after {
        return Ok(());
    }
    let mut tx = store.begin(Durability::Normal).map_err(unreadable)?;
    for (_, keys) in history.by_number.range(after + 1..=until) {
        for key in keys.iter().filter(|key| concerns(key)) {
            let (collection, id) = key;
            let latest = &history.latest[key];
            let known = known(&mut tx, collection, id)?;
            let fine = match (&latest.document, &known) {
                (Some(_), None) => false,
                (Some(_), Some((versions, _))) => versions.contains(&latest.version),
                // A first walk shows no deletions; the sweep finds them.
                (None, Some((versions, true))) => after == 0 || versions.contains(&latest.version),
                (None, _) => true,
            };
            if !fine && !is_quarantined(&mut tx, &latest.version)? {
                let message = format!(
                    "{collection}/{id}: the checkpoint passed {} (deleted: {}), but {known:?} is stored",
                    latest.version,
                    latest.document.is_none()
                );
                return Err(Violation::new("checkpoint", message));
            }
        }
    }
    Ok(())
}

/// Whether the row of a version is kept with its text, since it could not be applied.
fn is_quarantined<T: Tx>(tx: &mut T, version: &Version) -> Checked<bool> {
    let rows = tx.quarantined(None, usize::MAX).map_err(unreadable)?;
    let field = format!("\"version\":\"{version}\"");
    Ok(rows.iter().any(|row| row.text.contains(&field)))
}

/// The versions that a replica knows of a record, and whether it is clean.
fn known<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    id: &RecordId,
) -> Checked<Option<(Vec<Version>, bool)>> {
    let rows = tx
        .load(collection, Keys::Ids(std::slice::from_ref(id)), Load::Whole)
        .map_err(unreadable)?;
    let Some((record, dirty)) = rows.into_iter().next().flatten() else {
        return Ok(None);
    };
    let conflict = tx.conflict(collection, record.rid).map_err(unreadable)?;
    let remote = dirty
        .and_then(|dirty| dirty.remote)
        .or(conflict.map(|conflict| conflict.remote));
    let versions = record
        .version
        .into_iter()
        .chain(remote.and_then(|remote| remote.version));
    Ok(Some((
        versions.collect(),
        record.state == RecordState::Clean,
    )))
}
