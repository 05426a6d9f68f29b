//! The driver for native hosts, over the bundled SQLite, or SQLCipher where encryption is built in.
use crate::Key;
use crate::driver::{Next, SqlConsole, SqlDriver, SqlRow, SqlValue};
use crate::{key, limits, salvage};
#[cfg(feature = "encryption")]
use crate::{key::Salt, salt};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Row, Statement, ToSql};
use std::path::Path;
use std::time::Duration;
use tisync_core::store::{StoreError, StoreErrorKind};

/// A connection of the bundled SQLite.
#[derive(Debug)]
pub struct RusqliteDriver {
    connection: Connection,
    /// That of an encrypted file.
    #[cfg(feature = "encryption")]
    salt: Option<Salt>,
}

impl RusqliteDriver {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        RusqliteDriver::open_with_key(path, None)
    }

    /// The same, of an encrypted file if there is a key. Whether it is the right one shows at the first read.
    ///
    /// # Errors
    /// `EncryptionKey` for a key where encryption was not built in.
    pub fn open_with_key(path: &Path, key: Option<&Key>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        RusqliteDriver::keyed(path, flags, key)
    }

    /// Opens a file that is there, for reading only.
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        RusqliteDriver::open_reader_with_key(path, None)
    }

    /// The same, of an encrypted file if there is a key; its first page is read, so that a wrong one shows.
    ///
    /// # Errors
    /// `EncryptionKey` for a wrong key, a missing one, and one where encryption was not built in.
    pub fn open_reader_with_key(path: &Path, key: Option<&Key>) -> Result<Self, StoreError> {
        // Not SQLITE_OPEN_READ_ONLY: the first reader of a WAL file must be able to make its index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let driver = RusqliteDriver::keyed(path, flags, key)?;
        let guard = driver.connection.pragma_update(None, "query_only", true);
        guard.map_err(refused)?;
        driver.keep_log(true)?;
        let version = driver
            .connection
            .query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        version.map_err(|error| salvage::explained(path, key, refused(error)))?;
        driver.keep_log(false)?;
        Ok(driver)
    }

    fn keyed(path: &Path, flags: OpenFlags, key: Option<&Key>) -> Result<Self, StoreError> {
        if key.is_some() && cfg!(not(feature = "encryption")) {
            return Err(key::not_built_in());
        }
        let connection = Connection::open_with_flags(path, flags).map_err(refused)?;
        #[cfg(feature = "encryption")]
        if let Some(key) = key {
            let salt = give(&connection, key)?;
            let mut driver = RusqliteDriver::with(connection)?;
            driver.salt = Some(salt);
            return Ok(driver);
        }
        RusqliteDriver::with(connection)
    }

    /// Says that the file was read: its salt is the right one, and closing may take in the log.
    pub(crate) fn opened(&self, path: &Path) -> Result<(), StoreError> {
        #[cfg(feature = "encryption")]
        if let Some(salt) = &self.salt {
            salt::keep(path, salt);
        }
        #[cfg(not(feature = "encryption"))]
        let _ = path;
        self.keep_log(false)
    }

    /// Says whether closing leaves the log as it is, also when no other connection is left. Until a file was read it must:
    /// with the wrong key, SQLite would take a log into the file of which it can read neither.
    pub(crate) fn keep_log(&self, on: bool) -> Result<(), StoreError> {
        let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let set = self.connection.set_db_config(option, on);
        set.map(drop).map_err(refused)
    }

    /// Opens a database in memory, of this connection alone.
    pub fn in_memory() -> Result<Self, StoreError> {
        RusqliteDriver::with(Connection::open_in_memory().map_err(refused)?)
    }

    fn with(connection: Connection) -> Result<Self, StoreError> {
        connection.set_prepared_statement_cache_capacity(limits::STATEMENTS_MAX);
        connection
            .busy_timeout(Duration::from_millis(limits::BUSY_MS))
            .map_err(refused)?;
        // Plans must not depend on bound values: SQLite would plan again at each call, which costs more than
        // the statement itself.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(refused)?;
        Ok(RusqliteDriver {
            connection,
            #[cfg(feature = "encryption")]
            salt: None,
        })
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(refused)
    }
}

/// Gives a connection its key, before anything else is asked of it.
#[cfg(feature = "encryption")]
fn give(connection: &Connection, secret: &Key) -> Result<Salt, StoreError> {
    use crate::key::{KEY_BYTES, SALT_BYTES};
    use std::fmt::Write;
    use zeroize::Zeroizing;
    // It would write to the error stream of the app.
    connection
        .execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA key = 'to be asked for the salt'")
        .map_err(refused)?;
    let salt: String = connection
        .query_row("PRAGMA cipher_salt", [], |row| row.get(0))
        .map_err(refused)?;
    let salt = salt::read(&salt)
        .ok_or_else(|| key::refused(format!("expected the salt of the file, but {salt:?} came")))?;
    let mut sql = Zeroizing::new(String::with_capacity(32 + 2 * (KEY_BYTES + SALT_BYTES)));
    sql.push_str("PRAGMA key = \"x'");
    for byte in secret.bytes(&salt).iter().chain(&salt) {
        // To a text nothing is refused.
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push_str("'\"");
    connection.execute_batch(&sql).map_err(refused)?;
    Ok(salt)
}

impl SqlDriver for RusqliteDriver {
    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(refused)
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, values)?;
        let changed = statement.raw_execute().map_err(refused)?;
        Ok(changed as u64)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, values)?;
        run(&mut statement, row)
    }

    fn execute_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
    ) -> Result<u64, StoreError> {
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for values in values.chunks_exact(width) {
            bind(&mut statement, values)?;
            changed += statement.raw_execute().map_err(refused)? as u64;
        }
        Ok(changed)
    }

    fn query_many(
        &mut self,
        sql: &str,
        width: usize,
        values: &[SqlValue<'_>],
        row: &mut dyn FnMut(usize, &dyn SqlRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare(sql)?;
        for (number, values) in values.chunks_exact(width).enumerate() {
            bind(&mut statement, values)?;
            run(&mut statement, &mut |found| {
                row(number, found).map(|()| Next::More)
            })?;
        }
        Ok(())
    }
}

impl SqlConsole for RusqliteDriver {
    fn read_only(
        &mut self,
        sql: &str,
        values: &[SqlValue<'_>],
        columns: &mut dyn FnMut(&[&str]),
        row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(sql).map_err(refused)?;
        // `BEGIN` and `ATTACH` count as read-only too, but they give no columns.
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(StoreError::new(
                StoreErrorKind::Misuse,
                "expected one SELECT, came a statement that may write: use the collection's methods to write",
            ));
        }
        columns(&statement.column_names().collect::<Vec<_>>());
        bind(&mut statement, values)?;
        run(&mut statement, row)
    }
}

impl SqlRow for Row<'_> {
    fn value(&self, column: usize) -> Result<SqlValue<'_>, StoreError> {
        match self.get_ref(column).map_err(refused)? {
            ValueRef::Null => Ok(SqlValue::Null),
            ValueRef::Integer(value) => Ok(SqlValue::Integer(value)),
            ValueRef::Real(value) => Ok(SqlValue::Real(value)),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes)
                .map(SqlValue::Text)
                .map_err(|_| corrupt("a text that is not UTF-8")),
            ValueRef::Blob(_) => Err(corrupt("a blob")),
        }
    }
}

struct Bound<'a>(SqlValue<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Integer(value) => ValueRef::Integer(value),
            SqlValue::Real(value) => ValueRef::Real(value),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn bind(statement: &mut Statement<'_>, values: &[SqlValue<'_>]) -> Result<(), StoreError> {
    if statement.parameter_count() != values.len() {
        return Err(StoreError::new(
            StoreErrorKind::Misuse,
            format!(
                "the statement takes {} values, {} came",
                statement.parameter_count(),
                values.len()
            ),
        ));
    }
    for (index, value) in values.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, Bound(*value))
            .map_err(refused)?;
    }
    Ok(())
}

fn run(
    statement: &mut Statement<'_>,
    row: &mut dyn FnMut(&dyn SqlRow) -> Result<Next, StoreError>,
) -> Result<(), StoreError> {
    let mut rows = statement.raw_query();
    while let Some(found) = rows.next().map_err(refused)? {
        if row(found)? == Next::Stop {
            break;
        }
    }
    Ok(())
}

fn corrupt(what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!("the file holds {what} where text or a number must be"),
    )
}

fn refused(error: rusqlite::Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreErrorKind::Busy,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Corrupt,
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::OperationInterrupted
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
        ) => StoreErrorKind::Io,
        _ => StoreErrorKind::Misuse,
    };
    StoreError::new(kind, format!("SQLite: {error}"))
}
