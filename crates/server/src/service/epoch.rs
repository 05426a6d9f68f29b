//! A history begins: a new tenant, or a restored one.
use super::meta;
use crate::planted::{self, Bug};
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
            epochs: vec![(name(now), 0)],
            ..Meta::default()
        })?;
        tx.commit()?;
    }
    Ok(())
}

/// Begins a new epoch after the store was restored from a backup.
///
/// Clients learn of it with their next answer, compare everything, and offer again what the server
/// accepted after the restore point. Versions carry their epoch, so those of the lost history fit nothing.
/// The caller commits.
pub fn new_epoch<T: ServerTx>(tx: &mut T, now: &ServerNow) -> Result<Meta, ServiceError> {
    let mut after = meta(tx)?;
    if planted::on(Bug::KeepEpoch) {
        return Ok(after);
    }
    after.epochs.push((name(now), after.seq));
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
