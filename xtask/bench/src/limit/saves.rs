//! Single saves, and reads, without HTTP.
use super::{Durable, open};
use crate::record::{COLLECTION, Item};
use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use std::path::Path;

/// The condition of the filter, as SQLite can say it about text.
const OPEN_AND_URGENT: &str =
    "json_extract(body, '$.priority') >= 3 AND json_extract(body, '$.done') = 0";

/// A file that one program saves into and reads from.
pub(crate) struct Saves {
    connection: Connection,
}

impl Saves {
    /// Makes the file.
    pub(crate) fn open(path: &Path, durable: Durable) -> Result<Self> {
        let connection = open(path)?;
        connection.execute_batch(
            "CREATE TABLE rows (collection TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (collection, id));
             CREATE TABLE outbox (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);",
        )?;
        durable.set(&connection)?;
        Ok(Saves { connection })
    }

    /// One commit of two rows: the record, and the mutation with its key.
    pub(crate) fn save(&mut self, key: u128, id: &str, body: &str) -> Result<()> {
        let mutation =
            format!(r#"{{"id":"{key:032x}","record":"{id}","change":{{"create":{body}}}}}"#);
        let tx = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.prepare_cached("INSERT INTO rows (collection, id, body) VALUES (?, ?, ?)")?
            .execute(params![COLLECTION, id, body])?;
        tx.prepare_cached("INSERT INTO outbox (body) VALUES (?)")?
            .execute([mutation])?;
        Ok(tx.commit()?)
    }

    /// Adds rows in one commit, before the clock runs.
    pub(crate) fn fill(&mut self, rows: impl Iterator<Item = (String, String)>) -> Result<()> {
        let tx = self.connection.transaction()?;
        for (id, body) in rows {
            tx.prepare_cached("INSERT INTO rows (collection, id, body) VALUES (?, ?, ?)")?
                .execute(params![COLLECTION, id, body])?;
        }
        Ok(tx.commit()?)
    }

    /// The index on two expressions that the indexed filter uses.
    pub(crate) fn index(&self) -> Result<()> {
        Ok(self.connection.execute_batch(
            "CREATE INDEX urgent ON rows (json_extract(body, '$.priority'), json_extract(body, '$.done')); ANALYZE;",
        )?)
    }

    /// All rows as objects.
    pub(crate) fn all(&self) -> Result<Vec<(String, Item)>> {
        self.items("SELECT id, body FROM rows NOT INDEXED WHERE collection = 'items'")
    }

    /// One row as an object.
    pub(crate) fn get(&self, id: &str) -> Result<Item> {
        let mut select = self
            .connection
            .prepare_cached("SELECT body FROM rows WHERE collection = ? AND id = ?")?;
        let mut rows = select.query(params![COLLECTION, id])?;
        let row = rows.next()?.context("expected a row")?;
        Ok(serde_json::from_str(row.get_ref(0)?.as_str()?)?)
    }

    /// The rows of the filter as objects, by a scan.
    pub(crate) fn filter(&self) -> Result<Vec<(String, Item)>> {
        self.items(&format!(
            "SELECT id, body FROM rows NOT INDEXED WHERE collection = 'items' AND {OPEN_AND_URGENT}"
        ))
    }

    /// The rows of the filter as objects, by the index.
    pub(crate) fn filter_indexed(&self) -> Result<Vec<(String, Item)>> {
        self.items(&format!(
            "SELECT id, body FROM rows INDEXED BY urgent WHERE {OPEN_AND_URGENT} AND collection = 'items'"
        ))
    }

    fn items(&self, sql: &str) -> Result<Vec<(String, Item)>> {
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query([])?;
        let mut items = Vec::new();
        while let Some(row) = rows.next()? {
            items.push((
                row.get(0)?,
                serde_json::from_str(row.get_ref(1)?.as_str()?)?,
            ));
        }
        Ok(items)
    }
}
