//! Names and keys: types whose constructors refuse what is wrong.
use crate::limits;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use tisync_json::Deserialize;
use tisync_json::Quoted;

/// A name or key that was refused: what was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(Box<NameErrorDetails>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct NameErrorDetails {
    /// What kind of name was expected, with its rule.
    pub expected: &'static str,
    /// What came, shortened.
    pub came: String,
}

impl NameError {
    pub(super) fn new(expected: &'static str, came: &str) -> Self {
        NameError(Box::new(NameErrorDetails {
            expected,
            came: came.chars().take(80).collect(),
        }))
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected {}, but {} came",
            self.0.expected,
            Quoted(&self.0.came)
        )
    }
}

impl std::error::Error for NameError {}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $rule:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks and keeps a text.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok($type(text.into())) } else { Err(NameError::new($rule, text)) }
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                $type::new(text)
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.as_ref().to_owned()
            }
        }
        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                $type::new(text)
            }
        }
    };
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= limits::NAME_BYTES_MAX
        && bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::TOKEN_BYTES_MAX && !text.contains('\0')
}

/// Whether there is a control character; most texts are ASCII, where bytes tell.
fn has_control(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().any(|byte| byte.is_ascii_control()),
        false => text.chars().any(char::is_control),
    }
}

name!(
    /// The name of a collection, for example `notes`.
    CollectionName,
    "a collection name: a letter or _, then up to 62 letters, digits, _ or -",
    is_identifier
);
name!(
    /// The name of a configured connector, for example `main`.
    ConnectorName,
    "a connector name: a letter or _, then up to 62 letters, digits, _ or -",
    is_identifier
);
name!(
    /// The name of a feed within its connector.
    FeedName,
    "a feed name: a letter or _, then up to 62 letters, digits, _ or -",
    is_identifier
);

impl FeedName {
    /// The feed of a backend that has only one.
    pub fn main() -> Self {
        FeedName("main".into())
    }

    /// The feed of a backend that lists each collection by itself.
    pub fn of(collection: &CollectionName) -> Self {
        FeedName(collection.as_str().into())
    }
}

name!(
    /// The id of a record that the app and the server use: 1 to 200 bytes without control characters.
    RecordId,
    "a record id: 1 to 200 bytes, no control characters",
    |text| !text.is_empty() && text.len() <= limits::RECORD_ID_BYTES_MAX && !has_control(text)
);
name!(
    /// The server's opaque token of a record's state.
    Version,
    "a version: 1 to 2048 bytes",
    is_token
);
name!(
    /// An opaque place in a feed.
    Checkpoint,
    "a checkpoint: 1 to 2048 bytes",
    is_token
);
name!(
    /// The identity of a server's history.
    Epoch,
    "an epoch: 1 to 2048 bytes",
    is_token
);
name!(
    /// Whose data a replica holds, for example `alice@https://api.example.org`.
    Account,
    "an account: 1 to 2048 bytes",
    is_token
);

impl Version {
    /// The place in the server's order, for versions of the form `<epoch>.<number>`.
    pub fn ordinal(&self) -> Option<(&str, u64)> {
        let (epoch, number) = self.0.rsplit_once('.')?;
        Some((epoch, number.parse().ok()?))
    }

    /// Whether both stand in one order (same epoch) and this one comes before `other`.
    pub fn is_before(&self, other: &Version) -> bool {
        match (self.ordinal(), other.ordinal()) {
            (Some((a, m)), Some((b, n))) => a == b && m < n,
            _ => false,
        }
    }
}

macro_rules! id128 {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub u128);

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl From<$type> for String {
            fn from(id: $type) -> String {
                id.to_string()
            }
        }
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(NameError::new("an id of 32 hexadecimal digits", text));
                }
                u128::from_str_radix(text, 16)
                    .map($type)
                    .map_err(|_| NameError::new("an id of 32 hexadecimal digits", text))
            }
        }
    };
}

id128!(
    /// Stands, once frozen, for exactly one (record, content, base version).
    MutationId
);
id128!(
    /// Writes of one local transaction that stay together.
    GroupId
);

/// The store's key of a record; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rid(pub i64);

/// One request to a connector; drawn at random, below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// The lease's counter: raised whenever a process takes the lease.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Generation(pub u64);

/// The key of a journal row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JournalId(pub i64);
