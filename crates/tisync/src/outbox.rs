//! The outbox as people see it: what waits, what was refused, and what to do about it.
use crate::document::IntoDocument;
use crate::{Error, ErrorKind, Replica, limits};
use tisync_core::model::{Input, MutationId};
use tisync_core::store::EntryFilter;
use tisync_store::lists::{self, OutboxEntry};

/// The outbox of a replica.
#[derive(Clone, Debug)]
pub struct Outbox {
    replica: Replica,
}

impl Outbox {
    pub(crate) fn new(replica: Replica) -> Self {
        Outbox { replica }
    }

    /// Reads entries in the order in which they are sent, after the one with the number `after`.
    pub fn list(&self, after: Option<i64>, limit: usize) -> Result<Vec<OutboxEntry>, Error> {
        self.read(EntryFilter::All, after, limit)
    }

    /// Reads all entries that are held or parked.
    pub fn waiting(&self) -> Result<Vec<OutboxEntry>, Error> {
        let mut all: Vec<OutboxEntry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.entry.seq);
            let page = self.read(EntryFilter::Waiting, after, limits::LIST_ROWS)?;
            let last = page.len() < limits::LIST_ROWS;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// One entry.
    pub fn get(&self, id: MutationId) -> Result<OutboxEntry, Error> {
        self.read(EntryFilter::Id(id), None, 1)?
            .pop()
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "expected an entry of the outbox, but none has the key {id}; it may have been accepted meanwhile"
                    ),
                )
            })
    }

    /// Sends a parked entry again.
    pub fn retry(&self, id: MutationId) -> Result<(), Error> {
        self.replica.step(Input::Retry(id)).map(drop)
    }

    /// Replaces a parked entry's outcome by this document, and sends it.
    pub fn edit(&self, id: MutationId, document: impl IntoDocument) -> Result<(), Error> {
        let document = document.into_document()?;
        self.replica.step(Input::Edit(id, document)).map(drop)
    }

    /// Gives up an entry that is parked or held; the journal keeps it.
    pub fn discard(&self, id: MutationId) -> Result<(), Error> {
        self.replica.step(Input::Discard(id)).map(drop)
    }

    fn read(
        &self,
        filter: EntryFilter<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, Error> {
        let local = &self.replica.shared().local;
        local.read(|tx| Ok(lists::outbox(tx, filter, after, limit)?))
    }
}
