//! Fields that only the server writes.
use tisync_json::{Object, Path, Value, get};

/// Takes the server fields out, and with them the objects that hold nothing else: `{"meta": {"rev": 1}}`
/// without `/meta/rev` is the same as a document without `meta`.
pub(super) fn strip(object: &mut Object, server_fields: &[Path]) {
    for path in server_fields {
        remove(object, path.keys());
    }
}

/// Puts the server's values back. Where something else than an object stands in the way it stays.
pub(super) fn put_back(object: &mut Object, theirs: &Object, server_fields: &[Path]) {
    for path in server_fields {
        if let Some(value) = get(theirs, path) {
            insert(object, path.keys(), value);
        }
    }
}

/// Whether the path is a server field or lies inside one.
pub(super) fn covers(server_fields: &[Path], path: &Path) -> bool {
    server_fields.iter().any(|field| field.is_prefix_of(path))
}

fn remove(object: &mut Object, keys: &[String]) {
    match keys {
        [] => {}
        [key] => {
            object.remove(key);
        }
        [key, rest @ ..] => {
            if let Some(Value::Object(inner)) = object.get_mut(key) {
                remove(inner, rest);
                if inner.is_empty() {
                    object.remove(key);
                }
            }
        }
    }
}

fn insert(object: &mut Object, keys: &[String], value: &Value) {
    match keys {
        [] => {}
        [key] => {
            object.insert(key.clone(), value.clone());
        }
        [key, rest @ ..] => {
            let inner = object
                .entry(key.clone())
                .or_insert_with(|| Value::Object(Object::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
