//! The server tells when something changes: `_changes` as a stream of lines.
use super::Server;
use crate::http::{Http, HttpError, Response, Streamed, classify, query};
use crate::limits::{HINT_FEEDS_MAX, HINTS_SILENCE_MS_MAX, STREAM_PIECE_BYTES_MAX};
use crate::{Hint, Hints, LocalFuture, LocalStream, Session};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tisync_core::model::{Failure, FailureKind, ListenRequest};

/// Milliseconds between two signs of life at most: a third of the silence after which the stream counts as broken.
pub(super) const HEARTBEAT_MS_MAX: u64 = HINTS_SILENCE_MS_MAX / 3;

/// The hints of every database, or of the first [`HINT_FEEDS_MAX`]: the others are polled.
pub(super) fn hints(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    request: &ListenRequest,
) -> Option<Hints> {
    let mut ears = Vec::new();
    for collection in request.feeds.values().flatten().take(HINT_FEEDS_MAX) {
        let asked = query([
            ("feed", "continuous"),
            ("since", "now"),
            ("heartbeat", &server.options.heartbeat_ms.to_string()),
        ]);
        let rest = format!("/_changes?{asked}");
        let Ok(mut sent) = server.request(session, "GET", collection, &rest) else {
            continue;
        };
        // A server that compresses keeps lines back until it has enough of them.
        sent = sent.with_header("accept-encoding", "identity");
        sent.timeout_ms = HINTS_SILENCE_MS_MAX;
        sent.answer_bytes_max = STREAM_PIECE_BYTES_MAX;
        ears.push(Ear::Opening(http.stream(sent)?));
    }
    if ears.is_empty() {
        return None;
    }
    Some(Box::pin(Ears {
        ears,
        told: false,
        ended: false,
    }))
}

struct Ears {
    ears: Vec<Ear>,
    /// Whether it was said that all of them listen.
    told: bool,
    ended: bool,
}

enum Ear {
    Opening(LocalFuture<Result<Streamed, HttpError>>),
    Open(LocalStream<Result<Vec<u8>, HttpError>>),
}

impl Stream for Ears {
    type Item = Result<Hint, Failure>;

    /// The first stream that ends, ends all: the engine says when to listen again.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let ears = self.get_mut();
        if ears.ended {
            return Poll::Ready(None);
        }
        let mut changed = false;
        for ear in &mut ears.ears {
            match ear.poll(context) {
                Ok(heard) => changed |= heard,
                Err(end) => {
                    ears.ended = true;
                    return Poll::Ready(end.map(Err));
                }
            }
        }
        if !ears.told && ears.ears.iter().all(|ear| matches!(ear, Ear::Open(_))) {
            ears.told = true;
            // What was heard meanwhile is told after it.
            context.waker().wake_by_ref();
            return Poll::Ready(Some(Ok(Hint::Listening)));
        }
        match changed && ears.told {
            true => Poll::Ready(Some(Ok(Hint::Changed))),
            false => Poll::Pending,
        }
    }
}

impl Ear {
    /// Reads all that there is; whether something has changed. The error is the end, with its reason if it has one.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<bool, Option<Failure>> {
        let mut changed = false;
        loop {
            match self {
                Ear::Opening(opening) => match opening.as_mut().poll(context) {
                    Poll::Pending => return Ok(changed),
                    Poll::Ready(Ok(streamed)) => *self = Ear::Open(opened(streamed)?),
                    Poll::Ready(Err(error)) => return Err(Some(classify::no_answer(&error))),
                },
                Ear::Open(pieces) => match pieces.as_mut().poll_next(context) {
                    Poll::Pending => return Ok(changed),
                    // Whatever is not the blank line of a heartbeat is a change.
                    Poll::Ready(Some(Ok(piece))) => {
                        changed |= piece.iter().any(|byte| !byte.is_ascii_whitespace());
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Err(Some(classify::no_answer(&error)));
                    }
                    Poll::Ready(None) => return Err(None),
                },
            }
        }
    }
}

fn opened(streamed: Streamed) -> Result<LocalStream<Result<Vec<u8>, HttpError>>, Option<Failure>> {
    if streamed.status == 200 {
        let head = Response {
            status: 200,
            headers: streamed.headers,
            body: Vec::new(),
        };
        // CouchDB labels a stream as text where it is not asked for JSON alone.
        let media = head.header("content-type").unwrap_or_default();
        if media.starts_with("application/json")
            || media.starts_with("text/plain")
            || media.is_empty()
        {
            return Ok(streamed.pieces);
        }
        return Err(Some(classify::not_this_protocol(&format!(
            "a stream of changes was expected, but {media} came; is something between this device and the server, such \
             as a sign-in page of the network?"
        ))));
    }
    let head = Response {
        status: streamed.status,
        headers: streamed.headers,
        body: Vec::new(),
    };
    Err(Some(match head.status {
        404 | 405 | 406 | 501 => Failure::new(
            FailureKind::Retry { after_ms: None },
            false,
            format!(
                "the server gives no hints: it answered with status {}",
                head.status
            ),
        ),
        _ => classify::failure(&head),
    }))
}
