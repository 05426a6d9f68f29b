//! Faults at the HTTP seam: the connector and the backend are the real ones, the network between them is not.
use crate::LocalFuture;
use crate::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

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
    /// It arrives, and a gateway answers with an error.
    GatewayAfter,
    /// It is answered by something else, and never arrives.
    Instead(Instead),
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

    /// Whether it may be what a backend says of a write that took effect.
    pub(super) fn is_well(&self) -> bool {
        let is_html = self.headers.iter().any(|(_, value)| value.contains("html"));
        self.status == 200 && !is_html
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

/// The host's HTTP client, with one fault planned at a time.
pub(super) struct Faults {
    inner: Rc<dyn Http>,
    /// The fault, and how many requests pass before it.
    planned: RefCell<Option<(usize, Fault)>>,
    sent: Cell<usize>,
    /// Where requests went, beside the backend.
    strange: RefCell<Vec<String>>,
    origin: Option<String>,
}

impl Faults {
    pub(super) fn new(inner: Rc<dyn Http>, endpoint: &str) -> Rc<Self> {
        Rc::new(Faults {
            inner,
            planned: RefCell::default(),
            sent: Cell::new(0),
            strange: RefCell::default(),
            origin: origin(endpoint),
        })
    }

    /// From here on requests are counted anew, and the one after `pass` others meets the fault.
    pub(super) fn plan(&self, pass: usize, fault: Fault) {
        self.sent.set(0);
        *self.planned.borrow_mut() = Some((pass, fault));
    }

    /// No fault any more; says whether the planned one was met.
    pub(super) fn lift(&self) -> bool {
        self.planned.borrow_mut().take().is_none()
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
        if let (Some(ours), Some(theirs)) = (&self.origin, origin(url))
            && *ours != theirs
            && !self.strange.borrow().contains(&theirs)
        {
            self.strange.borrow_mut().push(theirs);
        }
    }
}

impl Http for Faults {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        self.note(&request.url);
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
                Fault::GatewayAfter => {
                    let _ = inner.send(request).await?;
                    Ok(Instead::html(502).response())
                }
                Fault::Instead(instead) => Ok(instead.response()),
            }
        })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        self.note(&request.url);
        self.inner.stream(request)
    }
}

fn error(kind: HttpErrorKind, message: &str) -> HttpError {
    HttpError {
        kind,
        message: message.to_owned(),
    }
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
