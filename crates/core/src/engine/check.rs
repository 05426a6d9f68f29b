//! Check: where a write can carry no precondition, its record is read right before it is written.
//!
//! What differs from the base is met like any other change; what does not is written with the next exchange. Between
//! the two another device may write: the window is one request, and the guarantee line says so.
use super::accept::keep_watch;
use super::decide::meet_read;
use super::ids;
use super::memory::{Asked, Checked};
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile;
use crate::store::{EntryKey, Tx};
use tisync_json::tree::BTreeMap;

/// A record to read, and the entry that waits for it.
pub(super) type Unchecked = (CollectionName, RecordId, MutationId);

/// Whether an entry must not be written before its record was read.
pub(super) fn is_needed<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    entry: &EntryKey,
) -> Result<bool, Error> {
    let capability = &work.collection(&entry.collection)?.capability;
    if capability.conditional || !capability.fetch || planted::on(Bug::WriteUnchecked) {
        return Ok(false);
    }
    if ids::are_made(work, &entry.collection)
        && !work.peek(&entry.collection, entry.rid)?.base.is_present()
    {
        // Nobody else knows of it.
        return Ok(false);
    }
    let now_ms = work.now.monotonic_ms;
    let checked = work.memory.checked.get(connector);
    Ok(!checked.is_some_and(|checked| checked.covers(entry.id, now_ms)))
}

/// Whether entries were checked that are to be written now.
pub(super) fn is_open<T: Tx>(work: &Work<'_, T>, connector: &ConnectorName) -> bool {
    let now_ms = work.now.monotonic_ms;
    let checked = work.memory.checked.get(connector);
    checked.is_some_and(|checked| checked.until_ms > now_ms)
}

/// Reads the records of entries that are to be written.
pub(super) fn ask<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    unchecked: Vec<Unchecked>,
) -> Result<(), Error> {
    let ids = unchecked
        .iter()
        .map(|(collection, id, _)| (collection.clone(), id.clone()));
    let task = Task::Fetch(Wanted::Ids(ids.collect()));
    let request = work.entropy.request();
    work.order(connector, request, Asked::Check(unchecked), task)
}

/// Whether an entry makes a record that is not here.
fn is_made_blindly<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
    mutation: MutationId,
) -> Result<bool, Error> {
    let slot = work.peek(collection, rid)?;
    let first = slot.chain.first();
    Ok(!slot.base.is_present()
        && first.is_some_and(|first| {
            first.id == mutation
                && first.state == EntryState::Pending
                && matches!(first.change, Change::Create(_))
        }))
}

/// Compares what was read with what each entry stands on; returns how many are still to be read.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    asked: Vec<Unchecked>,
    answer: Fetched,
) -> Result<usize, Error> {
    let mut found: BTreeMap<(CollectionName, RecordId), Found> = answer
        .found
        .into_iter()
        .map(|(collection, id, found)| ((collection, id), found))
        .collect();
    let mut checked = Checked {
        entries: Default::default(),
        until_ms: work.now.monotonic_ms + limits::CHECK_MS,
    };
    let mut silent = 0;
    for (collection, id, mutation) in asked {
        if work.config.collection(&collection).is_none() {
            continue;
        }
        if !work.is_heard(&collection, answer.epoch.as_ref())? {
            work.set_unheard(&collection)?;
            continue;
        }
        let Some(rid) = work.load_ids(&collection, std::slice::from_ref(&id))?[0] else {
            continue;
        };
        let remote = match found.remove(&(collection.clone(), id.clone())) {
            Some(Found::Image(remote)) => remote,
            // Of a record that is not ours to see nobody tells: that it may be made, the server says.
            Some(Found::Unknown) if is_made_blindly(work, &collection, rid, mutation)? => {
                checked.entries.insert(mutation);
                continue;
            }
            Some(Found::Unknown) | None => {
                silent += 1;
                continue;
            }
        };
        let mut slot = work.take(&collection, rid)?;
        if slot.record.id != id {
            // It has another id by now.
            work.put(slot);
            continue;
        }
        let is_first = |first: &Entry| first.state == EntryState::Pending;
        let waits = slot
            .chain
            .first()
            .is_some_and(|first| first.id == mutation && is_first(first));
        if waits && super::verdict::is_old(work, &slot, &remote)? {
            let reason =
                "the server's document is of an older schema that the app has not migrated";
            super::verdict::park(work, &mut slot, 0, reason.to_owned())?;
        } else if waits {
            let config = work.collection(&collection)?;
            let is_same = match (&remote.version, &slot.record.version) {
                (Some(read), Some(base)) => read == base,
                _ => reconcile::same(
                    &remote.image,
                    &slot.base,
                    config.capability.equality,
                    &config.schema.server_fields,
                ),
            };
            if slot.provisional || !is_same && !planted::on(Bug::CheckIgnored) {
                meet_read(work, &mut slot, remote)?;
                keep_watch(work, &mut slot, true)?;
            }
            // What is decided upon stands on what was just read.
            if slot.conflict.is_none() && slot.remote.is_none() {
                let first = slot.chain.first().filter(|first| is_first(first));
                checked.entries.extend(first.map(|first| first.id));
            }
        }
        work.put(slot);
    }
    if !checked.entries.is_empty() {
        work.memory.checked.insert(connector.clone(), checked);
    }
    Ok(silent)
}
