//! The server tells when something changes: server-sent events.
use crate::http::{HttpError, Response, Streamed, classify};
use crate::limits::{HINT_LINE_BYTES_MAX, HINT_NAMES_BYTES_MAX};
use crate::{Hint, Hints, LocalFuture, LocalStream};
use futures_core::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tisync_core::model::{Failure, FailureKind, ListenRequest};

/// Which collections are meant, as a query; too many to name are all.
pub(super) fn query(request: &ListenRequest) -> String {
    let names = request.feeds.values().flatten();
    let names: Vec<&str> = names.map(|name| name.as_str()).collect();
    let names = names.join(",");
    if names.is_empty() || names.len() > HINT_NAMES_BYTES_MAX {
        return String::new();
    }
    format!("?collections={names}")
}

/// The hints of a stream that is being opened.
pub(super) fn hints(opening: LocalFuture<Result<Streamed, HttpError>>) -> Hints {
    Box::pin(Ear {
        state: State::Opening(opening),
        lines: Lines::default(),
        heard: VecDeque::new(),
    })
}

struct Ear {
    state: State,
    lines: Lines,
    heard: VecDeque<Hint>,
}

enum State {
    Opening(LocalFuture<Result<Streamed, HttpError>>),
    Open(LocalStream<Result<Vec<u8>, HttpError>>),
    Ended,
}

impl Stream for Ear {
    type Item = Result<Hint, Failure>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let ear = self.get_mut();
        loop {
            if let Some(hint) = ear.heard.pop_front() {
                return Poll::Ready(Some(Ok(hint)));
            }
            let failure = match &mut ear.state {
                State::Ended => return Poll::Ready(None),
                State::Opening(opening) => match ready!(opening.as_mut().poll(context)) {
                    Ok(streamed) => match opened(streamed) {
                        Ok(pieces) => {
                            ear.state = State::Open(pieces);
                            ear.heard.push_back(Hint::Listening);
                            continue;
                        }
                        Err(failure) => failure,
                    },
                    Err(error) => classify::no_answer(&error),
                },
                State::Open(pieces) => match ready!(pieces.as_mut().poll_next(context)) {
                    Some(Ok(piece)) => match ear.lines.read(&piece) {
                        Ok(hints) => {
                            ear.heard.extend(std::iter::repeat_n(Hint::Changed, hints));
                            continue;
                        }
                        Err(failure) => failure,
                    },
                    Some(Err(error)) => classify::no_answer(&error),
                    None => {
                        ear.state = State::Ended;
                        return Poll::Ready(None);
                    }
                },
            };
            ear.state = State::Ended;
            return Poll::Ready(Some(Err(failure)));
        }
    }
}

/// Checks that it is our server that tells.
fn opened(streamed: Streamed) -> Result<LocalStream<Result<Vec<u8>, HttpError>>, Failure> {
    let head = Response {
        status: streamed.status,
        headers: streamed.headers,
        body: Vec::new(),
    };
    let media = head.header("content-type").unwrap_or("none");
    match head.status {
        200 if media.starts_with("text/event-stream") => Ok(streamed.pieces),
        200 => Err(classify::not_this_protocol(&format!(
            "a stream of the type text/event-stream was expected, but {media} came; is something between this \
             device and the server, such as a sign-in page of the network?"
        ))),
        // An older server, or one behind something that keeps no connections open: polls do.
        404 | 405 | 406 | 501 => Err(Failure::new(
            FailureKind::Retry { after_ms: None },
            false,
            format!(
                "the server gives no hints: it answered with status {}",
                head.status
            ),
        )),
        _ => Err(classify::failure(&head)),
    }
}

/// The lines of a stream of server-sent events.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    is_hint: bool,
    after_cr: bool,
}

impl Lines {
    /// Reads a piece; returns how many hints ended in it.
    fn read(&mut self, piece: &[u8]) -> Result<usize, Failure> {
        let mut hints = 0;
        for byte in piece {
            // A line ends with CR, LF, or both.
            let is_second_half = std::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => hints += usize::from(self.end()),
                _ if self.line.len() >= HINT_LINE_BYTES_MAX => {
                    return Err(classify::not_this_protocol(&format!(
                        "a line of at most {HINT_LINE_BYTES_MAX} bytes was expected in the stream of hints, but a \
                         longer one came"
                    )));
                }
                _ => self.line.push(*byte),
            }
        }
        Ok(hints)
    }

    /// Ends a line; whether it ended a hint.
    fn end(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return std::mem::take(&mut self.is_hint);
        }
        if let Some(name) = line.strip_prefix(b"event:") {
            self.is_hint = name.trim_ascii() == b"hint";
        }
        false
    }
}
