//! The lookout: a thread that wakes live queries when they are due, and notices what other processes do. It runs
//! while anyone watches or syncs.
use crate::lease::{Lease, LeaseState};
use crate::local::Gate;
use crate::watchers::{self, State, Watchers};
use crate::{host, limits};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, TryLockError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tisync_store::Topic;

/// What a lookout looks at.
#[derive(Clone, Debug)]
pub(crate) struct Sights {
    pub(crate) path: PathBuf,
    pub(crate) gate: Gate,
    /// Whether this replica holds the lease.
    pub(crate) leased: Arc<AtomicBool>,
}

impl Sights {
    /// Who syncs the file.
    pub(crate) fn lease(&self) -> LeaseState {
        if self.leased.load(Ordering::Acquire) {
            return LeaseState::Held;
        }
        Lease::look(&self.path)
    }
}

/// Starts the thread.
pub(crate) fn spawn(watchers: Arc<Watchers>, sights: Sights) -> std::io::Result<JoinHandle<()>> {
    let lookout = Lookout {
        watchers,
        sights,
        file_ms: 0,
        lease_ms: 0,
    };
    thread::Builder::new()
        .name("tisync-lookout".into())
        .spawn(move || lookout.run())
}

struct Lookout {
    watchers: Arc<Watchers>,
    sights: Sights,
    /// When to look at the file next.
    file_ms: u64,
    /// When to look at the lease next.
    lease_ms: u64,
}

impl Lookout {
    fn run(mut self) {
        while let Some(wakers) = self.wait() {
            wakers.into_iter().for_each(Waker::wake);
            let now_ms = host::monotonic_ms();
            if self.file_ms <= now_ms {
                self.look_at_file(now_ms);
            }
            if self.lease_ms <= now_ms {
                self.look_at_lease(now_ms);
            }
        }
    }

    /// Waits until somebody is to be woken, or it is time to look; `None` when nobody is interested any more.
    fn wait(&self) -> Option<Vec<Waker>> {
        let mut state = self.watchers.state();
        loop {
            if !state.is_watched() {
                state.lookout_ended();
                return None;
            }
            let now_ms = host::monotonic_ms();
            let wakers = watchers::take_due(&mut state, now_ms);
            let next_ms = self.next_ms(&state);
            if !wakers.is_empty() || next_ms <= now_ms {
                return Some(wakers);
            }
            let wait = Duration::from_millis(next_ms - now_ms);
            let waited = self.watchers.rung.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn next_ms(&self, state: &State) -> u64 {
        let due = state.waiting.keys().filter_map(|id| state.live.due_ms(*id));
        let looks = [self.file_ms, self.lease_ms];
        due.chain(looks).min().unwrap_or(self.file_ms)
    }

    /// Looks whether another process has written. While this one writes there is no need to wait for it: each
    /// transaction looks by itself.
    fn look_at_file(&mut self, now_ms: u64) {
        self.file_ms = now_ms + limits::OTHERS_POLL_MS;
        let changed = match self.sights.gate.try_lock() {
            Ok(mut store) => store.has_changed_elsewhere(),
            Err(TryLockError::Poisoned(store)) => store.into_inner().has_changed_elsewhere(),
            Err(TryLockError::WouldBlock) => {
                self.file_ms = now_ms + limits::OTHERS_RETRY_MS;
                return;
            }
        };
        match changed {
            Ok(true) => self.watchers.changed_elsewhere(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "the file could not be looked at"),
        }
    }

    /// Looks whether the lease has another holder: that is health too.
    fn look_at_lease(&mut self, now_ms: u64) {
        self.lease_ms = now_ms + limits::LEASE_POLL_MS;
        let shows = |topic: &Topic| *topic == Topic::Health;
        if !self.watchers.state().live.topics().any(shows) {
            return;
        }
        self.watchers.lease_seen(&self.sights.lease());
    }
}
