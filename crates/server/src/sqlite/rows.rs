//! Reads what the statements answer.
use super::{failed, place};
use crate::StoreError;
use crate::store::{Content, LiveRow, Receipt, Record, Row, Settled};
use tisync_json::Document;
use tisync_json::tree::BTreeMap;
use tisync_protocol::Rejected;

/// Reads (place, updated_ms, stamp, stamps, doc, schema).
pub(super) fn record(row: &rusqlite::Row<'_>) -> Result<Record, StoreError> {
    let stamps = match optional_text(row, 3)? {
        Some(stamps) => serde_json::from_str(stamps).map_err(|error| damaged("stamps", &error))?,
        None => BTreeMap::new(),
    };
    Ok(Record {
        version: place::version(row.get(0).map_err(failed)?),
        document: document(row, 4)?,
        stamp: text(row, 2)?.to_owned(),
        stamps,
        updated_ms: row.get::<_, i64>(1).map_err(failed)? as u64,
        schema: row.get(5).map_err(failed)?,
    })
}

/// Reads (place, collection, id, stamp, stamps, doc, schema).
pub(super) fn scanned<'a>(
    row: &'a rusqlite::Row<'_>,
    collection: &'a str,
) -> Result<Row<'a>, StoreError> {
    Ok(Row {
        collection,
        id: text(row, 2)?,
        stamp: text(row, 3)?,
        stamps: optional_text(row, 4)?,
        document: optional_text(row, 5)?,
        schema: row.get(6).map_err(failed)?,
    })
}

/// Reads (id, place) and, with documents, (updated_ms, stamp, stamps, doc, schema); none for a deleted record.
pub(super) fn live_row<'a>(
    row: &'a rusqlite::Row<'_>,
    documents: bool,
) -> Result<Option<LiveRow<'a>>, StoreError> {
    let place: i64 = row.get(1).map_err(failed)?;
    if place::is_deleted(place) {
        return Ok(None);
    }
    let content = match documents {
        true => Some(Content {
            updated_ms: row.get::<_, i64>(2).map_err(failed)? as u64,
            stamp: text(row, 3)?,
            stamps: optional_text(row, 4)?,
            document: text(row, 5)?,
            schema: row.get(6).map_err(failed)?,
        }),
        false => None,
    };
    Ok(Some(LiveRow {
        id: text(row, 0)?,
        version: place::version(place),
        content,
    }))
}

/// Reads (content, at_ms, version, code, body, schema).
pub(super) fn receipt(row: &rusqlite::Row<'_>) -> Result<Receipt, StoreError> {
    let settled = match row.get::<_, Option<i64>>(2).map_err(failed)? {
        Some(version) => Settled::Accepted {
            version: version as u64,
            document: document(row, 4)?.zip(Some(row.get(5).map_err(failed)?)),
        },
        None => Settled::Rejected(Rejected {
            code: text(row, 3)?.to_owned(),
            reason: text(row, 4)?.to_owned(),
        }),
    };
    let number = |index| row.get::<_, i64>(index).map_err(failed);
    Ok(Receipt {
        content: number(0)? as u64,
        settled,
        at_ms: number(1)? as u64,
    })
}

pub(super) fn document(
    row: &rusqlite::Row<'_>,
    index: usize,
) -> Result<Option<Document>, StoreError> {
    let text = optional_text(row, index)?;
    text.map(Document::parse)
        .transpose()
        .map_err(|error| damaged("a document", &error))
}

pub(super) fn text<'a>(row: &'a rusqlite::Row<'_>, index: usize) -> Result<&'a str, StoreError> {
    optional_text(row, index)?
        .ok_or_else(|| StoreError::failed("the file is damaged: a text is missing"))
}

pub(super) fn optional_text<'a>(
    row: &'a rusqlite::Row<'_>,
    index: usize,
) -> Result<Option<&'a str>, StoreError> {
    let value = row.get_ref(index).map_err(failed)?;
    value
        .as_str_or_null()
        .map_err(|error| damaged("a text", &error))
}

pub(super) fn damaged(what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::failed(format!(
        "the file is damaged: {what} cannot be read: {error}"
    ))
}
