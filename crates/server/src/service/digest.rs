//! Counts and hashes of what is held.
use super::{bad_name, check_count, meta};
use crate::checkpoint::Checkpoint;
use crate::store::{Meta, ServerTx, Tally};
use crate::{ServerNow, ServiceConfig, ServiceError};
use tisync_protocol::{Digest, DigestAnswer, DigestRange, DigestRequest, check_collection};

/// Answers with the digests that are asked for.
pub fn digest<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
    request: DigestRequest,
) -> Result<DigestAnswer, ServiceError> {
    check_count(
        "collections and ranges",
        request.collections.len() + request.ranges.len(),
        config.limits.fetch_max,
    )?;
    let meta = meta(tx)?;
    let whole = request
        .collections
        .into_iter()
        .map(|collection| DigestRange {
            collection,
            ..DigestRange::default()
        });
    let digests = whole
        .chain(request.ranges)
        .map(|range| one(tx, &meta, range))
        .collect::<Result<_, _>>()?;
    let checkpoint = Checkpoint {
        epoch: meta.epoch().to_owned(),
        start: None,
        seq: meta.seq,
    };
    Ok(DigestAnswer {
        epoch: meta.epoch().to_owned(),
        checkpoint: checkpoint.to_string(),
        digests,
        server_time_ms: now.wall_ms,
    })
}

fn one<T: ServerTx>(tx: &mut T, meta: &Meta, range: DigestRange) -> Result<Digest, ServiceError> {
    check_collection(&range.collection).map_err(bad_name)?;
    let mut tally = Tally::default();
    match (&range.after, &range.until) {
        (None, None) => tally = tx.tally(&range.collection)?,
        (after, until) => tx.live(
            &range.collection,
            after.as_deref(),
            until.as_deref(),
            &mut |id, version| tally.add(id, &meta.version(version)),
        )?,
    }
    let DigestRange {
        collection,
        after,
        until,
    } = range;
    Ok(Digest {
        collection,
        after,
        until,
        count: tally.count,
        hash: Digest::hash_text(tally.hash),
    })
}
