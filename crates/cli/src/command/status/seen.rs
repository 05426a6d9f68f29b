//! What a look at a replica shows.
use crate::exit::Failure;
use serde_json::{Value, json};
use std::path::PathBuf;
use tisync::model::{Health, Ownership};
use tisync::{LeaseState, Replica, Totals};

/// What a look at a replica shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) health: Health,
    pub(super) lease: LeaseState,
    pub(super) ownership: Ownership,
    /// What went over the wire of whoever syncs.
    pub(super) traffic: Option<Totals>,
}

impl Seen {
    /// Looks.
    pub(super) fn of(replica: &Replica) -> Result<Self, Failure> {
        let lease = replica.lease();
        let traffic = match &lease {
            LeaseState::Free => None,
            LeaseState::Held => Some(replica.traffic()),
            LeaseState::Elsewhere(holder) => holder.as_ref().map(|holder| holder.traffic),
        };
        Ok(Seen {
            path: replica.path().clone(),
            health: replica.health()?,
            lease,
            ownership: replica.ownership()?,
            traffic,
        })
    }

    /// As one object for programs.
    pub(super) fn object(&self) -> Result<Value, Failure> {
        let mut object = serde_json::to_value(&self.health)?;
        if let Some(object) = object.as_object_mut() {
            object.insert("replica".into(), json!(self.path));
            object.insert("lease".into(), serde_json::to_value(&self.lease)?);
            object.insert("account".into(), json!(self.ownership.account));
            object.insert("endpoints".into(), json!(self.ownership.endpoints));
            object.insert("synced".into(), json!(self.health.is_synced()));
        }
        Ok(object)
    }

    /// The same without what changes by itself.
    pub(super) fn at_rest(&self) -> Seen {
        let mut seen = self.clone();
        for connector in &mut seen.health.connectors {
            connector.next_ms = None;
        }
        for feed in &mut seen.health.feeds {
            feed.next_ms = None;
        }
        seen
    }

    /// The process that syncs, by what tells it from others.
    pub(super) fn who_syncs(&self) -> Option<(u32, u64)> {
        match &self.lease {
            LeaseState::Free => None,
            LeaseState::Held => Some((std::process::id(), 0)),
            LeaseState::Elsewhere(holder) => holder.as_ref().map(|one| (one.pid, one.since_ms)),
        }
    }
}
