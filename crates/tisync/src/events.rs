//! Events: what changed, for as many receivers as there are.
use crate::limits;
use serde::Serialize;
use tisync_core::model::Event;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// What a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Something changed here.
    Event(Event),
    /// The file was written to through another connection: read again what you show.
    Elsewhere,
    /// The receiver fell behind and missed this many: read again what you show.
    Lagged(u64),
}

/// Receives what changes from the moment of [`crate::Replica::events`] on.
///
/// The queue is bounded: a receiver that falls behind is told how much it missed. It works in any async
/// runtime and in plain threads.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Notice>,
}

impl Events {
    /// Waits for the next notice; `None` when the replica was closed.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.receiver.recv().await {
            Ok(notice) => Some(notice),
            Err(RecvError::Lagged(missed)) => Some(Notice::Lagged(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// Waits for the next notice in a plain thread; `None` when the replica was closed.
    pub fn blocking_next(&mut self) -> Option<Notice> {
        match self.receiver.blocking_recv() {
            Ok(notice) => Some(notice),
            Err(RecvError::Lagged(missed)) => Some(Notice::Lagged(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next notice if there is one already.
    pub fn try_next(&mut self) -> Option<Notice> {
        match self.receiver.try_recv() {
            Ok(notice) => Some(notice),
            Err(TryRecvError::Lagged(missed)) => Some(Notice::Lagged(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

/// The sending side.
#[derive(Clone, Debug)]
pub(crate) struct EventSender {
    sender: broadcast::Sender<Notice>,
}

impl EventSender {
    pub(crate) fn new() -> Self {
        EventSender {
            sender: broadcast::Sender::new(limits::EVENTS_KEPT),
        }
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events {
            receiver: self.sender.subscribe(),
        }
    }

    /// Tells every receiver; nobody listening is no error.
    pub(crate) fn send(&self, notice: Notice) {
        let _ = self.sender.send(notice);
    }

    pub(crate) fn has_receivers(&self) -> bool {
        self.sender.receiver_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_falls_behind_is_told_so_and_goes_on() {
        let sender = EventSender::new();
        let mut slow = sender.subscribe();
        for _ in 0..limits::EVENTS_KEPT + 3 {
            sender.send(Notice::Elsewhere);
        }
        assert_eq!(slow.try_next(), Some(Notice::Lagged(3)));
        assert_eq!(slow.try_next(), Some(Notice::Elsewhere));
    }
}
