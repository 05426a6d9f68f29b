//! Opens a file, or makes it.
use super::layout::{self, Found};
use super::{Collections, Known, SqliteStore};
use crate::driver::SqlDriver;
use crate::limits;
#[cfg(feature = "rusqlite")]
use crate::{Key, RusqliteDriver, salvage};
#[cfg(feature = "rusqlite")]
use std::path::Path;
#[cfg(feature = "rusqlite")]
use tisync_core::store::StoreErrorKind;
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
    /// Pages in the WAL before a checkpoint moves them, in the middle of whichever commit it is.
    pub wal_pages: u32,
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
            wal_pages: limits::WAL_PAGES,
            durability_max: Durability::Full,
        }
    }
}

#[cfg(feature = "rusqlite")]
impl SqliteStore<RusqliteDriver> {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Newer` for a file of a newer layout, `Misuse` for a database of something else, `Corrupt` for a
    /// damaged one: none of them is changed.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        SqliteStore::open_with_key(path, None, options)
    }

    /// The same, encrypted if there is a key. A file keeps the key that it was made with, or none.
    ///
    /// ```no_run
    /// use tisync_store::{Key, Options, SqliteStore};
    /// let key = Key::parse(&std::env::var("NOTES_KEY").unwrap_or_default())?;
    /// let path = std::path::Path::new("notes.db");
    /// let store = SqliteStore::open_with_key(path, Some(&key), &Options::default())?;
    /// # Ok::<(), tisync_core::store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`], and `EncryptionKey` for a missing key, a wrong one, one of a file that is not
    /// encrypted, and one where encryption was not built in. The file and its log stay as they are.
    pub fn open_with_key(
        path: &Path,
        key: Option<&Key>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let open = || {
            let driver = RusqliteDriver::open_with_key(path, key)?;
            driver.keep_log(true)?;
            let store = SqliteStore::with_driver(driver, options)?;
            store.driver.opened(path)?;
            Ok(store)
        };
        let opened = open().or_else(|error: StoreError| match (error.kind, key) {
            // Another process may have made the file just now, with a salt that this connection did not have.
            (StoreErrorKind::Corrupt, Some(_)) => open(),
            _ => Err(error),
        });
        opened.map_err(|error| salvage::explained(path, key, error))
    }

    /// Opens a file that a store has made, for transactions that only read: none waits for a writer, also not
    /// for one of another process that was stopped in the middle of a commit. What it is told to commit is refused.
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        SqliteStore::open_reader_with_key(path, None)
    }

    /// The same, of an encrypted file if there is a key.
    ///
    /// # Errors
    /// `EncryptionKey` as for [`SqliteStore::open_with_key`].
    pub fn open_reader_with_key(path: &Path, key: Option<&Key>) -> Result<Self, StoreError> {
        let mut driver = RusqliteDriver::open_reader_with_key(path, key)?;
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
        SqliteStore::with_driver(RusqliteDriver::in_memory()?, options)
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
        set_up(&mut driver, options)?;
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

fn set_up<D: SqlDriver>(driver: &mut D, options: &Options) -> Result<(), StoreError> {
    wal(driver)?;
    // Both answer with a row.
    super::integer(
        driver,
        &format!("PRAGMA wal_autocheckpoint={}", options.wal_pages),
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
