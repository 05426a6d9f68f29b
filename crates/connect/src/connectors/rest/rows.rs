//! Rows become records, and back.
use super::Server;
use super::options::IdsOption;
use crate::connectors::documents::{Row, document, id, object};
use crate::http::instant_ms;
use serde_json::value::RawValue;
use tisync_core::model::{MutationId, PushItem, RecordId, Stamp, Version};
use tisync_json::{Document, Object, Value, hash64};

impl Server {
    /// Reads a row.
    pub(super) fn row(&self, raw: &RawValue) -> Result<Row, String> {
        let options = &self.options;
        let mut fields = object(raw)?;
        let id = id(&take_id(&mut fields, &options.id_field)?)?;
        let version = match &options.version_field {
            Some(field) => Some(version(fields.get(field), field)?),
            None => None,
        };
        let stamp = match &options.changes {
            Some(changes) => Some(Stamp::at(
                time(fields.get(&changes.field), &changes.field)?.1,
            )),
            None => None,
        };
        let deleted = options
            .deleted_field
            .as_ref()
            .and_then(|field| fields.remove(field))
            .is_some_and(|value| {
                !matches!(value, Value::Null | Value::Bool(false)) && value.as_i64() != Some(0)
            });
        for field in options.hide.iter().chain(&options.mark_field) {
            fields.remove(field);
        }
        Ok(Row {
            id,
            version,
            stamp,
            document: match deleted {
                true => None,
                false => Some(document(&fields)?),
            },
        })
    }

    /// The id of a row, or a stand-in for one that has none: rows are counted, whatever they are.
    pub(super) fn row_id(&self, raw: &RawValue) -> (RecordId, bool) {
        let own = object(raw)
            .and_then(|mut fields| take_id(&mut fields, &self.options.id_field))
            .and_then(|text| id(&text));
        match own {
            Ok(own) => (own, true),
            Err(_) => {
                let text = format!("no-id-{:016x}", hash64(raw.get().as_bytes()));
                // It is a text of hex digits: it always is an id.
                let stand_in = RecordId::new(&text).or_else(|_| RecordId::new("no-id"));
                match stand_in {
                    Ok(stand_in) => (stand_in, false),
                    Err(_) => unreachable!("`no-id` is an id"),
                }
            }
        }
    }

    /// The record as it is sent.
    pub(super) fn body(&self, item: &PushItem, fields: Object) -> Document {
        let options = &self.options;
        let mut fields = fields;
        if options.ids == IdsOption::Client {
            let id = Value::String(item.record.as_str().to_owned());
            fields.insert(options.id_field.clone(), id);
        }
        Document::from_object(&fields)
    }

    /// The same with the mark of the write that makes the record.
    pub(super) fn marked(&self, mutation: MutationId, mut fields: Object) -> Object {
        if let Some(field) = &self.options.mark_field {
            fields.insert(field.clone(), Value::String(mutation.to_string()));
        }
        fields
    }

    /// Why a record could not be told from what the backend keeps in its fields.
    pub(super) fn refusal(&self, document: Option<&Document>) -> Option<String> {
        let options = &self.options;
        let fields = document.map(Document::object).unwrap_or_default();
        let kept = [
            Some(&options.id_field),
            options.mark_field.as_ref(),
            options.deleted_field.as_ref(),
        ];
        let name = kept
            .into_iter()
            .flatten()
            .chain(&options.hide)
            .find(|name| fields.contains_key(*name))?;
        Some(format!(
            "the connector keeps the field `{name}` for itself: name the document's field otherwise"
        ))
    }
}

fn take_id(fields: &mut Object, field: &str) -> Result<String, String> {
    match fields.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Number(number)) if number.is_integer() => Ok(number.to_string()),
        Some(_) => Err(format!(
            "a text or a whole number was expected in `{field}`, but something else came"
        )),
        None => Err(format!(
            "the field `{field}` was expected, but it is missing: name the one that holds the id in `id_field`"
        )),
    }
}

fn version(value: Option<&Value>, field: &str) -> Result<Version, String> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            return Err(format!(
                "a version was expected in `{field}`, but none came"
            ));
        }
    };
    Version::new(text).map_err(|error| error.to_string())
}

/// A time as the backend printed it, and in milliseconds.
pub(super) fn time(value: Option<&Value>, field: &str) -> Result<(String, u64), String> {
    let read = match value {
        Some(Value::String(text)) => instant_ms(text).map(|ms| (text.clone(), ms)),
        Some(Value::Number(number)) => number.as_i64().and_then(|time| {
            let time = u64::try_from(time).ok()?;
            // Seconds since 1970 have ten digits until the year 2286.
            let ms = if time < 10_000_000_000 {
                time * 1_000
            } else {
                time
            };
            Some((time.to_string(), ms))
        }),
        _ => None,
    };
    read.ok_or_else(|| format!("a time was expected in `{field}`, but none came"))
}
