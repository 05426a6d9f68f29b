//! Ids that the server makes: a record takes its id when its create is accepted, and what refers to it follows.
//!
//! Until then its local id stands in for it, and no write that names it leaves the device. The local id goes on
//! resolving as an alias.
mod follow;
mod named;
mod prepare;

use super::accept::{keep_watch, suspect};
use super::decide::meet_read;
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Op, Tx};
pub(super) use follow::{follow, look_again};
pub(super) use prepare::{Ready, prepare};

/// Whether the backend of a collection makes the ids of new records.
pub(super) fn are_made<T: Tx>(work: &Work<'_, T>, collection: &CollectionName) -> bool {
    work.config
        .collection(collection)
        .is_some_and(|config| config.connector.is_some() && config.capability.ids == Ids::Server)
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
pub(super) fn adopt<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    twin: Rid,
) -> Result<(), Error> {
    let mut other = work.take(&slot.collection, twin)?;
    slot.former.extend(work.tx.aliases(&slot.collection, twin)?);
    work.move_journal(&slot.collection, twin, slot.record.rid);
    let (version, image) = other.seen();
    let last = other
        .remote
        .clone()
        .or(other.conflict.as_ref().map(|open| open.remote.clone()));
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
