//! Reading connections: reads never wait for sync.
use crate::local::lock;
use crate::{Error, ErrorKind, Record, limits};
use std::path::PathBuf;
use std::sync::Mutex;
use tisync_core::model::{CollectionName, RecordId};
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::Value;
use tisync_store::{Next, Query, Reader, RusqliteDriver, SqlRows, Visible};

/// Reading connections, opened when they are needed and kept for the next read.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader<RusqliteDriver>>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Readers {
            path,
            idle: Mutex::default(),
        }
    }

    /// One record.
    pub(crate) fn get(
        &self,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Option<Record>, Error> {
        self.with(|reader| Ok(reader.get(collection, id)?.map(record)))
    }

    /// Hands out the answer to a query, a record at a time.
    pub(crate) fn for_each(
        &self,
        collection: &CollectionName,
        query: &Query,
        mut each: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut stopped = None;
        let result = self.with(|reader| {
            Ok(reader.each(collection, query, &mut |visible| {
                each(record(visible)).map(|()| Next::More).map_err(|error| {
                    let message = error.to_string();
                    stopped = Some(error);
                    StoreError::new(StoreErrorKind::Io, message)
                })
            })?)
        });
        match stopped {
            Some(error) => Err(error),
            None => result,
        }
    }

    /// Counts the answer to a query.
    pub(crate) fn count(&self, collection: &CollectionName, query: &Query) -> Result<u64, Error> {
        self.with(|reader| Ok(reader.count(collection, query)?))
    }

    /// Runs SQL that reads.
    pub(crate) fn sql(&self, sql: &str, values: &[Value]) -> Result<SqlRows, Error> {
        let found = self.with(|reader| Ok(reader.sql(sql, values, limits::SQL_ROWS_MAX)?))?;
        if found.more {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "expected at most {} rows, but there are more; add a LIMIT",
                    limits::SQL_ROWS_MAX
                ),
            ));
        }
        Ok(found)
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&mut Reader<RusqliteDriver>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = lock(&self.idle).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        let result = read(&mut reader);
        let mut idle = lock(&self.idle);
        if idle.len() < limits::READERS_IDLE_MAX {
            idle.push(reader);
        }
        result
    }
}

fn record(visible: Visible) -> Record {
    Record {
        id: visible.id,
        document: visible.document,
        state: visible.state,
        version: visible.version,
    }
}
