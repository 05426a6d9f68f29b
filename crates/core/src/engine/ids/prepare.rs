//! What refers to a record without an id waits for it; a cycle of such references is cut.
use super::are_made;
use super::named::{Settled, name_anew, named};
use crate::engine::outbox::join;
use crate::engine::slot::Slot;
use crate::engine::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryKey, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Document, Patch, Path, Value};

/// Whether an entry can be sent as far as what it refers to goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Ready {
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
pub(in crate::engine) fn prepare<T: Tx>(
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
                let is_newer = second
                    .stamps
                    .fields
                    .keys()
                    .any(|other| other.overlaps(&path));
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
