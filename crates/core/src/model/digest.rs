//! Digests: how many records a range of ids holds, and a hash of their ids and versions.
use super::{Checkpoint, CollectionName, FeedName, RecordId, Version};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::{Document, hash64};

/// The records of a collection whose ids lie in `(after, until]`, compared as UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The collection.
    pub collection: CollectionName,
    /// The id before the first; `None` begins at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RecordId>,
    /// The last id; `None` goes to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<RecordId>,
}

impl IdRange {
    /// All records of a collection.
    pub fn whole(collection: CollectionName) -> Self {
        IdRange {
            collection,
            after: None,
            until: None,
        }
    }
}

/// How many records there are, and a sum that is the same for the same ones in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The sum of [`term`], modulo 2^64.
    pub hash: u64,
}

impl Tally {
    /// Counts a record.
    pub fn add(&mut self, term: u64) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(term);
    }

    /// Counts the records of another range too.
    pub fn join(&mut self, other: Tally) {
        self.count += other.count;
        self.hash = self.hash.wrapping_add(other.hash);
    }
}

/// What a record adds to the sum: `hash64(id ‖ 0x00 ‖ version)`, and with its document
/// `hash64(id ‖ 0x00 ‖ version ‖ 0x00 ‖ canonical document)`.
///
/// ```
/// use tisync_core::model::{RecordId, Version, term};
/// let (id, version) = (RecordId::new("a")?, Version::new("e.1")?);
/// assert_eq!(term(&id, Some(&version), None), tisync_json::hash64(b"a\0e.1"));
/// # Ok::<(), tisync_core::model::NameError>(())
/// ```
pub fn term(id: &RecordId, version: Option<&Version>, document: Option<&Document>) -> u64 {
    let version = version.map_or("", Version::as_str);
    let mut bytes = Vec::with_capacity(id.as_str().len() + version.len() + 1);
    bytes.extend_from_slice(id.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(version.as_bytes());
    if let Some(document) = document {
        bytes.push(0);
        bytes.extend_from_slice(document.canonical().as_bytes());
    }
    hash64(&bytes)
}

/// Asks for the digests of ranges at a place of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRequest {
    /// The feed within its connector.
    pub feed: FeedName,
    /// Where this replica stands.
    pub at: Checkpoint,
    /// The ranges.
    pub ranges: Vec<IdRange>,
    /// The records of ranges that hold at most so many are listed.
    pub list_max: Option<usize>,
    /// Whether the documents count too.
    pub contents: bool,
}

/// The digests, or the place that the feed has come to since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestAnswer {
    /// Where they were taken: as asked, unless something was written since.
    pub at: Checkpoint,
    /// The digests in the order of the request; none when the place is another one.
    pub digests: Vec<Digest>,
}

/// What the server holds of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Count and sum.
    pub tally: Tally,
    /// The records, where they were asked for and are few.
    pub records: Option<Vec<Listed>>,
}

/// One record of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: RecordId,
    /// Its version, where the backend has versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// What it adds to the sum.
    pub term: u64,
}
