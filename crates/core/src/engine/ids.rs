//! Ids that the server makes: a record takes its id when its create is accepted, and what refers to it follows.
//!
//! Until then its local id stands in for it, and no write that names it leaves the device. The local id goes on
//! resolving as an alias.
use super::accept::{keep_watch, suspect};
use super::decide::meet_read;
use super::outbox::join;
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, EntryKey, Op, Tx};
use std::collections::{BTreeMap, BTreeSet};
use tisync_json::{Document, Number, Object, Patch, Path, Value};

/// What an id became, by collection and former id; the same id, when the record went before the server made one.
type Settled = BTreeMap<CollectionName, BTreeMap<RecordId, RecordId>>;

/// Whether the backend of a collection makes the ids of new records.
pub(super) fn are_made<T: Tx>(work: &Work<'_, T>, collection: &CollectionName) -> bool {
    are_made_for(work.config, collection)
}

fn are_made_for(config: &Config, collection: &CollectionName) -> bool {
    config
        .collection(collection)
        .is_some_and(|config| config.connector.is_some() && config.capability.ids == Ids::Server)
}

/// Whether an entry can be sent as far as what it refers to goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// It can.
    Now,
    /// Not before the other members of its group.
    Later,
    /// It is held.
    Held,
}

/// A record.
type Place = (CollectionName, Rid);

/// A reference to a record that has no id yet.
struct Unmapped {
    path: Path,
    nullable: bool,
    to: Place,
}

/// Brings the first entry of a record's chain into the shape in which it can be sent: references by former ids are
/// brought up to date, those that close a cycle are cut out and follow in a write of their own. `mates`: the members
/// of its group.
pub(super) fn prepare<T: Tx>(
    work: &mut Work<'_, T>,
    entry: &EntryKey,
    mates: &[EntryKey],
) -> Result<Ready, Error> {
    let place = (entry.collection.clone(), entry.rid);
    let references = &work.collection(&entry.collection)?.schema.references;
    if !references
        .values()
        .any(|reference| are_made(work, &reference.collection))
    {
        return Ok(Ready::Now);
    }
    let first = work.peek(&place.0, place.1)?.chain.first();
    let Some(change) = first
        .filter(|first| first.frozen.is_none())
        .map(|first| first.change.clone())
    else {
        return Ok(Ready::Now);
    };
    let (unmapped, moved) = targets(work, &change, references)?;
    if !moved.is_empty() && !planted::on(Bug::ReferenceStays) {
        let mut slot = work.take(&place.0, place.1)?;
        name_anew(&mut slot.chain[0].change, references, &moved);
        slot.show();
        work.put(slot);
    }
    if unmapped.is_empty() || planted::on(Bug::ReferenceNotAwaited) {
        return Ok(Ready::Now);
    }
    if is_closed(work, &place, &change, &unmapped)? {
        let mut slot = work.take(&place.0, place.1)?;
        cut(work, &mut slot, unmapped.iter().map(|one| &one.path))?;
        work.put(slot);
        return Ok(Ready::Now);
    }
    let is_mate = |one: &Unmapped| {
        let mut others = mates.iter().filter(|mate| mate.id != entry.id);
        others.any(|mate| mate.rid == one.to.1 && mate.collection == one.to.0)
    };
    if unmapped.iter().all(is_mate) {
        return Ok(Ready::Later);
    }
    let mut slot = work.take(&place.0, place.1)?;
    slot.chain[0].state = EntryState::Held(Blocker::UnmappedReference);
    work.put(slot);
    Ok(Ready::Held)
}

/// What a change refers to: records without an id yet, and former ids with what they are now.
fn targets<T: Tx>(
    work: &mut Work<'_, T>,
    change: &Change,
    references: &BTreeMap<Path, Reference>,
) -> Result<(Vec<Unmapped>, Settled), Error> {
    let (mut unmapped, mut moved) = (Vec::new(), Settled::new());
    for (path, reference, id) in named(change, references) {
        let to = &reference.collection;
        if !are_made(work, to) {
            continue;
        }
        let Some(rid) = work.load_ids(to, std::slice::from_ref(&id))?[0] else {
            continue;
        };
        let target = work.peek(to, rid)?;
        if target.is_new() {
            unmapped.push(Unmapped {
                path: path.clone(),
                nullable: reference.nullable,
                to: (to.clone(), rid),
            });
        } else if target.record.id != id {
            let now = target.record.id.clone();
            moved.entry(to.clone()).or_default().insert(id, now);
        }
    }
    Ok((unmapped, moved))
}

/// Whether nothing but cycles keeps a create from being sent, each of which can be cut at its own reference.
fn is_closed<T: Tx>(
    work: &mut Work<'_, T>,
    place: &Place,
    change: &Change,
    unmapped: &[Unmapped],
) -> Result<bool, Error> {
    let is_new = work.peek(&place.0, place.1)?.is_new();
    let can = matches!(change, Change::Create(_)) && is_new && are_made(work, &place.0);
    if !can || unmapped.iter().any(|one| !one.nullable) || planted::on(Bug::CycleNotCut) {
        return Ok(false);
    }
    for one in unmapped {
        if !leads_to(work, &one.to, place)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the references of new records lead from one to another.
fn leads_to<T: Tx>(work: &mut Work<'_, T>, from: &Place, goal: &Place) -> Result<bool, Error> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.clone()];
    while let Some(place) = next.pop() {
        if place == *goal {
            return Ok(true);
        }
        if seen.len() >= limits::REFERENCE_STEPS_MAX || !seen.insert(place.clone()) {
            continue;
        }
        let references = &work.collection(&place.0)?.schema.references;
        let creates = |entry: &&Entry| matches!(entry.change, Change::Create(_));
        let slot = work.peek(&place.0, place.1)?;
        let Some(create) = slot.chain.iter().find(creates).filter(|_| slot.is_new()) else {
            continue;
        };
        let change = create.change.clone();
        let (unmapped, _) = targets(work, &change, references)?;
        next.extend(unmapped.into_iter().map(|one| one.to));
    }
    Ok(false)
}

/// Takes references out of a create; a write behind it brings them back.
fn cut<'a, T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    paths: impl Iterator<Item = &'a Path>,
) -> Result<(), Error> {
    let first = &mut slot.chain[0];
    let Change::Create(document) = &first.change else {
        return Ok(());
    };
    let mut object = document.object();
    let (mut nulls, mut back) = (Patch::default(), Patch::default());
    for path in paths {
        if let Some(value) = tisync_json::get(&object, path) {
            back.set.insert(path.clone(), value.clone());
            nulls.set.insert(path.clone(), Value::Null);
        }
    }
    nulls.apply(&mut object);
    first.change = Change::Create(Document::from_object(&object));
    if planted::on(Bug::CutStays) {
        slot.show();
        return Ok(());
    }
    let latest = first.stamps.latest;
    let fields = back.paths().map(|path| (path.clone(), latest)).collect();
    let back = Entry {
        id: work.entropy.mutation(),
        change: Change::Patch(back),
        stamps: Stamps { latest, fields },
        group: None,
        replaces: None,
        undoes: None,
        state: EntryState::Pending,
        ..first.clone()
    };
    match slot.chain.get_mut(1) {
        Some(second) => {
            if let Some(change) = join(&back.change, &second.change) {
                second.change = change;
            }
            for (path, stamp) in back.stamps.fields {
                let is_newer = second.stamps.fields.keys().any(|other| other.overlaps(&path));
                if !is_newer {
                    second.stamps.fields.insert(path, stamp);
                }
            }
        }
        None => slot.chain.push(Entry {
            seq: work.new_seq()?,
            ..back
        }),
    }
    slot.show();
    Ok(())
}

/// Whether the record that the server made is here already, with a write that is under way.
pub(super) fn is_busy<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    id: &RecordId,
) -> Result<bool, Error> {
    match twin_of(work, slot, id)? {
        Some(rid) => Ok(work.peek(&slot.collection, rid)?.is_out()),
        None => Ok(false),
    }
}

/// The record that is here under an id that the server has just made for another.
fn twin_of<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    id: &RecordId,
) -> Result<Option<Rid>, Error> {
    if *id == slot.record.id {
        return Ok(None);
    }
    let found = work.load_ids(&slot.collection, std::slice::from_ref(id))?[0];
    let Some(rid) = found.filter(|rid| *rid != slot.record.rid) else {
        return Ok(None);
    };
    let is_it = work.peek(&slot.collection, rid)?.record.id == *id;
    Ok(is_it.then_some(rid))
}

/// Gives a record the id that the server made for it; returns the record that was shown under that id, to be adopted.
pub(super) fn map<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    id: RecordId,
) -> Result<Option<Rid>, Error> {
    if id == slot.record.id || planted::on(Bug::IdNotTaken) {
        return Ok(None);
    }
    let twin = twin_of(work, slot, &id)?.filter(|_| !planted::on(Bug::TwinStays));
    let former = std::mem::replace(&mut slot.record.id, id.clone());
    let collection = slot.collection.clone();
    work.ops.push(Op::RemoveSuspicion {
        collection: collection.clone(),
        rid: slot.record.rid,
    });
    // What was seen meanwhile is of the record that had the former id. When it is there again, it is another one now.
    match slot.remote.take() {
        Some(remote) if remote.image.is_present() => {
            let rid = work.new_rid(&collection)?;
            let number = work.number(&collection)?;
            let mut other = Slot::new(collection.clone(), rid, former.clone(), number);
            other.rebase(&remote);
            other.show();
            work.put(other);
        }
        _ if planted::on(Bug::AliasForgotten) => {}
        _ => slot.former.push(former.clone()),
    }
    work.event(Event::Mapped {
        collection,
        former,
        id,
    });
    Ok(twin)
}

/// Takes over all that is known of a record that turned out to be this one, and all that was written to it.
pub(super) fn adopt<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot, twin: Rid) -> Result<(), Error> {
    let mut other = work.take(&slot.collection, twin)?;
    slot.former.extend(work.tx.aliases(&slot.collection, twin)?);
    work.move_journal(&slot.collection, twin, slot.record.rid);
    let (version, image) = other.seen();
    let last = other.remote.clone().or(other.conflict.as_ref().map(|open| open.remote.clone()));
    let seen = last.unwrap_or_else(|| Remote {
        image: match other.record.state {
            RecordState::Tombstone => Image::Gone,
            _ => image.clone(),
        },
        version: version.cloned(),
        stamp: other.record.stamp,
        stamps: None,
        schema: Some(other.record.schema),
        migrated: other.record.migrated,
    });
    let mut chain = std::mem::take(&mut other.chain);
    if planted::on(Bug::TwinLosesWrites) {
        chain.clear();
    }
    for entry in &mut chain {
        entry.rid = slot.record.rid;
        work.touch_group(entry.group);
    }
    let was_provisional = slot.provisional;
    if slot.chain.is_empty() && !chain.is_empty() {
        // What was written to it was written in sight of its own base.
        slot.base = other.base.clone();
        slot.record = Record {
            rid: slot.record.rid,
            id: slot.record.id.clone(),
            ..other.record.clone()
        };
        slot.chain = chain;
    } else {
        slot.chain.extend(chain);
        slot.chain.sort_by_key(|entry| entry.seq);
    }
    slot.conflict = None;
    for entry in &mut slot.chain {
        if entry.state == EntryState::Held(Blocker::Conflict) {
            entry.state = EntryState::Pending;
        }
    }
    slot.show();
    meet_read(work, slot, seen)?;
    keep_watch(work, slot, was_provisional)?;
    suspect(work, slot)?;
    (other.remote, other.conflict, other.adopted) = (None, None, true);
    work.put(other);
    Ok(())
}

/// Lets follow what refers to records whose creates this step has settled.
pub(super) fn follow<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let mut settled = Settled::new();
    for slot in work.slots() {
        if let Some(former) = slot.was_new()
            && !slot.is_new()
            && are_made(work, &slot.collection)
        {
            let of = settled.entry(slot.collection.clone()).or_default();
            of.insert(former.clone(), slot.record.id.clone());
        }
    }
    if settled.is_empty() || planted::on(Bug::ReferenceForgotten) {
        return Ok(());
    }
    let config = work.config;
    let referring: Vec<CollectionName> = config
        .collections
        .iter()
        .filter(|(_, config)| {
            let mut references = config.schema.references.values();
            references.any(|reference| settled.contains_key(&reference.collection))
        })
        .map(|(name, _)| name.clone())
        .collect();
    if referring.is_empty() {
        return Ok(());
    }
    load_naming(work, EntryFilter::Pending(&referring), &settled)?;
    load_naming(work, EntryFilter::Waiting, &settled)?;
    for collection in &referring {
        let references = &work.collection(collection)?.schema.references;
        for mut slot in work.take_all(collection) {
            let mut any = false;
            for entry in slot.chain.iter_mut().filter(|entry| entry.frozen.is_none()) {
                if !names(&entry.change, references, &settled) {
                    continue;
                }
                if !planted::on(Bug::ReferenceStays) {
                    name_anew(&mut entry.change, references, &settled);
                }
                any = true;
                if entry.state == EntryState::Held(Blocker::UnmappedReference) {
                    entry.state = EntryState::Pending;
                }
            }
            if any {
                slot.show();
            }
            work.put(slot);
        }
    }
    Ok(())
}

/// Frees what waits for ids: it is held again where they are still missing. A migrate function may have changed what it
/// refers to, and a connector who makes the ids.
pub(super) fn look_again<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work.tx.entries(EntryFilter::Waiting, after, limits::PUSH_ITEMS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        let waits = |entry: &&Entry| entry.state == EntryState::Held(Blocker::UnmappedReference);
        for entry in page.iter().filter(waits) {
            let mut slot = work.take(&entry.collection, entry.rid)?;
            for held in slot.chain.iter_mut().filter(|held| waits(&&**held)) {
                held.state = EntryState::Pending;
            }
            work.put(slot);
        }
    }
}

/// Loads the records of entries that name one of these ids.
fn load_naming<T: Tx>(
    work: &mut Work<'_, T>,
    filter: EntryFilter<'_>,
    settled: &Settled,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = work.tx.entries(filter, after, limits::PUSH_ITEMS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.seq);
        let config = work.config;
        let naming: Vec<EntryKey> = page
            .iter()
            .filter(|entry| {
                let references = config.collection(&entry.collection);
                references.is_some_and(|of| names(&entry.change, &of.schema.references, settled))
            })
            .map(EntryKey::from)
            .collect();
        super::push::load(work, &naming)?;
    }
}

fn names(change: &Change, references: &BTreeMap<Path, Reference>, settled: &Settled) -> bool {
    named(change, references).iter().any(|(_, reference, id)| {
        let of = settled.get(&reference.collection);
        of.is_some_and(|of| of.contains_key(id))
    })
}

/// The ids that a change names in declared references.
fn named<'a>(
    change: &Change,
    references: &'a BTreeMap<Path, Reference>,
) -> Vec<(&'a Path, &'a Reference, RecordId)> {
    let mut all = Vec::new();
    match change {
        Change::Delete => {}
        Change::Create(document) | Change::Replace(document) => {
            let paths: Vec<Path> = references.keys().cloned().collect();
            let values = document.fields(&paths);
            for ((path, reference), value) in references.iter().zip(values) {
                let ids = value.iter().flat_map(ids_of);
                all.extend(ids.map(|id| (path, reference, id)));
            }
        }
        Change::Patch(patch) => {
            for (path, reference) in references {
                let values = patch.set.iter().filter_map(|(set, value)| {
                    let rest = rest(set, path)?;
                    rest.iter().try_fold(value, |value, key| value.as_object()?.get(key))
                });
                let ids = values.flat_map(ids_of);
                all.extend(ids.map(|id| (path, reference, id)));
            }
        }
    }
    all
}

/// The keys that lead from one path to another that lies at or below it.
fn rest<'a>(from: &Path, to: &'a Path) -> Option<&'a [String]> {
    let is_above = from == to || from.is_prefix_of(to);
    is_above.then(|| &to.keys()[from.keys().len()..])
}

fn ids_of(value: &Value) -> Vec<RecordId> {
    match value {
        Value::Array(members) => members.iter().filter_map(id_of).collect(),
        value => id_of(value).into_iter().collect(),
    }
}

/// The id that a value is: a text, or a whole number.
fn id_of(value: &Value) -> Option<RecordId> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) if number.is_integer() => value.canonical().parse().ok(),
        _ => None,
    }
}

/// Brings the references of a change up to date.
fn name_anew(change: &mut Change, references: &BTreeMap<Path, Reference>, settled: &Settled) {
    match change {
        Change::Delete => {}
        Change::Create(document) | Change::Replace(document) => {
            let mut object = document.object();
            for (path, reference) in references {
                if let Some(value) = below(&mut object, path.keys()) {
                    replace(value, reference, settled);
                }
            }
            *document = Document::from_object(&object);
        }
        Change::Patch(patch) => {
            for (set, value) in &mut patch.set {
                for (path, reference) in references {
                    let value = match rest(set, path) {
                        None => None,
                        Some([]) => Some(&mut *value),
                        Some(rest) => match value {
                            Value::Object(object) => below(object, rest),
                            _ => None,
                        },
                    };
                    if let Some(value) = value {
                        replace(value, reference, settled);
                    }
                }
            }
        }
    }
}

fn below<'a>(object: &'a mut Object, keys: &[String]) -> Option<&'a mut Value> {
    let (first, rest) = keys.split_first()?;
    let value = object.get_mut(first)?;
    match value {
        value if rest.is_empty() => Some(value),
        Value::Object(object) => below(object, rest),
        _ => None,
    }
}

fn replace(value: &mut Value, reference: &Reference, settled: &Settled) {
    if let Value::Array(members) = value {
        for member in members {
            replace(member, reference, settled);
        }
        return;
    }
    let now = id_of(value).and_then(|id| settled.get(&reference.collection)?.get(&id));
    if let Some(now) = now {
        let number = Number::parse(now.as_str()).ok();
        *value = match number.filter(|number| reference.numeric && number.is_integer()) {
            Some(number) => Value::Number(number),
            None => Value::String(now.as_str().to_owned()),
        };
    }
}
