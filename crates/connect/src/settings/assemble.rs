//! The engine's configuration, out of what an app declares and what its connectors say.
use crate::Connector;
use crate::connectors::SetupError;
use tisync_core::model::{
    Account, Capability, CollectionConfig, CollectionName, Config, ConnectorConfig, ConnectorName,
    FeedName, JournalLimits, Policy, Schema,
};
use tisync_json::tree::BTreeMap;

/// What an app declares of a collection.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Who wins.
    pub policy: Policy,
    /// Columns, references, server fields.
    pub schema: Schema,
    /// Which connector serves it.
    pub served: Served,
}

/// Which connector serves a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// The only one, or none where there is none.
    Anywhere,
    /// None: it stays on this device.
    Nowhere,
    /// The one of this name.
    By(String),
}

/// A backend as it is configured.
pub struct Backend {
    /// Says where it is and what it can do.
    pub connector: Box<dyn Connector>,
    /// Where it was before it moved.
    pub moved_from: Option<String>,
    /// Milliseconds between two polls.
    pub poll_ms: u64,
    /// Whether to listen for hints.
    pub live: bool,
}

/// Puts the engine's configuration together; the node number is the file's, and 0 here.
///
/// # Errors
/// When a name is not one, or a collection names no connector where there are several.
pub fn config(
    account: Option<&str>,
    backends: &BTreeMap<String, Backend>,
    declared: &BTreeMap<String, Declared>,
    journal: JournalLimits,
) -> Result<Config, SetupError> {
    let mut collections = BTreeMap::new();
    let mut feeds: BTreeMap<&String, BTreeMap<FeedName, Vec<CollectionName>>> = BTreeMap::new();
    for (text, declared) in declared {
        let name = CollectionName::new(text).map_err(wrong)?;
        let backend = served(text, &declared.served, backends)?;
        let mut capability = Capability::native();
        if let Some((connector, backend)) = backend {
            capability = backend.connector.capability(&name);
            let feed = backend.connector.feed(&name);
            let feeds = feeds.entry(connector).or_default();
            feeds.entry(feed).or_default().push(name.clone());
        }
        let connector = backend.map(|(connector, _)| ConnectorName::new(connector));
        let config = CollectionConfig {
            connector: connector.transpose().map_err(wrong)?,
            capability,
            schema: declared.schema.clone(),
            policy: declared.policy.clone(),
        };
        collections.insert(name, config);
    }
    let mut connectors = BTreeMap::new();
    for (name, feeds) in feeds {
        let Some(backend) = backends.get(name) else {
            continue;
        };
        let config = ConnectorConfig {
            endpoint: Some(backend.connector.endpoint()),
            moved_from: backend.moved_from.clone(),
            feeds,
            poll_ms: backend.poll_ms,
            live: backend.live,
        };
        connectors.insert(ConnectorName::new(name).map_err(wrong)?, config);
    }
    Ok(Config {
        node: 0,
        account: account.map(Account::new).transpose().map_err(wrong)?,
        connectors,
        collections,
        slice_items: None,
        journal,
    })
}

/// The backend that serves a collection, with its name; `None` for one that stays on this device.
///
/// # Errors
/// When it names none where there are several.
pub fn served<'a, B>(
    collection: &str,
    served: &Served,
    backends: &'a BTreeMap<String, B>,
) -> Result<Option<(&'a String, &'a B)>, SetupError> {
    let named = match served {
        Served::Nowhere => return Ok(None),
        Served::Anywhere if backends.is_empty() => return Ok(None),
        Served::Anywhere if backends.len() == 1 => return Ok(backends.iter().next()),
        Served::Anywhere => None,
        Served::By(name) => backends.get_key_value(name),
    };
    named.map(Some).ok_or_else(|| {
        let known: Vec<&str> = backends.keys().map(String::as_str).collect();
        SetupError::new(format!(
            "expected the collection {collection} to name one of the connectors {}, but it does not",
            known.join(", ")
        ))
    })
}

fn wrong(error: impl std::fmt::Display) -> SetupError {
    SetupError::new(error.to_string())
}
