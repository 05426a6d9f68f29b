//! `POST /v1/digest`: a count and a hash of what a collection holds, to find drift.
use serde::Serialize;
use tisync_json::Deserialize;

/// Asks for digests of whole collections, of ranges of ids, or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRequest {
    /// Whole collections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Parts of collections, to narrow a difference down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<DigestRange>,
    /// Where the asker stands in the feed. If something of the named collections was written since, a
    /// comparison would say nothing: then there are no digests, and the answer's checkpoint is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Digests of at most so many records come with the records' ids and versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_max: Option<u64>,
    /// Whether the documents count too, which the server has to read for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contents: bool,
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
    /// The checkpoint at which the digests were taken: compare with a replica that stands there. It is the
    /// request's `at` if nothing of the named collections was written since.
    pub checkpoint: String,
    /// The digests; none if the request's `at` no longer holds.
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
    /// The sum, modulo 2^64, of `hash64(id ‖ 0x00 ‖ version)` over them: 16 hexadecimal digits. With
    /// `contents` each term is `hash64(id ‖ 0x00 ‖ version ‖ 0x00 ‖ canonical document)`.
    pub hash: String,
    /// The records in the order of their ids, if they are at most `list_max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<Listed>>,
}

/// One record of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The record's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// With `contents`: its term of the sum, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Digest {
    /// The part of the sum that one record adds.
    pub fn term(id: &str, version: &str) -> u64 {
        tisync_json::hash64(&[id.as_bytes(), &[0], version.as_bytes()].concat())
    }
    /// The part of the sum that one record adds when its document counts too.
    pub fn term_of_contents(id: &str, version: &str, document: &tisync_json::Document) -> u64 {
        let text = document.canonical();
        let parts = [
            id.as_bytes(),
            &[0],
            version.as_bytes(),
            &[0],
            text.as_bytes(),
        ];
        tisync_json::hash64(&parts.concat())
    }
    /// How a sum is written.
    pub fn hash_text(sum: u64) -> String {
        format!("{sum:016x}")
    }
}
