//! Pending writes come back from a lifeboat file: each once, under the key that it had.
use super::account;
use super::decide::meet;
use super::migrate;
use super::slot::Slot;
use super::verbs::stand_on;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, Op, Tx};
use tisync_json::tree::BTreeSet;

/// The pending writes of the records whose chains begin among the next `limit` entries after `after`, with the place
/// to go on at; `None` at the end.
pub(super) fn chains<T: Tx>(
    work: &mut Work<'_, T>,
    after: Option<i64>,
    limit: usize,
) -> Result<(Vec<Chain>, Option<i64>), Error> {
    let keys = work.tx.entry_keys(EntryFilter::All, after, limit)?;
    let last = keys.last().map(|key| key.seq);
    let mut chains = Vec::new();
    for key in keys {
        let slot = work.peek(&key.collection, key.rid)?;
        if slot.chain.first().is_none_or(|first| first.seq != key.seq) {
            continue;
        }
        chains.push(Chain {
            collection: key.collection,
            id: slot.record.id.clone(),
            base: Some(slot.base.clone()),
            version: slot.record.version.clone(),
            schema: Some(slot.record.schema),
            migrated: slot.record.migrated,
            entries: slot.chain.clone(),
        });
    }
    Ok((chains, last))
}

/// Puts chains back into the outbox. What came back before is left out, also when it was settled since.
pub(super) fn bring_back<T: Tx>(work: &mut Work<'_, T>, boat: Lifeboat) -> Result<(), Error> {
    account::is_for(work, boat.account.as_ref(), &boat.endpoints)?;
    let mut seen = BTreeSet::new();
    let mut back = Vec::with_capacity(boat.chains.len());
    for mut chain in boat.chains {
        check(work, &chain)?;
        let entries = chain.entries.len();
        let mut fresh = Vec::with_capacity(entries);
        for entry in std::mem::take(&mut chain.entries) {
            if seen.insert(entry.id) && !is_known(work, entry.id)? {
                fresh.push(entry);
            }
        }
        chain.entries = fresh;
        let (collection, id) = (chain.collection.clone(), chain.id.clone());
        let outcome = match chain.entries.is_empty() {
            true => Return::Already,
            false => restore(work, chain)?,
        };
        back.push(BroughtBack {
            collection,
            id,
            entries,
            outcome,
        });
    }
    work.outputs.push(Output::BroughtBack(back));
    Ok(())
}

fn check<T: Tx>(work: &mut Work<'_, T>, chain: &Chain) -> Result<(), Error> {
    let schema = work.collection(&chain.collection)?.schema.number;
    for entry in &chain.entries {
        let of = format!(
            "the entry {} of {}/{}",
            entry.id, chain.collection, chain.id
        );
        if entry.schema > schema {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "expected writes of the schema {schema} or older, but {of} has {}: update the app first",
                    entry.schema
                ),
            ));
        }
        if let Change::Patch(patch) = &entry.change {
            patch.check().map_err(|error| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("expected a patch in {of}, but {error}"),
                )
            })?;
        }
    }
    Ok(())
}

/// Whether an entry came back before, or never was away.
fn is_known<T: Tx>(work: &mut Work<'_, T>, id: MutationId) -> Result<bool, Error> {
    if work.tx.meta(&key(id))?.is_some() && !planted::on(Bug::LifeboatTwice) {
        return Ok(true);
    }
    let is_here = !work.tx.entries(EntryFilter::Id(id), None, 1)?.is_empty();
    if is_here {
        // Once it is settled, nobody could tell any more that it was here.
        note(work, id);
    }
    Ok(is_here)
}

fn note<T: Tx>(work: &mut Work<'_, T>, id: MutationId) {
    work.ops.push(Op::Meta {
        key: key(id),
        value: Some(work.now.wall_ms.to_string()),
    });
}

/// Who gives an entry up may bring it back again.
pub(super) fn forget<T: Tx>(work: &mut Work<'_, T>, id: MutationId) -> Result<(), Error> {
    if work.tx.meta(&key(id))?.is_some() {
        work.ops.push(Op::Meta {
            key: key(id),
            value: None,
        });
    }
    Ok(())
}

/// The note that an entry came back.
fn key(id: MutationId) -> String {
    format!("lifeboat:{id}")
}

fn restore<T: Tx>(work: &mut Work<'_, T>, chain: Chain) -> Result<Return, Error> {
    let Chain {
        collection,
        id,
        base,
        version,
        schema,
        migrated,
        entries,
    } = chain;
    let number = work.number(&collection)?;
    let of_entries = entries.iter().map(|entry| entry.schema).min();
    let schema = schema.or(of_entries).unwrap_or(number);
    let mut slot = work.take_id(&collection, &id)?;
    let is_free = slot.chain.is_empty() && slot.remote.is_none() && slot.conflict.is_none();
    let is_plain = matches!(
        slot.record.state,
        RecordState::Clean | RecordState::Tombstone
    );
    if !(is_free && is_plain) {
        work.put(slot);
        return Ok(Return::Waits);
    }
    let ids: Vec<MutationId> = entries.iter().map(|entry| entry.id).collect();
    for (index, entry) in entries.into_iter().enumerate() {
        let entry = placed(work, &slot, entry, index == 0)?;
        slot.chain.push(entry);
    }
    let base = base.or_else(|| starts_from_nothing(&slot).then_some(Image::Absent));
    let here = slot.is_stored().then(|| Remote {
        out_of_scope: false,
        image: slot.base.clone(),
        version: slot.record.version.clone(),
        stamp: slot.record.stamp,
        stamps: None,
        schema: Some(slot.record.schema),
        migrated: slot.record.migrated,
    });
    let outcome = match (base, here) {
        (Some(base), here) => {
            slot.base = base;
            slot.record.version = version;
            slot.record.stamp = None;
            slot.record.schema = schema;
            slot.record.migrated = migrated;
            slot.show();
            let is_outdated = migrate::is_outdated(&slot, number);
            if is_outdated {
                migrate::wait(work, &mut slot);
            }
            if let Some(remote) = here {
                meet(work, &mut slot, remote)?;
            }
            match is_outdated {
                true => Return::Parked,
                false => Return::Pending,
            }
        }
        // Nothing tells what a change of an older schema means.
        (None, _) if of_entries.is_some_and(|schema| schema < number) => {
            return Ok(Return::Waits);
        }
        // What is here stands in for what was lost.
        (None, Some(_)) => {
            let first = usize::from(slot.chain[0].frozen.is_some());
            stand_on(work, &mut slot, first)?;
            slot.show();
            Return::Pending
        }
        // A delete of nothing would vanish at the sight of the record.
        (None, None) if slot.chain[0].change == Change::Delete && !slot.is_out() => {
            return Ok(Return::Waits);
        }
        (None, None) => stranded(work, &mut slot),
    };
    ids.into_iter().for_each(|id| note(work, id));
    work.put(slot);
    Ok(outcome)
}

fn starts_from_nothing(slot: &Slot) -> bool {
    matches!(slot.chain[0].change, Change::Create(_))
}

/// An entry at its place in this outbox.
fn placed<T: Tx>(
    work: &mut Work<'_, T>,
    slot: &Slot,
    entry: Entry,
    first: bool,
) -> Result<Entry, Error> {
    // No stamp of ours lies in the future.
    let latest = work.observe(Some(entry.stamps.latest), 0)?;
    let mut entry = Entry {
        seq: work.new_seq()?,
        collection: slot.collection.clone(),
        rid: slot.record.rid,
        // The journal that it names is not here.
        undoes: None,
        ..entry
    };
    entry.stamps.latest = latest.unwrap_or(entry.stamps.latest);
    match entry.state {
        EntryState::Parked { .. } => {}
        // The server may have it: it goes again as it was, and has its answer from before.
        EntryState::InFlight { .. } | EntryState::Unknown { .. }
            if first && entry.frozen.is_some() && !planted::on(Bug::LifeboatForgetsSent) =>
        {
            entry.state = EntryState::Unknown {
                since_ms: work.now.wall_ms,
                tries: 0,
            };
        }
        // What was frozen is lost: nothing else may go under its key.
        EntryState::InFlight { .. } | EntryState::Unknown { .. } => {
            entry.replaces = Some(entry.id);
            entry.id = work.entropy.mutation();
            entry.frozen = None;
            entry.state = EntryState::Pending;
        }
        EntryState::Pending | EntryState::Held(_) => {
            entry.state = EntryState::Pending;
            if !first {
                entry.frozen = None;
            }
        }
    }
    Ok(entry)
}

/// What the chain stands on was lost, and the record is not here to stand in for it: somebody looks at it, unless the
/// server can say what became of it.
fn stranded<T: Tx>(work: &mut Work<'_, T>, slot: &mut Slot) -> Return {
    slot.base = Image::Absent;
    let at_ms = work.now.wall_ms;
    let outcome = match &mut slot.chain[0].state {
        state if state.is_out() => Return::Pending,
        state => {
            let reason =
                "the damaged file has lost what this change stands on: see whether it still fits"
                    .to_owned();
            *state = EntryState::Parked {
                reason,
                at_ms,
                unmigrated: false,
            };
            slot.chain[0].frozen = None;
            Return::Parked
        }
    };
    slot.show();
    outcome
}
