//! The store that native replicas use.
use std::path::Path;
use tisync_core::store::StoreError;
use tisync_store::{Options, RusqliteDriver, SqliteStore};

/// A store in a file.
pub(crate) type FileStore = SqliteStore<RusqliteDriver>;

/// Opens the file, or makes it.
pub(crate) fn open(path: &Path) -> Result<FileStore, StoreError> {
    SqliteStore::open(path, &Options::default())
}
