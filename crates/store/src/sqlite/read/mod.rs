//! The reads of a transaction.
mod known;
mod outbox;
mod records;
mod setup;

use super::{SqliteTx, codec, seal};
use crate::driver::{Next, SqlDriver, SqlRow, SqlValue};
use serde::de::DeserializeOwned;
use tisync_core::model::{
    CollectionName, CollectionOutbox, Conflict, ConnectorName, ConnectorState, Dirty, Entry,
    FeedKey, FeedState, IdRange, JournalId, JournalRow, Quarantined, Record, RecordId, Rid, Stamp,
    Suspicion,
};
use tisync_core::store::{
    Declared, EntryFilter, EntryKey, JournalFilter, Keys, Known, Load, Op, StoreError, Tx, rules,
};
use tisync_json::tree::BTreeMap;

type Whole = (Record, Option<Dirty>);

/// Before every key.
const FIRST: SqlValue<'static> = SqlValue::Integer(i64::MIN);

impl<D: SqlDriver> Tx for SqliteTx<'_, D> {
    fn load(
        &mut self,
        collection: &CollectionName,
        keys: Keys<'_>,
        load: Load,
    ) -> Result<Vec<Option<Whole>>, StoreError> {
        let Some(table) = self.table(collection) else {
            return Ok(vec![None; length(keys)]);
        };
        match keys {
            Keys::Ids(ids) => self.load_ids(&table, ids, load),
            Keys::Rids(rids) => {
                let values: Vec<_> = rids.iter().map(|rid| SqlValue::Integer(rid.0)).collect();
                let sql = match load {
                    Load::Heads => &table.heads_by_rid,
                    Load::Whole => &table.whole_by_rid,
                };
                let mut found = vec![None; rids.len()];
                self.driver().query_many(sql, 1, &values, &mut |run, row| {
                    found[run] = Some(codec::whole(row, None)?);
                    Ok(())
                })?;
                Ok(found)
            }
        }
    }

    fn scan(
        &mut self,
        collection: &CollectionName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Whole>, StoreError> {
        let Some(table) = self.table(collection) else {
            return Ok(Vec::new());
        };
        let sql = format!(
            "{} WHERE {} ORDER BY c.id LIMIT ?",
            table.select,
            beyond(after)
        );
        self.wholes(&sql, &[after_id(after), codec::limit(limit)])
    }

    fn unseen(
        &mut self,
        collection: &CollectionName,
        pass: u64,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Whole>, StoreError> {
        let Some(table) = self.table(collection) else {
            return Ok(Vec::new());
        };
        let sql = format!(
            "{} WHERE {} AND {} AND NOT EXISTS \
             (SELECT 1 FROM {} AS p WHERE p.pass = ? AND p.rid = c.rid) ORDER BY c.id LIMIT ?",
            table.select,
            beyond(after),
            codec::live(),
            table.passes
        );
        let values = [after_id(after), codec::unsigned(pass), codec::limit(limit)];
        self.wholes(&sql, &values)
    }

    fn count(
        &mut self,
        collection: &CollectionName,
        pass: Option<u64>,
    ) -> Result<(u64, u64), StoreError> {
        let Some(table) = self.table(collection) else {
            return Ok((0, 0));
        };
        // Counting all goes through the slim index of ids, the tombstones have an index of their own.
        let (records, passes) = (&table.records, &table.passes);
        let dead = format!("c.doc IS NULL AND NOT ({})", codec::live());
        let all = self.number(&format!("SELECT count(*) FROM {records}"), &[])?;
        let sql = format!("SELECT count(*) FROM {records} AS c WHERE {dead}");
        let all = all - self.number(&sql, &[])?;
        let Some(pass) = pass else {
            return Ok((all, 0));
        };
        let pass = [codec::unsigned(pass)];
        let sql = format!("SELECT count(*) FROM {passes} WHERE pass = ?");
        let marked = self.number(&sql, &pass)?;
        let sql = format!(
            "SELECT count(*) FROM {records} AS c WHERE {dead} AND EXISTS \
             (SELECT 1 FROM {passes} AS p WHERE p.pass = ? AND p.rid = c.rid)"
        );
        let marked = marked - self.number(&sql, &pass)?;
        Ok((all, all.saturating_sub(marked)))
    }

    fn known(
        &mut self,
        range: &IdRange,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Known>, StoreError> {
        match self.table(&range.collection) {
            Some(table) => self.known_of(&table, range, documents, limit),
            None => Ok(Vec::new()),
        }
    }

    fn aliases(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Vec<RecordId>, StoreError> {
        let sql =
            "SELECT alias FROM tisync_aliases WHERE collection = ? AND rid = ? ORDER BY alias";
        let mut aliases = Vec::new();
        let values = [
            SqlValue::Text(collection.as_str()),
            SqlValue::Integer(rid.0),
        ];
        self.driver().query(sql, &values, &mut |row| {
            aliases.push(codec::parsed(RecordId::new(codec::text(row, 0)?))?);
            Ok(Next::More)
        })?;
        Ok(aliases)
    }

    fn entries(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.filtered(filter, after, limit)
    }

    fn entry_keys(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, StoreError> {
        self.keys(filter, after, limit)
    }

    fn outbox(&mut self) -> Result<BTreeMap<CollectionName, CollectionOutbox>, StoreError> {
        let mut outbox: BTreeMap<CollectionName, CollectionOutbox> = BTreeMap::new();
        let sql = "SELECT collection, state, count(*), min(created_ms) FROM tisync_outbox \
                   GROUP BY collection, state";
        self.driver().query(sql, &[], &mut |row| {
            let collection = codec::parsed(CollectionName::new(codec::text(row, 0)?))?;
            let mut one = CollectionOutbox {
                oldest_ms: Some(codec::integer(row, 3)? as u64),
                ..CollectionOutbox::default()
            };
            *match codec::integer(row, 1)? {
                0 => {
                    one.oldest_pending_ms = one.oldest_ms;
                    &mut one.counts.pending
                }
                1 => &mut one.counts.in_flight,
                2 => &mut one.counts.unknown,
                3 => &mut one.counts.held,
                4 => &mut one.counts.parked,
                code => return Err(codec::corrupt(format!("an entry has the state {code}"))),
            } = codec::integer(row, 2)? as u64;
            let known = outbox.entry(collection).or_default();
            *known = known.and(one);
            Ok(Next::More)
        })?;
        Ok(outbox)
    }

    fn conflict(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<Option<Conflict>, StoreError> {
        self.body(
            "SELECT body FROM tisync_conflicts WHERE collection = ? AND rid = ?",
            &[
                SqlValue::Text(collection.as_str()),
                SqlValue::Integer(rid.0),
            ],
        )
    }

    fn conflicts(
        &mut self,
        after: Option<(&CollectionName, Rid)>,
        limit: usize,
    ) -> Result<Vec<Conflict>, StoreError> {
        let (collection, rid) = after.map_or(("", i64::MIN), |(name, rid)| (name.as_str(), rid.0));
        self.bodies(
            "SELECT body FROM tisync_conflicts WHERE collection >= ? AND (collection > ? OR rid > ?) \
             ORDER BY collection, rid LIMIT ?",
            &[
                SqlValue::Text(collection),
                SqlValue::Text(collection),
                SqlValue::Integer(rid),
                codec::limit(limit),
            ],
        )
    }

    fn journal(
        &mut self,
        filter: JournalFilter<'_>,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let before = SqlValue::Integer(before.map_or(i64::MAX, |id| id.0));
        let limit = codec::limit(limit);
        let select = "SELECT body, state, mutation, rid FROM tisync_journal WHERE";
        let page = "id < ? ORDER BY id DESC LIMIT ?";
        match filter {
            JournalFilter::All => self.journal_rows(&format!("{select} {page}"), &[before, limit]),
            JournalFilter::Record(collection, rid) => self.journal_rows(
                &format!("{select} collection = ? AND rid = ? AND {page}"),
                &[
                    SqlValue::Text(collection.as_str()),
                    SqlValue::Integer(rid.0),
                    before,
                    limit,
                ],
            ),
            JournalFilter::Mutation(id) => {
                let id = id.to_string();
                self.journal_rows(
                    &format!("{select} mutation = ? AND {page}"),
                    &[SqlValue::Text(&id), before, limit],
                )
            }
        }
    }

    fn journal_row(&mut self, id: JournalId) -> Result<Option<JournalRow>, StoreError> {
        let sql = "SELECT body, state, mutation, rid FROM tisync_journal WHERE id = ?";
        Ok(self.journal_rows(sql, &[SqlValue::Integer(id.0)])?.pop())
    }

    fn feed(&mut self, key: &FeedKey) -> Result<Option<FeedState>, StoreError> {
        self.body(
            "SELECT body FROM tisync_feeds WHERE connector = ? AND feed = ?",
            &[
                SqlValue::Text(key.connector.as_str()),
                SqlValue::Text(key.feed.as_str()),
            ],
        )
    }

    fn connector(&mut self, name: &ConnectorName) -> Result<Option<ConnectorState>, StoreError> {
        let sql = "SELECT body FROM tisync_connectors WHERE name = ?";
        self.body(sql, &[SqlValue::Text(name.as_str())])
    }

    fn suspicions(
        &mut self,
        collection: &CollectionName,
        limit: usize,
    ) -> Result<Vec<Suspicion>, StoreError> {
        self.bodies(
            "SELECT body FROM tisync_suspicions WHERE collection = ? ORDER BY rid LIMIT ?",
            &[SqlValue::Text(collection.as_str()), codec::limit(limit)],
        )
    }

    fn quarantined(
        &mut self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let sql =
            "SELECT number, body FROM tisync_quarantine WHERE number > ? ORDER BY number LIMIT ?";
        let mut rows = Vec::new();
        let values = [after.map_or(FIRST, SqlValue::Integer), codec::limit(limit)];
        self.driver().query(sql, &values, &mut |row| {
            let mut quarantined: Quarantined = codec::from_json(codec::text(row, 1)?)?;
            quarantined.number = codec::integer(row, 0)?;
            rows.push(quarantined);
            Ok(Next::More)
        })?;
        Ok(rows)
    }

    fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM tisync_meta WHERE key = ?";
        match super::text(self.driver(), sql, &[SqlValue::Text(key)])? {
            Some(sealed) => seal::meta(key, &sealed).map(Some),
            None => Ok(None),
        }
    }

    fn setup(&mut self) -> Result<Vec<Op>, StoreError> {
        self.setup_rows()
    }

    fn clock(&mut self) -> Result<Stamp, StoreError> {
        let other = match self.store.known.other_stamp {
            Some(stamp) => stamp,
            None => {
                let meta = self.meta("clock")?.and_then(|text| text.parse().ok());
                let sql = "SELECT max(at_ms) FROM tisync_journal";
                let journal = super::integer(self.driver(), sql, &[])?.unwrap_or(0);
                Stamp::at(journal as u64).max(meta.unwrap_or_default())
            }
        };
        self.store.known.other_stamp = Some(other);
        Ok(other.max(self.outbox_stamp()?))
    }

    fn declared(&mut self, collection: &CollectionName) -> Result<Option<Declared>, StoreError> {
        Ok(self.table(collection).map(|table| Declared {
            number: table.layout.schema.number,
            migrating: table.layout.migrating,
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
        let Some(table) = self.table(collection) else {
            return Ok(Vec::new());
        };
        let values = [
            after.map_or(FIRST, |rid| SqlValue::Integer(rid.0)),
            SqlValue::Integer(i64::from(schema)),
            codec::limit(limit),
        ];
        let mut rows = Vec::new();
        let mut bytes = 0;
        self.driver().query(&table.outdated, &values, &mut |row| {
            let whole = codec::whole(row, None)?;
            bytes += rules::row_bytes(&whole);
            rows.push(whole);
            Ok(if bytes < bytes_max {
                Next::More
            } else {
                Next::Stop
            })
        })?;
        Ok(rows)
    }

    fn next_rid(&mut self, collection: &CollectionName) -> Result<Rid, StoreError> {
        let Some(table) = self.table(collection) else {
            return Ok(Rid(1));
        };
        let sql = format!("SELECT max(rid) FROM {}", table.records);
        let last = super::integer(self.driver(), &sql, &[])?;
        Ok(Rid(last.unwrap_or(0) + 1))
    }

    fn next_seq(&mut self) -> Result<i64, StoreError> {
        Ok(self.last_seq()? + 1)
    }

    fn next_journal(&mut self) -> Result<JournalId, StoreError> {
        let last = super::integer(self.driver(), "SELECT max(id) FROM tisync_journal", &[])?;
        Ok(JournalId(last.unwrap_or(0) + 1))
    }

    fn commit(self, changes: Vec<Op>) -> Result<(), StoreError> {
        self.write(changes)
    }
}

impl<D: SqlDriver> SqliteTx<'_, D> {
    fn rows<T>(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        read: &mut impl FnMut(&dyn SqlRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.driver().query(sql, values, &mut |row| {
            rows.push(read(row)?);
            Ok(Next::More)
        })?;
        Ok(rows)
    }

    fn bodies<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Vec<T>, StoreError> {
        self.rows(sql, values, &mut |row| {
            codec::from_json(codec::text(row, 0)?)
        })
    }

    fn journal_rows(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.rows(sql, values, &mut codec::journal_row)
    }

    fn body<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.bodies(sql, values)?.pop())
    }

    fn number(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError> {
        Ok(super::integer(self.driver(), sql, values)?.unwrap_or(0) as u64)
    }
}

/// The condition on the id; from the beginning, no row is left out, whatever is in it.
fn beyond(after: Option<&RecordId>) -> &'static str {
    match after {
        Some(_) => "c.id > ?",
        None => "c.id >= ?",
    }
}

fn after_id<'a>(after: Option<&'a RecordId>) -> SqlValue<'a> {
    SqlValue::Text(after.map_or("", RecordId::as_str))
}

fn length(keys: Keys<'_>) -> usize {
    match keys {
        Keys::Ids(ids) => ids.len(),
        Keys::Rids(rids) => rids.len(),
    }
}
