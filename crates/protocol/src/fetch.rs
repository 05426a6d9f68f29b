//! `POST /v1/fetch`: some records, or what became of some mutations.
use crate::{Image, Verdict};
use serde::Serialize;
use tisync_json::Deserialize;

/// Asks for records by id, for verdicts by mutation, or for both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRequest {
    /// Records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<Wanted>,
    /// Ids of mutations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
}

/// One record that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The collection's name.
    pub collection: String,
    /// The record's id.
    pub id: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchAnswer {
    /// The identity of the server's history.
    pub epoch: String,
    /// One entry for each record that was asked for, in that order.
    #[serde(default)]
    pub found: Vec<Found>,
    /// One entry for each mutation that was asked for, in that order.
    #[serde(default)]
    pub receipts: Vec<MarkResult>,
    /// Whether records were left out because the answer grew too large: ask again for those missing.
    #[serde(default)]
    pub more: bool,
    /// The server's clock.
    pub server_time_ms: u64,
}

/// One record that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The collection's name.
    pub collection: String,
    /// The record's id.
    pub id: String,
    /// What the server holds of it.
    pub found: Image,
}

/// What became of one mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkResult {
    /// The mutation's id.
    pub id: String,
    /// Its final verdict; none if it never came, was not final, or is older than the server remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}
