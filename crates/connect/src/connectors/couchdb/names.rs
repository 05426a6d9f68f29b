//! Databases, and what belongs to CouchDB in a document.
use super::{Options, Server};
use crate::connectors::SetupError;
use crate::connectors::documents::{Row, document, id, object, stamp, take_text};
use crate::http::{Response, classify, path_segment, read_json};
use serde_json::value::RawValue;
use tisync_core::model::{CollectionName, Failure, RecordId, Stamp, Version};
use tisync_json::Deserialize;
use tisync_json::{Document, Object, Value};

/// The rule of the server.
const RULE: &str = "a database's name (a small letter, then small letters, digits, _ $ ( ) + - /)";

/// Checks the databases that are named.
pub(super) fn check(options: &Options) -> Result<(), SetupError> {
    for name in options.databases.values() {
        if !is_database(name) {
            return Err(SetupError::new(format!(
                "expected {RULE}, but `{name}` came"
            )));
        }
    }
    if !options.prefix.is_empty() && !is_database(&options.prefix) {
        return Err(SetupError::new(format!(
            "expected the beginning of {RULE} as the prefix, but `{}` came",
            options.prefix
        )));
    }
    Ok(())
}

/// A collection's database.
pub(super) fn database(options: &Options, collection: &CollectionName) -> String {
    match options.databases.get(collection) {
        Some(name) => name.clone(),
        None => format!("{}{collection}", options.prefix),
    }
}

/// A collection's database as a part of a path, or why it cannot be one.
pub(super) fn segment(options: &Options, collection: &CollectionName) -> Result<String, String> {
    let name = database(options, collection);
    match path_segment(&name) {
        Some(segment) if is_database(&name) => Ok(segment),
        _ => Err(format!(
            "expected {RULE}, but the collection is named `{name}`: name its database under `databases` in the \
             connector's options"
        )),
    }
}

fn is_database(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_$()+-/".contains(c))
}

/// Checks that a server of this protocol says who it is.
pub(super) fn welcome(response: &Response) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Welcome<'a> {
        #[serde(borrow)]
        couchdb: Option<&'a RawValue>,
        #[serde(borrow, rename = "express-pouchdb")]
        pouchdb: Option<&'a RawValue>,
    }
    let welcome: Welcome<'_> = read_json(response)?;
    if welcome.couchdb.is_some() || welcome.pouchdb.is_some() {
        return Ok(());
    }
    Err(classify::not_this_protocol(
        "the welcome of a server of the CouchDB protocol was expected, but another answer came: check the address",
    ))
}

/// Reads a document as the server has it.
pub(super) fn row(server: &Server, raw: &RawValue) -> Result<Row, String> {
    let mut fields = object(raw)?;
    let key = take_text(&mut fields, "_id")?;
    let version: Version = take_text(&mut fields, "_rev")?
        .parse()
        .map_err(|error: tisync_core::model::NameError| error.to_string())?;
    let deleted = fields.remove("_deleted") == Some(Value::Bool(true));
    let stamp = take_stamp(server, &mut fields);
    Ok(Row {
        id: id(&key)?,
        version: Some(version),
        stamp,
        document: match deleted {
            true => None,
            false => Some(document(&fields)?),
        },
    })
}

fn take_stamp(server: &Server, fields: &mut Object) -> Option<Stamp> {
    let field = server.options.stamp_field.as_ref()?;
    stamp(&fields.remove(field)?)
}

/// Whether an id belongs to the server: design documents, which are no records.
pub(super) fn is_design(id: &str) -> bool {
    id.starts_with("_design/")
}

/// Why the server would refuse a record; it would then refuse the whole batch.
pub(super) fn refusal(
    server: &Server,
    id: &RecordId,
    document: Option<&Document>,
) -> Option<String> {
    if id.as_str().starts_with('_') {
        return Some(format!(
            "CouchDB keeps ids that begin with `_` for itself, and this one is {id}"
        ));
    }
    let fields = document.map(Document::object).unwrap_or_default();
    // What belongs to attachments is sent back as it came, or they would go.
    let kept = fields
        .keys()
        .find(|name| name.starts_with('_') && *name != "_attachments");
    if let Some(name) = kept {
        return Some(format!(
            "CouchDB keeps fields that begin with `_` for itself: name `{name}` otherwise"
        ));
    }
    let field = server.options.stamp_field.as_ref()?;
    fields.contains_key(field).then(|| {
        format!("`{field}` is the connector's stamp_field: name the document's field otherwise")
    })
}
