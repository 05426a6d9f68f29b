//! Live queries: the answer now, and again after each change.
use crate::replica::{Inner, Replica};
use crate::wait::block_on;
use crate::watchers::Watchers;
use crate::{Error, host};
use futures_core::Stream;
use serde::Serialize;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hasher;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tisync_store::{Topic, WatchId};

/// Follows an answer: it is given at once, and again when it has changed.
///
/// Made by [`crate::Query::watch`], [`crate::Collection::watch_record`], [`crate::Conflicts::watch`],
/// [`Replica::watch_health`] and [`Replica::watch_sql`].
///
/// The question is asked again only when a change touches it, at most every 50 ms, and once more after the last
/// change; an answer that equals the last one is not given again. Changes made by other processes are seen
/// within 100 ms. It works in any async runtime, also as a [`Stream`], and in plain threads. Dropping it ends it.
/// It does not keep the replica open: when all handles are gone, it ends.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let replica = tisync::Replica::open(dir.path().join("a.db")).collection("notes", "merge").open()?;
/// let notes = replica.collection("notes")?;
/// let mut watch = notes.query().is("done", false)?.watch();
/// assert_eq!(watch.blocking_next().unwrap()?.len(), 0);
/// notes.put("n1", r#"{"done": false}"#)?;
/// assert_eq!(watch.blocking_next().unwrap()?.len(), 1); // or: watch.next().await
/// # Ok::<(), tisync::Error>(())
/// ```
pub struct Watch<T> {
    replica: Weak<Inner>,
    watchers: Arc<Watchers>,
    id: WatchId,
    run: Box<Run<T>>,
    /// What the last answer was, in short.
    last: Option<u64>,
}

/// What a run of a live query found.
pub(crate) struct Answer<T> {
    value: T,
    digest: u64,
    topic: Option<Topic>,
}

type Run<T> = dyn FnMut(&Replica) -> Result<Answer<T>, Error> + Send;

impl<T> Watch<T> {
    pub(crate) fn new(
        replica: &Replica,
        topic: Topic,
        run: impl FnMut(&Replica) -> Result<Answer<T>, Error> + Send + 'static,
    ) -> Self {
        let watchers = replica.shared().watchers.clone();
        Watch {
            id: watchers.watch(topic),
            replica: replica.downgrade(),
            watchers,
            run: Box::new(run),
            last: None,
        }
    }

    /// The answer: the first time at once, then when it has changed; `None` when the replica was closed.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// [`Watch::next`] for a plain thread.
    pub fn blocking_next(&mut self) -> Option<Result<T, Error>> {
        block_on(self.next(), None).flatten()
    }

    /// [`Watch::blocking_next`] that waits no longer than `limit`; `None` also when nothing has changed by then.
    pub fn blocking_next_within(&mut self, limit: Duration) -> Option<Result<T, Error>> {
        block_on(self.next(), Some(host::moment() + limit)).flatten()
    }

    /// The answer if there is a new one already.
    pub fn try_next(&mut self) -> Option<Result<T, Error>> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if ready!(self.watchers.poll_due(self.id, context)).is_none() {
                return Poll::Ready(None);
            }
            let Some(replica) = Replica::upgrade(&self.replica) else {
                return Poll::Ready(None);
            };
            tracing::trace!(watch = ?self.id, "a live query runs");
            let found = (self.run)(&replica);
            let (found, topic) = match found {
                Ok(answer) => {
                    let changed = self.last.replace(answer.digest) != Some(answer.digest);
                    (changed.then_some(Ok(answer.value)), answer.topic)
                }
                Err(error) => {
                    self.last = None;
                    (Some(Err(error)), None)
                }
            };
            self.watchers.end(self.id, topic);
            if found.is_some() {
                return Poll::Ready(found);
            }
        }
    }
}

impl<T> Answer<T> {
    /// An answer that counts as changed when its JSON has.
    pub(crate) fn new(value: T) -> Self
    where
        T: Serialize,
    {
        let digest = digest(&value);
        Answer {
            value,
            digest,
            topic: None,
        }
    }

    /// An answer that counts as changed when what `seen` shows of it has.
    pub(crate) fn seen_as<S: Serialize>(value: T, seen: impl FnOnce(&T) -> S) -> Self {
        let digest = digest(&seen(&value));
        Answer {
            value,
            digest,
            topic: None,
        }
    }

    /// Hands out another form of the value.
    pub(crate) fn map<U>(
        self,
        form: impl FnOnce(T) -> Result<U, Error>,
    ) -> Result<Answer<U>, Error> {
        Ok(Answer {
            value: form(self.value)?,
            digest: self.digest,
            topic: self.topic,
        })
    }

    /// Follows something else from now on.
    pub(crate) fn follow(mut self, topic: Topic) -> Self {
        self.topic = Some(topic);
        self
    }
}

/// A value in short: the hash of its JSON, so that no watch keeps its last answer.
fn digest(value: &impl Serialize) -> u64 {
    let mut sink = Sink(DefaultHasher::new());
    // A hasher takes everything, and what is shown is plain data.
    let _ = serde_json::to_writer(&mut sink, value);
    sink.0.finish()
}

struct Sink(DefaultHasher);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T> Unpin for Watch<T> {}

impl<T> Stream for Watch<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.watchers.close_watch(self.id);
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.id).finish()
    }
}
