//! The one write of a transaction: its changes, in order, runs of like ones in one call of the driver.
use super::table::Table;
use super::{SqliteTx, codec};
use crate::column::Cell;
use crate::driver::{SqlDriver, SqlValue};
use crate::limits::ROWS_PER_CALL;
use std::sync::Arc;
use tisync_core::model::{
    CollectionName, Dirty, Entry, JournalRow, Record, RecordState, Rid, Stamp, Version,
};
use tisync_core::store::{Op, StoreError, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn write(mut self, changes: Vec<Op>) -> Result<(), StoreError> {
        // A transaction that changes nothing is not made durable: there is nothing to lose.
        self.apply(&changes)?;
        self.store.driver.commit()?;
        self.done = true;
        Ok(())
    }

    fn apply(&mut self, changes: &[Op]) -> Result<(), StoreError> {
        changes.iter().try_for_each(rules::check)?;
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let like = rest.iter().take_while(|op| is_like(first, op)).count();
            let (run, after) = rest.split_at(like.min(ROWS_PER_CALL));
            rest = after;
            match first {
                Op::Insert { collection, .. } => {
                    // A new record has a blank side row, which is only a flag: set at once, if it follows.
                    let blank = follows_blank(run, after);
                    self.insert(collection, run, blank)?;
                    if blank {
                        rest = &after[1..];
                    }
                }
                Op::Update { collection, .. } => self.update(collection, run)?,
                Op::Head {
                    collection, state, ..
                } => self.head(collection, *state, run)?,
                Op::RemoveEntry(_) => self.remove_entries(run)?,
                _ => self.apply_one(first)?,
            }
        }
        for op in changes {
            if let Op::Remove { collection, rid } = op {
                self.check_removed(collection, *rid)?;
            }
        }
        Ok(())
    }

    fn apply_one(&mut self, op: &Op) -> Result<(), StoreError> {
        match op {
            Op::Declare { collection, schema } => self.declare(collection, schema),
            Op::Remove { collection, rid } => self.remove(collection, *rid),
            Op::Dirty {
                collection,
                rid,
                dirty,
            } => self.dirty(collection, *rid, dirty.as_ref()),
            Op::Alias {
                collection,
                alias,
                rid,
            } => {
                self.declared(collection)?;
                self.run(
                    "INSERT OR REPLACE INTO tisync_aliases (collection, alias, rid) VALUES (?, ?, ?)",
                    &[name(collection), SqlValue::Text(alias.as_str()), key(*rid)],
                )
            }
            Op::Entry(entry) => self.entry(entry),
            Op::Conflict(conflict) => self.run(
                "INSERT OR REPLACE INTO tisync_conflicts (collection, rid, body) VALUES (?, ?, ?)",
                &[
                    name(&conflict.collection),
                    key(conflict.rid),
                    SqlValue::Text(&codec::to_json(conflict)?),
                ],
            ),
            Op::RemoveConflict { collection, rid } => self.run(
                "DELETE FROM tisync_conflicts WHERE collection = ? AND rid = ?",
                &[name(collection), key(*rid)],
            ),
            Op::Journal(row) => self.journal_row_stored(row),
            Op::PruneJournal {
                before_ms,
                bytes_max,
            } => self.prune(*before_ms, *bytes_max),
            Op::Feed { key, state } => self.run(
                "INSERT OR REPLACE INTO tisync_feeds (connector, feed, body) VALUES (?, ?, ?)",
                &[
                    SqlValue::Text(key.connector.as_str()),
                    SqlValue::Text(key.feed.as_str()),
                    SqlValue::Text(&codec::to_json(state)?),
                ],
            ),
            Op::Connector { name, state } => self.run(
                "INSERT OR REPLACE INTO tisync_connectors (name, body) VALUES (?, ?)",
                &[
                    SqlValue::Text(name.as_str()),
                    SqlValue::Text(&codec::to_json(state)?),
                ],
            ),
            Op::Seen {
                collection,
                pass,
                rids,
            } => {
                let table = self.declared(collection)?;
                let sql = format!(
                    "INSERT OR IGNORE INTO {} (pass, rid) SELECT ?, rid FROM {} WHERE rid = ?",
                    table.passes, table.records
                );
                let pass = codec::unsigned(*pass);
                let values: Vec<_> = rids.iter().flat_map(|rid| [pass, key(*rid)]).collect();
                self.driver().execute_many(&sql, 2, &values).map(|_| ())
            }
            Op::ForgetPass { collection, pass } => {
                let table = self.declared(collection)?;
                let sql = format!("DELETE FROM {} WHERE pass = ?", table.passes);
                self.run(&sql, &[codec::unsigned(*pass)])
            }
            Op::Suspect(suspicion) => self.run(
                "INSERT OR REPLACE INTO tisync_suspicions (collection, rid, body) VALUES (?, ?, ?)",
                &[
                    name(&suspicion.collection),
                    key(suspicion.rid),
                    SqlValue::Text(&codec::to_json(suspicion)?),
                ],
            ),
            Op::RemoveSuspicion { collection, rid } => self.run(
                "DELETE FROM tisync_suspicions WHERE collection = ? AND rid = ?",
                &[name(collection), key(*rid)],
            ),
            Op::Quarantine(row) => {
                let number = match row.number {
                    0 => {
                        let sql = "SELECT max(number) FROM tisync_quarantine";
                        super::integer(self.driver(), sql, &[])?.unwrap_or(0) + 1
                    }
                    number => number,
                };
                self.run(
                    "INSERT OR REPLACE INTO tisync_quarantine (number, body) VALUES (?, ?)",
                    &[
                        SqlValue::Integer(number),
                        SqlValue::Text(&codec::to_json(row)?),
                    ],
                )
            }
            Op::RemoveQuarantined(number) => self.run(
                "DELETE FROM tisync_quarantine WHERE number = ?",
                &[SqlValue::Integer(*number)],
            ),
            Op::Meta { key, value } => match value {
                Some(value) => self.run(
                    "INSERT OR REPLACE INTO tisync_meta (key, value) VALUES (?, ?)",
                    &[SqlValue::Text(key), SqlValue::Text(value)],
                ),
                None => self.run(
                    "DELETE FROM tisync_meta WHERE key = ?",
                    &[SqlValue::Text(key)],
                ),
            },
            // Taken by `apply`, as runs.
            Op::Insert { .. } | Op::Update { .. } | Op::Head { .. } | Op::RemoveEntry(_) => Ok(()),
        }
    }

    fn insert(
        &mut self,
        collection: &CollectionName,
        run: &[Op],
        blank: bool,
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let rows = Rows::of(&table, run);
        let mut values = Vec::with_capacity(run.len() * (6 + table.paths.len()));
        for (index, row) in rows.0.iter().enumerate() {
            let flag = if blank && index + 1 == rows.0.len() {
                codec::BLANK
            } else {
                0
            };
            values.push(key(row.record.rid));
            values.push(SqlValue::Text(row.record.id.as_str()));
            values.extend(row.head(flag));
            values.extend(row.body());
        }
        let width = 6 + table.paths.len();
        self.driver()
            .execute_many(&table.insert, width, &values)
            .map(|_| ())
    }

    fn update(&mut self, collection: &CollectionName, run: &[Op]) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let rows = Rows::of(&table, run);
        let width = 6 + table.paths.len();
        let values = |id_first: bool| {
            let mut values = Vec::with_capacity(run.len() * width);
            for row in &rows.0 {
                values.extend(row.head(0));
                values.extend(row.body());
                let id = SqlValue::Text(row.record.id.as_str());
                let rid = key(row.record.rid);
                values.extend(if id_first { [id, rid] } else { [rid, id] });
            }
            values
        };
        let changed = self
            .driver()
            .execute_many(&table.update, width, &values(false))?;
        if changed == run.len() as u64 {
            return Ok(());
        }
        // Some record has a new id, or is not there.
        let sql = &table.update_with_id;
        if self.driver().execute_many(sql, width, &values(true))? != run.len() as u64 {
            return Err(rules::not_there(collection, rows.0[0].record.rid));
        }
        Ok(())
    }

    fn head(
        &mut self,
        collection: &CollectionName,
        state: RecordState,
        run: &[Op],
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let fits = match state {
            RecordState::Clean => " AND doc IS NOT NULL",
            RecordState::Tombstone => " AND doc IS NULL",
            _ => "",
        };
        let sql = format!(
            "UPDATE {} SET version = ?, state = (? | (state & {})), stamp = ? WHERE rid = ?{fits}",
            table.records,
            codec::BLANK
        );
        let heads: Vec<_> = run.iter().filter_map(as_head).collect();
        let stamps: Vec<_> = heads
            .iter()
            .map(|(_, _, stamp)| stamp.map(|stamp| stamp.to_string()))
            .collect();
        let mut values = Vec::with_capacity(heads.len() * 4);
        for ((rid, version, _), stamp) in heads.iter().zip(&stamps) {
            values.push(text_or_null(version.map(Version::as_str)));
            values.push(SqlValue::Integer(codec::state_code(state)));
            values.push(text_or_null(stamp.as_deref()));
            values.push(key(*rid));
        }
        if self.driver().execute_many(&sql, 4, &values)? != run.len() as u64 {
            return Err(rules::not_there(collection, heads[0].0));
        }
        Ok(())
    }

    fn remove(&mut self, collection: &CollectionName, rid: Rid) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        for of in [&table.records, &table.dirty] {
            self.run(&format!("DELETE FROM {of} WHERE rid = ?"), &[key(rid)])?;
        }
        for of in ["tisync_aliases", "tisync_suspicions"] {
            let sql = format!("DELETE FROM {of} WHERE collection = ? AND rid = ?");
            self.run(&sql, &[name(collection), key(rid)])?;
        }
        // Marks go by (pass, record): there are few passes, so each is looked at.
        let next = format!("SELECT min(pass) FROM {} WHERE pass > ?", table.passes);
        let delete = format!("DELETE FROM {} WHERE pass = ? AND rid = ?", table.passes);
        let mut last = -1;
        while let Some(pass) = super::integer(self.driver(), &next, &[SqlValue::Integer(last)])? {
            self.run(&delete, &[SqlValue::Integer(pass), key(rid)])?;
            last = pass;
        }
        Ok(())
    }

    fn check_removed(&mut self, collection: &CollectionName, rid: Rid) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let there = format!("SELECT 1 FROM {} WHERE rid = ?", table.records);
        if super::integer(self.driver(), &there, &[key(rid)])?.is_some() {
            return Ok(());
        }
        for (of, by) in [
            ("tisync_outbox", "an entry of the outbox"),
            ("tisync_conflicts", "an open conflict"),
            ("tisync_journal", "a row of the journal"),
        ] {
            let sql = format!("SELECT 1 FROM {of} WHERE collection = ? AND rid = ? LIMIT 1");
            if super::integer(self.driver(), &sql, &[name(collection), key(rid)])?.is_some() {
                return Err(rules::still_referred(collection, rid, by));
            }
        }
        Ok(())
    }

    fn dirty(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
        dirty: Option<&Dirty>,
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let (records, side) = (&table.records, &table.dirty);
        let (blank, state) = (codec::BLANK, codec::STATE);
        let Some(dirty) = dirty else {
            let flag = format!(
                "UPDATE {records} SET state = (state & {state}) WHERE rid = ? AND state >= {blank}"
            );
            self.run(&flag, &[key(rid)])?;
            return self.run(&format!("DELETE FROM {side} WHERE rid = ?"), &[key(rid)]);
        };
        let there = if codec::is_blank(dirty) {
            self.run(&format!("DELETE FROM {side} WHERE rid = ?"), &[key(rid)])?;
            let flag = format!("UPDATE {records} SET state = (state | {blank}) WHERE rid = ?");
            self.driver().execute(&flag, &[key(rid)])?
        } else {
            let flag = format!(
                "UPDATE {records} SET state = (state & {state}) WHERE rid = ? AND state >= {blank}"
            );
            self.run(&flag, &[key(rid)])?;
            let remote = dirty.remote.as_ref().map(codec::to_json).transpose()?;
            let base = dirty.base.document().map(|document| document.text());
            let values = [
                SqlValue::Integer(codec::image_code(&dirty.base)),
                text_or_null(base),
                text_or_null(remote.as_deref()),
                key(rid),
            ];
            let sql = format!(
                "INSERT OR REPLACE INTO {side} (rid, kind, base, remote) \
                 SELECT rid, ?, ?, ? FROM {records} WHERE rid = ?"
            );
            self.driver().execute(&sql, &values)?
        };
        if there == 0 {
            return Err(rules::not_there(collection, rid));
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let latest = self.outbox_stamp()?;
        let last_seq = self.last_seq()?;
        let (id, stamp) = (entry.id.to_string(), entry.stamps.latest.to_string());
        let member = entry.group.map(|group| group.to_string());
        let body = codec::to_json(entry)?;
        let seq = SqlValue::Integer(entry.seq);
        let keys = [SqlValue::Text(&id), name(&entry.collection), key(entry.rid)];
        let state = SqlValue::Integer(codec::entry_code(&entry.state));
        let stamped = SqlValue::Text(&stamp);
        let rest = [
            codec::unsigned(entry.created_ms),
            text_or_null(member.as_deref()),
            SqlValue::Text(&body),
        ];
        self.outbox_stamp = Some(latest.max(entry.stamps.latest));
        if entry.seq <= last_seq {
            let set = "state = ?, late = CASE WHEN stamp = ? THEN late ELSE 1 END, stamp = ?, \
                       created_ms = ?, member = ?, body = ?";
            let [id, collection, rid] = keys;
            let [created, member, body] = rest;
            let values = [
                state, stamped, stamped, created, member, body, seq, id, collection, rid,
            ];
            // Without the keys among what is set, their indexes are not written.
            let sql = format!(
                "UPDATE tisync_outbox SET {set} WHERE seq = ? AND id = ? AND collection = ? AND rid = ?"
            );
            if self.driver().execute(&sql, &values)? > 0 {
                return Ok(());
            }
            let values = [
                state, stamped, stamped, created, member, body, id, collection, rid, seq,
            ];
            let sql = format!(
                "UPDATE tisync_outbox SET {set}, id = ?, collection = ?, rid = ? WHERE seq = ?"
            );
            if self.driver().execute(&sql, &values)? > 0 {
                return Ok(());
            }
        }
        // An entry that fills a gap stands before others, whatever its stamp.
        let late = entry.seq <= last_seq || entry.stamps.latest < latest;
        self.last_seq = Some(last_seq.max(entry.seq));
        let [id, collection, rid] = keys;
        let [created, member, body] = rest;
        let late = SqlValue::Integer(i64::from(late));
        self.run(
            "INSERT INTO tisync_outbox (seq, id, collection, rid, state, stamp, late, created_ms, member, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[seq, id, collection, rid, state, stamped, late, created, member, body],
        )
    }

    fn remove_entries(&mut self, run: &[Op]) -> Result<(), StoreError> {
        let values: Vec<_> = run
            .iter()
            .filter_map(|op| match op {
                Op::RemoveEntry(seq) => Some(SqlValue::Integer(*seq)),
                _ => None,
            })
            .collect();
        let sql = "DELETE FROM tisync_outbox WHERE seq = ?";
        self.driver().execute_many(sql, 1, &values).map(|_| ())
    }

    fn journal_row_stored(&mut self, row: &JournalRow) -> Result<(), StoreError> {
        let mutation = row.mutation.map(|id| id.to_string());
        self.run(
            "INSERT OR REPLACE INTO tisync_journal (id, at_ms, collection, rid, state, mutation, bytes, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                SqlValue::Integer(row.id.0),
                codec::unsigned(row.at_ms),
                name(&row.collection),
                key(row.rid),
                SqlValue::Integer(codec::journal_code(row.state)),
                text_or_null(mutation.as_deref()),
                codec::unsigned(rules::journal_bytes(row)),
                SqlValue::Text(&codec::to_json(row)?),
            ],
        )
    }

    fn prune(&mut self, before_ms: u64, bytes_max: u64) -> Result<(), StoreError> {
        let newest = super::integer(self.driver(), "SELECT max(id) FROM tisync_journal", &[])?;
        let newest = SqlValue::Integer(newest.unwrap_or(0));
        self.run(
            "DELETE FROM tisync_journal WHERE at_ms < ? AND state <> 0 AND id <> ?",
            &[codec::unsigned(before_ms), newest],
        )?;
        let sum = "SELECT sum(bytes) FROM tisync_journal WHERE state <> 0";
        let kept = super::integer(self.driver(), sum, &[])?.unwrap_or(0) as u64;
        if kept <= bytes_max {
            return Ok(());
        }
        // From the newest on, until they no longer fit.
        let mut bytes = 0;
        let mut beyond = None;
        let sql = "SELECT id, bytes FROM tisync_journal WHERE state <> 0 ORDER BY id DESC";
        self.driver().query(sql, &[], &mut |row| {
            bytes += codec::integer(row, 1)? as u64;
            if bytes > bytes_max {
                beyond = Some(codec::integer(row, 0)?);
                return Ok(crate::driver::Next::Stop);
            }
            Ok(crate::driver::Next::More)
        })?;
        self.run(
            "DELETE FROM tisync_journal WHERE id <= ? AND state <> 0 AND id <> ?",
            &[SqlValue::Integer(beyond.unwrap_or(0)), newest],
        )
    }

    pub(super) fn declared(&self, collection: &CollectionName) -> Result<Arc<Table>, StoreError> {
        self.table(collection)
            .ok_or_else(|| rules::not_declared(collection))
    }

    fn run(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<(), StoreError> {
        self.driver().execute(sql, values).map(|_| ())
    }
}

/// The records of a run, with what must be printed or parsed for their columns.
struct Rows<'a>(Vec<Row<'a>>);

struct Row<'a> {
    record: &'a Record,
    stamp: Option<String>,
    cells: Vec<Cell>,
}

impl<'a> Rows<'a> {
    fn of(table: &Table, run: &'a [Op]) -> Self {
        let rows = run.iter().filter_map(as_record).map(|record| Row {
            record,
            stamp: record.stamp.map(|stamp| stamp.to_string()),
            cells: Cell::all(
                &table.layout.schema.columns,
                &table.paths,
                record.document.as_ref(),
            ),
        });
        Rows(rows.collect())
    }
}

impl Row<'_> {
    /// Version, state and stamp.
    fn head(&self, flag: i64) -> [SqlValue<'_>; 3] {
        [
            text_or_null(self.record.version.as_ref().map(Version::as_str)),
            SqlValue::Integer(codec::state_code(self.record.state) | flag),
            text_or_null(self.stamp.as_deref()),
        ]
    }

    /// The document and the declared columns.
    fn body(&self) -> impl Iterator<Item = SqlValue<'_>> {
        let document = self
            .record
            .document
            .as_ref()
            .map(|document| document.text());
        std::iter::once(text_or_null(document)).chain(self.cells.iter().map(Cell::sql))
    }
}

/// Whether `op` goes into one call of the driver with `first`.
fn is_like(first: &Op, op: &Op) -> bool {
    match (first, op) {
        (Op::Insert { collection: a, .. }, Op::Insert { collection: b, .. })
        | (Op::Update { collection: a, .. }, Op::Update { collection: b, .. }) => a == b,
        (
            Op::Head {
                collection: a,
                state: x,
                ..
            },
            Op::Head {
                collection: b,
                state: y,
                ..
            },
        ) => a == b && x == y,
        (Op::RemoveEntry(_), Op::RemoveEntry(_)) => true,
        _ => std::ptr::eq(first, op),
    }
}

/// Whether the change after a run of inserts gives the last of them a blank side row.
fn follows_blank(run: &[Op], after: &[Op]) -> bool {
    match (run.last(), after.first()) {
        (
            Some(Op::Insert { collection, record }),
            Some(Op::Dirty {
                collection: of,
                rid,
                dirty: Some(dirty),
            }),
        ) => collection == of && record.rid == *rid && codec::is_blank(dirty),
        _ => false,
    }
}

fn as_record(op: &Op) -> Option<&Record> {
    match op {
        Op::Insert { record, .. } | Op::Update { record, .. } => Some(record),
        _ => None,
    }
}

fn as_head(op: &Op) -> Option<(Rid, Option<&Version>, Option<Stamp>)> {
    match op {
        Op::Head {
            rid,
            version,
            stamp,
            ..
        } => Some((*rid, version.as_ref(), *stamp)),
        _ => None,
    }
}

fn name(collection: &CollectionName) -> SqlValue<'_> {
    SqlValue::Text(collection.as_str())
}

fn key(rid: Rid) -> SqlValue<'static> {
    SqlValue::Integer(rid.0)
}

fn text_or_null(text: Option<&str>) -> SqlValue<'_> {
    text.map_or(SqlValue::Null, SqlValue::Text)
}
