//! The durable state of feeds and connectors.
use super::{
    Checkpoint, CollectionName, ConnectorName, Deadline, EpochInfo, FeedName, NetworkState,
    RecordId, Verification,
};
use serde::Serialize;
use tisync_json::Deserialize;

/// The key of a feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeedKey {
    /// Its connector.
    pub connector: ConnectorName,
    /// Its name there.
    pub feed: FeedName,
}

/// Where a feed stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedState {
    /// The place up to which everything is stored.
    pub checkpoint: Option<Checkpoint>,
    /// The server's history when it was stored.
    pub epoch: Option<EpochInfo>,
    /// Whether another answer has named a history that this feed has not told of: until its next page comes,
    /// nothing can be judged.
    #[serde(default)]
    pub unheard: bool,
    /// Whether the last page said that there is more.
    pub behind: bool,
    /// A complete walk in progress.
    pub pass: Option<Pass>,
    /// When to pull next; `None` means now.
    pub next: Option<Deadline>,
    /// When to walk from the beginning again, where the backend shows no deletes.
    #[serde(default)]
    pub walk: Option<Deadline>,
    /// Failures in a row.
    pub attempts: u32,
    /// Restarts of this feed in the current epoch.
    pub restarts: u32,
    /// Wall time of the last page that was stored.
    pub last_ok_ms: Option<u64>,
    /// Wall time of the last moment at which the feed was at its end.
    pub complete_ms: Option<u64>,
    /// The last failure, for a person.
    pub last_error: Option<String>,
    /// Whether what is here agrees with the server.
    #[serde(default)]
    pub verification: Verification,
}

impl FeedState {
    /// Whether the server goes by a history that is not compared with what is here yet: nothing is pushed.
    pub fn is_new_history(&self) -> bool {
        let compares = |pass: &Pass| pass.reason == PassReason::Epoch;
        self.unheard || self.pass.as_ref().is_some_and(compares)
    }
}

/// A complete walk through a listing, to find what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Its number: rows seen carry it.
    pub number: u64,
    /// Why it is walked.
    pub reason: PassReason,
    /// Whether the listing's end was reached: the sweep goes on from `place`.
    pub sweeping: bool,
    /// How far the sweep got: the collection, and the last id that was looked at.
    pub place: Option<(CollectionName, Option<RecordId>)>,
    /// Whether the sweep has looked at everything: the pass ends when no suspicion is left.
    #[serde(default)]
    pub swept: bool,
    /// The blocker `shrink confirmation`: how many records the sweep would delete.
    pub shrink: Option<Shrink>,
}

/// Why a pass is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassReason {
    /// The first walk of a listing.
    First,
    /// The checkpoint was too old.
    Expired,
    /// The server's history changed.
    Epoch,
    /// The backend shows no deletes.
    Listing,
    /// Asked for by the user.
    Asked,
    /// Too much differs from the server to be mended record by record.
    Drift,
}

/// A sweep that stopped because it would delete too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrink {
    /// Records that would go.
    pub missing: u64,
    /// Records in the collections.
    pub total: u64,
    /// Suspects still to be fetched before asking.
    pub probing: bool,
    /// Whether a person allowed it.
    pub confirmed: bool,
    /// Wall time since when.
    pub since_ms: u64,
}

/// Where a connector's push side stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorState {
    /// When to push next; `None` means now.
    pub next: Option<Deadline>,
    /// Until when the server asked to be left alone, by anything.
    #[serde(default)]
    pub not_before: Option<Deadline>,
    /// Failures in a row.
    pub attempts: u32,
    /// Mutations in one push after `TooLarge`; `None` for the usual limit.
    pub items_max: Option<usize>,
    /// The credentials' revision that was refused.
    pub refused: Option<u64>,
    /// The credentials' revision in use.
    pub revision: u64,
    /// Whether the server asks for a newer app.
    pub upgrade_required: bool,
    /// How far requests get.
    #[serde(default)]
    pub network: NetworkState,
    /// When to probe: before anything else once it is due, and as long as the backend is not reached.
    #[serde(default)]
    pub probe: Option<Deadline>,
    /// Probes in a row that failed.
    #[serde(default)]
    pub probes: u32,
    /// The server's clock minus ours, in milliseconds, when last heard.
    pub skew_ms: i64,
    /// The last failure, for a person.
    pub last_error: Option<String>,
}

/// A record that a complete pass did not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Its collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: super::Rid,
    /// Its id.
    pub id: RecordId,
    /// The pass that missed it.
    pub pass: u64,
    /// How many passes in a row missed it.
    pub passes: u32,
}

/// A pulled row that could not be applied, kept with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its number; 0 until the store gives one.
    pub number: i64,
    /// The feed that brought it.
    pub feed: FeedKey,
    /// Its collection, when that much is known.
    pub collection: Option<CollectionName>,
    /// The row's text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// Wall time of its arrival.
    pub at_ms: u64,
    /// The number of the schema of a row that is there, but that the app's migrate function could not bring
    /// forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
}
