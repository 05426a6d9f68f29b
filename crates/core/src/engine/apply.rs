//! Apply: items of the server become rows, and what meets a pending chain is reconciled.
use super::decide::meet;
use super::slot::Slot;
use super::work::{Work, refers};
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile;
use crate::store::{Keys, Load, Op, Row, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// Applies items to the records.
pub(super) fn apply<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    items: impl Iterator<Item = Item>,
    pass: Option<&Pass>,
) -> Result<(), Error> {
    let mut collections: BTreeMap<CollectionName, Vec<(RecordId, Item)>> = BTreeMap::new();
    let (mut bad, mut there) = (Vec::new(), Vec::new());
    for item in items {
        let (collection, id) = match &item {
            Item::Upsert { collection, id, .. }
            | Item::Tombstone { collection, id, .. }
            | Item::OutOfScope { collection, id } => (collection.clone(), id.clone()),
            Item::Bad {
                collection,
                id,
                text,
                reason,
            } => {
                there.extend(collection.clone().zip(id.clone()));
                bad.push((collection.clone(), text.clone(), reason.clone()));
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
            let text = tisync_json::write(&item);
            bad.push((Some(collection), text, reason));
            continue;
        }
        if let Item::Upsert {
            schema: Some(schema),
            ..
        } = &item
            && *schema < work.number(&collection)?
        {
            let reason = format!("a document of schema {schema} that the app has not migrated");
            let text = tisync_json::write(&item);
            there.push((collection.clone(), id));
            bad.push((Some(collection), text, reason));
            continue;
        }
        collections.entry(collection).or_default().push((id, item));
    }
    quarantine(work, key, bad)?;
    if let Some(pass) = pass {
        mark(work, key, there, pass)?;
    }
    for (collection, items) in collections {
        apply_to(work, &collection, latest(items), pass)?;
    }
    Ok(())
}

/// Marks records as seen of which a pass has shown a row that cannot be applied: they are there nevertheless.
fn mark<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    there: Vec<(CollectionName, RecordId)>,
    pass: &Pass,
) -> Result<(), Error> {
    if planted::on(Bug::BadIsAbsent) {
        return Ok(());
    }
    for (collection, id) in there {
        if work.feed_key(&collection).as_ref() != Some(key) {
            continue;
        }
        let ids = [id];
        let rows = work.tx.load(&collection, Keys::Ids(&ids), Load::Heads)?;
        let rids = rows.into_iter().flatten().map(|(record, _)| record);
        let rids = rids
            .filter(|record| record.id == ids[0])
            .map(|record| record.rid);
        work.ops.push(Op::Seen {
            rids: rids.collect(),
            collection,
            pass: pass.number,
        });
    }
    Ok(())
}

/// Keeps rows that cannot be applied; one that is kept already is kept once.
fn quarantine<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    bad: Vec<(Option<CollectionName>, String, String)>,
) -> Result<(), Error> {
    if bad.is_empty() {
        return Ok(());
    }
    let at_ms = work.now.wall_ms;
    let mut kept: BTreeSet<(Option<CollectionName>, String)> = quarantined(work, key)?
        .into_iter()
        .map(|row| (row.collection, row.text))
        .collect();
    for (collection, text, reason) in bad {
        if !kept.insert((collection.clone(), text.clone())) {
            continue;
        }
        let row = Quarantined {
            number: 0,
            feed: key.clone(),
            collection,
            text,
            reason,
            at_ms,
            schema: None,
        };
        work.ops.push(Op::Quarantine(Box::new(row)));
    }
    work.event(Event::Health);
    Ok(())
}

/// The quarantined rows of a feed.
pub(super) fn quarantined<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
) -> Result<Vec<Quarantined>, Error> {
    let all = work.tx.quarantined(None, usize::MAX)?;
    Ok(all.into_iter().filter(|row| &row.feed == key).collect())
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
) -> Result<(), Error> {
    let config = work.collection(collection)?;
    let number = config.schema.number;
    let skew = super::verdict::skew(work, collection)?;
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| id.clone()).collect();
    let heads = config.capability.versions == Versions::Ordered;
    let rows = work.tx.load(
        collection,
        Keys::Ids(&ids),
        if heads { Load::Heads } else { Load::Whole },
    )?;
    // Under a former id the server shows another record, or what became of it.
    let capability = &config.capability;
    let is_past = capability.stale_reads && capability.fetch && !planted::on(Bug::PastComesBack);
    let mut rows = rows;
    let mut items = items;
    for (index, id) in ids.iter().enumerate().rev() {
        if rows[index]
            .as_ref()
            .is_some_and(|(record, _)| record.id != *id)
        {
            rows[index] = None;
            if is_past {
                // It may be what was there before the record was made anew.
                rows.remove(index);
                items.remove(index);
            }
        }
    }
    let mut seen = Vec::new();
    let plain = plain(work, collection, &rows)?;
    for (((id, item), row), is_plain) in items.into_iter().zip(rows).zip(plain) {
        let row = row.map(|(record, _)| record);
        seen.extend(row.as_ref().map(|record| record.rid));
        match item {
            Item::Upsert {
                document,
                version,
                stamp,
                stamps,
                schema,
                migrated,
                ..
            } => {
                let remote = Remote {
                    out_of_scope: false,
                    image: Image::Present(document),
                    version,
                    stamp: work.observe(stamp, skew)?,
                    stamps,
                    schema: schema.or(Some(number)),
                    migrated,
                };
                match row {
                    Some(record) if !is_plain => {
                        through_slot(work, collection, record.rid, remote)?;
                    }
                    row => seen.extend(upsert(work, collection, row, id, remote)?),
                }
            }
            Item::Tombstone { version, stamp, .. } => {
                let stamp = work.observe(stamp, skew)?;
                match row {
                    None => {}
                    Some(record)
                        if is_plain
                            && !planted::on(Bug::ApplyOlder)
                            && work.is_older(
                                collection,
                                version.as_ref(),
                                record.version.as_ref(),
                            ) => {}
                    Some(_) if is_plain && planted::on(Bug::IgnoreTombstone) => {}
                    Some(record) if is_plain => {
                        let record = Record {
                            version,
                            stamp,
                            ..record
                        };
                        remove(work, collection, record)?;
                    }
                    Some(record) => {
                        let remote = Remote {
                            out_of_scope: false,
                            image: Image::Gone,
                            version,
                            stamp,
                            stamps: None,
                            schema: Some(number),
                            migrated: false,
                        };
                        through_slot(work, collection, record.rid, remote)?;
                    }
                }
            }
            Item::OutOfScope { .. } => match row {
                None => {}
                Some(record) if is_plain => {
                    let record = Record {
                        version: None,
                        ..record
                    };
                    remove(work, collection, record)?;
                }
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

/// Tells for each row whether its item needs no slot: the record is new, or clean and of a history that the
/// server still has. The records of the others are loaded, all at once.
fn plain<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rows: &[Option<Row>],
) -> Result<Vec<bool>, Error> {
    let (mut plain, mut loaded, mut lost) =
        (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
    for row in rows {
        let Some(row) = row else {
            plain.push(true);
            continue;
        };
        let record = &row.0;
        let is_clean = record.state == RecordState::Clean;
        let is_lost = is_clean && work.is_lost(collection, record.version.as_ref())?;
        plain.push(is_clean && !is_lost);
        if is_lost {
            // Perhaps only its head was read.
            lost.push(record.rid);
        } else if !is_clean {
            loaded.push(row.clone());
        }
    }
    work.admit(collection, loaded)?;
    work.load_rids(collection, &lost)?;
    Ok(plain)
}

/// Stores the image of a record that is clean or new; returns the key of a new one.
fn upsert<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    row: Option<Record>,
    id: RecordId,
    remote: Remote,
) -> Result<Option<Rid>, Error> {
    let Remote {
        image: Image::Present(document),
        version,
        stamp,
        schema,
        migrated,
        ..
    } = remote
    else {
        return Ok(None);
    };
    let schema = match schema {
        Some(schema) => schema,
        None => work.number(collection)?,
    };
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
            schema,
            migrated,
        };
        work.ops.push(Op::Insert {
            collection: collection.clone(),
            record,
        });
        return Ok(Some(rid));
    };
    let unchanged = match (&version, &known.version) {
        (Some(_), Some(_)) if planted::on(Bug::ApplyOlder) => false,
        (Some(new), Some(old)) => new == old || work.is_older(collection, Some(new), Some(old)),
        _ => {
            let equality = work.collection(collection)?.capability.equality;
            let (old, new) = (Image::from(known.document.clone()), document.clone());
            version == known.version
                && reconcile::same(&old, &Image::Present(new), equality, &[])
                && !planted::on(Bug::RewritesTheSame)
        }
    };
    if !unchanged {
        work.changed(collection, &known.id, ChangeKind::Updated);
        let record = Record {
            version,
            document: Some(document),
            stamp,
            schema,
            migrated,
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

/// Removes a clean record; its row stays as a tombstone, with the version of the deletion, when something
/// refers to it.
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

/// Gives an image to a record that is not simply clean.
fn through_slot<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
    remote: Remote,
) -> Result<(), Error> {
    let mut slot = work.take(collection, rid)?;
    if planted::on(Bug::DropRemoteOfDirty) && !slot.chain.is_empty() {
        work.put(slot);
        return Ok(());
    }
    let was_provisional = slot.provisional;
    if was_provisional && shows_our_past(work, &slot, &remote)? {
        super::accept::suspect(work, &slot)?;
        work.put(slot);
        return Ok(());
    }
    if slot.record.state == RecordState::Unconfirmed {
        slot.rebase(&remote);
        slot.record.state = RecordState::Clean;
        slot.show();
    } else {
        meet(work, &mut slot, remote)?;
        super::accept::keep_watch(work, &mut slot, was_provisional)?;
    }
    work.put(slot);
    Ok(())
}

/// Whether a page may show what was there before our last write: it does not show what we wrote, and the record can
/// be read by id.
fn shows_our_past<T: Tx>(work: &Work<'_, T>, slot: &Slot, remote: &Remote) -> Result<bool, Error> {
    let config = work.collection(&slot.collection)?;
    let capability = &config.capability;
    let tells = capability.versions == Versions::Ordered && slot.record.version.is_some();
    let may = capability.stale_reads && !tells && capability.fetch;
    if !may || planted::on(Bug::PastComesBack) {
        return Ok(false);
    }
    let is_ours = match (&remote.version, &slot.record.version) {
        (Some(read), Some(written)) => read == written,
        _ => reconcile::same(
            &remote.image,
            &slot.base,
            capability.equality,
            &config.schema.server_fields,
        ),
    };
    Ok(!is_ours)
}

/// The record is no longer ours to see: it goes here, and pending edits are parked, not destroyed.
fn out_of_scope<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    rid: Rid,
) -> Result<(), Error> {
    let mut slot = work.take(collection, rid)?;
    if planted::on(Bug::ScopeIgnored) {
        work.put(slot);
        return Ok(());
    }
    slot.remote = Some(Remote {
        out_of_scope: true,
        ..Remote::from(Image::Gone)
    });
    super::decide::reconcile(work, &mut slot)?;
    work.put(slot);
    Ok(())
}
