//! Writes that are made in one transaction.
use crate::document::{IntoDocument, IntoId};
use crate::{Error, Replica};
use tisync_core::model::{Write, WriteKind};
use tisync_json::Patch;

/// Collects the writes of one transaction: see [`Replica::group`] and [`Replica::bulk`].
#[derive(Debug)]
pub struct Writes {
    replica: Replica,
    writes: Vec<Write>,
}

impl Writes {
    pub(crate) fn new(replica: Replica) -> Self {
        Writes {
            replica,
            writes: Vec::new(),
        }
    }

    /// Makes a record with a random id.
    pub fn insert(&mut self, collection: &str, document: impl IntoDocument) -> Result<(), Error> {
        let kind = WriteKind::Insert(document.into_document()?);
        self.push(collection, None::<&str>, kind)
    }

    /// Makes a record with this id; an existing one is an error.
    pub fn insert_as(
        &mut self,
        collection: &str,
        id: impl IntoId,
        document: impl IntoDocument,
    ) -> Result<(), Error> {
        let kind = WriteKind::Insert(document.into_document()?);
        self.push(collection, Some(id), kind)
    }

    /// Stores the whole document, whether the record exists or not.
    pub fn put(
        &mut self,
        collection: &str,
        id: impl IntoId,
        document: impl IntoDocument,
    ) -> Result<(), Error> {
        let kind = WriteKind::Put(document.into_document()?);
        self.push(collection, Some(id), kind)
    }

    /// Replaces the document of an existing record.
    pub fn update(
        &mut self,
        collection: &str,
        id: impl IntoId,
        document: impl IntoDocument,
    ) -> Result<(), Error> {
        let kind = WriteKind::Update(document.into_document()?);
        self.push(collection, Some(id), kind)
    }

    /// Changes some fields of an existing record.
    pub fn patch(&mut self, collection: &str, id: impl IntoId, patch: Patch) -> Result<(), Error> {
        self.push(collection, Some(id), WriteKind::Patch(patch))
    }

    /// Deletes an existing record.
    pub fn delete(&mut self, collection: &str, id: impl IntoId) -> Result<(), Error> {
        self.push(collection, Some(id), WriteKind::Delete)
    }

    /// How many writes were collected.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(crate) fn into_inner(self) -> Vec<Write> {
        self.writes
    }

    fn push(
        &mut self,
        collection: &str,
        id: Option<impl IntoId>,
        kind: WriteKind,
    ) -> Result<(), Error> {
        self.writes.push(Write {
            collection: self.replica.known(collection)?,
            id: id.map(IntoId::into_id).transpose()?,
            kind,
        });
        Ok(())
    }
}
