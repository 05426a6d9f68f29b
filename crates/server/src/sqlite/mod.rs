//! A store in one SQLite file.
//!
//! A record's rowid is its place in the feed (see [`place`]): a write deletes the row where it was and
//! appends it at the end. So a pull is one scan of the table in rowid order, a new record is appended,
//! and the only index besides is the slim unique one on (collection, id), which also answers "which
//! version?" without touching the row.
mod place;
mod rows;
mod schema;
mod sql;
mod tx;

pub use schema::LAYOUT;
pub use tx::SqliteTx;

use crate::store::{Access, ServerStore};
use crate::{StoreError, StoreErrorKind};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sql::Sql;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for another process that writes, before the store is busy.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Page cache of a writer, in KiB: the unique index of a million records.
const WRITER_CACHE_KIB: u32 = 64 * 1024;
/// Page cache of a reader, in KiB: a pull reads each page once.
const READER_CACHE_KIB: u32 = 8 * 1024;
/// Pages of log between two checkpoints; measured: a shorter log costs bulk writes a third.
const WAL_PAGES: u32 = 4000;
/// Statements kept prepared: those of a few tenants.
const STATEMENTS_KEPT: usize = 128;

/// All tenants in one SQLite file.
///
/// ```
/// use tisync_server::{ServerNow, SqliteServerStore, service};
/// let mut store = SqliteServerStore::in_memory()?;
/// service::ensure(&mut store, "main", &ServerNow::default())?;
/// # Ok::<(), tisync_server::ServiceError>(())
/// ```
#[derive(Debug)]
pub struct SqliteServerStore {
    connection: Connection,
    tenants: BTreeMap<String, Tenant>,
    read_only: bool,
}

/// What a connection remembers of a tenant; none of it ever changes once it is committed.
#[derive(Clone, Debug)]
struct Tenant {
    key: i64,
    sql: Arc<Sql>,
    collections: BTreeMap<String, i64>,
}

impl SqliteServerStore {
    /// Opens a file, making it if there is none; a file of a newer version is refused.
    ///
    /// Every commit is synced to the disk before it is answered.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let named = |error| open_failed(path, error);
        let connection = Connection::open(path).map_err(named)?;
        Self::prepare(connection, WRITER_CACHE_KIB).map_err(|error| prefix(path, error))
    }

    /// Opens a file that exists, to read only: beside a writer, without waiting for it.
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        // Not the read-only flag: a reader of a write-ahead log keeps its place in the shared index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| open_failed(path, error))?;
        let mut store =
            Self::prepare(connection, READER_CACHE_KIB).map_err(|error| prefix(path, error))?;
        store
            .connection
            .pragma_update(None, "query_only", true)
            .map_err(failed)?;
        store.read_only = true;
        Ok(store)
    }

    /// A store that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(
            Connection::open_in_memory().map_err(failed)?,
            WRITER_CACHE_KIB,
        )
    }

    fn prepare(connection: Connection, cache_kib: u32) -> Result<Self, StoreError> {
        connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let pragmas = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {WAL_PAGES};
             PRAGMA cache_size = -{cache_kib}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
        );
        connection.execute_batch(&pragmas).map_err(failed)?;
        schema::ensure(&connection)?;
        Ok(SqliteServerStore {
            connection,
            tenants: BTreeMap::new(),
            read_only: false,
        })
    }
}

impl ServerStore for SqliteServerStore {
    type Tx<'a> = SqliteTx<'a>;

    fn begin(&mut self, tenant: &str, access: Access) -> Result<SqliteTx<'_>, StoreError> {
        SqliteTx::begin(self, tenant, access)
    }
}

fn open_failed(path: &Path, error: rusqlite::Error) -> StoreError {
    prefix(path, failed(error))
}

fn prefix(path: &Path, error: StoreError) -> StoreError {
    StoreError {
        message: format!("{}: {}", path.display(), error.message),
        ..error
    }
}

/// What a failure of SQLite means to the service.
fn failed(error: rusqlite::Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Busy,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        _ => StoreErrorKind::Failed,
    };
    StoreError {
        kind,
        message: error.to_string(),
    }
}
