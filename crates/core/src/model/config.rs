//! What the app declares.
use super::{Account, Capability, CollectionName, ConnectorName, FeedName, Policy};
use crate::limits;
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Path;
use tisync_json::tree::BTreeMap;

/// Everything the engine is told once: part of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// This replica's node number in stamps; random, fixed for the life of the file.
    pub node: u32,
    /// Whose data this is; `None` when only the credentials say, or nobody does.
    pub account: Option<Account>,
    /// The connectors and what they carry.
    pub connectors: BTreeMap<ConnectorName, ConnectorConfig>,
    /// The collections.
    pub collections: BTreeMap<CollectionName, CollectionConfig>,
    /// How much one step may do, on hosts that must not block.
    #[serde(default)]
    pub slice_items: Option<usize>,
    /// How long and how much the journal keeps.
    #[serde(default)]
    pub journal: JournalLimits,
}

/// One configured backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorConfig {
    /// Where it is: the file belongs to it. `None` where a backend has no address.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Where it was before it moved: a file that belongs there belongs to it.
    #[serde(default)]
    pub moved_from: Option<String>,
    /// Its feeds: each a set of collections with one checkpoint.
    pub feeds: BTreeMap<FeedName, Vec<CollectionName>>,
    /// Milliseconds between polls.
    pub poll_ms: u64,
    /// Whether to listen for hints, where the backend gives them: see [`Capability::hints`].
    #[serde(default)]
    pub live: bool,
}

/// One collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionConfig {
    /// The connector that serves it; `None` for local only.
    pub connector: Option<ConnectorName>,
    /// What the backend can do for it.
    pub capability: Capability,
    /// What the app declares of its records.
    pub schema: Schema,
    /// Who wins.
    pub policy: Policy,
}

/// What a collection declares of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The app's own number of this schema.
    pub number: u32,
    /// Typed columns, filled by the store.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Fields that hold the id of a record in another collection, or an array of such ids.
    #[serde(default)]
    pub references: BTreeMap<Path, Reference>,
    /// Fields that only the server writes: never pushed, never a conflict.
    #[serde(default)]
    pub server_fields: Vec<Path>,
}

/// A typed column that the store fills from a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in SQL: letters, digits, underscore.
    pub name: String,
    /// The field.
    pub path: Path,
    /// How the value is stored.
    pub kind: ColumnKind,
    /// Whether it has an index.
    #[serde(default)]
    pub indexed: bool,
}

/// How a column's value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Real,
    /// A truth value, stored as 0 or 1.
    Boolean,
}

/// A field that holds the id of a record in another collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The other collection.
    pub collection: CollectionName,
    /// Whether the field may be null, so that a cycle can be cut there.
    pub nullable: bool,
    /// Whether the backend wants the id as a number, where it is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numeric: bool,
}

/// How long and how much the journal keeps of what is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLimits {
    /// Days.
    pub days: u64,
    /// Bytes.
    pub bytes_max: u64,
}

impl Default for JournalLimits {
    fn default() -> Self {
        JournalLimits {
            days: limits::JOURNAL_DAYS,
            bytes_max: limits::JOURNAL_BYTES_MAX,
        }
    }
}

impl Config {
    /// The collection's declaration.
    pub fn collection(&self, name: &CollectionName) -> Option<&CollectionConfig> {
        self.collections.get(name)
    }

    /// The feed that carries a collection.
    pub fn feed_of(&self, name: &CollectionName) -> Option<(&ConnectorName, &FeedName)> {
        let connector = self.collections.get(name)?.connector.as_ref()?;
        let config = self.connectors.get(connector)?;
        let (feed, _) = config
            .feeds
            .iter()
            .find(|(_, collections)| collections.contains(name))?;
        Some((connector, feed))
    }
}
