//! The reads of a transaction.
use super::MemoryTx;
use super::tables::{Rows, Tables};
use crate::model::{
    CollectionName, CollectionOutbox, Conflict, ConnectorName, ConnectorState, Dirty, Entry,
    EntryState, FeedKey, FeedState, IdRange, JournalId, JournalRow, Quarantined, Record, RecordId,
    RecordState, Rid, Stamp, Suspicion,
};
use crate::store::{
    Declared, EntryFilter, EntryKey, JournalFilter, Keys, Known, Load, Op, StoreError, Tx, rules,
};

use std::ops::Bound;
use tisync_json::tree::BTreeMap;

type Whole = (Record, Option<Dirty>);

impl MemoryTx<'_> {
    fn tables(&self) -> &Tables {
        &self.store.tables
    }

    fn rows(&self, collection: &CollectionName) -> Option<&Rows> {
        self.tables().collections.get(collection)
    }
}

impl Tx for MemoryTx<'_> {
    fn load(
        &mut self,
        collection: &CollectionName,
        keys: Keys<'_>,
        load: Load,
    ) -> Result<Vec<Option<Whole>>, StoreError> {
        let rows = self.rows(collection);
        let by_rid = |rid: &Rid| rows.and_then(|rows| rows.whole(rid, load));
        let by_id = |id: &RecordId| {
            let rows = rows?;
            by_rid(rows.ids.get(id).or_else(|| rows.aliases.get(id))?)
        };
        Ok(match keys {
            Keys::Ids(ids) => ids.iter().map(by_id).collect(),
            Keys::Rids(rids) => rids.iter().map(by_rid).collect(),
        })
    }

    fn scan(
        &mut self,
        collection: &CollectionName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Whole>, StoreError> {
        let rows = self.rows(collection);
        Ok(rows.map_or_else(Vec::new, |rows| rows.in_order(after).take(limit).collect()))
    }

    fn unseen(
        &mut self,
        collection: &CollectionName,
        pass: u64,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Whole>, StoreError> {
        let rows = self.rows(collection);
        Ok(rows.map_or_else(Vec::new, |rows| {
            rows.in_order(after)
                .filter(|(record, _)| rows.is_unseen(record, pass))
                .take(limit)
                .collect()
        }))
    }

    fn count(
        &mut self,
        collection: &CollectionName,
        pass: Option<u64>,
    ) -> Result<(u64, u64), StoreError> {
        let mut counts = (0, 0);
        if let Some(rows) = self.rows(collection) {
            for record in rows.records.values() {
                counts.0 += u64::from(record.state != RecordState::Tombstone);
                counts.1 += u64::from(pass.is_some_and(|pass| rows.is_unseen(record, pass)));
            }
        }
        Ok(counts)
    }

    fn known(
        &mut self,
        range: &IdRange,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Known>, StoreError> {
        let Some(rows) = self.rows(&range.collection) else {
            return Ok(Vec::new());
        };
        let after = range.after.as_ref();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let until = |id: &RecordId| range.until.as_ref().is_none_or(|until| id <= until);
        let conflicts = &self.tables().conflicts;
        let ids = rows.ids.range::<RecordId, _>((after, Bound::Unbounded));
        let known = ids.take_while(|(id, _)| until(id)).filter_map(|(_, rid)| {
            let record = rows.records.get(rid)?;
            let conflict = conflicts.get(&(range.collection.clone(), *rid));
            let known = rules::known(record, rows.dirty.get(rid), conflict.map(|c| &c.remote));
            known.map(|(version, document)| Known {
                id: record.id.clone(),
                version: version.cloned(),
                document: documents.then(|| document.clone()),
            })
        });
        Ok(known.take(limit).collect())
    }

    fn aliases(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Vec<RecordId>, StoreError> {
        Ok(self
            .rows(collection)
            .map_or_else(Vec::new, |rows| rows.aliases_of(rid)))
    }

    fn entries(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        // The two filters that are used on every write go through their index.
        match filter {
            EntryFilter::Id(id) => {
                let seq = tables.mutations.get(&id).copied();
                let mut range = tables.entries.range((after, Bound::Unbounded));
                let found = seq.and_then(|seq| range.find(|(other, _)| **other == seq));
                Ok(found
                    .map(|(_, entry)| entry.clone())
                    .into_iter()
                    .take(limit)
                    .collect())
            }
            EntryFilter::Chains(collection, rids) => {
                let mut seqs: Vec<i64> = rids
                    .iter()
                    .flat_map(|rid| {
                        let from = (collection.clone(), *rid, i64::MIN);
                        let to = (collection.clone(), *rid, i64::MAX);
                        tables.chains.range(from..=to).map(|(_, _, seq)| *seq)
                    })
                    .collect();
                seqs.sort_unstable();
                seqs.dedup();
                Ok(seqs
                    .iter()
                    .filter_map(|seq| tables.entries.get(seq))
                    .filter(|entry| match after {
                        Bound::Excluded(after) => entry.seq > after,
                        _ => true,
                    })
                    .take(limit)
                    .cloned()
                    .collect())
            }
            _ => Ok(tables
                .entries
                .range((after, Bound::Unbounded))
                .map(|(_, entry)| entry)
                .filter(|entry| fits(entry, filter))
                .take(limit)
                .cloned()
                .collect()),
        }
    }

    fn entry_keys(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, StoreError> {
        let entries = self.entries(filter, after, limit)?;
        Ok(entries.iter().map(EntryKey::from).collect())
    }

    fn outbox(&mut self) -> Result<BTreeMap<CollectionName, CollectionOutbox>, StoreError> {
        let mut outbox: BTreeMap<CollectionName, CollectionOutbox> = BTreeMap::new();
        for entry in self.tables().entries.values() {
            let mut one = CollectionOutbox {
                oldest_ms: Some(entry.created_ms),
                ..CollectionOutbox::default()
            };
            *match entry.state {
                EntryState::Pending => {
                    one.oldest_pending_ms = one.oldest_ms;
                    &mut one.counts.pending
                }
                EntryState::InFlight { .. } => &mut one.counts.in_flight,
                EntryState::Unknown { .. } => &mut one.counts.unknown,
                EntryState::Held(_) => &mut one.counts.held,
                EntryState::Parked { .. } => &mut one.counts.parked,
            } = 1;
            let known = outbox.entry(entry.collection.clone()).or_default();
            *known = known.and(one);
        }
        Ok(outbox)
    }

    fn conflict(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Option<Conflict>, StoreError> {
        Ok(self
            .tables()
            .conflicts
            .get(&(collection.clone(), rid))
            .cloned())
    }

    fn conflicts(
        &mut self,
        after: Option<(&CollectionName, Rid)>,
        limit: usize,
    ) -> Result<Vec<Conflict>, StoreError> {
        let after = after.map(|(collection, rid)| (collection.clone(), rid));
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.tables().conflicts.range((after, Bound::Unbounded));
        Ok(range
            .take(limit)
            .map(|(_, conflict)| conflict.clone())
            .collect())
    }

    fn journal(
        &mut self,
        filter: JournalFilter<'_>,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let before = before.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.tables().journal.range((Bound::Unbounded, before));
        Ok(rows
            .rev()
            .map(|(_, row)| row)
            .filter(|row| match filter {
                JournalFilter::All => true,
                JournalFilter::Record(collection, rid) => {
                    row.collection == *collection && row.rid == rid
                }
                JournalFilter::Mutation(id) => row.mutation == Some(id),
            })
            .take(limit)
            .cloned()
            .collect())
    }

    fn journal_row(&mut self, id: JournalId) -> Result<Option<JournalRow>, StoreError> {
        Ok(self.tables().journal.get(&id).cloned())
    }

    fn feed(&mut self, key: &FeedKey) -> Result<Option<FeedState>, StoreError> {
        Ok(self.tables().feeds.get(key).cloned())
    }

    fn connector(&mut self, name: &ConnectorName) -> Result<Option<ConnectorState>, StoreError> {
        Ok(self.tables().connectors.get(name).cloned())
    }

    fn suspicions(
        &mut self,
        collection: &CollectionName,
        limit: usize,
    ) -> Result<Vec<Suspicion>, StoreError> {
        let from = (collection.clone(), Rid(i64::MIN));
        let to = (collection.clone(), Rid(i64::MAX));
        let range = self.tables().suspicions.range(from..=to);
        Ok(range.take(limit).map(|(_, row)| row.clone()).collect())
    }

    fn quarantined(
        &mut self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.tables().quarantine.range((after, Bound::Unbounded));
        Ok(range.take(limit).map(|(_, row)| row.clone()).collect())
    }

    fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.tables().meta.get(key).cloned())
    }

    fn setup(&mut self) -> Result<Vec<Op>, StoreError> {
        let tables = self.tables();
        let declared = tables.collections.iter().map(|(name, rows)| Op::Declare {
            collection: name.clone(),
            schema: rows.schema.clone(),
            migrating: rows.migrating,
        });
        let feeds = tables.feeds.iter().map(|(key, state)| Op::Feed {
            key: key.clone(),
            state: Box::new(state.clone()),
        });
        let connectors = tables.connectors.iter().map(|(name, state)| Op::Connector {
            name: name.clone(),
            state: Box::new(state.clone()),
        });
        let meta = tables.meta.iter().map(|(key, value)| Op::Meta {
            key: key.clone(),
            value: Some(value.clone()),
        });
        Ok(declared
            .chain(feeds)
            .chain(connectors)
            .chain(meta)
            .collect())
    }

    fn clock(&mut self) -> Result<Stamp, StoreError> {
        let tables = self.tables();
        let meta = tables.meta.get("clock").and_then(|text| text.parse().ok());
        let entries = tables.entries.values().map(|entry| entry.stamps.latest);
        let journal = tables.journal.values().map(|row| Stamp::at(row.at_ms));
        Ok(entries.chain(journal).chain(meta).max().unwrap_or_default())
    }

    fn declared(&mut self, collection: &CollectionName) -> Result<Option<Declared>, StoreError> {
        Ok(self.rows(collection).map(|rows| Declared {
            number: rows.schema.number,
            migrating: rows.migrating,
        }))
    }

    fn outdated(
        &mut self,
        collection: &CollectionName,
        schema: u32,
        after: Option<Rid>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Whole>, StoreError> {
        let Some(rows) = self.rows(collection) else {
            return Ok(Vec::new());
        };
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        let mut bytes = 0;
        for (rid, record) in rows.records.range((after, Bound::Unbounded)) {
            if found.len() >= limit || !found.is_empty() && bytes >= bytes_max {
                break;
            }
            let is_older = record.schema < schema || rows.dirty.contains_key(rid);
            if record.state != RecordState::Tombstone && is_older {
                let whole = rows.whole(rid, Load::Whole);
                bytes += whole.as_ref().map_or(0, rules::row_bytes);
                found.extend(whole);
            }
        }
        Ok(found)
    }

    fn next_rid(&mut self, collection: &CollectionName) -> Result<Rid, StoreError> {
        let last = self
            .rows(collection)
            .and_then(|rows| rows.records.last_key_value());
        Ok(Rid(last.map_or(0, |(rid, _)| rid.0) + 1))
    }

    fn next_seq(&mut self) -> Result<i64, StoreError> {
        Ok(self
            .tables()
            .entries
            .last_key_value()
            .map_or(0, |(seq, _)| *seq)
            + 1)
    }

    fn next_journal(&mut self) -> Result<JournalId, StoreError> {
        let last = self.tables().journal.last_key_value();
        Ok(JournalId(last.map_or(0, |(id, _)| id.0) + 1))
    }

    fn commit(self, changes: Vec<Op>) -> Result<(), StoreError> {
        self.store.commit(self.durability, changes)
    }
}

impl Rows {
    fn whole(&self, rid: &Rid, load: Load) -> Option<Whole> {
        let mut record = self.records.get(rid)?.clone();
        if load == Load::Heads && record.state == RecordState::Clean {
            record.document = None;
        }
        Some((record, self.dirty.get(rid).cloned()))
    }

    fn in_order(&self, after: Option<&RecordId>) -> impl Iterator<Item = Whole> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.ids
            .range::<RecordId, _>((after, Bound::Unbounded))
            .filter_map(|(_, rid)| self.whole(rid, Load::Whole))
    }

    fn is_unseen(&self, record: &Record, pass: u64) -> bool {
        record.state != RecordState::Tombstone && !self.seen.contains(&(pass, record.rid))
    }
}

fn fits(entry: &Entry, filter: EntryFilter<'_>) -> bool {
    match filter {
        EntryFilter::All => true,
        EntryFilter::Pending(collections) => {
            entry.state == EntryState::Pending && collections.contains(&entry.collection)
        }
        EntryFilter::InFlight => matches!(entry.state, EntryState::InFlight { .. }),
        EntryFilter::Unknown(collections) => {
            matches!(entry.state, EntryState::Unknown { .. })
                && collections.contains(&entry.collection)
        }
        EntryFilter::Waiting => {
            matches!(entry.state, EntryState::Held(_) | EntryState::Parked { .. })
        }
        EntryFilter::Chains(collection, rids) => {
            entry.collection == *collection && rids.contains(&entry.rid)
        }
        EntryFilter::Group(group) => entry.group == Some(group),
        EntryFilter::Id(id) => entry.id == id,
    }
}
