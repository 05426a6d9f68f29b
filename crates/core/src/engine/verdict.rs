//! Verdicts: what the server said of each entry that was handed out.
use super::accept::{Told, accepted, keep_watch, suspect};
use super::decide::{OUT_OF_SCOPE, journal_of, meet_read, reconcile};
use super::ids;
use super::migrate;
use super::push::load;
use super::slot::Slot;
use super::work::Work;
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// Settles the answer to a push that is still open; returns how many entries it did not bring further.
pub(super) fn answered<T: Tx>(
    work: &mut Work<'_, T>,
    connector: &ConnectorName,
    request: RequestId,
    answer: Result<Pushed, Failure>,
) -> Result<usize, Error> {
    let mut silent = 0;
    let out = out_under(work, request)?;
    match answer {
        Ok(Pushed { epoch, verdicts }) => {
            let verdicts = of_each(work, &out, verdicts)?;
            for (entry, verdict) in out.iter().zip(verdicts) {
                if !work.is_heard(&entry.collection, epoch.as_ref())? {
                    work.set_unheard(&entry.collection)?;
                    if matches!(verdict, Verdict::Conflict { .. }) {
                        // It shows what is there in a history that we cannot judge yet.
                        refused(work, entry)?;
                        continue;
                    }
                }
                let is_silent = match verdict {
                    Verdict::Unknown => true,
                    // A look-up goes next, and says what the server did not.
                    Verdict::Conflict { remote: None } => {
                        !work.collection(&entry.collection)?.capability.fetch
                    }
                    _ => false,
                };
                silent += usize::from(is_silent);
                settle(work, entry, verdict)?;
                if was_unknown(entry) {
                    look_again(work, entry)?;
                }
            }
        }
        Err(failure) => {
            let lone = out.len() == 1
                || out
                    .iter()
                    .all(|entry| entry.group.is_some() && entry.group == out[0].group);
            let is_old = |work: &Work<'_, T>, entry: &Entry| {
                Ok::<bool, Error>(entry.schema < work.number(&entry.collection)?)
            };
            let mut any_old = false;
            for entry in &out {
                any_old |= is_old(work, entry)?;
            }
            for entry in &out {
                let verdict = match &failure.kind {
                    FailureKind::TooLarge if lone && failure.not_sent => Verdict::Rejected {
                        reason: format!("too large for the server: {}", failure.message),
                    },
                    // Nothing of it was carried out, so what an older version of the app wrote may go again as
                    // this one writes it, and with it the rest of its group.
                    _ if failure.is_of_older_schema() => {
                        if any_old && !is_old(work, entry)? {
                            Verdict::Returned
                        } else {
                            Verdict::Outdated
                        }
                    }
                    _ if failure.not_sent && !was_unknown(entry) => {
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

/// The verdict on each entry. A backend that does not name one leaves it unknown, and with it all that it did not
/// accept of its group: a group is settled whole.
fn of_each<T: Tx>(
    work: &mut Work<'_, T>,
    out: &[Entry],
    verdicts: Vec<(MutationId, Verdict)>,
) -> Result<Vec<Verdict>, Error> {
    let mut named: BTreeMap<MutationId, Verdict> = verdicts.into_iter().collect();
    let verdicts: Vec<Verdict> = out
        .iter()
        .map(|entry| named.remove(&entry.id).unwrap_or(Verdict::Unknown))
        .collect();
    let in_part: BTreeSet<GroupId> = out
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| **verdict == Verdict::Unknown)
        .filter_map(|(entry, _)| entry.group)
        .collect();
    let settled = out.iter().zip(verdicts).map(|(entry, verdict)| {
        let is_whole = entry.group.is_none_or(|group| !in_part.contains(&group));
        match verdict {
            Verdict::Accepted { .. } => Ok(verdict),
            _ if is_whole => Ok(verdict),
            Verdict::Deferred { after_ms } => {
                // That it asked us to wait is true nevertheless.
                defer(work, entry, after_ms)?;
                Ok(Verdict::Unknown)
            }
            _ => Ok(Verdict::Unknown),
        }
    });
    settled.collect()
}

/// The entries that are out under a request, with their records loaded.
fn out_under<T: Tx>(work: &mut Work<'_, T>, request: RequestId) -> Result<Vec<Entry>, Error> {
    let keys = work
        .tx
        .entry_keys(EntryFilter::InFlight, None, usize::MAX)?;
    load(work, &keys)?;
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        let slot = work.peek(&key.collection, key.rid)?;
        out.extend(slot.chain.iter().filter(|entry| {
            entry.id == key.id
                && matches!(entry.state, EntryState::InFlight { request: of, .. } if of == request)
        }).cloned());
    }
    Ok(out)
}

/// Uses the verdicts of an answer that came too late for anything else.
pub(super) fn answered_late<T: Tx>(work: &mut Work<'_, T>, answer: Pushed) -> Result<(), Error> {
    for (id, verdict) in answer.verdicts {
        for entry in work.tx.entries(EntryFilter::Id(id), None, 1)? {
            // Only what is definite counts: the entry may have been handed out again in the meantime. And of a
            // group that did not take effect, no member is settled without the others.
            let is_definite = match &verdict {
                Verdict::Accepted { .. } => true,
                Verdict::Rejected { .. } => entry.group.is_none(),
                _ => false,
            };
            if !is_definite {
                continue;
            }
            if entry.state.is_out() && work.is_heard(&entry.collection, answer.epoch.as_ref())? {
                settle(work, &entry, verdict.clone())?;
                look_again(work, &entry)?;
                if !work.is_ordered(&entry.collection) && !planted::on(Bug::PastComesBack) {
                    let connector = work.collection(&entry.collection)?.connector.as_ref();
                    let open = work.memory.open.values_mut();
                    open.filter(|open| Some(&open.connector) == connector)
                        .for_each(|open| open.stale = true);
                }
            }
        }
    }
    Ok(())
}

/// Looks up a record whose entry took effect some time before we heard of it: if it was deleted since, a walk
/// from the beginning may have passed the deletion without a word.
fn look_again<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<(), Error> {
    let slot = work.take(&entry.collection, entry.rid)?;
    if slot.base.is_present() && !slot.is_out() && !planted::on(Bug::AcceptedUnheardStays) {
        suspect(work, &slot)?;
        let can_look = work.collection(&entry.collection)?.capability.fetch;
        // Pages were let through before it had the id that they name.
        let has_waited = matches!(entry.state, EntryState::InFlight { tries, .. } if tries >= limits::UNKNOWN_TRIES);
        let is_made = ids::are_made(work, &entry.collection);
        if let Some(key) = work.feed_key(&entry.collection)
            && is_made
            && has_waited
            && !can_look
        {
            super::pull::restart(work, &key, PassReason::Asked, None)?;
        }
    }
    work.put(slot);
    Ok(())
}

/// Finds out what stands in an entry's way where the server does not say: by a look at the record, or else by the
/// next page.
fn unsaid<T: Tx>(work: &mut Work<'_, T>, slot: &Slot) -> Result<(), Error> {
    if work.collection(&slot.collection)?.capability.fetch {
        return suspect(work, slot);
    }
    match work.feed_key(&slot.collection) {
        Some(key) => work.set_feed(&key, |feed| {
            if feed.attempts == 0 {
                feed.next = None;
            }
        }),
        None => Ok(()),
    }
}

/// Puts an entry back that the server has refused to carry out now, for a reason that we cannot use.
fn refused<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<(), Error> {
    match entry.group {
        // As with every group that is returned: an old request that arrives late must not take effect in part.
        Some(_) => settle(work, entry, Verdict::Returned),
        None => back(work, entry),
    }
}

/// Whether an earlier hand-out of an entry had no answer: that the last one was not sent proves nothing of it.
fn was_unknown(entry: &Entry) -> bool {
    matches!(entry.state, EntryState::InFlight { again: true, .. })
        && !planted::on(Bug::RepeatProvesNothingSent)
}

/// Puts an entry back that was certainly not carried out; it keeps its key.
pub(super) fn back<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<(), Error> {
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
        Verdict::Accepted { version, .. }
            if work.is_lost(&slot.collection, version.as_ref())? =>
        {
            // By a history that the server has lost since: the entry goes again, under its key.
            unknown(work, &mut slot, index);
        }
        // The record that the server made is here already, and a write to it is under way: that is settled first.
        Verdict::Accepted { id: Some(id), .. } if ids::is_busy(work, &slot, &id)? => {
            unknown(work, &mut slot, index);
        }
        Verdict::Accepted {
            id,
            version,
            image,
            stamp,
            schema,
            migrated,
        } => {
            let skew = skew(work, &slot.collection)?;
            let stamp = work.observe(stamp, skew)?;
            let image = image.map(|image| Remote {
                out_of_scope: false,
                image,
                version: None,
                stamp: None,
                stamps: None,
                schema,
                migrated,
            });
            let told = Told {
                id,
                version,
                image,
                stamp,
            };
            accepted(work, &mut slot, index, told)?;
        }
        Verdict::Conflict { remote } => {
            slot.chain[index].state = EntryState::Pending;
            work.touch_group(entry.group);
            match remote {
                Some(remote) if is_old(work, &slot, &remote)? => {
                    let reason =
                        "the server's document is of an older schema that the app has not migrated";
                    park(work, &mut slot, index, reason.to_owned())?;
                }
                Some(remote) => {
                    meet_read(work, &mut slot, remote)?;
                    // A page that is older may still come.
                    keep_watch(work, &mut slot, true)?;
                }
                // It does not say with what: perhaps with what we have seen.
                None if slot.remote.is_some() => reconcile(work, &mut slot)?,
                None => unsaid(work, &slot)?,
            }
        }
        Verdict::Deferred { after_ms } if entry.group.is_some() => {
            // Its group was returned with it and goes again under new keys: so does this one, or an old request
            // that arrives late would take effect in part.
            defer(work, entry, after_ms)?;
            work.put(slot);
            return settle(work, entry, Verdict::Returned);
        }
        Verdict::Returned => renew(work, &mut slot, index)?,
        Verdict::Outdated => outdated(work, &mut slot, index)?,
        Verdict::Rejected { .. } if planted::on(Bug::DropOnReject) => {
            slot.chain.remove(index);
            slot.show();
        }
        Verdict::Rejected { reason } => park(work, &mut slot, index, reason)?,
        Verdict::OutOfScope => {
            park(work, &mut slot, index, OUT_OF_SCOPE.to_owned())?;
        }
        // That it was not carried out now says nothing of the time before.
        Verdict::Deferred { after_ms } if was_unknown(entry) => {
            defer(work, entry, after_ms)?;
            unknown(work, &mut slot, index);
        }
        Verdict::Deferred { after_ms } => {
            slot.chain[index].state = EntryState::Pending;
            defer(work, entry, after_ms)?;
            reconcile(work, &mut slot)?;
        }
        Verdict::Unknown if planted::on(Bug::UnknownIsAccepted) => {
            accepted(work, &mut slot, index, Told::default())?;
        }
        Verdict::Unknown => {
            if planted::on(Bug::ResendUnderNewKey) {
                slot.chain[index].id = work.entropy.mutation();
                slot.chain[index].frozen = None;
                slot.chain[index].state = EntryState::Pending;
                work.put(slot);
                return Ok(());
            }
            unknown(work, &mut slot, index);
        }
    }
    work.put(slot);
    Ok(())
}

/// Puts a new entry in the place of one that certainly took no effect, with the same content in the schema that
/// the record has now.
fn renew<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot, index: usize) -> Result<(), Error> {
    let before = slot.image_before(index);
    let old = slot.chain[index].clone();
    let number = work.number(&slot.collection)?;
    let schema = if migrate::is_outdated(slot, number) {
        old.schema
    } else {
        number.max(old.schema)
    };
    let renewed = Entry {
        id: work.entropy.mutation(),
        change: old.present_change(before.as_ref()),
        schema,
        replaces: Some(old.id),
        frozen: None,
        state: EntryState::Pending,
        ..old.clone()
    };
    journal_of(work, &old, JournalChange::Carrier(renewed.id));
    slot.chain[index] = renewed;
    work.touch_group(old.group);
    reconcile(work, slot)
}

/// The server takes no writes of the entry's schema: one of an older version of this app goes again in the
/// present one, else it is the app that is too old.
fn outdated<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot, index: usize) -> Result<(), Error> {
    let number = work.number(&slot.collection)?;
    let is_older = migrate::is_outdated(slot, number);
    if slot.chain[index].schema < number && !is_older {
        return renew(work, slot, index);
    }
    slot.chain[index].state = EntryState::Pending;
    if is_older {
        migrate::park(
            work,
            slot,
            "the server takes no writes of its schema any more",
        );
    } else if let Some(connector) = &work.collection(&slot.collection)?.connector {
        work.set_connector(connector, |state| state.upgrade_required = true)?;
        work.event(Event::Health);
    }
    reconcile(work, slot)
}

/// Whether a document of the server is of an older schema: it was not brought forward on its way.
pub(super) fn is_old<T: Tx>(
    work: &Work<'_, T>,
    slot: &Slot,
    remote: &Remote,
) -> Result<bool, Error> {
    let number = work.number(&slot.collection)?;
    Ok(remote.image.is_present() && remote.schema.is_some_and(|schema| schema < number))
}

/// Notes that nobody knows what became of an entry.
fn unknown<T: Tx>(work: &Work<'_, T>, slot: &mut Slot, index: usize) {
    let entry = &mut slot.chain[index];
    let (since_ms, tries) = match entry.state {
        EntryState::Unknown { since_ms, tries } => (since_ms, tries + 1),
        EntryState::InFlight { tries, .. } => (work.now.wall_ms, tries),
        _ => (work.now.wall_ms, 0),
    };
    entry.state = EntryState::Unknown { since_ms, tries };
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
        unmigrated: false,
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

/// Waits as long as the server asks for.
fn defer<T: Tx>(work: &mut Work<'_, T>, entry: &Entry, after_ms: u64) -> Result<(), Error> {
    let Some(connector) = work.collection(&entry.collection)?.connector.clone() else {
        return Ok(());
    };
    // A server that says "not now, but at once" is not asked without a pause.
    super::schedule::wait_as_asked(work, &connector, after_ms.max(limits::BACKOFF_FIRST_MS))
}
