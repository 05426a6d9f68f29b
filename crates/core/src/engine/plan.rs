//! Dry run and history: what a sync would do, and why a record is as it is.
use super::decide::{look, name};
use super::health;
use super::push;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::model::*;
use crate::reconcile::{self, Plan};
use crate::store::{EntryFilter, EntryKey, JournalFilter, Tx};

/// What a sync would do with each waiting record, and with each feed.
pub(super) fn plan<T: Tx>(work: &mut Work<'_, T>, limit: usize) -> Result<Vec<Planned>, Error> {
    let mut planned = Vec::new();
    let entries = work.tx.entries(EntryFilter::All, None, limit)?;
    push::load(
        work,
        &entries.iter().map(EntryKey::from).collect::<Vec<_>>(),
    )?;
    for entry in entries {
        let slot = work.take(&entry.collection, entry.rid)?;
        let verb = match entry.change {
            Change::Create(_) => "create",
            Change::Patch(_) => "patch",
            Change::Replace(_) => "replace",
            Change::Delete => "delete",
        };
        let (action, note) = match &entry.state {
            EntryState::Pending => (format!("push {verb}"), None),
            EntryState::InFlight { .. } => (format!("await the answer to {verb}"), None),
            EntryState::Unknown { .. } => (
                format!("settle {verb}"),
                Some("sent, no answer yet".to_owned()),
            ),
            EntryState::Held(blocker) => (format!("hold {verb}"), Some(blocker.text().to_owned())),
            EntryState::Parked { reason, .. } => {
                (format!("keep parked {verb}"), Some(reason.clone()))
            }
        };
        planned.push(Planned {
            collection: entry.collection.clone(),
            id: slot.record.id.clone(),
            action,
            note,
        });
        if let Some(remote) = slot.remote.clone() {
            let policy = &work.collection(&slot.collection)?.policy;
            let (situation, plan) = look(work, &slot, &remote, |sides| {
                (reconcile::classify(sides), reconcile::plan(sides, policy))
            })?;
            let note = match plan {
                Plan::Settled(decision) => format!("{}: {}", name(situation), decision.by),
                Plan::Open(_) => format!("{}: an open conflict", name(situation)),
            };
            let id = slot.record.id.clone();
            planned.push(Planned {
                collection: entry.collection,
                id,
                action: "merge".to_owned(),
                note: Some(note),
            });
        }
        work.put(slot);
    }
    Ok(planned)
}

/// A record's history.
pub(super) fn why<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    id: &RecordId,
) -> Result<Why, Error> {
    work.collection(collection)?;
    let missing = || {
        Error::new(
            ErrorKind::NotFound,
            format!("this replica has never seen {collection}/{id}, or has forgotten it"),
        )
    };
    let rid = work.load_ids(collection, std::slice::from_ref(id))?[0].ok_or_else(missing)?;
    let slot = work.take(collection, rid)?;
    let waits = match slot.chain.first() {
        Some(first) => health::waits(work, collection, first)?,
        None => None,
    };
    Ok(Why {
        waits,
        dirty: slot.dirty(),
        entries: slot.chain.clone(),
        conflict: slot.conflict.clone(),
        journal: work
            .tx
            .journal(JournalFilter::Record(collection, rid), None, usize::MAX)?,
        aliases: work.tx.aliases(collection, rid)?,
        record: Some(slot.record),
    })
}
