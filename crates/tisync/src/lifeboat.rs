//! Lifeboat files: pending writes outside of a replica, as lines of JSON that a person can read.
//!
//! The first line says whose they are, the last one how many; each of the others is one record's pending writes.
//! Every line carries a hash of itself, so that damage to the file is found.
mod read;
mod write;

pub use read::Returned;
pub(crate) use read::read;
pub(crate) use write::Boat;

use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tisync_core::model::{Account, Chain, CollectionName, ConnectorName};

/// The only version of the format so far.
const VERSION: u32 = 1;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first one.
    Lifeboat(Head),
    Chain(Box<Chain>),
    /// The last one.
    End(End),
}

/// Whose writes they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    version: u32,
    /// As far as it is known.
    pub(crate) account: Option<Account>,
    pub(crate) endpoints: BTreeMap<ConnectorName, String>,
    /// The numbers of the app's schemas.
    pub(crate) schemas: BTreeMap<CollectionName, u32>,
    /// Wall time at which it was written.
    pub(crate) written_ms: u64,
}

impl Head {
    pub(crate) fn new(
        account: Option<Account>,
        endpoints: BTreeMap<ConnectorName, String>,
        schemas: BTreeMap<CollectionName, u32>,
        written_ms: u64,
    ) -> Self {
        Head {
            version: VERSION,
            account,
            endpoints,
            schemas,
            written_ms,
        }
    }
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct End {
    records: u64,
    writes: u64,
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to use the lifeboat file {}, but {error}",
            path.display()
        ),
    )
}
