//! Mends records that differ: the server's copy is fetched and takes the place of ours, under whatever is pending.
use super::count::term_of;
use super::{store, too_late};
use crate::engine::decide::reconcile;
use crate::engine::memory::Asked;
use crate::engine::slot::Slot;
use crate::engine::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Known, Tx, rules};
use std::collections::BTreeMap;

/// Asks for the records that differ.
pub(super) fn fetch<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    progress: &Progress,
) -> Result<(), Error> {
    let ids = progress.records.iter();
    let ids = ids.map(|row| (row.collection.clone(), row.id.clone()));
    let task = Task::Fetch(Wanted::Ids(ids.collect()));
    let request = work.entropy.request();
    work.order(&key.connector, request, Asked::Mend(key.clone()), task)
}

/// Mends what a fetch found.
pub(in crate::engine) fn mended<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    fetched: Fetched,
) -> Result<(), Error> {
    let feed = work.feed(key)?;
    let is_here = feed.pass.is_none();
    let of_history = match (&feed.epoch, &fetched.epoch) {
        (Some(known), Some(now)) => known.epoch == *now,
        _ => true,
    };
    let Some(progress) = feed.verification.progress.clone().filter(|_| is_here) else {
        return Ok(());
    };
    let mut progress = *progress;
    if !of_history {
        return too_late(work, key);
    }
    work.remote = true;
    let mut found: BTreeMap<(CollectionName, RecordId), Found> = fetched
        .found
        .into_iter()
        .map(|(collection, id, found)| ((collection, id), found))
        .collect();
    let mut ids: BTreeMap<CollectionName, Vec<RecordId>> = BTreeMap::new();
    for differing in std::mem::take(&mut progress.records) {
        let place = (differing.collection.clone(), differing.id.clone());
        let Some(Found::Image(remote)) = found.remove(&place) else {
            continue;
        };
        if one(work, &differing, remote, progress.contents)? {
            ids.entry(differing.collection)
                .or_default()
                .push(differing.id);
        }
    }
    let mended: usize = ids.values().map(Vec::len).sum();
    progress.mended += mended as u64;
    progress.stuck = if mended > 0 { 0 } else { progress.stuck + 1 };
    for (collection, ids) in ids {
        work.event(Event::Mended { collection, ids });
    }
    store(work, key, progress)
}

/// Mends one record; says whether there was something to mend.
fn one<T: Tx>(
    work: &mut Work<'_, T>,
    differing: &Differing,
    remote: Remote,
    contents: bool,
) -> Result<bool, Error> {
    let (collection, id) = (&differing.collection, &differing.id);
    let is_there = work.load_ids(collection, std::slice::from_ref(id))?[0].is_some();
    if !is_there && !remote.image.is_present() {
        return Ok(false);
    }
    let mut slot = work.take_id(collection, id)?;
    let known = known(&slot, contents);
    let has_moved_on = known.as_ref().map(term_of) != differing.here;
    // A restore has taken what the entry stands on: its answer settles that.
    let waits = slot.is_out() && work.is_lost(collection, slot.record.version.as_ref())?;
    if has_moved_on || waits || is_same(known.as_ref(), &remote, contents) {
        if slot.is_stored() {
            work.put(slot);
        }
        return Ok(false);
    }
    let (before, shown) = (slot.base.clone(), slot.ours());
    let is_clean = slot.chain.is_empty();
    if planted::on(Bug::MendDropsChain) {
        slot.chain.clear();
    }
    let theirs = remote.image.clone();
    if is_clean {
        slot.remote = None;
        slot.rebase(&remote);
        slot.show();
    } else {
        slot.remote = Some(remote);
        reconcile(work, &mut slot)?;
    }
    if is_clean && shown.is_present() && !shown.same(&theirs) {
        journal(work, &slot, before, shown, theirs)?;
    }
    work.put(slot);
    Ok(true)
}

/// What is known of the server's record, as it is counted.
fn known(slot: &Slot, contents: bool) -> Option<Known> {
    let dirty = slot.dirty();
    let conflict = slot.conflict.as_ref().map(|conflict| &conflict.remote);
    let (version, document) = rules::known(&slot.record, dirty.as_ref(), conflict)?;
    Some(Known {
        id: slot.record.id.clone(),
        version: version.cloned(),
        document: contents.then(|| document.clone()),
    })
}

fn is_same(known: Option<&Known>, remote: &Remote, contents: bool) -> bool {
    match (known, remote.image.document()) {
        (None, None) => true,
        (Some(known), Some(document)) => {
            let same = |ours: &tisync_json::Document| ours.same(document);
            known.version == remote.version
                && (!contents || known.document.as_ref().is_some_and(same))
        }
        _ => false,
    }
}

/// What a person may have seen here and sees no more is kept.
fn journal<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    base: Image,
    ours: Image,
    theirs: Image,
) -> Result<(), Error> {
    let (at_ms, collection, rid, record) = (
        work.now.wall_ms,
        slot.collection.clone(),
        slot.record.rid,
        slot.record.id.clone(),
    );
    work.journal(|id| JournalRow {
        id,
        at_ms,
        collection,
        rid,
        record,
        situation: "drift".to_owned(),
        policy: "mended to the server's copy".to_owned(),
        base,
        ours,
        outcome: theirs.clone(),
        theirs,
        loser: Loser::Ours,
        mutation: None,
        decided: Vec::new(),
        state: JournalState::Settled,
        undoes: None,
    })?;
    Ok(())
}
