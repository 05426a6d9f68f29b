//! The seam to the store: pages of rows in, one set of changes out.
mod error;
pub mod rules;

pub use error::{StoreError, StoreErrorDetails, StoreErrorKind};

use crate::model::{
    CollectionName, CollectionOutbox, Conflict, ConnectorName, ConnectorState, Dirty, Entry,
    FeedKey, FeedState, GroupId, IdRange, Image, JournalChange, JournalId, JournalRow, MutationId,
    Quarantined, Record, RecordId, RecordState, Rid, Schema, Stamp, Suspicion, Version,
};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// How durable a commit must be when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Durability {
    /// Survives the process; a power cut may take the last ones (they can be pulled again).
    Normal,
    /// Survives a power cut.
    Full,
}

/// Keeps the rows. Synchronous; one transaction at a time.
pub trait Store {
    /// The transaction.
    type Tx<'a>: Tx
    where
        Self: 'a;

    /// Starts an immediate (writing) transaction.
    fn begin(&mut self, durability: Durability) -> Result<Self::Tx<'_>, StoreError>;
}

/// Which record to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys<'a> {
    /// By id; former ids (aliases) resolve.
    Ids(&'a [RecordId]),
    /// By the store's key.
    Rids(&'a [Rid]),
}

/// How much of each record to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Everything but the documents of *clean* records (those of others are loaded).
    Heads,
    /// Everything.
    Whole,
}

/// Which entries of the outbox to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFilter<'a> {
    /// All of them.
    All,
    /// Those that are pending, of these collections.
    Pending(&'a [CollectionName]),
    /// Those that are in flight.
    InFlight,
    /// Those that are unknown, of these collections.
    Unknown(&'a [CollectionName]),
    /// Those that are held or parked.
    Waiting,
    /// The chains of these records of one collection.
    Chains(&'a CollectionName, &'a [Rid]),
    /// The members of a group.
    Group(GroupId),
    /// The entry with this key.
    Id(MutationId),
}

/// What tells an entry from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey {
    /// Its place.
    pub seq: i64,
    /// Its key on the wire.
    pub id: MutationId,
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub rid: Rid,
    /// The group that it belongs to.
    pub group: Option<GroupId>,
}

impl From<&Entry> for EntryKey {
    fn from(entry: &Entry) -> Self {
        EntryKey {
            seq: entry.seq,
            id: entry.id,
            collection: entry.collection.clone(),
            rid: entry.rid,
            group: entry.group,
        }
    }
}

/// Which rows of the journal to read, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFilter<'a> {
    /// All of them.
    All,
    /// Those of one record.
    Record(&'a CollectionName, Rid),
    /// The ones whose outcome this mutation carries.
    Mutation(MutationId),
}

/// A record with its side row, which only dirty records have.
pub type Row = (Record, Option<Dirty>);

/// What is known of a record of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: RecordId,
    /// Its version, where the backend has versions.
    pub version: Option<Version>,
    /// Its document, if it was asked for.
    pub document: Option<Document>,
}

/// What a collection was declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The number of its schema.
    pub number: u32,
    /// Whether records of an older schema may be there that the app's migrate function has not seen.
    pub migrating: bool,
}

/// One transaction: reads see the state at its start; `commit` writes once, all or nothing. Dropping it rolls back. Rows
/// come in a stated order. Of a collection that is not declared nothing is found, and changes of it are a misuse.
pub trait Tx {
    /// Loads records with their side rows, in the order of the keys; `None` for those that are not there.
    fn load(
        &mut self,
        collection: &CollectionName,
        keys: Keys<'_>,
        load: Load,
    ) -> Result<Vec<Option<Row>>, StoreError>;
    /// Reads records of a collection in the order of their ids, after `after`, tombstones included; whole.
    fn scan(
        &mut self,
        collection: &CollectionName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
    /// Reads records that are not tombstones and do not carry the mark of `pass` (see [`Op::Seen`]), in the
    /// order of their ids, after `after`; whole.
    fn unseen(
        &mut self,
        collection: &CollectionName,
        pass: u64,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
    /// Counts the records that are not tombstones, and those of them that do not carry the mark of `pass` (0
    /// without a pass).
    fn count(
        &mut self,
        collection: &CollectionName,
        pass: Option<u64>,
    ) -> Result<(u64, u64), StoreError>;
    /// What is known of the server's records of a range, in the order of their ids: of each record whose latest
    /// image that was seen (of its open conflict, its remote, its base; a clean record's document) is there, the
    /// version of that image, and with `documents` its document.
    fn known(
        &mut self,
        range: &IdRange,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Known>, StoreError>;
    /// The former ids of a record, in order.
    fn aliases(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Vec<RecordId>, StoreError>;
    /// Reads entries in the order of `seq`, after `after`.
    fn entries(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;
    /// Reads the keys of entries, without their contents; otherwise as [`Tx::entries`].
    fn entry_keys(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, StoreError>;
    /// Counts the entries of each collection that has any.
    fn outbox(&mut self) -> Result<BTreeMap<CollectionName, CollectionOutbox>, StoreError>;
    /// The open conflict of a record.
    fn conflict(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Option<Conflict>, StoreError>;
    /// Open conflicts in the order of (collection, rid), after that key.
    fn conflicts(
        &mut self,
        after: Option<(&CollectionName, Rid)>,
        limit: usize,
    ) -> Result<Vec<Conflict>, StoreError>;
    /// Reads rows of the journal, newest first, before `before`.
    fn journal(
        &mut self,
        filter: JournalFilter<'_>,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<JournalRow>, StoreError>;
    /// One row of the journal.
    fn journal_row(&mut self, id: JournalId) -> Result<Option<JournalRow>, StoreError>;
    /// Where a feed stands.
    fn feed(&mut self, key: &FeedKey) -> Result<Option<FeedState>, StoreError>;
    /// Where a connector stands.
    fn connector(&mut self, name: &ConnectorName) -> Result<Option<ConnectorState>, StoreError>;
    /// Suspicions of a collection in the order of rid.
    fn suspicions(
        &mut self,
        collection: &CollectionName,
        limit: usize,
    ) -> Result<Vec<Suspicion>, StoreError>;
    /// Quarantined rows in the order of their numbers, after `after`.
    fn quarantined(
        &mut self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError>;
    /// A value of the meta table.
    fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError>;
    /// Declarations, feeds, connectors and meta, each by name, as the changes that store them.
    fn setup(&mut self) -> Result<Vec<Op>, StoreError>;
    /// The latest of: the stamp in meta (key `clock`), those of the outbox, the times of the journal.
    fn clock(&mut self) -> Result<Stamp, StoreError>;
    /// What a collection was declared with last; `None` when it never was.
    fn declared(&mut self, collection: &CollectionName) -> Result<Option<Declared>, StoreError>;
    /// Reads records that are not tombstones and whose schema has a number below `schema`, and those with a side row,
    /// whose other images have numbers of their own; in the order of rid, after `after`; whole. At least one, if there
    /// is any, and no more once their documents (bases included) take `bytes_max`.
    fn outdated(
        &mut self,
        collection: &CollectionName,
        schema: u32,
        after: Option<Rid>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Row>, StoreError>;
    /// The keys that the next rows get: one above the highest that is there.
    fn next_rid(&mut self, collection: &CollectionName) -> Result<Rid, StoreError>;
    /// See [`Tx::next_rid`].
    fn next_seq(&mut self) -> Result<i64, StoreError>;
    /// See [`Tx::next_rid`].
    fn next_journal(&mut self) -> Result<JournalId, StoreError>;
    /// Applies the changes, in order, and makes them durable.
    fn commit(self, changes: Vec<Op>) -> Result<(), StoreError>;
}

/// One change of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Declares a collection: makes its table, columns and view, back-fills new columns.
    Declare {
        /// The collection.
        collection: CollectionName,
        /// Its schema.
        schema: Schema,
        /// Whether records of an older schema are still to be migrated.
        migrating: bool,
    },
    /// Adds a record that is not there.
    Insert {
        /// The collection.
        collection: CollectionName,
        /// The record, whole.
        record: Record,
    },
    /// Replaces a record that is there.
    Update {
        /// The collection.
        collection: CollectionName,
        /// The record, whole.
        record: Record,
    },
    /// Marks a record of `Heads` as changed in everything but its document.
    Head {
        /// The collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
        /// The new version.
        version: Option<Version>,
        /// The new state.
        state: RecordState,
        /// The new stamp.
        stamp: Option<Stamp>,
        /// The new number of its schema.
        schema: u32,
        /// Whether its base was brought to that schema here.
        migrated: bool,
    },
    /// Removes a record with its side row, aliases, marks and suspicion; at the end nothing else may refer to it.
    Remove {
        /// The collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
    },
    /// Stores or removes the side row of a record that is there.
    Dirty {
        /// The collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
        /// The side row.
        dirty: Option<Dirty>,
    },
    /// Adds a former id of a record.
    Alias {
        /// The collection.
        collection: CollectionName,
        /// The former id.
        alias: RecordId,
        /// The record.
        rid: Rid,
    },
    /// Adds an entry, or replaces the one with the same `seq`.
    Entry(Box<Entry>),
    /// Changes where an entry that is there stands: its state and what was frozen, nothing else of it.
    EntryState(Box<Entry>),
    /// Removes an entry.
    RemoveEntry(i64),
    /// Opens or replaces a conflict.
    Conflict(Box<Conflict>),
    /// Closes a conflict.
    RemoveConflict {
        /// The collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
    },
    /// Adds a row of the journal, or replaces the one with the same id.
    Journal(Box<JournalRow>),
    /// Gives the journal of one record to another, which it turned out to be.
    MoveJournal {
        /// The collection.
        collection: CollectionName,
        /// The record whose rows they were.
        from: Rid,
        /// The record whose rows they are.
        to: Rid,
    },
    /// Changes the open rows of the journal whose outcome this mutation carries.
    AmendJournal {
        /// The mutation.
        carrier: MutationId,
        /// What becomes of the rows.
        change: JournalChange,
    },
    /// Drops settled and void rows older than `before_ms`, and the oldest beyond `bytes_max`, but not the newest of all.
    PruneJournal {
        /// Wall time.
        before_ms: u64,
        /// Bytes that stay at most.
        bytes_max: u64,
    },
    /// Stores where a feed stands.
    Feed {
        /// The feed.
        key: FeedKey,
        /// Where it stands.
        state: Box<FeedState>,
    },
    /// Stores where a connector stands.
    Connector {
        /// The connector.
        name: ConnectorName,
        /// Where it stands.
        state: Box<ConnectorState>,
    },
    /// Marks records, as far as they are there, as seen by a pass.
    Seen {
        /// The collection.
        collection: CollectionName,
        /// The pass.
        pass: u64,
        /// The records.
        rids: Vec<Rid>,
    },
    /// Forgets the marks of a pass.
    ForgetPass {
        /// The collection.
        collection: CollectionName,
        /// The pass.
        pass: u64,
    },
    /// Adds or replaces a suspicion.
    Suspect(Suspicion),
    /// Drops a suspicion.
    RemoveSuspicion {
        /// The collection.
        collection: CollectionName,
        /// The record.
        rid: Rid,
    },
    /// Keeps a row that could not be applied; a row without a number gets one above the highest.
    Quarantine(Box<Quarantined>),
    /// Drops a quarantined row.
    RemoveQuarantined(i64),
    /// Stores a value of the meta table; `None` removes it.
    Meta {
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
    },
}

impl Op {
    /// The turn of a record's change among those of all records of a step: what gives an id or a key free comes
    /// first, what refers to a record after it.
    pub(crate) fn turn(&self) -> u8 {
        match self {
            Op::RemoveEntry(_) => 0,
            Op::Dirty { dirty: None, .. } => 1,
            Op::RemoveConflict { .. } => 2,
            Op::Remove { .. } => 3,
            Op::Update { .. } => 4,
            // With the flag of a new record, which is stored with it.
            Op::Insert { .. } => 5,
            Op::Dirty {
                dirty:
                    Some(Dirty {
                        base: Image::Absent,
                        remote: None,
                        ..
                    }),
                ..
            } => 5,
            Op::Head { .. } => 6,
            Op::Dirty { .. } => 7,
            Op::Entry(_) => 8,
            Op::EntryState(_) => 9,
            _ => 10,
        }
    }
}
