//! What the handles of a replica and its sync worker share.
use crate::builder::MakeHttp;
use crate::credentials::Credentials;
use crate::events::Notice;
use crate::local::{Gate, Local};
use crate::policies::Functions;
use crate::readers::Readers;
use crate::watchers::Watchers;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tisync_connect::Connector;
use tisync_core::model::{Config, ConnectorName, Event};

/// A configured backend.
pub(crate) struct Backend {
    pub(crate) make: Arc<dyn Fn() -> Box<dyn Connector> + Send + Sync>,
    pub(crate) credentials: Option<Credentials>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// What the handles of a replica and its sync worker share.
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) config: Config,
    pub(crate) gate: Gate,
    pub(crate) local: Local,
    pub(crate) readers: Readers,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) backends: BTreeMap<ConnectorName, Backend>,
    pub(crate) functions: Functions,
    pub(crate) http: Arc<MakeHttp>,
    pub(crate) traffic: Traffic,
    /// The connectors with an exchange under way.
    pub(crate) busy: Mutex<BTreeSet<ConnectorName>>,
    /// The connectors whose backends give hints now.
    pub(crate) listening: Mutex<BTreeSet<ConnectorName>>,
    /// Whether the worker watches the addresses of this device.
    pub(crate) monitors: bool,
    /// Whether the storage refused the worker's last step.
    pub(crate) storage_refused: AtomicBool,
    /// Whether sync runs in the background.
    pub(crate) running: AtomicBool,
}

impl Shared {
    /// Notes whether this replica holds the lease.
    pub(crate) fn set_leased(&self, leased: bool) {
        self.watchers.sights.leased.store(leased, Ordering::Release);
        self.health_changed();
    }

    /// Tells those who watch that the health has changed in a way that no step tells of.
    pub(crate) fn health_changed(&self) {
        self.watchers.tell(Notice::Event(Event::Health));
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one value, named by the caller"
    )]
    pub(crate) fn new(
        path: PathBuf,
        config: Config,
        gate: Gate,
        local: Local,
        watchers: Arc<Watchers>,
        backends: BTreeMap<ConnectorName, Backend>,
        functions: Functions,
        http: Arc<MakeHttp>,
        monitors: bool,
    ) -> Arc<Self> {
        Arc::new(Shared {
            readers: Readers::new(path.clone()),
            path,
            config,
            gate,
            local,
            watchers,
            backends,
            functions,
            http,
            traffic: Traffic::default(),
            busy: Mutex::default(),
            listening: Mutex::default(),
            monitors,
            storage_refused: AtomicBool::new(false),
            running: AtomicBool::new(false),
        })
    }
}

/// Counts what went over the wire since the replica was opened.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) pushed: AtomicU64,
    pub(crate) pulled: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl Traffic {
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            pushed: self.pushed.load(Ordering::Relaxed),
            pulled: self.pulled.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }
}

/// What went over the wire since the replica was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Mutations that the backends accepted.
    pub pushed: u64,
    /// Records that changed here because the backends' changed.
    pub pulled: u64,
    /// Exchanges with the backends.
    pub requests: u64,
}

impl Totals {
    /// What was added since `before`.
    pub fn since(&self, before: &Totals) -> Totals {
        Totals {
            pushed: self.pushed.saturating_sub(before.pushed),
            pulled: self.pulled.saturating_sub(before.pulled),
            requests: self.requests.saturating_sub(before.requests),
        }
    }
}
