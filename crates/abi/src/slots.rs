//! Slots: what the host was asked for, and the answers that futures wait for.
//!
//! A future that asks opens a slot and is pending; the command that answers fills it, and the future is polled again
//! when there is time. Which one comes first is decided by the requests, not by the answers.
use crate::command::HttpFailure;
use crate::hosted::HostedReply;
use crate::streams::Streams;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, Request, Response, Streamed};
use tisync_core::model::{ConnectorName, RequestId, Task};
use tisync_json::tree::BTreeMap;

/// What the host was asked for.
#[derive(Default)]
pub(crate) struct Slots(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    last: u32,
    asked: Vec<Asked>,
    open: BTreeMap<u32, Slot>,
}

struct Slot {
    owner: RequestId,
    /// What has come of the body of an answer over HTTP.
    body: Vec<u8>,
    filled: Option<Filled>,
}

/// What the host is to do.
pub(crate) enum Asked {
    Http(u32, Request),
    Connector {
        call: u32,
        connector: ConnectorName,
        token: Option<String>,
        task: Task,
    },
    /// Pass on an answer that goes on.
    Stream(u32, Request),
    Cancel(u32),
}

/// What the host answered.
pub(crate) enum Filled {
    Http(Result<Response, HttpError>),
    Connector(HostedReply),
}

impl Filled {
    /// An answer over HTTP.
    pub(crate) fn response(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Filled::Http(Ok(Response {
            status,
            headers,
            body,
        }))
    }

    /// No answer over HTTP.
    pub(crate) fn failed(kind: HttpFailure, message: String) -> Self {
        Filled::Http(Err(HttpError::new(kind.into(), message)))
    }
}

impl Slots {
    /// Opens a slot for an exchange and asks the host.
    fn ask(self: &Rc<Self>, owner: RequestId, ask: impl FnOnce(u32) -> Asked) -> Waiting {
        let mut inner = self.0.borrow_mut();
        inner.last += 1;
        let number = inner.last;
        inner.asked.push(ask(number));
        let slot = Slot {
            owner,
            body: Vec::new(),
            filled: None,
        };
        inner.open.insert(number, slot);
        Waiting {
            slots: self.clone(),
            number,
        }
    }

    /// Asks the host to call a connector of its own.
    pub(crate) fn call(
        self: &Rc<Self>,
        owner: RequestId,
        connector: ConnectorName,
        token: Option<String>,
        task: Task,
    ) -> Waiting {
        self.ask(owner, |call| Asked::Connector {
            call,
            connector,
            token,
            task,
        })
    }

    /// Asks the host to pass on an answer that goes on; gives its number.
    fn stream(&self, request: Request) -> u32 {
        let mut inner = self.0.borrow_mut();
        inner.last += 1;
        let number = inner.last;
        inner.asked.push(Asked::Stream(number, request));
        number
    }

    /// Tells the host that an answer is not awaited any more.
    fn cancel(&self, number: u32) {
        self.0.borrow_mut().asked.push(Asked::Cancel(number));
    }

    /// Keeps a part of the body of an answer over HTTP, which will have so many bytes.
    pub(crate) fn keep(&self, number: u32, part: &[u8], bytes: usize) {
        if let Some(slot) = self.0.borrow_mut().open.get_mut(&number) {
            // At once: a buffer that grows is copied again and again. Where that much cannot be had, it grows.
            let _ = slot
                .body
                .try_reserve_exact(bytes.saturating_sub(slot.body.len()));
            slot.body.extend_from_slice(part);
        }
    }

    /// The body of an answer over HTTP: what was kept of it, and the rest.
    pub(crate) fn body(&self, number: u32, rest: &[u8]) -> Vec<u8> {
        self.keep(number, rest, rest.len());
        let mut inner = self.0.borrow_mut();
        let slot = inner.open.get_mut(&number);
        slot.map(|slot| std::mem::take(&mut slot.body))
            .unwrap_or_default()
    }

    /// Puts an answer into its slot; gives the exchange that waits for it, if one still does.
    pub(crate) fn fill(&self, number: u32, filled: Filled) -> Option<RequestId> {
        let mut inner = self.0.borrow_mut();
        let slot = inner.open.get_mut(&number)?;
        slot.filled = Some(filled);
        Some(slot.owner)
    }

    /// The number of the slot that was opened last.
    #[cfg(feature = "certify")]
    pub(crate) fn last(&self) -> u32 {
        self.0.borrow().last
    }

    /// What was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.borrow_mut().asked)
    }
}

/// Waits for an answer of the host; dropped before it came, the host is told.
pub(crate) struct Waiting {
    slots: Rc<Slots>,
    number: u32,
}

impl Future for Waiting {
    type Output = Filled;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Filled> {
        let mut inner = self.slots.0.borrow_mut();
        let filled = inner.open.get_mut(&self.number);
        match filled.and_then(|slot| slot.filled.take()) {
            Some(filled) => {
                inner.open.remove(&self.number);
                Poll::Ready(filled)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut inner = self.slots.0.borrow_mut();
        let Some(slot) = inner.open.remove(&self.number) else {
            return;
        };
        if slot.filled.is_none() {
            inner.asked.push(Asked::Cancel(self.number));
        }
    }
}

/// The HTTP client of one exchange.
pub(crate) struct SlotHttp {
    pub(crate) slots: Rc<Slots>,
    pub(crate) owner: RequestId,
    /// Where the host can pass answers on that go on.
    pub(crate) streams: Option<Rc<Streams>>,
}

impl Http for SlotHttp {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let waiting = self
            .slots
            .ask(self.owner, |number| Asked::Http(number, request));
        Box::pin(async move {
            match waiting.await {
                Filled::Http(answer) => answer,
                Filled::Connector(_) => Err(mixed_up()),
            }
        })
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        let streams = self.streams.as_ref()?;
        let slots = self.slots.clone();
        let number = slots.stream(request);
        Some(streams.open(self.owner, number, move || slots.cancel(number)))
    }

    fn pause(&self) -> Option<LocalFuture<()>> {
        Some(Box::pin(Pause::default()))
    }
}

/// Comes at the second look.
#[derive(Default)]
struct Pause {
    looked: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.looked {
            return Poll::Ready(());
        }
        self.looked = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn mixed_up() -> HttpError {
    HttpError::new(
        tisync_connect::http::HttpErrorKind::Broken,
        "the host answered a request over HTTP as if it were a call of a connector",
    )
}
