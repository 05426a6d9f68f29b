//! What has changed since a checkpoint.
use super::page::{Page, PageLimits};
use super::{bad_name, check_count, meta, snapshot};
use crate::checkpoint::{After, Checkpoint, Place};
use crate::limits::{COLLECTIONS_MAX, PULL_ITEMS_DEFAULT, SCAN_ROWS_MAX};
use crate::planted::{self, Bug};
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
    let place = place(&meta, request)?;
    let (start, after) = match &place {
        Place::Feed(seq) => (None, *seq),
        Place::Walk { start, seq } => (Some(*start), *seq),
        Place::Snapshot { start, .. } => (Some(*start), 0),
    };
    let limits = page_limits(config, request);
    let mut page = Page::new(limits, start.unwrap_or(0), after, &meta);
    let (items, next) = match &place {
        Place::Snapshot { start, after } => {
            let next = snapshot::fill(tx, &collections, *start, after, &mut page)?;
            (page.finish().0, behind(&meta, *start, next))
        }
        Place::Feed(_) | Place::Walk { .. } => {
            if after < meta.seq {
                tx.scan(after, &collections, &mut |version, row| {
                    page.visit(version, row)
                })?;
            }
            let (items, until, more) = page.finish();
            // At the end of the feed the checkpoint is the counter, past commits that left no row.
            let next = match (more, start) {
                (false, _) => Place::Feed(meta.seq),
                (true, None) => Place::Feed(until),
                (true, Some(start)) => Place::Walk { start, seq: until },
            };
            (items, (next, more))
        }
    };
    let (place, more) = next;
    let total = match (start, more) {
        (Some(_), false) => Some(total(tx, &collections)?),
        _ => None,
    };
    let checkpoint = Checkpoint {
        epoch: meta.epoch().to_owned(),
        place,
    };
    Ok(answer(&meta, &items, &checkpoint, more, total, now))
}

/// Where a page of a snapshot ends: before the next one, or where the feed goes on from the snapshot's beginning.
fn behind(meta: &Meta, start: u64, next: Option<After>) -> (Place, bool) {
    let tail = Place::Walk { start, seq: start };
    match next {
        Some(after) => (Place::Snapshot { start, after }, true),
        None if start == meta.seq || planted::on(Bug::SnapshotSkipsTail) => {
            (Place::Feed(meta.seq), false)
        }
        None => (tail, true),
    }
}

/// Where the request stands; a request without a checkpoint begins a first walk here and now.
fn place(meta: &Meta, request: &PullRequest) -> Result<Place, ServiceError> {
    let start = meta.seq;
    let Some(text) = &request.checkpoint else {
        return Ok(match request.snapshot {
            true => Place::Snapshot {
                start,
                after: After::default(),
            },
            false => Place::Walk { start, seq: 0 },
        });
    };
    let known = Checkpoint::parse(text).filter(|at| at.epoch == meta.epoch());
    // A place beyond the counter is one of a history that was lost without a word.
    known
        .map(|at| at.place)
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
    // Epochs are hexadecimal: nothing to escape. A checkpoint may hold an id.
    let checkpoint = serde_json::Value::from(checkpoint.to_string());
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
        r#"],"checkpoint":{checkpoint},"more":{more}{total},"server_time_ms":{}}}"#,
        now.wall_ms
    );
    body.extend_from_slice(end.as_bytes());
    body
}
