//! Verification: whether what is here agrees with what the server has.
use super::{Checkpoint, CollectionName, Deadline, IdRange, RecordId, Tally, Version};
use serde::Serialize;
use tisync_json::Deserialize;

/// Where the verification of a feed stands. What is here is compared with the server's digests once a day
/// when nothing else is to be done, and when somebody asks; a record that differs although nothing explains
/// it is *drift*, and is mended in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// When to begin, or to go on; `None` means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Deadline>,
    /// Failures, or answers that came too late to compare, in a row.
    #[serde(default)]
    pub attempts: u32,
    /// What is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Box<Progress>>,
    /// Wall time when everything agreed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_ms: Option<u64>,
    /// What the last one found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Findings>,
}

/// What a verification found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Wall time when it ended.
    pub ended_ms: u64,
    /// Records that differed and were mended.
    pub mended: u64,
    /// Records that differ and could not be mended.
    pub left: u64,
}

/// A verification that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether the documents are compared too.
    pub contents: bool,
    /// Where the feed stood when `counted` was counted.
    pub checkpoint: Option<Checkpoint>,
    /// Where to go on counting: the collection, and the last id that was counted.
    pub place: Option<(CollectionName, Option<RecordId>)>,
    /// What was counted, in order; once it is known to differ as a whole, the parts still to be compared.
    pub counted: Vec<Counted>,
    /// Whether the collections of `counted` are known to differ.
    pub differs: bool,
    /// Ranges that differ, the next one last.
    pub ranges: Vec<IdRange>,
    /// Records that differ, to be fetched.
    pub records: Vec<Differing>,
    /// Records of the last range that differ only in their schema: the server's copy, brought forward, is ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrated: Vec<Differing>,
    /// Fetches in a row that mended nothing.
    pub stuck: u32,
    /// Whether everything was pulled anew already, because too much differed.
    pub walked: bool,
    /// Records mended so far.
    pub mended: u64,
    /// Records given up so far.
    pub left: u64,
}

/// A range with what is here of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The range.
    pub range: IdRange,
    /// Count and sum.
    pub tally: Tally,
}

/// A record that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    /// Its collection.
    pub collection: CollectionName,
    /// Its id.
    pub id: RecordId,
    /// What it added to the sum here; `None` when it is not here. If that has changed when the server's record
    /// comes, the difference is no longer the one that was found.
    pub here: Option<u64>,
    /// The version that the server listed it with, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<Version>,
}

/// What people are told of a feed's verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Wall time when everything agreed last.
    pub at_ms: Option<u64>,
    /// Whether one is under way.
    pub comparing: bool,
    /// What the last one found.
    pub last: Option<Findings>,
}
