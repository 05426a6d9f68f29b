//! Objects become records, and back.
use super::Options;
use super::names::Place;
use crate::connectors::documents::{self, Row};
use crate::http::instant_ms;
use serde_json::value::RawValue;
use tisync_core::model::{MutationId, Stamp, Version};
use tisync_json::{Document, Object, Path, Value, hash64};

/// Fields that the server makes and that are no part of a document: its ids and versions, and what it expands.
const HIDDEN: &[&str] = &["id", "updated_at", "user", "acls", "stats", "friend_counts"];
/// Fields that the server makes and a document shows.
const SHOWN: &[&str] = &["created_at", "user_id", "photo", "photo_id"];

/// Whether only the server writes a field.
pub(super) fn is_server_field(name: &str) -> bool {
    HIDDEN.contains(&name) || SHOWN.contains(&name)
}

/// The fields of a document that only the server writes.
pub(super) fn shown() -> Vec<Path> {
    SHOWN.iter().map(|name| Path::key(*name)).collect()
}

/// A record, and the mark of the create that made it.
pub(super) struct Marked {
    pub(super) row: Row,
    pub(super) mark: Option<MutationId>,
}

/// Reads an object.
pub(super) fn read(options: &Options, place: &Place, raw: &RawValue) -> Result<Marked, String> {
    let mut object = documents::object(raw)?;
    let id = documents::take_text(&mut object, "id")?;
    let updated = match object.remove("updated_at") {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    for name in HIDDEN {
        object.remove(*name);
    }
    let mark = object.remove(&options.mark_field);
    let mark = mark.as_ref().and_then(Value::as_str).and_then(parse_mark);
    let document = documents::document(&object)?;
    // Two changes within a second have one time, and a login moves that of a user.
    let hash = hash64(document.canonical().as_bytes());
    let (version, stamp) = match (place, &updated) {
        (Place::Objects(_), Some(updated)) => (
            format!("{updated}.{hash:016x}"),
            instant_ms(updated).map(Stamp::at),
        ),
        _ => (format!("{hash:016x}"), None),
    };
    Ok(Marked {
        row: Row {
            id: documents::id(&id)?,
            version: Some(Version::new(version).map_err(|error| error.to_string())?),
            stamp,
            document: Some(document),
        },
        mark,
    })
}

/// The text of a mark.
pub(super) fn mark(id: MutationId) -> String {
    format!("{:032x}", id.0)
}

fn parse_mark(text: &str) -> Option<MutationId> {
    let is_mark = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_mark
        .then(|| u128::from_str_radix(text, 16).ok().map(MutationId))
        .flatten()
}

/// The id of a row that is no record, when that much can be read.
pub(super) fn id_of(raw: &RawValue) -> Option<tisync_core::model::RecordId> {
    let mut object = documents::object(raw).ok()?;
    documents::id(&documents::take_text(&mut object, "id").ok()?).ok()
}

/// Why a document could not be told from what the server and the connector keep in their fields.
pub(super) fn refusal(options: &Options, document: &Document) -> Option<String> {
    let fields = document.object();
    let kept = HIDDEN.iter().copied().chain([options.mark_field.as_str()]);
    let name = kept.into_iter().find(|name| fields.contains_key(*name))?;
    Some(format!(
        "the server or the connector keeps the field `{name}` for itself: name the document's field otherwise"
    ))
}

/// The fields that a write sends: all of the document's own, or those that it names.
pub(super) fn fields(document: &Object, names: impl Fn(&str) -> bool) -> Object {
    let own = document
        .iter()
        .filter(|(name, _)| !is_server_field(name) && names(name));
    own.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
