//! Reads a request's body, no further and no longer than allowed.
use super::limits::{BODY_WAIT, DRAIN_BYTES_MAX};
use axum::body::{Body, BodyDataStream};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use tisync_protocol::Problem;

/// The body as it came, packed or not.
pub(super) async fn read(body: Body, bytes_max: u64) -> Result<Vec<u8>, Box<Problem>> {
    let slow = |_| {
        let detail = format!(
            "A body has {} seconds to arrive. Send less at once.",
            BODY_WAIT.as_secs()
        );
        Box::new(Problem::new(
            Problem::TOO_SLOW,
            "The body is too slow",
            408,
            detail,
        ))
    };
    tokio::time::timeout(BODY_WAIT, collect(body.into_data_stream(), bytes_max))
        .await
        .map_err(slow)?
}

async fn collect(mut stream: BodyDataStream, bytes_max: u64) -> Result<Vec<u8>, Box<Problem>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        let chunk = chunk.map_err(|error| {
            let detail = format!("The body ended before its end: {error}. Send it again.");
            Box::new(Problem::new(
                Problem::BAD_JSON,
                "The body is cut",
                400,
                detail,
            ))
        })?;
        length += chunk.len() as u64;
        if length <= bytes_max {
            bytes.extend_from_slice(&chunk);
        } else if length > bytes_max + DRAIN_BYTES_MAX {
            break;
        } else {
            // Too much: what is left is read only so that the client gets to see why.
            bytes = Vec::new();
        }
    }
    if length > bytes_max {
        Err(too_large(bytes_max))
    } else {
        Ok(bytes)
    }
}

/// A body over the limit.
pub(super) fn too_large(limit: u64) -> Box<Problem> {
    let detail = format!("A body has at most {limit} bytes, unpacked. Send less at once.");
    Box::new(Problem {
        limit: Some(limit),
        ..Problem::new(Problem::TOO_LARGE, "Too much at once", 413, detail)
    })
}
