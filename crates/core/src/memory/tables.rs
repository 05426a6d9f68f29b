//! The tables, and the one way to change them: a cell is swapped for another, which gives its inverse.
use crate::model::{
    CollectionName, Conflict, ConnectorName, ConnectorState, Dirty, Entry, FeedKey, FeedState,
    JournalId, JournalRow, MutationId, Quarantined, Record, RecordId, Rid, Schema, Suspicion,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) collections: BTreeMap<CollectionName, Rows>,
    pub(super) entries: BTreeMap<i64, Entry>,
    pub(super) conflicts: BTreeMap<(CollectionName, Rid), Conflict>,
    pub(super) journal: BTreeMap<JournalId, JournalRow>,
    pub(super) feeds: BTreeMap<FeedKey, FeedState>,
    pub(super) connectors: BTreeMap<ConnectorName, ConnectorState>,
    pub(super) suspicions: BTreeMap<(CollectionName, Rid), Suspicion>,
    pub(super) quarantine: BTreeMap<i64, Quarantined>,
    pub(super) meta: BTreeMap<String, String>,
    /// Entries by record: follows `entries`.
    pub(super) chains: BTreeSet<(CollectionName, Rid, i64)>,
    /// Entries by key: follows `entries`.
    pub(super) mutations: BTreeMap<MutationId, i64>,
}

/// The rows of one collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) schema: Schema,
    /// Whether records of an older schema are still to be migrated.
    pub(super) migrating: bool,
    pub(super) records: BTreeMap<Rid, Record>,
    /// Records by id: follows `records`.
    pub(super) ids: BTreeMap<RecordId, Rid>,
    pub(super) dirty: BTreeMap<Rid, Dirty>,
    pub(super) aliases: BTreeMap<RecordId, Rid>,
    pub(super) seen: BTreeSet<(u64, Rid)>,
}

/// One place of the tables with what it is to hold; `None` empties it.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Schema(CollectionName, Option<(Schema, bool)>),
    Record(CollectionName, Rid, Option<Record>),
    Dirty(CollectionName, Rid, Option<Dirty>),
    Alias(CollectionName, RecordId, Option<Rid>),
    Seen(CollectionName, u64, Rid, bool),
    Entry(i64, Option<Box<Entry>>),
    Conflict((CollectionName, Rid), Option<Box<Conflict>>),
    Journal(JournalId, Option<Box<JournalRow>>),
    Feed(FeedKey, Option<Box<FeedState>>),
    Connector(ConnectorName, Option<Box<ConnectorState>>),
    Suspicion((CollectionName, Rid), Option<Suspicion>),
    Quarantine(i64, Option<Box<Quarantined>>),
    Meta(String, Option<String>),
}

impl Tables {
    /// Takes swaps back, the last first.
    pub(super) fn undo(&mut self, undo: Vec<Cell>) {
        for cell in undo.into_iter().rev() {
            self.swap(cell);
        }
    }

    /// Puts the cell in its place and returns what was there. A cell of a collection that is not declared
    /// changes nothing: `apply` has checked.
    pub(super) fn swap(&mut self, cell: Cell) -> Cell {
        match cell {
            Cell::Schema(name, schema) => {
                let before = match schema {
                    Some((schema, migrating)) => match self.collections.get_mut(&name) {
                        Some(rows) => Some((
                            std::mem::replace(&mut rows.schema, schema),
                            std::mem::replace(&mut rows.migrating, migrating),
                        )),
                        None => {
                            let rows = Rows {
                                schema,
                                migrating,
                                ..Rows::default()
                            };
                            self.collections.insert(name.clone(), rows);
                            None
                        }
                    },
                    None => {
                        (self.collections.remove(&name)).map(|rows| (rows.schema, rows.migrating))
                    }
                };
                Cell::Schema(name, before)
            }
            Cell::Record(name, rid, record) => {
                let before = self.rows(&name).and_then(|rows| {
                    let before = match &record {
                        Some(record) => rows.records.insert(rid, record.clone()),
                        None => rows.records.remove(&rid),
                    };
                    // Two records may trade ids within one commit: only an own mark is removed.
                    if let Some(before) = &before
                        && rows.ids.get(&before.id) == Some(&rid)
                    {
                        rows.ids.remove(&before.id);
                    }
                    if let Some(record) = record {
                        rows.ids.insert(record.id, rid);
                    }
                    before
                });
                Cell::Record(name, rid, before)
            }
            Cell::Dirty(name, rid, dirty) => {
                let before = self
                    .rows(&name)
                    .and_then(|rows| put(&mut rows.dirty, rid, dirty));
                Cell::Dirty(name, rid, before)
            }
            Cell::Alias(name, alias, rid) => {
                let before = self
                    .rows(&name)
                    .and_then(|rows| put(&mut rows.aliases, alias.clone(), rid));
                Cell::Alias(name, alias, before)
            }
            Cell::Seen(name, pass, rid, seen) => {
                let before = self.rows(&name).is_some_and(|rows| match seen {
                    true => !rows.seen.insert((pass, rid)),
                    false => rows.seen.remove(&(pass, rid)),
                });
                Cell::Seen(name, pass, rid, before)
            }
            Cell::Entry(seq, entry) => {
                if let Some(entry) = &entry {
                    self.chains
                        .insert((entry.collection.clone(), entry.rid, seq));
                    self.mutations.insert(entry.id, seq);
                }
                let before = match &entry {
                    Some(entry) => self.entries.insert(seq, (**entry).clone()),
                    None => self.entries.remove(&seq),
                };
                if let Some(before) = &before {
                    let same = |now: &Entry| {
                        (&now.collection, now.rid) == (&before.collection, before.rid)
                    };
                    if !entry.as_deref().is_some_and(same) {
                        self.chains
                            .remove(&(before.collection.clone(), before.rid, seq));
                    }
                    if entry.as_deref().is_none_or(|now| now.id != before.id)
                        && self.mutations.get(&before.id) == Some(&seq)
                    {
                        self.mutations.remove(&before.id);
                    }
                }
                Cell::Entry(seq, before.map(Box::new))
            }
            Cell::Conflict(key, value) => {
                let before = put_boxed(&mut self.conflicts, key.clone(), value);
                Cell::Conflict(key, before)
            }
            Cell::Journal(id, value) => {
                let before = put_boxed(&mut self.journal, id, value);
                Cell::Journal(id, before)
            }
            Cell::Feed(key, value) => {
                let before = put_boxed(&mut self.feeds, key.clone(), value);
                Cell::Feed(key, before)
            }
            Cell::Connector(name, value) => {
                let before = put_boxed(&mut self.connectors, name.clone(), value);
                Cell::Connector(name, before)
            }
            Cell::Suspicion(key, value) => {
                let before = put(&mut self.suspicions, key.clone(), value);
                Cell::Suspicion(key, before)
            }
            Cell::Quarantine(number, value) => {
                let before = put_boxed(&mut self.quarantine, number, value);
                Cell::Quarantine(number, before)
            }
            Cell::Meta(key, value) => {
                let before = put(&mut self.meta, key.clone(), value);
                Cell::Meta(key, before)
            }
        }
    }

    /// Everything but the indexes, as text.
    pub(super) fn print(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        for (name, rows) in &self.collections {
            let _ = writeln!(text, "{name:?} {:?} {}", rows.schema, rows.migrating);
            let _ = writeln!(text, "records {:?}", rows.records);
            let _ = writeln!(text, "dirty {:?}", rows.dirty);
            let _ = writeln!(text, "aliases {:?}", rows.aliases);
            let _ = writeln!(text, "seen {:?}", rows.seen);
        }
        let _ = writeln!(text, "entries {:?}", self.entries);
        let _ = writeln!(text, "conflicts {:?}", self.conflicts);
        let _ = writeln!(text, "journal {:?}", self.journal);
        let _ = writeln!(text, "feeds {:?}", self.feeds);
        let _ = writeln!(text, "connectors {:?}", self.connectors);
        let _ = writeln!(text, "suspicions {:?}", self.suspicions);
        let _ = writeln!(text, "quarantine {:?}", self.quarantine);
        let _ = writeln!(text, "meta {:?}", self.meta);
        text
    }

    fn rows(&mut self, name: &CollectionName) -> Option<&mut Rows> {
        self.collections.get_mut(name)
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

fn put_boxed<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<Box<V>>) -> Option<Box<V>> {
    put(map, key, value.map(|value| *value)).map(Box::new)
}
