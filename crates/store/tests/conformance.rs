//! The SQLite store against the specification of stores.
#![allow(clippy::unwrap_used)]
use tisync_store::{Options, SqliteStore};

tisync_core::store_conformance!(SqliteStore::in_memory(&Options::default()).unwrap());
