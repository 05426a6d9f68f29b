//! The real connector on a network of slots: a request waits in a slot until the world has an answer for it.
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::connectors::Native;
use tisync_connect::http::{Http, HttpError, Request, Response};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::{Reply, RequestId, Task};

use super::event::Who;
use super::plain::PlainConnector;
use crate::scenario::Mix;

/// One exchange that is under way.
pub(super) struct Exchange {
    pub(super) who: Who,
    pub(super) request: RequestId,
    /// What was asked for.
    pub(super) task: Task,
    /// Whether the host hands the answer over twice.
    pub(super) twice: bool,
    future: LocalFuture<Reply>,
    slot: Rc<Slot>,
}

#[derive(Default)]
struct Slot {
    request: RefCell<Option<Request>>,
    answer: RefCell<Option<Result<Response, HttpError>>>,
}

struct SlotHttp(Rc<Slot>);

impl Http for SlotHttp {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let slot = self.0.clone();
        *slot.request.borrow_mut() = Some(request);
        Box::pin(std::future::poll_fn(move |_| {
            match slot.answer.borrow_mut().take() {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending,
            }
        }))
    }
}

/// What a poll of an exchange led to.
pub(super) enum Polled {
    /// It wants to send this.
    Sends(Request),
    /// It is done.
    Done(Reply),
}

impl Exchange {
    /// Gives a task to the connector.
    pub(super) fn new(
        who: Who,
        request: RequestId,
        task: Task,
        token: &str,
        mix: Option<&Mix>,
    ) -> Self {
        let slot = Rc::new(Slot::default());
        let http: Rc<dyn Http> = Rc::new(SlotHttp(slot.clone()));
        let session = Session::with_token(token);
        let connector: Box<dyn Connector> = match mix {
            Some(mix) => Box::new(PlainConnector::new(mix)),
            None => Box::new(Native::new("http://server.sim")),
        };
        let asked = task.clone();
        let future = tisync_connect::carry_out(&*connector, http, session, task);
        Exchange {
            who,
            request,
            task: asked,
            twice: false,
            future,
            slot,
        }
    }

    /// Lets the connector go on.
    pub(super) fn poll(&mut self) -> Option<Polled> {
        let polled = self
            .future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(reply) => Some(Polled::Done(reply)),
            Poll::Pending => self.slot.request.borrow_mut().take().map(Polled::Sends),
        }
    }

    /// Puts an answer into the slot.
    pub(super) fn answer(&mut self, answer: Result<Response, HttpError>) {
        *self.slot.answer.borrow_mut() = Some(answer);
    }
}
