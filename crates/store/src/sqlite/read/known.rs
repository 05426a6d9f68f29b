//! Reads what is known of the server's records, for digests.
use crate::driver::{Next, SqlDriver, SqlRow, SqlValue};
use crate::sqlite::table::Table;
use crate::sqlite::{SqliteTx, codec};
use tisync_core::model::{IdRange, RecordId, Remote, Rid};
use tisync_core::store::{Known, StoreError, Tx, rules};

impl<D: SqlDriver> SqliteTx<'_, D> {
    /// Clean records need their id and version alone; of the others, which are few, the images are read.
    pub(super) fn known_of(
        &mut self,
        table: &Table,
        range: &IdRange,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Known>, StoreError> {
        let mut known = Vec::new();
        let mut after = range.after.clone();
        while known.len() < limit {
            let wanted = limit - known.len();
            let rows = self.heads(table, range, after.as_ref(), documents, wanted)?;
            let is_last = rows.len() < wanted;
            after = rows.last().map(|head| head.id().clone());
            for head in rows {
                known.extend(match head {
                    Head::Known(row) => Some(row),
                    Head::Dirty(_, rid) => self.known_one(table, rid, documents)?,
                });
            }
            if is_last {
                break;
            }
        }
        Ok(known)
    }

    fn heads(
        &mut self,
        table: &Table,
        range: &IdRange,
        after: Option<&RecordId>,
        documents: bool,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError> {
        let document = if documents { "doc" } else { "NULL" };
        let from = if after.is_some() { "id > ?" } else { "id >= ?" };
        let until = if range.until.is_some() {
            " AND id <= ?"
        } else {
            ""
        };
        // Clean or provisional ones that are there, and all dirty ones.
        let sql = format!(
            "SELECT id, version, state, rid, {document} FROM {} WHERE {from}{until} AND \
             ((state & {state}) = 1 OR ((state & {state}) IN (0, 2) AND doc IS NOT NULL)) \
             ORDER BY id LIMIT ?",
            table.records,
            state = codec::STATE
        );
        let mut values = vec![super::after_id(after)];
        values.extend(range.until.as_ref().map(|id| SqlValue::Text(id.as_str())));
        values.push(codec::limit(limit));
        let mut rows = Vec::new();
        self.driver().query(&sql, &values, &mut |row| {
            rows.push(head(row)?);
            Ok(Next::More)
        })?;
        Ok(rows)
    }

    fn known_one(
        &mut self,
        table: &Table,
        rid: Rid,
        documents: bool,
    ) -> Result<Option<Known>, StoreError> {
        let conflict = self.conflict(&table.name, rid)?;
        let remote: Option<Remote> = conflict.map(|conflict| conflict.remote);
        let rows = self.wholes(&table.whole_by_rid, &[SqlValue::Integer(rid.0)])?;
        Ok(rows.first().and_then(|(record, dirty)| {
            let (version, document) = rules::known(record, dirty.as_ref(), remote.as_ref())?;
            Some(Known {
                id: record.id.clone(),
                version: version.cloned(),
                document: documents.then(|| document.clone()),
            })
        }))
    }
}

enum Head {
    Known(Known),
    Dirty(RecordId, Rid),
}

impl Head {
    fn id(&self) -> &RecordId {
        match self {
            Head::Known(known) => &known.id,
            Head::Dirty(id, _) => id,
        }
    }
}

/// Reads the columns `id, version, state, rid, doc`.
fn head(row: &dyn SqlRow) -> Result<Head, StoreError> {
    let id = codec::parsed(RecordId::new(codec::text(row, 0)?))?;
    if codec::integer(row, 2)? & codec::STATE == 1 {
        return Ok(Head::Dirty(id, Rid(codec::integer(row, 3)?)));
    }
    Ok(Head::Known(Known {
        id,
        version: codec::version(row, 1)?,
        document: codec::document(row, 4)?,
    }))
}
