//! Open conflicts as people see them: both sides beside their ancestor.
use crate::document::IntoId;
use crate::watch::{Answer, Watch};
use crate::{Error, ErrorKind, Replica};
use serde::Serialize;
use std::collections::BTreeSet;
use tisync_core::model::{CollectionName, Conflict, Image, Input, RecordId, Resolution};
use tisync_core::store::{Keys, Load, Tx};
use tisync_store::Topic;

/// The open conflicts of a replica.
#[derive(Clone, Debug)]
pub struct Conflicts {
    replica: Replica,
}

/// An open conflict: both sides beside their ancestor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenConflict {
    /// The record's collection.
    pub collection: CollectionName,
    /// Its id.
    pub id: RecordId,
    /// The common ancestor.
    pub base: Image,
    /// What this replica shows.
    pub ours: Image,
    /// What the server has.
    pub theirs: Image,
    /// Wall time since when.
    pub since_ms: u64,
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
            let ids = [id.clone()];
            let found = tx.load(&collection, Keys::Ids(&ids), Load::Heads)?;
            let rid = found
                .into_iter()
                .flatten()
                .next()
                .map(|(record, _)| record.rid);
            let conflict = match rid {
                Some(rid) => tx.conflict(&collection, rid)?,
                None => None,
            };
            let conflict = conflict.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("expected an open conflict of {collection} {id}, but there is none"),
                )
            })?;
            with_sides(tx, conflict)
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
    replica.shared().local.read(|tx| {
        let conflicts = tx.conflicts(None, limit)?;
        conflicts
            .into_iter()
            .map(|conflict| with_sides(tx, conflict))
            .collect()
    })
}

fn with_sides(tx: &mut impl Tx, conflict: Conflict) -> Result<OpenConflict, Error> {
    let rids = [conflict.rid];
    let found = tx.load(&conflict.collection, Keys::Rids(&rids), Load::Whole)?;
    let (record, dirty) = found.into_iter().flatten().next().ok_or_else(|| {
        Error::new(
            ErrorKind::Corrupt,
            format!(
                "expected the record of the conflict {}, but it is gone",
                conflict.id
            ),
        )
    })?;
    Ok(OpenConflict {
        collection: conflict.collection,
        id: conflict.id,
        base: dirty.map_or(Image::Absent, |dirty| dirty.base),
        ours: Image::from(record.document),
        theirs: conflict.remote.image,
        since_ms: conflict.since_ms,
    })
}
