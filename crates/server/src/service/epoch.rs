//! A history begins: a new tenant, or a restored one.
use super::{meta, used_up};
use crate::limits::{EPOCH_GAP, VERSION_MAX};
use crate::store::{Access, Meta, ServerStore, ServerTx};
use crate::{ServerNow, ServiceError};

/// Sets a tenant up unless it is; commits.
pub fn ensure<S: ServerStore>(
    store: &mut S,
    tenant: &str,
    now: &ServerNow,
) -> Result<(), ServiceError> {
    let mut tx = store.begin(tenant, Access::Write)?;
    if tx.meta()?.is_none() {
        tx.put_meta(&Meta {
            epoch: name(now),
            ..Meta::default()
        })?;
        tx.commit()?;
    }
    Ok(())
}

/// Begins a new epoch after the store was restored from a backup.
///
/// Clients learn of it with their next answer, compare everything, and offer again what the server
/// accepted after the restore point. Versions go on above all that the lost history can have used.
/// The caller commits.
pub fn new_epoch<T: ServerTx>(tx: &mut T, now: &ServerNow) -> Result<Meta, ServiceError> {
    let before = meta(tx)?;
    let seq = before.seq + EPOCH_GAP;
    if seq >= VERSION_MAX {
        return Err(used_up());
    }
    let after = Meta {
        epoch: name(now),
        epoch_start: before.seq,
        seq,
        horizon: before.horizon,
    };
    tx.put_meta(&after)?;
    Ok(after)
}

/// An epoch's name: 64 random bits in hexadecimal.
fn name(now: &ServerNow) -> String {
    now.entropy[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
