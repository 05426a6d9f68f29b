//! A collection of values of a serde type.
use crate::document::{IntoId, Record, of_serde};
use crate::query::Query;
use crate::{Collection, Error, Watch};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use tisync_core::model::Written;
use tisync_json::Patch;
use tisync_store::VisibleRow;

/// A collection of values of a serde type, which holds the document without the id.
///
/// Fields that the type does not know are lost when it replaces a document that has them: use
/// `#[serde(flatten)]` to keep them, or [`Typed::patch`].
pub struct Typed<T> {
    collection: Collection,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Typed<T> {
    pub(crate) fn new(collection: Collection) -> Self {
        Typed {
            collection,
            of: PhantomData,
        }
    }

    /// The collection of documents behind it.
    pub fn untyped(&self) -> &Collection {
        &self.collection
    }

    /// Changes some fields of an existing record.
    pub fn patch(&self, id: impl IntoId, patch: Patch) -> Result<Written, Error> {
        self.collection.patch(id, patch)
    }

    /// Deletes an existing record.
    pub fn delete(&self, id: impl IntoId) -> Result<Written, Error> {
        self.collection.delete(id)
    }

    /// Counts all records.
    pub fn count(&self) -> Result<u64, Error> {
        self.collection.count()
    }

    /// Asks for records; give it to [`Typed::all`].
    pub fn query(&self) -> Query {
        self.collection.query()
    }
}

impl<T: Serialize> Typed<T> {
    /// Makes a record with a random id.
    pub fn insert(&self, value: &T) -> Result<Written, Error> {
        self.collection.insert(of_serde(value)?)
    }

    /// Makes a record with this id; an existing one is an error.
    pub fn insert_as(&self, id: impl IntoId, value: &T) -> Result<Written, Error> {
        self.collection.insert_as(id, of_serde(value)?)
    }

    /// Stores the whole value, whether the record exists or not. Only what differs is sent.
    pub fn put(&self, id: impl IntoId, value: &T) -> Result<Written, Error> {
        self.collection.put(id, of_serde(value)?)
    }

    /// Replaces the value of an existing record. Only what differs is sent.
    pub fn update(&self, id: impl IntoId, value: &T) -> Result<Written, Error> {
        self.collection.update(id, of_serde(value)?)
    }
}

impl<T: DeserializeOwned> Typed<T> {
    /// The value of a record.
    pub fn get(&self, id: impl IntoId) -> Result<Option<T>, Error> {
        self.collection.read(id, |row| parse(&row))
    }

    /// The answer to a query.
    pub fn all(&self, query: &Query) -> Result<Vec<Record<T>>, Error> {
        query.all_as(|row| {
            Ok(Record {
                document: parse(&row)?,
                id: row.id,
                state: row.state,
                version: row.version,
            })
        })
    }

    /// Follows the answer to a query: see [`Watch`].
    pub fn watch(&self, query: &Query) -> Watch<Vec<Record<T>>>
    where
        T: 'static,
    {
        query.watch_as(parse_all)
    }
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Typed::new(self.collection.clone())
    }
}

impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.collection).finish()
    }
}

fn parse_all<T: DeserializeOwned>(records: Vec<Record>) -> Result<Vec<Record<T>>, Error> {
    let parsed = records.into_iter().map(|record| {
        let document = serde_json::from_str(record.document.text());
        Ok(Record {
            document: document.map_err(|error| not_of_the_type::<T>(&error))?,
            id: record.id,
            state: record.state,
            version: record.version,
        })
    });
    parsed.collect()
}

fn parse<T: DeserializeOwned>(row: &VisibleRow<'_>) -> Result<T, Error> {
    serde_json::from_str(row.text).or_else(|error| {
        // A text that is no document at all is the file's fault, not the type's.
        row.document()?;
        Err(not_of_the_type::<T>(&error))
    })
}

fn not_of_the_type<T>(error: &serde_json::Error) -> Error {
    Error::invalid(format!(
        "expected a document of the type {}, but {error}",
        std::any::type_name::<T>()
    ))
}
