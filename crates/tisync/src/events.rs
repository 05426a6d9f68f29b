//! Events: what changed, for as many receivers as there are.
use crate::limits;
use crate::wait::block_on;
use crate::watchers::Watchers;
use futures_core::Stream;
use serde::Serialize;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tisync_connect::progress::PullProgress;
use tisync_core::model::Event;

/// What a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Something changed here.
    Event(Event),
    /// How far a pull is: told after each page that had something new.
    Progress(PullProgress),
    /// Another process has written to the file: read again what you show.
    Elsewhere,
    /// The receiver fell behind and missed this many: read again what you show.
    Lagged(u64),
}

impl Notice {
    /// The ids that it carries: what it weighs in a queue.
    fn records(&self) -> usize {
        match self {
            Notice::Event(Event::Changed { records, .. }) => records.len(),
            _ => 0,
        }
    }
}

/// Receives what changes from the moment of [`crate::Replica::events`] on.
///
/// The queue is bounded: a receiver that falls behind is told how much it missed. It works in any async runtime,
/// also as a [`Stream`], and in plain threads; dropping it ends it.
#[derive(Debug)]
pub struct Events {
    watchers: Arc<Watchers>,
    number: u64,
}

impl Events {
    pub(crate) fn new(watchers: Arc<Watchers>) -> Self {
        let number = watchers.receive();
        Events { watchers, number }
    }

    /// Waits for the next notice; `None` when the replica was closed.
    pub async fn next(&mut self) -> Option<Notice> {
        poll_fn(|context| self.watchers.poll_notice(self.number, context)).await
    }

    /// Waits for the next notice in a plain thread; `None` when the replica was closed.
    pub fn blocking_next(&mut self) -> Option<Notice> {
        block_on(self.next(), None).flatten()
    }

    /// The next notice if there is one already.
    pub fn try_next(&mut self) -> Option<Notice> {
        let context = Context::from_waker(Waker::noop());
        match self.watchers.poll_notice(self.number, &context) {
            Poll::Ready(notice) => notice,
            Poll::Pending => None,
        }
    }
}

impl Stream for Events {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.watchers.poll_notice(self.number, context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.watchers.close_receiver(self.number);
    }
}

/// What a receiver has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    notices: VecDeque<Arc<Notice>>,
    /// The ids that the notices carry.
    records: usize,
    missed: u64,
    waker: Option<Waker>,
}

impl Queue {
    /// Adds a notice; the oldest make room for it. Returns who waits for it.
    pub(crate) fn put(&mut self, notice: &Arc<Notice>) -> Option<Waker> {
        self.records += notice.records();
        self.notices.push_back(notice.clone());
        while self.notices.len() > limits::EVENTS_KEPT || self.records > limits::EVENT_RECORDS_KEPT
        {
            match self.notices.pop_front() {
                Some(oldest) => self.records -= oldest.records(),
                None => break,
            }
            self.missed += 1;
        }
        self.waker()
    }

    /// Takes the oldest notice; what was missed comes first.
    pub(crate) fn take(&mut self) -> Option<Notice> {
        if self.missed > 0 {
            return Some(Notice::Lagged(std::mem::take(&mut self.missed)));
        }
        let notice = self.notices.pop_front()?;
        self.records -= notice.records();
        Some(Arc::unwrap_or_clone(notice))
    }

    /// Notes who waits for the next notice; returns who did before.
    pub(crate) fn wait(&mut self, waker: &Waker) -> Option<Waker> {
        self.waker.replace(waker.clone())
    }

    /// Takes who waits.
    pub(crate) fn waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tisync_core::model::{ChangeKind, CollectionName, RecordId};

    fn changed(records: usize) -> Arc<Notice> {
        let id = RecordId::new("n1").unwrap();
        Arc::new(Notice::Event(Event::Changed {
            collection: CollectionName::new("notes").unwrap(),
            records: vec![(id, ChangeKind::Added); records],
            remote: true,
        }))
    }

    #[test]
    fn a_receiver_that_falls_behind_is_told_so_and_goes_on() {
        let mut slow = Queue::default();
        for _ in 0..limits::EVENTS_KEPT + 3 {
            slow.put(&Arc::new(Notice::Elsewhere));
        }
        assert_eq!(slow.take(), Some(Notice::Lagged(3)));
        assert_eq!(slow.take(), Some(Notice::Elsewhere));
    }

    #[test]
    fn a_queue_is_bounded_by_the_ids_that_it_holds_too() {
        let mut slow = Queue::default();
        for _ in 0..40 {
            slow.put(&changed(5_000));
            assert!(slow.records <= limits::EVENT_RECORDS_KEPT);
        }
        let kept = limits::EVENT_RECORDS_KEPT / 5_000;
        assert_eq!(slow.take(), Some(Notice::Lagged(40 - kept as u64)));
        assert_eq!(slow.take().as_ref(), Some(&*changed(5_000)));
        slow.put(&changed(limits::EVENT_RECORDS_KEPT + 1));
        assert_eq!(slow.take(), Some(Notice::Lagged(kept as u64)));
        assert_eq!((slow.take(), slow.records), (None, 0));
    }
}
