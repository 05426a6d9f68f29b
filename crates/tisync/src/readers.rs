//! Reading connections: reads never wait for sync.
use crate::local::lock;
use crate::query::{Query, SqlAnswer};
use crate::storage::{self, FileStore};
use crate::{Error, Record, limits};
use std::path::PathBuf;
use std::sync::Mutex;
use tisync_core::model::{CollectionName, RecordId};
use tisync_core::store::{Durability, Keys, Load, Store, StoreError, Tx};
use tisync_json::{Number, Value};
use tisync_store::{Next, RusqliteDriver, SqlConsole, SqlRow, SqlValue};

/// Reading connections, opened when they are needed.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<FileStore>>,
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
        self.with(|store| {
            let ids = [id.clone()];
            let mut tx = store.begin(Durability::Normal)?;
            let found = tx.load(collection, Keys::Ids(&ids), Load::Whole)?;
            Ok(found
                .into_iter()
                .flatten()
                .next()
                .and_then(|(record, _)| shown(record)))
        })
    }

    /// Hands out the answer to a query.
    pub(crate) fn for_each(
        &self,
        query: &Query,
        mut each: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let collection = query.collection().name();
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.with(|store| {
                let mut tx = store.begin(Durability::Normal)?;
                Ok(tx.scan(collection, after.as_ref(), limits::LIST_ROWS)?)
            })?;
            let is_last = page.len() < limits::LIST_ROWS;
            after = page.last().map(|(record, _)| record.id.clone());
            let records = page.into_iter().filter_map(|(record, _)| shown(record));
            found.extend(records.filter(|record| query.keeps(record)));
            if is_last {
                break;
            }
        }
        query.arrange(&mut found);
        found.into_iter().try_for_each(&mut each)
    }

    /// Runs SQL that reads.
    pub(crate) fn sql(&self, sql: &str) -> Result<SqlAnswer, Error> {
        let mut driver = RusqliteDriver::open_reader(&self.path)?;
        let mut answer = SqlAnswer {
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let SqlAnswer { columns, rows } = &mut answer;
        let width = std::cell::Cell::new(0);
        driver.read_only(
            sql,
            &[],
            &mut |names| {
                width.set(names.len());
                columns.extend(names.iter().map(|name| (*name).to_owned()));
            },
            &mut |row| {
                let values = (0..width.get()).map(|column| value(row, column));
                rows.push(values.collect::<Result<_, StoreError>>()?);
                Ok(Next::More)
            },
        )?;
        Ok(answer)
    }

    fn with<T>(&self, read: impl FnOnce(&mut FileStore) -> Result<T, Error>) -> Result<T, Error> {
        let idle = lock(&self.idle).pop();
        let mut store = match idle {
            Some(store) => store,
            None => storage::open(&self.path)?,
        };
        let result = read(&mut store);
        let mut idle = lock(&self.idle);
        if idle.len() < limits::READERS_IDLE_MAX {
            idle.push(store);
        }
        result
    }
}

fn shown(record: tisync_core::model::Record) -> Option<Record> {
    Some(Record {
        document: record.document?,
        id: record.id,
        state: record.state,
        version: record.version,
    })
}

fn value(row: &dyn SqlRow, column: usize) -> Result<Value, StoreError> {
    Ok(match row.value(column)? {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(value) => Value::Number(value.into()),
        // SQLite has no NaN; an infinity is no JSON number.
        SqlValue::Real(value) => Number::try_from(value).map_or(Value::Null, Value::Number),
        SqlValue::Text(text) => Value::String(text.to_owned()),
    })
}
