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
    /// What the operator asked for cannot be done.
    Refused(String),
    /// The runtime is shutting down.
    Stopped,
}

impl std::fmt::Display for EdgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EdgeError::Listen(error) => write!(f, "the socket failed: {error}"),
            EdgeError::Store(error) => write!(f, "{error}"),
            EdgeError::Refused(why) => f.write_str(why),
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

/// Makes the administrator of the ACS face, if one is named.
#[cfg(feature = "acs")]
pub(super) fn ensure_acs_admin(config: &super::ServeConfig) -> Result<(), EdgeError> {
    let (Some(settings), Some(admin)) = (&config.service.acs, &config.acs_admin) else {
        return Ok(());
    };
    let mut store = SqliteServerStore::open(&config.path)?;
    let ensured = crate::faces::acs::ensure_admin(
        &mut store,
        &clock::now(),
        &config.service,
        settings,
        admin,
    );
    ensured.map_err(store_error)
}

pub(super) fn prune(
    store: &mut SqliteServerStore,
    tenant: &str,
    config: &ServiceConfig,
) -> Result<Pruned, ServiceError> {
    let mut tx = store.begin(tenant, Access::Write)?;
    let now = clock::now();
    #[cfg(feature = "acs")]
    if config.acs.is_some() && tenant == config.tenant {
        crate::faces::acs::prune(&mut tx, &now)?;
    }
    let pruned = service::prune(&mut tx, &now, config)?;
    tx.commit()?;
    Ok(pruned)
}

fn store_error(error: ServiceError) -> EdgeError {
    match error {
        ServiceError::Store(error) => EdgeError::Store(error),
        other => EdgeError::Refused(other.to_string()),
    }
}
