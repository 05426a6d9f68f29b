//! Buckets, collections, and what belongs to Kinto in a record.
use super::Options;
use crate::connectors::documents::{Row, document, id, object, take_text};
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, NameError, RecordId, Stamp, Version};
use tisync_json::{Document, Object, Value};

/// The rule of the server for every name and id.
pub(super) const RULE: &str = "ASCII letters, digits, _ and -, not beginning with _ or -";

/// The fields that the server writes; a record of ours cannot have them.
const KEPT: &[&str] = &["id", "last_modified", "deleted"];

pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The server's name of a collection.
pub(super) fn of(options: &Options, collection: &CollectionName) -> String {
    match options.collections.get(collection) {
        Some(name) => name.clone(),
        None => collection.to_string(),
    }
}

/// The path of a collection's records below the address.
pub(super) fn records(options: &Options, collection: &CollectionName) -> String {
    let bucket = &options.bucket;
    let name = of(options, collection);
    format!("/buckets/{bucket}/collections/{name}/records")
}

/// Why the server would refuse a record, or not give it back as it is.
pub(super) fn refusal(id: &RecordId, document: Option<&Document>) -> Option<String> {
    if !is_name(id.as_str()) {
        return Some(format!("Kinto takes ids of {RULE}, and this one is {id}"));
    }
    let fields = document.map(Document::object).unwrap_or_default();
    let kept = KEPT.iter().find(|name| fields.contains_key(**name))?;
    Some(format!(
        "Kinto keeps the fields {} for itself: name `{kept}` otherwise",
        KEPT.join(", ")
    ))
}

/// Reads a record, or a tombstone.
pub(super) fn row(raw: &RawValue) -> Result<Row, String> {
    row_of(object(raw)?)
}

pub(super) fn row_of(mut fields: Object) -> Result<Row, String> {
    let key = take_text(&mut fields, "id")?;
    let at_ms = time(fields.remove("last_modified").as_ref())?;
    // A tombstone has no other fields.
    let is_tombstone = fields.len() == 1 && fields.get("deleted") == Some(&Value::Bool(true));
    Ok(Row {
        id: id(&key)?,
        version: Some(version(at_ms)?),
        stamp: Some(Stamp::at(at_ms)),
        document: match is_tombstone {
            true => None,
            false => Some(document(&fields)?),
        },
    })
}

/// Reads `last_modified`.
pub(super) fn time(value: Option<&Value>) -> Result<u64, String> {
    value
        .and_then(Value::as_i64)
        .and_then(|ms| u64::try_from(ms).ok())
        .ok_or_else(|| "milliseconds were expected in `last_modified`, but none came".to_owned())
}

fn version(at_ms: u64) -> Result<Version, String> {
    Version::new(at_ms.to_string()).map_err(|error: NameError| error.to_string())
}
