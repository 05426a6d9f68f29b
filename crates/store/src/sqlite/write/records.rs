//! Writes of records and their side rows.
use super::told::Told;
use super::{key, name, text_or_null};
use crate::column::Cell;
use crate::driver::{SqlDriver, SqlValue};
use crate::sqlite::table::Table;
use crate::sqlite::{SqliteTx, codec, seal};
use tisync_core::model::{CollectionName, Dirty, Record, RecordState, Rid, Stamp, Version};
use tisync_core::store::{Op, StoreError, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn insert(
        &mut self,
        collection: &CollectionName,
        run: &[Op],
        blank: bool,
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let rows = Rows::of(&table, run);
        let width = 7 + table.paths.len();
        let mut values = Vec::with_capacity(run.len() * width);
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
        self.driver()
            .execute_many(&table.insert, width, &values)
            .map(|_| ())
    }

    pub(super) fn update(
        &mut self,
        collection: &CollectionName,
        run: &[Op],
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let rows = Rows::of(&table, run);
        let width = 7 + table.paths.len();
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
        rows.0
            .iter()
            .try_for_each(|row| self.seal_again(collection, row.record.rid))
    }

    pub(super) fn head(
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
            "UPDATE {} SET version = ?, state = (? | (state & {})), stamp = ?, schema = ? WHERE rid = ?{fits}",
            table.records,
            codec::BLANK
        );
        let heads: Vec<_> = run.iter().filter_map(as_head).collect();
        let stamps: Vec<_> = heads
            .iter()
            .map(|head| head.stamp.map(|stamp| stamp.to_string()))
            .collect();
        let mut values = Vec::with_capacity(heads.len() * 5);
        for (head, stamp) in heads.iter().zip(&stamps) {
            values.push(text_or_null(head.version.map(Version::as_str)));
            values.push(SqlValue::Integer(codec::flagged(state, head.migrated)));
            values.push(text_or_null(stamp.as_deref()));
            values.push(SqlValue::Integer(i64::from(head.schema)));
            values.push(key(head.rid));
        }
        if self.driver().execute_many(&sql, 5, &values)? != run.len() as u64 {
            return Err(rules::not_there(collection, heads[0].rid));
        }
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<(), StoreError> {
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
        while let Some(pass) =
            crate::sqlite::integer(self.driver(), &next, &[SqlValue::Integer(last)])?
        {
            self.run(&delete, &[SqlValue::Integer(pass), key(rid)])?;
            last = pass;
        }
        Ok(())
    }

    pub(super) fn check_removed(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let there = format!("SELECT 1 FROM {} WHERE rid = ?", table.records);
        if crate::sqlite::integer(self.driver(), &there, &[key(rid)])?.is_some() {
            return Ok(());
        }
        for (of, by) in [
            ("tisync_outbox", "an entry of the outbox"),
            ("tisync_conflicts", "an open conflict"),
            ("tisync_journal", "a row of the journal"),
        ] {
            let sql = format!("SELECT 1 FROM {of} WHERE collection = ? AND rid = ? LIMIT 1");
            if crate::sqlite::integer(self.driver(), &sql, &[name(collection), key(rid)])?.is_some()
            {
                return Err(rules::still_referred(collection, rid, by));
            }
        }
        Ok(())
    }

    /// Stores or removes the side rows of a run, which are all of one kind.
    pub(super) fn dirty(
        &mut self,
        collection: &CollectionName,
        run: &[Op],
        told: &Told<'_>,
    ) -> Result<(), StoreError> {
        let table = self.declared(collection)?;
        let (records, side) = (&table.records, &table.dirty);
        let (blank, rest) = (codec::BLANK, codec::STATE | codec::MIGRATED);
        let rows: Vec<_> = run.iter().filter_map(as_dirty).collect();
        let rids: Vec<_> = rows.iter().map(|(rid, _)| key(*rid)).collect();
        let kind = rows.first().map(|(_, dirty)| Side::of(*dirty));
        if kind == Some(Side::Blank) {
            let flag = format!("UPDATE {records} SET state = (state | {blank}) WHERE rid = ?");
            let there = self.driver().execute_many(&flag, 1, &rids)?;
            check_there(collection, &rows, there)?;
        } else {
            let flag = format!(
                "UPDATE {records} SET state = (state & {rest}) WHERE rid = ? AND (state & {blank}) <> 0"
            );
            self.driver().execute_many(&flag, 1, &rids)?;
        }
        if kind != Some(Side::Row) {
            let delete = format!("DELETE FROM {side} WHERE rid = ?");
            return self.driver().execute_many(&delete, 1, &rids).map(|_| ());
        }
        let mut texts = Vec::with_capacity(rows.len());
        for (rid, dirty) in &rows {
            let Some(dirty) = dirty else { continue };
            let remote = dirty.remote.as_ref().map(tisync_json::write);
            let remote = remote.map(|json| seal::seal(&json));
            let base = match told.get(&(collection, *rid)) {
                Some(record) => Some(seal::of_base(collection, *rid, &dirty.base, &record.of)),
                None => {
                    let sql = format!("SELECT version, schema, state FROM {records} WHERE rid = ?");
                    crate::sqlite::one(self.driver(), &sql, &[key(*rid)], |row, column| {
                        let of = codec::of_base(row, column)?;
                        Ok(seal::of_base(collection, *rid, &dirty.base, &of))
                    })?
                }
            };
            let base = base.ok_or_else(|| rules::not_there(collection, *rid))?;
            texts.push((base, remote));
        }
        let mut values = Vec::with_capacity(rows.len() * 4);
        for ((rid, dirty), (base, remote)) in rows.iter().zip(&texts) {
            let Some(dirty) = dirty else { continue };
            let guess = if dirty.provisional {
                codec::PROVISIONAL
            } else {
                0
            };
            values.push(SqlValue::Integer(codec::image_code(&dirty.base) | guess));
            values.push(SqlValue::Text(base));
            values.push(text_or_null(remote.as_deref()));
            values.push(key(*rid));
        }
        let sql = format!(
            "INSERT OR REPLACE INTO {side} (rid, kind, base, remote) \
             SELECT rid, ?, ?, ? FROM {records} WHERE rid = ?"
        );
        let there = self.driver().execute_many(&sql, 4, &values)?;
        check_there(collection, &rows, there)
    }
}

/// What stands in the side table for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing.
    None,
    /// Nothing: the record's state has the flag of a new record.
    Blank,
    /// A row.
    Row,
}

impl Side {
    pub(super) fn of(dirty: Option<&Dirty>) -> Self {
        match dirty {
            None => Side::None,
            Some(dirty) if codec::is_blank(dirty) => Side::Blank,
            Some(_) => Side::Row,
        }
    }
}

fn as_dirty(op: &Op) -> Option<(Rid, Option<&Dirty>)> {
    match op {
        Op::Dirty { rid, dirty, .. } => Some((*rid, dirty.as_ref())),
        _ => None,
    }
}

fn check_there(
    collection: &CollectionName,
    rows: &[(Rid, Option<&Dirty>)],
    there: u64,
) -> Result<(), StoreError> {
    match rows.first() {
        Some((rid, _)) if there != rows.len() as u64 => Err(rules::not_there(collection, *rid)),
        _ => Ok(()),
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
    /// Version, state, stamp and schema.
    fn head(&self, flag: i64) -> [SqlValue<'_>; 4] {
        [
            text_or_null(self.record.version.as_ref().map(Version::as_str)),
            SqlValue::Integer(codec::flagged(self.record.state, self.record.migrated) | flag),
            text_or_null(self.stamp.as_deref()),
            SqlValue::Integer(i64::from(self.record.schema)),
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

fn as_record(op: &Op) -> Option<&Record> {
    match op {
        Op::Insert { record, .. } | Op::Update { record, .. } => Some(record),
        _ => None,
    }
}

/// What a change of a head sets, besides the state.
struct Head<'a> {
    rid: Rid,
    version: Option<&'a Version>,
    stamp: Option<Stamp>,
    schema: u32,
    migrated: bool,
}

fn as_head(op: &Op) -> Option<Head<'_>> {
    match op {
        Op::Head {
            rid,
            version,
            stamp,
            schema,
            migrated,
            ..
        } => Some(Head {
            rid: *rid,
            version: version.as_ref(),
            stamp: *stamp,
            schema: *schema,
            migrated: *migrated,
        }),
        _ => None,
    }
}
