//! A connector of the host's that is tried sends its requests through the kit, so that they can be lost, repeated and
//! answered by others like those of a built-in one.
use crate::Error;
use crate::command::HttpFailure;
use crate::slots::Slots;
use serde::Serialize;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{
    Capability, CollectionName, Failure, FeedName, Fetched, Page, PullRequest, PushItem, Pushed,
    Wanted,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// A request of a connector that the host brings.
#[derive(Debug, Deserialize)]
pub struct LentRequest {
    /// The call that it belongs to.
    pub call: u32,
    /// Names the request.
    pub request: u32,
    /// `GET`, `POST`, …
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Milliseconds until the answer must be there.
    pub timeout_ms: u64,
    /// Bytes of the answer at most, after decoding.
    pub answer_bytes_max: usize,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct LentAnswer {
    /// The request.
    pub request: u32,
    /// What came.
    #[serde(flatten)]
    pub outcome: LentOutcome,
}

/// What came of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LentOutcome {
    /// An answer.
    Answer {
        /// The status.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// Where the body begins behind the JSON, and how many bytes it has.
        body: (usize, usize),
    },
    /// None.
    Failed {
        /// What is known.
        kind: HttpFailure,
        /// What happened, for a person.
        message: String,
    },
}

/// The methods that a connector may use.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The requests of the host's connectors, by call, and what came of them.
#[derive(Default)]
pub(crate) struct Requests {
    waiting: RefCell<BTreeMap<u32, Vec<(u32, Request)>>>,
    done: RefCell<Vec<(u32, Result<Response, HttpError>)>>,
}

impl Requests {
    /// Takes a request; one of a call that nobody waits for any more is dropped.
    pub(crate) fn add(&self, send: LentRequest, body: &[u8]) -> Result<(), Error> {
        let Some(method) = METHODS.into_iter().find(|method| *method == send.method) else {
            return Err(Error::invalid(format!(
                "expected a method out of {}, but {:?} came",
                METHODS.join(", "),
                send.method
            )));
        };
        let request = Request {
            method,
            url: send.url,
            headers: send.headers,
            body: body.to_vec(),
            timeout_ms: send.timeout_ms,
            answer_bytes_max: send.answer_bytes_max,
        };
        if let Some(waiting) = self.waiting.borrow_mut().get_mut(&send.call) {
            waiting.push((send.request, request));
        }
        Ok(())
    }

    /// What came since the last look; bodies go to `tail`.
    pub(crate) fn sent(&self, tail: &mut Vec<u8>) -> Vec<LentAnswer> {
        let sent = |(request, result): (u32, Result<Response, HttpError>)| {
            let outcome = match result {
                Ok(response) => {
                    let body = (tail.len(), response.body.len());
                    tail.extend_from_slice(&response.body);
                    LentOutcome::Answer {
                        status: response.status,
                        headers: response.headers,
                        body,
                    }
                }
                Err(error) => LentOutcome::Failed {
                    kind: match error.kind {
                        HttpErrorKind::NotSent => HttpFailure::NotSent,
                        HttpErrorKind::Broken => HttpFailure::Broken,
                        HttpErrorKind::Timeout => HttpFailure::Timeout,
                        HttpErrorKind::TooLarge => HttpFailure::TooLarge,
                        HttpErrorKind::Refused => HttpFailure::Refused,
                    },
                    message: error.message.clone(),
                },
            };
            LentAnswer { request, outcome }
        };
        let done = std::mem::take(&mut *self.done.borrow_mut());
        done.into_iter().map(sent).collect()
    }
}

/// A connector of the host's whose requests go through the client that it is given.
pub(crate) struct Lending {
    inner: Box<dyn Connector>,
    slots: Rc<Slots>,
    requests: Rc<Requests>,
}

impl Lending {
    pub(crate) fn new(inner: Box<dyn Connector>, slots: Rc<Slots>, requests: Rc<Requests>) -> Self {
        Lending {
            inner,
            slots,
            requests,
        }
    }

    /// Carries a call out, and the requests that come out of it. The host was just asked: its call is the last slot.
    fn lend<T: 'static>(&self, http: Rc<dyn Http>, future: LocalFuture<T>) -> LocalFuture<T> {
        let call = self.slots.last();
        self.requests.waiting.borrow_mut().insert(call, Vec::new());
        Box::pin(Lent {
            call,
            http,
            requests: self.requests.clone(),
            open: Vec::new(),
            future,
        })
    }
}

struct Lent<T> {
    call: u32,
    http: Rc<dyn Http>,
    requests: Rc<Requests>,
    open: Vec<(u32, LocalFuture<Result<Response, HttpError>>)>,
    future: LocalFuture<T>,
}

impl<T> Future for Lent<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let new = match this.requests.waiting.borrow_mut().get_mut(&this.call) {
            Some(waiting) => std::mem::take(waiting),
            None => Vec::new(),
        };
        for (number, request) in new {
            this.open.push((number, this.http.send(request)));
        }
        let done = &this.requests.done;
        this.open
            .retain_mut(|(number, future)| match future.as_mut().poll(context) {
                Poll::Ready(result) => {
                    done.borrow_mut().push((*number, result));
                    false
                }
                Poll::Pending => true,
            });
        this.future.as_mut().poll(context)
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        self.requests.waiting.borrow_mut().remove(&self.call);
    }
}

impl Connector for Lending {
    fn endpoint(&self) -> String {
        self.inner.endpoint()
    }

    fn capability(&self, collection: &CollectionName) -> Capability {
        self.inner.capability(collection)
    }

    fn feed(&self, collection: &CollectionName) -> FeedName {
        self.inner.feed(collection)
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let future = self.inner.pull(http.clone(), session, request);
        self.lend(http, future)
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        let future = self.inner.push(http.clone(), session, batch);
        self.lend(http, future)
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        let future = self.inner.fetch(http.clone(), session, wanted);
        self.lend(http, future)
    }

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        let future = self.inner.probe(http.clone(), session);
        self.lend(http, future)
    }
}
