//! Local writes: checked, diffed against what is visible, and put into the outbox.
use super::outbox::{Draft, append};
use super::slot::Slot;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::Tx;
use tisync_json::{Document, Object, Path, diff};

/// Carries out the writes of one local transaction.
pub(super) fn write<T: Tx>(
    work: &mut Work<'_, T>,
    writes: Vec<Write>,
    group: bool,
) -> Result<(), Error> {
    let group = if group {
        Some(check_group(work, &writes)?)
    } else {
        None
    };
    let mut written = Vec::with_capacity(writes.len());
    for write in writes {
        let config = work.collection(&write.collection)?;
        let id = match (write.id, &write.kind) {
            (Some(id), _) => id,
            (None, WriteKind::Insert(_)) => work.entropy.record(),
            (None, _) => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "expected the id of the record to write; only an insert draws one",
                ));
            }
        };
        let mut slot = work.take_id(&write.collection, &id)?;
        let change = change_of(&slot, write.kind, config)?;
        let id = slot.record.id.clone();
        let mutation = match change {
            Some(change) => append(
                work,
                &mut slot,
                Draft::of(change, group),
                config.schema.number,
            )?,
            None => None,
        };
        work.put(slot);
        written.push(Written {
            collection: write.collection,
            id,
            mutation,
            group,
        });
    }
    work.outputs.push(Output::Written(written));
    Ok(())
}

/// Refuses a group that could never be sent whole; draws its key.
fn check_group<T: Tx>(work: &mut Work<'_, T>, writes: &[Write]) -> Result<GroupId, Error> {
    let mut limit = limits::GROUP_WRITES_MAX;
    let mut connectors: Vec<Option<&ConnectorName>> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        let config = work.collection(&write.collection)?;
        limit = limit.min(config.capability.batch_items_max);
        if !connectors.contains(&config.connector.as_ref()) {
            connectors.push(config.connector.as_ref());
        }
        bytes += match &write.kind {
            WriteKind::Insert(document)
            | WriteKind::Put(document)
            | WriteKind::Update(document) => document.text().len(),
            WriteKind::Patch(_) | WriteKind::Delete => 0,
        };
    }
    if connectors.len() > 1 {
        return Err(Error::new(
            ErrorKind::Limit,
            "a group must stay with one connector, but its collections belong to several: write them in separate groups",
        ));
    }
    if writes.len() > limit || bytes > limits::PUSH_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "a group holds at most {limit} writes and {} bytes, but {} writes with {bytes} bytes came: split it",
                limits::PUSH_BYTES_MAX,
                writes.len()
            ),
        ));
    }
    Ok(work.entropy.group())
}

/// The change that a write makes to what is visible; `None` when it changes nothing.
fn change_of(
    slot: &Slot,
    kind: WriteKind,
    config: &CollectionConfig,
) -> Result<Option<Change>, Error> {
    let shown = slot.record.document.as_ref();
    let is_older = slot.schema() < config.schema.number && !planted::on(Bug::PatchUnmigrated);
    let server_fields = &config.schema.server_fields;
    match (kind, shown) {
        (WriteKind::Insert(_), Some(_)) => Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "{}/{} exists already: update it, or insert under another id",
                slot.collection, slot.record.id
            ),
        )),
        (WriteKind::Insert(document) | WriteKind::Put(document), None) => {
            Ok(Some(Change::Create(without(document, server_fields))))
        }
        (WriteKind::Put(document) | WriteKind::Update(document), Some(shown)) => {
            let edit = edit_of(&shown.object(), &document.object(), server_fields);
            Ok(edit.map(|edit| if is_older { whole(&edit, shown) } else { edit }))
        }
        (WriteKind::Patch(_), Some(_)) if is_older => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{}/{} could not be migrated from schema {} to {}, so its fields are not known: write a whole document, or mend the migrate function",
                slot.collection,
                slot.record.id,
                slot.schema(),
                config.schema.number
            ),
        )),
        (WriteKind::Patch(patch), Some(shown)) => {
            patch
                .check()
                .map_err(|error| Error::new(ErrorKind::Invalid, format!("not a patch: {error}")))?;
            let before = shown.object();
            let mut after = before.clone();
            patch.apply(&mut after);
            Ok(edit_of(&before, &after, server_fields))
        }
        (WriteKind::Delete, Some(_)) => Ok(Some(Change::Delete)),
        (WriteKind::Update(_) | WriteKind::Patch(_) | WriteKind::Delete, None) => Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no {}/{}: insert it first",
                slot.collection, slot.record.id
            ),
        )),
    }
}

/// The whole document that a change leads to. What the server has is of an older schema, as what is shown: a patch
/// would leave fields of both in one document.
pub(super) fn whole(change: &Change, shown: &Document) -> Change {
    match change.apply(Some(shown)) {
        Some(document) => Change::Replace(document),
        None => Change::Delete,
    }
}

/// The patch between two documents, without the fields that only the server writes.
pub(super) fn edit_of(before: &Object, after: &Object, server_fields: &[Path]) -> Option<Change> {
    let mut patch = diff(before, after);
    let theirs = |path: &Path| server_fields.iter().any(|field| field.is_prefix_of(path));
    patch.set.retain(|path, _| !theirs(path));
    patch.unset.retain(|path| !theirs(path));
    (!patch.is_empty()).then_some(Change::Patch(patch))
}

/// A document without the fields that only the server writes.
pub(super) fn without(document: Document, server_fields: &[Path]) -> Document {
    if server_fields.is_empty() {
        return document;
    }
    let mut object = document.object();
    let unset = tisync_json::Patch {
        unset: server_fields.iter().cloned().collect(),
        ..Default::default()
    };
    unset.apply(&mut object);
    Document::from_object(&object)
}
