//! Answers the callers of `sync`.
use super::run::WorkerLoop;
use crate::health::SyncReport;
use crate::{Error, host, log};
use tisync_core::model::{Health, Input};

impl WorkerLoop {
    /// Answers the callers of `sync` once nothing is under way.
    pub(super) fn settle(&mut self) {
        let due = self.wake.is_some_and(|at| at <= host::moment());
        let rests = self.tasks.is_empty() && !due && self.storage_retry.is_none();
        if self.waiters.is_empty() || self.lease.is_none() || !rests {
            return;
        }
        if self.waiters.iter().any(|waiter| waiter.again) {
            for waiter in &mut self.waiters {
                waiter.again = false;
            }
            self.inputs.push_back(Input::SyncNow);
            return;
        }
        let health = self.look(|engine, store| Ok(engine.health(store, host::now()?)?));
        if health.as_ref().is_ok_and(Health::is_pushed) {
            // What went up in vain was settled since by a look-up, and no push tells so.
            self.failures.retain(|(_, kind), _| *kind != log::PUSH);
        }
        if let Some(failure) = self.failures.values().next().cloned() {
            self.fail_waiters(&Error::from(failure));
            return;
        }
        let totals = self.shared.traffic.totals();
        let health = match health {
            Ok(health) => health,
            Err(error) => return self.fail_waiters(&error),
        };
        if let Some(error) = Error::of_health(&health) {
            return self.fail_waiters(&error);
        }
        for waiter in self.waiters.drain(..) {
            let _ = waiter.answer.send(Ok(SyncReport {
                traffic: totals.since(&waiter.before),
                health: health.clone(),
            }));
        }
    }

    pub(super) fn fail_waiters(&mut self, error: &Error) {
        for waiter in self.waiters.drain(..) {
            let _ = waiter
                .answer
                .send(Err(Error::new(error.kind(), error.to_string())));
        }
    }
}
