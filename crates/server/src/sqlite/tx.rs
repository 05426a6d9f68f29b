//! One transaction on a tenant of the file.
use super::rows::{damaged, live_row, receipt, record, scanned, text};
use super::{SqliteServerStore, Tenant, failed, place, schema, sql, sql::Sql};
use crate::StoreError;
use crate::store::{
    Access, Head, Key, LiveRow, Meta, Range, Receipt, Record, Row, ServerTx, Settled, Tally,
    stamps_text,
};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use tisync_json::Document;

/// Sorts behind every id: every text sorts before every blob.
const BEHIND_ALL: Value = Value::Blob(Vec::new());

/// A transaction on one tenant of an SQLite file.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    store: &'a mut SqliteServerStore,
    name: String,
    /// None while a reader finds no such tenant.
    tenant: Option<Tenant>,
    access: Access,
    /// The last head that was asked for: most often it is written next.
    last: Option<(i64, String, Option<i64>)>,
    open: bool,
}

impl<'a> SqliteTx<'a> {
    pub(super) fn begin(
        store: &'a mut SqliteServerStore,
        name: &str,
        access: Access,
    ) -> Result<SqliteTx<'a>, StoreError> {
        if access == Access::Write && store.read_only {
            return Err(StoreError::failed("the store was opened to read only"));
        }
        let begin = match access {
            Access::Read => "BEGIN",
            Access::Write => "BEGIN IMMEDIATE",
        };
        store
            .connection
            .prepare_cached(begin)
            .and_then(|mut begin| begin.execute([]))
            .map_err(failed)?;
        let tenant = store.tenants.get(name).cloned();
        let mut tx = SqliteTx {
            store,
            name: name.to_owned(),
            tenant,
            access,
            last: None,
            open: true,
        };
        if tx.tenant.is_none() {
            tx.tenant = tx.find_tenant()?;
        }
        Ok(tx)
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.store.connection.prepare_cached(sql).map_err(failed)
    }

    fn find_tenant(&mut self) -> Result<Option<Tenant>, StoreError> {
        let found = self
            .statement(sql::TENANT)?
            .query_row([&self.name], |row| row.get(0))
            .optional();
        let key = match (found.map_err(failed)?, self.access) {
            (Some(key), _) => key,
            (None, Access::Read) => return Ok(None),
            (None, Access::Write) => {
                let key = self
                    .statement(sql::TENANT_INSERT)?
                    .insert([&self.name])
                    .map_err(failed)?;
                schema::tenant(&self.store.connection, key)?;
                key
            }
        };
        Ok(Some(Tenant {
            key,
            sql: Arc::new(Sql::new(key)),
            collections: BTreeMap::new(),
        }))
    }

    fn sql(&self) -> Option<Arc<Sql>> {
        self.tenant.as_ref().map(|tenant| tenant.sql.clone())
    }

    /// The statements of a tenant that a writer has made sure of.
    fn write_sql(&self) -> Result<Arc<Sql>, StoreError> {
        match self.access {
            Access::Write => self
                .sql()
                .ok_or_else(|| StoreError::failed("there is no such tenant")),
            Access::Read => Err(StoreError::failed("the transaction may only read")),
        }
    }

    /// A collection's key; none if nothing was ever written to it.
    fn collection(&mut self, name: &str) -> Result<Option<i64>, StoreError> {
        let Some(tenant) = &self.tenant else {
            return Ok(None);
        };
        if let Some(key) = tenant.collections.get(name) {
            return Ok(Some(*key));
        }
        let key: Option<i64> = self
            .statement(sql::COLLECTION)?
            .query_row(params![tenant.key, name], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        if let (Some(key), Some(tenant)) = (key, &mut self.tenant) {
            tenant.collections.insert(name.to_owned(), key);
        }
        Ok(key)
    }

    fn new_collection(&mut self, name: &str) -> Result<i64, StoreError> {
        if let Some(key) = self.collection(name)? {
            return Ok(key);
        }
        let tenant = self
            .tenant
            .as_ref()
            .map(|tenant| tenant.key)
            .unwrap_or_default();
        let key = self
            .statement(sql::COLLECTION_INSERT)?
            .insert(params![tenant, name])
            .map_err(failed)?;
        if let Some(tenant) = &mut self.tenant {
            tenant.collections.insert(name.to_owned(), key);
        }
        Ok(key)
    }

    /// Where a record is.
    fn place(&mut self, collection: i64, id: &str) -> Result<Option<i64>, StoreError> {
        if let Some((last_collection, last_id, place)) = &self.last
            && *last_collection == collection
            && last_id == id
        {
            return Ok(*place);
        }
        let Some(sql) = self.sql() else {
            return Ok(None);
        };
        let found = self
            .statement(&sql.head)?
            .query_row(params![collection, id], |row| row.get(0))
            .optional();
        let place: Option<i64> = found.map_err(failed)?;
        self.last = Some((collection, id.to_owned(), place));
        Ok(place)
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        if self.open {
            // SQLite may have rolled back by itself; then there is nothing left to do.
            let _ = self.store.connection.execute_batch("ROLLBACK");
        }
    }
}

impl ServerTx for SqliteTx<'_> {
    fn meta(&mut self) -> Result<Option<Meta>, StoreError> {
        let Some(tenant) = &self.tenant else {
            return Ok(None);
        };
        let mut statement = self.statement(sql::META)?;
        let mut rows = statement.query([tenant.key]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(None);
        };
        let epochs: Vec<(String, u64)> =
            serde_json::from_str(text(row, 0)?).map_err(|error| damaged("epochs", &error))?;
        let number = |index| row.get::<_, i64>(index).map_err(failed);
        let meta = Meta {
            epochs,
            seq: number(1)? as u64,
            horizon: number(2)? as u64,
        };
        // A tenant without an epoch is being made in this transaction.
        Ok(Some(meta).filter(|meta| !meta.epochs.is_empty()))
    }

    fn put_meta(&mut self, meta: &Meta) -> Result<(), StoreError> {
        self.write_sql()?;
        let key = self.tenant.as_ref().map(|tenant| tenant.key);
        let epochs = serde_json::to_string(&meta.epochs)
            .map_err(|error| StoreError::failed(format!("epochs were not written: {error}")))?;
        let values = params![key, epochs, meta.seq as i64, meta.horizon as i64];
        self.statement(sql::META_UPDATE)?
            .execute(values)
            .map_err(failed)?;
        Ok(())
    }

    fn head(&mut self, key: Key<'_>) -> Result<Option<Head>, StoreError> {
        let Some(collection) = self.collection(key.collection)? else {
            return Ok(None);
        };
        let place = self.place(collection, key.id)?;
        Ok(place.map(|at| Head {
            version: place::version(at),
            deleted: place::is_deleted(at),
        }))
    }

    fn record(&mut self, key: Key<'_>) -> Result<Option<Record>, StoreError> {
        let Some(collection) = self.collection(key.collection)? else {
            return Ok(None);
        };
        let Some(sql) = self.sql() else {
            return Ok(None);
        };
        let mut statement = self.statement(&sql.record)?;
        let mut rows = statement
            .query(params![collection, key.id])
            .map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(None);
        };
        record(row).map(Some)
    }

    fn put(&mut self, key: Key<'_>, record: &Record, position: u64) -> Result<(), StoreError> {
        let sql = self.write_sql()?;
        let collection = self.new_collection(key.collection)?;
        let before = self.place(collection, key.id)?;
        let after = place::place(record.version, position, record.document.is_none())?;
        let stamps = Some(&record.stamps)
            .filter(|stamps| !stamps.is_empty())
            .map(stamps_text)
            .transpose()?;
        let (stamp, document) = (&record.stamp, record.document.as_ref().map(Document::text));
        let (updated_ms, schema) = (record.updated_ms as i64, record.schema);
        match before {
            None => self.statement(&sql.insert)?.execute(params![
                after, updated_ms, stamp, stamps, schema, document, collection, key.id
            ]),
            Some(before) => self.statement(&sql.replace)?.execute(params![
                after, updated_ms, stamp, stamps, schema, document, before
            ]),
        }
        .map_err(failed)?;
        self.last = None;
        Ok(())
    }

    fn receipt(&mut self, id: &[u8; 16]) -> Result<Option<Receipt>, StoreError> {
        let Some(sql) = self.sql() else {
            return Ok(None);
        };
        let mut statement = self.statement(&sql.receipt)?;
        let mut rows = statement.query([id]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(None);
        };
        receipt(row).map(Some)
    }

    fn put_receipt(&mut self, id: &[u8; 16], receipt: &Receipt) -> Result<(), StoreError> {
        let sql = self.write_sql()?;
        let (version, code, body, schema) = match &receipt.settled {
            Settled::Accepted { version, document } => {
                let (body, schema) = match document {
                    Some((document, schema)) => (Some(document.text()), *schema),
                    None => (None, 0),
                };
                (Some(*version as i64), None, body, schema)
            }
            Settled::Rejected(rejected) => {
                let reason = Some(rejected.reason.as_str());
                (None, Some(&rejected.code), reason, 0)
            }
        };
        let values = params![
            id,
            receipt.content as i64,
            receipt.at_ms as i64,
            version,
            code,
            body,
            schema
        ];
        self.statement(&sql.receipt_insert)?
            .execute(values)
            .map_err(failed)?;
        Ok(())
    }

    fn scan(
        &mut self,
        after: u64,
        collections: &BTreeSet<&str>,
        visit: &mut dyn FnMut(u64, Option<Row<'_>>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut wanted = BTreeMap::new();
        for name in collections {
            if let Some(key) = self.collection(name)? {
                wanted.insert(key, *name);
            }
        }
        let Some(sql) = self.sql() else { return Ok(()) };
        let mut statement = self.statement(&sql.scan)?;
        let mut rows = statement.query([place::after(after)]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let version = place::version(row.get(0).map_err(failed)?);
            let row = match wanted.get(&row.get(1).map_err(failed)?) {
                Some(collection) => Some(scanned(row, collection)?),
                None => None,
            };
            if visit(version, row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn tally(&mut self, collection: &str) -> Result<Tally, StoreError> {
        let Some(key) = self.collection(collection)? else {
            return Ok(Tally::default());
        };
        let tally = self.statement(sql::TALLY)?.query_row([key], |row| {
            Ok(Tally {
                count: row.get::<_, i64>(0)? as u64,
                hash: row.get::<_, i64>(1)? as u64,
            })
        });
        tally.map_err(failed)
    }

    fn put_tally(&mut self, collection: &str, tally: &Tally) -> Result<(), StoreError> {
        self.write_sql()?;
        let key = self.new_collection(collection)?;
        let values = params![key, tally.count as i64, tally.hash as i64];
        self.statement(sql::TALLY_UPDATE)?
            .execute(values)
            .map_err(failed)?;
        Ok(())
    }

    fn live(
        &mut self,
        range: Range<'_>,
        visit: &mut dyn FnMut(LiveRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(collection) = self.collection(range.collection)? else {
            return Ok(());
        };
        let Some(sql) = self.sql() else {
            return Ok(());
        };
        let (first, last) = (Value::Text(String::new()), BEHIND_ALL);
        let (sql, open_after, open_until) = match (range.backwards, range.documents) {
            (true, _) => (&sql.range_backwards, last, first),
            (false, true) => (&sql.range_documents, first, last),
            (false, false) => (&sql.range, first, last),
        };
        let bound = |id: Option<&str>, open| id.map_or(open, |id| Value::Text(id.to_owned()));
        let (after, until) = (
            bound(range.after, open_after),
            bound(range.until, open_until),
        );
        let mut statement = self.statement(sql)?;
        let mut rows = statement
            .query(params![collection, after, until])
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let row = live_row(row, range.documents)?;
            if row.is_some_and(|row| visit(row).is_break()) {
                break;
            }
        }
        Ok(())
    }

    fn prune_tombstones(&mut self, until_ms: u64) -> Result<Option<u64>, StoreError> {
        let sql = self.write_sql()?;
        let until_ms = until_ms.min(i64::MAX as u64) as i64;
        let last: Option<i64> = self
            .statement(&sql.gone_last)?
            .query_row([until_ms], |row| row.get(0))
            .map_err(failed)?;
        if last.is_some() {
            self.statement(&sql.gone_delete)?
                .execute([until_ms])
                .map_err(failed)?;
            self.last = None;
        }
        Ok(last.map(place::version))
    }

    fn prune_receipts(&mut self, until_ms: u64) -> Result<u64, StoreError> {
        let sql = self.write_sql()?;
        let until_ms = until_ms.min(i64::MAX as u64) as i64;
        let young = self
            .statement(&sql.receipt_young)?
            .query_row([until_ms], |row| row.get(0))
            .optional();
        let young: i64 = young.map_err(failed)?.unwrap_or(i64::MAX);
        Ok(self
            .statement(&sql.receipts_delete)?
            .execute([young])
            .map_err(failed)? as u64)
    }

    fn commit(mut self) -> Result<(), StoreError> {
        self.statement("COMMIT")?.execute([]).map_err(failed)?;
        self.open = false;
        if let Some(tenant) = self.tenant.take() {
            self.store
                .tenants
                .insert(std::mem::take(&mut self.name), tenant);
        }
        Ok(())
    }
}
