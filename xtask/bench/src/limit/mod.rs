//! The physical limit: bare axum, reqwest, serde_json and rusqlite that move the same bytes with the same
//! pages, durability and number of commits, and do nothing else. No conflict, retry, receipt or schedule.
mod client;
mod saves;
mod server;

pub(crate) use client::Client;
pub(crate) use saves::Saves;
pub(crate) use server::{change, filled, serve};

use anyhow::Result;
use rusqlite::Connection;
use std::path::Path;

/// Rows of a page.
pub(crate) const PAGE_ROWS: usize = 5_000;
/// Bytes of a page.
const PAGE_BYTES: usize = 2 << 20;
/// Mutations of a push.
pub(crate) const PUSH_ROWS: usize = 500;

/// Opens a database as both sides of the limit have it.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Whether a commit survives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    Normal,
    Full,
}

impl Durable {
    pub(crate) fn set(self, connection: &Connection) -> Result<()> {
        let mode = match self {
            Durable::Normal => "NORMAL",
            Durable::Full => "FULL",
        };
        Ok(connection.execute_batch(&format!("PRAGMA synchronous={mode}"))?)
    }
}
