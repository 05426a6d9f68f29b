//! Look: records that are read by id or by mark, because nothing else says what the server has.
use super::decide::meet_read;
use super::slot::Slot;
use super::sweep;
use super::unknown::{self, Means};
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile;
use crate::store::{EntryFilter, Op, Tx};
use tisync_json::tree::BTreeMap;

/// What to look up.
#[derive(Default)]
pub(super) struct Lookups {
    pub(super) ids: Vec<(CollectionName, RecordId)>,
    /// Creates that left a mark, if they took effect.
    pub(super) marks: Vec<(CollectionName, MutationId)>,
    /// Milliseconds until the next one may be looked up.
    pub(super) wait_ms: Option<u64>,
}

/// The records to look up on the server for a connector: suspects, and entries that cannot be sent again.
pub(super) fn wanted<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<Lookups, Error> {
    let mut wanted = Lookups::default();
    for collection in work.collections_of(connector) {
        if work.collection(&collection)?.capability.fetch {
            let left = limits::FETCH_IDS_MAX - wanted.ids.len();
            for suspicion in work.tx.suspicions(&collection, left)? {
                wanted.ids.push((collection.clone(), suspicion.id));
            }
        }
        let mut after = None;
        while wanted.ids.len() < limits::FETCH_IDS_MAX {
            let filter = EntryFilter::Unknown(std::slice::from_ref(&collection));
            let page = work.tx.entries(filter, after, limits::FETCH_IDS_MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            for entry in page {
                match unknown::means(work, &entry)? {
                    Means::Again { rest_ms: 0, .. } => {}
                    // At first also while its request may be under way: who finds it knows.
                    Means::Mark { rest_ms } if rest_ms == 0 || is_fresh(&entry) => {
                        if wanted.marks.len() < limits::FETCH_IDS_MAX {
                            wanted.marks.push((collection.clone(), entry.id));
                        }
                    }
                    Means::LookUp { rest_ms: 0 } => {
                        let slot = work.take(&collection, entry.rid)?;
                        let key = (collection.clone(), slot.record.id.clone());
                        work.put(slot);
                        if wanted.ids.len() < limits::FETCH_IDS_MAX && !wanted.ids.contains(&key) {
                            wanted.ids.push(key);
                        }
                    }
                    Means::Again { rest_ms, .. }
                    | Means::LookUp { rest_ms }
                    | Means::Mark { rest_ms } => {
                        let known = wanted.wait_ms.unwrap_or(rest_ms);
                        wanted.wait_ms = Some(known.min(rest_ms));
                    }
                }
            }
        }
    }
    Ok(wanted)
}

fn is_fresh(entry: &Entry) -> bool {
    matches!(entry.state, EntryState::Unknown { tries: 0, .. })
}

/// Applies what a fetch found of what it asked for.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    asked: Vec<(CollectionName, RecordId)>,
    answer: Fetched,
) -> Result<usize, Error> {
    let mut silent = 0;
    let mut found: BTreeMap<(CollectionName, RecordId), Found> = answer
        .found
        .into_iter()
        .map(|(collection, id, found)| ((collection, id), found))
        .collect();
    for (collection, id) in asked {
        let found = found.remove(&(collection.clone(), id.clone()));
        let is_told = found == Some(Found::Unknown);
        let found = found.unwrap_or(Found::Unknown);
        if work.config.collection(&collection).is_none() {
            continue;
        }
        if !work.is_heard(&collection, answer.epoch.as_ref())? {
            // It is looked up again when the feed has told of that history.
            work.set_unheard(&collection)?;
            continue;
        }
        let Some(rid) = work.load_ids(&collection, std::slice::from_ref(&id))?[0] else {
            continue;
        };
        if !matches!(&found, Found::Image(remote) if !remote.image.is_present()) {
            sweep::shrink_refuted(work, &collection)?;
        }
        let mut slot = work.take(&collection, rid)?;
        if slot.record.id != id {
            // It has another id by now.
            work.put(slot);
            continue;
        }
        let unknown = match slot.chain.first() {
            // One that can be sent again has its answer from that.
            Some(entry) if matches!(entry.state, EntryState::Unknown { .. }) => {
                let means = unknown::means(work, entry)?;
                matches!(means, Means::LookUp { .. }).then(|| entry.clone())
            }
            _ => None,
        };
        let found = match found {
            Found::Image(remote) if super::verdict::is_old(work, &slot, &remote)? => Found::Unknown,
            found => found,
        };
        let found = match found {
            // The read is older than what the server took: it is no answer yet.
            Found::Image(remote)
                if slot.provisional
                    && work.is_older(
                        &collection,
                        remote.version.as_ref(),
                        slot.record.version.as_ref(),
                    ) =>
            {
                Found::Unknown
            }
            found => found,
        };
        let is_shown = slot.base.is_present() || !slot.chain.is_empty();
        if found == Found::Unknown && slot.provisional && is_shown && unknown.is_none() {
            // Nobody else says what the server has made of it: it is asked again.
            silent += 1;
            work.put(slot);
            continue;
        }
        work.ops.push(Op::RemoveSuspicion {
            collection: collection.clone(),
            rid,
        });
        match (found, unknown) {
            // No evidence: a record stays, and the next pass looks again; an entry waits for the next look.
            (Found::Unknown, None) => {}
            (Found::Unknown, Some(entry)) => {
                // What became of it nobody will ever tell, when the record is out of our sight.
                let is_hidden = slot
                    .remote
                    .as_ref()
                    .is_some_and(|remote| remote.out_of_scope);
                let is_made = !slot.base.is_present() && matches!(entry.change, Change::Create(_));
                if is_told && is_made && !is_hidden && !planted::on(Bug::CreateAskedForEver) {
                    // Whether it may be made, the server says.
                    unknown::report(work, &slot, &entry)?;
                    work.put(slot);
                    unknown::back(work, &entry)?;
                    continue;
                }
                work.put(slot);
                if is_hidden {
                    super::verdict::settle(work, &entry, Verdict::OutOfScope)?;
                } else {
                    silent += 1;
                    super::verdict::settle(work, &entry, Verdict::Unknown)?;
                }
                continue;
            }
            (Found::Image(remote), Some(entry)) => {
                work.put(slot);
                verify(work, entry, remote)?;
                continue;
            }
            // What is being created need not be there yet.
            (Found::Image(remote), None)
                if slot.is_out() && !slot.base.is_present() && !remote.image.is_present() => {}
            (Found::Image(remote), None) => {
                let seen = slot.record.version.clone();
                if !work.is_older(&collection, remote.version.as_ref(), seen.as_ref())
                    || work.is_lost(&collection, seen.as_ref())?
                {
                    let was_provisional = slot.provisional;
                    silent += usize::from(is_what_was_refused(&slot, &remote));
                    meet_read(work, &mut slot, remote)?;
                    super::accept::keep_watch(work, &mut slot, was_provisional)?;
                }
            }
        }
        work.put(slot);
    }
    Ok(silent)
}

/// Whether a look-up shows what an entry stood on that was refused all the same: it would be refused again at once.
fn is_what_was_refused(slot: &Slot, remote: &Remote) -> bool {
    let was_out = |first: &Entry| first.frozen.is_some() && first.state == EntryState::Pending;
    let is_base = remote.version == slot.record.version && remote.image.same(&slot.base);
    is_base && slot.chain.first().is_some_and(was_out)
}

/// Settles an entry whose fate nobody remembers by what the server has: its outcome, or something else.
fn verify<T: Tx>(work: &mut Work<'_, T>, entry: Entry, remote: Remote) -> Result<(), Error> {
    let config = work.collection(&entry.collection)?;
    let slot = work.take(&entry.collection, entry.rid)?;
    let outcome = Image::from(entry.apply(slot.base.document()));
    work.put(slot);
    let (equality, fields) = (config.capability.equality, &config.schema.server_fields);
    let verdict = if reconcile::same(&outcome, &remote.image, equality, fields) {
        Verdict::Accepted {
            id: None,
            version: remote.version,
            image: Some(remote.image),
            stamp: remote.stamp,
            schema: remote.schema,
            migrated: remote.migrated,
        }
    } else {
        Verdict::Conflict {
            remote: Some(remote),
        }
    };
    super::verdict::settle(work, &entry, verdict)
}
