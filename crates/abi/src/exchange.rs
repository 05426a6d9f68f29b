//! Exchanges: the futures of the connectors, polled when there is something to poll for.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tisync_connect::LocalFuture;
use tisync_core::model::{ConnectorName, Failure, FailureKind, Order, Reply, RequestId};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The exchanges that are under way, by request: the order in which they are polled.
#[derive(Default)]
pub(crate) struct Exchanges {
    open: BTreeMap<RequestId, Exchange>,
    ready: BTreeSet<RequestId>,
}

struct Exchange {
    order: Order,
    future: LocalFuture<Reply>,
    deadline_ms: u64,
}

/// What came of a poll.
pub(crate) enum Polled<T> {
    /// It is done.
    Done(T),
    /// It only paused: it wants to be polled again when there is time.
    Paused,
    /// It waits for an answer of the host.
    Waits,
}

/// Polls a future once.
pub(crate) fn poll<T>(future: &mut LocalFuture<T>) -> Polled<T> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(done) => Polled::Done(done),
        Poll::Pending if woken.0.load(Ordering::Relaxed) => Polled::Paused,
        Poll::Pending => Polled::Waits,
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Exchanges {
    /// Adds one; it is polled when there is time.
    pub(crate) fn begin(&mut self, order: Order, future: LocalFuture<Reply>, deadline_ms: u64) {
        let request = order.request;
        self.ready.insert(request);
        let exchange = Exchange {
            order,
            future,
            deadline_ms,
        };
        self.open.insert(request, exchange);
    }

    /// Something came that this one may wait for.
    pub(crate) fn wake(&mut self, request: RequestId) {
        if self.open.contains_key(&request) {
            self.ready.insert(request);
        }
    }

    /// Polls the first that is ready; gives it with its reply when it is done.
    pub(crate) fn poll(&mut self) -> Option<(Order, Reply)> {
        let request = self.ready.pop_first()?;
        let exchange = self.open.get_mut(&request)?;
        match poll(&mut exchange.future) {
            Polled::Waits => None,
            Polled::Paused => {
                self.ready.insert(request);
                None
            }
            Polled::Done(reply) => self
                .open
                .remove(&request)
                .map(|exchange| (exchange.order, reply)),
        }
    }

    /// Takes one that waits for too long, with the reply that says so.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Option<(Order, Reply)> {
        let expired = |exchange: &&Exchange| exchange.deadline_ms <= now_ms;
        let request = self.open.values().find(expired)?.order.request;
        self.ready.remove(&request);
        let exchange = self.open.remove(&request)?;
        let reply = exchange.order.task.failed(failure(
            FailureKind::Offline,
            false,
            "expected an answer within the deadline of a request, but none came",
        ));
        Some((exchange.order, reply))
    }

    /// Ends all of them: nobody waits for their answers.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.ready.clear();
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When the first of them has waited for too long.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        self.open
            .values()
            .map(|exchange| exchange.deadline_ms)
            .min()
    }

    /// Whether a connector has one under way.
    pub(crate) fn is_busy(&self, connector: &ConnectorName) -> bool {
        let mut open = self.open.values();
        open.any(|exchange| exchange.order.connector == *connector)
    }
}

pub(crate) fn failure(kind: FailureKind, not_sent: bool, message: impl Into<String>) -> Failure {
    Failure::new(kind, not_sent, message)
}
