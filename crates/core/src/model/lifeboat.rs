//! Pending writes outside of a replica, and what becomes of them when they come back.
use super::{Account, CollectionName, ConnectorName, Entry, Image, RecordId, Version};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// Pending writes that come back: chains out of a lifeboat file, whole groups only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifeboat {
    /// Whose writes they are, as far as it is known.
    pub account: Option<Account>,
    /// The backends that they were written for, as far as they are known.
    pub endpoints: BTreeMap<ConnectorName, String>,
    /// The chains.
    pub chains: Vec<Chain>,
}

/// A record's pending writes, with what they stand on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record's id.
    pub id: RecordId,
    /// The server image that the chain starts from; `None` when it was lost.
    pub base: Option<Image>,
    /// The version of that image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The number of the schema of that image; `None` when it was lost: then that of the entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// Whether that image was brought to its schema on the device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub migrated: bool,
    /// The entries, in order. Where they stood in the outbox that they come from counts no more. One that was handed
    /// out and says nothing of what was frozen has lost that.
    pub entries: Vec<Entry>,
}

/// What became of a chain that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtBack {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record's id.
    pub id: RecordId,
    /// How many entries of it there were.
    pub entries: usize,
    /// What became of them.
    pub outcome: Return,
}

/// What became of a chain that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Return {
    /// They are in the outbox again.
    Pending,
    /// They are in the outbox again and parked: what they stand on was lost, and the record is not here; or they are
    /// of an older schema, and are migrated when the app starts next.
    Parked,
    /// They came back before.
    Already,
    /// Nothing yet: the record has newer writes here, which have to be settled first; or it is to be deleted, but what
    /// the delete stands on was lost, and it has not been pulled yet.
    Waits,
}
