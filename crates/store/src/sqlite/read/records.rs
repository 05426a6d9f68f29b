//! Reads of records.
use super::Whole;
use crate::driver::{Next, SqlDriver, SqlValue};
use crate::sqlite::table::Table;
use crate::sqlite::{SqliteTx, codec};
use tisync_core::model::RecordId;
use tisync_core::store::{Load, StoreError};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn load_ids(
        &mut self,
        table: &Table,
        ids: &[RecordId],
        load: Load,
    ) -> Result<Vec<Option<Whole>>, StoreError> {
        let mut found = vec![None; ids.len()];
        let sql = format!("SELECT max(id) FROM {}", table.records);
        let Some(last) = crate::sqlite::text(self.driver(), &sql, &[])? else {
            return Ok(found);
        };
        // A first sync comes in the order of ids: what is beyond the last one need not be looked for one by one.
        let asked: Vec<usize> = (0..ids.len())
            .filter(|index| ids[*index].as_str() <= last.as_str())
            .collect();
        let values: Vec<_> = (asked.iter())
            .map(|index| SqlValue::Text(ids[*index].as_str()))
            .collect();
        let sql = match load {
            Load::Heads => &table.heads_by_id,
            Load::Whole => &table.whole_by_id,
        };
        self.driver().query_many(sql, 1, &values, &mut |run, row| {
            let index = asked[run];
            found[index] = Some(codec::whole(row, Some(&ids[index]))?);
            Ok(())
        })?;
        if found.iter().any(Option::is_none) {
            self.load_aliases(table, ids, load, &mut found)?;
        }
        Ok(found)
    }

    /// Looks up the ids that were not found as former ids.
    pub(super) fn load_aliases(
        &mut self,
        table: &Table,
        ids: &[RecordId],
        load: Load,
        found: &mut [Option<Whole>],
    ) -> Result<(), StoreError> {
        let name = SqlValue::Text(table.name.as_str());
        let any = "SELECT 1 FROM tisync_aliases WHERE collection = ? LIMIT 1";
        if crate::sqlite::integer(self.driver(), any, &[name])?.is_none() {
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

    pub(super) fn wholes(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Vec<Whole>, StoreError> {
        let mut rows = Vec::new();
        self.driver().query(sql, values, &mut |row| {
            rows.push(codec::whole(row, None)?);
            Ok(Next::More)
        })?;
        Ok(rows)
    }
}
