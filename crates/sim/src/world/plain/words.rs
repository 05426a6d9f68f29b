//! The words in which the backend keeps what it takes.
use tisync_json::{Document, Number, Object, Value};

/// A field that the server writes.
pub(in crate::world) const REVISION: &str = "rev";
/// A field that holds an instant.
pub(in crate::world) const INSTANT: &str = "d";
/// A field that is null now and then.
pub(in crate::world) const NOTHING: &str = "e";

/// A document in the words of a server that normalises.
pub(crate) fn as_kept(document: &Document) -> Document {
    Document::from_object(&kept(&document.object()))
}

/// The same with the server's own field.
pub(super) fn with_revision(document: &Document, revision: u64) -> Document {
    let mut object = kept(&document.object());
    object.insert(
        REVISION.to_owned(),
        Value::Number(Number::from(revision as i64)),
    );
    Document::from_object(&object)
}

fn kept(object: &Object) -> Object {
    let mut object: Object = object
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(Value::String(text)) = object.get_mut(INSTANT)
        && let Some(start) = text.strip_suffix("+00:00")
    {
        *text = format!("{start}.000Z");
    }
    for value in object.values_mut() {
        if let Value::Array(members) = value {
            members.sort_by_cached_key(Value::canonical);
        }
    }
    object
}
