//! The store that native replicas use.
use crate::{Error, busy, limits};
use std::path::Path;
use tisync_core::store::{Durability, StoreError};
use tisync_store::{Options, RusqliteDriver, SqliteStore};

/// A store in a file.
pub(crate) type FileStore = SqliteStore<RusqliteDriver>;

/// What a local write survives once the call has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteDurability {
    /// The process and a power cut: each write waits for the disk. The promise that Ti.Sync makes by default.
    #[default]
    PowerCut,
    /// The process only: a power cut may take the last writes, always the latest ones and never a part of one.
    /// For apps that save often what they could bear to lose. What is handed to a backend is durable first, as
    /// ever.
    Process,
}

impl WriteDurability {
    /// What no local write is made durable beyond.
    pub(crate) fn max(self) -> Durability {
        match self {
            WriteDurability::PowerCut => Durability::Full,
            WriteDurability::Process => Durability::Normal,
        }
    }
}

/// Opens the file, or makes it.
pub(crate) fn open(path: &Path) -> Result<FileStore, Error> {
    let options = Options {
        busy_ms: limits::BUSY_TRY_MS,
        ..Options::default()
    };
    busy::patiently(path, || Ok(SqliteStore::open(path, &options)?))
}

/// Opens a file that is there for transactions that only read.
pub(crate) fn open_reader(path: &Path) -> Result<FileStore, StoreError> {
    SqliteStore::open_reader(path)
}
