//! Push: a batch is frozen and handed out.
use super::check;
use super::decide::corrected;
use super::ids::{self, Ready};
use super::memory::Asked;
use super::slot::Slot;
use super::unknown::{self, Means};
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, EntryKey, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

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
        unchecked: Vec::new(),
    };
    resend(work, &collections, &mut batch)?;
    let mut after = None;
    let mut groups = BTreeSet::new();
    while !batch.is_full() {
        let page = work.tx.entry_keys(
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
                Some(group) => {
                    let members = EntryFilter::Group(group);
                    work.tx.entry_keys(members, None, usize::MAX)?
                }
                None => vec![entry],
            };
            load(work, &members)?;
            offer(work, connector, members, &mut batch)?;
        }
    }
    work.memory.checked.remove(connector);
    if batch.items.is_empty() {
        if batch.unchecked.is_empty() {
            return Ok(false);
        }
        check::ask(work, connector, batch.unchecked)?;
        return Ok(true);
    }
    let task = Task::Push(batch.items);
    work.order(connector, batch.request, Asked::Push, task)?;
    Ok(true)
}

struct Batch {
    items: Vec<PushItem>,
    bytes: usize,
    items_max: usize,
    request: RequestId,
    /// What could go if its records had been read.
    unchecked: Vec<check::Unchecked>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.items.len() >= self.items_max
            || self.bytes >= limits::PUSH_BYTES_MAX
            || self.unchecked.len() >= self.items_max.min(limits::FETCH_IDS_MAX)
    }
}

/// Loads the records of entries into slots.
pub(super) fn load<T: Tx>(work: &mut Work<'_, T>, entries: &[EntryKey]) -> Result<(), Error> {
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
            let Means::Again { rest_ms: 0, .. } = unknown::means(work, &entry)? else {
                continue;
            };
            let members = match entry.group {
                Some(group) if !groups.insert(group) => continue,
                Some(group) => {
                    let mut members =
                        work.tx
                            .entries(EntryFilter::Group(group), None, usize::MAX)?;
                    members.retain(|member| matches!(member.state, EntryState::Unknown { .. }));
                    if !unknown::go_together(work, &members)? {
                        continue;
                    }
                    members.iter().map(EntryKey::from).collect()
                }
                None => vec![EntryKey::from(&entry)],
            };
            if !batch.items.is_empty() && batch.items.len() + members.len() > batch.items_max {
                continue;
            }
            load(work, &members)?;
            for member in members {
                let slot = work.take(&member.collection, member.rid)?;
                let entry = slot.chain.iter().find(|entry| entry.id == member.id);
                if let Some(entry) = entry.cloned()
                    && matches!(
                        unknown::means(work, &entry)?,
                        Means::Again { twice: true, .. }
                    )
                {
                    unknown::report(work, &slot, &entry)?;
                }
                work.put(slot);
                hand_out(work, member.collection, member.rid, member.id, batch)?;
            }
        }
    }
    Ok(())
}

/// Puts an entry, or a whole group, into the batch, if it can go now.
fn offer<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    members: Vec<EntryKey>,
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
    let mut members = members;
    let mut later = Vec::new();
    for member in &members {
        match ids::prepare(work, member, &members)? {
            Ready::Now => {}
            Ready::Later => later.push(member.id),
            Ready::Held => return Ok(()),
        }
    }
    members.retain(|member| !later.contains(&member.id));
    let mut needed = false;
    for member in &members {
        needed |= check::is_needed(work, connector, member)?;
    }
    if needed {
        for member in members {
            let id = work.peek(&member.collection, member.rid)?.record.id.clone();
            batch.unchecked.push((member.collection, id, member.id));
        }
        return Ok(());
    }
    for member in members {
        hand_out(work, member.collection, member.rid, member.id, batch)?;
    }
    Ok(())
}

/// Whether an entry is the one of its record that goes next.
fn is_next<T: Tx>(work: &mut Work<'_, T>, entry: &EntryKey) -> Result<bool, Error> {
    let conditional = work.collection(&entry.collection)?.capability.conditional;
    let slot = work.peek(&entry.collection, entry.rid)?;
    // On a guess whose version nobody has told yet, it would carry no precondition.
    let is_blind = slot.provisional && slot.base.is_present() && slot.record.version.is_none();
    if conditional && is_blind && !planted::on(Bug::PushOnGuess) {
        return Ok(false);
    }
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
            None => {
                fit(&mut slot, work.number(&collection)?);
                freeze(work, &slot)?
            }
        };
        let first = &slot.chain[0];
        let document = match first.migrated() {
            Some(migrated) => migrated.sent.clone(),
            None => first.change.apply(slot.base.document()),
        };
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
            again: matches!(first.state, EntryState::Unknown { .. }),
            tries: match first.state {
                EntryState::Unknown { tries, .. } => tries + 1,
                _ => 0,
            },
        };
    }
    work.put(slot);
    Ok(())
}

/// Sends the whole document where the server's is of an older schema, which a patch of this one would not fit.
/// What an older version of the app wrote onto a document of a newer one has the schema of that.
fn fit(slot: &mut Slot, number: u32) {
    let schema = slot.base_schema().min(number);
    slot.chain[0].schema = slot.chain[0].schema.max(schema);
    if slot.record.migrated
        && matches!(slot.chain[0].change, Change::Patch(_))
        && !planted::on(Bug::PatchOldSchema)
        && let Some(whole) = slot.image_before(1)
    {
        slot.chain[0].change = Change::Replace(whole);
    }
}

/// Fixes what the first entry of a chain expects of the server.
fn freeze<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) -> Result<Frozen, Error> {
    let conditional = work.collection(&slot.collection)?.capability.conditional;
    let precondition = match (&slot.base, &slot.record.version) {
        // Of a record that has no id yet there is nothing to expect.
        (Image::Absent | Image::Gone, _) if ids::are_made(work, &slot.collection) => {
            Precondition::None
        }
        _ if !conditional || planted::on(Bug::IgnoreBaseVersion) => Precondition::None,
        (Image::Present(_), Some(version)) => Precondition::Version(version.clone()),
        (Image::Present(_), None) => Precondition::None,
        (Image::Absent | Image::Gone, _) => Precondition::Absent,
    };
    Ok(Frozen {
        precondition,
        at_ms: work.now.wall_ms,
        migrated: None,
    })
}
