//! The client of the limit.
use super::server::CHECKPOINT;
use super::{Durable, PUSH_ROWS, open};
use crate::record::COLLECTION;
use anyhow::{Context, Result, ensure};
use reqwest::Response;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::path::Path;
use tokio::runtime::Runtime;

const TABLES: &str = "
CREATE TABLE rows (collection TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (collection, id));
CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, state INTEGER NOT NULL, base TEXT, body TEXT NOT NULL);
CREATE TABLE place (name TEXT PRIMARY KEY, seq INTEGER NOT NULL);";
const WRITE: &str = "INSERT OR REPLACE INTO rows (collection, id, body) VALUES (?, ?, ?)";

/// A client with its file; it uses one thread, as ours does.
pub(crate) struct Client {
    connection: Connection,
    http: reqwest::Client,
    runtime: Runtime,
    url: String,
    after: i64,
}

/// All that is read of a pulled row: the rest stays text.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

struct Page {
    body: Vec<u8>,
    until: i64,
}

impl Page {
    fn lines(&self) -> Result<impl Iterator<Item = &str>> {
        Ok(std::str::from_utf8(&self.body)?.lines())
    }
}

impl Client {
    /// Makes the file.
    pub(crate) fn open(path: &Path, url: &str) -> Result<Self> {
        let connection = open(path)?;
        connection.execute_batch(TABLES)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Client {
            connection,
            http: reqwest::Client::new(),
            runtime,
            url: url.to_owned(),
            after: 0,
        })
    }

    /// Pulls until a page is empty; there must be `expected` rows.
    pub(crate) fn pull_all(&mut self, expected: u64) -> Result<()> {
        let mut count = 0;
        // It knows when to stop, as ours does by the word `more`.
        while count < expected {
            let page = self.page()?;
            Durable::Normal.set(&self.connection)?;
            let tx = self.connection.transaction()?;
            {
                let mut write = tx.prepare_cached(WRITE)?;
                for line in page.lines()? {
                    let head: Head<'_> = serde_json::from_str(line)?;
                    write.execute(params![COLLECTION, head.id, line])?;
                    count += 1;
                }
            }
            keep_place(&tx, page.until)?;
            tx.commit()?;
            ensure!(
                page.until > self.after,
                "expected {expected} rows, but {count} came"
            );
            self.after = page.until;
        }
        ensure!(
            count == expected,
            "expected {expected} rows, but {count} came"
        );
        Ok(())
    }

    /// Asks for changes when there are none.
    pub(crate) fn look(&mut self) -> Result<()> {
        let page = self.page()?;
        ensure!(page.body.is_empty(), "expected no changes, but some came");
        Ok(())
    }

    /// Puts writes into the file, all in one commit, before the clock runs. With `base`, the row as it was is
    /// kept for a merge.
    pub(crate) fn save_all(
        &mut self,
        bodies: impl Iterator<Item = (String, String)>,
        base: bool,
    ) -> Result<()> {
        let tx = self.connection.transaction()?;
        for (id, body) in bodies {
            let before: Option<String> = match base {
                true => tx
                    .prepare_cached("SELECT body FROM rows WHERE collection = ? AND id = ?")?
                    .query_row(params![COLLECTION, id], |row| row.get(0))
                    .optional()?,
                false => None,
            };
            tx.prepare_cached(WRITE)?
                .execute(params![COLLECTION, id, body])?;
            tx.prepare_cached("INSERT INTO outbox (id, state, base, body) VALUES (?, 0, ?, ?)")?
                .execute(params![id, before, body])?;
        }
        Ok(tx.commit()?)
    }

    /// Sends the outbox in batches: one commit marks a batch as sent, one takes it away.
    pub(crate) fn push_all(&mut self) -> Result<()> {
        Durable::Full.set(&self.connection)?;
        loop {
            let mut entries: Vec<(i64, String)> = Vec::new();
            let mut body = String::new();
            let tx = self.connection.transaction()?;
            {
                let mut select = tx.prepare_cached(
                    "SELECT seq, id, body FROM outbox WHERE state = 0 ORDER BY seq LIMIT ?",
                )?;
                let mut rows = select.query([PUSH_ROWS as i64])?;
                while let Some(row) = rows.next()? {
                    let (id, document) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
                    entries.push((row.get(0)?, id.to_owned()));
                    body.push_str(r#"{"record":""#);
                    body.push_str(id);
                    body.push_str(r#"","document":"#);
                    body.push_str(document);
                    body.push_str("}\n");
                }
                let mut freeze = tx.prepare_cached("UPDATE outbox SET state = 1 WHERE seq = ?")?;
                for (seq, _) in &entries {
                    freeze.execute([seq])?;
                }
            }
            tx.commit()?;
            if entries.is_empty() {
                return Ok(());
            }
            let sent = self.http.post(format!("{}/push", self.url)).body(body);
            let answer = self
                .runtime
                .block_on(async { sent.send().await?.error_for_status()?.bytes().await })?;
            let places: Vec<i64> = serde_json::from_slice(&answer)?;
            ensure!(
                places.len() == entries.len(),
                "expected a place for each mutation"
            );
            let tx = self.connection.transaction()?;
            for (seq, _) in &entries {
                tx.prepare_cached("DELETE FROM outbox WHERE seq = ?")?
                    .execute([seq])?;
            }
            tx.commit()?;
        }
    }

    /// Pulls changes of rows that were changed here too, and merges each by field: the row and its entry in the
    /// outbox are written again. No journal.
    pub(crate) fn pull_and_merge(&mut self, expected: u64) -> Result<()> {
        let mut count = 0;
        while count < expected {
            let page = self.page()?;
            Durable::Normal.set(&self.connection)?;
            let tx = self.connection.transaction()?;
            {
                let mut select = tx.prepare_cached(
                    "SELECT o.seq, o.base, o.body FROM outbox AS o WHERE o.id = ? ORDER BY o.seq LIMIT 1",
                )?;
                let mut write =
                    tx.prepare_cached("UPDATE rows SET body = ? WHERE collection = ? AND id = ?")?;
                let mut rewrite =
                    tx.prepare_cached("UPDATE outbox SET body = ?, base = ? WHERE seq = ?")?;
                for line in page.lines()? {
                    let head: Head<'_> = serde_json::from_str(line)?;
                    let (seq, merged) = select.query_row([head.id.as_ref()], |row| {
                        let (base, ours) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
                        Ok((row.get::<_, i64>(0)?, merge(base, ours, line)))
                    })?;
                    let merged = merged?;
                    write.execute(params![merged, COLLECTION, head.id])?;
                    rewrite.execute(params![merged, line, seq])?;
                    count += 1;
                }
            }
            keep_place(&tx, page.until)?;
            tx.commit()?;
            self.after = page.until;
        }
        ensure!(
            count == expected,
            "expected {expected} rows, but {count} came"
        );
        Ok(())
    }

    /// Makes the index by record that merging needs.
    pub(crate) fn index_outbox(&self) -> Result<()> {
        Ok(self
            .connection
            .execute_batch("CREATE INDEX outbox_record ON outbox (id)")?)
    }

    fn page(&self) -> Result<Page> {
        let asked = self
            .http
            .get(format!("{}/pull?after={}", self.url, self.after));
        self.runtime.block_on(async {
            let response: Response = asked.send().await?.error_for_status()?;
            let until = response
                .headers()
                .get(CHECKPOINT)
                .context("a page without a place")?;
            let until = until.to_str()?.parse()?;
            let body = response.bytes().await?.into();
            Ok(Page { body, until })
        })
    }
}

fn keep_place(tx: &rusqlite::Transaction<'_>, until: i64) -> Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO place (name, seq) VALUES ('feed', ?)")?
        .execute([until])?;
    Ok(())
}

/// Three ways, by top-level field; theirs where both changed.
fn merge(base: &str, ours: &str, theirs: &str) -> Result<String> {
    let parse = serde_json::from_str::<Map<String, Value>>;
    let (base, mut ours, theirs) = (parse(base)?, parse(ours)?, parse(theirs)?);
    for (key, value) in theirs {
        if base.get(&key) != Some(&value) {
            ours.insert(key, value);
        }
    }
    Ok(serde_json::to_string(&ours)?)
}
