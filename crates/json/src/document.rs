//! A record's JSON object, kept as the text that was received.

use crate::print::{self, Style};
use crate::{Error, Object, Path, Value, find, hash64, parse, raw};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::sync::Arc;

/// The JSON object of a record, without its id, kept as text.
///
/// The text is checked once, in [`Document::parse`]; equality of two documents by *meaning* is
/// [`Document::same`], equality of the text is `==`.
///
/// It serialises as JSON in place, with line breaks between its parts turned into spaces, so that a
/// document never breaks a line of NDJSON. Like [`Value`] it reads through `serde_json` only, and not
/// from inside an untagged, flattened or internally tagged type.
///
/// ```
/// use tisync_json::Document;
/// let ours = Document::parse(r#"{"n": 1.0, "title": "x"}"#)?;
/// let theirs = Document::parse(r#"{"title":"\u0078","n":1}"#)?;
/// assert!(ours != theirs && ours.same(&theirs));
/// assert_eq!(ours.hash(), theirs.hash());
/// # Ok::<(), tisync_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document(Arc<str>);

impl Document {
    /// Checks `text` in one pass without building a tree: an object, valid JSON, no duplicate keys, no
    /// lone surrogates, no overflow, within [`crate::limits`].
    ///
    /// # Errors
    /// See [`crate::ErrorKind`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::document(text).map(|text| Document(text.into()))
    }

    /// Prints `object`: no white space, keys by their bytes.
    ///
    /// It may be longer or deeper than the limits; a write that comes from outside goes through
    /// [`Document::checked_from_object`].
    pub fn from_object(object: &Object) -> Self {
        let mut out = String::new();
        print::object(object, Style::Text, &mut out);
        Document(out.into())
    }

    /// Prints `object` and checks the result against the limits.
    ///
    /// # Errors
    /// `TooDeep` or `TooLong`.
    pub fn checked_from_object(object: &Object) -> Result<Self, Error> {
        let document = Document::from_object(object);
        parse::document(&document.0)?;
        Ok(document)
    }

    /// The empty object `{}`.
    pub fn empty() -> Self {
        Document("{}".into())
    }

    /// The text, as it was received or printed.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Parses the fields.
    pub fn object(&self) -> Object {
        match parse::checked(&self.0) {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    }

    /// Reads one top-level field without building the others.
    pub fn field(&self, key: &str) -> Option<Value> {
        let text = find::texts(&self.0, &[Path::key(key)]).pop().flatten();
        text.map(parse::checked)
    }

    /// Reads the fields at `paths` in one pass, without building the others.
    pub fn fields(&self, paths: &[Path]) -> Vec<Option<Value>> {
        let texts = self.texts(paths).into_iter();
        texts.map(|text| text.map(parse::checked)).collect()
    }

    /// Finds the texts of the fields at `paths` in one pass.
    pub fn texts(&self, paths: &[Path]) -> Vec<Option<&str>> {
        find::texts(&self.0, paths)
    }

    /// Whether both hold equal values (numbers by value, keys in any order).
    pub fn same(&self, other: &Document) -> bool {
        self.0 == other.0 || self.object() == other.object()
    }

    /// The canonical print of the document: equal exactly for documents that are [`Document::same`].
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        print::object(&self.object(), Style::Canonical, &mut out);
        out
    }

    /// A hash of the canonical print: equal for documents that are [`Document::same`].
    pub fn hash(&self) -> u64 {
        hash64(self.canonical().as_bytes())
    }

    /// The text on one line. Raw line breaks stand only between the parts of a JSON text, so that
    /// spaces in their place change nothing.
    pub fn line(&self) -> Cow<'_, str> {
        if [b'\n', b'\r']
            .iter()
            .any(|end| self.0.as_bytes().contains(end))
        {
            Cow::Owned(self.0.replace(['\n', '\r'], " "))
        } else {
            Cow::Borrowed(&self.0)
        }
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Document {
    fn default() -> Self {
        Document::empty()
    }
}

impl std::str::FromStr for Document {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Document::parse(text)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(&self.line(), serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::deserialize(deserializer, Document::parse)
    }
}
