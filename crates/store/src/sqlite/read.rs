//! The reads of a transaction.
use super::table::Table;
use super::{SqliteTx, codec};
use crate::driver::{Next, SqlDriver, SqlValue};
use serde::de::DeserializeOwned;
use tisync_core::model::{
    CollectionName, Conflict, ConnectorName, ConnectorState, Dirty, Entry, FeedKey, FeedState,
    JournalId, JournalRow, OutboxCounts, Quarantined, Record, RecordId, Rid, Stamp, Suspicion,
};
use tisync_core::store::{EntryFilter, JournalFilter, Keys, Load, Op, StoreError, Tx};

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
            live(),
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
        let dead = format!("c.doc IS NULL AND NOT ({})", live());
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
        let after = after.map_or(FIRST, SqlValue::Integer);
        let paged = [after, codec::limit(limit)];
        let page = "seq > ? ORDER BY seq LIMIT ?";
        let select = "SELECT body FROM tisync_outbox WHERE";
        // In the condition of a partial index its own words must stand, or SQLite does not use it.
        match filter {
            EntryFilter::All => self.bodies(&format!("{select} {page}"), &paged),
            EntryFilter::InFlight => self.bodies(
                &format!("{select} state <> 0 AND state = 1 AND {page}"),
                &paged,
            ),
            EntryFilter::Waiting => self.bodies(
                &format!("{select} state <> 0 AND state IN (3, 4) AND {page}"),
                &paged,
            ),
            EntryFilter::Pending(collections) => {
                self.of_collections(&format!("{select} state = 0"), collections, paged)
            }
            EntryFilter::Unknown(collections) => {
                let select = format!("{select} state <> 0 AND state = 2");
                self.of_collections(&select, collections, paged)
            }
            EntryFilter::Group(group) => {
                let group = group.to_string();
                self.bodies(
                    &format!("{select} member = ? AND {page}"),
                    &[SqlValue::Text(&group), paged[0], paged[1]],
                )
            }
            EntryFilter::Chains(collection, rids) => self.chains(collection, rids, after, limit),
            EntryFilter::Id(id) => {
                let id = id.to_string();
                let values = [SqlValue::Text(&id), paged[0], paged[1]];
                let out =
                    format!("{select} state <> 0 AND state IN (1, 2, 3, 4) AND id = ? AND {page}");
                let found: Vec<Entry> = self.bodies(&out, &values)?;
                if !found.is_empty() {
                    return Ok(found);
                }
                // Rarely asked: no index, so that saving has none to write.
                self.bodies(
                    &format!("{select} state = 0 AND id = ? AND {page}"),
                    &values,
                )
            }
        }
    }

    fn outbox(&mut self) -> Result<(OutboxCounts, Option<u64>), StoreError> {
        let mut counts = OutboxCounts::default();
        let mut earliest = None;
        let sql = "SELECT state, count(*), min(created_ms) FROM tisync_outbox GROUP BY state";
        self.driver().query(sql, &[], &mut |row| {
            let count = codec::integer(row, 1)? as u64;
            *match codec::integer(row, 0)? {
                0 => &mut counts.pending,
                1 => &mut counts.in_flight,
                2 => &mut counts.unknown,
                3 => &mut counts.held,
                4 => &mut counts.parked,
                code => return Err(codec::corrupt(format!("an entry has the state {code}"))),
            } = count;
            let created = codec::integer(row, 2)? as u64;
            earliest = Some(earliest.map_or(created, |earliest: u64| earliest.min(created)));
            Ok(Next::More)
        })?;
        Ok((counts, earliest))
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
        let select = "SELECT body FROM tisync_journal WHERE";
        let page = "id < ? ORDER BY id DESC LIMIT ?";
        match filter {
            JournalFilter::All => self.bodies(&format!("{select} {page}"), &[before, limit]),
            JournalFilter::Record(collection, rid) => self.bodies(
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
                self.bodies(
                    &format!("{select} mutation = ? AND {page}"),
                    &[SqlValue::Text(&id), before, limit],
                )
            }
        }
    }

    fn journal_row(&mut self, id: JournalId) -> Result<Option<JournalRow>, StoreError> {
        let sql = "SELECT body FROM tisync_journal WHERE id = ?";
        self.body(sql, &[SqlValue::Integer(id.0)])
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
        super::text(self.driver(), sql, &[SqlValue::Text(key)])
    }

    fn clock(&mut self) -> Result<Stamp, StoreError> {
        let meta = self.meta("clock")?.and_then(|text| text.parse().ok());
        let sql = "SELECT max(at_ms) FROM tisync_journal";
        let journal = super::integer(self.driver(), sql, &[])?;
        let journal = Stamp::at(journal.unwrap_or(0) as u64);
        let outbox = self.outbox_stamp()?;
        Ok(outbox.max(journal).max(meta.unwrap_or_default()))
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
    /// The highest `seq` of the outbox.
    pub(super) fn last_seq(&mut self) -> Result<i64, StoreError> {
        if let Some(seq) = self.last_seq {
            return Ok(seq);
        }
        let sql = "SELECT max(seq) FROM tisync_outbox";
        let last = super::integer(self.driver(), sql, &[])?.unwrap_or(0);
        self.last_seq = Some(last);
        Ok(last)
    }

    /// The latest stamp of the outbox.
    pub(super) fn outbox_stamp(&mut self) -> Result<Stamp, StoreError> {
        if let Some(stamp) = self.outbox_stamp {
            return Ok(stamp);
        }
        let last = "SELECT stamp FROM tisync_outbox WHERE late = 0 ORDER BY seq DESC LIMIT 1";
        let late = "SELECT max(stamp) FROM tisync_outbox WHERE late = 1";
        let mut latest = Stamp::default();
        for sql in [last, late] {
            if let Some(stamp) = super::text(self.driver(), sql, &[])? {
                latest = latest.max(codec::parsed(stamp.parse())?);
            }
        }
        self.outbox_stamp = Some(latest);
        Ok(latest)
    }

    fn load_ids(
        &mut self,
        table: &Table,
        ids: &[RecordId],
        load: Load,
    ) -> Result<Vec<Option<Whole>>, StoreError> {
        let mut found = vec![None; ids.len()];
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.records);
        if super::integer(self.driver(), &sql, &[])?.is_none() {
            return Ok(found);
        }
        let values: Vec<_> = ids.iter().map(|id| SqlValue::Text(id.as_str())).collect();
        let sql = match load {
            Load::Heads => &table.heads_by_id,
            Load::Whole => &table.whole_by_id,
        };
        self.driver().query_many(sql, 1, &values, &mut |run, row| {
            found[run] = Some(codec::whole(row, Some(&ids[run]))?);
            Ok(())
        })?;
        if found.iter().any(Option::is_none) {
            self.load_aliases(table, ids, load, &mut found)?;
        }
        Ok(found)
    }

    /// Looks up the ids that were not found as former ids.
    fn load_aliases(
        &mut self,
        table: &Table,
        ids: &[RecordId],
        load: Load,
        found: &mut [Option<Whole>],
    ) -> Result<(), StoreError> {
        let name = SqlValue::Text(table.name.as_str());
        let any = "SELECT 1 FROM tisync_aliases WHERE collection = ? LIMIT 1";
        if super::integer(self.driver(), any, &[name])?.is_none() {
            return Ok(());
        }
        let missing: Vec<usize> = (0..ids.len())
            .filter(|index| found[*index].is_none())
            .collect();
        let values: Vec<_> = missing
            .iter()
            .flat_map(|index| [name, SqlValue::Text(ids[*index].as_str())])
            .collect();
        let mut rids = Vec::new();
        let sql = "SELECT rid FROM tisync_aliases WHERE collection = ? AND alias = ?";
        self.driver().query_many(sql, 2, &values, &mut |run, row| {
            rids.push((missing[run], SqlValue::Integer(codec::integer(row, 0)?)));
            Ok(())
        })?;
        let values: Vec<_> = rids.iter().map(|(_, rid)| *rid).collect();
        let sql = match load {
            Load::Heads => &table.heads_by_rid,
            Load::Whole => &table.whole_by_rid,
        };
        self.driver().query_many(sql, 1, &values, &mut |run, row| {
            found[rids[run].0] = Some(codec::whole(row, None)?);
            Ok(())
        })
    }

    fn wholes(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<Vec<Whole>, StoreError> {
        let mut rows = Vec::new();
        self.driver().query(sql, values, &mut |row| {
            rows.push(codec::whole(row, None)?);
            Ok(Next::More)
        })?;
        Ok(rows)
    }

    fn of_collections(
        &mut self,
        select: &str,
        collections: &[CollectionName],
        [after, limit]: [SqlValue<'_>; 2],
    ) -> Result<Vec<Entry>, StoreError> {
        if collections.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; collections.len()].join(", ");
        let mut values: Vec<_> = collections
            .iter()
            .map(|name| SqlValue::Text(name.as_str()))
            .collect();
        values.extend([after, limit]);
        // The plus keeps SQLite on the order of `seq`: most entries are of these collections.
        let sql = format!("{select} AND +collection IN ({marks}) AND seq > ? ORDER BY seq LIMIT ?");
        self.bodies(&sql, &values)
    }

    fn chains(
        &mut self,
        collection: &CollectionName,
        rids: &[Rid],
        after: SqlValue<'_>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let values: Vec<_> = rids
            .iter()
            .flat_map(|rid| {
                [
                    SqlValue::Text(collection.as_str()),
                    SqlValue::Integer(rid.0),
                    after,
                ]
            })
            .collect();
        let sql = "SELECT body FROM tisync_outbox WHERE collection = ? AND rid = ? AND seq > ? ORDER BY seq";
        let mut entries: Vec<Entry> = Vec::new();
        self.driver().query_many(sql, 3, &values, &mut |_, row| {
            entries.push(codec::from_json(codec::text(row, 0)?)?);
            Ok(())
        })?;
        entries.sort_by_key(|entry| entry.seq);
        entries.dedup_by_key(|entry| entry.seq);
        entries.truncate(limit);
        Ok(entries)
    }

    fn bodies<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.driver().query(sql, values, &mut |row| {
            rows.push(codec::from_json(codec::text(row, 0)?)?);
            Ok(Next::More)
        })?;
        Ok(rows)
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

/// The condition of a record that is not a tombstone.
fn live() -> String {
    format!("(c.state & {}) <> 4", codec::STATE)
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
