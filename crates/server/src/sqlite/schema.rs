//! The tables of a server's file.
use super::failed;
use crate::StoreError;
use rusqlite::Connection;

/// The number of this layout; a file with a greater one is refused.
const LAYOUT: i64 = 1;
/// Marks the file as a Ti.Sync server's: `TiSv`.
const APPLICATION: i64 = 0x5469_5376;

/// Makes the tables that all tenants share, or checks that the file is ours and not newer.
pub(super) fn ensure(connection: &Connection) -> Result<(), StoreError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(failed)
    };
    let (layout, application) = (pragma("user_version")?, pragma("application_id")?);
    if layout == LAYOUT && application == APPLICATION {
        return Ok(());
    }
    if layout > LAYOUT && application == APPLICATION {
        return Err(StoreError::failed(format!(
            "the file has layout {layout}, this program knows up to {LAYOUT}: use a newer one"
        )));
    }
    let empty: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(failed)?;
    if empty != 0 {
        return Err(StoreError::failed(
            "the file is an SQLite database, but not one of a Ti.Sync server",
        ));
    }
    let tables = format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS tenants (
             key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epochs TEXT NOT NULL,
             seq INTEGER NOT NULL, horizon INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS collections (
             key INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, name TEXT NOT NULL,
             live INTEGER NOT NULL, hash INTEGER NOT NULL, UNIQUE (tenant, name));
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {LAYOUT};
         COMMIT;"
    );
    connection.execute_batch(&tables).map_err(failed)
}

/// The tables of one tenant. Receipts are in the order of their time, so that the old ones are found at
/// the front.
pub(super) fn tenant(connection: &Connection, key: i64) -> Result<(), StoreError> {
    let tables = format!(
        "CREATE TABLE records_{key} (
             place INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL,
             updated_ms INTEGER NOT NULL, stamp TEXT NOT NULL, stamps TEXT, doc TEXT);
         CREATE UNIQUE INDEX records_{key}_id ON records_{key} (collection, id);
         CREATE INDEX records_{key}_gone ON records_{key} (updated_ms) WHERE doc IS NULL;
         CREATE TABLE receipts_{key} (
             key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, content INTEGER NOT NULL, at_ms INTEGER NOT NULL,
             version INTEGER, code TEXT, body TEXT);"
    );
    connection.execute_batch(&tables).map_err(failed)
}
