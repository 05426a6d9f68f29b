//! Push: a batch is frozen and handed out, and each verdict settles one entry.
use super::decide::{corrected, journal_of, meet, meet_read, reconcile};
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, Op, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// Freezes the next batch of a connector and hands it out; says whether there was anything to send.
pub(super) fn send<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
) -> Result<bool, Error> {
    let collections = work.collections_of(connector);
    let backend = collections
        .iter()
        .filter_map(|name| work.config.collection(name))
        .map(|config| config.capability.batch_items_max)
        .min()
        .unwrap_or(limits::PUSH_ITEMS_MAX);
    let items_max = limits::PUSH_ITEMS_MAX
        .min(backend)
        .min(work.connector(connector)?.items_max.unwrap_or(usize::MAX))
        .max(1);
    let mut batch = Batch {
        items: Vec::new(),
        bytes: 0,
        items_max,
        request: work.entropy.request(),
    };
    resend(work, &collections, &mut batch)?;
    let mut after = None;
    let mut groups = BTreeSet::new();
    while !batch.is_full() {
        let page = work.tx.entries(
            EntryFilter::Pending(&collections),
            after,
            limits::PUSH_ITEMS_MAX,
        )?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        load(work, &page)?;
        for entry in page {
            if batch.is_full() {
                break;
            }
            if !is_next(work, &entry)? {
                continue;
            }
            let members = match entry.group {
                Some(_) if planted::on(Bug::HalveGroup) => vec![entry],
                Some(group) if !groups.insert(group) => continue,
                Some(group) => work
                    .tx
                    .entries(EntryFilter::Group(group), None, usize::MAX)?,
                None => vec![entry],
            };
            load(work, &members)?;
            offer(work, members, &mut batch)?;
        }
    }
    if batch.items.is_empty() {
        return Ok(false);
    }
    work.order(connector, batch.request, Task::Push(batch.items))?;
    Ok(true)
}

struct Batch {
    items: Vec<PushItem>,
    bytes: usize,
    items_max: usize,
    request: RequestId,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.items.len() >= self.items_max || self.bytes >= limits::PUSH_BYTES_MAX
    }
}

/// Loads the records of entries into slots.
pub(super) fn load<T: Tx>(work: &mut Work<'_, T>, entries: &[Entry]) -> Result<(), Error> {
    let mut rids: BTreeMap<&CollectionName, Vec<Rid>> = BTreeMap::new();
    for entry in entries {
        rids.entry(&entry.collection).or_default().push(entry.rid);
    }
    for (collection, rids) in rids {
        work.load_rids(collection, &rids)?;
    }
    Ok(())
}

/// Puts entries whose fate is unknown into the batch again, under their old keys, where the server replays.
fn resend<T: Tx>(
    work: &mut Work<'_, T>,
    collections: &[CollectionName],
    batch: &mut Batch,
) -> Result<(), Error> {
    let mut groups = BTreeSet::new();
    let mut after = None;
    while !batch.is_full() {
        let filter = EntryFilter::Unknown(collections);
        let page = work.tx.entries(filter, after, limits::PUSH_ITEMS_MAX)?;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for entry in page {
            if batch.is_full() {
                break;
            }
            if !is_sent_again(work, &entry)? {
                continue;
            }
            let members = match entry.group {
                Some(group) if !groups.insert(group) => continue,
                Some(group) => {
                    let members = work
                        .tx
                        .entries(EntryFilter::Group(group), None, usize::MAX)?;
                    members
                        .into_iter()
                        .filter(|member| matches!(member.state, EntryState::Unknown { .. }))
                        .collect()
                }
                None => vec![entry],
            };
            if !batch.items.is_empty() && batch.items.len() + members.len() > batch.items_max {
                continue;
            }
            load(work, &members)?;
            for member in members {
                hand_out(work, member.collection, member.rid, member.id, batch)?;
            }
        }
    }
    Ok(())
}

/// Whether an entry whose fate is unknown is settled by sending it again under its key; else the record is
/// looked up.
pub(super) fn is_sent_again<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> Result<bool, Error> {
    let capability = &work.collection(&entry.collection)?.capability;
    let remembers_ms = match capability.idempotency {
        Idempotency::Replays { remembers_ms } | Idempotency::Refuses { remembers_ms } => {
            remembers_ms
        }
        // A create under our id is an upsert of the same.
        Idempotency::ClientIds if matches!(entry.change, Change::Create(_)) => return Ok(true),
        Idempotency::ClientIds | Idempotency::Mark | Idempotency::None => 0,
    };
    let sent_ms = entry
        .frozen
        .as_ref()
        .map_or(entry.created_ms, |frozen| frozen.at_ms);
    // Who cannot look can only send again.
    Ok(!capability.fetch || work.now.wall_ms.saturating_sub(sent_ms) < remembers_ms)
}

/// Puts an entry, or a whole group, into the batch, if it can go now.
fn offer<T: Tx>(
    work: &mut Work<'_, T>,
    members: Vec<Entry>,
    batch: &mut Batch,
) -> Result<(), Error> {
    if !batch.items.is_empty() && batch.items.len() + members.len() > batch.items_max {
        return Ok(());
    }
    for member in &members {
        if !is_next(work, member)? {
            return Ok(());
        }
    }
    for member in members {
        hand_out(work, member.collection, member.rid, member.id, batch)?;
    }
    Ok(())
}

/// Whether an entry is the one of its record that goes next.
fn is_next<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<bool, Error> {
    let slot = work.peek(&entry.collection, entry.rid)?;
    Ok(slot
        .chain
        .first()
        .is_some_and(|first| first.id == entry.id && first.state == EntryState::Pending))
}

/// Freezes the first entry of a chain and adds it to the batch.
fn hand_out<T: Tx>(
    work: &mut Work<'_, T>,
    collection: CollectionName,
    rid: Rid,
    id: MutationId,
    batch: &mut Batch,
) -> Result<(), Error> {
    let mut slot = work.take(&collection, rid)?;
    let generation = work.generation();
    if let Some(first) = slot.chain.first().filter(|first| first.id == id) {
        let frozen = match &first.frozen {
            Some(frozen) => frozen.clone(),
            None => freeze(work, &slot)?,
        };
        let first = &slot.chain[0];
        let document = first.change.apply(slot.base.document());
        batch.bytes += document
            .as_ref()
            .map_or(0, |document| document.text().len());
        let stamps = corrected(work, &collection, slot.chain[0].stamps.clone())?;
        let first = &mut slot.chain[0];
        batch.items.push(PushItem {
            id,
            collection,
            record: slot.record.id.clone(),
            change: first.change.clone(),
            document,
            precondition: frozen.precondition.clone(),
            stamps,
            group: first.group.filter(|_| !planted::on(Bug::HalveGroup)),
            schema: first.schema,
        });
        first.frozen = Some(frozen);
        first.state = EntryState::InFlight {
            request: batch.request,
            generation,
        };
    }
    work.put(slot);
    Ok(())
}

/// Fixes what the first entry of a chain expects of the server.
fn freeze<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) -> Result<Frozen, Error> {
    let conditional = work.collection(&slot.collection)?.capability.conditional;
    let precondition = match (&slot.base, &slot.record.version) {
        _ if !conditional || planted::on(Bug::IgnoreBaseVersion) => Precondition::None,
        (Image::Present(_), Some(version)) => Precondition::Version(version.clone()),
        (Image::Present(_), None) => Precondition::None,
        (Image::Absent | Image::Gone, _) => Precondition::Absent,
    };
    Ok(Frozen {
        precondition,
        at_ms: work.now.wall_ms,
    })
}

/// Settles the answer to a push that is still open; returns how many entries it did not bring further.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    request: RequestId,
    answer: Result<Vec<(MutationId, Verdict)>, Failure>,
) -> Result<usize, Error> {
    let mut silent = 0;
    let out: Vec<Entry> = work
        .tx
        .entries(EntryFilter::InFlight, None, usize::MAX)?
        .into_iter()
        .filter(|entry| matches!(entry.state, EntryState::InFlight { request: of, .. } if of == request))
        .collect();
    load(work, &out)?;
    match answer {
        Ok(verdicts) => {
            let mut verdicts: BTreeMap<MutationId, Verdict> = verdicts.into_iter().collect();
            for entry in &out {
                let verdict = verdicts.remove(&entry.id).unwrap_or(Verdict::Unknown);
                silent += usize::from(matches!(
                    verdict,
                    Verdict::Unknown | Verdict::Conflict { remote: None }
                ));
                settle(work, entry, verdict)?;
            }
        }
        Err(failure) => {
            let lone = out.len() == 1
                || out
                    .iter()
                    .all(|entry| entry.group.is_some() && entry.group == out[0].group);
            for entry in &out {
                let verdict = match &failure.kind {
                    FailureKind::TooLarge if lone => Verdict::Rejected {
                        reason: format!("too large for the server: {}", failure.message),
                    },
                    _ if failure.not_sent => {
                        back(work, entry)?;
                        continue;
                    }
                    _ => Verdict::Unknown,
                };
                settle(work, entry, verdict)?;
            }
            if failure.kind == FailureKind::TooLarge {
                let half = (out.len() / 2).max(1);
                work.set_connector(connector, |state| state.items_max = Some(half))?;
            }
        }
    }
    Ok(silent)
}

/// Uses the verdicts of an answer that came too late for anything else.
pub(super) fn answered_late<T: Tx>(
    work: &mut Work<'_, T>,
    verdicts: Vec<(MutationId, Verdict)>,
) -> Result<(), Error> {
    for (id, verdict) in verdicts {
        // Only what is definite counts: the entry may have been handed out again in the meantime.
        if !matches!(verdict, Verdict::Accepted { .. } | Verdict::Rejected { .. }) {
            continue;
        }
        for entry in work.tx.entries(EntryFilter::Id(id), None, 1)? {
            let is_lost = match &verdict {
                // Of a history that the server has lost since: the entry goes again, under its key.
                Verdict::Accepted { version, .. } => {
                    work.is_lost(&entry.collection, version.as_ref())?
                }
                _ => false,
            };
            if entry.state.is_out() && !is_lost {
                settle(work, &entry, verdict.clone())?;
            }
        }
    }
    Ok(())
}

/// Puts an entry back that was certainly not carried out; it keeps its key.
fn back<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<(), Error> {
    let mut slot = work.take(&entry.collection, entry.rid)?;
    if let Some(first) = slot.chain.iter_mut().find(|other| other.id == entry.id) {
        first.state = EntryState::Pending;
    }
    reconcile(work, &mut slot)?;
    work.put(slot);
    Ok(())
}

/// Settles one entry by its verdict.
pub(super) fn settle<T: Tx>(
    work: &mut Work<'_, T>,
    entry: &Entry,
    verdict: Verdict,
) -> Result<(), Error> {
    let mut slot = work.take(&entry.collection, entry.rid)?;
    let Some(index) = slot.chain.iter().position(|other| other.id == entry.id) else {
        work.put(slot);
        return Ok(());
    };
    match verdict {
        Verdict::Accepted {
            version,
            image,
            stamp,
        } => {
            let skew = skew(work, &slot.collection)?;
            let stamp = work.observe(stamp, skew)?;
            accepted(work, &mut slot, index, version, image, stamp)?;
        }
        Verdict::Conflict { remote } => {
            slot.chain[index].state = EntryState::Pending;
            work.touch_group(entry.group);
            match remote {
                Some(remote) if is_of_other_history(work, &slot, index, &remote)? => {
                    look_at_history(work, &entry.collection)?;
                }
                Some(remote) => meet_read(work, &mut slot, remote)?,
                // It does not say with what: perhaps with what we have seen.
                None if slot.remote.is_some() => reconcile(work, &mut slot)?,
                None => suspect(work, &slot),
            }
        }
        Verdict::Returned => {
            let first = &mut slot.chain[index];
            let old = first.id;
            let renewed = Entry {
                id: work.entropy.mutation(),
                replaces: Some(old),
                frozen: None,
                state: EntryState::Pending,
                ..first.clone()
            };
            let carrier = Some(renewed.id);
            journal_of(work, &slot.chain[index].clone(), |row| {
                row.mutation = carrier
            })?;
            slot.chain[index] = renewed;
            work.touch_group(entry.group);
            reconcile(work, &mut slot)?;
        }
        Verdict::Rejected { .. } if planted::on(Bug::DropOnReject) => {
            slot.chain.remove(index);
            slot.show();
        }
        Verdict::Rejected { reason } => park(work, &mut slot, index, reason)?,
        Verdict::OutOfScope => {
            park(
                work,
                &mut slot,
                index,
                "the record is no longer in this account's scope".to_owned(),
            )?;
        }
        Verdict::Deferred { after_ms } => {
            slot.chain[index].state = EntryState::Pending;
            if let Some(connector) = work.collection(&entry.collection)?.connector.clone() {
                // A server that says "not now, but at once" is not asked without a pause.
                let after_ms = after_ms.max(limits::BACKOFF_FIRST_MS);
                super::schedule::wait_as_asked(work, &connector, after_ms)?;
            }
            reconcile(work, &mut slot)?;
        }
        Verdict::Unknown if planted::on(Bug::UnknownIsAccepted) => {
            accepted(work, &mut slot, index, None, None, None)?;
        }
        Verdict::Unknown => {
            if planted::on(Bug::ResendUnderNewKey) {
                slot.chain[index].id = work.entropy.mutation();
                slot.chain[index].frozen = None;
                slot.chain[index].state = EntryState::Pending;
                work.put(slot);
                return Ok(());
            }
            let (since_ms, tries) = match entry.state {
                EntryState::Unknown { since_ms, tries } => (since_ms, tries + 1),
                _ => (work.now.wall_ms, 0),
            };
            slot.chain[index].state = EntryState::Unknown { since_ms, tries };
        }
    }
    work.put(slot);
    Ok(())
}

/// Whether a conflict shows an image of a history that the feed has not told of: one older than our base, or
/// of an epoch that nobody named. Once a page has come since the freeze, the image counts as it is.
fn is_of_other_history<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    index: usize,
    remote: &Remote,
) -> Result<bool, Error> {
    let Some(key) = work.feed_key(&slot.collection) else {
        return Ok(false);
    };
    let base = slot.record.version.as_ref();
    let went_back = work.is_older(&slot.collection, remote.version.as_ref(), base)
        && !work.is_lost(&slot.collection, base)?;
    let feed = work.feed(&key)?;
    let unheard = match (&feed.epoch, &remote.version) {
        (Some(epoch), Some(version)) => version.ordinal().is_some() && !epoch.names(version),
        _ => false,
    };
    let frozen_ms = slot.chain[index].frozen.as_ref().map(|frozen| frozen.at_ms);
    Ok((went_back || unheard) && feed.last_ok_ms < frozen_ms)
}

/// Reads the feed, which tells of the server's history, before the next push.
fn look_at_history<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
) -> Result<(), Error> {
    let Some(key) = work.feed_key(collection) else {
        return Ok(());
    };
    work.set_feed(&key, |feed| feed.next = None)?;
    let next = work.after(limits::BACKOFF_FIRST_MS);
    work.set_connector(&key.connector, |state| state.next = Some(next))
}

/// The server's clock minus ours, as last heard from a collection's backend.
pub(super) fn skew<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
) -> Result<i64, Error> {
    match &work.collection(collection)?.connector {
        Some(connector) => Ok(work.connector(connector)?.skew_ms),
        None => Ok(0),
    }
}

/// The server's image becomes the base, and the entry goes.
fn accepted<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    index: usize,
    version: Option<Version>,
    image: Option<Image>,
    stamp: Option<Stamp>,
) -> Result<(), Error> {
    let entry = slot.chain.remove(index);
    journal_of(work, &entry, |row| row.state = JournalState::Settled)?;
    if planted::on(Bug::DropSuccessor) {
        slot.chain.clear();
    }
    if planted::on(Bug::AcceptedForgetsRemote) {
        slot.remote = None;
    }
    let as_sent = image.is_none();
    slot.base = match image {
        Some(image) => image,
        // A lone entry's outcome is what is visible; no need to apply it again.
        None if slot.chain.is_empty() => Image::from(slot.record.document.clone()),
        None => Image::from(entry.change.apply(slot.base.document())),
    };
    slot.record.version = version;
    slot.record.stamp = stamp.or(Some(entry.stamps.latest));
    if let Some(remote) = slot.remote.take() {
        meet(work, slot, remote)?;
    }
    if slot.remote.is_none() && !(as_sent && slot.chain.is_empty()) {
        slot.show();
    }
    Ok(())
}

/// Keeps a refused entry with its reason.
pub(super) fn park<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    index: usize,
    reason: String,
) -> Result<(), Error> {
    let entry = &mut slot.chain[index];
    entry.state = EntryState::Parked {
        reason: reason.clone(),
        at_ms: work.now.wall_ms,
    };
    work.touch_group(entry.group);
    let (collection, id) = (slot.collection.clone(), slot.record.id.clone());
    work.event(Event::Parked {
        collection,
        id,
        reason,
    });
    reconcile(work, slot)
}

/// Marks a record to be looked up on the server.
fn suspect<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) {
    work.ops.push(Op::Suspect(Suspicion {
        collection: slot.collection.clone(),
        rid: slot.record.rid,
        id: slot.record.id.clone(),
        pass: 0,
        passes: 0,
    }));
}
