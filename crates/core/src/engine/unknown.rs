//! Entries whose fate is unknown: how each is settled, and when.
use super::slot::Slot;
use super::work::{Noted, Work};
use super::{decide, ids, verdict};
use crate::error::Error;
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::reconcile;
use crate::store::{EntryFilter, JournalFilter, Tx};
use tisync_json::tree::BTreeMap;

/// How an entry whose fate is unknown is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// It is sent again under its key, after so many milliseconds.
    Again {
        /// Until then the first request may still be under way.
        rest_ms: u64,
        /// Whether nothing keeps it from taking effect twice.
        twice: bool,
    },
    /// Its record is looked up, after so many milliseconds.
    LookUp { rest_ms: u64 },
    /// A record that carries its mark is looked for, after so many milliseconds.
    Mark { rest_ms: u64 },
}

/// How an entry whose fate is unknown is settled.
///
/// A server that remembers keys settles it at any time: the request that was sent first and the one that is sent
/// again are one. So does one that keeps preconditions: the first no longer holds once the second took effect.
/// Everything else waits until the first request is over, or a look-up would not see what it still does, and a
/// write that it carries would undo what came after.
pub(super) fn means<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> Result<Means, Error> {
    let capability = &work.collection(&entry.collection)?.capability;
    let rest_ms = rest(work, entry);
    let creates = matches!(entry.change, Change::Create(_));
    // What has no id cannot be looked up by one.
    let is_nameless = creates && ids::are_made(work, &entry.collection);
    // A condition on the record keeps a second effect out; a create of a record whose id the server makes has none.
    let is_guarded = capability.conditional && has_condition(entry);
    let again = Means::Again {
        rest_ms: if is_guarded { 0 } else { rest_ms },
        twice: !is_guarded,
    };
    let remembers_ms = match capability.idempotency {
        // Clocks run at different speeds, and a request takes its time.
        Idempotency::Replays { remembers_ms } | Idempotency::Refuses { remembers_ms } => {
            remembers_ms - remembers_ms / 10
        }
        // A group takes effect whole: no member is sent again by itself, but each is looked at.
        _ if entry.group.is_some() && capability.atomic && capability.fetch && !is_nameless => {
            return Ok(Means::LookUp { rest_ms });
        }
        // A create under our id is an upsert of the same. Without a condition it would undo what came after it:
        // better look.
        Idempotency::ClientIds if creates && (is_guarded || !capability.fetch) => {
            return Ok(Means::Again {
                rest_ms: if is_guarded { 0 } else { rest_ms },
                twice: false,
            });
        }
        Idempotency::Mark if creates && !planted::on(Bug::MarkForgotten) => {
            return Ok(Means::Mark { rest_ms });
        }
        Idempotency::ClientIds | Idempotency::Mark | Idempotency::None => 0,
    };
    let sent_ms = entry
        .frozen
        .as_ref()
        .map_or(entry.created_ms, |frozen| frozen.at_ms);
    // The last tenth of the time covers a clock that was set back by as much; behind one that was set back further
    // nobody knows how long ago it was sent.
    let is_young = match work.now.wall_ms.checked_sub(sent_ms) {
        Some(since_ms) => since_ms < remembers_ms,
        None => sent_ms - work.now.wall_ms <= remembers_ms / 9,
    };
    if is_young {
        return Ok(Means::Again {
            rest_ms: 0,
            twice: false,
        });
    }
    Ok(if capability.fetch && !is_nameless {
        Means::LookUp { rest_ms }
    } else {
        // Who cannot look can only send again.
        again
    })
}

fn has_condition(entry: &Entry) -> bool {
    let frozen = entry.frozen.as_ref();
    frozen.is_some_and(|frozen| frozen.precondition != Precondition::None)
}

/// Settles entries by the records that carry their marks; returns how many are still unknown.
pub(super) fn marked<T: Tx>(
    work: &mut Work<'_, T>,
    asked: Vec<(CollectionName, MutationId)>,
    answer: Fetched,
) -> Result<usize, Error> {
    let mut marked: BTreeMap<MutationId, Marked> = answer.marked.into_iter().collect();
    let mut silent = 0;
    for (collection, id) in asked {
        let found = work.tx.entries(EntryFilter::Id(id), None, 1)?;
        let Some(entry) = found.into_iter().next().filter(is_unknown) else {
            continue;
        };
        if !work.is_heard(&collection, answer.epoch.as_ref())? {
            work.set_unheard(&collection)?;
            continue;
        }
        match marked.remove(&id) {
            Some(Marked::Record { id, remote }) => {
                took_effect(work, &entry, id, remote)?;
                for member in others(work, &entry)? {
                    verdict::settle(work, &member, Verdict::accepted(None))?;
                }
            }
            Some(Marked::Nowhere) if !is_over(work, &entry)? => {
                verdict::settle(work, &entry, Verdict::Unknown)?;
            }
            Some(Marked::Nowhere) => back(work, &entry)?,
            None => {
                silent += 1;
                verdict::settle(work, &entry, Verdict::Unknown)?;
            }
        }
    }
    Ok(silent)
}

/// An entry that took no effect waits to be sent again, with the members of its group.
pub(super) fn back<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<(), Error> {
    verdict::back(work, entry)?;
    for member in others(work, entry)? {
        verdict::back(work, &member)?;
    }
    Ok(())
}

/// The other members of an entry's group that are unknown, where a group takes effect whole: what is known of one is
/// known of all.
fn others<T: Tx>(work: &mut Work<'_, T>, entry: &Entry) -> Result<Vec<Entry>, Error> {
    let Some(group) = entry.group else {
        return Ok(Vec::new());
    };
    if !work.collection(&entry.collection)?.capability.atomic {
        return Ok(Vec::new());
    }
    let mut members = work
        .tx
        .entries(EntryFilter::Group(group), None, usize::MAX)?;
    members.retain(|member| member.id != entry.id && is_unknown(member));
    Ok(members)
}

/// Whether all of these members of a group can be sent again now: it is never halved.
pub(super) fn go_together<T: Tx>(work: &Work<'_, T>, members: &[Entry]) -> Result<bool, Error> {
    for member in members {
        if !matches!(means(work, member)?, Means::Again { rest_ms: 0, .. }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the request of an entry can have no effect any more that a look-up has not seen.
fn is_over<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> Result<bool, Error> {
    let is_over = matches!(means(work, entry)?, Means::Mark { rest_ms: 0 });
    Ok(is_over || planted::on(Bug::MarkTooSoon))
}

/// Notes that the fate of creates was asked for in vain.
pub(super) fn unheard<T: Tx>(
    work: &mut Work<'_, T>,
    asked: &[(CollectionName, MutationId)],
) -> Result<(), Error> {
    for (_, id) in asked {
        for entry in work.tx.entries(EntryFilter::Id(*id), None, 1)? {
            if is_unknown(&entry) {
                verdict::settle(work, &entry, Verdict::Unknown)?;
            }
        }
    }
    Ok(())
}

/// Whether a page would show the records of creates that nobody has heard of as somebody else's: they are settled
/// first. Not for ever: what cannot be settled must not keep everything else away.
pub(super) fn comes_first<T: Tx>(
    work: &mut Work<'_, T>,
    collections: &[CollectionName],
) -> Result<bool, Error> {
    for collection in collections {
        if !ids::are_made(work, collection) || planted::on(Bug::PageBeforeCreates) {
            continue;
        }
        let mut after = None;
        loop {
            let filter = EntryFilter::Unknown(std::slice::from_ref(collection));
            let page = work.tx.entries(filter, after, limits::FETCH_IDS_MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            for entry in page {
                let is_fresh = matches!(entry.state, EntryState::Unknown { tries, .. } if tries < limits::UNKNOWN_TRIES);
                let creates = matches!(entry.change, Change::Create(_));
                let is_told = !matches!(means(work, &entry)?, Means::Again { twice: true, .. });
                if is_fresh && creates && is_told {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn is_unknown(entry: &Entry) -> bool {
    matches!(entry.state, EntryState::Unknown { .. })
}

/// A record carries the mark of a create: it was taken, and what the record shows beyond that came after.
fn took_effect<T: Tx>(
    work: &mut Work<'_, T>,
    entry: &Entry,
    id: RecordId,
    remote: Remote,
) -> Result<(), Error> {
    let config = work.collection(&entry.collection)?;
    let sent = Image::from(entry.apply(None));
    let (equality, fields) = (config.capability.equality, &config.schema.server_fields);
    let is_as_sent = reconcile::same(&sent, &remote.image, equality, fields);
    let verdict = Verdict::Accepted {
        id: Some(id),
        version: remote.version.clone().filter(|_| is_as_sent),
        image: is_as_sent.then(|| remote.image.clone()),
        stamp: remote.stamp.filter(|_| is_as_sent),
        schema: remote.schema,
        migrated: remote.migrated,
    };
    verdict::settle(work, entry, verdict)?;
    if !is_as_sent {
        let mut slot = work.take(&entry.collection, entry.rid)?;
        if slot.chain.iter().any(|other| other.id == entry.id) {
            // It could not be settled yet.
            work.put(slot);
            return Ok(());
        }
        decide::meet_read(work, &mut slot, remote)?;
        work.put(slot);
    }
    Ok(())
}

/// Reports that an entry is sent again although nobody can tell whether it took effect before: in the journal, once.
pub(super) fn report<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    entry: &Entry,
) -> Result<(), Error> {
    let of_record = JournalFilter::Record(&slot.collection, slot.record.rid);
    let is_reported = work
        .tx
        .journal(of_record, None, usize::MAX)?
        .iter()
        .any(|row| row.situation == POSSIBLE_DUPLICATE && row.decided.contains(&entry.id));
    if is_reported || planted::on(Bug::DuplicateUnreported) {
        return Ok(());
    }
    let outcome = Image::from(entry.apply(slot.base.document()));
    work.journal(
        slot,
        Noted {
            situation: POSSIBLE_DUPLICATE.to_owned(),
            policy: "sent again: the backend cannot tell whether it took effect before".to_owned(),
            base: slot.base.clone(),
            ours: outcome.clone(),
            theirs: slot.base.clone(),
            outcome,
            loser: Loser::None,
            mutation: None,
            decided: vec![entry.id],
            undoes: None,
            schema: slot.schema_before(0),
        },
    )
}

/// Milliseconds for which the request of an entry may still be under way: as long as one may last, from the
/// moment at which the entry became unknown.
fn rest<T: Tx>(work: &Work<'_, T>, entry: &Entry) -> u64 {
    let EntryState::Unknown { since_ms, .. } = entry.state else {
        return 0;
    };
    let taken = work.memory.taken;
    let leased_ms = taken.map_or(u64::MAX, |taken| {
        work.now.monotonic_ms.saturating_sub(taken.monotonic_ms)
    });
    let rested_ms = match work.now.wall_ms.checked_sub(since_ms) {
        // What the take-over made unknown rests by a clock that nobody sets.
        _ if taken.is_some_and(|taken| taken.wall_ms == since_ms) => leased_ms,
        Some(rested_ms) => rested_ms,
        // The clock was set back: nobody knows how long it was, but as long as the lease is held at least.
        None => leased_ms,
    };
    limits::REQUEST_DEADLINE_MS.saturating_sub(rested_ms)
}
