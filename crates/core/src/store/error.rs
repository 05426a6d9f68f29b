//! Why a store refused.
use serde::Serialize;
use std::fmt;
use std::ops::Deref;
use tisync_json::Deserialize;

/// Why the store refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreError(Box<StoreErrorDetails>);

/// What a [`StoreError`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreErrorDetails {
    /// The kind.
    pub kind: StoreErrorKind,
    /// What happened, for a person.
    pub message: String,
}

impl Deref for StoreError {
    type Target = StoreErrorDetails;

    fn deref(&self) -> &StoreErrorDetails {
        &self.0
    }
}

/// The kinds of store errors, with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreErrorKind {
    /// Another connection writes: give the same input again.
    Busy,
    /// No room left: free some, then give the same input again.
    Full,
    /// The file cannot be read or written.
    Io,
    /// The file is damaged.
    Corrupt,
    /// The file is encrypted, and its key is missing or another one; or a key came for a file that is not.
    EncryptionKey,
    /// The file was written by a newer version.
    Newer,
    /// The caller broke a rule: a bug.
    Misuse,
}

impl StoreError {
    /// Makes an error.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        StoreError(Box::new(StoreErrorDetails {
            kind,
            message: message.into(),
        }))
    }

    /// What happened, for a person.
    pub fn into_message(self) -> String {
        self.0.message
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
