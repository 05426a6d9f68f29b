//! What the worker does when time has passed.
use super::run::WorkerLoop;
use crate::host;
use std::time::Instant;

impl WorkerLoop {
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let wake = self.wake.filter(|_| self.is_active());
        let monitor = self.monitor.next().filter(|_| self.is_active());
        let traffic = self.shared.traffic.totals();
        let lease = self.lease.as_ref();
        let tell = lease.and_then(|lease| lease.tells_at(&traffic));
        let storage_retry = self.storage_retry.as_ref().map(|(at, _)| *at);
        [wake, self.lease_poll, storage_retry, monitor, tell]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn time_has_come(&mut self) {
        let now = host::moment();
        if self
            .storage_retry
            .as_ref()
            .is_some_and(|(at, _)| *at <= now)
        {
            self.storage_retry = None;
        }
        if self.lease_poll.is_some_and(|at| at <= now) {
            if self.take_lease() {
                self.begin();
            } else {
                self.poll_lease();
            }
        }
        if self.wake.is_some_and(|at| at <= now) {
            self.wake = None;
            self.wake_up();
        }
        if self.is_active() && self.monitor.is_due(now) {
            self.look_at_network();
        }
    }
}
