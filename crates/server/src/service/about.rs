//! Who answers, and its limits.
use super::meta;
use crate::store::ServerTx;
use crate::{ServerNow, ServiceConfig, ServiceError};
use tisync_protocol::About;

/// Says who answers.
pub fn about<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
) -> Result<About, ServiceError> {
    let meta = meta(tx)?;
    Ok(About {
        protocol: tisync_protocol::limits::PROTOCOL,
        product: concat!("tisync ", env!("CARGO_PKG_VERSION")).into(),
        epoch: meta.epoch().to_owned(),
        epochs: meta.epochs.clone(),
        seq: meta.seq.to_string(),
        horizon: meta.horizon.to_string(),
        receipts_kept_ms: config.receipts_kept_ms,
        limits: config.limits.clone(),
        server_time_ms: now.wall_ms,
    })
}
