//! Reads of the outbox.
use super::FIRST;
use crate::driver::{SqlDriver, SqlValue};
use crate::sqlite::{SqliteTx, codec};
use tisync_core::model::{CollectionName, Entry, Rid, Stamp};
use tisync_core::store::{EntryFilter, StoreError};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn filtered(
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
    /// The highest `seq` of the outbox.
    pub(in crate::sqlite) fn last_seq(&mut self) -> Result<i64, StoreError> {
        if let Some(seq) = self.store.known.last_seq {
            return Ok(seq);
        }
        let sql = "SELECT max(seq) FROM tisync_outbox";
        let last = crate::sqlite::integer(self.driver(), sql, &[])?.unwrap_or(0);
        self.store.known.last_seq = Some(last);
        Ok(last)
    }

    /// The latest stamp of the outbox.
    pub(in crate::sqlite) fn outbox_stamp(&mut self) -> Result<Stamp, StoreError> {
        if let Some(stamp) = self.store.known.outbox_stamp {
            return Ok(stamp);
        }
        let last = "SELECT stamp FROM tisync_outbox WHERE late = 0 ORDER BY seq DESC LIMIT 1";
        let late = "SELECT max(stamp) FROM tisync_outbox WHERE late = 1";
        let mut latest = Stamp::default();
        for sql in [last, late] {
            if let Some(stamp) = crate::sqlite::text(self.driver(), sql, &[])? {
                latest = latest.max(codec::parsed(stamp.parse())?);
            }
        }
        self.store.known.outbox_stamp = Some(latest);
        Ok(latest)
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
}
