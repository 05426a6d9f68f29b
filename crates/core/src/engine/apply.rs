//! Apply: items of the server become rows, and what meets a pending chain is reconciled.
use super::decide::meet;
use super::outbox::{Draft, append};
use super::slot::Slot;
use super::work::{Work, refers};
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Keys, Load, Op, Tx};
use std::collections::{BTreeMap, BTreeSet};
use tisync_json::{Document, diff};

/// Applies items to the records.
pub(super) fn apply<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    items: impl Iterator<Item = Item>,
    pass: Option<&Pass>,
    epoch: Option<&EpochInfo>,
) -> Result<(), Error> {
    let mut collections: BTreeMap<CollectionName, Vec<(RecordId, Item)>> = BTreeMap::new();
    for item in items {
        let (collection, id) = match &item {
            Item::Upsert { collection, id, .. }
            | Item::Tombstone { collection, id, .. }
            | Item::OutOfScope { collection, id } => (collection.clone(), id.clone()),
            Item::Bad {
                collection,
                text,
                reason,
            } => {
                quarantine(work, key, collection.clone(), text.clone(), reason.clone());
                continue;
            }
        };
        if work
            .config
            .feed_of(&collection)
            .is_none_or(|(connector, feed)| connector != &key.connector || feed != &key.feed)
        {
            let reason = format!(
                "the feed {} does not carry a collection {collection}",
                key.feed
            );
            let text = serde_json::to_string(&item).unwrap_or_default();
            quarantine(work, key, Some(collection), text, reason);
            continue;
        }
        collections.entry(collection).or_default().push((id, item));
    }
    for (collection, items) in collections {
        apply_to(work, &collection, latest(items), pass, epoch)?;
    }
    Ok(())
}

/// Keeps a row that cannot be applied.
fn quarantine<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collection: Option<CollectionName>,
    text: String,
    reason: String,
) {
    let at_ms = work.now.wall_ms;
    let row = Quarantined {
        number: 0,
        feed: key.clone(),
        collection,
        text,
        reason,
        at_ms,
    };
    work.ops.push(Op::Quarantine(Box::new(row)));
    work.event(Event::Health);
}

/// A feed is in commit order: of several items of one record the last counts.
fn latest(items: Vec<(RecordId, Item)>) -> Vec<(RecordId, Item)> {
    let mut last: BTreeMap<&RecordId, usize> = BTreeMap::new();
    for (index, (id, _)) in items.iter().enumerate() {
        last.insert(id, index);
    }
    if last.len() == items.len() {
        return items;
    }
    let keep: BTreeSet<usize> = last.into_values().collect();
    items
        .into_iter()
        .enumerate()
        .filter(|(index, _)| keep.contains(index))
        .map(|(_, item)| item)
        .collect()
}

/// Applies the items of one collection: clean records directly, all others through their slots.
fn apply_to<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    items: Vec<(RecordId, Item)>,
    pass: Option<&Pass>,
    epoch: Option<&EpochInfo>,
) -> Result<(), Error> {
    let config = work.collection(collection)?;
    let lost = pass
        .filter(|pass| pass.reason == PassReason::Epoch)
        .and(epoch);
    let skew = super::push::skew(work, collection)?;
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| id.clone()).collect();
    let heads = config.capability.versions == Versions::Ordered;
    let rows = work.tx.load(
        collection,
        Keys::Ids(&ids),
        if heads { Load::Heads } else { Load::Whole },
    )?;
    let mut seen = Vec::new();
    for ((id, item), row) in items.into_iter().zip(rows) {
        if let Some((record, _)) = &row {
            seen.push(record.rid);
        }
        let is_plain = row.as_ref().is_none_or(|(record, _)| {
            record.state == RecordState::Clean
                && !record
                    .version
                    .as_ref()
                    .is_some_and(|version| lost.is_some_and(|epoch| epoch.has_lost(version)))
        });
        let row = row.map(|(record, _)| record);
        match item {
            Item::Upsert {
                document,
                version,
                stamp,
                stamps,
                ..
            } => {
                let stamp = work.observe(stamp, skew)?;
                if is_plain {
                    if let Some(rid) = upsert(work, collection, row, id, document, version, stamp)?
                    {
                        seen.push(rid);
                    }
                } else {
                    let remote = Remote {
                        image: Image::Present(document),
                        version,
                        stamp,
                        stamps,
                    };
                    through_slot(work, collection, &id, remote, lost)?;
                }
            }
            Item::Tombstone { version, stamp, .. } => {
                let stamp = work.observe(stamp, skew)?;
                match row {
                    None => {}
                    Some(record) if is_plain => {
                        let older = version
                            .as_ref()
                            .zip(record.version.as_ref())
                            .is_some_and(|(a, b)| a.is_before(b));
                        if (!older || planted::on(Bug::ApplyOlder))
                            && !planted::on(Bug::IgnoreTombstone)
                        {
                            remove(work, collection, record)?;
                        }
                    }
                    Some(_) => {
                        let remote = Remote {
                            image: Image::Gone,
                            version,
                            stamp,
                            stamps: None,
                        };
                        through_slot(work, collection, &id, remote, None)?;
                    }
                }
            }
            Item::OutOfScope { .. } => match row {
                None => {}
                Some(record) if is_plain => remove(work, collection, record)?,
                Some(record) => out_of_scope(work, collection, record.rid)?,
            },
            Item::Bad { .. } => unreachable!("quarantined before"),
        }
    }
    if let Some(pass) = pass {
        work.ops.push(Op::Seen {
            collection: collection.clone(),
            pass: pass.number,
            rids: seen,
        });
    }
    Ok(())
}

/// Stores the image of a record that is clean or new; returns the key of a new one.
fn upsert<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    row: Option<Record>,
    id: RecordId,
    document: Document,
    version: Option<Version>,
    stamp: Option<Stamp>,
) -> Result<Option<Rid>, Error> {
    let Some(known) = row else {
        let rid = work.new_rid(collection)?;
        work.changed(collection, &id, ChangeKind::Added);
        let record = Record {
            rid,
            id,
            version,
            state: RecordState::Clean,
            document: Some(document),
            stamp,
        };
        work.ops.push(Op::Insert {
            collection: collection.clone(),
            record,
        });
        return Ok(Some(rid));
    };
    let unchanged = match (&version, &known.version) {
        (Some(_), Some(_)) if planted::on(Bug::ApplyOlder) => false,
        (Some(new), Some(old)) => new == old || new.is_before(old),
        _ => {
            known
                .document
                .as_ref()
                .is_some_and(|old| old.same(&document))
                && version == known.version
        }
    };
    if !unchanged {
        work.changed(collection, &known.id, ChangeKind::Updated);
        let record = Record {
            version,
            document: Some(document),
            stamp,
            state: RecordState::Clean,
            ..known
        };
        work.ops.push(Op::Update {
            collection: collection.clone(),
            record,
        });
    }
    Ok(None)
}

/// Removes a clean record; its row stays as a tombstone when something refers to it.
pub(super) fn remove<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    record: Record,
) -> Result<(), Error> {
    let rid = record.rid;
    work.changed(collection, &record.id, ChangeKind::Removed);
    let op = if refers(&mut work.tx, collection, rid)? {
        let record = Record {
            state: RecordState::Tombstone,
            document: None,
            version: None,
            ..record
        };
        Op::Update {
            collection: collection.clone(),
            record,
        }
    } else {
        Op::Remove {
            collection: collection.clone(),
            rid,
        }
    };
    work.ops.push(op);
    Ok(())
}

/// Gives an image to a record that is not simply clean. `lost`: the server's history, when its epoch changed.
fn through_slot<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    id: &RecordId,
    remote: Remote,
    lost: Option<&EpochInfo>,
) -> Result<(), Error> {
    let mut slot = work.take_id(collection, id)?;
    if planted::on(Bug::DropRemoteOfDirty) && !slot.chain.is_empty() {
        work.put(slot);
        return Ok(());
    }
    let ours_is_lost = slot
        .record
        .version
        .as_ref()
        .is_some_and(|version| lost.is_some_and(|epoch| epoch.has_lost(version)));
    if ours_is_lost && slot.chain.is_empty() && slot.record.document.is_some() {
        offer_again(work, &mut slot, remote)?;
    } else if ours_is_lost && !slot.is_out() {
        // Our base is a version that the server has lost: what the chain shows is what we offer.
        let outcome = slot.ours();
        offer_lost_chain(work, &mut slot, remote, outcome)?;
    } else if slot.record.state == RecordState::Unconfirmed {
        slot.rebase(&remote);
        slot.record.state = RecordState::Clean;
        slot.show();
    } else {
        meet(work, &mut slot, remote)?;
    }
    work.put(slot);
    Ok(())
}

/// Makes a version that was accepted and then lost by the server pending again, on what the server has now.
pub(super) fn offer_again<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
) -> Result<(), Error> {
    let schema = work.collection(&slot.collection)?.schema.number;
    let ours = slot.record.document.clone();
    slot.rebase(&remote);
    slot.record.document = remote.image.document().cloned();
    let change = match (remote.image.document(), ours) {
        (Some(theirs), Some(ours)) => {
            let patch = diff(&theirs.object(), &ours.object());
            (!patch.is_empty()).then_some(Change::Patch(patch))
        }
        (None, Some(ours)) => Some(Change::Create(ours)),
        (Some(_), None) => Some(Change::Delete),
        (None, None) => None,
    };
    if let Some(change) = change {
        append(work, slot, Draft::of(change, None), schema)?;
    }
    Ok(())
}

/// Puts the chain of a record whose base the server has lost onto what the server has now: ours stands.
pub(super) fn offer_lost_chain<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
    outcome: Image,
) -> Result<(), Error> {
    let decision = crate::reconcile::Decision {
        outcome,
        whole: true,
        loser: Loser::None,
        by: "offered again after a restore of the server".to_owned(),
    };
    super::decide::settle(
        work,
        slot,
        remote,
        crate::reconcile::Situation::OursOnly,
        decision,
        None,
    )
}

/// The record is no longer ours to see: pending edits are parked, not destroyed.
fn out_of_scope<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
) -> Result<(), Error> {
    let mut slot = work.take(collection, rid)?;
    if slot.chain.is_empty() {
        slot.base = Image::Gone;
        slot.remote = None;
        slot.show();
    } else if !slot.is_out() {
        super::push::park(
            work,
            &mut slot,
            0,
            "the record is no longer in this account's scope".to_owned(),
        )?;
    }
    work.put(slot);
    Ok(())
}
