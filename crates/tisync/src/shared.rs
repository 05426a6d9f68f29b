//! What the handles of a replica and its sync worker share.
use crate::Error;
use crate::builder::MakeHttp;
use crate::credentials::Credentials;
use crate::events::Notice;
use crate::local::Local;
use crate::migrations::Migrations;
use crate::policies::Functions;
use crate::readers::Readers;
use crate::traffic::Traffic;
use crate::watchers::Watchers;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tisync_connect::Connector;
use tisync_core::model::{Account, Config, ConnectorName, Event, Input};
use tisync_store::Key;

/// A configured backend.
#[derive(Clone)]
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
    pub(crate) key: Option<Key>,
    pub(crate) config: Config,
    pub(crate) local: Local,
    pub(crate) readers: Readers,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) backends: BTreeMap<ConnectorName, Backend>,
    pub(crate) functions: Functions,
    pub(crate) migrations: Migrations,
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
        key: Option<Key>,
        config: Config,
        local: Local,
        watchers: Arc<Watchers>,
        backends: BTreeMap<ConnectorName, Backend>,
        functions: Functions,
        migrations: Migrations,
        http: Arc<MakeHttp>,
        monitors: bool,
    ) -> Arc<Self> {
        Arc::new(Shared {
            readers: Readers::new(path.clone(), key.clone()),
            path,
            key,
            config,
            local,
            watchers,
            traffic: Traffic::new(backends.keys()),
            backends,
            functions,
            migrations,
            http,
            busy: Mutex::default(),
            listening: Mutex::default(),
            monitors,
            storage_refused: AtomicBool::new(false),
            running: AtomicBool::new(false),
        })
    }
}

impl Shared {
    /// Makes the file an account's, or says whose it is.
    pub(crate) fn own(&self, account: &str) -> Result<(), Error> {
        let account = Account::new(account)?;
        self.local.step(Input::Own(account)).map(drop)
    }
}
