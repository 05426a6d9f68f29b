//! The journal as people see it.
use crate::document::IntoId;
use crate::{Error, ErrorKind, Replica};
use tisync_core::model::{Input, JournalId, JournalRow};
use tisync_core::store::{JournalFilter, Tx};
use tisync_store::lists;

/// The journal of a replica: each decision, with the side that lost.
#[derive(Clone, Debug)]
pub struct Journal {
    replica: Replica,
}

impl Journal {
    pub(crate) fn new(replica: Replica) -> Self {
        Journal { replica }
    }

    /// Reads rows, newest first, before the row `before`.
    pub fn list(&self, before: Option<JournalId>, limit: usize) -> Result<Vec<JournalRow>, Error> {
        self.replica
            .shared()
            .local
            .read(|tx| Ok(tx.journal(JournalFilter::All, before, limit)?))
    }

    /// Reads the rows of one record, newest first.
    pub fn of(
        &self,
        collection: &str,
        id: impl IntoId,
        limit: usize,
    ) -> Result<Vec<JournalRow>, Error> {
        let collection = self.replica.known(collection)?;
        let id = id.into_id()?;
        let local = &self.replica.shared().local;
        local.read(|tx| Ok(lists::journal_of(tx, &collection, &id, None, limit)?))
    }

    /// One row.
    pub fn get(&self, id: JournalId) -> Result<JournalRow, Error> {
        self.replica.shared().local.read(|tx| {
            tx.journal_row(id)?.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "expected a row of the journal, but there is none with the number {}",
                        id.0
                    ),
                )
            })
        })
    }

    /// Brings the losing side of a decision back: a normal write, which syncs.
    pub fn undo(&self, id: JournalId) -> Result<(), Error> {
        self.replica.step(Input::Undo(id)).map(drop)
    }
}
