//! Live queries: the answer now, and again after each change.
use crate::events::{Events, Notice};
use crate::query::Query;
use crate::{Error, Record, limits};
use std::time::Duration;
use tisync_core::model::Event;
use tokio::time::{Instant, sleep_until};

/// Follows the answer to a query; made by [`crate::Collection::watch`].
///
/// Needs a tokio runtime with timers. Changes that come closer together than 50 ms give one answer.
#[derive(Debug)]
pub struct Watch {
    events: Events,
    query: Query,
    last: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(events: Events, query: Query) -> Self {
        Watch {
            events,
            query,
            last: None,
        }
    }

    /// The answer: the first time at once, then when the collection has changed; `None` when the replica was
    /// closed.
    pub async fn next(&mut self) -> Option<Result<Vec<Record>, Error>> {
        if let Some(last) = self.last {
            self.changed().await?;
            sleep_until(last + Duration::from_millis(limits::WATCH_MS)).await;
            // What came meanwhile is in the answer that is read now.
            while self.events.try_next().is_some() {}
        }
        self.last = Some(Instant::now());
        Some(self.query.all())
    }

    async fn changed(&mut self) -> Option<()> {
        loop {
            match self.events.next().await? {
                Notice::Event(Event::Changed { collection, .. })
                    if collection == *self.query.collection().name() =>
                {
                    return Some(());
                }
                Notice::Elsewhere | Notice::Lagged(_) => return Some(()),
                Notice::Event(_) => {}
            }
        }
    }
}
