//! Why a step was refused.
use crate::store::{StoreError, StoreErrorKind};
use std::fmt;

/// Why a step was refused: nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<ErrorDetails>);

/// What an [`Error`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDetails {
    /// The kind, which says what to do.
    pub kind: ErrorKind,
    /// What was expected, what came, and what to do.
    pub message: String,
}

/// The kinds of refused steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store refused; for `Busy` and `Full` the same input may be given again.
    Store(StoreErrorKind),
    /// Another process has taken the lease: stop stepping sync inputs.
    LeaseLost,
    /// The file belongs to another account.
    WrongAccount,
    /// The file has documents of a newer schema than this app knows: update the app.
    Newer,
    /// Documents of an older schema are being migrated: answer the `Migrate` outputs first.
    Migrating,
    /// The first input must be `Configure`.
    NotConfigured,
    /// The configuration contradicts itself.
    BadConfig,
    /// No such collection, record, entry, conflict or journal row.
    NotFound,
    /// The record exists already.
    AlreadyExists,
    /// The command does not fit what is there.
    Invalid,
    /// A limit was reached; nothing was dropped.
    Limit,
}

impl std::ops::Deref for Error {
    type Target = ErrorDetails;

    fn deref(&self) -> &ErrorDetails {
        &self.0
    }
}

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(ErrorDetails {
            kind,
            message: message.into(),
        }))
    }

    /// What was expected, what came, and what to do.
    pub fn into_message(self) -> String {
        self.0.message
    }

    /// Whether the same input may be given again later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Store(StoreErrorKind::Busy | StoreErrorKind::Full | StoreErrorKind::Io)
        )
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::new(ErrorKind::Store(error.kind), error.into_message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
