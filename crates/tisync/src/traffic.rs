//! Counters of what goes over the wire.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tisync_core::model::ConnectorName;

/// What went over the wire since the replica was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Requests that were sent to the backends.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_sent: u64,
    /// Bytes of the answers' bodies, after decoding.
    pub bytes_received: u64,
    /// Records that changed here because the backends' changed.
    pub pulled: u64,
    /// Mutations that the backends accepted.
    pub pushed: u64,
    /// How often a record was found changed on both sides: decided by a policy, or opened for a person.
    pub conflicts: u64,
    /// Exchanges that were tried again after one of their kind had failed.
    pub retries: u64,
}

impl Totals {
    /// What was added since `before`.
    pub fn since(&self, before: &Totals) -> Totals {
        self.with(before, u64::saturating_sub)
    }

    /// Both together.
    pub fn and(&self, other: &Totals) -> Totals {
        self.with(other, u64::saturating_add)
    }

    fn with(&self, other: &Totals, join: impl Fn(u64, u64) -> u64) -> Totals {
        Totals {
            requests: join(self.requests, other.requests),
            bytes_sent: join(self.bytes_sent, other.bytes_sent),
            bytes_received: join(self.bytes_received, other.bytes_received),
            pulled: join(self.pulled, other.pulled),
            pushed: join(self.pushed, other.pushed),
            conflicts: join(self.conflicts, other.conflicts),
            retries: join(self.retries, other.retries),
        }
    }
}

/// The counters of one connector.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) bytes_received: Counter,
    pub(crate) pulled: Counter,
    pub(crate) pushed: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) retries: Counter,
}

impl Counters {
    fn totals(&self) -> Totals {
        Totals {
            requests: self.requests.get(),
            bytes_sent: self.bytes_sent.get(),
            bytes_received: self.bytes_received.get(),
            pulled: self.pulled.get(),
            pushed: self.pushed.get(),
            conflicts: self.conflicts.get(),
            retries: self.retries.get(),
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of all connectors.
#[derive(Debug)]
pub(crate) struct Traffic {
    by_connector: BTreeMap<ConnectorName, Arc<Counters>>,
}

impl Traffic {
    pub(crate) fn new<'a>(connectors: impl Iterator<Item = &'a ConnectorName>) -> Self {
        Traffic {
            by_connector: connectors
                .map(|name| (name.clone(), Arc::default()))
                .collect(),
        }
    }

    /// The counters of a connector.
    pub(crate) fn of(&self, connector: &ConnectorName) -> Option<&Arc<Counters>> {
        self.by_connector.get(connector)
    }

    pub(crate) fn by_connector(&self) -> BTreeMap<ConnectorName, Totals> {
        self.by_connector
            .iter()
            .map(|(name, counters)| (name.clone(), counters.totals()))
            .collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.by_connector
            .values()
            .fold(Totals::default(), |all, one| all.and(&one.totals()))
    }
}
