//! Why a command failed.
use serde::Serialize;
use std::fmt;
use tisync_connect::connectors::SetupError;
use tisync_core::ErrorKind as EngineError;
use tisync_core::model::{Failure, FailureKind, NameError};
use tisync_core::store::{StoreError, StoreErrorKind};

/// Why a command failed. Nothing has changed.
#[derive(Clone, Debug, Serialize)]
pub struct Error {
    /// The kind, for a program.
    pub kind: ErrorKind,
    /// What was expected, what came, what to do.
    pub message: String,
}

/// The kinds of errors; in JSON `not_found`, `already_exists`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such collection, record, entry, conflict or journal row.
    NotFound,
    /// The record exists already.
    AlreadyExists,
    /// What was given does not fit: a command, a name, a document, a filter.
    Invalid,
    /// A limit was reached; nothing was dropped.
    Limit,
    /// The configuration contradicts itself.
    BadConfig,
    /// The file belongs to another account.
    WrongAccount,
    /// Writes were not sent yet: say what becomes of them.
    Pending,
    /// Another process syncs this file.
    LeaseElsewhere,
    /// The backend cannot be reached.
    Offline,
    /// The backend refuses the credentials.
    Credentials,
    /// The backend answered, but cannot do it now.
    Backend,
    /// What answered does not speak the protocol.
    NotThisProtocol,
    /// The backend asks for a newer app.
    UpgradeRequired,
    /// Another process is writing to the file.
    Busy,
    /// The file cannot be read or written, or the disk is full.
    Storage,
    /// The file is damaged.
    Corrupt,
    /// The file is encrypted, or was opened with the wrong key.
    EncryptionKey,
    /// The file was written by a newer version, of this library or of the app.
    Newer,
    /// No replica is open.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid, message)
    }

    /// Whether the same input may be given again.
    pub(crate) fn is_storage(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy | ErrorKind::Storage)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<tisync_core::Error> for Error {
    fn from(error: tisync_core::Error) -> Self {
        let kind = match error.kind {
            EngineError::Store(kind) => of_store(kind),
            EngineError::LeaseLost => ErrorKind::LeaseElsewhere,
            EngineError::Newer => ErrorKind::Newer,
            EngineError::WrongAccount => ErrorKind::WrongAccount,
            EngineError::BadConfig | EngineError::NotConfigured => ErrorKind::BadConfig,
            EngineError::NotFound => ErrorKind::NotFound,
            EngineError::AlreadyExists => ErrorKind::AlreadyExists,
            EngineError::Limit => ErrorKind::Limit,
            _ => ErrorKind::Invalid,
        };
        Error::new(kind, error.message)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::new(of_store(error.kind), error.message)
    }
}

fn of_store(kind: StoreErrorKind) -> ErrorKind {
    match kind {
        StoreErrorKind::Busy => ErrorKind::Busy,
        StoreErrorKind::Full | StoreErrorKind::Io => ErrorKind::Storage,
        StoreErrorKind::Corrupt => ErrorKind::Corrupt,
        StoreErrorKind::EncryptionKey => ErrorKind::EncryptionKey,
        StoreErrorKind::Newer => ErrorKind::Newer,
        StoreErrorKind::Misuse => ErrorKind::Invalid,
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Error::invalid(error.to_string())
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Error::new(ErrorKind::BadConfig, error.to_string())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Offline => ErrorKind::Offline,
            FailureKind::Credentials => ErrorKind::Credentials,
            FailureKind::WrongAccount => ErrorKind::WrongAccount,
            FailureKind::NotThisProtocol => ErrorKind::NotThisProtocol,
            FailureKind::UpgradeRequired => ErrorKind::UpgradeRequired,
            FailureKind::Retry { .. }
            | FailureKind::TooLarge
            | FailureKind::ExpiredCheckpoint { .. } => ErrorKind::Backend,
        };
        Error::new(kind, failure.message)
    }
}
