//! Ears: the streams of hints that the engine has ordered, beside the exchanges.
use std::task::{Context, Poll, Waker};
use tisync_connect::{Hint, Hints};
use tisync_core::model::{ConnectorName, Failure, RequestId};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The streams that are open, one a connector.
#[derive(Default)]
pub(crate) struct Ears {
    open: BTreeMap<ConnectorName, (RequestId, Hints)>,
    ready: BTreeSet<RequestId>,
}

/// What came along a stream.
pub(crate) enum Heard {
    /// A hint.
    Hint(Hint),
    /// The end.
    End(Result<(), Failure>),
}

impl Ears {
    /// Adds a connector's stream; an older one is closed.
    pub(crate) fn open(&mut self, connector: ConnectorName, request: RequestId, hints: Hints) {
        self.open.insert(connector, (request, hints));
        self.ready.insert(request);
    }

    /// Something came that this one may wait for.
    pub(crate) fn wake(&mut self, request: RequestId) {
        if self.open.values().any(|(other, _)| *other == request) {
            self.ready.insert(request);
        }
    }

    /// The next thing that came along a stream.
    pub(crate) fn poll(&mut self) -> Option<(ConnectorName, RequestId, Heard)> {
        let request = *self.ready.first()?;
        let found = self.open.iter_mut().find(|(_, (of, _))| *of == request);
        let Some((connector, (_, hints))) = found else {
            self.ready.remove(&request);
            return None;
        };
        let connector = connector.clone();
        let end = match hints
            .as_mut()
            .poll_next(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Pending => {
                self.ready.remove(&request);
                return None;
            }
            Poll::Ready(Some(Ok(hint))) => return Some((connector, request, Heard::Hint(hint))),
            Poll::Ready(Some(Err(failure))) => Err(failure),
            Poll::Ready(None) => Ok(()),
        };
        self.ready.remove(&request);
        self.open.remove(&connector);
        Some((connector, request, Heard::End(end)))
    }

    /// Closes all of them.
    pub(crate) fn close(&mut self) {
        self.open.clear();
        self.ready.clear();
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}
