//! The HTTP client: reqwest behind the connectors' seam.
use crate::{Error, ErrorKind, limits};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, Url};
use std::error::Error as _;
use std::time::Duration;
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response};

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
}

async fn exchange(client: &Client, request: Request) -> Result<Response, HttpError> {
    let url = Url::parse(&request.url).map_err(|error| HttpError {
        kind: HttpErrorKind::Refused,
        message: format!("expected the address of a server, but it is not a URL: {error}"),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HttpError {
            kind: HttpErrorKind::Refused,
            message: format!(
                "expected an address with http or https, but {:?} came",
                url.scheme()
            ),
        });
    }
    let origin = url.origin().ascii_serialization();
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| HttpError {
        kind: HttpErrorKind::Refused,
        message: format!("expected an HTTP method, but {:?} came", request.method),
    })?;
    let mut builder = client
        .request(method, url)
        .timeout(Duration::from_millis(request.timeout_ms));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if !request.body.is_empty() {
        builder = builder.body(request.body);
    }
    let mut response = builder
        .send()
        .await
        .map_err(|error| classify(error, &origin))?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| classify(error, &origin))?
    {
        if body.len() + chunk.len() > request.answer_bytes_max {
            return Err(HttpError {
                kind: HttpErrorKind::TooLarge,
                message: format!(
                    "expected at most {} bytes from {origin}, but more came",
                    request.answer_bytes_max
                ),
            });
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
    HttpError { kind, message }
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
