//! Requests and answers of JSON.
use super::{Auth, Http, Request, Response, classify};
use crate::Session;
use crate::limits::{ANSWER_BYTES_MAX, PROBE_ANSWER_BYTES_MAX, PROBE_MS_MAX};
use serde::Serialize;
use serde::de::Deserialize;
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::Failure;
use tisync_json::ReadError;

impl Request {
    /// A request for JSON, with the limits that pulls, pushes and fetches have.
    pub fn json(method: &'static str, url: String) -> Self {
        Request {
            method,
            url,
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
            timeout_ms: REQUEST_DEADLINE_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }

    /// The same with the session's token.
    pub fn with_auth(mut self, auth: &Auth, session: &Session) -> Self {
        self.headers.extend(auth.header(session));
        self
    }

    /// The same with a header; its name in lower case.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a body of JSON.
    pub fn with_body(mut self, body: &impl Serialize) -> Self {
        self.body = tisync_json::write(body).into_bytes();
        self.with_header("content-type", "application/json")
    }

    /// The same with the limits of a probe.
    pub fn with_limits_of_probe(mut self) -> Self {
        self.timeout_ms = PROBE_MS_MAX;
        self.answer_bytes_max = PROBE_ANSWER_BYTES_MAX;
        self
    }
}

/// Sends a request; that there is no answer is a failure.
pub async fn send(http: &dyn Http, request: Request) -> Result<Response, Failure> {
    http.send(request)
        .await
        .map_err(|error| classify::no_answer(&error))
}

/// Reads a body as JSON, whatever the status says.
///
/// # Errors
/// When the answer does not say that it is JSON, as a sign-in page of a network does not, or cannot be read.
pub fn read_json<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, Failure> {
    if !classify::is_json(response) {
        let came = response.header("content-type").unwrap_or("none");
        return Err(classify::not_this_protocol(&format!(
            "an answer of the type application/json was expected, but {came} came: check the address; or is something \
             between this device and the server, such as a sign-in page of the network?"
        )));
    }
    parse(&response.body).map_err(|error| {
        // The error's own text can quote the body, which may hold records.
        classify::not_this_protocol(&format!(
            "the answer could not be read at line {} column {}: it is cut off, or not what was asked for",
            error.line(),
            error.column()
        ))
    })
}

/// Reads JSON. As text, since the engine's store reads texts: each form of input costs readers of its own, and hosts
/// without native code copy them.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ReadError> {
    let text = std::str::from_utf8(body).map_err(<ReadError as serde::de::Error>::custom)?;
    tisync_json::read(text)
}
