//! The store over an SQLite database.
mod codec;
mod declare;
mod layout;
mod open;
mod read;
mod table;
mod write;

pub use open::Options;

use crate::driver::{Next, SqlDriver, SqlRow, SqlValue};
use std::collections::BTreeMap;
use std::sync::Arc;
use table::Table;
use tisync_core::model::{CollectionName, Stamp};
use tisync_core::store::{Durability, Store, StoreError};

/// The store over an SQLite database; see [`SqliteStore::open`] for native hosts.
#[derive(Debug)]
pub struct SqliteStore<D> {
    driver: D,
    /// The `PRAGMA synchronous` that is set, since setting it for each transaction costs.
    durability: Option<Durability>,
    tables: BTreeMap<CollectionName, Arc<Table>>,
    /// What `tables` was read at; `None` when it must be read again.
    seen: Option<Seen>,
    /// A transaction that could not be taken back.
    open: bool,
}

/// The counters by which SQLite tells what other connections did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    data_version: i64,
    schema_version: i64,
}

impl<D: SqlDriver> SqliteStore<D> {
    /// The driver, for statements of the host's own between transactions.
    pub fn driver(&mut self) -> &mut D {
        &mut self.driver
    }

    /// Looks for damage: cheap checks of every page and row. `Corrupt` says what was found.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let mut found = None;
        self.driver
            .query("PRAGMA quick_check(1)", &[], &mut |row| {
                if let SqlValue::Text(text) = row.value(0)?
                    && text != "ok"
                {
                    found = Some(text.to_owned());
                }
                Ok(Next::More)
            })?;
        found.map_or(Ok(()), |found| {
            Err(codec::corrupt(format!("the file is damaged: {found}")))
        })
    }

    /// A number that changes whenever another connection commits.
    pub fn data_version(&mut self) -> Result<i64, StoreError> {
        integer(&mut self.driver, "PRAGMA data_version", &[]).map(|number| number.unwrap_or(0))
    }

    /// Reads the declared collections again if another connection may have changed them.
    fn refresh(&mut self) -> Result<(), StoreError> {
        let data_version = self.data_version()?;
        if self
            .seen
            .is_some_and(|seen| seen.data_version == data_version)
        {
            return Ok(());
        }
        let schema_version = integer(&mut self.driver, "PRAGMA schema_version", &[])?.unwrap_or(0);
        let seen = Seen {
            data_version,
            schema_version,
        };
        if self
            .seen
            .is_none_or(|seen| seen.schema_version != schema_version)
        {
            layout::check_version(&mut self.driver)?;
            self.tables = table::read_all(&mut self.driver)?;
        }
        self.seen = Some(seen);
        Ok(())
    }

    fn roll_back(&mut self) {
        // A full disk or a lost lock ends a transaction by itself: then there is none to take back. Whether
        // there is one shows at the next `begin`.
        self.open = self.driver.rollback().is_err();
    }
}

impl<D: SqlDriver> Store for SqliteStore<D> {
    type Tx<'a>
        = SqliteTx<'a, D>
    where
        D: 'a;

    fn begin(&mut self, durability: Durability) -> Result<SqliteTx<'_, D>, StoreError> {
        if self.open {
            self.roll_back();
        }
        if self.durability != Some(durability) {
            // SQLite refuses to change it inside a transaction.
            self.durability = None;
            self.driver.batch(match durability {
                Durability::Normal => "PRAGMA synchronous=NORMAL",
                Durability::Full => "PRAGMA synchronous=FULL",
            })?;
            self.durability = Some(durability);
        }
        self.driver.begin()?;
        let tx = SqliteTx {
            store: self,
            done: false,
            last_seq: None,
            outbox_stamp: None,
        };
        tx.store.refresh()?;
        Ok(tx)
    }
}

/// A transaction of an [`SqliteStore`].
#[derive(Debug)]
pub struct SqliteTx<'a, D: SqlDriver> {
    store: &'a mut SqliteStore<D>,
    done: bool,
    /// The highest `seq`, once it was looked up.
    last_seq: Option<i64>,
    /// The latest stamp of the outbox, once it was looked up.
    outbox_stamp: Option<Stamp>,
}

impl<D: SqlDriver> SqliteTx<'_, D> {
    fn driver(&mut self) -> &mut D {
        &mut self.store.driver
    }

    fn table(&self, collection: &CollectionName) -> Option<Arc<Table>> {
        self.store.tables.get(collection).cloned()
    }
}

impl<D: SqlDriver> Drop for SqliteTx<'_, D> {
    fn drop(&mut self) {
        if !self.done {
            self.store.roll_back();
        }
    }
}

/// The first column of the first row as an integer.
fn integer<D: SqlDriver>(
    driver: &mut D,
    sql: &str,
    values: &[SqlValue<'_>],
) -> Result<Option<i64>, StoreError> {
    one(driver, sql, values, codec::integer_or_null).map(Option::flatten)
}

/// The first column of the first row as text.
fn text<D: SqlDriver>(
    driver: &mut D,
    sql: &str,
    values: &[SqlValue<'_>],
) -> Result<Option<String>, StoreError> {
    one(driver, sql, values, |row, column| {
        codec::text_or_null(row, column).map(|text| text.map(str::to_owned))
    })
    .map(Option::flatten)
}

/// What `read` makes of the first row.
fn one<D: SqlDriver, T>(
    driver: &mut D,
    sql: &str,
    values: &[SqlValue<'_>],
    read: impl Fn(&dyn SqlRow, usize) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut found = None;
    driver.query(sql, values, &mut |row| {
        found = Some(read(row, 0)?);
        Ok(Next::Stop)
    })?;
    Ok(found)
}
