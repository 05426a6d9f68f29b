//! The seam to the host's HTTP client.
mod address;
mod auth;
pub mod classify;
mod date;
mod json;
mod redacted;
mod rows;

pub use address::{base_address, path_segment, query};
pub use auth::Auth;
pub(crate) use classify::cut_text;
pub use date::{date_ms, instant_ms, rfc3339};
pub(crate) use json::parse;
pub use json::{read_json, send};
pub use redacted::Redacted;
pub(crate) use rows::rows_of;

use crate::{LocalFuture, LocalStream};
use std::fmt;
use std::ops::Deref;

/// Sends requests: reqwest natively, the host's client elsewhere, a scripted network in the simulator.
pub trait Http {
    /// Sends one request and reads the whole answer, within the request's limits.
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>>;

    /// Opens an answer that goes on, piece by piece, until one side ends it; `None` where the host can keep no
    /// connection open. The request's time is the longest silence, and its bytes are those of one piece.
    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        let _ = request;
        None
    }

    /// Lets the host do something else, where it must not block for long: a connector that reads many rows asks now
    /// and then. `None` where nobody minds.
    fn pause(&self) -> Option<LocalFuture<()>> {
        None
    }
}

/// Rows of a page that are read before the host may do something else.
const ROWS_AT_ONCE: usize = 16;

/// Reads each row of a page; a host that must not block has its turn in between.
pub(crate) async fn each_row<R, T>(
    http: &dyn Http,
    rows: impl ExactSizeIterator<Item = R>,
    mut read: impl FnMut(R) -> T,
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows.len());
    for (number, row) in rows.enumerate() {
        if number % ROWS_AT_ONCE == ROWS_AT_ONCE - 1
            && let Some(pause) = http.pause()
        {
            pause.await;
        }
        all.push(read(row));
    }
    all
}

/// A request.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Milliseconds until the answer must be there.
    pub timeout_ms: u64,
    /// Bytes of the answer at most, after decoding.
    pub answer_bytes_max: usize,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({} bytes)",
            self.method,
            Redacted(&self.url),
            self.body.len()
        )
    }
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The decoded body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of a name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer that goes on.
pub struct Streamed {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The decoded body, as it comes.
    pub pieces: LocalStream<Result<Vec<u8>, HttpError>>,
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (a stream)", self.status)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError(Box<HttpErrorDetails>);

/// What an [`HttpError`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpErrorDetails {
    /// The kind.
    pub kind: HttpErrorKind,
    /// What happened, for a person; without secrets.
    pub message: String,
}

impl HttpError {
    /// Makes an error.
    pub fn new(kind: HttpErrorKind, message: impl Into<String>) -> Self {
        HttpError(Box::new(HttpErrorDetails {
            kind,
            message: message.into(),
        }))
    }
}

impl Deref for HttpError {
    type Target = HttpErrorDetails;

    fn deref(&self) -> &HttpErrorDetails {
        &self.0
    }
}

/// The kinds of missing answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// Nothing was sent: no address, refused, no network.
    NotSent,
    /// Sent, or partly sent, and no whole answer came.
    Broken,
    /// No answer in time.
    Timeout,
    /// The answer is larger than the limit.
    TooLarge,
    /// The certificate or the address of the server is not acceptable; nothing was sent.
    Refused,
}
