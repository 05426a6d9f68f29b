//! `GET /v1/about`: who answers, and its limits.
use serde::Serialize;
use tisync_json::Deserialize;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The protocol's number, 1.
    pub protocol: u32,
    /// The product's name and version.
    pub product: String,
    /// The identity of the server's history.
    pub epoch: String,
    /// All epochs, oldest first, each with the number of the last version that it took over: 0 for the
    /// first, the restore point for the others.
    pub epochs: Vec<(String, u64)>,
    /// The latest version.
    pub seq: String,
    /// Deletions up to this version are forgotten: a checkpoint before it has expired.
    pub horizon: String,
    /// How long receipts are kept: a mutation without a verdict for longer than this must be checked by
    /// reading its record, not sent again.
    pub receipts_kept_ms: u64,
    /// What a request may hold.
    pub limits: Limits,
    /// The server's clock.
    pub server_time_ms: u64,
}

/// What a request may hold, and an answer will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Mutations of one push, and so of one group.
    pub push_mutations_max: u64,
    /// Bytes of one push, unpacked.
    pub push_bytes_max: u64,
    /// Items of one page.
    pub pull_items_max: u64,
    /// Bytes of one page's items.
    pub pull_bytes_max: u64,
    /// Records, mutations or ranges of one fetch or digest.
    pub fetch_max: u64,
    /// Bytes of one document.
    pub document_bytes_max: u64,
}
