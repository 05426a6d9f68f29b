//! What an engine keeps in memory: nothing that must survive it.
use super::listen::Listener;
use super::verify::Question;
use crate::model::{
    Checkpoint, CollectionName, ConnectorName, FeedKey, FeedName, Generation, MutationId, RecordId,
    RequestId,
};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// What an engine keeps between steps, besides the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The lease's generation, while this engine holds it.
    pub(super) generation: Option<Generation>,
    /// When it was taken.
    pub(super) taken: Option<Taken>,
    /// The requests that are under way.
    pub(super) open: BTreeMap<RequestId, Open>,
    /// What each connector did last, so that the kinds of exchange take turns.
    pub(super) last: BTreeMap<ConnectorName, Kind>,
    /// Entries of each connector that may be written now: see `check`.
    pub(super) checked: BTreeMap<ConnectorName, Checked>,
    /// The feed that each connector pulled last, so that its feeds take turns.
    pub(super) last_feed: BTreeMap<ConnectorName, FeedName>,
    /// The host's network signal: what it believes, not what is.
    pub(super) offline: bool,
    /// Monotonic time of the last probe that a signal caused, perhaps still to come.
    pub(super) signalled_ms: Option<u64>,
    /// Whether the host keeps connections open for hints.
    pub(super) listens: bool,
    /// The connectors' ears.
    pub(super) listeners: BTreeMap<ConnectorName, Listener>,
    /// Feeds of which a hint came while a page was on its way.
    pub(super) hinted: BTreeSet<FeedKey>,
    /// Monotonic time at which each feed was last pulled to its end.
    pub(super) pulled_ms: BTreeMap<FeedKey, u64>,
    /// Whether the session ended; as the file said when the lease was taken, and only its holder changes that.
    pub(super) logged_out: bool,
    /// Whether the app stopped sync.
    pub(super) stopped: bool,
    /// Connectors whose credentials were asked for at this revision.
    pub(super) asked: BTreeSet<(ConnectorName, u64)>,
}

/// The moment at which the lease was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) wall_ms: u64,
    pub(super) monotonic_ms: u64,
}

/// A request that is under way.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) connector: ConnectorName,
    pub(super) asked: Asked,
    /// The credentials' revision that it went out with.
    pub(super) revision: u64,
    /// Whether a write was accepted since it was asked, so that what it reads may be past.
    pub(super) stale: bool,
    /// Monotonic time until which an answer is waited for.
    pub(super) deadline_ms: u64,
}

/// What a request asked for: an answer is used only where that is still wanted.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// The page of a feed after this checkpoint, in this pass.
    Pull {
        feed: FeedKey,
        checkpoint: Option<Checkpoint>,
        pass: Option<u64>,
    },
    Push,
    Fetch(Vec<(CollectionName, RecordId)>),
    /// Records that carry the marks of entries.
    Marks(Vec<(CollectionName, MutationId)>),
    /// Records that are to be written next.
    Check(Vec<(CollectionName, RecordId, MutationId)>),
    Probe,
    /// Digests of a feed at this checkpoint.
    Digest {
        feed: FeedKey,
        checkpoint: Checkpoint,
        question: Question,
    },
    /// The records of a feed that differ.
    Mend(FeedKey),
}

impl Asked {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Asked::Pull { .. } => Kind::Pull,
            Asked::Push => Kind::Push,
            Asked::Fetch(_) | Asked::Marks(_) | Asked::Check(_) => Kind::Fetch,
            Asked::Probe => Kind::Probe,
            Asked::Digest { .. } | Asked::Mend(_) => Kind::Verify,
        }
    }
}

/// The kinds of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Push,
    Fetch,
    Pull,
    /// Takes no turn: it goes before all others.
    Probe,
    /// Takes no turn: it goes on when there is nothing else to do.
    Verify,
}

impl Kind {
    /// The order in which a connector's kinds of exchange take turns after this one.
    pub(super) fn turns(after: Option<Kind>) -> [Kind; 3] {
        match after {
            Some(Kind::Push) => [Kind::Fetch, Kind::Pull, Kind::Push],
            Some(Kind::Fetch) => [Kind::Pull, Kind::Push, Kind::Fetch],
            Some(Kind::Pull | Kind::Probe | Kind::Verify) | None => {
                [Kind::Push, Kind::Fetch, Kind::Pull]
            }
        }
    }
}

/// Entries whose records were just read.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked {
    pub(super) entries: BTreeSet<MutationId>,
    /// Monotonic time until which that counts.
    pub(super) until_ms: u64,
}

impl Checked {
    pub(super) fn covers(&self, entry: MutationId, now_ms: u64) -> bool {
        self.until_ms > now_ms && self.entries.contains(&entry)
    }
}

impl Memory {
    /// Whether an exchange with a connector is under way.
    pub(super) fn is_busy(&self, connector: &ConnectorName) -> bool {
        self.open.values().any(|open| &open.connector == connector)
    }

    /// Whether a page of a feed is on its way.
    pub(super) fn is_pulled(&self, key: &FeedKey) -> bool {
        let feeds = self.open.values().filter_map(|open| match &open.asked {
            Asked::Pull { feed, .. } => Some(feed),
            _ => None,
        });
        feeds.into_iter().any(|feed| feed == key)
    }

    /// Whether a backend tells when something changes.
    pub(super) fn is_listening(&self, connector: &ConnectorName) -> bool {
        self.listeners
            .get(connector)
            .is_some_and(Listener::is_alive)
    }
}
