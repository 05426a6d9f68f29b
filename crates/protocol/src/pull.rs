//! `POST /v1/pull`: what has changed since a checkpoint.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// Asks for what has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The collections of the feed.
    pub collections: Vec<String>,
    /// Where the last answer ended; none asks for a first walk over all live records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Without a checkpoint: whether the first walk comes as a snapshot, in the order of ids.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// At most this many items, unless one commit alone is larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// About this many bytes of items, unless one commit alone is larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
}

/// One page of the feed; it begins and ends on a commit boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullAnswer {
    /// The identity of the server's history.
    pub epoch: String,
    /// All epochs, oldest first, each with the number of the last version that it took over: 0 for the
    /// first, the restore point for the others.
    pub epochs: Vec<(String, u64)>,
    /// Live records and, past a first walk, deletions; in the order of their versions, or of their ids in a snapshot.
    pub items: Vec<Item>,
    /// Where this page ends.
    pub checkpoint: String,
    /// Whether there is more already.
    pub more: bool,
    /// On the last page of a first walk: how many live records the collections hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The server's clock.
    pub server_time_ms: u64,
}

/// One record as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The collection's name.
    pub collection: String,
    /// The record's id.
    pub id: String,
    /// The version of its last change.
    pub version: String,
    /// The latest stamp of the record, or the stamp of its deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// Stamps by path; see [`crate::Present::stamps`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: BTreeMap<String, String>,
    /// The number of the schema of the newest app that wrote the document.
    #[serde(default, skip_serializing_if = "crate::mutation::is_zero")]
    pub schema: u32,
    /// Whether it is deleted; then there is no document.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The document.
    #[serde(rename = "doc", default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}
