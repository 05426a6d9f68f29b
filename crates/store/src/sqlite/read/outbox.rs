//! Reads of the outbox.
use super::FIRST;
use crate::driver::{SqlDriver, SqlRow, SqlValue};
use crate::sqlite::{SqliteTx, codec};
use tisync_core::model::{CollectionName, Entry, Rid, Stamp};
use tisync_core::store::{EntryFilter, EntryKey, StoreError};

impl<D: SqlDriver> SqliteTx<'_, D> {
    pub(super) fn filtered(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        if let EntryFilter::Chains(collection, rids) = filter {
            let after = after.map_or(FIRST, SqlValue::Integer);
            return self.chains(collection, rids, after, limit);
        }
        self.selected("body, stands", filter, after, limit, codec::entry)
    }

    pub(super) fn keys(
        &mut self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, StoreError> {
        if matches!(filter, EntryFilter::Chains(..)) {
            let entries = self.filtered(filter, after, limit)?;
            return Ok(entries.iter().map(EntryKey::from).collect());
        }
        let columns = "seq, id, collection, rid, member";
        // Entries of one collection come in runs: its name is not made anew for each.
        let mut last: Option<CollectionName> = None;
        self.selected(columns, filter, after, limit, |row| {
            let name = codec::text(row, 2)?;
            let collection = match &last {
                Some(last) if last.as_str() == name => last.clone(),
                _ => codec::parsed(CollectionName::new(name))?,
            };
            last = Some(collection.clone());
            Ok(EntryKey {
                seq: codec::integer(row, 0)?,
                id: codec::parsed(codec::text(row, 1)?.parse())?,
                collection,
                rid: Rid(codec::integer(row, 3)?),
                group: codec::text_or_null(row, 4)?
                    .map(|group| codec::parsed(group.parse()))
                    .transpose()?,
            })
        })
    }

    /// Reads some columns of the entries that a filter names; chains are read by [`Self::chains`].
    fn selected<T>(
        &mut self,
        columns: &str,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
        mut read: impl FnMut(&dyn SqlRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let after = after.map_or(FIRST, SqlValue::Integer);
        let paged = [after, codec::limit(limit)];
        let page = "seq > ? ORDER BY seq LIMIT ?";
        let select = format!("SELECT {columns} FROM tisync_outbox WHERE");
        let group;
        // In the condition of a partial index its own words must stand, or SQLite does not use it.
        let (sql, values) = match filter {
            EntryFilter::All => (format!("{select} {page}"), paged.to_vec()),
            EntryFilter::InFlight => (
                format!("{select} state <> 0 AND state = 1 AND {page}"),
                paged.to_vec(),
            ),
            EntryFilter::Waiting => (
                format!("{select} state <> 0 AND state IN (3, 4) AND {page}"),
                paged.to_vec(),
            ),
            EntryFilter::Pending(collections) => {
                of_collections(&format!("{select} state = 0"), collections, paged)
            }
            EntryFilter::Unknown(collections) => {
                let select = format!("{select} state <> 0 AND state = 2");
                of_collections(&select, collections, paged)
            }
            EntryFilter::Group(of) => {
                group = of.to_string();
                (
                    format!("{select} member = ? AND {page}"),
                    vec![SqlValue::Text(&group), paged[0], paged[1]],
                )
            }
            EntryFilter::Id(id) => {
                let id = id.to_string();
                let values = [SqlValue::Text(&id), paged[0], paged[1]];
                let out =
                    format!("{select} state <> 0 AND state IN (1, 2, 3, 4) AND id = ? AND {page}");
                let found = self.rows(&out, &values, &mut read)?;
                if !found.is_empty() {
                    return Ok(found);
                }
                // Rarely asked: no index, so that saving has none to write.
                let pending = format!("{select} state = 0 AND id = ? AND {page}");
                return self.rows(&pending, &values, &mut read);
            }
            EntryFilter::Chains(..) => return Ok(Vec::new()),
        };
        self.rows(&sql, &values, &mut read)
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
        let sql = "SELECT body, stands FROM tisync_outbox WHERE collection = ? AND rid = ? AND seq > ? ORDER BY seq";
        let mut entries: Vec<Entry> = Vec::new();
        self.driver().query_many(sql, 3, &values, &mut |_, row| {
            entries.push(codec::entry(row)?);
            Ok(())
        })?;
        entries.sort_by_key(|entry| entry.seq);
        entries.dedup_by_key(|entry| entry.seq);
        entries.truncate(limit);
        Ok(entries)
    }
}

/// The statement and its values for the entries of some collections.
fn of_collections<'a>(
    select: &str,
    collections: &'a [CollectionName],
    [after, limit]: [SqlValue<'a>; 2],
) -> (String, Vec<SqlValue<'a>>) {
    let marks = vec!["?"; collections.len()].join(", ");
    let mut values: Vec<_> = collections
        .iter()
        .map(|name| SqlValue::Text(name.as_str()))
        .collect();
    values.extend([after, limit]);
    // The plus keeps SQLite on the order of `seq`: most entries are of these collections.
    let sql = format!("{select} AND +collection IN ({marks}) AND seq > ? ORDER BY seq LIMIT ?");
    (sql, values)
}
