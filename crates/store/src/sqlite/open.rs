//! Opens a file, or makes it.
use super::layout::{self, Found};
use super::{Collections, Known, SqliteStore};
use crate::driver::SqlDriver;
use crate::limits;
use tisync_core::store::{Durability, StoreError};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// KiB of pages that the connection keeps in memory.
    pub cache_kib: u32,
    /// Milliseconds to wait for another process that writes, before `Busy`.
    pub busy_ms: u64,
    /// Whether every page is looked at for damage first, which reads the whole file.
    pub check: bool,
    /// The most that a commit of this connection is made durable; `Normal` saves the wait for the disk where
    /// the app can bear that a power cut takes the last writes.
    pub durability_max: Durability,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cache_kib: limits::CACHE_KIB,
            busy_ms: limits::BUSY_MS,
            check: false,
            durability_max: Durability::Full,
        }
    }
}

#[cfg(feature = "rusqlite")]
impl SqliteStore<crate::RusqliteDriver> {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Newer` for a file of a newer layout, `Misuse` for a database of something else, `Corrupt` for a
    /// damaged one: none of them is changed.
    pub fn open(path: &std::path::Path, options: &Options) -> Result<Self, StoreError> {
        SqliteStore::with_driver(crate::RusqliteDriver::open(path)?, options)
    }

    /// Opens a file that a store has made, for transactions that only read: none waits for a writer, also not
    /// for one of another process that was stopped in the middle of a commit. What it is told to commit is refused.
    pub fn open_reader(path: &std::path::Path) -> Result<Self, StoreError> {
        let mut driver = crate::RusqliteDriver::open_reader(path)?;
        driver.batch(&format!("PRAGMA cache_size=-{}", limits::READER_CACHE_KIB))?;
        Ok(SqliteStore {
            driver,
            durability: None,
            durability_max: Durability::Normal,
            collections: Collections::default(),
            known: Known::default(),
            open: false,
            reads: true,
            told: None,
        })
    }

    /// Makes a store in memory, which ends with the process.
    pub fn in_memory(options: &Options) -> Result<Self, StoreError> {
        SqliteStore::with_driver(crate::RusqliteDriver::in_memory()?, options)
    }
}

impl<D: SqlDriver> SqliteStore<D> {
    /// Takes over a connection; see [`SqliteStore::open`].
    pub fn with_driver(mut driver: D, options: &Options) -> Result<Self, StoreError> {
        let cache = format!("PRAGMA cache_size=-{}", options.cache_kib);
        driver.batch(&cache)?;
        let busy = format!("PRAGMA busy_timeout={}", options.busy_ms);
        super::integer(&mut driver, &busy, &[])?;
        // Nothing may be written before the layout is known.
        match look(&mut driver)? {
            Found::Present => {}
            Found::Empty => {
                // Page size and WAL count only before the first table is made.
                driver.batch("PRAGMA page_size=4096")?;
                wal(&mut driver)?;
                bring_forward(&mut driver)?;
            }
            Found::Older(_) => bring_forward(&mut driver)?,
        }
        set_up(&mut driver)?;
        let mut store = SqliteStore {
            driver,
            durability: None,
            durability_max: options.durability_max,
            collections: Collections::default(),
            known: Known::default(),
            open: false,
            reads: false,
            told: None,
        };
        if options.check {
            store.check()?;
        }
        store.collections.refresh(&mut store.driver)?;
        Ok(store)
    }
}

/// Looks what the file holds at one moment: another process may be making it just now.
fn look<D: SqlDriver>(driver: &mut D) -> Result<Found, StoreError> {
    driver.begin_reading()?;
    let found = layout::look(driver);
    driver.rollback()?;
    found
}

/// Brings the file to the present layout in one transaction: a crash leaves it as it was.
fn bring_forward<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    driver.begin()?;
    let done = layout::bring_forward(driver).and_then(|()| driver.commit());
    if done.is_err() {
        // The error that stopped it says more than that of taking it back.
        let _ = driver.rollback();
    }
    done
}

fn set_up<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    wal(driver)?;
    // Both answer with a row.
    super::integer(
        driver,
        &format!("PRAGMA wal_autocheckpoint={}", limits::WAL_PAGES),
        &[],
    )?;
    super::integer(
        driver,
        &format!("PRAGMA journal_size_limit={}", limits::WAL_BYTES_MAX),
        &[],
    )?;
    Ok(())
}

fn wal<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    // Answers with the mode that holds now; a database in memory keeps its own.
    super::text(driver, "PRAGMA journal_mode=WAL", &[]).map(|_| ())
}
