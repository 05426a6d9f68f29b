//! What the simulator needs of a store besides being one.
use tisync_core::memory::MemoryStore;
use tisync_core::store::{Store, StoreErrorKind};
use tisync_core::trace::UNFLUSHED_MAX;

/// A store that can be made to fail.
pub trait Disk: Store {
    /// An empty one.
    fn empty() -> Self;
    /// Lets the next `begin` fail.
    fn fail_begin(&mut self, kind: StoreErrorKind);
    /// Lets the next `commit` fail.
    fn fail_commit(&mut self, kind: StoreErrorKind);
    /// Forgets failures that were asked for.
    fn clear_faults(&mut self);
    /// Loses up to `lose` commits that were not flushed; returns how many.
    fn power_cut(&mut self, lose: usize) -> usize;
    /// A hash of all that it holds.
    fn state_hash(&self) -> u64;
}

/// The store in memory.
pub type Memory = MemoryStore;

impl Disk for MemoryStore {
    fn empty() -> Self {
        MemoryStore::with_power_cuts(UNFLUSHED_MAX)
    }
    fn fail_begin(&mut self, kind: StoreErrorKind) {
        self.fail_next_begin(kind);
    }
    fn fail_commit(&mut self, kind: StoreErrorKind) {
        self.fail_next_commit(kind);
    }
    fn clear_faults(&mut self) {
        MemoryStore::clear_faults(self);
    }
    fn power_cut(&mut self, lose: usize) -> usize {
        MemoryStore::power_cut(self, lose)
    }
    fn state_hash(&self) -> u64 {
        MemoryStore::state_hash(self)
    }
}
