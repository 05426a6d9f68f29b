//! What the worker does when time has passed.
use super::run::WorkerLoop;
use crate::events::Notice;
use crate::{host, limits};
use std::time::Instant;

impl WorkerLoop {
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let wake = self.wake.filter(|_| self.is_active());
        let others = self.others.map(|(_, at)| at).filter(|_| self.running);
        let monitor = self.monitor.next().filter(|_| self.is_active());
        [wake, self.lease_poll, self.storage_retry, others, monitor]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn time_has_come(&mut self) {
        let now = host::moment();
        if self.storage_retry.is_some_and(|at| at <= now) {
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
        if self.is_active() && self.monitor.next().is_some_and(|at| at <= now) {
            self.look_at_network();
        }
        self.look_for_others();
    }

    /// Notices what other processes wrote.
    pub(super) fn look_for_others(&mut self) {
        let Some((before, at)) = self.others else {
            return;
        };
        if !self.running || at > host::moment() {
            return;
        }
        self.note_others();
        if self.others.is_some_and(|(version, _)| version != before) {
            self.shared.events.send(Notice::Elsewhere);
            self.wake_up();
        }
    }

    /// Notes the file's version before others write to it.
    pub(super) fn note_others(&mut self) {
        match self.stepper.store.data_version() {
            Ok(version) => self.others = Some((version, host::after(limits::OTHERS_POLL_MS))),
            Err(error) => tracing::warn!(%error, "the file's version could not be read"),
        }
    }
}
