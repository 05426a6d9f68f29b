//! Packed bodies.
use super::limits::{PACK_BYTES_MIN, PACK_LEVEL};
use crate::HttpResponse;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use tisync_protocol::Problem;

/// Whether a request's body is packed; any other encoding than gzip is refused.
pub(super) fn is_packed(headers: &HeaderMap) -> Result<bool, Box<Problem>> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(false);
    };
    match encoding
        .to_str()
        .map(str::trim)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Ok("gzip") => Ok(true),
        Ok("identity") => Ok(false),
        other => {
            let detail = format!(
                "A body is plain or packed with gzip; {:?} came.",
                other.unwrap_or("something else")
            );
            Err(Box::new(Problem::new(
                Problem::BAD_ENCODING,
                "The body is packed in an unknown way",
                415,
                detail,
            )))
        }
    }
}

/// Unpacks a body, no further than the limit.
pub(super) fn unpack(packed: &[u8], bytes_max: u64) -> Result<Vec<u8>, Box<Problem>> {
    let mut body = Vec::new();
    // One byte more than the limit shows that there is more.
    let read = MultiGzDecoder::new(packed)
        .take(bytes_max + 1)
        .read_to_end(&mut body);
    if let Err(error) = read {
        let detail = format!("The body says that it is gzip and cannot be unpacked: {error}.");
        return Err(Box::new(Problem::new(
            Problem::BAD_ENCODING,
            "The body cannot be unpacked",
            400,
            detail,
        )));
    }
    if body.len() as u64 > bytes_max {
        return Err(super::body::too_large(bytes_max));
    }
    Ok(body)
}

/// Whether the client takes packed answers.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|q| q.trim().parse::<f32>().ok())
            == Some(0.0);
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// Packs a body that is worth it.
pub(super) fn pack(response: &mut HttpResponse) {
    response
        .headers
        .push(("vary".into(), "accept-encoding".into()));
    if response.body.len() < PACK_BYTES_MIN {
        return;
    }
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(response.body.len() / 4),
        Compression::new(PACK_LEVEL),
    );
    let packed = encoder
        .write_all(&response.body)
        .and_then(|()| encoder.finish());
    // Writing into a vector does not fail; if it did, the plain body would be right as well.
    if let Ok(packed) = packed {
        response.body = packed;
        response
            .headers
            .push(("content-encoding".into(), "gzip".into()));
    }
}
