//! Writes of the outbox.
use super::told::Told;
use super::{key, name, text_or_null};
use crate::driver::{Next, SqlDriver, SqlValue};
use crate::sqlite::{SqliteTx, codec, seal};
use tisync_core::model::{CollectionName, Entry, RecordId, Rid};
use tisync_core::store::{Op, StoreError, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn entry(&mut self, entry: &Entry, told: &Told<'_>) -> Result<(), StoreError> {
        let latest = self.outbox_stamp()?;
        let last_seq = self.last_seq()?;
        let (id, stamp) = (entry.id.to_string(), entry.stamps.latest.to_string());
        let member = entry.group.map(|group| group.to_string());
        let body = self.sealed(entry, told)?;
        let seq = SqlValue::Integer(entry.seq);
        let keys = [SqlValue::Text(&id), name(&entry.collection), key(entry.rid)];
        let state = SqlValue::Integer(codec::entry_code(&entry.state));
        let stamped = SqlValue::Text(&stamp);
        let rest = [
            codec::unsigned(entry.created_ms),
            text_or_null(member.as_deref()),
            SqlValue::Text(&body),
        ];
        if entry.seq <= last_seq {
            // It may have been the latest, and be so no more.
            self.store.known.outbox_stamp = None;
            let set = "state = ?, late = CASE WHEN stamp = ? THEN late ELSE 1 END, stamp = ?, \
                       created_ms = ?, member = ?, body = ?, stands = NULL";
            let [id, collection, rid] = keys;
            let [created, member, body] = rest;
            let values = [
                state, stamped, stamped, created, member, body, id, seq, collection, rid,
            ];
            // What is not among what is set has its indexes not written: the record hardly ever changes, the
            // key only where the entry takes the place of another.
            let sql = match entry.replaces {
                Some(_) => format!(
                    "UPDATE tisync_outbox SET {set}, id = ? WHERE seq = ? AND collection = ? AND rid = ?"
                ),
                None => format!(
                    "UPDATE tisync_outbox SET {set} WHERE id = ? AND seq = ? AND collection = ? AND rid = ?"
                ),
            };
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
        let known = &mut self.store.known;
        known.last_seq = Some(last_seq.max(entry.seq));
        if !late {
            known.outbox_stamp = Some(entry.stamps.latest);
        }
        let [id, collection, rid] = keys;
        let [created, member, body] = rest;
        let late = SqlValue::Integer(i64::from(late));
        self.run(
            "INSERT INTO tisync_outbox (seq, id, collection, rid, state, stamp, late, created_ms, member, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[seq, id, collection, rid, state, stamped, late, created, member, body],
        )
    }

    fn sealed(&mut self, entry: &Entry, told: &Told<'_>) -> Result<String, StoreError> {
        let of = told.get(&(&entry.collection, entry.rid));
        if let Some(id) = of.and_then(|of| of.id) {
            return seal::of_entry(Some(id), entry);
        }
        let id = match self.table(&entry.collection) {
            Some(table) => {
                let sql = format!("SELECT id FROM {} WHERE rid = ?", table.records);
                crate::sqlite::text(self.driver(), &sql, &[key(entry.rid)])?
            }
            None => None,
        };
        let id = id.map(RecordId::new).transpose();
        seal::of_entry(codec::parsed(id)?.as_ref(), entry)
    }

    /// Seals the entries of records anew that have got another id.
    pub(super) fn seal_again(
        &mut self,
        collection: &CollectionName,
        rid: Rid,
    ) -> Result<(), StoreError> {
        let sql = "SELECT seq, body FROM tisync_outbox WHERE collection = ? AND rid = ?";
        let mut entries: Vec<(i64, Entry)> = Vec::new();
        self.driver()
            .query(sql, &[name(collection), key(rid)], &mut |row| {
                let sealed = seal::unsealed(codec::text(row, 1)?)?;
                let json = seal::entry_parts(sealed).map_or("", |(_, json)| json);
                entries.push((codec::integer(row, 0)?, codec::from_json(json)?));
                Ok(Next::More)
            })?;
        for (seq, entry) in entries {
            let body = self.sealed(&entry, &Told::new())?;
            let sql = "UPDATE tisync_outbox SET body = ? WHERE seq = ?";
            self.run(sql, &[SqlValue::Text(&body), SqlValue::Integer(seq)])?;
        }
        Ok(())
    }

    /// Changes where entries stand, and nothing else of them.
    pub(super) fn entry_states(&mut self, run: &[Op]) -> Result<(), StoreError> {
        let entries = run.iter().filter_map(|op| match op {
            Op::EntryState(entry) => Some(entry),
            _ => None,
        });
        let mut texts = Vec::with_capacity(run.len());
        for entry in entries.clone() {
            let stands = seal::seal(&tisync_json::write(&codec::Stands::of(entry)));
            texts.push((stands, entry.id.to_string()));
        }
        let mut values = Vec::with_capacity(run.len() * 4);
        for (entry, (stands, id)) in entries.zip(&texts) {
            values.push(SqlValue::Integer(codec::entry_code(&entry.state)));
            values.push(SqlValue::Text(stands));
            values.push(SqlValue::Integer(entry.seq));
            values.push(SqlValue::Text(id));
        }
        let sql = "UPDATE tisync_outbox SET state = ?, stands = ? WHERE seq = ? AND id = ?";
        let changed = self.driver().execute_many(sql, 4, &values)?;
        match run.first() {
            Some(Op::EntryState(entry)) if changed != run.len() as u64 => {
                Err(rules::no_entry(entry.id))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn remove_entries(&mut self, run: &[Op]) -> Result<(), StoreError> {
        let values: Vec<_> = run
            .iter()
            .filter_map(|op| match op {
                Op::RemoveEntry(seq) => Some(SqlValue::Integer(*seq)),
                _ => None,
            })
            .collect();
        self.store.known.last_seq = None;
        self.store.known.outbox_stamp = None;
        let sql = "DELETE FROM tisync_outbox WHERE seq = ?";
        self.driver().execute_many(sql, 1, &values).map(|_| ())
    }
}
