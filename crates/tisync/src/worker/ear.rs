//! Keeps the streams of hints open that the engine asks for, beside the exchanges.
use super::run::WorkerLoop;
use crate::exchange::Wire;
use crate::limits;
use crate::local::lock;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use tisync_connect::Hint;
use tisync_core::model::{ConnectorName, Failure, Input, ListenRequest, Reply, RequestId};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};

/// The streams that are open, one a connector.
pub(super) struct Ears {
    open: BTreeMap<ConnectorName, (RequestId, AbortHandle)>,
    tell: mpsc::Sender<Heard>,
    inbox: mpsc::Receiver<Heard>,
}

/// What came along a stream.
pub(super) struct Heard {
    request: RequestId,
    connector: ConnectorName,
    news: News,
}

enum News {
    Hint(Hint),
    Ended(Result<(), Failure>),
}

impl Ears {
    pub(super) fn new() -> Self {
        let (tell, inbox) = mpsc::channel(limits::HEARD_MAX);
        Ears {
            open: BTreeMap::new(),
            tell,
            inbox,
        }
    }

    /// The next thing that comes along any stream.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        self.inbox.recv().await
    }
}

impl WorkerLoop {
    /// Opens a connector's stream of hints; an older one is closed.
    pub(super) fn listen(
        &mut self,
        request: RequestId,
        connector: ConnectorName,
        listen: ListenRequest,
    ) {
        let Some(wire) = self.wires.get(&connector).cloned() else {
            return;
        };
        tracing::debug!(request = request.0, %connector, kind = "listen", "order");
        let tell = self.ears.tell.clone();
        let ear = spawn_local(hear(wire, request, connector.clone(), listen, tell));
        let before = self
            .ears
            .open
            .insert(connector, (request, ear.abort_handle()));
        if let Some((_, before)) = before {
            before.abort();
        }
    }

    /// Takes in what came along a stream.
    pub(super) fn hear(&mut self, heard: Heard) {
        let Heard {
            request,
            connector,
            news,
        } = heard;
        if !matches!(self.ears.open.get(&connector), Some((open, _)) if *open == request) {
            return;
        }
        let reply = match news {
            News::Hint(Hint::Changed) => {
                let hint = Input::Hint(connector);
                if !hint.repeats(self.inputs.iter()) {
                    self.inputs.push_back(hint);
                }
                return;
            }
            News::Hint(Hint::Listening) => {
                lock(&self.shared.listening).insert(connector);
                Reply::Listening
            }
            News::Ended(end) => {
                if let Err(failure) = &end {
                    tracing::debug!(%connector, message = %failure.message, "no more hints");
                }
                self.ears.open.remove(&connector);
                lock(&self.shared.listening).remove(&connector);
                Reply::Listened(end)
            }
        };
        self.inputs.push_back(Input::Answer {
            request,
            from: 0,
            reply,
        });
    }

    /// Closes all streams: sync stops, or another process has the lease.
    pub(super) fn close_ears(&mut self) {
        for (_, ear) in std::mem::take(&mut self.ears.open).into_values() {
            ear.abort();
        }
        lock(&self.shared.listening).clear();
    }
}

/// Passes on what comes along a stream. A host that can keep none open says nothing: the engine polls as without.
async fn hear(
    wire: Rc<Wire>,
    request: RequestId,
    connector: ConnectorName,
    listen: ListenRequest,
    tell: mpsc::Sender<Heard>,
) {
    let heard = |news| Heard {
        request,
        connector: connector.clone(),
        news,
    };
    let end = match wire.listen(listen).await {
        Ok(None) => return,
        Err(failure) => Err(failure),
        Ok(Some(mut hints)) => loop {
            match poll_fn(|context| hints.as_mut().poll_next(context)).await {
                Some(Ok(hint)) => {
                    if tell.send(heard(News::Hint(hint))).await.is_err() {
                        return;
                    }
                }
                Some(Err(failure)) => break Err(failure),
                None => break Ok(()),
            }
        },
    };
    let _ = tell.send(heard(News::Ended(end))).await;
}
