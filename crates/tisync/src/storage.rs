//! The store that native replicas use.
use crate::files::beside;
use crate::{Error, ErrorKind, busy, limits};
use std::path::Path;
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_store::{FileKind, Key, Options, RusqliteDriver, Salvage, SqliteStore};

/// A store in a file.
pub(crate) type FileStore = SqliteStore<RusqliteDriver>;

/// Refuses a file with damage that SQLite would make disappear without a word.
pub(crate) fn look(path: &Path, key: Option<&Key>) -> Result<(), Error> {
    is_not_emptied(path)?;
    has_whole_log(path, key)
}

/// Opens the file, or makes it. What is damaged, not ours, or not this key's, is refused and left as it is.
pub(crate) fn open(path: &Path, key: Option<&Key>) -> Result<FileStore, Error> {
    look(path, key)?;
    let options = Options {
        busy_ms: limits::BUSY_TRY_MS,
        ..Options::default()
    };
    busy::patiently(path, || {
        SqliteStore::open_with_key(path, key, &options).map_err(|error| explain(path, error))
    })
}

/// Refuses a file whose content is gone: a new one would be made in its place, without a word.
fn is_not_emptied(path: &Path) -> Result<(), Error> {
    let bytes = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len());
    let was_synced = beside(path, ".lease").exists();
    let has_log = bytes(&beside(path, "-wal")).is_ok_and(|bytes| bytes > 0);
    if matches!(bytes(path), Ok(0)) && (was_synced || has_log) {
        return Err(damaged(path, "it is empty, although it was in use before"));
    }
    Ok(())
}

/// Refuses a file with pending writes in its log that SQLite would drop without a word.
fn has_whole_log(path: &Path, key: Option<&Key>) -> Result<(), Error> {
    if !Salvage::is_log_broken(path) {
        return Ok(());
    }
    let salvage = Salvage::read_with_key(path, key).map_err(|error| explain(path, error))?;
    let is_unlocked = salvage.is_unlocked();
    let (dropped, may_drop_more) = (salvage.dropped(), salvage.may_drop_more());
    // Closing the file would end the locks that another handle of this process may have on it.
    std::mem::forget(salvage);
    is_unlocked.map_err(|error| explain(path, error))?;
    match dropped {
        0 if may_drop_more => Err(damaged(
            path,
            "its log is damaged in the middle, and pending writes behind that place may be lost",
        )),
        // What else is lost can be pulled again.
        0 => Ok(()),
        1 => Err(damaged(
            path,
            "its log is damaged in the middle, and a pending write behind that place would be lost",
        )),
        _ => Err(damaged(
            path,
            &format!(
                "its log is damaged in the middle, and {dropped} pending writes behind that place would be lost"
            ),
        )),
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "expected the replica {}, but {what}; nothing of it was changed. `tisync doctor --mend` (or \
             `ReplicaBuilder::set_aside`) moves it aside, with what is readable of its pending writes in a lifeboat \
             file, so that you can begin anew",
            path.display()
        ),
    )
}

/// Refuses what is not to be set aside.
pub(crate) fn is_ours(path: &Path, salvage: &Salvage) -> Result<(), Error> {
    let (kind, message) = match salvage.kind() {
        FileKind::Ours => return Ok(()),
        FileKind::Encrypted | FileKind::Plain => {
            return salvage.is_unlocked().map_err(|error| explain(path, error));
        }
        FileKind::Newer(layout) => (
            ErrorKind::Newer,
            format!(
                "has layout {layout}, this program knows up to {}: it was left as it is; update the app",
                tisync_store::LAYOUT
            ),
        ),
        FileKind::Foreign => (
            ErrorKind::Invalid,
            "is a database of something else: it was left as it is; choose another path".to_owned(),
        ),
    };
    Err(Error::new(kind, format!("{} {message}", path.display())))
}

/// Says what hinders a file from being opened, and what to do.
pub(crate) fn explain(path: &Path, error: StoreError) -> Error {
    let shown = path.display();
    match error.kind {
        StoreErrorKind::Corrupt => damaged(path, &format!("it is damaged ({})", error.message)),
        StoreErrorKind::Newer | StoreErrorKind::Misuse | StoreErrorKind::EncryptionKey => {
            let kind = Error::from(error.clone()).kind();
            Error::new(kind, format!("{shown}: {}", error.message))
        }
        StoreErrorKind::Io => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let what_to_do = if !folder.is_dir() {
                format!("make the folder {} first", folder.display())
            } else if path.is_dir() {
                "name a file, not a folder".to_owned()
            } else {
                format!(
                    "make the file and its folder {} writable: beside the file SQLite keeps its log",
                    folder.display()
                )
            };
            Error::new(
                ErrorKind::Storage,
                format!(
                    "expected to open {shown} for reading and writing, but {}; nothing was changed; {what_to_do}",
                    error.message
                ),
            )
        }
        StoreErrorKind::Busy | StoreErrorKind::Full => error.into(),
    }
}

/// Opens a file that is there for transactions that only read.
pub(crate) fn open_reader(path: &Path, key: Option<&Key>) -> Result<FileStore, StoreError> {
    SqliteStore::open_reader_with_key(path, key)
}
