//! `POST /v1/push`: mutations go up, verdicts come back.
use crate::{Image, Mutation};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;

/// A batch of mutations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The mutations; no two with one id.
    pub mutations: Vec<Mutation>,
}

/// The verdict on each mutation of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAnswer {
    /// The identity of the server's history.
    pub epoch: String,
    /// One result a mutation; find them by `id`.
    pub results: Vec<PushResult>,
    /// The server's clock.
    pub server_time_ms: u64,
}

/// The verdict on one mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushResult {
    /// The mutation's id.
    pub id: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a mutation: `{"accepted": {…}}`, …, `"out-of-scope"`, `"outdated"`,
/// `"returned"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It took effect; final, kept as a receipt.
    Accepted(Accepted),
    /// Its precondition does not hold; nothing was changed.
    Conflict(Conflict),
    /// It will never be taken; final, kept as a receipt.
    Rejected(Rejected),
    /// Not now.
    Deferred(Deferred),
    /// The record is not, or no longer, this client's to write.
    OutOfScope,
    /// Its schema is older than the server takes; nothing was changed.
    Outdated,
    /// Nothing is wrong with it, but another member of its group kept the group from taking effect.
    Returned,
}

/// A mutation took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The record's version since.
    pub version: String,
    /// The document that resulted, if it is not the one that the mutation carried.
    #[serde(rename = "doc", default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
    /// With a document, the number of the schema of the newest app that wrote it.
    #[serde(default, skip_serializing_if = "crate::mutation::is_zero")]
    pub schema: u32,
}

/// A mutation's precondition does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What is there instead.
    pub remote: Image,
}

/// A mutation will never be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// A short word for programs, for instance `bad-name`.
    pub code: String,
    /// A sentence for people: what was expected, what came.
    pub reason: String,
}

/// A mutation may be sent again later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Not before this many milliseconds have passed.
    pub after_ms: u64,
}
