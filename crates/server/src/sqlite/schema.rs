//! The tables of a server's file.
use super::failed;
use crate::StoreError;
use rusqlite::Connection;

/// The number of the layout of a server's file; a file with a greater one is refused, and `step` says how an
/// older one gets here. `cargo xtask fixture` makes the file of each layout that later ones must open.
pub const LAYOUT: i64 = 2;
/// Marks the file as a Ti.Sync server's: `TiSv`.
const APPLICATION: i64 = 0x5469_5376;

/// Makes the tables that all tenants share, or brings those of an older layout forward; refuses a file that is
/// not ours, or newer.
pub(super) fn ensure(connection: &Connection) -> Result<(), StoreError> {
    if look(connection)? == Found::Present {
        return Ok(());
    }
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(failed)?;
    let done =
        bring_forward(connection).and_then(|()| connection.execute_batch("COMMIT").map_err(failed));
    if done.is_err() {
        // The error that stopped it says more than that of taking it back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Empty,
    Older(i64),
    Present,
}

fn look(connection: &Connection) -> Result<Found, StoreError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(failed)
    };
    let (layout, application) = (pragma("user_version")?, pragma("application_id")?);
    if application == APPLICATION {
        return match layout {
            LAYOUT => Ok(Found::Present),
            older if (1..LAYOUT).contains(&older) => Ok(Found::Older(older)),
            other => Err(StoreError::failed(format!(
                "the file has layout {other}, this program knows up to {LAYOUT}: use a newer one"
            ))),
        };
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(failed)?;
    if tables != 0 {
        return Err(StoreError::failed(
            "the file is an SQLite database, but not one of a Ti.Sync server",
        ));
    }
    Ok(Found::Empty)
}

fn bring_forward(connection: &Connection) -> Result<(), StoreError> {
    // Another process may have been faster.
    match look(connection)? {
        Found::Present => return Ok(()),
        Found::Empty => connection.execute_batch(SHARED).map_err(failed)?,
        Found::Older(older) => (older..LAYOUT).try_for_each(|from| step(connection, from))?,
    }
    let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};");
    connection.execute_batch(&marks).map_err(failed)
}

/// The step from one layout to the next. A step is never changed once a file of its layout may be about.
fn step(connection: &Connection, from: i64) -> Result<(), StoreError> {
    match from {
        1 => schemas(connection),
        _ => Err(StoreError::failed(format!(
            "there is no step from layout {from}"
        ))),
    }
}

/// 1 → 2: records say which schema they have; what is there already is of an app that declared none.
fn schemas(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare("SELECT key FROM tenants")
        .map_err(failed)?;
    let keys = statement
        .query_map([], |row| row.get::<_, i64>(0))
        .map_err(failed)?;
    for key in keys {
        let key = key.map_err(failed)?;
        let sql = format!(
            "ALTER TABLE records_{key} ADD COLUMN schema INTEGER NOT NULL DEFAULT 0;
             ALTER TABLE receipts_{key} ADD COLUMN schema INTEGER NOT NULL DEFAULT 0;"
        );
        connection.execute_batch(&sql).map_err(failed)?;
    }
    Ok(())
}

/// The tables that all tenants share.
const SHARED: &str = "
    CREATE TABLE tenants (
        key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epochs TEXT NOT NULL,
        seq INTEGER NOT NULL, horizon INTEGER NOT NULL);
    CREATE TABLE collections (
        key INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, name TEXT NOT NULL,
        live INTEGER NOT NULL, hash INTEGER NOT NULL, UNIQUE (tenant, name));";

/// The tables of one tenant. Receipts are in the order of their time, so that the old ones are found at
/// the front.
pub(super) fn tenant(connection: &Connection, key: i64) -> Result<(), StoreError> {
    let tables = format!(
        "CREATE TABLE records_{key} (
             place INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL,
             updated_ms INTEGER NOT NULL, stamp TEXT NOT NULL, stamps TEXT, schema INTEGER NOT NULL, doc TEXT);
         CREATE UNIQUE INDEX records_{key}_id ON records_{key} (collection, id);
         CREATE INDEX records_{key}_gone ON records_{key} (updated_ms) WHERE doc IS NULL;
         CREATE TABLE receipts_{key} (
             key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, content INTEGER NOT NULL, at_ms INTEGER NOT NULL,
             version INTEGER, code TEXT, body TEXT, schema INTEGER NOT NULL);"
    );
    connection.execute_batch(&tables).map_err(failed)
}
