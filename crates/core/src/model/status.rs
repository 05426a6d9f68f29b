//! Health: what waits, since when, and why.
use super::{
    Account, Blocker, CollectionName, ConnectorName, FeedKey, JournalRow, NetworkState, RecordId,
    Shrink, Verified,
};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// What waits, since when, and why: never better than the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Entries by state.
    pub outbox: OutboxCounts,
    /// Wall time of the oldest entry that the server has not answered; its age is what counts.
    pub oldest_pending_ms: Option<u64>,
    /// Open conflicts.
    pub conflicts: u64,
    /// Quarantined rows.
    pub quarantined: u64,
    /// Wall time since when the replica is logged out: nothing is exchanged until someone logs in.
    pub logged_out_ms: Option<u64>,
    /// The connectors.
    pub connectors: Vec<ConnectorHealth>,
    /// The feeds.
    pub feeds: Vec<FeedHealth>,
    /// Why entries wait.
    pub blockers: Vec<BlockerHealth>,
}

/// Entries that wait for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockerHealth {
    /// The reason.
    pub blocker: Blocker,
    /// How many wait for it.
    pub entries: u64,
    /// Wall time at which the oldest of them was written.
    pub oldest_ms: u64,
}

impl Health {
    /// Whether nothing waits to be sent, or for what became of it.
    pub fn is_pushed(&self) -> bool {
        let outbox = &self.outbox;
        outbox.pending == 0 && outbox.in_flight == 0 && outbox.unknown == 0
    }

    /// Whether everything is sent, everything is pulled, and nothing waits for anyone.
    pub fn is_synced(&self) -> bool {
        self.outbox.total() == 0
            && self.conflicts == 0
            && self.quarantined == 0
            && self
                .feeds
                .iter()
                .all(|feed| feed.complete_ms.is_some() && !feed.behind && feed.shrink.is_none())
    }
}

/// Whose file it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The account, once one was configured or named by the credentials; it never changes.
    pub account: Option<Account>,
    /// Where each connector's backend is.
    pub endpoints: BTreeMap<ConnectorName, String>,
    /// Wall time since when the replica is logged out.
    pub logged_out_ms: Option<u64>,
}

/// Entries of the outbox by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxCounts {
    /// Waiting to be sent.
    pub pending: u64,
    /// Handed out.
    pub in_flight: u64,
    /// Handed out, without an answer.
    pub unknown: u64,
    /// Held.
    pub held: u64,
    /// Refused and kept.
    pub parked: u64,
}

impl OutboxCounts {
    /// All entries.
    pub fn total(&self) -> u64 {
        self.pending + self.in_flight + self.unknown + self.held + self.parked
    }
}

/// The entries of one collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionOutbox {
    /// By state.
    pub counts: OutboxCounts,
    /// Wall time at which the oldest was written.
    pub oldest_ms: Option<u64>,
    /// Wall time at which the oldest pending one was written.
    pub oldest_pending_ms: Option<u64>,
}

impl CollectionOutbox {
    /// Both together.
    pub fn and(self, other: CollectionOutbox) -> CollectionOutbox {
        let oldest = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        CollectionOutbox {
            counts: OutboxCounts {
                pending: self.counts.pending + other.counts.pending,
                in_flight: self.counts.in_flight + other.counts.in_flight,
                unknown: self.counts.unknown + other.counts.unknown,
                held: self.counts.held + other.counts.held,
                parked: self.counts.parked + other.counts.parked,
            },
            oldest_ms: oldest(self.oldest_ms, other.oldest_ms),
            oldest_pending_ms: oldest(self.oldest_pending_ms, other.oldest_pending_ms),
        }
    }
}

/// The health of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorHealth {
    /// Its name.
    pub connector: ConnectorName,
    /// Why nothing is sent.
    pub blocker: Option<Blocker>,
    /// Milliseconds until the next attempt (a probe, while the backend is not reached), when one is waited for.
    pub next_ms: Option<u64>,
    /// Failures in a row, of what is sent or of probes.
    pub attempts: u32,
    /// Whether an exchange is under way.
    pub busy: bool,
    /// How far requests get.
    pub network: NetworkState,
    /// Whether the backend says when something changed; polls are rarer then.
    pub listening: bool,
    /// The last failure.
    pub last_error: Option<String>,
    /// The server's clock minus ours.
    pub skew_ms: i64,
    /// What each collection is promised.
    pub guarantees: Vec<(CollectionName, String)>,
}

/// The health of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHealth {
    /// The feed.
    pub feed: FeedKey,
    /// Whether there is more to pull that is known of.
    pub behind: bool,
    /// Wall time of the last page.
    pub last_ok_ms: Option<u64>,
    /// Wall time of the last moment at which it was at its end.
    pub complete_ms: Option<u64>,
    /// Milliseconds until the next pull.
    pub next_ms: Option<u64>,
    /// The blocker `shrink confirmation`.
    pub shrink: Option<Shrink>,
    /// The last failure.
    pub last_error: Option<String>,
    /// Whether what is here agrees with the server, where that can be told.
    pub verified: Option<Verified>,
}

/// What a sync would do, without doing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The record's collection.
    pub collection: CollectionName,
    /// Its id.
    pub id: RecordId,
    /// What would happen, for example `push patch` or `merge`.
    pub action: String,
    /// Why, or what holds it.
    pub note: Option<String>,
}

/// A record's history as far as this replica knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The record with its base and remote.
    pub record: Option<super::Record>,
    /// Base and remote, when it is dirty.
    pub dirty: Option<super::Dirty>,
    /// Its pending chain.
    pub entries: Vec<super::Entry>,
    /// Why the first of them is not answered yet; `None` when nothing of it waits.
    pub waits: Option<Waits>,
    /// Its open conflict.
    pub conflict: Option<super::Conflict>,
    /// Decisions about it, newest first.
    pub journal: Vec<JournalRow>,
    /// Former ids.
    pub aliases: Vec<RecordId>,
}

/// Why an entry is not answered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// The reason; `None` when it is its turn, or will be in `next_ms`.
    pub blocker: Option<Blocker>,
    /// Milliseconds until the next attempt, when one is waited for.
    pub next_ms: Option<u64>,
    /// The connector's last failure.
    pub last_error: Option<String>,
}
