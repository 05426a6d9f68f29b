//! What the checkers remember of a replica between two commits.
use super::Token;
use crate::app;
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::{
    CollectionName, FeedKey, Generation, GroupId, Image, MutationId, RecordId, Rid, Stamp, Version,
};

/// What the checkers remember of a replica.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) records: BTreeMap<(CollectionName, Rid), Remembered>,
    /// The record of each entry.
    pub(crate) entries: BTreeMap<i64, (CollectionName, Rid)>,
    /// The group of each entry that has one.
    pub(crate) groups: BTreeMap<i64, GroupId>,
    /// Where each feed stands.
    pub(crate) places: BTreeMap<FeedKey, Place>,
    /// The passes whose sweep has begun.
    pub(crate) swept: BTreeMap<FeedKey, u64>,
    /// The latest stamp of a write of this replica.
    pub(crate) clock: Stamp,
    /// The highest generation of the lease so far.
    pub(crate) generation: Generation,
}

/// A record after the last commit that touched it.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) id: RecordId,
    /// Whether the app sees it, with which marks.
    pub(crate) visible: Option<Vec<Token>>,
    /// Marks that this replica wrote and that are on no server yet.
    pub(crate) open: BTreeSet<Token>,
    /// A delete of this replica that is on no server yet.
    pub(crate) open_delete: bool,
    /// Whether the server has the record, as far as is known here.
    pub(crate) base_present: bool,
    /// The version of the base.
    pub(crate) version: Option<Version>,
    /// The version of the last image of the server that was seen.
    pub(crate) newest: Option<Version>,
    /// Whether it has entries.
    pub(crate) is_pending: bool,
    /// An entry that the server may be acting on.
    pub(crate) out: Option<Out>,
}

/// An entry that the server may be acting on, with the base that it stands on.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) id: MutationId,
    pub(crate) base: Image,
    pub(crate) version: Option<Version>,
    /// The schema of the base.
    pub(crate) schema: u32,
}

impl Out {
    /// The base as an app of a newer schema shows it.
    pub(crate) fn in_schema(&self, schema: u32) -> Image {
        match &self.base {
            Image::Present(document) => Image::Present(app::forward(self.schema, schema, document)),
            other => other.clone(),
        }
    }
}

/// A place in a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) epoch: String,
    pub(crate) number: u64,
    /// Whether it lies in a first walk, which has not shown everything yet.
    pub(crate) walking: bool,
}

impl Shadow {
    /// Two records turned out to be one: what was written to either is on that one.
    pub(super) fn merge(&mut self, from: &(CollectionName, Rid), to: &(CollectionName, Rid)) {
        let gone = self.records.remove(from);
        if let (Some(gone), Some(stays)) = (gone, self.records.get_mut(to)) {
            stays.open.extend(gone.open);
            stays.open_delete |= gone.open_delete;
            stays.is_pending |= gone.is_pending;
            if let Some(marks) = gone.visible {
                stays.visible.get_or_insert_default().extend(marks);
            }
        }
    }

    /// The records that the app sees in a collection, in order.
    pub(crate) fn visible(&self, collection: &CollectionName) -> Vec<RecordId> {
        let records = self
            .records
            .iter()
            .filter(|((of, _), record)| of == collection && record.visible.is_some());
        records.map(|(_, record)| record.id.clone()).collect()
    }
}
