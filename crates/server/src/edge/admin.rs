//! What an operator does to a file.
use super::clock;
use crate::service::{self, Pruned};
use crate::{
    Access, Meta, ServerStore, ServerTx, ServiceConfig, ServiceError, SqliteServerStore, StoreError,
};
use std::path::Path;

/// Why a file is not served.
#[derive(Debug)]
pub enum EdgeError {
    /// The socket failed.
    Listen(std::io::Error),
    /// The file cannot be used.
    Store(StoreError),
    /// The runtime is shutting down.
    Stopped,
}

impl std::fmt::Display for EdgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EdgeError::Listen(error) => write!(f, "the socket failed: {error}"),
            EdgeError::Store(error) => write!(f, "{error}"),
            EdgeError::Stopped => f.write_str("the program is shutting down"),
        }
    }
}
impl std::error::Error for EdgeError {}
impl From<StoreError> for EdgeError {
    fn from(error: StoreError) -> Self {
        EdgeError::Store(error)
    }
}

/// Makes the file and the tenant unless they are there.
pub fn setup(path: &Path, tenant: &str) -> Result<(), EdgeError> {
    let mut store = SqliteServerStore::open(path)?;
    service::ensure(&mut store, tenant, &clock::now()).map_err(store_error)
}

/// Begins a new epoch in a file that was restored from a backup; the server must not be running.
pub fn new_epoch(path: &Path, tenant: &str) -> Result<Meta, EdgeError> {
    let mut store = SqliteServerStore::open(path)?;
    let mut tx = store.begin(tenant, Access::Write)?;
    let meta = service::new_epoch(&mut tx, &clock::now()).map_err(store_error)?;
    tx.commit()?;
    Ok(meta)
}

pub(super) fn prune(
    store: &mut SqliteServerStore,
    tenant: &str,
    config: &ServiceConfig,
) -> Result<Pruned, ServiceError> {
    let mut tx = store.begin(tenant, Access::Write)?;
    let pruned = service::prune(&mut tx, &clock::now(), config)?;
    tx.commit()?;
    Ok(pruned)
}

fn store_error(error: ServiceError) -> EdgeError {
    match error {
        ServiceError::Store(error) => EdgeError::Store(error),
        other => EdgeError::Store(StoreError::failed(other.to_string())),
    }
}
