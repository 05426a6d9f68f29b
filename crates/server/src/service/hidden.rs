//! Records of the server's own: they live beside those of the clients, in the same transactions and the same
//! history, under names of collections that no request can spell.
use super::{meta, used_up};
use crate::limits::VERSION_MAX;
use crate::store::{Key, Record, ServerTx};
use crate::{ServerNow, ServiceError, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tisync_json::Document;
use tisync_protocol::Stamp;

/// A hidden collection. Its name has a colon, which [`tisync_protocol::check_collection`] refuses: so the
/// native protocol can neither read nor write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hidden(String);

/// A hidden record as it is kept.
pub(crate) struct Kept<D> {
    pub(crate) value: D,
    /// The server's time of its last write.
    pub(crate) updated_ms: u64,
}

impl Hidden {
    pub(crate) fn new(owner: &str, name: &str) -> Self {
        Hidden(format!("{owner}:{name}"))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn get<T: ServerTx, D: DeserializeOwned>(
        &self,
        tx: &mut T,
        id: &str,
    ) -> Result<Option<Kept<D>>, ServiceError> {
        let Some(record) = tx.record(self.key(id))? else {
            return Ok(None);
        };
        let Some(document) = record.document else {
            return Ok(None);
        };
        Ok(Some(Kept {
            value: self.read(id, document.text())?,
            updated_ms: record.updated_ms,
        }))
    }

    /// Reads the text of one of its records.
    pub(crate) fn read<D: DeserializeOwned>(
        &self,
        id: &str,
        text: &str,
    ) -> Result<D, ServiceError> {
        serde_json::from_str(text).map_err(|error| self.broken(id, &error))
    }

    /// Writes a record, whether it was there or not.
    pub(crate) fn put<T: ServerTx, D: Serialize>(
        &self,
        tx: &mut T,
        now: &ServerNow,
        id: &str,
        value: &D,
    ) -> Result<(), ServiceError> {
        let text = serde_json::to_string(value).map_err(|error| self.broken(id, &error))?;
        let document = Document::parse(&text).map_err(|error| self.broken(id, &error))?;
        self.write(tx, now, id, Some(document))
    }

    /// Deletes a record, if it is there.
    pub(crate) fn remove<T: ServerTx>(
        &self,
        tx: &mut T,
        now: &ServerNow,
        id: &str,
    ) -> Result<(), ServiceError> {
        if tx.head(self.key(id))?.is_some_and(|head| !head.deleted) {
            self.write(tx, now, id, None)?;
        }
        Ok(())
    }

    /// How many records it has.
    pub(crate) fn count<T: ServerTx>(&self, tx: &mut T) -> Result<u64, ServiceError> {
        Ok(tx.tally(&self.0)?.count)
    }

    fn key<'a>(&'a self, id: &'a str) -> Key<'a> {
        Key {
            collection: &self.0,
            id,
        }
    }

    /// Takes the next version, as any commit does, so that the feed stays in order.
    fn write<T: ServerTx>(
        &self,
        tx: &mut T,
        now: &ServerNow,
        id: &str,
        document: Option<Document>,
    ) -> Result<(), ServiceError> {
        let mut meta = meta(tx)?;
        let version = meta.seq + 1;
        if version >= VERSION_MAX {
            return Err(used_up());
        }
        let mut tally = tx.tally(&self.0)?;
        if let Some(head) = tx.head(self.key(id))?.filter(|head| !head.deleted) {
            tally.remove(id, &meta.version(head.version));
        }
        meta.seq = version;
        if document.is_some() {
            tally.add(id, &meta.version(version));
        }
        let stamp = Stamp {
            ms: now.wall_ms,
            counter: 0,
            node: 0,
        };
        let record = Record {
            version,
            document,
            stamp: stamp.to_string(),
            stamps: Default::default(),
            updated_ms: now.wall_ms,
            schema: 1,
        };
        tx.put(self.key(id), &record, 0)?;
        tx.put_tally(&self.0, &tally)?;
        Ok(tx.put_meta(&meta)?)
    }

    fn broken(&self, id: &str, error: &dyn std::fmt::Display) -> ServiceError {
        ServiceError::Store(StoreError::failed(format!(
            "the server's own record {id:?} in {:?} cannot be read or written: {error}",
            self.0
        )))
    }
}
