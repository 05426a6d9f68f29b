//! The store over an SQLite database.
pub(crate) mod codec;
mod collections;
mod declare;
mod examine;
mod layout;
mod open;
mod read;
pub(crate) mod seal;
mod steps;
mod table;
mod write;

pub(crate) use collections::Collections;
pub use examine::{Fault, Part};
pub(crate) use layout::APPLICATION_ID;
pub use layout::VERSION as LAYOUT;
pub use open::Options;
pub(crate) use table::{Table, quoted};

use crate::Reader;
use crate::driver::{Next, SqlDriver, SqlRow, SqlValue};
use std::sync::Arc;
use tisync_core::model::{CollectionName, Stamp};
use tisync_core::store::{Durability, Store, StoreError};

/// The store over an SQLite database; see [`SqliteStore::open`] for native hosts.
#[derive(Debug)]
pub struct SqliteStore<D> {
    driver: D,
    /// The `PRAGMA synchronous` that is set, since setting it for each transaction costs.
    durability: Option<Durability>,
    /// What no transaction goes beyond.
    durability_max: Durability,
    collections: Collections,
    known: Known,
    /// A transaction that could not be taken back.
    open: bool,
    /// Its transactions only read.
    reads: bool,
    /// The commits of other connections that were told of, by SQLite's counter.
    told: Option<i64>,
}

/// What was looked up and stays so until another connection commits: a single save then asks for none of it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The highest `seq` of the outbox.
    last_seq: Option<i64>,
    /// The latest stamp of the outbox.
    outbox_stamp: Option<Stamp>,
    /// The latest stamp of everything else.
    other_stamp: Option<Stamp>,
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

    /// Sets what no later transaction goes beyond: see [`Options::durability_max`].
    pub fn set_durability_max(&mut self, durability_max: Durability) {
        self.durability_max = durability_max;
    }

    /// Whether another connection, of this process or another, has committed since the last answer; the first
    /// is no.
    pub fn has_changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let version = data_version(&mut self.driver)?;
        Ok(self.tell(version))
    }

    /// The same, without a look, as far as the last transaction saw.
    pub fn had_changed_elsewhere(&mut self) -> bool {
        match self.collections.data_version() {
            Some(version) => self.tell(version),
            None => false,
        }
    }

    fn tell(&mut self, version: i64) -> bool {
        // The counter only goes up; a transaction may have seen less of it than a look did.
        let before = self.told;
        self.told = before.max(Some(version));
        before.is_some_and(|before| before < version)
    }

    /// Reads over this connection, for hosts that have only one.
    pub fn reader(&mut self) -> Reader<&mut D> {
        Reader::with(&mut self.driver, self.collections.clone())
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
        if self.reads {
            self.driver.begin_reading()?;
            return SqliteTx::begun(self);
        }
        let durability = match self.durability_max {
            Durability::Normal => Durability::Normal,
            Durability::Full => durability,
        };
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
        SqliteTx::begun(self)
    }
}

/// A transaction of an [`SqliteStore`].
#[derive(Debug)]
pub struct SqliteTx<'a, D: SqlDriver> {
    store: &'a mut SqliteStore<D>,
    done: bool,
}

impl<'a, D: SqlDriver> SqliteTx<'a, D> {
    /// A transaction that the driver has just begun.
    fn begun(store: &'a mut SqliteStore<D>) -> Result<Self, StoreError> {
        let tx = SqliteTx { store, done: false };
        let SqliteStore {
            driver,
            collections,
            known,
            ..
        } = &mut *tx.store;
        if collections.refresh(driver)? {
            *known = Known::default();
        }
        Ok(tx)
    }

    fn driver(&mut self) -> &mut D {
        &mut self.store.driver
    }

    fn table(&self, collection: &CollectionName) -> Option<Arc<Table>> {
        self.store.collections.get(collection)
    }
}

impl<D: SqlDriver> Drop for SqliteTx<'_, D> {
    fn drop(&mut self) {
        if !self.done {
            self.store.roll_back();
        }
    }
}

/// See [`SqliteStore::data_version`].
pub(crate) fn data_version<D: SqlDriver>(driver: &mut D) -> Result<i64, StoreError> {
    integer(driver, "PRAGMA data_version", &[]).map(|number| number.unwrap_or(0))
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
