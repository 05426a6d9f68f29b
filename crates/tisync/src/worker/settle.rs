//! Answers the callers of `sync`.
use super::run::WorkerLoop;
use crate::health::SyncReport;
use crate::{Error, ErrorKind, host, log};
use tisync_core::model::{Blocker, Health, Input};

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
        if health.as_ref().is_ok_and(nothing_to_push) {
            // What went up in vain was settled since by a look-up, and no push tells so.
            self.failures.retain(|(_, kind), _| *kind != log::PUSH);
        }
        if let Some(failure) = self.failures.values().next().cloned() {
            self.fail_waiters(&Error::from(failure));
            return;
        }
        let totals = self.shared.traffic.totals();
        let health = match health.and_then(unblocked) {
            Ok(health) => health,
            Err(error) => return self.fail_waiters(&error),
        };
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

/// Whether no write waits for an exchange.
fn nothing_to_push(health: &Health) -> bool {
    let outbox = &health.outbox;
    outbox.pending == 0 && outbox.in_flight == 0 && outbox.unknown == 0
}

/// Refuses a health in which a connector does not even try.
fn unblocked(health: Health) -> Result<Health, Error> {
    if health.logged_out_ms.is_some() {
        return Err(Error::new(
            ErrorKind::Credentials,
            "expected to sync, but the replica is logged out: log in first (`tisync login`, Replica::login); writes \
             wait until then",
        ));
    }
    for connector in &health.connectors {
        let (kind, why) = match connector.blocker {
            Some(Blocker::Credentials) => (ErrorKind::Credentials, "refuses the credentials"),
            Some(Blocker::UpgradeRequired) => (ErrorKind::UpgradeRequired, "asks for a newer app"),
            Some(Blocker::Offline) => (ErrorKind::Offline, "cannot be reached"),
            _ => continue,
        };
        let last = connector.last_error.as_deref().unwrap_or("no answer");
        return Err(Error::new(
            kind,
            format!(
                "the backend of the connector {} {why}: {last}",
                connector.connector
            ),
        ));
    }
    Ok(health)
}
