//! Counts and hashes of what is held.
use super::{bad_name, check_count, meta};
use crate::checkpoint::{Checkpoint, Place};
use crate::limits::SCAN_ROWS_MAX;
use crate::store::{LiveRow, Meta, Range, ServerTx, Tally};
use crate::{ServerNow, ServiceConfig, ServiceError, StoreError};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tisync_json::Document;
use tisync_protocol::{Digest, DigestAnswer, DigestRange, DigestRequest, Listed, check_collection};

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
    let ranges: Vec<DigestRange> = whole.chain(request.ranges).collect();
    for range in &ranges {
        check_collection(&range.collection).map_err(bad_name)?;
    }
    let mut checkpoint = Checkpoint {
        epoch: meta.epoch().to_owned(),
        place: Place::Feed(meta.seq),
    }
    .to_string();
    let mut digests = Vec::new();
    let holds = match &request.at {
        None => true,
        Some(at) => holds(tx, &meta, at, &ranges)?,
    };
    if holds {
        checkpoint = request.at.unwrap_or(checkpoint);
        let mut left = config.limits.fetch_max;
        for range in ranges {
            let how = How {
                contents: request.contents,
                list_max: request.list_max.map(|max| max.min(left)),
            };
            let digest = one(tx, &meta, how, range)?;
            left -= digest.records.as_ref().map_or(0, Vec::len) as u64;
            digests.push(digest);
        }
    }
    Ok(DigestAnswer {
        epoch: meta.epoch().to_owned(),
        checkpoint,
        digests,
        server_time_ms: now.wall_ms,
    })
}

/// Whether nothing of the ranges' collections was written since a checkpoint.
fn holds<T: ServerTx>(
    tx: &mut T,
    meta: &Meta,
    at: &str,
    ranges: &[DigestRange],
) -> Result<bool, ServiceError> {
    let place = Checkpoint::parse(at).filter(|at| at.epoch == meta.epoch());
    let Some(Place::Feed(seq)) = place.map(|at| at.place) else {
        return Ok(false);
    };
    if seq < meta.horizon || seq > meta.seq {
        return Ok(false);
    }
    let collections: BTreeSet<&str> = ranges
        .iter()
        .map(|range| range.collection.as_str())
        .collect();
    let (mut written, mut rows) = (false, 0);
    tx.scan(seq, &collections, &mut |_, row| {
        rows += 1;
        // Who is that far behind has enough to pull first.
        written = row.is_some() || rows > SCAN_ROWS_MAX;
        match written {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(!written)
}

#[derive(Clone, Copy)]
struct How {
    contents: bool,
    list_max: Option<u64>,
}

fn one<T: ServerTx>(
    tx: &mut T,
    meta: &Meta,
    how: How,
    range: DigestRange,
) -> Result<Digest, ServiceError> {
    let DigestRange {
        collection,
        after,
        until,
    } = range;
    let is_whole = after.is_none() && until.is_none();
    let (tally, records) = if is_whole && !how.contents && how.list_max.is_none() {
        (tx.tally(&collection)?, None)
    } else {
        let range = Range {
            collection: &collection,
            after: after.as_deref(),
            until: until.as_deref(),
            documents: how.contents,
            ..Range::default()
        };
        counted(tx, meta, how, range)?
    };
    Ok(Digest {
        count: tally.count,
        hash: Digest::hash_text(tally.hash),
        records,
        collection,
        after,
        until,
    })
}

/// Counts the records of a range, and lists them while they are few.
fn counted<T: ServerTx>(
    tx: &mut T,
    meta: &Meta,
    how: How,
    range: Range<'_>,
) -> Result<(Tally, Option<Vec<Listed>>), ServiceError> {
    let mut tally = Tally::default();
    let mut records = how.list_max.map(|_| Vec::new());
    let mut failed = None;
    tx.live(range, &mut |row| {
        let version = meta.version(row.version);
        let term = match term(&row, &version) {
            Ok(term) => term,
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        };
        tally.add_term(term);
        if how.list_max.is_some_and(|max| tally.count > max) {
            records = None;
        }
        if let Some(records) = &mut records {
            records.push(Listed {
                id: row.id.to_owned(),
                version,
                hash: how.contents.then(|| Digest::hash_text(term)),
            });
        }
        ControlFlow::Continue(())
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok((tally, records)),
    }
}

fn term(row: &LiveRow<'_>, version: &str) -> Result<u64, ServiceError> {
    let Some(content) = row.content else {
        return Ok(Digest::term(row.id, version));
    };
    let document = Document::parse(content.document).map_err(|error| {
        StoreError::failed(format!("a document of the store cannot be read: {error}"))
    })?;
    Ok(Digest::term_of_contents(row.id, version, &document))
}
