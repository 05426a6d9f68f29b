//! Reconcile applied: a record meets a server image, and what the planner decides is carried out.
use super::migrate;
use super::outbox::rewrite;
use super::slot::Slot;
use super::work::{Noted, Work};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile::{self, Decision, Plan, Sides, Situation};
use crate::store::{Op, Tx};

/// Takes a server image of a record that it does not know yet: keeps it while an entry is out, reconciles else.
pub(super) fn meet<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    mut remote: Remote,
) -> Result<(), Error> {
    remote.schema.get_or_insert(work.number(&slot.collection)?);
    if is_known(work, slot, &remote)? && !planted::on(Bug::ApplyOlder) {
        return Ok(());
    }
    slot.remote = Some(remote);
    reconcile(work, slot)
}

/// Takes what the backend has compared with, or has read by id: it counts also when its version is known,
/// unless a newer image is there already.
pub(super) fn meet_read<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    mut remote: Remote,
) -> Result<(), Error> {
    remote.schema.get_or_insert(work.number(&slot.collection)?);
    let newer = slot.remote.take().filter(|known| {
        work.is_older(
            &slot.collection,
            remote.version.as_ref(),
            known.version.as_ref(),
        )
    });
    slot.remote = Some(newer.unwrap_or(remote));
    reconcile(work, slot)
}

/// Whether an image is no newer than the last one that the record has seen.
fn is_known<T: Tx>(work: &mut Work<'_, T>, slot: &Slot, remote: &Remote) -> Result<bool, Error> {
    let (seen, image) = slot.seen();
    if work.is_lost(&slot.collection, seen)? && !planted::on(Bug::LostImageCounts) {
        return Ok(false);
    }
    let new = remote.version.as_ref();
    if work.is_older(&slot.collection, new, seen) {
        return Ok(true);
    }
    let is_guess = slot.provisional && slot.remote.is_none() && slot.conflict.is_none();
    if is_guess && !planted::on(Bug::GuessStays) {
        // The first image that the server shows confirms it, or takes its place.
        return Ok(false);
    }
    Ok(match (new, seen) {
        (None, None) => remote.image.same(image),
        (new, seen) => new.is_some() && new == seen,
    })
}

/// Reconciles a record with its remote, when nothing of it is out.
pub(super) fn reconcile<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot) -> Result<(), Error> {
    if slot.is_out() && !planted::on(Bug::ReconcileWhileOut) {
        return Ok(());
    }
    if work.is_unheard(&slot.collection)? {
        // The next page tells which images count, and looks at this record again.
        return Ok(());
    }
    let Some(remote) = slot.remote.take() else {
        return Ok(());
    };
    if remote.out_of_scope {
        return left(work, slot);
    }
    if work.is_lost(&slot.collection, remote.version.as_ref())?
        && !planted::on(Bug::LostImageCounts)
    {
        // The server has it no more; who wrote it offers it again.
        return Ok(());
    }
    if migrate::is_outdated(slot, work.number(&slot.collection)?) {
        // Documents of two schemas have nothing to compare.
        slot.remote = Some(remote);
        migrate::park(work, slot, "a newer document of the server waits for it");
        return Ok(());
    }
    if work.is_lost(&slot.collection, slot.record.version.as_ref())? {
        return super::restore::offer(work, slot, remote);
    }
    if slot.chain.is_empty() {
        let stamp = stamp_of_the_same(work, slot, &remote)?;
        slot.rebase(&remote);
        slot.record.stamp = stamp.or(remote.stamp);
        slot.record.document = slot.base.document().cloned();
        return Ok(());
    }
    let config = work.collection(&slot.collection)?;
    let (situation, plan) = look(work, slot, &remote, |sides| {
        (
            reconcile::classify(sides),
            reconcile::plan(sides, &config.policy),
        )
    })?;
    match plan {
        Plan::Settled(decision) => settle(work, slot, remote, situation, decision, None),
        Plan::Open(questions) => open(work, slot, remote, questions),
    }
}

/// The record is no longer ours to see. It goes here; what is pending on it stays, parked, as a record of its own.
fn left<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot) -> Result<(), Error> {
    let old = slot.chain.clone();
    if !old.is_empty() && migrate::is_outdated(slot, work.number(&slot.collection)?) {
        return super::verdict::park(work, slot, 0, OUT_OF_SCOPE.to_owned());
    }
    let (base, ours, schema) = (slot.base.clone(), slot.ours(), slot.schema());
    (slot.conflict, slot.provisional) = (None, false);
    (slot.base, slot.record.version) = (Image::Gone, None);
    // Nobody tells more of it.
    work.ops.push(Op::RemoveSuspicion {
        collection: slot.collection.clone(),
        rid: slot.record.rid,
    });
    if old.is_empty() {
        slot.show();
        return Ok(());
    }
    for entry in &old {
        work.touch_group(entry.group);
    }
    let mutation = rewrite(work, slot, &ours, false)?;
    if mutation.is_some() {
        follow(work, &old, mutation, false);
        return super::verdict::park(work, slot, 0, OUT_OF_SCOPE.to_owned());
    }
    // We deleted what is not ours to delete.
    follow(work, &old, mutation, true);
    work.journal(
        slot,
        Noted {
            situation: "deleted, out of scope".to_owned(),
            policy: OUT_OF_SCOPE.to_owned(),
            base,
            ours,
            theirs: Image::Gone,
            outcome: Image::Gone,
            loser: Loser::Ours,
            mutation,
            decided: old.iter().map(|entry| entry.id).collect(),
            undoes: None,
            schema,
        },
    )
}

/// Why a write is parked whose record is out of scope.
pub(super) const OUT_OF_SCOPE: &str = "the record is no longer in this account's scope";

/// The stamp that a record keeps when the server shows what is here already: cut to a clock that is slow, it would be
/// another one each time. Where a version says that it is the same write, it is the same stamp.
fn stamp_of_the_same<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    remote: &Remote,
) -> Result<Option<Stamp>, Error> {
    let (Some(now), Some(known)) = (remote.stamp, slot.record.stamp) else {
        return Ok(None);
    };
    let is_same = remote.version == slot.record.version && remote.image == slot.base;
    let skew_ms = super::verdict::skew(work, &slot.collection)?;
    let is_cut = now.ms == work.latest_ms(skew_ms);
    let is_write = remote.version.is_some();
    let is_one = (now.counter, now.node) == (known.counter, known.node);
    Ok((is_same && is_one && (is_cut || is_write)).then_some(known))
}

/// Shows the three images of a record to a function of the planner.
pub(super) fn look<T: Tx, R>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    remote: &Remote,
    look: impl FnOnce(&Sides<'_>) -> R,
) -> Result<R, Error> {
    let config = work.collection(&slot.collection)?;
    let our_stamps = corrected(work, &slot.collection, slot.stamps())?;
    let ours = slot.ours();
    Ok(look(&Sides {
        base: &slot.base,
        ours: &ours,
        theirs: &remote.image,
        our_stamps: &our_stamps,
        their_stamp: remote.stamp,
        their_stamps: remote.stamps.as_ref(),
        stamps: &config.capability.stamps,
        server_fields: &config.schema.server_fields,
        equality: config.capability.equality,
    }))
}

/// Our stamps by the server's clock: a clock that is known to be wrong is corrected, and nothing was written
/// in the future.
pub(super) fn corrected<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    mut stamps: Stamps,
) -> Result<Stamps, Error> {
    let Some(connector) = &work.collection(collection)?.connector else {
        return Ok(stamps);
    };
    let skew = work.connector(connector)?.skew_ms;
    let shift = if skew.unsigned_abs() > limits::SKEW_MS_MAX {
        skew
    } else {
        0
    };
    let latest = work.now.wall_ms.saturating_add_signed(shift) + limits::SKEW_MS_MAX;
    for stamp in stamps.fields.values_mut().chain([&mut stamps.latest]) {
        stamp.ms = stamp.ms.saturating_add_signed(shift).min(latest);
    }
    Ok(stamps)
}

/// Carries out a decision: the remote becomes the base, the chain is written anew, the loser is journalled.
pub(super) fn settle<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
    situation: Situation,
    decision: Decision,
    undoes: Option<JournalId>,
) -> Result<(), Error> {
    let (base, ours, schema) = (slot.base.clone(), slot.ours(), slot.schema());
    let old = slot.chain.clone();
    slot.conflict = None;
    slot.remote = None;
    if !planted::on(Bug::KeepOldBase) {
        slot.rebase(&remote);
    }
    for entry in &old {
        work.touch_group(entry.group);
    }
    // A page that is older may still come.
    super::accept::keep_watch(work, slot, true)?;
    let mutation = rewrite(work, slot, &decision.outcome, decision.whole)?;
    let was_conflict = decision.loser != Loser::None
        || matches!(
            situation,
            Situation::BothChanged
                | Situation::BothCreated
                | Situation::EditedDeleted
                | Situation::DeletedEdited
        );
    follow(work, &old, mutation, was_conflict);
    if was_conflict && !planted::on(Bug::SkipJournal) {
        work.journal(
            slot,
            Noted {
                situation: name(situation).to_owned(),
                policy: decision.by,
                base,
                ours,
                theirs: remote.image,
                outcome: decision.outcome,
                loser: decision.loser,
                mutation,
                decided: old.iter().map(|entry| entry.id).collect(),
                undoes,
                schema,
            },
        )?;
    }
    Ok(())
}

/// Lets the journal rows of replaced entries follow them: a new decision makes them void; else they wait for
/// the entry that carries the outcome now, or are settled when the server has it already.
pub(super) fn follow<T: Tx>(
    work: &mut Work<'_, T>,
    old: &[Entry],
    mutation: Option<MutationId>,
    decided: bool,
) {
    let change = match mutation {
        _ if decided => JournalChange::State(JournalState::Void),
        Some(carrier) => JournalChange::Carrier(carrier),
        None => JournalChange::State(JournalState::Settled),
    };
    for entry in old {
        journal_of(work, entry, change);
    }
}

/// Changes the open journal rows whose outcome an entry carries.
pub(super) fn journal_of<T: Tx>(work: &mut Work<'_, T>, entry: &Entry, change: JournalChange) {
    // Only a decision, or an undo, makes an entry that carries a row.
    if entry.replaces.is_some() || entry.undoes.is_some() {
        work.amend(entry.id, change);
    }
}

/// Opens a conflict, or gives an open one a newer remote.
fn open<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &mut Slot,
    remote: Remote,
    asked: Vec<Question>,
) -> Result<(), Error> {
    let deadline = (!asked.is_empty()).then(|| work.after(limits::DECIDE_MS));
    let since_ms = slot
        .conflict
        .as_ref()
        .map_or(work.now.wall_ms, |conflict| conflict.since_ms);
    slot.conflict = Some(Conflict {
        collection: slot.collection.clone(),
        rid: slot.record.rid,
        id: slot.record.id.clone(),
        remote,
        asked,
        deadline,
        since_ms,
    });
    slot.hold();
    ask(work, slot);
    work.event(Event::ConflictOpened {
        collection: slot.collection.clone(),
        id: slot.record.id.clone(),
    });
    Ok(())
}

/// Asks the functions of an open conflict.
pub(super) fn ask<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) {
    let Some(conflict) = slot
        .conflict
        .as_ref()
        .filter(|conflict| !conflict.asked.is_empty())
    else {
        return;
    };
    work.outputs.push(Output::Decide(Box::new(Decide {
        collection: slot.collection.clone(),
        rid: slot.record.rid,
        id: slot.record.id.clone(),
        questions: conflict.asked.clone(),
        base: slot.base.clone(),
        ours: slot.ours(),
        remote: conflict.remote.clone(),
    })));
}

/// The situation's name in the journal.
pub(super) fn name(situation: Situation) -> &'static str {
    match situation {
        Situation::Same => "same",
        Situation::OursOnly => "ours only",
        Situation::TheirsOnly => "theirs only",
        Situation::Identical => "identical",
        Situation::Disjoint => "disjoint",
        Situation::BothChanged => "both changed",
        Situation::BothCreated => "both created",
        Situation::EditedDeleted => "edited, deleted",
        Situation::DeletedEdited => "deleted, edited",
        Situation::BothDeleted => "both deleted",
    }
}
