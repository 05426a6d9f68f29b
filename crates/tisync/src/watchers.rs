//! All who watch a replica: live queries and receivers of events.
use crate::events::{Notice, Queue};
use crate::host;
use crate::lease::LeaseState;
use crate::local::lock;
use crate::lookout::{self, Sights};
use crate::worker::Nudge;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use tisync_core::model::Event;
use tisync_store::{Live, Topic, WatchId};

/// All who watch a replica. Nobody waits for them: each has a bounded queue, or runs again when it can.
pub(crate) struct Watchers {
    state: Mutex<State>,
    /// Tells the lookout that it has to look again for what it waits.
    pub(crate) rung: Condvar,
    pub(crate) sights: Sights,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) live: Live,
    /// Who waits until a watch is due.
    pub(crate) waiting: BTreeMap<WatchId, Waker>,
    receivers: BTreeMap<u64, Queue>,
    last_receiver: u64,
    /// Who had the lease when somebody looked last.
    lease: Option<LeaseState>,
    /// How to tell the worker that something was written, while it syncs in the background.
    pub(crate) syncing: Option<Nudge>,
    pub(crate) closed: bool,
    lookout: Option<JoinHandle<()>>,
}

impl State {
    /// Whether anyone wants to hear of other processes.
    pub(crate) fn is_watched(&self) -> bool {
        !self.closed
            && (!self.live.is_empty() || !self.receivers.is_empty() || self.syncing.is_some())
    }

    /// Notes that the lookout has ended: the next watcher starts another one.
    pub(crate) fn lookout_ended(&mut self) {
        self.lookout = None;
    }
}

impl Watchers {
    pub(crate) fn new(sights: Sights) -> Arc<Self> {
        Arc::new(Watchers {
            state: Mutex::default(),
            rung: Condvar::new(),
            sights,
        })
    }

    /// Begins a live query.
    pub(crate) fn watch(self: &Arc<Self>, topic: Topic) -> WatchId {
        let mut state = self.state();
        let id = state.live.watch(topic);
        self.look_out(&mut state);
        id
    }

    /// Waits until a live query is due, and begins its run; `None` when the replica was closed.
    pub(crate) fn poll_due(&self, id: WatchId, context: &Context<'_>) -> Poll<Option<()>> {
        let mut state = self.state();
        if state.closed {
            return Poll::Ready(None);
        }
        let now_ms = host::monotonic_ms();
        if state.live.is_due(id, now_ms) {
            state.waiting.remove(&id);
            state.live.begin(id, now_ms);
            return Poll::Ready(Some(()));
        }
        let before = state.waiting.insert(id, context.waker().clone());
        let waits = state.live.due_ms(id).is_some();
        drop(state);
        // Dropping a waker may drop a task, and with it a watch: never under the lock.
        drop(before);
        if waits {
            self.rung.notify_all();
        }
        Poll::Pending
    }

    /// Ends the run of a live query, which may have found out that it shows something else.
    pub(crate) fn end(&self, id: WatchId, topic: Option<Topic>) {
        let mut state = self.state();
        if let Some(topic) = topic {
            state.live.follow(id, topic);
        }
        state.live.end(id, host::monotonic_ms());
    }

    /// Ends a live query.
    pub(crate) fn close_watch(&self, id: WatchId) {
        let mut state = self.state();
        state.live.close(id);
        let waker = state.waiting.remove(&id);
        drop(state);
        drop(waker);
        self.rung.notify_all();
    }

    /// Begins to receive events.
    pub(crate) fn receive(self: &Arc<Self>) -> u64 {
        let mut state = self.state();
        state.last_receiver += 1;
        let number = state.last_receiver;
        state.receivers.insert(number, Queue::default());
        self.look_out(&mut state);
        number
    }

    /// Waits for the next event of a receiver; `None` when the replica was closed and all is received.
    pub(crate) fn poll_notice(&self, number: u64, context: &Context<'_>) -> Poll<Option<Notice>> {
        let mut state = self.state();
        let closed = state.closed;
        let Some(queue) = state.receivers.get_mut(&number) else {
            return Poll::Ready(None);
        };
        match queue.take() {
            Some(notice) => Poll::Ready(Some(notice)),
            None if closed => Poll::Ready(None),
            None => {
                let before = queue.wait(context.waker());
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }

    /// Ends a receiver.
    pub(crate) fn close_receiver(&self, number: u64) {
        let queue = self.state().receivers.remove(&number);
        drop(queue);
        self.rung.notify_all();
    }

    /// Whether anyone is interested in events.
    pub(crate) fn is_any(&self) -> bool {
        let state = self.state();
        !state.live.is_empty() || !state.receivers.is_empty()
    }

    /// How many live queries and receivers there are.
    pub(crate) fn len(&self) -> usize {
        let state = self.state();
        state.live.len() + state.receivers.len()
    }

    /// Tells everybody whom it concerns.
    pub(crate) fn tell(&self, notice: Notice) {
        let mut state = self.state();
        if state.closed {
            // Somebody may have been told already that nothing follows.
            return;
        }
        match &notice {
            Notice::Event(event) => state.live.changed(event),
            // What was stored is told of by events.
            Notice::Progress(_) => {}
            Notice::Elsewhere | Notice::Lagged(_) => state.live.changed_elsewhere(),
        }
        let notice = Arc::new(notice);
        let receivers = state.receivers.values_mut();
        let mut wakers: Vec<Waker> = receivers.filter_map(|queue| queue.put(&notice)).collect();
        let now_ms = host::monotonic_ms();
        wakers.extend(take_due(&mut state, now_ms));
        drop(state);
        // Those that are not due yet are woken by the lookout.
        self.rung.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Notes who has the lease; another one is told as health.
    pub(crate) fn lease_seen(&self, lease: &LeaseState) {
        let who = lease.who();
        let mut state = self.state();
        if state.lease.as_ref() == Some(&who) {
            return;
        }
        state.lease = Some(who);
        drop(state);
        self.tell(Notice::Event(Event::Health));
    }

    /// Tells everybody that another process has changed something.
    pub(crate) fn changed_elsewhere(&self) {
        let nudge = self.state().syncing.clone();
        if let Some(nudge) = nudge {
            nudge.nudge();
        }
        self.tell(Notice::Elsewhere);
    }

    /// Looks out for other processes on behalf of the worker, or no more.
    pub(crate) fn set_syncing(self: &Arc<Self>, nudge: Option<Nudge>) {
        let mut state = self.state();
        state.syncing = nudge;
        self.look_out(&mut state);
        self.rung.notify_all();
    }

    /// Ends everything: whoever waits is told that the replica was closed.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.syncing = None;
        let mut wakers: Vec<Waker> = std::mem::take(&mut state.waiting).into_values().collect();
        wakers.extend(state.receivers.values_mut().filter_map(Queue::waker));
        let lookout = state.lookout.take();
        drop(state);
        self.rung.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        // The last handle may be dropped by the lookout itself, while it wakes somebody.
        if let Some(lookout) = lookout.filter(|one| one.thread().id() != thread::current().id()) {
            let _ = lookout.join();
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sees to it that somebody looks out, if anyone is interested.
    fn look_out(self: &Arc<Self>, state: &mut State) {
        if state.lookout.is_some() || !state.is_watched() {
            return;
        }
        match lookout::spawn(self.clone(), self.sights.clone()) {
            Ok(thread) => state.lookout = Some(thread),
            Err(error) => {
                tracing::error!(%error, "no thread for live queries: they show what this process changes only");
            }
        }
    }
}

/// Takes those who wait for a watch that is due now.
pub(crate) fn take_due(state: &mut State, now_ms: u64) -> Vec<Waker> {
    let State { live, waiting, .. } = state;
    let due: Vec<WatchId> = waiting
        .keys()
        .copied()
        .filter(|id| live.is_due(*id, now_ms))
        .collect();
    due.iter().filter_map(|id| waiting.remove(id)).collect()
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watchers").field(&self.len()).finish()
    }
}
