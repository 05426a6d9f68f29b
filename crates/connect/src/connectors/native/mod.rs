//! The native protocol: `docs/PROTOCOL.md`.
//!
//! The server is the authority on its records, so `Gone` is said on its word alone: a tombstone in the feed,
//! a remote image `gone` in a conflict, or an answer to a fetch.
mod answer;
mod digest;
mod fetch;
mod listen;
mod names;
mod pull;
mod push;

use super::{Kind, copies};
use crate::http::{Http, Request, base_address, classify};
use crate::limits::{
    ANSWER_BYTES_MAX, HINT_LINE_BYTES_MAX, HINTS_SILENCE_MS_MAX, PROBE_ANSWER_BYTES_MAX,
    PROBE_MS_MAX, PUSH_ANSWER_BYTES_MAX,
};
use crate::{Connector, Hints, LocalFuture, Session};
use serde::Serialize;
use std::rc::Rc;
use std::sync::Arc;
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::{
    Capability, CollectionName, DigestAnswer, DigestRequest, Failure, FeedName, Fetched,
    ListenRequest, Page, PullRequest, PushItem, Pushed, Wanted,
};
use tisync_json::Deserialize;
use tisync_protocol::Route;

/// The entry in [`super::KINDS`].
pub(super) const KIND: Kind = Kind {
    name: "native",
    about: "a server that speaks the native protocol of Ti.Sync, such as `tisync serve`",
    make: |setup| {
        let Options { feeds } = setup.read()?;
        let native = Native::new(&base_address(&setup.url)?);
        Ok(copies(Native { feeds, ..native }))
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    feeds: Feeds,
}

/// What one feed carries.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Feeds {
    /// All collections, in the order of the server's commits.
    #[default]
    One,
    /// One collection each: for apps that declare collections one after another, as they are needed.
    Collection,
}

/// Talks the native protocol to a server at an address.
///
/// ```
/// use tisync_connect::connectors::Native;
/// let native = Native::new("https://api.example.org/notes/");
/// assert_eq!(native.address(), "https://api.example.org/notes");
/// ```
#[derive(Clone, Debug)]
pub struct Native {
    address: Arc<str>,
    feeds: Feeds,
}

impl Native {
    /// A connector to the server below this address; the protocol's paths (`/v1/…`) are appended.
    pub fn new(address: &str) -> Self {
        Native {
            address: address.trim_end_matches('/').into(),
            feeds: Feeds::One,
        }
    }

    /// The address, without a slash at its end.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn request(
        &self,
        session: &Session,
        route: Route,
        body: &impl Serialize,
    ) -> Result<Request, Failure> {
        let body = tisync_json::write(body).into_bytes();
        let mut headers = headers(session, "application/json, application/problem+json");
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let answer_bytes_max = match route {
            Route::Push => PUSH_ANSWER_BYTES_MAX,
            _ => ANSWER_BYTES_MAX,
        };
        Ok(Request {
            method: route.method(),
            url: format!("{}{}", self.address, route.path()),
            headers,
            body,
            timeout_ms: REQUEST_DEADLINE_MS,
            answer_bytes_max,
        })
    }

    /// A request without a body.
    fn get(&self, session: &Session, route: Route, accept: &str) -> Request {
        Request {
            method: route.method(),
            url: format!("{}{}", self.address, route.path()),
            headers: headers(session, accept),
            body: Vec::new(),
            timeout_ms: PROBE_MS_MAX,
            answer_bytes_max: PROBE_ANSWER_BYTES_MAX,
        }
    }
}

fn headers(session: &Session, accept: &str) -> Vec<(String, String)> {
    let mut headers = vec![("accept".to_owned(), accept.to_owned())];
    if let Some(token) = session.token() {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    headers
}

impl Connector for Native {
    fn endpoint(&self) -> String {
        self.address.to_string()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability::native()
    }

    fn feed(&self, collection: &CollectionName) -> FeedName {
        match self.feeds {
            Feeds::One => FeedName::main(),
            Feeds::Collection => FeedName::of(collection),
        }
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let sent = self.request(&session, Route::Pull, &pull::body(&request));
        Box::pin(async move {
            let response = http
                .send(sent?)
                .await
                .map_err(|error| classify::no_answer(&error))?;
            pull::page(&*http, &response).await
        })
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        let sent = self.request(&session, Route::Push, &push::Body::of(&batch));
        Box::pin(async move {
            let response = http
                .send(sent?)
                .await
                .map_err(|error| classify::no_answer(&error))?;
            push::verdicts(&response, &batch)
        })
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        let Some(body) = fetch::body(&wanted) else {
            // The server tells what became of a mark, but not of which record it is. Nobody has to ask: a
            // repeated mutation gets its first verdict again.
            return Box::pin(async { Ok(Fetched::default()) });
        };
        let sent = self.request(&session, Route::Fetch, &body);
        Box::pin(async move {
            let response = http
                .send(sent?)
                .await
                .map_err(|error| classify::no_answer(&error))?;
            fetch::found(&response)
        })
    }

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let accept = "application/json, application/problem+json";
        let sent = self.get(&session, Route::About, accept);
        Box::pin(async move {
            let response = http
                .send(sent)
                .await
                .map_err(|error| classify::no_answer(&error))?;
            answer::about(&response)
        })
    }

    fn listen(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: ListenRequest,
    ) -> Option<Hints> {
        let get = self.get(&session, Route::Hints, "text/event-stream");
        let sent = Request {
            url: format!("{}{}", get.url, listen::query(&request)),
            timeout_ms: HINTS_SILENCE_MS_MAX,
            answer_bytes_max: HINT_LINE_BYTES_MAX,
            ..get
        };
        Some(listen::hints(http.stream(sent)?))
    }

    fn digest(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: DigestRequest,
    ) -> LocalFuture<Result<DigestAnswer, Failure>> {
        let sent = self.request(&session, Route::Digest, &digest::body(&request));
        Box::pin(async move {
            let response = http
                .send(sent?)
                .await
                .map_err(|error| classify::no_answer(&error))?;
            digest::digests(&response, &request)
        })
    }
}
