//! The server of the limit: one table, a page of lines out, a batch of lines in.
use super::{Durable, PAGE_BYTES, PAGE_ROWS, open};
use crate::env::Env;
use crate::host::Host;
use crate::record::{self, COLLECTION};
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The place in the feed is the rowid, as in our server: a write appends.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS rows (
    seq INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (collection, id))";
const WRITE: &str = "INSERT OR REPLACE INTO rows (collection, id, body) VALUES (?, ?, ?)";
/// The header that carries where a page ends.
pub(super) const CHECKPOINT: &str = "x-checkpoint";

type Shared = Arc<Mutex<Connection>>;
/// The place, and the lines.
type Answer = ([(&'static str, String); 1], Vec<u8>);

/// Serves a file.
pub(crate) fn serve(path: &Path) -> Result<Host> {
    let connection = open(path)?;
    connection.execute_batch(TABLE)?;
    Durable::Full.set(&connection)?;
    let shared: Shared = Arc::new(Mutex::new(connection));
    Host::start(move |listener, stopped| async move {
        let router = Router::new()
            .route("/pull", get(pull))
            .route("/push", post(push))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let stopped = async { drop(stopped.await) };
        Ok(axum::serve(listener, router)
            .with_graceful_shutdown(stopped)
            .await?)
    })
}

/// A file with the first `count` records; made once a run.
pub(crate) fn filled(env: &Env, count: u64) -> Result<PathBuf> {
    env.shared(&format!("limit-{count}.db"), |path| {
        eprintln!("  filling the limit's server with {count} records");
        change(path, 0..count, 0)
    })
}

/// Writes records into a server's file.
pub(crate) fn change(path: &Path, numbers: Range<u64>, edition: u64) -> Result<()> {
    let mut connection = open(path)?;
    connection.execute_batch(TABLE)?;
    let tx = connection.transaction()?;
    {
        let mut write = tx.prepare_cached(WRITE)?;
        for number in numbers {
            write.execute(params![
                COLLECTION,
                record::id(number),
                record::body(number, edition)
            ])?;
        }
    }
    Ok(tx.commit()?)
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

async fn pull(
    State(shared): State<Shared>,
    Query(After { after }): Query<After>,
) -> Result<Answer, StatusCode> {
    blocking(move || page(&shared, after)).await
}

fn page(shared: &Shared, after: i64) -> Result<Answer> {
    let connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut select = connection
        .prepare_cached("SELECT seq, body FROM rows WHERE seq > ? ORDER BY seq LIMIT ?")?;
    let mut rows = select.query(params![after, PAGE_ROWS as i64])?;
    let (mut until, mut body) = (after, Vec::new());
    while let Some(row) = rows.next()? {
        until = row.get(0)?;
        body.extend_from_slice(row.get_ref(1)?.as_bytes()?);
        body.push(b'\n');
        if body.len() >= PAGE_BYTES {
            break;
        }
    }
    Ok(([(CHECKPOINT, until.to_string())], body))
}

/// One line of a push.
#[derive(Deserialize)]
struct Mutation<'a> {
    record: &'a str,
    #[serde(borrow)]
    document: &'a RawValue,
}

async fn push(State(shared): State<Shared>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    blocking(move || write(&shared, &body)).await
}

/// Answers with the place of each record, once all are durable.
fn write(shared: &Shared, body: &[u8]) -> Result<Vec<u8>> {
    let mut connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let tx = connection.transaction()?;
    let mut places = Vec::new();
    {
        let mut write = tx.prepare_cached(WRITE)?;
        for line in body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let mutation: Mutation<'_> = serde_json::from_slice(line)?;
            places.push(write.insert(params![
                COLLECTION,
                mutation.record,
                mutation.document.get()
            ])?);
        }
    }
    tx.commit()?;
    Ok(serde_json::to_vec(&places)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, StatusCode> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            eprintln!("the limit's server failed: {error:#}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
