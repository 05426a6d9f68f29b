//! Some records, or what became of some mutations.
use super::{bad_name, check_count, image, meta};
use crate::store::{Key, Meta, ServerTx};
use crate::{ServerNow, ServiceConfig, ServiceError};
use tisync_protocol::{
    FetchAnswer, FetchRequest, Found, Image, MarkResult, check_collection, check_record,
    mutation_id,
};

/// Answers with the records and receipts that are asked for.
pub fn fetch<T: ServerTx>(
    tx: &mut T,
    now: &ServerNow,
    config: &ServiceConfig,
    request: FetchRequest,
) -> Result<FetchAnswer, ServiceError> {
    check_count(
        "records and mutations",
        request.wanted.len() + request.marks.len(),
        config.limits.fetch_max,
    )?;
    let meta = meta(tx)?;
    let asked = request.wanted.len();
    let mut found: Vec<Found> = Vec::with_capacity(asked);
    let mut bytes = 0;
    for wanted in request.wanted {
        check_collection(&wanted.collection).map_err(bad_name)?;
        check_record(&wanted.id).map_err(bad_name)?;
        if bytes > config.limits.pull_bytes_max {
            break;
        }
        let image = image(
            &meta,
            tx.record(Key {
                collection: &wanted.collection,
                id: &wanted.id,
            })?,
        );
        if let Image::Present(present) = &image {
            bytes += present.document.text().len() as u64;
        }
        found.push(Found {
            collection: wanted.collection,
            id: wanted.id,
            found: image,
        });
    }
    let receipts = request
        .marks
        .into_iter()
        .map(|id| mark(tx, &meta, id))
        .collect::<Result<_, _>>()?;
    let more = found.len() < asked;
    Ok(FetchAnswer {
        epoch: meta.epoch().to_owned(),
        found,
        receipts,
        more,
        server_time_ms: now.wall_ms,
    })
}

fn mark<T: ServerTx>(tx: &mut T, meta: &Meta, id: String) -> Result<MarkResult, ServiceError> {
    let receipt = tx.receipt(&mutation_id(&id).map_err(bad_name)?)?;
    Ok(MarkResult {
        id,
        verdict: receipt.map(|receipt| receipt.settled.verdict(meta)),
    })
}
