//! What goes through the HTTP client of one connector: counted, and logged without its contents.
use crate::host;
use crate::traffic::Counters;
use futures_core::Stream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tisync_connect::http::{Http, HttpError, Redacted, Request, Response, Streamed};
use tisync_connect::{LocalFuture, LocalStream};

/// An HTTP client that counts.
pub(crate) struct Metered {
    http: Rc<dyn Http>,
    counters: Arc<Counters>,
}

impl Metered {
    pub(crate) fn new(http: Rc<dyn Http>, counters: Arc<Counters>) -> Self {
        Metered { http, counters }
    }

    fn sends(&self, request: &Request) -> Sent {
        self.counters.requests.add(1);
        self.counters.bytes_sent.add(request.body.len());
        let sent = Sent {
            method: request.method,
            url: Redacted(&request.url).to_string(),
            began_ms: host::monotonic_ms(),
        };
        tracing::trace!(method = sent.method, url = %sent.url, bytes = request.body.len(), "request");
        sent
    }
}

/// A request that was sent, as a log may show it.
struct Sent {
    method: &'static str,
    url: String,
    began_ms: u64,
}

impl Sent {
    fn answered(&self, status: u16, bytes: Option<usize>) {
        let ms = host::monotonic_ms() - self.began_ms;
        tracing::debug!(method = self.method, url = %self.url, status, bytes, ms, "answer");
    }

    fn failed(&self, error: &HttpError) {
        let ms = host::monotonic_ms() - self.began_ms;
        tracing::debug!(method = self.method, url = %self.url, kind = ?error.kind, error = %error.message, ms, "no answer");
    }
}

impl Http for Metered {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let sent = self.sends(&request);
        let counters = self.counters.clone();
        let answer = self.http.send(request);
        Box::pin(async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => {
                    counters.bytes_received.add(response.body.len());
                    sent.answered(response.status, Some(response.body.len()));
                }
                Err(error) => sent.failed(error),
            }
            answer
        })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        let sent = self.sends(&request);
        let counters = self.counters.clone();
        let answer = self.http.stream(request)?;
        Some(Box::pin(async move {
            match answer.await {
                Ok(streamed) => {
                    sent.answered(streamed.status, None);
                    let pieces = streamed.pieces;
                    Ok(Streamed {
                        pieces: Box::pin(Pieces { pieces, counters }),
                        ..streamed
                    })
                }
                Err(error) => {
                    sent.failed(&error);
                    Err(error)
                }
            }
        }))
    }
}

/// The pieces of an answer that goes on, counted.
struct Pieces {
    pieces: LocalStream<Result<Vec<u8>, HttpError>>,
    counters: Arc<Counters>,
}

impl Stream for Pieces {
    type Item = Result<Vec<u8>, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.pieces.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.counters.bytes_received.add(piece.len());
        }
        piece
    }
}
