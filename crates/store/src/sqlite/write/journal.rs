//! Writes of the journal.
use super::{key, name, text_or_null};
use crate::driver::{Next, SqlDriver, SqlValue};
use crate::sqlite::{SqliteTx, codec};
use tisync_core::model::{JournalChange, JournalRow};
use tisync_core::store::{Op, StoreError, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn journal_row_stored(&mut self, row: &JournalRow) -> Result<(), StoreError> {
        self.store.known.other_stamp = None;
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
                SqlValue::Text(&tisync_json::write(row)),
            ],
        )
    }

    /// Changes the open rows whose outcome some mutations carry, all in the same way but for the new carrier.
    pub(super) fn amend_journal(&mut self, run: &[Op]) -> Result<(), StoreError> {
        let mut texts = Vec::with_capacity(run.len());
        let mut is_state = false;
        for op in run {
            let Op::AmendJournal { carrier, change } = op else {
                continue;
            };
            is_state = matches!(change, JournalChange::State(_));
            let set = match change {
                JournalChange::State(state) => Err(codec::journal_code(*state)),
                JournalChange::Carrier(mutation) => Ok(mutation.to_string()),
            };
            texts.push((set, carrier.to_string()));
        }
        let values: Vec<_> = texts
            .iter()
            .flat_map(|(set, carrier)| {
                let set = match set {
                    Ok(mutation) => SqlValue::Text(mutation),
                    Err(state) => SqlValue::Integer(*state),
                };
                [set, SqlValue::Text(carrier)]
            })
            .collect();
        let column = if is_state { "state" } else { "mutation" };
        let sql =
            format!("UPDATE tisync_journal SET {column} = ? WHERE mutation = ? AND state = 0");
        self.driver().execute_many(&sql, 2, &values).map(|_| ())
    }

    pub(super) fn prune(&mut self, before_ms: u64, bytes_max: u64) -> Result<(), StoreError> {
        self.store.known.other_stamp = None;
        let newest =
            crate::sqlite::integer(self.driver(), "SELECT max(id) FROM tisync_journal", &[])?;
        let newest = SqlValue::Integer(newest.unwrap_or(0));
        self.run(
            "DELETE FROM tisync_journal WHERE at_ms < ? AND state <> 0 AND id <> ?",
            &[codec::unsigned(before_ms), newest],
        )?;
        let sum = "SELECT sum(bytes) FROM tisync_journal WHERE state <> 0";
        let kept = crate::sqlite::integer(self.driver(), sum, &[])?.unwrap_or(0) as u64;
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
                return Ok(Next::Stop);
            }
            Ok(Next::More)
        })?;
        self.run(
            "DELETE FROM tisync_journal WHERE id <= ? AND state <> 0 AND id <> ?",
            &[SqlValue::Integer(beyond.unwrap_or(0)), newest],
        )
    }
}
