//! A collection of JSON documents.
use crate::document::{IntoDocument, IntoId, Record};
use crate::query::Query;
use crate::watch::{Answer, Watch};
use crate::{Error, ErrorKind, Replica};
use tisync_core::model::{CollectionName, Input, Output, RecordId, Write, WriteKind, Written};
use tisync_json::tree::BTreeSet;
use tisync_json::{Document, Patch};
use tisync_store::{Topic, VisibleRow};

/// A collection of JSON documents. Every call is local; a write is durable when it returns.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let replica = tisync::Replica::open(dir.path().join("a.db")).collection("notes", "merge").open()?;
/// use serde_json::json;
/// use tisync::{Patch, Path, Value};
///
/// let notes = replica.collection("notes")?;
/// let id = notes.insert(json!({"title": "Milk", "done": false}))?.id;
/// let mut patch = Patch::default();
/// patch.set.insert(Path::parse("/done")?, Value::Bool(true));
/// notes.patch(&id, patch)?;
/// assert_eq!(notes.get(&id)?.unwrap().text(), r#"{"done":true,"title":"Milk"}"#);
/// notes.delete(&id)?;
/// assert!(notes.get(&id)?.is_none());
/// # Ok::<(), tisync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Collection {
    replica: Replica,
    name: CollectionName,
}

impl Collection {
    pub(crate) fn new(replica: Replica, name: CollectionName) -> Self {
        Collection { replica, name }
    }

    /// Its name.
    pub fn name(&self) -> &CollectionName {
        &self.name
    }

    /// The replica that it belongs to.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Makes a record with a random id.
    pub fn insert(&self, document: impl IntoDocument) -> Result<Written, Error> {
        self.write(None, WriteKind::Insert(document.into_document()?))
    }

    /// Makes a record with this id; an existing one is an error.
    pub fn insert_as(
        &self,
        id: impl IntoId,
        document: impl IntoDocument,
    ) -> Result<Written, Error> {
        self.write(
            Some(id.into_id()?),
            WriteKind::Insert(document.into_document()?),
        )
    }

    /// Stores the whole document, whether the record exists or not. Only what differs is sent.
    pub fn put(&self, id: impl IntoId, document: impl IntoDocument) -> Result<Written, Error> {
        self.write(
            Some(id.into_id()?),
            WriteKind::Put(document.into_document()?),
        )
    }

    /// Replaces the document of an existing record. Only what differs is sent.
    pub fn update(&self, id: impl IntoId, document: impl IntoDocument) -> Result<Written, Error> {
        self.write(
            Some(id.into_id()?),
            WriteKind::Update(document.into_document()?),
        )
    }

    /// Changes some fields of an existing record.
    pub fn patch(&self, id: impl IntoId, patch: Patch) -> Result<Written, Error> {
        self.write(Some(id.into_id()?), WriteKind::Patch(patch))
    }

    /// Deletes an existing record.
    pub fn delete(&self, id: impl IntoId) -> Result<Written, Error> {
        self.write(Some(id.into_id()?), WriteKind::Delete)
    }

    /// The document of a record; a former id of the record finds it too.
    pub fn get(&self, id: impl IntoId) -> Result<Option<Document>, Error> {
        Ok(self.record(id)?.map(|record| record.document))
    }

    /// A record with its state and version.
    pub fn record(&self, id: impl IntoId) -> Result<Option<Record>, Error> {
        self.read(id, Record::read)
    }

    /// What `make` makes of a record.
    pub(crate) fn read<T>(
        &self,
        id: impl IntoId,
        make: impl FnMut(VisibleRow<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let readers = &self.replica.shared().readers;
        readers.get(&self.name, &id.into_id()?, make)
    }

    /// Asks for records: see [`Query`].
    pub fn query(&self) -> Query {
        Query::new(self.clone())
    }

    /// Counts all records.
    pub fn count(&self) -> Result<u64, Error> {
        self.query().count()
    }

    /// Follows one record, by this id and by the one that the server gives it: see [`Watch`]. Queries are
    /// followed by [`Query::watch`].
    pub fn watch_record(&self, id: impl IntoId) -> Result<Watch<Option<Record>>, Error> {
        let (name, id) = (self.name.clone(), id.into_id()?);
        let topic = move |ids: BTreeSet<RecordId>| Topic::Record(name.clone(), ids);
        let first = topic(BTreeSet::from([id.clone()]));
        let name = self.name.clone();
        Ok(Watch::new(&self.replica, first, move |replica| {
            let record = replica.shared().readers.get(&name, &id, Record::read)?;
            let ids = record.iter().map(|record| record.id.clone());
            let ids = ids.chain([id.clone()]).collect();
            Ok(Answer::new(record).follow(topic(ids)))
        }))
    }

    fn write(&self, id: Option<RecordId>, kind: WriteKind) -> Result<Written, Error> {
        let writes = vec![Write {
            collection: self.name.clone(),
            id,
            kind,
        }];
        let outputs = self.replica.step(Input::Write {
            writes,
            group: false,
        })?;
        outputs
            .into_iter()
            .find_map(|output| match output {
                Output::Written(mut written) => written.pop(),
                _ => None,
            })
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Closed,
                    "expected the engine to say what the write became, but it did not: a bug",
                )
            })
    }
}
