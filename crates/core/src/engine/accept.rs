//! Accept: what a server took becomes the base, as far as it says what it made of it.
//!
//! A server that normalises, and answers less than an image, leaves a guess: the record is *provisional* until an image
//! of the server is read. So does one whose reads may be older than what it took: until one shows what it took, a page
//! that differs proves nothing.
use super::decide::{journal_of, meet, meet_read};
use super::ids;
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile;
use crate::store::{Op, Tx};

/// What a server says of what it accepted.
#[derive(Default)]
pub(super) struct Told {
    /// The id that it made for the record.
    pub(super) id: Option<RecordId>,
    pub(super) version: Option<Version>,
    /// What it has now; else what was sent, or something like it.
    pub(super) image: Option<Remote>,
    pub(super) stamp: Option<Stamp>,
}

/// The server's image becomes the base, and the entry goes.
pub(super) fn accepted<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    index: usize,
    told: Told,
) -> Result<(), Error> {
    let capability = &work.collection(&slot.collection)?.capability;
    let Told {
        id,
        version,
        image,
        stamp,
    } = told;
    let twin = match id {
        Some(id) => ids::map(work, slot, id)?,
        None => None,
    };
    let entry = slot.chain.remove(index);
    journal_of(work, &entry, JournalChange::State(JournalState::Settled));
    if planted::on(Bug::DropSuccessor) {
        slot.chain.clear();
    }
    if planted::on(Bug::AcceptedForgetsRemote) {
        slot.remote = None;
    }
    let replaced = Remote {
        out_of_scope: false,
        image: slot.base.clone(),
        version: slot.record.version.clone(),
        stamp: None,
        stamps: None,
        schema: None,
        migrated: false,
    };
    let (image, theirs) = apart(work, slot, &entry, image, version.as_ref())?;
    let version = version.filter(|_| theirs.is_none());
    let as_sent = image.is_none();
    if let Some(mut image) = image {
        image.schema.get_or_insert(work.number(&slot.collection)?);
        slot.rebase(&image);
    } else {
        slot.record.schema = entry.schema_on(slot.base_schema());
        slot.base = if slot.chain.is_empty() {
            // A lone entry's outcome is what is visible; no need to apply it again.
            Image::from(slot.record.document.clone())
        } else {
            Image::from(entry.apply(slot.base.document()))
        };
        // The server has what was sent: of an older schema, when it was handed out before an upgrade.
        slot.record.migrated = entry.migrated().is_some();
    }
    slot.record.version = version;
    slot.record.stamp = stamp.or(Some(entry.stamps.latest));
    let is_guess =
        as_sent && theirs.is_none() && slot.base.is_present() && is_guess(capability, slot);
    slot.provisional = is_guess || capability.may_show_our_past();
    keep_watch(work, slot, false)?;
    if is_guess {
        suspect(work, slot)?;
    }
    if let Some(remote) = slot.remote.take() {
        read_before(work, slot, replaced, remote)?;
    }
    if let Some(theirs) = theirs {
        meet_read(work, slot, theirs)?;
    } else if slot.remote.is_none() && !(as_sent && slot.chain.is_empty()) {
        slot.show();
    }
    match twin {
        Some(twin) => ids::adopt(work, slot, twin),
        None => Ok(()),
    }
}

/// Keeps a record provisional after an image of it was read, where a page that is older may still come. One that is
/// gone stays as a tombstone there, or such a page would bring it back.
pub(super) fn keep_watch<T: Tx>(
    work: &Work<'_, T>,
    slot: &mut Slot,
    was_provisional: bool,
) -> Result<(), Error> {
    let capability = &work.collection(&slot.collection)?.capability;
    let is_gone = slot.chain.is_empty() && !slot.base.is_present() && slot.is_stored();
    slot.provisional |= was_provisional && capability.may_show_our_past();
    slot.provisional |= is_gone && capability.stale_reads && !planted::on(Bug::PastComesBack);
    Ok(())
}

/// Tells what a server made of a write from what others wrote in between: without a precondition its image holds both.
/// Writes that stand on this one must hear of theirs.
fn apart<T: Tx>(
    work: &Work<'_, T>,
    slot: &Slot,
    entry: &Entry,
    image: Option<Remote>,
    version: Option<&Version>,
) -> Result<(Option<Remote>, Option<Remote>), Error> {
    let config = work.collection(&slot.collection)?;
    let Some(image) = image else {
        return Ok((None, None));
    };
    if config.capability.conditional || slot.chain.is_empty() || planted::on(Bug::TheirsIsOurs) {
        return Ok((Some(image), None));
    }
    let sent = Image::from(entry.apply(slot.base.document()));
    let (equality, fields) = (config.capability.equality, &config.schema.server_fields);
    if reconcile::same(&sent, &image.image, equality, fields) {
        return Ok((Some(image), None));
    }
    let version = version.cloned();
    Ok((None, Some(Remote { version, ..image })))
}

/// Whether what was sent is only like what the server has now.
fn is_guess(capability: &Capability, slot: &Slot) -> bool {
    match capability.answers {
        Answers::Image => {
            // A server that refuses what it has taken already says nothing of what it made of it.
            let refuses = matches!(capability.idempotency, Idempotency::Refuses { .. });
            refuses && slot.record.version.is_none()
        }
        Answers::Version | Answers::Nothing => true,
    }
}

/// Takes an image that was read while the entry was out: whether before it took effect or after, ordered versions
/// tell. Else what the entry replaced is past, and a record that can be read is read again.
fn read_before<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    replaced: Remote,
    remote: Remote,
) -> Result<(), Error> {
    if remote.out_of_scope {
        return meet(work, slot, remote);
    }
    let config = work.collection(&slot.collection)?;
    let capability = &config.capability;
    let has_both = remote.version.is_some() && slot.record.version.is_some();
    if capability.versions == Versions::Ordered && has_both {
        return meet(work, slot, remote);
    }
    let fields = &config.schema.server_fields;
    let is_past = match (&remote.version, &replaced.version) {
        (Some(read), Some(before)) => read == before,
        // That it is gone is news, where it was never there before.
        _ => {
            let (now, before) = (&remote.image, &replaced.image);
            before.is_present() && reconcile::same(now, before, capability.equality, fields)
        }
    };
    if is_past && !planted::on(Bug::PastComesBack) {
        return Ok(());
    }
    if capability.fetch && !planted::on(Bug::PastComesBack) {
        slot.provisional = true;
        return suspect(work, slot);
    }
    meet(work, slot, remote)
}

/// Marks a record to be looked up on the server, where it can be.
pub(super) fn suspect<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) -> Result<(), Error> {
    if work.collection(&slot.collection)?.capability.fetch {
        work.ops.push(Op::Suspect(Suspicion {
            collection: slot.collection.clone(),
            rid: slot.record.rid,
            id: slot.record.id.clone(),
            pass: 0,
            passes: 0,
        }));
    }
    Ok(())
}
