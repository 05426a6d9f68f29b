//! What a step asks of the driver.
use super::{
    BroughtBack, CollectionName, ConnectorName, Decide, JournalId, Migrate, NetworkState, Order,
    RecordId, RequestId, Written,
};
use serde::Serialize;
use tisync_json::Deserialize;

/// What a step asks of the driver, or tells the app; handed out only after the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Give this to the connector.
    Order(Order),
    /// Ask the app's policy functions; the answer is a `Decision`.
    Decide(Box<Decide>),
    /// Ask the app's migrate function; the answer is a `Migrated`.
    Migrate(Box<Migrate>),
    /// Give the same answer again from this place.
    Continue {
        /// The request.
        request: RequestId,
        /// The place.
        from: usize,
    },
    /// The page that came for this request was stored, all of it: the feed has moved to the place after it.
    Stored(RequestId),
    /// Step a `Wake` at this monotonic time; replaces the former.
    WakeAt {
        /// The time; `None` when nothing waits for time.
        monotonic_ms: Option<u64>,
    },
    /// Ask the provider for newer credentials than this revision.
    CredentialsNeeded {
        /// For this connector.
        connector: ConnectorName,
        /// The revision that was refused.
        revision: u64,
    },
    /// What the writes of this step became.
    Written(Vec<Written>),
    /// What became of the pending writes of this step's lifeboat.
    BroughtBack(Vec<BroughtBack>),
    /// The places of the chains that this step was to give up, and that stay.
    Stay(Vec<usize>),
    /// What changed for the app.
    Event(Event),
}

/// What changed for the app: one a step and collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Visible documents changed.
    Changed {
        /// The collection.
        collection: CollectionName,
        /// The records, with what happened to each.
        records: Vec<(RecordId, ChangeKind)>,
        /// Whether the change came from the server.
        remote: bool,
    },
    /// A record has the id now that the server made for it. The former one goes on resolving. A record that was shown
    /// under the new id before is this one.
    Mapped {
        /// The collection.
        collection: CollectionName,
        /// The id that it had.
        former: RecordId,
        /// The id that it has.
        id: RecordId,
    },
    /// A decision was journalled.
    Journalled {
        /// The collection.
        collection: CollectionName,
        /// The record.
        id: RecordId,
        /// The journal's row.
        row: JournalId,
    },
    /// A conflict was opened or got a newer remote.
    ConflictOpened {
        /// The collection.
        collection: CollectionName,
        /// The record.
        id: RecordId,
    },
    /// A conflict was settled.
    ConflictClosed {
        /// The collection.
        collection: CollectionName,
        /// The record.
        id: RecordId,
    },
    /// An entry was parked.
    Parked {
        /// The collection.
        collection: CollectionName,
        /// The record.
        id: RecordId,
        /// The server's reason.
        reason: String,
    },
    /// The way to a backend opened or closed.
    Network {
        /// The backend's connector.
        connector: ConnectorName,
        /// How far requests get now.
        state: NetworkState,
    },
    /// Records differed from the server although nothing explains it, and were mended.
    Mended {
        /// The collection.
        collection: CollectionName,
        /// The records.
        ids: Vec<RecordId>,
    },
    /// The state of sync changed: read the health.
    Health,
}

/// What happened to a visible record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It appeared.
    Added,
    /// It changed.
    Updated,
    /// It went.
    Removed,
}
