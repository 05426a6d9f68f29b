//! What the connector asks the backend for, and what comes back: both as JSON.
use serde::{Deserialize, Serialize};
use tisync_core::model::{CollectionName, PushItem, RecordId, Stamp, Version, Wanted};
use tisync_json::Document;

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Query {
    /// Rows of a collection.
    Rows {
        collection: CollectionName,
        which: Which,
        limit: usize,
    },
    /// Writes.
    Push(Vec<PushItem>),
    /// Records by id or by mark.
    Fetch(Wanted),
    /// Whether it is there.
    About,
}

/// Which rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Which {
    /// Those of later commits.
    After(u64),
    /// Those changed at a time or later, in the order of (time, id); those behind a row, when it is named.
    Since { ms: u64, behind: Option<RecordId> },
    /// All, in the order of ids, from a place on.
    From(usize),
    /// All, in the order of ids, behind one.
    Behind(Option<RecordId>),
}

/// A page of rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Whether none follows.
    pub(super) is_last: bool,
    pub(super) now_ms: u64,
}

/// A row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) id: RecordId,
    /// The document; `None` for a deletion, where those show.
    pub(super) document: Option<Document>,
    pub(super) version: Option<Version>,
    pub(super) number: u64,
    pub(super) at_ms: u64,
    pub(super) stamp: Stamp,
    /// Whether it is out of the asking device's scope.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) hidden: bool,
}
