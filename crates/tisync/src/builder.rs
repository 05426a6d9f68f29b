//! Opening a replica.
use crate::WriteDurability;
use crate::credentials::Credentials;
use crate::http::ReqwestHttp;
use crate::local::{Gate, Local};
use crate::lookout::Sights;
use crate::migrations::Migrations;
use crate::options::{CollectionOptions, IntoCollectionOptions};
use crate::policies::{FieldConflict, Functions};
use crate::replica::{Inner, Replica};
use crate::shared::{Backend, Shared};
use crate::watchers::Watchers;
use crate::{Error, ErrorKind, address, limits, storage};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tisync_connect::Connector;
use tisync_connect::connectors::Native;
use tisync_connect::http::Http;
use tisync_connect::settings::{self, Declared};
use tisync_core::model::{
    CollectionName, Config, ConnectorName, Decide, JournalLimits, Resolution,
};
use tisync_json::Value;
use tisync_json::tree::BTreeMap;
use tisync_store::Key;
use zeroize::Zeroizing;

/// The name of the only connector, when the app names none.
const MAIN: &str = "main";

/// Declares a replica: its file, its backends, its collections. Made by [`Replica::open`].
#[derive(Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct ReplicaBuilder {
    pub(crate) path: PathBuf,
    account: Option<String>,
    backends: BTreeMap<String, Backend>,
    poll_ms: BTreeMap<String, u64>,
    collections: BTreeMap<String, CollectionOptions>,
    functions: Functions,
    journal: JournalLimits,
    durability: WriteDurability,
    key: Option<Arc<KeyProvider>>,
    http: Option<Arc<MakeHttp>>,
    hints: BTreeMap<String, bool>,
    monitors: bool,
    moved_from: BTreeMap<String, String>,
    error: Option<Error>,
}

/// Gives out the key of the file.
type KeyProvider = dyn Fn() -> Result<Key, Error> + Send + Sync;

/// Makes the HTTP client inside the sync worker's thread.
pub(crate) type MakeHttp = dyn Fn() -> Result<Rc<dyn Http>, Error> + Send + Sync;

impl ReplicaBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        ReplicaBuilder {
            path,
            account: None,
            backends: BTreeMap::new(),
            poll_ms: BTreeMap::new(),
            collections: BTreeMap::new(),
            functions: Functions::default(),
            journal: JournalLimits::default(),
            durability: WriteDurability::default(),
            key: None,
            http: None,
            hints: BTreeMap::new(),
            monitors: true,
            moved_from: BTreeMap::new(),
            error: None,
        }
    }

    /// Syncs with a server that speaks the native protocol, through a connector named `main`.
    pub fn server(self, address: &str) -> Self {
        let native = Native::new(address);
        self.connector(MAIN, move || Box::new(native.clone()))
    }

    /// Adds a connector. The function is called in the sync worker's thread, so a connector need not be
    /// `Send`, and once more while opening, to ask what its backend can do.
    pub fn connector(
        mut self,
        name: &str,
        make: impl Fn() -> Box<dyn Connector> + Send + Sync + 'static,
    ) -> Self {
        self.backends.insert(
            name.to_owned(),
            Backend {
                make: Arc::new(make),
                credentials: None,
            },
        );
        self
    }

    /// Sets who gives out the credentials of every connector that was added so far and has none.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        for backend in self.backends.values_mut() {
            backend
                .credentials
                .get_or_insert_with(|| credentials.clone());
        }
        self
    }

    /// Sets the milliseconds between two polls of a connector's feeds.
    pub fn poll_ms(mut self, connector: &str, poll_ms: u64) -> Self {
        self.poll_ms.insert(connector.to_owned(), poll_ms);
        self
    }

    /// Says whether to keep a connection open on which a connector's backend says when something changed, where it
    /// can; by default yes, while sync runs in the background. Without, changes are found by polls.
    pub fn hints(mut self, connector: &str, on: bool) -> Self {
        self.hints.insert(connector.to_owned(), on);
        self
    }

    /// Says whether to watch the addresses of this device; by default yes, while sync runs. An app whose system
    /// tells it more passes that on by [`Replica::network`] instead.
    pub fn network_monitor(mut self, on: bool) -> Self {
        self.monitors = on;
        self
    }

    /// Says where a connector's backend was before it moved: a file that belongs to that address belongs to the
    /// new one from now on. A changed address without it is [`ErrorKind::WrongAccount`].
    pub fn moved_from(mut self, connector: &str, address: &str) -> Self {
        let address = address.trim_end_matches('/').to_owned();
        self.moved_from.insert(connector.to_owned(), address);
        self
    }

    /// Says whose data this is, where several accounts of one server are used on one device. A file belongs to one
    /// account for ever, and to the addresses of its backends; where the credentials say whose they are
    /// ([`crate::Token::of_account`]), this need not be said.
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Adds a collection: its policy's name (`"merge"`), a [`crate::model::Policy`], or all [`CollectionOptions`].
    pub fn collection(mut self, name: &str, options: impl IntoCollectionOptions) -> Self {
        match options.into_options() {
            Ok(options) => {
                self.collections.insert(name.to_owned(), options);
            }
            Err(error) => {
                self.error.get_or_insert(Error::new(
                    error.kind(),
                    format!("collection {name}: {error}"),
                ));
            }
        }
        self
    }

    /// Registers a function that decides about whole records, for the policy `function:NAME`.
    pub fn record_policy(
        mut self,
        name: &str,
        function: impl Fn(&Decide) -> Resolution + Send + Sync + 'static,
    ) -> Self {
        self.functions.add_record(name, function);
        self
    }

    /// Registers a function that decides about single fields, for the field rule `function:NAME`.
    pub fn field_policy(
        mut self,
        name: &str,
        function: impl Fn(&FieldConflict<'_>) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.functions.add_field(name, function);
        self
    }

    /// Sets how long and how much of the journal is kept.
    pub fn journal(mut self, limits: JournalLimits) -> Self {
        self.journal = limits;
        self
    }

    /// Sets what a local write survives once the call has returned; by default a power cut too.
    pub fn write_durability(mut self, durability: WriteDurability) -> Self {
        self.durability = durability;
        self
    }

    /// Encrypts the file with a key that a function gives out, such as one of the system's key store. It is asked once
    /// for each time that the file is opened, examined or set aside. A file keeps the key that it was made with, or
    /// none. Needs the feature `encryption`; `docs/ENCRYPTION.md` says what is encrypted, and what is not.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::{ErrorKind, Key, Replica};
    /// # let key_of_the_system = || [7; 32];
    /// let builder = Replica::open(dir.path().join("notes.db"))
    ///     .encryption_key(move || Ok(Key::raw(key_of_the_system())))
    ///     .collection("notes", "merge");
    /// match builder.open() {
    ///     Ok(replica) => replica.collection("notes")?.put("n1", r#"{"title": "Milk"}"#).map(drop)?,
    ///     // A wrong key, or a build without the feature: the file is as it was.
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::EncryptionKey),
    /// }
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn encryption_key(
        mut self,
        provider: impl Fn() -> Result<Key, Error> + Send + Sync + 'static,
    ) -> Self {
        self.key = Some(Arc::new(provider));
        self
    }

    /// Encrypts the file with the key in another file, written as [`Key::parse`] reads it.
    pub fn encryption_key_file(self, file: impl AsRef<Path>) -> Self {
        let file = file.as_ref().to_owned();
        self.encryption_key(move || key_in(&file))
    }

    /// Replaces the HTTP client, for instance by one with other certificates. The function is called in the
    /// sync worker's thread.
    pub fn http(
        mut self,
        make: impl Fn() -> Result<Rc<dyn Http>, Error> + Send + Sync + 'static,
    ) -> Self {
        self.http = Some(Arc::new(make));
        self
    }

    /// Opens the file, makes it if it is not there, and checks the configuration.
    pub fn open(mut self) -> Result<Replica, Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut config = self.config()?;
        let key = self.key()?;
        let gate: Gate = Arc::new(Mutex::new(storage::open(&self.path, key.as_ref())?));
        let watchers = Watchers::new(Sights {
            path: self.path.clone(),
            gate: gate.clone(),
            leased: Arc::default(),
        });
        let migrations = self.migrations()?;
        let local = Local::open(
            &self.path,
            key.as_ref(),
            gate,
            self.durability,
            &mut config,
            migrations.clone(),
            watchers.clone(),
        )?;
        let http = self.http.unwrap_or_else(own_client);
        let backends = self
            .backends
            .into_iter()
            .map(|(name, backend)| Ok((ConnectorName::new(name)?, backend)))
            .collect::<Result<_, Error>>()?;
        let shared = Shared::new(
            self.path,
            key,
            config,
            local,
            watchers,
            backends,
            self.functions,
            migrations,
            http,
            self.monitors,
        );
        Ok(Inner::handle(shared))
    }

    /// The HTTP client.
    pub(crate) fn client(&self) -> Result<Rc<dyn Http>, Error> {
        self.http.clone().unwrap_or_else(own_client)()
    }

    /// The connector that serves a collection, and its name.
    pub(crate) fn served(&self, collection: &str) -> Result<(&String, &Backend), Error> {
        let options = self.collections.get(collection).ok_or_else(|| {
            let known: Vec<&str> = self.collections.keys().map(String::as_str).collect();
            Error::new(
                ErrorKind::BadConfig,
                format!(
                    "expected one of the collections {}, but `{collection}` came",
                    known.join(", ")
                ),
            )
        })?;
        self.connector_of(collection, options)?.ok_or_else(|| {
            Error::new(
                ErrorKind::BadConfig,
                format!(
                    "expected the collection {collection} to have a connector, but it stays on this device"
                ),
            )
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The same with a key that was asked for already.
    pub(crate) fn keyed(mut self, key: Option<Key>) -> Self {
        if let Some(key) = key {
            self.key = Some(Arc::new(move || Ok(key.clone())));
        }
        self
    }

    /// The key of the file, if it is encrypted.
    pub(crate) fn key(&self) -> Result<Option<Key>, Error> {
        self.key.as_ref().map(|provider| provider()).transpose()
    }

    pub(crate) fn config(&self) -> Result<Config, Error> {
        let backends = self.backends.iter().map(|(name, backend)| {
            let backend = settings::Backend {
                connector: (backend.make)(),
                moved_from: self.moved_from.get(name).cloned(),
                poll_ms: self.poll_ms.get(name).copied().unwrap_or(limits::POLL_MS),
                live: self.hints.get(name).copied().unwrap_or(true),
            };
            address::has_no_secret(name, &backend.connector.endpoint())?;
            Ok((name.clone(), backend))
        });
        let declared = self.collections.iter().map(|(name, options)| {
            let declared = Declared {
                policy: options.policy.clone(),
                schema: options.schema.clone(),
                served: options.connector.clone(),
            };
            (name.clone(), declared)
        });
        let config = settings::config(
            self.account.as_deref(),
            &backends.collect::<Result<_, Error>>()?,
            &declared.collect(),
            self.journal,
        )?;
        for (name, collection) in &config.collections {
            self.functions.check(name.as_str(), collection)?;
        }
        Ok(config)
    }

    fn migrations(&self) -> Result<Migrations, Error> {
        let mut migrations = Migrations::default();
        for (name, options) in &self.collections {
            if let Some(function) = &options.migrate {
                migrations.add(CollectionName::new(name)?, function.clone());
            }
        }
        Ok(migrations)
    }

    fn connector_of(
        &self,
        collection: &str,
        options: &CollectionOptions,
    ) -> Result<Option<(&String, &Backend)>, Error> {
        Ok(settings::served(
            collection,
            &options.connector,
            &self.backends,
        )?)
    }
}

/// The client that is used when the app brings none.
fn own_client() -> Arc<MakeHttp> {
    Arc::new(|| Ok(Rc::new(ReqwestHttp::new()?) as Rc<dyn Http>))
}

/// Reads a key from a file.
fn key_in(file: &Path) -> Result<Key, Error> {
    let failed = |why: String| {
        let message = format!("expected a key in {}, but {why}", file.display());
        Error::new(ErrorKind::EncryptionKey, message)
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let text = Zeroizing::new(text);
    Key::parse(&text).map_err(|_| failed("it is empty".to_owned()))
}

impl fmt::Debug for ReplicaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaBuilder")
            .field("path", &self.path)
            .field("backends", &self.backends)
            .field("collections", &self.collections)
            .finish_non_exhaustive()
    }
}
