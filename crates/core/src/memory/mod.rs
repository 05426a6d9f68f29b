//! A store in memory, for the simulator, for tests and for hosts without a disk.
//!
//! It keeps ordered maps, so that the same changes give the same state, the same reads and the same
//! [`MemoryStore::state_hash`] everywhere. A fault is asked for ahead ([`MemoryStore::fail_next_begin`],
//! [`MemoryStore::fail_next_commit`]), a power cut takes back commits that were not flushed
//! ([`MemoryStore::power_cut`]).
mod apply;
mod read;
mod tables;
#[cfg(test)]
mod tests;

use crate::model::{CollectionName, Schema};
use crate::store::{Durability, Op, Store, StoreError, StoreErrorKind};
use std::collections::VecDeque;
use tables::{Cell, Tables};

/// A store in memory; a clone is an independent copy.
///
/// ```
/// use tisync_core::memory::MemoryStore;
/// use tisync_core::store::{Durability, Op, Store, Tx};
///
/// let mut store = MemoryStore::new();
/// let tx = store.begin(Durability::Full)?;
/// tx.commit(vec![Op::Meta { key: "node".into(), value: Some("7".into()) }])?;
/// assert_eq!(store.begin(Durability::Full)?.meta("node")?.as_deref(), Some("7"));
/// # Ok::<(), tisync_core::store::StoreError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tables: Tables,
    fail_begin: Option<StoreErrorKind>,
    fail_commit: Option<StoreErrorKind>,
    unflushed_max: usize,
    unflushed: VecDeque<Vec<Cell>>,
    commits: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    /// An empty store that can take back up to `max` trailing commits of [`Durability::Normal`].
    pub fn with_power_cuts(max: usize) -> Self {
        MemoryStore {
            unflushed_max: max,
            ..MemoryStore::default()
        }
    }

    /// Lets the next `begin` fail, once.
    pub fn fail_next_begin(&mut self, kind: StoreErrorKind) {
        self.fail_begin = Some(kind);
    }

    /// Lets the next `commit` fail, once and without a change.
    pub fn fail_next_commit(&mut self, kind: StoreErrorKind) {
        self.fail_commit = Some(kind);
    }

    /// Forgets faults that were asked for and have not happened.
    pub fn clear_faults(&mut self) {
        self.fail_begin = None;
        self.fail_commit = None;
    }

    /// Cuts the power: takes back up to `lose` trailing commits of [`Durability::Normal`], never one before a
    /// [`Durability::Full`] one, and returns how many. The store must have been made by
    /// [`MemoryStore::with_power_cuts`], else it loses nothing.
    pub fn power_cut(&mut self, lose: usize) -> usize {
        let mut lost = 0;
        while lost < lose {
            let Some(undo) = self.unflushed.pop_back() else {
                break;
            };
            self.tables.undo(undo);
            lost += 1;
        }
        // What survived a power cut is on the disk.
        self.unflushed.clear();
        lost
    }

    /// How many trailing commits a power cut could take back now.
    pub fn unflushed(&self) -> usize {
        self.unflushed.len()
    }

    /// How many commits there were.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// A hash of everything that is stored, the same for the same contents on every host.
    pub fn state_hash(&self) -> u64 {
        tisync_json::hash64(self.tables.print().as_bytes())
    }

    /// Everything that is stored, as text, for the message of a failed test.
    pub fn print(&self) -> String {
        self.tables.print()
    }

    /// The declared collections with their schemas, in the order of their names.
    pub fn collections(&self) -> impl Iterator<Item = (&CollectionName, &Schema)> {
        self.tables
            .collections
            .iter()
            .map(|(name, rows)| (name, &rows.schema))
    }

    fn commit(&mut self, durability: Durability, changes: Vec<Op>) -> Result<(), StoreError> {
        if let Some(kind) = self.fail_commit.take() {
            return Err(StoreError::new(kind, "injected: the commit failed"));
        }
        let undo = self.tables.apply(changes)?;
        self.commits += 1;
        match durability {
            Durability::Full => self.unflushed.clear(),
            Durability::Normal if self.unflushed_max > 0 => {
                self.unflushed.push_back(undo);
                if self.unflushed.len() > self.unflushed_max {
                    self.unflushed.pop_front();
                }
            }
            Durability::Normal => {}
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    type Tx<'a> = MemoryTx<'a>;

    fn begin(&mut self, durability: Durability) -> Result<MemoryTx<'_>, StoreError> {
        if let Some(kind) = self.fail_begin.take() {
            return Err(StoreError::new(kind, "injected: begin failed"));
        }
        Ok(MemoryTx {
            store: self,
            durability,
        })
    }
}

/// A transaction of a [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryTx<'a> {
    store: &'a mut MemoryStore,
    durability: Durability,
}
