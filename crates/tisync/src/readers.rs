//! Reading connections: reads never wait for sync.
use crate::local::lock;
use crate::{Error, ErrorKind, Record, limits};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tisync_core::model::{CollectionName, RecordId};
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::Value;
use tisync_store::{Key, Next, Query, Reader, RusqliteDriver, SqlRows, VisibleRow};

/// Reading connections, opened when they are needed and kept for the next read.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    key: Option<Key>,
    idle: Mutex<Vec<Kept>>,
    /// Whether the first one was opened.
    has_first: AtomicBool,
}

/// A connection, and whether it is the first: it keeps many pages, and answers whenever it can.
#[derive(Debug)]
struct Kept {
    reader: Reader<RusqliteDriver>,
    is_first: bool,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, key: Option<Key>) -> Self {
        Readers {
            path,
            key,
            idle: Mutex::default(),
            has_first: AtomicBool::new(false),
        }
    }

    /// What `make` makes of one record.
    pub(crate) fn get<T>(
        &self,
        collection: &CollectionName,
        id: &RecordId,
        mut make: impl FnMut(VisibleRow<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.stoppable(|reader, stopped| {
            let make = |row: VisibleRow<'_>| make(row).or_else(|error| stopped.by(error));
            reader.get_as(collection, id, make)
        })
    }

    /// What `make` makes of the answer to a query.
    pub(crate) fn all<D>(
        &self,
        collection: &CollectionName,
        query: &Query,
        mut make: impl FnMut(VisibleRow<'_>) -> Result<Record<D>, Error>,
    ) -> Result<Vec<Record<D>>, Error> {
        self.stoppable(|reader, stopped| {
            let make = |row: VisibleRow<'_>| make(row).or_else(|error| stopped.by(error));
            reader.query_as(collection, query, make, |record| &record.id)
        })
    }

    /// Hands out the answer to a query, a record at a time.
    pub(crate) fn for_each(
        &self,
        collection: &CollectionName,
        query: &Query,
        mut each: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.stoppable(|reader, stopped| {
            reader.each(collection, query, &mut |visible| {
                each(visible.into())
                    .map(|()| Next::More)
                    .or_else(|error| stopped.by(error))
            })
        })
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

    /// Reads with a function that may stop the store by an error of ours.
    fn stoppable<T>(
        &self,
        read: impl FnOnce(&mut Reader<RusqliteDriver>, &mut Stopped) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        let mut stopped = Stopped(None);
        let result = self.with(|reader| Ok(read(reader, &mut stopped)?));
        match stopped.0 {
            Some(error) => Err(error),
            None => result,
        }
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&mut Reader<RusqliteDriver>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = lock(&self.idle).pop();
        let mut kept = match idle {
            Some(kept) => kept,
            None => self.open()?,
        };
        let result = read(&mut kept.reader);
        let mut idle = lock(&self.idle);
        if kept.is_first {
            // The last one is taken next.
            idle.push(kept);
        } else if idle.len() < limits::READERS_IDLE_MAX {
            idle.insert(0, kept);
        }
        result
    }

    fn open(&self) -> Result<Kept, Error> {
        let is_first = !self.has_first.swap(true, Ordering::AcqRel);
        let cache_kib = match is_first {
            true => limits::READER_CACHE_KIB,
            false => tisync_store::limits::READER_CACHE_KIB,
        };
        let opened = Reader::open_with_key(&self.path, self.key.as_ref(), cache_kib);
        if is_first && opened.is_err() {
            self.has_first.store(false, Ordering::Release);
        }
        Ok(Kept {
            reader: opened?,
            is_first,
        })
    }
}

/// The error of ours that stopped the store.
struct Stopped(Option<Error>);

impl Stopped {
    fn by<T>(&mut self, error: Error) -> Result<T, StoreError> {
        let message = error.to_string();
        self.0 = Some(error);
        Err(StoreError::new(StoreErrorKind::Io, message))
    }
}
