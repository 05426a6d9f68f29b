//! What connectors of JSON backends have in common: rows of the backend become records, and back.
use crate::http::{cut_text, instant_ms};
use crate::limits::BAD_TEXT_BYTES_MAX;
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, Image, Item, RecordId, Remote, Stamp, Version};
use tisync_json::{Document, Number, Object, Value};

/// A row as the backend has it, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: RecordId,
    pub(super) version: Option<Version>,
    pub(super) stamp: Option<Stamp>,
    /// The document; `None` when the row is a deletion.
    pub(super) document: Option<Document>,
}

impl Row {
    /// The row as an item of a page.
    pub(super) fn item(self, collection: &CollectionName) -> Item {
        let (collection, id) = (collection.clone(), self.id);
        match self.document {
            Some(document) => Item::Upsert {
                collection,
                id,
                document,
                version: self.version,
                stamp: self.stamp,
                stamps: None,
                schema: None,
                migrated: false,
            },
            None => Item::Tombstone {
                collection,
                id,
                version: self.version,
                stamp: self.stamp,
            },
        }
    }

    /// The row as what the server has of a record.
    pub(super) fn remote(self) -> Remote {
        Remote {
            version: self.version,
            stamp: self.stamp,
            ..self.document.map_or(Image::Gone, Image::Present).into()
        }
    }
}

/// A row that is no record.
pub(super) fn bad(
    raw: &RawValue,
    collection: &CollectionName,
    id: Option<RecordId>,
    reason: String,
) -> Item {
    Item::Bad {
        collection: Some(collection.clone()),
        id,
        text: cut_text(raw.get(), BAD_TEXT_BYTES_MAX).to_owned(),
        reason,
    }
}

/// Parses a row's fields.
pub(super) fn object(raw: &RawValue) -> Result<Object, String> {
    match Value::parse(raw.get()).map_err(|error| error.to_string())? {
        Value::Object(object) => Ok(object),
        _ => Err("an object was expected, but something else came".to_owned()),
    }
}

/// Takes a field that must be a text.
pub(super) fn take_text(object: &mut Object, field: &str) -> Result<String, String> {
    match object.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!(
            "a text was expected in `{field}`, but something else came"
        )),
        None => Err(format!(
            "the field `{field}` was expected, but it is missing"
        )),
    }
}

/// Reads a record's id.
pub(super) fn id(text: &str) -> Result<RecordId, String> {
    RecordId::new(text).map_err(|error| error.to_string())
}

/// The fields as a document, within the limits.
pub(super) fn document(object: &Object) -> Result<Document, String> {
    Document::checked_from_object(object).map_err(|error| error.to_string())
}

/// Reads a stamp in any of the forms that writers use: ours, a time in RFC 3339, or milliseconds since 1970.
pub(super) fn stamp(value: &Value) -> Option<Stamp> {
    match value {
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| instant_ms(text).map(Stamp::at)),
        Value::Number(number) => number
            .as_i64()
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Stamp::at),
        _ => None,
    }
}

/// Whether a number in the document is changed by a server that keeps numbers as doubles.
pub(super) fn has_wide_number(document: &Document) -> bool {
    // Most documents have no run of digits that long.
    let longest = document
        .text()
        .split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .max();
    longest.is_some_and(|digits| digits > 15) && document.object().values().any(is_wide)
}

fn is_wide(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_integer() && Number::try_from(number.as_f64()).ok().as_ref() != Some(number)
        }
        Value::Array(items) => items.iter().any(is_wide),
        Value::Object(object) => object.values().any(is_wide),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_doubles_are_seen() {
        let is_wide = |text| has_wide_number(&Document::parse(text).unwrap());
        assert!(is_wide(r#"{"a":[{"b":9007199254740993}]}"#));
        assert!(!is_wide(
            r#"{"a":9007199254740992,"b":0.1234567890123456789,"c":"9007199254740993"}"#
        ));
        assert!(!is_wide(r#"{"a":1}"#));
        assert!(!is_wide(r#"{"a":100000000000000000000}"#));
    }

    #[test]
    fn stamps_are_read_in_three_forms() {
        let ours = Stamp {
            ms: 5,
            counter: 1,
            node: 2,
        };
        assert_eq!(stamp(&Value::String(ours.to_string())), Some(ours));
        let text = Value::String("1970-01-01T00:00:01.5Z".to_owned());
        assert_eq!(stamp(&text), Some(Stamp::at(1_500)));
        assert_eq!(
            stamp(&Value::parse("1500").unwrap()),
            Some(Stamp::at(1_500))
        );
        assert_eq!(stamp(&Value::Null), None);
        assert_eq!(stamp(&Value::String("soon".to_owned())), None);
    }
}
