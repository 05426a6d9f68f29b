//! The store in memory against the specification of stores.
use tisync_core::memory::MemoryStore;

tisync_core::store_conformance!(MemoryStore::new());
