//! Open conflicts as people see them: both sides beside their ancestor.
use crate::document::IntoId;
use crate::watch::{Answer, Watch};
use crate::{Error, ErrorKind, Replica};
use tisync_core::model::{Input, Resolution};
use tisync_json::tree::BTreeSet;
use tisync_store::Topic;
use tisync_store::lists::{self, OpenConflict};

/// The open conflicts of a replica.
#[derive(Clone, Debug)]
pub struct Conflicts {
    replica: Replica,
}

impl Conflicts {
    pub(crate) fn new(replica: Replica) -> Self {
        Conflicts { replica }
    }

    /// Reads open conflicts.
    pub fn list(&self, limit: usize) -> Result<Vec<OpenConflict>, Error> {
        list(&self.replica, limit)
    }

    /// Follows them: see [`Watch`].
    pub fn watch(&self, limit: usize) -> Watch<Vec<OpenConflict>> {
        let topic = Topic::Conflicts(BTreeSet::new());
        Watch::new(&self.replica, topic, move |replica| {
            let conflicts = list(replica, limit)?;
            let records = conflicts
                .iter()
                .map(|conflict| (conflict.collection.clone(), conflict.id.clone()));
            let topic = Topic::Conflicts(records.collect());
            Ok(Answer::new(conflicts).follow(topic))
        })
    }

    /// The open conflict of a record.
    pub fn get(&self, collection: &str, id: impl IntoId) -> Result<OpenConflict, Error> {
        let collection = self.replica.known(collection)?;
        let id = id.into_id()?;
        self.replica.shared().local.read(|tx| {
            lists::open_conflict(tx, &collection, &id)?.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("expected an open conflict of {collection} {id}, but there is none"),
                )
            })
        })
    }

    /// Settles the open conflict of a record.
    ///
    /// What stands is a new mutation on top of the server's image; the losing side goes to the journal.
    pub fn resolve(
        &self,
        collection: &str,
        id: impl IntoId,
        resolution: Resolution,
    ) -> Result<(), Error> {
        let collection = self.replica.known(collection)?;
        let id = id.into_id()?;
        self.replica
            .step(Input::Resolve {
                collection,
                id,
                resolution,
            })
            .map(drop)
    }
}

fn list(replica: &Replica, limit: usize) -> Result<Vec<OpenConflict>, Error> {
    let local = &replica.shared().local;
    local.read(|tx| Ok(lists::open_conflicts(tx, limit)?))
}
