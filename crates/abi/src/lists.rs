//! Reads: records, and what waits.
use crate::replica::Replica;
use tisync_connect::{Error, ErrorKind};
use tisync_core::model::{CollectionName, JournalId, JournalRow, RecordId};
use tisync_core::store::{Durability, EntryFilter, JournalFilter, Store, Tx};
use tisync_json::Value;
use tisync_store::lists::{self, OpenConflict, OutboxEntry};
use tisync_store::{Query, SqlRows, Statement, Visible};

/// Rows of an answer to SQL of the app's own: it is held in memory.
const SQL_ROWS_MAX: usize = 100_000;

impl Replica {
    pub(crate) fn get(
        &mut self,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Result<Option<Visible>, Error> {
        self.known(collection)?;
        Ok(self.store.reader().get(collection, id)?)
    }

    pub(crate) fn query(
        &mut self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Vec<Visible>, Error> {
        self.known(collection)?;
        Ok(self.store.reader().query(collection, query)?)
    }

    /// The statement that answers a query, if SQL alone can.
    pub(crate) fn statement(
        &mut self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Option<Statement>, Error> {
        self.known(collection)?;
        Ok(self.store.reader().statement(collection, query)?)
    }

    pub(crate) fn count_of(
        &mut self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<u64, Error> {
        self.known(collection)?;
        Ok(self.store.reader().count(collection, query)?)
    }

    pub(crate) fn sql(&mut self, sql: &str, values: &[Value]) -> Result<SqlRows, Error> {
        Ok(self.store.reader().sql(sql, values, SQL_ROWS_MAX)?)
    }

    pub(crate) fn conflicts(&mut self, limit: usize) -> Result<Vec<OpenConflict>, Error> {
        let mut tx = self.store.begin(Durability::Normal)?;
        Ok(lists::open_conflicts(&mut tx, limit)?)
    }

    pub(crate) fn outbox(
        &mut self,
        waiting: bool,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, Error> {
        let filter = match waiting {
            true => EntryFilter::Waiting,
            false => EntryFilter::All,
        };
        let mut tx = self.store.begin(Durability::Normal)?;
        Ok(lists::outbox(&mut tx, filter, after, limit)?)
    }

    pub(crate) fn journal(
        &mut self,
        record: Option<(CollectionName, RecordId)>,
        before: Option<JournalId>,
        limit: usize,
    ) -> Result<Vec<JournalRow>, Error> {
        let mut tx = self.store.begin(Durability::Normal)?;
        Ok(match record {
            None => tx.journal(JournalFilter::All, before, limit)?,
            Some((collection, id)) => lists::journal_of(&mut tx, &collection, &id, before, limit)?,
        })
    }

    /// Refuses a collection that is not configured.
    fn known(&self, collection: &CollectionName) -> Result<(), Error> {
        if self.config.collections.contains_key(collection) {
            return Ok(());
        }
        let known = self.config.collections.keys();
        let known: Vec<&str> = known.map(CollectionName::as_str).collect();
        Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "expected one of the collections {}, but {collection:?} came; declare it in the configuration",
                known.join(", ")
            ),
        ))
    }
}
