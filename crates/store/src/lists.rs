//! What waits and what was decided, as people see it: rows together with the records that they are about.
use serde::Serialize;
use tisync_core::model::{
    CollectionName, Config, Conflict, Entry, Image, JournalId, JournalRow, RecordId, Rid,
};
use tisync_core::store::{EntryFilter, JournalFilter, Keys, Load, StoreError, StoreErrorKind, Tx};

/// An open conflict: both sides beside their ancestor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenConflict {
    /// The record's collection.
    pub collection: CollectionName,
    /// Its id.
    pub id: RecordId,
    /// The common ancestor.
    pub base: Image,
    /// What this replica shows.
    pub ours: Image,
    /// What the server has.
    pub theirs: Image,
    /// Wall time since when.
    pub since_ms: u64,
}

/// An entry of the outbox with the id of its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxEntry {
    /// The record's id.
    pub record: RecordId,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Reads open conflicts.
pub fn open_conflicts<T: Tx>(tx: &mut T, limit: usize) -> Result<Vec<OpenConflict>, StoreError> {
    let conflicts = tx.conflicts(None, limit)?;
    conflicts
        .into_iter()
        .map(|conflict| with_sides(tx, conflict))
        .collect()
}

/// The open conflict of a record.
pub fn open_conflict<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    id: &RecordId,
) -> Result<Option<OpenConflict>, StoreError> {
    let conflict = match rid(tx, collection, id)? {
        Some(rid) => tx.conflict(collection, rid)?,
        None => None,
    };
    conflict
        .map(|conflict| with_sides(tx, conflict))
        .transpose()
}

/// Reads entries of the outbox in the order in which they are sent, after the one with the number `after`.
pub fn outbox<T: Tx>(
    tx: &mut T,
    filter: EntryFilter<'_>,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<OutboxEntry>, StoreError> {
    let entries = tx.entries(filter, after, limit)?;
    let mut named = Vec::with_capacity(entries.len());
    for entry in entries {
        let rids = [entry.rid];
        let found = tx.load(&entry.collection, Keys::Rids(&rids), Load::Heads)?;
        let record = found.into_iter().flatten().next();
        let (record, _) = record.ok_or_else(|| gone(&format!("the entry {}", entry.id)))?;
        let record = record.id;
        named.push(OutboxEntry { record, entry });
    }
    Ok(named)
}

/// Reads the decisions about one record, newest first.
pub fn journal_of<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    id: &RecordId,
    before: Option<JournalId>,
    limit: usize,
) -> Result<Vec<JournalRow>, StoreError> {
    match rid(tx, collection, id)? {
        Some(rid) => tx.journal(JournalFilter::Record(collection, rid), before, limit),
        None => Ok(Vec::new()),
    }
}

/// A collection whose documents are of an older schema than the app's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// The collection.
    pub collection: CollectionName,
    /// The number that it was declared with.
    pub from: u32,
    /// The number that the app declares.
    pub to: u32,
}

/// The collections with documents that the app's migrate function has to bring forward.
pub fn outdated<T: Tx>(tx: &mut T, config: &Config) -> Result<Vec<Outdated>, StoreError> {
    let mut outdated = Vec::new();
    for (collection, settings) in &config.collections {
        let to = settings.schema.number;
        let Some(declared) = tx.declared(collection)? else {
            continue;
        };
        if (declared.number < to || declared.migrating)
            && !tx.outdated(collection, to, None, 1, 0)?.is_empty()
        {
            outdated.push(Outdated {
                collection: collection.clone(),
                from: declared.number,
                to,
            });
        }
    }
    Ok(outdated)
}

fn rid<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    id: &RecordId,
) -> Result<Option<Rid>, StoreError> {
    let ids = std::slice::from_ref(id);
    let found = tx.load(collection, Keys::Ids(ids), Load::Heads)?;
    let record = found.into_iter().flatten().next();
    Ok(record.map(|(record, _)| record.rid))
}

fn with_sides<T: Tx>(tx: &mut T, conflict: Conflict) -> Result<OpenConflict, StoreError> {
    let rids = [conflict.rid];
    let found = tx.load(&conflict.collection, Keys::Rids(&rids), Load::Whole)?;
    let record = found.into_iter().flatten().next();
    let (record, dirty) = record.ok_or_else(|| gone(&format!("the conflict {}", conflict.id)))?;
    Ok(OpenConflict {
        collection: conflict.collection,
        id: conflict.id,
        base: dirty.map_or(Image::Absent, |dirty| dirty.base),
        ours: Image::from(record.document),
        theirs: conflict.remote.image,
        since_ms: conflict.since_ms,
    })
}

fn gone(what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!("expected the record of {what}, but it is gone"),
    )
}
