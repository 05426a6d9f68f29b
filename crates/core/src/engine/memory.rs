//! What an engine keeps in memory: nothing that must survive it.
use crate::limits;
use crate::model::{ConnectorName, FeedName, Generation, RequestId, Task};
use std::collections::{BTreeMap, BTreeSet};

/// What an engine keeps between steps, besides the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The lease's generation, while this engine holds it.
    pub(super) generation: Option<Generation>,
    /// The requests that are under way.
    pub(super) open: BTreeMap<RequestId, Open>,
    /// What each connector did last, so that pushes and pulls alternate.
    pub(super) last: BTreeMap<ConnectorName, Kind>,
    /// The host's network signal.
    pub(super) offline: bool,
    /// Whether the app stopped sync.
    pub(super) stopped: bool,
    /// Connectors whose credentials were asked for at this revision.
    pub(super) asked: BTreeSet<(ConnectorName, u64)>,
}

/// A request that is under way.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) connector: ConnectorName,
    pub(super) kind: Kind,
    /// The feed, for a pull.
    pub(super) feed: Option<FeedName>,
    /// Monotonic time until which an answer is waited for.
    pub(super) deadline_ms: u64,
}

/// The kinds of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pull,
    Push,
    Fetch,
}

impl Open {
    pub(super) fn new(connector: ConnectorName, task: &Task, monotonic_ms: u64) -> Self {
        let (kind, feed) = match task {
            Task::Pull(pull) => (Kind::Pull, Some(pull.feed.clone())),
            Task::Push(_) => (Kind::Push, None),
            Task::Fetch(_) => (Kind::Fetch, None),
        };
        Open {
            connector,
            kind,
            feed,
            deadline_ms: monotonic_ms + limits::REQUEST_DEADLINE_MS,
        }
    }
}

impl Memory {
    /// Whether an exchange with a connector is under way.
    pub(super) fn is_busy(&self, connector: &ConnectorName) -> bool {
        self.open.values().any(|open| &open.connector == connector)
    }
}
