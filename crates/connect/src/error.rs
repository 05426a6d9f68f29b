//! Why a call to a host failed.
use crate::connectors::SetupError;
use crate::http::HttpError;
use serde::Serialize;
use std::fmt;
use tisync_core::ErrorKind as EngineError;
use tisync_core::model::{Blocker, CollectionName, Failure, FailureKind, Health, NameError};
use tisync_core::store::{StoreError, StoreErrorKind};

/// Why a call failed: what was expected, what came, and what to do. Nothing has changed.
#[derive(Clone, Debug, Serialize)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug, Serialize)]
struct Details {
    kind: ErrorKind,
    message: String,
}

/// The kinds of failure; in JSON `not_found`, `already_exists`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such collection, record, entry, conflict or journal row.
    NotFound,
    /// The record exists already.
    AlreadyExists,
    /// What was given does not fit: a name, a document, a filter, a command.
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
    /// The file is encrypted, and its key is missing or another one; or a key came for a file that is not encrypted, or
    /// to a program without encryption.
    EncryptionKey,
    /// The file was written by a newer version, of this library or of the app.
    Newer,
    /// The replica was closed, or its worker is gone.
    Closed,
}

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Details {
            kind,
            message: message.into(),
        }))
    }

    /// What was given does not fit.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid, message)
    }

    /// A collection's schema rises, and nothing brings its documents forward.
    pub fn no_migrate(collection: &CollectionName, from: u32, to: u32) -> Self {
        Error::new(
            ErrorKind::BadConfig,
            format!(
                "expected a migrate function for {collection}, whose schema rises from {from} to {to} with documents \
                 there, but the app gives none; nothing was changed. If documents stay as they are, give one that \
                 returns them"
            ),
        )
    }

    /// Why a sync cannot even try, as the health tells it.
    pub fn of_health(health: &Health) -> Option<Self> {
        if health.logged_out_ms.is_some() {
            return Some(Error::new(
                ErrorKind::Credentials,
                "expected to sync, but the replica is logged out: log in first (`tisync login`, or the replica's login in \
                 an app); writes wait until then",
            ));
        }
        health.connectors.iter().find_map(|connector| {
            let (kind, why) = match connector.blocker {
                Some(Blocker::Credentials) => (ErrorKind::Credentials, "refuses the credentials"),
                Some(Blocker::UpgradeRequired) => {
                    (ErrorKind::UpgradeRequired, "asks for a newer app")
                }
                Some(Blocker::Offline) => (ErrorKind::Offline, "cannot be reached"),
                _ => return None,
            };
            let last = connector.last_error.as_deref().unwrap_or("no answer");
            let name = &connector.connector;
            let message = format!("the backend of the connector {name} {why}: {last}");
            Some(Error::new(kind, message))
        })
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether the record exists already.
    pub fn is_already_exists(&self) -> bool {
        self.0.kind == ErrorKind::AlreadyExists
    }

    /// Whether the caller has to change what it gives.
    pub fn is_invalid(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Invalid | ErrorKind::Limit | ErrorKind::BadConfig
        )
    }

    /// Whether the backend could not be reached.
    pub fn is_offline(&self) -> bool {
        self.0.kind == ErrorKind::Offline
    }

    /// Whether the backend refuses the credentials.
    pub fn is_credentials(&self) -> bool {
        self.0.kind == ErrorKind::Credentials
    }

    /// Whether the file, or the credentials, are another account's.
    pub fn is_wrong_account(&self) -> bool {
        self.0.kind == ErrorKind::WrongAccount
    }

    /// Whether another process syncs this file.
    pub fn is_lease_elsewhere(&self) -> bool {
        self.0.kind == ErrorKind::LeaseElsewhere
    }

    /// Whether it is for the key of the file: a missing one, a wrong one, or one too many.
    pub fn is_encryption_key(&self) -> bool {
        self.0.kind == ErrorKind::EncryptionKey
    }

    /// Whether the local file is the trouble.
    pub fn is_storage(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Busy | ErrorKind::Storage | ErrorKind::Corrupt | ErrorKind::Newer
        )
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Offline
                | ErrorKind::Backend
                | ErrorKind::Busy
                | ErrorKind::Storage
                | ErrorKind::LeaseElsewhere
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
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
        let message = match error.kind {
            EngineError::Store(kind) => explained(kind, error.into_message()),
            _ => error.into_message(),
        };
        Error::new(kind, message)
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Error::new(ErrorKind::BadConfig, error.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::new(
            of_store(error.kind),
            explained(error.kind, error.into_message()),
        )
    }
}

/// Adds what to do about the file.
fn explained(kind: StoreErrorKind, message: String) -> String {
    let what_to_do = match kind {
        StoreErrorKind::Corrupt => {
            "the file is damaged, and nothing of it was changed: `tisync doctor` says how much"
        }
        StoreErrorKind::Io => {
            "nothing was changed: see whether the disk is full, gone or read-only, and try again"
        }
        StoreErrorKind::Full => {
            "the disk is full, and nothing was changed: make room, and try again"
        }
        _ => return message,
    };
    format!("{message}; {what_to_do}")
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Error::invalid(error.to_string())
    }
}

impl From<tisync_json::Error> for Error {
    fn from(error: tisync_json::Error) -> Self {
        Error::invalid(format!("expected a JSON document, but {error}"))
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Error::new(ErrorKind::Offline, error.message.clone())
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
            FailureKind::TooLarge => ErrorKind::Limit,
            FailureKind::Retry { .. } | FailureKind::ExpiredCheckpoint { .. } => ErrorKind::Backend,
        };
        Error::new(kind, failure.into_message())
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
