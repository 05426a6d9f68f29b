//! A whole store as the changes that make it again, in an order in which they can be made.
//!
//! ```
//! use tisync_core::archive::Walk;
//! use tisync_core::memory::MemoryStore;
//! use tisync_core::store::{Durability, Store, Tx};
//!
//! let (mut from, mut to) = (MemoryStore::new(), MemoryStore::new());
//! let mut tx = from.begin(Durability::Normal)?;
//! let mut walk = Walk::new();
//! while let Some(changes) = walk.next(&mut tx, 100)? {
//!     to.begin(Durability::Normal)?.commit(changes)?;
//! }
//! # Ok::<(), tisync_core::store::StoreError>(())
//! ```
use crate::model::{CollectionName, FeedState, JournalId, Pass, RecordId, Rid};
use crate::store::{EntryFilter, JournalFilter, Op, Row, StoreError, Tx};

/// Where a walk through a store stands. All its steps belong into one transaction.
///
/// The marks of a complete walk through a feed are not shown: such a feed begins its walk again.
#[derive(Debug, Default)]
pub struct Walk {
    place: Place,
    collections: Vec<CollectionName>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Setup,
    /// The records of the collection with this number, behind an id.
    Records(usize, Option<RecordId>),
    Entries(Option<i64>),
    Conflicts(Option<(CollectionName, Rid)>),
    Journal(Option<JournalId>),
    Suspicions(usize),
    Quarantine(Option<i64>),
    End,
}

impl Walk {
    /// At the beginning.
    pub fn new() -> Self {
        Walk::default()
    }

    /// The next changes, of about `limit` rows; `None` at the end.
    pub fn next<T: Tx>(&mut self, tx: &mut T, limit: usize) -> Result<Option<Vec<Op>>, StoreError> {
        loop {
            let changes = match std::mem::take(&mut self.place) {
                Place::Setup => self.setup(tx)?,
                Place::Records(number, after) => self.records(tx, number, after, limit)?,
                Place::Entries(after) => {
                    let rows = tx.entries(EntryFilter::All, after, limit)?;
                    let last = rows.last().map(|entry| entry.seq);
                    self.place =
                        last.map_or(Place::Conflicts(None), |seq| Place::Entries(Some(seq)));
                    rows.into_iter()
                        .map(|row| Op::Entry(Box::new(row)))
                        .collect()
                }
                Place::Conflicts(after) => {
                    let after = after.as_ref().map(|(collection, rid)| (collection, *rid));
                    let rows = tx.conflicts(after, limit)?;
                    let last = rows.last().map(|row| (row.collection.clone(), row.rid));
                    self.place = match last {
                        Some(last) => Place::Conflicts(Some(last)),
                        None => Place::Journal(None),
                    };
                    rows.into_iter()
                        .map(|row| Op::Conflict(Box::new(row)))
                        .collect()
                }
                Place::Journal(before) => {
                    let rows = tx.journal(JournalFilter::All, before, limit)?;
                    let last = rows.last().map(|row| row.id);
                    self.place = last.map_or(Place::Suspicions(0), |id| Place::Journal(Some(id)));
                    rows.into_iter()
                        .map(|row| Op::Journal(Box::new(row)))
                        .collect()
                }
                Place::Suspicions(number) => match self.collections.get(number) {
                    // There are few of them.
                    Some(collection) => {
                        self.place = Place::Suspicions(number + 1);
                        let rows = tx.suspicions(collection, usize::MAX)?;
                        rows.into_iter().map(Op::Suspect).collect()
                    }
                    None => {
                        self.place = Place::Quarantine(None);
                        continue;
                    }
                },
                Place::Quarantine(after) => {
                    let rows = tx.quarantined(after, limit)?;
                    let last = rows.last().map(|row| row.number);
                    self.place = last.map_or(Place::End, |number| Place::Quarantine(Some(number)));
                    rows.into_iter()
                        .map(|row| Op::Quarantine(Box::new(row)))
                        .collect()
                }
                Place::End => {
                    self.place = Place::End;
                    return Ok(None);
                }
            };
            if !changes.is_empty() {
                return Ok(Some(changes));
            }
        }
    }

    fn setup<T: Tx>(&mut self, tx: &mut T) -> Result<Vec<Op>, StoreError> {
        let mut changes = tx.setup()?;
        for change in &mut changes {
            match change {
                Op::Declare { collection, .. } => self.collections.push(collection.clone()),
                Op::Feed { state, .. } => begin_again(state),
                _ => {}
            }
        }
        self.place = Place::Records(0, None);
        Ok(changes)
    }

    fn records<T: Tx>(
        &mut self,
        tx: &mut T,
        number: usize,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<Op>, StoreError> {
        let Some(collection) = self.collections.get(number) else {
            self.place = Place::Entries(None);
            return Ok(Vec::new());
        };
        let rows = tx.scan(collection, after.as_ref(), limit)?;
        self.place = match rows.last() {
            Some((record, _)) => Place::Records(number, Some(record.id.clone())),
            None => Place::Records(number + 1, None),
        };
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            record(tx, collection, row, &mut changes)?;
        }
        Ok(changes)
    }
}

/// A record, its side row and its former ids.
fn record<T: Tx>(
    tx: &mut T,
    collection: &CollectionName,
    (record, dirty): Row,
    changes: &mut Vec<Op>,
) -> Result<(), StoreError> {
    let rid = record.rid;
    changes.push(Op::Insert {
        collection: collection.clone(),
        record,
    });
    if dirty.is_some() {
        changes.push(Op::Dirty {
            collection: collection.clone(),
            rid,
            dirty,
        });
    }
    for alias in tx.aliases(collection, rid)? {
        changes.push(Op::Alias {
            collection: collection.clone(),
            alias,
            rid,
        });
    }
    Ok(())
}

/// A walk whose marks are not at hand starts from the beginning.
fn begin_again(state: &mut FeedState) {
    let Some(pass) = &state.pass else { return };
    state.pass = Some(Pass {
        number: pass.number,
        reason: pass.reason,
        sweeping: false,
        place: None,
        swept: false,
        shrink: None,
    });
    state.checkpoint = None;
    state.behind = true;
    state.next = None;
    crate::engine::verify_again(state);
}
