//! `POST /v1/digest`: a count and a hash of what a collection holds, to find drift.
use serde::{Deserialize, Serialize};

/// Asks for digests of whole collections, of ranges of ids, or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRequest {
    /// Whole collections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Parts of collections, to narrow a difference down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<DigestRange>,
}

/// The records of a collection whose ids lie in `(after, until]`, compared as UTF-8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRange {
    /// The collection's name.
    pub collection: String,
    /// The id before the first; none begins at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The last id; none goes to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The digests that were asked for: collections first, then ranges, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestAnswer {
    /// The identity of the server's history.
    pub epoch: String,
    /// The checkpoint at which the digests were taken: compare with a replica that stands there.
    pub checkpoint: String,
    /// The digests.
    pub digests: Vec<Digest>,
    /// The server's clock.
    pub server_time_ms: u64,
}

/// How many live records there are, and a hash that is the same for the same ids and versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The collection's name.
    pub collection: String,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Live records.
    pub count: u64,
    /// The sum, modulo 2^64, of `hash64(id ‖ 0x00 ‖ version)` over them: 16 hexadecimal digits.
    pub hash: String,
}

impl Digest {
    /// The part of the sum that one record adds.
    pub fn term(id: &str, version: &str) -> u64 {
        tisync_json::hash64(&[id.as_bytes(), &[0], version.as_bytes()].concat())
    }
    /// How a sum is written.
    pub fn hash_text(sum: u64) -> String {
        format!("{sum:016x}")
    }
}
