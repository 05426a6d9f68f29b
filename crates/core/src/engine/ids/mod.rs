//! Ids that the server makes: a record takes its id when its create is accepted, and what refers to it follows.
//!
//! Until then its local id stands in for it, and no write that names it leaves the device. The local id goes on
//! resolving as an alias.
mod follow;
mod named;
mod prepare;

use super::accept::{keep_watch, suspect};
use super::decide::{follow as follow_entries, meet_read};
use super::outbox::rewrite;
use super::slot::Slot;
use super::work::{Noted, Work};
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{Op, Tx};
pub(super) use follow::{follow, look_again};
pub(super) use prepare::{Ready, prepare};
use tisync_json::{Document, diff};

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
    let was_provisional = slot.provisional;
    let mut newer = other.remote.take();
    if let Some(conflict) = other.conflict.take() {
        newer = newer.or(Some(conflict.remote));
    }
    let chain = std::mem::take(&mut other.chain);
    if chain.is_empty() {
        let last = newer.take().unwrap_or_else(|| Remote {
            out_of_scope: false,
            image: other.base.clone(),
            version: other.record.version.clone(),
            stamp: other.record.stamp,
            stamps: None,
            schema: Some(other.record.schema),
            migrated: other.record.migrated,
        });
        meet_read(work, slot, last)?;
    } else {
        join(work, slot, &other, chain)?;
    }
    if let Some(newer) = newer {
        meet_read(work, slot, newer)?;
    }
    keep_watch(work, slot, was_provisional)?;
    suspect(work, slot)?;
    other.adopted = true;
    work.put(other);
    Ok(())
}

/// Makes one chain of what was written to two records that turned out to be one, on the base of the one that the server
/// showed. Whoever deleted one of the two meant to keep the other.
fn join<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    other: &Slot,
    mut chain: Vec<Entry>,
) -> Result<(), Error> {
    for entry in &mut chain {
        entry.rid = slot.record.rid;
        if entry.state == EntryState::Held(Blocker::Conflict) {
            entry.state = EntryState::Pending;
        }
        work.touch_group(entry.group);
    }
    let (first, ours) = (slot.base.clone(), slot.ours());
    let theirs = Image::from(other.record.document.clone());
    (slot.base, slot.provisional) = (other.base.clone(), other.provisional);
    slot.record = Record {
        rid: slot.record.rid,
        id: slot.record.id.clone(),
        ..other.record.clone()
    };
    if slot.chain.is_empty() {
        slot.chain = chain;
        slot.show();
        return Ok(());
    }
    let outcome = match (&first, &ours, &theirs) {
        (Image::Present(first), Image::Present(ours), Image::Present(theirs)) => {
            let mut object = theirs.object();
            diff(&first.object(), &ours.object()).apply(&mut object);
            Image::Present(Document::from_object(&object))
        }
        (_, Image::Present(_), _) => ours.clone(),
        _ => theirs.clone(),
    };
    let schema = slot.schema();
    slot.chain.extend(chain);
    slot.chain.sort_by_key(|entry| entry.seq);
    let old = slot.chain.clone();
    let mutation = rewrite(work, slot, &outcome, false)?;
    follow_entries(work, &old, mutation, true);
    let loser = match ours.is_present() {
        true => Loser::Theirs,
        false => Loser::Ours,
    };
    work.journal(
        slot,
        Noted {
            situation: TWINS.to_owned(),
            policy: "what was written to either is kept, ours where both wrote the same field"
                .to_owned(),
            base: first,
            ours,
            theirs,
            outcome,
            loser,
            mutation,
            decided: old.iter().map(|entry| entry.id).collect(),
            undoes: None,
            schema,
        },
    )
}
