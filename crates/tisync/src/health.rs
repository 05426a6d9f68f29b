//! Health: what waits, since when, and why; and what one sync did.
use crate::lease::LeaseState;
use crate::local::lock;
use crate::traffic::Totals;
use crate::watch::{Answer, Watch};
use crate::{Error, IntoId, Replica, host};
use serde::Serialize;
use std::sync::atomic::Ordering;
use tisync_core::model::{Blocker, BlockerHealth, Health, Why};
use tisync_store::Topic;

/// What one sync did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// What went over the wire.
    pub traffic: Totals,
    /// What waits now, and why.
    pub health: Health,
}

impl SyncReport {
    /// Whether everything is sent, everything is pulled, and nothing waits for anyone.
    pub fn is_synced(&self) -> bool {
        self.health.is_synced()
    }

    /// Whether something waits for a person: an open conflict, a parked entry, a shrink confirmation.
    pub fn needs_person(&self) -> bool {
        needs_person(&self.health)
    }
}

/// Whether something waits for a person: an open conflict, a parked entry, a shrink confirmation.
pub fn needs_person(health: &Health) -> bool {
    health.conflicts > 0
        || health.outbox.parked > 0
        || health.quarantined > 0
        || health.feeds.iter().any(|feed| feed.shrink.is_some())
}

impl Replica {
    /// What waits, since when, and why.
    pub fn health(&self) -> Result<Health, Error> {
        self.health_under(&self.lease())
    }

    fn health_under(&self, lease: &LeaseState) -> Result<Health, Error> {
        let shared = self.shared();
        let mut health = shared
            .local
            .look(|engine, store| Ok(engine.health(store, host::now()?)?))?;
        // The engine that was asked steps local inputs only: whether anyone syncs is known here.
        let elsewhere = |one: &BlockerHealth| one.blocker == Blocker::LeaseElsewhere;
        let waiting = health.blockers.iter().position(elsewhere);
        let waiting = waiting.map(|index| health.blockers.remove(index));
        if let (Some(waiting), Some(blocker)) = (waiting, self.blocker(lease)) {
            health.blockers.push(BlockerHealth { blocker, ..waiting });
        }
        let busy = lock(&shared.busy);
        let listening = lock(&shared.listening);
        for connector in &mut health.connectors {
            connector.busy = busy.contains(&connector.connector);
            connector.listening = listening.contains(&connector.connector);
        }
        Ok(health)
    }

    /// Who syncs the file.
    pub fn lease(&self) -> LeaseState {
        self.shared().watchers.sights.lease()
    }

    /// Follows the health. Waits that only grow shorter are no change.
    pub fn watch_health(&self) -> Watch<Health> {
        Watch::new(self, Topic::Health, |replica| {
            let lease = replica.lease();
            let answer = Answer::seen_as(replica.health_under(&lease)?, without_waits);
            replica.shared().watchers.lease_seen(&lease);
            Ok(answer)
        })
    }

    /// A record's history as far as this replica knows it.
    pub fn why(&self, collection: &str, id: impl IntoId) -> Result<Why, Error> {
        let collection = self.known(collection)?;
        let id = id.into_id()?;
        let local = &self.shared().local;
        let mut why =
            local.look(|engine, store| Ok(engine.why(store, host::now()?, &collection, &id)?))?;
        if let Some(waits) = &mut why.waits
            && waits.blocker.is_none()
        {
            waits.blocker = self.blocker(&self.lease());
        }
        Ok(why)
    }

    /// Why nothing that waits for a connector is sent from here.
    fn blocker(&self, lease: &LeaseState) -> Option<Blocker> {
        match lease {
            LeaseState::Elsewhere(_) => Some(Blocker::LeaseElsewhere),
            _ if self.shared().storage_refused.load(Ordering::Acquire) => Some(Blocker::Storage),
            _ if self.is_running() => None,
            _ => Some(Blocker::Stopped),
        }
    }
}

/// The health but for the milliseconds that count down by themselves.
fn without_waits(health: &Health) -> Health {
    let mut health = health.clone();
    for connector in &mut health.connectors {
        connector.next_ms = None;
    }
    for feed in &mut health.feeds {
        feed.next_ms = None;
    }
    health
}
