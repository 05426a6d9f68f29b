//! Takes, waits for and loses the lease.
use super::run::WorkerLoop;
use crate::lease::{self, Lease};
use crate::local::lock;
use crate::{Error, host, limits};
use std::sync::atomic::Ordering;
use tisync_core::model::{ConnectorName, Input};
use tisync_core::store::{Durability, Store, Tx};

impl WorkerLoop {
    /// Takes the lease; callers of `sync` are told who else has it.
    pub(super) fn take_lease(&mut self) -> bool {
        match self.try_lease() {
            Ok(()) => true,
            Err(error) => {
                self.fail_waiters(&error);
                false
            }
        }
    }

    /// Takes the lease, or says who has it.
    pub(super) fn try_lease(&mut self) -> Result<(), Error> {
        if self.lease.is_some() {
            return Ok(());
        }
        let lease = Lease::take(&self.shared.path, self.shared.traffic.totals())?;
        let lease = lease.map_err(|holder| {
            tracing::debug!(
                holder = holder.as_ref().map(|holder| holder.pid),
                "the lease is elsewhere"
            );
            lease::elsewhere(holder.as_ref())
        })?;
        self.begin_generation()?;
        self.lease = Some(lease);
        self.lease_poll = None;
        tracing::info!("the lease is taken");
        self.shared.set_leased(true);
        Ok(())
    }

    /// What a new holder of the lease steps first. Credentials that were refused get a new chance: this
    /// process may have others.
    pub(super) fn begin_generation(&mut self) -> Result<(), Error> {
        let connectors: Vec<ConnectorName> = self.wires.keys().cloned().collect();
        let refused = self.look(|_, store| {
            let mut tx = store.begin(Durability::Normal)?;
            let mut refused = Vec::new();
            for connector in connectors {
                if let Some(state) = tx.connector(&connector)?
                    && state.refused.is_some()
                {
                    let revision = state.revision.max(state.refused.unwrap_or(0)) + 1;
                    refused.push((connector, revision));
                }
            }
            Ok(refused)
        })?;
        self.inputs.push_back(Input::LeaseTaken);
        for (connector, revision) in refused {
            self.inputs.push_back(Input::CredentialsChanged {
                connector,
                revision,
            });
        }
        Ok(())
    }

    /// Tells other processes what went over the wire, now and then.
    pub(super) fn tell_others(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.tell(&self.shared.traffic.totals());
        }
    }

    pub(super) fn poll_lease(&mut self) {
        self.lease_poll = Some(host::after(limits::LEASE_POLL_MS));
    }

    /// A newer version of the app has upgraded the file: this one can do nothing more with it.
    pub(super) fn end_for_good(&mut self, error: &Error) {
        tracing::error!(%error, "sync ends here");
        self.fail_waiters(error);
        self.running = false;
        self.shared.running.store(false, Ordering::Release);
        self.let_go();
    }

    pub(super) fn lose_lease(&mut self) {
        tracing::warn!("another process has taken the lease");
        self.let_go();
        self.fail_waiters(&lease::elsewhere(None));
        if self.running {
            self.poll_lease();
        }
    }

    fn let_go(&mut self) {
        self.lease = None;
        self.inputs.clear();
        self.replies.clear();
        self.walks.clear();
        self.tasks.abort_all();
        self.wires.values().for_each(|wire| wire.rest());
        lock(&self.shared.busy).clear();
        self.close_ears();
        self.wake = None;
        self.shared.set_leased(false);
    }
}
