//! What has changed since a checkpoint.
use super::page::{Page, PageLimits};
use super::{bad_name, check_count, meta};
use crate::checkpoint::Checkpoint;
use crate::limits::{COLLECTIONS_MAX, PULL_ITEMS_DEFAULT, SCAN_ROWS_MAX};
use crate::store::{Meta, ServerTx};
use crate::{ServerNow, ServiceConfig, ServiceError};
use std::collections::BTreeSet;
use tisync_protocol::{PullRequest, check_collection};

/// Answers with one page of the feed, as the JSON text of a [`tisync_protocol::PullAnswer`].
///
/// The answer is text because documents are kept as text: a page of them is never parsed, copied into a
/// tree and printed again.
pub fn pull<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
    request: &PullRequest,
) -> Result<Vec<u8>, ServiceError> {
    check_count(
        "collections",
        request.collections.len(),
        COLLECTIONS_MAX as u64,
    )?;
    if request.collections.is_empty() {
        return Err(ServiceError::BadRequest(
            "`collections` names at least one collection; none came".into(),
        ));
    }
    let mut collections = BTreeSet::new();
    for name in &request.collections {
        check_collection(name).map_err(bad_name)?;
        collections.insert(name.as_str());
    }
    let meta = meta(tx)?;
    let place = place(&meta, request.checkpoint.as_deref())?;

    let mut page = Page::new(
        page_limits(config, request),
        place.start.unwrap_or(0),
        place.seq,
        &meta,
    );
    if place.seq < meta.seq {
        tx.scan(place.seq, &collections, &mut |version, row| {
            page.visit(version, row)
        })?;
    }
    let (items, until, more) = page.finish();
    // At the end of the feed the checkpoint is the counter, past commits that left no row.
    let (seq, start) = if more {
        (until, place.start)
    } else {
        (meta.seq, None)
    };
    let total = match (place.start, more) {
        (Some(_), false) => Some(total(tx, &collections)?),
        _ => None,
    };
    let checkpoint = Checkpoint {
        epoch: meta.epoch().to_owned(),
        start,
        seq,
    };
    Ok(answer(&meta, &items, &checkpoint, more, total, now))
}

/// Where the request stands; a request without a checkpoint begins a first walk here and now.
fn place(meta: &Meta, checkpoint: Option<&str>) -> Result<Checkpoint, ServiceError> {
    let Some(text) = checkpoint else {
        return Ok(Checkpoint {
            epoch: meta.epoch().to_owned(),
            start: Some(meta.seq),
            seq: 0,
        });
    };
    let place = Checkpoint::parse(text).filter(|place| place.epoch == meta.epoch());
    // A place beyond the counter is one of a history that was lost without a word.
    place
        .filter(|place| place.needs() >= meta.horizon && place.needs() <= meta.seq)
        .ok_or_else(|| ServiceError::ExpiredCheckpoint {
            epochs: meta.epochs.clone(),
            horizon: meta.horizon,
        })
}

fn page_limits(config: &ServiceConfig, request: &PullRequest) -> PageLimits {
    let limits = &config.limits;
    PageLimits {
        items: request
            .limit
            .unwrap_or(PULL_ITEMS_DEFAULT)
            .clamp(1, limits.pull_items_max),
        bytes: request
            .bytes_max
            .unwrap_or(limits.pull_bytes_max)
            .clamp(1, limits.pull_bytes_max),
        rows: SCAN_ROWS_MAX,
    }
}

fn total<T: ServerTx>(tx: &mut T, collections: &BTreeSet<&str>) -> Result<u64, ServiceError> {
    let mut total = 0;
    for collection in collections {
        total += tx.tally(collection)?.count;
    }
    Ok(total)
}

fn answer(
    meta: &Meta,
    items: &[u8],
    checkpoint: &Checkpoint,
    more: bool,
    total: Option<u64>,
    now: &ServerNow,
) -> Vec<u8> {
    // Epochs and checkpoints are digits, hexadecimal and dots: nothing to escape.
    let mut body = Vec::with_capacity(items.len() + 256);
    body.extend_from_slice(format!(r#"{{"epoch":"{}","epochs":["#, meta.epoch()).as_bytes());
    for (index, (epoch, start)) in meta.epochs.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        body.extend_from_slice(format!(r#"{comma}["{epoch}",{start}]"#).as_bytes());
    }
    body.extend_from_slice(br#"],"items":["#);
    body.extend_from_slice(items);
    let total = total
        .map(|total| format!(r#","total":{total}"#))
        .unwrap_or_default();
    let end = format!(
        r#"],"checkpoint":"{checkpoint}","more":{more}{total},"server_time_ms":{}}}"#,
        now.wall_ms
    );
    body.extend_from_slice(end.as_bytes());
    body
}
