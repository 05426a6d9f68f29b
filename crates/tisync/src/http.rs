//! The HTTP client: reqwest behind the connectors' seam.
use crate::{Error, ErrorKind, limits};
use futures_core::Stream;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Url};
use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// Sends requests with reqwest: TLS by rustls, decoded bodies cut off at the request's limit while they
/// stream in, redirects followed only within one origin.
#[derive(Clone, Debug)]
pub struct ReqwestHttp {
    client: Client,
}

impl ReqwestHttp {
    /// A client with a connection pool of its own.
    pub fn new() -> Result<Self, Error> {
        let client = Client::builder()
            .user_agent(concat!("tisync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_millis(limits::CONNECT_MS_MAX))
            .redirect(Policy::custom(within_origin))
            .build()
            .map_err(|error| {
                let reason = root_of(&error);
                Error::new(
                    ErrorKind::BadConfig,
                    format!("expected to set up the HTTP client, but {reason}"),
                )
            })?;
        Ok(ReqwestHttp { client })
    }
}

impl Http for ReqwestHttp {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let client = self.client.clone();
        Box::pin(async move { exchange(&client, request).await })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        let client = self.client.clone();
        Some(Box::pin(async move { open(&client, request).await }))
    }
}

/// Opens an answer that goes on: each of its pieces, and its head, must come in time.
async fn open(client: &Client, request: Request) -> Result<Streamed, HttpError> {
    let silence = Duration::from_millis(request.timeout_ms);
    let (builder, origin) = prepare(client, &request)?;
    let builder = builder.body(request.body);
    let response = match timeout(silence, builder.send()).await {
        Ok(answer) => answer.map_err(|error| classify(error, &origin))?,
        Err(_) => return Err(silent(&origin)),
    };
    let (status, headers) = head(&response);
    Ok(Streamed {
        status,
        headers,
        pieces: Box::pin(Pieces {
            bytes: Box::pin(response.bytes_stream()),
            silence,
            until: Box::pin(sleep(silence)),
            origin,
        }),
    })
}

/// The pieces of an answer, each within its time.
struct Pieces<S> {
    bytes: Pin<Box<S>>,
    silence: Duration,
    until: Pin<Box<Sleep>>,
    origin: String,
}

impl<S, B> Stream for Pieces<S>
where
    S: Stream<Item = reqwest::Result<B>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Vec<u8>, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(piece) = self.bytes.as_mut().poll_next(context) {
            let next = Instant::now() + self.silence;
            self.until.as_mut().reset(next);
            let origin = &self.origin;
            return Poll::Ready(piece.map(|piece| match piece {
                Ok(piece) => Ok(piece.as_ref().to_vec()),
                Err(error) => Err(classify(error, origin)),
            }));
        }
        match self.until.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(silent(&self.origin)))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn silent(origin: &str) -> HttpError {
    HttpError::new(
        HttpErrorKind::Timeout,
        format!("expected a sign of life from {origin}, but none came in time"),
    )
}

/// The request without its body, and the origin that it goes to.
fn prepare(client: &Client, request: &Request) -> Result<(RequestBuilder, String), HttpError> {
    let url = Url::parse(&request.url).map_err(|error| {
        HttpError::new(
            HttpErrorKind::Refused,
            format!("expected the address of a server, but it is not a URL: {error}"),
        )
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpError::new(
            HttpErrorKind::Refused,
            format!(
                "expected an address with http or https, but {:?} came",
                url.scheme()
            ),
        ));
    }
    let origin = url.origin().ascii_serialization();
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| {
        HttpError::new(
            HttpErrorKind::Refused,
            format!("expected an HTTP method, but {:?} came", request.method),
        )
    })?;
    let mut builder = client.request(method, url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    Ok((builder, origin))
}

/// The status and the headers of an answer.
fn head(response: &reqwest::Response) -> (u16, Vec<(String, String)>) {
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    (response.status().as_u16(), headers.collect())
}

async fn exchange(client: &Client, request: Request) -> Result<Response, HttpError> {
    let (builder, origin) = prepare(client, &request)?;
    let mut builder = builder.timeout(Duration::from_millis(request.timeout_ms));
    if !request.body.is_empty() {
        builder = builder.body(request.body);
    }
    let mut response = builder
        .send()
        .await
        .map_err(|error| classify(error, &origin))?;
    let (status, headers) = head(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| classify(error, &origin))?
    {
        if body.len() + chunk.len() > request.answer_bytes_max {
            return Err(HttpError::new(
                HttpErrorKind::TooLarge,
                format!(
                    "expected at most {} bytes from {origin}, but more came",
                    request.answer_bytes_max
                ),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// Another origin must never see the credentials: its redirect is handed to the connector as it came.
fn within_origin(attempt: Attempt) -> reqwest::redirect::Action {
    let same = attempt
        .previous()
        .last()
        .is_some_and(|previous| previous.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= limits::REDIRECTS_MAX {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// The address stays out of the message but for its origin: a query may hold a secret.
fn classify(error: reqwest::Error, origin: &str) -> HttpError {
    let root = root_of(&error);
    let kind = if error.is_connect() && root.contains("certificate") {
        HttpErrorKind::Refused
    } else if error.is_connect() {
        HttpErrorKind::NotSent
    } else if error.is_builder() {
        HttpErrorKind::Refused
    } else if error.is_timeout() {
        HttpErrorKind::Timeout
    } else {
        HttpErrorKind::Broken
    };
    let message = match kind {
        HttpErrorKind::NotSent => format!("expected to reach {origin}, but {root}"),
        HttpErrorKind::Timeout => {
            format!("expected an answer from {origin}, but none came in time")
        }
        HttpErrorKind::Refused => format!("expected a server to trust at {origin}, but {root}"),
        _ => format!("expected a whole answer from {origin}, but {root}"),
    };
    HttpError::new(kind, message)
}

fn root_of(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut text = None;
    while let Some(error) = source {
        text = Some(error.to_string());
        source = error.source();
    }
    text.unwrap_or_else(|| "the client failed without a reason".to_owned())
}
