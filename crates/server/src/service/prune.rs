//! Forgets what nobody may ask for any more.
use super::meta;
use crate::store::ServerTx;
use crate::{ServerNow, ServiceConfig, ServiceError};

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// How many receipts.
    pub receipts: u64,
    /// Deletions up to this version are forgotten now.
    pub horizon: u64,
}

/// Forgets old deletions, raising the horizon, and old receipts. The caller commits.
pub fn prune<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
) -> Result<Pruned, ServiceError> {
    let mut meta = meta(tx)?;
    let mut receipts = 0;
    if let Some(until_ms) = now.wall_ms.checked_sub(config.receipts_kept_ms) {
        receipts = tx.prune_receipts(until_ms)?;
    }
    if let Some(until_ms) = now.wall_ms.checked_sub(config.tombstones_kept_ms)
        && let Some(version) = tx.prune_tombstones(until_ms)?
        && version > meta.horizon
    {
        meta.horizon = version;
        tx.put_meta(&meta)?;
    }
    Ok(Pruned {
        receipts,
        horizon: meta.horizon,
    })
}
