//! The simulated app through its versions: schema 2 calls the field `a` `a2`, schema 3 has no `m` any more.
use tisync_json::{Document, Object};

/// The schema of the first version.
pub(crate) const FIRST: u32 = 1;
/// The schema of the newest version.
pub(crate) const NEWEST: u32 = 3;
/// A field whose documents the migrate function cannot bring forward, until it is mended.
pub(crate) const STUCK: &str = "stuck";

/// The app's migrate function.
pub(crate) fn migrate(
    from: u32,
    to: u32,
    document: &Document,
    mended: bool,
) -> Result<Document, String> {
    if !mended && document.text().contains(STUCK) {
        return Err("the document is stuck".to_owned());
    }
    Ok(forward(from, to, document))
}

/// A document of one schema in another; in an older one it stays as it is.
pub(crate) fn forward(from: u32, to: u32, document: &Document) -> Document {
    if from >= to {
        return document.clone();
    }
    let mut object = document.object();
    for step in from + 1..=to {
        take(step, &mut object);
    }
    Document::from_object(&object)
}

fn take(step: u32, object: &mut Object) {
    match step {
        2 if !object.contains_key("a2") => {
            if let Some(value) = object.remove("a") {
                object.insert("a2".to_owned(), value);
            }
        }
        3 => {
            object.remove("m");
        }
        _ => {}
    }
}

/// What a version of the app calls a field; `None` when it has none such.
pub(crate) fn field(schema: u32, field: &'static str) -> Option<&'static str> {
    match field {
        "a" if schema >= 2 => Some("a2"),
        "m" if schema >= 3 => None,
        field => Some(field),
    }
}
