//! Faults at the HTTP seam: the connector and the backend are the real ones, the network between them is not.
use crate::LocalFuture;
use crate::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Poll;

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never leaves the device.
    NotSent,
    /// It is lost on its way.
    LostBefore,
    /// It arrives, and its answer is lost.
    LostAfter,
    /// It arrives, and no answer comes in time.
    SlowAfter,
    /// It arrives twice; the second answer is seen.
    TwiceLast,
    /// It arrives twice; the first answer is seen.
    TwiceFirst,
    /// It arrives, and half of the answer comes.
    Truncated,
    /// It arrives, and its answer is larger than what is read.
    LargeAfter,
    /// It arrives, and a gateway answers with an error.
    GatewayAfter,
    /// It is answered by something else, and never arrives.
    Instead(Instead),
    /// It waits at a gate, and arrives when that is opened.
    Held(Rc<Gate>),
}

/// Where one request waits for what others do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gate {
    reached: Cell<bool>,
    open: Cell<bool>,
}

impl Gate {
    /// Lets the request go on. Whoever opens the gate polls the request's future.
    pub(super) fn open(&self) {
        self.open.set(true);
    }

    /// Goes on with a future until its request waits here; what it gives, when it never comes here.
    pub(super) async fn until_reached<T>(&self, future: &mut LocalFuture<T>) -> Option<T> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.reached.get() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    async fn pass(&self) {
        self.reached.set(true);
        std::future::poll_fn(|_| match self.open.get() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// An answer that is not the backend's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instead {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
}

impl Instead {
    pub(super) fn json(status: u16, body: &str) -> Self {
        Instead {
            status,
            headers: vec![("content-type", "application/json")],
            body: body.as_bytes().to_vec(),
        }
    }

    pub(super) fn html(status: u16) -> Self {
        Instead {
            status,
            headers: vec![("content-type", "text/html; charset=utf-8")],
            body: b"<!doctype html><html><body>Welcome. Please sign in.</body></html>".to_vec(),
        }
    }

    /// Whether backends say so little of a delete that took effect.
    pub(super) fn is_nothing(&self) -> bool {
        let is_html = self.headers.iter().any(|(_, value)| value.contains("html"));
        self.status == 200 && !is_html && matches!(&self.body[..], b"" | b"{}" | b"null")
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn response(&self) -> Response {
        let headers = self.headers.iter();
        Response {
            status: self.status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: self.body.clone(),
        }
    }
}

/// Changes every request on its way.
pub(super) type BendRequest = dyn Fn(&mut Request);
/// Changes every answer on its way.
pub(super) type BendAnswer = dyn Fn(&mut Response);

/// The host's HTTP client, with one fault planned at a time.
pub(super) struct Faults {
    inner: Rc<dyn Http>,
    bend_request: RefCell<Option<Rc<BendRequest>>>,
    bend_answer: RefCell<Option<Rc<BendAnswer>>>,
    /// Every request since [`Faults::keep`].
    kept: RefCell<Option<Vec<Request>>>,
    /// The fault, and how many requests pass before it.
    planned: RefCell<Option<(usize, Fault)>>,
    sent: Cell<usize>,
    /// Requests that came here in all.
    came: Cell<usize>,
    /// How many had come when a check first arranged something for those that follow.
    arranged: Cell<Option<usize>>,
    /// Where requests went, beside the backend.
    strange: RefCell<Vec<String>>,
    origin: Option<String>,
}

impl Faults {
    pub(super) fn new(inner: Rc<dyn Http>, endpoint: &str) -> Rc<Self> {
        Rc::new(Faults {
            inner,
            bend_request: RefCell::default(),
            bend_answer: RefCell::default(),
            kept: RefCell::default(),
            planned: RefCell::default(),
            sent: Cell::new(0),
            came: Cell::new(0),
            arranged: Cell::new(None),
            strange: RefCell::default(),
            origin: origin(endpoint),
        })
    }

    /// A check begins: nothing is arranged yet.
    pub(super) fn begin(&self) {
        self.arranged.set(None);
    }

    /// Whether the check arranged something for requests, and none came: the connector sends them by itself.
    pub(super) fn is_passed_by(&self) -> bool {
        self.arranged.get() == Some(self.came.get())
    }

    /// Whether no request came at all.
    pub(super) fn is_unused(&self) -> bool {
        self.came.get() == 0
    }

    fn arrange(&self) {
        if self.arranged.get().is_none() {
            self.arranged.set(Some(self.came.get()));
        }
    }

    /// From here on requests are counted anew, and the one after `pass` others meets the fault.
    pub(super) fn plan(&self, pass: usize, fault: Fault) {
        self.arrange();
        self.sent.set(0);
        *self.planned.borrow_mut() = Some((pass, fault));
    }

    /// No fault any more; says whether the planned one was met.
    pub(super) fn lift(&self) -> bool {
        self.planned.borrow_mut().take().is_none()
    }

    /// From here on every request is changed on its way.
    pub(super) fn bend_requests(&self, bend: impl Fn(&mut Request) + 'static) {
        self.arrange();
        *self.bend_request.borrow_mut() = Some(Rc::new(bend));
    }

    /// From here on every answer is changed on its way.
    pub(super) fn bend_answers(&self, bend: impl Fn(&mut Response) + 'static) {
        self.arrange();
        *self.bend_answer.borrow_mut() = Some(Rc::new(bend));
    }

    /// From here on everything passes as it is.
    pub(super) fn straighten(&self) {
        self.bend_request.borrow_mut().take();
        self.bend_answer.borrow_mut().take();
    }

    /// From here on requests are remembered.
    pub(super) fn keep(&self) {
        self.arrange();
        *self.kept.borrow_mut() = Some(Vec::new());
    }

    /// The requests that were remembered, and no more of them.
    pub(super) fn kept(&self) -> Vec<Request> {
        self.kept.borrow_mut().take().unwrap_or_default()
    }

    /// Lets requests arrive once more, as a network may that repeats them; nobody hears the answers.
    pub(super) async fn again(&self, requests: Vec<Request>) {
        for request in requests {
            let _ = self.inner.send(request).await;
        }
    }

    /// Origins other than the backend's that a request went to.
    pub(super) fn strange(&self) -> Vec<String> {
        self.strange.borrow().clone()
    }

    fn fault(&self) -> Option<Fault> {
        let number = self.sent.get();
        self.sent.set(number + 1);
        let mut planned = self.planned.borrow_mut();
        match &*planned {
            Some((pass, _)) if *pass == number => planned.take().map(|(_, fault)| fault),
            _ => None,
        }
    }

    fn note(&self, url: &str) {
        self.came.set(self.came.get() + 1);
        if let (Some(ours), Some(theirs)) = (&self.origin, origin(url))
            && *ours != theirs
            && !self.strange.borrow().contains(&theirs)
        {
            self.strange.borrow_mut().push(theirs);
        }
    }
}

impl Http for Faults {
    fn send(&self, mut request: Request) -> LocalFuture<Result<Response, HttpError>> {
        self.note(&request.url);
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            kept.push(request.clone());
        }
        if let Some(bend) = &*self.bend_request.borrow() {
            bend(&mut request);
        }
        let answer = self.faulty(request);
        let bend = self.bend_answer.borrow().clone();
        let Some(bend) = bend else { return answer };
        Box::pin(async move {
            let mut answer = answer.await;
            if let Ok(answer) = &mut answer {
                bend(answer);
            }
            answer
        })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        self.note(&request.url);
        self.inner.stream(request)
    }
}

impl Faults {
    /// Sends a request, or lets it meet the fault that is planned for it.
    fn faulty(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let inner = self.inner.clone();
        let Some(fault) = self.fault() else {
            return inner.send(request);
        };
        Box::pin(async move {
            match fault {
                Fault::NotSent => Err(error(HttpErrorKind::NotSent, "no network")),
                Fault::LostBefore => Err(error(HttpErrorKind::Broken, "the connection broke")),
                Fault::LostAfter => {
                    let _ = inner.send(request).await?;
                    Err(error(HttpErrorKind::Broken, "the connection broke"))
                }
                Fault::SlowAfter => {
                    let _ = inner.send(request).await?;
                    Err(error(HttpErrorKind::Timeout, "no answer in time"))
                }
                Fault::TwiceLast => {
                    let _ = inner.send(request.clone()).await?;
                    inner.send(request).await
                }
                Fault::TwiceFirst => {
                    let first = inner.send(request.clone()).await?;
                    let _ = inner.send(request).await?;
                    Ok(first)
                }
                Fault::Truncated => {
                    let mut answer = inner.send(request).await?;
                    let half = answer.body.len() / 2;
                    answer.body.truncate(half);
                    Ok(answer)
                }
                Fault::LargeAfter => {
                    let _ = inner.send(request).await?;
                    Err(error(
                        HttpErrorKind::TooLarge,
                        "the answer is larger than what is read",
                    ))
                }
                Fault::GatewayAfter => {
                    let _ = inner.send(request).await?;
                    Ok(Instead::html(502).response())
                }
                Fault::Instead(instead) => Ok(instead.response()),
                Fault::Held(gate) => {
                    gate.pass().await;
                    inner.send(request).await
                }
            }
        })
    }
}

fn error(kind: HttpErrorKind, message: &str) -> HttpError {
    HttpError::new(kind, message)
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some(format!("{scheme}://{host}"))
}
