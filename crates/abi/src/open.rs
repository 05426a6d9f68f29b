//! Opens a replica.
use crate::host::{Call, Host};
use crate::hosted::{self, Hosted};
use crate::slots::Slots;
use crate::sql::HostDriver;
use serde::Serialize;
use std::cell::Cell;
use std::rc::Rc;
use tisync_connect::connectors::{self, Setup};
use tisync_connect::http::base_address;
use tisync_connect::settings::{self, Backend, CollectionSettings, Steps, WriteDurability};
use tisync_connect::{Connector, settings::Declared};
use tisync_connect::{Error, ErrorKind};
use tisync_core::limits;
use tisync_core::model::{
    CollectionName, Config, ConnectorName, FieldRule, JournalLimits, RequestId, Rule,
};
use tisync_core::store::{Durability, Op, Store, Tx};
use tisync_json::Deserialize;
use tisync_json::Quoted;
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Document, Object};
use tisync_store::SqliteStore;
use tisync_store::lists::{self, Outdated};

/// What the host opens a replica with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// 32 fresh random bytes in hexadecimal, from the host's best source: ids and keys are drawn from them.
    pub entropy: String,
    /// Whose data this is, where several accounts are used on one device.
    #[serde(default)]
    pub account: Option<String>,
    /// The backends by name.
    #[serde(default)]
    pub connectors: BTreeMap<String, ConnectorSettings>,
    /// The collections by name.
    #[serde(default)]
    pub collections: BTreeMap<String, CollectionSettings>,
    /// How many records one `run` stores at most; without it, a whole page.
    #[serde(default)]
    pub slice_items: Option<usize>,
    /// How many records are asked for at once.
    #[serde(default)]
    pub page_items: Option<usize>,
    /// How many bytes of documents are asked for at once.
    #[serde(default)]
    pub page_bytes: Option<usize>,
    /// Whether the host can pass answers on that go on: then backends are listened to that say when something changed.
    #[serde(default)]
    pub listens: bool,
    /// What a write survives once it is answered.
    #[serde(default)]
    pub write_durability: WriteDurability,
    /// The collections whose documents of older schemas the host's migrate function brings forward.
    #[serde(default)]
    pub migrates: BTreeSet<String>,
    /// The policy functions that the host has.
    #[serde(default)]
    pub functions: BTreeSet<String>,
}

/// A backend.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSettings {
    /// What it speaks: a kind of connector, or `host` for one that the host brings.
    #[serde(default = "native")]
    pub kind: String,
    /// Its address.
    pub url: String,
    /// Its address before it moved.
    #[serde(default)]
    pub moved_from: Option<String>,
    /// Milliseconds between two polls.
    #[serde(default)]
    pub poll_ms: Option<u64>,
    /// Whether it is listened to, where it says when something changed.
    #[serde(default = "yes")]
    pub hints: bool,
    /// Whether the host has a token for it: then it is asked for one first.
    #[serde(default)]
    pub credentials: bool,
    /// What only this kind of connector understands.
    #[serde(default)]
    pub options: Object,
}

fn yes() -> bool {
    true
}

fn native() -> String {
    "native".to_owned()
}

/// What is known of a replica that was opened.
#[derive(Debug, Serialize)]
pub struct Opened {
    /// Its node number.
    pub node: u32,
    /// What each collection is promised.
    pub guarantees: BTreeMap<CollectionName, String>,
}

/// What a replica is made of, besides its store.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) connectors: BTreeMap<ConnectorName, Rc<dyn Connector>>,
    /// The connectors whose backends want a token.
    pub(crate) guarded: BTreeSet<ConnectorName>,
    pub(crate) migrations: Migrations,
    pub(crate) page_items: usize,
    pub(crate) page_bytes: usize,
}

impl Open {
    /// Makes what the configuration names; nothing is stepped yet.
    pub(crate) fn parts(
        &self,
        host: &Rc<dyn Host>,
        slots: &Rc<Slots>,
        owner: &Rc<Cell<RequestId>>,
    ) -> Result<Parts, Error> {
        let mut backends = BTreeMap::new();
        let mut connectors: BTreeMap<ConnectorName, Rc<dyn Connector>> = BTreeMap::new();
        let mut guarded = BTreeSet::new();
        for (text, connector) in &self.connectors {
            let name = ConnectorName::new(text)?;
            let make = || connector.make(&name, slots, owner);
            let wrong =
                |error: Error| Error::new(error.kind(), format!("connector {text}: {error}"));
            let backend = Backend {
                connector: make().map_err(wrong)?,
                moved_from: connector.moved_from.clone(),
                poll_ms: connector.poll_ms.unwrap_or(limits::POLL_MS),
                live: self.listens && connector.hints,
            };
            backends.insert(text.clone(), backend);
            connectors.insert(name.clone(), make().map_err(wrong)?.into());
            if connector.credentials {
                guarded.insert(name);
            }
        }
        let mut config = settings::config(
            self.account.as_deref(),
            &backends,
            &self.declared()?,
            JournalLimits::default(),
        )?;
        config.slice_items = self.slice_items;
        self.check_functions(&config)?;
        Ok(Parts {
            config,
            connectors,
            guarded,
            migrations: self.migrations(host)?,
            page_items: self.page_items.unwrap_or(limits::PULL_ITEMS_MAX),
            page_bytes: self.page_bytes.unwrap_or(limits::PULL_BYTES_MAX),
        })
    }

    fn declared(&self) -> Result<BTreeMap<String, Declared>, Error> {
        let declared = self.collections.iter().map(|(name, settings)| {
            let declared = settings.declared().map_err(|error| {
                let message = format!("collection {name}: {error}");
                Error::new(ErrorKind::BadConfig, message)
            });
            Ok((name.clone(), declared?))
        });
        declared.collect()
    }

    /// Refuses a policy that names a function that the host does not have.
    fn check_functions(&self, config: &Config) -> Result<(), Error> {
        for (name, collection) in &config.collections {
            let rule = match &collection.policy.rule {
                Rule::Function(function) => Some(function),
                _ => None,
            };
            let fields = collection.policy.fields.values();
            let fields = fields.filter_map(|rule| match rule {
                FieldRule::Function(function) => Some(function),
                _ => None,
            });
            let mut named = rule.into_iter().chain(fields);
            if let Some(missing) = named.find(|function| !self.functions.contains(*function)) {
                return Err(Error::new(
                    ErrorKind::BadConfig,
                    format!(
                        "expected the policy function {} of the collection {name}, but the app gives none of that name",
                        Quoted(missing)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn migrations(&self, host: &Rc<dyn Host>) -> Result<Migrations, Error> {
        let mut by_collection = BTreeMap::new();
        for (name, settings) in &self.collections {
            let migration = if self.migrates.contains(name) {
                Migration::Host(host.clone())
            } else if settings.migrations.is_empty() {
                continue;
            } else {
                Migration::Steps(Steps::of(&settings.migrations)?)
            };
            by_collection.insert(CollectionName::new(name)?, migration);
        }
        Ok(Migrations(by_collection))
    }
}

impl Parts {
    /// Brings them together with the file, which `node` gives a number where it has none.
    pub(crate) fn agree(
        &mut self,
        store: &mut SqliteStore<HostDriver>,
        node: impl FnOnce() -> u32,
    ) -> Result<(), Error> {
        self.migrations.check(store, &self.config)?;
        self.config.node = node_of(store, node)?;
        Ok(())
    }
}

impl ConnectorSettings {
    pub(crate) fn make(
        &self,
        name: &ConnectorName,
        slots: &Rc<Slots>,
        owner: &Rc<Cell<RequestId>>,
    ) -> Result<Box<dyn Connector>, Error> {
        let setup = Setup {
            url: self.url.clone(),
            options: self.options.clone(),
        };
        if self.kind == hosted::KIND {
            let hosted = Hosted::new(name.clone(), &setup, slots.clone(), owner.clone())?;
            return Ok(Box::new(hosted));
        }
        base_address(&self.url)?;
        Ok(connectors::make(&self.kind, &setup)?())
    }
}

const NODE: &str = "node";

/// The replica's node number; a new one draws it.
fn node_of(store: &mut SqliteStore<HostDriver>, draw: impl FnOnce() -> u32) -> Result<u32, Error> {
    let mut tx = store.begin(Durability::Full)?;
    if let Some(text) = tx.meta(NODE)? {
        return text.parse().map_err(|_| {
            let message = format!(
                "expected the replica's node number in the file, but {} came",
                Quoted(&text)
            );
            Error::new(ErrorKind::Corrupt, message)
        });
    }
    let node = draw();
    tx.commit(vec![Op::Meta {
        key: NODE.into(),
        value: Some(node.to_string()),
    }])?;
    Ok(node)
}

/// Brings documents of older schemas forward.
pub(crate) struct Migrations(BTreeMap<CollectionName, Migration>);

enum Migration {
    Steps(Steps),
    Host(Rc<dyn Host>),
}

impl Migrations {
    fn check(&self, store: &mut SqliteStore<HostDriver>, config: &Config) -> Result<(), Error> {
        let mut tx = store.begin(Durability::Normal)?;
        for Outdated {
            collection,
            from,
            to,
        } in lists::outdated(&mut tx, config)?
        {
            if !self.0.contains_key(&collection) {
                return Err(Error::no_migrate(&collection, from, to));
            }
        }
        Ok(())
    }

    pub(crate) fn forward(
        &self,
        collection: &CollectionName,
        from: u32,
        to: u32,
        document: &Document,
    ) -> Result<Document, String> {
        match self.0.get(collection) {
            None => Err(format!(
                "the app gives no migrate function for {collection}"
            )),
            Some(Migration::Steps(steps)) => steps.forward(from, to, document),
            Some(Migration::Host(host)) => {
                ask(&**host, collection, from, to, document).map_err(|error| error.to_string())?
            }
        }
    }
}

/// Asks the host's migrate function.
fn ask(
    host: &dyn Host,
    collection: &CollectionName,
    from: u32,
    to: u32,
    document: &Document,
) -> Result<Result<Document, String>, Error> {
    #[derive(Serialize)]
    struct Question<'a> {
        collection: &'a CollectionName,
        from: u32,
        to: u32,
        document: &'a Document,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Migrated {
        Document(Document),
        Refused(String),
    }
    let question = Question {
        collection,
        from,
        to,
        document,
    };
    let mut reply = Vec::new();
    let question = tisync_json::write(&question);
    host.ask(Call::Migrate, question.as_bytes(), &mut reply)?;
    let reply = String::from_utf8_lossy(&reply);
    let migrated = tisync_json::read(&reply).map_err(|error| {
        Error::invalid(format!(
            "the migrate function's answer cannot be read: {error}"
        ))
    })?;
    Ok(match migrated {
        Migrated::Document(document) => Ok(document),
        Migrated::Refused(why) => Err(why),
    })
}
