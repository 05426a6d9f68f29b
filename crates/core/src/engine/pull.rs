//! Pull: a page is applied, and the checkpoint moves with it.
use super::decide::meet;
use super::outbox::{Draft, append};
use super::schedule;
use super::slot::Slot;
use super::work::{Work, refers};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::store::{Keys, Load, Op, Tx};
use std::collections::BTreeMap;
use tisync_json::{Document, diff};

/// Asks for the next page of a feed.
pub(super) fn ask<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    collections: &[CollectionName],
) -> Result<(), Error> {
    let checkpoint = work.feed(key)?.checkpoint.clone();
    let request = work.entropy.request();
    let task = Task::Pull(PullRequest {
        feed: key.feed.clone(),
        collections: collections.to_vec(),
        checkpoint,
        items_max: limits::PULL_ITEMS_MAX,
        bytes_max: limits::PULL_BYTES_MAX,
    });
    work.order(&key.connector, request, task);
    Ok(())
}

/// Applies a page, or the slice of it that starts at `from`. Returns the place to go on from, if any.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    page: Page,
    from: usize,
) -> Result<Option<usize>, Error> {
    work.remote = true;
    if let Some(time) = page.server_time_ms {
        let skew = i64::try_from(time)
            .unwrap_or(i64::MAX)
            .saturating_sub_unsigned(work.now.wall_ms);
        work.set_connector(&key.connector, |state| {
            // A minute's drift is worth a row, the jitter of a request is not.
            if state.skew_ms.abs_diff(skew) > 1_000 {
                state.skew_ms = skew;
            }
        })?;
    }
    let known = work.feed(key)?.epoch.clone();
    if let (Some(known), Some(now)) = (&known, &page.epoch)
        && known.epoch != now.epoch
    {
        restart(work, key, PassReason::Epoch, page.epoch)?;
        return Ok(None);
    }
    let until = slice(&page.items, from, work.config.slice_items);
    let is_last = until == page.items.len();
    let feed = work.feed(key)?;
    let stuck =
        page.end == PageEnd::More && page.items.is_empty() && page.checkpoint == feed.checkpoint;
    let pass = feed.pass.clone();
    let items = page.items.into_iter().skip(from).take(until - from);
    apply(
        work,
        key,
        items,
        pass.as_ref(),
        page.epoch.as_ref().or(known.as_ref()),
    )?;
    if !is_last {
        return Ok(Some(until));
    }
    if stuck {
        let message = "the feed says that there is more, but gives nothing and stays at its place";
        schedule::feed_failed(work, key, message)?;
        return Ok(None);
    }
    let now = work.now;
    let poll = work
        .config
        .connectors
        .get(&key.connector)
        .map_or(limits::POLL_MS, |config| config.poll_ms);
    let next = work.after(poll);
    work.set_feed(key, |state| {
        state.checkpoint = page.checkpoint;
        state.epoch = page.epoch.or(state.epoch.take());
        state.attempts = 0;
        state.last_error = None;
        state.last_ok_ms = Some(now.wall_ms);
        state.behind = page.end == PageEnd::More;
        state.next = (!state.behind).then_some(next);
        if !state.behind {
            match &mut state.pass {
                Some(pass) => pass.sweeping = true,
                None => state.complete_ms = Some(now.wall_ms),
            }
        }
    })?;
    Ok(None)
}

/// Starts a complete walk from the beginning. The checkpoint goes only now, in the transaction that notes why.
pub(super) fn restart<T: Tx>(
    work: &mut Work<'_, T>,
    key: &FeedKey,
    reason: PassReason,
    epoch: Option<EpochInfo>,
) -> Result<(), Error> {
    let number = 1 + work
        .tx
        .meta("pass")?
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    let number = number.max(1 + work.feed(key)?.pass.as_ref().map_or(0, |pass| pass.number));
    work.ops.push(Op::Meta {
        key: "pass".to_owned(),
        value: Some(number.to_string()),
    });
    work.set_feed(key, |state| {
        let same = match (&state.epoch, &epoch) {
            (Some(a), Some(b)) => a.epoch == b.epoch,
            _ => true,
        };
        // A walk that had to look for lost versions goes on doing so when it starts again.
        let reason = match &state.pass {
            Some(pass) if pass.reason == PassReason::Epoch => PassReason::Epoch,
            _ => reason,
        };
        state.restarts = if same { state.restarts + 1 } else { 1 };
        state.checkpoint = None;
        state.epoch = epoch.or(state.epoch.take());
        state.behind = true;
        state.next = None;
        state.pass = Some(Pass {
            number,
            reason,
            sweeping: false,
            place: None,
            swept: false,
            shrink: None,
        });
    })?;
    if work.feed(key)?.restarts > limits::RESTARTS_PER_EPOCH {
        // More than one restart in one history: slow down, so that two sides that disagree do not loop.
        let attempts = work.feed(key)?.restarts;
        let wait = schedule::backoff(work, attempts);
        let next = work.after(wait);
        work.set_feed(key, |state| state.next = Some(next))?;
    }
    Ok(())
}

/// Where a slice ends: at its size, but never inside a commit of the server.
fn slice(items: &[Item], from: usize, limit: Option<usize>) -> usize {
    let Some(limit) = limit else {
        return items.len();
    };
    let mut until = (from + limit.max(1)).min(items.len());
    while until < items.len()
        && version(&items[until]).is_some()
        && version(&items[until]) == version(&items[until - 1])
    {
        until += 1;
    }
    until
}

fn version(item: &Item) -> Option<&Version> {
    match item {
        Item::Upsert { version, .. } | Item::Tombstone { version, .. } => version.as_ref(),
        Item::OutOfScope { .. } | Item::Bad { .. } => None,
    }
}

/// Applies items to the records.
fn apply<T: Tx>(
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
    let keep: std::collections::BTreeSet<usize> = last.into_values().collect();
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
                        if !older {
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
