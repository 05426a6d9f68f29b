//! Those who listen, and the streams of hints that they get.
//!
//! A listener has a flag and no queue: hints that it has not taken yet are one, so that a slow one costs nothing,
//! however much changes.
use super::limits::{BEAT_EVERY, HINT_GAP, LISTENERS_MAX};
use crate::{Changed, HttpResponse, Listens};
use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_core::Stream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tisync_protocol::Problem;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

/// Those who listen.
pub(super) struct Hub {
    listeners: Mutex<Listeners>,
    stopped: watch::Receiver<bool>,
}

#[derive(Default)]
struct Listeners {
    all: BTreeMap<u64, Listener>,
    last: u64,
}

struct Listener {
    listens: Listens,
    told: Arc<Notify>,
}

impl Hub {
    /// A hub whose streams end when `stopped` becomes true.
    pub(super) fn new(stopped: watch::Receiver<bool>) -> Self {
        Hub {
            listeners: Mutex::default(),
            stopped,
        }
    }

    /// Tells everyone whom a change concerns.
    pub(super) fn tell(&self, changed: &Changed) {
        let listeners = lock(&self.listeners);
        for listener in listeners.all.values() {
            if listener.listens.is_told_of(changed) {
                listener.told.notify_one();
            }
        }
    }

    /// Goes on with an answer as a stream of hints, unless too many listen already.
    pub(super) fn stream(
        self: &Arc<Self>,
        mut head: Response<Body>,
        first: Vec<u8>,
        listens: Listens,
        now_ms: u64,
    ) -> Result<Response<Body>, Box<HttpResponse>> {
        let until = listens.until_ms.map(|until_ms| {
            Instant::now() + Duration::from_millis(until_ms.saturating_sub(now_ms))
        });
        let told = Arc::new(Notify::new());
        let listener = Listener {
            listens,
            told: told.clone(),
        };
        let Some(seat) = self.seat(listener) else {
            return Err(Box::new(full()));
        };
        let ticks = Ticks {
            told,
            stopped: self.stopped.clone(),
            until,
            free: Instant::now() + HINT_GAP,
        };
        *head.body_mut() = Body::from_stream(Hints {
            first: Some(first),
            next: Box::pin(ticks.next()),
            _seat: seat,
        });
        // Nothing on the way may gather it.
        let headers = head.headers_mut();
        headers.insert(
            "x-accel-buffering",
            axum::http::HeaderValue::from_static("no"),
        );
        Ok(head)
    }

    fn seat(self: &Arc<Self>, listener: Listener) -> Option<Seat> {
        let mut listeners = lock(&self.listeners);
        if listeners.all.len() >= LISTENERS_MAX {
            return None;
        }
        listeners.last += 1;
        let number = listeners.last;
        listeners.all.insert(number, listener);
        Some(Seat {
            hub: self.clone(),
            number,
        })
    }
}

fn full() -> HttpResponse {
    let detail = format!(
        "At most {LISTENERS_MAX} may listen at once. Poll, and try to listen again after Retry-After seconds."
    );
    let problem = Problem::new(Problem::BUSY, "Too many listen", 503, detail);
    let mut response = HttpResponse::problem(&problem);
    let wait = ("retry-after".to_owned(), "60".to_owned());
    response.headers.push(wait);
    response
}

/// A listener's place; it is free again when the stream is dropped, however it ended.
struct Seat {
    hub: Arc<Hub>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.hub.listeners).all.remove(&self.number);
    }
}

/// When the next piece of a stream is due, and which.
struct Ticks {
    told: Arc<Notify>,
    stopped: watch::Receiver<bool>,
    until: Option<Instant>,
    /// Before then no hint is sent.
    free: Instant,
}

impl Ticks {
    /// Waits for the next piece; none when the stream ends.
    async fn next(mut self) -> Option<Next> {
        let piece = {
            let told = async {
                sleep_until(self.free).await;
                self.told.notified().await;
            };
            let ended = async {
                match self.until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped) => None,
                () = ended => None,
                told = timeout(BEAT_EVERY, told) => Some(match told {
                    Ok(()) => Listens::HINT,
                    Err(_) => Listens::BEAT,
                }),
            }
        };
        if piece == Some(Listens::HINT) {
            self.free = Instant::now() + HINT_GAP;
        }
        piece.map(|piece| (piece, self))
    }
}

/// The next piece, and what is needed to wait for the one after it.
type Next = (&'static str, Ticks);

/// The body of a stream of hints.
struct Hints {
    first: Option<Vec<u8>>,
    next: Pin<Box<dyn Future<Output = Option<Next>> + Send>>,
    _seat: Seat,
}

impl Stream for Hints {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first.into())));
        }
        self.next.as_mut().poll(context).map(|next| {
            let (piece, ticks) = next?;
            self.next = Box::pin(ticks.next());
            Some(Ok(Bytes::from_static(piece.as_bytes())))
        })
    }
}

/// The map is whole after any panic: it is only inserted into and removed from.
fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}
