//! One change, on its way to the server.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Document, Patch, Path, Value};

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutation {
    /// Its identity, 32 lowercase hexadecimal digits; the server answers a repeat with its first verdict.
    pub id: String,
    /// The collection's name.
    pub collection: String,
    /// The record's id.
    pub record: String,
    /// The version that it was made on.
    pub base: Precondition,
    /// When it was made; see [`crate::Stamp`]. The server's time if neither this nor `stamps` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// When each path was changed, where that differs from `stamp`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: BTreeMap<String, String>,
    /// Mutations of one push with the same group take effect together or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The number of the schema that the client writes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub schema: u32,
    /// What changes.
    pub change: Change,
}

/// The number of an app that declares none need not be on the wire.
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What must hold of the record for the change to take effect: `{"version": "12"}`, `"absent"` or `"none"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precondition {
    /// The record is there at this version.
    Version(String),
    /// The record is not there: it never was, or it is deleted.
    Absent,
    /// Nothing: it is written whatever is there.
    None,
}

/// What a mutation does: `{"create": {…}}`, `{"patch": {…}}`, `{"replace": {…}}` or `"delete"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A new record with this document.
    Create(Document),
    /// Some fields.
    Patch(PatchChange),
    /// The whole document.
    Replace(Document),
    /// The record goes.
    Delete,
}

/// A change of some fields: `{"set": {"/title": "x"}, "unset": ["/due"], "doc": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchChange {
    /// Paths that get a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Path, Value>,
    /// Paths that go away.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unset: BTreeSet<Path>,
    /// What the document is after the patch on the base version. When that version still holds, the
    /// server stores this text as it is; else it applies the patch to what is there.
    #[serde(rename = "doc", default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

impl PatchChange {
    /// A change of the wire from a patch and the document that results.
    pub fn new(patch: Patch, document: Option<Document>) -> Self {
        PatchChange {
            set: patch.set,
            unset: patch.unset,
            document,
        }
    }
    /// The patch alone.
    pub fn patch(&self) -> Patch {
        Patch {
            set: self.set.clone(),
            unset: self.unset.clone(),
        }
    }
}
