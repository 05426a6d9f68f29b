//! A record as the store keeps it.
use super::{Image, RecordId, Rid, Stamp, Stamps, Version};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;

/// How a record stands to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// No pending mutation: the document is its base.
    Clean,
    /// Pending mutations, or a remote not yet reconciled: see [`Dirty`].
    Dirty,
    /// Accepted without an image: the document is our guess until the server shows its own. Or accepted by a server
    /// whose reads may be older than that, until one is not.
    Provisional,
    /// Imported locally: never pushed until matched or adopted.
    Unconfirmed,
    /// Deleted; the row stays while something refers to it.
    Tombstone,
}

impl RecordState {
    /// Every state.
    pub const ALL: [RecordState; 5] = [
        RecordState::Clean,
        RecordState::Dirty,
        RecordState::Provisional,
        RecordState::Unconfirmed,
        RecordState::Tombstone,
    ];
}

/// A record as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The store's key.
    pub rid: Rid,
    /// The id that app and server use.
    pub id: RecordId,
    /// The version of the base; for a clean record, of the document.
    pub version: Option<Version>,
    /// How it stands to the server.
    pub state: RecordState,
    /// What the app sees; `None` when deleted (or when only the head was loaded).
    pub document: Option<Document>,
    /// The server's stamp of the base, where the backend has one.
    pub stamp: Option<Stamp>,
    /// The number of the schema that its base has, and for a record without a chain its document.
    pub schema: u32,
    /// Whether its base was brought to that schema here: the server's document is of an older one, which a patch
    /// would not fit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub migrated: bool,
}

/// The side row of a dirty record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// The server image that the pending chain started from.
    pub base: Image,
    /// A newer server image, seen but not yet reconciled.
    pub remote: Option<Remote>,
    /// Whether the base is our guess of what the server has: it accepted a write without showing its own image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

/// A server image with its version and stamps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// The image.
    pub image: Image,
    /// Its version; `None` when the server gave none.
    pub version: Option<Version>,
    /// The record's stamp, where the backend has one.
    pub stamp: Option<Stamp>,
    /// Stamps by field, where the backend has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<Stamps>,
    /// The number of the schema that its document has; `None` when the backend does not tell: then it is taken
    /// for the app's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// Whether the document was brought to that schema here: the server's is of an older one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub migrated: bool,
    /// Whether the record is there, but no longer ours to see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_scope: bool,
}

impl From<Image> for Remote {
    /// An image of a backend that tells no more than that.
    fn from(image: Image) -> Self {
        Remote {
            image,
            version: None,
            stamp: None,
            stamps: None,
            schema: None,
            migrated: false,
            out_of_scope: false,
        }
    }
}
