//! What every store checks in the same way, so that a bug of the engine shows on each of them.
use super::{Op, Row, StoreError, StoreErrorKind};
use crate::limits::{COLUMNS_MAX, NAME_BYTES_MAX};
use crate::model::{
    CollectionName, Dirty, JournalRow, MutationId, Record, RecordState, Remote, Rid, Schema,
    Version,
};
use tisync_json::Document;
use tisync_json::Quoted;
use tisync_json::tree::BTreeSet;

/// Bytes that a journal row counts besides its documents.
const JOURNAL_ROW_BYTES: u64 = 256;

/// Checks what can be seen in a change alone.
pub fn check(op: &Op) -> Result<(), StoreError> {
    match op {
        Op::Insert { record, .. } | Op::Update { record, .. } => check_record(record),
        Op::Declare {
            collection, schema, ..
        } => check_columns(collection, schema),
        _ => Ok(()),
    }
}

/// Checks the names of declared columns: SQLite does not tell upper from lower case, and a view shows them
/// beside the id and the document.
fn check_columns(collection: &CollectionName, schema: &Schema) -> Result<(), StoreError> {
    let mut taken = BTreeSet::from(["id".to_owned(), "document".to_owned()]);
    let wrong = schema.columns.iter().find(|column| {
        !is_identifier(&column.name) || !taken.insert(column.name.to_ascii_lowercase())
    });
    let message = match wrong {
        Some(column) => format!(
            "expected column names of {collection} of letters, digits and _, each once, not id or document; came {}",
            Quoted(&column.name)
        ),
        None if schema.columns.len() > COLUMNS_MAX => format!(
            "expected at most {COLUMNS_MAX} columns of {collection}, came {}",
            schema.columns.len()
        ),
        None => return Ok(()),
    };
    Err(StoreError::new(StoreErrorKind::Misuse, message))
}

fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    starts && goes_on && name.len() <= NAME_BYTES_MAX
}

/// Checks that a record has a document if it is clean, and none if it is a tombstone: a head that is stored
/// as if it were whole would wipe the document.
pub fn check_record(record: &Record) -> Result<(), StoreError> {
    let wrong = match (record.state, &record.document) {
        (RecordState::Clean, None) => "a clean record without a document (loaded by its head?)",
        (RecordState::Tombstone, Some(_)) => "a tombstone with a document",
        _ => return Ok(()),
    };
    Err(StoreError::new(
        StoreErrorKind::Misuse,
        format!("{wrong}: {} {}", record.rid.0, record.id),
    ))
}

/// The latest image of a record that the server has shown, if the record is there in it, with its version.
pub fn known<'a>(
    record: &'a Record,
    dirty: Option<&'a Dirty>,
    conflict: Option<&'a Remote>,
) -> Option<(Option<&'a Version>, &'a Document)> {
    let (image, version) = match record.state {
        RecordState::Clean | RecordState::Provisional => {
            (record.document.as_ref(), record.version.as_ref())
        }
        RecordState::Dirty => {
            let remote = conflict.or(dirty.and_then(|dirty| dirty.remote.as_ref()));
            match remote {
                Some(remote) => (remote.image.document(), remote.version.as_ref()),
                None => (
                    dirty.and_then(|dirty| dirty.base.document()),
                    record.version.as_ref(),
                ),
            }
        }
        RecordState::Unconfirmed | RecordState::Tombstone => (None, None),
    };
    image.map(|document| (version, document))
}

/// The bytes that a row counts for [`super::Tx::outdated`]: those of its documents.
pub fn row_bytes(row: &Row) -> usize {
    let (record, dirty) = row;
    let base = dirty.as_ref().and_then(|dirty| dirty.base.document());
    let documents = record.document.iter().chain(base);
    documents.map(|document| document.text().len()).sum()
}

/// The bytes that a journal row counts for [`Op::PruneJournal`].
pub fn journal_bytes(row: &JournalRow) -> u64 {
    [&row.base, &row.ours, &row.theirs, &row.outcome]
        .iter()
        .filter_map(|image| image.document())
        .map(|document| document.text().len() as u64)
        .sum::<u64>()
        + JOURNAL_ROW_BYTES
}

/// The error of a change of a collection that was never declared.
pub fn not_declared(collection: &CollectionName) -> StoreError {
    StoreError::new(
        StoreErrorKind::Misuse,
        format!("the collection {collection} is not declared: configure it first"),
    )
}

/// The error of a change of a record that is not there.
pub fn not_there(collection: &CollectionName, rid: Rid) -> StoreError {
    StoreError::new(
        StoreErrorKind::Misuse,
        format!(
            "change of a record that is not there: {} in {collection}",
            rid.0
        ),
    )
}

/// The error of a change of an entry that is not there.
pub fn no_entry(id: MutationId) -> StoreError {
    StoreError::new(
        StoreErrorKind::Misuse,
        format!("change of an entry that is not there: {id}"),
    )
}

/// The error of an insert over a record that is there, or of an id that another record has.
pub fn taken(collection: &CollectionName, record: &Record) -> StoreError {
    StoreError::new(
        StoreErrorKind::Misuse,
        format!(
            "the key {} or the id {} is taken in {collection}",
            record.rid.0, record.id
        ),
    )
}

/// The error of the removal of a record that something refers to: its key would be given out again, so its
/// row must stay as a tombstone.
pub fn still_referred(collection: &CollectionName, rid: Rid, by: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Misuse,
        format!(
            "{by} still refers to the removed record {} of {collection}: leave a tombstone",
            rid.0
        ),
    )
}
