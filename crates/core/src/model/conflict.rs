//! Open conflicts.
use super::{CollectionName, Deadline, Image, RecordId, Remote, Rid};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Path, Value};

/// Both sides changed and nothing has decided yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: Rid,
    /// Its id.
    pub id: RecordId,
    /// The latest server image.
    pub remote: Remote,
    /// The functions that are asked; empty when a person decides.
    pub asked: Vec<Question>,
    /// When the fallback decides instead of a function.
    pub deadline: Option<Deadline>,
    /// Wall time since when.
    pub since_ms: u64,
}

/// A question to a function of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The name under which the function is registered.
    pub function: String,
    /// The field that it decides; `None` for the whole record.
    pub field: Option<Path>,
}

/// What a policy function is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: Rid,
    /// Its id.
    pub id: RecordId,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The common ancestor.
    pub base: Image,
    /// Our side.
    pub ours: Image,
    /// The server's side; the decision names its version.
    pub remote: Remote,
}

/// How an open conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Our side stands.
    Ours,
    /// Their side stands.
    Theirs,
    /// This document stands.
    Document(Document),
    /// These values for the fields asked about; the rest merges.
    Fields(BTreeMap<Path, Value>),
    /// The record goes.
    Delete,
    /// The function failed: the fallback decides.
    Failed(String),
}
