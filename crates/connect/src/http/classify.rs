//! What an answer means: the default table from HTTP to [`Failure`]. A connector overrides what its backend
//! does differently.
use super::{HttpError, HttpErrorKind, Response, date_ms};
use crate::limits::MESSAGE_CHARS_MAX;
use tisync_core::limits::RETRY_AFTER_MAX_MS;
use tisync_core::model::{Failure, FailureKind};

/// Why there is no answer, and whether that proves that nothing was sent.
pub fn no_answer(error: &HttpError) -> Failure {
    let (kind, not_sent) = match error.kind {
        HttpErrorKind::NotSent => (FailureKind::Offline, true),
        // A foreign certificate is what a captive portal shows first.
        HttpErrorKind::Refused => (FailureKind::NotThisProtocol, true),
        HttpErrorKind::Broken | HttpErrorKind::Timeout => (FailureKind::Offline, false),
        HttpErrorKind::TooLarge => (FailureKind::TooLarge, false),
    };
    Failure::new(kind, not_sent, cut(&error.message))
}

/// What a status other than success means for the request as a whole.
///
/// | status | kind |
/// |---|---|
/// | 401, 407 | credentials |
/// | 403 | retry: it concerns what was asked for, never the queue |
/// | 408, 425, 429, 5xx | retry, not before `Retry-After` |
/// | 410 | expired checkpoint (a connector adds the epoch) |
/// | 413 | too large: nothing was carried out |
/// | 426 | upgrade required |
/// | 400, 409, 412, 422 | retry: of a push the connector makes a verdict of it |
/// | anything else, 501, 511, or a page of HTML | not this protocol |
pub fn failure(response: &Response) -> Failure {
    let after_ms = retry_after_ms(response);
    let kind = match response.status {
        // What does not know the method is no backend of ours, today or tomorrow.
        501 | 511 => FailureKind::NotThisProtocol,
        // A gateway's page of HTML for 502 or 503 still means that the backend cannot answer now.
        408 | 425 | 429 | 500..=599 => FailureKind::Retry { after_ms },
        _ if is_html(response) => FailureKind::NotThisProtocol,
        401 | 407 => FailureKind::Credentials,
        400 | 403 | 409 | 412 | 422 => FailureKind::Retry { after_ms },
        410 => FailureKind::ExpiredCheckpoint { epoch: None },
        413 => FailureKind::TooLarge,
        426 => FailureKind::UpgradeRequired,
        _ => FailureKind::NotThisProtocol,
    };
    let message = message(response, &kind);
    // What is too large to be taken was not carried out.
    let not_sent = kind == FailureKind::TooLarge;
    Failure::new(kind, not_sent, message)
}

fn message(response: &Response, kind: &FailureKind) -> String {
    let status = response.status;
    match status {
        // Redirects within an origin are followed: this one leads elsewhere, where the token must not go.
        300..=399 => format!(
            "the server answered with status {status}: it sends to another address, which gets no token; give that \
             address in the configuration"
        ),
        _ => match kind {
            FailureKind::NotThisProtocol => format!(
                "the server answered with status {status}, as this backend does not: check the address; or is \
                 something between this device and the server, such as a sign-in page of the network?"
            ),
            _ => format!("the server answered with status {status}"),
        },
    }
}

/// The failure of an answer that cannot be what was asked for; `what` says what was expected and what came,
/// without any of it.
pub fn not_this_protocol(what: &str) -> Failure {
    Failure::new(FailureKind::NotThisProtocol, false, cut(what))
}

/// How long the server asks to wait: seconds, or a date compared with the answer's own `Date`, so that this
/// device's clock does not matter.
///
/// `None` when it does not ask, or when what it asks is no time; a longer wait than
/// [`RETRY_AFTER_MAX_MS`] is cut, a date in the past is no wait.
pub fn retry_after_ms(response: &Response) -> Option<u64> {
    let text = response.header("retry-after")?.trim();
    let wait_ms = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number beyond 64 bits is as absurd as one just below.
        text.parse::<u64>()
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000)
    } else {
        let at = date_ms(text)?;
        at.saturating_sub(date_ms(response.header("date")?)?)
    };
    Some(wait_ms.min(RETRY_AFTER_MAX_MS))
}

/// Whether the answer says that its body is JSON (or a kind of it, `application/problem+json`).
pub fn is_json(response: &Response) -> bool {
    media_type(response).is_some_and(|media| {
        media == "application/json"
            || (media.starts_with("application/") && media.ends_with("+json"))
    })
}

fn is_html(response: &Response) -> bool {
    media_type(response)
        .is_some_and(|media| media == "text/html" || media == "application/xhtml+xml")
}

fn media_type(response: &Response) -> Option<String> {
    let value = response.header("content-type")?;
    let media = value.split_once(';').map_or(value, |(media, _)| media);
    Some(media.trim().to_ascii_lowercase())
}

/// Cuts a message that came from outside, so that it stays a line.
pub(crate) fn cut(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS_MAX)
        .collect()
}

/// Cuts a text to so many bytes at most, between characters.
pub(crate) fn cut_text(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
